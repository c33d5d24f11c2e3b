"""The verdict on a derivation as text and HTML: its steps, and what is to be said about the first wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from whygrad.render.lettering import FAMILY
from whygrad.render.numbers import counted, number, rows, shape_text, summary
from whygrad.render.text import WIDTH, plain_text
from whygrad.render.theme import colours
from whygrad.render.words import listed

if TYPE_CHECKING:
    from whygrad.checking.blame import Found
    from whygrad.checking.judge import Judged
    from whygrad.checking.verdict import DerivationVerdict, Step

COLOURS = {"exact": "green", "rounding": "green", "carried forward": "yellow", "wrong": "bold red", "not given": "dim"}
MARKS = {"exact": "✓", "rounding": "✓", "carried forward": "→", "wrong": "✗", "not given": ""}
NOT_FOUND = "No mistake in the table gives this number, so none is guessed."

STYLE = (
    colours(".wg-check") + f".wg-check{{font:15px/1.5 {FAMILY};color:var(--ink);background:var(--paper);"
    "max-width:60rem;padding:1rem 1.25rem;border-radius:8px;box-sizing:border-box;overflow-wrap:break-word}"
    ".wg-check h2{font-size:1.25rem;margin:0 0 .4rem;font-weight:600}"
    ".wg-check .faint{color:var(--faint)}"
    ".wg-check .said{background:var(--wash);padding:.6rem .8rem;border-radius:6px;margin:.8rem 0}"
    ".wg-check .said p{margin:.25rem 0}"
    ".wg-check .wide{overflow-x:auto}"
    ".wg-check table{border-collapse:collapse;width:100%;font-size:inherit;background:none;color:inherit}"
    ".wg-check th{font-weight:500;color:var(--faint);font-size:.86rem}"
    ".wg-check th,.wg-check td{text-align:left;padding:.4rem .8rem .4rem 0;border:0;"
    "border-bottom:1px solid var(--line);vertical-align:top;background:none}"
    ".wg-check tr{background:none}.wg-check tr.first td{background:var(--wash)}"
    ".wg-check td.number{font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".wg-check .wrong{font-weight:600;color:var(--gradient)}"
    ".wg-check code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:.9em;"
    "background:none;color:inherit;padding:0}"
)


def sentence(verdict: DerivationVerdict) -> str:
    """The verdict in a sentence or two, as plain text."""
    return " ".join(sentences(verdict))


def sentences(verdict: DerivationVerdict) -> list[str]:
    """What is to be said, each sentence on its own."""
    first = verdict.first_wrong
    given = [step for step in verdict.steps if step.verdict != "not given"]
    if first is None:
        return [_all_right(given, verdict)]
    of = f"∂{verdict.output}/∂{first.judged.label}"
    said = [f"The first wrong step is {of}."]
    if not first.mistakes:
        said.append(NOT_FOUND)
        if first.judged.note:
            said.append(f"Your number: {first.judged.note}.")
    elif len(first.mistakes) == 1:
        said.append(_begun(first.mistakes[0]) + ".")
    else:
        ways = "; or ".join(one.sentence for one in first.mistakes)
        said.append(f"{counted(len(first.mistakes), 'mistake').capitalize()} give exactly this number: {ways}.")
    carried = [step.name for step in given if step.verdict == "carried forward"]
    if carried:
        one = len(carried) == 1
        said.append(f"{listed(carried)} {'carries' if one else 'carry'} the error on, with no new mistake.")
    wrong = [step for step in given if step.verdict == "wrong" and step is not first]
    for step in wrong:
        why = "; or ".join(one.sentence for one in step.mistakes) or "no mistake in the table gives this number"
        said.append(
            f"{'Also' if step is wrong[0] else 'And'} wrong: ∂{verdict.output}/∂{step.judged.label}, where {why}."
        )
    return said


def _all_right(given: list[Step], verdict: DerivationVerdict) -> str:
    exact = sum(step.verdict == "exact" for step in given)
    if exact == len(given):
        return "Right: the step is exact." if exact == 1 else f"Right: all {exact} steps are exact."
    by_hand = any(step.judged.note for step in given)
    how = "rounded by hand" if by_hand else f"but for rounding in {verdict.dtype}"
    steps = {1: "the step is", 2: "both steps are"}.get(len(given), f"all {len(given)} steps are")
    return f"Right: {steps} right, {how}."


def _begun(found: Found) -> str:
    """A sentence begins with a capital letter, unless it begins with a name of the learner's."""
    text = found.sentence
    return text if found.mistake.sentence.startswith("{") else text[:1].upper() + text[1:]


def remark(judged: Judged) -> str:
    """How near a step is: in units in the last place, in decimals, or from whose number."""
    if judged.verdict == "rounding":
        return judged.note or f"{number(judged.ulps, 2)} ulp{'' if judged.ulps == 1 else 's'} of {judged.dtype.name}"
    if judged.verdict == "carried forward":
        return judged.note
    return judged.note if judged.verdict == "wrong" else ""


def _number(value: Any) -> str:
    array = np.asarray(value, float)
    if array.ndim == 1 and 0 < array.size <= 2:
        return "[" + ", ".join(number(x) for x in array) + "]"
    return number(array) if array.shape == () else summary(array).rpartition(", ")[2]


def _shape(judged: Judged) -> str:
    return f" ({shape_text(judged.right.shape)})" if judged.right.shape else ""


# ---- text ------------------------------------------------------------------------------------------------------------


def verdict_text(verdict: DerivationVerdict, width: int = WIDTH) -> str:
    """The verdict as plain text, ``width`` columns wide."""
    return plain_text(verdict_renderable(verdict), width)


def verdict_renderable(verdict: DerivationVerdict) -> RenderableType:
    """The verdict for a rich console."""
    return Group(*_parts(verdict))


def _parts(verdict: DerivationVerdict) -> Iterator[RenderableType]:
    yield Text.assemble(
        (f"Your derivation of {verdict.function}()", "bold"), f", {verdict.output} = {number(verdict.cost)}"
    )
    yield Text()
    yield _table(verdict)
    left = [step.judged.label for step in verdict.steps if step.verdict == "not given"]
    if left:
        yield Text("not given: " + ", ".join(left), style="dim")
    if verdict.note:
        yield Text("note: " + verdict.note, style="dim")
    yield Text()
    for said in sentences(verdict):
        yield Text(said)
    yield from _correction(verdict.first_wrong)


def _table(verdict: DerivationVerdict) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 1))
    for column in ("", "step", "yours", "right", "verdict"):
        table.add_column(column, overflow="fold", no_wrap=column == "step")
    for step in verdict.steps:
        one = step.judged
        if one.mine is None:
            continue
        said = Text(one.verdict, style=COLOURS[one.verdict])
        if one.verdict == "rounding" and one.note:
            said = Text(one.note, style=COLOURS[one.verdict])
        elif remark(one):
            said.append(f": {remark(one)}", style="dim")
        of = f"∂{verdict.output}/∂{one.label}"
        table.add_row(
            Text(MARKS[one.verdict], style=COLOURS[one.verdict]),
            of + _shape(one),
            _number(one.mine),
            _number(one.right),
            said,
        )
    return table


def _correction(step: Step | None) -> Iterator[RenderableType]:
    if step is None:
        return
    if step.corrected is not None:
        yield Text()
        array = np.asarray(step.corrected.value)
        ending = f" = {number(array)}" if array.shape == () else ""
        yield Text.assemble(
            ("The line as it should be:  ", "dim"), f"{step.corrected.of} = {step.corrected.formula}{ending}"
        )
        if array.shape:
            yield from _grid("which is", array)
    same = step.corrected is not None and step.corrected.of.endswith(f"/∂{step.judged.label}")
    if step.judged.carried.shape and same and step.judged.mine is not None:
        yield from _grid("yours is", step.judged.mine)


def _grid(title: str, array: Any) -> Iterator[RenderableType]:
    printed = rows(array)
    if printed is None:
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    for _ in printed[0]:
        grid.add_column(justify="right")
    for i, row in enumerate(printed):
        grid.add_row(title if i == 0 else "", *row)
    yield grid


# ---- HTML ------------------------------------------------------------------------------------------------------------


def verdict_html(verdict: DerivationVerdict) -> str:
    """The verdict as one fragment; nothing of the user's stands in it unescaped."""
    title = f"Your derivation of <code>{escape(verdict.function)}</code>"
    cost = f'<p class="faint">{escape(verdict.output)} = {number(verdict.cost)}</p>'
    first = verdict.first_wrong
    head = "<tr><th></th><th>step</th><th>yours</th><th>right</th><th>verdict</th></tr>"
    body = "".join(_html_row(verdict, step, step is first) for step in verdict.steps if step.judged.mine is not None)
    left = [step.judged.label for step in verdict.steps if step.verdict == "not given"]
    notes = [f"not given: {', '.join(left)}"] if left else []
    notes += [verdict.note] if verdict.note else []
    said = "".join(f"<p>{escape(one)}</p>" for one in sentences(verdict))
    return (
        f'<div class="wg-check"><style>{STYLE}</style><h2>{title}</h2>{cost}'
        f'<div class="said">{said}{_html_correction(first)}</div>'
        f'<div class="wide"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
        + "".join(f'<p class="faint">{escape(note)}</p>' for note in notes)
        + "</div>"
    )


def _html_row(verdict: DerivationVerdict, step: Step, first: bool) -> str:
    one = step.judged
    said = escape(one.verdict) + (f' <span class="faint">{escape(remark(one))}</span>' if remark(one) else "")
    return (
        f"<tr{' class=first' if first else ''}><td>{MARKS[one.verdict]}</td>"
        f"<td><code>∂{escape(verdict.output)}/∂{escape(one.label)}</code></td>"
        f'<td class="number">{_html_number(one.mine)}</td><td class="number">{_html_number(one.right)}</td>'
        f'<td class="{"wrong" if one.verdict == "wrong" else ""}">{said}</td></tr>'
    )


def _html_number(value: Any) -> str:
    printed = rows(value, widest=6, most=36)
    if printed is None:
        return escape(_number(value))
    return "<br>".join("&ensp;".join(escape(x) for x in row) for row in printed)


def _html_correction(step: Step | None) -> str:
    if step is None or step.corrected is None:
        return ""
    array = np.asarray(step.corrected.value)
    ending = f" = {number(array)}" if array.shape == () else ""
    line = re.sub(r"\s+", " ", f"{step.corrected.of} = {step.corrected.formula}{ending}")
    return f"<p>The line as it should be: <code>{escape(line)}</code></p>"
