"""What happened during training, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whygrad.diagnosis.watch import Appeared


@dataclass(frozen=True)
class Epoch:
    """One pass over the data, measured with the weights at its end.

    ``cost``: the mean of C_x over the training data, without ``penalty``, which is what L1 and L2 added to it.
    ``accuracy``: the share of examples that are classified rightly; None where targets are not classes.
    ``learning_speed``: for each layer, the norm of the mean of δ^l over the examples of this epoch, each taken when its
    batch was (‖∂C/∂b^l‖ in Nielsen's chapter 5): with SGD, how far the biases went per step and unit of learning rate.
    """

    cost: float
    accuracy: float | None
    validation_cost: float | None
    validation_accuracy: float | None
    penalty: float
    learning_rate: float
    learning_speed: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class History:
    """The epochs of one ``fit``, in columns: ``history.cost[-1]``, ``history.learning_speed[epoch][l-1]``.

    ``note``: why training ended before its last epoch, if it did. ``kept``: the epoch, counted from 0, whose weights
    the network has now: the last one, or the best one after early stopping; None before the first. ``backend``: what
    ran the steps, "numpy" or "native"; "" before any. ``optimizer``, ``batch_size``: how they were made; ``steps``: how
    many, of all epochs together. ``findings``: what ``watch=True`` found, each with the step at which it appeared.
    """

    epochs: tuple[Epoch, ...] = ()
    note: str = ""
    kept: int | None = None
    backend: str = ""
    optimizer: str = ""
    batch_size: int = 0
    steps: int = 0
    findings: tuple[Appeared, ...] = ()

    @property
    def cost(self) -> tuple[float, ...]:
        """The mean of C_x over the training data, without the penalty."""
        return tuple(epoch.cost for epoch in self.epochs)

    @property
    def accuracy(self) -> tuple[float | None, ...]:
        """The share of training examples classified rightly."""
        return tuple(epoch.accuracy for epoch in self.epochs)

    @property
    def validation_cost(self) -> tuple[float | None, ...]:
        """The mean of C_x over the validation data; None without such data."""
        return tuple(epoch.validation_cost for epoch in self.epochs)

    @property
    def validation_accuracy(self) -> tuple[float | None, ...]:
        """The share of validation examples classified rightly."""
        return tuple(epoch.validation_accuracy for epoch in self.epochs)

    @property
    def penalty(self) -> tuple[float, ...]:
        """What L1 and L2 added to the cost that was minimized."""
        return tuple(epoch.penalty for epoch in self.epochs)

    @property
    def learning_rate(self) -> tuple[float, ...]:
        """The learning rate of each epoch."""
        return tuple(epoch.learning_rate for epoch in self.epochs)

    @property
    def learning_speed(self) -> tuple[tuple[float, ...], ...]:
        """For each epoch and layer, the norm of the mean δ^l."""
        return tuple(epoch.learning_speed for epoch in self.epochs)

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each epoch took."""
        return tuple(epoch.seconds for epoch in self.epochs)

    def plus(self, epoch: Epoch) -> History:
        """This history and one more epoch."""
        return replace(self, epochs=(*self.epochs, epoch), kept=len(self.epochs))

    def to_dict(self) -> dict[str, Any]:
        """Columns as lists, with ``note``, ``kept`` and ``backend``: what JSON can hold."""
        columns = {field.name: [getattr(epoch, field.name) for epoch in self.epochs] for field in fields(Epoch)}
        columns["learning_speed"] = [list(speeds) for speeds in columns["learning_speed"]]
        return columns | {"note": self.note, "kept": self.kept, "backend": self.backend, "optimizer": self.optimizer,
                          "batch_size": self.batch_size, "steps": self.steps,
                          "findings": [appeared.to_dict() for appeared in self.findings]}

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        """In a line, what a notebook shows after ``net.fit(...)``: where cost and accuracy began and ended."""
        if not self.epochs:
            return "History of no epoch" + (f": {self.note}" if self.note else "")
        columns = ("cost", "accuracy", "validation_cost", "validation_accuracy")
        said = [f"{name.replace('_', ' ')} {_from_to(getattr(self, name))}" for name in columns if _known(self, name)]
        epochs = "one epoch" if len(self) == 1 else f"{len(self)} epochs"
        end = f"; {self.note}" if self.note else ""
        return f"History of {epochs}: {', '.join(said)}, in {sum(self.seconds):.1f} s{end}"


def _known(history: History, column: str) -> bool:
    return getattr(history.epochs[-1], column) is not None


def _from_to(column: tuple[float, ...]) -> str:
    return " → ".join(f"{x:.4g}" for x in column[:: max(len(column) - 1, 1)])
