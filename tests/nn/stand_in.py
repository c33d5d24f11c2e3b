"""``whygrad.jit`` without a compiler: a function is traced once, and the recorded program is interpreted by NumPy."""

import numpy as np
import optree

from whygrad.jit.capture import capture
from whygrad.jit.interpret import interpret


def available():
    return True


def jit(f, backend="native"):
    programs = {}

    def call(*args):
        leaves = [np.asarray(x) for x in optree.tree_leaves(args)]
        key = tuple((x.shape, x.dtype.str) for x in leaves)
        if key not in programs:
            programs[key] = capture(f, args, {})
        outputs = interpret(programs[key].program, [x if x.ndim else x[()] for x in leaves])
        return programs[key].result.unflatten(outputs)

    call.backend = backend
    return call


class StepLoop:
    """The contract of whygrad.jit.loop.StepLoop."""

    def __init__(self, step, state, data, batch_size, extras=(), *, backend="native"):
        self.state = optree.tree_map(np.array, state)
        self._data, self._batch_size = data, batch_size
        batch = optree.tree_map(lambda x: x[np.arange(batch_size) % len(x)], data)
        self._given = (self.state, batch, extras, np.float64(0.5))
        self._captured = capture(step, self._given, {})
        self.calls = []

    def load(self, state):
        optree.tree_map_(np.copyto, self.state, state)

    def run(self, order, extras, rate):
        self.calls.append(len(order))
        assert order.shape == (len(order), self._batch_size)
        costs, total = [], None
        for t, rows in enumerate(order):
            batch = optree.tree_map(lambda x: x[rows], self._data)  # noqa: B023
            given = (self.state, batch, optree.tree_map(lambda x: x[t], extras), np.float64(rate))  # noqa: B023
            leaves = [np.asarray(x) for x in optree.tree_leaves(given)]
            assert [(x.shape, x.dtype) for x in leaves] == [
                (np.shape(x), np.asarray(x).dtype) for x in optree.tree_leaves(self._given)]
            outputs = interpret(self._captured.program, [x if x.ndim else x[()] for x in leaves])
            state, cost, stats = self._captured.result.unflatten(outputs)
            for old, new in zip(optree.tree_leaves(self.state), optree.tree_leaves(state), strict=True):
                assert old.dtype == new.dtype, (old.dtype, new.dtype)
            self.load(state)
            costs.append(cost)
            total = stats if total is None else optree.tree_map(np.add, total, stats)
        return np.array(costs), total
