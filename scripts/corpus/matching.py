"""When a tool has found what is wrong: which of its terms stand for which truth. One table for every tool, ours too.

It is generous: a term counts for the trouble itself, for its causes and for its direct consequences, at any moment of
training and in any layer. A rate that is too high counts as found when a tool speaks of exploding gradients, of dead
units or of NaN. That the loss stands still counts only where the loss is all there is to see.
"""

from __future__ import annotations

from collections.abc import Iterable

from scripts.corpus.recipe import Truth

# What the term of a tool is about (`whygrad.diagnosis.preset_rules.Kind`, and three of ours): the truths it stands for.
STANDS_FOR: dict[str, tuple[str, ...]] = {
    "vanishing": ("vanishing gradient", "saturation", "dead units", "bad initialization", "rate too low", "plateau",
                  "no gradient", "underflow", "input scale", "cost mismatch"),
    "exploding": ("exploding gradient", "rate too high", "bad initialization", "input scale", "label scale",
                  "gradient noise", "not a number"),
    "dead": ("dead units", "bad initialization", "rate too high", "input scale", "no gradient", "vanishing gradient",
             "cost mismatch", "gradient noise"),
    "saturated": ("saturation", "vanishing gradient", "bad initialization", "rate too high", "input scale",
                  "label scale", "cost mismatch", "no gradient"),
    "large updates": ("rate too high", "exploding gradient", "bad initialization", "input scale", "label scale",
                      "gradient noise", "not a number"),
    "small updates": ("rate too low", "vanishing gradient", "saturation", "dead units", "bad initialization", "plateau",
                      "no gradient", "underflow", "input scale", "label scale"),
    "initialization": ("bad initialization", "vanishing gradient", "exploding gradient", "saturation", "dead units",
                       "plateau"),
    "not a number": ("not a number", "rate too high", "exploding gradient", "input scale", "label scale",
                     "gradient noise"),
    "variance": ("bad initialization", "saturation", "vanishing gradient", "exploding gradient", "dead units",
                 "input scale", "label scale", "rate too high"),
    "loss stands still": ("plateau", "rate too low", "rate too high", "wrong labels", "gradient noise"),
    "loss is unsteady": ("rate too high", "gradient noise", "exploding gradient"),
    "input scale": ("input scale",),
    "target scale": ("label scale", "cost mismatch"),
    "constant input": ("dead inputs",),
    "class balance": ("wrong labels",),
    "output range": ("cost mismatch", "label scale"),
    "constant output": ("saturation", "dead units", "bad initialization", "vanishing gradient", "no gradient",
                        "cost mismatch", "dead inputs", "rate too high"),
    "first loss": ("bad initialization", "exploding gradient", "saturation", "label scale", "input scale",
                   "cost mismatch", "rate too high"),
    "cut off": ("no gradient", "dead units", "bad initialization", "underflow", "cost mismatch"),
    "underflow": ("underflow", "vanishing gradient"),
    "labels": ("wrong labels",),
    "no nonlinearity": ("no nonlinearity",),
    "noise": ("gradient noise",),
}  # fmt: skip

# What our own findings are about, in the same words. A finding of an id that is not here stands for nothing.
OURS: dict[str, str] = {
    "vanishing-gradients": "vanishing", "exploding-gradients": "exploding", "dead-units": "dead",
    "saturated-units": "saturated", "slow-start": "saturated", "rate-too-high": "large updates",
    "rate-too-low": "small updates", "identical-units": "initialization", "worse-than-constant": "first loss",
    "not-finite": "not a number", "cost-plateau": "loss stands still", "unscaled-inputs": "input scale",
    "unscaled-targets": "target scale", "identical-inputs": "constant input", "dead-inputs": "constant input",
    "one-class": "class balance", "labels-unrelated": "labels", "targets-out-of-reach": "output range",
    "unfit-cost": "output range", "double-softmax": "output range", "double-sigmoid": "output range",
    "softmax-of-one": "output range", "same-answer": "constant output", "zero-gradients": "cut off",
    "no-path": "cut off", "underflow": "underflow", "linear-model": "no nonlinearity", "noisy-gradient": "noise",
}  # fmt: skip


def stands_for(kinds: Iterable[str], truth: tuple[Truth, ...]) -> bool:
    """Whether any of these terms stands for any part of the truth."""
    return any(true.kind in STANDS_FOR.get(kind, ()) for kind in kinds for true in truth)

