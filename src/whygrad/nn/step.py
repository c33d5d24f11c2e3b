"""One training step as one pure function: NumPy runs it as it is, and the compiler makes it native."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import optree

from whygrad.derivatives import value_and_grad
from whygrad.nn.layers import Architecture, Parameters
from whygrad.nn.plan import Plan
from whygrad.nn.regularizers import clipped
from whygrad.rules.define import Value

T = TypeVar("T")
Batch = tuple[Value, Value]  # inputs (batch, n_0), targets (batch, n_L)
Masks = tuple[Value, ...]  # of dropout: one (batch, n_l) per hidden layer, or none
Deltas = tuple[Value, ...]  # for each layer, something like ∂C/∂b^l


class State(NamedTuple):
    """What a step changes: the parameters, and the optimizer's memory of them."""

    parameters: Parameters
    memory: Any


Step = Callable[[State, Batch, Masks, Value], tuple[State, Value, Deltas]]


def train_step(model: Architecture, plan: Plan, n: int, *, transposed: bool = False) -> Step:
    """The function (state, batch, masks, rate) -> (state, cost, deltas) of one step, for a data set of n examples.

    ``cost`` is what was minimized, before the step: the mean cost of the batch, and the penalty. ``deltas``: the mean
    of δ^l over the batch, times the batch's share of the data set, so that those of an epoch add up to a mean.
    ``transposed``: the state holds every weight matrix transposed, (n_{l-1}, n_l).

    No number is looked at, so the function can be traced once and compiled.
    """

    def objective(held: Parameters, x: Value, y: Value, masks: Masks) -> Value:
        parameters = turned(held) if transposed else held
        cost = model.mean_cost(parameters, x, y, masks)
        return cost + plan.penalty.of(parameters.weights, n) if plan.penalty else cost

    cost_and_gradient = value_and_grad(objective)

    def step(state: State, batch: Batch, masks: Masks, rate: Value) -> tuple[State, Value, Deltas]:
        x, y = batch
        cost, gradient = cost_and_gradient(state.parameters, x, y, masks)
        change, memory = changes(plan, state, gradient, rate)
        new = [tuple(p + c for p, c in zip(*pair, strict=True)) for pair in zip(state.parameters, change, strict=True)]
        share = x.shape[0] / n
        return State(Parameters(*new), memory), cost, tuple(share * g for g in gradient.biases)

    return step


def changes(plan: Plan, state: State, gradient: Parameters, rate: Value) -> tuple[Parameters, Any]:
    """What the optimizer adds to the parameters for this gradient, and what it remembers then."""
    gradients, layers = [*gradient.weights, *gradient.biases], len(gradient.weights)
    if plan.clip_norm is not None:
        gradients = clipped(gradients, plan.clip_norm)
    old = [*state.parameters.weights, *state.parameters.biases]
    found, memory = plan.optimizer.update(gradients, state.memory, old, rate)
    return Parameters(tuple(found[:layers]), tuple(found[layers:])), memory


def first_state(parameters: Parameters, plan: Plan) -> State:
    """The state before the first step."""
    return State(parameters, plan.optimizer.init([*parameters.weights, *parameters.biases]))


def turned(parameters: Parameters) -> Parameters:
    """The parameters with every weight matrix transposed."""
    return Parameters(tuple(W.T for W in parameters.weights), parameters.biases)


def copied(tree: T, into: T | None = None) -> T:
    """The numbers of a state or of parameters, in arrays of their own or in those of ``into``."""
    if into is None:
        return optree.tree_map(np.array, tree)  # type: ignore[arg-type,return-value]  # optree's PyTree is invariant
    optree.tree_map_(np.copyto, into, tree)  # type: ignore[arg-type]  # as above
    return into


def size_of(state: State) -> int:
    """How many numbers a state holds."""
    leaves: list[Any] = optree.tree_leaves(state)  # type: ignore[arg-type]  # as above
    return sum(np.size(x) for x in leaves)


def all_finite(parameters: Parameters) -> bool:
    """Whether no weight and no bias is NaN or inf."""
    return all(np.isfinite(p).all() for p in (*parameters.weights, *parameters.biases))
