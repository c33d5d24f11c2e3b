"""Methods of NumPy's functions: np.add.reduce, np.multiply.accumulate, np.subtract.outer. The others are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.rules import arithmetic, choices, functions, no_slope, remainders, trigonometry
from whygrad.rules.arithmetic import ONE
from whygrad.rules.define import Rule, Value, at, refuse, spells
from whygrad.rules.extremes import max_, min_
from whygrad.rules.queries import all as all_
from whygrad.rules.queries import any as any_
from whygrad.rules.running import cumprod, cumsum, prod
from whygrad.rules.shapes import reshape
from whygrad.rules.softmax import logsumexp_
from whygrad.rules.sums import REDUCED, Axis, shape, sum_


def _reduce(ufunc: np.ufunc, whole: Callable[..., Value], *tested_at: Any) -> None:
    def reduce(array: Value, axis: Axis = 0, dtype: None = None, out: None = None, keepdims: bool = False,
               initial: None = None, where: None = None) -> Value:
        refuse(f"{ufunc.__name__}.reduce", dtype=dtype, out=out, initial=initial, where=where)
        return whole(array, axis=axis, keepdims=keepdims)

    reduce.__name__ = f"{ufunc.__name__}.reduce"
    spells((ufunc, "reduce"), tested_at=tested_at)(reduce)


def _accumulate(ufunc: np.ufunc, running: Callable[..., Value]) -> None:
    def accumulate(array: Value, axis: int = 0, dtype: None = None, out: None = None) -> Value:
        refuse(f"{ufunc.__name__}.accumulate", dtype=dtype, out=out)
        return running(array, axis=axis)

    accumulate.__name__ = f"{ufunc.__name__}.accumulate"
    spells((ufunc, "accumulate"), tested_at=(ONE, at((2, 3), axis=1)))(accumulate)


def _outer(ufunc: np.ufunc, rule: Rule) -> None:
    def outer(a: Value, b: Value) -> Value:
        a, b = (x if hasattr(x, "apply_rule") else np.asarray(x) for x in (a, b))
        return rule(reshape(a, shape=(*shape(a), *(1,) * len(shape(b)))), b)

    outer.__name__ = f"{ufunc.__name__}.outer"
    spells((ufunc, "outer"), tested_at=(at((2, 2), (3,), between=(0.3, 2.0)),) if None not in rule.pulls else ())(outer)


_reduce(np.add, sum_, *REDUCED)
_reduce(np.multiply, prod, *REDUCED)
_reduce(np.maximum, max_, *REDUCED)
_reduce(np.minimum, min_, *REDUCED)
_reduce(np.logaddexp, logsumexp_, *REDUCED)
_reduce(np.logical_and, all_)
_reduce(np.logical_or, any_)
_accumulate(np.add, cumsum)
_accumulate(np.multiply, cumprod)

for _module in (arithmetic, choices, functions, no_slope, remainders, trigonometry):
    for _rule in list(vars(_module).values()):
        if isinstance(_rule, Rule) and isinstance(_rule.forward, np.ufunc) and _rule.forward.nin == 2:
            _outer(_rule.forward, _rule)
