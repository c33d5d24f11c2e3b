"""The examples a command works on: digits that come with whygrad, MNIST, or a file of the user's."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, DataError
from whygrad.nn.data import Dataset, digits, mnist, one_hot
from whygrad.nn.tables import Table, load_table

MOST_CLASSES = 1000
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
    if name in ("digits", "mnist"):
        return _of_dataset(name, digits() if name == "digits" else mnist())
    return _of_table(Path(name), load_table(name), test_share, seed)


def _of_dataset(name: str, data: Dataset) -> Examples:
    called = "whygrad's digits" if name == "digits" else "MNIST"
    names = tuple(str(digit) for digit in range(data.classes))
    return Examples(called, data.train_images, data.train_labels, data.test_images, data.test_labels, names, 28)


def _of_table(path: Path, table: Table, test_share: float, seed: int) -> Examples:
    if not 0 < test_share < 1:
        raise ArgumentError(f"--test-share {test_share}", where="", try_="a share between 0 and 1, such as 0.2")
    if table.labels.dtype.kind != "i":
        raise DataError(
            f"the labels of {path.name} are not classes",
            where=str(path),
            why="they have fractions, and the command line trains networks that tell classes apart",
            try_="wg.Network in Python, for numbers",
        )
    classes, labels = np.unique(table.labels, return_inverse=True)
    if not 2 <= len(classes) <= MOST_CLASSES or len(labels) < 4:
        raise DataError(
            f"{path.name} has {len(labels)} examples of {len(classes)} classes",
            where=str(path),
            why=f"there is something to learn from 4 examples and 2 to {MOST_CLASSES} classes on",
            try_="the label is the column named label, else the last",
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    held = min(max(1, round(test_share * len(labels))), len(labels) - 1)
    X = table.features
    names = table.class_names or tuple(str(c) for c in classes)
    return Examples(
        path.name, X[order[held:]], labels[order[held:]], X[order[:held]], labels[order[:held]], names, _side(table)
    )


def _side(table: Table) -> int:
    """The side of square images, where the columns have no names of their own; 0 for other tables."""
    pixels = table.features.shape[1]
    unnamed = all(re.fullmatch(r"(x|p|px|pixel)?_?\d+(x\d+)?", name) for name in table.feature_names)
    return math.isqrt(pixels) if unnamed and pixels >= SMALLEST_IMAGE and math.isqrt(pixels) ** 2 == pixels else 0
