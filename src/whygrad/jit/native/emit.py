"""A printed program as LLVM code: every statement of its text becomes the instructions that do the same.

The text is a small part of Python: loops over ``range``, conditions, assignments to names and to numbers of arrays,
arithmetic, and calls of the functions in ``functions.py``. Every name has one type, the one of the first number that
it is given; arrays have constant shapes. Anything else is refused with the line.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from whygrad.jit.native import memory, numbers
from whygrad.jit.native.arrays import Arguments
from whygrad.jit.native.functions import CONSTANTS, FUNCTIONS, Value
from whygrad.jit.native.memory import ArrayAt
from whygrad.jit.native.numbers import BOOL, INT, Number, UntypedError
from whygrad.jit.native.parts import Parts, flattenings
from whygrad.jit.native.stretches import stretches_of
from whygrad.jit.native.writing import I64, POINTER, counted, room

ENTRY = "whygrad_entry"  # i64 whygrad_entry(table, tid, threads); the table holds the barrier's address, then arrays'


class RefusedError(Exception):
    """A statement that is not of the small part of Python; ``line`` counts from 1."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True)
class Slot:
    """A local variable that changes: a place on the stack, which LLVM turns into registers."""

    place: Any
    dtype: numbers.DType


def written(program: ast.FunctionDef, arguments: Arguments) -> ir.Module:
    """The module that holds the entry of ``program(tid, threads, sync, *arrays)``."""
    module = ir.Module("whygrad")
    tid, threads, sync, *arrays = (argument.arg for argument in program.args.args)
    given = {sync: None} | dict(zip(arrays, arguments, strict=True))
    parts = Parts((tid, threads, sync), frozenset(arrays), flattenings(program.body))
    body = parts.cut(program.body)
    for part in parts.made:
        function = ir.Function(module, ir.FunctionType(I64, [POINTER] + [I64] * len(part.args.args)), part.name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        _write(function, [argument.arg for argument in part.args.args], part.body, given)
    _write(ir.Function(module, ir.FunctionType(I64, [POINTER, I64, I64]), ENTRY), [tid, threads], body, given)
    return module


def _write(
    function: ir.Function,
    numbered: Sequence[str],
    body: Sequence[ast.stmt],
    given: Mapping[str, tuple[tuple[int, ...], str] | None],
) -> None:
    """The body of one function of (table, *whole numbers): what it uses of the table is looked up first."""
    function.attributes.add("nounwind")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    begin = function.append_basic_block("begin")
    b.branch(begin)
    b.position_at_end(begin)
    used = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    names: dict[str, Any] = {name: Number(x, INT) for name, x in zip(numbered, function.args[1:], strict=True)}
    table = b.bitcast(function.args[0], I64.as_pointer())
    marks = memory.apart(function, [name for name, kind in given.items() if kind and name in used])
    for place, (name, kind) in enumerate(given.items()):
        if name in used:
            word = b.load(b.gep(table, [I64(place)]))
            names[name] = (
                memory.array_at(b, word, kind[0], np.dtype(kind[1]), marks[name]) if kind else Number(word, INT)
            )
    Writer(b, names).statements(body)
    if not b.block.is_terminated:
        b.ret(I64(0))


class Writer:
    """Writes statements where its builder stands; ``names``: what every name of the text is."""

    def __init__(self, b: ir.IRBuilder, names: dict[str, Any]) -> None:
        self.b, self.names = b, names

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """One after the other; what follows a return is never reached."""
        for statement in body:
            if self.b.block.is_terminated:
                return
            write: Callable[[Any], None] | None = getattr(self, f"write_{type(statement).__name__}", None)
            try:
                if write is None:
                    raise UntypedError(f"the statement {type(statement).__name__}")
                write(statement)
            except (UntypedError, TypeError, AttributeError, KeyError) as error:
                raise RefusedError(str(error), statement.lineno) from error

    def write_Assign(self, statement: ast.Assign) -> None:
        """``x = ...``, ``low, high = ...``, ``x[i, j] = ...``."""
        target, value = statement.targets[0], self.value(statement.value)
        if isinstance(target, ast.Tuple) and isinstance(value, tuple):
            for part, one in zip(target.elts, value, strict=True):
                self.give(part, one)
        else:
            self.give(target, value)

    def write_AugAssign(self, statement: ast.AugAssign) -> None:
        """``x += ...``: what the target holds is read, and written again."""
        name, target = type(statement.op).__name__, statement.target
        if isinstance(target, ast.Subscript):
            place = self.place(target)
            new = numbers.arithmetic(self.b, name, memory.loaded(self.b, place), self.number(statement.value))
            memory.stored(self.b, new, place)
        else:
            self.give(target, numbers.arithmetic(self.b, name, self.number(target), self.number(statement.value)))

    def write_For(self, statement: ast.For) -> None:
        """``for i in range(...)``."""
        call, target = statement.iter, statement.target
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "range" and isinstance(target, ast.Name)):
            raise UntypedError("a loop over something else than a range")
        given = [numbers.index(self.b, self.number(x)) for x in call.args]
        start, stop, step = ([I64(0), *given, I64(1)] if len(given) == 1 else [*given, I64(1)])[:3]
        for first, last, in_part in stretches_of(statement, start, stop, self.names):
            with counted(self.b, first, last, step, in_part) as index:
                self.names[target.id] = Number(index, INT)
                self.statements(statement.body)

    def write_If(self, statement: ast.If) -> None:
        """``if ...:``, with an ``else`` or without."""
        b = self.b
        condition = numbers.truth(b, self.number(statement.test)).value
        yes, no, after = (b.append_basic_block(name) for name in ("yes", "no", "after"))
        b.cbranch(condition, yes, no)
        for block, body in ((yes, statement.body), (no, statement.orelse)):
            b.position_at_end(block)
            self.statements(body)
            if not b.block.is_terminated:
                b.branch(after)
        b.position_at_end(after)

    def write_Return(self, statement: ast.Return) -> None:
        """``return status``."""
        if statement.value is None:
            raise UntypedError("a return without a number")
        self.b.ret(numbers.converted(self.b, self.number(statement.value), INT).value)

    def write_Expr(self, statement: ast.Expr) -> None:
        """A call, or a text that says what the program is."""
        if not isinstance(statement.value, ast.Constant):
            self.value(statement.value)

    def write_Pass(self, statement: ast.Pass) -> None:
        """Nothing."""

    # ── names and places ─────────────────────────────────────────────────────────────────────────────────────────────

    def give(self, target: ast.expr, value: Value) -> None:
        """The target has this value from here on."""
        if isinstance(target, ast.Subscript):
            memory.stored(self.b, self.as_number(value), self.place(target))
        elif not isinstance(target, ast.Name):
            raise UntypedError(f"an assignment to {ast.unparse(target)}")
        elif isinstance(value, ArrayAt):
            self.names[target.id] = value
        else:
            number = self.as_number(value)
            slot = self.names.get(target.id)
            if not isinstance(slot, Slot):
                place = room(self.b, numbers.kind_of(number.dtype), target.id)
                slot = self.names[target.id] = Slot(place, number.dtype)
            if slot.dtype != number.dtype and numbers.common(slot.dtype, number.dtype) != slot.dtype:
                raise UntypedError(f"{target.id} was {slot.dtype} and would become {number.dtype}")
            self.b.store(numbers.converted(self.b, number, slot.dtype).value, slot.place)

    def place(self, node: ast.Subscript) -> ArrayAt:
        """What ``x[i, j]`` is about."""
        array = self.value(node.value)
        if not isinstance(array, ArrayAt):
            raise UntypedError(f"{ast.unparse(node.value)} is no array")
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return memory.element(self.b, array, [numbers.index(self.b, self.number(part)) for part in parts])

    # ── expressions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def number(self, node: ast.expr) -> Number:
        """The number that an expression is."""
        return self.as_number(self.value(node))

    def as_number(self, value: Value) -> Number:
        """The value, if it is a number."""
        if isinstance(value, ArrayAt) and not value.shape:
            return memory.loaded(self.b, value)
        if not isinstance(value, Number):
            raise UntypedError("something else than a number")
        return value

    def value(self, node: ast.expr) -> Value:
        """What an expression is: a number, an array, or a tuple."""
        write: Callable[[Any], Value] | None = getattr(self, f"value_{type(node).__name__}", None)
        if write is None:
            raise UntypedError(f"the expression {ast.unparse(node)}")
        return write(node)

    def value_Constant(self, node: ast.Constant) -> Value:
        """A number of the text."""
        if not isinstance(node.value, (bool, int, float)):
            raise UntypedError(f"the constant {node.value!r}")
        return numbers.of(node.value)

    def value_Name(self, node: ast.Name) -> Value:
        """What the name stands for here."""
        if node.id not in self.names:
            raise UntypedError(f"the name {node.id}")
        held = self.names[node.id]
        value: Value = Number(self.b.load(held.place), held.dtype) if isinstance(held, Slot) else held
        return value

    def value_Attribute(self, node: ast.Attribute) -> Value:
        """``np.inf``, and ``x.T`` and ``x.size`` of arrays."""
        name = ast.unparse(node)
        if name in CONSTANTS:
            return numbers.of(CONSTANTS[name])
        array = self.value(node.value) if not isinstance(node.value, ast.Name) or node.value.id in self.names else None
        if isinstance(array, ArrayAt) and node.attr == "T":
            return memory.transposed(array)
        if isinstance(array, ArrayAt) and node.attr == "size":
            return numbers.of(array.size)
        raise UntypedError(f"{name}")

    def value_Subscript(self, node: ast.Subscript) -> Value:
        """A number of an array, or a row of it."""
        place = self.place(node)
        return place if place.shape else memory.loaded(self.b, place)

    def value_Tuple(self, node: ast.Tuple) -> Value:
        """A shape, strides, or several values for several names."""
        return tuple(self.value(part) for part in node.elts)

    def value_UnaryOp(self, node: ast.UnaryOp) -> Value:
        """``-x``, ``not x``."""
        x = self.number(node.operand)
        if isinstance(node.op, ast.USub):
            return numbers.negative(self.b, x)
        if isinstance(node.op, ast.Not):
            return Number(self.b.not_(numbers.truth(self.b, x).value), BOOL)
        return self._refused(node)

    def value_BinOp(self, node: ast.BinOp) -> Value:
        """Arithmetic."""
        return numbers.arithmetic(self.b, type(node.op).__name__, self.number(node.left), self.number(node.right))

    def value_BoolOp(self, node: ast.BoolOp) -> Value:
        """``x and y``, ``x or y`` of conditions that can all be computed."""
        name = "BitAnd" if isinstance(node.op, ast.And) else "BitOr"
        result, *rest = (numbers.truth(self.b, self.number(part)) for part in node.values)
        for part in rest:
            result = numbers.arithmetic(self.b, name, result, part)
        return result

    def value_Compare(self, node: ast.Compare) -> Value:
        """``x < y``."""
        if len(node.ops) != 1 or type(node.ops[0]) not in SIGNS:
            return self._refused(node)
        sign, left, right = SIGNS[type(node.ops[0])], self.number(node.left), self.number(node.comparators[0])
        return numbers.compared(self.b, sign, left, right)

    def value_IfExp(self, node: ast.IfExp) -> Value:
        """``x if condition else y``: a choice between two numbers, or two ways where one of them may not be read."""
        b, condition = self.b, self.number(node.test)
        if not (may_fail(node.body) or may_fail(node.orelse)):
            return numbers.chosen(b, condition, self.number(node.body), self.number(node.orelse))
        yes, no, after = (b.append_basic_block(name) for name in ("yes", "no", "after"))
        b.cbranch(numbers.truth(b, condition).value, yes, no)
        found = []
        for block, part in ((yes, node.body), (no, node.orelse)):
            b.position_at_end(block)
            found.append((self.number(part), b.block))
        dtype = numbers.together(found[0][0], found[1][0])
        ends = []
        for x, block in found:
            b.position_at_end(block)
            ends.append((numbers.converted(b, x, dtype).value, block))
            b.branch(after)
        b.position_at_end(after)
        result = b.phi(numbers.kind_of(dtype))
        for x, block in ends:
            result.add_incoming(x, block)
        return Number(result, dtype)

    def value_Call(self, node: ast.Call) -> Value:
        """A function of the table."""
        name = ast.unparse(node.func)
        part = self.b.module.globals.get(name)
        if part is not None:
            numbers_given = [numbers.index(self.b, self.number(x)) for x in node.args]
            return Number(self.b.call(part, [self.b.function.args[0], *numbers_given]), INT)
        if name not in FUNCTIONS or node.keywords:
            raise UntypedError(f"there is no function {name}")
        given = [self.value(x) for x in node.args]
        return FUNCTIONS[name](self.b, *given)

    def _refused(self, node: ast.expr) -> Value:
        raise UntypedError(f"the expression {ast.unparse(node)}")


def may_fail(node: ast.expr) -> bool:
    """Whether an expression can only be computed where it is wanted: it reads memory, or divides whole numbers."""
    return any(isinstance(part, (ast.Subscript, ast.FloorDiv, ast.Mod)) for part in ast.walk(node))


SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
