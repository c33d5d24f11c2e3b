"""The whole corpus, family by family."""

from __future__ import annotations

from scripts.corpus import data, depth, healthy, initial, numbers, rates, units, wiring
from scripts.corpus.recipe import Setup

BROKEN: tuple[Setup, ...] = (
    *depth.SETUPS, *units.SETUPS, *initial.SETUPS, *rates.SETUPS, *data.SETUPS, *wiring.SETUPS, *numbers.SETUPS,
)  # fmt: skip
HEALTHY: tuple[Setup, ...] = tuple(healthy.SETUPS)
SETUPS = BROKEN + HEALTHY


def named(name: str) -> Setup:
    """The set-up of that name."""
    return next(setup for setup in SETUPS if setup.name == name)
