"""Why a weight learns slowly: the three factors of its gradient over a data set, and which of them is to blame.

Example x pushes w^l_jk by ∂C_x/∂a^l_j · σ'(z^l_j) · a^{l-1}_k. Each factor is measured against its own natural size:
the slope against the activation's largest, the other two against what is typical (root mean square) in their layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt

from whygrad.backward import gradients
from whygrad.derivatives import grad
from whygrad.explain.equations import LayerNodes, is_elementwise, squish
from whygrad.explain.explanation import Name
from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.rules.define import Value

Array = npt.NDArray[np.floating[Any]]
Part = Literal["input activation", "slope", "error from above"]
Verdict = Literal["input activation", "slope", "error from above", "they cancel over examples", "none", "unknown"]

SMALL = 0.05  # of its natural size: below, a factor is small, and so is a push; a sigmoid is there at a = 0.987
OFTEN = 0.5  # of the examples: a factor that is small in fewer is not blamed
CLEARLY = 2.0  # times: by so much must the pushes grow if the factor that is blamed had its natural size
REACH = 20.0  # the largest slope is looked for between z = -20 and 20, at steps of 1/40


class Scales(NamedTuple):
    """The natural size of each factor in one layer; ``slope_is``: the largest or the typical slope."""

    inputs: float
    slopes: float
    errors: float
    slope_is: str


@dataclass(frozen=True, eq=False)
class Spread:
    """One factor of a weight's pushes: its ``values`` example by example, and its natural size ``scale``."""

    name: Part
    written: str
    values: Array
    scale: float
    scale_is: str

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Of |factor|: a quarter of the examples lie below the first, half below the second, the median."""
        with np.errstate(invalid="ignore"):  # between inf and inf
            low, middle, high = np.quantile(np.abs(self.values), (0.25, 0.5, 0.75))
        return float(low), float(middle), float(high)

    @property
    def small(self) -> float:
        """The share of the examples in which the factor is below 5 % of its natural size."""
        return float(np.mean(np.abs(relative(self.values, self.scale)) < SMALL))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "written": self.written,
            "values": self.values.tolist(),
            "quartiles": list(self.quartiles),
            "scale": self.scale,
            "scale_is": self.scale_is,
            "small": self.small,
        }


@dataclass(frozen=True, eq=False)
class WeightFactors:
    """One weight's gradient, factor by factor over a data set. The mean of ``pushes`` is ``gradient`` = ∂C/∂w.

    ``factors``: the error from above, the slope and the input activation; where the slope is no factor of its own
    (``note`` says why) the error is that of the neuron's z. ``size``: the mean |push|, as a fraction of the product of
    the natural sizes; ``size_without`` the same with one factor at its natural size in every example.
    """

    wrt: Name
    gradient: float
    factors: tuple[Spread, ...]
    size: float
    size_without: dict[Part, float]
    verdict: Verdict
    note: str

    @property
    def pushes(self) -> Array:
        """What each example alone would have as its ∂C_x/∂w: the product of the factors."""
        with np.errstate(invalid="ignore", over="ignore"):  # inf · 0
            product: Array = np.prod([factor.values for factor in self.factors], axis=0)
        return product

    @property
    def agreement(self) -> float:
        """The size of the mean push by the mean size of a push: 1 if all examples pull one way, 0 if they cancel."""
        total = float(np.mean(np.abs(self.pushes)))
        return abs(self.gradient) / total if total else 1.0

    @property
    def because(self) -> str:
        """The verdict's reason in one sentence, with its numbers."""
        from whygrad.render.lessons import slow_because

        return slow_because(self)

    def __str__(self) -> str:
        from whygrad.render.lessons import weight_factors_text

        return weight_factors_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "wrt": self.wrt.text,
            "gradient": self.gradient,
            "factors": [factor.to_dict() for factor in self.factors],
            "pushes": self.pushes.tolist(),
            "size": self.size,
            "agreement": self.agreement,
            "verdict": self.verdict,
            "because": self.because,
            "note": self.note,
        }


@dataclass(frozen=True, eq=False)
class SlowWeights:
    """What holds back each weight of a layer; every array has the shape of W^l, (n_l, n_{l-1}).

    ``medians``: of each |factor| over the examples, with its natural size in ``scales``; ``verdicts``: as strings.
    """

    layer: int
    examples: int
    gradient: Array
    medians: dict[Part, Array]
    scales: dict[Part, float]
    verdicts: npt.NDArray[np.str_]
    note: str

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many weights have each verdict."""
        return {name: int(np.sum(self.verdicts == name)) for name in get_args(Verdict)}

    def __str__(self) -> str:
        from whygrad.render.lessons import slow_weights_text

        return slow_weights_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "layer": self.layer,
            "examples": self.examples,
            "gradient": self.gradient.tolist(),
            "medians": {name: median.tolist() for name, median in self.medians.items()},
            "scales": self.scales,
            "verdicts": self.verdicts.tolist(),
            "counts": self.counts,
            "note": self.note,
        }


class Measured(NamedTuple):
    """A layer's factors, example by example: ``errors`` and ``slopes`` (n, n_l), ``inputs`` (n, n_{l-1})."""

    errors: Array
    slopes: Array | None  # None: ``errors`` are ∂C_x/∂z, the slope within them
    inputs: Array
    gradient: Array
    scales: Scales
    note: str

    def weight(self, j: int, k: int) -> Measured:
        """The same of one weight: a layer of one neuron with one input, on the scales of the whole layer."""
        slopes = None if self.slopes is None else self.slopes[:, [j]]
        gradient = self.gradient[[j], :][:, [k]]
        return self._replace(errors=self.errors[:, [j]], slopes=slopes, inputs=self.inputs[:, [k]], gradient=gradient)


class Judged(NamedTuple):
    """Of each weight: the verdict, the mean |push| in natural sizes, and the same without each factor."""

    verdicts: npt.NDArray[np.str_]
    size: Array
    without: dict[Part, Array]


def measured(
    program: Program, layer: LayerNodes, inputs: Node, activation: Callable[[Value], Value], why: str
) -> Measured:
    """The factors of all weights of a layer from one backward sweep. ``why``: why σ' is no factor of its own, if so.

    ``program``: a run on rows of examples whose output is the mean of their costs.
    """
    examples = len(inputs.value)
    if not why and not is_elementwise(layer):
        why = "the activation is not elementwise: each a_i depends on every z_j of its layer"
    of = layer.z if why else layer.a
    error, gradient = gradients({program.output: np.ones(())}, [of, layer.W])
    errors = error * float(examples)  # of C_x, which counts in the mean as 1/n
    slopes = None if why else squish(layer).slopes
    slope, slope_is = (1.0, "") if slopes is None else natural_slope(activation, slopes)
    note = f"σ' is no factor of its own here: {why}. The error is that of the neuron, ∂C_x/∂z." if why else ""
    scales = Scales(typical(inputs.value), slope, typical(errors), slope_is)
    return Measured(errors, slopes, inputs.value, gradient, scales, note)


def weight_factors(found: Measured, layer: int, j: int, k: int, wrt: Name) -> WeightFactors:
    """One weight's factors and what they say."""
    one = found.weight(j, k)
    judged = _judged(one)
    letter = "z" if one.slopes is None else "a"
    factors = [
        Spread(
            "error from above",
            f"∂C_x/∂{letter}^{layer}_{j}",
            one.errors[:, 0],
            found.scales.errors,
            f"typical |∂C_x/∂{letter}| of layer {layer}",
        )
    ]
    if one.slopes is not None:
        written, scales = f"σ'(z^{layer}_{j})", found.scales
        factors.append(Spread("slope", written, one.slopes[:, 0], scales.slopes, scales.slope_is))
    below = f"a^{layer - 1}"
    factors.append(
        Spread("input activation", f"{below}_{k}", one.inputs[:, 0], found.scales.inputs, f"typical |{below}|")
    )
    without = {factor.name: float(judged.without[factor.name][0, 0]) for factor in factors}
    verdict = cast("Verdict", str(judged.verdicts[0, 0]))
    return WeightFactors(
        wrt, float(one.gradient[0, 0]), tuple(factors), float(judged.size[0, 0]), without, verdict, found.note
    )


def slow_weights(found: Measured, layer: int) -> SlowWeights:
    """What holds back which weight of a layer."""
    shape = found.gradient.shape
    columns: dict[Part, tuple[Array, float]] = {
        "error from above": (np.median(np.abs(found.errors), axis=0)[:, None], found.scales.errors)
    }
    if found.slopes is not None:
        columns["slope"] = np.median(np.abs(found.slopes), axis=0)[:, None], found.scales.slopes
    columns["input activation"] = np.median(np.abs(found.inputs), axis=0)[None, :], found.scales.inputs
    medians = {name: np.broadcast_to(median, shape) for name, (median, _) in columns.items()}
    scales = {name: scale for name, (_, scale) in columns.items()}
    verdicts = _judged(found).verdicts
    return SlowWeights(layer, len(found.errors), found.gradient, medians, scales, verdicts, found.note)


def _judged(found: Measured) -> Judged:
    """The verdict on every weight at once: sums over examples are products of matrices.

    A weight is slow if its mean |push| is below 5 % of its natural size. Then the factor is to blame that is small in
    at least half of the examples and whose natural size would make the pushes at least twice as large; of two such
    factors the one that would make them more than twice as large as the other would.
    """
    examples = len(found.errors)
    with np.errstate(all="ignore"):  # inf · 0: such weights are "unknown"
        e, a = relative(found.errors, found.scales.errors), relative(found.inputs, found.scales.inputs)
        s = np.ones_like(e) if found.slopes is None else relative(found.slopes, found.scales.slopes)
        mean = (e * s).T @ a / examples
        e, s, a = np.abs(e), np.abs(s), np.abs(a)
        size = (e * s).T @ a / examples
        without: dict[Part, Array] = {
            "input activation": np.broadcast_to((e * s).mean(axis=0)[:, None], size.shape),
            "slope": e.T @ a / examples,
            "error from above": s.T @ a / examples,
        }
        small: dict[Part, Array] = {
            "input activation": (a < SMALL).mean(axis=0)[None, :],
            "slope": (s < SMALL).mean(axis=0)[:, None],
            "error from above": (e < SMALL).mean(axis=0)[:, None],
        }
    blamed = [
        np.where((small[part] >= OFTEN) & (without[part] >= CLEARLY * size), without[part], -1.0) for part in without
    ]
    second, most = np.sort(blamed, axis=0)[-2:]
    clear = (most >= 0) & ((second < 0) | (most > CLEARLY * second))
    which = np.array(list(without))[np.argmax(blamed, axis=0)]
    slow = np.where(clear, which, "unknown")
    fast = np.where(np.abs(mean) < SMALL * size, "they cancel over examples", "none")
    verdicts = np.where(np.isfinite(size), np.where(size < SMALL, slow, fast), "unknown")
    return Judged(verdicts, size, without)


# ---- natural sizes ---------------------------------------------------------------------------------------------------


def relative(values: Array, scale: float) -> Array:
    """Values as multiples of their natural size; all 0 where even that is 0, for then so are they."""
    return values / scale if scale else np.zeros_like(values)


def typical(values: Array) -> float:
    """The root mean square of all finite values; of 1e-200 too, whose square is 0."""
    finite = values[np.isfinite(values)]
    largest = float(np.max(np.abs(finite), initial=0.0))
    return largest * float(np.sqrt(np.mean((finite / largest) ** 2))) if largest else 0.0


def natural_slope(activation: Callable[[Value], Value], slopes: Array) -> tuple[float, str]:
    """The activation's largest |σ'|, on a grid or in the data; of slopes that grow without end, the typical one."""
    z = np.linspace(-REACH, REACH, 1601)[:, None]
    with np.errstate(all="ignore"):  # a logarithm has no value on half of the grid
        found = np.abs(grad(lambda z: np.sum(activation(z)))(np.repeat(z, slopes.shape[1], axis=1)))
    found = np.where(np.isfinite(found), found, 0.0)
    half, whole = float(found[np.abs(z[:, 0]) <= REACH / 2].max()), float(found.max())
    if half < 0.9 * whole:
        return typical(slopes), "typical |σ'| of the layer"
    return max(whole, float(np.max(np.abs(slopes[np.isfinite(slopes)]), initial=0.0))), "largest |σ'|"
