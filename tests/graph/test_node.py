"""Traced values: the graph they form, the names and lines they carry, and the promises every graph keeps."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.backward import newest_first
from whygrad.graph.node import Node, Trace, plain
from whygrad.graph.show import show
from whygrad.graph.verify import PROMISES, broken_promises


def traced(f: Any, *values: Any, everything: bool = False) -> tuple[Node, Trace]:
    with Trace(everything) as trace:
        out = f(*(trace.leaf(np.asarray(v)) for v in values))
    return out, trace


def layer(x: Any, w: Any) -> Any:
    a = np.tanh(x @ w + 1.0)
    return np.sum(np.where(a > 0, a[::-1], 0.0)) + np.max(np.concatenate([a, a], axis=0))


# ── the graph ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("everything", [False, True])
def test_a_traced_program_keeps_every_promise(everything: bool) -> None:
    out, trace = traced(layer, np.ones((2, 3)), np.ones((3, 4)) / 3, everything=everything)
    nodes = newest_first({out: None})
    assert len(nodes) > 6
    assert not broken_promises(nodes)
    assert not broken_promises(trace.tape)


def test_nested_programs_keep_every_promise() -> None:
    seen: list[Node] = []

    def inner(y: Any) -> Any:
        out = np.sin(y) * y
        seen.extend(newest_first({out: None}))
        return out

    wg.grad(wg.grad(inner))(0.5)
    assert len(seen) == 3
    assert not broken_promises(seen)


def test_each_promise_notices_when_it_is_broken() -> None:
    def younger(_: Node) -> Node:
        return traced(lambda x: x * 1.0, 1.0)[0]

    older = younger(Any)
    breaks: dict[str, dict[str, Any]] = {
        "is newer than its inputs": {"number": lambda out: 0},
        "has as parents the inputs of its own trace": {"parents": lambda out: ((1, older),)},
        "takes its other inputs from older traces": {"inputs": lambda out: (out.inputs[0], younger(out))},
        "has a value one level of tracing down": {"value": younger},
        "has as many inputs as its rule takes": {"inputs": lambda out: out.inputs[:1]},
        "has plain, printable parameters": {"params": lambda out: {"index": (slice(None), out)}},
        "holds real numbers": {"value": lambda out: np.ones(3) * 1j},
        "has the value that its rule computes": {"value": lambda out: np.zeros(3)},
    }
    assert breaks.keys() == PROMISES.keys()
    for promise, changes in breaks.items():
        out, _ = traced(lambda x: np.sin(x) * 2.0, np.ones(3))
        assert PROMISES[promise](out)
        for name, change in changes.items():
            setattr(out, name, change(out))
        assert not PROMISES[promise](out), promise


def test_only_what_carries_a_gradient_is_kept_unless_everything_is_asked_for() -> None:
    assert type(traced(lambda x: x > 0, 1.0)[0]) is np.bool_
    assert isinstance(traced(lambda x: x > 0, 1.0, everything=True)[0], Node)


def test_a_plain_array_passes_through_rules_untraced() -> None:
    out, _ = traced(lambda x: np.exp(np.ones(2)), 1.0)
    assert type(out) is np.ndarray


def test_operators_work_from_both_sides_with_arrays_and_numbers() -> None:
    a = np.array([1.0, 2.0])
    out, _ = traced(lambda x: 2 - a * x + x / a - a / x + 2**x + x**2 + a @ x, np.array([3.0, 4.0]))
    x = np.array([3.0, 4.0])
    np.testing.assert_allclose(plain(out), 2 - a * x + x / a - a / x + 2**x + x**2 + a @ x)


def test_a_node_is_its_own_copy_and_keeps_its_gradient() -> None:
    assert wg.grad(lambda x: copy.copy(x) * copy.deepcopy([x])[0])(3.0) == 6.0


def test_nodes_are_compared_by_value_and_hashed_by_identity() -> None:
    with Trace() as trace:
        x, y = trace.leaf(np.float64(1.0)), trace.leaf(np.float64(1.0))
        assert x == y
        assert len({x, y, x}) == 2


# ── names and lines ──────────────────────────────────────────────────────────────────────────────────────────────────


def names_of(f: Any, *values: Any) -> list[str]:
    with Trace(everything=True) as trace:
        f(*(trace.leaf(np.asarray(v)) for v in values))
    return [node.site.names[0] for node in trace.tape if node.site and len(node.site.names) == 1]


def squish(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def test_values_are_called_what_the_user_calls_them() -> None:
    def f(w: Any) -> Any:
        z = w * 0.6 - 0.4
        a = squish(z)
        cost = (a - 1.0) ** 2
        return cost

    assert names_of(f, 1.5) == ["z", "a", "cost"]


def test_names_are_found_in_loops_and_tuples_and_not_in_lambdas() -> None:
    def f(x: Any) -> Any:
        for _ in range(2):
            x = x * 2
        p, q = x * 3, x * 4
        return p + q

    assert names_of(f, 1.0) == ["x", "x", "p", "q"]
    assert names_of(lambda x: x * 2 + 1, 1.0) == []


def test_lines_are_the_users_own() -> None:
    out, _ = traced(squish, 1.0, everything=True)
    assert out.site is not None
    assert out.site.function == "squish"
    assert out.site.file == __file__
    assert out.site.line == squish.__code__.co_firstlineno + 1


def test_names_cost_nothing_where_nobody_reads_them() -> None:
    out, trace = traced(lambda x: x * 2, 1.0)
    assert out.site is None
    assert trace.tape == []


# ── a program as text ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_is_shown_one_value_a_line() -> None:
    with Trace(everything=True) as trace:
        x = trace.leaf(np.ones((2, 3)), "x")
        z = x @ np.ones((3, 1))
        total = np.sum(z, axis=0)
    text = show([x, *trace.tape], {total: "total"})
    first, second, third = text.splitlines()
    assert first.split() == ["x", "=", "input", "float64", "(2,", "3)"]
    assert "matmul(x, float64[3, 1])" in second
    assert "test_node.py:" in second
    assert third.startswith("total = sum(v1, axis=0")
    assert z.shape == (2, 1)
