"""Mini-batch training, epoch by epoch: what it tells, what ends it, and which weights are kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from whygrad.errors import DivergedError
from whygrad.nn.history import Epoch, History
from whygrad.nn.layers import Parameters
from whygrad.nn.progress import Reporter
from whygrad.nn.step import copied
from whygrad.nn.steps import Job, NotFiniteError, Stepper, stepper

if TYPE_CHECKING:
    from whygrad.nn.watching import Watching

AfterEpoch = Callable[[Parameters, History], bool]  # True: stop


class Training:
    """One run of ``fit``. ``parameters`` are whole and good whenever it ends, however it ends."""

    def __init__(self, job: Job, watching: Watching | None = None) -> None:
        self.job, self.plan, self.history, self._watching = job, job.plan, History(), watching
        self._stepper: Stepper | None = None  # made when training begins: compiling takes its time
        self._kept: Parameters | None = None  # not the newest parameters, but these
        self._best = job.parameters

    @property
    def parameters(self) -> Parameters:
        """The parameters that the network is to have."""
        newest = self._stepper.parameters if self._stepper else self.job.parameters
        return newest if self._kept is None else self._kept

    def run(self, reporter: Reporter, after_epoch: AfterEpoch) -> History:
        """Train until the plan ends or something ends it earlier; the history's note says what."""
        reporter.begin(self.plan.epochs, -(-len(self.job.examples) // self.plan.batch_size))
        note, best = "", 0
        try:
            self._stepper = steps = stepper(self.job)
            self.history = History(
                backend=steps.backend, optimizer=self.plan.optimizer.name, batch_size=self.plan.batch_size
            )
            if self._watching:
                self._watching.begin(steps)
            for epoch in range(self.plan.epochs):
                factor = self.plan.schedule(epoch, self.history)
                if factor == 0:
                    note = f"the schedule ended training after epoch {epoch}"
                    break
                measured = self._epoch(steps, epoch + 1, self.plan.learning_rate * factor, reporter)
                done = self.history.steps + -(-len(self.job.examples) // self.plan.batch_size)
                self.history = replace(self.history.plus(measured), steps=done)
                reporter.epoch(epoch + 1, self.history.epochs[-1])
                stop, stopping = after_epoch(self.parameters, self.history), self.plan.stopping
                if stopping is not None:
                    if epoch == 0 or stopping.improved(self.history, best):
                        best, self._best = epoch, copied(self.parameters)
                    elif epoch - best >= stopping.patience:
                        note = f"stopped after epoch {epoch + 1}: the best was epoch {best + 1}, whose weights are kept"
                        break
                if stop:
                    note = f"the callback ended training after epoch {epoch + 1}"
                    break
            if self._watching:
                self._watching.end(steps)
        except KeyboardInterrupt:
            done = self._stepper.steps if self._stepper else 0
            note = f"interrupted in epoch {len(self.history) + 1} after step {done}"
        finally:
            self._keep_best(best)
            self.history = replace(self.history, note=note, findings=self._watching.findings if self._watching else ())
            reporter.end(note)
        return self.history

    def _keep_best(self, best: int) -> None:
        if self.plan.stopping is not None and len(self.history):
            self._kept = self._best
            self.history = replace(self.history, kept=best)

    def _epoch(self, steps: Stepper, number: int, rate: float, reporter: Reporter) -> Epoch:
        """Every example once, in random order; then a look at the data sets."""
        began, job = time.perf_counter(), self.job
        order = job.rng.permutation(len(job.examples))
        with np.errstate(all="ignore"):  # a number that is not finite ends training with one error instead
            try:
                for count in steps.advance(order, rate):
                    reporter.step(count)
                    if self._watching:
                        self._watching.stepped(steps, count, order, number, rate)
            except NotFiniteError as error:
                first = error.cost and number == 1 and steps.steps == 0
                born = self._watching.diverged(error) if self._watching else ""
                what = f"{error} in epoch {number}, step {steps.steps + 1}"
                self._diverged(what, rate, error.kept, first=first, born=born)
            trained = steps.measuring.of(steps.parameters, job.examples)
            checked = steps.measuring.of(steps.parameters, job.validation) if job.validation else None
            if not np.isfinite(trained.cost):
                what = f"the cost became {trained.cost} in epoch {number}, after step {steps.steps}"
                self._diverged(what, rate, steps.before())
        deltas = steps.deltas
        steps.begin()
        return Epoch(
            cost=trained.cost,
            accuracy=trained.accuracy,
            validation_cost=checked and checked.cost,
            validation_accuracy=checked and checked.accuracy,
            penalty=float(self.plan.penalty.of(steps.parameters.weights, len(job.examples))),
            learning_rate=rate,
            learning_speed=tuple(float(np.linalg.norm(d)) for d in deltas),
            seconds=time.perf_counter() - began,
        )

    def _diverged(
        self, what: str, rate: float, kept: Parameters, *, first: bool = False, born: str = ""
    ) -> NoReturn:
        self._kept = self._best = kept
        raise DivergedError(
            what,
            why=(f"{born} " if born else "") + (f"{'T' if born else 't'}he first weights already give it" if first else
                f"{'A' if born else 'a'}t learning rate {rate:g} the steps overshoot and grow; the network keeps the "
                "weights from before"),
            try_="the cost and the activations on one example: which of them is not finite?" if first else
                 f"learning_rate={rate / 10:g}, clip_norm=1.0, or inputs scaled to about -1 to 1",
        )
