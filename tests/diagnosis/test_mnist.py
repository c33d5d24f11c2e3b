"""The deep networks of Nielsen's chapter 5 on the first 1,000 images of MNIST, over five seeds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import whygrad as wg


@pytest.fixture
def mnist(shared_data, monkeypatch):
    monkeypatch.setenv("WHYGRAD_DATA", str(shared_data / "mnist"))
    data = wg.datasets.mnist()
    return data.train_images[:1000], data.train_labels[:1000]


def norm_1_by_n(rng, n_out, n_in):
    return rng.standard_normal((n_out, n_in)) / n_in**0.5


def test_the_deep_sigmoid_network_learns_slowly_at_first_and_its_slopes_are_to_blame(mnist):
    slower = []
    for seed in range(5):
        found = wg.diagnose(wg.Network([784, *[30] * 4, 10], "sigmoid", seed=seed, init=norm_1_by_n), *mnist)
        assert found.ids == ("vanishing-gradients",)
        assert found["vanishing-gradients"].blame == "slope"
        layers = found.measures.layers
        slower.append(layers[3].speed / layers[0].speed)
        for layer in layers[:-1]:
            assert layer.attenuation.slope * layer.attenuation.weights == pytest.approx(layer.attenuation.whole)
            assert layer.attenuation.slope < 0.25
            assert 0.7 < layer.attenuation.weights < 1.5
    assert 60 < np.median(slower) < 250


@pytest.mark.parametrize(("activation", "cost"), [
    (["relu"] * 4 + ["softmax"], "softmax_cross_entropy"),
    (["relu"] * 4 + ["sigmoid"], "half_squared_error"),
])  # fmt: skip
def test_the_same_network_after_he_and_relu_gets_no_finding(activation, cost, mnist):
    for seed in range(5):
        net = wg.Network([784, *[30] * 4, 10], activation, cost=cost, seed=seed, init="he")
        assert wg.diagnose(net, *mnist, learning_rate=0.1).findings == ()


def test_neighbouring_layers_of_sigmoid_networks_differ_in_speed_by_3_to_8(mnist):
    """M22, for 2, 3 and 4 hidden layers at their start: medians over five seeds."""
    for hidden in (2, 3, 4):
        ratios = []
        for seed in range(5):
            net = wg.Network([784, *[30] * hidden, 10], "sigmoid", seed=seed, init="scaled")
            speeds = [layer.speed for layer in wg.diagnose(net, *mnist).measures.layers[:-1]]
            ratios += [above / below for below, above in pairwise(speeds)]
        assert 3 < np.median(ratios) < 8


def test_vanishing_is_seen_while_training_with_the_speeds_of_every_epoch(mnist):
    net = wg.Network([784, *[30] * 4, 10], "sigmoid", seed=1, init=norm_1_by_n)
    history = net.fit(*mnist, epochs=2, batch_size=10, learning_rate=0.1, backend="numpy", progress=False, watch=True)
    assert history.findings[0].finding.id == "vanishing-gradients"
    assert all(speeds[0] < speeds[3] / 20 for speeds in history.learning_speed)
