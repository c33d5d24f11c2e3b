"""An explanation for the terminal: readable at 80 columns, without color too."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from whygrad.explain.explanation import Explanation, Factor
from whygrad.render import words
from whygrad.render.numbers import factor_number, number, percent, rows, summary

WIDTH = 80
SHORTEST_MEANING = 16  # columns: a meaning may wrap, but not into single words
LONGEST_SLOPE = 36  # characters of a slope in a table of terms; of a longer one only the number is shown
KEPT = "\N{NO-BREAK SPACE}"  # keeps what stands on both its sides on one line


def explanation_text(why: Explanation, width: int = WIDTH) -> str:
    """The explanation as plain text, ``width`` columns wide."""
    return plain_text(explanation_renderable(why), width)


def plain_text(what: RenderableType, width: int = WIDTH) -> str:
    """What a terminal of so many columns shows, without its colors."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False, emoji=False
    )
    with console.capture() as captured:
        console.print(what)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def explanation_renderable(why: Explanation) -> RenderableType:
    """The explanation for a rich console, which adds the colors that its terminal can show."""
    return Group(*_sections(why))


def _sections(why: Explanation) -> Iterator[RenderableType]:
    yield Text.assemble((words.headline(why), "bold"), (f"   in {why.function}()", "dim"))
    yield from _array(why)
    if verdict := words.verdict(why):
        yield Text(verdict, style="yellow")
    yield from _values(why)
    yield from _factors(why)
    if why.case:
        yield from _section("Output layer or hidden layer", [Text(words.cases(why.case))])
    for factor in why.factors:
        yield from _terms(factor)
    if not words.is_array(why):
        yield from _paths(why)
    if depends := words.depends(why):
        yield from _section("Dependencies", [Text(depends)])
    yield from _code(why)


def _section(title: str, parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, style="bold cyan")
    yield from (Padding(part, (0, 0, 0, 2)) for part in parts)


def _table(*columns: str, footer: bool = False) -> Table:
    """A table without vertical lines; numbers right-aligned, what is too long folded."""
    table = Table(
        box=box.SIMPLE if footer else box.SIMPLE_HEAD,
        show_footer=footer,
        pad_edge=False,
        show_edge=False,
        header_style="dim",
        padding=(0, 1),
    )
    for column in columns:
        number_like = column in ("value", "share")
        table.add_column(
            column,
            justify="right" if number_like else "left",
            no_wrap=number_like or column == "factor",
            overflow="fold",
        )
    return table


def _array(why: Explanation) -> Iterator[RenderableType]:
    printed = rows(why.value) if words.is_array(why) else None
    if printed is not None:
        grid = Table.grid(padding=(0, 2))
        for _ in printed[0]:
            grid.add_column(justify="right")
        for row in printed:
            grid.add_row(*row)
        yield Padding(grid, (1, 0, 0, 2))


def _values(why: Explanation) -> Iterator[RenderableType]:
    parts: list[RenderableType] = []
    for said, named in zip(("", "beside them   "), words.values(why), strict=True):
        first, left_out, last = words.ends(named, words.SHOWN_VALUES)
        entries = [_value(*entry) for entry in (*first, *last)]
        if left_out:
            entries.insert(len(first), Text(f"…{KEPT}{left_out}{KEPT}more{KEPT}…", style="dim"))
        if entries:
            parts.append(Text.assemble((said, "dim"), Text("   ").join(entries)))
    if parts:
        yield from _section("Values on the way", parts)


def _value(name: str, value: float) -> Text:
    """A name with its number, kept on one line."""
    return Text.assemble((name.replace(" ", KEPT), "bold"), KEPT + number(value))


def _factors(why: Explanation) -> Iterator[RenderableType]:
    if why.factors and not words.is_one_sum(why):
        if words.is_one_step(why):
            yield from _section("The only factor", [_Factors(why.factors)])
            return
        product = [] if words.is_array(why) else [Text(), _product(why)]
        yield from _section("Chain rule", [Text(words.chain(why)), Text(), _Factors(why.factors), *product])


class _Entry(NamedTuple):
    """One factor as it is written."""

    factor: str
    formula: str
    numbers: str
    value: str
    meaning: str

    @classmethod
    def of(cls, factor: Factor) -> _Entry:
        formula, numbers = words.spoken(factor.formula.text), words.spoken(factor.formula.numbers)
        if len(factor.terms) > 1:
            formula = f"the sum of {factor.term_count} terms, below"
        value = "" if words.is_carried(factor) else summary(factor.value)
        formula, numbers = (text if text not in (value, factor.written) else "" for text in (formula, numbers))
        return cls(factor.written, formula, numbers, value, factor.meaning)


class _Factors:
    """The factors as a table or, where the formulas are too long for one, as a few lines each."""

    def __init__(self, factors: tuple[Factor, ...]) -> None:
        self.factors = factors

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        first, left_out, last = words.ends(self.factors, words.SHOWN_FACTORS)
        entries = [_Entry.of(factor) for factor in first]
        entries += [_Entry("…", f"{left_out} more factors", "", "", "")] if left_out else []
        entries += [_Entry.of(factor) for factor in last]
        columns = [max(len(entry[i]) for entry in entries) for i in range(4)]
        needed = columns[0] + columns[1] + max(columns[2], len("with numbers")) + columns[3] + SHORTEST_MEANING + 4 * 3
        yield _factor_table(entries) if needed <= options.max_width else _factor_blocks(entries)


def _factor_table(entries: list[_Entry]) -> RenderableType:
    table = _table("factor", "formula", "with numbers", "value", "meaning")
    for factor, formula, numbers, value, meaning in entries:
        table.add_row(
            Text(factor, style="bold"), Text(formula), Text(numbers), Text(value), Text(meaning, style="italic")
        )
    return table


def _factor_blocks(entries: list[_Entry]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for factor, formula, numbers, value, meaning in entries:
        written = [f"= {text}" if value else text for text in (formula, numbers) if text]
        ending = Text.assemble("= ", (value, "bold"), ("   " + meaning, "italic")) if value else Text(meaning, "italic")
        last = [ending] if ending else []
        for place, line in enumerate([*map(Text, written), *last]):
            grid.add_row(Text(factor if place == 0 else "", style="bold"), line)
    return grid


def _product(why: Explanation) -> Text:
    first, left_out, last = words.ends([factor_number(factor.value) for factor in why.factors], words.SHOWN_FACTORS)
    factors = [*first, *([f"… {left_out} more …"] if left_out else []), *last]
    return Text.assemble(" × ".join(factors) + " = ", (number(why.value), "bold"))


def _terms(factor: Factor) -> Iterator[RenderableType]:
    """Where paths merge: what comes along each of them, and the sum."""
    if not factor.terms:
        return
    table = _table("through", "its slope", "× what arrived there", "value", footer=True)
    shown, more, rest = words.terms(factor)
    for term in shown:
        slope, value = words.spoken(term.formula.text), number(term.slope)
        table.add_row(
            Text(term.through.text, style="bold"),
            Text(value if slope == value or len(slope) > LONGEST_SLOPE else f"{slope} = {value}"),
            Text(f"× {factor_number(term.arrived)}"),
            Text(number(term.value)),
        )
    if more:
        table.add_row(Text(f"and {more:,} more", style="dim"), "", "", Text(number(rest)))
    table.columns[0].footer = Text("sum")
    table.columns[3].footer = Text(number(factor.value), style="bold")
    one = factor.term_count == 1
    yield from _section(f"{factor.written}: " + ("one path arrives" if one else "paths merge here and add up"), [table])


def _paths(why: Explanation, top: int = 5) -> Iterator[RenderableType]:
    paths = why.paths(top)
    parts: list[RenderableType] = [Text(words.counting(why))]
    if len(paths) > 1:
        table = _table("value", "share", "path")
        for path, share in zip(paths, words.shares(why, paths), strict=True):
            table.add_row(Text(number(path.value), style="bold"), Text(percent(share)), Text(words.through(path)))
        parts += [Text(), table, Text()]
    elif paths:
        parts.append(Text(words.through(paths[0])))
    if said := " ".join(filter(None, (words.carrying(why, len(paths)), words.cancelling(why)))):
        parts.append(Text(said))
    yield from _section("Paths", parts)


def _code(why: Explanation) -> Iterator[RenderableType]:
    found = words.lines(why)
    if found:
        grid = Table.grid(padding=(0, 2))
        for line in found:
            grid.add_row(
                Text(line.place, style="dim"), Text(line.code or f"in {line.function}"), Text(line.made, style="dim")
            )
        yield from _section("Your code", [grid])
