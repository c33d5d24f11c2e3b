"""BP2 both ways: ``((W^T) δ) ⊙ σ'(z)`` against ``Σ'(z) W^T δ``, where Σ'(z) is a matrix that is almost all zeros."""

from __future__ import annotations

import numpy as np

from benchmarks.timing import medians, table
from whygrad.explain.equations import Squish

SIZES = (30, 512, 1024)


def run() -> str:
    """The table for layers of several sizes, one example."""
    return "\n\n".join(
        table(f"error of a layer of {n} neurons from the next", times(n), ours="Hadamard") for n in SIZES)


def times(neurons: int, rounds: int = 20) -> dict[str, float]:
    """Seconds for the Hadamard and the matrix form, which agree."""
    rng = np.random.default_rng(0)
    W, delta = rng.normal(size=(neurons, neurons)), rng.normal(size=(1, neurons))
    squish = Squish(rng.uniform(0, 0.25, (1, neurons)), None)

    def hadamard() -> object:
        return squish.applied(delta @ W)[0]

    def matrix() -> object:
        return squish.matrix(0) @ (W.T @ delta[0])

    np.testing.assert_allclose(hadamard(), matrix(), rtol=1e-9, atol=1e-12)  # type: ignore[call-overload]
    return medians({"Hadamard": hadamard, "matrix": matrix}, rounds)


if __name__ == "__main__":
    print(run())
