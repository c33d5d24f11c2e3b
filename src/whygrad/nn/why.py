"""A network explains itself: what ``Network`` adds to training. The explain room does the work."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from whygrad.backward import gradients
from whygrad.errors import ArgumentError, public
from whygrad.explain.compare import Comparison, compared, slope_cancels
from whygrad.explain.contributions import Contributions, contributions
from whygrad.explain.demon import Demon, demon
from whygrad.explain.derive import Derivation, derivation
from whygrad.explain.elements import Element
from whygrad.explain.equations import Equations, Form, LayerNodes, equations
from whygrad.explain.explain import explain_program
from whygrad.explain.explanation import Branch, Cases, Explanation, Formula, Name
from whygrad.explain.formulas import name_of
from whygrad.explain.neurons import neuron_factors
from whygrad.explain.slow import Measured, SlowWeights, WeightFactors, measured, slow_weights, weight_factors
from whygrad.graph.node import Node, named
from whygrad.graph.record import Program, record
from whygrad.nn import validation as check
from whygrad.nn.activations import ACTIVATIONS
from whygrad.nn.choose import choose
from whygrad.nn.costs import COSTS
from whygrad.nn.layers import Architecture, Parameters
from whygrad.rules.define import Value

Data = Any
Function = Callable[..., Value]


class Explaining:
    """The methods by which a network shows its work. Layers are numbered 1 to L, neurons from 0.

    ``x, y`` is one example and its target, or a batch of rows with the mean over them as the cost. Everything is worked
    out in float64, whatever the network's precision, so that sums and products can be checked by hand.
    """

    architecture: Architecture

    @property
    @abstractmethod
    def parameters(self) -> Parameters:
        """The weights and biases."""

    @public
    def explain_weight(self, layer: int, j: int, k: int, x: Data, y: Data) -> Explanation:
        """Why ∂C/∂w^layer_jk is what it is; the weight goes from neuron k of layer-1 to neuron j of ``layer``."""
        return self._explained("W", layer, (j, k), x, y)

    @public
    def explain_bias(self, layer: int, j: int, x: Data, y: Data) -> Explanation:
        """Why ∂C/∂b^layer_j is what it is: the factors of a weight without the input's activation."""
        return self._explained("b", layer, (j,), x, y)

    @public
    def explain_activation(self, layer: int, j: int, x: Data, y: Data) -> Explanation:
        """Why ∂C/∂a^layer_j is what it is, for one example; ``layer`` may be 0, the input."""
        return self._explained("a", layer, (j,), x, y)

    @public
    def explain_delta(self, layer: int, j: int, x: Data, y: Data) -> Explanation:
        """Why the error δ^layer_j = ∂C/∂z^layer_j is what it is, for one example."""
        return self._explained("z", layer, (j,), x, y)

    @public
    def equations(self, x: Data, y: Data, form: Form = "hadamard") -> Equations:
        """BP1 to BP4 on these numbers, both sides of each; ``form="matrix"``: with Σ'(z), as a product of matrices."""
        if form not in ("hadamard", "matrix"):
            raise ArgumentError(f"form={form!r}", try_='"hadamard" or "matrix"')
        program = self._recorded(x, y)
        layers = [_nodes(program, l) for l in range(1, self.architecture.layers + 1)]
        return equations(program, layers, program.find("a^0"), form)

    @public
    def demon(self, x: Data, y: Data, layer: int, neuron: int, dz: float) -> Demon:
        """Add ``dz`` to z^layer_neuron: the change of cost that δ·dz predicts against the change measured."""
        self._check(layer, (neuron,), "z")
        if check.number("dz", dz) == 0:
            raise ArgumentError("dz=0 changes nothing", try_="a small number, like 0.1")
        program = self._recorded(x, y)
        z = program.find(f"z^{layer}")
        return demon(program, z, gradients({program.output: np.ones(())}, [z])[0], layer, neuron, float(dz))

    @public
    def contributions(self, layer: int, j: int, k: int, X: Data, Y: Data) -> Contributions:
        """How much each example of a batch pushes w^layer_jk; the pushes add up to the batch's ∂C/∂w."""
        self._check(layer, (j, k), "W")
        program = self._recorded(np.atleast_2d(X), Y if np.ndim(X) > 1 else np.atleast_2d(Y))
        W = program.find(f"W^{layer}")
        weight = Element(W, j * W.shape[1] + k)
        return contributions(program, program.find(f"z^{layer}"), weight, j, name_of(program, weight))

    @public
    def weight_factors(self, layer: int, j: int, k: int, X: Data, Y: Data) -> WeightFactors:
        """The three factors of w^layer_jk's gradient in every example, and which of them makes it learn slowly."""
        self._check(layer, (j, k), "W")
        program, found = self._measured(layer, X, Y)
        W = program.find(f"W^{layer}")
        return weight_factors(found, layer, j, k, name_of(program, Element(W, j * W.shape[1] + k)))

    @public
    def slow_weights(self, layer: int, X: Data, Y: Data) -> SlowWeights:
        """Of all weights of a layer: how many are held back over a data set, by which factor, and where."""
        self._check(layer, (), "W")
        return slow_weights(self._measured(layer, X, Y)[1], layer)

    def _measured(self, layer: int, X: Data, Y: Data) -> tuple[Program, Measured]:
        """A run on rows of examples, and the factors of a layer's weights in each."""
        program = self._recorded(np.atleast_2d(X), Y if np.ndim(X) > 1 else np.atleast_2d(Y))
        model = self.architecture
        activation = model.activations[layer - 1].function
        undone = layer == model.layers and _slope_cancels(activation, model.cost.of_outputs)
        why = f"it cancels against the slope of the cost {model.cost.name}" if undone else ""
        nodes = _nodes(program, layer)
        return program, measured(program, nodes, program.find(f"a^{layer - 1}"), activation, why)

    def _explained(self, letter: str, layer: int, index: tuple[int, ...], x: Data, y: Data) -> Explanation:
        self._check(layer, index, letter)
        if letter in "az" and np.ndim(x) > 1:
            raise ArgumentError(
                f"{letter}^{layer}_{index[0]} has one value for each of {len(x)} examples",
                try_="one example: x[0], y[0]",
            )
        program = self._recorded(x, y)
        why = explain_program(program, (f"{letter}^{layer}", index))
        if np.ndim(x) == 1 and layer:
            assert why.routes is not None
            activation = self.architecture.activations[layer - 1].function
            why = replace(why, factors=neuron_factors(why.routes, _nodes(program, layer), index[0], activation))
        return replace(why, case=_case(layer, index[0], self.architecture.layers))

    def _recorded(self, x: Data, y: Data) -> Program:
        """One run of the network on checked data, with every value under its name."""
        model = replace(self.architecture, dtype=np.dtype(float))
        examples = check.examples(model, x, y, ("x", "y"))
        inputs, targets = (
            (examples.inputs, examples.targets) if np.ndim(x) > 1 else (examples.inputs[0], examples.targets[0])
        )
        weights, biases = ([p.astype(float) for p in arrays] for arrays in self.parameters)
        outputs = model.evaluate(Parameters(tuple(weights), tuple(biases)), inputs)
        # ∂C/∂a needs a cost of a; where a has been rounded to 0 or 1 only the cost of z is still finite
        with np.errstate(all="ignore"):
            from_outputs = model.cost.of_logits is None or np.isfinite(model.cost.of_outputs(outputs, targets)).all()

        def network(W: list[Node], b: list[Node], x: Node, y: Node) -> Value:
            values = model.layer_values(Parameters(tuple(W), tuple(b)), named(x, "a^0"))
            costs = model.cost.of_outputs(values.activations[-1], y) if from_outputs else model.costs(values, y)
            return named(np.mean(costs) if len(x.shape) > 1 else costs, "C")

        return record(network, (weights, biases, inputs, targets), {})

    def _check(self, layer: Any, index: tuple[Any, ...], letter: str) -> None:
        """A layer and neurons that exist, or one error that says which do."""
        sizes, first = self.architecture.sizes, 0 if letter == "a" else 1
        if not isinstance(layer, (int, np.integer)) or not first <= layer < len(sizes):
            raise ArgumentError(
                f"layer {layer!r} has no {letter}^l in a network of layers 0 to {len(sizes) - 1}",
                try_=f"a layer from {first} to {len(sizes) - 1}",
            )
        for neuron, at in zip(index, (layer, layer - 1), strict=False):
            if not isinstance(neuron, (int, np.integer)) or not 0 <= neuron < sizes[at]:
                raise ArgumentError(
                    f"there is no neuron {neuron!r} in layer {at}, which has {sizes[at]} neuron(s)",
                    why="neurons are counted from 0",
                    try_=f"a whole number from 0 to {sizes[at] - 1}",
                )


@public
def derive(equation: str, activation: str | Function | None = None, cost: str | Function | None = None) -> Derivation:
    """BP1, BP2, BP3 or BP4 derived from the chain rule, line by line, each with its reason.

    ``activation`` and ``cost``: names, or functions of z and of (a, y); their slopes are then written out.

    >>> print(derive("BP3").result.text)
    ∂C/∂b^l = δ^l
    """
    return derivation(
        equation,
        None if activation is None else _named_function("activation", activation, ACTIVATIONS)[1],
        None if cost is None else _named_function("cost", cost, COSTS)[1],
    )


@public
def compare_costs(
    left: str | Function = "half_squared_error",
    right: str | Function = "cross_entropy",
    *,
    activation: str | Function = "sigmoid",
    w: float = 2.0,
    b: float = 2.0,
    x: float = 1.0,
    y: float = 0.0,
) -> Comparison:
    """What changes in a neuron's gradient when one cost is replaced by another, and why; costs by name or as f(a, y).

    The neuron is ``z = w x + b``, ``a = σ(z)``; by default a saturated one, a = 0.98 where y = 0 is wanted.

    >>> both = compare_costs()
    >>> both.changed, both.right.error.formula.text
    ((True, False, False), 'a - y')
    """
    return compared(
        _named_function("activation", activation, ACTIVATIONS),
        _named_function("cost", left, COSTS),
        _named_function("cost", right, COSTS),
        w,
        b,
        x,
        y,
    )


def _nodes(program: Program, layer: int) -> LayerNodes:
    return LayerNodes(*(program.find(f"{letter}^{layer}") for letter in "Wbza"))


def _named_function(what: str, given: str | Function, table: dict[str, Function]) -> tuple[str, Function]:
    if callable(given):
        return getattr(given, "__name__", what), given
    return given, choose(what, given, table)


def _slope_cancels(activation: Function, cost: Function) -> bool:
    """False, too, for functions whose slopes are not one formula, like a softmax."""
    try:
        return slope_cancels(activation, cost)
    except ArgumentError:
        return False


def _case(layer: int, j: int, L: int) -> Cases:
    """∂C/∂a of a neuron as one formula: the output layer's case and the hidden layers'."""
    next_, below = layer + 1, f"i{j}" if j < 10 else f"i,{j}"
    output = Formula("the slope of the cost", r"\text{the slope of the cost}")
    hidden = Formula(
        f"Σ_i ∂C/∂z^{next_}_i · w^{next_}_{below}",
        rf"\sum_i \frac{{\partial C}}{{\partial z^{{{next_}}}_i}} \, w^{{{next_}}}_{{{below}}}",
    )
    return Cases(
        Name("C", "C"),
        Name(f"a^{layer}_{j}", f"a^{{{layer}}}_{{{j}}}"),
        (
            Branch(output, Formula(f"output layer, l = {L}", rf"\text{{output layer, }} l = {L}"), layer == L),
            Branch(hidden, Formula(f"hidden layer, l < {L}", rf"\text{{hidden layer, }} l < {L}"), layer < L),
        ),
    )
