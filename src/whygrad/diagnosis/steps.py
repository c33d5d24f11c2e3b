"""Training that went wrong: the first step whose cost or gradient is not finite, and where in it that was born."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import optree

from whygrad.derivatives import value_and_grad
from whygrad.diagnosis.runs import QUIET, in_longer_dtype, run
from whygrad.diagnosis.values import ValueReport, examine
from whygrad.errors import ArgumentError, public

PyTree = Any
Update = Callable[[PyTree, PyTree], PyTree]  # (parameters, gradient) -> the parameters of the next step


@public
def why_step(cost: Callable[..., Any], parameters: PyTree, *batch: Any, step: int | None = None) -> ValueReport:
    """Why one training step has the gradients it has: ``why_values`` of ``cost(parameters, *batch)`` by the parameters.

    For a Network: ``why_step(net.architecture.mean_cost, net.parameters, X, Y)`` with targets Y of shape (n, n_L); its
    values are named by their layers: ``W^1``, ``z^2``. ``step``: the step's number, for the report.
    """
    program = run(cost, (parameters, *batch), {})
    leaves = list(program.leaves.values())[: _floats(parameters)]
    again = functools.partial(in_longer_dtype, cost, (parameters, *batch), {})
    return examine(program, [(node, None) for node in leaves], again, {}, step)


@public
def first_bad_step(
    cost: Callable[..., Any], parameters: PyTree, batches: Iterable[tuple[Any, ...]], update: Update
) -> ValueReport | None:
    """Train until the cost, its gradient or the updated parameters are not finite; why, or None if all steps are good.

    ``cost(parameters, *batch)``: one number. ``batches``: the batches in their order, each a tuple. ``update``: what an
    optimizer does, a pure function; ``lambda p, g: p - 0.1 * g`` for an array. Where an update of a finite gradient
    makes the parameters infinite, the report is of the step that would use them, and says that they are given so.

    >>> report = first_bad_step(lambda w, x: np.log(w * x), np.float64(1.0), [(1.0,)] * 5, lambda w, g: w - 0.5 * g)
    >>> print(report.bad_step, report.births[0].place.operation, report.births[0].kind)
    3 log NaN
    """
    cost_and_gradient = value_and_grad(cost)
    for step, batch in enumerate(batches, start=1):
        if not isinstance(batch, tuple):
            raise ArgumentError(
                f"a batch is a {type(batch).__name__}", try_="a tuple of the cost's other arguments: (X, Y)"
            )
        with np.errstate(**QUIET):
            value, gradient = cost_and_gradient(parameters, *batch)
            if not (_finite(value) and _finite(gradient) and _finite(parameters)):
                return why_step(cost, parameters, *batch, step=step)
            parameters = update(parameters, gradient)
    return None


def _leaves(tree: PyTree) -> list[Any]:
    return [np.asarray(x) for x in optree.tree_leaves(tree) if not isinstance(x, (str, bytes))]


def _floats(tree: PyTree) -> int:
    """How many leaves of a trace a pytree becomes."""
    whole: list[Any] = optree.tree_leaves(tree)
    return sum(
        getattr(x, "dtype", np.dtype(object)).kind == "f" or (isinstance(x, (int, float)) and not isinstance(x, bool))
        for x in whole
    )


def _finite(tree: PyTree) -> bool:
    return all(np.isfinite(x).all() for x in _leaves(tree) if x.dtype.kind == "f")
