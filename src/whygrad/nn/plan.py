"""What ``fit`` was asked for, checked and complete, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whygrad.errors import ArgumentError
from whygrad.nn import schedules
from whygrad.nn.choose import choose
from whygrad.nn.optimizers import Optimizer, optimizer
from whygrad.nn.regularizers import Penalty, dropout_rates
from whygrad.nn.validation import number, whole

# steps.py decides what "auto" is. "numba" is what "native" was called when numba compiled it.
BACKENDS = {"auto": "auto", "numpy": "numpy", "native": "native", "numba": "native"}
USUAL_BATCH = 10


@dataclass(frozen=True)
class Plan:
    """How to train; every number has been checked."""

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Optimizer
    penalty: Penalty
    dropout: tuple[float, ...]
    clip_norm: float | None
    schedule: schedules.Schedule
    stopping: schedules.EarlyStopping | None
    backend: str


def plan(
    n: int,
    hidden_layers: int,
    validated: bool,
    *,
    epochs: int,
    batch_size: int | None,
    learning_rate: float | None,
    optimizer_given: str | Optimizer,
    backend: str,
    l2: float = 0.0,
    l1: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    clip_norm: float | None = None,
    schedule: schedules.Schedule | None = None,
    early_stopping: int | schedules.EarlyStopping | None = None,
) -> Plan:
    """The plan for n examples; ``validated``: whether there are validation data."""
    chosen = optimizer(optimizer_given)
    size = min(USUAL_BATCH, n) if batch_size is None else whole("batch_size", batch_size)
    if size > n:
        raise ArgumentError(f"batch_size={size} is more than the {n} example(s) there are",
                            try_=f"batch_size={n} or less")
    stopping = schedules.EarlyStopping(early_stopping) if isinstance(early_stopping, int) else early_stopping
    if stopping is not None and not validated:
        raise ArgumentError("early stopping without validation data",
                            why="on the data it learns from, a network hardly ever gets worse",
                            try_="validation=(Xv, Yv)")
    if schedule is not None and not callable(schedule):
        raise ArgumentError(f"schedule={schedule!r} is not a schedule", try_="schedules.step(every=10), or a function "
                            "(epoch, history) -> factor")
    return Plan(
        epochs=whole("epochs", epochs),
        batch_size=size,
        learning_rate=chosen.usual_rate if learning_rate is None else number("learning_rate", learning_rate, above=0),
        optimizer=chosen,
        penalty=Penalty(number("l1", l1, least=0), number("l2", l2, least=0)),
        dropout=dropout_rates(dropout, hidden_layers),
        clip_norm=None if clip_norm is None else number("clip_norm", clip_norm, above=0),
        schedule=schedule or schedules.constant(),
        stopping=stopping,
        backend=choose("backend", backend, BACKENDS),
    )
