"""A barrier between the phases of a program that several threads run together: spin a while, then yield.

Each arrival adds one to a counter; the last one puts it back and moves the phase on, for which the others wait. The
two words lie 64 bytes apart, so that those who wait do not disturb those who arrive. An arrival releases what its
thread wrote before (acq_rel), and leaving acquires it: ordinary loads and stores need nothing else.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir

from whygrad.jit.native.writing import I32, VOID, declared

WORD, BYTES = ir.IntType(64), 8
ARRIVED, PHASE = 0, 64  # bytes from the beginning of the memory
# Looks, about 50 µs: longer than fair shares of work differ, and little to lose if cores are too few. There is no
# `pause`
# between them: on a virtual machine it traps, and a step of 784-100-10 took 344 µs with it and 132 µs without.
SPINS = 50_000
NAME = "whygrad_wait"


def wait(builder: ir.IRBuilder, sync: Any, threads: Any) -> None:
    """Wait at the barrier in the memory at ``sync`` until all ``threads`` are here. One thread does not wait."""
    with builder.if_then(builder.icmp_signed(">", threads, WORD(1)), likely=False):
        builder.call(wait_function(builder.module), [sync, threads])


def wait_function(module: Any) -> Any:
    """The waiting itself, once per module and not inlined: a program may have dozens of barriers."""
    function = declared(module, NAME, VOID, [WORD, WORD])
    if function.blocks:
        return function
    function.linkage = "internal"
    function.attributes.add("noinline")
    sync, threads = function.args
    builder = ir.IRBuilder(function.append_basic_block("arrive"))
    last, waiting = (function.append_basic_block(name) for name in ("last", "waiting"))
    arrived, phase = word_at(builder, sync, ARRIVED), word_at(builder, sync, PHASE)
    before = builder.load_atomic(phase, "monotonic", BYTES)  # cannot move on before this thread has arrived
    others = builder.atomic_rmw("add", arrived, WORD(1), "acq_rel")
    builder.cbranch(builder.icmp_unsigned("==", others, builder.sub(threads, WORD(1))), last, waiting)

    builder.position_at_end(last)
    builder.store_atomic(WORD(0), arrived, "monotonic", BYTES)
    builder.store_atomic(builder.add(before, WORD(1)), phase, "release", BYTES)
    builder.ret_void()

    builder.position_at_end(waiting)
    wait_for_change(builder, phase, before)
    builder.ret_void()
    return function


def word_at(builder: Any, base: Any, offset: int) -> Any:
    """A pointer to the 64-bit word ``offset`` bytes after an address."""
    return builder.inttoptr(builder.add(base, WORD(offset)), WORD.as_pointer())


def wait_for_change(builder: Any, word: Any, before: Any) -> None:
    """Blocks that end once ``word`` is another than ``before``: looks at it, and in the end lets others have the
    core.
    """
    function, start = builder.function, builder.block
    spin, again, rest, turn, done = (
        function.append_basic_block(name) for name in ("spin", "again", "rest", "turn", "done")
    )
    builder.branch(spin)
    builder.position_at_end(spin)
    count = builder.phi(WORD)
    count.add_incoming(WORD(0), start)
    same = builder.icmp_unsigned("==", builder.load_atomic(word, "acquire", BYTES), before)
    builder.cbranch(same, again, done)

    builder.position_at_end(again)
    builder.cbranch(builder.icmp_unsigned("<", count, WORD(SPINS)), rest, turn)
    builder.position_at_end(rest)
    count.add_incoming(builder.add(count, WORD(1)), rest)
    builder.branch(spin)
    builder.position_at_end(turn)
    builder.call(yield_function(builder.module), [])
    count.add_incoming(count, turn)
    builder.branch(spin)
    builder.position_at_end(done)


def yield_function(module: Any) -> Any:
    """The system's call that lets another thread have this core."""
    name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    return declared(module, name, I32, [])
