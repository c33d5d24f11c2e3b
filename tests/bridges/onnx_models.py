"""Small ONNX models for the tests, made with onnx.helper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Shape = Sequence[int | str]


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """A node; the names are separated by spaces, ``-`` leaves an input out."""
    from onnx import helper

    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(kind, names, outputs.split(), name=f"node_{outputs.split(maxsplit=1)[0]}", **attributes)


def model_of(
    nodes: Sequence[Any],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    arrays: Mapping[str, Any] | None = None,
    *,
    dtype: Any = np.float64,
    opset: int = 20,
) -> Any:
    """A model whose inputs and outputs are of one dtype, and whose initializers are ``arrays``."""
    from onnx import helper, numpy_helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    ends = [
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in end.items()] for end in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in (arrays or {}).items()]
    graph = helper.make_graph(list(nodes), "small", *ends, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def two_layers(dtype: Any = np.float64) -> Any:
    """tanh, then a linear layer, with a cost: 3 inputs, 4 hidden neurons, 2 outputs."""
    rng = np.random.default_rng(0)
    arrays = {"W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=4), "W2": rng.normal(size=(2, 4)), "b2": np.zeros(2)}
    nodes = [
        node("Gemm", "x W1 b1", "z1", transB=1),
        node("Tanh", "z1", "a1"),
        node("Gemm", "a1 W2 b2", "z2", transB=1),
    ]
    return model_of(nodes, {"x": ("n", 3)}, {"z2": ("n", 2)},
                    {name: array.astype(dtype) for name, array in arrays.items()}, dtype=dtype)  # fmt: skip
