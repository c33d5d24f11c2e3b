"""Where each of PyTorch's operators is tried: the arguments it is called with, by the operator's name."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np


class A:
    """A floating-point array of that shape, drawn from an interval: an argument with a gradient."""

    def __init__(self, *shape: int, low: float = -2.0, high: float = 2.0, distinct: bool = False) -> None:
        self.shape, self.low, self.high, self.distinct = shape, low, high, distinct

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        if self.distinct:
            return rng.permutation(math.prod(self.shape)).reshape(self.shape) / 10.0 - 1.0
        return rng.uniform(self.low, self.high, self.shape)


class K(A):
    """The same without a gradient: PyTorch has none by this argument."""


class Fixed:
    """A ``K`` that has been drawn."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array


class T:
    """A dtype of PyTorch's, by name: the table gets NumPy's."""

    def __init__(self, name: str) -> None:
        self.name = name


def ints(*rows: Any) -> np.ndarray:
    return np.array(rows[0] if len(rows) == 1 else rows, np.int64)


def call(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


P = dict(low=0.3, high=2.0)
MASK = np.array([[True, False, True], [False, False, True]])
X, Y = A(2, 3), A(2, 3)
ONE = [call(X)]
POSITIVE = [call(A(2, 3, **P))]
INSIDE = [call(A(2, 3, low=-0.9, high=0.9))]
RNN = (A(3, 2, 4), A(1, 2, 5), [A(15, 4), A(15, 5), A(15), A(15)], True, 1, 0.0, False, False, False)
TWO_WAYS = [p for _ in range(2) for p in (A(20, 4), A(20, 5), A(20), A(20))]
DEEP = [*TWO_WAYS, *(p for _ in range(2) for p in (A(20, 10), A(20, 5), A(20), A(20)))]
LSTM = (A(2, 3, 4), [A(4, 2, 5), A(4, 2, 5)], DEEP, True, 2, 0.0, False, True, True)
PROJECTED = (
    A(3, 2, 4),
    [A(1, 2, 3), A(1, 2, 5)],
    [A(20, 4), A(20, 3), A(20), A(20), A(3, 5)],
    True,
    1,
    0.0,
    False,
    False,
    False,
)

CASES: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    # ── arrays ──
    "aten.zeros.default": [call([2, 3], dtype=T("float64"))],
    "aten.ones.default": [call([2, 3], dtype=T("float64"))],
    "aten.empty.memory_format": [],
    "aten.full.default": [call([2], 1.5, dtype=T("float64")), call([2], 3)],
    "aten.zeros_like.default": ONE,
    "aten.ones_like.default": ONE,
    "aten.empty_like.default": [],
    "aten.full_like.default": [call(X, 2.5)],
    "aten.new_zeros.default": [call(X, [4])],
    "aten.new_ones.default": [call(X, [4])],
    "aten.new_full.default": [call(X, [4], 2.5)],
    "aten.new_empty.default": [],
    "aten.scalar_tensor.default": [call(2.0, dtype=T("float64"))],
    "aten.arange.default": [call(5), call(2.5)],
    "aten.arange.start": [call(2, 7, dtype=T("float64"))],
    "aten.arange.start_step": [call(1, 9, 3)],
    "aten.linspace.default": [call(0.0, 1.0, 5, dtype=T("float64"))],
    "aten.eye.default": [call(3, dtype=T("float64"))],
    "aten.tril_indices.default": [call(3, 4)],
    "aten.one_hot.default": [call(ints(0, 2, 1), 4), call(ints(0, 2, 1))],
    "aten.clone.default": ONE,
    "aten.contiguous.default": ONE,
    "aten.alias.default": ONE,
    "aten.lift_fresh_copy.default": ONE,
    "aten.detach.default": [call(X)],
    "aten.dropout.default": [call(X, 0.5, False)],
    "aten.feature_dropout.default": [call(X, 0.5, False)],
    "aten.alpha_dropout.default": [call(X, 0.5, False)],
    "aten.to.dtype": [call(X, T("float32")), call(ints(1, 2), T("float64"))],
    "aten.to.other": [call(ints(1, 2), X)],
    "aten._to_copy.default": [call(X, dtype=T("float32"))],
    "aten.type_as.default": [call(ints(1, 2), X)],
    "aten.copy.default": [call(K(2, 3), K(3))],
    "aten.sym_size.int": [call(X, 1)],
    "aten.sym_numel.default": [],
    "aten.view.default": [call(X, [3, -1])],
    "aten.view_as.default": [call(X, A(3, 2))],
    "aten.reshape.default": [call(X, [6])],
    "aten._unsafe_view.default": [call(X, [6])],
    "aten.flatten.using_ints": [call(A(2, 3, 2), 1), call(A(2, 3, 2), 0, 1), call(A())],
    "aten.unflatten.int": [call(A(2, 6), -1, [3, -1])],
    "aten.squeeze.default": [call(A(1, 2, 1))],
    "aten.squeeze.dim": [call(A(1, 2, 1), -1), call(A(1, 2, 1), 1)],
    "aten.squeeze.dims": [call(A(1, 2, 1), [0, 2])],
    "aten.unsqueeze.default": [call(X, 1), call(X, -1)],
    "aten.transpose.int": [call(A(2, 3, 4), 0, -1)],
    "aten.swapaxes.default": [call(A(2, 3, 4), 0, -1)],
    "aten.t.default": [call(X), call(A(3))],
    "aten.numpy_T.default": [call(X)],
    "aten.mT.default": [call(A(2, 3, 4))],
    "aten.permute.default": [call(A(2, 3, 4), [2, 0, -2])],
    "aten.movedim.int": [call(A(2, 3, 4), 0, -1)],
    "aten.expand.default": [call(A(1, 3), [4, 2, -1])],
    "aten.expand_as.default": [call(A(3), X)],
    "aten.broadcast_to.default": [call(A(1, 3), [2, 3])],
    "aten.broadcast_tensors.default": [call([X, A(3)])],
    "aten.select.int": [call(X, 1, -1)],
    "aten.slice.Tensor": [call(X, 1, 0, 3, 2), call(X, -1, 1, 9223372036854775807)],
    "aten.narrow.default": [call(X, 1, 1, 2)],
    "aten.split.Tensor": [call(A(5, 2), 2)],
    "aten.split_with_sizes.default": [call(A(2, 5), [1, 4], -1)],
    "aten.chunk.default": [call(A(5, 2), 3)],
    "aten.unbind.int": [call(X, 1)],
    "aten.index.Tensor": [call(X, [None, ints(0, 2, 2)]), call(X, [ints(1, 0), ints(2, 2)]), call(X, [MASK])],
    "aten.index_select.default": [call(X, 1, ints(2, 0, 2))],
    "aten.gather.default": [call(X, 1, ints([0, 2], [1, 1])), call(A(3, 3), 0, ints([[2, 1]]))],
    "aten.take_along_dim.default": [call(X, ints([0, 2], [1, 1]), 1)],
    "aten.diagonal.default": [call(A(2, 3, 3), 1, 1, 2)],
    "aten.unfold.default": [call(A(2, 7), 1, 3, 2), call(A(7, 2), 0, 3, 1)],
    "aten.cat.default": [call([X, A(2, 1)], 1)],
    "aten.concat.default": [call([X, A(1, 3)])],
    "aten.stack.default": [call([X, Y], -1)],
    "aten.meshgrid.default": [call([A(2), A(3)])],
    "aten.meshgrid.indexing": [call([A(2), A(3)], indexing="xy")],
    "aten.scatter.src": [call(X, 1, ints([0, 2], [1, 0]), A(2, 2))],
    "aten.scatter.value": [call(X, 1, ints([0], [1]), 2.5)],
    "aten.slice_scatter.default": [call(X, A(2, 2), 1, 0, 3, 2)],
    "aten.select_scatter.default": [call(X, A(2), 1, -1)],
    "aten.index_put.default": [call(X, [ints(0, 1), ints(2, 0)], A(2)), call(X, [None, ints(1, 1)], A(2, 2), True)],
    "aten.item.default": [],
    "aten._local_scalar_dense.default": [],
    "aten.flip.default": [call(X, [0, 1])],
    "aten.roll.default": [call(X, [1], [1]), call(X, [1, -1], [0, 1]), call(X, [2])],
    "aten.repeat.default": [call(A(3), [2, 2])],
    "aten.tile.default": [call(X, [2])],
    "aten.repeat_interleave.self_int": [call(X, 2, 1)],
    "aten.repeat_interleave.self_Tensor": [call(X, ints(0, 2, 1), 1)],
    "aten.pad.default": [call(X, [1, 2, 0, 1]), call(X, [1, -1], "constant", 0.5), call(A(1, 2, 4), [2, 1], "reflect"),
                         call(A(1, 2, 4), [2, 1], "replicate"), call(A(1, 2, 4), [2, 1], "circular")],
    "aten.constant_pad_nd.default": [call(X, [1, 0, 2, 0], 1.5)],
    "aten.reflection_pad1d.default": [call(A(2, 4), [1, 2])],
    "aten.reflection_pad2d.default": [call(A(1, 3, 4), [1, 2, 0, 1])],
    "aten.replication_pad1d.default": [call(A(2, 4), [1, 2])],
    "aten.replication_pad2d.default": [call(A(1, 3, 4), [1, 2, 0, 1])],
    "aten.tril.default": [call(A(3, 3)), call(A(3, 3), -1)],
    "aten.triu.default": [call(A(3, 3), 1)],
    "aten.sort.default": [call(A(2, 3, distinct=True), 1, True), call(A(2, 3, distinct=True))],
    "aten.argsort.default": [call(A(2, 3, distinct=True), 1, True)],
    "aten.topk.default": [call(A(2, 5, distinct=True), 2), call(A(2, 5, distinct=True), 2, 1, False)],
    # ── numbers ──
    "aten.add.Tensor": [call(X, A(3)), call(X, Y, alpha=2)],
    "aten.sub.Tensor": [call(X, A(3)), call(X, Y, alpha=2)],
    "aten.rsub.Scalar": [call(X, 2.0)],
    "aten.mul.Tensor": [call(X, A(3))],
    "aten.div.Tensor": [call(X, A(3, **P)), call(ints(3, 4), ints(2, 2))],
    "aten.div.Tensor_mode": [call(X, A(3, **P), rounding_mode="floor"), call(X, A(3, **P), rounding_mode="trunc")],
    "aten.true_divide.Tensor": [call(X, A(3, **P))],
    "aten.floor_divide.default": [call(ints(7, 8), ints(2, 3))],
    "aten.remainder.Scalar": [call(ints(7, 8), 3)],
    "aten.neg.default": ONE,
    "aten.reciprocal.default": POSITIVE,
    "aten.pow.Tensor_Scalar": [call(X, 3), call(A(3, **P), 0.5)],
    "aten.pow.Tensor_Tensor": [call(A(3, **P), A(3))],
    "aten.pow.Scalar": [call(2.0, X)],
    "aten.square.default": ONE,
    "aten.addcmul.default": [call(X, Y, A(3), value=0.5)],
    "aten.addcdiv.default": [call(X, Y, A(3, **P))],
    "aten.lerp.Scalar": [call(X, Y, 0.3)],
    "aten.maximum.default": [call(X, Y)],
    "aten.minimum.default": [call(X, Y)],
    "aten.max.other": [call(X, Y)],
    "aten.min.other": [call(X, Y)],
    "aten.atan2.default": [call(X, Y)],
    "aten.logaddexp.default": [call(X, Y)],
    **{f"aten.{name}.default": ONE for name in (
        "exp exp2 expm1 sin cos sinh cosh tanh erf abs sign sgn floor ceil trunc atan sigmoid relu relu6 leaky_relu "
        "elu celu selu gelu silu mish softplus hardtanh hardsigmoid hardswish log_sigmoid softshrink hardshrink isnan "
        "isinf isfinite").split()},
    **{f"aten.{name}.default": POSITIVE for name in "log log2 log10 log1p sqrt rsqrt".split()},
    **{f"aten.{name}.default": INSIDE for name in "tan asin acos".split()},
    "aten.round.default": ONE,
    "aten.clamp.default": [call(X, -0.5, 0.7), call(X, None, 0.7), call(ints(-2, 0, 3).astype(float), 0.0, 3.0)],
    "aten.clip.default": [call(X, -0.5)],
    "aten.clamp_min.default": [call(X, 0.1)],
    "aten.clamp_max.default": [call(X, 0.1)],
    "aten.nan_to_num.default": [call(X)],
    "aten.prelu.default": [call(A(2, 3, 2), A(3)), call(X, A(1))],
    "aten.glu.default": [call(A(2, 4)), call(A(4, 2), 0)],
    "aten.threshold.default": [call(X, 0.1, -1.0)],
    "aten.softmax.int": [call(X, 0)],
    "aten._softmax.default": [call(X, 1, False)],
    "aten._safe_softmax.default": [call(X, -1)],
    "aten.log_softmax.int": [call(X, 0)],
    "aten._log_softmax.default": [call(X, 1, False)],
    **{f"aten.{name}.Tensor": [call(ints(1, 2, 3), ints(3, 2, 1))] for name in "eq ne lt le gt ge".split()},
    "aten.logical_not.default": [call(MASK)],
    "aten.logical_and.default": [call(MASK, ~MASK)],
    "aten.logical_or.default": [call(MASK, ~MASK)],
    "aten.bitwise_not.default": [call(MASK)],
    "aten.bitwise_and.Tensor": [call(MASK, ~MASK)],
    "aten.bitwise_or.Tensor": [call(MASK, ~MASK)],
    "aten.__and__.Tensor": [call(MASK, ~MASK)],
    "aten.__or__.Tensor": [call(MASK, ~MASK)],
    "aten.where.self": [call(MASK, X, Y)],
    "aten.where.ScalarOther": [call(MASK, X, 2.0)],
    "aten.where.ScalarSelf": [call(MASK, 2.0, X)],
    "aten.masked_fill.Scalar": [call(X, MASK, -math.inf)],
    "aten.sum.default": ONE,
    "aten.sum.dim_IntList": [call(X, [1], True), call(X, [])],
    "aten.mean.default": ONE,
    "aten.mean.dim": [call(A(2, 3, 2), [0, -1])],
    "aten.prod.default": POSITIVE,
    "aten.prod.dim_int": [call(X, 1)],
    "aten.var.correction": [call(X, [1]), call(X, [1], correction=0, keepdim=True), call(X)],
    "aten.var.dim": [call(X, [1], False)],
    "aten.var.default": [call(X, False)],
    "aten.std.correction": [call(X, [1], correction=0)],
    "aten.var_mean.correction": [call(X, [1], correction=0, keepdim=True)],
    "aten.std_mean.correction": [call(X, [0])],
    "aten.amax.default": [call(X, [1]), call(X)],
    "aten.amin.default": [call(X, [1], True)],
    "aten.max.default": ONE,
    "aten.min.default": ONE,
    "aten.max.dim": [call(X, 1), call(X, 0, True)],
    "aten.min.dim": [call(X, -1)],
    "aten.argmax.default": [call(X, 1), call(X)],
    "aten.argmin.default": [call(X, 1, True)],
    "aten.all.dim": [call(MASK, 1)],
    "aten.any.default": [call(MASK)],
    "aten.logsumexp.default": [call(X, [1]), call(X, [0, 1], True)],
    "aten.cumsum.default": [call(X, 1)],
    "aten.cumprod.default": [call(A(2, 3, **P), 1)],
    "aten.norm.ScalarOpt_dim": [call(X, 2, [1]), call(X, 1, [0], True)],
    "aten.linalg_vector_norm.default": [call(X), call(X, 3.0, [1]), call(A(2, 3, distinct=True), math.inf)],
    "aten.cosine_similarity.default": [call(X, Y)],
    # ── layers ──
    "aten.linear.default": [call(A(2, 4, 3), A(5, 3), A(5)), call(X, A(5, 3)), call(X, A(3))],
    "aten.bilinear.default": [call(A(2, 3), A(2, 4), A(5, 3, 4), A(5))],
    "aten.matmul.default": [call(A(2, 3, 4), A(4, 2)), call(A(3), A(3))],
    "aten.mm.default": [call(X, A(3, 2))],
    "aten.bmm.default": [call(A(2, 3, 4), A(2, 4, 2))],
    "aten.mv.default": [call(X, A(3))],
    "aten.dot.default": [call(A(3), A(3))],
    "aten.outer.default": [call(A(3), A(2))],
    "aten.einsum.default": [call("bij, bjk -> bik", [A(2, 3, 4), A(2, 4, 2)])],
    "aten.addmm.default": [call(A(2), X, A(3, 2)), call(A(2), X, A(3, 2), beta=0.5, alpha=2)],
    "aten.baddbmm.default": [call(A(2, 3, 2), A(2, 3, 4), A(2, 4, 2), beta=0, alpha=0.5)],
    "aten.addmv.default": [call(A(2), X, A(3))],
    "aten.conv1d.default": [call(A(2, 2, 7), A(3, 2, 3), A(3), [2], [1], [2])],
    "aten.conv2d.default": [call(A(2, 2, 6, 5), A(3, 2, 3, 2), A(3), [2, 1], [1, 0]), call(A(2, 6, 5), A(3, 2, 2, 2)),
                            call(A(2, 4, 7, 6), A(6, 2, 3, 2), A(6), [1, 2], [2, 1], [2, 1], 2),
                            call(A(1, 3, 5, 5), A(3, 1, 3, 3), None, [1, 1], [1, 1], [1, 1], 3)],
    "aten.conv2d.padding": [call(A(1, 2, 5, 5), A(3, 2, 2, 3), A(3), [1, 1], "same"),
                            call(A(1, 2, 5, 5), A(3, 2, 2, 3), A(3), [1, 1], "valid")],
    "aten.conv3d.default": [call(A(1, 2, 4, 4, 4), A(2, 2, 2, 2, 2), A(2), [2, 1, 1], [1, 0, 1])],
    "aten.conv_transpose1d.default": [call(A(2, 2, 5), A(2, 3, 3), A(3), [2], [1], [1])],
    "aten.conv_transpose2d.input": [call(A(1, 4, 3, 4), A(4, 2, 3, 2), A(4), [2, 1], [1, 0], [1, 0], 2, [1, 2])],
    "aten.convolution.default": [call(A(1, 2, 5, 5), A(3, 2, 3, 3), A(3), [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
                                 call(A(1, 2, 5, 5), A(2, 3, 3, 3), None, [2, 2], [1, 1], [1, 1], True, [1, 1], 1)],
    "aten.max_pool1d.default": [call(A(2, 2, 7, distinct=True), [3], [2], [1])],
    "aten.max_pool2d.default": [call(A(2, 2, 6, 5, distinct=True), [2, 2]),
                                call(A(1, 2, 7, 7, distinct=True), [3, 2], [2, 2], [1, 1], [2, 1]),
                                call(A(1, 2, 6, 7, distinct=True), [2, 3], [2, 2], [0, 0], [1, 1], True),
                                call(A(2, 4, 4, distinct=True), [2, 2], [1, 1]),
                                call(np.zeros((1, 1, 4, 4)), [2, 2], [1, 1])],
    "aten.max_pool3d.default": [call(A(1, 2, 4, 4, 4, distinct=True), [2, 2, 2])],
    "aten.avg_pool1d.default": [call(A(2, 2, 7), [3], [2], [1])],
    "aten.avg_pool2d.default": [call(A(2, 2, 6, 5), [2, 2]), call(A(1, 2, 7, 7), [3, 2], [2, 2], [1, 1]),
                                call(A(1, 2, 6, 7), [3, 3], [2, 2], [1, 1], True),
                                call(A(1, 2, 6, 7), [3, 3], [2, 2], [1, 1], True, False),
                                call(A(1, 2, 6, 7), [3, 3], [2, 2], [1, 1], False, True, 5)],
    "aten.avg_pool3d.default": [call(A(1, 2, 4, 4, 4), [2, 2, 2])],
    "aten.adaptive_avg_pool1d.default": [call(A(2, 2, 7), [3])],
    "aten.adaptive_avg_pool2d.default": [call(A(2, 2, 6, 5), [1, 1]), call(A(2, 2, 6, 5), [4, 3])],
    "aten.adaptive_max_pool1d.default": [call(A(2, 2, 7, distinct=True), [3])],
    "aten.adaptive_max_pool2d.default": [call(A(2, 2, 6, 5, distinct=True), [4, 3])],
    "aten.batch_norm.default": [call(A(4, 3), A(3), A(3), K(3), K(3, **P), False, 0.1, 1e-5, False),
                                call(A(4, 3, 2, 2), A(3), A(3), None, None, True, 0.1, 1e-5, False),
                                call(A(4, 3, 2), None, None, None, None, True, 0.1, 1e-3, False)],
    "aten._native_batch_norm_legit_no_training.default": [call(A(4, 3), A(3), A(3), K(3), K(3, **P), 0.1, 1e-5)],
    "aten._native_batch_norm_legit_functional.default": [call(A(4, 3), A(3), A(3), K(3), K(3, **P), True, 0.1, 1e-5)],
    "aten._native_batch_norm_legit.no_stats": [call(A(4, 3, 2), A(3), A(3), True, 0.1, 1e-5)],
    "aten.native_layer_norm.default": [call(A(2, 4), [4], A(4), A(4), 1e-5)],
    "aten.max_pool2d_with_indices.default": [call(A(1, 2, 4, 4, distinct=True), [2, 2])],
    "aten.layer_norm.default": [call(A(2, 4), [4], A(4), A(4), 1e-5), call(A(2, 3, 4), [3, 4])],
    "aten.rms_norm.default": [call(A(2, 4), [4], A(4)), call(A(2, 4), [4], None, 1e-3)],
    "aten.group_norm.default": [call(A(2, 4, 3), 2, A(4), A(4), 1e-5), call(A(2, 4, 2, 2), 4)],
    "aten.instance_norm.default": [call(A(2, 3, 4), A(3), A(3), None, None, True, 0.1, 1e-5, False),
                                   call(A(2, 3, 4), None, None, K(3), K(3, **P), False, 0.1, 1e-5, False)],
    "aten.embedding.default": [call(A(5, 3), ints([0, 4], [4, 2])), call(A(5, 3), ints([0, 4], [4, 2]), 4)],
    "aten.scaled_dot_product_attention.default": [
        call(A(2, 2, 3, 4), A(2, 2, 5, 4), A(2, 2, 5, 6)), call(A(2, 3, 4), A(2, 3, 4), A(2, 3, 4), None, 0.0, True),
        call(A(2, 3, 4), A(2, 3, 4), A(2, 3, 4), np.tri(3, dtype=bool)),
        call(A(3, 4), A(3, 4), A(3, 4), A(3, 3), scale=0.3),
        call(A(1, 4, 3, 4), A(1, 2, 3, 4), A(1, 2, 3, 4), enable_gqa=True)],
    "aten.upsample_nearest1d.default": [call(A(1, 2, 3), [7])],
    "aten.upsample_nearest2d.default": [call(A(1, 2, 3, 4), [6, 6])],
    "aten.upsample_nearest2d.vec": [call(A(1, 2, 3, 4), None, [2.0, 1.5])],
    "aten.upsample_bilinear2d.default": [call(A(1, 2, 3, 4), [5, 7], False), call(A(1, 2, 3, 4), [5, 7], True)],
    "aten.upsample_bilinear2d.vec": [call(A(1, 2, 3, 4), None, False, [2.0, 2.0])],
    "aten.pixel_shuffle.default": [call(A(2, 8, 2, 3), 2)],
    # ── recurrent ──
    "aten.lstm.input": [call(*LSTM), call(*PROJECTED)],
    "aten.gru.input": [call(*RNN)],
    "aten.rnn_tanh.input": [call(A(3, 4), A(1, 5), [A(5, 4), A(5, 5)], False, 1, 0.0, False, False, False)],
    "aten.rnn_relu.input": [
        call(A(3, 2, 4), A(1, 2, 5), [A(5, 4), A(5, 5), A(5), A(5)], True, 1, 0.0, False, False, False)],
    "aten.lstm_cell.default": [call(A(2, 4), [A(2, 5), A(2, 5)], A(20, 4), A(20, 5), A(20), A(20))],
    "aten.gru_cell.default": [call(A(2, 4), A(2, 5), A(15, 4), A(15, 5), A(15), A(15))],
    "aten.rnn_tanh_cell.default": [call(A(2, 4), A(2, 5), A(5, 4), A(5, 5))],
    "aten.rnn_relu_cell.default": [call(A(2, 4), A(2, 5), A(5, 4), A(5, 5), A(5), A(5))],
    # ── losses ──
    "aten.cross_entropy_loss.default": [
        call(A(4, 3), ints(0, 2, 1, 1)), call(A(4, 3), ints(0, 2, -100, 1), K(3, **P)), call(A(3), ints(2).reshape(())),
        call(A(4, 3), ints(0, 2, 1, 1), K(3, **P), 1, 1, 0.1), call(A(4, 3), ints(0, 2, 1, 1), None, 2, -100, 0.2),
        call(A(2, 3, 4), ints([0, 2, 1, 1], [0, 0, 1, 2]), None, 0), call(A(4, 3), A(4, 3, **P)),
        call(A(4, 3), A(4, 3, **P), None, 1, -100, 0.2)],
    "aten.nll_loss.default": [call(A(4, 3), ints(0, 2, 1, 1)), call(A(4, 3), ints(0, 2, 1, 1), K(3, **P))],
    "aten.nll_loss_nd.default": [call(A(4, 3), ints(0, 2, 1, 1), None, 0), call(A(2, 3, 2), ints([0, 2], [1, 1]))],
    "aten.mse_loss.default": [call(X, Y), call(X, Y, 0), call(X, Y, 2)],
    "aten.l1_loss.default": [call(X, Y)],
    "aten.smooth_l1_loss.default": [call(X, Y), call(X, Y, 2, 0.3)],
    "aten.huber_loss.default": [call(X, Y, 1, 0.5)],
    "aten.binary_cross_entropy.default": [call(A(2, 3, low=0.1, high=0.9), A(2, 3, low=0, high=1)),
                                          call(A(2, 3, low=0.1, high=0.9), A(2, 3, low=0, high=1), K(3, **P), 2)],
    "aten.binary_cross_entropy_with_logits.default": [call(X, A(2, 3, low=0, high=1)),
                                                      call(X, A(2, 3, low=0, high=1), None, K(3, **P))],
    "aten.kl_div.default": [call(X, A(2, 3, **P)), call(X, Y, 2, log_target=True)],
}  # fmt: skip


def drawn(args: Any, name: str) -> Any:
    """The arguments with every ``A`` drawn; the same for the same operator."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return mapped(args, lambda x: Fixed(x.draw(rng)) if isinstance(x, K) else x.draw(rng) if isinstance(x, A) else x)


def mapped(tree: Any, f: Callable[[Any], Any]) -> Any:
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(x, f) for x in tree)
    if isinstance(tree, dict):
        return {k: mapped(x, f) for k, x in tree.items()}
    return f(tree)
