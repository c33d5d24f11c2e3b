"""A diagnosis for the terminal: the verdict first, then each finding with its evidence, then the tables. 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from whygrad.render import findings_words as words
from whygrad.render.text import WIDTH, plain_text

if TYPE_CHECKING:
    from whygrad.diagnosis.finding import Finding
    from whygrad.diagnosis.report import Diagnosis


def diagnosis_text(found: Diagnosis, width: int = WIDTH) -> str:
    """The diagnosis as plain text."""
    return plain_text(diagnosis_renderable(found), width)


def finding_text(finding: Finding, width: int = WIDTH) -> str:
    """One finding as plain text."""
    return plain_text(Group(*_finding(finding)), width)


def diagnosis_renderable(found: Diagnosis) -> RenderableType:
    """The diagnosis for a rich console, which adds the colors that its terminal can show."""
    return Group(*_parts(found))


def _parts(found: Diagnosis) -> Iterator[RenderableType]:
    yield Text(found.verdict, style="bold red" if found.problems else "bold green")
    yield Text(words.headline(found), style="dim")
    for finding in found.findings:
        yield Text()
        yield from _finding(finding)
    yield from _section("Layers", words.SPEEDS, words.speeds(found), words.SPEEDS_MEAN, left=2)
    yield from _section("Factors of the gradient", words.FACTORS, words.factors(found), words.FACTORS_MEAN, left=1)
    yield Text()
    yield Text("The data and the steps", style="bold cyan")
    yield Padding(_grid(words.facts(found)), (0, 0, 0, 2))
    for note in found.record.notes:
        yield Padding(Text(note, style="dim"), (0, 0, 0, 2))


def _finding(finding: Finding) -> Iterator[RenderableType]:
    style = "bold yellow" if finding.level == "note" else "bold red"
    kind = f"{finding.id}, {'a note' if finding.level == 'note' else finding.sure}"
    yield Text.assemble((words.title(finding), style), (f"   [{kind}]", "dim"))
    yield Padding(Text(finding.what), (0, 0, 0, 2))
    lines = [("to blame", words.blamed(finding))] if finding.blame != "unknown" else []
    if finding.blame == "unknown":
        lines = [("to blame", finding.because or "unknown")]
    lines += [("evidence", words.evidence(finding))] if finding.evidence else []
    lines += [("try" if place == 0 else "", text) for place, text in enumerate(finding.try_)]
    derived = words.derivation(finding)
    if derived is not None:
        lines += [("a weight", derived[0]), *(("", f"  {factor}") for factor in derived[1])]
    yield Padding(_grid(lines), (0, 0, 0, 2))


def _grid(lines: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in lines:
        grid.add_row(Text(name, style="dim"), Text(text))
    return grid


def _section(
    title: str, columns: tuple[str, ...], rows: words.Rows, meaning: str, left: int
) -> Iterator[RenderableType]:
    """A table whose first ``left`` columns are words."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    yield Text()
    yield Text(title, style="bold cyan")
    yield Padding(table, (0, 0, 0, 2))
    yield Padding(Text(meaning, style="dim"), (0, 0, 0, 2))
