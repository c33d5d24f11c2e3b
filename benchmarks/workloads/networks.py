"""Networks as plain NumPy functions: an LSTM with dense gates, convolutions, and dense ones that grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads.base import Arrays, Objective, Workload


def dense_lstm(xp: Any) -> Any:
    """A batch of sequences through one LSTM layer with dense gates, and the squared error of its last output."""

    def sigmoid(z: Any) -> Any:
        return 1.0 / (1.0 + xp.exp(-z))

    def loss(W: Any, U: Any, b: Any, V: Any, xs: Any, y: Any) -> Any:
        n = U.shape[0]
        h = c = xp.zeros((xs.shape[1], n), dtype=xs.dtype)
        for t in range(len(xs)):
            z = xs[t] @ W + h @ U + b
            forget, entry, exit_ = sigmoid(z[:, :n]), sigmoid(z[:, n : 2 * n]), sigmoid(z[:, 2 * n : 3 * n])
            c = forget * c + entry * xp.tanh(z[:, 3 * n :])
            h = exit_ * xp.tanh(c)
        return xp.sum((h @ V - y) ** 2) / len(y)

    return loss


def _lstm_inputs(data: Path) -> tuple[Arrays, dict[str, Any]]:
    rng, (steps, batch, inputs, n) = np.random.default_rng(0), (20, 64, 64, 128)
    shapes = ((inputs, 4 * n), (n, 4 * n), (4 * n,), (n, 10), (steps, batch, inputs), (batch, 10))
    return tuple((rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32) for shape in shapes), {}


def convolutions(xp: Any, *, conv2d: Any, max_pool2d: Any) -> Any:
    """Two convolutions of 3×3 with relu and pooling, and a dense layer, on a batch of small images."""

    def loss(K1: Any, k1: Any, K2: Any, k2: Any, W: Any, b: Any, images: Any, y: Any) -> Any:
        a = max_pool2d(xp.maximum(conv2d(images, K1, k1, padding=1), 0.0), 2)
        a = max_pool2d(xp.maximum(conv2d(a, K2, k2, padding=1), 0.0), 2)
        return xp.sum((xp.reshape(a, (a.shape[0], -1)) @ W + b - y) ** 2) / len(y)

    return loss


def _images(data: Path) -> tuple[Arrays, dict[str, Any]]:
    rng = np.random.default_rng(0)
    shapes = ((8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (784, 10), (10,), (32, 1, 28, 28), (32, 10))
    return tuple((rng.standard_normal(s) / np.sqrt(max(1, s[0]))).astype(np.float32) for s in shapes), {}


def dense(xp: Any, *, relu: bool = False) -> Any:
    """A network of any depth: ``Σ (a - y)² / batch`` of its parameters, W and b layer by layer, then x and y."""

    def cost(*args: Any) -> Any:
        *parameters, a, y = args
        for W, b in zip(parameters[::2], parameters[1::2], strict=True):
            z = a @ W + b
            a = xp.maximum(z, 0.0) if relu else xp.tanh(z)
        return xp.sum((a - y) ** 2) / len(y)

    return cost


def dense_inputs(sizes: tuple[int, ...], batch: int, *, relu: bool = False) -> Any:
    """What ``dense`` takes for a network of these sizes, float32."""

    def inputs(data: Path) -> tuple[Arrays, dict[str, Any]]:
        from benchmarks.workloads.training import first_parameters

        rng = np.random.default_rng(0)
        x, y = (rng.uniform(-1, 1, (batch, n)).astype(np.float32) for n in (sizes[0], sizes[-1]))
        return (*(array for layer in first_parameters(sizes) for array in layer), x, y), dict(relu=relu)

    return inputs


_GROWING = ("whygrad native", "whygrad numpy", "PyTorch eager", "JAX jit")
_OTHERS = ("whygrad native", "whygrad numpy", "whygrad eager", "autograd", "PyTorch eager", "PyTorch compile",
           "JAX jit")


def _grown(family: str, size: float, sizes: tuple[int, ...], batch: int) -> Workload:
    """The family of M20 has relu and many rows, so that its arithmetic is that of its weights, and forward mode too."""
    whole = family == "weights"
    inputs = dense_inputs(sizes, batch, relu=whole)
    what = Objective(dense, inputs, 2 * (len(sizes) - 1), 2e-2, forward_mode=whole)
    layers = "-".join(map(str, sizes)) if len(sizes) <= 6 else f"{len(sizes) - 1} layers of {sizes[0]},"
    title = f"{layers} {'relu' if whole else 'tanh'}, batch {batch}"
    return Workload(f"{family}-{size:g}", title, what, (*_GROWING, "whygrad eager") if whole else _GROWING,
                    family=family, size=size, seconds=0.05, rounds=5)


WIDTHS = {1e3: 15, 1e4: 50, 1e5: 158, 1e6: 500, 3e6: 866, 1e7: 1581}  # four square layers of so many neurons

WORKLOADS = (
    Workload("dense-lstm", "LSTM, 128 neurons, 20 steps, batch 64", Objective(dense_lstm, _lstm_inputs, 4, 2e-2),
             tuple(name for name in _OTHERS if name != "PyTorch compile")),
    Workload("convolutions", "two convolutions and a dense layer, 32 images of 28×28",
             Objective(convolutions, _images, 6, 2e-2),
             tuple(name for name in _OTHERS if name != "autograd")),
    *(_grown("weights", size, (n,) * 5, 256) for size, n in WIDTHS.items()),
    *(_grown("width", n, (n,) * 4, 64) for n in (32, 128, 512, 2048)),
    *(_grown("depth", layers, (128,) * (layers + 1), 64) for layers in (2, 8, 32, 128)),
    *(_grown("batch", batch, (256,) * 4, batch) for batch in (4, 32, 256, 2048)),
)
