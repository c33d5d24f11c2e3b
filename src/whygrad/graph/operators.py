"""The operators and methods of an array, for traced values: each calls the rule, or the function, of that name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whygrad.rules import arithmetic, choices, functions, indexing, linear, shapes
from whygrad.rules.define import Value


class ArrayOperators:
    """What makes ``2 * x @ w + b`` work on anything with a ``shape`` and an ``apply_rule``."""

    __slots__ = ()

    shape: Any  # a property of the class that mixes this in

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def T(self) -> Value:
        return shapes.transpose(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a single number")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Value]:
        if not self.shape:
            raise TypeError("iteration over a single number")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Value:
        return indexing.getitem(self, index=index)

    def __add__(self, y: Value) -> Value:
        return arithmetic.add(self, y)

    def __radd__(self, y: Value) -> Value:
        return arithmetic.add(y, self)

    def __sub__(self, y: Value) -> Value:
        return arithmetic.subtract(self, y)

    def __rsub__(self, y: Value) -> Value:
        return arithmetic.subtract(y, self)

    def __mul__(self, y: Value) -> Value:
        return arithmetic.multiply(self, y)

    def __rmul__(self, y: Value) -> Value:
        return arithmetic.multiply(y, self)

    def __truediv__(self, y: Value) -> Value:
        return arithmetic.divide(self, y)

    def __rtruediv__(self, y: Value) -> Value:
        return arithmetic.divide(y, self)

    def __pow__(self, y: Value) -> Value:
        return functions.power(self, y)

    def __rpow__(self, y: Value) -> Value:
        return functions.power(y, self)

    def __matmul__(self, y: Value) -> Value:
        return linear.matmul(self, y)

    def __rmatmul__(self, y: Value) -> Value:
        return linear.matmul(y, self)

    def __gt__(self, y: Value) -> Value:
        return choices.greater(self, y)

    def __ge__(self, y: Value) -> Value:
        return choices.greater_equal(self, y)

    def __lt__(self, y: Value) -> Value:
        return choices.less(self, y)

    def __le__(self, y: Value) -> Value:
        return choices.less_equal(self, y)

    def __eq__(self, y: object) -> Value:
        return choices.equal(self, y)

    def __ne__(self, y: object) -> Value:
        return choices.not_equal(self, y)

    __hash__ = object.__hash__

    def __neg__(self) -> Value:
        return arithmetic.negative(self)

    def __pos__(self) -> Value:
        return arithmetic.positive(self)
