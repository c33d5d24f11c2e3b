"""Broken and hostile ONNX files: one clear error each, nothing followed out of the folder, nothing large allocated."""

from __future__ import annotations

import functools
import itertools
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridges.onnx_models import model_of, node, two_layers

import whygrad as wg
from whygrad.errors import ArgumentError, DataError, UnsupportedError, WhygradError

pytestmark = pytest.mark.peers("onnx")


def relu_of(arrays: Any = None) -> Any:
    return model_of([node("Add", "x w", "y")], {"x": (2, 3)}, {"y": (2, 3)}, arrays or {"w": np.ones((2, 3))})


# ── not a model ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_a_file_of_this_format_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("import os; os.system('echo no')")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "pickle.onnx").write_bytes(b"\x80\x04\x95\x0c\x00\x00\x00")
    for name in ("text.onnx", "empty.onnx", "pickle.onnx", "missing.onnx", "."):
        with pytest.raises(DataError):
            wg.from_onnx(tmp_path / name)
    for wrong in (None, 3, ["net.onnx"], two_layers):
        with pytest.raises(ArgumentError, match="from_onnx got a"):
            wg.from_onnx(wrong)
    with pytest.raises(DataError):
        wg.from_onnx("a\0b.onnx")


def test_a_file_cut_off_anywhere_is_a_data_error() -> None:
    whole = two_layers().SerializeToString()
    for length in range(0, len(whole), 7):
        with pytest.raises(WhygradError):
            wg.from_onnx(whole[:length])


@functools.lru_cache(maxsize=1)
def whole_file() -> bytes:
    return bytes(two_layers().SerializeToString())


@settings(max_examples=150)
@given(st.data())
def test_flipped_bytes_give_a_model_or_one_of_our_errors(data: st.DataObject) -> None:
    content = bytearray(whole_file())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        model = wg.from_onnx(bytes(content))
        with np.errstate(all="ignore"):
            model(np.ones((2, 3)))
    except WhygradError:
        pass


# ── graphs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_graph_in_a_circle_or_with_missing_values_is_refused() -> None:
    broken = {
        "circle": [node("Add", "x b", "a"), node("Add", "a x", "b"), node("Identity", "b", "y")],
        "missing": [node("Add", "x nowhere", "y")],
        "twice": [node("Relu", "x", "y"), node("Tanh", "x", "y")],
        "wrong order": [node("Relu", "h", "y"), node("Tanh", "x", "h")],
    }
    for nodes in broken.values():
        with pytest.raises(DataError, match="is no valid ONNX model"):
            wg.from_onnx(model_of(nodes, {"x": (2, 3)}, {"y": (2, 3)}))


def test_kinds_and_shapes_that_do_not_fit_are_refused_before_anything_runs() -> None:
    with pytest.raises(DataError, match="is no valid ONNX model"):
        wg.from_onnx(relu_of({"w": np.ones((2, 3), np.float32)}))
    with pytest.raises(DataError, match="is no valid ONNX model"):
        wg.from_onnx(model_of([node("MatMul", "x w", "y")], {"x": (2, 3)}, {"y": (2, 2)}, {"w": np.ones((4, 2))}))
    with pytest.raises(DataError, match="is no valid ONNX model"):
        wg.from_onnx(model_of([node("Relu", "x", "y", alpha=1.0)], {"x": (2,)}, {"y": (2,)}))


def test_numbers_that_no_array_holds_are_refused_by_name() -> None:
    from onnx import TensorProto, helper

    proto = relu_of()
    for kind, name in ((TensorProto.STRING, "STRING"), (TensorProto.BFLOAT16, "BFLOAT16"), (99, "kind 99")):
        proto.graph.initializer[0].data_type = kind
        with pytest.raises(UnsupportedError, match=f"it holds .*{name}"):
            wg.from_onnx(proto)
    proto = relu_of()
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.COMPLEX64, [2]))
    with pytest.raises(WhygradError):
        wg.from_onnx(proto)


def test_local_functions_that_call_each_other_or_multiply_are_refused() -> None:
    from onnx import helper

    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("own", 1)]

    def calling(name: str, called: str, times: int) -> Any:
        names = ["a", *(f"v{i}" for i in range(times))]
        kinds = {"domain": "own"} if called != "Relu" else {}
        body = [helper.make_node(called, [x], [y], **kinds) for x, y in itertools.pairwise(names)]
        return helper.make_function("own", name, ["a"], [names[-1]], body, opsets)

    def model(*functions: Any) -> Any:
        proto = model_of([node("F0", "x", "y")], {"x": ("n",)}, {"y": ("n",)})
        proto.graph.node[0].domain = "own"
        proto.opset_import.append(helper.make_opsetid("own", 1))
        proto.functions.extend(functions)
        return proto

    with pytest.raises(DataError, match="call each other in a circle"):
        wg.from_onnx(model(calling("F0", "F1", 1), calling("F1", "F0", 1)))
    with pytest.raises(DataError, match="call each other in a circle"):
        wg.from_onnx(model(calling("F0", "F0", 2)))
    bomb = [calling(f"F{i}", f"F{i + 1}", 10) for i in range(12)] + [calling("F12", "Relu", 10)]
    with pytest.raises(DataError, match=r"has 10,000,000,000,000 nodes"):
        wg.from_onnx(model(*bomb))


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_huge_shapes_are_refused_without_being_allocated() -> None:
    from onnx import TensorProto, helper, numpy_helper

    tiny = relu_of()
    tiny.graph.initializer[0].dims[:] = [2**40, 2**20]
    negative = relu_of()
    negative.graph.initializer[0].dims[:] = [-2, -3]
    short = relu_of()
    short.graph.initializer[0].dims[:] = [2, 4]
    tracemalloc.start()
    try:
        for proto, words in ((tiny, "would take"), (negative, "shape is"), (short, "holds 48 bytes instead of 64")):
            with pytest.raises(DataError, match=words):
                wg.from_onnx(proto)
        shape = numpy_helper.from_array(np.array([2**31, 2**20]))
        made = [
            helper.make_node("Constant", [], ["shape"], value=shape),
            helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
            helper.make_node("ReduceSum", ["huge"], ["y"], keepdims=0),
        ]
        graph = helper.make_graph(made, "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])])
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
        with pytest.raises(
            DataError, match=r"the value 'huge' of shape \(2147483648, 1048576\) and float32 would take"
        ):
            wg.from_onnx(proto)
        expand = model_of([node("Expand", "x s", "y")], {"x": (1,)}, {"y": ("n",)}, {"s": np.array([2**45])})
        with pytest.raises(DataError, match="would take"):
            wg.from_onnx(expand)(np.ones(1))
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


BOMBS: dict[str, tuple[Any, dict[str, Any]]] = {
    "stretched": (lambda: [node("Add", "x w", "h"), node("ReduceSum", "h", "y")], {"w": np.ones((50_000, 1))}),
    "padded": (lambda: [node("Pad", "x p", "y")], {"p": np.array([0] * 7 + [2**40])}),
    "padded after the shape": (
        lambda: [node("Shape", "x", "s"), node("Mul", "s f", "p"), node("Concat", "p p", "q", axis=0),
                 node("Pad", "x q", "y")],
        {"f": np.array([0, 0, 0, 2**40])},
    ),
    "pooled": (
        lambda: [node("MaxPool", "x", "y", kernel_shape=[2**20, 2**20], pads=[2**20] * 4)], {},
    ),
    "convolved": (lambda: [node("Conv", "x w", "y", dilations=[2**30, 2**30], pads=[2**30] * 4)],
                  {"w": np.ones((1, 3, 2, 2))}),
    "transposed": (lambda: [node("ConvTranspose", "x w", "y", strides=[2**30, 2**30])], {"w": np.ones((3, 1, 2, 2))}),
    "resized": (lambda: [node("Resize", "x - s", "y", mode="linear")], {"s": np.array([1, 1, 1, 2**33], np.float32)}),
    "the largest": (lambda: [node("TopK", "x k", "y i")], {"k": np.array([2**45])}),
    "split": (lambda: [node("Split", "x", "y", num_outputs=2**45)], {}),
    "one hot": (lambda: [node("Cast", "x", "i", to=7), node("OneHot", "i d v", "y")],
                {"d": np.array(2**45), "v": np.zeros(2)}),
    "tiled": (lambda: [node("Tile", "x r", "y")], {"r": np.array([1, 1, 2**30, 2**30])}),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_small_files_that_ask_for_huge_arrays_are_refused(name: str) -> None:
    nodes, arrays = BOMBS[name]
    shape: tuple[Any, ...] = (1, 1, 1, 50_000) if name == "stretched" else ("n", 3, 4, 5)
    tracemalloc.start()
    try:
        with pytest.raises(WhygradError):
            wg.from_onnx(
                model_of(nodes(), {"x": shape}, {"y": tuple("abcde")[: 5 if name == "one hot" else 4]}, arrays)
            )(np.ones([2 if isinstance(n, str) else n for n in shape]))
        assert tracemalloc.get_traced_memory()[1] < 400 * 2**20
    finally:
        tracemalloc.stop()


def test_a_normalization_over_more_channels_than_there_are_ends() -> None:
    proto = model_of([node("LRN", "x", "y", size=2**40)], {"x": (1, 3, 2)}, {"y": (1, 3, 2)})
    assert wg.from_onnx(proto)(np.ones((1, 3, 2))) == pytest.approx(np.ones((1, 3, 2)))


def test_limits_are_adjustable_and_named_in_the_error(tmp_path: Path) -> None:
    proto = two_layers()
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    for source in (tmp_path / "net.onnx", proto.SerializeToString()):
        with pytest.raises(DataError, match="max_bytes="):
            wg.from_onnx(source, max_bytes=100)
    with pytest.raises(DataError, match="max_nodes="):
        wg.from_onnx(proto, max_nodes=2)
    with pytest.raises(DataError, match="max_array_bytes="):
        wg.from_onnx(proto, max_array_bytes=90)
    wg.from_onnx(proto, max_array_bytes=96, max_nodes=3)


# ── external data ────────────────────────────────────────────────────────────────────────────────────────────────────


def with_external(folder: Path, location: str, **entries: Any) -> Path:
    """A model whose weights ``w`` (2, 3) are said to be in another file."""
    proto = relu_of()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {"location": location, **entries}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    (folder / "net.onnx").write_bytes(proto.SerializeToString())
    return folder / "net.onnx"


def test_data_in_the_models_own_folder_is_read(tmp_path: Path) -> None:
    w = np.arange(6.0).reshape(2, 3)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"12345678" + w.tobytes())
    model = wg.from_onnx(with_external(tmp_path, "data/w.bin", offset=8, length=48))
    assert np.array_equal(model.parameters["w"], w)
    with pytest.raises(DataError, match="max_bytes="):
        wg.from_onnx(tmp_path / "net.onnx", max_bytes=(tmp_path / "net.onnx").stat().st_size + 47)


def test_data_outside_the_folder_is_never_opened(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones(6).tobytes())
    (home / "link.bin").symlink_to(secret)
    (home / "up").symlink_to(tmp_path)
    (home / "round").symlink_to(home / "round")
    os.mkfifo(home / "pipe")
    outside = ["../secret.bin", str(secret), "link.bin", "up/secret.bin", "a/../../secret.bin", "..\\secret.bin",
               "C:\\secret.bin", "", ".", "round", "pipe", "nowhere.bin", "a\0b"]  # fmt: skip
    for location in outside:
        with pytest.raises(DataError, match=r"external data .* is refused"):
            wg.from_onnx(with_external(home, location))


def test_offsets_and_lengths_outside_the_data_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(np.ones(6).tobytes())
    for entries in (dict(offset=8), dict(offset=-8, length=48), dict(length=-1), dict(length=2**62), dict(offset="x"),
                    dict(offset=8, length=48), dict(length=40)):  # fmt: skip
        with pytest.raises(DataError):
            wg.from_onnx(with_external(tmp_path, "w.bin", **entries))


def test_data_outside_is_not_opened_for_graphs_inside_nodes_either(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    inner = helper.make_tensor("w", TensorProto.DOUBLE, [1], [1.0])
    inner.ClearField("double_data")
    inner.data_location = 1
    entry = inner.external_data.add()
    entry.key, entry.value = "location", "../secret.bin"
    out = helper.make_tensor_value_info("w", TensorProto.DOUBLE, [1])
    branch = helper.make_graph([], "branch", [], [out], [inner])
    proto = model_of([node("If", "c", "y", then_branch=branch, else_branch=branch)], {"x": (1,)}, {"y": (1,)},
                     {"c": np.array(True)})  # fmt: skip
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(DataError, match=r"external data '\.\./secret\.bin' is refused"):
        wg.from_onnx(tmp_path / "net.onnx")


def test_data_beside_bytes_is_refused_because_bytes_have_no_folder(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(np.ones(6).tobytes())
    content = with_external(tmp_path, "w.bin").read_bytes()
    with pytest.raises(DataError, match="in another file"):
        wg.from_onnx(content)


def test_the_callers_model_is_left_as_it_was() -> None:
    proto = two_layers()
    before = proto.SerializeToString(deterministic=True)
    model = wg.from_onnx(proto)
    assert proto.SerializeToString(deterministic=True) == before
    with pytest.raises(ValueError, match="read-only"):
        model.parameters["W1"][0, 0] = 1.0
