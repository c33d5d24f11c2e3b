"""ONNX's attention operators: scaled dot products, their masks, and rotary positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from whygrad.bridges.onnx_operators import operator
from whygrad.rules.define import Value
from whygrad.rules.queries import plain
from whygrad.rules.shapes import as_dtype
from whygrad.rules.softmax import softmax


@operator("Attention", 23, 25, constants=(6,))
def attention(q: Value, k: Value, v: Value, mask: Value | None = None, past_k: Value | None = None,
              past_v: Value | None = None, valid: Value | None = None, *, scale: float | None = None,
              softcap: float = 0.0, is_causal: int = 0, q_num_heads: int | None = None,
              kv_num_heads: int | None = None, qk_matmul_output_mode: int = 0, softmax_precision: Any = None,
              left_window_size: int = -1, right_window_size: int = -1, outputs: int) -> Any:  # fmt: skip
    """``softmax(q kᵀ · scale + mask) v``, on (batch, heads, steps, size) or (batch, steps, heads·size).

    A query that may look at nothing gets zeros. A. Vaswani et al., "Attention is all you need", 2017.
    """
    flat = len(q.shape) == 3
    if flat:
        q = _heads(q, q_num_heads)
        k, v = (_heads(x, kv_num_heads) for x in (k, v))
    k = k if past_k is None else np.concatenate([past_k, k], axis=2)
    v = v if past_v is None else np.concatenate([past_v, v], axis=2)
    present = (k, v)
    groups = q.shape[1] // k.shape[1]
    if groups > 1:
        k, v = (np.repeat(x, groups, axis=1) for x in (k, v))
    root = math.sqrt(1.0 / math.sqrt(q.shape[-1]) if scale is None else scale)
    raw = (q * root) @ (np.swapaxes(k, -1, -2) * root)
    capped = softcap * np.tanh(raw / softcap) if softcap else raw
    seen, bias = _mask(mask, k.shape[2])
    allowed = seen & _window(q, k, past_k, valid, bool(is_causal), left_window_size, right_window_size)
    biased = capped if bias is None else capped + bias
    scores = np.where(allowed, biased, -np.inf)
    blind = ~np.any(np.broadcast_to(allowed, raw.shape), axis=-1, keepdims=True)  # rows that may look at nothing
    shares = _shares(np.where(blind, 0.0, scores), softmax_precision)
    shares = np.where(blind, 0.0, shares)
    out = shares @ v
    if flat:
        out = np.swapaxes(out, 1, 2)
        out = np.reshape(out, (*out.shape[:2], out.shape[2] * out.shape[3]))
    return out, *present, (raw, capped, scores, shares)[qk_matmul_output_mode] if outputs > 3 else None


def _heads(x: Value, heads: int | None) -> Value:
    """(batch, steps, heads·size) as (batch, heads, steps, size)."""
    if not heads:
        raise ValueError("q_num_heads and kv_num_heads are needed for inputs of three axes")
    return np.swapaxes(np.reshape(x, (*x.shape[:2], heads, x.shape[2] // heads)), 1, 2)


def _mask(mask: Value | None, keys: int) -> tuple[Any, Value | None]:
    """Which keys a mask allows, and what it adds to the scores."""
    if mask is None:
        return np.array(True), None
    missing = keys - mask.shape[-1]  # a mask that is too short allows nothing behind its end
    around = [(0, 0)] * (len(mask.shape) - 1) + [(0, missing)]
    seen = np.asarray(plain(mask))
    allowed = np.pad(seen if seen.dtype.kind == "b" else ~np.isneginf(seen), around, constant_values=False)
    if seen.dtype.kind == "b":
        return allowed, None
    finite = np.where(np.isneginf(seen), 0.0, mask)
    return allowed, np.pad(finite, around) if missing else finite


def _window(q: Value, k: Value, past: Value | None, valid: Value | None, causal: bool, left: int,
            right: int) -> Any:  # fmt: skip
    """Which keys each query may look at: (batch or 1, 1, queries, keys)."""
    queries, keys = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
    allowed = np.ones((1, 1, q.shape[2], k.shape[2]), bool)
    offset: Any = 0 if past is None else past.shape[2]
    if valid is not None:
        ends = np.asarray(valid).reshape(-1, 1, 1, 1)
        allowed = allowed & (keys < ends)
        offset = ends - q.shape[2] if past is None else offset
    place = queries + offset
    if causal:
        allowed = allowed & (keys <= place)
    if left >= 0:
        allowed = allowed & (keys >= place - left)
    if right >= 0:
        allowed = allowed & (keys <= place + right)
    return allowed


def _shares(scores: Value, dtype: Any) -> Value:
    if dtype is None or dtype == scores.dtype:
        return softmax(scores)
    return as_dtype(softmax(as_dtype(scores, dtype)), scores.dtype)


@operator("RotaryEmbedding", 23, 23, constants=(1, 2, 3))
def rotary(x: Value, cosines: Value, sines: Value, places: Value | None = None, *, interleaved: int = 0,
           num_heads: int = 0, rotary_embedding_dim: int = 0) -> Value:  # fmt: skip
    """Pairs of numbers turned by an angle that grows with their position (J. Su et al., "RoFormer", 2021)."""
    flat = len(x.shape) == 3
    x = _heads(x, num_heads) if flat else x  # (batch, heads, steps, size)
    turned = rotary_embedding_dim or x.shape[-1]
    cosines, sines = ((c if places is None else np.take(c, np.asarray(places), 0))[:, None] for c in (cosines, sines))
    cosines, sines = (c[..., : turned // 2] for c in (cosines, sines))
    front, rest = x[..., :turned], x[..., turned:]
    if interleaved:
        a, b = front[..., 0::2], front[..., 1::2]
    else:
        a, b = front[..., : turned // 2], front[..., turned // 2 :]
    pair = (a * cosines - b * sines, a * sines + b * cosines)
    joined = np.reshape(np.stack(pair, axis=-1), front.shape) if interleaved else np.concatenate(pair, axis=-1)
    out = np.concatenate([joined, rest], axis=-1)
    if flat:
        out = np.swapaxes(out, 1, 2)
        out = np.reshape(out, (*out.shape[:2], out.shape[2] * out.shape[3]))
    return out
