"""What compiled programs keep in memory: little, in the place of what is needed no more, and apart in the caches."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import whygrad as wg
from whygrad.jit import far
from whygrad.jit.arena import APART, arrays_apart
from whygrad.jit.capture import capture
from whygrad.jit.check import broken_promises
from whygrad.jit.expand import expanded
from whygrad.jit.interpret import interpret
from whygrad.jit.passes import optimized
from whygrad.jit.program import Loop
from whygrad.jit.roll import rolled

RNG = np.random.default_rng(3)


def arrays_of(source, shape):
    """The arrays of this shape that only the program uses."""
    return re.findall(rf"^#   (\w+): \w+\[{shape}\], scratch$", source, re.MULTILINE)


# ── computed again ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("activation", [wg.relu, np.tanh, wg.sigmoid])
def test_the_derivative_of_an_activation_is_computed_again_from_the_activation(activation):
    def f(W, V, x):
        return np.sum(activation(activation(x @ W) @ V) ** 2)

    args = RNG.normal(size=(40, 48)) / 7, RNG.normal(size=(48, 48)) / 7, RNG.normal(size=(100, 40))
    compiled = wg.jit(wg.value_and_grad(f, (0, 1)), backend="native")
    value, grads = compiled(*args)
    wanted, wanted_grads = wg.value_and_grad(f, (0, 1))(*args)
    np.testing.assert_allclose(value, wanted, rtol=1e-10)
    for x, y in zip(grads, wanted_grads, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)
    # Two activations, and the two products and deltas on the way back: no derivative is among what is stored.
    assert len(arrays_of(compiled.source, "100, 48")) <= 4


def test_relu_of_nan_and_zero_has_the_same_slope_from_the_result_as_from_the_input():
    x = np.array([[np.nan, 0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 5e-324]] * 512)
    compiled = wg.jit(wg.grad(lambda x: np.sum(np.sum(wg.relu(x), axis=0) * 2.0)), backend="native")
    np.testing.assert_array_equal(compiled(x), wg.grad(lambda x: np.sum(np.sum(wg.relu(x), axis=0) * 2.0))(x))


def test_what_is_computed_from_the_result_of_a_product_takes_its_place():
    def f(Q, m, x):
        spread = (x @ Q) - m
        return np.sum(np.exp(-0.5 * np.sum(spread.reshape(1500, 20, 10) ** 2, axis=2)))

    args = RNG.normal(size=(10, 200)) / 9, RNG.normal(size=200) / 9, RNG.normal(size=(1500, 10))
    compiled = wg.jit(wg.grad(f, (0, 1)), backend="native")
    for x, y in zip(compiled(*args), wg.grad(f, (0, 1))(*args), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)
    large = arrays_of(compiled.source, r"1500, 20\d") + arrays_of(compiled.source, "1500, 20, 10")
    assert len(large) == 1, compiled.source


STEPS = {
    "double": lambda x: x + x, "less one": lambda x: x - 1.0, "squared": lambda x: x * x, "relu": wg.relu,
    "tanh": np.tanh, "turned": lambda x: x.reshape(40, 6, 10).transpose(0, 2, 1).reshape(40, 60),
    "folded": lambda x: (x.reshape(40, 6, 10) * 0.5).reshape(40, 60), "centred": lambda x: x - np.mean(x, axis=0),
    "scaled": lambda x: x / (1.0 + np.sum(x * x, axis=1, keepdims=True)), "mixed": lambda x: np.tanh(x @ MIX),
    "chosen": lambda x: np.where(x > 0.1, x, 0.3 * x), "shifted": lambda x: np.concatenate([x[1:], x[:1]]),
}
MIX = RNG.normal(size=(60, 60)) / 9


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=7), st.integers(0, 6))
def test_any_chain_of_steps_computes_the_same_in_shared_memory(names, read_again):
    def f(x):
        values = [x]
        for name in names:
            values.append(STEPS[name](values[-1]))
        return np.sum(values[-1] * values[min(read_again, len(names))]) + np.sum(values[len(names) // 2])

    x = np.random.default_rng(1).normal(size=(40, 60)) / 2
    value, gradient = wg.jit(wg.value_and_grad(f), backend="native")(x)
    wanted, wanted_gradient = wg.value_and_grad(f)(x)
    np.testing.assert_allclose(value, wanted, rtol=1e-9)
    np.testing.assert_allclose(gradient, wanted_gradient, rtol=1e-8, atol=1e-10)


def as_it_is_and_done_again(f, args, monkeypatch):
    """The program of a function, and that with cheap steps repeated, which computes the same."""
    program = optimized(expanded(capture(f, args, {}).program))
    assert far.done_again(program) is program or len(program.ops) >= far.LONG
    monkeypatch.setattr(far, "LONG", 0)
    again = far.done_again(program)
    assert broken_promises(again) == []
    for x, y in zip(interpret(again, args), interpret(program, args), strict=True):
        np.testing.assert_array_equal(x, y)
    return program, again


def test_a_long_program_repeats_cheap_steps_where_they_are_read_much_later(monkeypatch):
    def f(w, xs):
        h = np.zeros(4)
        for x in xs:
            h = 2.0 / (1.0 + np.exp(-(h * w + x)))
        return np.sum(h)

    args = RNG.normal(size=4), RNG.normal(size=(60, 4))
    program, again = as_it_is_and_done_again(wg.value_and_grad(f), args, monkeypatch)

    def kept(program):
        return sum(len(op.stacked) for op in rolled(program).ops if isinstance(op, Loop))

    assert kept(again) < kept(program)


def test_a_gate_that_is_written_out_is_computed_again_of_its_exponential(monkeypatch):
    def f(w, xs):
        h = np.zeros(4)
        for x in xs:
            e = np.exp(-(h * w + x))
            h = 1.0 / (1.0 + e) * np.tanh(h)
        return np.sum(h)

    args = RNG.normal(size=4), RNG.normal(size=(60, 4))
    program, again = as_it_is_and_done_again(wg.value_and_grad(f), args, monkeypatch)

    def far_reads(program):
        """Steps that read a quotient long after it was made."""
        made = {op.out: i for i, op in enumerate(program.ops) if op.rule.name == "divide"}
        return sum(i - made.get(x, i) > far.FAR for i, op in enumerate(program.ops) for x in op.reads)

    assert far_reads(program) > 50
    assert far_reads(again) == 0


def test_what_was_put_together_of_kept_values_is_put_together_again(monkeypatch):
    """x and h side by side, as an LSTM reads them: both are products of values that the way back reads anyway."""
    def f(w, u, xs):
        h = s = np.zeros(3)
        for x in xs:
            gate, t = np.exp(-s * u), np.tanh(s)
            h = gate * t
            s = np.sum(np.reshape(np.tanh(np.concatenate([x * u, h]) * w), (2, 3)), axis=0)
        return np.sum(s)

    args = RNG.normal(size=6), RNG.normal(size=3), RNG.normal(size=(60, 3))
    program, again = as_it_is_and_done_again(wg.value_and_grad(f, (0, 1)), args, monkeypatch)

    def far_reads(program):
        """Steps that read what was put together long before."""
        made = {op.out: i for i, op in enumerate(program.ops) if op.rule.name == "concatenate"}
        return sum(i - made.get(x, i) > far.FAR for i, op in enumerate(program.ops) for x in op.reads)

    assert far_reads(program) > 50
    assert far_reads(again) <= 1  # the first, whose h is no product


def test_the_slope_of_one_over_y_is_the_square_of_the_quotient():
    def f(y):
        return np.sum(1.0 / (1.0 + np.exp(y)))

    compiled = wg.jit(wg.grad(f), backend="native")
    y = np.array([-700.0, -30.0, -1.0, 0.0, 0.3, 20.0, 700.0])
    np.testing.assert_allclose(compiled(y), wg.grad(f)(y), rtol=1e-15)
    assert compiled.source.count(" / ") == 1
    edge = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-300, 1e300])
    with np.errstate(all="ignore"):
        wanted = wg.grad(lambda y: np.sum(1.0 / y))(edge)
    np.testing.assert_array_equal(wg.jit(wg.grad(lambda y: np.sum(1.0 / y)), backend="native")(edge), wanted)


def test_a_program_is_printed_the_same_each_time_or_the_code_on_disk_would_not_be_found():
    def f(w, u, xs):
        h, c = [np.zeros(6)] * 2, [np.zeros(6)] * 2
        total = 0.0
        for x in xs:
            y = x * u
            for i in range(2):
                gate, entry, out = (1.0 / (1.0 + np.exp(-(h[i] * a + y))) for a in w[i])
                c[i] = gate * c[i] + entry * np.tanh(h[i] * u + y)
                y = h[i] = out * np.tanh(c[i])
            total = total + np.sum(x * (y - np.log(2.0 + np.sum(np.exp(y)))))
        return total

    args = RNG.normal(size=(2, 3, 6)), RNG.normal(size=6), RNG.normal(size=(40, 6))
    sources = set()
    for _ in range(4):
        compiled = wg.jit(wg.value_and_grad(f, (0, 1)), backend="native")
        compiled(*args)
        sources.add(compiled.source)
    assert len(sources) == 1


# ── where arrays lie ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_arrays_begin_with_lines_and_large_ones_at_different_places_of_a_page():
    kinds = [((100, 14), np.dtype(float)), ((3,), np.dtype(bool)), ((0, 5), np.dtype("f4")), ((), np.dtype("i8"))] * 9
    arrays = arrays_apart(kinds)
    assert [(x.shape, x.dtype) for x in arrays] == kinds
    places = [x.ctypes.data for x in arrays if x.size]
    assert all(place % 64 == 0 for place in places)
    large = [x.ctypes.data % 4096 for x in arrays if x.nbytes >= 4096]
    assert len(set(large)) == len(large) == 9
    assert (large[1] - large[0]) % 4096 == 4 * APART % 4096
    for i, x in enumerate(arrays):
        assert not x.any()
        x[...] = i % 2 if x.dtype == bool else i
    for i, x in enumerate(arrays):
        assert (x == (i % 2 if x.dtype == bool else i)).all()


def test_no_arrays_need_no_memory():
    assert arrays_apart([]) == []
