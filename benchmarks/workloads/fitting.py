"""Training from random weights to a network that reads digits: shuffling, every epoch, validation after each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.workloads.base import Workload

SIZES, EPOCHS, BATCH, RATE = (784, 30, 10), 30, 10, 3.0


@dataclass(frozen=True)
class Digits:
    """Images to learn from and to validate by, float32, and where they come from."""

    source: str
    X: np.ndarray
    Y: np.ndarray
    labels: np.ndarray
    Xv: np.ndarray
    Yv: np.ndarray
    validation_labels: np.ndarray


def digits(data: Path) -> Digits:
    """MNIST's first 50,000 and last 10,000 training images; without the files, the digits that come with whygrad."""
    import whygrad as wg  # here, so that no peer carries it in its memory

    if (data / "mnist").is_dir():
        os.environ["WHYGRAD_DATA"] = str(data / "mnist")
        found, source = wg.datasets.mnist().with_validation(10_000), "MNIST: 50,000 images to train, 10,000 to validate"
    else:
        found = wg.datasets.digits().with_validation(2_000)
        source = "the digits that come with whygrad (the full MNIST was not given): 8,000 to train, 2,000 to validate"
    return Digits(source, found.train_images, found.train_targets, found.train_labels, found.validation_images,
                  found.validation_targets, found.validation_labels)


FITS = {"fit-mnist": Workload(
    "fit-mnist", "784-30-10 sigmoid, 30 epochs of digits, batch 10", None,
    ("whygrad native", "whygrad numpy", "NumPy by hand", "PyTorch eager", "PyTorch compile", "JAX scan",
     "scikit-learn"),
    rounds=3)}
