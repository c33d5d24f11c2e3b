"""Squishing functions by name: the rule table's, and any function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whygrad.errors import ArgumentError
from whygrad.nn.choose import choose
from whygrad.rules import activations, softmax, trigonometry
from whygrad.rules.define import Value

Function = Callable[[Value], Value]


def identity(z: Value) -> Value:
    """``a = z``, as a value of its own, so that z and a can each have their name."""
    return +z


ACTIVATIONS: dict[str, Function] = {
    "identity": identity,
    "sigmoid": activations.sigmoid,
    "tanh": trigonometry.tanh,
    "relu": activations.relu,
    "leaky_relu": activations.leaky_relu,
    "elu": activations.elu,
    "gelu": activations.gelu,
    "silu": activations.silu,
    "softplus": activations.softplus,
    "softmax": softmax.softmax,  # over the neurons of a layer: the last axis
}

KINKED = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"})  # pass about half of their input on
SHARES = frozenset({"sigmoid", "softmax"})  # between 0 and 1


@dataclass(frozen=True)
class Activation:
    """One layer's σ. ``own``: a function of the user's, which a file can not hold."""

    name: str
    function: Function
    own: bool = False


def activation(given: str | Function) -> Activation:
    """The activation of that name, or the user's function under its own name."""
    if callable(given):
        return Activation(getattr(given, "__name__", "activation"), given, own=True)
    return Activation(given, choose("activation", given, ACTIVATIONS))


def per_layer(given: str | Function | Sequence[str | Function], layers: int) -> tuple[Activation, ...]:
    """One activation for every layer, or one for each."""
    if isinstance(given, str) or callable(given):
        return (activation(given),) * layers
    if not isinstance(given, (list, tuple)):
        raise ArgumentError(f"activation={given!r} is not an activation",
                            try_='one name for all, like activation="sigmoid", or a list of one per layer')
    if len(given) != layers:
        raise ArgumentError(
            f"{len(given)} activation(s) for {layers} layer(s)",
            why="the input layer has none; every later layer has one",
            try_='one name for all, like activation="sigmoid", or a list of one per layer after the input',
        )
    return tuple(activation(one) for one in given)
