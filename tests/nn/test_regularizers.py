import numpy as np
import pytest

import whygrad as wg
from whygrad.nn.regularizers import Penalty, clipped, dropout_masks, dropout_rates, masks_of_steps


def test_l2_pulls_each_weight_by_lambda_over_n_and_no_bias(rng):
    X, Y = rng.normal(size=(5, 2)), rng.uniform(size=(5, 1))
    plain, decayed = (wg.Network([2, 1], dtype="float64") for _ in range(2))
    W, n = plain.weights[0].copy(), 5
    plain.fit(X, Y, epochs=1, batch_size=5, learning_rate=0.5, progress=False)
    decayed.fit(X, Y, epochs=1, batch_size=5, learning_rate=0.5, l2=0.3, progress=False)
    assert np.allclose(decayed.weights[0] - plain.weights[0], -0.5 * 0.3 / n * W, atol=1e-15)
    assert np.allclose(decayed.biases[0], plain.biases[0], atol=1e-15)


def test_l1_pulls_each_weight_by_the_same_amount(rng):
    X, Y = rng.normal(size=(5, 2)), rng.uniform(size=(5, 1))
    plain, decayed = (wg.Network([2, 1], dtype="float64") for _ in range(2))
    sign = np.sign(plain.weights[0])
    plain.fit(X, Y, epochs=1, batch_size=5, learning_rate=0.5, progress=False)
    decayed.fit(X, Y, epochs=1, batch_size=5, learning_rate=0.5, l1=0.3, progress=False)
    assert np.allclose(decayed.weights[0] - plain.weights[0], -0.5 * 0.3 / 5 * sign, atol=1e-15)


def test_the_penalty_is_nielsens():
    weights = [np.array([[1.0, -2.0]]), np.array([[3.0]])]
    assert Penalty(l2=0.5).of(weights, 10) == pytest.approx(0.5 / 20 * 14)
    assert Penalty(l1=0.5).of(weights, 10) == pytest.approx(0.5 / 10 * 6)
    assert not Penalty()


def test_l2_keeps_weights_smaller(rng):
    X, Y = rng.normal(size=(20, 3)), rng.integers(0, 2, size=20)
    sizes = []
    for l2 in (0.0, 1.0):
        net = wg.Network([3, 5, 2], seed=2)
        net.fit(X, Y, epochs=50, learning_rate=1.0, l2=l2, progress=False)
        sizes.append(sum(np.sum(W**2) for W in net.weights))
    assert sizes[1] < 0.5 * sizes[0]


def test_dropout_leaves_out_its_share_and_keeps_the_mean(rng):
    (mask,) = dropout_masks((0.25,), (50,), 400, rng, np.dtype(np.float32))
    assert mask.shape == (400, 50)
    assert mask.dtype == np.float32
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (mask == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert mask.mean() == pytest.approx(1.0, abs=0.03)


def test_masks_of_many_steps_drawn_at_once_are_those_drawn_one_by_one(rng):
    rates, sizes, rows, dtype = (0.25, 0.0, 0.5), (3, 2, 5), 7, np.dtype(np.float32)
    one, other = np.random.default_rng(4), np.random.default_rng(4)
    at_once = masks_of_steps(6, rates, sizes, rows, one, dtype)
    for step in range(6):
        for mask, wanted in zip(at_once, dropout_masks(rates, sizes, rows, other, dtype), strict=True):
            assert np.array_equal(mask[step], wanted)
    assert one.random() == other.random()
    assert masks_of_steps(6, (), sizes, rows, one, dtype) == ()


def test_dropout_is_for_training_alone(rng):
    X, Y = rng.normal(size=(30, 3)), rng.integers(0, 2, size=30)
    net = wg.Network([3, 20, 2], "relu")
    net.fit(X, Y, epochs=2, dropout=0.5, learning_rate=0.1, progress=False)
    assert np.array_equal(net.predict(X), net.predict(X))
    assert dropout_rates(0.0, 3) == ()
    assert dropout_rates([0.0, 0.5], 2) == (0.0, 0.5)


def test_a_dropped_neuron_gets_no_gradient():
    net = wg.Network([2, 3, 1], dtype="float64")
    mask = np.array([[1.5, 0.0, 1.5]])
    gradient = wg.grad(net.architecture.mean_cost)(net.parameters, np.array([[1.0, 2.0]]), np.array([[1.0]]), (mask,))
    assert (gradient.weights[0][1] == 0).all()
    assert gradient.weights[1][0, 1] == 0
    assert (gradient.weights[0][[0, 2]] != 0).all()


def test_clipping_scales_all_gradients_together():
    gradients = [np.array([[3.0]]), np.array([4.0])]
    assert [g.item() for g in clipped(gradients, 5.0)] == [3.0, 4.0]
    assert np.allclose([g.item() for g in clipped(gradients, 1.0)], [0.6, 0.8])


def test_clipping_takes_gradients_whose_squares_overflow():
    (clipped_one,) = clipped([np.array([3e30, 4e30], np.float32)], 1.0)
    assert clipped_one.dtype == np.float32
    assert np.allclose(clipped_one, [0.6, 0.8])


def test_a_clipped_step_is_no_longer_than_the_rate_times_the_norm(rng):
    net = wg.Network([2, 1], activation="identity", dtype="float64")
    before = np.concatenate([net.weights[0].ravel(), net.biases[0]])
    net.fit(100 * rng.normal(size=(4, 2)), 100 * rng.normal(size=(4, 1)), epochs=1, batch_size=4, learning_rate=0.1,
            clip_norm=2.0, progress=False)
    after = np.concatenate([net.weights[0].ravel(), net.biases[0]])
    assert np.linalg.norm(after - before) == pytest.approx(0.2)
