"""Data sets: the digits that come with whygrad, and the full MNIST."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, DataError, public
from whygrad.nn.idx import find_idx, pixels, read_idx

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]

DIGITS_FILE = Path(__file__).with_name("datasets_files") / "digits.npz"
MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
# SHA-256 of the files' content after decompression: mirrors compress the same content into different bytes.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of ten classes: to learn from, to choose settings by (optional), and to be judged by.

    Images are float32 ``(examples, pixels)`` from 0 (paper) to 1 (ink); labels are int64 ``(examples,)``; targets are
    the labels one-hot, float32 ``(examples, 10)``.
    """

    train_images: Float32
    train_labels: Int64
    test_images: Float32
    test_labels: Int64
    validation_images: Float32 | None = None
    validation_labels: Int64 | None = None
    classes: int = 10

    @property
    def train_targets(self) -> Float32:
        """``train_labels`` one-hot."""
        return one_hot(self.train_labels, self.classes)

    @property
    def test_targets(self) -> Float32:
        """``test_labels`` one-hot."""
        return one_hot(self.test_labels, self.classes)

    @property
    def validation_targets(self) -> Float32 | None:
        """``validation_labels`` one-hot, or None before ``with_validation``."""
        return None if self.validation_labels is None else one_hot(self.validation_labels, self.classes)

    @public
    def with_validation(self, count: int) -> Dataset:
        """The same data with the last ``count`` training images set aside for validation.

        ``mnist().with_validation(10_000)`` is the split into 50,000, 10,000 and 10,000 of the textbook experiments.
        """
        total = len(self.train_labels)
        if not 0 < count < total:
            raise ArgumentError(f"can not set {count} of {total} training images aside for validation",
                                why="both parts need at least one image", try_=f"a number from 1 to {total - 1}")
        images, labels, first = self.train_images, self.train_labels, total - count
        return replace(self, train_images=images[:first], train_labels=labels[:first],
                       validation_images=images[first:], validation_labels=labels[first:])

    def __repr__(self) -> str:
        held = 0 if self.validation_labels is None else len(self.validation_labels)
        return (f"Dataset({len(self.train_labels):,} to train, {held:,} to validate, {len(self.test_labels):,} "
                f"to test; {self.train_images.shape[1]} pixels, {self.classes} classes)")


@public
def digits() -> Dataset:
    """10,000 training and 2,000 test digits of 28 × 28 pixels that come with whygrad, an even sample of MNIST's."""
    with np.load(DIGITS_FILE, allow_pickle=False) as arrays:
        return _dataset({name: arrays[name] for name in MNIST_FILES})


@public
def mnist() -> Dataset:
    """MNIST: 60,000 training and 10,000 test digits of 28 × 28 pixels.

    Read from the folder named by the environment variable WHYGRAD_DATA (four IDX files, gzipped or not), else from the
    cache of an earlier download, else downloaded once (11 MB). What was downloaded is checked by its SHA-256.
    """
    folder = os.environ.get("WHYGRAD_DATA")
    if not folder:
        return _dataset({name: _downloaded(file) for name, file in MNIST_FILES.items()})
    return _dataset({name: read_idx(find_idx(Path(folder), file)) for name, file in MNIST_FILES.items()})


@public
def one_hot(labels: Sequence[int] | NDArray[np.integer[Any]], classes: int) -> Float32:
    """Labels ``(n,)`` as rows of ``classes`` numbers, float32 ``(n, classes)``: 1 at the label, 0 elsewhere.

    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    found = np.asarray(labels)
    if found.ndim != 1 or (found.size and not np.issubdtype(found.dtype, np.integer)):
        raise DataError(f"labels of shape {found.shape} and dtype {found.dtype} can not be one-hot",
                        why="a label is the whole number of its class, one per example",
                        try_="labels.astype(int).ravel(), if they are whole numbers")
    found = found.astype(np.int64)
    outside = np.flatnonzero((found < 0) | (found >= classes))
    if outside.size:
        raise DataError(f"label {found[outside[0]]} at row {outside[0]} is outside 0 to {classes - 1}",
                        why=f"{classes} classes are numbered from 0",
                        try_=f"classes={found.max() + 1}, or labels - labels.min() if they start at 1")
    result = np.zeros((len(found), classes), np.float32)
    result[np.arange(len(found)), found] = 1.0
    return result


def _downloaded(name: str) -> NDArray[np.uint8]:
    """One file of MNIST from the cache, or from the network into the cache; a wrong one does not stay there."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    cache = Path(pooch.os_cache("whygrad"))
    try:
        pooch.retrieve(MNIST_URL + f"{name}.gz", known_hash=None, fname=f"{name}.gz", path=cache)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise DataError(f"MNIST is not on this machine, and {name}.gz could not be downloaded",
                        why=f"{MNIST_URL} did not answer ({type(error).__name__})",
                        try_="datasets.digits(), which comes with whygrad; or put MNIST's four IDX files into a folder "
                        "and name it in the environment variable WHYGRAD_DATA") from error
    try:
        return read_idx(cache / f"{name}.gz", MNIST_SHA256[name])
    except DataError:
        (cache / f"{name}.gz").unlink(missing_ok=True)
        raise


def _dataset(arrays: dict[str, NDArray[np.uint8]]) -> Dataset:
    """The four arrays of MNIST's files, checked, as Dataset keeps them."""
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if images.ndim != 3 or labels.shape != images.shape[:1] or not labels.size or labels.max() > 9:
            raise DataError(f"the {part} images of shape {images.shape} do not fit labels of shape {labels.shape} "
                            "with values 0 to 9", try_="the four files of MNIST, unchanged")
    return Dataset(pixels(arrays["train_images"]), arrays["train_labels"].astype(np.int64),
                   pixels(arrays["test_images"]), arrays["test_labels"].astype(np.int64))
