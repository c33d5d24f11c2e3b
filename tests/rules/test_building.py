from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import TracedValueError

SPACED = {
    "linspace": lambda x: np.linspace(x[0], 3.0, 5),
    "backwards": lambda x: np.linspace(2.0, x[1], 4, endpoint=False),
    "along the last axis": lambda x: np.linspace(x, 1.0, 5, axis=-1),
    "one number": lambda x: np.linspace(x[0], x[1], 1),
    "logspace": lambda x: np.logspace(x[0], x[1], 4),
    "logspace in another base": lambda x: np.logspace(0.5, 1.5, 4, base=x[0]),
    "geomspace": lambda x: np.geomspace(x[0], x[1], 4),
    "full_like": lambda x: np.full_like(x, x[0] * 2, shape=(2, 2)),
}


@pytest.mark.parametrize("name", SPACED)
def test_new_arrays_have_numpys_values_and_their_gradients(name: str) -> None:
    x = np.array([0.7, 1.9])
    np.testing.assert_allclose(wg.vjp(SPACED[name], x)[0], SPACED[name](x), rtol=1e-14)
    assert_gradient(lambda x: np.sum(SPACED[name](x) ** 2), x)


def test_linspace_is_exact_at_both_ends_and_tells_its_step() -> None:
    value = wg.vjp(lambda x: np.linspace(x, 0.3, 7), np.array(0.1))[0]
    assert (value[0], value[-1]) == (0.1, 0.3)
    step = wg.grad(lambda x: np.linspace(x, 1.0, 5, retstep=True)[1])(np.array(0.0))
    assert step == -0.25


def test_arrays_like_a_traced_one_are_constants() -> None:
    x = np.ones((2, 3), np.float32)
    seen = []

    def f(x: object) -> object:
        seen.extend([np.zeros_like(x), np.ones_like(x), np.empty_like(x), np.full_like(x, 2.5), np.imag(x)])
        return np.sum(x)

    wg.grad(f)(x)
    assert all(isinstance(made, np.ndarray) and (made.shape, made.dtype) == ((2, 3), np.float32) for made in seen)
    assert [float(made[1, 2]) for made in seen] == [0, 1, 0, 2.5, 0]
    assert wg.grad(lambda x: np.sum(np.zeros_like(x, dtype=float, shape=4)) + np.sum(x))(x).shape == (2, 3)


def test_a_copy_keeps_its_gradient() -> None:
    assert wg.grad(lambda x: np.sum(np.copy(x) + x.copy() + x.real))(np.zeros(2)).tolist() == [3, 3]


def test_numpys_own_arrays_of_traced_numbers_are_refused_with_what_to_do() -> None:
    with pytest.raises(TracedValueError, match=r"wg\.array"):
        wg.grad(lambda x: np.sum(np.array([x[0], 1.0])))(np.zeros(2))
