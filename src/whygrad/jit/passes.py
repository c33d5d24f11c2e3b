"""Passes over programs, each small and alone: dead steps go, equal steps merge, what can be said shorter is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from whygrad.jit.program import Loop, Number, Op, Program, Ref, Step, Var
from whygrad.jit.shorter import SHORTER, Seen
from whygrad.rules.define import Rule


def optimized(program: Program) -> Program:
    """The program after every pass that serves all printers, until nothing changes."""
    while True:
        before = program.ops
        program = dead(merged(simplified(program)))
        if program.ops == before:  # step by step the same objects
            return program


def dead(program: Program) -> Program:
    """Without steps whose result nothing needs."""
    needed: set[Ref] = {x for x in program.outputs if isinstance(x, Var)}
    kept: list[Step] = []
    for op in reversed(program.ops):
        if op.out in needed if isinstance(op, Op) else not needed.isdisjoint(op.outs):
            kept.append(op)
            needed.update(op.inputs if isinstance(op, Op) else op.reads)
    constants = {x: array for x, array in program.constants.items() if x in needed}
    return replace(program, ops=tuple(reversed(kept)), constants=constants)


def merged(program: Program) -> Program:
    """Equal steps computed once (common subexpressions); equal constants kept once."""
    first: dict[Any, Var] = {}
    same: dict[Var, Ref] = {}
    for x, array in program.constants.items():
        same[x] = first.setdefault((array.dtype.str, array.shape, array.tobytes()), x)
    ops: list[Step] = []
    for op in program.ops:
        if isinstance(op, Loop):
            ops.append(_loop_with(op, same))
            continue
        op = _reading(op, same)
        params = _frozen(op.params) if op.params else ()
        key = (op.rule, op.out.dtype, tuple([x if isinstance(x, Var) else _key(x) for x in op.inputs]), params)
        known = first.setdefault(key, op.out)
        if known is not op.out:
            same[op.out] = known
        else:
            ops.append(op)
    return replace(program, ops=tuple(ops), outputs=tuple([_now(x, same) for x in program.outputs]))


def simplified(program: Program) -> Program:
    """Each step in the shortest form that computes the same numbers."""
    same: dict[Var, Ref] = {}
    made: dict[Var, Op] = {}
    relus: dict[Ref, Var] = {}
    constants = dict(program.constants)
    ops: list[Step] = []
    for step in program.ops:
        if isinstance(step, Loop):
            ops.append(_loop_with(step, same))
            continue
        op = _with_numbers(_reading(step, same), constants)
        if op.rule.name == "relu":
            relus[op.inputs[0]] = op.out
        folded = _folded(op, constants)
        if folded is not None:
            constants[op.out] = folded
            continue
        new = SHORTER[op.rule.name](op, Seen(made, constants, relus)) if op.rule.name in SHORTER else None
        if isinstance(new, tuple):
            for part in new:
                made[part.out] = part
            ops += new
            same[step.out] = new[-1].out
        elif new is None:
            made[op.out] = op
            ops.append(op)
        else:
            same[step.out] = new
    return replace(
        program, ops=tuple(ops), outputs=tuple([_now(x, same) for x in program.outputs]), constants=constants
    )


def _now(x: Ref, same: Mapping[Var, Ref]) -> Ref:
    while isinstance(x, Var) and x in same and same[x] is not x:
        x = same[x]
    return x


def _loop_with(loop: Loop, same: Mapping[Var, Ref]) -> Loop:
    """The loop, reading what its variables from outside have become."""

    def now(x: Any) -> Any:
        return _now(x, same)

    body = tuple([_reading(op, same) for op in loop.body])
    sliced = tuple([s._replace(of=now(s.of)) for s in loop.sliced])
    carried = tuple([c._replace(first=now(c.first)) for c in loop.carried])
    same_as_before = (body, sliced, carried) == (loop.body, loop.sliced, loop.carried)
    return loop if same_as_before else replace(loop, body=body, sliced=sliced, carried=carried)


def _reading(op: Op, same: Mapping[Var, Ref]) -> Op:
    """The step, reading what its inputs have become; the very same step if nothing has changed."""
    for x in op.inputs:
        if x in same:
            inputs = tuple([_now(x, same) for x in op.inputs])
            return op if inputs == op.inputs else replace(op, inputs=inputs)
    return op


def _key(x: Number) -> Any:
    return (type(x).__name__, repr(x))


def _frozen(x: Any) -> Any:
    """Parameters as something that can be a key."""
    if isinstance(x, Mapping):
        return tuple([(key, _frozen(value)) for key, value in sorted(x.items())])
    if isinstance(x, (list, tuple)):
        return (type(x).__name__, *[_frozen(part) for part in x])
    if isinstance(x, np.ndarray):
        return (x.dtype.str, x.shape, x.tobytes())
    return repr(x) if isinstance(x, (slice, float)) else x


def elementwise(rule: Rule) -> bool:
    """Each number of the result comes from one number of each input."""
    ufunc = isinstance(rule.forward, np.ufunc) and rule.name != "matmul"
    return rule.slopes is not None or ufunc or rule.name in ALSO


ALSO = frozenset({"where", "cast", "truncate"})


def _with_numbers(op: Op, constants: dict[Var, np.ndarray]) -> Op:
    """An array that holds one number everywhere, as that number: broadcasting brings it where it is needed."""
    if not any(isinstance(x, Var) and x.shape and x in constants for x in op.inputs) or not elementwise(op.rule):
        return op
    inputs = list(op.inputs)
    for i, x in enumerate(inputs):
        array = constants.get(x) if isinstance(x, Var) else None
        others = [y.shape for y in inputs if isinstance(y, Var) and y is not x]
        if array is None or array.ndim == 0 or not _uniform(array) or np.broadcast_shapes(*others, ()) != op.out.shape:
            continue
        inputs[i] = Var((), array.dtype)
        constants[inputs[i]] = np.asarray(array.flat[0])  # type: ignore[index]  # the Var of the line above
    return op if tuple(inputs) == op.inputs else replace(op, inputs=tuple(inputs))


def _uniform(array: np.ndarray) -> bool:
    return (
        array.size > 0
        and bool((array == array.flat[0]).all())
        and not bool(np.signbit(array).any() and array.flat[0] == 0)
    )


SMALL = 64  # numbers of a constant that is computed while compiling


def _folded(op: Op, constants: Mapping[Var, np.ndarray]) -> np.ndarray | None:
    """The value of a step that depends on no input, if it is small."""
    for x in op.inputs:
        if isinstance(x, Var) and (x not in constants or x.size > SMALL):
            return None
    if op.out.size > SMALL:
        return None
    with np.errstate(all="ignore"):
        value = op.rule.forward(*[constants[x][()] if isinstance(x, Var) else x for x in op.inputs], **op.params)
    return np.asarray(value, op.out.dtype)
