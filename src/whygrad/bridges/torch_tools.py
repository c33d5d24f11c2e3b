"""Small things that every part of the PyTorch bridge needs: the library itself, numbers, names, modes, quiet."""

from __future__ import annotations

import contextlib
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.errors import ArgumentError, UnsupportedError

if TYPE_CHECKING:
    import torch
    from torch.nn import Module


@contextlib.contextmanager
def in_mode(module: Module, train: bool) -> Iterator[None]:
    """The module in eval mode, or in training mode without dropout; every part of it back as it was afterwards, and
    its buffers (running means, counters) too.
    """
    torch = torch_itself()
    modes = [(m, m.training) for m in module.modules()]
    random = torch.nn.modules.dropout._DropoutNd  # what all of PyTorch's dropout layers are
    kept = [(b, b.detach().clone()) for b in module.buffers()]
    try:
        for m, _ in modes:
            m.training = train and not isinstance(m, random)
        yield
    finally:
        for m, training in modes:
            m.training = training
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)


@contextlib.contextmanager
def backward_of(module: Module) -> Iterator[None]:
    """What PyTorch raises on the way back, as one error."""
    try:
        yield
    except Exception as error:  # PyTorch's own, or a backward of the user's
        raise ArgumentError(
            f"the backward pass of {name_of(module)} raised {type(error).__name__}: {first_line(error)}",
            where=users_line(error), why="PyTorch itself can not compute this gradient",
            try_="loss.backward() alone, which raises the same",
        ) from error  # fmt: skip


def users_line(error: Exception) -> str | None:
    """The innermost line outside of PyTorch, of the error or of the code that torch.export was reading."""
    stack = [*traceback.extract_tb(error.__traceback__), *(getattr(error, "real_stack", None) or ())]
    users = [
        f
        for f in stack
        if f"{'/'}torch{'/'}" not in f.filename and "whygrad" not in f.filename and f.filename[:1] != "<"
    ]
    return f"{users[-1].filename}:{users[-1].lineno}, in {users[-1].name}" if users else None


def first_line(error: BaseException) -> str:
    """What an exception says, without what follows."""
    text = str(error).strip()
    return (text.splitlines() or [type(error).__name__])[0][:300]


def name_of(module: Module) -> str:
    """The class, as people know it."""
    return type(module).__name__


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """PyTorch's warnings and log lines about its own insides are not the user's business."""
    loggers = [logging.getLogger(name) for name in ("torch", "torch.export", "torch.fx", "torch._dynamo")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def numbers_of(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's numbers, copied; half precision becomes float32, which NumPy computes with."""
    torch = torch_itself()
    tensor = tensor.detach().cpu().to_dense().resolve_conj().resolve_neg()
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.to(torch.float32)
    array: np.ndarray = tensor.numpy().copy()
    return array


def dtype_of(dtype: torch.dtype) -> np.dtype[Any]:
    """NumPy's dtype for PyTorch's; float32 for half precision."""
    return numbers_of(torch_itself().zeros((), dtype=dtype)).dtype


def torch_itself() -> Any:
    """The torch module, imported when it is needed."""
    try:
        import torch
    except ImportError as error:
        raise UnsupportedError("PyTorch is not installed", why="a PyTorch module is read by PyTorch itself",
                               try_="pip install torch") from error  # fmt: skip
    return torch


def aliases(module: Module) -> Mapping[str, str]:
    """Every name of a parameter or buffer, to the one it is called by: tied weights have several names."""
    first: dict[int, str] = {}
    found = {}
    for named in (module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False)):
        for name, x in named:
            found[name] = first.setdefault(id(x), name)
    return found
