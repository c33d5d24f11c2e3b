"""NumPy with gradients derived by hand; also the reference whose numbers every other peer must meet."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from benchmarks.peers.contract import Calls, NotThereError, chosen
from benchmarks.workloads.base import Network, Objective
from benchmarks.workloads.fitting import BATCH, RATE, SIZES, Digits
from benchmarks.workloads.training import first_parameters

Layers = list[tuple[np.ndarray, np.ndarray]]
FORWARD = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}
SLOPE = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a * a, "relu": lambda a: (a > 0).astype(a.dtype)}


class Trainer:
    """Backpropagation written out: BP1 to BP4 with the matrix products in the order of the batches."""

    multiple = 1

    def __init__(self, network: Network, X: np.ndarray, Y: np.ndarray, parameters: Layers, scale: float = 2.0) -> None:
        self.X, self.Y, self.batch, self.at = X, Y, network.batch, 0
        self.parameters = [(W.copy(), b.copy()) for W, b in parameters]
        self.rate = X.dtype.type(network.learning_rate)
        self.slope_of_cost = X.dtype.type(scale / network.batch)
        self.forward, self.slope = FORWARD[network.activation], SLOPE[network.activation]

    def run(self, steps: int) -> None:
        """So many batches."""
        for _ in range(steps):
            end = self.at + self.batch
            self.step(self.X[self.at : end], self.Y[self.at : end])
            self.at = end if end < len(self.X) else 0

    def step(self, x: np.ndarray, y: np.ndarray) -> None:
        """One batch: activations up, errors down, weights changed in place."""
        activations = [x]
        for W, b in self.parameters:
            z = activations[-1] @ W
            z += b
            activations.append(self.forward(z))
        delta = (activations[-1] - y) * self.slope_of_cost * self.slope(activations[-1])
        for (W, b), below in zip(reversed(self.parameters), reversed(activations[:-1]), strict=True):
            dW, db = below.T @ delta, delta.sum(0)
            if below is not x:
                delta = (delta @ W.T) * self.slope(below)
            W -= self.rate * dW
            b -= self.rate * db

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """``(W, b)`` per layer."""
        return self.parameters


def training(variant: str, network: Network, X: np.ndarray, Y: np.ndarray, parameters: list[Any]) -> Trainer:
    return Trainer(network, X, Y, parameters)


def fit(variant: str, digits: Digits, parameters: list[Any], epochs: int) -> float:
    """Shuffle, train, validate, epoch by epoch; the accuracy at the end."""
    trainer = Trainer(Network(SIZES, "sigmoid", BATCH, RATE), digits.X, digits.Y, parameters, scale=1.0)
    rng, accuracy = np.random.default_rng(0), 0.0
    for _ in range(epochs):
        order = rng.permutation(len(digits.X))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            trainer.step(digits.X[rows], digits.Y[rows])
        a = digits.Xv
        for W, b in trainer.parameters:
            a = trainer.forward(a @ W + b)
        accuracy = float((a.argmax(1) == digits.validation_labels).mean())
    return accuracy


# ── objectives ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _erf() -> Any:
    try:
        from scipy.special import erf
    except ImportError:
        return np.vectorize(math.erf)
    return erf


def conv2d(x: np.ndarray, w: np.ndarray, bias: np.ndarray, padding: int) -> np.ndarray:
    """A convolution with stride 1, as a product over windows."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w, optimize=True) + bias[:, None, None]


def max_pool2d(x: np.ndarray, size: int) -> np.ndarray:
    """The largest of each ``size`` × ``size`` block."""
    n, c, high, wide = x.shape
    return x.reshape(n, c, high // size, size, wide // size, size).max((3, 5))


def plain(objective: Objective, constants: dict[str, Any]) -> Any:
    """The objective on plain arrays."""
    functions = dict(erf=_erf(), conv2d=conv2d, max_pool2d=max_pool2d)
    wanted = list(inspect.signature(objective.make).parameters)
    return objective.make(np, **constants, **chosen(functions, wanted))


def rosenbrock_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and gradient of Rosenbrock's valley."""
    up, short = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    gradient = np.zeros_like(x)
    gradient[1:] = 200.0 * up
    gradient[:-1] -= 400.0 * x[:-1] * up + 2.0 * short
    return float(100.0 * np.dot(up, up) + np.dot(short, short)), gradient


def rosenbrock_hessian(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Its Hessian times a vector: the matrix has three diagonals."""
    out = np.zeros_like(x)
    out[:-1] = (1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0) * v[:-1] - 400.0 * x[:-1] * v[1:]
    out[1:] += 200.0 * v[1:] - 400.0 * x[:-1] * v[:-1]
    return out


def black_scholes_gradient(S: Any, sigma: Any, r: Any, T: Any, K: Any, amount: Any) -> tuple[float, list[np.ndarray]]:
    """The portfolio's worth, and the greeks as textbooks give them: delta, vega, rho, theta."""
    erf = _erf()
    root = np.sqrt(T)
    d1 = (np.log(S / K) + (r + 0.5 * sigma**2) * T) / (sigma * root)
    d2 = d1 - sigma * root
    n1, n2 = (0.5 * (1.0 + erf(d * math.sqrt(0.5))) for d in (d1, d2))
    vega = amount * S * np.exp(-0.5 * d1 * d1) * (root / math.sqrt(2 * math.pi))
    paid = amount * K * np.exp(-r * T) * n2
    delta = amount * n1
    return float(np.sum(S * delta - paid)), [delta, vega, T * paid, vega * (0.5 * sigma / T) + r * paid]


def gradients(variant: str, objective: Objective, args: Any, constants: dict[str, Any], direction: Any) -> Calls:
    """The three functions whose gradients a person would write down."""
    f, name = plain(objective, constants), objective.make.__name__
    if objective.second_order:
        return Calls({"hessian": lambda: rosenbrock_hessian(args[0], direction[0])}, lambda product: [product])
    by_hand = {"rosenbrock": rosenbrock_gradient, "black_scholes": black_scholes_gradient}.get(name)
    if by_hand is None:
        raise NotThereError("not written by hand")
    return Calls({"value": lambda: f(*args), "gradient": lambda: by_hand(*args)},
                 lambda found: (found[0], found[1] if isinstance(found[1], list) else [found[1]]))


def start() -> list[Any]:
    """The first weights of the digits' network, the same for every peer."""
    return first_parameters(SIZES)
