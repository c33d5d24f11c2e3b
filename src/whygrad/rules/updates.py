"""Arrays with some numbers changed: ``x.at[i].set(v)`` and its kin, where NumPy would write into x.

A traced array is never written into, because what it held before may still be needed for the gradient; these return a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.errors import OutOfRangeError, ShapeError, TracedValueError, UnsupportedError
from whygrad.rules import choices
from whygrad.rules.define import NUMPY, At, Value, define
from whygrad.rules.indexing import item, may_repeat, pick, place, settled
from whygrad.rules.queries import filled, plain
from whygrad.rules.shapes import array, as_dtype, broadcast, reshape
from whygrad.rules.sums import shape as shape_of


def _replace(x: Value, v: Value, *found: Value, pattern: Any) -> Value:
    out = np.array(x)
    out[filled(pattern, found)] = v
    return out


def _survivors(*found: Value, pattern: Any, shape: tuple[int, ...]) -> Value:
    """1 for each written number that is still there afterwards, 0 for one that a later write to the same place replaced."""
    index = filled(pattern, found)
    owner = np.full(shape, -1)
    written = owner[index].shape
    turns = np.arange(int(np.prod(written))).reshape(written)
    owner[index] = turns
    return (owner[index] == turns).astype(np.float16)  # the narrowest floating point: it widens no gradient


survivors = define("survivors", "*found", _survivors,
    pulls=(None,),
    written=r"\mathrm{{survivors}}({found})",
    because=("which write came last does not depend on what was written",))


def _pull_replace(g: Value, out: Value, x: Value, v: Value, *found: Value, pattern: Any, arg: int) -> Value:
    if arg == 0:
        return replace(g, np.zeros(()), *found, pattern=pattern)
    arrived = pick(g, *found, pattern=pattern)
    if not found and not may_repeat(pattern):
        return arrived
    return arrived * survivors(*found, pattern=pattern, shape=shape_of(x))


def _twice(rng: np.random.Generator) -> list[Value]:
    return [rng.normal(size=(3, 2)), rng.normal(size=(3, 2))]


replace = define("replace", "*parts", _replace,
    pulls=(_pull_replace,),
    written=r"\mathrm{{replace}}({parts})",
    because=("a number that was replaced counts no longer; the new one counts in its place",),
    convention="where one place is written several times, the last number written there counts",
    tested_at=(At(((2, 3), (2,)), params=dict(pattern=(slice(None), 1))), At(((2, 3), ()), params=dict(pattern=0)),
               At(given=_twice, params=dict(pattern=np.array([0, 2, 0])))))


@dataclass(frozen=True, eq=False)
class Places:
    """``at(x)``, or ``x.at``: waits for the index."""

    x: Value

    def __getitem__(self, index: Any) -> Place:
        return Place(self.x, index)


@dataclass(frozen=True, eq=False)
class Place:
    """``x.at[index]``: each method returns a new array that differs from x at that index."""

    x: Value
    index: Any

    def get(self) -> Value:
        """``x[index]``."""
        return item(self.x, self.index)

    def set(self, v: Value) -> Value:
        """x with ``v`` written at the index, in x's dtype; where a place is named twice, the last number stays."""
        pattern, found = settled(self.x, self.index)
        return replace(self.x, self._fitting(v), *found, pattern=pattern)

    def add(self, v: Value) -> Value:
        """x with ``v`` added at the index; where a place is named twice, both are added."""
        pattern, found = settled(self.x, self.index)
        v = self._fitting(v)
        v = v if shape_of(v) == self._shape() else broadcast(v, shape=self._shape())
        return self.x + place(v, *found, pattern=pattern, shape=shape_of(self.x))

    def subtract(self, v: Value) -> Value:
        """x with ``v`` taken away at the index."""
        return self.add(-self._fitting(v))

    def multiply(self, v: Value) -> Value:
        """x multiplied by ``v`` at the index, which may not name a place twice (nor in the methods below)."""
        return self._once("multiply").set(self.get() * v)

    def divide(self, v: Value) -> Value:
        """x divided by ``v`` at the index."""
        return self._once("divide").set(self.get() / v)

    def power(self, v: Value) -> Value:
        """x to the power ``v`` at the index."""
        return self._once("power").set(self.get() ** v)

    def min(self, v: Value) -> Value:
        """The smaller of x and ``v`` at the index."""
        return self._once("min").set(choices.minimum(self.get(), v))

    def max(self, v: Value) -> Value:
        """The larger of x and ``v`` at the index."""
        return self._once("max").set(choices.maximum(self.get(), v))

    def _shape(self) -> tuple[int, ...]:
        """The shape of ``x[index]``."""
        pattern, found = settled(self.x, self.index)
        try:
            return np.shape(np.broadcast_to(0.0, shape_of(self.x))[filled(pattern, [plain(i) for i in found])])
        except IndexError as error:
            raise OutOfRangeError(f"x.at[i] of an array of shape {shape_of(self.x)}: {error}") from None

    def _fitting(self, v: Value) -> Value:
        """``v`` in x's dtype, without the leading axes of length 1 that NumPy's assignment ignores."""
        v = array(v)
        v = as_dtype(v, self.x.dtype) if hasattr(v, "apply_rule") else v.astype(self.x.dtype)
        given, there = shape_of(v), self._shape()
        while len(given) > len(there) and given[0] == 1:
            given = given[1:]
        if len(given) > len(there) or any(n not in (1, m) for n, m in zip(given[::-1], there[::-1], strict=False)):
            raise ShapeError(f"x.at[i] takes numbers of shape {there}, and was given shape {shape_of(v)}")
        return v if given == shape_of(v) else reshape(v, shape=given)

    def _once(self, method: str) -> Place:
        pattern, found = settled(self.x, self.index)
        index = filled(pattern, [plain(i) for i in found])
        if may_repeat(index) and not np.all(_survivors(pattern=index, shape=shape_of(self.x))):
            raise UnsupportedError(f"x.at[i].{method}(v) with an index that names one place twice",
                                   why="only set, add and subtract say what happens there", try_=f"one .{method} after the other")
        return self


def at(x: Value) -> Places:
    """``at(x)[i].set(v)``: like ``x.at[i].set(v)``, for plain arrays too."""
    return Places(x if hasattr(x, "apply_rule") else np.asarray(x))


# ---- NumPy's functions that write into their argument ------------------------------------------------------------------------

INSTEAD = {
    np.put: "x = x.at[i].set(v), with i into x.ravel()", np.place: "np.where(mask, v, x)", np.putmask: "np.where(mask, v, x)",
    np.copyto: "x = x.at[...].set(v); np.broadcast_to(v, shape) for np.full", np.fill_diagonal: "i = np.arange(n); x = x.at[i, i].set(v)",
    np.put_along_axis: "x = x.at[i, j].set(v)",
}


def _refusing(function: Any, instead: str) -> None:
    def refused(*args: Any, **kwargs: Any) -> Value:
        raise TracedValueError(f"np.{function.__name__} writes into an array, with traced values",
                               why="the values before the assignment may still be needed for the gradient, and a plain array "
                                   "forgets how its numbers were computed", try_=instead)

    NUMPY[function] = refused


for _function, _instead in INSTEAD.items():
    _refusing(_function, _instead)
