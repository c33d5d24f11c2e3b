"""What hooks saw, as the ``Record`` that findings are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.torch_hooks import Call, Seen
from whygrad.bridges.torch_tools import numbers_of, torch_itself
from whygrad.diagnosis.examples import evenly
from whygrad.diagnosis.records import LayerRecord

if TYPE_CHECKING:
    from torch.nn import Module

MIXES = ("softmax", "log_softmax")  # activations whose slope is no number of one unit
SQUASHES = {"sigmoid": True, "tanh": True, "hardtanh": True}
GRID = (-30.0, 30.0, 6001)  # where the largest slope of an activation is looked for


def layer_records(
    seen: Seen, n: int, per_example: float, gradients: dict[str, Any], updates: dict[str, Any], trained: set[str],
    most: int | None = None,
) -> tuple[LayerRecord, ...]:  # fmt: skip
    """One record for each layer that was called.

    ``per_example``: what turns ∂loss/∂z into ∂C_x/∂z (n for a loss that is a mean, divided by the loss scale).
    ``gradients``, ``updates``: by parameter name, as arrays; ``trained``: the parameters that an optimizer changes.
    ``most``: so many positions of an example at most, evenly taken; None for all.
    """
    return tuple(
        _layer(path, calls, seen, _Rows(n, most), per_example, gradients, updates, trained)
        for path, calls in seen.calls.items()
    )


def _layer(
    path: str, calls: list[Call], seen: Seen, rows: _Rows, per_example: float, gradients: dict[str, Any],
    updates: dict[str, Any], trained: set[str],
) -> LayerRecord:  # fmt: skip
    layer: Any = seen.modules[path]
    prefix = "" if path == "module" else f"{path}."
    calls = [c for c in calls if c.z.shape == calls[-1].z.shape]
    name, options = seen.activations.get(path, ("", {}))
    z = rows.of([c.z for c in calls], layer)
    positions = max(1, len(z) // max(1, rows.n))
    a, slope, largest = _activated(name, options, z)
    reached = f"{prefix}weight" in gradients or all(c.delta is not None for c in calls)
    normalized = any(c.normalized for c in calls)
    known = all(c.inputs is not None for c in calls) and not normalized
    return LayerRecord(
        name=path if any(c.isalpha() for c in path) else f"module {path}",
        activation=name,
        z=z,
        a=a,
        delta=_scaled(rows.all([c.delta for c in calls], layer), per_example),
        inputs=rows.of([c.inputs for c in calls if c.inputs is not None], None) if known else None,
        slope=slope,
        max_slope=largest,
        squashes=None if not name else SQUASHES.get(name, False),
        error=None if slope is None else _scaled(rows.all([c.error for c in calls], layer), per_example),
        weight=_matrix(numbers_of(layer.weight), layer),
        bias=None if getattr(layer, "bias", None) is None else numbers_of(layer.bias),
        weight_gradient=_matrix(gradients.get(f"{prefix}weight"), layer),
        bias_gradient=gradients.get(f"{prefix}bias"),
        update=_matrix(updates.get(f"{prefix}weight"), layer),
        positions=positions,
        reached=reached,
        trained=f"{prefix}weight" in trained,
        kind=_kind(layer) + (" with normalization" if normalized else ""),
        weight_name=f"{prefix}weight",
    )


def _kind(layer: Module) -> str:
    nn = torch_itself().nn
    return (
        "embedding" if isinstance(layer, nn.Embedding) else "dense" if isinstance(layer, nn.Linear) else "convolution"
    )


def _matrix(weight: np.ndarray | None, layer: Module) -> np.ndarray | None:
    """Weights as (units, everything else); an embedding's units are its columns."""
    if weight is None:
        return None
    nn = torch_itself().nn
    if isinstance(layer, nn.Embedding):
        return weight.T
    if getattr(layer, "transposed", False):
        weight = np.moveaxis(weight, 1, 0)
    return weight.reshape(len(weight), -1)


@dataclass(frozen=True)
class _Rows:
    """How values become rows: ``n`` examples, and at most so many positions of each."""

    n: int
    most: int | None

    def of(self, arrays: list[np.ndarray], layer: Module | None) -> np.ndarray:
        """(examples · positions, units): channels last, the calls of one layer beside each other as more positions."""
        nn = torch_itself().nn
        flat = []
        for x in arrays:
            if layer is not None and isinstance(layer, nn.modules.conv._ConvNd):
                kernel: Any = layer.kernel_size
                x = np.moveaxis(x, -1 - len(kernel), -1)
            if x.ndim == 1:
                x = x[None]
            units = x.shape[-1]
            whole = bool(self.n and units) and x.size % (self.n * units) == 0
            flat.append(x.reshape(self.n if whole else 1, -1, units))
        rows = np.concatenate(flat, axis=1)
        if self.most is not None and rows.shape[1] > self.most:
            rows = rows[:, evenly(rows.shape[1], self.most)]
        return rows.reshape(-1, rows.shape[-1])

    def all(self, arrays: list[np.ndarray | None], layer: Module) -> np.ndarray | None:
        """The rows of all calls; None if one is missing."""
        known = [x for x in arrays if x is not None]
        return self.of(known, layer) if known and len(known) == len(arrays) else None


def _scaled(rows: np.ndarray | None, factor: float) -> np.ndarray | None:
    return None if rows is None else rows * rows.dtype.type(factor)


def _activated(
    name: str, options: dict[str, Any], z: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None, float | None]:
    """a = σ(z), σ'(z) and the largest |σ'|, by PyTorch's own function and its own derivative."""
    if not name:
        return None, None, None
    if name == "identity":
        return z, np.ones_like(z), 1.0
    torch = torch_itself()
    if name in MIXES:
        with torch.no_grad():
            return numbers_of(_sigma(name, options)(torch.tensor(z))), None, None
    a, slope = _value_and_slope(name, options, z)
    _, over = _value_and_slope(name, options, np.linspace(*GRID))
    return a, slope, float(np.max(np.abs(over)))


def _value_and_slope(name: str, options: dict[str, Any], z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    torch = torch_itself()
    with torch.enable_grad():
        at = torch.tensor(z, requires_grad=True)
        a = _sigma(name, options)(at)
        (slope,) = torch.autograd.grad(a.sum(), at)
    return numbers_of(a), numbers_of(slope)


def _sigma(name: str, options: dict[str, Any]) -> Any:
    """PyTorch's function of that name, with the options that autograd kept."""
    torch = torch_itself()
    if name in MIXES:
        return lambda z: getattr(torch, name)(z, -1)
    if name == "elu" and options.get("scale", 1.0) != 1.0:
        return torch.nn.functional.selu
    given = {k: v for k, v in options.items() if k not in ("scale", "input_scale")}
    function = getattr(torch.nn.functional, name)
    return lambda z: function(z, **given)
