"""Foreign memory inside compiled code: the address of an array, an array at an address, no reference counts.

A view's shape is a constant of the program. LLVM then knows every trip count and every stride, and unrolls and
vectorises without a check at run time. Views own nothing, so no NRT (numba's reference counting) call remains.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array


@intrinsic
def address(context: Any, array: Any) -> Any:
    """Where the first element of an array is, as an unsigned integer."""
    if not isinstance(array, types.Array):
        return None

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fields = make_array(array)(target, builder, arguments[0])
        return builder.ptrtoint(fields.data, target.get_value_type(types.uintp))

    return types.uintp(array), generate


@intrinsic(prefer_literal=True)
def view(context: Any, place: Any, shape: Any, dtype: Any) -> Any:
    """The C-contiguous array of this constant shape and dtype whose first element is at the address ``place``."""
    sizes = literal_sizes(shape)
    if sizes is None or not isinstance(place, types.Integer):
        return None
    item = dtype.dtype if isinstance(dtype, types.DType) else dtype.instance_type
    array = types.Array(item, len(sizes), "C")

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = make_array(array)(target, builder)
        item_bytes = target.get_abi_sizeof(target.get_data_type(item))
        strides = [item_bytes] * len(sizes)
        for axis in reversed(range(len(sizes) - 1)):
            strides[axis] = strides[axis + 1] * sizes[axis + 1]
        populate_array(
            result,
            data=builder.bitcast(alone(builder, arguments[0]), result.data.type),
            shape=[target.get_constant(types.intp, size) for size in sizes],
            strides=[target.get_constant(types.intp, stride) for stride in strides],
            itemsize=target.get_constant(types.intp, item_bytes),
            meminfo=None,  # nobody's memory: reference counting skips it, and LLVM deletes what is left
        )
        return result._getvalue()

    return array(place, shape, dtype), generate


def alone(builder: Any, place: Any) -> Any:
    """The pointer to an array that no other view of the program looks at.

    Coming out of a function whose result is ``noalias``, it lets LLVM vectorise a loop over a dozen arrays without
    comparing their addresses first, which it gives up on beyond 8 comparisons. The empty assembly, which might keep the
    pointer for all that LLVM knows, makes calls and barriers count as places where the memory may change.
    """
    pointer = ir.IntType(8).as_pointer()
    name = "whygrad.alone"
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(pointer, [place.type]), name)
        function.linkage = "internal"
        for attribute in ("nounwind", "noinline"):
            function.attributes.add(attribute)
        function.return_value.add_attribute("noalias")
        body = ir.IRBuilder(function.append_basic_block())
        body.ret(body.inttoptr(function.args[0], pointer))
    result = builder.call(function, [place])
    builder.asm(ir.FunctionType(ir.VoidType(), [pointer]), "", "r,~{memory}", [result], side_effect=True)
    return result


def literal_sizes(shape: Any) -> list[int] | None:
    """The numbers of a tuple of integer literals, or None if it is something else."""
    if not isinstance(shape, types.BaseTuple):
        return None
    sizes: list[Any] = list(shape)  # type: ignore[call-overload]  # numba's stubs do not know that its tuples iterate
    if not all(isinstance(size, types.IntegerLiteral) for size in sizes):
        return None
    return [size.literal_value for size in sizes]


@intrinsic
def flattened(context: Any, array: Any) -> Any:
    """The same numbers of a C-contiguous array as one row."""
    if not isinstance(array, types.Array) or array.layout != "C":
        return None
    row = types.Array(array.dtype, 1, "C")

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, result = make_array(array)(target, builder, arguments[0]), make_array(row)(target, builder)
        populate_array(result, data=given.data, shape=[given.nitems], strides=[given.itemsize], itemsize=given.itemsize,
                       meminfo=None)
        return result._getvalue()

    return row(array), generate


@intrinsic(prefer_literal=True)
def strided(context: Any, array: Any, offset: Any, shape: Any, strides: Any) -> Any:
    """A look at the memory of ``array`` from number ``offset`` on, of constant shape and strides in numbers."""
    sizes, steps = literal_sizes(shape), literal_sizes(strides)
    if sizes is None or steps is None or not isinstance(array, types.Array):
        return None
    look = types.Array(array.dtype, len(sizes), "A")

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, result = make_array(array)(target, builder, arguments[0]), make_array(look)(target, builder)
        item_bytes = target.get_abi_sizeof(target.get_data_type(array.dtype))
        start = target.cast(builder, arguments[1], signature.args[1], types.intp)
        populate_array(
            result,
            data=builder.gep(given.data, [start]),
            shape=[target.get_constant(types.intp, size) for size in sizes],
            strides=[target.get_constant(types.intp, step * item_bytes) for step in steps],
            itemsize=target.get_constant(types.intp, item_bytes),
            meminfo=None,
        )
        return result._getvalue()

    return look(array, offset, shape, strides), generate


@intrinsic
def fetch(context: Any, array: Any, row: Any) -> Any:
    """Ask for a row of a C-contiguous array ahead of its use: one request for every 64 bytes, nothing is waited for."""
    if not isinstance(array, types.Array) or array.layout != "C" or not isinstance(row, types.Integer):
        return None

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fields = make_array(array)(target, builder, arguments[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(64)
        step = builder.extract_value(fields.strides, 0)
        start = builder.gep(builder.bitcast(fields.data, byte), [builder.mul(step, arguments[1])])
        kind = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        with cgutils.for_range_slice(builder, word(0), step, word(64), word) as (at, _):
            builder.call(ask, [builder.gep(start, [at]), *(ir.IntType(32)(n) for n in (0, 3, 1))])
        return target.get_dummy_value()

    return types.void(array, row), generate
