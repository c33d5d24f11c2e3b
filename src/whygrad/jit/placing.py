"""Numbers moved: put among zeros, laid side by side, picked and added by number. Each becomes a nest that stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.errors import UnsupportedError
from whygrad.jit.kernels import Kernel, Nest, Pick, Scatter, Store
from whygrad.jit.program import Op, Var
from whygrad.jit.views import basic, of, viewed
from whygrad.rules.queries import Hole
from whygrad.rules.table import RULES

if TYPE_CHECKING:
    from whygrad.jit.lowering import Lowering


def put(low: Lowering, op: Op, kernels: list[Kernel]) -> None:
    """Zeros, with x in some places."""
    x, index = op.inputs[0], op.params["index"]
    region = viewed(Op(op.out, RULES["getitem"], (op.out,), {"index": index}), of(op.out)) if basic(index) else None
    if not isinstance(x, Var):
        raise unsupported(op)
    if region is None:
        positions = np.arange(op.out.size).reshape(op.out.shape)[index]
        scatter(low, op, low.constant(np.array(np.broadcast_to(positions, x.shape))), True, kernels)
        return
    after = filled_before(low, op.out, [x], kernels)
    nest = low.nest(region.shape, [(x, True)], kernels, after)
    nest.statements.append(Store(region, x, False, op.note))
    low.finished(op.out, nest, kernels)


def filled_before(low: Lowering, out: Var, reads: list[Var], kernels: list[Kernel]) -> int:
    """Zeros for ``out``, in a nest of its own; the first kernel that may write there."""
    kernel = Nest((), fills=[out])
    kernels.append(kernel)
    return len(kernels)


def joined(low: Lowering, op: Op, kernels: list[Kernel]) -> None:
    """Parts side by side, each written to its own place."""
    stacking = op.rule.name == "stack"
    axis = op.params["axis"] % len(op.out.shape)
    start = 0
    for x in op.inputs:
        shape = x.shape if isinstance(x, Var) else ()
        length = 1 if stacking else shape[axis]
        index = (slice(None),) * axis + (start if stacking else slice(start, start + length),)
        start += length
        region = viewed(Op(op.out, RULES["getitem"], (op.out,), {"index": index}), of(op.out))
        assert region is not None
        nest = low.nest(region.shape, [(x, True)] if isinstance(x, Var) else [], kernels)
        nest.statements.append(Store(region, x, False, op.note))
        low.finished(op.out, nest, kernels)


def overlap(low: Lowering, op: Op, kernels: list[Kernel]) -> None:
    """Windows put back: every number of a window is added to the place that it was seen at."""
    x, size = op.inputs[0], op.params["stride"]
    assert isinstance(x, Var)
    k = len(size)
    forth = Op(x, RULES["windows"], (op.out,), {"size": x.shape[-k:], "stride": op.params["stride"]})
    region = viewed(forth, of(op.out))
    assert region is not None
    after = filled_before(low, op.out, [x], kernels)
    nest = low.nest(region.shape, [(x, True)], kernels, after)
    nest.statements.append(Store(region, x, True, op.note))
    low.finished(op.out, nest, kernels)


def pick(low: Lowering, op: Op, kernels: list[Kernel]) -> None:
    """Rows by number, the numbers given at each call."""
    if op.params["pattern"] != Hole(0):
        raise unsupported(op)
    x, places = op.inputs
    assert isinstance(x, Var) and isinstance(places, Var)
    nest = low.nest(op.out.shape, [(x, False), (places, False)], kernels)
    nest.statements.append(Pick(op, places, False, not op.params.get("valid")))
    low.now(op.out, nest)


def place(low: Lowering, op: Op, kernels: list[Kernel]) -> None:
    """Rows added to places that are given at each call."""
    if op.params["pattern"] != Hole(0):
        raise unsupported(op)
    x, places = op.inputs
    assert isinstance(x, Var) and isinstance(places, Var)
    scatter(low, replace(op, inputs=(x,)), places, False, kernels)


def scatter(low: Lowering, op: Op, places: Var, flat: bool, kernels: list[Kernel]) -> None:
    """Numbers added to places."""
    x = op.inputs[0]
    assert isinstance(x, Var)
    after = filled_before(low, op.out, [x, places], kernels)
    nest = low.nest(x.shape, [(x, True), (places, False)], kernels, after)
    nest.statements.append(Scatter(op, places, flat, not flat))
    low.finished(op.out, nest, kernels)


def pick_flat(low: Lowering, op: Op, positions: np.ndarray, kernels: list[Kernel]) -> None:
    """Any fixed arrangement of the numbers of x; position -1 stands for 0."""
    x = op.inputs[0]
    assert isinstance(x, Var)
    base, places = low.materialized(x, op.note, kernels), low.constant(positions)
    nest = low.nest(op.out.shape, [(base, False), (places, False)], kernels)
    nest.statements.append(Pick(replace(op, inputs=(base,)), places, True))
    low.now(op.out, nest)


PLACERS: Mapping[str, Any] = {
    "put": put,
    "concatenate": joined,
    "stack": joined,
    "overlap": overlap,
    "pick": pick,
    "place": place,
}


def unsupported(op: Op) -> UnsupportedError:
    """What can not be compiled, by the rule's name and the user's line."""
    return UnsupportedError(
        f"{op.rule.name} can not be compiled to native code",
        where=str(op.note.site) if op.note.site else None,
        why="no kernel computes it yet",
        try_='backend="numpy", which runs every rule',
    )
