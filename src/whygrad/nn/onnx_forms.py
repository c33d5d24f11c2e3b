"""What each rule is called in ONNX: the table by which a traced function becomes nodes of a graph.

Operators are those of opset 20. An attribute of ONNX's holds a float32, so a number that has more digits becomes a
constant of the graph, and the operator is written out: in float64 ``leaky_relu`` is ``Where(x > 0, x, 0.01 x)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from whygrad.errors import UnsupportedError
from whygrad.graph.node import Node
from whygrad.nn.onnx_package import onnx_package
from whygrad.rules.define import Value

OPSET = 20
Form = Callable[["Writer", Node], str]


class Writer:
    """A graph while it is written: nodes and constants; every value has a name."""

    def __init__(self) -> None:
        self.onnx = onnx_package()
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.names: dict[Node, str] = {}
        self.prefix = ""

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """A node; returns the name of its result."""
        name = name or f"{self.prefix}{kind}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, value: Any, dtype: Any = None) -> str:
        """A constant of the graph."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants[name] = np.array(value, dtype)
        return name

    def value(self, x: Value, dtype: Any) -> str:
        """The name of an input of a step, in that dtype: a traced value's, or a constant's."""
        if not isinstance(x, Node):
            return self.constant(x, dtype)
        if x.dtype == dtype:
            return self.names[x]
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.op("Cast", self.names[x], to=kind)

    def inputs(self, node: Node) -> list[str]:
        """All inputs of a step, brought to the dtype that NumPy would compute in."""
        dtype = np.result_type(*(x.dtype if isinstance(x, Node) else x for x in node.inputs))
        return [self.value(x, dtype) for x in node.inputs]

    def traced(self, output: Node, given: Mapping[Node, str]) -> str:
        """The nodes that compute ``output`` from the values ``given``; a rule without a form is refused by name."""
        self.names.update(given)
        for node in _steps(output, set(given)):
            assert node.rule is not None
            form = FORMS.get(node.rule.name)
            if form is None:
                raise UnsupportedError(
                    f"the rule {node.rule.name} has no form in ONNX", why=f"{len(FORMS)} rules have one",
                    where=None if node.site is None else str(node.site), try_="the same in other functions of NumPy's",
                )  # fmt: skip
            self.names[node] = form(self, node)
        return self.names[output]


def _steps(output: Node, given: set[Node]) -> list[Node]:
    """What has to be computed, in order: parents have smaller numbers."""
    found: dict[int, Node] = {}
    waiting = [output]
    while waiting:
        node = waiting.pop()
        if node in given or node.number in found:
            continue
        found[node.number] = node
        waiting += [parent for _, parent in node.parents]
    return [found[number] for number in sorted(found)]


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _same(kind: str, **attributes: Any) -> Form:
    return lambda w, node: w.op(kind, *w.inputs(node), **attributes)


def _of(build: Callable[..., str]) -> Form:
    """``build(writer, *names of the inputs, **the rule's parameters)``."""
    return lambda w, node: build(w, node, *w.inputs(node), **node.params)


def _plus(w: Writer, x: str, number: float, dtype: Any) -> str:
    return w.op("Add", x, w.constant(number, dtype))


def _times(w: Writer, x: str, number: float, dtype: Any) -> str:
    return w.op("Mul", x, w.constant(number, dtype))


def _leaky_relu(w: Writer, node: Node, x: str, *, slope: float = 0.01) -> str:
    if node.dtype.itemsize == 4:
        return w.op("LeakyRelu", x, alpha=slope)
    positive = w.op("Greater", x, w.constant(0.0, node.dtype))
    return w.op("Where", positive, x, _times(w, x, slope, node.dtype))


def _elu(w: Writer, node: Node, x: str, *, alpha: float = 1.0) -> str:
    if node.dtype.itemsize == 4:
        return w.op("Elu", x, alpha=alpha)
    zero = w.constant(0.0, node.dtype)
    below = _times(w, _plus(w, w.op("Exp", w.op("Min", x, zero)), -1.0, node.dtype), alpha, node.dtype)
    return w.op("Where", w.op("Greater", x, zero), x, below)


def _softplus(w: Writer, node: Node, x: str) -> str:
    """In float64, for which onnxruntime has no Softplus: max(x, 0) + log(1 + exp(-|x|))."""
    if node.dtype.itemsize == 4:
        return w.op("Softplus", x)
    small = w.op("Exp", w.op("Neg", w.op("Abs", x)))
    return w.op("Add", w.op("Max", x, w.constant(0.0, node.dtype)), w.op("Log", _plus(w, small, 1.0, node.dtype)))


def _reduced(kind: str) -> Form:
    def build(w: Writer, node: Node, x: str, *, axis: Any = None, keepdims: bool = False) -> str:
        axes = [] if axis is None else [w.constant(np.atleast_1d(axis), np.int64)]
        return w.op(kind, x, *axes, keepdims=int(keepdims))

    return _of(build)


def _along(kind: str) -> Form:
    def build(w: Writer, node: Node, x: str, *, axis: Any = -1) -> str:
        if not isinstance(axis, (int, np.integer)):
            raise UnsupportedError(f"{kind} over the axes {axis} has no form in ONNX", why="it has one axis there")
        return w.op(kind, x, axis=int(axis))

    return _of(build)


def _reshape(w: Writer, node: Node, x: str, *, shape: Any) -> str:
    """The first axis keeps its length, whatever it is, where it does here."""
    old, new = node.inputs[0].shape, node.shape
    stays = bool(old and new) and old[0] == new[0]
    return w.op("Reshape", x, w.constant([0, *new[1:]] if stays else new, np.int64))


def _broadcast(w: Writer, node: Node, x: str, *, shape: Any) -> str:
    old, new = node.inputs[0].shape, node.shape
    same = (None,) * (len(new) - len(old)) + old
    return w.op("Expand", x, w.constant([1 if m == n else n for m, n in zip(same, new, strict=True)], np.int64))


def _transpose(w: Writer, node: Node, x: str, *, axes: Any = None) -> str:
    n = len(node.shape)
    return w.op("Transpose", x, perm=[int(i) % n for i in axes] if axes is not None else list(range(n))[::-1])


def _concatenate(w: Writer, node: Node, *xs: str, axis: int, starts: Any = None) -> str:
    return w.op("Concat", *xs, axis=int(axis))


def _stack(w: Writer, node: Node, *xs: str, axis: int) -> str:
    axes = w.constant([axis], np.int64)
    return w.op("Concat", *(w.op("Unsqueeze", x, axes) for x in xs), axis=int(axis))


def _getitem(w: Writer, node: Node, x: str, *, index: Any) -> str:
    """Numbers, slices, ``...`` and new axes; lists of places and masks are refused."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(not (p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice))) for p in parts):
        raise UnsupportedError("an index that is not made of numbers and slices has no form in ONNX")
    if Ellipsis in parts:
        i, named = parts.index(Ellipsis), sum(p is not None and p is not Ellipsis for p in parts)
        parts[i : i + 1] = [slice(None)] * (len(node.inputs[0].shape) - named)
    old = [p for p in parts if p is not None]
    cut = [(axis, p if isinstance(p, slice) else slice(int(p), int(p) + 1 if p != -1 else None, 1))
           for axis, p in enumerate(old) if p != slice(None)]  # fmt: skip
    if cut:
        bounds = np.array([_bounds(s) for _, s in cut], np.int64).T
        axes = w.constant([axis for axis, _ in cut], np.int64)
        x = w.op("Slice", x, w.constant(bounds[0]), w.constant(bounds[1]), axes, w.constant(bounds[2]))
    single = [axis for axis, p in enumerate(old) if not isinstance(p, slice)]
    x = w.op("Squeeze", x, w.constant(single, np.int64)) if single else x
    kept = [p for p in parts if p is None or isinstance(p, slice)]
    new = [axis for axis, p in enumerate(kept) if p is None]
    x = w.op("Unsqueeze", x, w.constant(new, np.int64)) if new else x
    return x if cut or single or new else w.op("Identity", x)


def _bounds(s: slice) -> tuple[int, int, int]:
    """Start, end and step of a slice, with numbers beyond any axis for the ends."""
    step, far = s.step or 1, 2**62
    first, last = (0, far) if step > 0 else (far, -far)
    return (first if s.start is None else s.start), (last if s.stop is None else s.stop), step


def _of_masks(kind: str) -> Form:
    """``&``, ``|`` and ``^`` of yes/no; of whole numbers they work on bits."""

    def build(w: Writer, node: Node) -> str:
        if node.dtype != bool:
            raise UnsupportedError(f"{node.rule.name if node.rule else kind} of {node.dtype} has no form in ONNX here")
        return w.op(kind, *w.inputs(node))

    return build


def _standardize(w: Writer, node: Node, x: str, *, axis: Any, eps: float) -> str:
    axes = w.constant(np.atleast_1d(axis), np.int64)
    centered = w.op("Sub", x, w.op("ReduceMean", x, axes))
    variance = w.op("ReduceMean", w.op("Mul", centered, centered), axes)
    return w.op("Div", centered, w.op("Sqrt", _plus(w, variance, eps, node.dtype)))


def _where(w: Writer, node: Node) -> str:
    c, *either = node.inputs
    return w.op("Where", w.value(c, np.dtype(bool)), *(w.value(x, node.dtype) for x in either))


def _cast(w: Writer, node: Node) -> str:
    return w.op("Cast", w.names[node.inputs[0]], to=w.onnx.helper.np_dtype_to_tensor_dtype(node.dtype))


def _log_add_exp(w: Writer, node: Node, x: str, y: str) -> str:
    """The larger one plus softplus of minus their distance: no overflow."""
    away = w.op("Neg", w.op("Abs", w.op("Sub", x, y)))
    return w.op("Add", w.op("Max", x, y), _softplus(w, node, away))


def _gelu(w: Writer, node: Node, x: str) -> str:
    grown = _plus(w, w.op("Erf", _times(w, x, math.sqrt(0.5), node.dtype)), 1.0, node.dtype)
    return w.op("Mul", _times(w, x, 0.5, node.dtype), grown)


FORMS: dict[str, Form] = {
    rule: _same(kind)
    for rule, kind in (
        pair.split(":")
        for pair in """
        absolute:Abs add:Add arccos:Acos arccosh:Acosh arcsin:Asin arcsinh:Asinh arctan:Atan arctanh:Atanh ceil:Ceil
        cos:Cos cosh:Cosh divide:Div equal:Equal erf:Erf exp:Exp fabs:Abs floor:Floor greater:Greater
        greater_equal:GreaterOrEqual invert:Not isnan:IsNaN less:Less less_equal:LessOrEqual log:Log logical_and:And
        logical_not:Not logical_or:Or logical_xor:Xor matmul:MatMul maximum:Max minimum:Min multiply:Mul negative:Neg
        positive:Identity power:Pow reciprocal:Reciprocal relu:Relu rint:Round sigmoid:Sigmoid sign:Sign sin:Sin
        sinh:Sinh sqrt:Sqrt subtract:Sub tan:Tan tanh:Tanh
        """.split()
    )
} | {
    "bitwise_and": _of_masks("And"),
    "bitwise_or": _of_masks("Or"),
    "bitwise_xor": _of_masks("Xor"),
    "broadcast_to": _of(_broadcast),
    "cast": _cast,
    "concatenate": _of(_concatenate),
    "cumsum": _of(
        lambda w, node, x, *, axis, reverse=False: w.op("CumSum", x, w.constant(axis, np.int64), reverse=int(reverse))
    ),
    "einsum": _of(lambda w, node, *xs, subscripts, optimize=None: w.op("Einsum", *xs, equation=subscripts)),
    "elu": _of(_elu),
    "exp2": _of(lambda w, node, x: w.op("Pow", w.constant(2.0, node.dtype), x)),
    "expm1": _of(lambda w, node, x: _plus(w, w.op("Exp", x), -1.0, node.dtype)),
    "gelu": _of(_gelu),
    "getitem": _of(_getitem),
    "hypot": _of(lambda w, node, x, y: w.op("Sqrt", w.op("Add", w.op("Mul", x, x), w.op("Mul", y, y)))),
    "leaky_relu": _of(_leaky_relu),
    "log10": _of(lambda w, node, x: _times(w, w.op("Log", x), 1.0 / math.log(10.0), node.dtype)),
    "log1p": _of(lambda w, node, x: w.op("Log", _plus(w, x, 1.0, node.dtype))),
    "log2": _of(lambda w, node, x: _times(w, w.op("Log", x), 1.0 / math.log(2.0), node.dtype)),
    "log_softmax": _along("LogSoftmax"),
    "logaddexp": _of(_log_add_exp),
    "logsumexp": _reduced("ReduceLogSumExp"),
    "max": _reduced("ReduceMax"),
    "mean": _reduced("ReduceMean"),
    "min": _reduced("ReduceMin"),
    "not_equal": _of(lambda w, node, x, y: w.op("Not", w.op("Equal", x, y))),
    "prod": _reduced("ReduceProd"),
    "reshape": _of(_reshape),
    "silu": _of(lambda w, node, x: w.op("Mul", x, w.op("Sigmoid", x))),
    "softmax": _along("Softmax"),
    "softplus": _of(_softplus),
    "square": _of(lambda w, node, x: w.op("Mul", x, x)),
    "stack": _of(_stack),
    "standardize": _of(_standardize),
    "sum": _reduced("ReduceSum"),
    "transpose": _of(_transpose),
    "where": _where,
}
