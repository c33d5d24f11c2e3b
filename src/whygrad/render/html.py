"""An explanation as HTML: MathML, a picture, bars; no script, no network, and nothing of the user's unescaped."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from html import escape

from whygrad.explain.explanation import Cases, Explanation, Factor, Formula, Path
from whygrad.render import words
from whygrad.render.latex import cases, latex_value, partial, safe
from whygrad.render.lettering import FAMILY
from whygrad.render.numbers import factor_number, number, percent, rows, summary
from whygrad.render.picture import explanation_picture
from whygrad.render.theme import colours

MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LONGEST_FORMULA = 600  # characters of LaTeX beyond which a formula is shown as text

STYLE = (
    colours(".wg-why") + f".wg-why{{font:15px/1.5 {FAMILY};color:var(--ink);background:var(--paper);max-width:60rem;"
    "padding:1rem 1.25rem;border-radius:8px;"
    "box-sizing:border-box;text-align:left;overflow-wrap:break-word}"
    ".wg-why h2{font-size:1.35rem;line-height:1.35;margin:0;font-weight:600}"
    ".wg-why h3{font-size:1rem;margin:1.6rem 0 .4rem;font-weight:600}"
    ".wg-why p{margin:.35rem 0}"
    ".wg-why h2,.wg-why h3,.wg-why p,.wg-why li{max-width:100%;overflow-x:auto;overflow-y:hidden}"
    ".wg-why .faint{color:var(--faint)}"
    ".wg-why .verdict{background:var(--wash);padding:.5rem .75rem;border-radius:6px}"
    ".wg-why .wide{overflow-x:auto;padding:.15rem 0}.wg-why .wide svg{max-width:100%;height:auto}"
    ".wg-why math{font-size:1.08em;math-style:normal}"
    ".wg-why .values{display:flex;flex-wrap:wrap;gap:.35rem .5rem;margin:.35rem 0;padding:0;list-style:none}"
    ".wg-why .values li{background:var(--raised);border:1px solid var(--line);border-radius:6px;"
    "padding:.05rem .55rem;margin:0}"
    ".wg-why table{border-collapse:collapse;width:100%;margin:.4rem 0;color:inherit;background:none;font-size:inherit}"
    ".wg-why th{font-weight:500;color:var(--faint);font-size:.86rem}"
    ".wg-why th,.wg-why td{text-align:left;padding:.42rem .8rem .42rem 0;border:0;"
    "border-bottom:1px solid var(--line);vertical-align:middle;"
    "background:none}"
    ".wg-why tr{background:none}"
    ".wg-why .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".wg-why td.number{font-weight:600}.wg-why .number+td,.wg-why .number+th{padding-left:1rem}"
    f".wg-why code{{font-family:{MONO};font-size:.9em;background:none;color:inherit;padding:0}}"
    ".wg-why .bar{display:block;height:5px;border-radius:3px;background:var(--accent);margin-top:3px;min-width:2px}"
    ".wg-why .minus{background:var(--gradient)}"
    ".wg-why svg{display:block}"
    "@media(max-width:40rem){.wg-why{padding:.75rem}"
    ".wg-why .stack,.wg-why .stack tbody,.wg-why .stack tr,.wg-why .stack td{display:block}"
    ".wg-why .stack thead{display:none}"
    ".wg-why .stack tr{border-bottom:1px solid var(--line);padding:.5rem 0}"
    ".wg-why .stack td{border:0;padding:.1rem 0;text-align:left;overflow-x:auto;overflow-y:hidden}"
    ".wg-why .stack td:empty{display:none}"
    ".wg-why .stack .number+td{padding-left:0}"
    ".wg-why .stack td[data-as]{display:flex}"
    ".wg-why .stack td>span{flex:1;min-width:0;overflow-x:auto;overflow-y:hidden}"
    ".wg-why .stack td[data-as]::before{content:attr(data-as);flex:0 0 6.8rem;white-space:normal;"
    "color:var(--faint);font-weight:400;font-size:.86rem}}"
    # paper does not scroll: a picture shrinks to the page, and what belongs together stays on one
    "@media print{.wg-why .wide{overflow:visible}.wg-why .wide svg{min-width:0!important}"
    ".wg-why h3{break-after:avoid}.wg-why tr,.wg-why svg{break-inside:avoid}}"
)


def explanation_html(why: Explanation, top: int = 10) -> str:
    """The explanation as one fragment, to be put into any page or notebook."""
    headline = mathml(f"{partial(why.of, why.wrt)} = {{{latex_value(why.value)}}}", words.headline(why))
    parts = [
        f"<h2>{headline}</h2>",
        f'<p class="faint">in <code>{escape(why.function)}</code>, with {escape(why.of.text)} = {number(why.cost)}</p>',
        _verdict(why),
        _array(why),
        _values(why),
        _chain(why),
        _case(why.case) if why.case else "",
        *(_terms(factor) for factor in why.factors),
        "" if words.is_array(why) else _paths(why, top),
        _section("Picture", _picture(explanation_picture(why).svg())),
        _section("Dependencies", f"<p>{escape(words.depends(why))}</p>") if words.depends(why) else "",
        _code(why),
    ]
    return f'<section class="wg-why"><style>{STYLE}</style>{"".join(parts)}</section>'


def page(title: str, body: str) -> str:
    """A complete file around a fragment; it loads nothing."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{colours('.wg-page')}"
        f".wg-page{{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 {FAMILY}}}"
        ".wg-page>main{max-width:62rem;margin:0 auto;padding:1rem .5rem}</style>\n"
        f'</head>\n<body class="wg-page">\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


# A prime is raised already; as a superscript it is raised twice, and too small to see: σ'(z) would read σ(z).
PRIME = re.compile(r"<msup>(<mi>[^<]*</mi>)<mi>&#x02032;</mi></msup>")


@functools.lru_cache(maxsize=4096)
def mathml(latex: str, otherwise: str) -> str:
    """A formula as MathML; what is too long or can not be set is written as text."""
    from latex2mathml.converter import convert

    if len(latex) > LONGEST_FORMULA:
        return f"<code>{escape(otherwise)}</code>"
    try:
        return PRIME.sub(r"\1<mo lspace='0' rspace='0'>&#x02032;</mo>", str(convert(safe(latex))))
    except Exception:  # noqa: BLE001  # a name that its parser does not take must not cost the user the explanation
        return f"<code>{escape(otherwise)}</code>"


def _formula(formula: Formula) -> str:
    return mathml(formula.latex, words.spoken(formula.text))


def _picture(svg: str) -> str:
    """A wide picture shrinks to its column, but not below 60 % of its size, where text would be too small to read."""
    width = re.search(r'width="(\d+)"', svg)
    least = f' style="min-width:{int(width[1]) * 6 // 10}px"' if width else ""
    return f'<div class="wide">{svg.replace("<svg", "<svg" + least, 1)}</div>'


def _section(title: str, *parts: str) -> str:
    return f"<h3>{title}</h3>{''.join(parts)}"


def stacked_table(head: Sequence[str], body: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    """A table that becomes a list on a narrow screen; ``numbers``: the columns that hold numbers. Empty columns go."""
    rows_ = list(body)
    kept = [i for i in range(len(head)) if any(row[i] for row in rows_)]
    names = "".join(f'<th{_number(i in numbers)} scope="col">{head[i]}</th>' for i in kept)
    lines = "".join(f"<tr>{''.join(_cell(head[i], row[i], i, i in numbers) for i in kept)}</tr>" for row in rows_)
    return f'<div class="wide"><table class="stack"><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table></div>'


def _cell(name: str, cell: str, place: int, is_number: bool) -> str:
    """A cell that carries its column's name, for when the table has become a list; the first cell heads it."""
    if not cell or not place:
        return f"<td{_number(is_number)}>{cell}</td>"
    return f'<td{_number(is_number)} data-as="{name}"><span>{cell}</span></td>'


def _number(is_one: bool) -> str:
    return ' class="number"' if is_one else ""


def _verdict(why: Explanation) -> str:
    verdict = words.verdict(why)
    return f'<p class="verdict">{escape(verdict)}</p>' if verdict else ""


def _array(why: Explanation) -> str:
    printed = rows(why.value) if words.is_array(why) else None
    if printed is None:
        return ""
    lines = "".join("<tr>" + "".join(f'<td class="number">{entry}</td>' for entry in row) + "</tr>" for row in printed)
    return f'<div class="wide"><table style="width:auto"><tbody>{lines}</tbody></table></div>'


def _values(why: Explanation) -> str:
    latex = {name.text: name.latex for name, _ in why.values}
    lists = []
    for said, named in zip(("", '<p class="faint">beside them</p>'), words.values(why), strict=True):
        first, left_out, last = words.ends(named, words.SHOWN_VALUES)
        items = [f"<li>{mathml(latex[name], name)} {number(value)}</li>" for name, value in [*first, *last]]
        if left_out:
            items.insert(len(first), f'<li class="faint">… {left_out:,} more …</li>')
        lists.append(f'{said}<ul class="values">{"".join(items)}</ul>' if items else "")
    return _section("Values on the way", *lists) if any(lists) else ""


def _chain(why: Explanation) -> str:
    if not why.factors or words.is_one_sum(why):
        return ""
    first, left_out, last = words.ends(why.factors, words.SHOWN_FACTORS)
    shown = [*first, *last]
    columns = ("factor", "formula", "with numbers", "value", "meaning")
    if words.is_one_step(why):
        return _section("The only factor", stacked_table(columns, [_factor(why.factors[0])], numbers=(3,)))
    product = [partial(factor.of, factor.by) for factor in shown]
    product[len(first) : len(first)] = [r"\cdots"] if left_out else []
    written = mathml(partial(why.of, why.wrt) + " = " + r" \cdot ".join(product), words.chain(why))
    said = [f'<div class="wide">{written}</div>']
    lines = [_factor(factor) for factor in shown]
    lines[len(first) : len(first)] = [(f"… {left_out:,} more factors …", "", "", "", "")] if left_out else []
    said.append(stacked_table(columns, lines, numbers=(3,)))
    if not words.is_array(why):
        numbers = [factor_number(factor.value) for factor in shown]
        numbers[len(first) : len(first)] = [f"… {left_out:,} more …"] if left_out else []
        said.append(f"<p>{' × '.join(numbers)} = <strong>{number(why.value)}</strong></p>")
    return _section("Chain rule", *said)


def _factor(factor: Factor) -> tuple[str, str, str, str, str]:
    name = mathml(partial(factor.of, factor.by), factor.written)
    if len(factor.terms) > 1:
        formula = f"the sum of {factor.term_count:,} terms, below"
    else:
        formula = _formula(factor.formula) if factor.formula.text != factor.written else ""
    value = "" if words.is_carried(factor) else summary(factor.value)
    put_in = words.spoken(factor.formula.numbers)
    return (
        name,
        formula,
        f"<code>{escape(put_in)}</code>" if put_in not in ("", value) else "",
        value,
        escape(factor.meaning),
    )


def _case(found: Cases) -> str:
    formula = mathml(f"{partial(found.of, found.by)} = {cases(found)}", words.cases(found))
    return _section("Output layer or hidden layer", f"<p>{formula}</p>")


def _terms(factor: Factor) -> str:
    if not factor.terms:
        return ""
    shown, more, rest = words.terms(factor)
    largest = max(abs(term.value) for term in shown)
    lines = [
        (
            mathml(term.through.latex, term.through.text),
            f"{_formula(term.formula)} = {number(term.slope)}"
            if term.formula.text != number(term.slope)
            else number(term.slope),
            number(term.arrived),
            number(term.value) + _bar(term.value, largest),
        )
        for term in shown
    ]
    if more:
        lines.append((f"and {more:,} more", "", "", number(rest)))
    lines.append(("<strong>sum</strong>", "", "", number(factor.value)))
    one = factor.term_count == 1
    title = mathml(partial(factor.of, factor.by), factor.written) + (
        ": one path arrives" if one else ": paths merge here and add up"
    )
    return _section(
        title, stacked_table(("through", "its slope", "times what arrived there", "value"), lines, numbers=(2, 3))
    )


def _bar(value: float, largest: float) -> str:
    share = abs(value) / largest if largest > 0 else 0.0
    if not 0 <= share <= 1:
        return ""
    return f'<span class="bar{" minus" if value < 0 else ""}" style="width:{max(100 * share, 1):.0f}%"></span>'


def _paths(why: Explanation, top: int) -> str:
    paths = why.paths(top)
    said = [f"<p>{escape(words.counting(why))}</p>"]
    if len(paths) > 1:
        largest = abs(paths[0].value)
        lines = [
            (number(path.value) + _bar(path.value, largest), percent(share), _through(path))
            for path, share in zip(paths, words.shares(why, paths), strict=True)
        ]
        said.append(stacked_table(("value", "share", "path"), lines, numbers=(0, 1)))
    elif paths:
        said.append(f"<p>{_through(paths[0])}</p>")
    summed = " ".join(filter(None, (words.carrying(why, len(paths)), words.cancelling(why))))
    return _section("Paths", *said, f"<p>{escape(summed)}</p>" if summed else "")


def _through(path: Path) -> str:
    first, left_out, last = words.ends([mathml(name.latex, name.text) for name in reversed(path.through)], 9)
    return " → ".join([*first, *([f"… {left_out:,} more …"] if left_out else []), *last])


def _code(why: Explanation) -> str:
    found = words.lines(why)
    if not found:
        return ""
    lines = [
        (
            f'<span class="faint">{escape(line.place)}</span>',
            f"<code>{escape(line.code or 'in ' + line.function)}</code>",
            escape(line.made),
        )
        for line in found
    ]
    return _section("Your code", stacked_table(("line", "code", "makes"), lines, numbers=()))
