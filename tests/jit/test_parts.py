"""Long programs cut into parts: the numbers stay what they are, and nothing that one part keeps is read by another."""

from __future__ import annotations

import ast
import importlib
from typing import Any

import numpy as np
import optree
import pytest
from tests.jit.programs import EXAMPLES
from tests.jit.test_printed import page

import whygrad as wg
from whygrad.jit.native.cache import CACHE

parts = importlib.import_module("whygrad.jit.native.parts")


@pytest.mark.parametrize("name", ["network", "recurrence", "table_rows", "slices"])
@pytest.mark.parametrize("limit", [1, 12])
def test_a_program_in_many_parts_computes_the_same(
    name: str, limit: int, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    function, args, argnums = EXAMPLES[name]
    gradient = wg.value_and_grad(function, argnums)
    monkeypatch.setattr(parts, "LIMIT", limit)
    monkeypatch.setenv("WHYGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
    CACHE.forget()  # the same text may be in this process already, in one part
    got, wanted = optree.tree_leaves(wg.jit(gradient, backend="native")(*args)), optree.tree_leaves(gradient(*args))
    for x, y in zip(got, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)
    CACHE.forget()


def test_no_part_reads_a_number_that_another_part_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LIMIT", 12)
    program = next(node for node in ast.parse(page("network").source).body if isinstance(node, ast.FunctionDef))
    tid, threads, sync, *arrays = (argument.arg for argument in program.args.args)
    cut = parts.Parts((tid, threads, sync), frozenset(arrays), parts.flattenings(program.body))
    assert cut.cut(program.body)
    assert len(cut.made) > 3
    for function in cut.made:
        given = {argument.arg for argument in function.args.args}
        stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert not {name for name in read - stored - given if "_sum" in name}


@pytest.mark.slow
def test_a_network_of_a_hundred_layers_compiles_in_seconds() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(32, 32)).astype(np.float32) / 6 for _ in range(100)]
    x = rng.normal(size=(64, 32)).astype(np.float32)

    def cost(weights: Any, x: Any) -> Any:
        for W in weights:
            x = np.tanh(x @ W) + x
        return np.mean(x**2)

    compiled = wg.jit(wg.value_and_grad(cost), backend="native")
    (got, slopes), (wanted, true) = compiled(weights, x), wg.value_and_grad(cost)(weights, x)
    assert got == pytest.approx(wanted, rel=1e-4)
    for one, other in zip(slopes, true, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * max(np.abs(other).max(), 1e-3))
