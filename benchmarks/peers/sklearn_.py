"""scikit-learn's MLPClassifier: its own loss (cross-entropy on softmax), since it offers no other."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.workloads.fitting import BATCH, Digits


def fit(variant: str, digits: Digits, parameters: list[Any], epochs: int) -> float:
    """An epoch per call of ``partial_fit``, which shuffles; accuracy after each. The accuracy at the end."""
    net = MLPClassifier((30,), activation="logistic", solver="sgd", alpha=0.0, batch_size=BATCH, learning_rate_init=0.5,
                        momentum=0.0, nesterovs_momentum=False, random_state=0)
    classes, accuracy = np.arange(10), 0.0
    for _ in range(epochs):
        net.partial_fit(digits.X, digits.labels, classes=classes)
        accuracy = float(net.score(digits.Xv, digits.validation_labels))
    return accuracy
