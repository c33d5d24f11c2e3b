"""The examples a command works on: digits that come with whygrad, MNIST, or a file of the user's."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, DataError
from whygrad.nn.data import digits, mnist, one_hot
from whygrad.nn.tables import Table, load_table

DATASETS = {"digits": digits, "mnist": mnist}
MOST_CLASSES, FEWEST = 1000, 4
SMALLEST_IMAGE = 64  # pixels


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs ``(examples, features)`` with class numbers, some to learn from and some to be judged by.

    ``names``: what each class is called. ``side``: images are ``side × side`` pixels; 0 where inputs are no images.
    """

    called: str
    X: NDArray[Any]
    labels: NDArray[np.int64]
    test_X: NDArray[Any]
    test_labels: NDArray[np.int64]
    names: tuple[str, ...]
    side: int

    @property
    def Y(self) -> NDArray[np.float32]:
        """The labels to learn from, one-hot."""
        return one_hot(self.labels, len(self.names))

    @property
    def test_Y(self) -> NDArray[np.float32]:
        """The labels to be judged by, one-hot."""
        return one_hot(self.test_labels, len(self.names))

    def test_example(self, number: int) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Input and target of one test example, counted from 0."""
        count = len(self.test_labels)
        if not 0 <= number < count:
            raise ArgumentError(f"--example {number}: {self.called} has test examples 0 to {count - 1}", where="")
        return self.test_X[number], self.test_Y[number]


def load(name: str, test_share: float = 0.2, seed: int = 0) -> Examples:
    """``digits``, ``mnist`` or a path; a file's rows are shuffled and ``test_share`` of them kept for judging."""
    if name in DATASETS:
        return _of_dataset(name)
    if not 0 < test_share < 1:
        raise ArgumentError(f"--test-share {test_share}", where="", try_="a share between 0 and 1, such as 0.2")
    every = load_to_judge(name)
    count = len(every.test_labels)
    if count < FEWEST:
        raise DataError(f"{every.called} has {count} examples, and training needs {FEWEST} or more", where=name)
    order = np.random.default_rng(seed).permutation(count)
    held = min(max(1, round(test_share * count)), count - 1)
    learn, judge = order[held:], order[:held]
    return replace(
        every,
        X=every.test_X[learn],
        labels=every.test_labels[learn],
        test_X=every.test_X[judge],
        test_labels=every.test_labels[judge],
    )


def load_to_judge(name: str) -> Examples:
    """The same data for a network that has learned already: of a file every row, in its order."""
    return _of_dataset(name) if name in DATASETS else _of_table(Path(name), load_table(name))


def _of_dataset(name: str) -> Examples:
    data = DATASETS[name]()
    called = "whygrad's digits" if name == "digits" else "MNIST"
    names = tuple(str(digit) for digit in range(data.classes))
    return Examples(called, data.train_images, data.train_labels, data.test_images, data.test_labels, names, 28)


def _of_table(path: Path, table: Table) -> Examples:
    if table.labels.dtype.kind != "i":
        raise DataError(
            f"the labels of {path.name} are not classes",
            where=str(path),
            why="they have fractions, and the command line trains networks that tell classes apart",
            try_="wg.Network in Python, for numbers",
        )
    classes, labels = np.unique(table.labels, return_inverse=True)
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise DataError(
            f"{path.name} has {len(classes)} {'class' if len(classes) == 1 else 'classes'}",
            where=str(path),
            why=f"2 to {MOST_CLASSES} classes can be told apart",
            try_="the label is the column named label, else the last",
        )
    names = table.class_names or tuple(str(c) for c in classes)
    nothing = np.zeros((0, table.features.shape[1]), table.features.dtype)
    return Examples(path.name, nothing, labels[:0], table.features, labels, names, _side(table))


def _side(table: Table) -> int:
    """The side of square images, where the columns have no names of their own; 0 for other tables."""
    pixels = table.features.shape[1]
    unnamed = all(re.fullmatch(r"(x|p|px|pixel)?_?\d+(x\d+)?", name) for name in table.feature_names)
    return math.isqrt(pixels) if unnamed and pixels >= SMALLEST_IMAGE and math.isqrt(pixels) ** 2 == pixels else 0
