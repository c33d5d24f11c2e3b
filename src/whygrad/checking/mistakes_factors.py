"""Mistakes in what is multiplied: factors that are missing, doubled, transposed, or another value's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whygrad.backward import Semiring, arrivals, pull
from whygrad.checking.place import ACTIVATIONS, Squish, Use
from whygrad.checking.replay import Array, quiet, replay
from whygrad.checking.table import Place, Try, row
from whygrad.explain.elements import one_at
from whygrad.graph.node import Node
from whygrad.rules.define import Value
from whygrad.rules.table import RULES

# ---- factors ---------------------------------------------------------------------------------------------------------


MOST_MIXED = 64  # numbers of a softmax, each of which takes a sweep


@row("missing-factor", 1, "the factor {factor} is missing from {w}")
def _missing_factor(place: Place) -> Iterator[Try]:
    for squish in place.squishes:
        if (arrival := place.through(squish, 1.0)) is not None:
            yield Try(arrival, {"factor": place.slope_of(squish)})
    for use in place.uses:
        if use.rule.slopes is None and use.rule.name != "matmul":
            continue
        slope = use.rule.slopes[use.arg] if use.rule.slopes is not None else None
        if isinstance(slope, float) and abs(slope) == 1.0:
            continue
        partner = place.partner(use)
        factor = place.name(partner) if partner is not None else f"∂{place.name(use.user)}/∂{place.name(place.node)}"
        yield from place.tried(use, use.g, factor=factor)


@row("factor-twice", 2, "{w} has the factor {factor} once too often")
def _factor_twice(place: Place) -> Iterator[Try]:
    for squish in place.squishes:
        if (arrival := place.through(squish, squish.slope**2)) is not None:
            yield Try(arrival, {"factor": place.slope_of(squish)})
    for use in place.uses:
        partner = place.partner(use)
        if use.rule.slopes is not None and partner is not None and use.flow.shape == use.g.shape:
            yield from place.tried(use, use.again(use.flow), factor=place.name(partner))


@row("power-rule", 1, "the exponent did not come down as a factor in {w}")
def _power_rule(place: Place) -> Iterator[Try]:
    for use in place.uses:
        if use.rule.name == "power" and use.arg == 0:
            exponent = np.asarray(use.user.input_values()[1], float)
            if exponent.shape == () and abs(exponent) not in (0.0, 1.0, 2.0):
                yield from place.tried(use, use.flow / exponent)


@row(
    "incoming-forgotten",
    1,
    "what arrives at {above}, {incoming}, was forgotten: only the local derivative is left in {w}",
)
def _incoming_forgotten(place: Place) -> Iterator[Try]:
    for squish in place.squishes:
        yield Try(
            place.total - place.derivation.arriving_at(squish.a) * squish.slope + squish.slope,
            {"above": place.name(squish.a), "incoming": place.of(squish.a)},
        )
    for use in place.uses:
        slope = use.rule.slopes[use.arg] if use.rule.slopes is not None else None
        moves = len(use.user.parents) == 1 and use.rule.slopes is None  # a sum, a transpose: nothing is multiplied
        if moves or isinstance(slope, float):
            continue
        words = {"above": place.name(use.user), "incoming": place.of(use.user)}
        yield from place.tried(use, use.again(np.ones_like(use.g)), **words)


@row("extra-factor", 2, "{w} has the factor {factor} too many")
def _extra_factor(place: Place) -> Iterator[Try]:
    for other in place.values(place.total):
        yield Try(place.total * other.value, {"factor": place.name(other)})
    for other in place.values(np.zeros(())) if place.total.shape else ():
        yield Try(place.total * float(other.value), {"factor": place.name(other)})
    for name in ACTIVATIONS if not place.squishes else ():
        with quiet():
            slope = _slope(name, place.node.value)
        if slope is not None:
            yield Try(place.total * slope, {"factor": f"{name.rstrip('_')}'({place.name(place.node)})"})


# ---- values that stand in for others ---------------------------------------------------------------------------------


@row("pre-activation", 1, "{wrong} stands in {w} where its activation {right} belongs")
def _pre_activation(place: Place) -> Iterator[Try]:
    for squish in place.squishes:  # z(1 - z) for a(1 - a)
        if squish.known is not None:
            factor = _slope(squish.known.name, squish.z.value, out=squish.z.value)
            yield from _through(place, squish, factor, wrong=place.name(squish.z), right=place.name(squish.a))
    for use, partner in _partners(place):
        for squish in place.derivation.squishes:
            if squish.a is partner:
                words = {"wrong": place.name(squish.z), "right": place.name(partner)}
                yield from place.tried(use, use.again(values={1 - use.arg: squish.z.value}), **words)


@row("activation", 1, "{wrong} stands in {w} where its pre-activation {right} belongs")
def _activation(place: Place) -> Iterator[Try]:
    for use, partner in _partners(place):
        for squish in place.derivation.squishes:
            if squish.z is partner:
                words = {"wrong": place.name(squish.a), "right": place.name(partner)}
                yield from place.tried(use, use.again(values={1 - use.arg: squish.a.value}), **words)


@row("slope-at-wrong-point", 1, "the slope {factor} in {w} was taken at {wrong}, not at {right}")
def _wrong_point(place: Place) -> Iterator[Try]:
    for squish in place.squishes:
        known, alike = squish.known, {one.a for one in place.derivation.squishes if one.known is squish.known}
        for other in dict.fromkeys((squish.a, *place.values(place.total, (squish.z,)))):
            words = {"factor": place.slope_of(squish), "wrong": place.name(other), "right": place.name(squish.z)}
            yield from _through(place, squish, _slope_at(squish, other.value), **words)
            if known is not None and other not in alike:  # x(1 - x) for a(1 - a): the slope at x is another mistake
                yield from _through(place, squish, _slope(known.name, other.value, out=other.value), **words)


@row("slope-of-wrong-function", 2, "the slope in {w} is that of {wrong}, not of the function from {below} to {above}")
def _wrong_function(place: Place) -> Iterator[Try]:
    for squish in place.squishes:
        words = {"below": place.name(squish.z), "above": place.name(squish.a)}
        for name in ACTIVATIONS:
            if squish.known is None or squish.known.name != name:
                for out in (None, squish.a.value):  # of its own value, and of the value that is there
                    slope = _slope(name, squish.z.value, out=out)
                    yield from _through(place, squish, slope, wrong=name, **words)


@row("function-for-slope", 1, "{value} itself stands in {w} where its slope {factor} belongs")
def _function_for_slope(place: Place) -> Iterator[Try]:
    for squish in place.squishes:
        yield from _through(place, squish, squish.a.value, value=place.name(squish.a), factor=place.slope_of(squish))


@row("diagonal-only", 1, "only the diagonal of {factor} is in {w}: each number of {above} moves with all of {below}")
def _diagonal_only(place: Place) -> Iterator[Try]:
    for above in _mixed_into(place):
        g = place.derivation.arriving_at(above)
        diagonal = np.zeros(above.size)
        for i in range(above.size):
            diagonal[i] = np.ravel(_pulled(above, place.node, one_at(g, i)))[i]
        whole = _pulled(above, place.node, g)
        words = {"above": place.name(above), "below": place.name(place.node)}
        words["factor"] = f"∂{words['above']}/∂{words['below']}"
        yield Try(place.total - whole + g * diagonal.reshape(g.shape), words)


def _mixed_into(place: Place) -> list[Node]:
    """The next named values of this shape whose numbers each depend on several of its numbers, as a softmax's do."""
    found, waiting, seen = [], [place.node], {place.node}
    while waiting:
        for user, _ in place.derivation.users.get(waiting.pop(), ()):
            if user in seen:
                continue
            seen.add(user)
            if user.rule is None or user.rule.name == "matmul":
                return []
            if user in place.derivation.program.labels:
                found.append(user)
            else:
                waiting.append(user)
    squished = {one.a for one in place.squishes}
    return [a for a in found if a.shape == place.node.shape and 1 < a.size <= MOST_MIXED and a not in squished]


@row("factor-transposed", 1, "{factor} is transposed in {w}")
def _factor_transposed(place: Place) -> Iterator[Try]:
    for use, partner in _partners(place):
        if partner.value.ndim == 2:
            flipped = use.again(values={1 - use.arg: partner.value.T})
            yield from place.tried(use, flipped, factor=place.name(partner))


@row("wrong-layer", 2, "{wrong} stands in {w} where {right} belongs")
def _wrong_layer(place: Place) -> Iterator[Try]:
    for use, partner in _partners(place):
        for other in place.values(partner.value, (partner, place.node)):
            words = {"wrong": place.name(other), "right": place.name(partner)}
            yield from place.tried(use, use.again(values={1 - use.arg: other.value}), **words)


def _partners(place: Place) -> Iterator[tuple[Use, Node]]:
    for use in place.uses:
        partner = place.partner(use)
        if partner is not None:
            yield use, partner


def _through(place: Place, squish: Squish, instead: Value | None, /, **words: str) -> Iterator[Try]:
    arrival = None if instead is None else place.through(squish, instead)
    if arrival is not None:
        yield Try(arrival, words)


def _slope(name: str, z: Value, out: Value | None = None) -> Array | None:
    """The slope of an activation of the table, by z and by its result where that is another."""
    rule = RULES[name]
    slope = rule.slopes[0] if rule.slopes is not None else None
    if not callable(slope):
        return None
    with quiet():
        return np.asarray(slope(rule.forward(z) if out is None else out, z), float)


def _slope_at(squish: Squish, point: Value) -> Array | None:
    """The slope of a squishing function at another point: its steps run again there."""
    with quiet():
        again = replay(squish.steps, lambda node, value: value, {squish.z: point})
        z, a = again[squish.z], again[squish.a]
        return _pulled(a, z, np.ones(a.shape))


def _pulled(a: Node, z: Node, g: Array) -> Array:
    """g at ``a``, carried back to ``z`` and no further."""
    along = Semiring(lambda node, arg, g: None if node.number <= z.number else pull(node, arg, g), lambda p, q: p + q)
    return np.asarray(arrivals({a: g}, along).get(z, np.zeros(z.shape)), float)
