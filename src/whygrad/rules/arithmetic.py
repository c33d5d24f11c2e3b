"""Arithmetic, number by number: + - * / and their relatives."""

from __future__ import annotations

import math

import numpy as np

from whygrad.rules.define import At, Value, at, define, spells

ONE = at((2, 3))
POSITIVE = at((2, 3), between=(0.3, 2.0))
PAIR = (at((2, 3), (2, 3)), at((2, 3), (3,)), at((2, 1), (1, 3)), at((), (2, 3)))


def nonzero(rng: np.random.Generator) -> list[Value]:
    """Numbers of both signs, well away from 0."""
    return [rng.uniform(0.5, 2, (2, 3)) * np.array([1.0, -1.0, 1.0])]


def nonzero_pair(rng: np.random.Generator) -> list[Value]:
    """A numerator of any sign over a divisor of any sign, well away from 0."""
    return [rng.uniform(-2, 2, (2, 3)), rng.uniform(0.5, 2, 3) * np.array([1.0, -1.0, 1.0])]


add = define("add", "x y", np.add,
    slopes=(1.0, 1.0),
    written="{x} + {y}",
    because=("a sum passes every change on unchanged",) * 2,
    tested_at=PAIR)

subtract = define("subtract", "x y", np.subtract,
    slopes=(1.0, -1.0),
    written="{x} - {y}",
    because=("passed on unchanged", "passed on with its sign flipped"),
    tested_at=PAIR)

multiply = define("multiply", "x y", np.multiply,
    slopes=(lambda out, x, y: y,
            lambda out, x, y: x),
    singular=True,
    written=r"{x} \cdot {y}",
    because=("the slope of one factor is the other factor",) * 2,
    tested_at=PAIR)

def _reciprocal_of(y: Value) -> Value:
    if isinstance(y, (int, float)) and y == 0:
        return math.copysign(math.inf, y)  # Python's own 1/0 is an error, NumPy's is inf
    return 1.0 / y


divide = define("divide", "x y", np.divide,
    slopes=(lambda out, x, y: _reciprocal_of(y),
            lambda out, x, y: -out / y),
    singular=True,
    written=r"\frac{{{x}}}{{{y}}}",
    because=("a small divisor magnifies every change above it", "a larger divisor shrinks the result"),
    convention="at y = 0 the slope is inf or NaN, and is returned as such",
    tested_at=(At(given=nonzero_pair), *(at(*place.shapes, between=(0.5, 2.0)) for place in PAIR)))

negative = define("negative", "x", np.negative,
    slopes=(-1.0,),
    written="-{x}",
    because=("passed on with its sign flipped",),
    tested_at=(ONE,))

positive = define("positive", "x", np.positive,
    slopes=(1.0,),
    written="+{x}",
    because=("passed on unchanged",),
    tested_at=(ONE,))

square = define("square", "x", np.square,
    slopes=(lambda out, x: 2.0 * x,),
    written="{x}^{{2}}",
    because=("twice the distance from 0: the farther away, the steeper",),
    tested_at=(ONE,))

reciprocal = define("reciprocal", "x", np.reciprocal,
    slopes=(lambda out, x: -out ** 2,),
    singular=True,
    written=r"\frac{{1}}{{{x}}}",
    because=("the larger x, the smaller its reciprocal, most steeply near 0",),
    convention="at x = 0 the slope is -inf, and is returned as -inf",
    tested_at=(At(given=nonzero),))


@spells(np.conjugate, np.real, np.real_if_close, tested_at=(ONE,))
def conjugate(x: Value) -> Value:
    """``numpy.conjugate`` and ``numpy.real``: whygrad's numbers are real, so both change nothing."""
    return positive(x)
