"""Accuracy and edges of the functions that generated loops call, and that loops over them are vectorised."""

import math
import platform
import re

import numpy as np
import pytest
from llvmlite import binding as llvm

from whygrad.jit.native.compile import compile_source, optimise, program_of
from whygrad.jit.native.emit import written
from whygrad.jit.native.load import load, normalized

LONG = np.longdouble
NAMES = ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf")
TYPES = (np.float32, np.float64)
HAS_LONG_DOUBLE = np.finfo(LONG).nmant > 60


def text(name, n):
    """A program that calls the function on a row of n numbers."""
    return (
        f"from whygrad.jit.native.words import {name}\n"
        "def program(tid, threads, sync, x, y):\n"
        f"    for i in range({n}):\n"
        f"        y[i] = {name}(x[i])\n"
        "    return 0\n"
    )


def compiled(name, x):
    """The function of every number of a row, by native code."""
    y = np.empty_like(x)
    load(compile_source(text(name, len(x)), [(x.shape, x.dtype)] * 2)).run([np.array(x), y])
    return y


def true_sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def true_erf(x):
    return np.array([math.erf(number) for number in x], np.float64)


TRUE = {"exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh, "sigmoid": true_sigmoid}


def points(name, dtype):
    """Numbers from everywhere in the function's range, and more of them where it is delicate."""
    rng = np.random.default_rng(5)
    single = dtype == np.float32
    if name in {"log", "log1p"}:
        far = np.exp(rng.uniform(-80 if single else -700, 80, 60_000))
        near = 1 + rng.normal(0, 1e-3, 30_000) if name == "log" else rng.normal(0, 1e-3, 30_000)
        x = np.concatenate([far, near, rng.uniform(0.5, 2, 60_000) - (name == "log1p")])
    else:
        edge = {"exp": 87 if single else 708, "expm1": 87 if single else 708, "sigmoid": 87 if single else 708}
        reach = edge.get(name, 25)
        tiny = np.exp(rng.uniform(-80, 0, 30_000)) * rng.choice([-1, 1], 30_000)
        x = np.concatenate([rng.uniform(-reach, reach, 60_000), rng.uniform(-1.5, 1.5, 60_000), tiny])
    return x.astype(dtype)


def ulps(y, true):
    """The distance in units of the last place of the true value."""
    unit = np.spacing(np.abs(true.astype(y.dtype))).astype(true.dtype)
    return np.abs(y.astype(true.dtype) - true) / unit


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "erf"])
def test_values_are_within_two_units_of_the_last_place(name, dtype):
    if dtype == np.float64 and not HAS_LONG_DOUBLE:
        pytest.skip("no longer float here to compare with")
    x = points(name, dtype)
    true = TRUE[name](x.astype(LONG if dtype == np.float64 else np.float64))
    error = ulps(compiled(name, x), true)
    assert error.max() <= 2.0, (error.max(), x[error.argmax()])


@pytest.mark.parametrize(("dtype", "allowed"), [(np.float32, 2.0), (np.float64, 3.0)])  # libm's own erf errs by 1
def test_erf_is_as_good_as_the_c_librarys(dtype, allowed):
    x = np.random.default_rng(0).uniform(-7, 7, 20_000).astype(dtype)
    x[:5000] /= 1000
    assert ulps(compiled("erf", x), true_erf(x)).max() <= allowed


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", [0.0, -0.0, np.inf, -np.inf, 1000.0, -1000.0], [1.0, 1.0, np.inf, 0.0, np.inf, 0.0]),
        ("expm1", [0.0, -0.0, np.inf, -np.inf, 1000.0, -1000.0], [0.0, -0.0, np.inf, -1.0, np.inf, -1.0]),
        ("log", [0.0, -0.0, np.inf, 1.0, -1.0, -np.inf], [-np.inf, -np.inf, np.inf, 0.0, np.nan, np.nan]),
        ("log1p", [0.0, -0.0, np.inf, -1.0, -2.0, -np.inf], [0.0, -0.0, np.inf, -np.inf, np.nan, np.nan]),
        ("tanh", [0.0, -0.0, np.inf, -np.inf, 1000.0, -1000.0], [0.0, -0.0, 1.0, -1.0, 1.0, -1.0]),
        ("sigmoid", [0.0, -0.0, np.inf, -np.inf, 1000.0, -1000.0], [0.5, 0.5, 1.0, 0.0, 1.0, 0.0]),
        ("erf", [0.0, -0.0, np.inf, -np.inf, 1000.0, -1000.0], [0.0, -0.0, 1.0, -1.0, 1.0, -1.0]),
    ],
)
def test_the_edges_are_exact_and_odd_functions_keep_minus_zero(name, x, expected, dtype):
    y = compiled(name, np.array(x, dtype))
    np.testing.assert_array_equal(y, np.array(expected, dtype))
    known = ~np.isnan(y)
    np.testing.assert_array_equal(np.signbit(y)[known], np.signbit(np.array(expected))[known])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_at_every_place_of_a_vector(name, dtype):
    x = np.full(37, 0.5, dtype)
    x[::3] = np.nan
    y = compiled(name, x)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh"])
@pytest.mark.parametrize("dtype", TYPES)
def test_subnormal_numbers_pass_unchanged_where_the_slope_is_one(name, dtype):
    tiny = np.finfo(dtype).smallest_normal
    x = np.array([tiny / 8, -tiny / 8, tiny, np.finfo(dtype).smallest_subnormal], dtype)
    np.testing.assert_array_equal(compiled(name, x), x)


def test_exp_and_sigmoid_end_in_subnormal_numbers_not_abruptly():
    for name in ("exp", "sigmoid"):
        x = np.linspace(-745, -709, 999)
        true = TRUE[name](x.astype(LONG))
        assert (np.abs(compiled(name, x) - true) <= 2 * np.finfo(np.float64).smallest_subnormal + 4e-16 * true).all()
        x = np.linspace(-103, -88, 999, dtype=np.float32)
        true = TRUE[name](x.astype(np.float64))
        assert (np.abs(compiled(name, x) - true) <= 2 * np.finfo(np.float32).smallest_subnormal + 2e-7 * true).all()


def test_log_of_a_subnormal_number_is_exact_to_the_last_places():
    for dtype, longer in ((np.float32, np.float64), (np.float64, LONG)):
        x = np.finfo(dtype).smallest_subnormal * np.arange(1, 1000, dtype=dtype)
        assert ulps(compiled("log", x), np.log(x.astype(longer))).max() <= 2.0


@pytest.mark.parametrize("dtype", TYPES)
def test_exp_overflows_where_it_should_and_not_before(dtype):
    largest = np.log(np.finfo(dtype).max)
    assert np.isfinite(compiled("exp", np.array([largest * (1 - 1e-6)], dtype))).all()
    assert np.isinf(compiled("exp", np.array([largest * (1 + 1e-6)], dtype))).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_loop_over_contiguous_numbers_is_vectorised(name):
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        pytest.skip("the instructions looked for are those of x86-64")
    for dtype, suffix in ((np.float32, "ps"), (np.float64, "pd")):
        arguments = normalized([((1000,), dtype)] * 2)
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
        )
        module = llvm.parse_assembly(str(written(program_of(text(name, 1000), arguments), arguments)))
        optimise(module, machine)
        assembly = machine.emit_assembly(module)
        assert re.search(rf"\bv?(mul|fmadd\d+){suffix}\b", assembly)
        assert not re.search(rf"\bcall\w*\s+.*\b{name}f?\b", assembly)


def test_whole_numbers_become_floats():
    x, y = np.arange(3), np.zeros(3)
    load(compile_source(text("exp", 3), [((3,), np.int64), ((3,), np.float64)])).run([x, y])
    np.testing.assert_allclose(y, np.exp([0.0, 1.0, 2.0]), rtol=1e-15)
