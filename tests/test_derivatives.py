"""grad and its companions: their values, the structures they accept, and how they nest."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import sys
import threading
import weakref
from collections import namedtuple
from typing import Any

import numpy as np
import optree
import pytest

import whygrad as wg
from whygrad.graph.node import Trace


def cube(x: Any) -> Any:
    return x * x * x


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_gradient_of_a_sum_of_squares_is_twice_the_numbers() -> None:
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0])), [2.0, 4.0])


def test_value_and_grad_gives_both_in_one_pass() -> None:
    calls = []
    value, g = wg.value_and_grad(lambda x: calls.append(1) or x**3)(2.0)
    assert (value, g, len(calls)) == (8.0, 12.0, 1)


def test_the_golden_network_of_one_neuron() -> None:
    def cost(w: Any, b: Any, a0: Any) -> Any:
        a = 1 / (1 + np.exp(-(w * a0 + b)))
        return (a - 1.0) ** 2

    value, slopes = wg.value_and_grad(cost, (0, 1, 2))(1.5, -0.4, 0.6)
    assert value == pytest.approx(0.1425369566, abs=1e-10)
    assert slopes == pytest.approx((-0.1064681504, -0.1774469173, -0.2661703760), abs=1e-10)


def test_a_function_that_ignores_its_argument_has_gradient_zero() -> None:
    value, g = wg.value_and_grad(lambda x: 3.0)(np.ones((2, 3), np.float32))
    assert value == 3.0
    assert g.shape == (2, 3)
    assert g.dtype == np.float32
    assert not g.any()
    assert wg.grad(lambda x, y: y * y, (0, 1))(2.0, 5.0) == (0.0, 10.0)


def test_a_plain_integer_argument_is_a_number_like_any_other() -> None:
    assert wg.grad(lambda x: x**3)(2) == 12.0


def test_a_value_used_many_times_collects_from_every_use() -> None:
    assert wg.grad(lambda x: x * x + 3 * x + np.sin(x) * x)(2.0) == pytest.approx(4 + 3 + np.sin(2) + 2 * np.cos(2))


def test_broadcast_values_collect_from_all_their_copies() -> None:
    x, b = np.ones((4, 3)), np.ones(3)
    np.testing.assert_array_equal(wg.grad(lambda b: np.sum(x * b + b))(b), [8.0] * 3)
    assert wg.grad(lambda s: np.sum(x + s))(np.float64(1.0)) == 12.0
    assert wg.grad(lambda c: np.sum(x + c))(np.ones((4, 1))).shape == (4, 1)


def test_loops_and_branches_are_followed_as_they_run() -> None:
    def f(x: Any, n: int) -> Any:
        for i in range(n):
            x = x * 2 if x < 10 else x + i * x
        return x

    assert wg.grad(f)(3.0, 2) == 4.0
    assert wg.grad(f)(3.0, 4) == 4.0 * 3 * 4


def test_keyword_arguments_pass_through_untouched() -> None:
    assert wg.grad(lambda x, *, power=2: x**power)(3.0, power=3) == 27.0


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_division_by_a_plain_zero_is_inf_as_in_numpy() -> None:
    assert wg.grad(lambda x: x / 0.0)(1.0) == np.inf
    assert wg.jvp(lambda x: x / 0.0, (1.0,), (1.0,))[1] == np.inf
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(np.where(x > 0, x / 0, x)))(np.array([-1.0])), [1.0])


# ── dtypes, sizes, layouts ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_gradient_has_the_dtype_of_its_argument(dtype: str) -> None:
    x = np.linspace(0.5, 2, 6).astype(dtype).reshape(2, 3)
    value, g = wg.value_and_grad(lambda x: np.sum(np.exp(-x) * x / 2 + 1))(x)
    assert value.dtype == g.dtype == dtype
    exact = x.astype(float)
    np.testing.assert_allclose(g, np.exp(-exact) * (1 - exact) / 2, atol=float(2 * np.finfo(dtype).eps))


def test_each_argument_keeps_its_own_dtype_when_they_are_mixed() -> None:
    g32, g64 = wg.grad(lambda x, y: np.sum(x * y), (0, 1))(np.ones(3, np.float32), np.full(3, 2.0))
    assert (g32.dtype, g64.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(g32, [2, 2, 2])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (3, 0, 2)])
def test_empty_arrays_have_empty_gradients(shape: tuple[int, ...]) -> None:
    value, g = wg.value_and_grad(lambda x: np.sum(np.tanh(x) * x + 1.0))(np.zeros(shape))
    assert value == 0
    assert g.shape == shape


def test_a_matrix_product_over_nothing_is_zero_and_has_gradients() -> None:
    gx, gw = wg.grad(lambda x, w: np.sum(x @ w), (0, 1))(np.zeros((2, 0)), np.zeros((0, 3)))
    assert (gx.shape, gw.shape) == ((2, 0), (0, 3))


def test_zero_dimensional_arrays_stay_zero_dimensional() -> None:
    g = wg.grad(lambda x: np.exp(x) * 2)(np.array(0.0))
    assert np.shape(g) == ()
    assert g == 2.0


def test_negative_strides_and_transposed_layouts_are_read_in_their_own_order() -> None:
    base = np.arange(12.0).reshape(3, 4)
    for x in (base[::-1], base[:, ::-2], base.T, np.asfortranarray(base), base[1:, ::3]):
        weights = np.arange(float(x.size)).reshape(x.shape)
        np.testing.assert_allclose(wg.grad(lambda x, w=weights: np.sum(w * x**2))(x), 2 * weights * x)


def test_arguments_are_not_changed() -> None:
    x = np.arange(3.0)
    x.flags.writeable = False
    wg.grad(lambda x: np.sum(x[1:] * x[:-1]))(x)
    np.testing.assert_array_equal(x, [0, 1, 2])


def test_gradients_are_the_callers_own_writable_arrays() -> None:
    gx, gy = wg.grad(lambda x, y: np.sum(x + y), (0, 1))(np.zeros(3), np.zeros(3))
    gx *= 5
    np.testing.assert_array_equal(gy, 1)
    seed = np.ones(3)
    (pulled,) = wg.vjp(lambda x: x + 1.0, np.zeros(3))[1](seed)
    pulled += 1
    np.testing.assert_array_equal(seed, 1)


# ── pytrees ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Layer = namedtuple("Layer", "W b")


def test_gradients_have_the_structure_of_the_arguments() -> None:
    layers = [Layer(np.ones((2, 3)), np.zeros(2)), Layer(np.ones((1, 2)), np.zeros(1))]
    params = {"layers": layers, "scale": (2.0, None)}

    def cost(p: Any, x: Any) -> Any:
        for W, b in p["layers"]:
            x = W @ x + b
        return np.sum(x) * p["scale"][0]

    g = wg.grad(cost)(params, np.ones(3))
    assert isinstance(g["layers"][0], Layer)
    assert g["scale"] == (6.0, None)
    np.testing.assert_array_equal(g["layers"][1].W, [[6.0, 6.0]])
    np.testing.assert_array_equal(g["layers"][0].b, [2.0, 2.0])


def test_an_empty_structure_has_an_empty_gradient() -> None:
    assert wg.grad(lambda p, x: x * x, (0, 1))([], 3.0) == ([], 6.0)
    assert wg.grad(lambda p: 2.0)(None) is None


@dataclasses.dataclass
class Plain:
    w: Any


def test_a_dataclass_nobody_registered_is_refused_with_the_way_to_register_it() -> None:
    with pytest.raises(wg.errors.DtypeError, match=r"argument 0 is a Plain.*\n(.*\n)*.*optree"):
        wg.grad(lambda p: p.w * 2)(Plain(1.0))


def test_a_registered_dataclass_is_a_structure_like_any_other() -> None:
    @dataclasses.dataclass
    class Registered:
        w: Any
        b: Any

    optree.register_pytree_node(Registered, lambda p: ((p.w, p.b), None, None), lambda _, parts: Registered(*parts),
                                namespace=optree.registry.__GLOBAL_NAMESPACE)
    g = wg.grad(lambda p: p.w * p.b)(Registered(2.0, 5.0))
    assert (g.w, g.b) == (5.0, 2.0)


def test_argnums_chooses_the_arguments_and_the_form_of_the_answer() -> None:
    f = lambda x, y, z: x * y**2 * z**3
    assert wg.grad(f)(1.0, 2.0, 3.0) == 108
    assert wg.grad(f, 1)(1.0, 2.0, 3.0) == 108
    assert wg.grad(f, -1)(1.0, 2.0, 3.0) == 108
    assert wg.grad(f, (2, 0))(1.0, 2.0, 3.0) == (108, 108)
    assert wg.grad(f, [1])(1.0, 2.0, 3.0) == (108,)


def test_has_aux_passes_plain_values_out_beside_the_cost() -> None:
    def cost(x: Any) -> Any:
        hidden = x * 2
        return np.sum(hidden), {"hidden": hidden, "note": "as it was", "none": None}

    (value, aux), g = wg.value_and_grad(cost, has_aux=True)(np.ones(2))
    assert value == 4.0
    assert type(aux["hidden"]) is np.ndarray
    assert (aux["note"], aux["none"]) == ("as it was", None)
    g2, aux2 = wg.grad(cost, has_aux=True)(np.ones(2))
    np.testing.assert_array_equal(g, g2)
    np.testing.assert_array_equal(aux2["hidden"], [2, 2])


# ── vjp, jvp, jacobian, hessian, hvp ─────────────────────────────────────────────────────────────────────────────────


def test_a_vjp_may_be_pulled_any_number_of_times() -> None:
    x = np.array([0.5, 1.0])
    out, pull = wg.vjp(lambda x: (np.sin(x), x[0] * x[1]), x)
    np.testing.assert_array_equal(out[0], np.sin(x))
    for scale in (1.0, 2.0, 1.0):
        (g,) = pull((np.full(2, scale), scale))
        np.testing.assert_allclose(g, scale * (np.cos(x) + x[::-1]))


def test_vjp_of_a_result_given_twice_collects_both() -> None:
    def twice(x: Any) -> Any:
        y = x * x
        return y, y, x

    assert wg.vjp(twice, 3.0)[1]((1.0, 10.0, 100.0)) == (6.0 + 60.0 + 100.0,)


def test_jvp_pushes_a_change_forward() -> None:
    out, change = wg.jvp(lambda x, y: {"p": x * y, "q": 7.0}, (2.0, 5.0), (1.0, 10.0))
    assert out == {"p": 10.0, "q": 7.0}
    assert change == {"p": 25.0, "q": 0.0}


@pytest.mark.parametrize("outputs", [2, 5])
def test_jacobians_by_rows_and_by_columns_are_the_matrix(outputs: int) -> None:
    A = np.random.default_rng(0).normal(size=(outputs, 3))
    x = np.array([0.3, -1.0, 2.0])
    np.testing.assert_allclose(wg.jacobian(lambda x: np.tanh(A @ x))(x), (1 - np.tanh(A @ x) ** 2)[:, None] * A)


def test_a_jacobian_has_the_shape_of_the_result_and_then_of_the_argument() -> None:
    f = lambda x, y: {"out": x[:, None] * y, "size": np.sum(x)}
    J = wg.jacobian(f, (0, 1))(np.ones(2), np.ones((2, 3)))
    assert [part.shape for part in J["out"]] == [(2, 3, 2), (2, 3, 2, 3)]
    assert [part.shape for part in J["size"]] == [(2,), (2, 3)]


def test_the_hessian_of_a_quadratic_form_is_its_matrix() -> None:
    A = np.array([[2.0, 1.0], [1.0, 3.0]])
    np.testing.assert_allclose(wg.hessian(lambda x: 0.5 * x @ A @ x)(np.array([5.0, -1.0])), A)


def test_the_hessian_in_several_arguments_has_a_block_for_every_pair() -> None:
    H = wg.hessian(lambda x, y: x**2 * y, (0, 1))(3.0, 5.0)
    assert H == ((10.0, 6.0), (6.0, 0.0))


def test_hvp_is_the_hessian_times_the_direction() -> None:
    f = lambda x: np.sum(np.exp(x) * x[::-1])
    x, v = np.array([0.1, -0.4, 1.0]), np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(wg.hvp(f, (x,), (v,)), wg.hessian(f)(x) @ v)


# ── nesting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def derivative_by_reverse(f: Any) -> Any:
    return wg.grad(f)


def derivative_by_forward(f: Any) -> Any:
    return lambda x: wg.jvp(f, (x,), (1.0,))[1]


MODES = {"reverse": derivative_by_reverse, "forward": derivative_by_forward}


@pytest.mark.parametrize("order", list(itertools.product(MODES, repeat=3)), ids="-".join)
def test_third_derivatives_are_right_in_any_mix_of_modes(order: tuple[str, ...]) -> None:
    for f, third in ((lambda x: x**4 + x * cube(x), lambda x: 48 * x),
                     (lambda x: np.exp(2 * x), lambda x: 8 * np.exp(2 * x)),
                     (lambda x: x * np.sin(x), lambda x: -3 * np.sin(x) - x * np.cos(x))):
        for mode in order:
            f = MODES[mode](f)
        assert f(0.7) == pytest.approx(third(0.7), rel=1e-12)


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_an_inner_derivative_does_not_see_the_outer_ones_perturbation(inner: str, outer: str) -> None:
    # d/dx [x · d/dy (x + y)] = 1, where a confused system answers 2
    assert MODES[outer](lambda x: x * MODES[inner](lambda y: x + y)(1.0))(1.0) == 1.0
    # d/dx [x · d/dy (x · y)] = 2x
    assert MODES[outer](lambda x: x * MODES[inner](lambda y: x * y)(2.0))(3.0) == 6.0


def test_gradients_take_part_in_costs() -> None:
    """A gradient penalty: d/dw (dC/dx)², with C = w² x³."""
    penalty = lambda w: wg.grad(lambda x: w**2 * x**3)(2.0) ** 2
    assert wg.grad(penalty)(3.0) == pytest.approx(4 * 3.0**3 * 144)


def test_a_jacobian_can_be_differentiated() -> None:
    x = np.array([1.0, 2.0])
    third = wg.jacobian(wg.hessian(lambda x: np.sum(x**3) + x[0] * x[1] ** 2))(x)
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = expected[1, 1, 1] = 6
    expected[0, 1, 1] = expected[1, 0, 1] = expected[1, 1, 0] = 2
    np.testing.assert_allclose(third, expected)


# ── stop_gradient and checkpoint ─────────────────────────────────────────────────────────────────────────────────────


def test_nothing_flows_back_through_stop_gradient() -> None:
    assert wg.grad(lambda x: x * wg.stop_gradient(x))(3.0) == 3.0
    assert wg.grad(lambda x: wg.stop_gradient({"a": x})["a"] + x)(3.0) == 1.0
    assert wg.jvp(lambda x: x * wg.stop_gradient(x), (3.0,), (1.0,)) == (9.0, 3.0)
    assert wg.grad(wg.grad(lambda x: wg.stop_gradient(x) * x**2))(3.0) == 6.0


def block(p: Any, x: Any) -> Any:
    return {"out": np.tanh(p["W"] @ x) * p["s"], "norm": np.sum(p["W"] ** 2)}


def test_a_checkpointed_function_has_the_same_derivatives() -> None:
    rng = np.random.default_rng(0)
    p, x = {"W": rng.normal(size=(3, 3)), "s": 1.5}, rng.normal(size=3)

    def cost(f: Any) -> Any:
        def total(p: Any, x: Any) -> Any:
            for _ in range(3):
                result = f(p, x)
                x = result["out"]
            return np.sum(x) + result["norm"]
        return total

    plain, saving = cost(block), cost(wg.checkpoint(block))
    optree.tree_map(np.testing.assert_allclose, wg.grad(saving, (0, 1))(p, x), wg.grad(plain, (0, 1))(p, x))
    np.testing.assert_allclose(wg.hvp(lambda x: saving(p, x), (x,), (x,)), wg.hvp(lambda x: plain(p, x), (x,), (x,)))
    np.testing.assert_allclose(saving(p, x), plain(p, x))


def test_a_checkpointed_function_is_computed_once_more_on_the_way_back() -> None:
    calls = []
    f = wg.checkpoint(lambda x: calls.append(1) or np.sin(x))
    assert wg.grad(lambda x: f(x) * 2)(0.5) == pytest.approx(2 * np.cos(0.5))
    assert len(calls) == 2


def test_a_checkpointed_function_keeps_float32() -> None:
    g = wg.grad(lambda x: np.sum(wg.checkpoint(lambda x: x * x)(x)))(np.ones(3, np.float32))
    assert g.dtype == np.float32


# ── depth, threads, failures ─────────────────────────────────────────────────────────────────────────────────────────


def chain(x: Any, length: int) -> Any:
    for _ in range(length):
        x = x * 1.0
    return x


def test_graphs_grow_a_hundred_thousand_deep_in_both_modes() -> None:
    assert sys.getrecursionlimit() < 100_000
    assert wg.grad(chain)(2.0, 100_000) == 1.0
    assert wg.jvp(lambda x: chain(x, 100_000), (2.0,), (3.0,)) == (2.0, 3.0)


@pytest.mark.slow
def test_a_chain_of_a_million_values_is_freed_without_recursion() -> None:
    with Trace() as trace:
        end = chain(trace.leaf(np.float64(1.0)), 1_000_000)
    gone = weakref.ref(end)
    del end
    gc.collect()
    assert gone() is None


def test_two_threads_trace_at_the_same_time() -> None:
    results: dict[int, list[float]] = {}
    ready = threading.Barrier(4)

    def work(i: int) -> None:
        ready.wait()
        f = lambda x: np.sum(np.sin(x) * i) + wg.grad(lambda y: y**3 * i)(float(i))
        results[i] = [float(wg.grad(f)(np.array([0.1 * i]))[0]) for _ in range(50)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, seen in results.items():
        assert seen == [pytest.approx(i * np.cos(0.1 * i))] * 50


def test_a_function_that_raises_leaves_nothing_behind() -> None:
    leaked = []

    def fails(x: Any) -> Any:
        leaked.append(weakref.ref(y := x * 2))
        raise ZeroDivisionError(str(y.shape))

    for f in (wg.grad(fails), wg.grad(wg.grad(fails)), wg.hessian(fails)):
        with pytest.raises(ZeroDivisionError):
            f(2.0)
    gc.collect()
    assert all(ref() is None for ref in leaked)
    assert wg.grad(lambda x: x * x)(3.0) == 6.0
