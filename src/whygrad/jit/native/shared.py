"""What all programs call and none contains: the matrix products, compiled once for this processor and linked by name.

Inside each program they took LLVM 0.4 s more, to optimise the same tiles again.
"""

from __future__ import annotations

from llvmlite import ir

from whygrad.jit.native.compile import object_code
from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.load import ObjectCode
from whygrad.jit.native.matmul import MatmulWriter

NUMBERS = {"f32": ir.FloatType(), "f64": ir.DoubleType()}


def compiled(suffix: str) -> ObjectCode:
    """The object code for one type of numbers; its ``function`` holds the names of all functions, spaces between
    them.
    """
    module = ir.Module("whygrad")
    writer = MatmulWriter(module, NUMBERS[suffix])
    functions = [writer.product(), writer.pack()]
    functions += [writer.tile_of(rows) for rows in range(4, TILE.rows + 1, 2)]
    for function in functions:
        function.linkage = ""  # to be found from outside
    return ObjectCode(object_code(module), " ".join(function.name for function in functions), (), ())
