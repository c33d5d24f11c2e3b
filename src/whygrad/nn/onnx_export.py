"""``net.to_onnx``: a network as an ONNX graph: a Gemm for every z^l, and each activation traced rule by rule."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, UnsupportedError, WhygradError
from whygrad.graph.node import Node, Trace
from whygrad.nn import persistence
from whygrad.nn.layers import Architecture, Parameters
from whygrad.nn.onnx_forms import OPSET, Writer
from whygrad.rules.define import Value

IR_VERSION = 9  # opset 20's own; read by onnxruntime from 1.17 on
ROWS = (11, 13)  # batches to trace: what is written must not depend on how many rows there are
EXAMPLES = "examples"  # the name of that size in the file


def to_onnx(path: str | os.PathLike[str], model: Architecture, parameters: Parameters, *, with_cost: bool) -> None:
    """Write the network to a file, which is replaced whole or not at all; see ``Network.to_onnx``."""
    target = persistence.path_of(path)
    content = _graph(model, parameters, ROWS[0], with_cost)
    if content != _graph(model, parameters, ROWS[1], with_cost):
        alike = _graph(model, parameters, ROWS[0], False) == _graph(model, parameters, ROWS[1], False)
        own = next((f"activation {s.name}" for s in model.activations if s.own), "")
        raise UnsupportedError(
            f"the {f'cost {model.cost.name}' if alike else own} of the network can not be exported",
            why="what it computes depends on how many rows a batch has, and a file is written for any number",
            try_="a function that treats every row alike, and all rows at once",
        )
    persistence.write_whole(target, content)


def _graph(model: Architecture, parameters: Parameters, rows: int, with_cost: bool) -> bytes:
    """The checked model file, from a trace with that many rows."""
    writer = Writer()
    onnx, helper = writer.onnx, writer.onnx.helper
    kind = helper.np_dtype_to_tensor_dtype(model.dtype)
    a = z = "x"
    stored: dict[str, Any] = {}
    for l, (W, b, activation) in enumerate(zip(*parameters, model.activations, strict=True), start=1):
        stored |= {f"W^{l}": W, f"b^{l}": b}
        z = writer.op("Gemm", a, f"W^{l}", f"b^{l}", name=f"z^{l}", transB=1)
        shape = (rows, model.sizes[l])
        a = _written(writer, f"activation {activation.name} of layer {l}", activation.function, {z: shape}, model.dtype,
                     shape, f"a^{l}")  # fmt: skip
    ends = [(EXAMPLES, model.sizes[0]), (EXAMPLES, model.sizes[-1])]
    inputs = [helper.make_tensor_value_info("x", kind, ends[0])]
    outputs = [helper.make_tensor_value_info(a, kind, ends[1])]
    if with_cost:
        of_logits, targets = model.cost.of_logits, {"y": (rows, model.sizes[-1])}
        cost = of_logits or model.cost.of_outputs
        _written(writer, f"cost {model.cost.name}", lambda x, y: np.mean(cost(x, y)),
                 {(z if of_logits else a): targets["y"], **targets}, model.dtype, (), "C")  # fmt: skip
        inputs.append(helper.make_tensor_value_info("y", kind, ends[1]))
        outputs.append(helper.make_tensor_value_info("C", kind, []))
    tensors = [onnx.numpy_helper.from_array(np.array(array, order="C"), name)
               for name, array in (stored | writer.constants).items()]  # fmt: skip
    graph = helper.make_graph(writer.nodes, "network", inputs, outputs, tensors)
    made = helper.make_model(graph, producer_name="whygrad", ir_version=IR_VERSION,
                             opset_imports=[helper.make_opsetid("", OPSET)])  # fmt: skip
    helper.set_model_props(made, {"activations": " ".join(s.name for s in model.activations), "cost": model.cost.name})
    try:
        onnx.checker.check_model(made, full_check=True)
        content: bytes = made.SerializeToString(deterministic=True)
    except ValueError as error:  # protobuf holds 2 GiB
        raise ArgumentError("the network is too large for one ONNX file", why=str(error)) from None
    return content


def _written(writer: Writer, what: str, function: Callable[..., Value], given: dict[str, tuple[int, ...]],
             dtype: np.dtype[Any], shape: tuple[int, ...], name: str) -> str:  # fmt: skip
    """The nodes of one function of values that the graph has; its result gets ``name``."""
    writer.prefix = f"{name}."
    with Trace(everything=True) as trace:
        leaves = {trace.leaf(np.full(size, 0.5, dtype), known): known for known, size in given.items()}
        output = function(*leaves)
        if not isinstance(output, Node) or output.shape != shape:
            raise UnsupportedError(
                f"the {what} can not be exported", why="its result does not depend on what it is given"
            )
        try:
            made = writer.traced(output, leaves)
        except WhygradError as error:
            raise UnsupportedError(
                f"the {what} can not be exported: {error.what}", where=error.where, why=error.why, try_=error.try_
            ) from None
    if output in leaves or output.dtype != dtype:
        made = writer.op("Cast", made, to=writer.onnx.helper.np_dtype_to_tensor_dtype(dtype))
    last = writer.nodes[-1]  # computed last, so named here
    last.output[0] = last.name = name
    writer.prefix = ""
    return name
