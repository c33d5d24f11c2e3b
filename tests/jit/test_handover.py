"""Workers take what is put on their desks, sleep when nothing is, and wake up again, whenever that happens."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from whygrad.jit.native import team
from whygrad.jit.native.compile import compile_source
from whygrad.jit.native.handover import handover
from whygrad.jit.native.load import load
from whygrad.jit.native.team import Desks

COUNT = """
import numpy as np
def program(tid, threads, sync, x, status):
    x[tid] = x[tid] + 1
    wait(sync, threads)
    return status[tid]
"""


def counting():
    """A program in which every thread adds one to its own number, and the numbers."""
    x, status = np.zeros(8, np.int64), np.zeros(8, np.int64)
    return load(compile_source(COUNT, [(x.shape, "int64")] * 2)), x, status


@pytest.mark.parametrize("threads", [2, 3])
def test_a_call_reaches_workers_at_any_moment_of_their_falling_asleep(threads):
    loaded, x, status = counting()
    run = loaded.bind([x, status], threads)
    run()
    rng = np.random.default_rng(threads)
    pauses = np.concatenate([rng.uniform(0, 200e-6, 2000), np.full(20, 5e-3)])  # they look out for about 50 µs
    for pause in rng.permutation(pauses):
        until = time.perf_counter() + pause
        while time.perf_counter() < until:
            pass
        assert run() == 0
    np.testing.assert_array_equal(x[:threads], len(pauses) + 1)
    np.testing.assert_array_equal(x[threads:], 0)


def test_workers_without_work_take_no_time():
    loaded, x, status = counting()
    loaded.run([x, status], 4)
    time.sleep(0.05)
    began = time.process_time()
    time.sleep(0.4)
    assert time.process_time() - began < 0.1  # three that look out would take 0.4 s on every core they get


def test_the_status_is_that_of_the_first_thread_which_has_one():
    loaded, x, status = counting()
    for given in ((0, 0, 0), (0, 3, 5), (0, 0, 5), (2, 3, 0)):
        status[:3] = given
        assert loaded.run([x, status], 3) == next((n for n in given if n), 0)


def test_a_second_worker_at_a_desk_leaves():
    desk = Desks(1).place
    workers = [threading.Thread(target=handover().serve, args=(desk,), daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    patience = time.monotonic() + 10  # who of the two comes first is the system's choice
    while all(worker.is_alive() for worker in workers) and time.monotonic() < patience:
        time.sleep(0.01)
    assert sum(worker.is_alive() for worker in workers) == 1


def test_more_workers_than_there_was_room_for_get_new_desks(monkeypatch):
    monkeypatch.setattr(team, "DESKS", 1)
    loaded, x, status = counting()
    for threads in (2, 5, 3, 2):
        x[...] = 0
        assert loaded.run([x, status], threads) == 0
        np.testing.assert_array_equal(x, [1] * threads + [0] * (8 - threads))
