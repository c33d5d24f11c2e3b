"""Costs: how wrong an output a is, given the target y. One example costs C_x; a data set costs the mean of its C_x.

The formulas run over the last axis, so the same text serves one example ``(n_L,)`` and a batch ``(n, n_L)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, NotScalarError
from whygrad.nn.activations import ACTIVATIONS, SHARES, Activation
from whygrad.nn.choose import choose
from whygrad.rules.activations import softplus
from whygrad.rules.define import Value
from whygrad.rules.softmax import log_softmax

Function = Callable[[Value, Value], Value]


def squared_error(a: Value, y: Value) -> Value:
    """``Σ_j (a_j - y_j)²``."""
    return np.sum((a - y) ** 2, axis=-1)


def half_squared_error(a: Value, y: Value) -> Value:
    """``½ Σ_j (y_j - a_j)²``."""
    return 0.5 * np.sum((y - a) ** 2, axis=-1)


def cross_entropy(a: Value, y: Value) -> Value:
    """``-Σ_j [y_j ln a_j + (1 - y_j) ln(1 - a_j)]``, for outputs between 0 and 1."""
    return -np.sum(_weighted_log(y, a) + _weighted_log(1.0 - y, 1.0 - a), axis=-1)


def softmax_cross_entropy(a: Value, y: Value) -> Value:
    """``-Σ_j y_j ln a_j``, for outputs that add up to 1."""
    return -np.sum(_weighted_log(y, a), axis=-1)


def _weighted_log(y: Value, a: Value) -> Value:
    """``y ln a``, where 0 ln 0 is 0."""
    return y * np.log(np.where(y == 0.0, 1.0, a))


def cross_entropy_of_logits(z: Value, y: Value) -> Value:
    """``cross_entropy`` of sigmoid(z): finite for every z, where ln(sigmoid(z)) would be ln 0."""
    return np.sum(softplus(z) - y * z, axis=-1)


def softmax_cross_entropy_of_logits(z: Value, y: Value) -> Value:
    """``softmax_cross_entropy`` of softmax(z): finite for every z."""
    return -np.sum(y * log_softmax(z), axis=-1)


@dataclass(frozen=True)
class Cost:
    """A cost: ``of_outputs(a, y)``, and where the output activation allows it, the same number from z^L, safe at any z.

    Both give C_x: one number for one example, ``(n,)`` for a batch. ``own``: a function of the user's.
    """

    name: str
    of_outputs: Function
    of_logits: Function | None = None
    own: bool = False


COSTS: dict[str, Function] = {
    "squared_error": squared_error,
    "half_squared_error": half_squared_error,
    "cross_entropy": cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
}

OF_LOGITS: dict[tuple[str, str], Function] = {  # (cost, output activation)
    ("cross_entropy", "sigmoid"): cross_entropy_of_logits,
    ("softmax_cross_entropy", "softmax"): softmax_cross_entropy_of_logits,
}


def cost(given: str | Function, output: Activation, neurons: int) -> Cost:
    """The cost of that name, or the user's function, for a network that ends in ``output``.

    A function of the user's takes (a, y) of one example and returns one number, or takes rows and returns one per row.
    """
    if callable(given):
        return Cost(getattr(given, "__name__", "cost"), _reading(given, neurons), own=True)
    function = choose("cost", given, COSTS)
    if given == "cross_entropy" and output.name in ACTIVATIONS.keys() - SHARES and not output.own:
        raise ArgumentError(
            f"cost 'cross_entropy' after the output activation {output.name!r}",
            why="it takes logarithms of a and 1 - a, so every output must lie between 0 and 1",
            try_="sigmoid in the last layer, or half_squared_error",
        )
    return Cost(given, function, None if output.own else OF_LOGITS.get((given, output.name)))


def _reading(function: Function, neurons: int) -> Function:
    """The user's cost for one example or a batch, whichever of the two it was written for.

    Tried once, on rows that are more than neurons, so that one number per neuron is not taken for one per row.
    """
    a, y = np.full((neurons + 1, neurons), 0.5), np.zeros((neurons + 1, neurons))
    y[:, 0] = 1.0
    rows, one = _shape(function, a, y) == (neurons + 1,), _shape(function, a[0], y[0]) == ()
    name = getattr(function, "__name__", "cost")
    if not rows and not one:
        found = _shape(function, a[0], y[0])
        raise NotScalarError(
            f"the cost {name} gives {'an error' if found is None else f'an array of shape {found}'} for one example",
            why=f"it was called with a and y of shape ({neurons},) and must return one number",
            try_="np.sum(...) over the neurons, for instance lambda a, y: np.sum((a - y)**2, axis=-1)",
        )

    def costs(a: Value, y: Value) -> Value:
        if len(a.shape) == 1:
            return function(a, y) if one else function(a[None], y[None])[0]
        return function(a, y) if rows else np.stack([function(a[i], y[i]) for i in range(a.shape[0])])

    return costs


def _shape(function: Function, a: Any, y: Any) -> tuple[int, ...] | None:
    """The shape of what the function returns; None if it fails: it may have been written for the other form."""
    try:
        with np.errstate(all="ignore"):
            return np.shape(function(a, y))
    except (ValueError, TypeError, IndexError):
        return None
