"""Rules of thumb from courses: Stanford's CS231n, Karpathy's lectures, and two sites for learners."""

from __future__ import annotations

import numpy as np

from whygrad.diagnosis.preset_rules import Preset, Rule, any_layer, log_ratio, mostly, unit_share, update_ratio
from whygrad.diagnosis.records import LayerRecord


def never_active(layer: LayerRecord) -> float | None:
    """The share of relu units that no example activates."""
    if layer.activation != "relu" or layer.a is None:
        return None
    return unit_share(~np.any(layer.a > 0, axis=0))


def flat_tanh(layer: LayerRecord) -> float | None:
    """The share of |tanh| above 0.97."""
    return None if layer.activation != "tanh" or layer.a is None else float(np.mean(np.abs(layer.a) > 0.97))


def log_std_ratio(layer: LayerRecord) -> float | None:
    """log₁₀ of std(ΔW) by std(W) in the last step."""
    if layer.update is None or layer.weight is None:
        return None
    return log_ratio(float(np.std(layer.update)), float(np.std(layer.weight)))


def steady_units(layer: LayerRecord) -> float | None:
    """How many relu units have outputs whose standard deviation is below 1e-3."""
    if layer.activation != "relu" or layer.a is None:
        return None
    return float(np.count_nonzero(np.std(layer.a, axis=0) < 1e-3))


def locked_units(layer: LayerRecord) -> float | None:
    """The share of sigmoid outputs at or beyond 0.01 or 0.99."""
    if layer.activation != "sigmoid" or layer.a is None:
        return None
    return float(np.mean((layer.a <= 0.01) | (layer.a >= 0.99)))


DECADE = "“about” is taken as within a factor of ten, in the median of all moments"

CS231N = Preset("cs231n", "CS231n", "cs231n.github.io", (
    Rule("dead relu", "dead", "relu neurons that never activate across the data, from 40 % of a layer on",
         any_layer(never_active, least=0.4), "neural-networks-1", "40 % is the course's remark, not a limit of it"),
    Rule("update ratio too high", "large updates", "‖ΔW‖/‖W‖ above about 1e-3", mostly(update_ratio, above=1e-2),
         "neural-networks-3", DECADE),
    Rule("update ratio too low", "small updates", "‖ΔW‖/‖W‖ below about 1e-3", mostly(update_ratio, below=1e-4),
         "neural-networks-3", DECADE),
))  # fmt: skip

KARPATHY = Preset("karpathy", "Karpathy", "“Neural Networks: Zero to Hero”, lecture on activations and gradients", (
    Rule("saturated tanh", "saturated", "share of |tanh| > 0.97 above 5 %", mostly(flat_tanh, above=0.05),
         "the lecture's notebook", "5 % is remembered, not read; in the median of all moments"),
    Rule("update:data too high", "large updates", "log₁₀(std ΔW / std W) above about -3",
         mostly(log_std_ratio, above=-2.0), "the lecture's notebook", DECADE),
    Rule("update:data too low", "small updates", "log₁₀(std ΔW / std W) below about -3",
         mostly(log_std_ratio, below=-4.0), "the lecture's notebook", DECADE),
))  # fmt: skip

LEARNERS = Preset("learners", "Sites for learners", "neural-network-digits; sharetechnote.com", (
    Rule("dead unit", "dead", "relu units of standard deviation < 1e-3 over the data", any_layer(steady_units, above=0),
         "neural-network-digits"),
    Rule("locked", "saturated", "sigmoid outputs at 0.01 or 0.99, in > 50 % of a layer",
         any_layer(locked_units, above=0.5), "sharetechnote.com", "50 % is our guess: the page names no share"),
))  # fmt: skip
