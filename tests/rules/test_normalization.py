"""Layer and batch normalization: by their definition, at the edge of no variance, and against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError
from whygrad.rules.normalization import batch_norm, layer_norm


def test_each_row_is_brought_to_mean_0_and_variance_1(rng) -> None:
    out = layer_norm(rng.uniform(-5, 5, (4, 100)), None, None, eps=0.0)
    np.testing.assert_allclose(out.mean(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(out.var(axis=1), 1, rtol=1e-12)


def test_numbers_that_are_all_equal_stay_finite() -> None:
    x = np.full((2, 3), 7.0)
    np.testing.assert_array_equal(layer_norm(x, None, None), np.zeros((2, 3)))
    assert np.isfinite(wg.grad(lambda x: np.sum(layer_norm(x, np.arange(3.0), None)))(x)).all()


def test_a_common_shift_of_the_inputs_changes_nothing(rng) -> None:
    g = wg.grad(lambda x: np.sum(np.sin(layer_norm(x, None, None))))(rng.uniform(-1, 1, (2, 5)))
    np.testing.assert_allclose(g.sum(axis=1), 0, atol=1e-14)


def test_given_statistics_replace_the_batchs_own(rng) -> None:
    x, mean, variance = rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, 3), rng.uniform(0.5, 1, 3)
    np.testing.assert_allclose(batch_norm(x, None, None, mean, variance), (x - mean) / np.sqrt(variance + 1e-5))
    np.testing.assert_allclose(batch_norm(x, None, None, x.mean(axis=0), x.var(axis=0)), batch_norm(x, None, None))
    with pytest.raises(ArgumentError, match="one of mean and variance"):
        batch_norm(x, None, None, mean)


@pytest.mark.parametrize("call", [lambda x, gain: layer_norm(x, gain, None), lambda x, gain: batch_norm(x, None, gain)])
def test_a_gain_or_shift_of_another_length_is_named(call) -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(4,\)"):
        call(np.ones((2, 3)), np.ones(4))


@pytest.mark.peers("torch")
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4, 5)])
def test_batch_normalization_has_pytorchs_gradients(shape, rng, torch) -> None:
    arrays = [rng.uniform(-1, 1, s) for s in (shape, (3,), (3,))]
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    torch.sin(torch.nn.functional.batch_norm(tensors[0], None, None, *tensors[1:], training=True)).sum().backward()
    gradients = wg.grad(lambda *xs: np.sum(np.sin(batch_norm(*xs))), (0, 1, 2))(*arrays)
    for ours, theirs in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.peers("torch")
def test_layer_normalization_has_pytorchs_gradients(rng, torch) -> None:
    arrays = [rng.uniform(-1, 1, s) for s in ((2, 3, 4), (3, 4), (3, 4))]
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    torch.sin(torch.nn.functional.layer_norm(tensors[0], (3, 4), *tensors[1:])).sum().backward()
    gradients = wg.grad(lambda *xs: np.sum(np.sin(layer_norm(*xs, axis=(1, 2)))), (0, 1, 2))(*arrays)
    for ours, theirs in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-9, atol=1e-11)
