"""ADBench's objectives in plain NumPy: a Gaussian mixture's log-likelihood, and its LSTM with diagonal weights.

Definitions: F. Srajer, Z. Kukelova, A. Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some
problems in computer vision and machine learning", Optimization Methods and Software, 2018,
and github.com/microsoft/ADBench.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads.base import Arrays, Objective, Workload

# ── Gaussian mixture ─────────────────────────────────────────────────────────────────────────────────────────────────


def read_gmm(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """``(alphas, means, icf, x)`` and the prior's constants. A file may give one point that stands for all n."""
    numbers = iter(path.read_text().split())
    d, k, n = (int(next(numbers)) for _ in range(3))
    values = np.array([float(number) for number in numbers])
    gamma, m = values[-2], int(values[-1])
    alphas, means, icf, x = np.split(values[:-2], np.cumsum([k, k * d, k * d * (d + 1) // 2]))
    x = np.tile(x, (n, 1)) if x.size == d else x.reshape(n, d)
    return (alphas, means.reshape(k, d), icf.reshape(k, -1), x), gmm_constants(d, k, n, gamma, m)


def gmm_constants(d: int, k: int, n: int, gamma: float, m: int) -> dict[str, Any]:
    """What does not depend on parameters: the normalizations, and where each entry of L stands in a row of ``icf``.

    ``icf[k]`` is the logarithm of Q_k's diagonal, then the columns below the diagonal, one after the other. ``places``
    (d, d) holds positions in ``[0, *icf[k, d:]]``: 0 for what is zero.
    """
    places = np.zeros((d, d), int)
    columns, rows = np.triu_indices(d, 1)
    places[rows, columns] = 1 + np.arange(len(rows))
    freedom = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi) + sum(math.lgamma(0.5 * (freedom - j)) for j in range(d))
    prior = k * (freedom * d * math.log(gamma / math.sqrt(2)) - log_gamma)
    return dict(gamma=gamma, m=m, places=places, constant=-0.5 * n * d * math.log(2 * math.pi) - prior)


def gmm(xp: Any, *, gamma: float, m: int, places: np.ndarray, constant: float) -> Any:
    """The log-likelihood of all points, plus the Wishart prior's of the precision matrices."""
    d = len(places)
    unit = np.eye(d)

    def log_sum_exp(z: Any, axis: int) -> Any:
        top = xp.max(z, axis=axis, keepdims=True)
        return xp.sum(xp.log(xp.sum(xp.exp(z - top), axis=axis, keepdims=True)) + top)

    def log_likelihood(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
        k = icf.shape[0]
        diagonal, below = xp.exp(icf[:, :d]), icf[:, d:]
        log_determinants = xp.sum(icf[:, :d], axis=1)
        L = xp.concatenate([xp.zeros((k, 1)), below], axis=1)[:, places]
        Q = L + diagonal[:, :, None] * unit
        centres = xp.reshape(Q @ means[:, :, None], (k * d,))
        spread = x @ xp.reshape(Q, (k * d, d)).T - centres  # Q_k (x_i - μ_k), for all k in one matrix product
        inner = alphas + log_determinants - 0.5 * xp.sum(xp.reshape(spread, (len(x), k, d)) ** 2, axis=2)
        prior = 0.5 * gamma**2 * (xp.sum(diagonal**2) + xp.sum(below**2)) - m * xp.sum(log_determinants)
        return constant + log_sum_exp(inner, 1) - len(x) * log_sum_exp(alphas, 0) + prior

    return log_likelihood


# ── LSTM ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_lstm(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """``(main, extra, state, sequence)``: (2l, 4b) weights and biases, (3, b), (2l, b) hidden and cell, (c, b)."""
    numbers = iter(path.read_text().split())
    layers, count, b = (int(next(numbers)) for _ in range(3))
    values = np.array([float(number) for number in numbers])
    main, extra, state, sequence = np.split(values, np.cumsum([2 * layers * 4 * b, 3 * b, 2 * layers * b]))
    return (main.reshape(-1, 4 * b), extra.reshape(3, b), state.reshape(-1, b), sequence.reshape(count, b)), {}


def lstm(xp: Any) -> Any:
    """The mean loss of predicting each row of the sequence from those before it."""

    def sigmoid(z: Any) -> Any:
        return 1.0 / (1.0 + xp.exp(-z))

    def loss(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        b, layers = sequence.shape[1], main.shape[0] // 2
        hidden = [state[2 * i] for i in range(layers)]
        cell = [state[2 * i + 1] for i in range(layers)]
        total = 0.0
        for t in range(len(sequence) - 1):
            x = sequence[t] * extra[0]
            for i in range(layers):
                gates = xp.concatenate([x, hidden[i], x, hidden[i]]) * main[2 * i] + main[2 * i + 1]
                forget, entry, exit_ = sigmoid(gates[:b]), sigmoid(gates[b : 2 * b]), sigmoid(gates[2 * b : 3 * b])
                cell[i] = cell[i] * forget + entry * xp.tanh(gates[3 * b :])
                x = hidden[i] = exit_ * xp.tanh(cell[i])
            y = x * extra[1] + extra[2]
            total = total + xp.sum(sequence[t + 1] * (y - xp.log(2.0 + xp.sum(xp.exp(y)))))
        return -total / ((len(sequence) - 1) * b)

    return loss


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

GMM = {"gmm-d10-K10": "gmm_d10_K10.txt", "gmm-d20-K50": "gmm_d20_K50.txt", "gmm-d64-K25": "gmm_d64_K25.txt"}
LSTM = {"lstm-l2-c1024": "lstm_l2_c1024.txt", "lstm-l4-c4096": "lstm_l4_c4096.txt"}


def _gmm_inputs(file: str, data: Path) -> tuple[Arrays, dict[str, Any]]:
    return read_gmm(data / "adbench" / "gmm" / file)


def _lstm_inputs(file: str, data: Path) -> tuple[Arrays, dict[str, Any]]:
    return read_lstm(data / "adbench" / "lstm" / file)


_OURS = ("whygrad native", "whygrad numpy")

WORKLOADS = (
    *(Workload(name, f"ADBench GMM, {file[4:-4].replace('_', ' ')}, 1,000 points",
               Objective(gmm, partial(_gmm_inputs, file), wanted=3),
               (*_OURS, "whygrad eager", "autograd", "PyTorch eager", "PyTorch compile", "JAX jit"),
               rounds=7, needs=(f"adbench/gmm/{file}",))
      for name, file in GMM.items()),
    *(Workload(name, f"ADBench LSTM, {layers} layers, {steps} characters",
               Objective(lstm, partial(_lstm_inputs, file), wanted=2),
               (*(_OURS if layers == 2 else _OURS[:1]), *(("whygrad eager", "autograd") if layers == 2 else ()),
                "PyTorch eager", "JAX jit"),
               rounds=5, needs=(f"adbench/lstm/{file}",),
               patience=150.0 if layers == 2 else 400.0)  # four layers are 1.5 million steps to trace
      for (name, file), layers, steps in zip(LSTM.items(), (2, 4), ("1,024", "4,096"), strict=True)),
)
