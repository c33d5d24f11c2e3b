"""Printed text compiled to object code, loaded, and run by one or several threads."""

import os
import re
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from whygrad.errors import ArgumentError
from whygrad.jit.native import arrays as reading
from whygrad.jit.native.arrays import NativeError
from whygrad.jit.native.compile import CompilationError, compile_source
from whygrad.jit.native.load import load
from whygrad.jit.native.team import thread_count

SCALE = """
import numpy as np
from whygrad.jit.native.words import wait

def program(tid, threads, sync, x, total, y):
    for i in range(tid, 100, threads):
        y[i] = 2 * x[i]
    wait(sync, threads)
    if tid == 0:
        s = 0.0
        for i in range(100):
            s += y[i]
        total[()] = s
    wait(sync, threads)
    return 7
"""
SHAPES = [((100,), np.float64), ((), np.float64), ((100,), np.float64)]


@pytest.fixture(scope="module")
def scale():
    return load(compile_source(SCALE, SHAPES))


def fresh():
    return np.arange(100.0), np.zeros(()), np.zeros(100)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads_computes_the_same_and_waits_for_each_other(scale, threads):
    for _ in range(20):
        x, total, y = fresh()
        assert scale.run([x, total, y], threads) == 7
        np.testing.assert_array_equal(y, 2 * x)
        assert total == 9900


def test_a_bound_program_sees_what_its_arrays_hold_now(scale):
    x, total, y = fresh()
    step = scale.bind([x, total, y])
    assert step() == 7
    x[:] = 1
    step()
    assert total == 200


def test_a_bound_program_keeps_its_arrays_alive():
    code = compile_source(SCALE, SHAPES)
    total = np.zeros(())
    step = load(code).bind([np.ones(100), total, np.zeros(100)], threads=2)
    [np.full(100, 9.0) for _ in range(100)]
    step()
    assert total == 200


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.zeros(99), r"float64\[99\]"),
        (np.zeros(100, np.float32), "float32"),
        (np.zeros(200)[::2], "not contiguous"),
        (np.zeros((100, 1)), r"\[100, 1\]"),
        (np.zeros(100, ">f8"), ">f8"),
    ],
)
def test_an_array_that_the_program_was_not_compiled_for_is_refused(scale, wrong, says):
    x, total, _ = fresh()
    with pytest.raises(NativeError, match=says):
        scale.run([x, total, wrong])
    with pytest.raises(NativeError, match="2 arrays for a program of 3"):
        scale.run([x, total])


def test_an_array_of_a_subclass_and_an_equal_dtype_are_read_in_python(scale):
    class Mine(np.ndarray):
        pass

    x, total, y = fresh()
    assert scale.run([x.view(Mine), total, y.view(np.dtype("f8", align=True))]) == 7
    assert total == 9900


def test_addresses_read_natively_and_in_python_are_the_same():
    given = fresh()
    reader = reading.Reader(tuple((tuple(shape), np.dtype(dtype).name) for shape, dtype in SHAPES))
    assert reader._native is not reading.give_up
    table = (reading.ctypes.c_size_t * 3)()
    reader.fill(given, table, reading.ctypes.addressof(table))
    assert list(table) == reading.addresses(given, reader.shapes, reader.dtypes)


def test_a_layout_that_is_read_wrongly_is_given_up():
    assert not reading.reads_rightly(lambda given, table, wanted: 0)
    assert not reading.reads_rightly(lambda given, table, wanted: 1)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [(np.bool_, (3,)), (np.int32, (3,)), (np.int64, (2, 3)), (np.float32, (1, 2, 3)), (np.float64, (0, 4))],
)
def test_views_have_every_dtype_and_rank_and_may_be_empty(dtype, shape):
    source = """
from whygrad.jit.native.words import flattened
def program(tid, threads, sync, x, y):
    row, to = flattened(x), flattened(y)
    for i in range(row.size):
        to[i] = row[i]
    return x.size
"""
    code = compile_source(source, [(shape, dtype)] * 2)
    x = np.ones(shape, dtype)
    y = np.zeros_like(x)
    assert load(code).run([x, y]) == x.size
    np.testing.assert_array_equal(y, x)


def test_functions_of_the_c_library_are_found_when_loading():
    source = """
import numpy as np
def program(tid, threads, sync, x, y):
    for i in range(5):
        y[i] = np.sin(x[i]) + np.arctan2(x[i], np.float32(2)) + x[i] ** np.float32(1.5)
    return 0
"""
    code = compile_source(source, [((5,), np.float32)] * 2)
    assert code.symbols
    assert not [symbol for symbol in code.symbols if symbol.startswith("Py")]
    x = np.linspace(0.1, 2, 5, dtype=np.float32)
    y = np.zeros_like(x)
    load(code).run([x, y])
    np.testing.assert_allclose(y, np.sin(x) + np.arctan2(x, 2) + x**1.5, rtol=1e-5)


def test_a_symbol_that_nobody_has_is_an_error_and_not_the_end_of_the_process():
    code = compile_source(SCALE, SHAPES)
    with pytest.raises(NativeError, match="no_such_function"):
        load(type(code)(code.data, code.function, ("no_such_function",), code.arguments))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("return x.nonsense", "x.nonsense"),
        ("return np.nonsense(x)", "there is no function np.nonsense"),
        ("while x[0]: pass", "the statement While"),
        ("return unknown + 1", "the name unknown"),
        ("return [1, 2]", r"the expression \[1, 2\]"),
        ("return x[0, 0]", "2 indices for 1 axes"),
        ("return x[1.5]", "a float as an index"),
        ("return sum(x)", "there is no function sum"),
        ("return x", "something else than a number"),
        ("return 'text'", "the constant 'text'"),
        ("for y in x: pass", "something else than a range"),
    ],
)
def test_a_line_that_is_not_understood_is_named(line, says):
    source = f"import numpy as np\ndef program(tid, threads, sync, x):\n    {line}\n"
    shown = re.escape(line.split(":")[0])
    with pytest.raises(CompilationError, match=rf"not understood: {shown}(?s:.*)line 3(?s:.*){says}"):
        compile_source(source, [((3,), np.float64)])


def test_a_name_keeps_its_type():
    source = "def program(tid, threads, sync, x):\n    y = 1\n    y = x[0]\n    return y\n"
    with pytest.raises(CompilationError, match="y was int64 and would become float64"):
        compile_source(source, [((3,), np.float64)])


def test_a_program_with_too_few_parameters_is_refused():
    with pytest.raises(CompilationError, match="takes 1 arrays and is compiled for 2"):
        compile_source("def program(tid, threads, sync, x):\n    return 0\n", [((3,), np.float64)] * 2)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_status_is_that_of_the_thread_that_has_one(threads):
    source = "def program(tid, threads, sync, x):\n    return 5 if tid == threads - 1 else 0\n"
    assert load(compile_source(source, [((3,), np.float64)])).run([np.zeros(3)], threads) == 5


WHOLE = """
import numpy as np
def program(tid, threads, sync, x, y, z):
    for i in range(4):
        y[0, i] = x[i] // 3
        y[1, i] = x[i] % 3
        y[2, i] = x[i] // -3
        y[3, i] = x[i] % -3
        y[4, i] = -x[i] ** 3
        y[5, i] = (x[i] & 3) | (x[i] == 5) ^ 8
        y[6, i] = abs(x[i]) + max(x[i], 2) - min(x[i], 2)
        y[7, i] = np.int8(x[i] * 100)
        z[i] = x[i] / 3 + True
    for i in range(3, -1, -1):
        y[8, i] = i if x[i] > 0 and not x[i] == 5 else -i
    return 0
"""


def test_whole_numbers_are_computed_with_as_python_does():
    x, y, z = np.array([7, -7, 5, 0]), np.zeros((9, 4), int), np.zeros(4)
    load(compile_source(WHOLE, [(a.shape, a.dtype) for a in (x, y, z)])).run([x, y, z])
    plain, names = [x, np.zeros((9, 4), int), np.zeros(4)], {}
    exec(WHOLE, names)
    with np.errstate(over="ignore"):
        names["program"](0, 1, 0, *plain)
    np.testing.assert_array_equal(y, plain[1])
    np.testing.assert_allclose(z, plain[2], rtol=1e-15)


def test_a_nan_and_an_infinity_keep_their_meaning_under_the_default_flags():
    source = """
import numpy as np
def program(tid, threads, sync, x):
    return int(np.isnan(x[0])) + 10 * int(np.isinf(x[1])) + 100 * int(x[0] != x[0]) + 1000 * int(x[1] - x[1] != 0)
"""
    assert load(compile_source(source, [((2,), np.float64)])).run([np.array([np.nan, np.inf])]) == 1111


def test_user_threads_that_run_teams_at_once_take_turns(scale):
    right = []

    def user():
        for _ in range(50):
            x, total, y = fresh()
            scale.run([x, total, y], 2)
            right.append(total == 9900)

    users = [threading.Thread(target=user) for _ in range(4)]
    for one in users:
        one.start()
    for one in users:
        one.join()
    assert len(right) == 200
    assert all(right)


def test_the_number_of_threads_is_the_users_or_that_of_the_cores(monkeypatch):
    monkeypatch.setenv("WHYGRAD_THREADS", "5")
    assert thread_count() == 5
    monkeypatch.delenv("WHYGRAD_THREADS")
    assert 1 <= thread_count() <= os.cpu_count()
    for wrong in ("0", "-1", "many"):
        monkeypatch.setenv("WHYGRAD_THREADS", wrong)
        with pytest.raises(ArgumentError, match="WHYGRAD_THREADS"):
            thread_count()


def run_script(text):
    """A process of its own that must end well within a minute."""
    program = f"SCALE = {SCALE!r}\n" + textwrap.dedent(
        """
        import os, signal, sys, threading, numpy as np
        from whygrad.jit.native.compile import compile_source
        from whygrad.jit.native.load import load
        loaded = load(compile_source(SCALE, [((100,), "f8"), ((), "f8"), ((100,), "f8")]))
        def go():
            total = np.zeros(())
            assert loaded.run([np.arange(100.0), total, np.zeros(100)], 2) == 7
            assert total == 9900
        go()
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program + textwrap.dedent(text)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_forked_child_gets_threads_of_its_own_and_both_processes_end():
    out = run_script(
        """
        child = os.fork()
        go()
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            print("well")
        """
    )
    assert out == "well\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent differently there")
def test_an_interrupt_at_any_moment_leaves_the_team_usable():
    out = run_script(
        """
        import time
        ended, armed, hits = threading.Event(), False, 0
        def hit(*_):  # one interrupt for each time that the loop below says it is ready for one
            global armed, hits
            if armed:
                armed, hits = False, hits + 1
                raise KeyboardInterrupt
        signal.signal(signal.SIGINT, hit)
        def interrupt():
            while not ended.is_set():
                time.sleep(0.0007)
                os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt, daemon=True).start()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            try:
                armed = True
                while time.monotonic() < until:
                    go()
                armed = False
            except KeyboardInterrupt:
                pass
        ended.set()
        go()
        print(hits > 10)
        """
    )
    assert out == "True\n"
