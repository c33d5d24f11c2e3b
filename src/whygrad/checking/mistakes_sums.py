"""Mistakes in what is added up: signs, factors 2 and 1/n, sums and means, paths that merge, transposes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whygrad.checking.place import Use
from whygrad.checking.table import Place, Try, row
from whygrad.graph.node import Node

FEW = 12  # numbers along one axis: of more, nobody takes just one


# ---- the whole sum ---------------------------------------------------------------------------------------------------


@row("sign", 1, "the sign of {w} is wrong")
def _sign(place: Place) -> Iterator[Try]:
    yield Try(-place.total, {})


@row("missing-2", 1, "a factor 2 is missing from {w}")
def _missing_two(place: Place) -> Iterator[Try]:
    if _has_a_two(place):
        yield Try(place.total / 2, {})


def _has_a_two(place: Place) -> bool:
    """A square or a factor 2 stands between the value and the numbers that are given: only then can a 2 be missing."""
    for node in place.derivation.places(place.node):
        for user, _ in place.derivation.users.get(node, ()):
            constants = [np.asarray(x) for x in user.inputs if not isinstance(x, Node)]
            squared = user.rule is not None and user.rule.name == "square"
            if squared or any(x.ndim == 0 and abs(float(x)) in (2.0, 0.5) for x in constants if x.dtype.kind in "fi"):
                return True
    return False


@row("doubled-2", 1, "{w} has a factor 2 too many")
def _doubled_two(place: Place) -> Iterator[Try]:
    yield Try(place.total * 2, {})


def counts(place: Place) -> list[int]:
    """The numbers that a sum or a mean of this program may run over: rows, neurons, all of an array."""
    found = set()
    for node in place.derivation.carried:
        found |= {n for n in node.shape if n > 1}
        if node.rule is not None and node.rule.name in ("sum", "mean"):
            found.add(node.input_values()[0].size // max(node.size, 1))
        if node.rule is not None and node.rule.name in ("multiply", "divide"):  # (1 / n) * ..., ... / n
            for x in node.inputs:
                if not isinstance(x, Node) and np.ndim(x) == 0 and 0 < abs(float(x)) < 1e9:
                    near = [c for c in (float(x), 1 / float(x)) if abs(c - round(c)) < 1e-9 and c > 2.5]
                    found |= {round(c) for c in near}
    return sorted(found - {0, 1})


@row("missing-1/n", 1, "{w} is not divided by n = {n}")
def _missing_n(place: Place) -> Iterator[Try]:
    for n in counts(place):
        yield Try(place.total * n, {"n": str(n)})


@row("doubled-1/n", 1, "{w} is divided by n = {n} once too often")
def _doubled_n(place: Place) -> Iterator[Try]:
    for n in set(counts(place)) - set(_summed_over(place)):
        yield Try(place.total / n, {"n": str(n)})


@row("mean-for-sum", 1, "{w} is a sum over {n} numbers, and their mean was taken")
def _mean_for_sum(place: Place) -> Iterator[Try]:
    for n in _summed_over(place):
        yield Try(place.total / n, {"n": str(n)})


def _summed_over(place: Place) -> list[int]:
    """Over how many numbers the step sums on its way back: rows of a batch, neurons of a layer."""
    found, uses = set(), place.uses
    while len(uses) == 1 and uses[0].rule.name in ("transpose", "reshape"):  # x @ W.T sums over the rows of x
        uses = place.derivation.uses(uses[0].user)
    for use in uses:
        if use.rule.name == "matmul":
            kept = [n for n in use.user.shape if n > 1]
            for axis in _lost_axes(use):
                found.add(use.user.shape[axis])
            found |= set(kept) if place.node.shape == () else set()
        elif use.flow.size and use.g.size > use.flow.size:
            found.add(use.g.size // use.flow.size)
    return sorted(found - {1})


def _lost_axes(use: Use) -> list[int]:
    """The axes of a step's result that its flow back sums over: setting g to 0 elsewhere leaves every number alive."""
    axes = []
    for axis, n in enumerate(use.g.shape):
        if not n > 1:
            continue
        probe = np.zeros(use.g.shape)
        probe[(slice(None),) * axis + (0,)] = 1.0
        flow = use.again(probe)
        whole = use.again(np.ones(use.g.shape))
        if flow is not None and whole is not None and np.count_nonzero(flow) == np.count_nonzero(whole):
            axes.append(axis)
    return axes


@row("transposed", 1, "{w} is transposed")
def _transposed(place: Place) -> Iterator[Try]:
    if place.total.ndim == 2 and place.total.shape[0] == place.total.shape[1]:
        yield Try(place.total.T, {})


@row("wrong-value", 2, "this is the derivative by {other}, not by {plain}")
def _wrong_value(place: Place) -> Iterator[Try]:
    for other in place.values(place.total, (place.node,)):
        if other.rule is place.node.rule is None and other in place.derivation.carried:  # one argument for another
            yield Try(place.derivation.carried[other], {"other": place.name(other)})
    for use in place.uses:
        for arg, parent in use.user.parents:
            if arg != use.arg and parent.shape == place.node.shape and parent is not place.node:
                yield from place.tried(use, use.again(arg=arg), other=place.name(parent))


# ---- paths that merge ------------------------------------------------------------------------------------------------


@row("one-path", 1, "only one of the {count} paths that add up in {w} is there, the one through {through}")
def _one_path(place: Place) -> Iterator[Try]:
    for use in place.uses if len(place.uses) > 1 else []:
        yield Try(use.flow, {"through": place.through_name(use), "count": str(len(place.uses))})


@row("overwritten", 1, "{w} was overwritten by the last path, through {through}: += belongs where = stands")
def _overwritten(place: Place) -> Iterator[Try]:
    if len(place.uses) > 1:
        yield Try(place.uses[-1].flow, {"through": place.through_name(place.uses[-1])})
    for use in place.uses:
        if use.rule.name == "getitem":  # d_x[rows] = g, where a row that is taken twice needs both
            written = np.zeros_like(use.flow)
            written[use.user.params["index"]] = use.g
            yield from place.tried(use, written, through=place.through_name(use))


@row("missing-path", 1, "the path through {through} is missing from {w}")
def _missing_path(place: Place) -> Iterator[Try]:
    for use in place.uses if len(place.uses) > 2 else []:
        yield Try(place.total - use.flow, {"through": place.through_name(use)})


@row("path-sign", 1, "the path through {through} has the wrong sign in {w}")
def _path_sign(place: Place) -> Iterator[Try]:
    for use in place.uses if len(place.uses) > 1 else []:
        yield Try(place.total - 2 * use.flow, {"through": place.through_name(use)})


@row("missing-sum", 1, "the sum over {through} is missing from {w}: only number {index} of {n} is in it")
def _missing_sum(place: Place) -> Iterator[Try]:
    for use in place.uses:
        for axis in _lost_axes(use):
            n = use.g.shape[axis]
            for index in range(n) if n <= FEW else (0, n - 1):
                one = np.zeros_like(use.g)
                at = (slice(None),) * axis + (index,)
                one[at] = use.g[at]
                words = {"through": place.through_name(use), "index": str(index), "n": str(n)}
                yield from place.tried(use, use.again(one), **words)
