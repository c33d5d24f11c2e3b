"""Training steps of dense networks, from a toy to one that fills the machine."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.workloads.base import Arrays, Network, Workload

EVERYBODY = ("whygrad native", "whygrad numpy", "NumPy by hand", "PyTorch eager", "PyTorch compile", "JAX jit",
             "JAX scan", "tinygrad")


def _row(name: str, what: Network, title: str, rounds: int = 7) -> Workload:
    return Workload(name, title, what, EVERYBODY, rounds=rounds)


WORKLOADS = (
    _row("train-tiny", Network((2, 16, 16, 1), "tanh", 32), "2-16-16-1 tanh, batch 32"),
    _row("train-book", Network((784, 30, 10), "sigmoid", 10), "784-30-10 sigmoid, batch 10"),
    _row("train-wider", Network((784, 100, 10), "sigmoid", 32), "784-100-10 sigmoid, batch 32"),
    _row("train-medium", Network((784, 512, 512, 10), "relu", 128), "784-512-512-10 relu, batch 128"),
    _row("train-large", Network((2048, 2048, 2048, 2048, 10), "relu", 1024, batches=4),
         "2048-2048-2048-2048-10 relu, batch 1024", rounds=5),
    Workload("train-scalar", "2-16-16-1 relu, batch 32, beside number by number",
             Network((2, 16, 16, 1), "relu", 32, batches=2), ("whygrad native", "NumPy by hand", "micrograd"),
             rounds=3),
)


def examples(network: Network, batches: int) -> tuple[np.ndarray, np.ndarray]:
    """Random rows and one-hot targets (a number below 1 for a single output), float32."""
    rng, n = np.random.default_rng(0), network.batch * batches
    X = rng.random((n, network.sizes[0]), dtype=np.float32)
    if network.sizes[-1] == 1:
        return X, rng.random((n, 1), dtype=np.float32)
    return X, np.eye(network.sizes[-1], dtype=np.float32)[rng.integers(0, network.sizes[-1], n)]


def first_parameters(sizes: tuple[int, ...], dtype: type = np.float32) -> list[Arrays]:
    """``(W, b)`` per layer, W of shape (inputs, outputs) with variance 1/inputs, as the peers' matrices lie."""
    rng = np.random.default_rng(1)
    return [((rng.standard_normal((a, b)) / np.sqrt(a)).astype(dtype), np.full(b, 0.1, dtype))
            for a, b in pairwise(sizes)]
