"""Operations that NumPy, JAX and PyTorch share, each with a way to draw its parameters for given shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Function = Callable[..., Any]  # (np, *values) -> value


@dataclass(frozen=True)
class Operation:
    """``make(rng, *shapes)`` draws parameters and returns the function, or None where the shapes do not suit it."""

    name: str
    arity: int
    make: Callable[..., Function | None]


class Torch:
    """PyTorch under NumPy's names, as far as the operations below use them."""

    def __init__(self, torch: Any) -> None:
        def every(x: Any, axis: Any) -> Any:
            return tuple(range(x.ndim)) if axis is None else axis

        def both(function: Function) -> Function:
            return lambda x, y: function(*torch.broadcast_tensors(x, torch.as_tensor(y, dtype=x.dtype)))

        self.torch = torch
        self.max = lambda x, axis=None: torch.amax(x, dim=every(x, axis))
        self.min = lambda x, axis=None: torch.amin(x, dim=every(x, axis))
        self.var = lambda x, axis: torch.var(x, dim=axis, correction=0)
        self.prod = lambda x, axis: torch.prod(x, dim=axis)
        self.transpose = lambda x, axes: x.permute(axes)
        self.flip = lambda x, axis: torch.flip(x, (axis,))
        self.expand_dims = lambda x, axis: x.unsqueeze(axis)
        self.maximum, self.minimum = both(torch.maximum), both(torch.minimum)
        self.eye = lambda n: torch.eye(n, dtype=torch.float64)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)


def plain(name: str, arity: int, function: Function) -> Operation:
    """An operation without parameters."""
    return Operation(name, arity, lambda rng, *shapes: function)


def along(name: str, function: Callable[[Any, Any, int], Any]) -> Operation:
    """An operation along one axis, drawn from those that there are: ``function(np, x, axis)``."""

    def make(rng: np.random.Generator, shape: Shape) -> Function | None:
        if not shape:
            return None
        axis = int(rng.integers(-len(shape), len(shape)))
        return lambda np, x: function(np, x, axis)

    return Operation(name, 1, make)


def _reshaped(rng: np.random.Generator, shape: Shape) -> Function:
    size = int(np.prod(shape, dtype=int))
    forms = [(size,), (1, size), (size, 1), *([(2, size // 2), (size // 2, 2)] if size % 2 == 0 else [])]
    form = forms[rng.integers(len(forms))]
    return lambda np, x: np.reshape(x, form)


def _transposed(rng: np.random.Generator, shape: Shape) -> Function:
    axes = tuple(int(i) for i in rng.permutation(len(shape)))
    return lambda np, x: np.transpose(x, axes)


def _indexed(rng: np.random.Generator, shape: Shape) -> Function | None:
    if not shape or not shape[0]:
        return None
    i = int(rng.integers(-shape[0], shape[0]))
    picked = rng.integers(0, shape[0], 3)
    choices: list[Any] = [i, slice(i, None), slice(None, None, 2), picked, (..., None), None]
    index = choices[rng.integers(len(choices))]
    return lambda np, x: x[index]


def _concatenated(rng: np.random.Generator, a: Shape, b: Shape) -> Function | None:
    if not a or len(a) != len(b):
        return None
    axis = int(rng.integers(len(a)))
    return lambda np, x, y: np.concatenate((x, y), axis=axis)


SHARED = (
    *(plain(name, 1, lambda np, x, name=name: getattr(np, name)(x))
      for name in ("exp", "tanh", "sin", "cos", "arctan", "square", "negative", "abs", "sinh", "arcsinh", "expm1")),
    plain("log1p of square", 1, lambda np, x: np.log1p(x * x)),
    plain("sqrt of positive", 1, lambda np, x: np.sqrt(x * x + 0.5)),
    plain("log of positive", 1, lambda np, x: np.log(x * x + 0.1)),
    plain("sigmoid", 1, lambda np, x: 1.0 / (1.0 + np.exp(-x))),
    plain("relu", 1, lambda np, x: np.maximum(x, 0.0)),
    plain("clip", 1, lambda np, x: np.minimum(np.maximum(x, -1.0), 1.0)),
    plain("cube", 1, lambda np, x: x**3),
    plain("power", 1, lambda np, x: (x * x + 0.5) ** 1.5),
    plain("add", 2, lambda np, x, y: x + y),
    plain("subtract", 2, lambda np, x, y: x - y),
    plain("multiply", 2, lambda np, x, y: x * y),
    plain("divide", 2, lambda np, x, y: x / (1.0 + y * y)),
    plain("maximum", 2, lambda np, x, y: np.maximum(x, y)),
    plain("minimum", 2, lambda np, x, y: np.minimum(x, y)),
    plain("hypot", 2, lambda np, x, y: np.hypot(x * x + 1.0, y)),
    plain("arctan2", 2, lambda np, x, y: np.arctan2(x, y * y + 0.5)),
    plain("logaddexp", 2, lambda np, x, y: np.logaddexp(x, y)),
    plain("where", 2, lambda np, x, y: np.where(x > y, x * y, x + y)),
    plain("matmul", 2, lambda np, x, y: x @ y),
    plain("matmul with transpose", 2, lambda np, x, y: np.matmul(x, np.swapaxes(y, -1, -2))),
    plain("einsum", 2, lambda np, x, y: np.einsum("...i,...i->...", x, y)),
    plain("outer", 2, lambda np, x, y: np.outer(np.reshape(x, (-1,)), np.reshape(y, (-1,)))),
    plain("total", 1, lambda np, x: np.sum(x)),
    plain("spread", 1, lambda np, x: np.expand_dims(x, 0) + np.expand_dims(x, -1)),
    plain("solve", 1, lambda np, x: np.linalg.solve(np.swapaxes(x, -1, -2) @ x + np.eye(x.shape[-1]), x[..., :1, :].T)),
    along("sum", lambda np, x, axis: np.sum(x, axis=axis)),
    along("mean", lambda np, x, axis: np.mean(x, axis=axis)),
    along("var", lambda np, x, axis: np.var(x, axis=axis)),
    along("max", lambda np, x, axis: np.max(x, axis=axis)),
    along("min", lambda np, x, axis: np.min(x, axis=axis)),
    along("prod", lambda np, x, axis: np.prod(x, axis)),
    along("cumsum", lambda np, x, axis: np.cumsum(x, axis=axis)),
    along("flip", lambda np, x, axis: np.flip(x, axis)),
    along("roll", lambda np, x, axis: np.roll(x, 1, axis)),
    along("softmax", lambda np, x, axis: np.exp(x) / np.expand_dims(np.sum(np.exp(x), axis=axis), axis)),
    Operation("reshape", 1, _reshaped),
    Operation("transpose", 1, _transposed),
    Operation("index", 1, _indexed),
    Operation("concatenate", 2, _concatenated),
)
