"""An explanation as plain data for JSON, after docs/explanation-schema.json.

JSON has no NaN and no infinity: they are the strings "NaN", "Infinity" and "-Infinity". A whole number of paths that
other languages could not hold exactly (above 2^53) is a string of its digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from whygrad.explain.explanation import Cases, Explanation, Factor, Formula, Name, Path, Term
from whygrad.render import words

VERSION = 1
EXACT = 2**53  # the largest whole number up to which JavaScript's numbers are exact
MOST_NAMES = 100
MOST_DIGITS = 4000  # Python itself refuses to write numbers of more than 4300


def explanation_dict(why: Explanation, top: int = 10) -> dict[str, Any]:
    """The explanation with its ``top`` strongest paths; ``json.dumps(..., allow_nan=False)`` takes it as it is."""
    return {
        "schema": "whygrad.explanation",
        "version": VERSION,
        "function": why.function,
        "of": _name(why.of),
        "wrt": _name(why.wrt),
        "value": _value(why.value),
        "cost": _number(why.cost),
        "values": [{"name": _name(name), "value": _number(value)} for name, value in why.values],
        "factors": [_factor(factor) for factor in why.factors],
        "case": _cases(why.case) if why.case else None,
        "paths": None if words.is_array(why) else _paths(why, top),
        "dependencies": {name: _dependency(why, name) for name in _names(why)},
    }


def _paths(why: Explanation, top: int) -> dict[str, Any]:
    paths = why.paths(top)
    return {
        "count": _count(why.path_count),
        "cancellation": _number(why.cancellation),
        "coverage": _number(why.coverage_of(len(paths)) if paths else 1.0),
        "strongest": [_path(path, share) for path, share in zip(paths, words.shares(why, paths), strict=True)],
    }


def _path(path: Path, share: float) -> dict[str, Any]:
    return {
        "value": _number(path.value),
        "share": _number(share),
        "through": [name.text for name in path.through],
        "factors": [{"of": f.of.text, "by": f.by.text, "value": _number(f.value)} for f in path.factors],
    }


def _factor(factor: Factor) -> dict[str, Any]:
    return {
        "of": _name(factor.of),
        "by": _name(factor.by),
        "kind": factor.kind,
        "value": _value(factor.value),
        "formula": _formula(factor.formula),
        "meaning": factor.meaning,
        "terms": [_term(term) for term in factor.terms],
        "term_count": factor.term_count,
        "where": factor.where,
        "rules": list(factor.rules),
    }


def _cases(found: Cases) -> dict[str, Any]:
    return {
        "of": _name(found.of),
        "by": _name(found.by),
        "branches": [
            {"formula": _formula(b.formula), "condition": _formula(b.condition), "applies": b.applies}
            for b in found.branches
        ],
    }


def _term(term: Term) -> dict[str, Any]:
    return {
        "through": _name(term.through),
        "slope": _number(term.slope),
        "arrived": _number(term.arrived),
        "value": _number(term.value),
        "formula": _formula(term.formula),
    }


def _names(why: Explanation) -> list[str]:
    """Every named value; in a program of very many only the one asked about: the lists grow with the square."""
    names, asked_about = list(why.dependencies), words.value_of(why)
    return names if len(names) <= MOST_NAMES else [asked_about] if asked_about else []


def _dependency(why: Explanation, name: str) -> dict[str, Any]:
    dependency = why.dependencies[name]
    return {
        "affects": list(dependency.affects),
        "between": list(dependency.between),
        "paths": _count(dependency.paths),
    }


def _name(name: Name) -> dict[str, str]:
    return {"text": name.text, "latex": name.latex}


def _formula(formula: Formula) -> dict[str, str]:
    return {"text": formula.text, "latex": formula.latex, "numbers": formula.numbers}


def _number(x: Any) -> float | str:
    number = float(x)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _value(value: Any) -> Any:
    """A number; an array as nested lists."""
    return [_value(row) for row in value] if np.ndim(value) else _number(value)


def _count(n: int) -> int | str:
    if n <= EXACT:
        return n
    digits = math.log10(n)
    return str(n) if digits < MOST_DIGITS else f"about 10^{digits:.0f}"
