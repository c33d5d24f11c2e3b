from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import MissingMethodError, TracedValueError

Y = np.array([[0.3, -1.2, 2.1], [1.7, 0.4, -0.6]])

OPERATORS = {
    "x + y": lambda x: x + Y,
    "y + x": lambda x: Y + x,
    "2 + x": lambda x: 2 + x,
    "x - y": lambda x: x - Y,
    "2 - x": lambda x: 2 - x,
    "x * y": lambda x: x * Y,
    "y * x": lambda x: Y * x,
    "x / y": lambda x: x / Y,
    "2 / x": lambda x: 2 / x,
    "y / x": lambda x: Y / x,
    "x ** 3": lambda x: x**3,
    "2 ** x": lambda x: 2**x,
    "x // 1": lambda x: x // 0.7 + x,
    "3 // x": lambda x: 3 // x + x,
    "x % 1": lambda x: x % 0.7,
    "2 % x": lambda x: 2 % x,
    "divmod": lambda x: divmod(x, 0.7)[0] + divmod(x, 0.7)[1],
    "divmod reflected": lambda x: divmod(2, x)[0] * divmod(2, x)[1],
    "abs": abs,
    "-x": lambda x: -x,
    "+x": lambda x: +x,
    "x @ y": lambda x: x @ Y.T,
    "y @ x": lambda x: Y.T @ x,
    "a list": lambda x: x * [1.0, 2.0, 3.0],
    "a list first": lambda x: [1.0, 2.0, 3.0] - x,
    "masks": lambda x: np.where((x > 0.5) & (x < 1.8) | ~(x >= 0) ^ (x <= -1), x**2, x),
    "equal": lambda x: np.where((x == 0) | (x != 1), x, 0.0),
    "a NumPy number": lambda x: np.float64(2.0) * x - np.float64(1.0),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_has_its_gradient(name: str, rng: np.random.Generator) -> None:
    assert_gradient(lambda x: np.sum(OPERATORS[name](x) ** 2), rng.uniform(0.5, 2, (2, 3)))


METHODS = {
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(axis=1, keepdims=True),
    "prod": lambda x: x.prod(),
    "max": lambda x: x.max(1),
    "min": lambda x: x.min(),
    "var": lambda x: x.var(0),
    "std": lambda x: x.std(ddof=1),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(),
    "reshape": lambda x: x.reshape(3, -1) ** 2,
    "reshape by a tuple": lambda x: x.reshape((3, 2), order="F") ** 2,
    "ravel": lambda x: x.ravel() ** 2,
    "flatten": lambda x: x.flatten("F") ** 2,
    "transpose": lambda x: x.transpose() ** 2,
    "transpose by numbers": lambda x: x.transpose(1, 0) ** 2,
    "transpose by a tuple": lambda x: x.transpose((0, 1)) ** 2,
    "swapaxes": lambda x: x.swapaxes(0, 1) ** 2,
    "squeeze": lambda x: x[:1].squeeze() ** 2,
    "repeat": lambda x: x.repeat(2, axis=1) ** 2,
    "take": lambda x: x.take([0, 4, 0]) ** 2,
    "diagonal": lambda x: x.diagonal(1) ** 2,
    "trace": lambda x: x.trace() ** 2,
    "dot": lambda x: x.dot(Y.T),
    "clip": lambda x: x.clip(0.7, 1.5) ** 2,
    "clip by name": lambda x: x.clip(max=1.1) ** 2,
    "round": lambda x: x * x.round(1),
    "copy": lambda x: x.copy() ** 2,
    "astype": lambda x: x.astype(np.float64) ** 2,
    "T": lambda x: x.T**2,
    "mT": lambda x: x.mT**2,
    "real": lambda x: x.real**2,
    "conj": lambda x: x.conj() ** 2,
    "argsort": lambda x: np.take_along_axis(x, x.argsort(1), 1) * np.arange(3),
    "argmax": lambda x: x[:, x[0].argmax()] ** 2,
    "argmin": lambda x: x[x[:, 0].argmin()] ** 2,
    "any": lambda x: x * (x > 1).any(),
    "nonzero": lambda x: x[(x > 1).nonzero()] ** 2,
    "imag": lambda x: x + x.imag,
    "searchsorted": lambda x: x * np.sort(x[0]).searchsorted(1.0),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_numpys_value_and_its_gradient(name: str, rng: np.random.Generator) -> None:
    x = rng.uniform(0.5, 2, (2, 3))
    np.testing.assert_allclose(wg.vjp(METHODS[name], x)[0], METHODS[name](x), rtol=1e-14)
    assert_gradient(lambda x: np.sum(METHODS[name](x)), x)


def test_ndim_size_len_and_iteration_are_numpys() -> None:
    def f(x: object) -> object:
        assert (x.ndim, x.size, len(x), x.shape, x.dtype) == (2, 6, 2, (2, 3), np.float64)
        first, second = x
        return np.sum(first * second)

    np.testing.assert_array_equal(wg.grad(f)(Y), Y[::-1])


def test_a_single_number_has_no_length_and_can_not_be_iterated() -> None:
    with pytest.raises(TypeError, match=r"len\(\)"):
        wg.grad(len)(1.0)
    with pytest.raises(TypeError, match="iteration"):
        wg.grad(lambda x: [*x])(1.0)


def test_assignment_with_an_operator_binds_a_new_value() -> None:
    def f(x: object) -> object:
        y = x
        y += 2 * x
        y *= x
        y -= 1.0
        y /= 2.0
        y **= 2
        y @= np.ones((3, 3))
        return np.sum(y)

    def g(x: object) -> object:
        return np.sum((((x + 2 * x) * x - 1.0) / 2.0) ** 2 @ np.ones((3, 3)))

    np.testing.assert_allclose(wg.grad(f)(Y), wg.grad(g)(Y))


WRITES = {
    "+=": lambda a, x: a.__iadd__(x),
    "np.add(out=)": lambda a, x: np.add(a, x, out=a),
    "np.exp(out=)": lambda a, x: np.exp(x, out=a),
    "np.multiply.at": lambda a, x: np.multiply.at(a, [0], x),
    "a[i] = x": lambda a, x: a.__setitem__(0, x[0]),
}


@pytest.mark.parametrize("name", WRITES)
def test_writing_a_traced_value_into_a_plain_array_is_refused(name: str) -> None:
    a = np.zeros((2, 3))
    with pytest.raises((TracedValueError, NotImplementedError)):
        wg.grad(lambda x: np.sum(WRITES[name](a, x)))(Y)
    assert not a.any()


def test_writing_into_a_traced_value_is_refused_with_what_to_do() -> None:
    with pytest.raises(TracedValueError, match=r"x\.at\[i\]\.set"):
        wg.grad(lambda x: x.__setitem__(0, 1.0))(Y)
    with pytest.raises(TracedValueError, match=r"x\.ravel\(\)"):
        wg.grad(lambda x: x.flat[0])(Y)
    with pytest.raises(MissingMethodError, match=r"np\.sort\(x\)"):
        wg.grad(lambda x: x.sort())(Y)


def test_python_numbers_are_refused_where_a_gradient_would_be_lost() -> None:
    with pytest.raises(TracedValueError, match=r"float\(\)"):
        wg.grad(lambda x: x[0, 0].item())(Y)
    with pytest.raises(TracedValueError, match="plain NumPy array"):
        wg.grad(lambda x: x.tolist()[0])(Y)
    assert wg.grad(lambda x: np.sum(x) * (x > 0).tolist()[0].count(True))(Y).tolist() == [[2] * 3] * 2
