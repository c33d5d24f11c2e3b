"""Where the time of a program goes: every line once, in the program as it is, and nothing that it computes changes."""

from dataclasses import replace

import numpy as np
import pytest
from tests.jit.programs import EXAMPLES
from tests.jit.test_printed import page

import whygrad as wg
from whygrad.errors import ArgumentError, OutOfRangeError, UnsupportedError
from whygrad.jit.profile import KINDS, NUMBERS, PRODUCT, WAITING, Clocked
from whygrad.nn.steps import training_steps

RNG = np.random.default_rng(0)


def loss(W, b, V, x):
    return np.mean(np.tanh(x @ W + b) @ V)


def arguments(n=150):
    return [RNG.normal(size=shape) for shape in ((n, n), (n,), (n, 10), (2 * n, n))]


@pytest.fixture(params=[1, 2])
def threads(request, monkeypatch):
    monkeypatch.setenv("WHYGRAD_THREADS", str(request.param))
    return request.param


def test_the_time_of_a_call_is_that_of_its_statements(threads):
    f, args = wg.jit(wg.value_and_grad(loss, (0, 1, 2)), backend="native"), arguments()
    before = f(*args)
    profile = f.profile(*args)
    assert profile.threads == threads
    assert 0 < sum(map(profile.seconds_of, KINDS)) <= 1.05 * profile.seconds
    assert min(profile.seconds_of(PRODUCT), profile.seconds_of(NUMBERS)) > 0
    assert (profile.seconds_of(WAITING) > 0) == (threads > 1)
    assert all(len(s.seconds) == threads and min(s.seconds) >= 0 for s in profile.statements)
    for x, y in zip([*before[1], before[0]], [*f(*args)[1], f(*args)[0]], strict=True):
        np.testing.assert_array_equal(x, y)


def test_what_is_printed_names_the_rules_and_the_users_lines():
    f, args = wg.jit(wg.value_and_grad(loss, (0, 1, 2)), backend="native"), arguments()
    profile = f.profile(*args)
    alike = tuple(replace(s, seconds=(1e-6,)) for s in profile.statements)  # what took too little is not printed
    lines = str(replace(profile, seconds=1e-6 * len(alike), statements=alike)).splitlines()
    assert " µs a call" in lines[0]
    line = loss.__code__.co_firstlineno + 1
    assert any("multiply" in x and f"matmul (test_profile.py:{line})" in x for x in lines)
    assert any("loop" in x and "tanh" in x for x in lines)
    assert [x.split("%  ")[1] for x in lines[-4:]] == [*KINDS, "the call itself"]
    for s in profile.statements:
        assert s.word.removeprefix("loop").removeprefix("assignment") in profile.source.splitlines()[s.line - 1]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_statement_is_timed_once(name):
    text = page(name).source
    clocked = Clocked(text)
    lines = [n for span in clocked.spans for n in range(span.first, span.last + 1)]
    assert len(lines) == len(set(lines))
    body = text.splitlines()
    stores = {n for n, line in enumerate(body, 1) if "] = " in line or "] += " in line}
    assert stores <= set(lines) | {span.first - k for span in clocked.spans for k in range(1, 9)}
    assert clocked.text.count("tick(ticks, tid, ") == len(clocked.spans) + 1


def test_a_loop_over_turns_is_looked_into():
    def f(w, xs):
        h = np.zeros(100)
        for x in xs:
            h = np.tanh(w @ (h + x))
        return np.sum(h)

    compiled = wg.jit(wg.grad(f), backend="native")
    profile = compiled.profile(RNG.normal(size=(100, 100)), RNG.normal(size=(50, 100)))
    heads = [n for n, line in enumerate(profile.source.splitlines(), 1) if "for t in range(" in line]
    assert len(heads) >= 2
    for head, end in zip(heads, [*heads[1:], 10_000], strict=True):
        assert sum(head < s.line < end for s in profile.statements) >= 2
        assert head not in {s.line for s in profile.statements}


def test_a_users_array_may_have_the_name_of_the_clocks():
    f = wg.jit(lambda tick, ticks: np.sum(tick * ticks), backend="native")
    assert f(np.ones(3), np.arange(3.0)) == 3.0
    assert f.profile(np.ones(3), np.arange(3.0)).statements


def test_steps_of_training_are_looked_into_and_nothing_is_learned(threads):
    net = wg.Network([20, 70, 5], "sigmoid", seed=0)
    X, Y = RNG.normal(size=(60, 20)), RNG.normal(size=(60, 5))
    steps = training_steps(net, X, Y, 10, 0.1)
    steps.run(7)
    steps.finish()
    weights = [w.copy() for w in net.weights]
    profile = steps.profile()
    assert str(profile).splitlines()[0].split(", ")[0].split(" on ")[0].endswith(" µs a step")
    assert profile.seconds < 0.01
    steps.finish()
    for x, y in zip(weights, net.weights, strict=True):
        np.testing.assert_array_equal(x, y)
    steps.run(1)
    again = wg.Network([20, 70, 5], "sigmoid", seed=0)
    other = training_steps(again, X, Y, 10, 0.1)
    other.run(8)
    steps.finish()
    other.finish()
    for x, y in zip(again.weights, net.weights, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_what_has_no_profile_says_so():
    f = wg.jit(np.sum, backend="numpy")
    with pytest.raises(UnsupportedError, match="a profile of a program on backend 'numpy'"):
        f.profile(np.zeros(3))
    steps = training_steps(wg.Network([2, 2]), np.zeros((4, 2)), np.zeros((4, 2)), 2, 0.1, "numpy")
    with pytest.raises(UnsupportedError, match="a profile of steps on backend 'numpy'"):
        steps.profile()


def test_a_loop_has_no_profile_on_threads_that_it_has_no_memory_for():
    steps = training_steps(wg.Network([2, 2]), np.zeros((4, 2)), np.zeros((4, 2)), 2, 0.1)
    with pytest.raises(ArgumentError, match=r"a profile on 7 threads(?s:.*)the loop was made for 1"):
        steps.profile(7)


def test_an_index_outside_is_an_error_in_a_profile_too():
    f = wg.jit(lambda x, i: np.sum(x[i]), backend="native")
    f(np.ones(3), np.array([0, 2]))
    with pytest.raises(OutOfRangeError, match="outside the array"):
        f.profile(np.zeros(3), np.array([0, 5]))
    assert f(np.ones(3), np.array([0, 2])) == 2.0
