"""From a torch.nn.Module to PyTorch's own exported program: checked before, run once, and one error for what fails."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.torch_agreement import Reference, reference
from whygrad.bridges.torch_tools import first_line, in_mode, name_of, quietly, torch_itself, users_line
from whygrad.errors import ArgumentError, DataError, DtypeError, UnsupportedError
from whygrad.nn.validation import refuse_masked

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram
    from torch.nn import Module

LARGEST = 4 * 2**30  # bytes of parameters that are copied
BY_NUMBERS = "which way it goes, or how much, depends on the numbers it is given"
WATCH = "wg.diagnose(module, X, Y), which watches the module through hooks and does not need to read it"


@dataclass(frozen=True, eq=False)
class Exported:
    """``program``: PyTorch's; ``inputs``: the examples; ``reference``: what the module itself made of them."""

    program: ExportedProgram
    inputs: tuple[torch.Tensor, ...]
    reference: Reference


def exported(module: Any, example_inputs: Any, train: bool) -> Exported:
    """The module as PyTorch's exported program, with a batch of any size if it allows that.

    Leaves the module as it was. Raises one error for a module that can not be read.
    """
    checked(module)
    with torch_itself().inference_mode(False):
        inputs = as_tensors(module, example_inputs)
        with in_mode(module, train):
            truth = reference(module, inputs)
        with in_mode(module, train):  # again, with the buffers as they were
            return Exported(_program(module, inputs), inputs, truth)


def _program(module: Module, inputs: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """With a batch of any size if that is possible, else for examples of just this shape."""
    doubled = _doubled(inputs)
    for given in (doubled, inputs) if doubled else (inputs,):
        try:
            return _export(module, given, any_batch=True)
        except UnsupportedError as error:
            if error.why == BY_NUMBERS:
                raise
    return _export(module, inputs, any_batch=False)


def checked(module: Any) -> None:
    """Refuse what is no module, or whose parameters are not numbers to differentiate by."""
    torch = torch_itself()
    if not isinstance(module, torch.nn.Module):
        raise ArgumentError(f"a torch.nn.Module is needed, not a {type(module).__name__}",
                            try_="wg.from_torch(module, (x,)), with an example input x")  # fmt: skip
    if not hasattr(module, "_parameters"):
        raise ArgumentError(f"{name_of(module)} is no whole module", why="its __init__ did not call super().__init__()",
                            try_="super().__init__() as the first line of __init__")  # fmt: skip
    if isinstance(module, torch.jit.ScriptModule):
        raise UnsupportedError(f"{name_of(module)} is a TorchScript module", why="torch.export reads Python modules",
                               try_="the module that it was scripted from")  # fmt: skip
    size = 0
    for name, x in [*module.named_parameters(), *module.named_buffers()]:
        what = f"{'parameter' if isinstance(x, torch.nn.Parameter) else 'buffer'} {name!r}"
        if torch.nn.parameter.is_lazy(x):
            raise DataError(f"{what} has no shape yet", why="a lazy module gets its shapes from its first call",
                            try_="module(x) once, before it is imported")  # fmt: skip
        if x.is_meta:
            raise DataError(f"{what} is on the meta device, and holds no numbers",
                            try_="module.to_empty(device='cpu') and its weights loaded")  # fmt: skip
        if x.is_inference():
            raise DataError(f"{what} was made under torch.inference_mode(), so PyTorch keeps no gradient of it",
                            try_="the module made outside of torch.inference_mode()")  # fmt: skip
        if x.layout != torch.strided or x.is_quantized:
            raise DtypeError(f"{what} is {'quantized' if x.is_quantized else str(x.layout).split('.')[-1]}",
                             why="whygrad computes with plain dense arrays", try_=f"{name}.to_dense()")  # fmt: skip
        if x.is_complex():
            raise DtypeError(f"{what} is complex", why="whygrad computes derivatives of real functions",
                             try_="real and imaginary part as two real parameters")  # fmt: skip
        if isinstance(x, torch.nn.Parameter) and not x.is_floating_point():
            raise DtypeError(f"{what} is of {x.dtype}", why="whole numbers have no slope",
                             try_="a buffer, or floating point")  # fmt: skip
        size += x.numel() * x.element_size()
    if size > LARGEST:
        raise ArgumentError(f"{name_of(module)} has {size / 2**30:.1f} GiB of parameters", where="",
                            why=f"the importer copies them, up to {LARGEST // 2**30} GiB", try_=WATCH)  # fmt: skip


def as_tensors(module: Module, example_inputs: Any) -> tuple[torch.Tensor, ...]:
    """The example inputs as tensors on the module's device; NumPy's floats in the module's own precision."""
    torch = torch_itself()
    several = isinstance(example_inputs, tuple) or (
        isinstance(example_inputs, list) and any(isinstance(x, (torch.Tensor, np.ndarray)) for x in example_inputs)
    )
    given = example_inputs if several else (example_inputs,)
    tensors = [as_tensor(module, x, f"example input {i}") for i, x in enumerate(given)]
    if not tensors:
        raise ArgumentError(f"no example input for {name_of(module)}", why="the importer runs the module once",
                            try_="wg.from_torch(module, (x,))")  # fmt: skip
    return tuple(tensors)


def as_tensor(module: Module, x: Any, name: str) -> Any:
    """Numbers as a tensor; ``name`` is what an error calls them."""
    torch = torch_itself()
    like = next((p for p in module.parameters()), torch.zeros(()))
    refuse_masked(x, name)
    if isinstance(x, (list, tuple, int, float)):
        try:
            x = np.asarray(x)
        except (ValueError, TypeError, RuntimeError) as error:
            raise DataError(
                f"{name} is no array of numbers", why=first_line(error), try_="rows of equal length"
            ) from None
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype.kind not in "fiub":
            raise DtypeError(f"{name} is of {x.dtype}", try_="an array of real numbers")
        x = x.astype(x.dtype.newbyteorder("="))  # torch takes no other order of bytes
        x = torch.tensor(
            x.astype(float) if x.dtype.kind == "f" else x, dtype=like.dtype if x.dtype.kind == "f" else None
        )
    if not isinstance(x, torch.Tensor):
        raise ArgumentError(f"{name} is a {type(x).__name__}, not a tensor", try_="a tensor, or a NumPy array")
    if x.is_meta or x.layout != torch.strided:
        kind = "is on the meta device, and holds no numbers" if x.is_meta else "is sparse"
        raise DataError(f"{name} {kind}", try_="a dense tensor of the numbers themselves")
    if x.is_complex():
        raise DtypeError(f"{name} is complex", why="whygrad computes derivatives of real functions")
    return _plain(x, like)


def _plain(x: Any, like: Any) -> Any:
    """The same numbers, on the device of another tensor, outside of any graph and of inference mode."""
    found = x.detach().to(like.device)
    return found.clone() if found.is_inference() else found


def _export(module: Module, inputs: tuple[torch.Tensor, ...], any_batch: bool) -> ExportedProgram:
    torch = torch_itself()
    auto = torch.export.Dim.AUTO
    sizes = tuple({0: auto} if x.ndim and x.shape[0] > 1 else None for x in inputs) if any_batch else None
    try:
        with quietly(), contextlib.redirect_stderr(io.StringIO()):  # where it prints what it read so far
            program: ExportedProgram = torch.export.export(module, inputs, dynamic_shapes=sizes)
            return program
    except Exception as error:  # torch.export raises many kinds; each means: it can not read the module
        raise UnsupportedError(
            f"torch.export can not read {name_of(module)}: {first_line(error)}", where=users_line(error),
            why=_reason(error), try_=WATCH,
        ) from error  # fmt: skip


def _doubled(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...] | None:
    """A single example taken twice: PyTorch takes a batch of one to mean that it is always one."""
    torch = torch_itself()
    if not all(x.ndim > 1 and x.shape[0] == 1 for x in inputs):
        return None
    return tuple(torch.cat([x, x]) for x in inputs)


def _reason(error: Exception) -> str:
    text = str(error)
    if "data-dependent" in text or "DataDependent" in type(error).__name__ or "unbacked" in text:
        return BY_NUMBERS
    return "the importer reads modules through torch.export"
