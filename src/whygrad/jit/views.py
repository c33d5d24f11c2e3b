"""Where the numbers of a view lie in the memory of what it looks at, and how a printed program names them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whygrad.jit.program import Op, Var


@dataclass(frozen=True)
class View:
    """Number i, j, ... of the view is number ``offset + strides[0]*i + strides[1]*j + ...`` of ``base``, in C order.

    ``turn``: in turn t of a loop everything lies ``turn * t`` numbers further.
    """

    base: Var
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0
    turn: int = 0

    @property
    def whole(self) -> bool:
        """The base itself, number by number in the same order (axes of length 1 may differ)."""
        return self.offset == self.turn == 0 and self.size == self.base.size and contiguous(self.shape, self.strides)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    def broadcast(self, shape: tuple[int, ...]) -> View:
        """The view stretched to ``shape`` as NumPy would: stretched axes stand still."""
        missing = len(shape) - len(self.shape)
        strides = [0] * missing + [0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True)]
        return replace(self, shape=shape, strides=tuple(strides))


def c_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How far one step along each axis goes, in numbers, in C order."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def contiguous(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """The numbers lie one after the other."""
    return all(n == 1 or s == c for n, s, c in zip(shape, strides, c_strides(shape), strict=True))


def of(x: Var) -> View:
    """A variable as a view of itself."""
    return View(x, x.shape, c_strides(x.shape))


def viewed(op: Op, x: View) -> View | None:
    """What the step returns as a view of what x looks at; None where the numbers have to be moved."""
    if op.rule.name == "reshape":
        return _reshaped(x, op.out.shape)
    if op.rule.name not in MOVES:
        return None
    # NumPy itself says where the numbers lie: the same function on an array that has strides and no memory of its own.
    # Nothing is read through it: these functions only compute addresses.
    memory = np.zeros(1, np.int8)
    ghost = np.lib.stride_tricks.as_strided(memory, x.shape, x.strides)
    seen = MOVES[op.rule.name](ghost, dict(op.params))
    if seen is None:
        return None
    start = seen.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    return replace(x, shape=seen.shape, strides=seen.strides, offset=x.offset + start)


def _reshaped(x: View, shape: tuple[int, ...]) -> View | None:
    if contiguous(x.shape, x.strides):
        return replace(x, shape=shape, strides=c_strides(shape))
    kept = [(n, s) for n, s in zip(x.shape, x.strides, strict=True) if n != 1]
    if [n for n in shape if n != 1] != [n for n, _ in kept]:
        return None
    rest = iter(kept)
    return replace(x, shape=shape, strides=tuple([1 if n == 1 else next(rest)[1] for n in shape]))


def _sliced(x: Any, params: dict[str, Any]) -> Any:
    index = params["index"]
    if not basic(index):
        return None
    parts = index if isinstance(index, tuple) else (index,)
    return x[parts if Ellipsis in parts else (*parts, ...)]  # with ``...``, a single number is a view as well


def basic(index: Any) -> bool:
    """Slices, whole numbers, new axes and ``...``: NumPy returns a view for them."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))
        for part in parts
    )


def _copies(x: Any, params: dict[str, Any]) -> Any:
    if params.get("axis") is not None and not params.get("keepdims"):
        x = np.expand_dims(x, params["axis"])
    return np.broadcast_to(x, params["shape"])


def _windows(x: Any, params: dict[str, Any]) -> Any:
    size, stride = params["size"], params["stride"]
    views = np.lib.stride_tricks.sliding_window_view(x, size, axis=tuple(range(-len(size), 0)))
    index: Any = (..., *(slice(None, None, step) for step in stride), *(slice(None),) * len(size))
    return views[index]


MOVES: dict[str, Any] = {
    "transpose": lambda x, params: np.transpose(x, params.get("axes")),
    "broadcast_to": lambda x, params: np.broadcast_to(x, params["shape"]),
    "copies": _copies,
    "getitem": _sliced,
    "windows": _windows,
    "flip": lambda x, params: np.flip(x, params.get("axis")),
    "fliplr": lambda x, params: np.fliplr(x),
    "flipud": lambda x, params: np.flipud(x),
    "rot90": lambda x, params: np.rot90(x, **params),
    "diagonal": lambda x, params: np.diagonal(x, **params),
}


# ── names of places ──────────────────────────────────────────────────────────────────────────────────────────────────


def place(view: View, indices: tuple[str, ...], turn: str = "t") -> tuple[str, ...] | None:
    """An index for each axis of the base, as text; None if only an index into the flat base says it.

    ``indices``: the loop variables of the view's axes, "0" on axes of length 1.
    """
    if not view.base.size:
        return ("0",) * len(view.base.shape)  # in a loop that never runs
    steps = c_strides(view.base.shape)
    terms: list[list[tuple[int, str]]] = [[] for _ in steps]
    reach = [[0, 0] for _ in steps]  # the smallest and the largest index on each axis
    rest = view.offset
    for a, step in enumerate(steps):
        q, rest = divmod(rest, step)
        terms[a].append((q, "1"))
        reach[a] = [q, q]
    moves = [(n, s, i) for n, s, i in zip(view.shape, view.strides, indices, strict=True) if n > 1 and s != 0]
    for n, stride, name in moves:
        found = [a for a, step in enumerate(steps) if abs(stride) >= step and stride % step == 0]
        if not found:
            return None
        a = found[0]
        c = stride // steps[a]
        terms[a].append((c, name))
        reach[a][0 if c < 0 else 1] += c * (n - 1)
    if any(low < 0 or high >= n for (low, high), n in zip(reach, view.base.shape, strict=True)):
        return None
    if view.turn:
        if not steps or view.turn % steps[0]:
            return None
        terms[0].append((view.turn // steps[0], turn))
    return tuple([total(parts) for parts in terms])


def flat(view: View, indices: tuple[str, ...], turn: str = "t") -> str:
    """The index into the base seen as one long row."""
    terms = [(view.offset, "1"), *zip(view.strides, indices, strict=True), (view.turn, turn)]
    return total([(c, name) for c, name in terms if name != "0"])


def total(terms: list[tuple[int, str]]) -> str:
    """A sum of whole multiples, as short as a person would write it."""
    text = ""
    for c, name in terms:
        if c == 0:
            continue
        size = str(abs(c)) if name == "1" else name if abs(c) == 1 else f"{abs(c)} * {name}"
        text = f"{text} {'+' if c > 0 else '-'} {size}" if text else (size if c > 0 else f"-{size}")
    return text or "0"


def positions(op: Op) -> np.ndarray | None:
    """For a step that only moves, copies or drops numbers: where in x each number of the result stood; -1: it is 0."""
    x = op.inputs[0] if op.inputs else None
    if not isinstance(x, Var) or op.rule.name not in MOVING:
        return None
    numbered = np.arange(1, x.size + 1).reshape(x.shape)
    return np.asarray(op.rule.forward(numbered, **op.params), order="C") - 1


MOVING = frozenset(
    "getitem reshape transpose roll triu tril diag diagflat delete tile repeat resize pad flip fliplr flipud rot90 "
    "diagonal broadcast_to copies windows".split()
)
