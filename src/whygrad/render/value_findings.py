"""Where zeros, NaNs and infs come from, for the terminal, as HTML and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from whygrad.render.html import MONO, STYLE
from whygrad.render.json import json_number, json_value
from whygrad.render.numbers import count, counted, number, shape_text
from whygrad.render.text import WIDTH, plain_text

if TYPE_CHECKING:
    from whygrad.diagnosis.births import Birth
    from whygrad.diagnosis.causes import Cause
    from whygrad.diagnosis.places import Operand, Place
    from whygrad.diagnosis.values import ValueFinding, ValueReport
    from whygrad.diagnosis.walls import Wall

SHOWN_NAMES = 4
SHOWN_HEALTHY = 8
SHOWN_BIRTHS = 2  # the source and the next; the others are counted
VERSION = 1
HOW = {"given": "is there from the start", "forward": "is born forwards", "backward": "is born on the way back"}


class Row(NamedTuple):
    """One line of a finding: what it is about, and what it says. ``code``: it is a line of the user's."""

    about: str
    says: str
    code: bool = False


class Section(NamedTuple):
    """A heading, a sentence under it, and its rows in groups, each with a heading of its own."""

    title: str
    groups: list[tuple[str, list[Row]]]


# ── what is said, in whatever form ───────────────────────────────────────────────────────────────────────────────────


def headline(report: ValueReport) -> str:
    """``loss(): C = NaN``."""
    step = "" if report.bad_step is None else f" in training step {report.bad_step}"
    return f"{report.function}(){step}: {report.of} = {number(report.result)}"


def verdict(report: ValueReport) -> str:
    """The whole finding in one sentence."""
    if report.healthy:
        return "No gradient asked about is zero, tiny without reason, NaN or infinite."
    said = []
    if report.births:
        first = report.births[0]
        said.append(f"{first.kind} comes from {_source(first)}.")
    zero = [v for v in report.values if v.causes]
    if zero:
        names = ", ".join(v.name for v in zero[:SHOWN_NAMES]) + (" and others" if len(zero) > SHOWN_NAMES else "")
        said.append(f"Zero or next to it, at least in part: the gradient by {names}.")
    return " ".join(said)


def sections(report: ValueReport) -> Iterator[Section]:
    """Everything that is said, in order."""
    if report.births:
        yield Section("NaN and inf: where they are born", list(_births(report)))
    advised: set[tuple[str, ...]] = set()  # the same advice is given once
    for value in report.values:
        if value.causes:
            yield Section(_counted(value), [_cause(cause, advised) for cause in value.causes])
        elif value.births:
            yield Section(_counted(value), [(f"from {_source(value.births[0])}", [])])
    healthy = [value for value in report.values if value.healthy]
    if healthy:
        yield Section("Gradients without a finding", [("", [Row(v.name, _range(v)) for v in healthy[:SHOWN_HEALTHY]])])
    if report.no_slope:
        rows = [Row(name, f"{dtype} numbers, which have no gradient") for name, dtype in report.no_slope.items()]
        yield Section("Arguments without a gradient", [("", rows)])
    if report.left_out:
        rows = [Row(str(place), f"{place.operation} made NaN or inf") for place in report.left_out[:SHOWN_NAMES]]
        rows.append(Row("note", "np.where leaves them out here, on the way back too; other frameworks may return NaN"))
        yield Section("Harmless: made, and used nowhere", [("", rows)])


def _births(report: ValueReport) -> Iterator[tuple[str, list[Row]]]:
    for birth in report.births[:SHOWN_BIRTHS]:
        yield f"{birth.kind} {HOW[birth.way]}: {_operation(birth)}", list(_birth(report, birth))
    others = report.births[SHOWN_BIRTHS:]
    if others:
        yield (
            f"and {counted(len(others), 'other birth')}",
            [Row(str(b.place), f"{b.kind} {HOW[b.way]}: {_operation(b)}") for b in others[:SHOWN_NAMES]],
        )


def _birth(report: ValueReport, birth: Birth) -> Iterator[Row]:
    yield from _line(birth.place)
    of = f"{count(birth.count)} of {count(int(np.prod(birth.shape, dtype=int)))} numbers" if birth.shape else ""
    made = birth.place.made if birth.way != "backward" else f"gradient by {birth.by}"
    yield Row("number", f"{made} = {birth.kind}" + (f"; {of}, shape {shape_text(birth.shape)}" if of else ""))
    for operand in birth.operands:
        yield Row("operand", _operand(operand))
    if birth.arrived is not None:
        yield Row(
            "slope",
            f"{birth.slope}; {number(birth.arrived)} arrives from the result"
            if birth.slope
            else f"{number(birth.arrived)} arrives from the result",
        )
    yield Row("why", birth.because)
    if birth.reaches:
        reaches = birth.reaches if birth.way != "backward" else tuple(f"gradient by {name}" for name in birth.reaches)
        yield Row("reaches", " → ".join(reaches[:6]) + (" → …" if len(reaches) > 6 else ""))
    hit = [v.name for v in report.values if birth in v.births]
    if hit and birth.way != "backward":
        yield Row("spoils", "the gradients by " + ", ".join(hit[:SHOWN_NAMES]))
    yield from _tries(birth.try_)


def _cause(cause: Cause, advised: set[tuple[str, ...]]) -> tuple[str, list[Row]]:
    n, names = len(cause.names), cause.names[:SHOWN_NAMES]
    more = f" and {count(n - SHOWN_NAMES)} more" if n > SHOWN_NAMES else ""
    rows = [Row("why", cause.what)]
    lines = [row for wall in cause.walls for row in _line(wall.place)]
    rows += list(dict.fromkeys(lines))[:2]
    if cause.also:
        rows.append(Row("also", "further on another factor is 0: " + "; ".join(cause.also)))
    rows += _tries(cause.try_) if cause.try_ not in advised else []
    advised.add(cause.try_)
    return f"{cause.kind}: {', '.join(names)}{more}", rows


def _counted(value: ValueFinding) -> str:
    total = int(np.prod(value.shape, dtype=int))
    parts = [
        f"{count(n)} of {count(total)} are {what}" if value.shape else f"is {what}"
        for n, what in ((value.zeros, "exactly 0"), (value.nans, "NaN"), (value.infs, "inf"))
        if n
    ]
    if not parts:
        parts = [f"largest {number(np.max(np.abs(value.gradient)))}" if np.size(value.gradient) else "empty"]
    sampled = f"; {value.looked_at} looked at" if value.zeros > value.looked_at else ""
    about = f", {shape_text(value.shape)}" if value.shape else ""
    return f"Gradient by {value.name} ({value.dtype}{about}): {', '.join(parts)}{sampled}"


def _range(value: ValueFinding) -> str:
    about = f"{value.dtype}, {shape_text(value.shape)}" if value.shape else value.dtype
    if not np.size(value.gradient):
        return f"{about}, empty"
    low, high = np.min(value.gradient), np.max(value.gradient)
    return f"{about}: " + (number(low) if low == high else f"from {number(low)} to {number(high)}")


def _operation(birth: Birth) -> str:
    return f"argument {birth.place.made}" if birth.place.operation == "argument" else birth.place.operation


def _source(birth: Birth) -> str:
    """``sqrt, model.py:12``."""
    return _operation(birth) if birth.place.operation == "argument" else f"{birth.place.operation}, {birth.place}"


def _operand(operand: Operand) -> str:
    shape = f", shape {shape_text(operand.shape)}" if operand.shape and operand.value is not None else ""
    return f"{operand.text}   ({operand.dtype}{shape})"


def _line(place: Place) -> list[Row]:
    return [Row(str(place), place.code or f"in {place.function}", True)] if place.file else []


def _tries(try_: tuple[str, ...]) -> list[Row]:
    return [Row("try" if i == 0 else "or", text) for i, text in enumerate(try_)]


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def values_text(report: ValueReport, width: int = WIDTH) -> str:
    """The report as plain text, ``width`` columns wide."""
    return plain_text(Group(*_parts(report)), width)


def _parts(report: ValueReport) -> Iterator[RenderableType]:
    yield Text(headline(report), style="bold")
    yield Text(verdict(report), style="yellow")
    for section in sections(report):
        yield Text()
        yield Text(section.title, style="bold cyan")
        for title, rows in section.groups:
            if title:
                yield Padding(Text(title, style="bold"), (0, 0, 0, 2))
            yield Padding(_grid(rows), (0, 0, 0, 4))


def _grid(rows: list[Row]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(Text(row.about, style="dim"), Text(row.says, style="bold" if row.code else ""))
    return grid


def values_html(report: ValueReport) -> str:
    """The report as one HTML fragment: no script, no network, nothing of the user's unescaped."""
    parts = [f"<h2>{escape(headline(report))}</h2>", f'<p class="verdict">{escape(verdict(report))}</p>']
    for section in sections(report):
        parts.append(f"<h3>{escape(section.title)}</h3>")
        for title, rows in section.groups:
            parts.append(f"<p><strong>{escape(title)}</strong></p>" if title else "")
            cells = "".join(
                f'<tr><td class="faint about">{escape(row.about)}</td><td>{_cell(row)}</td></tr>' for row in rows
            )
            parts.append(f"<table><tbody>{cells}</tbody></table>" if rows else "")
    style = STYLE + f".wg-why .about{{width:7.5rem;font-family:{MONO};font-size:.86em;white-space:nowrap}}"
    return f'<section class="wg-why"><style>{style}</style>{"".join(parts)}</section>'


def _cell(row: Row) -> str:
    return f"<code>{escape(row.says)}</code>" if row.code else escape(row.says)


def values_dict(report: ValueReport) -> dict[str, Any]:
    """The report as plain data; ``json.dumps(..., allow_nan=False)`` takes it as it is."""
    return {
        "schema": "whygrad.values",
        "version": VERSION,
        "function": report.function,
        "of": report.of,
        "result": json_number(report.result),
        "bad_step": report.bad_step,
        "healthy": report.healthy,
        "verdict": verdict(report),
        "births": [_birth_dict(birth) for birth in report.births],
        "values": [_finding_dict(report, value) for value in report.values],
        "no_slope": dict(report.no_slope),
        "left_out": [_place_dict(place) for place in report.left_out],
    }


def _birth_dict(birth: Birth) -> dict[str, Any]:
    return {
        "way": birth.way,
        "kind": birth.kind,
        "place": _place_dict(birth.place),
        "index": list(birth.index),
        "shape": list(birth.shape),
        "count": birth.count,
        "because": birth.because,
        "try": list(birth.try_),
        "operands": [_operand_dict(operand) for operand in birth.operands],
        "reaches": list(birth.reaches),
        "arrived": None if birth.arrived is None else json_number(birth.arrived),
        "slope": birth.slope,
        "by": birth.by,
    }


def _finding_dict(report: ValueReport, value: ValueFinding) -> dict[str, Any]:
    return {
        "name": value.name,
        "shape": list(value.shape),
        "dtype": value.dtype,
        "gradient": json_value(value.gradient),
        "zeros": value.zeros,
        "nans": value.nans,
        "infs": value.infs,
        "looked_at": value.looked_at,
        "causes": [_cause_dict(cause) for cause in value.causes],
        "births": [report.births.index(b) if b in report.births else _birth_dict(b) for b in value.births],
    }


def _cause_dict(cause: Cause) -> dict[str, Any]:
    return {
        "kind": cause.kind,
        "what": cause.what,
        "names": list(cause.names),
        "indices": [list(index) for index in cause.indices],
        "walls": [_wall_dict(wall) for wall in cause.walls],
        "also": list(cause.also),
        "evidence": {name: json_number(x) for name, x in cause.evidence.items()},
        "try": list(cause.try_),
        "derivation": cause.derivation.to_dict() if cause.derivation else None,
    }


def _wall_dict(wall: Wall) -> dict[str, Any]:
    return {
        "kind": wall.kind,
        "operation": wall.operation,
        "place": _place_dict(wall.place),
        "reason": wall.reason,
        "count": wall.count,
        "off": None if wall.off is None else list(wall.off),
    }


def _operand_dict(operand: Operand) -> dict[str, Any]:
    value = operand.value
    return {
        "name": operand.name,
        "value": value if isinstance(value, bool) or value is None else json_number(value),
        "shape": list(operand.shape),
        "dtype": operand.dtype,
    }


def _place_dict(place: Place) -> dict[str, Any]:
    return {
        "operation": place.operation,
        "made": place.made,
        "file": place.file,
        "line": place.line,
        "function": place.function,
        "code": place.code,
    }
