"""Products that are added to something: ``W -= rate * g`` as the last multiplication of the product that computes g."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from whygrad.jit.passes import dead
from whygrad.jit.program import Op, Program, Ref, Step, Var
from whygrad.rules import linear
from whygrad.rules.define import make
from whygrad.rules.table import RULES

MATMUL_ADD = make(
    "matmul_add",
    "c alpha x y",
    lambda c, alpha, x, y: c + alpha * (x @ y),
    pulls=(None,) * 4,
    written=r"{c} + {alpha} \, {x}\,{y}",
    because=("a step of a compiled program has been differentiated already",) * 4,
)


def added_in_place(program: Program) -> Program:
    """``c ± s · (x @ y)`` as one step: the product's last multiplication writes where c lies (``W -= rate * g``)."""
    made, readers = program.makers(), program.readers()
    kept = set(program.outputs)
    ops: list[Step] = []
    for op in program.ops:
        ops.append(
            _added(op, made, lambda x: len(readers.get(x, ())) == 1 and x not in kept, ops)
            if isinstance(op, Op)
            else op
        )
    return dead(replace(program, ops=tuple(ops)))


def _added(op: Op, made: Mapping[Var, Op], alone: Callable[[Var], bool], before: list[Step]) -> Op:
    if op.rule.name not in ("add", "subtract"):
        return op
    for c, change in (op.inputs, op.inputs[::-1]) if op.rule.name == "add" else (op.inputs,):
        product = _scaled_product(change, made, alone)
        if product is None or not isinstance(c, Var) or c.shape != op.out.shape or c.dtype != op.out.dtype:
            continue
        alpha, matmul = product
        if matmul.out.shape != op.out.shape or c is matmul.out:
            continue
        if op.rule.name == "subtract":
            if isinstance(alpha, Var):
                negative = Op(Var((), alpha.dtype), RULES["negative"], (alpha,), {}, op.note)
                before.append(negative)
                alpha = negative.out
            else:
                alpha = -alpha
        return replace(op, rule=MATMUL_ADD, inputs=(c, alpha, *matmul.inputs), params={})
    return op


def _scaled_product(x: Ref, made: Mapping[Var, Op], alone: Callable[[Var], bool]) -> tuple[Ref, Op] | None:
    """(s, the product) where x is s times a matrix product that nothing else reads."""
    op = made.get(x) if isinstance(x, Var) else None
    if op is None or not alone(op.out):
        return None
    if op.rule is linear.matmul:
        return (1.0, op) if len(op.out.shape) == 2 else None
    if op.rule.name == "negative":
        inner = _scaled_product(op.inputs[0], made, alone)
        return (-inner[0], inner[1]) if inner is not None and not isinstance(inner[0], Var) else None
    if op.rule.name == "multiply":
        for s, y in (op.inputs, op.inputs[::-1]):
            inner = _scaled_product(y, made, alone) if not isinstance(s, Var) or s.shape == () else None
            if inner is not None and inner[0] == 1.0:
                return s, inner[1]
    return None
