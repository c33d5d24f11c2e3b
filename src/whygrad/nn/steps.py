"""Who runs the training steps: NumPy, one by one, or native code, many per call; and what both have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import TracedValueError, UnsupportedError, WhygradError
from whygrad.nn import validation as check
from whygrad.nn.layers import Architecture, Parameters
from whygrad.nn.measure import Measuring
from whygrad.nn.optimizers import Optimizer
from whygrad.nn.plan import Plan, plan
from whygrad.nn.regularizers import Floats, masks_of_steps
from whygrad.nn.step import all_finite, changes, copied, first_state, train_step
from whygrad.nn.validation import Examples
from whygrad.nn.work import steps_are_worth_it

if TYPE_CHECKING:
    from whygrad.jit.profile import Profile
    from whygrad.nn.network import Network

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Job:
    """What is to be learned from what, and how."""

    model: Architecture
    parameters: Parameters  # the first
    examples: Examples
    plan: Plan
    rng: np.random.Generator  # for dropout; it draws the same numbers whoever runs the steps
    validation: Examples | None = None

    def masks(self, steps: int, rows: int) -> tuple[Floats, ...]:
        """Dropout masks of the next steps, ``(steps, rows, n_l)`` for each hidden layer."""
        return masks_of_steps(steps, self.plan.dropout, self.model.sizes[1:-1], rows, self.rng, self.model.dtype)

    def no_deltas(self) -> list[Floats]:
        """For each layer zeros, where the means of δ^l will be added up."""
        return [np.zeros_like(b) for b in self.parameters.biases]


class NotFiniteError(Exception):
    """A step gave a cost, or weights, that are not finite. ``kept``: the last parameters that are known to be good.

    ``at``: the parameters that the step started from; ``rows``: its examples; ``step``: its number since the last call
    that went well, from 1.
    """

    def __init__(self, what: str, kept: Parameters, at: Parameters, rows: Rows, step: int = 1, *, cost: bool) -> None:
        super().__init__(what)
        self.kept, self.at, self.rows, self.step, self.cost = kept, at, rows, step, cost


class Stepper(Protocol):
    """Runs steps. ``parameters`` are whole and good whenever it is not running, also after an interrupt.

    ``steps`` counts those since ``begin``; ``deltas`` are the means of δ^l over the examples seen since then.
    ``costs``: of the steps that were done last.
    """

    backend: str
    measuring: Measuring
    steps: int
    deltas: list[Floats]
    costs: NDArray[Any]

    @property
    def parameters(self) -> Parameters:
        """The parameters after the last step. They may change in place with the next."""

    def before(self) -> Parameters:
        """The parameters one step earlier: the last whose cost has been computed."""

    def change(self, gradient: Parameters, rate: float) -> Parameters:
        """What a step would add to the parameters now, if this were the gradient."""

    def begin(self) -> None:
        """An epoch begins."""

    def advance(self, order: Rows, rate: float) -> Iterator[int]:
        """Learn from these rows in this order, in batches; says how many steps were done whenever it can be stopped."""


class Eager:
    """Each step is the engine's forward and backward sweep over NumPy arrays; no array is ever changed in place."""

    backend = "numpy"

    def __init__(self, job: Job) -> None:
        self.job, self.steps, self.deltas, self.costs = job, 0, job.no_deltas(), np.empty(0)
        self.measuring = Measuring(job.model)
        self._step = train_step(job.model, job.plan, len(job.examples))
        self._state = first_state(copied(job.parameters), job.plan)  # the user's own arrays will change
        self._before = self._state.parameters

    @property
    def parameters(self) -> Parameters:
        """As in Stepper."""
        return self._state.parameters

    def before(self) -> Parameters:
        """As in Stepper."""
        return self._before

    def change(self, gradient: Parameters, rate: float) -> Parameters:
        """As in Stepper."""
        return changes(self.job.plan, self._state, gradient, np.float64(rate))[0]

    def begin(self) -> None:
        """As in Stepper."""
        self.steps, self.deltas = 0, self.job.no_deltas()

    def advance(self, order: Rows, rate: float) -> Iterator[int]:
        """As in Stepper."""
        examples, size = self.job.examples, self.job.plan.batch_size
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            x, y = examples.inputs[rows], examples.targets[rows]
            x.flags.writeable = y.flags.writeable = False  # nobody else holds them: the engine need not copy them
            masks = tuple(mask[0] for mask in self.job.masks(1, len(rows)))
            state, cost, deltas = self._step(self._state, (x, y), masks, rate)
            if not np.isfinite(cost):
                raise NotFiniteError(f"the cost became {cost}", self.before(), self.parameters, rows, cost=True)
            if not all_finite(state.parameters):
                good = self.parameters
                raise NotFiniteError("the weights became inf or NaN", good, good, rows, cost=False)
            self._before, self._state, self.steps, self.deltas, self.costs = (
                self._state.parameters, state, self.steps + 1, added(self.deltas, deltas), np.array([cost]))
            yield 1


def stepper(job: Job) -> Stepper:
    """Who runs the steps: NumPy, or native code where it is asked for, or can be had and is worth its start."""
    backend = job.plan.backend
    worth_it = backend == "native" or steps_are_worth_it(job.model.sizes, job.plan, len(job.examples))
    if backend == "numpy" or not worth_it:
        return Eager(job)
    from whygrad.jit import available

    if not available():
        if backend == "auto":
            return Eager(job)
        raise UnsupportedError("backend='native' needs llvmlite, which can not be imported",
                               try_='pip install llvmlite, or backend="numpy"')
    from whygrad.nn.native_steps import Compiled

    try:
        with np.errstate(all="ignore"):  # of the numbers it is traced with
            return Compiled(job)
    except WhygradError as error:
        if backend == "auto":
            return Eager(job)  # which refuses what is wrong, and computes what just can not be compiled
        if not isinstance(error, (UnsupportedError, TracedValueError)):
            raise
        raise UnsupportedError(
            f"backend='native' can not compile a step of this network: {error.what}", where=error.where, why=error.why,
            try_=f"backend='numpy', or {error.try_}" if error.try_ else "backend='numpy'") from None


def added(sums: list[Floats], more: Sequence[Floats]) -> list[Floats]:
    """The sums with more added to each."""
    return [old + new for old, new in zip(sums, more, strict=True)]


class TrainingSteps:
    """Mini-batch steps and nothing else, for measuring how long they take."""

    def __init__(self, network: Network, job: Job) -> None:
        self._network, self._job, self._stepper = network, job, stepper(job)
        self._order: Rows = np.empty(0, np.intp)  # what is left of this epoch
        self.backend = self._stepper.backend

    def run(self, steps: int) -> None:
        """Run that many steps of whole batches, each epoch's in an order of its own."""
        size, n = self._job.plan.batch_size, len(self._job.examples)
        epochs = -(-(steps * size - len(self._order)) // (n // size * size))
        orders = [self._job.rng.permutation(n)[: n // size * size] for _ in range(epochs)]
        order = np.concatenate([self._order, *orders])
        now, self._order = order[: steps * size], order[steps * size :]
        with np.errstate(all="ignore"):
            for _ in self._stepper.advance(now, self._job.plan.learning_rate):
                pass

    def profile(self, threads: int | None = None) -> Profile:
        """Where the time of a native step goes, on so many threads, or as many as are quickest; nothing is learned."""
        from whygrad.nn.native_steps import Compiled

        if not isinstance(self._stepper, Compiled):
            raise UnsupportedError(f"a profile of steps on backend {self.backend!r}", try_='backend="native"')
        return self._stepper.profile(threads)

    def finish(self) -> None:
        """Write what was learned into the network."""
        self._network._take(self._stepper.parameters)


def training_steps(network: Network, X: Any, Y: Any, batch_size: int, learning_rate: float, backend: str = "native",
                   optimizer: str | Optimizer = "sgd", **kwargs: Any) -> TrainingSteps:
    """The steps that ``network.fit`` would run, without evaluations between them; ``kwargs`` are those of ``fit``."""
    model = network.architecture
    examples = check.examples(model, X, Y)
    planned = plan(len(examples), model.layers - 1, False, epochs=1, batch_size=batch_size,
                   learning_rate=learning_rate, optimizer_given=optimizer, backend=backend, **kwargs)
    return TrainingSteps(network, Job(model, network.parameters, examples, planned, network._rng))
