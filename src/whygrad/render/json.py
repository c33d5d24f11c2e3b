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
        "value": json_value(why.value),
        "cost": json_number(why.cost),
        "values": [{"name": _name(name), "value": json_number(value)} for name, value in why.values],
        "factors": [_factor(factor) for factor in why.factors],
        "case": _cases(why.case) if why.case else None,
        "paths": None if words.is_array(why) else _paths(why, top),
        "dependencies": {name: _dependency(why, name) for name in _names(why)},
    }


def _paths(why: Explanation, top: int) -> dict[str, Any]:
    paths = why.paths(top)
    return {
        "count": _count(why.path_count),
        "cancellation": json_number(why.cancellation),
        "coverage": json_number(why.coverage_of(len(paths)) if paths else 1.0),
        "strongest": [_path(path, share) for path, share in zip(paths, words.shares(why, paths), strict=True)],
    }


def _path(path: Path, share: float) -> dict[str, Any]:
    return {
        "value": json_number(path.value),
        "share": json_number(share),
        "through": [name.text for name in path.through],
        "factors": [{"of": f.of.text, "by": f.by.text, "value": json_number(f.value)} for f in path.factors],
    }


def _factor(factor: Factor) -> dict[str, Any]:
    return {
        "of": _name(factor.of),
        "by": _name(factor.by),
        "kind": factor.kind,
        "value": json_value(factor.value),
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
        "slope": json_number(term.slope),
        "arrived": json_number(term.arrived),
        "value": json_number(term.value),
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


def json_number(x: Any) -> float | str:
    """A number, or the name of one that JSON lacks."""
    number = float(x)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def json_value(value: Any) -> Any:
    """A number; an array as nested lists."""
    return [json_value(row) for row in value] if np.ndim(value) else json_number(value)


def json_data(data: Any) -> Any:
    """Nested lists and dicts with every number in a form that JSON has."""
    if isinstance(data, dict):
        return {key: json_data(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [json_data(value) for value in data]
    return json_number(data) if isinstance(data, float) else data


def _count(n: int) -> int | str:
    if n <= EXACT:
        return n
    digits = math.log10(n)
    return str(n) if digits < MOST_DIGITS else f"about 10^{digits:.0f}"
