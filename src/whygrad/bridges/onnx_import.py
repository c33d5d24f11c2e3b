"""``from_onnx``: an ONNX file as a function of its parameters and inputs, with gradients and explanations."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges import onnx_reading as reading
from whygrad.bridges.model import Model, Port, Ref, Step
from whygrad.bridges.onnx_limits import Limits
from whygrad.bridges.onnx_operators import Operator, find, table
from whygrad.errors import ArgumentError, UnsupportedError, public
from whygrad.graph.sites import Site
from whygrad.nn.onnx_package import onnx_package

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

# Attributes that name a type of number.
TYPES = frozenset({("Cast", "to"), ("EyeLike", "dtype"), ("Attention", "softmax_precision")})

OURS = ("", "ai.onnx")  # the two spellings of the standard domain


@public
def from_onnx(
    source: str | os.PathLike[str] | bytes | ModelProto,
    *,
    parameters: Iterable[str] | None = None,
    max_bytes: int = Limits.file_bytes,
    max_nodes: int = Limits.nodes,
    max_array_bytes: int = Limits.array_bytes,
) -> Model:
    """The model in an ONNX file: call it, ask ``model.grad(X, cost=..., target=Y)``, ``model.explain(...)``.

    ``source``: a path, the bytes of a file, or an ``onnx.ModelProto``. ``parameters``: names of the initializers to
    differentiate by; by default all in floating point that have at least one axis and are more than a setting or a
    statistic (running means, bounds of a clip). Numbers keep their dtype: a float32 file computes in float32.

    Nothing in a file is executed, and external data is read from the model's own folder only. ``max_bytes``: of the
    file and its data; ``max_nodes``: of the graph, local functions written out; ``max_array_bytes``: of one array that
    the file announces. Operators that are not in the table (docs/onnx.md) are named all at once, in one
    UnsupportedError; a broken file is one DataError.
    """
    return imported(source, Limits(max_bytes, max_nodes, max_array_bytes), parameters)[0]


def imported(source: Any, limits: Limits, parameters: Iterable[str] | None = None) -> tuple[Model, dict[str, str]]:
    """The model, and what the file says of itself (``metadata_props``)."""
    model, name = reading.read(source, limits)
    return _Importer(model, name, limits).model(parameters), {p.key: p.value for p in model.metadata_props}


class _Importer:
    """Reads one checked graph."""

    def __init__(self, model: ModelProto, name: str, limits: Limits) -> None:
        self.onnx = onnx_package()
        self.graph: GraphProto = model.graph
        self.opset = next(entry.version for entry in model.opset_import if entry.domain in OURS)
        self.name = name
        self.limits = limits
        self.rows = self._rows()
        self.arrays = self._arrays()

    def model(self, chosen: Iterable[str] | None) -> Model:
        """The whole model."""
        names = self._parameters(chosen)
        given = [port for port in self.graph.input if port.name not in self.arrays]
        outputs = tuple(port.name for port in self.graph.output)
        refs = tuple(Ref(name) for name in outputs)
        return Model(
            name=re.sub(r"\.onnx$", "", self.name if self.name != "the model" else self.graph.name or "model"),
            origin="ONNX",
            parameters={name: self.arrays[name] for name in names},
            buffers={name: array for name, array in self.arrays.items() if name not in set(names)},
            inputs=tuple(self._port(port) for port in given),
            outputs=tuple(self._port(port) for port in self.graph.output),
            steps=tuple(self._step(i, node) for i, node in enumerate(self.graph.node) if node.op_type != "Constant"),
            results=refs[0] if len(refs) == 1 else refs,
        )

    # ── operators ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rows(self) -> list[Operator]:
        """The row of each node; everything that has none is named in one error."""
        missing: Counter[str] = Counter()
        rows = []
        for node in self.graph.node:
            row = self._row(node)
            if isinstance(row, str):
                missing[row] += 1
            else:
                rows.append(row)
        if self.graph.sparse_initializer:
            missing["sparse initializers"] += len(self.graph.sparse_initializer)
        if missing:
            named = ", ".join(
                f"{what} ({times} times)" if times > 1 else what for what, times in sorted(missing.items())
            )
            raise UnsupportedError(
                f"{self.name} uses what has no row in whygrad's table: {named}",
                where=self.name,
                why=f"{len(table())} operators are known; what is missing is named here all at once",
                try_="docs/onnx.md has the table; export without control flow, or the part of the model before it",
            )
        return rows

    def _row(self, node: NodeProto) -> Operator | str:
        """The row of a node, or what to call it in the list of what is missing."""
        if node.domain not in OURS:
            return f"{node.domain}.{node.op_type}"
        if node.op_type in reading.SUBGRAPHS:
            return f"{node.op_type}, which runs a graph of its own"
        since = self.onnx.defs.get_schema(node.op_type, self.opset, "").since_version
        row = find(node.op_type, since)
        if row is None:
            known = node.op_type in table()
            return f"{node.op_type} of version {since}" if known else node.op_type
        kinds = self.onnx.AttributeProto
        graphs = any(a.type in (kinds.GRAPH, kinds.GRAPHS) for a in node.attribute)
        odd = [a.name for a in node.attribute if a.name not in row.attributes]
        if graphs or odd:
            return f"{node.op_type} with {', '.join(odd)}"
        return row

    def _attributes(self, node: NodeProto, row: Operator) -> dict[str, Any]:
        """What the node says, over the defaults of its schema."""
        schema = self.onnx.defs.get_schema(node.op_type, self.opset, "")
        given = {
            name: self.onnx.helper.get_attribute_value(attribute.default_value)
            for name, attribute in schema.attributes.items()
            if attribute.default_value.type and name in row.attributes
        }
        given |= {a.name: self.onnx.helper.get_attribute_value(a) for a in node.attribute}
        return {name: self._plain(value, name, node) for name, value in given.items()}

    def _plain(self, value: Any, name: str, node: NodeProto) -> Any:
        if isinstance(value, self.onnx.TensorProto):
            return _read_only(self.onnx.numpy_helper.to_array(value))
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, (list, tuple)) and any(isinstance(x, bytes) for x in value):
            return tuple(x.decode("utf-8", "replace") for x in value)
        if (node.op_type, name) in TYPES:
            return reading.dtype_of(self.onnx, value, f"{self.name}, node {node.name or node.output[0]!r}")
        return tuple(value) if isinstance(value, list) else value

    def _step(self, number: int, node: NodeProto) -> Step:
        row = self.rows[number]
        outputs = tuple(node.output)
        used = max((i + 1 for i, name in enumerate(outputs) if name), default=1)
        return Step(
            outputs=outputs[:used] if used > 1 else (outputs[0],),
            operator=node.op_type,
            run=row.bound(used, self.limits),
            inputs=tuple(Ref(name) if name else None for name in node.input),
            attributes=self._attributes(node, row),
            label=label_of(next(name for name in outputs if name)),
            site=Site(self.name, number + 1, f"node {node.name or node.output[0]} ({node.op_type})"),
            path=label_of(node.name),
        )

    # ── arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arrays(self) -> dict[str, np.ndarray]:
        """Initializers and constants, by name."""
        found = {tensor.name: _read_only(self.onnx.numpy_helper.to_array(tensor)) for tensor in self.graph.initializer}
        for node, row in zip(self.graph.node, self.rows, strict=True):
            if node.op_type == "Constant":
                found[node.output[0]] = _read_only(row.function(**self._attributes(node, row)))
        return found

    def _parameters(self, chosen: Iterable[str] | None) -> list[str]:
        floats = [name for name, array in self.arrays.items() if array.dtype.kind == "f"]
        if chosen is not None:
            names = [chosen] if isinstance(chosen, str) else list(chosen)
            if odd := [name for name in names if name not in floats]:
                raise ArgumentError(
                    f"{self.name} has no initializer {odd[0]!r} in floating point", where=None,
                    why=f"it has {', '.join(floats) or 'none'}",
                )  # fmt: skip
            return [name for name in floats if name in set(names)]
        learned = {
            name
            for node, row in zip(self.graph.node, self.rows, strict=True)
            for place, name in enumerate(node.input)
            if place not in row.constants
        }
        stored = {tensor.name for tensor in self.graph.initializer}
        return [name for name in floats if name in learned and name in stored and self.arrays[name].ndim > 0]

    def _port(self, port: ValueInfoProto) -> Port:
        what = f"{self.name}, {port.name!r}"
        if not port.type.HasField("tensor_type"):
            raise UnsupportedError(
                f"{port.name!r} is a {port.type.WhichOneof('value') or 'value of no type'}",
                where=what,
                why="whygrad computes with arrays, not with sequences or maps",
            )
        tensor = port.type.tensor_type
        shape = tuple(
            d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else d.dim_param or None
            for d in tensor.shape.dim
        )
        return Port(port.name, shape, reading.dtype_of(self.onnx, tensor.elem_type, what))


def _read_only(array: Any) -> np.ndarray:
    """Nobody changes the file's numbers, so traces need no copies of them."""
    own: np.ndarray = np.array(array)
    own.flags.writeable = False
    return own


def label_of(name: str) -> str:
    """An ONNX name as people say it: ``/net/0/Gemm_output_0`` is ``net.0.Gemm``."""
    return re.sub(r"_output_0$", "", name).strip("/").replace("/", ".")
