import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ShapeError


@pytest.mark.parametrize(("init", "weight", "bias"), [
    ("large", 1.0, 1.0), ("scaled", 400**-0.5, 1.0), ("glorot", (2 / 700) ** 0.5, 0.0), ("he", (2 / 400) ** 0.5, 0.0),
])
def test_weights_spread_as_their_initialization_says(init, weight, bias):
    net = wg.Network([400, 300], init=init)
    assert net.weights[0].std() == pytest.approx(weight, rel=0.02)
    assert net.weights[0].mean() == pytest.approx(0, abs=0.02 * weight)
    assert net.biases[0].std() == pytest.approx(bias, rel=0.15)


def test_the_default_suits_each_layers_activation():
    suited = wg.Network([50, 40, 30], ["relu", "sigmoid"])
    assert np.array_equal(suited.weights[0], wg.Network([50, 40, 30], init="he").weights[0])
    assert (suited.biases[0] == 0).all()
    assert (suited.biases[1] != 0).all()


def test_a_users_function_gives_the_weights_and_biases_start_at_zero():
    net = wg.Network([3, 2], init=lambda rng, n_out, n_in: np.full((n_out, n_in), 0.25))
    assert (net.weights[0] == 0.25).all()
    assert (net.biases[0] == 0).all()
    with pytest.raises(ShapeError, match=r"W\^1 of shape \(3, 2\); layer 1 needs \(2, 3\)"):
        wg.Network([3, 2], init=lambda rng, n_out, n_in: np.ones((n_in, n_out)))


def test_a_saturated_start_learns_more_slowly_than_a_scaled_one(rng):
    X, Y = rng.uniform(size=(50, 784)), rng.integers(0, 10, size=50)
    large, scaled = (
        np.median([wg.Network([784, 30, 10], init=init, seed=s).learning_speeds(X, Y)[0] for s in range(5)])
        for init in ("large", "scaled")
    )
    assert large < scaled
