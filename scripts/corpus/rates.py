"""Learning rates too high and too low, and batches too small for their rate."""

from __future__ import annotations

from dataclasses import replace

from scripts.corpus.healthy import RELU, RINGS, SIGMOID, TANH, TWO_RELU, WAVES
from scripts.corpus.recipe import Setup, Truth, broken

FAMILY = "learning rate"
HIGH, LOW, NOISE = Truth("rate too high"), Truth("rate too low"), Truth("gradient noise")

SETUPS: list[Setup] = [
    broken("sigmoid at rate 200", FAMILY, SIGMOID, HIGH, rate=200.0),
    broken("two relu layers at rate 3", FAMILY, TWO_RELU, HIGH, rate=3.0),
    broken("tanh at rate 10", FAMILY, TANH, HIGH, rate=10.0),
    broken("waves at rate 3", FAMILY, WAVES, HIGH, rate=3.0),
    broken("waves, momentum 0.9 at rate 0.5", FAMILY, WAVES, HIGH, optimizer="momentum", rate=0.5),
    broken("relu, Adam at rate 1", FAMILY, replace(RELU, optimizer="adam", rate=0.001), HIGH, rate=1.0),
    broken("rings at rate 100", FAMILY, RINGS, HIGH, rate=100.0),
    broken("sigmoid at rate 0.0001", FAMILY, SIGMOID, LOW, rate=0.0001),
    broken("two relu layers at rate 0.00001", FAMILY, TWO_RELU, LOW, rate=0.00001),
    broken("relu, Adam at rate 0.0000001", FAMILY, replace(RELU, optimizer="adam", rate=0.001), LOW, rate=1e-7),
    broken("waves at rate 0.00001", FAMILY, WAVES, LOW, rate=0.00001),
    broken("rings at rate 0.0001", FAMILY, RINGS, LOW, rate=0.0001),
    broken("waves, batches of one at rate 0.7", FAMILY, WAVES, (NOISE, HIGH), batch=1, rate=0.7),
    broken("relu, batches of one at rate 0.3", FAMILY, RELU, (NOISE, HIGH), batch=1, rate=0.3),
]  # fmt: skip
