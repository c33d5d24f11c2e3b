from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import assert_gradient

import whygrad as wg
from whygrad.errors import ShapeError, UnsupportedError

PARTED = {
    "split": lambda x: np.split(x, 2, axis=1),
    "split at places": lambda x: np.split(x, [1, 3], axis=-1),
    "split with an empty piece": lambda x: np.split(x, [2, 2], axis=1),
    "array_split": lambda x: np.array_split(x, 3, axis=1),
    "hsplit": lambda x: np.hsplit(x, 2),
    "vsplit": lambda x: np.vsplit(x, [1]),
    "hsplit of a row": lambda x: np.hsplit(x[0], 2),
    "dsplit": lambda x: np.dsplit(x[None], 2),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, x[0], 2.0, x[:, :1]),
    "meshgrid": lambda x: np.meshgrid(x[0], x[:, 1]),
    "meshgrid ij": lambda x: np.meshgrid(x[0], x[:, 1], 3.0, indexing="ij", sparse=True),
    "atleast_2d": lambda x: np.atleast_2d(x[0, 0], x[0], x),
    "iteration": list,
}
if hasattr(np, "unstack"):
    PARTED["unstack"] = lambda x: np.unstack(x, axis=1)


@pytest.mark.parametrize("name", PARTED)
def test_several_results_have_numpys_values_and_their_gradients(name: str, rng: np.random.Generator) -> None:
    function, x = PARTED[name], rng.normal(size=(3, 4))
    numpys, ours = function(x), []
    wg.grad(lambda x: sum(np.sum(part) for part in ours.append(function(x)) or ours[0]))(x)
    assert type(ours[0]) is type(numpys)
    assert [part.shape for part in ours[0]] == [part.shape for part in numpys]
    for part, numpys_part in zip(ours[0], numpys, strict=True):
        np.testing.assert_array_equal(getattr(part, "value", part), numpys_part)
    assert_gradient(lambda x: sum((i + 1) * np.sum(part**2) for i, part in enumerate(function(x))), x)


JOINED = {
    "concatenate": lambda x: np.concatenate([x, 2 * x[:1], np.ones((1, 4))]),
    "flat": lambda x: np.concatenate([x, x[0]], axis=None),
    "numbers in a list": lambda x: np.concatenate([x[0], [1.0, 2.0]]),
    "stack": lambda x: np.stack([x, x**2, np.ones((3, 4))], axis=1),
    "vstack": lambda x: np.vstack([x, x[0]]),
    "hstack": lambda x: np.hstack([x, x[:, :1]]),
    "dstack": lambda x: np.dstack([x, x**2]),
    "apply_along_axis": lambda x: np.apply_along_axis(lambda row: row[:2] * np.sum(row), 0, x),
    "apply_along_axis, one number each": lambda x: np.apply_along_axis(lambda row: np.sum(row**2), -1, x),
    "column_stack": lambda x: np.column_stack([x[:, 0], x]),
    "append": lambda x: np.append(x, 3.0),
    "block": lambda x: np.block([[x, x[:, :1] ** 2], [np.ones((1, 4)), 5.0]]),
    "in another dtype": lambda x: np.concatenate([x, x], dtype=np.float64),
}


@pytest.mark.parametrize("name", JOINED)
def test_joined_arrays_have_numpys_values_and_their_gradients(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(wg.vjp(JOINED[name], x)[0], JOINED[name](x))
    assert_gradient(lambda x: np.sum(JOINED[name](x) ** 2), x)


def test_shapes_that_do_not_fit_are_one_error() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\)"):
        wg.grad(lambda x: np.sum(np.reshape(x, (4, 2))))(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="concatenate"):
        wg.grad(lambda x: np.sum(np.concatenate([x, np.zeros((2, 2))])))(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="squeeze"):
        wg.grad(lambda x: np.sum(np.squeeze(x, axis=0)))(np.zeros((2, 3)))


def test_a_shape_is_made_of_whole_numbers() -> None:
    with pytest.raises(TypeError):
        wg.grad(lambda x: np.sum(x.reshape(x[0])))(np.ones(1))


def test_options_that_depend_on_memory_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="order='A'"):
        wg.grad(lambda x: np.sum(np.ravel(x, order="A")))(np.zeros((2, 3)))
    with pytest.raises(UnsupportedError, match="out="):
        wg.grad(lambda x: np.sum(np.concatenate([x, x], out=np.zeros(4))))(np.zeros(2))
