"""The few turns of phrase in which native code is written: whole numbers, counted loops, declared functions, room.

Everything here and in the rooms that use it writes LLVM's intermediate code through llvmlite, one instruction after
another, into the function whose builder it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
FEW_TURNS = 8  # a loop around others, if it has more, is left a loop
WHOLE, MANY_TURNS = 8, 64  # turns that fill vectors; more than so many LLVM does not unroll
VOID, POINTER = ir.VoidType(), I8.as_pointer()


class Int:
    """A whole number of the program being written; its operators write instructions. None negative is divided."""

    def __init__(self, b: ir.IRBuilder, value: Any) -> None:
        self.b = b
        self.value = I64(value) if isinstance(value, int) else value

    def _of(self, other: Any) -> Any:
        return other.value if isinstance(other, Int) else I64(other)

    def __add__(self, other: Any) -> Int:
        return Int(self.b, self.b.add(self.value, self._of(other)))

    def __sub__(self, other: Any) -> Int:
        return Int(self.b, self.b.sub(self.value, self._of(other)))

    def __mul__(self, other: Any) -> Int:
        return Int(self.b, self.b.mul(self.value, self._of(other)))

    def __floordiv__(self, other: Any) -> Int:
        return Int(self.b, self.b.udiv(self.value, self._of(other)))

    def and_(self, mask: int) -> Int:
        """The bits that are in the mask."""
        return Int(self.b, self.b.and_(self.value, I64(mask)))

    def compare(self, sign: str, other: Any) -> Any:
        """The condition `self sign other`."""
        return self.b.icmp_signed(sign, self.value, self._of(other))

    def at_most(self, other: Any) -> Int:
        """The smaller of the two."""
        return Int(self.b, self.b.select(self.compare("<", other), self.value, self._of(other)))

    def at_least(self, other: Any) -> Int:
        """The larger of the two."""
        return Int(self.b, self.b.select(self.compare(">", other), self.value, self._of(other)))


@contextmanager
def counted(b: ir.IRBuilder, start: Any, stop: Any, step: Any, in_part: bool = False) -> Iterator[Any]:
    """A loop over a 64-bit index from start up to stop, or down to it where the step is a negative constant.

    The index is never outside that range: "no signed wrap" lets LLVM compute addresses without minding overflow.
    ``in_part``: what is left over when its turns have been put into vectors is one more vector, in part.
    """
    test, body, done = (b.append_basic_block(name) for name in ("test", "body", "done"))
    before = b.block
    b.branch(test)
    b.position_at_end(test)
    index = b.phi(I64)
    index.add_incoming(start, before)
    down = isinstance(step, ir.Constant) and step.constant < 0
    b.cbranch(b.icmp_signed(">" if down else "<", index, stop), body, done)
    b.position_at_end(body)
    yield index
    if not b.block.is_terminated:
        index.add_incoming(b.add(index, step, flags=("nsw",)), b.block)
        again = b.branch(test)
        marks = list(marks_of(b.module, turns_of(start, stop, step), is_innermost=b.block is body, in_part=in_part))
        if marks:
            again.set_metadata("llvm.loop", marked(b.module, marks))
    b.position_at_end(done)


def turns_of(start: Any, stop: Any, step: Any) -> int:
    """How many turns a loop has, if that is known and it goes one by one, else 0."""
    known = all(isinstance(x, ir.Constant) for x in (start, stop, step)) and step.constant == 1
    return max(0, stop.constant - start.constant) if known else 0


def marks_of(module: ir.Module, turns: int, *, is_innermost: bool, in_part: bool) -> Iterator[ir.MDValue]:
    """What LLVM shall do with a loop, or not do.

    A loop around others, 10 times 30 sigmoids, would become code that takes seconds to compile. One that fills a few
    vectors is not unrolled before it is put into them: LLVM would then make vectors of the loop around it, of numbers
    that lie a row apart. The sums over the columns of 32 × 16 numbers took five times as long.
    """
    add = module.add_metadata
    if is_innermost and in_part:
        yield add([ir.MetaDataString(module, "llvm.loop.vectorize.predicate.enable"), ir.Constant(ir.IntType(1), 1)])
    elif is_innermost and 0 < turns <= MANY_TURNS and turns % WHOLE == 0:
        yield add([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
        ready = add([ir.MetaDataString(module, "llvm.loop.isvectorized"), ir.Constant(I32, 1)])  # and then as it likes
        yield add([ir.MetaDataString(module, "llvm.loop.vectorize.followup_vectorized"), ready])
    elif not is_innermost and turns > FEW_TURNS:
        yield add([ir.MetaDataString(module, "llvm.loop.unroll.disable")])


def marked(module: ir.Module, marks: Sequence[ir.MDValue]) -> ir.MDValue:
    """These marks as those of one loop."""
    number = len(module.metadata)  # LLVM takes loops with equal marks for one
    loop = module.add_metadata([*marks, ir.MetaDataString(module, f"loop {number}")])
    loop.operands = (loop, *marks)  # it knows a loop's marks by their pointing at themselves
    return loop


def declared(module: ir.Module, name: str, result: ir.Type, arguments: Sequence[ir.Type]) -> ir.Function:
    """The module's function of this name: declared now, if it was not known."""
    known = module.globals.get(name)
    return ir.Function(module, ir.FunctionType(result, arguments), name) if known is None else known


def room(b: ir.IRBuilder, kind: ir.Type, name: str = "") -> Any:
    """A pointer to memory on the stack, claimed once, at the beginning of the function."""
    with b.goto_entry_block():
        return b.alloca(kind, name=name)


def pointer(b: ir.IRBuilder, address: Any, kind: ir.Type) -> Any:
    """An address as a pointer to a number of this kind."""
    return b.inttoptr(address, kind.as_pointer())
