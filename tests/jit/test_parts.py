"""Long programs cut into parts, and arrays that share memory: the numbers stay what they are."""

from __future__ import annotations

import ast
import importlib

import numpy as np
import optree
import pytest
from tests.jit.programs import EXAMPLES

import whygrad as wg
from whygrad.jit.capture import capture
from whygrad.jit.expand import expanded
from whygrad.jit.loops import printed
from whygrad.jit.lowering import lowered
from whygrad.jit.native.cache import CACHE
from whygrad.jit.native.compile import with_entry
from whygrad.jit.native.load import normalized
from whygrad.jit.passes import optimized
from whygrad.jit.reuse import with_shared_memory
from whygrad.jit.roll import rolled

parts = importlib.import_module("whygrad.jit.native.parts")


def page(name: str, *, shared: bool = True):  # type: ignore[no-untyped-def]
    function, args, argnums = EXAMPLES[name]
    program = capture(wg.value_and_grad(function, argnums), args, {}).program
    low = lowered(rolled(optimized(expanded(optimized(program)))))
    return printed(with_shared_memory(low) if shared else low)


@pytest.mark.parametrize("name", ["network", "recurrence"])
def test_a_program_in_many_parts_computes_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    function, args, argnums = EXAMPLES[name]
    gradient = wg.value_and_grad(function, argnums)
    monkeypatch.setattr(parts, "LIMIT", 12)
    monkeypatch.setenv("WHYGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
    CACHE.forget()  # the same text may be in this process already, in one part
    compiled = wg.jit(gradient, backend="numba")
    got, wanted = optree.tree_leaves(compiled(*args)), optree.tree_leaves(gradient(*args))
    for x, y in zip(got, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


def test_no_part_reads_a_sum_that_another_part_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LIMIT", 12)
    made = page("network")
    arguments = normalized([(made.shape(x), x.dtype.name) for x in made.arrays])
    tree = with_entry(made.source, arguments, "<program>")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("part")]
    assert len(functions) > 3
    for function in functions:
        given = {argument.arg for argument in function.args.args}
        stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert not {name for name in read - stored - given if "_sum" in name}


@pytest.mark.parametrize("name", EXAMPLES)
def test_sharing_memory_takes_no_more_arrays(name: str) -> None:
    assert len(page(name).scratch) <= len(page(name, shared=False).scratch)


def test_sharing_memory_takes_fewer_arrays_where_there_are_many() -> None:
    assert len(page("recurrence").scratch) < len(page("recurrence", shared=False).scratch)
