"""Mini-batch training: gradients from the engine, changes from the optimizer, good weights at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whygrad.derivatives import value_and_grad
from whygrad.errors import DivergedError
from whygrad.nn.history import Epoch, History
from whygrad.nn.layers import Architecture, Parameters
from whygrad.nn.plan import Plan
from whygrad.nn.progress import Reporter
from whygrad.nn.regularizers import clipped, dropout_masks
from whygrad.nn.validation import Examples, classes_of_outputs

CHUNK = 5000  # rows evaluated at once: keeps a layer's activations of 60,000 examples out of memory

AfterEpoch = Callable[[Parameters, History], bool]  # True: stop


class Measured(NamedTuple):
    """A data set seen through a network. ``accuracy`` is None where targets are not classes."""

    cost: float
    accuracy: float | None


class Training:
    """One run of ``fit``. ``parameters`` are whole and good after every step: they are replaced, never changed."""

    def __init__(
        self,
        model: Architecture,
        parameters: Parameters,
        examples: Examples,
        validation: Examples | None,
        plan: Plan,
        rng: np.random.Generator,
    ) -> None:
        self.model, self.examples, self.validation, self.plan, self.rng = model, examples, validation, plan, rng
        self.parameters = self.before = parameters  # before: one step ago, the last whose cost is known to be finite
        self.best = parameters
        self.memory = plan.optimizer.init([*parameters.weights, *parameters.biases])
        self.history = History()
        self.steps = 0  # done in the epoch that is running
        self._cost_and_gradient = value_and_grad(self._objective)

    def run(self, reporter: Reporter, after_epoch: AfterEpoch) -> History:
        """Train until the plan ends or something ends it earlier; the history's note says what."""
        reporter.begin(self.plan.epochs, -(-len(self.examples) // self.plan.batch_size))
        note, best = "", 0
        try:
            for epoch in range(self.plan.epochs):
                factor = self.plan.schedule(epoch, self.history)
                if factor == 0:
                    note = f"the schedule ended training after epoch {epoch}"
                    break
                self.history = self.history.plus(self._epoch(epoch + 1, self.plan.learning_rate * factor, reporter))
                reporter.epoch(epoch + 1, self.history.epochs[-1])
                stop, stopping = after_epoch(self.parameters, self.history), self.plan.stopping
                if stopping is not None:
                    if epoch == 0 or stopping.improved(self.history, best):
                        best, self.best = epoch, self.parameters
                    elif epoch - best >= stopping.patience:
                        note = f"stopped after epoch {epoch + 1}: the best was epoch {best + 1}, whose weights are kept"
                        break
                if stop:
                    note = f"the callback ended training after epoch {epoch + 1}"
                    break
        except KeyboardInterrupt:
            note = f"interrupted in epoch {len(self.history) + 1} after step {self.steps}"
        finally:
            self._keep_best(best)
            self.history = replace(self.history, note=note)
            reporter.end(note)
        return self.history

    def _keep_best(self, best: int) -> None:
        if self.plan.stopping is not None and len(self.history):
            self.parameters = self.best
            self.history = replace(self.history, kept=best)

    def _epoch(self, number: int, rate: float, reporter: Reporter) -> Epoch:
        """Every example once, in random order; then a look at the data sets."""
        began, n, size = time.perf_counter(), len(self.examples), self.plan.batch_size
        order = self.rng.permutation(n)
        deltas = [np.zeros_like(b) for b in self.parameters.biases]
        with np.errstate(all="ignore"):  # a number that is not finite ends training with one error instead
            for start in range(0, n, size):
                rows = order[start : start + size]
                bias_gradients = self._step(number, rows, rate)
                deltas = [d + (len(rows) / n) * g for d, g in zip(deltas, bias_gradients, strict=True)]
                reporter.step()
            trained = measure(self.model, self.parameters, self.examples)
            checked = measure(self.model, self.parameters, self.validation) if self.validation else None
        if not np.isfinite(trained.cost):
            self._diverged(f"the cost became {trained.cost} in epoch {number}, after step {self.steps}", rate)
        self.steps = 0
        return Epoch(
            cost=trained.cost,
            accuracy=trained.accuracy,
            validation_cost=checked and checked.cost,
            validation_accuracy=checked and checked.accuracy,
            penalty=float(self.plan.penalty.of(self.parameters.weights, n)),
            learning_rate=rate,
            learning_speed=tuple(float(np.linalg.norm(d)) for d in deltas),
            seconds=time.perf_counter() - began,
        )

    def _step(self, epoch: int, rows: NDArray[np.intp], rate: float) -> tuple[Any, ...]:
        """One batch: cost, gradient, change. Returns the gradient by the biases: the mean of δ^l over the batch."""
        plan, model = self.plan, self.model
        x, y = self.examples.inputs[rows], self.examples.targets[rows]
        x.flags.writeable = y.flags.writeable = False  # nobody else holds them: the engine need not copy them
        masks = dropout_masks(plan.dropout, model.sizes[1:-1], len(rows), self.rng, model.dtype)
        cost, gradient = self._cost_and_gradient(self.parameters, x, y, masks)
        if not np.isfinite(cost):
            self._diverged(f"the cost became {cost} in epoch {epoch}, step {self.steps + 1}", rate, epoch)
        gradients, old = [*gradient.weights, *gradient.biases], [*self.parameters.weights, *self.parameters.biases]
        if plan.clip_norm is not None:
            gradients = clipped(gradients, plan.clip_norm)
        changes, memory = plan.optimizer.update(gradients, self.memory, old, rate)
        new = [p + change for p, change in zip(old, changes, strict=True)]
        if not all(np.isfinite(p).all() for p in new):
            self.before = self.parameters  # their cost is finite, only the step from them is not
            self._diverged(f"the weights became inf or NaN in epoch {epoch}, step {self.steps + 1}", rate)
        L = model.layers
        self.before, self.parameters, self.memory, self.steps = (
            self.parameters, Parameters(tuple(new[:L]), tuple(new[L:])), memory, self.steps + 1)
        return gradient.biases  # type: ignore[no-any-return]  # of the structure of the parameters

    def _objective(self, parameters: Parameters, x: Any, y: Any, masks: tuple[Any, ...]) -> Any:
        """What is minimized: the mean cost of the batch, and the penalty."""
        cost = self.model.mean_cost(parameters, x, y, masks)
        penalty = self.plan.penalty
        return cost + penalty.of(parameters.weights, len(self.examples)) if penalty else cost

    def _diverged(self, what: str, rate: float, epoch: int = 0) -> None:
        self.parameters = self.best = self.before
        first = epoch == 1 and self.steps == 0
        raise DivergedError(
            what,
            why="the first weights already give it" if first else
                f"at learning rate {rate:g} the steps overshoot and grow; the network keeps the weights from before",
            try_="the cost and the activations on one example: which of them is not finite?" if first else
                 f"learning_rate={rate / 10:g}, clip_norm=1.0, or inputs scaled to about -1 to 1",
        )


def measure(model: Architecture, parameters: Parameters, examples: Examples) -> Measured:
    """The mean cost and the accuracy over a data set, evaluated in chunks."""
    total, right = 0.0, 0
    for start in range(0, len(examples), CHUNK):
        part = slice(start, start + CHUNK)
        values = model.layer_values(parameters, examples.inputs[part])
        total += float(np.sum(model.costs(values, examples.targets[part]), dtype=float))
        if examples.labels is not None:
            right += int(np.sum(classes_of_outputs(values.activations[-1]) == examples.labels[part]))
    return Measured(total / len(examples), None if examples.labels is None else right / len(examples))
