"""ONNX operators that work number by number: arithmetic, activations, comparisons, changes of dtype."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.bridges.onnx_operators import operator
from whygrad.errors import UnsupportedError
from whygrad.rules import activations
from whygrad.rules.define import Value
from whygrad.rules.shapes import as_dtype
from whygrad.rules.special import erf

# ── one function of NumPy's or of the table's, as it is ──────────────────────────────────────────────────────────────

SAME: tuple[tuple[str, int, int, Callable[..., Value]], ...] = (
    ("Abs", 6, 13, np.abs),
    ("Acos", 7, 22, np.arccos),
    ("Acosh", 9, 22, np.arccosh),
    ("Add", 7, 14, np.add),
    ("And", 7, 7, np.logical_and),
    ("Asin", 7, 22, np.arcsin),
    ("Asinh", 9, 22, np.arcsinh),
    ("Atan", 7, 22, np.arctan),
    ("Atanh", 9, 22, np.arctanh),
    ("BitwiseAnd", 18, 18, np.bitwise_and),
    ("BitwiseNot", 18, 18, np.invert),
    ("BitwiseOr", 18, 18, np.bitwise_or),
    ("BitwiseXor", 18, 18, np.bitwise_xor),
    ("Ceil", 6, 13, np.ceil),
    ("Cos", 7, 22, np.cos),
    ("Cosh", 9, 22, np.cosh),
    ("Equal", 7, 19, np.equal),
    ("Erf", 9, 13, erf),
    ("Exp", 6, 13, np.exp),
    ("Floor", 6, 13, np.floor),
    ("Greater", 7, 13, np.greater),
    ("GreaterOrEqual", 12, 16, np.greater_equal),
    ("IsNaN", 9, 20, np.isnan),
    ("Less", 7, 13, np.less),
    ("LessOrEqual", 12, 16, np.less_equal),
    ("Log", 6, 13, np.log),
    ("Mul", 7, 14, np.multiply),
    ("Neg", 6, 13, np.negative),
    ("Not", 1, 1, np.logical_not),
    ("Or", 7, 7, np.logical_or),
    ("Reciprocal", 6, 13, lambda x: 1.0 / x),
    ("Relu", 6, 14, activations.relu),
    ("Round", 11, 22, np.rint),
    ("Sigmoid", 6, 13, activations.sigmoid),
    ("Sign", 9, 13, np.sign),
    ("Sin", 7, 22, np.sin),
    ("Sinh", 9, 22, np.sinh),
    ("Softplus", 1, 22, activations.softplus),
    ("Softsign", 1, 22, lambda x: x / (1.0 + np.abs(x))),
    ("Sqrt", 6, 13, np.sqrt),
    ("Sub", 7, 14, np.subtract),
    ("Tan", 7, 22, np.tan),
    ("Tanh", 6, 13, np.tanh),
    ("Where", 9, 16, np.where),
    ("Xor", 7, 7, np.logical_xor),
)


def _of_inputs(function: Callable[..., Value]) -> Callable[..., Value]:
    """Called with inputs alone: NumPy's own signature has options that are no attributes."""

    def call(*inputs: Value) -> Value:
        return function(*inputs)

    return call


for _name, _first, _last, _function in SAME:
    operator(_name, _first, _last)(_of_inputs(_function))

# ── arithmetic with rules of its own ─────────────────────────────────────────────────────────────────────────────────


@operator("Div", 7, 14)
def divide(x: Value, y: Value) -> Value:
    """Whole numbers are divided towards zero."""
    if x.dtype.kind in "iu":
        away = np.floor_divide(np.abs(x), np.abs(y)) if x.dtype.kind == "i" else np.floor_divide(x, y)
        return (away * np.sign(x) * np.sign(y)).astype(x.dtype) if x.dtype.kind == "i" else away
    return x / y


@operator("Mod", 10, 28)
def modulo(x: Value, y: Value, *, fmod: int = 0) -> Value:
    """The remainder, with the sign of y, or of x if ``fmod``."""
    return np.fmod(x, y) if fmod else np.remainder(x, y)


@operator("Pow", 7, 15)
def power(x: Value, y: Value) -> Value:
    """x to the power y, in x's dtype."""
    if x.dtype.kind == "f":
        return np.power(x, y.astype(x.dtype))
    return np.power(x, y).astype(x.dtype)


@operator("Clip", 6, 6)
def clip_between(x: Value, *, min: float | None = None, max: float | None = None) -> Value:  # noqa: A002  # ONNX's names
    """The bounds are attributes."""
    return clip(x, min, max)


@operator("Clip", 11, 13, constants=(1, 2))
def clip(x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """x kept between two bounds, of which each may be left out."""
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def _folded(name: str, first: int, last: int, function: Callable[[Value, Value], Value]) -> None:
    operator(name, first, last)(lambda *xs: functools.reduce(function, xs))


_folded("Max", 6, 13, np.maximum)
_folded("Min", 6, 13, np.minimum)
_folded("Sum", 6, 13, np.add)


@operator("Mean", 6, 13)
def mean_of_inputs(*xs: Value) -> Value:
    """The mean of several arrays, number by number."""
    return functools.reduce(np.add, xs) / float(len(xs))


@operator("IsInf", 10, 20)
def is_infinite(x: Value, *, detect_negative: int = 1, detect_positive: int = 1) -> Value:
    """Where x is infinite, in the directions asked for."""
    found = np.isinf(x)
    return found & (((x > 0) & bool(detect_positive)) | ((x < 0) & bool(detect_negative)))


# ── activations ──────────────────────────────────────────────────────────────────────────────────────────────────────


@operator("LeakyRelu", 6, 16)
def leaky_relu(x: Value, *, alpha: float) -> Value:
    """x where positive, alpha x elsewhere."""
    return activations.leaky_relu(x, alpha)


@operator("PRelu", 7, 16)
def prelu(x: Value, slope: Value) -> Value:
    """As LeakyRelu, with slopes that are learned."""
    return np.where(x > 0, x, slope * x)


@operator("Elu", 6, 22)
def elu(x: Value, *, alpha: float) -> Value:
    """x where positive, alpha (exp(x) - 1) elsewhere."""
    return activations.elu(x, alpha)


@operator("Celu", 12, 28)
def celu(x: Value, *, alpha: float) -> Value:
    """Elu of x/alpha, times alpha."""
    return alpha * activations.elu(x / alpha)


@operator("Selu", 6, 22)
def selu(x: Value, *, alpha: float, gamma: float) -> Value:
    """gamma times Elu."""
    return gamma * activations.elu(x, alpha)


@operator("Gelu", 20, 20)
def gelu(x: Value, *, approximate: str = "none") -> Value:
    """x Φ(x), or its approximation with tanh."""
    if approximate == "none":
        return activations.gelu(x)
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi).item() * (x + 0.044715 * x * x * x)))


@operator("Swish", 24, 24)
def swish(x: Value, *, alpha: float) -> Value:
    """x sigmoid(alpha x)."""
    return x * activations.sigmoid(alpha * x)


@operator("SwiGLU", 28, 28)
def swiglu(x: Value, gate: Value, *, alpha: float) -> Value:
    """x sigmoid(alpha x) times a gate."""
    return swish(x, alpha=alpha) * gate


@operator("Mish", 18, 22)
def mish(x: Value) -> Value:
    """x tanh(softplus(x))."""
    return x * np.tanh(activations.softplus(x))


@operator("HardSigmoid", 6, 22)
def hard_sigmoid(x: Value, *, alpha: float, beta: float) -> Value:
    """alpha x + beta, kept between 0 and 1."""
    return np.minimum(np.maximum(alpha * x + beta, 0.0), 1.0)


@operator("HardSwish", 14, 22)
def hard_swish(x: Value) -> Value:
    """x times HardSigmoid with alpha 1/6 and beta 1/2."""
    return x * hard_sigmoid(x, alpha=1.0 / 6.0, beta=0.5)


@operator("ThresholdedRelu", 10, 22)
def thresholded_relu(x: Value, *, alpha: float) -> Value:
    """x where it exceeds alpha, 0 elsewhere."""
    return np.where(x > alpha, x, 0.0)


@operator("Shrink", 9, 9)
def shrink(x: Value, *, bias: float = 0.0, lambd: float) -> Value:
    """x moved towards 0 by ``bias`` outside ±lambd, 0 inside."""
    if x.dtype.kind != "f":
        return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0)).astype(x.dtype)
    return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0.0))


# ── the same numbers ─────────────────────────────────────────────────────────────────────────────────────────────────


@operator("Identity", 1, 25)
def identity(x: Value) -> Value:
    """x."""
    return +x if x.dtype.kind in "iuf" else x


@operator("Dropout", 7, 10)
def dropout(x: Value, *, ratio: float = 0.5) -> Any:
    """As a trained network predicts: nothing is left out."""
    return identity(x), np.ones(x.shape, bool)


@operator("Dropout", 12, 22, constants=(1, 2))
def dropout_unless_training(
    x: Value, ratio: Value | None = None, training: Value | None = None, *, seed: int = 0
) -> Any:
    """As a trained network predicts; a file that switches training on at a ratio above 0 asks for random numbers."""
    if training is not None and bool(training) and (ratio is None or float(ratio) != 0.0):
        raise UnsupportedError("dropout in training mode", why="which numbers are left out is random",
                               try_="export the model for inference: model.eval() in PyTorch")  # fmt: skip
    return dropout(x)


@operator("Cast", 6, 28)
def cast(x: Value, *, to: Any, saturate: int = 1, round_mode: str = "up") -> Value:
    """Another dtype; floating point keeps its slope."""
    return as_dtype(x, to) if hasattr(x, "apply_rule") else np.asarray(x).astype(to)


@operator("CastLike", 15, 25, constants=(1,))
def cast_like(x: Value, like: Value, *, saturate: int = 1, round_mode: str = "up") -> Value:
    """The dtype of another array."""
    return cast(x, to=like.dtype)
