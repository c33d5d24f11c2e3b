"""The four equations of backpropagation, each derived from the chain rule, line by line, with its reasons."""

from __future__ import annotations

import re
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

from whygrad.errors import ArgumentError
from whygrad.explain.letters import Function, K, Layers, activation_slope, cost_slope, d, error_of
from whygrad.explain.ratios import atom
from whygrad.explain.symbol import POWER, PRODUCT, Symbol, infix
from whygrad.rules.arithmetic import positive

WIDTH = 80  # columns of a terminal


@dataclass(frozen=True)
class Line:
    """What the left side of a derivation equals now, and why; the reason in plain text and with formulas in LaTeX."""

    text: str
    latex: str
    reason: str
    reason_latex: str


@dataclass(frozen=True)
class Derivation:
    """One equation, derived: ``left`` equals each of the ``steps`` in turn; ``result`` says it for a whole layer.

    ``code`` is the right side as NumPy code for one example, over ``z a y a_before delta W_next delta_next`` and the
    functions of whygrad's rules; ``sigma_prime(z)`` and ``cost_slope(a, y)`` stand for what was not chosen.
    """

    name: str
    title: str
    left: Line
    steps: tuple[Line, ...]
    result: Line
    code: str

    def text(self) -> str:
        """The derivation for a terminal of 80 columns."""
        lines = [f"{self.name}: {self.title}", ""]
        left = self.left.text
        for formula in self.steps:
            lines += [f"  {left} = {formula.text}", *_wrapped(formula.reason)]
            left = " " * len(left)
        return "\n".join([*lines, "", f"  {self.result.text}", *_wrapped(self.result.reason)])

    def __str__(self) -> str:
        return self.text()

    def latex(self) -> str:
        """The derivation as LaTeX (amsmath): a line for each step, its reason beside it in a column that wraps."""
        lefts = [self.left.latex] + [""] * (len(self.steps) - 1)
        rows = [rf"{left} &= {step.latex}" for left, step in zip(lefts, self.steps, strict=True)]
        rows.append(self.result.latex.replace(" = ", " &= ", 1))
        column = r"\parbox[t]{0.4\linewidth}{\footnotesize\raggedright"
        reasons = [rf" && {column} {line.reason_latex}}}" for line in (*self.steps, self.result)]
        rows = [row + reason for row, reason in zip(rows, reasons, strict=True)]
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def derivation(name: str, activation: Function | None = None, cost: Function | None = None) -> Derivation:
    """BP1, BP2, BP3 or BP4; the slopes of a given ``activation(z)`` and ``cost(a, y)`` are written out."""
    if name not in DERIVATIONS:
        raise ArgumentError(f"there is no equation {name!r}", try_="one of " + ", ".join(DERIVATIONS))
    return DERIVATIONS[name](activation, cost)


DEFINITION = "definition: the error of a neuron is how fast the cost changes with its weighted input"
ALL_AT_ONCE = "all neurons of the layer at once"
FROM_THE_RULES = "the slope of this activation, from its rule"


def _bp1(activation: Function | None, cost: Function | None) -> Derivation:
    net = Layers(activation, output=True)
    steps = _down_to_squish(net)
    steps += [_line(*written) for written in _written_out(net, activation, cost)]
    return Derivation(
        "BP1",
        "the error of the output layer",
        _line(net.delta),
        tuple(steps),
        _result("δ^L = ∇_a C ⊙ σ'(z^L)", r"\delta^L = \nabla_a C \odot \sigma'(z^L)", ALL_AT_ONCE),
        f"({_cost_code(cost)}) * ({_slope_code(activation)})",
    )


def _bp2(activation: Function | None, _: Function | None) -> Derivation:
    net = Layers(activation, output=False)
    z, a, squish = net.symbol(net.z), net.symbol(net.a), _squish(net)
    way = next(way for way in net.ways(net.a, "z2") if way[-1].upper == net.element("z2", K))
    above, weight = net.symbol(way[-1].upper), net.slope(way)
    steps = [
        *_down_to_squish(net),
        _line(
            _sum(d("C", above) * d(above, a)) * squish,
            "chain rule: {a} moves every neuron k of the next layer; what comes back along these paths adds up",
            a=a,
        ),
        _line(
            _sum(d("C", above) * weight) * squish,
            "{z} is a weighted sum: its slope by one of its inputs is that input's weight",
            z=above,
        ),
        _line(_sum(weight * error_of(above)) * squish, "definition of the errors of the next layer"),
    ]
    if activation is not None:
        steps.append(_line(_sum(weight * error_of(above)) * activation_slope(activation, z, a).symbol, FROM_THE_RULES))
    return Derivation(
        "BP2",
        "the error of a layer from the error of the next layer",
        _line(net.delta),
        tuple(steps),
        _result(
            "δ^l = ((W^{l+1})^T δ^{l+1}) ⊙ σ'(z^l)",
            r"\delta^l = \left((W^{l+1})^{\top} \delta^{l+1}\right) \odot \sigma'(z^l)",
            ALL_AT_ONCE + ": the sum over k runs down column j of {W}, which is row j of its transpose",
            W=Symbol("W^{l+1}", "W^{l+1}"),
        ),
        f"(W_next.T @ delta_next) * ({_slope_code(activation)})",
    )


def _bp3(activation: Function | None, cost: Function | None) -> Derivation:
    net = Layers(activation, output=False)
    b, z = net.symbol(net.bias), net.symbol(net.z)
    slope = net.slope(net.only(net.bias, "z1"))
    steps = [
        _line(d("C", z) * d(z, b), "chain rule: {b} moves the cost only through {z}", b=b, z=z),
        # infix, because a plain product would leave out the 1 that is the point here
        _line(
            infix(d("C", z), slope, " * ", r" \cdot ", PRODUCT, POWER),
            "{z} takes the bias as it is, with no input in front of it: a sum passes every change on unchanged",
            z=z,
        ),
        _line(net.delta, "definition of the error"),
        *_at_the_output(activation, cost, None),
    ]
    return Derivation(
        "BP3",
        "the gradient of a bias",
        _line(d("C", b)),
        tuple(steps),
        _result("∂C/∂b^l = δ^l", r"\frac{\partial C}{\partial b^l} = \delta^l", ALL_AT_ONCE),
        "delta",
    )


def _bp4(activation: Function | None, cost: Function | None) -> Derivation:
    net = Layers(activation, output=False)
    w, z = net.symbol(net.weight), net.symbol(net.z)
    before = net.slope(net.only(net.weight, "z1"))
    steps = [
        _line(d("C", z) * d(z, w), "chain rule: {w} moves the cost only through {z}", w=w, z=z),
        _line(
            d("C", z) * before,
            "in {z} the weight multiplies {a}: the slope of one factor of a product is the other",
            z=z,
            a=before,
        ),
        _line(
            before * net.delta,
            "definition of the error: what goes into the weight, times the error of what comes out of it",
        ),
        *_at_the_output(activation, cost, before),
    ]
    return Derivation(
        "BP4",
        "the gradient of a weight",
        _line(d("C", w)),
        tuple(steps),
        _result(
            "∂C/∂W^l = δ^l (a^{l-1})^T",
            r"\frac{\partial C}{\partial W^l} = \delta^l (a^{l-1})^{\top}",
            "all weights of the layer at once: row j, column k",
        ),
        "np.outer(delta, a_before)",
    )


DERIVATIONS = {"BP1": _bp1, "BP2": _bp2, "BP3": _bp3, "BP4": _bp4}


def _down_to_squish(net: Layers) -> list[Line]:
    """From the error to the activation's slope: the same in every layer."""
    z, a, way = net.symbol(net.z), net.symbol(net.a), net.only(net.z, f"a{net.here}")
    rules = [e.upper.node.rule for e in way if e.upper.node.rule not in (None, positive)]
    because = rules[0].because[0] if len(rules) == 1 and rules[0] is not None else "taken at the weighted input"
    return [
        _line(d("C", z), DEFINITION),
        _line(d("C", a) * d(a, z), "chain rule: {z} moves the cost only through the neuron's own activation", z=z),
        _line(d("C", a) * _squish(net), f"the slope of the activation function: {because}"),
    ]


def _at_the_output(activation: Function | None, cost: Function | None, before: Symbol | None) -> list[Line]:
    """What the error is in the output layer, for a chosen activation and cost."""
    if activation is None or cost is None:
        return []
    error, _ = _written_out(Layers(activation, output=True), activation, cost)[-1]
    if before is not None:
        error = Symbol(before.text.replace("l", "L"), before.latex.replace("l", "L"), POWER) * error
    return [_line(error, "in the output layer l = L, by BP1")]


def _written_out(net: Layers, activation: Function | None, cost: Function | None) -> list[tuple[Symbol, str]]:
    """The output layer's error with what was chosen put in, and simplified where it cancels; with reasons."""
    z, a = net.symbol(net.z), net.symbol(net.a)
    squish = atom(_squish(net)) if activation is None else activation_slope(activation, z, a)
    slope = atom(d("C", a)) if cost is None else cost_slope(cost, a, Symbol("y_j", "y_j"))
    chosen = [what for what, given in (("cost", cost), ("activation", activation)) if given is not None]
    if not chosen:
        return []
    product, simpler = slope.symbol * squish.symbol, (slope * squish).symbol
    lines = [(product, f"the slope of this {' and of this '.join(chosen)}, from the rules")]
    if len(simpler.text) < len(re.sub("[()]", "", product.text)):
        lines.append((simpler, "what stands both above and below the line cancels"))
    return lines


def _squish(net: Layers) -> Symbol:
    z = net.symbol(net.z)
    return Symbol(f"σ'({z.text})", rf"\sigma'({z.latex})")


def _slope_code(activation: Function | None) -> str:
    return "sigma_prime(z)" if activation is None else activation_slope(activation, Symbol("z")).symbol.text


def _cost_code(cost: Function | None) -> str:
    return "cost_slope(a, y)" if cost is None else cost_slope(cost, Symbol("a"), Symbol("y")).symbol.text


def _sum(what: Symbol) -> Symbol:
    return Symbol(f"(Σ_k {what.text})", rf"\left(\sum_k {what.latex}\right)")


def _line(formula: Symbol, reason: str = "", **names: Symbol) -> Line:
    return _result(formula.spoken, formula.latex, reason, **names)


def _result(text: str, latex: str, reason: str, **names: Symbol) -> Line:
    """A line whose reason names values: ``{z}`` in it becomes the symbol's text, or its LaTeX as a formula."""
    return Line(
        text,
        latex,
        reason.format(**{n: s.text for n, s in names.items()}),
        reason.format(**{n: f"${s.latex}$" for n, s in names.items()}),
    )


def _wrapped(reason: str) -> list[str]:
    return textwrap.wrap(reason, WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 10)
