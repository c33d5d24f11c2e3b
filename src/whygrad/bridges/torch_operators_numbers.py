"""PyTorch's operators that compute number by number, compare, and reduce."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whygrad.bridges.channels import per_channel
from whygrad.rules.activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus
from whygrad.rules.define import Value
from whygrad.rules.shapes import as_dtype
from whygrad.rules.softmax import log_softmax, logsumexp, softmax
from whygrad.rules.special import erf

Dims = int | Sequence[int] | None
ROOT_2_OVER_PI = math.sqrt(2.0 / math.pi)
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # G. Klambauer et al., 2017


def _axis(dim: Dims) -> Any:
    """NumPy's axis: no dims, or an empty list of them, means all."""
    return dim if isinstance(dim, int) else tuple(dim) if dim else None


def _divided(x: Value, y: Value, rounding_mode: str | None = None) -> Value:
    if rounding_mode is None:
        both_whole = all(np.result_type(getattr(z, "dtype", type(z))).kind in "iub" for z in (x, y))
        return np.true_divide(np.asarray(x, np.float32), np.asarray(y, np.float32)) if both_whole else x / y
    return np.floor_divide(x, y) if rounding_mode == "floor" else np.trunc(x / y)


def _gelu(x: Value, approximate: str = "none") -> Value:
    if approximate == "none":
        return gelu(x)
    return 0.5 * x * (1.0 + np.tanh(ROOT_2_OVER_PI * (x + 0.044715 * x**3)))


def _hardtanh(x: Value, low: float = -1.0, high: float = 1.0) -> Value:
    """The slope is 0 at the bounds themselves, as PyTorch has it."""
    return np.where((x > low) & (x < high), x, np.where(x <= low, x.dtype.type(low), x.dtype.type(high)))


def _clamped(x: Value, low: Any = None, high: Any = None) -> Value:
    """The slope is 1 at the bounds themselves, as PyTorch has it."""
    x = x if low is None else np.where(x >= low, x, _as(low, x))
    return x if high is None else np.where(x <= high, x, _as(high, x))


def _as(bound: Any, x: Value) -> Any:
    return x.dtype.type(bound) if isinstance(bound, (int, float)) else bound


def _elu(x: Value, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Value:
    if scale == input_scale == 1.0:
        return elu(x, float(alpha))
    return scale * np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, x.dtype.type(0), x) * input_scale))


def _softplus(x: Value, beta: float = 1.0, threshold: float = 20.0) -> Value:
    """PyTorch is linear where beta·x > threshold."""
    return np.where(x * beta > threshold, x, softplus(x * beta) / beta)


def _prelu(x: Value, weight: Value) -> Value:
    if weight.size > 1 and len(x.shape) > 1:
        weight = per_channel(weight, x)
    return np.where(x > 0, x, weight * x)


def _glu(x: Value, dim: int = -1) -> Value:
    half = x.shape[dim] // 2
    first, second = (slice(None),) * (dim % len(x.shape)), ...
    return x[(*first, slice(0, half), second)] * sigmoid(x[(*first, slice(half, None), second)])


def _shrunk(x: Value, lambd: float = 0.5) -> Value:
    zero = x.dtype.type(0)
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, zero))


def _in(x: Value, dtype: Any) -> Value:
    return x if dtype is None else as_dtype(x, np.dtype(dtype))


def _sum(x: Value, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Value:
    return np.sum(_in(x, dtype), axis=_axis(dim), keepdims=keepdim)


def _mean(x: Value, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Value:
    return np.mean(_in(x, dtype), axis=_axis(dim), keepdims=keepdim)


def _spread(function: Callable[..., Value]) -> Callable[..., Value]:
    """``var`` and ``std``: the second argument says how many degrees of freedom are lost, or which axes."""

    def spread(
        x: Value, *how: Any, dim: Dims = None, unbiased: bool = True, correction: Any = None, keepdim: bool = False
    ) -> Value:
        if how and isinstance(how[0], bool):
            unbiased = how[0]
        elif how:
            dim, unbiased, keepdim = (*how, *(None, unbiased, keepdim)[len(how) :])[:3]
        lost = float(unbiased) if correction is None else correction
        return function(x, axis=_axis(dim), ddof=lost, keepdims=keepdim)

    return spread


def _spread_and_mean(function: Callable[..., Value]) -> Callable[..., tuple[Value, Value]]:
    spread = _spread(function)

    def both(x: Value, *how: Any, dim: Dims = None, keepdim: bool = False, **rest: Any) -> tuple[Value, Value]:
        axes = how[0] if how and not isinstance(how[0], bool) else dim
        kept = how[2] if len(how) > 2 else keepdim
        return spread(x, *how, dim=dim, keepdim=keepdim, **rest), _mean(x, axes, kept)

    return both


def _extreme(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda x, dim=(), keepdim=False: function(x, axis=_axis(dim), keepdims=keepdim)


def _extreme_and_place(place: Callable[..., Value]) -> Callable[..., tuple[Value, Value]]:
    """The largest number along an axis and where it is; of equal ones the first takes the slope."""

    def both(x: Value, dim: int, keepdim: bool = False) -> tuple[Value, Value]:
        where = np.expand_dims(place(x, axis=dim), dim)
        values = np.take_along_axis(x, where, dim)
        return (values, where) if keepdim else (np.squeeze(values, dim), np.squeeze(where, dim))

    return both


def _norm(x: Value, p: Any = 2, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Value:
    """The p-norm over ``dim``; the slope at 0 is 0, as PyTorch has it."""
    x, axis, p = _in(x, dtype), _axis(dim), 2.0 if p is None else float(p)
    if p == math.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdim)
    if p == 1.0:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdim)
    total = np.sum(np.abs(x) ** p if p != 2.0 else x * x, axis=axis, keepdims=keepdim)
    empty = total == 0
    return np.where(empty, x.dtype.type(0), np.where(empty, x.dtype.type(1), total) ** (1.0 / p))


def _cosine(x1: Value, x2: Value, dim: int = 1, eps: float = 1e-8) -> Value:
    """PyTorch divides each vector by its own norm, at least eps."""
    lengths = [_clamped(_norm(x, 2, dim, True), eps) for x in (x1, x2)]
    return np.sum((x1 / lengths[0]) * (x2 / lengths[1]), axis=dim)


def _add(x: Value, y: Value, alpha: Any = 1) -> Value:
    return x + y if alpha == 1 else x + alpha * y


def _subtract(x: Value, y: Value, alpha: Any = 1) -> Value:
    return x - y if alpha == 1 else x - alpha * y


def _filled(x: Value, mask: Any, value: Any) -> Value:
    return np.where(mask, _as(value, x), x)


def _chosen(condition: Any, x: Any, y: Any) -> Value:
    like = x if hasattr(x, "shape") else y
    return np.where(condition, _as(x, like), _as(y, like))


def _shares(function: Callable[..., Value]) -> Callable[..., Value]:
    return lambda x, dim, dtype=None, *rest: function(_in(x, dtype if not isinstance(dtype, bool) else None), axis=dim)


NUMBERS: dict[str, Callable[..., Any]] = {
    # arithmetic
    "aten.add": _add,
    "aten.sub": _subtract,
    "aten.rsub": lambda x, y, alpha=1: _subtract(y, x, alpha),
    "aten.mul": lambda x, y: x * y,
    "aten.div": _divided,
    "aten.true_divide": _divided,
    "aten.floor_divide": np.floor_divide,
    "aten.remainder": np.remainder,
    "aten.neg": lambda x: -x,
    "aten.reciprocal": lambda x: 1.0 / x,
    "aten.pow": lambda x, y: x**y,
    "aten.square": lambda x: x * x,
    "aten.addcmul": lambda x, y, z, value=1: _add(x, y * z, value),
    "aten.addcdiv": lambda x, y, z, value=1: _add(x, y / z, value),
    "aten.lerp": lambda x, end, weight: x + weight * (end - x),
    # functions
    "aten.exp": np.exp,
    "aten.exp2": np.exp2,
    "aten.expm1": np.expm1,
    "aten.log": np.log,
    "aten.log2": np.log2,
    "aten.log10": np.log10,
    "aten.log1p": np.log1p,
    "aten.sqrt": np.sqrt,
    "aten.rsqrt": lambda x: x**-0.5,
    "aten.sin": np.sin,
    "aten.cos": np.cos,
    "aten.tan": np.tan,
    "aten.asin": np.arcsin,
    "aten.acos": np.arccos,
    "aten.atan": np.arctan,
    "aten.atan2": np.arctan2,
    "aten.sinh": np.sinh,
    "aten.cosh": np.cosh,
    "aten.tanh": np.tanh,
    "aten.erf": erf,
    "aten.abs": np.abs,
    "aten.sign": np.sign,
    "aten.sgn": np.sign,
    "aten.floor": np.floor,
    "aten.ceil": np.ceil,
    "aten.round": lambda x, decimals=0: np.round(x, decimals),
    "aten.trunc": np.trunc,
    "aten.maximum": np.maximum,
    "aten.minimum": np.minimum,
    "aten.max.other": np.maximum,
    "aten.min.other": np.minimum,
    "aten.clamp": _clamped,
    "aten.clip": _clamped,
    "aten.clamp_min": _clamped,
    "aten.clamp_max": lambda x, high: _clamped(x, None, high),
    "aten.logaddexp": np.logaddexp,
    "aten.nan_to_num": lambda x, nan=None, posinf=None, neginf=None: np.nan_to_num(
        x, nan=nan or 0.0, posinf=posinf, neginf=neginf
    ),
    # activations
    "aten.sigmoid": sigmoid,
    "aten.relu": relu,
    "aten.relu6": lambda x: _hardtanh(x, 0.0, 6.0),
    "aten.leaky_relu": lambda x, slope=0.01: leaky_relu(x, float(slope)),
    "aten.elu": _elu,
    "aten.celu": lambda x, alpha=1.0: _elu(x, alpha, 1.0, 1.0 / alpha),
    "aten.selu": lambda x: _elu(x, SELU_ALPHA, SELU_SCALE),
    "aten.gelu": _gelu,
    "aten.silu": silu,
    "aten.mish": lambda x: x * np.tanh(softplus(x)),
    "aten.softplus": _softplus,
    "aten.hardtanh": _hardtanh,
    "aten.hardsigmoid": lambda x: _hardtanh(x + 3.0, 0.0, 6.0) / 6.0,
    "aten.hardswish": lambda x: x * _clamped(x + 3.0, 0.0, 6.0) / 6.0,
    "aten.log_sigmoid": lambda x: -softplus(-x),
    "aten.prelu": _prelu,
    "aten.glu": _glu,
    "aten.threshold": lambda x, threshold, value: np.where(x > threshold, x, x.dtype.type(value)),
    "aten.softshrink": _shrunk,
    "aten.hardshrink": lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, x.dtype.type(0)),
    "aten.softmax": _shares(softmax),
    "aten._softmax": _shares(softmax),
    "aten._safe_softmax": _shares(softmax),
    "aten.log_softmax": _shares(log_softmax),
    "aten._log_softmax": _shares(log_softmax),
    # comparisons
    "aten.eq": lambda x, y: x == y,
    "aten.ne": lambda x, y: x != y,
    "aten.lt": lambda x, y: x < y,
    "aten.le": lambda x, y: x <= y,
    "aten.gt": lambda x, y: x > y,
    "aten.ge": lambda x, y: x >= y,
    "aten.logical_not": np.logical_not,
    "aten.logical_and": np.logical_and,
    "aten.logical_or": np.logical_or,
    "aten.bitwise_not": lambda x: ~x,
    "aten.bitwise_and": lambda x, y: x & y,
    "aten.bitwise_or": lambda x, y: x | y,
    "aten.__and__": lambda x, y: x & y,
    "aten.__or__": lambda x, y: x | y,
    "aten.isnan": np.isnan,
    "aten.isinf": np.isinf,
    "aten.isfinite": np.isfinite,
    "aten.where.self": _chosen,
    "aten.where.ScalarOther": _chosen,
    "aten.where.ScalarSelf": _chosen,
    "aten.masked_fill": _filled,
    # reductions
    "aten.sum": _sum,
    "aten.mean": _mean,
    "aten.prod": lambda x, dim=None, keepdim=False, dtype=None: np.prod(x, axis=dim, keepdims=keepdim),
    "aten.var": _spread(np.var),
    "aten.std": _spread(np.std),
    "aten.var_mean": _spread_and_mean(np.var),
    "aten.std_mean": _spread_and_mean(np.std),
    "aten.amax": _extreme(np.max),
    "aten.amin": _extreme(np.min),
    "aten.max.default": _extreme(np.max),
    "aten.min.default": _extreme(np.min),
    "aten.max.dim": _extreme_and_place(np.argmax),
    "aten.min.dim": _extreme_and_place(np.argmin),
    "aten.argmax": lambda x, dim=None, keepdim=False: np.argmax(x, axis=dim, keepdims=keepdim),
    "aten.argmin": lambda x, dim=None, keepdim=False: np.argmin(x, axis=dim, keepdims=keepdim),
    "aten.all": lambda x, dim=None, keepdim=False: np.all(x, axis=_axis(dim), keepdims=keepdim),
    "aten.any": lambda x, dim=None, keepdim=False: np.any(x, axis=_axis(dim), keepdims=keepdim),
    "aten.logsumexp": lambda x, dim, keepdim=False: logsumexp(x, _axis(dim), keepdim),
    "aten.cumsum": lambda x, dim, dtype=None: np.cumsum(_in(x, dtype), axis=dim),
    "aten.cumprod": lambda x, dim, dtype=None: np.cumprod(_in(x, dtype), axis=dim),
    "aten.norm": _norm,
    "aten.linalg_vector_norm": _norm,
    "aten.cosine_similarity": _cosine,
}
