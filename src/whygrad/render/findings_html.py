"""A diagnosis as HTML: the verdict, each finding with its evidence, bars of learning speed; no script, no network."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from whygrad.render import findings_words as words
from whygrad.render.html import STYLE, mathml, stacked_table
from whygrad.render.latex import latex_value, partial
from whygrad.render.numbers import number

if TYPE_CHECKING:
    from whygrad.diagnosis.finding import Finding
    from whygrad.diagnosis.report import Diagnosis

MORE = (
    ".wg-why .finding{border-left:4px solid var(--gradient);padding:.1rem 0 .1rem .9rem;margin:1.2rem 0}"
    ".wg-why .finding.note{border-color:var(--edge)}.wg-why .finding h3{margin:0}"
    ".wg-why .finding dl{display:grid;grid-template-columns:6rem 1fr;gap:.15rem .6rem;margin:.5rem 0 0}"
    ".wg-why .finding dt{color:var(--faint)}.wg-why .finding dd{margin:0}"
    ".wg-why .tag{font-weight:400;font-size:.82rem;color:var(--faint);margin-left:.5rem}"
    ".wg-why .fine{color:var(--good)}.wg-why ul.plain{margin:0;padding:0;list-style:none}"
    ".wg-why details{margin:.3rem 0}.wg-why summary{cursor:pointer}"
)
DECADES = 6.0  # of a bar's length: 1 is full, a millionth is empty


def diagnosis_html(found: Diagnosis) -> str:
    """The diagnosis as one fragment, to be put into any page or notebook."""
    kind = "" if found.problems else ' class="fine"'
    body = [
        f"<h2{kind}>{escape(found.verdict)}</h2>",
        f'<p class="faint">{escape(words.headline(found))}</p>',
        *(_finding(finding) for finding in found.findings),
        "<h3>Layers</h3>",
        _speeds(found),
        f'<p class="faint">{escape(words.SPEEDS_MEAN)}</p>',
        "<h3>Factors of the gradient</h3>",
        stacked_table(words.FACTORS, [tuple(map(escape, row)) for row in words.factors(found)], numbers=(1, 2, 3, 4)),
        f'<p class="faint">{escape(words.FACTORS_MEAN)}</p>',
        "<h3>The data and the steps</h3>",
        stacked_table(
            ("what", "measured"), [(escape(name), escape(text)) for name, text in words.facts(found)], numbers=()
        ),
        *(f'<p class="faint">{escape(note)}</p>' for note in found.record.notes),
    ]
    return f'<section class="wg-why"><style>{STYLE}{MORE}</style>{"".join(body)}</section>'


def _finding(finding: Finding) -> str:
    level = " note" if finding.level == "note" else ""
    tag = f"{finding.id}, {'a note' if finding.level == 'note' else finding.sure}"
    blame = words.blamed(finding) if finding.blame != "unknown" else finding.because or "unknown"
    tries = "".join(f"<li>{escape(text)}</li>" for text in finding.try_)
    entries = [
        ("to blame", escape(blame)),
        ("evidence", escape(words.evidence(finding))),
        ("try", f'<ul class="plain">{tries}</ul>'),
        ("a weight", _derivation(finding)),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in entries if text)
    return (
        f'<div class="finding{level}"><h3>{escape(words.title(finding))}<span class="tag">{escape(tag)}</span></h3>'
        f"<p>{escape(finding.what)}</p><dl>{listed}</dl></div>"
    )


def _derivation(finding: Finding) -> str:
    """One typical weight: its value, and its factors to unfold."""
    why = finding.derivation
    if why is None:
        return ""
    value = mathml(f"{partial(why.of, why.wrt)} = {{{latex_value(why.value)}}}", f"∂{why.of}/∂{why.wrt}")
    lines = [(mathml(partial(f.of, f.by), f.written), number(f.value), escape(f.meaning)) for f in why.factors]
    table = stacked_table(("factor", "value", "meaning"), lines, numbers=(1,))
    return f"<details open><summary>{value}, on a typical example</summary>{table}</details>"


def _speeds(found: Diagnosis) -> str:
    """The table of layers, with a bar of logarithmic length under each speed."""
    by_name = {layer.name: layer.relative_speed for layer in found.measures.layers}
    rows = []
    for row in words.speeds(found):
        cells = [escape(cell) for cell in row]
        cells[2] += _bar(by_name.get(row[0]))
        rows.append(tuple(cells))
    return stacked_table(words.SPEEDS, rows, numbers=(2, 3, 4, 5, 6, 7))


def _bar(speed: float | None) -> str:
    if speed is None or not speed > 0 or not math.isfinite(speed):
        return ""
    share = min(max(1 + math.log10(speed) / DECADES, 0.02), 1.0)
    return f'<span class="bar" style="width:{100 * share:.0f}%"></span>'
