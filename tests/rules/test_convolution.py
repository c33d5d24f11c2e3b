"""Convolution and pooling: by their definitions, against PyTorch, and with shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError
from whygrad.rules.convolution import avg_pool2d, conv2d, max_pool2d, overlap, windows

HOW = [{}, {"stride": 2}, {"padding": 1}, {"stride": (2, 1), "padding": (0, 2)}, {"stride": 3, "padding": 2}]


@pytest.mark.parametrize("how", HOW)
def test_a_convolution_is_its_definition(how, rng) -> None:
    x, w, bias = rng.uniform(-1, 1, (2, 3, 6, 5)), rng.uniform(-1, 1, (4, 3, 2, 3)), rng.uniform(-1, 1, 4)
    s, p = (np.broadcast_to(how.get(key, default), 2) for key, default in (("stride", 1), ("padding", 0)))
    padded = np.pad(x, ((0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])))
    out = conv2d(x, w, bias, **how)
    assert out.shape == (2, 4, (6 + 2 * p[0] - 2) // s[0] + 1, (5 + 2 * p[1] - 3) // s[1] + 1)
    for n, o, i, j in np.ndindex(*out.shape):
        seen = padded[n, :, i * s[0] : i * s[0] + 2, j * s[1] : j * s[1] + 3]
        assert out[n, o, i, j] == pytest.approx(np.sum(seen * w[o]) + bias[o], rel=1e-12, abs=1e-13)


def test_overlapping_windows_add_up_to_how_often_each_number_is_seen() -> None:
    seen = windows(np.ones((5,)), size=(3,), stride=(1,))
    np.testing.assert_array_equal(overlap(seen, shape=(5,), stride=(1,)), [1, 2, 3, 2, 1])


def test_equal_largest_numbers_share_the_slope() -> None:
    g = wg.grad(lambda x: np.sum(max_pool2d(x, 2)))(np.ones((2, 2)))
    np.testing.assert_allclose(g, wg.grad(np.max)(np.ones((2, 2))))
    assert g.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("shapes", "how", "match"),
    [
        (((1, 2, 4, 4), (3, 5, 2, 2)), {}, r"x has 2 channels, w is for 5"),
        (((1, 2, 4, 4), (3, 2, 5, 5)), {}, "larger than the image"),
        (((2, 4, 4), (3, 2, 2, 2)), {}, "examples, channels, height, width"),
        (((1, 2, 4, 4), (3, 2, 2, 2), (2,)), {}, r"bias has shape \(2,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named_with_what_they_are(shapes, how, match) -> None:
    with pytest.raises(ShapeError, match=match) as caught:
        conv2d(*(np.ones(shape) for shape in shapes), **how)
    assert all(str(shape) in str(caught.value) for shape in (shapes[-1], shapes[1]))
    assert __file__ in caught.value.where


@pytest.mark.parametrize("stride", [0, -1, 1.5, (1, 2, 3)])
def test_a_stride_is_one_or_two_positive_whole_numbers(stride) -> None:
    with pytest.raises(ArgumentError, match="stride"):
        conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), stride=stride)


def test_a_pooling_window_fits_into_the_image() -> None:
    for pool in (max_pool2d, avg_pool2d):
        with pytest.raises(ShapeError, match=r"\(2, 2\), the window \(3, 3\)"):
            pool(np.ones((2, 2)), 3)


@pytest.mark.peers("torch")
@pytest.mark.parametrize("how", HOW)
def test_convolutions_have_pytorchs_gradients(how, rng, torch) -> None:
    arrays = [rng.uniform(-1, 1, shape) for shape in ((2, 3, 6, 5), (4, 3, 2, 3), (4,))]
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    expected = torch.nn.functional.conv2d(*tensors, **how)
    torch.sin(expected).sum().backward()
    value, gradients = wg.value_and_grad(lambda *xs: np.sum(np.sin(conv2d(*xs, **how))), (0, 1, 2))(*arrays)
    assert value == pytest.approx(float(torch.sin(expected).sum().detach()), rel=1e-12)
    for ours, theirs in zip(gradients, tensors, strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.peers("torch")
@pytest.mark.parametrize(("size", "stride"), [(2, None), (3, 2), ((2, 3), (1, 2))])
def test_pooling_has_pytorchs_values_and_gradients(size, stride, rng, torch) -> None:
    x = rng.permutation(2 * 3 * 7 * 6).reshape(2, 3, 7, 6) / 100.0
    for ours, theirs in ((max_pool2d, torch.nn.functional.max_pool2d), (avg_pool2d, torch.nn.functional.avg_pool2d)):
        tensor = torch.tensor(x, requires_grad=True)
        expected = theirs(tensor, size, stride)
        torch.sin(expected).sum().backward()
        np.testing.assert_allclose(ours(x, size, stride), expected.detach().numpy(), rtol=1e-13)
        g = wg.grad(lambda x, pool=ours: np.sum(np.sin(pool(x, size, stride))))(x)
        np.testing.assert_allclose(g, tensor.grad.numpy(), rtol=1e-12, atol=1e-14)
