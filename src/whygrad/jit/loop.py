"""Many steps in one call: a step that takes a state and a batch of rows becomes a compiled loop over steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import optree

from whygrad.errors import ArgumentError, ShapeError, public
from whygrad.jit.capture import capture
from whygrad.jit.expand import expanded
from whygrad.jit.in_place import added_in_place
from whygrad.jit.pace import Pace
from whygrad.jit.passes import optimized
from whygrad.jit.program import Carried, Loop, Op, Program, Ref, Sliced, Stacked, Step, Var
from whygrad.rules.queries import Hole
from whygrad.rules.table import RULES

if TYPE_CHECKING:
    from whygrad.jit.profile import Profile

PyTree = Any
STEPS = 4096  # in one call at most
PROFILED = 2e-2  # seconds of a call whose steps are looked into, about
EXTRAS_BYTES = 32 * 1024 * 1024  # of what is given anew for each step, in one call


class StepLoop:
    """``state, cost, stats = step(state, batch, extras, rate)`` for batch after batch, natively, the state kept in
    place.

    ``step``: a pure function in NumPy calls, traced once. ``state``: pytree of floating-point arrays. ``data``:
    pytree of
    arrays ``(n, ...)``; a batch holds ``batch_size`` of their rows. ``extras``: pytree of arrays that each step is
    given
    anew. Numbers below 1e-38 are taken as zeros (on x86). ``rate``: a float. ``cost`` is one number; ``stats``, a
    pytree of arrays, is added up over the steps of a run.
    """

    @public
    def __init__(
        self,
        step: Callable[..., Any],
        state: PyTree,
        data: PyTree,
        batch_size: int,
        extras: PyTree = (),
        *,
        backend: str = "native",
    ) -> None:
        if backend != "native":
            raise ArgumentError(f"a compiled loop on backend {backend!r}", try_='backend="native"')
        leaves, self._form = optree.tree_flatten(state)
        rows, data_form = optree.tree_flatten(data)
        given, self._extras_form = optree.tree_flatten(extras)
        self._state = [np.array(x, order="C") for x in leaves]
        self._data = [np.asarray(x, order="C") for x in rows]
        batch = data_form.unflatten([x[np.zeros(batch_size, int)] for x in self._data])
        captured = capture(step, (self._form.unflatten(self._state), batch, extras, np.float64(1.0)), {})
        program = added_in_place(optimized(expanded(optimized(captured.program))))
        _, _, self._stats_form = _parts(captured.result)
        per_step = sum(np.asarray(x).nbytes for x in given)
        self.steps = max(1, min(STEPS, EXTRAS_BYTES // max(per_step, 1)))
        self._build(program, [np.asarray(x) for x in given], batch_size)

    @property
    def state(self) -> PyTree:
        """The arrays that the loop works on: they change with every run."""
        return self._form.unflatten(list(self._state))

    def load(self, state: PyTree) -> None:
        """Copy another state into the loop's."""
        for own, given in zip(self._state, self._form.flatten_up_to(state), strict=True):
            own[...] = given

    @public
    def run(self, order: Any, extras: PyTree, rate: float) -> tuple[Any, PyTree]:
        """``order``: row numbers ``(steps, batch_size)``; ``extras``: arrays ``(steps, ...)``. Returns costs and
        summed stats.
        """
        order = np.asarray(order)
        if order.shape[1:] != self._order.shape[1:] or order.dtype.kind not in "iu":
            raise ShapeError(
                f"the order of rows is {order.dtype}{list(order.shape)}",
                why=f"it has one row of {self._order.shape[1]} row numbers for each step",
            )
        n = len(self._data[0])
        if order.size and (order.min() < 0 or order.max() >= n):
            raise ArgumentError(f"row numbers {order.min()} to {order.max()} of {n} rows")
        given = self._extras_form.flatten_up_to(extras)
        costs = np.empty(len(order), self._costs.dtype)
        sums = [np.zeros_like(x) for x in self._stats]
        self._rate[...] = rate
        first = 0
        for threads, steps in self._pace.plan(len(order), self.steps):
            part = slice(first, first + steps)
            self._turns[...] = steps
            self._order[:steps] = order[part]
            for own, x in zip(self._extras, given, strict=True):
                own[:steps] = x[part]
            self._pace.run(threads, steps)
            costs[part] = self._costs[:steps]
            for total, found in zip(sums, self._stats, strict=True):
                total += found
            first += steps
        return costs, self._stats_form.unflatten(sums)

    def profile(self, threads: int | None = None) -> Profile:
        """Where the time of a step goes; ``threads``: as many as are quickest, if none is given. The steps are the
        first ones of the last run's order, at its rate, and the state is as it was before.
        """
        if threads is not None and threads not in self._pace.calls:
            known = " or ".join(map(str, sorted(self._pace.calls)))
            raise ArgumentError(f"a profile on {threads} threads", why=f"the loop was made for {known}")
        kept = [x.copy() for x in self._state]
        self._turns[...] = turns = min(self.steps, self._pace.steps(PROFILED))
        found = self._profile(self._pace.best if threads is None else threads, turns)
        for own, x in zip(self._state, kept, strict=True):
            own[...] = x
        return found

    # ── the program ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _build(self, program: Program, extras: Sequence[np.ndarray], batch_size: int) -> None:
        from whygrad.jit.native_program import bound

        whole = looped(program, [x.shape for x in self._data], len(self._state), batch_size, self.steps)
        arrays: dict[Var, np.ndarray] = dict(zip(whole.inputs, self._state, strict=False))
        rest = iter(whole.inputs[len(self._state) :])
        for x in self._data:
            arrays[next(rest)] = x
        # One row more than there are steps: while the last one is computed, the next is asked for.
        self._order = arrays[next(rest)] = np.zeros((self.steps + 1, batch_size), np.int64)
        self._extras = []
        for x in extras:
            own = arrays[next(rest)] = np.zeros((self.steps, *x.shape), x.dtype)
            self._extras.append(own)
        self._rate = self._number(arrays, next(rest))
        self._turns = self._number(arrays, next(rest))
        states = whole.inputs[: len(self._state)]
        found = bound(whole, arrays, frozenset(states))
        self.source, self._pace, self._profile = found.source, Pace(found.calls, found.seconds), found.profile
        self._state = [found.inputs[x] for x in states]
        self._costs, *self._stats = found.results

    @staticmethod
    def _number(arrays: dict[Var, np.ndarray], x: Var) -> np.ndarray:
        arrays[x] = np.zeros((), x.dtype)
        return arrays[x]


def looped(program: Program, data: Sequence[tuple[int, ...]], states: int, batch_size: int, steps: int) -> Program:
    """The step's program as the body of a loop.

    Inputs: the state, the data, the order of rows, extras, the rate, the number of turns. Outputs: costs, sums of
    stats.
    """
    count = len(data)
    state, batch, extras, rate = (
        program.inputs[:states],
        program.inputs[states : states + count],
        program.inputs[states + count : -1],
        program.inputs[-1],
    )
    new, cost, stats = program.outputs[:states], program.outputs[states], program.outputs[states + 1 :]
    rows = [Var(shape, x.dtype, x.name) for shape, x in zip(data, batch, strict=True)]
    order, one_order = Var((steps + 1, batch_size), np.dtype(np.int64), "order"), Var((batch_size,), np.dtype(np.int64))
    stacks = [Var((steps, *x.shape), x.dtype, x.name) for x in extras]
    turns, costs = Var((), np.dtype(np.int64), "steps"), Var((steps,), _dtype(cost), "costs")
    body: list[Step] = [
        Op(x, RULES["pick"], (whole, one_order), {"pattern": Hole(0), "valid": True})
        for whole, x in zip(rows, batch, strict=True)
    ]
    body += program.ops
    constants = dict(program.constants)
    carried = [Carried(x, x, _as_var(y, x, body), Var(x.shape, x.dtype)) for x, y in zip(state, new, strict=True)]
    sums = []
    for x in stats:
        assert isinstance(x, Var)
        zero, inside, after, last = (Var(x.shape, x.dtype) for _ in range(4))
        constants[zero] = np.zeros(x.shape, x.dtype)
        body.append(Op(after, RULES["add"], (inside, x)))
        carried.append(Carried(inside, zero, after, last))
        sums.append(last)
    sliced = [
        Sliced(one_order, order, 0, 1),
        *(Sliced(x, whole, 0, 1) for x, whole in zip(extras, stacks, strict=True)),
    ]
    loop = Loop(
        steps,
        cast("tuple[Op, ...]", tuple(body)),
        tuple(carried),
        tuple(sliced),
        (Stacked(_as_var(cost, Var((), _dtype(cost)), body), costs, 0, 1),),
        turns,
    )
    inputs = (*state, *rows, order, *stacks, rate, turns)
    return replace(program, inputs=inputs, constants=constants, ops=(loop,), outputs=(costs, *sums))


def _dtype(x: Ref) -> np.dtype[Any]:
    return x.dtype if isinstance(x, Var) else np.dtype(float)


def _as_var(x: Ref, like: Var, body: list[Step]) -> Var:
    """x as something that the body computes."""
    if isinstance(x, Var):
        return x
    out = Var(like.shape, like.dtype)
    body.append(Op(out, RULES["broadcast_to"], (x,), {"shape": like.shape}))
    return out


def _parts(form: optree.PyTreeSpec) -> tuple[optree.PyTreeSpec, optree.PyTreeSpec, optree.PyTreeSpec]:
    """The forms of (state, cost, stats)."""
    children = form.children()
    if len(children) != 3:
        raise ArgumentError("a step returns (state, cost, stats)")
    return children[0], children[1], children[2]
