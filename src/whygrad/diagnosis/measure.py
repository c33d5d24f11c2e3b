"""What a layer's arrays say: how fast it learns, what attenuates its error, which units are saturated or never active.

Every number is dimensionless where it can be; what can not be known from the record is None. 0/0 is never a number
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from whygrad.diagnosis.records import Array, LayerRecord, Record

SATURATED = 0.05  # |σ'(z)| / max|σ'| below: a sigmoid is there at a = 0.987, a tanh at |a| = 0.975
NEVER = 1e-3  # of the largest slope: a unit that stays below in every example is never active
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the quantiles
ONE_SIDED = frozenset(
    "identity relu leaky_relu prelu relu6 elu selu celu gelu silu swish mish softplus hardswish".split()
)  # flat on one side at most: a small slope there is how they work


@dataclass(frozen=True)
class Quantiles:
    """Of |factor| over all units and examples: 5, 25, 50, 75 and 95 % lie below."""

    q05: float
    q25: float
    q50: float
    q75: float
    q95: float

    @classmethod
    def of(cls, values: Array | None) -> Quantiles | None:
        """None for values that are not known, or none of which is finite."""
        if values is None:
            return None
        finite = np.abs(values[np.isfinite(values)]).astype(float)
        return cls(*(float(q) for q in np.quantile(finite, LEVELS))) if finite.size else None


@dataclass(frozen=True)
class Attenuation:
    """How the error changes its size on the way from the layer above (``above``) to this one.

    ``whole`` = ``slope`` · ``weights``: rms‖δ^l‖ / rms‖δ^{l+1}‖, split at what arrives at the activation: ``weights``
    is rms‖∂C_x/∂a^l‖ / rms‖δ^{l+1}‖ (BP2's (W^{l+1})^T δ^{l+1}), ``slope`` is rms‖δ^l‖ / rms‖∂C_x/∂a^l‖ (its ⊙
    σ'(z^l)); rms over examples of the norm over units. Their logs add up to the whole. ``slope`` and ``weights`` are
    None where only δ is known.
    """

    above: str
    whole: float
    slope: float | None
    weights: float | None


@dataclass(frozen=True)
class LayerMeasures:
    """One layer in numbers; lists of units are unit numbers from 0.

    ``speed``: ‖mean of δ over the examples‖ = ‖∂C/∂b‖, how fast gradient descent moves the biases (Nielsen, chapter 5).
    ``error``: the root mean square over examples of ‖δ_x‖: the same before examples cancel each other.
    ``relative_speed``, ``relative_error``: these by the last layer's; None where that is 0 or not finite.
    ``attenuation``: from the layer above; None for the last layer, for models that are no chain, and where both are 0.
    ``saturated``: the share of (unit, example) pairs with |σ'(z)| below 5 % of its largest value, of activations that
    flatten on both sides; ``saturated_units``: units of which that is true in at least 95 % of the examples.
    ``slope_used``: how much of the largest slope the arriving error meets, Σ|error · σ'| / (Σ|error| · max|σ'|).
    ``never_active``: units whose slope stays below 0.1 % of the largest one in every example given (a dead ReLU).
    ``factors``: quantiles of |input activation|, |slope| and |error from above|, as far as they are known.
    ``update_ratio``: ‖ΔW‖ / ‖W‖ of one step. ``weight_scale``: the rms of W times √n_{l-1}; 1 keeps the size of its
    inputs. ``noise``: the simple noise scale tr Σ / ‖G‖² of the layer's weights, in examples (McCandlish et al. 2018):
    with batches much smaller than it, steps are mostly noise; None where it can not be told from so few examples.
    ``zero_gradient``: every weight's mean gradient is exactly 0. ``underflow``: the share of δ that is 0 or below the
    smallest normal number of the dtype although neither of its factors is 0. ``copies``: how many units are exact
    copies of another one, in value and in error. ``finite``: no number of the layer is NaN or infinite.
    """

    name: str
    activation: str
    units: int
    speed: float | None
    error: float | None
    relative_speed: float | None
    relative_error: float | None
    attenuation: Attenuation | None
    saturated: float | None
    saturated_units: tuple[int, ...]
    slope_used: float | None
    never_active: tuple[int, ...] | None
    factors: dict[str, Quantiles]
    update_ratio: float | None
    weight_scale: float | None
    spread: float | None
    noise: float | None
    zero_gradient: bool | None
    underflow: float
    copies: int
    finite: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def measured(record: Record) -> tuple[LayerMeasures, ...]:
    """Every layer in numbers, in the record's order."""
    with np.errstate(all="ignore"):  # what is not finite is said so, and 0/0 is None
        speeds = [_speed(layer) for layer in record.layers]
        errors = [rms_norm(layer.delta) for layer in record.layers]
        return tuple(
            _layer(record, i, (speeds[i], _ratio(speeds[i], speeds[-1])), (errors[i], _ratio(errors[i], errors[-1])))
            for i in range(len(record.layers))
        )


def _layer(
    record: Record, i: int, speed: tuple[float | None, float | None], error: tuple[float | None, float | None]
) -> LayerMeasures:
    layer = record.layers[i]
    saturated = saturation(layer)
    factors = {"input activation": layer.inputs, "slope": layer.slope, "error from above": layer.error}
    if layer.error is None:  # what arrives and the slope are not told apart
        factors["error from above"] = layer.delta
    quantiles = {name: Quantiles.of(values) for name, values in factors.items()}
    by_unit = None if saturated is None else (saturated < SATURATED).mean(axis=0)
    return LayerMeasures(
        name=layer.name,
        activation=layer.activation,
        units=layer.units,
        speed=speed[0],
        error=error[0],
        relative_speed=speed[1],
        relative_error=error[1],
        attenuation=_attenuation(record.layers[i : i + 2]) if record.chain else None,
        saturated=None if saturated is None else float(np.mean(saturated < SATURATED)),
        saturated_units=() if by_unit is None else _where(by_unit >= 0.95),
        slope_used=_slope_used(layer),
        never_active=_never_active(layer),
        factors={name: found for name, found in quantiles.items() if found is not None},
        update_ratio=_ratio(_norm(layer.update), _norm(layer.weight)),
        weight_scale=_weight_scale(layer),
        spread=_spread(layer.a),
        noise=noise_scale([layer], record.n),
        zero_gradient=None if layer.weight_gradient is None else not np.any(layer.weight_gradient),
        underflow=_underflow(layer, record.dtype),
        copies=_copies(layer),
        finite=all(np.isfinite(x).all() for x in arrays_of(layer).values()),
    )


def arrays_of(layer: LayerRecord) -> dict[str, Array]:
    """The layer's arrays that are known, by their name in words, in the order in which they are computed."""
    named = {
        "input": layer.inputs,
        "weights": layer.weight,
        "biases": layer.bias,
        "weighted inputs z": layer.z,
        "activations": layer.a,
        "slopes": layer.slope,
        "errors δ": layer.delta,
        "weight gradient": layer.weight_gradient,
        "bias gradient": layer.bias_gradient,
    }
    return {name: array for name, array in named.items() if array is not None}


def squashes(layer: LayerRecord) -> bool:
    """Whether a small slope is saturation in this layer: its activation flattens on both sides."""
    if layer.squashes is not None:
        return layer.squashes
    return bool(layer.activation) and layer.activation not in ONE_SIDED and layer.activation != "softmax"


def saturation(layer: LayerRecord) -> Array | None:
    """``s = |σ'(z)| / max|σ'|`` of each unit and example; None for activations that do not saturate or are unknown."""
    if layer.slope is None or not layer.max_slope or not squashes(layer):
        return None
    relative: Array = np.abs(layer.slope) / layer.max_slope
    return relative


# ---- sizes -----------------------------------------------------------------------------------------------------------


def rms_norm(rows: Array | None) -> float | None:
    """The root mean square over rows of the norm over units; exact for 1e-200 too, whose square is 0."""
    if rows is None or not rows.size:
        return None
    wide = rows.astype(float)
    largest = float(np.max(np.abs(wide)))
    if not np.isfinite(largest) or not largest:
        return largest if np.isfinite(largest) else None
    return largest * float(np.sqrt(np.mean(np.sum((wide / largest) ** 2, axis=1))))


def _norm(array: Array | None) -> float | None:
    return None if array is None else rms_norm(array.reshape(1, -1))


def _speed(layer: LayerRecord) -> float | None:
    """‖∂C/∂b‖; of layers without a bias, what it would be."""
    if layer.delta is None:
        return _norm(layer.bias_gradient)
    per_example = layer.delta.astype(float).reshape(-1, layer.positions, layer.delta.shape[1]).sum(axis=1)
    return _norm(per_example.mean(axis=0))


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _attenuation(pair: Sequence[LayerRecord]) -> Attenuation | None:
    if len(pair) < 2:
        return None
    here, above = pair
    sizes = [rms_norm(x) for x in (here.delta, here.error, above.delta)]
    whole = _ratio(sizes[0], sizes[2])
    if whole is None:
        return None
    return Attenuation(above.name, whole, _ratio(sizes[0], sizes[1]), _ratio(sizes[1], sizes[2]))


def _slope_used(layer: LayerRecord) -> float | None:
    if layer.error is None or layer.slope is None or not layer.max_slope:
        return None
    error, slope = (np.abs(x).astype(float) for x in (layer.error, layer.slope))
    return _ratio(float(np.sum(error * slope)), float(np.sum(error)) * layer.max_slope)


def _weight_scale(layer: LayerRecord) -> float | None:
    return (
        None
        if layer.weight is None or not layer.weight.size
        else float(np.sqrt(np.mean(layer.weight.astype(float) ** 2) * layer.weight.shape[1]))
    )


def _spread(a: Array | None) -> float | None:
    """How much the activations differ from example to example: the rms over units of their standard deviation."""
    return None if a is None or not a.size else float(np.sqrt(np.mean(np.var(a.astype(float), axis=0))))


def noise_scale(layers: Sequence[LayerRecord], n: int) -> float | None:
    """``tr Σ / ‖G‖²`` of the weights of these layers, without bias of a small n; inf where G is nothing but noise.

    ``Σ``: the covariance of the examples' gradients, ``G``: their mean. ‖δ_x a_x^T‖² = ‖δ_x‖² ‖a_x‖², so no example's
    gradient is ever formed.
    """
    squares = np.zeros(n)
    mean = 0.0
    for layer in layers:
        one = _example_squares(layer, n)
        if one is None or layer.weight_gradient is None or n < 2:
            return None
        squares += one
        mean += float(np.sum(layer.weight_gradient.astype(float) ** 2))
    trace = (float(squares.mean()) - mean) * n / (n - 1)
    without_noise = mean - trace / n  # what is left of ‖G‖² when the noise in it is taken out
    if not np.isfinite(trace) or trace <= 0 or not squares.any():
        return 0.0 if trace <= 0 and mean > 0 else None
    return trace / without_noise if without_noise > 0 else float("inf")


def _example_squares(layer: LayerRecord, n: int) -> Array | None:
    if layer.gradient_squares is not None:
        return layer.gradient_squares.astype(float)
    if layer.delta is None or layer.inputs is None or layer.positions != 1 or len(layer.delta) != n:
        return None
    squares: Array = np.sum(layer.delta.astype(float) ** 2, axis=1) * np.sum(layer.inputs.astype(float) ** 2, axis=1)
    return squares


# ---- units -----------------------------------------------------------------------------------------------------------


def _never_active(layer: LayerRecord) -> tuple[int, ...] | None:
    if layer.slope is not None and layer.max_slope:
        return _where(np.max(np.abs(layer.slope), axis=0) < NEVER * layer.max_slope)
    if layer.a is not None and layer.activation in ("relu", "relu6"):
        return _where(np.max(layer.a, axis=0) <= 0)
    return None


def _copies(layer: LayerRecord) -> int:
    """Units with the weights and bias of another one, and its δ in every example: every step leaves them the same.

    Equal sums are rounded differently in different columns of a product, so δ is compared to four digits.
    """
    if layer.weight is None or layer.delta is None or layer.units < 2 or not np.any(layer.delta):
        return 0
    own = layer.weight if layer.bias is None else np.column_stack([layer.weight, layer.bias])
    _, first, group = np.unique(own, axis=0, return_index=True, return_inverse=True)
    twin = layer.delta[:, first[group.reshape(-1)]]
    size = np.max(np.abs(layer.delta), axis=0)
    alike = np.max(np.abs(layer.delta - twin), axis=0) <= 1e-4 * size
    return int(np.sum(alike)) - len(first)


def _underflow(layer: LayerRecord, dtype: np.dtype[Any]) -> float:
    if layer.delta is None or layer.error is None or layer.slope is None or dtype.kind != "f":
        return 0.0
    lost = (np.abs(layer.delta) < np.finfo(dtype).tiny) & (layer.error != 0) & (layer.slope != 0)
    return float(np.mean(lost)) if lost.size else 0.0


def _where(mask: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(mask))
