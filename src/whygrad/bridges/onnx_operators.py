"""The table of ONNX operators: for each, the versions it is written for and the function of arrays that computes it.

A row is a plain function: its arguments are the operator's inputs (None for one left out), its keyword-only arguments
the attributes that it honours. An attribute that a function does not name is refused when a file sets it. Functions are
written with NumPy's functions and whygrad's rules, so they take arrays and traced values alike, and hold no derivative.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from whygrad.bridges.onnx_limits import Limits
from whygrad.rules.define import Value

Function = Callable[..., Value | tuple[Value, ...]]

# Where the rows stand; imported when the first file is read.
ROOMS = (
    "numbers",
    "arrays",
    "indexing",
    "sums",
    "windows",
    "resizing",
    "normalization",
    "recurrent",
    "attention",
    "costs",
)


# What a function may ask for besides attributes: how many of its outputs are used, and how large an array may become.
ASKED = frozenset({"outputs", "limits"})


@dataclass(frozen=True)
class Operator:
    """One row, for the versions ``first`` to ``last`` of an operator: the ``since_version`` of its schemas.

    ``constants``: inputs, by position, that steer the operator or are statistics, and are no parameters of a model.
    """

    name: str
    first: int
    last: int
    function: Function
    constants: frozenset[int]

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that the function honours."""
        return self._keywords - ASKED

    @property
    def _keywords(self) -> frozenset[str]:
        given = inspect.signature(self.function).parameters.values()
        return frozenset(p.name for p in given if p.kind is p.KEYWORD_ONLY)

    def bound(self, outputs: int, limits: Limits) -> Function:
        """The function of inputs and attributes, for a node of which that many outputs are used."""
        asked = {name: x for name, x in (("outputs", outputs), ("limits", limits)) if name in self._keywords}
        computed = functools.partial(self.function, **asked) if asked else self.function
        if outputs != 1:
            return computed

        def first(*inputs: Value, **attributes: Any) -> Value:
            out = computed(*inputs, **attributes)
            return out[0] if isinstance(out, tuple) else out

        return first


TABLE: dict[str, list[Operator]] = {}


def operator(name: str, first: int, last: int, constants: tuple[int, ...] = ()) -> Callable[[Function], Function]:
    """Add a row for the versions ``first`` to ``last`` of an operator; decorates the function that computes it."""

    def register(function: Function) -> Function:
        TABLE.setdefault(name, []).append(Operator(name, first, last, function, frozenset(constants)))
        return function

    return register


def table() -> Mapping[str, list[Operator]]:
    """Every operator's rows."""
    for room in ROOMS:
        import_module(f"whygrad.bridges.onnx_operators_{room}")
    return TABLE


def find(name: str, version: int) -> Operator | None:
    """The row for that version of an operator, or None."""
    return next((row for row in table().get(name, ()) if row.first <= version <= row.last), None)
