"""Python text of loops to object code: numba compiles one entry whose array shapes are constants.

Numba is imported here and by nothing that a cached start needs: importing it takes 0.5 s.
The program's body becomes the entry's own body, rather than a function that the entry calls: numba then types, lowers
and optimises one function instead of two, and LLVM sees the constant shapes without having to inline anything.
"""

from __future__ import annotations

import ast
import linecache
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from llvmlite import binding as llvm

from whygrad.errors import WhygradError
from whygrad.jit.native.arrays import Arguments
from whygrad.jit.native.load import ObjectCode, normalized
from whygrad.jit.native.parts import Parts

PROGRAM, ENTRY, GIVEN = "program", "whygrad_entry", ("tid", "threads", "sync")
FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp"})  # never nnan or ninf: NaN and infinity keep their meaning
OPTIONS = {
    "fastmath": set(FASTMATH),
    "error_model": "numpy",  # 1/0 is infinity, not an exception to check for
    "nogil": True,
    "boundscheck": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


class CompilationError(WhygradError, RuntimeError):
    """A generated program that numba refuses: the engine's mistake, shown with its line of the program."""


def compile_source(source: str, arguments: Sequence[tuple[Sequence[int], Any]]) -> ObjectCode:
    """Compile ``program(tid, threads, sync, *arrays)`` of a module's text for arrays of these shapes and dtypes.

    Options of a decorator on ``program`` win over the defaults above.
    """
    wanted = normalized(arguments)
    filename = f"<whygrad program {hash((source, wanted)) & 0xFFFFFFFF:08x}>"
    tree = with_entry(source, wanted, filename)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)  # for numba's messages
    try:
        return _compiled(tree, filename, wanted, source)
    finally:
        linecache.cache.pop(filename, None)


def _compiled(tree: ast.Module, filename: str, arguments: Arguments, source: str) -> ObjectCode:
    import numba

    names: dict[str, Any] = {"__name__": "whygrad_program"}
    try:
        exec(compile(tree, filename, "exec"), names)
        options: dict[str, Any] = OPTIONS | chosen(names[PROGRAM])
        signature = numba.types.int64(numba.types.uintp, numba.types.int64, numba.types.int64)
        for name in [name for name in names if name.startswith("part") and name[4:].isdigit()]:
            names[name] = numba.njit(**options)(names[name])
        entry = numba.njit(signature, **options)(names[ENTRY])
    except Exception as error:  # numba lets NumPy's AttributeError and its own AssertionErrors through
        raise refusal(error, source, filename) from error
    result: Any = entry.overloads[signature.args]
    data = result.library._get_compiled_object()
    return ObjectCode(data, result.fndesc.llvm_func_name, undefined_symbols(data, result.library), arguments)


def chosen(program: Any) -> dict[str, Any]:
    """The options that the program's own ``@njit(...)`` names."""
    options = dict(getattr(program, "targetoptions", {}))
    options.pop("nopython", None)
    return {name: value for name, value in options.items() if name in {"fastmath", "error_model", "boundscheck"}}


# ── the entry ────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_entry(source: str, arguments: Arguments, filename: str) -> ast.Module:
    """The module with one function more: the program's body behind views of the addresses in a table."""
    tree = ast.parse(source, filename)
    programs = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == PROGRAM]
    if len(programs) != 1:
        raise CompilationError(f"the generated module has {len(programs)} functions 'program', not 1", where=filename)
    program = programs[0]
    names = [argument.arg for argument in program.args.args]
    if len(names) != len(GIVEN) + len(arguments):
        raise CompilationError(
            f"program takes {len(names) - len(GIVEN)} arrays and is compiled for {len(arguments)}",
            where=f"{filename}, line {program.lineno}",
        )
    entry = ast.parse(_entry_head(names, arguments), filename)
    for node in ast.walk(entry):
        if hasattr(node, "lineno"):
            ast.copy_location(node, program)
    *imports, function = entry.body
    assert isinstance(function, ast.FunctionDef)
    table, sync, *views = function.body
    heads = dict(zip(names[len(GIVEN) :], views, strict=True))
    flats = {alias: (array, head) for alias, array, head in flattenings(program.body)}
    parts = Parts("_place", (names[0], names[1], names[2]), heads, flats, table, sync)
    function.body += parts.cut(program.body)
    tree.body += [*imports, *parts.made, function]
    return ast.fix_missing_locations(tree)


def flattenings(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str, ast.stmt]]:
    """Statements ``x_flat = flattened(x)``: (alias, array, statement)."""
    for head in body:
        if isinstance(head, ast.Assign) and isinstance(head.value, ast.Call) and isinstance(head.targets[0], ast.Name):
            function, *given = head.value.func, *head.value.args
            if isinstance(function, ast.Name) and function.id == "flattened" and isinstance(given[0], ast.Name):
                yield head.targets[0].id, given[0].id, head


def _entry_head(names: list[str], arguments: Arguments) -> str:
    """The text of the entry up to where the program's own body begins."""
    tid, threads, sync, *arrays = names
    lines = [
        "import numpy as _np",
        "from whygrad.jit.native.memory import view as _view",
        f"def {ENTRY}(_place, {tid}, {threads}):",
        f"    _table = _view(_place, ({len(arrays) + 1},), _np.uintp)",
        f"    {sync} = _table[0]",
    ]
    for index, (name, (shape, dtype)) in enumerate(zip(arrays, arguments, strict=True), start=1):
        lines.append(f"    {name} = _view(_table[{index}], {shape!r}, _np.{numpy_name(dtype)})")
    return "\n".join(lines)


def numpy_name(dtype: str) -> str:
    """NumPy's attribute for a dtype: ``bool_`` where the plain name is Python's."""
    name = np.dtype(dtype).name
    return "bool_" if name == "bool" else name


def refusal(error: Exception, source: str, filename: str) -> CompilationError:
    """Numba's exception as one of ours, with the line of the program that it is about."""
    line = getattr(getattr(error, "loc", None), "line", None)
    text = str(error)
    if line is None and f'File "{filename}", line ' in text:
        line = int(text.rpartition(f'File "{filename}", line ')[2].split(":")[0].split()[0])
    lines = source.splitlines()
    shown = f": {lines[line - 1].strip()}" if line and line <= len(lines) else ""
    return CompilationError(
        f"numba refuses a generated program{shown}",
        where=f"{filename}, line {line}",
        why=text,
        try_="please report this with the function that was compiled",
    )


# ── what the object still needs ──────────────────────────────────────────────────────────────────────────────────────


def undefined_symbols(data: bytes, library: Any) -> tuple[str, ...]:
    """The functions that the object calls and does not contain.

    The declarations of the LLVM module are not enough: ``llvm.exp.f32`` becomes a call of ``expf`` while code is
    generated. So the object's own table is read where its format is ELF.
    """
    if data[:5] == b"\x7fELF\x02":
        return tuple(sorted(elf_undefined(data)))
    functions = llvm.parse_assembly(library.get_llvm_str()).functions
    return tuple(sorted(f.name for f in functions if f.is_declaration and not f.name.startswith("llvm.")))


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
