"""What ``fit(..., watch=True)`` does beside the steps: a probe of the examples trained on last, now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np

from whygrad.diagnosis.records import Record
from whygrad.diagnosis.watch import ROWS, Appeared, Watch
from whygrad.nn.layers import Parameters
from whygrad.nn.probe import Probe
from whygrad.nn.steps import Job, NotFiniteError, Rows, Stepper
from whygrad.nn.validation import Examples

COSTS = 4000  # of the last steps, kept to see a plateau


class Watching:
    """Looks before the first step, while training as often as 2 % of its time allow, and after the last step.

    It only reads: the numbers of the training are the same, to the bit, with and without it.
    """

    def __init__(self, job: Job, tell: Callable[[Appeared], None]) -> None:
        self._job, self._watch, self._probe = job, Watch(tell), Probe(job.model)
        self._costs: deque[float] = deque(maxlen=COSTS)
        self._rows: Rows = np.arange(min(ROWS, len(job.examples)))
        self._done, self._epoch, self._rate = 0, 1, job.plan.learning_rate

    @property
    def findings(self) -> tuple[Appeared, ...]:
        """What has appeared so far."""
        return self._watch.findings

    def begin(self, steps: Stepper) -> None:
        """Look at the first weights."""
        self._watch.start()
        self._look(steps)

    def stepped(self, steps: Stepper, count: int, order: Rows, epoch: int, rate: float) -> None:
        """So many steps of this epoch's order are done; look if it is time."""
        self._done, self._epoch, self._rate = self._done + count, epoch, rate
        self._costs.extend(steps.costs.tolist())
        seen = min(steps.steps * self._job.plan.batch_size, len(order))
        self._rows = order[max(0, seen - ROWS) : seen]
        if self._watch.due:
            self._look(steps)

    def end(self, steps: Stepper) -> None:
        """Look at the last weights."""
        if self._done:
            self._look(steps, last=True)

    def diverged(self, error: NotFiniteError) -> str:
        """Look at the step that gave a number which is not finite: where it was born, in a sentence, or ``""``."""
        self._rows = error.rows
        self._watch.look(self._done + error.step, self._epoch, lambda: self._record(error.at, None), last=True)
        born = [appeared.finding for appeared in self.findings if appeared.finding.id == "not-finite"]
        if not born:
            return ""
        return f"{born[-1].where}: {born[-1].what}" + (f" {born[-1].because}." if born[-1].because else "")

    def _look(self, steps: Stepper, *, last: bool = False) -> None:
        self._watch.look(self._done, self._epoch, lambda: self._record(steps.parameters, steps), last=last)

    def _record(self, parameters: Parameters, steps: Stepper | None) -> Record:
        job, rows = self._job, self._rows
        labels = job.examples.labels
        examples = Examples(
            job.examples.inputs[rows], job.examples.targets[rows], None if labels is None else labels[rows]
        )
        updates = None if steps is None else lambda gradients: steps.change(gradients, self._rate)
        record = self._probe(parameters, examples, updates)
        return replace(
            record,
            steps=self._done,
            learning_rate=self._rate,
            batch_size=job.plan.batch_size,
            optimizer=job.plan.optimizer.name,
            step_costs=tuple(islice(self._costs, 0, None)),
        )
