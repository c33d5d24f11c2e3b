"""Numbers moved: put among zeros, laid side by side, picked and added by number. Each becomes a nest that stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.errors import UnsupportedError
from whygrad.jit.kernels import Kernel, Nest, Pick, Scatter, Store
from whygrad.jit.program import Note, Op, Var
from whygrad.jit.views import View, basic, c_strides, of, viewed
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
    around = slabs_around(op.out.shape, index)
    after = 0 if around is not None else filled_before(op.out, kernels)
    nest = low.nest(region.shape, [(x, True)], kernels, after)
    nest.statements.append(Store(region, x, False, op.note))
    low.finished(op.out, nest, kernels)
    first = next(i for i, kernel in enumerate(kernels) if kernel is nest)
    for index in around or ():
        slab = viewed(Op(op.out, RULES["getitem"], (op.out,), {"index": index}), of(op.out))
        assert slab is not None
        zeros = low.nest(slab.shape, [], kernels, first)
        zeros.statements.append(Store(slab, 0.0, False, op.note))
        low.finished(op.out, zeros, kernels)


def slabs_around(shape: tuple[int, ...], index: Any) -> list[tuple[slice, ...]] | None:
    """Slabs that together are all of an array but what an index picks; None where that is no block of neighbours.

    >>> slabs_around((5, 7), (slice(0, 4), -1))
    [(slice(4, 5, None), slice(0, 7, None)), (slice(0, 4, None), slice(0, 6, None))]
    """
    parts = index if isinstance(index, tuple) else (index,)
    if any(part is None or part is Ellipsis for part in parts):
        return None
    picked = [
        part.indices(n) if isinstance(part, slice) else (part % n, part % n + 1, 1)
        for part, n in zip(parts, shape, strict=False)
    ]
    if any(step != 1 or stop <= start for start, stop, step in picked):
        return None
    slabs, before = [], [slice(0, n) for n in shape]
    for d, (start, stop, _) in enumerate(picked):
        ends = (slice(0, start), slice(stop, shape[d]))
        slabs += [(*before[:d], end, *before[d + 1 :]) for end in ends if end.stop > end.start]
        before[d] = slice(start, stop)
    return slabs


def filled_before(out: Var, kernels: list[Kernel]) -> int:
    """Adds a kernel that fills ``out`` with zeros, and returns the number of the first that may write there then."""
    kernels.append(Nest(out.shape, [Store(of(out), 0.0, False, Note())]))
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
    after = filled_before(op.out, kernels)
    nest = low.nest(region.shape, [(x, True)], kernels, after)
    nest.statements.append(Store(region, x, True, op.note))
    low.finished(op.out, nest, kernels)


def laid_out(low: Lowering, op: Op, kernels: list[Kernel]) -> None:
    """A reshape of what does not lie in one piece: the numbers are copied, and lie in order then."""
    x = op.inputs[0]
    assert isinstance(x, Var)
    nest = low.nest(x.shape, [(x, True)], kernels)
    nest.statements.append(Store(View(op.out, x.shape, c_strides(x.shape)), x, False, op.note))
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
    after = filled_before(op.out, kernels)
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
    "reshape": laid_out,
}


def unsupported(op: Op) -> UnsupportedError:
    """What can not be compiled, by the rule's name and the user's line."""
    return UnsupportedError(
        f"{op.rule.name} can not be compiled to native code",
        where=str(op.note.site) if op.note.site else None,
        why="no kernel computes it yet",
        try_='backend="numpy", which runs every rule',
    )
