"""Choices: comparisons (no slope), where, the larger and the smaller of two."""

from __future__ import annotations

import numpy as np

from whygrad.rules.define import At, Rule, Value, at, define

NO_SLOPE = "a yes/no answer has no slope"
TIE = "at a tie each input gets one half"
SAME, ROW = at((2, 3), (2, 3)), at((2, 3), (3,))


def _comparison(ufunc: np.ufunc, sign: str) -> Rule:
    return define(ufunc.__name__, "x y", ufunc,
        pulls=(None, None), written=f"{{x}} {sign} {{y}}", because=(NO_SLOPE,) * 2)


greater = _comparison(np.greater, ">")
greater_equal = _comparison(np.greater_equal, r"\ge")
less = _comparison(np.less, "<")
less_equal = _comparison(np.less_equal, r"\le")
equal = _comparison(np.equal, "=")
not_equal = _comparison(np.not_equal, r"\ne")


def chosen(rng: np.random.Generator) -> list[Value]:
    """A mask, a table, and a row to broadcast."""
    return [rng.uniform(size=(2, 3)) > 0.5, rng.normal(size=(2, 3)), rng.normal(size=3)]


where = define("where", "c x y", np.where,
    pulls=(None,
           lambda g, out, c, x, y: where(c, g, 0.0),
           lambda g, out, c, x, y: where(c, 0.0, g)),
    written=r"\begin{{cases}} {x} & \text{{if }} {c} \\ {y} & \text{{otherwise}} \end{{cases}}",
    because=(NO_SLOPE, "counts only where it was chosen", "counts only where it was not"),
    tested_at=(At(given=chosen),))

maximum = define("maximum", "x y", np.maximum,
    slopes=(lambda out, x, y: where(x > y, 1.0, where(y > x, 0.0, 0.5)),
            lambda out, x, y: where(y > x, 1.0, where(x > y, 0.0, 0.5))),
    written=r"\max({x}, {y})",
    because=("only the larger input moves the output",) * 2,
    convention=TIE,
    tested_at=(SAME, ROW))

minimum = define("minimum", "x y", np.minimum,
    slopes=(lambda out, x, y: where(x < y, 1.0, where(y < x, 0.0, 0.5)),
            lambda out, x, y: where(y < x, 1.0, where(x < y, 0.0, 0.5))),
    written=r"\min({x}, {y})",
    because=("only the smaller input moves the output",) * 2,
    convention=TIE,
    tested_at=(SAME, ROW))
