"""Findings about the examples: their scale, inputs that say nothing, labels that do not follow the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.measures import Measures
from whygrad.diagnosis.wording import examples, number, percent

LARGE, SMALL = 10.0, 1e-3  # the rms of inputs: bytes of images have about 80, standardized inputs 1, MNIST 0.3
UNEQUAL = 100.0  # the largest column by the median one
FAR = 20.0  # standard deviations that the typical column's mean lies from 0
LARGE_TARGETS = 100.0
MOSTLY = 0.5  # of all inputs are 0 in every example
ENOUGH = 50  # examples
ONE_CLASS = 0.95  # of the examples in one class
SIGMAS = 3.0  # of chance


def inputs_all_alike(m: Measures) -> Iterator[Finding]:
    """Every example has the same inputs."""
    if m.data.varying == 0 and m.record.n > 1:
        yield Finding(
            "identical-inputs",
            "inputs",
            f"All {examples(m.record.n)} have the same inputs: nothing can tell them apart.",
            {"examples": m.record.n, "largest": m.data.input_largest},
            "data",
            "certain",
            ("look at how X is read: a row repeated, or all zeros",),
        )


def unscaled_inputs(m: Measures) -> Iterator[Finding]:
    """Inputs far from the size of 1, or of very different sizes."""
    scale, ratio, offset = m.data.input_scale, m.data.column_ratio, m.data.offset
    if scale is None or not math.isfinite(scale) or not scale or not m.data.varying:
        return
    if SMALL <= scale <= LARGE and not _unequal(m) and (offset is None or offset < FAR):
        return
    if scale > LARGE:
        said = f"The inputs are large: their rms is {number(scale)}, the largest {number(m.data.input_largest or 0.0)}"
    elif scale < SMALL:
        said = f"The inputs are tiny: their rms is {number(scale)}"
    elif _unequal(m):
        said = f"One column of the inputs is {number(ratio or 0.0)} times as large as the median column"
    else:
        said = f"The inputs hardly vary around their mean: it lies {number(offset or 0.0)} standard deviations from 0"
    yield Finding(
        "unscaled-inputs",
        "inputs",
        f"{said}. ∂C/∂w^1_jk is proportional to input k (BP4), so no single learning rate suits such weights, and z "
        "starts far from where activations are steep.",
        {"rms": scale, "largest": m.data.input_largest, "column ratio": ratio, "offset": offset},
        "input activation",
        "likely",
        ("(X - X.mean(axis=0)) / X.std(axis=0)", "X / 255 for bytes of images"),
        layers=(0,),
        weight=None,
    )


def _unequal(m: Measures) -> bool:
    return m.data.column_ratio is not None and m.data.column_ratio > UNEQUAL


def unscaled_targets(m: Measures) -> Iterator[Finding]:
    """Numbers to predict that are far larger than what the weights start with."""
    scale = m.data.target_scale
    if scale is not None and scale > LARGE_TARGETS and m.record.labels is None and not m.learns:
        yield Finding(
            "unscaled-targets",
            "targets",
            f"The targets go up to {number(scale)} in size: the errors, and with them all gradients, are as large.",
            {"largest": scale},
            "data",
            "likely",
            ("targets scaled to about -1 to 1, and the outputs scaled back",),
        )


def one_class(m: Measures) -> Iterator[Finding]:
    """Labels of one class only, or nearly."""
    share, n = m.data.largest_class, m.record.n
    if share is None or n < 2:
        return
    if share == 1.0 and n >= 10:
        yield Finding(
            "one-class",
            "labels",
            f"All {examples(n)} are of one class: the biases of the last layer alone can learn that.",
            {"share": share},
            "data",
            "certain",
            ("shuffle the data before taking a part of it", "look at how the labels are read"),
        )
    elif share > ONE_CLASS and n >= ENOUGH:
        yield Finding(
            "one-class",
            "labels",
            f"{percent(share)} of the {examples(n)} are of one class: always answering it is right that often.",
            {"share": share},
            "data",
            "likely",
            ("weigh the rare classes, or take fewer of the common one",),
            level="note",
        )


def labels_unrelated(m: Measures) -> Iterator[Finding]:
    """Labels that neither the nearest example nor a linear fit finds, in a model that has learned nothing of them."""
    near, chance, linear, largest = m.data.neighbours, m.data.by_chance, m.data.linear, m.data.largest_class
    if near is None or chance is None or linear is None or largest is None or m.record.steps == 0 or m.learns:
        return
    compared = min(m.record.n, 500)
    allowed = SIGMAS * math.sqrt(chance * (1 - chance) / compared)
    if near > chance + allowed or linear > largest + allowed * math.sqrt(2):
        return
    yield Finding(
        "labels-unrelated",
        "labels",
        f"The labels do not follow the inputs: the nearest other example has the same label in {percent(near)} of "
        f"cases ({percent(chance)} by chance), and a linear fit is right in {percent(linear)}.",
        {"neighbours": near, "by chance": chance, "linear": linear},
        "data",
        "possible",
        ("check that row i of Y belongs to row i of X: were they shuffled apart?", "look at a few examples"),
        because="in most data near inputs have like labels; a few tasks (parity) are the exception",
    )


def dead_inputs(m: Measures) -> Iterator[Finding]:
    """Inputs that are 0 in every example: their weights never learn."""
    dead, layers = m.data.dead_inputs, m.record.layers
    width = None if m.record.X is None else m.record.X.reshape(len(m.record.X), -1).shape[1]
    if not dead or not width or dead < MOSTLY * width or m.record.n < ENOUGH or not m.data.varying:
        return
    yield Finding(
        "dead-inputs",
        "inputs",
        f"{dead:,} of {width:,} inputs are 0 in all {examples(m.record.n)}: the gradient of their weights is exactly 0 "
        "(BP4), and these keep their first, random values.",
        {"dead": dead, "inputs": width},
        "input activation",
        "certain",
        ("leave those columns out", "look at whether they should be 0"),
        level="note",
        layers=(0,) if layers else (),
    )
