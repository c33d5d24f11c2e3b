"""First weights: every network starts from random numbers, the same for the same seed and for every precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ShapeError
from whygrad.nn.activations import KINKED, Activation
from whygrad.nn.choose import choose

Floats = NDArray[np.floating[Any]]
Initializer = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]  # (rng, n_l, n_{l-1}) -> W^l, b^l


def large(rng: np.random.Generator, n_out: int, n_in: int) -> tuple[Floats, Floats]:
    """Weights and biases from N(0, 1): Nielsen's first choice; neurons with many inputs start saturated."""
    return rng.standard_normal((n_out, n_in)), rng.standard_normal(n_out)


def scaled(rng: np.random.Generator, n_out: int, n_in: int) -> tuple[Floats, Floats]:
    """Weights from N(0, 1/n_in), biases from N(0, 1): Nielsen's improved choice (chapter 3); LeCun et al. 1998."""
    return rng.standard_normal((n_out, n_in)) / math.sqrt(n_in), rng.standard_normal(n_out)


def glorot(rng: np.random.Generator, n_out: int, n_in: int) -> tuple[Floats, Floats]:
    """Weights from N(0, 2/(n_in + n_out)), biases 0: Glorot and Bengio 2010."""
    return rng.standard_normal((n_out, n_in)) * math.sqrt(2.0 / (n_in + n_out)), np.zeros(n_out)


def he(rng: np.random.Generator, n_out: int, n_in: int) -> tuple[Floats, Floats]:
    """Weights from N(0, 2/n_in), biases 0: He et al. 2015, for layers that pass half of their input on."""
    return rng.standard_normal((n_out, n_in)) * math.sqrt(2.0 / n_in), np.zeros(n_out)


INITIALIZERS: dict[str, Initializer] = {"large": large, "scaled": scaled, "glorot": glorot, "he": he}


def first_parameters(
    init: str | Callable[..., Any],
    sizes: tuple[int, ...],
    activations: tuple[Activation, ...],
    rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> tuple[list[Floats], list[Floats]]:
    """Weights and biases of every layer.

    ``init``: a name of INITIALIZERS; "suited" (he before relu and its relatives, scaled before everything else); or a
    function of the user's, ``(rng, n_out, n_in) -> W``, with biases 0.
    """
    weights, biases = [], []
    for l, activation in enumerate(activations, start=1):
        n_out, n_in = sizes[l], sizes[l - 1]
        if callable(init):
            W: NDArray[Any] = np.asarray(init(rng, n_out, n_in))
            b: NDArray[Any] = np.zeros(n_out)
            if W.shape != (n_out, n_in):
                raise ShapeError(f"init gave W^{l} of shape {W.shape}; layer {l} needs {(n_out, n_in)}")
        else:
            names = {"suited": he if activation.name in KINKED else scaled} | INITIALIZERS
            W, b = choose("init", init, names)(rng, n_out, n_in)
        # Columns side by side in memory: so is the gradient of a @ W.T, and W - rate * gradient runs along both.
        weights.append(np.array(W, dtype, order="F"))
        biases.append(np.array(b, dtype))
    return weights, biases
