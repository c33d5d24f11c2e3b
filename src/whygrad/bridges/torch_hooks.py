"""What passes through a module's layers in one run, read by hooks that are gone when the run is.

For models that the importer can not read. Hooks only look: they copy what they see and change no number.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.torch_tools import numbers_of, torch_itself

if TYPE_CHECKING:
    import torch
    from torch.nn import Module

# Autograd's names of activations, the names that findings know, and the options that autograd keeps.
ACTIVATIONS = {
    "ReluBackward0": ("relu", ()),
    "SigmoidBackward0": ("sigmoid", ()),
    "TanhBackward0": ("tanh", ()),
    "LeakyReluBackward0": ("leaky_relu", ("negative_slope",)),
    "EluBackward0": ("elu", ("alpha", "scale", "input_scale")),
    "GeluBackward0": ("gelu", ("approximate",)),
    "SiluBackward0": ("silu", ()),
    "SoftplusBackward0": ("softplus", ("beta", "threshold")),
    "MishBackward0": ("mish", ()),
    "HardtanhBackward0": ("hardtanh", ("min_val", "max_val")),
    "SoftmaxBackward0": ("softmax", ("dim",)),
    "LogSoftmaxBackward0": ("log_softmax", ("dim",)),
}
# Steps that move or drop numbers: what comes after them still acts on the layer's numbers, one by one.
MOVES = ("View", "Reshape", "Transpose", "Permute", "TBackward", "Squeeze", "Unsqueeze", "Clone", "Alias", "UnsafeView",
         "Expand", "Contiguous")  # fmt: skip
PRODUCTS = ("Addmm", "Mm", "Convolution", "Linear", "Bmm")


@dataclass(eq=False)
class Call:
    """One call of one layer: what went in, what came out, and, after the backward pass, what arrived from the cost.

    ``z``: what the layer (with the normalization that follows it) gave; ``node``: autograd's record of that, None where
    no gradient is kept. ``delta``: ∂loss/∂z; ``error``: ∂loss/∂a, after the activation; both None until they arrive.
    """

    inputs: np.ndarray | None
    z: np.ndarray
    node: Any
    normalized: bool = False
    delta: np.ndarray | None = None
    error: np.ndarray | None = None


@dataclass(eq=False)
class Seen:
    """Everything that one run showed: the calls of each layer, by the module's path, in order of their first call."""

    modules: dict[str, Module]
    calls: dict[str, list[Call]] = field(default_factory=dict)
    activations: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    chain: bool = False

    def after_forward(self, outputs: torch.Tensor) -> None:
        """Read autograd's graph from the outputs down: which activation follows each layer; have the errors kept."""
        users = _users(outputs.grad_fn)
        for path, calls in self.calls.items():
            for call in calls:
                _keep(call, "delta", call.node)
                found = _activation(call.node, users)
                if found is not None:
                    node, name, options = found
                    self.activations[path] = (name, options)
                    _keep(call, "error", node)
                elif path not in self.activations:
                    self.activations[path] = ("identity" if _is_plain(call.node, outputs.grad_fn, users) else "", {})
        once = all(len(calls) == 1 for calls in self.calls.values())
        self.chain = once and _is_chain([call.node for calls in self.calls.values() for call in calls], users)


@contextlib.contextmanager
def hooked(module: Module) -> Iterator[Seen]:
    """While the block runs, every call of a layer of ``module`` is seen; no hook stays, whatever happens."""
    seen, handles = Seen({}), []
    try:
        for path, layer in layers_of(module).items():
            seen.modules[path] = layer
            handles.append(layer.register_forward_hook(_observer(seen, path), prepend=True))
        handles += [norm.register_forward_hook(_normalizer(seen), prepend=True) for norm in norms_of(module)]
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def layers_of(module: Module) -> dict[str, Module]:
    """The parts that multiply with weights, by path: linear, convolution, embedding; a shared part once."""
    nn = torch_itself().nn
    kinds = (nn.Linear, nn.modules.conv._ConvNd, nn.Embedding)  # what all convolutions are
    return {path or "module": m for path, m in module.named_modules() if isinstance(m, kinds)}


def norms_of(module: Module) -> list[Module]:
    """The parts that normalize what a layer gives."""
    nn = torch_itself().nn
    kinds = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    return [m for m in module.modules() if isinstance(m, kinds)]


def _observer(seen: Seen, path: str) -> Any:
    def observe(layer: Module, inputs: tuple[Any, ...], output: Any) -> None:
        torch = torch_itself()
        if isinstance(output, torch.Tensor):
            given = inputs[0] if inputs and isinstance(inputs[0], torch.Tensor) else None
            plain = isinstance(layer, torch.nn.Linear)
            call = Call(numbers_of(given) if plain and given is not None else None, numbers_of(output), output.grad_fn)
            seen.calls.setdefault(path, []).append(call)

    return observe


def _normalizer(seen: Seen) -> Any:
    def observe(norm: Module, inputs: tuple[Any, ...], output: Any) -> None:
        node = getattr(inputs[0], "grad_fn", None) if inputs else None
        for calls in seen.calls.values():
            if node is not None and calls[-1].node is node:  # what the layer gave last is what is normalized
                calls[-1].z, calls[-1].node, calls[-1].normalized = numbers_of(output), output.grad_fn, True

    return observe


def _keep(call: Call, name: str, node: Any) -> None:
    """Have what arrives at a node of autograd's graph kept; the hook goes when the graph goes."""

    def arrived(gradients: tuple[Any, ...]) -> None:
        if gradients[0] is not None:
            setattr(call, name, numbers_of(gradients[0]))

    if node is not None:
        node.register_prehook(arrived)


def _users(root: Any) -> dict[Any, list[Any]]:
    """Autograd's graph upside down: who uses each node, from the loss to the leaves."""
    users: dict[Any, list[Any]] = {}
    waiting, known = [root] if root is not None else [], {root}
    while waiting:
        node = waiting.pop()
        for below, _ in node.next_functions:
            if below is None:
                continue
            users.setdefault(below, []).append(node)
            if below not in known:
                known.add(below)
                waiting.append(below)
    return users


def _next(node: Any, users: dict[Any, list[Any]]) -> Any:
    """The only step that uses a value, seen through steps that only move it; None if there are several, or none."""
    while True:
        above = users.get(node, [])
        if len(above) != 1:
            return None
        node = above[0]
        if not node.name().startswith(MOVES):
            return node


def _activation(node: Any, users: dict[Any, list[Any]]) -> tuple[Any, str, dict[str, Any]] | None:
    above = _next(node, users)
    if above is None or above.name() not in ACTIVATIONS:
        return None
    name, options = ACTIVATIONS[above.name()]
    return above, name, {option: getattr(above, f"_saved_{option}") for option in options}


def _is_plain(node: Any, top: Any, users: dict[Any, list[Any]]) -> bool:
    """The next layer, or the cost, takes the numbers as they are."""
    while node is not top and len(users.get(node, [])) == 1:
        node = users[node][0]
        if not node.name().startswith(MOVES):
            return bool(node.name().startswith(PRODUCTS))
    return node is top


def _is_chain(nodes: list[Any], users: dict[Any, list[Any]]) -> bool:
    """Every layer is fed by the one before and by nothing else: from each, one way leads up to the next."""
    wanted = [node for node in nodes if node is not None]
    if len(wanted) != len(nodes) or len(set(nodes)) != len(nodes):
        return False
    for lower, upper in itertools.pairwise(nodes):
        node = lower
        while node is not upper:
            above = users.get(node, [])
            if len(above) != 1:
                return False
            node = above[0]
    return True
