"""PyTorch's operators that make, shape, move and pick arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whygrad.derivatives import stop_gradient
from whygrad.errors import UnsupportedError
from whygrad.rules.define import Value
from whygrad.rules.shapes import as_dtype
from whygrad.rules.updates import at

Dims = int | Sequence[int] | None


def _made(make: Callable[..., Any]) -> Callable[..., Value]:
    """``torch.zeros(size, dtype=...)`` from NumPy's function."""
    return lambda size, dtype=None: make(tuple(size), np.dtype(dtype or np.float32))


def _full(size: Sequence[int], fill_value: Any, dtype: Any = None) -> Value:
    if hasattr(fill_value, "apply_rule"):
        return np.broadcast_to(fill_value, tuple(size))
    return np.full(tuple(size), fill_value, dtype or (np.float32 if isinstance(fill_value, float) else None))


def _like(make: Callable[..., Any]) -> Callable[..., Value]:
    return lambda x, dtype=None: make(x.shape, dtype or x.dtype)


def _arange(*ends: Any, dtype: Any = None) -> Value:
    floating = any(isinstance(x, float) for x in ends)
    return np.arange(*ends, dtype=dtype or (np.float32 if floating else np.int64))


def _linspace(start: float, end: float, steps: int, dtype: Any = None) -> Value:
    return np.linspace(start, end, steps).astype(dtype or np.float32)


def _expanded(x: Value, size: Sequence[int], implicit: bool = False) -> Value:
    own = (1,) * (len(size) - len(x.shape)) + tuple(x.shape)
    return np.broadcast_to(x, tuple(m if n == -1 else n for n, m in zip(size, own, strict=True)))


def _transposed(x: Value, dim0: int, dim1: int) -> Value:
    return np.swapaxes(x, dim0, dim1) if len(x.shape) else x


def _flattened(x: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    n = max(1, len(x.shape))
    start, end = start_dim % n, end_dim % n
    return np.reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def _unflattened(x: Value, dim: int, sizes: Sequence[int]) -> Value:
    dim %= len(x.shape)
    return np.reshape(x, (*x.shape[:dim], *sizes, *x.shape[dim + 1 :]))


def _squeezed(x: Value, dim: Dims = None) -> Value:
    n = len(x.shape)
    dims = range(n) if dim is None else [d % max(1, n) for d in ((dim,) if isinstance(dim, int) else dim)]
    return np.reshape(x, tuple(m for i, m in enumerate(x.shape) if not (i in dims and m == 1)))


def _unsqueezed(x: Value, dim: int) -> Value:
    return np.expand_dims(x, dim)


def _selected(x: Value, dim: int, index: int) -> Value:
    return x[tuple(_along(x, dim, index))]


def _sliced(x: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Value:
    return x[tuple(_along(x, dim, slice(start, end, step)))]


def _split(x: Value, size: int | Sequence[int], dim: int = 0) -> list[Value]:
    n = x.shape[dim]
    sizes = [size] * (n // size) + [n % size] * (n % size > 0) if isinstance(size, int) else list(size)
    ends = np.cumsum(sizes).tolist()
    return [_sliced(x, dim, end - m, end) for m, end in zip(sizes, ends, strict=True)]


def _chunks(x: Value, chunks: int, dim: int = 0) -> list[Value]:
    return _split(x, max(1, -(-x.shape[dim] // chunks)), dim)


def _unbound(x: Value, dim: int = 0) -> list[Value]:
    return [_selected(x, dim, i) for i in range(x.shape[dim])]


def _joined(tensors: Sequence[Value], dim: int = 0) -> Value:
    kept = [x for x in tensors if x.shape != (0,)]  # PyTorch passes over empty vectors
    return np.concatenate(kept or list(tensors), dim)


def _indexed(x: Value, indices: Sequence[Any]) -> Value:
    return x[tuple(slice(None) if i is None else i for i in indices)]


def _gathered(x: Value, dim: int, index: Value, sparse_grad: bool = False) -> Value:
    dim %= len(x.shape)
    reach = tuple(slice(None) if i == dim else slice(0, n) for i, n in enumerate(index.shape))
    return np.take_along_axis(x[reach], index, dim)


def _repeated(x: Value, repeats: Sequence[int]) -> Value:
    return np.tile(x, tuple(repeats))


def _repeat_interleaved(x: Value, repeats: Any, dim: int | None = None, output_size: Any = None) -> Value:
    return np.repeat(x, repeats, dim)


def _rolled(x: Value, shifts: Any, dims: Any = ()) -> Value:
    return np.roll(x, tuple(shifts) if dims else shifts[0], tuple(dims) or None)


def _padded(x: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Value:
    """PyTorch lists the last axis first; negative numbers cut off."""
    pairs = [(0, 0)] * (len(x.shape) - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    x = x[tuple(slice(max(0, -p), n - max(0, -q)) for (p, q), n in zip(pairs, x.shape, strict=True))]
    pairs = [(max(0, p), max(0, q)) for p, q in pairs]
    if mode == "constant":
        return np.pad(x, pairs, constant_values=value or 0)
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    pad_with: Any = np.pad  # its stub lists modes one by one
    return pad_with(x, pairs, mode=names[mode])


def _cast(x: Value, *how: Any, dtype: Any = None, **rest: Any) -> Value:
    """``to``, in any of its spellings: a device means nothing here, a dtype or another array's dtype does."""
    for given in (*how[:2], dtype):
        kind = getattr(given, "dtype", given)
        if isinstance(kind, np.dtype):
            return x if kind == x.dtype else as_dtype(x, kind) if kind.kind == "f" else _plain(x).astype(kind)
    return x


def _plain(x: Value) -> Any:
    return x if not hasattr(x, "apply_rule") else stop_gradient(x)


def _sorted(x: Value, *how: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> tuple[Value, Value]:
    dim, descending = (*how, dim, descending)[:2] if len(how) == 2 else (how[0] if how else dim, descending)
    order = np.argsort(-x if descending else x, axis=dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def _top(x: Value, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Value, Value]:  # noqa: A002  # aten's
    values, order = _sorted(x, dim=dim, descending=largest)
    return _sliced(values, dim, 0, k), _sliced(order, dim, 0, k)


def _one_hot(x: Any, num_classes: int = -1) -> Value:
    return (np.expand_dims(x, -1) == np.arange(num_classes if num_classes >= 0 else int(np.max(x)) + 1)).astype(
        np.int64
    )


def _scattered(x: Value, dim: int, index: Any, src: Any) -> Value:
    """``x`` with numbers written at ``index`` along ``dim``; the last of several at one place counts."""
    where = list(np.indices(index.shape))
    where[dim % len(x.shape)] = index
    part = src if np.ndim(src) == 0 else src[tuple(slice(0, n) for n in index.shape)]
    return at(x)[tuple(where)].set(part)


def _written(x: Value, src: Value, index: Sequence[Any]) -> Value:
    """``x`` with ``src`` in place of a part of it."""
    return at(x)[tuple(index)].set(src)


def _put(x: Value, indices: Sequence[Any], values: Value, accumulate: bool = False) -> Value:
    places = at(x)[tuple(slice(None) if i is None else i for i in indices)]
    return places.add(values) if accumulate else places.set(values)


def _along(x: Value, dim: int, part: Any) -> list[Any]:
    return [*(slice(None),) * (dim % len(x.shape)), part]


def _triangle(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda x, diagonal=0: function(x, diagonal)


def _meshed(tensors: Sequence[Value], indexing: str = "ij") -> list[Value]:
    grids: Any = np.meshgrid
    return list(grids(*tensors, indexing=indexing))


def _unfolded(x: Value, dimension: int, size: int, step: int) -> Value:
    from whygrad.rules.convolution import windows

    seen = windows(np.moveaxis(x, dimension, -1), size=(size,), stride=(step,))
    return np.moveaxis(seen, -2, dimension % len(x.shape))


def refused_dropout(x: Value, p: float, train: bool) -> Value:
    """``x`` itself, where dropout is off."""
    if train and p > 0:
        raise UnsupportedError("dropout that is switched on", why="it draws random numbers, so no two runs agree",
                               try_="F.dropout(x, p, self.training), which follows the module's mode")  # fmt: skip
    return x


ARRAYS: dict[str, Callable[..., Any]] = {
    # made
    "aten.zeros": _made(np.zeros),
    "aten.ones": _made(np.ones),
    "aten.empty": _made(np.zeros),
    "aten.full": _full,
    "aten.zeros_like": _like(np.zeros),
    "aten.ones_like": _like(np.ones),
    "aten.empty_like": _like(np.zeros),
    "aten.full_like": lambda x, fill_value, dtype=None: np.full(x.shape, fill_value, dtype or x.dtype),
    "aten.new_zeros": lambda x, size, dtype=None: np.zeros(tuple(size), dtype or x.dtype),
    "aten.new_ones": lambda x, size, dtype=None: np.ones(tuple(size), dtype or x.dtype),
    "aten.new_full": lambda x, size, fill_value, dtype=None: np.full(tuple(size), fill_value, dtype or x.dtype),
    "aten.new_empty": lambda x, size, dtype=None: np.zeros(tuple(size), dtype or x.dtype),
    "aten.scalar_tensor": lambda x, dtype=None: np.asarray(x, dtype),
    "aten.arange": _arange,
    "aten.linspace": _linspace,
    "aten.eye": lambda n, m=None, dtype=None: np.eye(n, m, dtype=dtype or np.float32),
    "aten.tril_indices": lambda row, col, offset=0, dtype=None: np.array(np.tril_indices(row, offset, col)),
    "aten.one_hot": _one_hot,
    # the same numbers
    "aten.clone": lambda x, **_: x,
    "aten.contiguous": lambda x, **_: x,
    "aten.alias": lambda x: x,
    "aten.lift_fresh_copy": lambda x: x,
    "aten.detach": stop_gradient,
    "aten.detach_": stop_gradient,
    "aten.item": stop_gradient,
    "aten._local_scalar_dense": stop_gradient,
    "aten.dropout": refused_dropout,
    "aten.feature_dropout": refused_dropout,
    "aten.alpha_dropout": refused_dropout,
    "aten.to": _cast,
    "aten._to_copy": _cast,
    "aten.type_as": _cast,
    "aten.copy": lambda x, src, non_blocking=False: np.broadcast_to(_cast(src, x.dtype), x.shape),
    # sizes
    "aten.sym_size": lambda x, dim: int(x.shape[dim]),
    "aten.sym_numel": lambda x: int(math.prod(x.shape)),
    # shapes
    "aten.view": lambda x, size: np.reshape(x, tuple(size)),
    "aten.view_as": lambda x, other: np.reshape(x, other.shape),
    "aten.reshape": lambda x, size: np.reshape(x, tuple(size)),
    "aten._unsafe_view": lambda x, size: np.reshape(x, tuple(size)),
    "aten.flatten": _flattened,
    "aten.unflatten": _unflattened,
    "aten.squeeze": _squeezed,
    "aten.unsqueeze": _unsqueezed,
    "aten.transpose": _transposed,
    "aten.swapaxes": _transposed,
    "aten.t": lambda x: x.T,
    "aten.numpy_T": lambda x: x.T,
    "aten.mT": lambda x: np.swapaxes(x, -1, -2),
    "aten.permute": lambda x, dims: np.transpose(x, tuple(dims)),
    "aten.movedim": np.moveaxis,
    "aten.expand": _expanded,
    "aten.expand_as": lambda x, other: np.broadcast_to(x, other.shape),
    "aten.broadcast_to": _expanded,
    "aten.broadcast_tensors": lambda tensors: [
        np.broadcast_to(x, np.broadcast_shapes(*(y.shape for y in tensors))) for x in tensors
    ],
    # parts
    "aten.select": _selected,
    "aten.slice": _sliced,
    "aten.narrow": lambda x, dim, start, length: _sliced(x, dim, start, start + length),
    "aten.split": _split,
    "aten.split_with_sizes": _split,
    "aten.chunk": _chunks,
    "aten.unbind": _unbound,
    "aten.index": _indexed,
    "aten.index_select": lambda x, dim, index: np.take(x, index, dim),
    "aten.gather": _gathered,
    "aten.take_along_dim": lambda x, indices, dim=None: np.take_along_axis(x, indices, dim),
    "aten.diagonal": lambda x, offset=0, dim1=0, dim2=1: np.diagonal(x, offset, dim1, dim2),
    "aten.unfold": _unfolded,
    # put together
    "aten.cat": _joined,
    "aten.concat": _joined,
    "aten.stack": lambda tensors, dim=0: np.stack(list(tensors), dim),
    "aten.meshgrid": _meshed,
    "aten.scatter": _scattered,
    "aten.slice_scatter": lambda x, src, dim=0, start=None, end=None, step=1: _written(
        x, src, _along(x, dim, slice(start, end, step))
    ),
    "aten.select_scatter": lambda x, src, dim, index: _written(x, src, _along(x, dim, index)),
    "aten.index_put": _put,
    # moved
    "aten.flip": lambda x, dims: np.flip(x, tuple(dims)),
    "aten.roll": _rolled,
    "aten.repeat": _repeated,
    "aten.tile": _repeated,
    "aten.repeat_interleave": _repeat_interleaved,
    "aten.pad": _padded,
    "aten.constant_pad_nd": lambda x, pad, value=0: _padded(x, pad, "constant", value),
    "aten.reflection_pad1d": lambda x, padding: _padded(x, padding, "reflect"),
    "aten.reflection_pad2d": lambda x, padding: _padded(x, padding, "reflect"),
    "aten.replication_pad1d": lambda x, padding: _padded(x, padding, "replicate"),
    "aten.replication_pad2d": lambda x, padding: _padded(x, padding, "replicate"),
    "aten.tril": _triangle(np.tril),
    "aten.triu": _triangle(np.triu),
    "aten.sort": _sorted,
    "aten.argsort": lambda x, dim=-1, descending=False: _sorted(x, dim=dim, descending=descending)[1],
    "aten.topk": _top,
}
