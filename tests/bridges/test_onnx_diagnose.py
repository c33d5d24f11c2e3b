"""wg.diagnose of an ONNX file: the same verdict as of the network it came from, and layers of other graphs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.bridges.onnx_models import model_of, node, two_layers

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, ShapeError

pytestmark = pytest.mark.peers("onnx")


def digits(n: int = 300) -> tuple[Any, Any]:
    data = wg.datasets.digits()
    return data.test_images[:n], data.test_labels[:n]


def exported(tmp_path: Path, *args: Any, **options: Any) -> tuple[wg.Network, Path]:
    net = wg.Network(*args, **options)
    net.to_onnx(tmp_path / "net.onnx")
    return net, tmp_path / "net.onnx"


SETUPS: dict[str, dict[str, Any]] = {
    "deep sigmoid": dict(sizes=[784, 30, 30, 30, 30, 10], activation="sigmoid", init="scaled"),
    "saturated tanh": dict(sizes=[784, 60, 40, 10], activation="tanh", cost="softmax_cross_entropy", init="large"),
    "healthy": dict(sizes=[784, 30, 30, 10], activation="relu", cost="softmax_cross_entropy"),
    "binary outputs": dict(sizes=[784, 30, 10], activation="sigmoid", cost="cross_entropy"),
}


@pytest.mark.parametrize("setup", sorted(SETUPS))
def test_a_network_and_its_file_get_the_same_findings(setup: str, tmp_path: Path) -> None:
    net, path = exported(tmp_path, **SETUPS[setup], seed=1, dtype="float64")
    X, labels = digits()
    own = wg.diagnose(net, X, np.eye(10)[labels])
    found = wg.diagnose(path, X, labels)
    assert found.ids == own.ids
    if setup == "deep sigmoid":
        assert found.ids == ("vanishing-gradients",)
        assert found.verdict == "Vanishing gradients: layer 1."
    for theirs, ours in zip(found.record.layers, own.record.layers, strict=True):
        assert theirs.activation == ours.activation
        for name in ("z", "a", "inputs", "weight", "bias", "delta", "weight_gradient", "bias_gradient"):
            np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), rtol=1e-6, atol=1e-12)
        if theirs.slope is not None and ours.slope is not None:
            np.testing.assert_allclose(theirs.slope, ours.slope, atol=1e-12)
    np.testing.assert_allclose(found.record.costs, own.record.costs, rtol=1e-9)
    assert found.record.constant_cost == pytest.approx(own.record.constant_cost)


def test_a_finding_carries_the_derivation_of_a_weight_of_the_file(tmp_path: Path) -> None:
    _, path = exported(tmp_path, **SETUPS["deep sigmoid"], seed=1)
    finding = wg.diagnose(path, *digits())["vanishing-gradients"]
    assert finding.derivation is not None
    text = str(finding.derivation)
    assert "∂C/∂w^1_" in text
    assert np.prod([factor.value for factor in finding.derivation.factors]) == pytest.approx(finding.derivation.value)


def test_a_convolution_is_a_layer_whose_rows_are_positions(rng: np.random.Generator) -> None:
    nodes = [
        node("Conv", "x w1 b1", "h", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "h g s m v", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "p", "f"),
        node("MatMul", "f w2", "o"),
        node("Add", "o b2", "z2"),
        node("Sigmoid", "z2", "gate"),
        node("Mul", "z2 gate", "y"),
    ]
    arrays = {
        "w1": rng.normal(size=(3, 1, 3, 3)), "b1": np.zeros(3), "g": np.ones(3), "s": np.zeros(3), "m": np.zeros(3),
        "v": np.ones(3), "w2": rng.normal(size=(12, 2)), "b2": np.zeros(2),
    }  # fmt: skip
    proto = model_of(nodes, {"x": ("n", 1, 4, 4)}, {"y": ("n", 2)}, arrays)
    X, Y = rng.normal(size=(5, 16)), rng.normal(size=(5, 2))  # rows of 16 numbers are images of 4 by 4
    record = wg.diagnose(proto, X, Y).record
    first, last = record.layers
    assert (first.kind, first.activation, first.positions, first.weight_name) == ("convolution", "relu", 16, "w1")
    assert (last.kind, last.activation, last.positions, last.weight_name) == ("dense", "silu", 1, "w2")
    assert record.chain
    assert first.weight.shape == (3, 9)
    assert last.weight.shape == (2, 12)
    gradient = wg.from_onnx(proto).grad(X.reshape(5, 1, 4, 4), cost="mse", target=Y)
    np.testing.assert_allclose(first.weight_gradient, gradient["w1"].reshape(3, 9), atol=1e-12)
    np.testing.assert_allclose(last.weight_gradient, gradient["w2"].T, atol=1e-12)
    np.testing.assert_allclose(last.delta.T @ last.inputs / 5, last.weight_gradient, atol=1e-12)
    np.testing.assert_allclose(first.delta, first.error * first.slope, atol=1e-12)


def test_layers_beside_each_other_are_no_chain(rng: np.random.Generator) -> None:
    nodes = [node("MatMul", "x w1", "a"), node("Relu", "a", "b"), node("MatMul", "b w2", "c"), node("Add", "b c", "y")]
    arrays = {"w1": rng.normal(size=(3, 3)), "w2": rng.normal(size=(3, 3))}
    record = wg.diagnose(
        model_of(nodes, {"x": ("n", 3)}, {"y": ("n", 3)}, arrays), np.ones((2, 3)), np.ones((2, 3))
    ).record
    assert not record.chain
    assert [layer.activation for layer in record.layers] == ["relu", "identity"]


def test_weights_that_reach_no_output_are_seen(rng: np.random.Generator) -> None:
    nodes = [node("MatMul", "x w1", "a"), node("Tanh", "a", "unused"), node("MatMul", "x w2", "y")]
    arrays = {"w1": rng.normal(size=(3, 3)), "w2": rng.normal(size=(3, 3))}
    proto = model_of(nodes, {"x": ("n", 3)}, {"y": ("n", 3), "unused": ("n", 3)}, arrays)
    record = wg.diagnose(proto, np.ones((2, 3)), np.ones((2, 3)), cost=lambda out, y: np.mean((out[0] - y) ** 2)).record
    assert [layer.reached for layer in record.layers] == [False, True]


def test_costs_by_name_by_function_and_by_the_files_own_number(tmp_path: Path, rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    out = wg.from_onnx(two_layers())(X)
    for cost in ("mse", None, lambda out, y: np.mean((out - y) ** 2)):
        assert wg.diagnose(two_layers(), X, Y, cost=cost).record.cost == pytest.approx(np.mean((out - Y) ** 2))
    labels = np.array([0, 1, 0, 1, 1, 0])
    record = wg.diagnose(two_layers(), X, labels).record
    assert (record.cost_name, record.cost_applies) == ("cross_entropy", "softmax")
    net = wg.Network([3, 4, 2], cost="squared_error", dtype="float64")
    net.to_onnx(tmp_path / "net.onnx", with_cost=True)
    assert wg.diagnose(tmp_path / "net.onnx", X, Y).record.cost == pytest.approx(net.cost_of(X, Y))
    found = wg.diagnose(tmp_path / "net.onnx", X, labels).record.cost
    assert found == pytest.approx(net.cost_of(X, labels))


def test_what_does_not_fit_is_refused_in_a_sentence(rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    with pytest.raises(ShapeError, match="6 examples and 5 targets"):
        wg.diagnose(two_layers(), X, Y[:5])
    with pytest.raises(ArgumentError, match="the cost of small is not known"):
        wg.diagnose(two_layers(), X)
    with pytest.raises(ArgumentError, match="is no cost"):
        wg.diagnose(two_layers(), X, Y, cost=3)
    with pytest.raises(ShapeError, match="takes"):
        wg.diagnose(two_layers(), X[:, :2], Y)
    with pytest.raises(ArgumentError, match="at least one example"):
        wg.diagnose(two_layers(), X[:0], Y[:0])
    with pytest.raises(ShapeError):
        wg.diagnose(two_layers(), X, Y[:, :1])
    with pytest.raises(DataError, match=r"'x' holds nan at \(2, 1\)"):
        wg.diagnose(two_layers(), np.where(np.arange(18).reshape(6, 3) == 7, np.nan, X), Y)
    with pytest.raises(DataError, match=r"target holds class 2"):
        wg.diagnose(two_layers(), X, np.array([0, 1, 2, 0, 1, 0]))
    with pytest.raises(DataError, match="has no layer with weights"):
        wg.diagnose(model_of([node("Relu", "x", "y")], {"x": ("n", 3)}, {"y": ("n", 3)}), X, X)
    with pytest.raises(DataError, match="there is no file"):
        wg.diagnose("nowhere.onnx", X, Y)


@pytest.mark.slow
def test_a_million_weights_get_their_verdict_within_ten_seconds(tmp_path: Path) -> None:
    net, path = exported(tmp_path, [784, 900, 400, 10], activation="tanh", cost="softmax_cross_entropy", init="large")
    assert sum(W.size for W in net.weights) > 1_000_000
    start = time.perf_counter()
    verdict = wg.diagnose(path, *digits(1000)).verdict
    assert verdict.startswith("Saturated units: layer 1 and layer 2")
    assert time.perf_counter() - start < 10.0


@pytest.mark.parametrize(
    ("X", "Y", "options"),
    [
        (np.ones((4, 3)), np.array(["a"] * 4), {}),
        (None, np.zeros(4, int), {}),
        ((), np.zeros(4, int), {}),
        (np.full((4, 3), 1e300), np.zeros(4, int), {}),
        (np.ones((4, 3)), np.zeros(4, int), {"examples": 0}),
        (np.ones((4, 3)), np.zeros(4, int), {"examples": "3"}),
    ],
)
def test_silly_arguments_are_one_error(X: Any, Y: Any, options: Any, tmp_path: Path) -> None:
    wg.Network([3, 2], seed=0).to_onnx(tmp_path / "net.onnx")
    with pytest.raises(wg.errors.WhygradError):
        wg.diagnose(tmp_path / "net.onnx", X, Y, **options)
