"""Set-ups with nothing wrong: they learn, and nothing should be reported of them. The broken ones are built on them.

Some are looked at before training, some in the middle and some when they have converged and gradients are small.
"""

from __future__ import annotations

from dataclasses import replace

from scripts.corpus.recipe import Recipe, Setup
from scripts.corpus.tasks import digits, rings, waves

SIGMOID = Recipe()
RELU = Recipe(activation="relu", output="softmax", cost="softmax_cross_entropy", rate=0.1)
TANH = Recipe(activation="tanh", output="softmax", cost="softmax_cross_entropy", init="glorot", rate=0.1)
WAVES = Recipe(hidden=(20,), activation="tanh", output="identity", cost="half_squared_error", data=waves, rate=0.1,
               dtype="float64")
RINGS = Recipe(hidden=(8,), activation="tanh", data=rings, rate=0.5)
DEEP_RELU = replace(RELU, hidden=(30, 30, 30, 30), rate=0.05)
TWO_RELU = replace(RELU, hidden=(30, 30))


def healthy(name: str, recipe: Recipe, **changes: object) -> Setup:
    """A set-up that learns."""
    return Setup(name, "healthy", replace(recipe, **changes))  # type: ignore[arg-type]


SETUPS = [
    healthy("digits, one sigmoid layer", SIGMOID),
    healthy("digits, one sigmoid layer, squared error, rate 3", SIGMOID, cost="half_squared_error", rate=3.0),
    healthy("digits, one sigmoid layer, after 10 epochs", SIGMOID, before=10),
    healthy("digits, one sigmoid layer, converged", SIGMOID, batch=30, rate=1.5, before=60),
    healthy("digits, one sigmoid layer, float64, another seed", SIGMOID, dtype="float64", seed=3),
    healthy("digits, one relu layer", RELU),
    healthy("digits, one relu layer, converged", RELU, batch=30, rate=0.3, before=60),
    healthy("digits, two relu layers of 64", RELU, hidden=(64, 64)),
    healthy("digits, four relu layers", DEEP_RELU),
    healthy("digits, four relu layers, after 10 epochs", DEEP_RELU, before=10),
    healthy("digits, eight relu layers of 64, Adam", DEEP_RELU, hidden=(64,) * 8, optimizer="adam", rate=0.001),
    healthy("digits, three leaky relu layers", RELU, hidden=(40, 40, 40), activation="leaky_relu"),
    healthy("digits, two elu layers", RELU, hidden=(30, 30), activation="elu", rate=0.05),
    healthy("digits, two gelu layers, Adam", RELU, hidden=(40, 40), activation="gelu", optimizer="adam", rate=0.002),
    healthy("digits, two silu layers, momentum", RELU, hidden=(40, 40), activation="silu", optimizer="momentum",
            rate=0.02),
    healthy("digits, one tanh layer", TANH),
    healthy("digits, three tanh layers, Glorot", TANH, hidden=(30, 30, 30)),
    healthy("digits, three tanh layers, after 10 epochs", TANH, hidden=(30, 30, 30), before=10),
    healthy("digits, five tanh layers, float64", TANH, hidden=(30,) * 5, dtype="float64"),
    healthy("digits, no hidden layer", RELU, hidden=()),
    healthy("digits, no hidden layer, sigmoid outputs", SIGMOID, hidden=()),
    healthy("digits, 28 × 28 pixels", RELU, data=lambda: digits(600, 28)),
    healthy("digits, batches of 64", RELU, batch=64, rate=0.3),
    healthy("waves, one tanh layer", WAVES),
    healthy("waves, one tanh layer, converged", WAVES, optimizer="adam", rate=0.01, batch=40, before=150),
    healthy("waves, two relu layers, float32", WAVES, hidden=(20, 20), activation="relu", dtype="float32", rate=0.05),
    healthy("waves, two softplus layers, Adam", WAVES, hidden=(16, 16), activation="softplus", optimizer="adam",
            rate=0.01),
    healthy("rings, one tanh layer", RINGS),
    healthy("rings, one tanh layer, converged", RINGS, batch=20, rate=1.0, before=50),
    healthy("rings, a tiny network of 4 neurons", RINGS, hidden=(4,), rate=1.0, seed=1),
    healthy("rings, two relu layers of 16", RINGS, hidden=(16, 16), activation="relu", rate=0.2),
    healthy("rings, half squared error, float64", RINGS, cost="half_squared_error", rate=1.0, dtype="float64"),
]  # fmt: skip
