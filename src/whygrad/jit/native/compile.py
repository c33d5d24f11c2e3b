"""Printed programs to object code: the text becomes LLVM code, LLVM optimises it for this processor."""

from __future__ import annotations

import ast
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

from whygrad.errors import WhygradError
from whygrad.jit.native.arrays import Arguments
from whygrad.jit.native.cpu import host_features
from whygrad.jit.native.emit import ENTRY, RefusedError, written
from whygrad.jit.native.load import ObjectCode, normalized

PROGRAM, GIVEN = "program", ("tid", "threads", "sync")


class CompilationError(WhygradError, RuntimeError):
    """A generated program that can not be compiled: the engine's mistake, shown with its line of the program."""


def compile_source(source: str, arguments: Sequence[tuple[Sequence[int], Any]]) -> ObjectCode:
    """Compile ``program(tid, threads, sync, *arrays)`` of a module's text for arrays of these shapes and dtypes."""
    wanted = normalized(arguments)
    try:
        module = written(program_of(source, wanted), wanted)
    except RefusedError as error:
        raise CompilationError(
            f"a generated program has a line that is not understood: {source.splitlines()[error.line - 1].strip()}",
            where=f"the program, line {error.line}",
            why=str(error),
            try_="please report this with the function that was compiled",
        ) from error
    data = object_code(module)
    return ObjectCode(data, ENTRY, undefined_symbols(data, module), wanted)


def program_of(source: str, arguments: Arguments) -> ast.FunctionDef:
    """The function ``program`` of a module's text, with a parameter for each of these arrays."""
    programs = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == PROGRAM]
    if len(programs) != 1:
        raise CompilationError(f"the generated module has {len(programs)} functions 'program', not 1", where="")
    program = programs[0]
    count = len(program.args.args) - len(GIVEN)
    if count != len(arguments):
        raise CompilationError(
            f"program takes {count} arrays and is compiled for {len(arguments)}",
            where=f"the program, line {program.lineno}",
        )
    return program


def object_code(module: ir.Module) -> bytes:
    """A module optimised and translated for this processor, with all of its features."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = ",".join(f"+{name}" for name in sorted(host_features()))
    machine = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
    module.triple = target.triple
    module.data_layout = str(machine.target_data)
    data: bytes = machine.emit_object(optimised(str(module), machine))
    return data


def optimised(text: str, machine: Any) -> Any:
    """The module of this text, optimised.

    LLVM 20 turns some short loops, ``x * x[:1] + x`` for 8 × 7 numbers of float32, into code that uses a vector before
    it is there, and ends the process when asked for its instructions. Such a module is found out, and made once more
    without the pass that does so, which puts straight code into vectors.
    """
    module = llvm.parse_assembly(text)
    module.verify()
    optimise(module, machine)
    try:
        module.verify()
    except RuntimeError:
        module = llvm.parse_assembly(text)
        optimise(module, machine, straight=False)
        module.verify()
    return module


def optimise(module: Any, machine: Any, straight: bool = True) -> None:
    """LLVM's third level: with the first, a step of 784-30-10 takes 29 µs instead of 21."""
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization, options.slp_vectorization = True, straight
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


# ── what the object still needs ──────────────────────────────────────────────────────────────────────────────────────


def undefined_symbols(data: bytes, module: ir.Module) -> tuple[str, ...]:
    """The functions that the object calls and does not contain.

    The declarations of the LLVM module are not enough: ``llvm.pow.f32`` becomes a call of ``powf`` while code is
    generated. So the object's own table is read where its format is ELF.
    """
    if data[:5] == b"\x7fELF\x02":
        return tuple(sorted(elf_undefined(data)))
    return tuple(sorted(_called(module)))


def _called(module: ir.Module) -> Iterator[str]:
    """The declared functions, and for LLVM's own the C library's that they may become."""
    for function in module.functions:
        if not function.is_declaration:
            continue
        name, _, suffix = function.name.removeprefix("llvm.").partition(".")
        if not function.name.startswith("llvm."):
            yield function.name
        elif name in {"pow", "sin", "cos", "log2", "log10"}:
            yield name + ("f" if suffix == "f32" else "")


def elf_undefined(data: bytes) -> set[str]:
    """The undefined names in the symbol table of a 64-bit ELF object (layout: the ELF-64 object file format, 1998)."""
    order = "<" if data[5] == 1 else ">"
    sections_at, size, count = (
        struct.unpack_from(order + "Q", data, 40)[0],
        *struct.unpack_from(order + "HH", data, 58),
    )
    sections = [struct.unpack_from(order + "IIQQQQIIQQ", data, sections_at + i * size) for i in range(count)]
    names = set()
    for section in sections:
        if section[1] != 2:  # SHT_SYMTAB
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name_at, _info, _other, index = struct.unpack_from(order + "IBBH", data, at)
            if index == 0 and name_at:
                start = strings + name_at
                names.add(data[start : data.index(b"\0", start)].decode())
    return names
