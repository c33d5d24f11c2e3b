"""The largest and the smallest of many numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from whygrad.rules.choices import equal, not_equal, where
from whygrad.rules.define import Rule, Value, define, refuse, spells
from whygrad.rules.no_slope import logical_or
from whygrad.rules.sums import REDUCED, Axis, copies, shape, sum_

TIES = "numbers that tie share the slope equally; where the result is NaN, the NaNs among the numbers share it"


def _pull(g: Value, out: Value, x: Value, **how: Any) -> Value:
    """Shared equally among the numbers that are the extreme one."""
    extreme = logical_or(equal(x, copies(out, shape=shape(x), **how)), not_equal(x, x))  # only NaN differs from itself
    many = sum_(where(extreme, 1.0, 0.0), axis=how.get("axis"), keepdims=True)
    return where(extreme, copies(g, shape=shape(x), **how) / many, 0.0)


def _extreme(name: str, function: Any, adjective: str) -> Rule:
    return define(name, "x", lambda x, *, axis=None, keepdims=False: function(x, axis=axis, keepdims=keepdims),
        pulls=(_pull,),
        written=rf"\{name}({{x}})",
        because=(f"only the {adjective} number moves the result",),
        convention=TIES,
        tested_at=REDUCED)


max_ = _extreme("max", np.max, "largest")
min_ = _extreme("min", np.min, "smallest")


@spells(np.max, np.amax, tested_at=REDUCED, convention=TIES)
def max(a: Value, axis: Axis = None, out: None = None, keepdims: bool = False, initial: None = None, where: None = None) -> Value:
    """``numpy.max``; ``out=``, ``initial=`` and ``where=`` are refused."""
    refuse("max", out=out, initial=initial, where=where)
    return max_(a, axis=axis, keepdims=keepdims)


@spells(np.min, np.amin, tested_at=REDUCED, convention=TIES)
def min(a: Value, axis: Axis = None, out: None = None, keepdims: bool = False, initial: None = None, where: None = None) -> Value:
    """``numpy.min``; ``out=``, ``initial=`` and ``where=`` are refused."""
    refuse("min", out=out, initial=initial, where=where)
    return min_(a, axis=axis, keepdims=keepdims)


@spells(np.ptp, tested_at=REDUCED, convention=TIES)
def ptp(a: Value, axis: Axis = None, out: None = None, keepdims: bool = False) -> Value:
    """``numpy.ptp``: the largest minus the smallest; ``out=`` is refused."""
    refuse("ptp", out=out)
    return max_(a, axis=axis, keepdims=keepdims) - min_(a, axis=axis, keepdims=keepdims)
