from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import TracedValueError, UnsupportedError

MOVED = {
    "flip": lambda x: np.flip(x, 0),
    "roll by position": lambda x: np.roll(x, 2, 1),
    "roll two axes": lambda x: np.roll(x, [1, 2], axis=[0, 1]),
    "rot90": lambda x: np.rot90(x, 3),
    "tile": lambda x: np.tile(x, (2, 1, 2)),
    "tile a number": lambda x: np.tile(x[0, 0], 3),
    "repeat": lambda x: np.repeat(x, 2),
    "repeat by an array": lambda x: np.repeat(x, [1, 0, 3], axis=0),
    "resize": lambda x: np.resize(x, (4, 5)),
    "diag of a matrix": lambda x: np.diag(x, 1),
    "diag of a vector": lambda x: np.diag(x[0], -1),
    "trace": np.trace,
    "triu of a vector": lambda x: np.triu(x[0]),
    "tril": lambda x: np.tril(x, -1),
    "delete": lambda x: np.delete(x, [0, 2], axis=1),
    "insert numbers": lambda x: np.insert(x, 1, 5.0, axis=1),
    "insert traced ones": lambda x: np.insert(x, [0, 2], x[:, :2] ** 2, axis=1),
    "insert into a plain array": lambda x: np.insert(np.ones(3), 1, x[0]),
    "pad": lambda x: np.pad(x, ((1, 0), (2, 3))),
    "pad all around": lambda x: np.pad(x, 2),
    "pad with a number": lambda x: np.pad(x, (1, 2), constant_values=7),
    "pad with inf": lambda x: np.pad(x, 1, constant_values=np.inf)[1:-1, 1:-1],
    "pad reflect": lambda x: np.pad(x, 5, mode="reflect"),
    "pad wrap": lambda x: np.pad(x, ((0, 4), (1, 1)), "wrap"),
    "pad edge": lambda x: np.pad(x, 1, "edge"),
    "pad symmetric": lambda x: np.pad(x, 4, "symmetric"),
}


@pytest.mark.parametrize("name", MOVED)
def test_moved_numbers_have_numpys_values_and_their_gradients(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(wg.vjp(MOVED[name], x)[0], MOVED[name](x))
    assert_gradient(lambda x: np.sum((MOVED[name](x) + 1) ** 2), x)


@pytest.mark.parametrize("mode", ["linear_ramp", "maximum", "mean", "median", "minimum", "empty"])
def test_ways_to_pad_that_compute_new_numbers_are_refused_by_name(mode: str) -> None:
    with pytest.raises(UnsupportedError, match=mode):
        wg.grad(lambda x: np.sum(np.pad(x, 1, mode=mode)))(np.zeros(3))


def test_odd_reflection_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="odd"):
        wg.grad(lambda x: np.sum(np.pad(x, 1, mode="reflect", reflect_type="odd")))(np.zeros(3))


def test_how_to_move_can_not_be_traced() -> None:
    with pytest.raises(TracedValueError, match=r"np\.repeat was told how"):
        wg.grad(lambda x: np.sum(np.repeat(x, x)))(np.ones(2))
    with pytest.raises(TracedValueError, match=r"np\.insert was told how"):
        wg.grad(lambda x: np.sum(np.insert(np.ones(2), x, 1.0)))(np.ones(2))


def test_padding_by_axis_names_the_axes() -> None:
    widths = {0: (1, 2), -1: 3}
    numpys = np.pad(np.ones((2, 3)), ((1, 2), (3, 3)))
    np.testing.assert_array_equal(wg.vjp(lambda x: np.pad(x, widths), np.ones((2, 3)))[0], numpys)


def test_empty_arrays_move() -> None:
    assert wg.grad(lambda x: np.sum(np.tile(x, 3)))(np.zeros(0)).shape == (0,)
    assert wg.grad(lambda x: np.sum(np.pad(x, 1)))(np.zeros((0, 2))).shape == (0, 2)
