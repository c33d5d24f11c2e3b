"""What a legal program is, as a table of small promises; the tests hold programs to it between all passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from whygrad.jit.program import Loop, Op, Program, Ref, Var

Promise = Callable[[Program], Iterator[str]]


def _reads_only_what_is_there(program: Program) -> Iterator[str]:
    known: set[Any] = {*program.inputs, *program.constants}
    for op in program.ops:
        yield from (f"{x} is read before it is computed" for x in op.reads if x not in known)
        known.update((op.out,) if isinstance(op, Op) else op.outs)
    yield from (f"the result {x} is not computed" for x in program.outputs if isinstance(x, Var) and x not in known)


def _loops_read_only_what_is_there(program: Program) -> Iterator[str]:
    for loop in program.ops:
        if not isinstance(loop, Loop):
            continue
        known = {c.inside for c in loop.carried} | {s.inside for s in loop.sliced} | set(loop.reads)
        for op in loop.body:
            yield from (f"{x} is read in a loop before it is computed" for x in op.reads if x not in known)
            known.add(op.out)
        ends = [*(c.next for c in loop.carried), *(s.inside for s in loop.stacked)]
        yield from (f"{x} is passed on by a loop that does not compute it" for x in ends if x not in known)


def _computes_everything_once(program: Program) -> Iterator[str]:
    seen: set[Var] = set()
    for x in program.variables():
        if x in seen:
            yield f"{x} is computed twice"
        seen.add(x)


def _gives_rules_what_they_take(program: Program) -> Iterator[str]:
    for op in _ops(program):
        if not op.rule.variadic and len(op.inputs) != len(op.rule.inputs):
            yield f"{op.rule.name} has {len(op.inputs)} inputs for {', '.join(op.rule.inputs)}"


def _has_the_shapes_and_dtypes_that_rules_return(program: Program) -> Iterator[str]:
    def example(x: Ref) -> Any:
        return np.ones(x.shape, x.dtype)[()] if isinstance(x, Var) else x

    for op in _ops(program):
        if any(key in op.params for key in ("pattern", "valid")):
            continue  # an index of ones may be outside
        with np.errstate(all="ignore"):
            out = np.asarray(op.rule.forward(*map(example, op.inputs), **op.params))
        chosen = op.rule.name == "where" and not any(isinstance(x, Var) for x in op.inputs[1:])
        if out.shape != op.out.shape or (out.dtype != op.out.dtype and not chosen):  # plain numbers have no dtype
            yield f"{op.rule.name} returns {out.dtype}{list(out.shape)}, not {op.out.dtype}{list(op.out.shape)}"


def _fits_slices_to_arrays(program: Program) -> Iterator[str]:
    for loop in program.ops:
        if not isinstance(loop, Loop):
            continue
        for part in loop.sliced:
            ends = (part.start, part.start + part.stride * (loop.count - 1))
            if part.inside.shape != part.of.shape[1:] or not all(0 <= i < part.of.shape[0] for i in ends):
                yield f"turns read {part.of} from {ends[0]} to {ends[1]}"
        for stacked in loop.stacked:
            ends = (stacked.start, stacked.start + stacked.stride * (loop.count - 1))
            if stacked.inside.shape != stacked.out.shape[1:] or not all(0 <= i < stacked.out.shape[0] for i in ends):
                yield f"turns write {stacked.out} from {ends[0]} to {ends[1]}"
        for c in loop.carried:
            if (c.inside.shape, c.inside.dtype) != (c.next.shape, c.next.dtype):
                yield f"a loop passes {c.next} on as {c.inside}"


def _ops(program: Program) -> Iterator[Op]:
    for op in program.ops:
        if isinstance(op, Loop):
            yield from op.body
        else:
            yield op


PROMISES: tuple[Promise, ...] = (
    _reads_only_what_is_there,
    _loops_read_only_what_is_there,
    _computes_everything_once,
    _gives_rules_what_they_take,
    _has_the_shapes_and_dtypes_that_rules_return,
    _fits_slices_to_arrays,
)


def broken_promises(program: Program) -> list[str]:
    """What is wrong with a program; empty for a legal one."""
    return [said for promise in PROMISES for said in promise(program)]
