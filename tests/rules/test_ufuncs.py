"""Every function of NumPy's that works number by number is a rule, has no slope, or is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import UnsupportedError
from whygrad.rules.table import NUMPY

UFUNCS = sorted({f for f in vars(np).values() if isinstance(f, np.ufunc)}, key=lambda f: f.__name__)

NO_SLOPE = """
    bitwise_and bitwise_or bitwise_xor ceil equal floor floor_divide greater greater_equal invert isfinite isinf isnan
    less less_equal logical_and logical_not logical_or logical_xor not_equal rint sign signbit trunc
""".split()

REFUSED = """
    bitwise_count gcd isnat lcm left_shift nextafter right_shift spacing
""".split()

# with the slopes of the parts in x at 1.3
OF_SEVERAL_RESULTS = {np.divmod: (0.0, 1.0), np.modf: (1.0, 0.0), np.frexp: (0.5, 0.0)}


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_every_ufunc_is_in_exactly_one_of_three_lists(ufunc: np.ufunc) -> None:
    name, ours = ufunc.__name__, NUMPY.get(ufunc)
    if name in REFUSED:
        assert ours is None
    elif ufunc in OF_SEVERAL_RESULTS or ours is NUMPY.get(np.float_power) or ufunc is np.conjugate:
        assert callable(ours)
    else:
        assert ours is not None, f"np.{name} has neither a rule nor a refusal"
        differentiable = getattr(ours, "differentiable", True)
        assert differentiable == (name not in NO_SLOPE)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_ufunc_is_named(name: str) -> None:
    ufunc = getattr(np, name)
    with pytest.raises(UnsupportedError, match=name):
        wg.grad(lambda x: np.sum(ufunc(*[x] * ufunc.nin)))(1.5)


@pytest.mark.parametrize("name", [n for n in NO_SLOPE if not n.startswith(("bitwise", "invert"))])
def test_a_ufunc_without_slope_lets_nothing_flow_back(name: str) -> None:
    ufunc, x = getattr(np, name), np.array([0.4, 1.6])
    value, g = wg.value_and_grad(lambda x: np.sum(x + 1.0 * ufunc(*[x] * ufunc.nin)))(x)
    np.testing.assert_array_equal(g, [1.0, 1.0])
    assert value == np.sum(x + 1.0 * ufunc(*[x] * ufunc.nin))


@pytest.mark.parametrize("ufunc", OF_SEVERAL_RESULTS, ids=lambda f: f.__name__)
def test_functions_with_two_results_give_both(ufunc: np.ufunc) -> None:
    rest = [0.4] * (ufunc.nin - 1)
    for i, slope in enumerate(OF_SEVERAL_RESULTS[ufunc]):
        value, g = wg.value_and_grad(lambda x, i=i: 1.0 * ufunc(x, *rest)[i])(1.3)
        assert value == ufunc(1.3, *rest)[i]
        assert g == slope


def test_a_method_that_has_no_rule_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"np\.subtract\.reduce"):
        wg.grad(np.subtract.reduce)(np.ones(3))
    with pytest.raises(UnsupportedError, match=r"np\.add\.reduceat"):
        wg.grad(lambda x: np.sum(np.add.reduceat(x, [0, 2])))(np.ones(3))
    with pytest.raises(UnsupportedError, match=r"np\.i0"):
        wg.grad(lambda x: np.sum(np.i0(x)))(np.ones(3))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x, where=np.array([True, False])),
        lambda x: np.max(x, initial=0.0),
        lambda x: np.mean(x, dtype=np.float32),
        lambda x: np.cumsum(x, out=np.zeros(2)),
        lambda x: np.add.reduce(x, initial=1.0),
        lambda x: np.clip(x, 0, 1, out=np.zeros(2)),
        lambda x: np.quantile(x, 0.5, weights=np.ones(2)),
        lambda x: np.quantile(x, 0.5, method="hazen"),
        lambda x: np.round(x, out=np.zeros(2)),
    ],
)
def test_options_that_can_not_be_honored_are_refused(call: object) -> None:
    with pytest.raises(UnsupportedError):
        wg.grad(lambda x: np.sum(call(x)))(np.ones(2))
