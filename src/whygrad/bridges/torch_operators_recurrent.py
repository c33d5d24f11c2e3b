"""PyTorch's recurrent operators, unrolled in time: LSTM, GRU and plain recurrent layers, and their cells.

The formulas are those of PyTorch's documentation; parameters come as it lists them: for each layer and direction
``w_ih, w_hh``, then ``b_ih, b_hh`` where there are biases, then ``w_hr`` for an LSTM with projections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from whygrad.bridges.torch_operators_arrays import refused_dropout
from whygrad.graph.node import named
from whygrad.graph.steps import INSIDE
from whygrad.rules.activations import relu, sigmoid
from whygrad.rules.define import Value

State = tuple[Value, ...]  # h, or h and c


class Recurrence(NamedTuple):
    """What a cell learns about its own past: weights, bias, and an LSTM's projection."""

    w_hh: Value
    b_hh: Value | None = None
    w_hr: Value | None = None

    def of(self, h: Value) -> Value:
        """``w_hh h + b_hh``."""
        out = h @ self.w_hh.T
        return out if self.b_hh is None else out + self.b_hh


Cell = Callable[[Value, State, Recurrence], State]  # from w_ih x + b_ih and the last state to the next


def _lstm_cell(given: Value, state: State, own: Recurrence) -> State:
    """Gates i, f, g, o; c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c')."""
    h, c = state
    i, f, g, o = _gates(given + own.of(h), 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return (h if own.w_hr is None else h @ own.w_hr.T), c


def _gru_cell(given: Value, state: State, own: Recurrence) -> State:
    """Gates r, z and the new n; h' = (1 - z) ⊙ n + z ⊙ h."""
    (h,) = state
    r, z, n = _gates(given, 3)
    hr, hz, hn = _gates(own.of(h), 3)
    z = sigmoid(z + hz)
    n = np.tanh(n + sigmoid(r + hr) * hn)
    return ((1.0 - z) * n + z * h,)


def _plain_cell(activation: Callable[[Value], Value]) -> Cell:
    return lambda given, state, own: (activation(given + own.of(state[0])),)


def _gates(x: Value, n: int) -> list[Value]:
    size = x.shape[-1] // n
    return [x[..., i * size : (i + 1) * size] for i in range(n)]


def _layers(cell: Cell, states: int) -> Callable[..., tuple[Value, ...]]:
    """The operator of a whole layer stack: (input, hx, params, ...) -> (outputs, h_n[, c_n])."""

    def run(
        x: Value, hx: Any, params: Sequence[Value], has_biases: bool, num_layers: int, dropout: float, train: bool,
        bidirectional: bool, batch_first: bool,
    ) -> tuple[Value, ...]:  # fmt: skip
        refused_dropout(x, dropout if num_layers > 1 else 0.0, train)
        start = tuple(hx) if states > 1 else (hx,)
        batched = len(x.shape) == 3
        steps = _steps(x, batched, batch_first)
        directions, last = 1 + bidirectional, []
        each = len(params) // (num_layers * directions)
        for layer in range(num_layers):
            ways = []
            for way in range(directions):
                k = layer * directions + way
                state = tuple(s[k] if batched else s[k : k + 1] for s in start)
                outs, state = _through(
                    cell, steps, state, params[k * each : (k + 1) * each], way == 1, has_biases, layer
                )
                ways.append(outs)
                last.append(state)
            steps = ways[0] if directions == 1 else [np.concatenate(pair, -1) for pair in zip(*ways, strict=True)]
        out = np.stack(steps, 1 if batch_first else 0) if batched else np.concatenate(steps, 0)
        ends = [np.stack(s, 0) if batched else np.concatenate(s, 0) for s in zip(*last, strict=True)]
        return (out, *ends)

    return run


def _steps(x: Value, batched: bool, batch_first: bool) -> list[Value]:
    """The inputs of each moment, (n, features)."""
    if not batched:
        return [x[t : t + 1] for t in range(x.shape[0])]
    return [x[:, t] for t in range(x.shape[1])] if batch_first else [x[t] for t in range(x.shape[0])]


def _through(
    cell: Cell, steps: list[Value], state: State, params: Sequence[Value], backwards: bool, has_biases: bool, layer: int
) -> tuple[list[Value], State]:
    """One layer in one direction: its outputs in order of time, and its last state."""
    w_ih, w_hh, *rest = params
    b_ih, b_hh, w_hr = (*rest, None)[:3] if has_biases else (None, None, *rest, None)[:3]
    own = Recurrence(w_hh, b_hh, w_hr)
    outs = []
    for t, x in reversed(list(enumerate(steps))) if backwards else enumerate(steps):
        weighted = x @ w_ih.T
        state = cell(weighted if b_ih is None else weighted + b_ih, state, own)
        named(state[0], f"{INSIDE}h{layer}{'r' if backwards else ''}_{t}")
        outs.append(state[0])
    return (outs[::-1] if backwards else outs), state


def _single(cell: Cell, states: int) -> Callable[..., Any]:
    """The operator of one cell: (input, hx, w_ih, w_hh, b_ih, b_hh) -> state."""

    def run(x: Value, hx: Any, w_ih: Value, w_hh: Value, b_ih: Value | None = None, b_hh: Value | None = None) -> Any:
        weighted = x @ w_ih.T
        given = weighted if b_ih is None else weighted + b_ih
        state = cell(given, tuple(hx) if states > 1 else (hx,), Recurrence(w_hh, b_hh))
        return state if states > 1 else state[0]

    return run


RECURRENT: dict[str, Callable[..., Any]] = {
    "aten.lstm.input": _layers(_lstm_cell, 2),
    "aten.gru.input": _layers(_gru_cell, 1),
    "aten.rnn_tanh.input": _layers(_plain_cell(np.tanh), 1),
    "aten.rnn_relu.input": _layers(_plain_cell(relu), 1),
    "aten.lstm_cell": _single(_lstm_cell, 2),
    "aten.gru_cell": _single(_gru_cell, 1),
    "aten.rnn_tanh_cell": _single(_plain_cell(np.tanh), 1),
    "aten.rnn_relu_cell": _single(_plain_cell(relu), 1),
}
