"""What there is to say about a trained network, computed once: terminal, page and JSON show the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.nn.data import one_hot
from whygrad.nn.history import History
from whygrad.nn.network import Network
from whygrad.report.one_weight import OneWeight, look_closely

SHOWN = 10  # examples right, and as many wrong: full rows on a desk and on a phone


@dataclass(frozen=True, eq=False)
class Judged:
    """The examples a network is judged by. ``names``: of the classes; ``side``: of square images, 0 for other data."""

    called: str
    X: NDArray[Any]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    side: int

    @property
    def kind(self) -> str:
        """What one calls them."""
        digits = self.names == tuple("0123456789")
        return "examples" if not self.side else "digits" if digits else "images"


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network says to the example in ``row``: its class, the class it was taken for, and the output."""

    row: int
    label: int
    said: int
    output: float


@dataclass(frozen=True, eq=False)
class Findings:
    """``confusion[i, j]``: how many examples of class i were taken for class j. ``close``: one example's weight."""

    net: Network
    history: History
    judged: Judged
    accuracy: float
    confusion: NDArray[np.int64]
    right: tuple[Answer, ...]
    wrong: tuple[Answer, ...]
    close: OneWeight
    subject: Answer

    @property
    def seconds(self) -> float:
        """How long training took."""
        return sum(self.history.seconds)

    @property
    def parameter_count(self) -> int:
        """How many weights and biases were learned."""
        return sum(array.size for array in (*self.net.weights, *self.net.biases))

    def mix_ups(self, most: int) -> list[tuple[int, int, int]]:
        """The commonest mistakes: (class, taken for, how often), the commonest first."""
        off = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-off, axis=None, kind="stable")[:most]
        pairs = [divmod(int(i), len(off)) for i in order]
        return [(i, j, int(off[i, j])) for i, j in pairs if off[i, j]]


def look(net: Network, history: History, judged: Judged) -> Findings:
    """Judge the network by examples that it has not seen."""
    outputs = net.predict(judged.X)
    said = np.argmax(outputs, axis=1)
    height = outputs[np.arange(len(said)), said]
    classes = len(judged.names)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (judged.labels, said), 1)
    answers = [
        Answer(int(row), int(judged.labels[row]), int(said[row]), float(height[row])) for row in range(len(said))
    ]
    wrong = sorted((a for a in answers if a.label != a.said), key=lambda a: -a.output)
    subject = wrong[0] if wrong else min(answers, key=lambda a: a.output)  # where there is most to learn
    target = one_hot(judged.labels[subject.row : subject.row + 1], classes)[0]
    close = look_closely(net, subject.row, judged.X[subject.row], target)
    accuracy = float(np.mean(said == judged.labels))
    right = _one_of_each([a for a in answers if a.label == a.said])
    return Findings(net, history, judged, accuracy, confusion, right, tuple(wrong[:SHOWN]), close, subject)


def _one_of_each(right: list[Answer]) -> tuple[Answer, ...]:
    """The first right answer of every class, then more of them, in the order of the classes."""
    groups: dict[int, list[Answer]] = {}
    for answer in right:
        groups.setdefault(answer.label, []).append(answer)
    turns = [group[turn] for turn in range(SHOWN) for group in groups.values() if turn < len(group)]
    return tuple(sorted(turns[:SHOWN], key=lambda a: (a.label, a.row)))
