"""The operators and methods of an array, for traced values: each calls the rule, or the function, of that name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from whygrad.errors import TracedValueError
from whygrad.rules import arithmetic, arrangement, building, choices, functions, indexing, linear, no_slope, updates
from whygrad.rules import remainders as division
from whygrad.rules.define import NUMPY, Rule, Value


def _both_ways(rule: Rule) -> tuple[Callable[[Any, Any], Value], Callable[[Any, Any], Value]]:
    """An operator, and the one for when the other value stands on the left: ``x - y`` and ``2 - x``."""

    def forwards(self: Value, y: Value) -> Value:
        return rule(self, y)

    def reflected(self: Value, y: Value) -> Value:
        return rule(y, self)

    return forwards, reflected


def _method(function: Any) -> Callable[..., Value]:
    """The method that does what NumPy's function does; found when it is called, so that every rule may take part."""

    def call(self: Value, *args: Any, **kwargs: Any) -> Value:
        return NUMPY[function](self, *args, **kwargs)

    call.__name__, call.__doc__ = function.__name__, f"As ``numpy.{function.__name__}``."
    return call


class ArrayOperators:
    """What makes ``2 * x @ w + b`` and ``x.sum(axis=0)`` work on what has a shape, a dtype and an ``apply_rule``."""

    __slots__ = ()

    shape: Any  # a property of the class that mixes this in
    __hash__ = object.__hash__  # == compares numbers, as NumPy's does

    # ---- operators -------------------------------------------------------------------------------------------------

    __add__, __radd__ = _both_ways(arithmetic.add)
    __sub__, __rsub__ = _both_ways(arithmetic.subtract)
    __mul__, __rmul__ = _both_ways(arithmetic.multiply)
    __truediv__, __rtruediv__ = _both_ways(arithmetic.divide)
    __floordiv__, __rfloordiv__ = _both_ways(no_slope.floor_divide)
    __mod__, __rmod__ = _both_ways(division.remainder)
    __pow__, __rpow__ = _both_ways(functions.power)
    __matmul__, __rmatmul__ = _both_ways(linear.matmul)
    __and__, __rand__ = _both_ways(no_slope.bitwise_and)
    __or__, __ror__ = _both_ways(no_slope.bitwise_or)
    __xor__, __rxor__ = _both_ways(no_slope.bitwise_xor)
    __gt__, _ = _both_ways(choices.greater)
    __ge__, _ = _both_ways(choices.greater_equal)
    __lt__, _ = _both_ways(choices.less)
    __le__, _ = _both_ways(choices.less_equal)

    def __eq__(self, y: object) -> Value:
        return choices.equal(self, y)

    def __ne__(self, y: object) -> Value:
        return choices.not_equal(self, y)

    def __neg__(self) -> Value:
        return arithmetic.negative(self)

    def __pos__(self) -> Value:
        return arithmetic.positive(self)

    def __abs__(self) -> Value:
        return choices.absolute(self)

    def __invert__(self) -> Value:
        return no_slope.invert(self)

    def __divmod__(self, y: Value) -> tuple[Value, Value]:
        return self // y, self % y

    def __rdivmod__(self, y: Value) -> tuple[Value, Value]:
        return y // self, y % self

    # ---- the array as a container ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single number")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Value]:
        if not self.shape:
            raise TypeError("iteration over a single number")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Value:
        return indexing.item(self, index)

    @property
    def at(self) -> updates.Places:
        """``x.at[i].set(v)``: a new array that differs at ``i``; also add, subtract, multiply, divide, power, ..."""
        return updates.Places(self)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def T(self) -> Value:
        """The axes in reverse order."""
        return arrangement.transposed(self)

    @property
    def mT(self) -> Value:
        """The last two axes exchanged."""
        return arrangement.matrix_transpose(self)

    @property
    def real(self) -> Value:
        """The value itself: whygrad's numbers are real."""
        return self

    @property
    def imag(self) -> Value:
        """Zeros."""
        return building.zeros_like(self)

    @property
    def flat(self) -> NoReturn:
        """Refused: it stands for the place in memory."""
        raise TracedValueError("x.flat of a traced value",
                               why="it stands for a place in memory, whose history is not traced",
                               try_="x.ravel(), and x.at[i].set(v) to change a number")

    # ---- methods with a signature of their own ---------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C") -> Value:
        """``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
        return arrangement.reshaped(self, shape[0] if len(shape) == 1 else shape, order)

    def transpose(self, *axes: Any) -> Value:
        """``x.transpose()``, ``x.transpose(1, 0)`` or ``x.transpose((1, 0))``."""
        return arrangement.transposed(self, (axes[0] if len(axes) == 1 else axes) or None)

    def astype(self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True,
               copy: bool = True) -> Value:
        """Floating point keeps its slope; whole numbers and yes/no have none."""
        return building.astype(self, dtype)

    def item(self, *index: Any) -> Any:
        """A Python number; refused, like float(), where that would lose a gradient."""
        one: Value = self[index] if index else self
        float(one)
        return np.asarray(one).item()

    def tolist(self) -> Any:
        """Python numbers; refused, like float(), where that would lose a gradient."""
        return np.asarray(self).tolist()

    # ---- methods with the signature of NumPy's function ------------------------------------------------------------

    all = _method(np.all)
    any = _method(np.any)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argpartition = _method(np.argpartition)
    argsort = _method(np.argsort)
    choose = _method(np.choose)
    clip = _method(np.clip)
    conj = conjugate = _method(np.conjugate)
    copy = _method(np.copy)
    cumprod = _method(np.cumprod)
    cumsum = _method(np.cumsum)
    diagonal = _method(np.diagonal)
    dot = _method(np.dot)
    flatten = ravel = _method(np.ravel)
    max = _method(np.max)
    mean = _method(np.mean)
    min = _method(np.min)
    nonzero = _method(np.nonzero)
    prod = _method(np.prod)
    ptp = _method(np.ptp)
    repeat = _method(np.repeat)
    round = _method(np.round)
    searchsorted = _method(np.searchsorted)
    squeeze = _method(np.squeeze)
    std = _method(np.std)
    sum = _method(np.sum)
    swapaxes = _method(np.swapaxes)
    take = _method(np.take)
    trace = _method(np.trace)
    var = _method(np.var)
