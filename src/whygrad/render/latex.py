"""An explanation as LaTeX: an amsmath derivation that compiles whatever the user's names are."""

from __future__ import annotations

import re
import unicodedata

from whygrad.explain.explanation import Cases, Explanation, Factor, Name, Path
from whygrad.render import words
from whygrad.render.numbers import count, latex_factor, latex_number, percent, shape_text

WRITTEN_OUT = 3  # terms: up to here a sum is written out, beyond with a sigma over the values v_k that it goes through
PER_LINE = 4  # factors under braces that fit on one line of a page
LETTERS = {
    "⟨": r"\langle ",
    "⟩": r"\rangle ",
    "∂": r"\partial ",
    "…": r"\ldots ",
    "·": r"\cdot ",
    "×": r"\times ",
    "−": "-",
    "~": r"\sim ",
    "ϵ": r"\epsilon ",
    "ϕ": r"\varphi ",
}
GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega"
).split()


def explanation_latex(why: Explanation, top: int = 10) -> str:
    r"""The derivation in ``align*``: the chain rule with its numbers, sums where paths merge, the ``top`` paths.

    Needs ``\usepackage{amsmath}`` and nothing else.
    """
    blocks = [aligned(_chain_rule(why))] if not words.is_one_sum(why) or not why.path_count else []
    blocks += [aligned([f"{partial(why.case.of, why.case.by)} &= {cases(why.case)}"])] if why.case else []
    blocks += [aligned(_merge(factor)) for factor in why.factors if factor.terms]
    if not words.is_array(why):
        paths = why.paths(top)
        if len(paths) > 1:
            said = [words.carrying(why, len(paths)), words.cancelling(why)]
            blocks.append(" ".join([_counting(why), *(prose(sentence) for sentence in said if sentence)]))
            blocks.append(aligned(_paths(why, paths)))
    return "\n\n".join(blocks) + "\n"


def _counting(why: Explanation) -> str:
    """How many paths there are, with the names set as formulas."""
    names = f"from {why.wrt} to {why.of}."
    return prose(words.counting(why).removesuffix(names)) + f"from ${safe(why.wrt.latex)}$ to ${safe(why.of.latex)}$."


def aligned(lines: list[str]) -> str:
    """Lines of a derivation, each already with its ``&``, under one another."""
    return "\\begin{align*}\n  " + " \\\\\n  ".join(lines) + "\n\\end{align*}"


def partial(of: Name, by: Name) -> str:
    r"""``\frac{\partial C}{\partial w}``."""
    return rf"\frac{{\partial {safe(of.latex)}}}{{\partial {safe(by.latex)}}}"


def _chain_rule(why: Explanation) -> list[str]:
    first, left_out, last = words.ends(why.factors, words.SHOWN_FACTORS)
    skipped = [rf"\underbrace{{\cdots}}_{{{left_out}\text{{ more}}}}"] if left_out else []
    braced = [*map(_braced, first), *skipped, *map(_braced, last)]
    if words.is_one_step(why) and not words.is_array(why):
        formula, value = safe(why.factors[0].formula.latex), latex_number(why.value)
        return [f"{partial(why.of, why.wrt)} &= {formula}", *([f"&= {value}"] if value != formula else [])]
    rows = [r" \cdot ".join(braced[i : i + PER_LINE]) for i in range(0, len(braced), PER_LINE)]
    lines = [
        f"{partial(why.of, why.wrt)} &= {rows[0]}"
        if rows
        else f"{partial(why.of, why.wrt)} &= {latex_value(why.value)}"
    ]
    lines += [rf"&\quad \cdot {row}" for row in rows[1:]]
    if words.is_array(why) or not rows:
        return lines
    numbers = [
        *(latex_factor(f.value) for f in first),
        *([r"\cdots"] if left_out else []),
        *(latex_factor(f.value) for f in last),
    ]
    rows = [r" \cdot ".join(numbers[i : i + 2 * PER_LINE]) for i in range(0, len(numbers), 2 * PER_LINE)]
    lines += [f"&= {rows[0]}", *(rf"&\quad \cdot {row}" for row in rows[1:])]
    return lines if len(numbers) == 1 else [*lines, f"&= {latex_number(why.value)}"]


def _braced(factor: Factor) -> str:
    """A derivative with its formula under a brace; a derivative whose formula is only its own name has none."""
    name, formula = partial(factor.of, factor.by), safe(factor.formula.latex)
    if factor.terms or factor.formula.text == factor.written:
        return name
    return rf"\underbrace{{{name}}}_{{{formula}}}"


def _merge(factor: Factor) -> list[str]:
    """Where paths merge: one line for each term, then the sum."""
    name = partial(factor.of, factor.by)
    shown, more, rest = words.terms(factor)
    if factor.term_count <= WRITTEN_OUT:
        products = [rf"{partial(t.through, factor.by)} \cdot {partial(factor.of, t.through)}" for t in shown]
    else:
        slope = rf"\frac{{\partial v_k}}{{\partial {safe(factor.by.latex)}}}"
        arrived = rf"\frac{{\partial {safe(factor.of.latex)}}}{{\partial v_k}}"
        products = [rf"\sum_{{k=1}}^{{{factor.term_count}}} {slope} \cdot {arrived}"]
    sums = [f"{name} &= " + " + ".join(products)]
    for place, term in enumerate(shown):
        sign = "=" if place == 0 else "+"
        product = rf"{latex_factor(term.slope)} \cdot {latex_factor(term.arrived)}"
        through = rf"&& \text{{through }} {safe(term.through.latex)}"
        sums.append(rf"&{sign} \underbrace{{{product}}}_{{{latex_number(term.value)}}} {through}")
    if more:
        sums.append(rf"&+ \underbrace{{\cdots}}_{{{latex_number(rest)}}} && \text{{{more:,} more}}")
    return [*sums, f"&= {latex_number(factor.value)}"]


def cases(found: Cases) -> str:
    """The right sides under one another, each with its condition, the one that applies marked."""
    mark = r" \quad \leftarrow \text{ this case}"
    return (
        r"\begin{cases} "
        + r" \\ ".join(
            f"{branch.formula.latex} & {branch.condition.latex}{mark if branch.applies else ''}"
            for branch in found.branches
        )
        + r" \end{cases}"
    )


def _paths(why: Explanation, paths: tuple[Path, ...]) -> list[str]:
    lines = []
    for path, share in zip(paths, words.shares(why, paths), strict=True):
        first, left_out, last = words.ends([safe(name.latex) for name in reversed(path.through)], 9)
        steps = [*first, *([rf"\overset{{{count(left_out)}}}{{\cdots}}"] if left_out else []), *last]
        lines.append(rf"{latex_number(path.value)} &\quad {text(percent(share))} &\quad " + r" \to ".join(steps))
    return lines


def latex_value(x: object) -> str:
    """A number, or the shape of an array."""
    shape: tuple[int, ...] = getattr(x, "shape", ())
    return rf"\text{{array }} {safe(shape_text(shape))}" if shape else latex_number(x)


def text(words_: str) -> str:
    """Words inside a formula."""
    return rf"\text{{{prose(words_)}}}"


def prose(sentence: str) -> str:
    """A sentence outside formulas: LaTeX's own characters escaped, others than Latin ones set as formulas."""
    escaped = re.sub(r"([#$%&_{}])", r"\\\1", sentence.replace("\\", r"\textbackslash "))
    escaped = escaped.replace("~", r"\textasciitilde ").replace("^", r"\textasciicircum ")
    return re.sub(r"[^\x00-\x7f]+", lambda found: f"${safe(found[0])}$", escaped)


def safe(latex: str) -> str:
    """A formula in ASCII: a name may hold any letter that Python allows; ``params['W1'][0]`` has the indices W1, 0.

    A safe formula stays as it is.
    """
    plain = re.sub(r"(?<=[\[{,])'|'(?=\])", "", latex).replace('"', "").replace("][", ",")  # primes stay
    return re.sub(r"[^\x00-\x7f]|~", lambda found: _letter(found[0]), plain)


def _letter(character: str) -> str:
    if character in LETTERS:
        return LETTERS[character]
    name = unicodedata.name(character, "")
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name)
    if greek and greek[2].replace("LAMDA", "LAMBDA").lower() in GREEK:
        return _greek(greek[2].replace("LAMDA", "LAMBDA").lower(), capital=greek[1] == "CAPITAL")
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    described = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip().replace(" ", r"\ ")
    return plain if plain.isalnum() else rf"\mathrm{{{described}}}"


def _greek(name: str, *, capital: bool) -> str:
    if not capital:
        return rf"\{name} "
    has_own = {"gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega"}
    return rf"\{name.capitalize()} " if name in has_own else rf"\mathrm{{{'P' if name == 'rho' else name[0].upper()}}}"
