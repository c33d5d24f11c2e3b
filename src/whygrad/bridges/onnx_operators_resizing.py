"""ONNX's Resize and Upsample: along each axis one linear map, whose weights do not depend on the image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.bridges import sliding
from whygrad.bridges.onnx_limits import Limits
from whygrad.bridges.onnx_operators import operator
from whygrad.bridges.onnx_operators_arrays import whole_numbers
from whygrad.rules.define import Value

ROUNDED: dict[str, Callable[[Any], Any]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@dataclass(frozen=True)
class How:
    """The attributes of Resize."""

    mode: str
    coordinates: str
    rounding: str
    cubic: float
    exclude_outside: bool
    antialias: bool


def _places(coordinates: str, scale: float, n: int, m: int, roi: tuple[float, float]) -> Any:
    """Where in the old axis of n numbers each of the m new numbers lies."""
    i, whole = np.arange(m, dtype=float), scale * n  # m is the whole part of it
    if coordinates == "align_corners":
        return i * (n - 1) / (whole - 1.0) if whole > 1.0 else 0.0 * i
    if coordinates == "asymmetric":
        return i / scale
    if coordinates == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if coordinates == "tf_crop_and_resize":
        first, last = roi
        if whole <= 1.0:
            return 0.5 * (first + last) * (n - 1) + 0.0 * i
        return first * (n - 1) + i * (last - first) * (n - 1) / (whole - 1.0)
    if coordinates == "pytorch_half_pixel" and m == 1:
        return 0.0 * i
    shift = n / 2 * (1.0 - m / whole) if coordinates == "half_pixel_symmetric" else 0.0
    if coordinates not in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
        raise ValueError(f"coordinate_transformation_mode {coordinates!r} is not known")
    return shift + (i + 0.5) / scale - 0.5


def _kernel(how: How, distance: Any) -> Any:
    """How much a number at that distance counts."""
    d = np.abs(distance)
    if how.mode == "linear":
        return np.maximum(1.0 - d, 0.0)
    a = how.cubic  # R. Keys, "Cubic convolution interpolation for digital image processing", 1981
    near = ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    far = ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    return np.where(d <= 1.0, near, np.where(d < 2.0, far, 0.0))


def _weights(how: How, x: Any, n: int, scale: float, limits: Limits) -> Any:
    """The (m, n) matrix that makes the new axis of the old one."""
    limits.allow((len(x), n), np.dtype(float), "the weights of a resized axis,")
    narrow = min(scale, 1.0) if how.antialias else 1.0  # a shrunk image is averaged over wider surroundings
    reach = math.ceil((1 if how.mode == "linear" else 2) / narrow)
    j = np.floor(x)[:, None] + np.arange(-reach, reach + 2)
    weight = _kernel(how, (j - x[:, None]) * narrow)
    if how.exclude_outside:
        weight = np.where((j >= 0) & (j < n), weight, 0.0)
    weight = weight / np.sum(weight, axis=1, keepdims=True)
    table = np.zeros((len(x), n))
    np.add.at(table, (np.arange(len(x))[:, None], np.clip(j, 0, n - 1).astype(int)), weight)
    return table


def _along(
    x: Value, axis: int, m: int, scale: float, how: How, roi: tuple[float, float], limits: Limits
) -> tuple[Value, Any]:
    """x with m numbers along one axis, and which of them lie outside the image."""
    n = x.shape[axis]
    places = _places(how.coordinates, scale, n, m, roi)
    outside = (places < 0) | (places > n - 1) if how.coordinates == "tf_crop_and_resize" else np.zeros(m, bool)
    if how.mode == "nearest":
        chosen = np.clip(ROUNDED[how.rounding](places), 0, n - 1).astype(int)
        return np.take(x, chosen, axis), outside
    table = _weights(how, places, n, scale, limits).astype(x.dtype if x.dtype.kind == "f" else float)
    return sliding.along(x, axis, table), outside


@operator("Resize", 11, 19, constants=(1, 2, 3))
def resize(x: Value, roi: Value | None = None, scales: Value | None = None, sizes: Value | None = None, *,
           mode: str = "nearest", coordinate_transformation_mode: str = "half_pixel",
           nearest_mode: str = "round_prefer_floor", cubic_coeff_a: float = -0.75, exclude_outside: int = 0,
           extrapolation_value: float = 0.0, antialias: int = 0, axes: Any = None,
           keep_aspect_ratio_policy: str = "stretch", limits: Limits) -> Value:  # fmt: skip
    """An image of another size, by scales or by sizes, along the axes named."""
    n = len(x.shape)
    along = [i % n for i in axes] if axes else list(range(n))
    old = [x.shape[i] for i in along]
    if sizes is not None and np.size(sizes):
        new = whole_numbers(sizes)
        factors = [m / k for m, k in zip(new, old, strict=True)]
        if keep_aspect_ratio_policy != "stretch":
            factor = (min if keep_aspect_ratio_policy == "not_larger" else max)(factors)
            factors, new = [factor] * len(old), [math.floor(k * factor + 0.5) for k in old]
    else:
        factors = [float(s) for s in np.asarray(scales).reshape(-1)]
        new = [math.floor(k * s) for k, s in zip(old, factors, strict=True)]
    corners = [] if roi is None else [float(c) for c in np.asarray(roi).reshape(-1)]
    corners = corners or [0.0] * len(old) + [1.0] * len(old)
    whole = list(x.shape)
    for i, m in zip(along, new, strict=True):
        whole[i] = m
    limits.allow(tuple(whole), x.dtype)
    how = How(mode, coordinate_transformation_mode, nearest_mode, cubic_coeff_a, bool(exclude_outside), bool(antialias))
    dtype, outside = x.dtype, np.zeros(whole, bool)
    for place, (axis, m, scale) in enumerate(zip(along, new, factors, strict=True)):
        window = (corners[place], corners[place + len(old)])
        if m == x.shape[axis] and scale == 1.0 and window == (0.0, 1.0):
            continue
        x, away = _along(x, axis, m, scale, how, window, limits)
        outside |= np.reshape(away, [-1 if i == axis else 1 for i in range(n)])
    x = np.where(outside, extrapolation_value, x) if outside.any() else x
    return x if x.dtype == dtype else x.astype(dtype)


@operator("Resize", 10, 10, constants=(1,))
@operator("Upsample", 9, 10, constants=(1,))
def upsample(x: Value, scales: Value, *, mode: str = "nearest", limits: Limits) -> Value:
    """Scales only; a new number takes after the old one at its place divided by the scale."""
    return resize(x, None, scales, mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor",
                  limits=limits)  # fmt: skip


@operator("Upsample", 7, 7)
def upsample_by(x: Value, *, scales: Any, mode: str = "nearest", limits: Limits) -> Value:
    """The scales are an attribute."""
    return upsample(x, np.array(scales), mode=mode, limits=limits)
