"""The rules of small tools that hook into PyTorch: TorchLens, gradglass, gradscope, graphyco, gradsnitch, NaNsense."""

from __future__ import annotations

import numpy as np

from whygrad.diagnosis.preset_rules import (
    Array,
    Hit,
    Preset,
    Records,
    Rule,
    any_layer,
    any_moment,
    gradient_norm,
    log_ratio,
    losses,
    norm,
    one_of,
    over_layers,
    quietly,
    ratio,
    rms_gradient,
    unit_share,
    update_ratio,
)
from whygrad.diagnosis.records import LayerRecord, Record


def total_norm(record: Record) -> float | None:
    """The norm of all gradients together, biases too."""
    arrays = [g for layer in record.layers for g in (layer.weight_gradient, layer.bias_gradient) if g is not None]
    return float(np.linalg.norm([norm(g) for g in arrays])) if arrays else None


def never_positive(layer: LayerRecord) -> float | None:
    """How many relu units have no output above 0."""
    if layer.activation != "relu" or layer.a is None:
        return None
    return float(np.count_nonzero(np.max(layer.a, axis=0) <= 0))


TORCHLENS = Preset("torchlens", "TorchLens", "github.com/johnmarktaylor91/torchlens", (
    Rule("vanishing", "vanishing", "norm of all gradients < 1e-7", any_moment(total_norm, below=1e-7), "its source"),
    Rule("exploding", "exploding", "norm of all gradients > 1e4", any_moment(total_norm, above=1e4), "its source"),
    Rule("dead units", "dead", "units whose largest output in one trace is ≤ 0", any_layer(never_positive, above=0),
         "its source", "asked of relu layers"),
))  # fmt: skip


# ── gradglass ────────────────────────────────────────────────────────────────────────────────────────────────────────


def imbalance(norms: list[float]) -> float | None:
    """The largest gradient norm by the smallest; 0 in both, or in one, says nothing."""
    return ratio(max(norms), min(norms)) if len(norms) > 1 and min(norms) > 0 else None


def sparsity(layer: LayerRecord) -> float | None:
    """The share of a relu layer's outputs below 1e-6."""
    return None if layer.activation != "relu" or layer.a is None else float(np.mean(np.abs(layer.a) < 1e-6))


def stuck(layer: LayerRecord) -> float | None:
    """1 if the activations have a mean beyond ±0.9 and a variance below 1e-4."""
    if layer.activation not in ("sigmoid", "tanh") or layer.a is None:
        return None
    return float(abs(float(np.mean(layer.a))) > 0.9 and float(np.var(layer.a)) < 1e-4)


def freeze_candidates(records: Records) -> list[Hit]:
    """Layers whose mean gradient norm is below 1 % of the largest layer's."""
    norms = [
        [x for r in records if (x := quietly(gradient_norm, r.layers[l])) is not None]
        for l in range(len(records[0].layers))
    ]
    means = [float(np.mean(column)) if column else np.nan for column in norms]
    with np.errstate(all="ignore"):
        shares = np.asarray(means) / np.nanmax(means) if not np.isnan(means).all() else np.asarray(means)
    return [Hit(l, float(share)) for l, share in enumerate(shares) if share < 0.01]


def end_to_end(records: Records) -> list[Hit]:
    """Weights that changed by more than twice their norm from the first moment to the last."""
    found = []
    for l, (first, last) in enumerate(zip(records[0].layers, records[-1].layers, strict=False)):
        if len(records) > 1 and first.weight is not None and last.weight is not None:
            share = ratio(norm(last.weight - first.weight), norm(first.weight))
            found += [Hit(l, share)] if share > 2 else []
    return found


GRADGLASS = Preset("gradglass", "gradglass", "its repository on GitHub", (
    Rule("vanishing", "vanishing", "norm of a layer's gradient < 1e-7", any_layer(gradient_norm, below=1e-7),
         "its source"),
    Rule("imbalance", "vanishing", "largest layer norm > 100 × the smallest",
         over_layers(gradient_norm, imbalance, above=100.0), "its source"),
    Rule("freeze candidate", "vanishing", "mean gradient norm < 1 % of the largest layer's", freeze_candidates,
         "its source"),
    Rule("exploding", "exploding", "norm of a layer's gradient > 100", any_layer(gradient_norm, above=100.0),
         "its source"),
    Rule("dead", "dead", "share of |a| < 1e-6 above 0.5", any_layer(sparsity, above=0.5), "its source",
         "asked of relu layers"),
    Rule("saturated", "saturated", "|mean a| > 0.9 and var a < 1e-4", any_layer(stuck, above=0.5), "its source",
         "asked of sigmoid and tanh layers"),
    Rule("large drift", "large updates", "‖W_end - W_start‖/‖W_start‖ > 2", end_to_end, "its source"),
))  # fmt: skip


# ── gradscope and graphyco ───────────────────────────────────────────────────────────────────────────────────────────


def spikes(records: Records) -> list[Hit]:
    """A gradient norm above five times the mean of those before."""
    found: dict[int, Hit] = {}
    for l in range(len(records[0].layers)):
        norms = [x for r in records if (x := quietly(gradient_norm, r.layers[l])) is not None]
        for i in range(2, len(norms)):
            before = float(np.mean(norms[:i]))
            if before > 0 and norms[i] > 5 * before:
                found.setdefault(l, Hit(l, norms[i] / before))
    return list(found.values())


def unsteady(records: Records) -> list[Hit]:
    """Gradient norms whose standard deviation is above twice their mean."""
    found = []
    for l in range(len(records[0].layers)):
        norms = [x for r in records if (x := quietly(gradient_norm, r.layers[l])) is not None]
        with np.errstate(all="ignore"):
            share = ratio(float(np.std(norms)), float(np.mean(norms))) if len(norms) > 2 else 0.0
        found += [Hit(l, share)] if share > 2 else []
    return found


GRADSCOPE = Preset("gradscope", "gradscope", "its repository on GitHub", (
    Rule("vanishing", "vanishing", "norm of a layer's gradient < 1e-8", any_layer(gradient_norm, below=1e-8),
         "its source"),
    Rule("exploding", "exploding", "norm of a layer's gradient > 1e3, or 5 × the mean of those before",
         one_of(any_layer(gradient_norm, above=1e3), spikes), "its source", "without its rule of z-scores above 4"),
    Rule("unstable", "loss is unsteady", "coefficient of variation of a layer's gradient norms > 2", unsteady,
         "its source"),
))  # fmt: skip

GRAPHYCO = Preset("graphyco", "graphyco", "its repository on GitHub", (
    Rule("vanishing", "vanishing", "rms of a layer's gradient < 1e-6", any_layer(rms_gradient, below=1e-6),
         "its source"),
    Rule("exploding", "exploding", "rms of a layer's gradient > 50", any_layer(rms_gradient, above=50.0), "its source"),
))  # fmt: skip


# ── gradsnitch ───────────────────────────────────────────────────────────────────────────────────────────────────────


def faded(records: Records) -> list[Hit]:
    """GS007: gradients fade although the loss hardly fell; fading while the loss falls is convergence."""
    norms = [x for r in records if (x := quietly(total_norm, r)) is not None]
    cost = losses(records)
    third = len(norms) // 3
    if third < 1 or len(cost) < 2 or cost[0] <= 0:
        return []
    early, late = float(np.median(norms[:third])), float(np.median(norms[-third:]))
    faint = late < 0.05 * early and (cost[0] - cost[-1]) / cost[0] < 0.2
    return [Hit(None, ratio(late, early))] if faint else []


def unusual_updates(records: Records, low: float, high: float) -> list[Hit]:
    """GS008: log₁₀ of the update ratio is below or above the limits in at least 60 % of the steps after the 20th."""
    found = []
    for l in range(len(records[0].layers)):
        late = [r.layers[l] for r in records if r.steps is not None and r.steps > 20]
        ratios = [x for layer in late if (x := quietly(update_ratio, layer)) is not None]
        logs = [x for r in ratios if (x := log_ratio(r, 1.0)) is not None]
        outside = sum(not low <= x <= high for x in logs)
        found += [Hit(l, float(np.median(logs)))] if logs and outside >= 0.6 * len(logs) else []
    return found


GRADSNITCH = Preset("gradsnitch", "gradsnitch", "its repository on GitHub", (
    Rule("GS007", "vanishing", "late median of gradient norms < 5 % of the early one, and the loss fell by < 20 %",
         faded, "its source", "early and late are the first and the last third here"),
    Rule("GS008 (small)", "small updates", "log₁₀(‖ΔW‖/‖W‖) < -4 in ≥ 60 % of the steps after the 20th",
         lambda records: unusual_updates(records, -4.0, np.inf), "its source", "of the steps that were recorded"),
    Rule("GS008 (large)", "large updates", "log₁₀(‖ΔW‖/‖W‖) > -2 in ≥ 60 % of the steps after the 20th",
         lambda records: unusual_updates(records, -np.inf, -2.0), "its source", "of the steps that were recorded"),
))  # fmt: skip


# ── NaNsense ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def all_silent(layer: LayerRecord) -> float | None:
    """1 if no output of a relu layer reaches 1e-9."""
    if layer.activation != "relu" or layer.a is None:
        return None
    return unit_share(np.abs(layer.a) < 1e-9)


def outside_dtype(g: Array) -> float:
    """The share of Σ|g| that is subnormal, or not finite, in the array's precision."""
    size = np.abs(g).astype(np.float64)
    if not np.isfinite(size).all():
        return 1.0
    total = float(size.sum())
    return float(size[size < np.finfo(g.dtype).tiny].sum()) / total if total else 0.0


def dtype_trouble(layer: LayerRecord) -> float | None:
    """That share of the layer's weight gradient."""
    g = layer.weight_gradient
    return None if g is None or g.dtype.kind != "f" else outside_dtype(g)


NANSENSE = Preset("nansense", "NaNsense", "its repository on GitHub", (
    Rule("dead relu", "dead", "all outputs of a relu layer below 1e-9", any_layer(all_silent, least=1.0), "its source"),
    Rule("dtype range", "underflow", "share of Σ|gradient| in the subnormal or overflowing range of its precision",
         any_layer(dtype_trouble, above=0.5), "its source", "that half of it is too much is our guess"),
))  # fmt: skip
