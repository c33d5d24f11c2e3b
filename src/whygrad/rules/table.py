"""The whole table: importing this room loads every rule, so that NumPy's protocols find them all."""

from __future__ import annotations

from importlib import import_module

from whygrad.rules.define import DERIVED, NUMPY, RULES

# In the order in which the list of rules (docs/rules.md) is read.
ROOMS = (
    "arithmetic functions trigonometry special activations softmax choices remainders no_slope "
    "sums statistics running extremes differences several "
    "linear contraction linalg decompositions norms convolution normalization signals "
    "shapes arrangement indexing selection movement building updates queries methods"
)

MODULES = tuple(import_module(f"whygrad.rules.{room}") for room in ROOMS.split())

__all__ = ["DERIVED", "MODULES", "NUMPY", "RULES"]
