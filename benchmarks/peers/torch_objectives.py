"""The objectives as a PyTorch user writes them: its own fused functions where it has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional


def make(name: str, constants: dict[str, Any]) -> Any:
    """The objective of this name; arrays among its constants become tensors."""
    own = {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in constants.items()}
    return {"gmm": gmm, "lstm": lstm, "rosenbrock": rosenbrock, "black_scholes": black_scholes, "dense": dense,
            "dense_lstm": dense_lstm, "convolutions": convolutions}[name](**own)


def gmm(gamma: float, m: int, places: torch.Tensor, constant: float) -> Any:
    d = len(places)
    columns, rows = torch.triu_indices(d, d, 1).unbind()  # below the diagonal, column by column

    def log_likelihood(alphas: Any, means: Any, icf: Any, x: Any) -> Any:
        logs, below = icf[:, :d], icf[:, d:]
        diagonal = logs.exp()
        Q = torch.diag_embed(diagonal)
        Q[:, rows, columns] = below
        k, centres = len(icf), torch.bmm(Q, means.unsqueeze(2)).flatten()
        spread = torch.addmm(-centres, x, Q.view(k * d, d).T).view(len(x), k, d)
        inner = alphas + logs.sum(1) - 0.5 * spread.square().sum(2)
        prior = 0.5 * gamma**2 * (diagonal.square().sum() + below.square().sum()) - m * logs.sum()
        return constant + inner.logsumexp(1).sum() - len(x) * alphas.logsumexp(0) + prior

    return log_likelihood


def lstm() -> Any:
    def loss(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
        b, layers = sequence.shape[1], len(main) // 2
        weights, biases = main[0::2].view(layers, 4, b).unbind(), main[1::2].view(layers, 4, b).unbind()
        hidden, cell = list(state[0::2].unbind()), list(state[1::2].unbind())
        outputs = []
        for x in (sequence[:-1] * extra[0]).unbind():
            for i in range(layers):
                gates = torch.addcmul(biases[i], torch.stack((x, hidden[i], x, hidden[i])), weights[i])
                forget, entry, exit_ = gates[:3].sigmoid().unbind()
                cell[i] = torch.addcmul(cell[i] * forget, entry, gates[3].tanh())
                x = hidden[i] = exit_ * cell[i].tanh()
            outputs.append(x)
        y = torch.stack(outputs) * extra[1] + extra[2]
        return -(sequence[1:] * (y - (2.0 + y.exp().sum(1, keepdim=True)).log())).mean()

    return loss


def rosenbrock() -> Any:
    def valley(x: Any) -> Any:
        return (100.0 * (x[1:] - x[:-1].square()).square() + (1.0 - x[:-1]).square()).sum()

    return valley


def black_scholes() -> Any:
    def worth(spot: Any, volatility: Any, rate: Any, time: Any, strike: Any, amount: Any) -> Any:
        deviation = volatility * time.sqrt()
        d1 = ((spot / strike).log() + (rate + 0.5 * volatility.square()) * time) / deviation
        call = spot * torch.special.ndtr(d1) - strike * (-rate * time).exp() * torch.special.ndtr(d1 - deviation)
        return torch.dot(amount, call)

    return worth


def dense(*, relu: bool) -> Any:
    def cost(*args: Any) -> Any:
        *parameters, a, y = args
        for W, b in zip(parameters[::2], parameters[1::2], strict=True):
            z = torch.addmm(b, a, W)
            a = z.relu() if relu else z.tanh()
        return functional.mse_loss(a, y, reduction="sum") / len(y)

    return cost


def dense_lstm() -> Any:
    def loss(W: Any, U: Any, b: Any, V: Any, xs: Any, y: Any) -> Any:
        """torch.lstm's gates come as entry, forget, change, exit; its matrices are (gates, inputs)."""
        n = U.shape[0]
        start = xs.new_zeros(1, xs.shape[1], n)
        (fW, eW, xW, cW), (fU, eU, xU, cU), (fb, eb, xb, cb) = (m.split(n, -1) for m in (W, U, b))
        matrices = [torch.cat(gates, -1).T.contiguous() for gates in ((eW, fW, cW, xW), (eU, fU, cU, xU))]
        weights = [*matrices, torch.cat((eb, fb, cb, xb)), torch.zeros_like(b)]
        _, h, _ = torch.lstm(xs, (start, start), weights, True, 1, 0.0, True, False, False)
        return functional.mse_loss(h[0] @ V, y, reduction="sum") / len(y)

    return loss


def convolutions() -> Any:
    def loss(K1: Any, k1: Any, K2: Any, k2: Any, W: Any, b: Any, images: Any, y: Any) -> Any:
        a = functional.max_pool2d(functional.conv2d(images, K1, k1, padding=1).relu(), 2)
        a = functional.max_pool2d(functional.conv2d(a, K2, k2, padding=1).relu(), 2)
        return functional.mse_loss(torch.addmm(b, a.flatten(1), W), y, reduction="sum") / len(y)

    return loss
