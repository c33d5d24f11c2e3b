"""``wg.diagnose("model.onnx", X, Y)``: an imported graph on given examples, as the record that findings judge."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from whygrad.backward import gradients
from whygrad.bridges.model import Model, Ref, filled
from whygrad.bridges.model import plain as plain_array
from whygrad.bridges.onnx_costs import Cost, chosen_cost, class_rows, constant_cost, costs_of_each, first
from whygrad.bridges.onnx_import import imported, label_of
from whygrad.bridges.onnx_layers import Layer, Layers
from whygrad.bridges.onnx_limits import Limits
from whygrad.derivatives import grad
from whygrad.diagnosis.examples import MOST, evenly, left_out
from whygrad.diagnosis.records import LayerRecord, Record
from whygrad.diagnosis.report import Diagnosis, diagnosed
from whygrad.diagnosis.typical import typical_example
from whygrad.errors import ArgumentError, DataError, ShapeError
from whygrad.explain.explanation import Explanation
from whygrad.graph.node import Node, Trace, plain
from whygrad.graph.steps import one_step
from whygrad.nn.activations import Activation
from whygrad.nn.probe import shape_of
from whygrad.nn.validation import whole
from whygrad.rules.define import Value

# Numbers of the graph held at once: of images fewer examples are looked at. 114 examples of a convolutional network of
# a million weights took 5 s on two busy cores.
NUMBERS = 12_000_000


def diagnose_onnx(source: Any, X: Any, Y: Any = None, cost: Any = None, *, examples: int | None = MOST) -> Diagnosis:
    """Why the model in an ONNX file would not learn from these examples, or that nothing is wrong.

    ``source``: what ``wg.from_onnx`` takes. ``X``: inputs, one row for each example, or a tuple of several inputs; rows
    are reshaped to the model's input if they have as many numbers. ``Y``: targets, or class numbers ``(n,)``.
    ``cost``: as in ``model.grad``, its mean over the examples. By default: what the file computes, if it ends in one
    number; what ``net.to_onnx`` wrote into it; else cross-entropy for class numbers, else mean squared error.
    At most ``examples`` rows are looked at, evenly taken (None: all).
    """
    examples = None if examples is None else whole("examples", examples)
    model, said = imported(source, Limits())
    inputs = [_fitting(model, i, x) for i, x in enumerate(X if isinstance(X, tuple) else (X,))]
    if not inputs:
        raise ArgumentError("there are no inputs", try_="X as one array, or a tuple of them")
    n = len(inputs[0])
    if Y is not None:
        Y = plain_array(Y)
        if Y.dtype.kind not in "fiub":
            raise DataError(
                f"the targets are of {Y.dtype}, not of numbers", try_="class numbers (n,), or rows of numbers"
            )
        if Y.ndim == 0 or len(Y) != n:
            raise ShapeError(f"there are {n} examples and {Y.shape[0] if Y.ndim else 'no'} targets")
    if len(model.inputs) == 2 and len(inputs) == 1 and Y is not None:  # net.to_onnx(..., with_cost=True)
        inputs.append(_fitting(model, 1, _one_hot(model, Y)))
    chosen, notes = _chosen_rows(model, inputs, examples)
    inputs, Y = [x[chosen] for x in inputs], None if Y is None else Y[chosen]
    layers = Layers(model)
    if not layers.found:
        raise DataError(
            f"{model.name} has no layer with weights",
            why="layers are Gemm, MatMul and Conv with a parameter of the file as their weights",
            try_="wg.from_onnx(...) and model.explain(...), which take any graph",
        )
    asked = chosen_cost(model, layers, cost, said, Y)
    if asked.of_logits:
        model = replace(model, results=Ref(layers.found[-1].z))
    if cost is None:
        notes.append(f"The cost was taken to be {asked.name or 'the number that the model returns'}.")
    with np.errstate(all="ignore"):  # numbers that are not finite are what is looked for
        return diagnosed(_record(model, layers, inputs, Y, asked, tuple(notes)))


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fitting(model: Model, place: int, x: Any) -> Any:
    """An input in the model's dtype and shape; rows of as many numbers as an example has are reshaped."""
    if place >= len(model.inputs):
        raise ArgumentError(
            f"{model.name} takes {len(model.inputs)} input(s)", try_="X as one array, or a tuple of them"
        )
    port, x = model.inputs[place], plain_array(x)
    sizes = port.shape[1:]
    if x is None or x.ndim == 0 or not len(x):
        x = np.asarray(x)
        raise ArgumentError(f"{port.name!r} has shape {x.shape}", try_="at least one example, as rows")
    if x.dtype.kind not in "fiub":
        raise DataError(f"{port.name!r} is of {x.dtype}, not of numbers")
    whole = [size for size in sizes if isinstance(size, int)]
    if len(whole) == len(sizes) and x.ndim != len(port.shape) and x[0].size == math.prod(whole):
        x = x.reshape(len(x), *whole)
    with np.errstate(over="ignore"):
        x = x.astype(port.dtype) if port.dtype.kind == "f" else x
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise DataError(f"{port.name!r} holds {x[index]} at {index}", why="one such number spoils all gradients",
                        try_="leave such examples out")  # fmt: skip
    return x


def _one_hot(model: Model, Y: Any) -> Any:
    """Class numbers as rows with one 1, where the model's second input takes such rows."""
    sizes = model.inputs[1].shape
    classes = sizes[1] if len(sizes) == 2 else None
    if Y.ndim != 1 or Y.dtype.kind not in "iu" or not isinstance(classes, int) or classes < 2:
        return Y
    return class_rows(Y, classes)


def _chosen_rows(model: Model, inputs: list[Any], most: int | None) -> tuple[Any, list[str]]:
    """Which examples to look at, evenly taken, and what to say about it."""
    n = len(inputs[0])
    fixed = model.inputs[0].shape[0] if model.inputs[0].shape else None
    if isinstance(fixed, int):
        if n < fixed:
            raise ShapeError(f"the model is written for {fixed} examples at once, and {n} were given")
        said = f"The file is written for batches of {fixed}: as many of the {n:,} examples given were looked at."
        return evenly(n, fixed), [said] if n > fixed else []
    values = model.values(model.parameters, *(x[:1] for x in inputs))
    known = model.parameters.keys() | model.buffers.keys()
    of_one = sum(math.prod(np.shape(x)) for name, x in values.items() if name not in known)
    count = min(n, n if most is None else most, max(8, NUMBERS // of_one))
    return evenly(n, count), left_out(count, n)


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _record(model: Model, layers: Layers, inputs: list[Any], Y: Any, cost: Cost, notes: tuple[str, ...]) -> Record:
    """One forward and one backward sweep; deltas are those of each example's own cost."""
    n = len(inputs[0])
    with Trace() as trace:
        leaves = {name: trace.leaf(x, name) for name, x in model.parameters.items()}
        values = model.values(leaves, *inputs)
        outputs = filled(model.results, values)
        mean = cost.mean(outputs, Y)
        if not isinstance(mean, Node) or mean.shape != ():
            raise ArgumentError(
                "the cost is not one number that depends on the model", try_="its mean over the examples"
            )
        wanted = [values[name] for layer in layers.found for name in (layer.z, layer.a)]
        known = [leaves[name] for layer in layers.found for name in (layer.weight, layer.bias or layer.weight)]
        found = gradients({mean: np.ones((), mean.dtype)}, [*wanted, *known])
    reached = _ancestors(mean)
    flows, slopes = found[: len(wanted)], found[len(wanted) :]
    measured = tuple(
        _measured(
            layer, values, flows[2 * i : 2 * i + 2], slopes[2 * i : 2 * i + 2], n, leaves[layer.weight] in reached
        )
        for i, layer in enumerate(layers.found)
    )
    shown = plain(values[layers.found[-1].a] if cost.of_logits else first(outputs))
    labels = Y if Y is not None and Y.ndim == 1 and Y.dtype.kind in "iu" else None
    costs = costs_of_each(cost, outputs, Y, n)
    return Record(
        model=f"{model.name} (ONNX, {len(layers.found)} layers with weights)",
        layers=measured,
        n=n,
        dtype=mean.dtype,
        cost=float(plain(mean)),
        costs=costs,
        cost_name=cost.name,
        cost_applies=cost.applies,
        constant_cost=constant_cost(cost, Y, shown),
        X=inputs[0].reshape(n, -1),
        Y=_shown_targets(Y, labels, shown, n),
        labels=labels,
        outputs=shown.reshape(n, -1) if shown.ndim and len(shown) == n else None,
        chain=layers.chain,
        notes=notes,
        explain=_explaining(model, layers, measured, inputs, Y, cost),
    )


def _ancestors(node: Node) -> set[Node]:
    seen, waiting = {node}, [node]
    while waiting:
        for _, parent in waiting.pop().parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen


def _measured(
    layer: Layer, values: dict[str, Any], flows: list[Any], slopes: list[Any], n: int, reached: bool
) -> LayerRecord:
    """One layer; ``flows``: ∂C/∂z and ∂C/∂a of the mean cost, ``slopes``: by weight and bias."""
    z, a = (layer.rows(plain(values[name])) for name in (layer.z, layer.a))
    delta, error = (layer.rows(flow) * n for flow in flows)
    weight = plain(values[layer.weight])
    whole = len(z) % n == 0
    slope, largest, squashes = None, None, None
    if layer.squash is not None:
        squash = layer.squash
        slope = layer.rows(grad(lambda x: np.sum(squash(x)))(plain(values[layer.z])))
        largest, squashes = shape_of(Activation(layer.activation, squash))
    elif layer.activation == "identity":
        slope, largest, squashes = np.ones_like(z), 1.0, False
    given = plain(values[layer.inputs])
    return LayerRecord(
        name=re.sub(r"\.weight$", "", re.sub(r"^W\^(\d+)$", r"layer \1", label_of(layer.weight))),
        activation=layer.activation,
        z=z if whole else None,
        a=a if whole else None,
        delta=delta if whole else None,
        inputs=given.reshape(-1, given.shape[-1]) if layer.kind == "dense" and whole else None,
        slope=slope if whole else None,
        max_slope=largest,
        squashes=squashes,
        error=error if whole and slope is not None else None,
        weight=layer.matrix(weight),
        bias=None if layer.bias is None else plain(values[layer.bias]).reshape(-1),
        weight_gradient=layer.matrix(slopes[0]),
        bias_gradient=None if layer.bias is None else slopes[1].reshape(-1),
        positions=len(z) // n if whole else 1,
        reached=reached,
        kind=layer.kind,
        where=str(layer.step.site),
        weight_name=layer.weight,
    )


def _shown_targets(Y: Any, labels: Any, outputs: Any, n: int) -> Any:
    if Y is None:
        return None
    if labels is not None and outputs.ndim == 2 and labels.min() >= 0 and labels.max() < outputs.shape[1]:
        return np.eye(outputs.shape[1])[labels]
    return Y.reshape(n, -1) if labels is None else None


def _explaining(model: Model, layers: Layers, measured: tuple[LayerRecord, ...], inputs: list[Any], Y: Any,
                cost: Cost) -> Callable[[int, int, int], Explanation]:  # fmt: skip
    """(index, j, k) -> the derivation of that weight on a typical example."""

    def explain(index: int, j: int, k: int) -> Explanation:
        layer, record, n = layers.found[index], measured[index], len(inputs[0])
        pushes = np.zeros(n) if record.delta is None else record.delta[:, j]
        pushes = pushes if record.inputs is None or len(record.inputs) != len(pushes) else pushes * record.inputs[:, k]
        one = typical_example(np.abs(pushes).reshape(n, -1).max(axis=1))
        rows = slice(one, one + 1) if not isinstance(model.inputs[0].shape[0], int) else slice(None)
        target = None if Y is None else Y[rows]
        wrt = (layer.weight, layer.index(j, k, model.parameters[layer.weight]))

        def named_cost_of(outputs: Any) -> Value:
            return one_step(lambda: cost.mean(outputs, target), ("C",), None)

        why: Explanation = model.explain(*(x[rows] for x in inputs), wrt=wrt, cost=named_cost_of)
        return why

    return explain
