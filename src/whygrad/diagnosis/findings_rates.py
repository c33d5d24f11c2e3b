"""Findings about steps: too long, too short, mostly noise, or leading nowhere any more."""

from __future__ import annotations

import math
from collections.abc import Iterator

from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.measures import LEARNED, Measures
from whygrad.diagnosis.wording import number, percent, times

OVERSHOT = 1.2  # times the cost before the step, on the very examples whose gradient it follows
LONGER = 1000.0  # times as long, or more: such a step would still help
HELPS, HARDLY = 0.03, 1e-4  # shares of the cost: what the longer step gains, and what the step taken does
PLATEAU = 0.02  # of the cost: less was gained in the later half, chance allowed for
NOISY = 50.0  # times the batch is the noise scale


def rate_too_high(m: Measures) -> Iterator[Finding]:
    """One step makes the cost of the very examples larger whose gradient it follows."""
    trials, cost, rate = dict(m.record.trial_steps), m.record.cost, m.record.learning_rate
    after = trials.get(1.0)
    if cost is None or after is None or not math.isfinite(cost) or cost <= 0 or _harmless(m, cost, after):
        return
    better = max((multiple for multiple, value in trials.items() if multiple < 1 and value < cost), default=None)
    shorter = min(trials) if better is None else better
    less = "" if better is None else f"; one of {number(better)} times its length lowers it to {number(trials[better])}"
    at = f" at learning rate {number(rate)}" if rate else ""
    yield Finding(
        "rate-too-high",
        "learning rate",
        f"One step{at} takes the cost of the very examples whose gradient it follows from {number(cost)} to "
        f"{number(after)}{less}.",
        {"cost": cost, "after": after, "better multiple": better, **_ratios(m)},
        "learning rate",
        "certain",
        (f"learning_rate={number(rate * shorter)}" if rate else "a tenth of the learning rate", "clip_norm=1.0"),
        because="the gradient is the slope where the step begins: it says little about so long a step",
    )


def _harmless(m: Measures, cost: float, after: float) -> bool:
    """Whether a step leaves the cost about where it was, or far below what there was to learn."""
    small = (1 - LEARNED) * (m.record.constant_cost or 0.0)
    return math.isfinite(after) and (after <= OVERSHOT * cost or after < small)


def rate_too_low(m: Measures) -> Iterator[Finding]:
    """Steps that hardly change the cost, where at least a thousand times as long ones would help."""
    trials, cost, rate = dict(m.record.trial_steps), m.record.cost, m.record.learning_rate
    longer = [multiple for multiple in trials if multiple >= LONGER]
    if cost is None or not longer or cost <= 0 or m.learns or 1.0 not in trials:
        return
    best = min(longer, key=lambda multiple: trials[multiple] if math.isfinite(trials[multiple]) else math.inf)
    gain, most = (cost - trials[1.0]) / cost, (cost - trials[best]) / cost
    if not (gain < HARDLY and most > HELPS):
        return
    at = f" at learning rate {number(rate)}" if rate else ""
    yield Finding(
        "rate-too-low",
        "learning rate",
        f"One step{at} lowers the cost by {percent(max(gain, 0.0))}; a step {best:,.0f} times as long lowers it by "
        f"{percent(most)}.",
        {"gain": gain, "longer": best, "gain of a longer step": most, **_ratios(m)},
        "learning rate",
        "certain",
        (f"learning_rate={number(rate * best / 10)}" if rate else f"{best / 10:,.0f} times the learning rate",),
        because="the cost falls along the gradient for much longer than one step",
    )


def _ratios(m: Measures) -> dict[str, float]:
    return {
        f"update / weights of {layer.name}": layer.update_ratio for layer in m.layers if layer.update_ratio is not None
    }


def plateau(m: Measures) -> Iterator[Finding]:
    """The cost does not fall any more, and most of it is still there."""
    change, learned = m.data.late_change, m.data.learned
    if change is None or not _stands_still(m) or learned is None or learned > LEARNED:
        return
    costs = m.record.step_costs or m.record.epoch_costs
    kind = "steps" if m.record.step_costs else "epochs"
    known = f"{percent(max(learned, 0.0))} of what there was to learn has been learned"
    yield Finding(
        "cost-plateau",
        "cost",
        f"The cost stands still at {number(costs[-1])}: over the later half of {len(costs):,} {kind} it fell by "
        f"{percent(max(change, 0.0))}, and {known} (against one answer for everything).",
        {"late change": change, "learned": learned, "cost": costs[-1]},
        "unknown",
        "likely",
        ("another learning rate, ten times larger and smaller", "look at the table of layers for what is slow"),
    )


def _stands_still(m: Measures) -> bool:
    """Whether the cost surely fell by less than 2 % in the later half: two standard errors are allowed for."""
    change, error = m.data.late_change, m.data.late_error
    return change is not None and error is not None and abs(change) + 2 * error < PLATEAU


def noisy_gradient(m: Measures) -> Iterator[Finding]:
    """Steps that are mostly noise, where the cost does not fall."""
    noise, batch = m.data.noise, m.record.batch_size
    if noise is None or batch is None or not _stands_still(m) or m.learns or noise < NOISY * batch:
        return
    if batch >= m.record.n:  # nothing was left to chance
        return
    size = f"about {number(noise)} examples" if math.isfinite(noise) else "more examples than there are here"
    larger = times(noise / batch) if math.isfinite(noise) else "many times"
    yield Finding(
        "noisy-gradient",
        "batches",
        f"The gradient of a batch of {batch} is mostly noise: its noise scale is {size}, {larger} the batch, and the "
        "cost has stopped falling.",
        {"noise scale": noise, "batch size": batch},
        "data",
        "likely",
        ("larger batches", "a smaller learning rate, which averages over more steps"),
        because="tr Σ / ‖G‖²: the variance of the examples' gradients by the square of their mean",
    )
