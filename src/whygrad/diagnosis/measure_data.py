"""What the examples say: their scale, what never varies, how labels follow inputs; and where the cost stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from whygrad.diagnosis.measure import noise_scale
from whygrad.diagnosis.records import Array, Record

ROWS = 500  # at most, that are compared with each other
ENOUGH = 200  # examples, below which nothing is said about how labels follow inputs
PER_CLASS = 10  # examples of a class at least, on average, for the same
LATE = 20  # the later half of at least so many steps or epochs is looked at for a plateau


@dataclass(frozen=True)
class DataMeasures:
    """The examples in numbers; None where the record does not have what it takes.

    ``input_scale``: the rms of all inputs; ``input_largest``: the largest |x|. ``column_ratio``: the largest column's
    rms by that of the median column that is not 0. ``offset``: the median over columns of |mean| / standard deviation.
    ``dead_inputs``: columns that are 0 in every example; ``varying``: columns that are not the same in every example.
    ``target_scale``: the largest |y|.
    ``classes``: how many classes there are among the labels; ``largest_class``: the share of the commonest one.
    ``accuracy``: the share of examples whose class is the largest output.
    ``learned``: 1 - cost / the best constant answer's cost: 0 nothing learned from the inputs, 1 all, below 0 worse.
    ``neighbours``: how often the nearest other example has the same label; ``by_chance``: how often it would by chance.
    ``linear``: how often a linear fit to half of the examples gives the right class of the other half.
    ``noise``: the gradient's noise scale over all weights, in examples.
    ``late_change``: by how much, relative to its size, the cost fell in the later half of the steps or epochs known;
    ``late_error``: the standard error of that.
    """

    input_scale: float | None
    input_largest: float | None
    column_ratio: float | None
    offset: float | None
    dead_inputs: int | None
    varying: int | None
    target_scale: float | None
    classes: int | None
    largest_class: float | None
    accuracy: float | None
    learned: float | None
    neighbours: float | None
    by_chance: float | None
    linear: float | None
    noise: float | None
    late_change: float | None
    late_error: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def data_measured(record: Record) -> DataMeasures:
    """The examples of a record in numbers."""
    with np.errstate(all="ignore"):
        X = None if record.X is None else record.X.reshape(len(record.X), -1).astype(float)
        labels = record.labels
        counts = None if labels is None or not len(labels) else np.unique(labels, return_counts=True)[1]
        columns = None if X is None or not X.size else np.sqrt(np.mean(X**2, axis=0))
        return DataMeasures(
            input_scale=None if columns is None else float(np.sqrt(np.mean(columns**2))),
            input_largest=None if X is None else float(np.max(np.abs(X), initial=0.0)),
            column_ratio=None if columns is None else _column_ratio(columns),
            offset=None if X is None else _offset(X),
            dead_inputs=None if columns is None else int(np.sum(columns == 0)),
            varying=None if X is None else int(np.sum(np.ptp(X, axis=0) > 0)),
            target_scale=None if record.Y is None else float(np.max(np.abs(record.Y.astype(float)), initial=0.0)),
            classes=None if counts is None else len(counts),
            largest_class=None if counts is None else float(counts.max() / counts.sum()),
            accuracy=_accuracy(record),
            learned=_learned(record),
            **_labels_follow(X, labels),
            noise=noise_scale([layer for layer in record.layers if layer.reached], record.n),
            **_late(record.step_costs if len(record.step_costs) >= LATE else record.epoch_costs),
        )


def late_change(costs: tuple[float, ...]) -> tuple[float, float] | None:
    """By how much, relative to its size, the cost fell from the third to the last quarter, and its standard error.

    Batches differ by chance: a change of less than two standard errors may be none.
    """
    known = np.asarray(costs, float)
    if len(known) < LATE or not np.isfinite(known).all():
        return None
    third, last = np.array_split(known[len(known) // 2 :], 2)
    before = float(third.mean())
    if before <= 0:
        return None
    error = float(np.sqrt(third.var() / len(third) + last.var() / len(last)))
    return (before - float(last.mean())) / before, error / before


def _late(costs: tuple[float, ...]) -> dict[str, float | None]:
    change, error = late_change(costs) or (None, None)
    return {"late_change": change, "late_error": error}


def _column_ratio(columns: Array) -> float | None:
    moving = columns[columns > 0]
    return float(moving.max() / np.median(moving)) if len(moving) > 1 else None


def _offset(X: Array) -> float | None:
    deviation = X.std(axis=0)
    varying = deviation > 0
    return float(np.median(np.abs(X.mean(axis=0))[varying] / deviation[varying])) if varying.any() else None


def _learned(record: Record) -> float | None:
    if record.cost is None or not record.constant_cost or not np.isfinite(record.cost):
        return None
    return 1.0 - record.cost / record.constant_cost


def _accuracy(record: Record) -> float | None:
    if record.labels is None or record.outputs is None or record.outputs.ndim != 2:
        return None
    out = record.outputs
    if len(out) != len(record.labels) or not np.isfinite(out).all():
        return None
    zero = 0.0 if record.cost_applies == "sigmoid" else 0.5
    said = (out[:, 0] >= zero).astype(int) if out.shape[1] == 1 else np.argmax(out, axis=1)
    return float(np.mean(said == record.labels))


def _labels_follow(X: Array | None, labels: Array | None) -> dict[str, float | None]:
    """Whether near inputs have like labels, and whether a linear fit finds them in examples that it has not seen."""
    nothing: dict[str, float | None] = dict.fromkeys(("neighbours", "by_chance", "linear"))
    if X is None or labels is None or len(X) != len(labels) or len(X) < ENOUGH or not np.isfinite(X).all():
        return nothing
    X, labels = X[:ROWS], labels[:ROWS]
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    if len(shares) < 2 or len(labels) / len(shares) < PER_CLASS:
        return nothing
    deviation = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    squares = np.sum(X**2, axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * X @ X.T
    np.fill_diagonal(distances, np.inf)
    same = labels[np.argmin(distances, axis=1)] == labels
    return {"neighbours": float(same.mean()), "by_chance": float(np.sum(shares**2)), "linear": _linear(X, labels)}


def _linear(X: Array, labels: Array) -> float:
    """Ridge regression on the first half of the rows, judged by the other: exact, without a step."""
    half = len(X) // 2
    targets = (labels[:half, None] == np.unique(labels)[None, :]).astype(float)
    kernel = X[:half] @ X[:half].T + 1.0
    weights = np.linalg.solve(kernel + 0.1 * np.trace(kernel) / half * np.eye(half), targets - targets.mean(axis=0))
    said = (X[half:] @ X[:half].T + 1.0) @ weights + targets.mean(axis=0)
    return float(np.mean(np.unique(labels)[np.argmax(said, axis=1)] == labels[half:]))
