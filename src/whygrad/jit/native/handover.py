"""How a program reaches the threads that help to run it: they look out for it a while, then sleep until woken.

A thread that waits for a lock of Python's needs 25 µs from the call to its first instruction, as long as a product of
64 × 128 × 128 takes; one that looks out for work starts within 1 µs. So each worker runs native code that never
returns: it looks at its desk, runs what has been put there, and after ``LOOKS`` looks without any goes to sleep. Who
has work for them does all in one native call, too: no exception can come between asking the workers and joining them.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from llvmlite import binding as llvm

from whygrad.jit.native.barrier import SPINS
from whygrad.jit.native.libraries import provide

IDLE, ASKED, ASLEEP = range(3)
DESK_BYTES = 256  # state, entry, table, thread, threads, status, taken; at 64 a lock, at 128 what one sleeps on
LOOKS = SPINS  # about 50 µs: more than Python takes from one call of a compiled function to the next

WINDOWS = """
declare void @AcquireSRWLockExclusive(ptr)
declare void @ReleaseSRWLockExclusive(ptr)
declare i32 @SleepConditionVariableSRW(ptr, ptr, i32, i32)
declare void @WakeConditionVariable(ptr)
declare i32 @SwitchToThread()
define internal void @lock(ptr %lock) { call void @AcquireSRWLockExclusive(ptr %lock) ret void }
define internal void @unlock(ptr %lock) { call void @ReleaseSRWLockExclusive(ptr %lock) ret void }
define internal void @doze(ptr %bed, ptr %lock) {
  call i32 @SleepConditionVariableSRW(ptr %bed, ptr %lock, i32 -1, i32 0) ret void
}
define internal void @wake(ptr %bed) { call void @WakeConditionVariable(ptr %bed) ret void }
define internal void @rest() { call i32 @SwitchToThread() ret void }
define void @prepare(ptr %desk) { ret void }
"""

POSIX = """
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @sched_yield()
define internal void @lock(ptr %lock) { call i32 @pthread_mutex_lock(ptr %lock) ret void }
define internal void @unlock(ptr %lock) { call i32 @pthread_mutex_unlock(ptr %lock) ret void }
define internal void @doze(ptr %bed, ptr %lock) { call i32 @pthread_cond_wait(ptr %bed, ptr %lock) ret void }
define internal void @wake(ptr %bed) { call i32 @pthread_cond_signal(ptr %bed) ret void }
define internal void @rest() { call i32 @sched_yield() ret void }
define void @prepare(ptr %desk) {
  %lock = getelementptr i8, ptr %desk, i64 64
  %bed = getelementptr i8, ptr %desk, i64 128
  call i32 @pthread_mutex_init(ptr %lock, ptr null)
  call i32 @pthread_cond_init(ptr %bed, ptr null)
  ret void
}
"""

# A worker: for ever look at the desk, run what is asked, and say that it is done; sleep if nothing is asked for long.
# It falls asleep under the lock, and is woken under it, so no call comes between its last look and its sleep. A second
# worker at a desk leaves: an interrupt may have kept Python from noting that the first has been started.
SERVE = f"""
define void @serve(ptr %desk) {{
start:
  %entry_at = getelementptr i64, ptr %desk, i64 1
  %table_at = getelementptr i64, ptr %desk, i64 2
  %thread_at = getelementptr i64, ptr %desk, i64 3
  %threads_at = getelementptr i64, ptr %desk, i64 4
  %status_at = getelementptr i64, ptr %desk, i64 5
  %taken_at = getelementptr i64, ptr %desk, i64 6
  %lock = getelementptr i8, ptr %desk, i64 64
  %bed = getelementptr i8, ptr %desk, i64 128
  %taken = atomicrmw xchg ptr %taken_at, i64 1 acq_rel
  %is_free = icmp eq i64 %taken, 0
  br i1 %is_free, label %look, label %leave
leave:
  ret void
look:
  %looks = phi i64 [0, %start], [%more, %again], [0, %work], [0, %awake]
  %state = load atomic i64, ptr %desk acquire, align 8
  %is_asked = icmp eq i64 %state, {ASKED}
  br i1 %is_asked, label %work, label %again
again:
  %more = add i64 %looks, 1
  %enough = icmp ugt i64 %more, {LOOKS}
  br i1 %enough, label %sleep, label %look
work:
  %entry = load ptr, ptr %entry_at
  %table = load ptr, ptr %table_at
  %thread = load i64, ptr %thread_at
  %threads = load i64, ptr %threads_at
  %status = call i64 %entry(ptr %table, i64 %thread, i64 %threads)
  store i64 %status, ptr %status_at
  store atomic i64 {IDLE}, ptr %desk release, align 8
  br label %look
sleep:
  call void @lock(ptr %lock)
  %swap = cmpxchg ptr %desk, i64 {IDLE}, i64 {ASLEEP} acq_rel acquire
  br label %asleep
asleep:
  %now = load atomic i64, ptr %desk acquire, align 8
  %still = icmp eq i64 %now, {ASLEEP}
  br i1 %still, label %doze, label %awake
doze:
  call void @doze(ptr %bed, ptr %lock)
  br label %asleep
awake:
  call void @unlock(ptr %lock)
  br label %look
}}
"""

# Who has work: put it on so many desks, wake who sleeps, run its own share, wait until all are done. The status is that
# of the first thread which has one.
TOGETHER = f"""
define i64 @together(ptr %desks, i64 %workers, ptr %entry, ptr %table) {{
start:
  %threads = add i64 %workers, 1
  br label %ask
ask:
  %i = phi i64 [0, %start], [%next, %asked]
  %left = icmp ult i64 %i, %workers
  br i1 %left, label %put, label %own
put:
  %next = add i64 %i, 1
  %offset = mul i64 %i, {DESK_BYTES}
  %desk = getelementptr i8, ptr %desks, i64 %offset
  %entry_at = getelementptr i64, ptr %desk, i64 1
  %table_at = getelementptr i64, ptr %desk, i64 2
  %thread_at = getelementptr i64, ptr %desk, i64 3
  %threads_at = getelementptr i64, ptr %desk, i64 4
  store ptr %entry, ptr %entry_at
  store ptr %table, ptr %table_at
  store i64 %next, ptr %thread_at
  store i64 %threads, ptr %threads_at
  %before = atomicrmw xchg ptr %desk, i64 {ASKED} acq_rel
  %slept = icmp eq i64 %before, {ASLEEP}
  br i1 %slept, label %rouse, label %asked
rouse:
  %lock = getelementptr i8, ptr %desk, i64 64
  %bed = getelementptr i8, ptr %desk, i64 128
  call void @lock(ptr %lock)
  call void @wake(ptr %bed)
  call void @unlock(ptr %lock)
  br label %asked
asked:
  br label %ask
own:
  %mine = call i64 %entry(ptr %table, i64 0, i64 %threads)
  br label %join
join:
  %j = phi i64 [0, %own], [%j_next, %joined]
  %status = phi i64 [%mine, %own], [%status_next, %joined]
  %j_left = icmp ult i64 %j, %workers
  br i1 %j_left, label %await, label %all
await:
  %j_next = add i64 %j, 1
  %j_offset = mul i64 %j, {DESK_BYTES}
  %j_desk = getelementptr i8, ptr %desks, i64 %j_offset
  br label %look
look:
  %looks = phi i64 [0, %await], [%more, %again], [%more, %rest]
  %state = load atomic i64, ptr %j_desk acquire, align 8
  %busy = icmp eq i64 %state, {ASKED}
  br i1 %busy, label %again, label %joined
again:
  %more = add i64 %looks, 1
  %enough = icmp ugt i64 %more, {LOOKS}
  br i1 %enough, label %rest, label %look
rest:
  call void @rest()
  br label %look
joined:
  %status_at = getelementptr i64, ptr %j_desk, i64 5
  %theirs = load i64, ptr %status_at
  %none = icmp eq i64 %status, 0
  %status_next = select i1 %none, i64 %theirs, i64 %status
  br label %join
all:
  ret i64 %status
}}
"""


class Handover(NamedTuple):
    """Native code that workers and those who have work for them run. Addresses are whole numbers.

    ``prepare(desk)`` before a desk is used; ``serve(desk)`` does not return; ``together(desks, workers, entry, table)``
    runs entry(table, thread, threads) on this thread, number 0, and on so many workers, and returns the first status
    that is not 0.
    """

    prepare: Callable[[int], None]
    serve: Callable[[int], None]
    together: Callable[[int, int, int, int], int]


@cache
def handover() -> Handover:
    """The native code, compiled when first needed."""
    system = WINDOWS if sys.platform == "win32" else POSIX
    for line in system.splitlines():
        if line.startswith("declare"):
            provide(line.split("@")[1].split("(")[0])
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True, opt=1)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(system + SERVE + TOGETHER), machine)
    engine.finalize_object()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine))  # workers run its code until the process ends
    word = ctypes.c_void_p
    desk_only = ctypes.CFUNCTYPE(None, word)
    return Handover(
        desk_only(engine.get_function_address("prepare")),
        desk_only(engine.get_function_address("serve")),
        ctypes.CFUNCTYPE(ctypes.c_int64, word, word, word, word)(engine.get_function_address("together")),
    )
