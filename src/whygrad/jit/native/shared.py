"""What all programs call and none contains: the matrix products, compiled once for this processor and linked by name.

Inside each program they took numba and LLVM 1 to 2 s more, most of it to optimise the same tiles once for each part.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.load import ObjectCode
from whygrad.jit.native.matmul import MatmulWriter

NUMBERS = {"f32": ir.FloatType(), "f64": ir.DoubleType()}


def compiled(suffix: str) -> ObjectCode:
    """The object code for one type of numbers; its ``function`` holds the names of all functions, spaces between
    them.
    """
    module = ir.Module("whygrad")
    module.triple = llvm.get_process_triple()
    writer = MatmulWriter(module, NUMBERS[suffix])
    functions = [writer.product(), writer.product_of_rows(), writer.pack()]
    functions += [writer.tile_of(rows) for rows in range(4, TILE.rows + 1, 2)]
    for function in functions:
        function.linkage = ""  # to be found from outside
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    native = llvm.parse_assembly(str(module))
    native.verify()
    optimise(native, machine)
    names = " ".join(function.name for function in functions)
    return ObjectCode(machine.emit_object(native), names, (), ())


def optimise(module: Any, machine: Any) -> None:
    """LLVM's third level: with the first, a step of 784-30-10 takes 29 µs instead of 21."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
