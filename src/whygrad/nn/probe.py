"""A network seen on examples, as a ``Record``: one forward and one backward sweep of the engine, and trial steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.backward import gradients
from whygrad.derivatives import grad
from whygrad.diagnosis.births import Birth, Births
from whygrad.diagnosis.records import Born, LayerRecord, Record
from whygrad.diagnosis.typical import typical_example
from whygrad.explain.equations import LayerNodes, squish
from whygrad.explain.explanation import Explanation
from whygrad.explain.slow import natural_slope
from whygrad.graph.node import Node, named
from whygrad.graph.record import Program, record
from whygrad.nn.activations import Activation
from whygrad.nn.layers import Architecture, Parameters
from whygrad.nn.validation import Examples
from whygrad.rules.define import Value

Updates = Callable[[Parameters], Parameters]  # gradients -> what the optimizer adds to the parameters
Explain = Callable[[int, int, int, int], Explanation]  # (example, layer from 1, j, k) -> why ∂C/∂w^layer_jk

TRIALS = (1e-3, 0.01, 0.1, 1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6)  # multiples of the optimizer's step that are tried
FAR = 20.0  # z where a squashing function has flattened
CALLED = "a network of {} neurons ({})"


class Probe:
    """Looks at one network again and again: what depends on the architecture alone is worked out once."""

    def __init__(self, model: Architecture) -> None:
        self.model = model

    @cached_property
    def _slopes(self) -> tuple[tuple[float | None, bool], ...]:
        """Of each layer's activation: the largest slope, and whether it flattens on both sides."""
        return tuple(shape_of(activation) for activation in self.model.activations)

    def __call__(
        self, parameters: Parameters, examples: Examples, updates: Updates | None = None, explain: Explain | None = None
    ) -> Record:
        """The network on these examples, in its own precision.

        ``updates``: how gradients become a step; None if no step is to be tried. The cost is that of the data, without
        penalties and without dropout.
        """
        with np.errstate(all="ignore"):  # numbers that are not finite are what is looked for
            program = self._recorded(parameters, examples)
            layers = self._layers(program, len(examples))
            costs = np.asarray(program.find("C_x").value)
            trials: tuple[tuple[float, float], ...] = ()
            if updates is not None:
                layers, trials = self._tried(layers, parameters, examples, updates)
            model = self.model
            return Record(
                model=CALLED.format("-".join(map(str, model.sizes)), ", ".join(_names(model.activations))),
                layers=layers,
                n=len(examples),
                dtype=model.dtype,
                cost=float(np.mean(costs, dtype=float)),
                costs=costs,
                cost_name=model.cost.name,
                cost_applies=_applies(model, examples.targets),
                constant_cost=_constant_cost(model, examples.targets),
                X=examples.inputs,
                Y=examples.targets,
                labels=examples.labels,
                outputs=layers[-1].a,
                trial_steps=trials,
                born=None if _all_finite(layers, costs) else _born(program, self.model.layers),
                explain=None if explain is None else _on_a_typical_example(layers, explain),
            )

    def _recorded(self, parameters: Parameters, examples: Examples) -> Program:
        """One run under names. Its output is the sum of all C_x, so that ∂/∂z has ∂C_x/∂z in row x."""

        def network(W: Sequence[Node], b: Sequence[Node], x: Node, y: Node) -> Value:
            values = self.model.layer_values(Parameters(tuple(W), tuple(b)), named(x, "a^0"))
            return np.sum(named(+self.model.costs(values, y), "C_x"))

        return record(network, (list(parameters.weights), list(parameters.biases), *_data(examples)), {})

    def _layers(self, program: Program, n: int) -> tuple[LayerRecord, ...]:
        L = self.model.layers
        nodes = [LayerNodes(*(program.find(f"{letter}^{l}") for letter in "Wbza")) for l in range(1, L + 1)]
        found = gradients({program.output: np.ones((), program.output.dtype)}, [x for layer in nodes for x in layer])
        inputs = [program.find("a^0"), *(layer.a for layer in nodes[:-1])]
        layers = []
        for i, (layer, below, activation) in enumerate(zip(nodes, inputs, self.model.activations, strict=True)):
            for_W, for_b, delta, error = found[4 * i : 4 * i + 4]
            slopes = squish(layer).slopes if activation.name != "softmax" else None
            cancels = i == L - 1 and self.model.cost.of_logits is not None
            largest, squashes = self._slopes[i]
            layers.append(
                LayerRecord(
                    name=f"layer {i + 1}",
                    activation=activation.name,
                    z=layer.z.value,
                    a=layer.a.value,
                    delta=delta,
                    inputs=below.value,
                    slope=slopes,
                    max_slope=None if slopes is None else largest,
                    squashes=squashes,
                    error=None if slopes is None or cancels else error,
                    weight=layer.W.value,
                    bias=layer.b.value,
                    weight_gradient=for_W / n,
                    bias_gradient=for_b / n,
                    weight_name=f"W^{i + 1}",
                )
            )
        return tuple(layers)

    def _tried(
        self, layers: tuple[LayerRecord, ...], parameters: Parameters, examples: Examples, updates: Updates
    ) -> tuple[tuple[LayerRecord, ...], tuple[tuple[float, float], ...]]:
        """The layers with the step that the optimizer would take, and the cost after multiples of it."""
        found = Parameters(
            tuple(np.asarray(layer.weight_gradient) for layer in layers),
            tuple(np.asarray(layer.bias_gradient) for layer in layers),
        )
        step = updates(found)

        def cost_after(multiple: float) -> float:
            moved = Parameters(
                *(
                    tuple(p + np.asarray(multiple, p.dtype) * change for p, change in zip(old, new, strict=True))
                    for old, new in zip(parameters, step, strict=True)
                )
            )
            return float(self.model.mean_cost(moved, *_data(examples)))

        moved = tuple(replace(layer, update=change) for layer, change in zip(layers, step.weights, strict=True))
        return moved, tuple((multiple, cost_after(multiple)) for multiple in TRIALS)


def _on_a_typical_example(layers: tuple[LayerRecord, ...], explain: Explain) -> Callable[[int, int, int], Explanation]:
    """(index, j, k) -> the explanation of that weight on a typical example."""

    def derivation(index: int, j: int, k: int) -> Explanation:
        layer = layers[index]
        assert layer.delta is not None
        assert layer.inputs is not None
        return explain(typical_example(np.abs(layer.delta[:, j] * layer.inputs[:, k])), index + 1, j, k)

    return derivation


def _all_finite(layers: Sequence[LayerRecord], costs: NDArray[Any]) -> bool:
    gradients_of_weights = (layer.weight_gradient for layer in layers if layer.weight_gradient is not None)
    return all(np.isfinite(x).all() for x in (costs, *gradients_of_weights))


def _born(program: Program, layers: int) -> Born | None:
    """The operation that made the first number which is not finite: of the cost, else on the way back to weights."""
    births = Births.of(program)
    found: tuple[Birth, ...] = ()
    if not np.isfinite(program.output.value):
        found = births.before(program.output, np.ones((), bool))
    for l in range(layers, 0, -1):
        W = program.find(f"W^{l}")
        bad = ~np.isfinite(births.gradient(W))
        if not found and bad.any():
            found = births.behind(W, bad)
    return _said(found[0]) if found else None


def _said(birth: Birth) -> Born:
    if birth.way == "given":
        return Born(birth.because, ())
    place = f" at {birth.place.file}:{birth.place.line}" if birth.place.file else ""
    values = ", ".join(operand.text for operand in birth.operands)
    of = f" of {values}" if values else ""
    return Born(f"{birth.kind} is born in {birth.place.operation}{of}{place}: {birth.because}", birth.try_)


def _data(examples: Examples) -> tuple[NDArray[Any], NDArray[Any]]:
    return examples.inputs, examples.targets


def _names(activations: Sequence[Activation]) -> list[str]:
    """Each activation's name once, in order."""
    return list(dict.fromkeys(activation.name for activation in activations))


def shape_of(activation: Activation) -> tuple[float | None, bool]:
    """The largest slope, None if it grows without end; and whether the function is flat both far left and far right."""
    if activation.name == "softmax":
        return None, True
    with np.errstate(all="ignore"):
        largest, said = natural_slope(activation.function, np.zeros((1, 1)))
        if not said.startswith("largest"):
            return None, False
        at = np.array([[-FAR], [FAR]])
        ends = np.abs(grad(lambda z: np.sum(activation.function(z)))(at))
    return largest, bool(np.all(ends < 0.05 * largest))


def _applies(model: Architecture, targets: NDArray[Any]) -> str:
    """``softmax`` if the user's own cost applies one: then adding a number to all outputs changes nothing."""
    if not model.cost.own or model.sizes[-1] < 2:
        return ""
    y = targets[:8].astype(float)
    a = np.random.default_rng(0).uniform(0.1, 0.9, y.shape)
    with np.errstate(all="ignore"):
        here, shifted, scaled = (np.asarray(model.cost.of_outputs(x, y)) for x in (a, a + 3.0, a * 3.0))
    same = np.allclose(here, shifted, rtol=1e-9, atol=1e-12)
    return "softmax" if same and not np.allclose(here, scaled, rtol=1e-6) else ""


def _constant_cost(model: Architecture, targets: NDArray[Any]) -> float | None:
    """The cost of answering the mean target to every example; None for a cost of the user's own, or equal targets."""
    y = targets.astype(float)
    if model.cost.own or not np.any(np.ptp(y, axis=0)):
        return None
    answer = np.broadcast_to(y.mean(axis=0), y.shape)
    if "entropy" in model.cost.name:
        answer = np.clip(answer, 1e-12, 1 - 1e-12)  # 0 ln 0 where a class is missing
    costs = np.asarray(model.cost.of_outputs(answer, y))
    return float(costs.mean()) if np.isfinite(costs).all() else None
