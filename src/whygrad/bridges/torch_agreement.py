"""Does an imported model compute what its module computes? Values and gradients on the example inputs, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from whygrad.bridges.model import Model
from whygrad.bridges.torch_tools import backward_of, first_line, name_of, numbers_of, quietly, torch_itself, users_line
from whygrad.derivatives import vjp
from whygrad.errors import ArgumentError, DtypeError

if TYPE_CHECKING:
    import torch
    from torch.nn import Module

CLOSE = {8: 1e-8, 4: 1e-3, 2: 0.1}  # by bytes of a number, relative to the largest: well above rounding


@dataclass(frozen=True, eq=False)
class Reference:
    """What PyTorch computes: a module's outputs, and the gradient of ``probes`` · outputs.

    ``gradients``: by every parameter that is trained and every input, by name ("input 0"); zeros where none arrives.
    """

    outputs: list[torch.Tensor]
    gradients: Mapping[str, np.ndarray]


def reference(module: Module, inputs: tuple[torch.Tensor, ...]) -> Reference:
    """The module, run forwards and backwards once.

    A forward that raises is the user's mistake, and said so with its line.
    """
    torch = torch_itself()
    given = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
    try:
        with torch.enable_grad(), quietly():
            outputs = module(*given)
    except Exception as error:  # whatever the user's code raises
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ArgumentError(
            f"{name_of(module)}'s forward raised {type(error).__name__} on example inputs of shape {shapes}: "
            f"{first_line(error)}",
            where=users_line(error), try_="example inputs that module(*inputs) accepts",
        ) from error  # fmt: skip
    results = [x for x in _leaves(outputs) if isinstance(x, torch.Tensor)]
    if not results:
        raise DtypeError(f"{name_of(module)} returned {type(outputs).__name__}, which holds no tensor",
                         why="a gradient is of numbers", try_="return tensors")  # fmt: skip
    wrt: dict[str, Any] = {n: p for n, p in module.named_parameters() if p.requires_grad}
    wrt |= {f"input {i}": x for i, x in enumerate(given) if x.requires_grad}
    smooth = [x for x in results if x.requires_grad]
    if not wrt or not smooth:
        return Reference(results, {name: np.zeros(tuple(x.shape)) for name, x in wrt.items()})
    seeds = [
        torch.tensor(seed, dtype=x.dtype, device=x.device)
        for x, seed in zip(results, probes(results), strict=True)
        if x.requires_grad
    ]
    if any(x.is_complex() for x in results):
        raise DtypeError(f"{name_of(module)} returned complex numbers",
                         why="whygrad computes derivatives of real functions")  # fmt: skip
    with backward_of(module):
        gradients = torch.autograd.grad(smooth, list(wrt.values()), seeds, allow_unused=True)
    found = {
        n: np.zeros(tuple(x.shape)) if g is None else numbers_of(g)
        for (n, x), g in zip(wrt.items(), gradients, strict=True)
    }
    return Reference([x.detach() for x in results], found)


def probes(outputs: list[Any]) -> list[np.ndarray]:
    """Numbers to weigh each output with, so that one backward pass tells whether two models have the same slopes."""
    rng = np.random.default_rng(0)
    return [rng.uniform(0.5, 1.5, tuple(x.shape)) for x in outputs]


def _leaves(outputs: Any) -> list[Any]:
    """A module's outputs as a plain list: PyTorch flattens classes that optree does not know."""
    from torch.utils._pytree import tree_leaves

    found: list[Any] = tree_leaves(outputs)
    return found


def disagreement(model: Model, example: tuple[torch.Tensor, ...], truth: Reference) -> str:
    """What differs between the model and the module on the example inputs; empty if nothing does."""
    inputs = [numbers_of(x) for x in example]
    smooth = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]

    def outputs(parameters: Any, *moving: Any) -> Any:
        given = dict(zip(smooth, moving, strict=True))
        return [
            x
            for x in optree.tree_leaves(model.function(parameters, *(given.get(i, x) for i, x in enumerate(inputs))))
            if hasattr(x, "shape")
        ]

    with np.errstate(all="ignore"):
        ours, pull = vjp(outputs, dict(model.parameters), *(inputs[i] for i in smooth))
        for i, (own, other) in enumerate(zip(ours, truth.outputs, strict=True)):
            if problem := _difference(own, numbers_of(other), other.dtype.itemsize):
                return f"output {i} {problem}"
        seeds = [
            np.where(x.dtype.kind == "f", w, 0).astype(np.result_type(x, np.float32))
            for x, w in zip(ours, probes(truth.outputs), strict=True)
        ]
        by_parameter, *by_input = pull(seeds)
    found = dict(by_parameter) | {f"input {i}": g for i, g in zip(smooth, by_input, strict=True)}
    sizes = (np.abs(g[np.isfinite(g)]) for g in truth.gradients.values())
    largest = max((float(np.max(size, initial=0.0)) for size in sizes), default=0.0)
    for name, wanted in truth.gradients.items():
        if problem := _difference(found[name], wanted, truth.outputs[0].dtype.itemsize, largest):
            return f"its gradient by {name} {problem}"
    return ""


def _difference(own: Any, other: np.ndarray, size: int, scale: float = 0.0) -> str:
    """How two arrays differ beyond rounding, ``size`` bytes to a number; empty if they do not."""
    if np.shape(own) != other.shape:
        return f"has shape {np.shape(own)}, PyTorch's {other.shape}"
    finite = np.isfinite(other)
    scale = max(1.0, scale, float(np.max(np.abs(other[finite]), initial=0.0)))
    if np.allclose(own, other, rtol=0, atol=CLOSE.get(size, 0.0) * scale, equal_nan=True):
        return ""
    return f"differs by {np.nanmax(np.abs(np.asarray(own, float) - other)):.3g}"
