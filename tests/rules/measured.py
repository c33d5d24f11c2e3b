"""A gradient against its measurement, in every kind of trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import whygrad as wg
from whygrad.backward import gradients
from whygrad.forward import tangents
from whygrad.graph.node import Node, Trace


def assert_gradient(f: Callable[..., Any], x: Any) -> None:
    """The gradient of the scalar ``f`` at x: reverse and forward, with every operation kept, and measured."""
    measured = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-6
        measured[i] = (float(f(x + step)) - float(f(x - step))) / 2e-6
    computed = wg.grad(f)(x)
    np.testing.assert_allclose(computed, measured, rtol=1e-6, atol=1e-7)
    everything = kept(f, x)
    np.testing.assert_allclose(everything, computed, rtol=1e-12, atol=1e-14)
    assert wg.grad(f)(x.astype(np.float32)).dtype == np.float32
    assert float(f(x)) == float(wg.value_and_grad(f)(x)[0])


def kept(f: Callable[..., Any], x: Any) -> Any:
    """The gradient from a trace that keeps every operation, questions without slope too."""
    with Trace(everything=True) as trace:
        leaf = trace.leaf(x)
        out = f(leaf)
    assert isinstance(out, Node)
    flow = gradients({out: np.ones((), out.dtype)}, [leaf])[0]
    direction = np.cos(np.arange(x.size)).reshape(x.shape)
    np.testing.assert_allclose(tangents(out, {leaf: direction}), np.sum(flow * direction), rtol=1e-9, atol=1e-12)
    return flow
