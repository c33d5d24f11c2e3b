"""Training steps in native code: as many per call as take 50 to 150 ms, and every one of them can be found again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from whygrad.nn.layers import Parameters
from whygrad.nn.measure import CompiledMeasuring, Measuring
from whygrad.nn.regularizers import Floats
from whygrad.nn.step import State, Step, all_finite, changes, copied, first_state, size_of, train_step, turned
from whygrad.nn.steps import Job, NotFiniteError, Rows, added
from whygrad.nn.work import evaluation_is_worth_it, last_batch_is_worth_it, steps_per_call

if TYPE_CHECKING:
    from whygrad.jit.loop import StepLoop
    from whygrad.jit.profile import Profile


class PlainLoop:
    """What StepLoop is to native code, by NumPy: for steps that are too few to be compiled."""

    def __init__(self, job: Job) -> None:
        self._step, self._examples, self._no_deltas = _step_of(job), job.examples, job.no_deltas()
        self.state = first_state(turned(job.parameters), job.plan)

    def load(self, state: State) -> None:
        """Go on from another state."""
        self.state = copied(state)

    def run(self, order: Rows, masks: tuple[Floats, ...], rate: float) -> tuple[NDArray[Any], Any]:
        """As StepLoop's."""
        costs, sums = [], self._no_deltas
        for i, rows in enumerate(order):
            batch = self._examples.inputs[rows], self._examples.targets[rows]
            self.state, cost, deltas = self._step(self.state, batch, tuple(mask[i] for mask in masks), rate)
            costs.append(cost)
            sums = added(sums, deltas)
        return np.array(costs), sums


class _Call(NamedTuple):
    """One call of native code: which loop, and what it was given."""

    loop: StepLoop | PlainLoop
    rows: Rows  # (steps, batch)
    masks: tuple[Floats, ...]
    rate: float

    def run(self, steps: slice = slice(None)) -> tuple[NDArray[Any], Any]:
        """Run these of its steps from the state that the loop is in: their costs, and the sums of their deltas."""
        costs, deltas = self.loop.run(self.rows[steps], tuple(mask[steps] for mask in self.masks), self.rate)
        return costs, deltas


class Compiled:
    """Steps in native code, many per call. The state after each call is copied: an interrupted call has not happened.

    Every state holds the weights transposed: a row of inputs times the weights then reads the weights row by row, which
    is three times faster in native code than column by column.

    ``_good``: the state after the last call that went well. ``_last``: that call, and ``_start``, the state before it,
    from which single steps can be run again.
    """

    backend = "native"

    def __init__(self, job: Job) -> None:
        self.job, self.steps, self.deltas, self.costs = job, 0, job.no_deltas(), np.empty(0)
        first = first_state(turned(job.parameters), job.plan)
        self._good, self._start = copied(first), copied(first)
        self._last: _Call | None = None
        self._loops: dict[int, StepLoop | PlainLoop] = {}
        self._holder: StepLoop | PlainLoop | None = None  # the loop whose own state is _good
        self._per_call = steps_per_call(job.model.sizes, job.plan, size_of(first))
        self._loop(job.plan.batch_size)
        self.measuring = _measuring(job, self.backend)

    @property
    def parameters(self) -> Parameters:
        """As in Stepper."""
        return turned(self._good.parameters)

    def before(self) -> Parameters:
        """As in Stepper."""
        call = self._last
        if call is None:
            return copied(turned(self._good.parameters))
        self._holder = None
        call.loop.load(self._start)
        if len(call.rows) > 1:
            call.run(slice(len(call.rows) - 1))
        return copied(turned(call.loop.state.parameters))

    def change(self, gradient: Parameters, rate: float) -> Parameters:
        """As in Stepper."""
        return turned(changes(self.job.plan, self._good, turned(gradient), np.float64(rate))[0])

    def begin(self) -> None:
        """As in Stepper."""
        self.steps, self.deltas = 0, self.job.no_deltas()

    def advance(self, order: Rows, rate: float) -> Iterator[int]:
        """As in Stepper."""
        size, many = self.job.plan.batch_size, self._per_call
        whole = len(order) // size
        batches = order[: whole * size].reshape(whole, size)
        for start in range(0, whole, many):
            yield self._call(batches[start : start + many], rate)
        if len(order) > whole * size:
            yield self._call(order[None, whole * size :], rate)

    def _call(self, rows: Rows, rate: float) -> int:
        call = _Call(self._loop(rows.shape[1]), rows, self.job.masks(*rows.shape), rate)
        if self._holder is not call.loop:
            call.loop.load(self._good)
        self._holder = None
        costs, deltas = call.run()
        if not (np.isfinite(costs).all() and all_finite(call.loop.state.parameters)):
            self._find_the_step(call)
        state = copied(call.loop.state, into=self._start)
        self._start, self._good, self._last, self._holder, self.steps, self.deltas, self.costs = (
            self._good, state, call, call.loop, self.steps + len(rows), added(self.deltas, deltas), costs)
        return len(rows)

    def profile(self, threads: int | None) -> Profile:
        """Where the time of a step of a whole batch goes; the state stays as it is."""
        loop = self._loop(self.job.plan.batch_size)
        assert not isinstance(loop, PlainLoop)  # only rests of epochs are
        return loop.profile(threads)

    def _loop(self, batch_size: int) -> StepLoop | PlainLoop:
        """The loop for batches of that size: the last batch of an epoch may be smaller."""
        if batch_size not in self._loops:
            self._loops[batch_size] = self._new_loop(batch_size)
        return self._loops[batch_size]

    def _new_loop(self, batch_size: int) -> StepLoop | PlainLoop:
        from whygrad.jit.loop import StepLoop

        job, sizes = self.job, self.job.model.sizes
        if batch_size < job.plan.batch_size and not last_batch_is_worth_it(sizes, job.plan, batch_size):
            return PlainLoop(job)
        masks = tuple(np.ones((batch_size, n), job.model.dtype) for n in sizes[1:-1] if job.plan.dropout)
        data = job.examples.inputs, job.examples.targets
        return StepLoop(_step_of(job), self._good, data, batch_size, masks, backend=self.backend)

    def _find_the_step(self, call: _Call) -> NoReturn:
        """Run the call again, step by step, up to the step that gave a number that is not finite."""
        before = self.before()
        call.loop.load(self._good)
        for i in range(len(call.rows)):
            here = copied(turned(call.loop.state.parameters))
            costs, _ = call.run(slice(i, i + 1))
            what = "" if np.isfinite(costs[0]) else f"the cost became {costs[0]}"
            if what or not all_finite(call.loop.state.parameters):
                self.steps += i
                raise NotFiniteError(what or "the weights became inf or NaN", before if what else here, here,
                                     call.rows[i], i + 1, cost=bool(what))
            before = here
        raise AssertionError("the same steps gave other numbers when they were run again")


def _step_of(job: Job) -> Step:
    return train_step(job.model, job.plan, len(job.examples), transposed=True)


def _measuring(job: Job, backend: str) -> Measuring:
    sets = [job.examples] if job.validation is None else [job.examples, job.validation]
    if evaluation_is_worth_it(job.model.sizes, job.plan, sum(map(len, sets))):
        return CompiledMeasuring(job.model, sets, backend)
    return Measuring(job.model)
