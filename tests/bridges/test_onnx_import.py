"""from_onnx: what a model is made of, its gradients against PyTorch and measurement, and what is refused."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.bridges.onnx_models import model_of, node, two_layers

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, ShapeError, UnsupportedError

pytestmark = pytest.mark.peers("onnx")

# ── what a model is ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_has_the_files_names_and_computes_what_the_file_says(rng: np.random.Generator) -> None:
    model = wg.from_onnx(two_layers())
    x = rng.normal(size=(5, 3))
    p = model.parameters
    assert list(p) == ["W1", "b1", "W2", "b2"]
    assert [step.operator for step in model.steps] == ["Gemm", "Tanh", "Gemm"]
    assert np.allclose(model(x), np.tanh(x @ p["W1"].T + p["b1"]) @ p["W2"].T + p["b2"], atol=1e-15)


def test_a_path_bytes_and_a_parsed_model_are_the_same_model(tmp_path: Path) -> None:
    proto = two_layers()
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    x = np.ones((2, 3))
    outputs = [wg.from_onnx(source)(x) for source in (proto, path, str(path), path.read_bytes())]
    assert all(np.array_equal(out, outputs[0]) for out in outputs)
    assert wg.from_onnx(path).name == "net"


def test_gradients_and_explanations_come_in_the_files_names(rng: np.random.Generator) -> None:
    model = wg.from_onnx(two_layers())
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    cost, gradient = model.value_and_grad(x, cost="mse", target=y)
    out = model(x)
    assert cost == pytest.approx(np.mean((out - y) ** 2), rel=1e-14)
    assert np.allclose(gradient["b2"], np.mean(2 * (out - y), axis=0) / 2, atol=1e-14)
    why = model.explain(x, wrt=("W1", (1, 2)), cost="mse", target=y)
    assert why.value == pytest.approx(gradient["W1"][1, 2], rel=1e-12)
    assert "a1" in str(why)
    wg.check_gradient(model.cost_of("mse", y), dict(model.parameters), x)


def test_shapes_that_the_graph_computes_are_plain_numbers_for_any_batch() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Concat", "n rest", "shape", axis=0),
        node("Reshape", "x shape", "flat"),
        node("MatMul", "flat W", "out"),
    ]
    arrays = {"zero": np.array([0]), "rest": np.array([-1]), "W": np.ones((6, 2))}
    model = wg.from_onnx(model_of(nodes, {"x": ("n", 2, 3)}, {"out": ("n", 2)}, arrays))
    assert list(model.parameters) == ["W"]
    for n in (1, 4):
        assert model.grad(np.ones((n, 2, 3)), cost="mean")["W"] == pytest.approx(np.full((6, 2), 0.5))


def test_statistics_and_settings_are_buffers_unless_they_are_asked_for() -> None:
    arrays = {"g": np.ones(2), "s": np.zeros(2), "m": np.zeros(2), "v": np.ones(2), "low": np.array(0.0)}
    nodes = [node("BatchNormalization", "x g s m v", "h"), node("Clip", "h low -", "out")]
    proto = model_of(nodes, {"x": ("n", 2)}, {"out": ("n", 2)}, arrays)
    assert list(wg.from_onnx(proto).parameters) == ["g", "s"]
    assert list(wg.from_onnx(proto, parameters=["m", "g"]).parameters) == ["g", "m"]
    with pytest.raises(ArgumentError, match="no initializer 'nobody' in floating point"):
        wg.from_onnx(proto, parameters=["nobody"])


def test_local_functions_are_written_out() -> None:
    from onnx import helper

    proto = model_of([node("Twice", "x", "y")], {"x": ("n",)}, {"y": ("n",)})
    proto.graph.node[0].domain = "own"
    proto.opset_import.append(helper.make_opsetid("own", 1))
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    proto.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], body, [helper.make_opsetid("", 20)]))
    assert wg.from_onnx(proto)(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_wrong_inputs_are_refused_with_the_models_names() -> None:
    model = wg.from_onnx(two_layers())
    with pytest.raises(ShapeError, match=r"input 'x' has shape \(5, 4\), the model takes \(n, 3\)"):
        model(np.ones((5, 4)))
    with pytest.raises(ArgumentError, match=r"takes 1 input\(s\), 2 were given"):
        model(np.ones((5, 3)), np.ones(2))


def test_an_error_inside_a_step_names_the_node() -> None:
    proto = model_of([node("Add", "x y", "z")], {"x": ("n",), "y": ("m",)}, {"z": ("k",)})
    with pytest.raises(ShapeError, match=r"(?s)node_z \(Add\).*node node_z \(Add\)"):
        wg.from_onnx(proto)(np.ones(2), np.ones(3))


# ── older files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_attributes_of_older_versions_are_understood() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    cases = [
        (7, "Clip", dict(min=1.0, max=5.0), np.clip(x, 1, 5)),
        (9, "Slice", dict(starts=[0, 1], ends=[1, 3], axes=[0, 2]), x[0:1, :, 1:3]),
        (9, "Unsqueeze", dict(axes=[0]), x[None]),
        (11, "ReduceSum", dict(axes=[1], keepdims=0), x.sum(axis=1)),
        (9, "Pad", dict(pads=[0, 0, 1, 0, 0, 1], value=2.0), np.pad(x, [(0, 0), (0, 0), (1, 1)], constant_values=2)),
        (9, "TopK", dict(k=2, axis=2), x[:, :, :1:-1]),
        (11, "Softmax", dict(axis=1), np.exp(x - 24) / np.exp(x - 24).sum(axis=(1, 2), keepdims=True)),
    ]  # fmt: skip
    for opset, kind, attributes, expected in cases:
        outputs = "y places" if kind == "TopK" else "y"
        shape = tuple("abcdef"[: expected.ndim])
        proto = model_of([node(kind, "x", outputs, **attributes)], {"x": x.shape}, {"y": shape}, opset=opset)
        assert np.allclose(wg.from_onnx(proto)(x), expected, atol=1e-14), kind


# ── slopes that no node test shows ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "attributes", "more"),
    [
        ("GlobalLpPool", dict(p=2), {}),
        ("GlobalLpPool", dict(p=3), {}),
        ("Trilu", dict(upper=1), {"k": np.array(1)}),
        ("Cast", dict(to=11), {}),
        ("CastLike", {}, {"like": np.array(1.0)}),
        ("ConvTranspose", dict(strides=[2, 3], dilations=[2, 1], group=2, output_padding=[1, 1]),
         {"w": np.random.default_rng(0).normal(size=(2, 2, 2, 3))}),
        ("Conv", dict(strides=[2, 1], dilations=[1, 2], group=2, auto_pad="SAME_LOWER"),
         {"w": np.random.default_rng(0).normal(size=(4, 1, 2, 2))}),
        ("Resize", dict(mode="cubic", antialias=1), {"-": None, "scales": np.array([1, 1, 0.6, 1.7], np.float32)}),
    ],
)  # fmt: skip
def test_slopes_agree_with_measurement(kind: str, attributes: Any, more: Any, rng: np.random.Generator) -> None:
    arrays = {name: array for name, array in more.items() if array is not None}
    proto = model_of([node(kind, " ".join(["x", *more]), "y", **attributes)], {"x": (2, 2, 4, 5)},
                     {"y": tuple("abcd")}, arrays)  # fmt: skip
    model = wg.from_onnx(proto)
    weights = rng.normal(size=model(np.ones((2, 2, 4, 5))).shape)
    x = rng.normal(size=(2, 2, 4, 5))
    wg.check_gradient(lambda p, x: np.sum(model.function(p, x) * weights), dict(model.parameters), x)


# ── models that PyTorch exports ──────────────────────────────────────────────────────────────────────────────────────


def exported(torch: ModuleType, module: Any, x: Any) -> Any:
    """Not optimized: else PyTorch folds batch norms into convolutions and merges parameters that are equal."""
    from onnx import ModelProto

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module, (x,), dynamo=True, verbose=False, optimize=False)
    buffer = io.BytesIO()
    program.save(buffer)
    return ModelProto.FromString(buffer.getvalue())


def residual_cnn(torch: ModuleType) -> Any:
    nn = torch.nn

    class Network(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
            self.inner = nn.Conv2d(4, 4, 3, padding=1, groups=2)
            self.last = nn.Sequential(nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))

        def forward(self, x: Any) -> Any:
            x = self.first(x)
            return self.last(x + self.inner(x))

    return Network()


def transformer(torch: ModuleType) -> Any:
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True)
    return nn.Sequential(layer, nn.Linear(8, 3))


@pytest.mark.slow
@pytest.mark.peers("torch", "onnx", "onnxscript")
@pytest.mark.parametrize(("build", "shape"), [(residual_cnn, (2, 1, 8, 8)), (transformer, (2, 5, 8))])
def test_gradients_of_exported_models_are_pytorchs(
    torch: ModuleType, build: Any, shape: Any, rng: np.random.Generator
) -> None:
    torch.manual_seed(0)
    module = build(torch).double().eval()
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5)
    x = rng.normal(size=shape)
    model = wg.from_onnx(exported(torch, module, torch.as_tensor(x)))
    out = module(torch.as_tensor(x))
    (out**2).mean().backward()
    assert np.allclose(model(x), out.detach().numpy(), rtol=1e-9, atol=1e-9)
    gradient = model.grad(x, cost=lambda out: np.mean(out**2))
    for key, p in module.named_parameters():
        assert np.allclose(gradient[key], p.grad.numpy(), rtol=1e-9, atol=1e-9), key


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_that_has_no_row_is_named_at_once() -> None:
    from onnx import TensorProto, helper

    same = helper.make_node("Identity", ["x"], ["same"])
    half = helper.make_graph([same], "half", [], [helper.make_tensor_value_info("same", TensorProto.DOUBLE, ["n"])])
    nodes = [
        node("NonMaxSuppression", "b s", "kept"),
        node("Bernoulli", "x", "r1"),
        node("Bernoulli", "r1", "r2"),
        node("If", "c", "y", then_branch=half, else_branch=half),
    ]
    arrays = {"c": np.array(True), "b": np.zeros((1, 2, 4), np.float32), "s": np.zeros((1, 1, 2), np.float32)}
    proto = model_of(nodes, {"x": ("n",)}, {"r2": ("n",), "y": ("n",)}, arrays)
    with pytest.raises(UnsupportedError) as caught:
        wg.from_onnx(proto)
    assert caught.value.what.endswith(
        "no row in whygrad's table: Bernoulli (2 times), If, which runs a graph of its own, NonMaxSuppression"
    )


def test_operators_of_other_domains_are_named_with_their_domain() -> None:
    from onnx import helper

    proto = model_of([node("FusedGelu", "x", "y")], {"x": ("n",)}, {"y": ("n",)})
    proto.graph.node[0].domain = "com.microsoft"
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    with pytest.raises(UnsupportedError, match=r"com\.microsoft\.FusedGelu"):
        wg.from_onnx(proto)


def test_opsets_from_before_broadcasting_and_from_the_future_are_refused() -> None:
    for opset in (6, 999):
        with pytest.raises((UnsupportedError, DataError), match=f"is written for opset {opset}"):
            wg.from_onnx(model_of([node("Relu", "x", "y")], {"x": ("n",)}, {"y": ("n",)}, opset=opset))


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    for call in (lambda: wg.from_onnx("net.onnx"), lambda: wg.Network([2, 2]).to_onnx(tmp_path / "net.onnx")):
        with pytest.raises(UnsupportedError, match=r"pip install 'whygrad\[onnx\]'"):
            call()
    assert not list(tmp_path.iterdir())
