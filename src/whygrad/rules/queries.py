"""Questions about numbers: the answer stays the same when the numbers move a little, so it has no slope.

The answer to "in which order?" can still be what an array is picked by, so traces that keep everything keep the question:
its traced arguments become the inputs of a rule, and holes mark where they stood among the plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.errors import UnsupportedError
from whygrad.rules.define import Rule, Value, define, spells
from whygrad.rules.sums import shape as shape_of

NO_SLOPE = "the answer stays the same when a number moves a little"


@dataclass(frozen=True)
class Hole:
    """Where traced value ``number`` stood among plain arguments."""

    number: int


def is_traced(x: Any) -> bool:
    """True for a value that rules are recorded on, and not run on."""
    return hasattr(x, "apply_rule")


def plain(x: Value) -> Value:
    """The numbers under any number of traces."""
    while is_traced(x):
        x = x.value
    return x


def with_holes(given: Any, found: list[Value]) -> Any:
    """``given`` with its traced values, also those in tuples, lists and dictionaries, moved to ``found``."""
    if is_traced(given):
        found.append(given)
        return Hole(len(found) - 1)
    if isinstance(given, (tuple, list)):
        return type(given)([with_holes(part, found) for part in given])
    if isinstance(given, dict):
        return {key: with_holes(part, found) for key, part in given.items()}
    return np.array(given) if isinstance(given, np.ndarray) else given  # a copy: the caller may change it later


def filled(pattern: Any, found: Sequence[Value]) -> Any:
    """The reverse of ``with_holes``."""
    if isinstance(pattern, Hole):
        return found[pattern.number]
    if isinstance(pattern, (tuple, list)):
        return type(pattern)([filled(part, found) for part in pattern])
    if isinstance(pattern, dict):
        return {key: filled(part, found) for key, part in pattern.items()}
    return pattern


def question(function: Callable[..., Any], name: str = "") -> Callable[..., Value]:
    """A function without slope, answered in plain numbers; called like ``function``, which may be NumPy's."""
    name = name or function.__name__
    rule: Rule = define(name, "*xs", lambda *xs, args, kwargs: np.asarray(function(*filled(args, xs), **filled(kwargs, xs)))[()],
        pulls=(None,), written=rf"\mathrm{{{{{name.replace('_', chr(92) + '_')}}}}}({{xs}})", because=(NO_SLOPE,))

    def ask(*args: Any, **kwargs: Any) -> Value:
        if kwargs.pop("out", None) is not None:
            raise UnsupportedError(f"np.{name}(..., out=...) of a traced value", try_="leave out= out, and use what is returned")
        found: list[Value] = []
        args, kwargs = with_holes(args, found), with_holes(kwargs, found)
        return rule(*found, args=args, kwargs=kwargs)

    return spells(function)(ask) if not name.startswith("_") else ask


argsort = question(np.argsort)
argpartition = question(np.argpartition)
lexsort = question(np.lexsort)
argwhere = question(np.argwhere)
flatnonzero = question(np.flatnonzero)
count_nonzero = question(np.count_nonzero)
argmax = question(np.argmax)
argmin = question(np.argmin)
nanargmax = question(np.nanargmax)
nanargmin = question(np.nanargmin)
any = question(np.any)
all = question(np.all)
searchsorted = question(np.searchsorted)
digitize = question(np.digitize)
isin = question(np.isin)
isclose = question(np.isclose)
allclose = question(np.allclose)
array_equal = question(np.array_equal)
array_equiv = question(np.array_equiv)
isposinf = question(np.isposinf)
isneginf = question(np.isneginf)


@spells(np.nonzero)
def nonzero(x: Value) -> tuple[Value, ...]:
    """``numpy.nonzero``: for each axis, the indices of the numbers that are not 0."""
    places = argwhere(x)
    return tuple(places[:, axis] for axis in range(len(shape_of(x))))


ravel_multi_index = question(np.ravel_multi_index)
_unravelled = question(lambda indices, shape, order: np.array(np.unravel_index(indices, shape, order)), "_unravel_index")


@spells(np.unravel_index)
def unravel_index(indices: Value, shape: tuple[int, ...], order: str = "C") -> tuple[Value, ...]:
    """``numpy.unravel_index``: ``np.unravel_index(np.argmax(x), x.shape)`` is where the largest number is."""
    places = _unravelled(indices, shape, order)
    return tuple(places[axis] for axis in range(len(shape)))


# ---- what is known without looking at the numbers -------------------------------------------------------------------------


def _dtype_or_plain(x: Any) -> Any:
    return x.dtype if is_traced(x) else x


spells(np.shape)(shape_of)
spells(np.ndim)(lambda a: len(shape_of(a)))
spells(np.size)(lambda a, axis=None: np.size(np.broadcast_to(0, shape_of(a)), axis))
spells(np.diag_indices_from)(lambda arr: np.diag_indices_from(np.broadcast_to(0, shape_of(arr))))
spells(np.tril_indices_from)(lambda arr, k=0: np.tril_indices_from(np.broadcast_to(0, shape_of(arr)), k))
spells(np.triu_indices_from)(lambda arr, k=0: np.triu_indices_from(np.broadcast_to(0, shape_of(arr)), k))
spells(np.result_type)(lambda *values: np.result_type(*map(_dtype_or_plain, values)))
spells(np.common_type)(lambda *arrays: np.result_type(*map(_dtype_or_plain, arrays), np.float16).type)
spells(np.can_cast)(lambda from_, to, casting="safe": np.can_cast(_dtype_or_plain(from_), to, casting))
spells(np.min_scalar_type)(lambda a: np.min_scalar_type(plain(a)))
spells(np.iscomplexobj)(lambda x: False)
spells(np.isrealobj)(lambda x: True)
spells(np.iscomplex)(lambda x: np.zeros(shape_of(x), bool)[()])
spells(np.isreal)(lambda x: np.ones(shape_of(x), bool)[()])

# ---- what is printed --------------------------------------------------------------------------------------------------------

for _printer in (np.array2string, np.array_repr, np.array_str):
    spells(_printer)(lambda a, *args, printer=_printer, **kwargs: printer(plain(a), *args, **kwargs))
