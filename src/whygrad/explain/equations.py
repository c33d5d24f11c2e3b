"""BP1 to BP4 on a network's own numbers: both sides of each equation, layer by layer, and how far they are apart.

The left sides come from the engine's backward sweep over the whole network. The right sides are the equations'
formulas, with σ' and ∇_a C from the rules: each activation and the cost differentiated alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whygrad.backward import Semiring, arrivals, gradients, pull
from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.rules.define import Value

Array = npt.NDArray[np.floating[Any]]
Form = Literal["hadamard", "matrix"]


class LayerNodes(NamedTuple):
    """The recorded values of one layer."""

    W: Node
    b: Node
    z: Node
    a: Node


@dataclass(frozen=True, eq=False)
class Equation:
    """One equation for one layer. ``left`` and ``right`` have the shape of δ^l, b^l or W^l; rows of δ are examples.

    ``components`` is the equation number by number, ``whole`` for the layer at once, in the form asked for.
    ``product``, in matrix form: the matrices and the vector whose product the right side is, for the first example.
    """

    name: str
    layer: int
    whole: str
    components: str
    latex: str
    left: Array
    right: Array
    product: tuple[tuple[str, Array], ...] = ()

    @property
    def difference(self) -> float:
        """The largest difference between the two sides."""
        return float(np.max(np.abs(self.left - self.right), initial=0.0))

    @property
    def symbol(self) -> str:
        """The left side's letter with its layer: ``δ^1``, ``∂C/∂W^2``."""
        return self.whole.partition(" = ")[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "layer": self.layer,
            "whole": self.whole,
            "components": self.components,
            "latex": self.latex,
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "difference": self.difference,
            "product": [{"name": name, "value": value.tolist()} for name, value in self.product],
        }


@dataclass(frozen=True, eq=False)
class Equations:
    """The four equations on a network's numbers. ``rows``: BP1, then BP2 from layer L-1 down, then BP3 and BP4."""

    form: Form
    examples: int
    rows: tuple[Equation, ...]
    note: str

    @property
    def max_difference(self) -> float:
        """The largest difference between any two sides: rounding, and nothing else."""
        return max(row.difference for row in self.rows)

    def __str__(self) -> str:
        from whygrad.render.lessons import equations_text

        return equations_text(self)

    def latex(self) -> str:
        """The equations as LaTeX (amsmath), each with its largest difference."""
        from whygrad.render.lessons import equations_latex

        return equations_latex(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "form": self.form,
            "examples": self.examples,
            "max_difference": self.max_difference,
            "note": self.note,
            "rows": [row.to_dict() for row in self.rows],
        }


@dataclass(frozen=True, eq=False)
class Squish:
    """∂a/∂z of one layer: ``slopes`` σ'(z), where every neuron squishes alone; else ``jacobians`` (examples, n, n)."""

    slopes: Array | None
    jacobians: Array | None

    def matrix(self, example: int) -> Array:
        """Σ'(z) of one example, ∂a_i/∂z_j in row i and column j: diag σ'(z), or the full Jacobian."""
        if self.jacobians is not None:
            return np.asarray(self.jacobians[example])
        assert self.slopes is not None
        diagonal: Array = np.diag(self.slopes[example])
        return diagonal

    def applied(self, g: Array) -> Array:
        """``g ⊙ σ'(z)``; with a full Jacobian, its transpose times g."""
        if self.slopes is not None:
            return g * self.slopes
        assert self.jacobians is not None
        pulled: Array = np.einsum("xij,xi->xj", self.jacobians, g)
        return pulled


def equations(program: Program, layers: Sequence[LayerNodes], x: Node, form: Form) -> Equations:
    """Both sides of each equation on a recorded run; ``layers`` from 1 to L, ``x`` is a^0."""
    one = {program.output: np.ones((), program.output.dtype)}
    deltas = [_rows(g) for g in gradients(one, [layer.z for layer in layers])]
    for_a = _rows(gradients(one, [layers[-1].a])[0])
    squishes = [squish(layer) for layer in layers]
    weights = [layer.W.value for layer in layers]
    if form == "matrix":
        rights, products = _matrix_errors(weights, squishes, for_a)
    else:
        below = [squishes[l].applied(deltas[l + 1] @ weights[l + 1]) for l in range(len(layers) - 1)]
        rights, products = [*below, squishes[-1].applied(for_a)], [()] * len(layers)
    single, L = len(x.shape) == 1, len(layers)
    mixing = [squishes[l - 1].slopes is None for l in range(1, L + 1)]

    def shaped(rows: Array) -> Array:
        return rows[0] if single else rows

    def error(l: int) -> Equation:
        return Equation(
            "BP1" if l == L else "BP2",
            l,
            *_error_texts(l, L, form, mixing),
            shaped(deltas[l - 1]),
            shaped(rights[l - 1]),
            products[l - 1],
        )

    rows = [error(l) for l in range(L, 0, -1)]
    of_biases, of_weights = (gradients(one, [layer[i] for layer in layers]) for i in (1, 0))
    inputs = [_rows(x.value), *(_rows(layer.a.value) for layer in layers[:-1])]
    rows += [
        Equation("BP3", l, *_bias_texts(l, single), of_biases[l - 1], deltas[l - 1].sum(axis=0))
        for l in range(1, L + 1)
    ]
    rows += [
        Equation("BP4", l, *_weight_texts(l, single), of_weights[l - 1], deltas[l - 1].T @ inputs[l - 1])
        for l in range(1, L + 1)
    ]
    return Equations(form, len(_rows(x.value)), tuple(rows), _note(mixing, single))


def squish(layer: LayerNodes) -> Squish:
    """σ'(z) from the activation's own rules: one sweep if every neuron squishes alone, else one for each neuron."""
    if is_elementwise(layer):
        return Squish(_rows(_pulled(layer, np.ones(layer.a.shape))), None)
    neurons = layer.a.shape[-1]
    pulls = []
    for i in range(neurons):
        one = np.zeros(layer.a.shape)
        one[..., i] = 1
        pulls.append(_rows(_pulled(layer, one)))
    return Squish(None, np.stack(pulls, axis=1))


def _pulled(layer: LayerNodes, g: Array) -> Array:
    """g at a, carried back to z and no further."""

    def along(node: Node, arg: int, arrived: Value) -> Value | None:
        return None if node is layer.z else pull(node, arg, arrived)

    found: Array = arrivals({layer.a: g}, Semiring(along, lambda p, q: p + q)).get(layer.z, np.zeros(layer.z.shape))
    return found


def is_elementwise(layer: LayerNodes) -> bool:
    """True if every step from z to a works number by number."""
    moved, between = {layer.z}, []
    nodes = [layer.a]
    seen = {layer.a, layer.z}
    while nodes:
        node = nodes.pop()
        between.append(node)
        new = [parent for _, parent in node.parents if parent not in seen]
        seen.update(new)
        nodes += [parent for parent in new if parent.number > layer.z.number]
    for node in sorted(between, key=lambda n: n.number):
        if any(parent in moved for _, parent in node.parents):
            moved.add(node)
            if node.rule is None or node.rule.slopes is None or node.shape != layer.z.shape:
                return False
    return True


def _matrix_errors(
    weights: list[Array],
    squishes: list[Squish],
    for_a: Array,
) -> tuple[list[Array], list[tuple[tuple[str, Array], ...]]]:
    """δ^l = Σ'(z^l)(W^{l+1})^T … Σ'(z^L)∇_a C of every layer, example by example, with the matrices of the first."""
    L, examples = len(weights), len(for_a)
    rights: list[Array] = [np.zeros((examples, len(W))) for W in weights]
    products: list[tuple[tuple[str, Array], ...]] = []
    for example in range(examples):
        product: list[tuple[str, Array]] = [("∇_a C", for_a[example])]
        vector = for_a[example]
        for l in range(L, 0, -1):
            if l < L:
                vector = weights[l].T @ vector
                product.insert(0, (f"(W^{l + 1})^T", weights[l].T))
            slope = squishes[l - 1].matrix(example).T
            vector = slope @ vector
            product.insert(0, (f"Σ'(z^{l})", slope))
            rights[l - 1][example] = vector
            if example == 0:
                products.insert(0, tuple(product))
    return rights, products


def _rows(x: Value) -> Array:
    """One example as one row."""
    found: Array = np.atleast_2d(x)
    return found


# ---- what the equations say ------------------------------------------------------------------------------------------


def _error_texts(l: int, L: int, form: Form, mixing: list[bool]) -> tuple[str, str, str]:
    """The whole equation, its components and its LaTeX, for BP1 (l = L) or BP2."""
    n = l + 1
    if form == "matrix":
        layers = range(l, L + 1)
        text = " ".join(f"Σ'(z^{i})" + (f" (W^{i + 1})^T" if i < L else " ∇_a C") for i in layers)
        latex = r" \, ".join(
            rf"\Sigma'(z^{{{i}}})" + (rf" (W^{{{i + 1}}})^{{\top}}" if i < L else r" \nabla_a C") for i in layers
        )
    elif l == L:
        text = f"Σ'(z^{l}) ∇_a C" if mixing[l - 1] else f"∇_a C ⊙ σ'(z^{l})"
        latex = rf"\Sigma'(z^{{{l}}}) \nabla_a C" if mixing[l - 1] else rf"\nabla_a C \odot \sigma'(z^{{{l}}})"
    else:
        text = f"Σ'(z^{l}) (W^{n})^T δ^{n}" if mixing[l - 1] else f"((W^{n})^T δ^{n}) ⊙ σ'(z^{l})"
        latex = (
            rf"\Sigma'(z^{{{l}}}) (W^{{{n}}})^{{\top}} \delta^{{{n}}}"
            if mixing[l - 1]
            else rf"((W^{{{n}}})^{{\top}} \delta^{{{n}}}) \odot \sigma'(z^{{{l}}})"
        )
    arrives = f"∂C/∂a^{l}_i" if l == L else f"(Σ_k w^{n}_ki δ^{n}_k)"
    components = f"Σ_i ∂a^{l}_i/∂z^{l}_j {arrives}" if mixing[l - 1] else f"{arrives.replace('i', 'j')} σ'(z^{l}_j)"
    return f"δ^{l} = {text}", f"δ^{l}_j = {components}", rf"\delta^{{{l}}} = {latex}"


def _bias_texts(l: int, single: bool) -> tuple[str, str, str]:
    over, sum_ = ("", "") if single else ("Σ_x ", r"\sum_x ")
    return (
        f"∂C/∂b^{l} = {over}δ^{l}",
        f"∂C/∂b^{l}_j = {over}δ^{l}_j",
        rf"\frac{{\partial C}}{{\partial b^{{{l}}}}} = {sum_}\delta^{{{l}}}",
    )


def _weight_texts(l: int, single: bool) -> tuple[str, str, str]:
    over, sum_ = ("", "") if single else ("Σ_x ", r"\sum_x ")
    return (
        f"∂C/∂W^{l} = {over}δ^{l} (a^{l - 1})^T",
        f"∂C/∂w^{l}_jk = {over}a^{l - 1}_k δ^{l}_j",
        rf"\frac{{\partial C}}{{\partial W^{{{l}}}}} = {sum_}\delta^{{{l}}} (a^{{{l - 1}}})^{{\top}}",
    )


def _note(mixing: list[bool], single: bool) -> str:
    """What is different from the textbook's four equations, if anything."""
    notes = []
    layers = ", ".join(str(l) for l, mixes in enumerate(mixing, start=1) if mixes)
    if layers:
        notes.append(
            f"The activation of layer {layers} is not elementwise: each a_i depends on every z_j of its layer. So "
            "σ'(z) is no vector, Σ'(z) is the full Jacobian and not a diagonal, and no ⊙ can stand for it."
        )
    if not single:
        notes.append("C is the mean over the examples, so the δ of each example carries the mean's 1/n.")
    return " ".join(notes)
