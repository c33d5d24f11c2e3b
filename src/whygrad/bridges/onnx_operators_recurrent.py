"""ONNX's recurrent operators: RNN, GRU and LSTM, one step after the other, forwards, backwards or both ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.bridges.onnx_operators import operator
from whygrad.rules import activations
from whygrad.rules.define import Value

Squash = Callable[[Value], Value]
Cell = Callable[[Value, tuple[Value, ...]], tuple[Value, ...]]  # (x of one step, state) -> state; state[0] is h

# ONNX's defaults for alpha and beta.
SQUASHES: dict[str, Callable[[float | None, float | None], Squash]] = {
    "relu": lambda a, b: activations.relu,
    "tanh": lambda a, b: np.tanh,
    "sigmoid": lambda a, b: activations.sigmoid,
    "softplus": lambda a, b: activations.softplus,
    "softsign": lambda a, b: lambda x: x / (1.0 + np.abs(x)),
    "elu": lambda a, b: lambda x: activations.elu(x, 1.0 if a is None else a),
    "leakyrelu": lambda a, b: lambda x: activations.leaky_relu(x, 0.01 if a is None else a),
    "affine": lambda a, b: lambda x: (1.0 if a is None else a) * x + (0.0 if b is None else b),
    "hardsigmoid": lambda a, b: lambda x: np.clip((0.2 if a is None else a) * x + (0.5 if b is None else b), 0.0, 1.0),
}


@dataclass(frozen=True)
class Options:
    """The attributes that all three operators share."""

    direction: str
    layout: int
    clip: float | None
    squashes: tuple[str, ...]
    alphas: Sequence[float]
    betas: Sequence[float]

    def functions(self, way: int, many: int) -> list[Squash]:
        """The squashing functions of one direction, each followed by clipping of what goes in."""
        alphas, betas = iter(self.alphas), iter(self.betas)
        made = []
        for name in self.squashes:
            key = name.lower()
            if key not in SQUASHES:
                raise ValueError(f"the activation {name!r} is not one of {', '.join(sorted(SQUASHES))}")
            a = next(alphas, None) if key in ("elu", "leakyrelu", "affine", "hardsigmoid") else None
            b = next(betas, None) if key in ("affine", "hardsigmoid") else None
            made.append(self._clipped(SQUASHES[key](a, b)))
        return made[way * many : (way + 1) * many] if len(made) > many else made

    def _clipped(self, squash: Squash) -> Squash:
        limit = self.clip
        return squash if not limit else lambda x: squash(np.clip(x, -limit, limit))


def _options(direction: str, layout: int, clip: float | None, activations: Any, default: tuple[str, ...], alpha: Any,
             beta: Any) -> Options:  # fmt: skip
    ways = 2 if direction == "bidirectional" else 1
    return Options(direction, layout, clip, tuple(activations or default * ways), alpha or (), beta or ())


def _run(x: Value, cells: Sequence[Cell], starts: Sequence[tuple[Value, ...]], lengths: Value | None,
         options: Options) -> tuple[Value, ...]:  # fmt: skip
    """Y (steps, directions, batch, hidden), and the last state of each kind (directions, batch, hidden).

    A sequence shorter than the others stands still after its end: its outputs there are 0.
    """
    steps = x.shape[0]
    outputs, lasts = [], []
    for way, (cell, state) in enumerate(zip(cells, starts, strict=True)):
        backwards = options.direction == "reverse" or way == 1
        made: list[Value] = [None] * steps
        for t in reversed(range(steps)) if backwards else range(steps):
            new = cell(x[t], state)
            if lengths is not None:
                runs = (t < np.asarray(lengths))[:, None]
                new = tuple(np.where(runs, after, before) for after, before in zip(new, state, strict=True))
                made[t] = np.where(runs, new[0], 0.0)
            else:
                made[t] = new[0]
            state = new
        outputs.append(np.stack(made, axis=0))
        lasts.append(state)
    y = np.stack(outputs, axis=1)
    last = tuple(np.stack(kind, axis=0) for kind in zip(*lasts, strict=True))
    if options.layout == 1:  # batch first
        return np.transpose(y, (2, 0, 1, 3)), *(np.swapaxes(kind, 0, 1) for kind in last)
    return y, *last


def _start(given: Value | None, way: int, x: Value, hidden: int, layout: int) -> Value:
    if given is None:
        return np.zeros((x.shape[1], hidden), x.dtype)
    return given[:, way] if layout == 1 else given[way]


def _parts(values: Value, many: int) -> list[Value]:
    """The gates' blocks of a stack of weights or biases."""
    size = values.shape[0] // many
    return [values[i * size : (i + 1) * size] for i in range(many)]


def _columns(z: Value, many: int) -> list[Value]:
    """The gates' blocks of the columns of z (batch, gates · hidden)."""
    size = z.shape[1] // many
    return [z[:, i * size : (i + 1) * size] for i in range(many)]


@operator("RNN", 7, 22, constants=(4,))
def rnn(x: Value, W: Value, R: Value, B: Value | None = None, lengths: Value | None = None, h0: Value | None = None, *,
        hidden_size: int | None = None, direction: str = "forward", layout: int = 0, clip: float | None = None,
        activations: Any = None, activation_alpha: Any = None, activation_beta: Any = None) -> Any:  # fmt: skip
    """``h = f(W x + R h + b)``."""
    options = _options(direction, layout, clip, activations, ("Tanh",), activation_alpha, activation_beta)
    x = np.swapaxes(x, 0, 1) if layout == 1 else x
    cells: list[Cell] = []
    for way in range(W.shape[0]):
        (f,) = options.functions(way, 1)

        def cell(x: Value, state: tuple[Value, ...], way: int = way, f: Squash = f) -> tuple[Value, ...]:
            z = x @ W[way].T + state[0] @ R[way].T
            return (f(z if B is None else z + sum(_parts(B[way], 2))),)

        cells.append(cell)
    starts = [(_start(h0, way, x, R.shape[-1], layout),) for way in range(W.shape[0])]
    return _run(x, cells, starts, lengths, options)


@operator("GRU", 7, 22, constants=(4,))
def gru(x: Value, W: Value, R: Value, B: Value | None = None, lengths: Value | None = None, h0: Value | None = None, *,
        hidden_size: int | None = None, direction: str = "forward", layout: int = 0, clip: float | None = None,
        activations: Any = None, activation_alpha: Any = None, activation_beta: Any = None,
        linear_before_reset: int = 0) -> Any:  # fmt: skip
    """Gates z (update), r (reset) and h, in this order: ``h = (1 - z) g(...) + z h``."""
    options = _options(direction, layout, clip, activations, ("Sigmoid", "Tanh"), activation_alpha, activation_beta)
    x = np.swapaxes(x, 0, 1) if layout == 1 else x
    hidden = R.shape[-1]
    cells: list[Cell] = []
    for way in range(W.shape[0]):
        f, g = options.functions(way, 2)
        bias = np.zeros(6 * hidden, x.dtype) if B is None else B[way]

        def cell(x: Value, state: tuple[Value, ...], way: int = way, f: Squash = f, g: Squash = g,
                 bias: Value = bias) -> tuple[Value, ...]:  # fmt: skip
            (h,) = state
            (Rz, Rr, Rh), (bz, br, bh, cz, cr, ch) = _parts(R[way], 3), _parts(bias, 6)
            xz, xr, xh = (x @ part.T for part in _parts(W[way], 3))
            z, r = f(xz + h @ Rz.T + bz + cz), f(xr + h @ Rr.T + br + cr)
            inner = r * (h @ Rh.T + ch) if linear_before_reset else (r * h) @ Rh.T + ch
            new = g(xh + inner + bh)
            return ((1.0 - z) * new + z * h,)

        cells.append(cell)
    starts = [(_start(h0, way, x, hidden, layout),) for way in range(W.shape[0])]
    return _run(x, cells, starts, lengths, options)


@operator("LSTM", 7, 22, constants=(4,))
def lstm(x: Value, W: Value, R: Value, B: Value | None = None, lengths: Value | None = None, h0: Value | None = None,
         c0: Value | None = None, P: Value | None = None, *, hidden_size: int | None = None,
         direction: str = "forward", layout: int = 0, clip: float | None = None, activations: Any = None,
         activation_alpha: Any = None, activation_beta: Any = None, input_forget: int = 0) -> Any:  # fmt: skip
    """Gates i, o, f, c in this order; ``P`` are peepholes (i, o, f); ``input_forget`` couples f = 1 - i."""
    options = _options(direction, layout, clip, activations, ("Sigmoid", "Tanh", "Tanh"), activation_alpha,
                       activation_beta)  # fmt: skip
    x = np.swapaxes(x, 0, 1) if layout == 1 else x
    hidden = R.shape[-1]
    cells: list[Cell] = []
    for way in range(W.shape[0]):
        f, g, last = options.functions(way, 3)
        bias = None if B is None else sum(_parts(B[way], 2))
        peep = (0.0, 0.0, 0.0) if P is None else _parts(P[way], 3)

        def cell(x: Value, state: tuple[Value, ...], way: int = way, f: Squash = f, g: Squash = g,
                 last: Squash = last, bias: Value = bias, peep: Any = peep) -> tuple[Value, ...]:  # fmt: skip
            h, c = state
            z = x @ W[way].T + h @ R[way].T
            zi, zo, zf, zc = _columns(z if bias is None else z + bias, 4)
            i = f(zi if P is None else zi + peep[0] * c)
            forget = 1.0 - i if input_forget else f(zf if P is None else zf + peep[2] * c)
            new = forget * c + i * g(zc)
            o = f(zo if P is None else zo + peep[1] * new)
            return o * last(new), new

        cells.append(cell)
    starts = [tuple(_start(given, way, x, hidden, layout) for given in (h0, c0)) for way in range(W.shape[0])]
    return _run(x, cells, starts, lengths, options)
