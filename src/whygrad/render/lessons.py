"""Equations, comparisons, demons and counts for the terminal (80 columns) and as LaTeX."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from whygrad.explain.slow import OFTEN, SMALL
from whygrad.render.numbers import count, counted, latex_number, number, percent, rows, summary
from whygrad.render.words import ends, spoken

if TYPE_CHECKING:
    from whygrad.explain.chains import Waterfall
    from whygrad.explain.compare import Comparison, Row, Side
    from whygrad.explain.contributions import Contributions
    from whygrad.explain.demon import Demon
    from whygrad.explain.equations import Equation, Equations
    from whygrad.explain.sharing import Growth, Sharing
    from whygrad.explain.slow import SlowWeights, Spread, WeightFactors

WIDTH = 80
SHOWN_PLACES = 8  # neurons or inputs listed by number; of more the rest is counted
SHOWN_NUMBERS = 6  # of one side of an equation; of larger ones the size is shown


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows of texts in columns, two spaces apart; the columns ``right`` are right-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(n) if i in right else cell.ljust(n) for i, (cell, n) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def paragraph(text: str, indent: str = "") -> list[str]:
    """A text in lines of 80 columns."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


# ---- the four equations ----------------------------------------------------------------------------------------------


def equations_text(found: Equations) -> str:
    """Each equation with both sides, number by number where there are few."""
    of = "one example" if found.examples == 1 else f"{found.examples:,} examples"
    lines = [f"The four equations of backpropagation, on {of}", ""]
    for row in found.rows:
        lines += [*_equation_lines(row), ""]
    lines.append(f"largest difference between two sides: {number(found.max_difference)}")
    return "\n".join(lines + paragraph(found.note))


def _equation_lines(row: Equation) -> list[str]:
    lines = paragraph(f"{row.name}  {row.whole}")
    lines += paragraph(row.components, " " * 5)
    sides = (("the sweep", row.left), ("the formula", row.right))
    few = row.left.size <= SHOWN_NUMBERS and rows(row.left) is not None
    shown = [
        [f"     {name if i == 0 else ''}", *numbers]
        for name, side in sides
        for i, numbers in enumerate((rows(side) or []) if few else [[summary(side)]])
    ]
    lines += table(shown, range(1, len(shown[0])) if few else ())
    return [*lines, f"     largest difference {number(row.difference)}"]


def equations_latex(found: Equations) -> str:
    """The equations, each with its largest difference."""
    rows = [
        rf"{row.latex.replace(' = ', ' &= ', 1)} && \text{{{row.name}, difference }} {latex_number(row.difference)}"
        for row in found.rows
    ]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}\n"


# ---- two costs -------------------------------------------------------------------------------------------------------


def comparison_text(found: Comparison) -> str:
    """The two derivations side by side, changed factors marked, and why."""
    at = ", ".join(f"{name} = {number(value)}" for name, value in found.neuron.items())
    left, right = found.left, found.right
    rows = [["", left.cost, right.cost, ""], ["C", number(left.cost_value), number(right.cost_value), ""]]
    for one, other, changed in zip(left.factors, right.factors, found.changed, strict=True):
        rows += _row_pair(one, other, "changed" if changed else "")
    rows += _row_pair(left.error, right.error, "")
    rows += _row_pair(left.gradient, right.gradient, "")
    lines = [
        f"One {found.activation} neuron, two costs",
        *paragraph(at, "  "),
        "",
        *(f"  {line}" for line in table(rows)),
        "",
    ]
    for sentence in _conclusions(found):
        lines += paragraph(sentence)
    return "\n".join(lines)


def _row_pair(one: Row, other: Row, mark: str) -> list[list[str]]:
    return [
        [one.name, spoken(one.formula.text), spoken(other.formula.text), mark],
        ["", f"= {number(one.value)}", f"= {number(other.value)}", ""],
    ]


def _conclusions(found: Comparison) -> list[str]:
    """Why the neuron learns at different speeds."""
    sentences = []
    for side in (found.left, found.right):
        wrong, squish = (_factor(spoken(row.formula.text)) for row in side.factors[:2])
        if side.slope_cancels:
            sentences.append(
                f"{side.cost}: σ' cancels. ∂C/∂a · σ'(z) = {wrong} · {squish} = {spoken(side.error.formula.text)}; "
                f"in numbers {number(side.factors[0].value)} · {number(side.factors[1].value)} = "
                f"{number(side.error.value)}. The neuron learns as fast as it is wrong."
            )
        elif squish != "1":
            sentences.append(
                f"{side.cost}: σ'(z) = {number(side.factors[1].value)} stays a factor of the gradient: where the "
                "neuron is saturated it learns slowly, however wrong it is."
            )
    ratio = abs(found.speedup)
    if 0 < ratio < float("inf"):
        faster, times = (found.right, ratio) if ratio >= 1 else (found.left, 1 / ratio)
        sentences.append(f"Here {faster.cost} moves the weight {number(times)} times as fast.")
    return sentences


def comparison_latex(found: Comparison) -> str:
    """Both derivations, one row for each factor."""

    def cells(side: Side, i: int) -> str:
        row = (*side.factors, side.error, side.gradient)[i]
        return f"{row.formula.latex} = {latex_number(row.value)}"

    rows = [rf" & \text{{{_plain(found.left.cost)}}} & \text{{{_plain(found.right.cost)}}} & "]
    for i, row in enumerate((*found.left.factors, found.left.error, found.left.gradient)):
        above, below = row.name.replace("∂", "").split("/")
        name = rf"\frac{{\partial {above}}}{{\partial {below}}}"
        mark = r"\leftarrow" if i < len(found.changed) and found.changed[i] else ""
        rows.append(" & ".join((name, cells(found.left, i), cells(found.right, i), mark)))
    return "\\[\n\\begin{array}{llll}\n" + " \\\\\n".join(rows) + "\n\\end{array}\n\\]\n"


def _factor(formula: str) -> str:
    """In brackets if it is more than one word."""
    return f"({formula})" if " " in formula else formula


def _plain(name: str) -> str:
    return name.replace("_", " ")


# ---- the demon -------------------------------------------------------------------------------------------------------


def demon_text(found: Demon) -> str:
    """What was predicted, what happened, how the error falls, and what would help."""
    z = f"z^{found.layer}_{found.neuron}"
    rows = [["Δz", "predicted δ·Δz", "measured", "error", "error shrinks by"]]
    for push, ratio in zip(found.pushes, ("", *(number(r) for r in found.error_ratios)), strict=True):
        rows.append([number(push.dz), number(push.predicted), number(push.measured), number(push.error), ratio])
    lines = [
        f"A demon at neuron {found.neuron} of layer {found.layer} adds Δz to {z}",
        f"  cost before: {number(found.cost)}   δ = ∂C/∂{z} = {number(found.delta)}",
        "",
        *(f"  {line}" for line in table(rows, range(5))),
        "",
    ]
    return "\n".join(lines + paragraph(_advice(found, z)))


def _advice(found: Demon, z: str) -> str:
    size = number(abs(found.pushes[0].dz))
    if not found.sign_that_helps:
        return f"δ is 0: to first order nothing that is done to {z} changes the cost. The demon can not help."
    if not found.can_help:
        return (
            f"A step of {size} in either direction does not lower the cost ({number(found.measured)} and "
            f"{number(found.opposite.measured)}): the neuron is near its optimum, and the demon can hardly help."
        )
    which = "less" if found.sign_that_helps == "-" else "more"
    best = min(found.measured, found.opposite.measured)
    return (
        f"δ is {'positive' if found.delta > 0 else 'negative'}, so {which} of {z} helps: choose Δz "
        f"{'below' if which == 'less' else 'above'} 0. A step of {size} that way changes the cost by {number(best)}."
    )


# ---- examples and counts ---------------------------------------------------------------------------------------------


def contributions_text(found: Contributions) -> str:
    """The examples that push most, the rest in one line, and the sum."""
    largest = found.largest()
    rows = [["example", "input", "error", "push"]]
    rows += [[str(i), number(found.inputs[i]), number(found.errors[i]), number(push)] for i, push in largest]
    rest = len(found) - len(largest)
    if rest:
        rows.append([f"and {rest:,} more", "", "", number(found.pushes.sum() - sum(push for _, push in largest))])
    rows.append(["sum", "", "", number(found.gradient)])
    return "\n".join(
        [
            f"∂C/∂{found.wrt} = {number(found.gradient)}, example by example",
            "",
            *(f"  {line}" for line in table(rows, range(1, 4))),
            "",
            *paragraph(
                "push = input × error: how active the input was, times the error of the neuron behind the weight, "
                "as the mean over the examples counts them."
            ),
            *paragraph(
                "All pushes go one way."
                if found.agreement > 1 - 1e-12
                else f"{percent(1 - found.agreement)} of all pushes cancel each other."
            ),
        ]
    )


# ---- slow weights ----------------------------------------------------------------------------------------------------


def weight_factors_text(found: WeightFactors) -> str:
    """The three factors with their spread over the examples, the verdict and its reason."""
    examples = len(found.pushes)
    of = "in one example" if examples == 1 else f"over {examples:,} examples"
    rows = [["|factor|", "", "25 %", "median", "75 %", "small in"]]
    rows += [
        [f.name, f.written, *(number(quartile) for quartile in f.quartiles), percent(f.small)] for f in found.factors
    ]
    signed = [factor.written for factor in found.factors]
    lines = [
        f"Why ∂C/∂{found.wrt} = {number(found.gradient)}: its factors {of}",
        "",
        *(f"  {line}" for line in table(rows, range(2, 6))),
        "",
        *paragraph(f"push = {' · '.join(signed)}; the mean of the pushes is ∂C/∂{found.wrt}."),
        *paragraph(f"A factor is small where it is below {percent(SMALL)} of its natural size:"),
        *(f"  {f.written}: {number(f.scale)}, the {f.scale_is}" for f in found.factors),
        "",
        f"Held back by: {found.verdict}",
    ]
    return "\n".join([*lines, *paragraph(found.because, "  "), *paragraph(found.note)])


def slow_because(found: WeightFactors) -> str:
    """The reason for a verdict on a weight, in one sentence."""
    pushes = f"the pushes have {percent(found.size)} of their natural size"
    if not math.isfinite(found.size):
        bad = sum(1 for push in found.pushes if not math.isfinite(push))
        return f"In {bad:,} of {len(found.pushes):,} examples a factor is NaN or infinite."
    blamed = next((factor for factor in found.factors if factor.name == found.verdict), None)
    others = [f for f in found.factors if f is not blamed and f.small >= OFTEN]
    also = "".join(f"; |{f.written}| is small in {percent(f.small)}" for f in others)
    if blamed:
        return f"{_smallness(blamed)}{_gain(found)}{also}."
    if found.verdict == "they cancel over examples":
        return f"{_upper(pushes)}, but their mean is only {percent(found.agreement)} of their mean size."
    if found.verdict == "unknown":
        return f"{_upper(pushes)}, but no factor alone makes them so small{also}."
    return f"Nothing holds it back: {pushes}, and their mean is {percent(found.agreement)} of their mean size."


def _smallness(factor: Spread) -> str:
    where = f"in {percent(factor.small)} of the examples"
    if not factor.values.any():
        return f"{factor.written} is 0 in every example"
    return f"|{factor.written}| is below {percent(SMALL)} of {number(factor.scale)}, the {factor.scale_is}, {where}"


def _gain(found: WeightFactors) -> str:
    """What the pushes would be if the factor to blame had its natural size."""
    if not found.size:
        return ", so every push is 0"
    without = next(size for name, size in found.size_without.items() if name == found.verdict)
    return f"; with its natural size the pushes would be {number(without / found.size)} times as large"


def _upper(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def slow_weights_text(found: SlowWeights) -> str:
    """Verdicts counted, with the neurons and inputs concerned, and how the factors are spread over the layer."""
    examples = "one example" if found.examples == 1 else f"{found.examples:,} examples"
    rows = [["held back by", "weights", "share"]]
    for name, n in found.counts.items():
        if n:
            rows.append([name, f"{n:,}", percent(n / found.verdicts.size)])
    spread = [["medians of |factor|", "25 %", "median", "75 %", "natural size"]]
    for part, median in found.medians.items():
        quartiles = [number(q) for q in np.quantile(median, (0.25, 0.5, 0.75))]
        spread.append([part, *quartiles, number(found.scales[part])])
    return "\n".join(
        [
            f"What holds back the {found.verdicts.size:,} weights of layer {found.layer}, over {examples}",
            "",
            *(f"  {line}" for line in table(rows, (1, 2))),
            "",
            *_concerned(found),
            *(f"  {line}" for line in table(spread, range(1, 5))),
            *paragraph(found.note),
        ]
    )


def _concerned(found: SlowWeights) -> list[str]:
    """The inputs and neurons most of whose weights are held back by one factor."""
    lines: list[str] = []
    for part in found.medians:
        kind, axis = ("input", 0) if part == "input activation" else ("neuron", 1)
        places = np.flatnonzero((found.verdicts == part).mean(axis=axis) > 0.5).tolist()
        more = f" and {len(places) - SHOWN_PLACES:,} more" if len(places) > SHOWN_PLACES else ""
        if places:
            listed = ", ".join(map(str, places[:SHOWN_PLACES])) + more
            lines += paragraph(f"{part}: most weights of {kind}{'s' if len(places) > 1 else ''} {listed}", "  ")
    return [*lines, ""] if lines else []


def waterfall_text(found: Waterfall) -> str:
    """The factors from the cost down, each with its power of ten and the product so far; of many, the two ends."""
    first, left_out, last = ends(found.drops, 2 * SHOWN_PLACES)
    rows = [["factor", "value", "powers of ten", "product so far"]]
    rows += [[d.name, number(d.value), number(d.log10), number(d.running)] for d in first]
    rows += [[f"… {left_out} more", "", "", ""]] if left_out else []
    rows += [[d.name, number(d.value), number(d.log10), number(d.running)] for d in last]
    of = f"{counted(len(found.drops), 'factor')}, of which {found.shrinking} below 1"
    return "\n".join([f"∂{found.of}/∂{found.wrt} = {number(found.value)}: {of}", "", *table(rows, range(1, 4))])


def sharing_text(found: Sharing) -> str:
    """Multiplications one way and the other, and the most shared factors."""
    lines = [
        f"All gradients of {found.function}(): {count(found.arguments)} numbers, {count(found.chains)} chains",
        f"  each chain on its own   {count(found.each_alone)} multiplications",
        f"  one backward sweep      {count(found.one_sweep)} multiplications",
    ]
    if found.shared:
        rows = [["shared factor", "formula", "chains"]]
        rows += [[f"∂{s.of}/∂{s.by}", spoken(s.formula), count(s.chains)] for s in found.shared]
        lines += ["", *(f"  {line}" for line in table(rows, (2,)))]
    return "\n".join(lines)


def growth_text(found: Growth) -> str:
    """Multiplications by length of chain."""
    rows = [["layers", "each chain on its own", "one sweep"]]
    rows += [
        [str(n), count(a), count(b)] for n, a, b in zip(found.lengths, found.each_alone, found.one_sweep, strict=True)
    ]
    return "\n".join(table(rows, range(3)))
