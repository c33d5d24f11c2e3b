"""The whole table: importing this room loads every rule, so that NumPy's protocols find them all."""

from __future__ import annotations

from whygrad.rules import activations, arithmetic, choices, functions, indexing, linear, shapes, sums
from whygrad.rules.define import DERIVED, NUMPY, RULES

MODULES = (activations, arithmetic, choices, functions, indexing, linear, shapes, sums)

__all__ = ["DERIVED", "MODULES", "NUMPY", "RULES"]
