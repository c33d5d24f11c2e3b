"""Arrays that share memory, and printed programs that Python itself runs: the numbers stay what they are."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import optree
import pytest
from tests.jit.programs import EXAMPLES

import whygrad as wg
from whygrad.jit import loops, native_program
from whygrad.jit.capture import capture
from whygrad.jit.expand import expanded
from whygrad.jit.kernels import Lowered
from whygrad.jit.loops import Printed, printed
from whygrad.jit.lowering import lowered
from whygrad.jit.native import functions, words
from whygrad.jit.passes import optimized
from whygrad.jit.reuse import with_shared_memory
from whygrad.jit.roll import rolled


def kernels(name: str) -> Lowered:
    function, args, argnums = EXAMPLES[name]
    program = capture(wg.value_and_grad(function, argnums), args, {}).program
    return lowered(rolled(optimized(expanded(optimized(program)))))


def page(name: str, *, shared: bool = True) -> Printed:
    low = kernels(name)
    return printed(with_shared_memory(low) if shared else low)


@pytest.mark.parametrize("name", EXAMPLES)
def test_python_itself_runs_a_printed_program_and_gets_the_same_numbers(name: str) -> None:
    function, args, argnums = EXAMPLES[name]
    low = with_shared_memory(kernels(name))
    page = printed(low)
    names: dict[str, Any] = {}
    exec(page.source, names)
    plain = SimpleNamespace(attempt=lambda arrays, threads: names["program"](0, threads, 0, *arrays))
    run, *_ = native_program._runners(low.program, low.constants, page, plain)
    leaves = [np.array(x) for x in optree.tree_leaves(args) if isinstance(x, (float, np.ndarray))]
    with np.errstate(all="ignore"):
        got = run(leaves)
    wanted = optree.tree_leaves(wg.value_and_grad(function, argnums)(*args))
    for x, y in zip(got, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


def test_every_word_of_a_program_has_a_meaning_in_python_and_in_native_code() -> None:
    said = {name for name, x in vars(words).items() if callable(x) and not name.startswith("_") and name[0].islower()}
    assert loops.WORDS == set(functions.WORDS) == said - {"as_strided", "panel_columns"}


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf"])
def test_words_of_single_numbers_mean_what_mathematics_means(name: str) -> None:
    one = getattr(math, name, lambda x: 1 / (1 + math.exp(-x)))
    assert getattr(words, name)(0.7) == pytest.approx(one(0.7), rel=1e-15)


@pytest.mark.parametrize("name", EXAMPLES)
def test_sharing_memory_takes_no_more_arrays(name: str) -> None:
    assert len(page(name).scratch) <= len(page(name, shared=False).scratch)


def test_sharing_memory_takes_fewer_arrays_where_there_are_many() -> None:
    assert len(page("recurrence").scratch) < len(page("recurrence", shared=False).scratch)
