"""PyTorch's operators that are layers: products, convolution, pooling, normalization, attention, resizing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whygrad.bridges import channels, sliding
from whygrad.bridges.torch_operators_arrays import refused_dropout
from whygrad.derivatives import stop_gradient
from whygrad.rules.convolution import conv2d
from whygrad.rules.define import Value
from whygrad.rules.normalization import batch_norm, layer_norm
from whygrad.rules.softmax import softmax

Sizes = Sequence[int]


# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _linear(x: Value, weight: Value, bias: Value | None = None) -> Value:
    out = x @ (weight.T if len(weight.shape) > 1 else weight)
    return out if bias is None else out + bias


def _bilinear(x: Value, y: Value, weight: Value, bias: Value | None = None) -> Value:
    out = np.einsum("...i,oij,...j->...o", x, weight, y)
    return out if bias is None else out + bias


def _added_product(start: Value, x: Value, y: Value, *, beta: Any = 1, alpha: Any = 1) -> Value:
    product = x @ y if alpha == 1 else alpha * (x @ y)
    return product if beta == 0 else product + (start if beta == 1 else beta * start)


# ── convolution and pooling ──────────────────────────────────────────────────────────────────────────────────────────


def _each(given: Any, k: int, otherwise: Any = None) -> tuple[int, ...]:
    """One number for every direction, from one number or a list; an empty list stands for ``otherwise``."""
    if isinstance(given, (list, tuple)):
        if not given:
            return tuple(otherwise)
        return tuple(given) * k if len(given) == 1 else tuple(given)
    return (given,) * k


def _pairs(padding: Any, k: int) -> list[tuple[int, int]]:
    return [(p, p) for p in _each(padding, k)]


def _convolution(k: int) -> Callable[..., Value]:
    def convolution(
        x: Value, weight: Value, bias: Value | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Value:  # fmt: skip
        single = len(x.shape) == k + 1
        x = x[None] if single else x
        stride, dilation = _each(stride, k), _each(dilation, k)
        if isinstance(padding, str):
            pairs = _same(weight.shape[2:], dilation) if padding == "same" else [(0, 0)] * k
        else:
            pairs = _pairs(padding, k)
        if k == 2 and groups == 1 and set(dilation) == {1} and all(p == q for p, q in pairs):
            out = conv2d(x, weight, bias, stride=(stride[0], stride[1]), padding=(pairs[0][0], pairs[1][0]))
        else:
            out = sliding.convolution(x, weight, bias, stride, pairs, dilation, groups)
        return out[0] if single else out

    return convolution


def _same(size: Sizes, dilation: Sizes) -> list[tuple[int, int]]:
    """Padding that keeps the size; the odd one out goes after, as PyTorch has it."""
    totals = [d * (m - 1) for m, d in zip(size, dilation, strict=True)]
    return [(t // 2, t - t // 2) for t in totals]


def _transposed_convolution(k: int) -> Callable[..., Value]:
    def convolution(
        x: Value, weight: Value, bias: Value | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Value:  # fmt: skip
        single = len(x.shape) == k + 1
        cut = [(p, p - e) for p, e in zip(_each(padding, k), _each(output_padding, k), strict=True)]
        out = sliding.transposed_convolution(
            x[None] if single else x, weight, bias, _each(stride, k), cut, _each(dilation, k), groups,
        )  # fmt: skip
        return out[0] if single else out

    return convolution


def _any_convolution(
    x: Value, weight: Value, bias: Value | None, stride: Sizes, padding: Sizes, dilation: Sizes, transposed: bool,
    output_padding: Sizes, groups: int,
) -> Value:  # fmt: skip
    k = len(weight.shape) - 2
    if transposed:
        return _transposed_convolution(k)(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(k)(x, weight, bias, stride, padding, dilation, groups)


def _max_pool(k: int) -> Callable[..., Value]:
    def pool(
        x: Value, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Value:
        size = _each(kernel_size, k)
        return sliding.max_pool(x, size, _each(stride, k, size), _pairs(padding, k), _each(dilation, k), ceil_mode)

    return pool


def _avg_pool(k: int) -> Callable[..., Value]:
    def pool(
        x: Value, kernel_size: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Value:  # fmt: skip
        size, pairs = _each(kernel_size, k), _pairs(padding, k)
        return sliding.avg_pool(
            x, size, _each(stride, k, size), pairs, (1,) * k, ceil_mode, count_include_pad, divisor_override
        )

    return pool


def _adaptive_max(x: Value, sizes: Sizes) -> tuple[Value, ...]:
    return _alone(sliding.adaptive_max_pool(x, tuple(sizes)), 2)


def _alone(x: Value, results: int) -> tuple[Value, ...]:
    """The first result of an operator that has several; the others, places and statistics, are for its own backward."""
    return (x, *(None,) * (results - 1))


# ── normalization ────────────────────────────────────────────────────────────────────────────────────────────────────


def _batch_norm(
    x: Value, weight: Value | None, bias: Value | None, mean: Value | None, variance: Value | None, training: bool,
    momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Value:  # fmt: skip
    if training:
        mean = variance = None
    return batch_norm(x, weight, bias, mean, variance, eps=eps)


def _layer_norm(
    x: Value,
    normalized_shape: Sizes,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Value:
    return layer_norm(x, weight, bias, axis=tuple(range(-len(normalized_shape), 0)), eps=eps)


def _rms_norm(x: Value, normalized_shape: Sizes, weight: Value | None = None, eps: float | None = None) -> Value:
    axes = tuple(range(-len(normalized_shape), 0))
    return channels.rms_norm(x, axes, weight, float(np.finfo(x.dtype).eps) if eps is None else eps)


def _group_norm(
    x: Value, num_groups: int, weight: Value | None = None, bias: Value | None = None, eps: float = 1e-5, *_: Any
) -> Value:
    return channels.group_norm(x, num_groups, weight, bias, eps)


def _instance_norm(
    x: Value, weight: Value | None, bias: Value | None, mean: Value | None, variance: Value | None,
    use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Value:  # fmt: skip
    if not use_input_stats:
        return batch_norm(x, weight, bias, mean, variance, eps=eps)
    return channels.instance_norm(x, weight, bias, eps)


# ── embedding and attention ──────────────────────────────────────────────────────────────────────────────────────────


def _embedding(
    weight: Value, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Value:
    """Rows of a table; the row that stands for padding gets no gradient."""
    rows = weight[indices]
    if padding_idx < 0:
        return rows
    return np.where(np.expand_dims(np.equal(indices, padding_idx), -1), stop_gradient(rows), rows)


def _attention(
    query: Value, key: Value, value: Value, mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, enable_gqa: bool = False,
) -> Value:  # fmt: skip
    """softmax(q kᵀ · scale + mask) v; in grouped-query attention several queries share a key and its value."""
    refused_dropout(query, dropout_p, True)
    if enable_gqa:
        key, value = (np.repeat(x, query.shape[-3] // x.shape[-3], axis=-3) for x in (key, value))
    factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * factor) @ np.swapaxes(key, -1, -2)
    if is_causal:
        mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool)
    if mask is None:
        return softmax(scores) @ value
    if mask.dtype.kind == "b":
        empty = np.logical_not(np.any(mask, axis=-1, keepdims=True))  # a query that may see nothing gets zeros
        shares = softmax(np.where(np.logical_or(mask, empty), scores, scores.dtype.type(-np.inf)))
        return np.where(empty, scores.dtype.type(0), shares) @ value
    return softmax(scores + mask) @ value


# ── resizing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _target(x: Value, k: int, sizes: Sizes | None, factors: Any) -> tuple[int, ...]:
    if sizes:
        return tuple(sizes)
    return tuple(math.floor(n * f) for n, f in zip(x.shape[-k:], factors or (), strict=True))


def _nearest(k: int) -> Callable[..., Value]:
    def resize(x: Value, sizes: Sizes | None, *scales: Any) -> Value:
        factors = scales[0] if scales and isinstance(scales[0], (list, tuple)) else None
        for axis, n in zip(range(-k, 0), _target(x, k, sizes, factors), strict=True):
            places = np.minimum(np.floor(np.arange(n) * (x.shape[axis] / n)).astype(int), x.shape[axis] - 1)
            x = np.take(x, places, axis)
        return x

    return resize


def _bilinear_resize(x: Value, sizes: Sizes | None, align_corners: bool, *scales: Any) -> Value:
    listed = scales and isinstance(scales[0], (list, tuple))
    factors = scales[0] if listed else scales if len(scales) == 2 else (None, None)
    for axis, n, factor in zip((-2, -1), _target(x, 2, sizes, factors), factors or (None, None), strict=True):
        x = sliding.along(x, axis, _between(x.shape[axis], n, align_corners, factor).astype(x.dtype))
    return x


def _between(old: int, new: int, align_corners: bool, factor: float | None) -> np.ndarray:
    """Row i: the weights of the two old numbers that new number i lies between."""
    i = np.arange(new)
    if align_corners:
        place = i * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        place = np.maximum(0.0, (i + 0.5) * (1.0 / factor if factor else old / new) - 0.5)
    low = np.minimum(np.floor(place).astype(int), old - 1)
    high, share = np.minimum(low + 1, old - 1), place - low
    weights = np.zeros((new, old))
    np.add.at(weights, (i, low), 1.0 - share)
    np.add.at(weights, (i, high), share)
    return weights


def _pixels_shuffled(x: Value, r: int) -> Value:
    *stack, channels, high, wide = x.shape
    n = len(stack)
    parts = np.reshape(x, (*stack, channels // (r * r), r, r, high, wide))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return np.reshape(np.transpose(parts, order), (*stack, channels // (r * r), high * r, wide * r))


LAYERS: dict[str, Callable[..., Any]] = {
    "aten.linear": _linear,
    "aten.bilinear": _bilinear,
    "aten.matmul": lambda x, y: x @ y,
    "aten.mm": lambda x, y: x @ y,
    "aten.bmm": lambda x, y: x @ y,
    "aten.mv": lambda x, y: x @ y,
    "aten.dot": lambda x, y: x @ y,
    "aten.outer": np.outer,
    "aten.einsum": lambda equation, tensors, path=None: np.einsum(equation.replace(" ", ""), *tensors),
    "aten.addmm": _added_product,
    "aten.baddbmm": _added_product,
    "aten.addmv": _added_product,
    "aten.conv1d": _convolution(1),
    "aten.conv2d": _convolution(2),
    "aten.conv3d": _convolution(3),
    "aten.conv_transpose1d": _transposed_convolution(1),
    "aten.conv_transpose2d": _transposed_convolution(2),
    "aten.convolution": _any_convolution,
    "aten.max_pool1d": _max_pool(1),
    "aten.max_pool2d": _max_pool(2),
    "aten.max_pool2d_with_indices": lambda x, *how, **options: _alone(_max_pool(2)(x, *how, **options), 2),
    "aten.max_pool3d": _max_pool(3),
    "aten.avg_pool1d": _avg_pool(1),
    "aten.avg_pool2d": _avg_pool(2),
    "aten.avg_pool3d": _avg_pool(3),
    "aten.adaptive_avg_pool1d": lambda x, sizes: sliding.adaptive_avg_pool(x, tuple(sizes)),
    "aten.adaptive_avg_pool2d": lambda x, sizes: sliding.adaptive_avg_pool(x, tuple(sizes)),
    "aten.adaptive_max_pool1d": _adaptive_max,
    "aten.adaptive_max_pool2d": _adaptive_max,
    "aten.batch_norm": _batch_norm,
    "aten._native_batch_norm_legit_no_training": lambda x, weight, bias, mean, variance, momentum, eps: _alone(
        batch_norm(x, weight, bias, mean, variance, eps=eps), 3
    ),
    "aten._native_batch_norm_legit_functional": lambda x, weight, bias, mean, variance, training, momentum, eps: _alone(
        _batch_norm(x, weight, bias, mean, variance, training, momentum, eps), 5
    ),
    "aten._native_batch_norm_legit.no_stats": lambda x, weight, bias, training, momentum, eps: _alone(
        batch_norm(x, weight, bias, eps=eps), 3
    ),
    "aten.layer_norm": _layer_norm,
    "aten.native_layer_norm": lambda x, shape, weight, bias, eps: _alone(_layer_norm(x, shape, weight, bias, eps), 3),
    "aten.rms_norm": _rms_norm,
    "aten.group_norm": _group_norm,
    "aten.instance_norm": _instance_norm,
    "aten.embedding": _embedding,
    "aten.scaled_dot_product_attention": _attention,
    "aten.upsample_nearest1d": _nearest(1),
    "aten.upsample_nearest2d": _nearest(2),
    "aten.upsample_bilinear2d": _bilinear_resize,
    "aten.pixel_shuffle": _pixels_shuffled,
}
