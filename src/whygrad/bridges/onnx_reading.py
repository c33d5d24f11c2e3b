"""Read an ONNX file without trusting it: sizes before bytes are read, every reference before it is followed."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.onnx_limits import MEBIBYTE, Limits
from whygrad.errors import ArgumentError, DataError, UnsupportedError
from whygrad.nn.onnx_package import onnx_package

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

OLDEST_OPSET = 7  # from here on operators broadcast as NumPy does
SUBGRAPHS = frozenset({"If", "Loop", "Scan", "SequenceMap"})


def read(source: Any, limits: Limits) -> tuple[ModelProto, str]:
    """The model, checked and whole (external data and local functions in place), and what to call it in messages.

    ``source``: a path, bytes, or a ModelProto. Nothing in it is executed. Raises DataError for whatever is wrong.
    """
    onnx = onnx_package()
    model, name, folder, size = _parsed(onnx, source, limits)
    if not model.HasField("graph") or not (model.graph.output or model.graph.node):
        raise DataError(f"{name} holds no graph", where=name, try_="a model as an exporter writes it")
    _check_texts(model, name)
    _check_opset(onnx, model, name)
    tensors = list(_tensors(model.graph)) + [t for f in model.functions for node in f.node for t in _of_node(node)]
    _load_external(onnx, tensors, name, folder, size, limits)
    for tensor in tensors:
        _check_tensor(onnx, tensor, name, limits)
    model = _without_functions(onnx, model, name, limits)
    try:
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(model)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError, TypeError, RuntimeError,
            UnicodeDecodeError) as error:  # fmt: skip
        raise DataError(
            f"{name} is no valid ONNX model", where=name, why=_first_line(error), try_="export it again"
        ) from None
    for value in inferred.graph.value_info:
        _check_value(onnx, value, name, limits)
    return model, name


def _check_value(onnx: Any, value: ValueInfoProto, name: str, limits: Limits) -> None:
    """Refuse a file one of whose values would be too large: stretched, padded or multiplied out of small ones."""
    tensor = value.type.tensor_type
    sizes = [dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value")]
    if tensor.elem_type in _native(onnx) and len(sizes) == len(tensor.shape.dim):
        limits.allow(tuple(sizes), dtype_of(onnx, tensor.elem_type, name), f"the value {value.name!r}", name)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


def _parsed(onnx: Any, source: Any, limits: Limits) -> tuple[ModelProto, str, Path | None, int]:
    """The model as it is written, a name for it, its folder, and its size in bytes."""
    if isinstance(source, onnx.ModelProto):
        model = onnx.ModelProto()
        model.CopyFrom(source)  # what is put in place below is not the caller's
        return model, "the model", None, 0
    folder: Path | None = None
    if isinstance(source, (bytes, bytearray, memoryview)):
        content, name = bytes(source), "the model"
        _allow_bytes(len(content), name, limits)
    else:
        try:
            path = Path(os.fsdecode(source)) if not isinstance(source, str) else Path(source)
        except TypeError:
            raise ArgumentError(
                f"from_onnx got a {type(source).__name__}", try_="a path, bytes, or an onnx.ModelProto"
            ) from None
        name, folder = path.name, path.parent
        content = _bytes_of(path, limits)
    try:
        return onnx.ModelProto.FromString(content), name, folder, len(content)
    except Exception as error:  # noqa: BLE001  # protobuf's DecodeError; its other back ends raise their own kinds
        raise DataError(
            f"{name} is not an ONNX file", where=name, why=_first_line(error), try_="a whole file, as it was exported"
        ) from None


def _bytes_of(path: Path, limits: Limits) -> bytes:
    try:
        if not path.is_file():
            raise DataError(f"there is no file {path}", where=str(path), try_="the path of an .onnx file")
        _allow_bytes(path.stat().st_size, path.name, limits)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} can not be read", where=str(path), why=str(error)) from None


def _allow_bytes(size: int, name: str, limits: Limits) -> None:
    if size > limits.file_bytes:
        raise DataError(
            f"{name} takes {size / MEBIBYTE:,.1f} MiB with its data",
            where=name,
            why=f"a model may take {limits.file_bytes / MEBIBYTE:,.0f} MiB",
            try_="wg.from_onnx(..., max_bytes=...), if you trust the file",
        )


def _check_texts(model: ModelProto, name: str) -> None:
    """Names are texts: protobuf hands on what is no UTF-8 as bytes."""
    waiting: list[Any] = [model]
    while waiting:
        for field, value in waiting.pop().ListFields():
            several = list(value) if hasattr(value, "__len__") and not isinstance(value, (str, bytes)) else value
            parts = several if isinstance(several, list) else [several]
            if field.message_type is not None:
                waiting += parts
            elif field.type == field.TYPE_STRING and not all(isinstance(part, str) for part in parts):
                raise DataError(f"a {field.name} in {name} is no text in UTF-8", where=name, try_="export it again")


def _check_opset(onnx: Any, model: ModelProto, name: str) -> None:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= newest:
        found = ", ".join(map(str, versions)) or "none"
        raise UnsupportedError(
            f"{name} is written for opset {found}",
            where=name,
            why=f"opsets {OLDEST_OPSET} to {newest} are known here",
            try_="onnx.version_converter, or export it again for a newer opset",
        )


# ── tensors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_node(node: Any) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        for graph in [attribute.g, *attribute.graphs]:
            yield from _tensors(graph)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor of a graph: initializers and attributes, also those of graphs inside nodes."""
    yield from graph.initializer
    for node in graph.node:
        yield from _of_node(node)


def _load_external(onnx: Any, tensors: list[TensorProto], name: str, folder: Path | None, size: int,
                   limits: Limits) -> None:  # fmt: skip
    """Put external data in place, from files inside the model's own folder only, within the limit on bytes."""
    for tensor in tensors:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        what = f"{name}, tensor {tensor.name!r}"
        path = _inside(entries.get("location", ""), folder, what)
        try:
            offset = int(entries.get("offset", 0))
            length = int(entries.get("length", path.stat().st_size - offset))
        except ValueError:
            raise DataError(f"offset and length {entries} are no whole numbers", where=what) from None
        if offset < 0 or length < 0 or offset + length > path.stat().st_size:
            raise DataError(
                f"{length} bytes from {offset} on were announced, and {path.name} has {path.stat().st_size}",
                where=what,
                try_="the whole data file, as it was exported",
            )
        size += length
        _allow_bytes(size, name, limits)
        with path.open("rb") as file:
            file.seek(offset)
            tensor.raw_data = file.read(length)
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _inside(location: str, folder: Path | None, what: str) -> Path:
    """The data file, refused unless it is a plain file inside the model's folder, links followed."""
    if folder is None:
        raise DataError(
            "its numbers are in another file", where=what, try_="the path of the .onnx file, with its data beside it"
        )
    parts = location.replace("\\", "/").split("/")
    path = folder / location
    try:
        stays = folder.resolve() in path.resolve().parents
        fine = location and ".." not in parts and not Path(location).is_absolute() and ":" not in location and stays
        if fine and path.is_file():
            return path
    except (OSError, ValueError, RuntimeError):  # a NUL in the name, links in a circle
        fine = False
    reason = "there is no such file" if fine else "data may only come from files inside the model's own folder"
    raise DataError(f"external data {location!r} is refused", where=what, why=reason)


def _check_tensor(onnx: Any, tensor: TensorProto, name: str, limits: Limits) -> None:
    """Kind, shape and amount of data of a tensor, before anything is made of it."""
    what = f"{name}, tensor {tensor.name!r}"
    dtype = dtype_of(onnx, tensor.data_type, what)
    if any(n < 0 for n in tensor.dims):
        raise DataError(f"its shape is {tuple(tensor.dims)}", where=what, why="a length is not negative")
    limits.allow(tuple(tensor.dims), dtype, "a tensor", what)
    needed = math.prod(tensor.dims)
    field = {"f4": "float_data", "f8": "double_data", "i8": "int64_data", "u8": "uint64_data", "u4": "uint64_data"}.get(
        f"{dtype.kind}{dtype.itemsize}", "int32_data"
    )
    found = len(tensor.raw_data) if tensor.HasField("raw_data") else len(getattr(tensor, field)) * dtype.itemsize
    if found != needed * dtype.itemsize or tensor.HasField("segment"):
        raise DataError(
            f"it announces shape {tuple(tensor.dims)} of {dtype}, and holds {found} bytes instead of "
            f"{needed * dtype.itemsize}",
            where=what,
            try_="a whole file, as it was exported",
        )


def dtype_of(onnx: Any, kind: int, what: str) -> np.dtype[Any]:
    """NumPy's dtype for a tensor type; texts, complex numbers and the 4 to 16 bit formats NumPy lacks are refused."""
    if kind not in _native(onnx):
        names = {value: key for key, value in onnx.TensorProto.DataType.items()}
        raise UnsupportedError(
            f"it holds {names.get(kind, f'numbers of kind {kind}')}",
            where=what,
            why="whygrad computes with NumPy's float, integer and boolean arrays",
            try_="export the model in float32",
        )
    dtype: np.dtype[Any] = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    return dtype


def _native(onnx: Any) -> frozenset[int]:
    names = "FLOAT FLOAT16 DOUBLE INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 BOOL".split()
    return frozenset(onnx.TensorProto.DataType.Value(name) for name in names)


# ── functions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _without_functions(onnx: Any, model: ModelProto, name: str, limits: Limits) -> ModelProto:
    """The same graph with local functions written out, refused if they call each other in a circle or grow too much."""
    bodies = {(f.domain, f.name): Counter((n.domain, n.op_type) for n in f.node) for f in model.functions}
    sizes: dict[tuple[str, str], int] = {}
    for key in bodies:
        _measure(key, bodies, sizes, (), name)
    total = sum(sizes.get((node.domain, node.op_type), 1) for node in model.graph.node)
    if total > limits.nodes:
        raise DataError(
            f"{name} has {total:,} nodes",
            where=name,
            why=f"a graph may have {limits.nodes:,}, local functions written out",
            try_="wg.from_onnx(..., max_nodes=...), if you trust the file",
        )
    if not bodies:
        return model
    try:
        inlined: ModelProto = onnx.inliner.inline_local_functions(model)
    except (ValueError, TypeError, RuntimeError, onnx.checker.ValidationError) as error:
        raise DataError(f"the local functions of {name} can not be written out", where=name,
                        why=_first_line(error)) from None  # fmt: skip
    return inlined


def _measure(key: tuple[str, str], bodies: dict[tuple[str, str], Counter[tuple[str, str]]],
             sizes: dict[tuple[str, str], int], within: tuple[tuple[str, str], ...], name: str) -> int:  # fmt: skip
    """How many nodes a function becomes."""
    if key in within or len(within) > 50:
        chain = " calls ".join(f"{d}.{n}" if d else n for d, n in (*within[-3:], key))
        raise DataError(f"the local functions of {name} call each other in a circle or too deep: {chain}", where=name)
    if key not in sizes:
        calls = bodies[key]
        sizes[key] = sum(
            times * (_measure(called, bodies, sizes, (*within, key), name) if called in bodies else 1)
            for called, times in calls.items()
        )
    return sizes[key]
