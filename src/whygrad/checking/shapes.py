"""A gradient of the wrong shape is a finding of its own: what would bring it into the right one?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from whygrad.checking.replay import Array

MOST_AXES = 4


@dataclass(frozen=True)
class ShapeMistake:
    """A row about shapes: its id, what is said, and what would bring an array into the right shape."""

    id: str
    sentence: str
    repairs: Callable[[Array, tuple[int, ...]], Iterator[Array]]


def _transposed(mine: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    if 2 <= mine.ndim == len(shape) <= MOST_AXES:
        for order in itertools.permutations(range(mine.ndim)):
            if tuple(mine.shape[i] for i in order) == shape:
                yield mine.transpose(order)


def _summed(mine: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """Every choice of axes that a sum over them leaves the right shape."""
    if mine.ndim > MOST_AXES:
        return
    for count in range(1, mine.ndim + 1):
        for axes in itertools.combinations(range(mine.ndim), count):
            for kept in (False, True):
                if (total := mine.sum(axis=axes, keepdims=kept)).shape == shape:
                    yield total


def _squeezed(mine: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    if [n for n in mine.shape if n != 1] == [n for n in shape if n != 1]:
        yield mine.reshape(shape)


def _stretched(mine: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """A sum over rows that should not have been taken leaves nothing to repair: only the shapes are told."""
    yield from ()


SHAPES: dict[str, ShapeMistake] = {
    one.id: one
    for one in (
        ShapeMistake(
            "shape-transposed",
            "{w} is transposed: its shape is {mine}, and that of {plain} is {right}",
            _transposed,
        ),
        ShapeMistake(
            "extra-axis",
            "{w} has the right numbers in shape {mine}; {plain} has shape {right}",
            _squeezed,
        ),
        ShapeMistake(
            "broadcast-not-undone",
            "the sum is missing from {w}, which has shape {mine}: {plain}, of shape {right}, was copied, and a value "
            "that was copied answers for all its copies",
            _summed,
        ),
        ShapeMistake(
            "wrong-shape",
            "{w} has shape {mine}; a gradient has the shape of its value, and {plain} has {right}",
            _stretched,
        ),
    )
}
