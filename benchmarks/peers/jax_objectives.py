"""What a JAX user writes otherwise than in NumPy: loops over time as scans, and its own convolution."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def lstm(main: Any, extra: Any, state: Any, sequence: Any) -> Any:
    """ADBench's LSTM: the scan carries (hidden, cell) of all layers; inputs and losses are computed outside it."""
    b, layers = sequence.shape[1], main.shape[0] // 2
    weights, biases = main[0::2].reshape(layers, 4, b), main[1::2].reshape(layers, 4, b)

    def advance(carry: Any, x: Any) -> Any:
        hidden, cell = carry
        new_hidden, new_cell = [], []
        for i in range(layers):
            gates = jnp.stack([x, hidden[i], x, hidden[i]]) * weights[i] + biases[i]
            forget, entry, exit_ = jax.nn.sigmoid(gates[:3])
            new_cell.append(cell[i] * forget + entry * jnp.tanh(gates[3]))
            x = exit_ * jnp.tanh(new_cell[i])
            new_hidden.append(x)
        return (jnp.stack(new_hidden), jnp.stack(new_cell)), x

    _, outputs = jax.lax.scan(advance, (state[0::2], state[1::2]), sequence[:-1] * extra[0], unroll=4)
    y = outputs * extra[1] + extra[2]
    return -jnp.mean(sequence[1:] * (y - jnp.log(2.0 + jnp.sum(jnp.exp(y), 1, keepdims=True))))


def dense_lstm(W: Any, U: Any, b: Any, V: Any, xs: Any, y: Any) -> Any:
    """The inputs of all steps in one product, the recurrence scanned."""
    n, start = U.shape[0], jnp.zeros((xs.shape[1], U.shape[0]), xs.dtype)

    def advance(carry: Any, x: Any) -> Any:
        h, c = carry
        forget, entry, exit_, change = jnp.split(x + h @ U, 4, axis=1)
        c = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(entry) * jnp.tanh(change)
        return (jax.nn.sigmoid(exit_) * jnp.tanh(c), c), None

    assert b.shape == (4 * n,)
    (h, _), _ = jax.lax.scan(advance, (start, start), xs @ W + b)
    return jnp.sum((h @ V - y) ** 2) / len(y)


def conv2d(x: Any, w: Any, bias: Any, padding: int) -> Any:
    """XLA's convolution."""
    return jax.lax.conv_general_dilated(x, w, (1, 1), ((padding, padding),) * 2) + bias[:, None, None]


def max_pool2d(x: Any, size: int) -> Any:
    """The largest of each block."""
    block = (1, 1, size, size)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, block, block, "VALID")
