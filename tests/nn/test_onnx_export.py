"""net.to_onnx: onnxruntime and from_onnx compute what the network computes; what has no form is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, UnsupportedError
from whygrad.nn.activations import ACTIVATIONS
from whygrad.nn.costs import COSTS

pytestmark = pytest.mark.peers("onnx")

LAST = {"cross_entropy": "sigmoid", "softmax_cross_entropy": "softmax"}  # what a cost needs as the last activation


def network(activation: Any = "tanh", cost: Any = "half_squared_error", dtype: str = "float64") -> wg.Network:
    last = LAST.get(cost, activation) if isinstance(cost, str) else activation
    return wg.Network([4, 6, 5, 3], activation=[activation, activation, last], cost=cost, dtype=dtype, seed=2)


def examples(net: wg.Network, rng: np.random.Generator, n: int = 7) -> tuple[Any, Any]:
    dtype = net.architecture.dtype
    return rng.normal(size=(n, 4)).astype(dtype), np.eye(3, dtype=dtype)[rng.integers(0, 3, n)]


def run(path: Path, **inputs: Any) -> list[Any]:
    """What onnxruntime makes of the file; where it has no kernel for float64, what onnx's own evaluator does."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    onnxruntime.set_default_logger_severity(3)
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        assert inputs["x"].dtype == np.float64
        return list(ReferenceEvaluator(str(path)).run(None, inputs))
    return list(session.run(None, inputs))


@pytest.mark.peers("onnxruntime")
@pytest.mark.parametrize(
    ("activation", "dtype"),
    [(name, dtype) for name in sorted(ACTIVATIONS) for dtype in ("float32", "float64")
     if (name, dtype) != ("gelu", "float64")],  # nobody computes Erf in float64; the next test covers it
)  # fmt: skip
def test_onnxruntime_computes_the_same_outputs_and_costs(
    activation: str, dtype: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    close = 1e-5 if dtype == "float32" else 1e-12
    for cost in COSTS:
        net = network(activation, cost, dtype)
        X, Y = examples(net, rng)
        net.to_onnx(tmp_path / "net.onnx", with_cost=True)
        a, C = run(tmp_path / "net.onnx", x=X, y=Y)
        assert a.dtype == net.predict(X).dtype
        np.testing.assert_allclose(a, net.predict(X), rtol=close, atol=close)
        np.testing.assert_allclose(C, net.cost_of(X, Y), rtol=close)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_the_file_read_back_has_the_networks_gradients(
    activation: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    for cost in COSTS:
        net = network(activation, cost)
        X, Y = examples(net, rng)
        net.to_onnx(tmp_path / "net.onnx", with_cost=True)
        model = wg.from_onnx(tmp_path / "net.onnx")
        assert list(model.parameters) == [f"{name}^{l}" for l in (1, 2, 3) for name in "Wb"]
        found, gradient = model.value_and_grad(X, Y, cost=lambda outputs: outputs[1])
        own = net.gradient(X, Y)
        assert found == pytest.approx(net.cost_of(X, Y), rel=1e-12)
        for l in range(1, 4):
            np.testing.assert_allclose(gradient[f"W^{l}"], own.weights[l - 1], rtol=1e-10, atol=1e-14)
            np.testing.assert_allclose(gradient[f"b^{l}"], own.biases[l - 1], rtol=1e-10, atol=1e-14)


def test_without_the_cost_a_file_has_one_input_and_one_output(tmp_path: Path, rng: np.random.Generator) -> None:
    net = network()
    net.to_onnx(tmp_path / "net.onnx")
    model = wg.from_onnx(tmp_path / "net.onnx")
    assert [port.name for port in (*model.inputs, *model.outputs)] == ["x", "a^3"]
    for n in (1, 2, 40):
        X, _ = examples(net, rng, n)
        np.testing.assert_allclose(model(X), net.predict(X), rtol=1e-13)


# Functions of the user's, rule by rule: each must come out of onnxruntime as it went in.
OWN = {
    "arithmetic": lambda z: 0.3 * z - z**2 / (1.0 + np.abs(z)) + 1.0 / (2.0 + z * z),
    "exponentials": lambda z: np.exp(-(z**2)) + np.log1p(np.exp(z)) + np.expm1(0.1 * z) + np.logaddexp(z, 1.0),
    "logarithms": lambda z: (
        np.log(z * z + 1) + np.log2(np.abs(z) + 2) + np.log10(np.square(z) + 3) + np.exp2(np.tanh(z))
    ),
    "waves": lambda z: np.sin(z) + np.cos(2 * z) + np.arctan(z) + np.sinh(0.1 * z) + np.hypot(z, 1.0),
    "choices": lambda z: np.where(z > 0.2, np.minimum(z, 1.0), np.maximum(0.1 * z, -0.5)) * np.clip(z, -0.7, 0.7),
    "logic": lambda z: np.where((z > -0.5) & ~(z >= 0.9), z, np.where(z != 0.0, np.sign(z), 0.0)),
    "rows": lambda z: (z - np.mean(z, axis=-1, keepdims=True)) / np.sqrt(np.var(z, axis=-1, keepdims=True) + 0.1),
    "shares": lambda z: wg.softmax(z) * np.max(z, axis=1, keepdims=True) - np.sum(z, axis=1)[:, None],
    "layer_norm": lambda z: wg.layer_norm(z, None, None),
    "pieces": lambda z: np.concatenate([z[:, 1:], z[:, :1]], axis=1) + np.cumsum(z, axis=1) + z[..., ::-1],
    "products": lambda z: np.tanh(z @ np.full((z.shape[1], z.shape[1]), 0.1)) + np.einsum("ij->i", z)[:, None],
    "elu": lambda z: wg.elu(z, 0.3) + wg.leaky_relu(z, 0.2) + wg.silu(z) + wg.softplus(z),
    "itself": lambda z: z,
}


@pytest.mark.peers("onnxruntime")
@pytest.mark.parametrize("name", sorted(OWN))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_the_users_are_written_down_rule_by_rule(
    name: str, dtype: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    net = network(OWN[name], dtype=dtype)
    X, _ = examples(net, rng)
    net.to_onnx(tmp_path / "net.onnx")
    close = 1e-4 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(run(tmp_path / "net.onnx", x=X)[0], net.predict(X), rtol=close, atol=close)


def test_what_has_no_form_is_refused_by_name_and_no_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"what was there before")

    def sorted_(z: Any) -> Any:
        return np.sort(z, axis=-1)

    def batch(z: Any) -> Any:
        return z - z[:-1].sum(axis=0) / z.shape[0]

    def constant(z: Any) -> Any:
        return np.zeros(z.shape)

    refused = {
        sorted_: "the activation sorted_ of layer 1 can not be exported: the rule argsort has no form in ONNX",
        batch: "the activation batch of the network can not be exported",
        constant: "the activation constant of layer 1 can not be exported",
    }
    for activation, words in refused.items():
        with pytest.raises(UnsupportedError) as caught:
            network(activation).to_onnx(path)
        assert caught.value.what == words
        assert path.read_bytes() == b"what was there before"
        assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_a_cost_of_the_users_is_written_down_if_it_takes_all_rows_at_once(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    def huber(a: Any, y: Any) -> Any:
        away = np.abs(a - y)
        return np.sum(np.where(away < 0.5, 0.5 * away**2, 0.5 * away - 0.125), axis=-1)

    def of_one(a: Any, y: Any) -> Any:
        return np.dot(a - y, a - y)

    net = network(cost=huber)
    X, Y = examples(net, rng)
    net.to_onnx(tmp_path / "net.onnx", with_cost=True)
    assert wg.from_onnx(tmp_path / "net.onnx")(X, Y)[1] == pytest.approx(net.cost_of(X, Y), rel=1e-12)
    with pytest.raises(UnsupportedError, match="the cost of_one of the network can not be exported"):
        network(cost=of_one).to_onnx(tmp_path / "net.onnx", with_cost=True)
    network(cost=of_one).to_onnx(tmp_path / "net.onnx")


def test_a_path_that_can_not_be_written_is_one_error(tmp_path: Path) -> None:
    net = network()
    with pytest.raises(DataError, match="can not be written"):
        net.to_onnx(tmp_path / "nowhere" / "net.onnx")
    with pytest.raises(ArgumentError, match="is not the path of a file"):
        net.to_onnx(3.0)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="can not be written"):
        net.to_onnx(tmp_path)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    import onnx

    network("relu", "softmax_cross_entropy").to_onnx(tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {p.key: p.value for p in model.metadata_props} == {
        "activations": "relu relu softmax",
        "cost": "softmax_cross_entropy",
    }
    assert model.opset_import[0].version == 20
    assert [n.op_type for n in model.graph.node] == ["Gemm", "Relu", "Gemm", "Relu", "Gemm", "Softmax"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "examples"
