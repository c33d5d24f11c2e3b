"""Writes docs/onnx.md: what from_onnx and to_onnx support, as the tests found it.

    python scripts/make_onnx_table.py            writes the page
    python scripts/make_onnx_table.py --check    only says whether it is up to date (exit code 1 if not)

Both run the ONNX project's node tests, which takes about half a minute. tests/bridges/test_onnx_page.py does the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import onnx  # noqa: E402
from tests.bridges.onnx_cases import EXCEPTIONS, slopes, values  # noqa: E402

from whygrad.bridges.onnx_limits import MEBIBYTE, Limits  # noqa: E402
from whygrad.bridges.onnx_operators import table  # noqa: E402
from whygrad.bridges.onnx_reading import OLDEST_OPSET  # noqa: E402
from whygrad.nn.onnx_forms import FORMS, OPSET  # noqa: E402

PAGE = ROOT / "docs" / "onnx.md"

HEAD = """# ONNX: gradients of a file, and networks as files

`scripts/make_onnx_table.py` makes this page from the tests; a test fails when it is out of date. It needs the package
onnx: `pip install '.[onnx]'` in a checkout.

## A network as a file

```python
import numpy as np
import whygrad as wg

net = wg.Network([4, 8, 3], activation="tanh", cost="softmax_cross_entropy", seed=0)
net.to_onnx("net.onnx")                          # input x (examples, 4), output a^2 (examples, 3)
net.to_onnx("judged.onnx", with_cost=True)       # also takes the targets y, and returns the mean cost C
```

A file is written whole or not at all, for opset {opset}, after onnx's own full check. Activations and costs of your own
are traced and written down rule by rule; {forms} rules have a form in ONNX, and a function that uses another one is
refused by the rule's name. In onnxruntime the outputs are those of `net.predict` to 1e-5 in float32 and to 1e-12 in
float64; a float64 file with gelu needs Erf in float64, which onnxruntime does not have.

## A file as a model

```python
model = wg.from_onnx("net.onnx")                 # also bytes, or an onnx.ModelProto
X, labels = np.random.default_rng(0).normal(size=(20, 4)).astype("float32"), np.arange(20) % 3
outputs = model(X)
gradient = model.grad(X, cost=lambda a: -np.mean(np.log(a[np.arange(20), labels])))
why = model.explain(X, wrt=("W^1", (0, 2)), cost="mean")
```

`model.parameters` are the initializers in floating point that have at least one axis and are no setting or statistic
(bounds of a clip, running means); `from_onnx(..., parameters=[...])` chooses others. An exporter that optimizes may
fold several of them into one, or merge equal ones: PyTorch keeps them apart with
`torch.onnx.export(..., optimize=False)`. Shapes that the graph computes are plain numbers and no part of a
gradient. Numbers keep the file's dtype.

## A diagnosis of a file

```python
found = wg.diagnose("net.onnx", X, labels)       # or: whygrad diagnose net.onnx --data examples.npz
print(found)                                     # found.html(), found.to_dict()
```

Layers are `Gemm`, `MatMul` and `Conv` whose weights are parameters, with the bias and the activation behind them. The
cost is `cost=`, a name or a function as for `model.grad`; without it what the file itself returns as one number or says
of itself (`to_onnx` writes it in), else cross-entropy for class numbers and the mean squared error for other targets.

## What is refused

One error for each file: an `UnsupportedError` that names all missing operators at once, with how often each is used, or
a `DataError` for what is broken. Nothing in a file is executed. A file is checked in full by onnx's checker, and may
take {bytes} MiB with its data (`max_bytes=`), {nodes:,} nodes with local functions written out (`max_nodes=`) and
{array} MiB for one array (`max_array_bytes=`). External data is read from files inside the model's own folder only,
links followed. Opsets from {oldest} to {newest} are read. Strings, sequences, sparse and complex numbers, and formats
that NumPy lacks (bfloat16, float8, 4-bit numbers) are refused by name, and so are graphs inside nodes (`If`, `Loop`,
`Scan`).

## Operators

The column *versions* holds the operator versions covered (`since_version` of their schemas). *Values*: how many node
tests of the ONNX project (onnx {version}) about this operator gave the expected outputs, {values} in all; none fails.
*Slopes*: at how many of them the gradient agreed with measurement in float64, {slopes} in all; none disagrees. A dash
means that the operator has no slope, or that no node test asks for one.

| operator | versions | values | slopes |
|---|---|---|---|
"""

TAIL = """
Node tests of these operators that are not run:

"""


def page() -> str:
    """The whole page, from the table and from what the tests find now."""
    limits, right, measured = Limits(), values().right, slopes().right
    head = HEAD.format(
        opset=OPSET,
        forms=len(FORMS),
        bytes=limits.file_bytes // MEBIBYTE,
        array=limits.array_bytes // MEBIBYTE,
        nodes=limits.nodes,
        oldest=OLDEST_OPSET,
        newest=onnx.defs.onnx_opset_version(),
        version=onnx.__version__,
        values=values().total,
        slopes=slopes().total,
    )
    rows = []
    for name, versions in sorted(table().items()):
        spans = [f"{row.first}" if row.first == row.last else f"{row.first}–{row.last}"
                 for row in sorted(versions, key=lambda row: row.first)]  # fmt: skip
        rows.append(f"| {name} | {', '.join(spans)} | {right[name] or '–'} | {measured[name] or '–'} |\n")
    left = [f"- `{name.removesuffix('$')}`: {why}\n" for name, why in EXCEPTIONS.items()]
    left.append("- tests whose values are of a kind refused above\n")
    return head + "".join(rows) + TAIL + "".join(left)


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    wrong = values().wrong | slopes().wrong
    if wrong:
        print("\n".join(f"{name}: {why}" for name, why in wrong.items()))
        return 1
    if "--check" in arguments:
        fresh = PAGE.exists() and PAGE.read_text() == page()
        print(
            "docs/onnx.md is up to date" if fresh else "docs/onnx.md is out of date: python scripts/make_onnx_table.py"
        )
        return 0 if fresh else 1
    PAGE.write_text(page())
    print(f"docs/onnx.md: {len(table())} operators, {values().total} node tests, {slopes().total} slopes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
