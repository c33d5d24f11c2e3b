"""Writes docs/torch.md: what from_torch reads, from the table of operators and the cases that the tests try.

python scripts/make_bridge_tables.py            writes the page
python scripts/make_bridge_tables.py --check    only says whether it is up to date (exit code 1 if not)
"""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.bridges.torch_cases import CASES  # noqa: E402
from tests.bridges.torch_zoo import ZOO  # noqa: E402

from whygrad.bridges.torch_operators import CHECKS, OPERATORS, base  # noqa: E402
from whygrad.bridges.torch_operators_arrays import ARRAYS  # noqa: E402
from whygrad.bridges.torch_operators_layers import LAYERS  # noqa: E402
from whygrad.bridges.torch_operators_losses import LOSSES  # noqa: E402
from whygrad.bridges.torch_operators_numbers import NUMBERS  # noqa: E402
from whygrad.bridges.torch_operators_recurrent import RECURRENT  # noqa: E402

PAGE = ROOT / "docs" / "torch.md"

HEAD = """# PyTorch: gradients of a module explained, and why it does not learn

`scripts/make_bridge_tables.py` makes this page from the tables that the tests try; a test fails when it is out of date,
and runs the code below. It needs PyTorch: `pip install '.[torch]'` in a checkout.

## A module as a plain function

```python
import torch
from torch import nn

import whygrad as wg


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 16)
        self.fc2 = nn.Linear(16, 3)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


module = Net()
X = torch.randn(200, 8)
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()

model = wg.from_torch(module, X)                 # a Model: NumPy arrays in, NumPy arrays out
outputs = model(X[:5])                           # the first size is a batch of any size
gradient = model.grad(X, cost="cross_entropy", target=Y)             # by name: gradient["fc1.weight"]
cost = model.cost_of("cross_entropy", Y.numpy()) # a function of (parameters, inputs), for wg.grad, wg.jit, wg.hvp, ...
```

The module is read by `torch.export`, operator by operator, and each becomes a call of NumPy's or of whygrad's rules.
Before you get the model, its outputs on the example inputs and its gradients by every parameter and input are compared
with the module's own; a model that disagrees is refused. Parameters are copied, under the module's own names; tied
weights are one parameter. The module is read in eval mode and left as it was: dropout passes everything, batch norm
uses its running statistics. `from_torch(module, X, train=True)` uses the batch's statistics; dropout still passes
everything, because a random factor has no one value. Half precision is computed in float32.

## A gradient, explained in the module's own names

```python
why = wg.explain(module, X[:1], wrt=("fc1.weight", (0, 3)), cost="cross_entropy", target=Y[:1])
print(why)                                       # also: why.paths(), why.latex(), why.html()
```

A layer's result is called by the module's path (`fc1`, `layers.0.conv1`), what a `forward` computes itself by its
operator (`relu`, `block.add`), and lines are those of your own file. `cost=` is a name ({costs}), or a function of the
outputs in NumPy calls; a module that returns its own loss needs none.

## Why it does not learn

```python
found = wg.diagnose(module, X, Y, learning_rate=0.1)
print(found)                                     # found.verdict, found.findings, found.html(), found.to_dict()
```

One forward and one backward pass are seen through hooks, in training mode without dropout, so every number is
PyTorch's own and every module that PyTorch runs can be diagnosed; derivations come from the importer, and the last
line of the report says whether it could read the module. `cost=` is a name, a loss module, or any function of
(outputs, targets); `optimizer=` is the training's own. Parameters, gradients, buffers, modes and hooks stay.

## While it trains

```python
from whygrad.bridges.torch_watch import watch

optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
with watch(module, optimizer) as seen:           # the one line; scaler=... in mixed precision
    for epoch in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(X), Y).backward()
        optimizer.step()
```

It looks at single steps for at most 2 % of the time, and writes each finding to stderr at the step where it appears.
It changes no number and leaves no hook. Loss scaling is divided out. `watch` may also stand before the loop, with
`seen.close()` after it.

## What is refused

One error each, and no model: operators that are not below (all named at once, with the modules they come from),
branches that depend on the numbers, a `torch.autograd.Function` whose backward is not the derivative of its forward,
random numbers, complex or sparse tensors, whole-number parameters, modules on the meta device or without shapes yet, a
`forward` or a hook that raises (with its line), more than {largest} GiB of parameters. `wg.diagnose` works for all that
PyTorch itself can run forwards and backwards.

"""


def page() -> str:
    """The whole page."""
    from whygrad.bridges.costs import COSTS
    from whygrad.bridges.torch_export import LARGEST

    points = Counter(base(name) for name, tried in CASES.items() for _ in tried)
    costs = ", ".join(f'`"{name}"`' for name in COSTS)
    text = HEAD.replace("{costs}", costs).replace("{largest}", str(LARGEST // 2**30))
    text += (
        f"## Modules\n\nTried in the tests, values and gradients beside PyTorch's to 1e-9 in float64 ({len(ZOO)}):\n\n"
    )
    text += _listed(sorted(ZOO)) + "\n\nOther modules work when their operators are below.\n\n"
    text += (
        f"## Operators\n\nEach with the number of points where its value and gradient are compared with PyTorch's "
        f"({sum(points.values())} in all), in float64 to 1e-9; in-place forms of the same are read too.\n\n"
    )
    for title, table in (
        ("arrays", ARRAYS),
        ("numbers", NUMBERS),
        ("layers", LAYERS),
        ("recurrent", RECURRENT),
        ("losses", LOSSES),
    ):
        names = sorted({base(name) for name in table})
        text += f"**{title}**: " + _listed([f"{name.split('.')[1]} {points[name]}" for name in names]) + "\n\n"
    python = sorted(name.split(".")[1] for name in OPERATORS if name.startswith("operator."))
    text += "**on sizes**: " + _listed(python) + "\n\n**checks, passed over**: "
    return text + _listed(sorted(name.split(".")[1] for name in CHECKS)) + "\n"


def _listed(names: list[str]) -> str:
    return "\n".join(textwrap.wrap(", ".join(names), 118, break_long_words=False, break_on_hyphens=False))


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    if "--check" in arguments:
        fresh = PAGE.exists() and PAGE.read_text() == page()
        print(
            "docs/torch.md is up to date"
            if fresh
            else "docs/torch.md is out of date: python scripts/make_bridge_tables.py"
        )
        return 0 if fresh else 1
    PAGE.write_text(page())
    print(f"docs/torch.md: {len(ZOO)} modules, {len({base(name) for name in OPERATORS})} operators")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
