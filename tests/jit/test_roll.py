"""Loops that tracing has unrolled are found again, and compute the same numbers."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import whygrad as wg
from whygrad.jit.capture import capture
from whygrad.jit.gather_sums import gather_sums
from whygrad.jit.interpret import interpret
from whygrad.jit.passes import dead, optimized
from whygrad.jit.program import Loop, Op, Program, Var
from whygrad.jit.roll import roll, rolled
from whygrad.rules.table import RULES

RNG = np.random.default_rng(3)


def program_of(f, *args) -> Program:
    return optimized(capture(f, args, {}).program)


def loops_of(program: Program) -> list[Loop]:
    return [step for step in program.ops if isinstance(step, Loop)]


def check(program: Program) -> None:
    """Everything is made before it is read and made once; stacks are filled, slices lie within what they slice."""
    made: set[Var] = set(program.inputs) | set(program.constants)
    for step in program.ops:
        assert all(x in made for x in step.reads)
        outs = [step.out] if isinstance(step, Op) else list(step.outs)
        if isinstance(step, Loop):
            inside = {c.inside for c in step.carried} | {s.inside for s in step.sliced}
            for op in step.body:
                assert all(x in inside or x in made for x in op.reads)
                assert op.out not in inside | made
                inside.add(op.out)
            for c in step.carried:
                assert c.next in inside
                assert c.inside.shape == c.next.shape == c.last.shape
            for s in step.sliced:
                assert min(s.start, s.start + s.stride * (step.count - 1)) >= 0
                assert max(s.start, s.start + s.stride * (step.count - 1)) < s.of.shape[0]
            for s in step.stacked:
                assert sorted(s.start + s.stride * t for t in range(step.count)) == list(range(s.out.shape[0]))
        assert not made & set(outs)
        assert len(set(outs)) == len(outs)
        made.update(outs)
    assert all(x in made for x in program.outputs if isinstance(x, Var))


def agree(before: Program, after: Program, args, within: float = 1e-12) -> None:
    check(after)
    for x, y in zip(interpret(before, args), interpret(after, args), strict=True):
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        np.testing.assert_allclose(y, x, rtol=within, atol=within)


def assert_rolls(f, *args, loops: int = 1, steps: int = 100, within: float = 0) -> list[Loop]:
    """It rolls into so many loops and few steps beside them, and what it computes is what the function computes.

    ``within``: of the loops alone, which compute the same to the bit, if NumPy adds up arrays of the same layout.
    """
    before = program_of(f, *args)
    agree(before, roll(before), args, within)
    after = rolled(before)
    agree(before, after, args)
    assert len(loops_of(after)) == loops
    assert len(after.ops) <= steps
    return loops_of(after)


# ---- the functions --------------------------------------------------------------------------------------------------


def recurrence(x, w, turns=40):
    h = x
    for _ in range(turns):
        h = np.tanh(h * w) + 0.1 * np.sin(h)
    return h


def losses(x, w):
    """Every turn tells from one row of x the next one, as a text's next letter."""
    total = 0.0
    for t in range(len(x) - 1):
        y = np.tanh(x[t] @ w)
        log_p = y - np.log(np.sum(np.exp(y)))
        total = total + np.sum(x[t + 1] * log_p)
    return -total / (len(x) - 1)


def layers(x, ws):
    """In each turn an inner loop over layers, each with a state of its own."""
    states = [np.zeros(3) for _ in range(len(ws))]
    total = 0.0
    for t in range(len(x)):
        h = x[t]
        for i in range(len(ws)):
            states[i] = h = np.tanh(h * ws[i, 0] + states[i] * ws[i, 1])
        total = total + np.sum(h**2)
    return total


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(weight, bias, h, c, x):
    """One cell with diagonal gates, after ADBench's LSTM."""
    forget = sigmoid(x * weight[0] + bias[0])
    ingate = sigmoid(h * weight[1] + bias[1])
    outgate = sigmoid(x * weight[2] + bias[2])
    change = np.tanh(h * weight[3] + bias[3])
    c = c * forget + ingate * change
    return outgate * np.tanh(c), c


def lstm_loss(main, extra, state, sequence):
    states = [state[i] for i in range(len(state))]
    total, count = 0.0, 0
    for t in range(len(sequence) - 1):
        x = sequence[t] * extra[0]
        for i in range(0, len(state), 2):
            states[i], states[i + 1] = lstm(main[i], main[i + 1], states[i], states[i + 1], x)
            x = states[i]
        y = x * extra[1] + extra[2]
        total += np.sum(sequence[t + 1] * (y - np.log(np.sum(np.exp(y)))))
        count += len(y)
    return -total / count


def lstm_arguments(turns, layers=2, size=5):
    rows = RNG.normal(size=(2 * layers, 4, size))
    return rows, RNG.normal(size=(3, size)), RNG.normal(size=(2 * layers, size)), RNG.normal(size=(turns, size))


# ---- what rolls -----------------------------------------------------------------------------------------------------


def test_a_recurrence_becomes_one_loop_that_carries_its_value():
    (loop,) = assert_rolls(recurrence, RNG.normal(size=3), RNG.normal(size=3), steps=1)
    assert (loop.count, len(loop.carried), len(loop.body)) == (40, 1, 5)


def test_a_first_turn_that_differs_is_left_before_the_loop():
    def f(x):
        h = np.zeros(3)
        for _ in range(30):
            h = np.tanh(h + x) * x
        return h

    (loop,) = assert_rolls(f, RNG.normal(size=3), steps=8)
    assert loop.count >= 28


def test_the_gradient_of_a_recurrence_reads_the_forward_loop_backwards():
    f = wg.value_and_grad(lambda x, w: np.sum(recurrence(x, w)), (0, 1))
    forward, backward = assert_rolls(f, RNG.normal(size=3), RNG.normal(size=3), loops=2)
    stacks = {s.out for s in forward.stacked}
    assert any(s.of in stacks and s.stride == -1 for s in backward.sliced)


def test_rows_of_the_data_are_sliced_from_the_data():
    x, w = RNG.normal(size=(30, 4)), RNG.normal(size=(4, 4))
    (loop,) = assert_rolls(losses, x, w)
    assert len({s.of for s in loop.sliced}) == 1
    forward, _ = assert_rolls(wg.value_and_grad(losses, 1), x, w, loops=2)
    assert forward.count >= 26


def test_gradients_of_rows_become_one_stack():
    x, w = RNG.normal(size=(30, 4)), RNG.normal(size=(4, 4))
    after = rolled(program_of(wg.grad(losses), x, w))
    check(after)
    assert not any(isinstance(op, Op) and op.rule.name == "put" for op in after.ops)
    assert_rolls(wg.grad(losses), x, w, loops=2, steps=100)


def test_columns_are_sliced_after_the_axis_has_come_to_the_front():
    def f(x):
        total = 0.0
        for t in range(x.shape[1]):
            total = total + np.sum(np.sin(x[:, t]) * np.exp(-x[:, -1 - t]))
        return total

    (loop,) = assert_rolls(f, RNG.normal(size=(3, 20)))
    assert {s.stride for s in loop.sliced} == {1, -1}


def test_an_inner_loop_over_layers_is_inside_the_period():
    arguments = RNG.normal(size=(25, 3)), RNG.normal(size=(3, 2, 3))
    (loop,) = assert_rolls(layers, *arguments)
    assert loop.count >= 23
    assert_rolls(wg.value_and_grad(layers, 1), *arguments, loops=2, steps=160)


def test_a_value_read_two_turns_later_is_carried_by_a_turn_that_begins_elsewhere():
    def f(x):
        a, b = x, np.sin(x)
        for _ in range(60):
            a, b = b, np.tanh(a * b + x)
        return b

    (loop,) = assert_rolls(f, RNG.normal(size=3), steps=12)
    assert len(loop.body) == 3


def test_a_value_read_three_turns_later_takes_a_loop_of_several_turns():
    def f(x):
        a, b, c = x, np.sin(x), np.cos(x)
        for _ in range(90):
            a, b, c = b, c, np.tanh(a * c + x)
        return c

    (loop,) = assert_rolls(f, RNG.normal(size=3), steps=24)
    assert len(loop.body) == 6


def test_two_different_loops_are_two_loops_and_the_second_reads_all_values_of_the_first():
    def f(x, w):
        values, h = [], x
        for _ in range(20):
            h = np.tanh(h * w) + np.cos(h)
            values.append(h)
        g = x
        for value in reversed(values):
            g = np.sin(g) * value + np.exp(-g) - w
        return g, np.stack(values)

    first, second = assert_rolls(f, RNG.normal(size=3), RNG.normal(size=3), loops=2)
    assert len(first.stacked) == 1
    assert second.sliced


def test_arrays_and_numbers_that_differ_from_turn_to_turn_are_stacked_beforehand():
    rows = RNG.normal(size=(24, 3))

    def f(x):
        for t in range(24):
            x = np.tanh(x * rows[t]) + 0.9**t * np.sin(x)
        return x

    (loop,) = assert_rolls(f, RNG.normal(size=3))
    assert (loop.count, len(loop.sliced)) == (23, 2)  # 0.9**0 is nothing to multiply by
    x = RNG.normal(size=3).astype(np.float32)
    before = program_of(f, x)
    agree(before, rolled(before), (x,), within=0)


def test_single_turns_and_the_last_one_can_be_read_after_the_loop():
    def f(x):
        values = [x]
        for _ in range(40):
            values.append(np.tanh(values[-1]) * x)
        return values[7] * values[22], values[-1], np.exp(values[-2])

    assert_rolls(f, RNG.normal(size=3))


def test_a_stack_of_all_turns_reads_backwards_where_it_is_wanted_backwards():
    def f(x):
        values = []
        for _ in range(40):
            x = np.tanh(x) * 1.5
            values.append(x)
        return np.stack(values[::-1]), np.stack(values[4:30:2]), np.stack(values)

    assert_rolls(f, RNG.normal(size=3), steps=4)


def test_the_gradient_of_an_lstm_is_two_loops():
    arguments = lstm_arguments(30)
    assert_rolls(lstm_loss, *arguments, steps=200)
    forward, backward = assert_rolls(wg.value_and_grad(lstm_loss, (0, 1)), *arguments, loops=2, steps=600)
    assert min(forward.count, backward.count) >= 25
    assert all(x.last.shape in ((5,), ()) for x in backward.carried)  # sums of rows, not of all parameters


# ---- what stays -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [1, 3, 10])
def test_few_turns_and_few_steps_stay_as_they_are(turns):
    program = program_of(lambda x: recurrence(x, x, turns), RNG.normal(size=3))
    assert roll(program) is program
    assert gather_sums(program) is program


def test_a_turn_that_breaks_the_rule_stays_between_two_loops():
    def f(x, w):
        first = x
        for t in range(60):
            x = np.tanh(x * (first if t == 25 else w)) + np.sin(x)
        return x

    counts = [loop.count for loop in assert_rolls(f, RNG.normal(size=3), RNG.normal(size=3), loops=2)]
    assert sum(counts) >= 57


def test_powers_with_a_number_of_their_own_in_each_turn_stay():
    def f(x):
        total = x
        for t in range(70):
            total = total + np.power(np.abs(x), t + 3)
        return total

    x = RNG.normal(size=3)
    before = program_of(f, x)
    agree(before, rolled(before), (x,), within=0)


# ---- sums of puts ---------------------------------------------------------------------------------------------------


def test_sums_of_puts_add_the_parts_and_put_them_once():
    def f(w):
        return sum(np.sum((i + 1.0) * w[i % 3] * w[(i + 1) % 3, 1] * np.sum(w[:, 2])) for i in range(9)) + np.sum(w**2)

    w = RNG.normal(size=(3, 4))
    before = program_of(wg.grad(f), w)
    after = gather_sums(before)
    agree(before, dead(after), (w,))

    def full(p):
        return sum(isinstance(op, Op) and op.rule.name in ("put", "add") and op.out.shape == (3, 4) for op in p.ops)

    assert full(after) < full(before) / 4


def test_one_row_named_in_several_ways_is_still_summed_once():
    def f(x):
        named = [x[:, 2], x[:, -1], x[..., 2], x[:, 0], x[:, 1], x[1], x[-1], x[1, ...]]
        return sum(np.sum(np.sin((i + 1.0) * row)) for i, row in enumerate(named))

    for which in (f, lambda x: sum(np.sum(np.sin((i + 1.0) * x[:, j])) for i, j in enumerate((2, -1, 0, 1, -3)))):
        before = program_of(wg.grad(which), RNG.normal(size=(2, 3)))
        agree(before, dead(gather_sums(before)), (RNG.normal(size=(2, 3)),))


@pytest.mark.parametrize("parts", [
    lambda x: (x[:, 2:5], x[..., :2], x[:, 5:]), lambda x: (x[1:], x[:1]), lambda x: (x[:, 3:], x[0], x[:, :3]),
    lambda x: (x[:, :4], x[:, 3:]), lambda x: (x[:, ::2], x[:, 1::2]), lambda x: (x[:, :3], x[:, 5:]),
])
def test_parts_that_lie_side_by_side_are_joined_and_others_are_put(parts):
    def f(x):
        return sum(np.sum(np.sin((i + 1.0) * part)) for i, part in enumerate(parts(x)))

    x = np.random.default_rng(6).normal(size=(3, 6))
    before = program_of(wg.grad(f), x)
    after = dead(gather_sums(before))
    agree(before, after, (x,))
    names = [op.rule.name for op in after.ops if isinstance(op, Op)]
    whole = sorted(np.concatenate([part.ravel() for part in parts(np.arange(18).reshape(3, 6))])) == list(range(18))
    one_way = all(part.strides == (48, 8) and part.ndim == 2 for part in parts(np.zeros((3, 6))))
    assert ("concatenate" in names) == (whole and one_way)


def test_columns_read_and_stacked_in_turn_roll_in_both_directions():
    def f(x, w):
        h, values = np.zeros(4), []
        for t in range(x.shape[1]):
            h = np.tanh(h @ w + x[:, t])
            values.append(h)
        return np.mean((np.stack(values, axis=1) - 1.0) ** 2)

    for _ in range(5):  # stacked by rows and then turned, the columns are added up in another order
        x, w = RNG.normal(size=(4, 40)), RNG.normal(size=(4, 4))
        assert_rolls(wg.value_and_grad(f, (0, 1)), x, w, loops=2, within=1e-14)


# ---- any program ----------------------------------------------------------------------------------------------------


@st.composite
def programs(draw) -> Program:
    """Some steps, a block repeated with operands from this turn, earlier turns and rows of the data; and once more."""
    x, data = Var((2,), np.dtype(float), "x"), Var((12, 2), np.dtype(float), "data")
    ops: list[Op] = []
    values = [x]

    def step(name, *inputs, **params):
        ops.append(Op(Var((2,), np.dtype(float)), RULES[name], inputs, params))
        values.append(ops[-1].out)

    for _ in range(draw(st.integers(1, 2))):
        for _ in range(draw(st.integers(0, 3))):
            step("sin", draw(st.sampled_from(values)))
        pick, far, any_far = st.integers(0, 3), st.integers(1, 9), st.integers(0, len(values) - 1)
        block = [(draw(pick), draw(far), draw(far), draw(any_far)) for _ in range(draw(st.integers(1, 6)))]
        turns, odd = draw(st.integers(5, 12)), draw(st.integers(0, 40))
        for t in range(turns * (1 if len(block) > 4 else 5)):
            for kind, a, b, fixed in block:
                near = values[-min(a if t != odd else 1, len(values))]
                if kind == 0:
                    step("tanh", near)
                elif kind == 1:
                    step("subtract", near, values[-min(b, len(values))])
                elif kind == 2:
                    step("multiply", near, values[fixed])
                else:
                    step("getitem", data, index=(t * (1 if a < 5 else -1) + b) % 12)
    outputs = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))) + (values[-1],)
    return Program("program", (x, data), {}, tuple(ops), outputs)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_any_program_computes_the_same_after_rolling(program):
    arguments = np.array([0.3, -0.8]), np.linspace(-1, 1, 24).reshape(12, 2)
    agree(program, roll(program), arguments)
    program = optimized(program)
    agree(program, rolled(program), arguments)


# ---- size -----------------------------------------------------------------------------------------------------------


def test_the_gradient_of_an_lstm_over_hundreds_of_turns_is_two_short_loops():
    arguments = lstm_arguments(300, layers=1)
    program = program_of(wg.value_and_grad(lstm_loss, (0, 1)), *arguments)
    assert len(program.ops) > 30_000
    after = rolled(program)
    forward, backward = loops_of(after)
    assert min(forward.count, backward.count) > 290
    assert max(len(forward.body), len(backward.body)) < 80
    assert len(after.ops) < 400
    agree(program, after, arguments)


def test_a_hundred_thousand_steps_are_rolled_in_seconds():
    x, w, data = (Var(shape, np.dtype(float)) for shape in ((2,), (2,), (8000, 2)))
    ops: list[Op] = []

    def step(name, *inputs, **params):
        ops.append(Op(Var((2,), np.dtype(float)), RULES[name], inputs, params))
        return ops[-1].out

    turns, h, g, first = [], x, w, w
    for t in range(8000):
        inner = step("add", step("multiply", h, w), step("getitem", data, index=t))
        h = step("tanh", inner)
        turns.append((inner, h))
    for inner, out in reversed(turns):
        slope = step("subtract", 1.0, step("multiply", out, out))
        g = step("sin", step("multiply", step("multiply", g, slope), step("add", inner, step("exp", out))))
        w = step("subtract", w, step("multiply", 0.001, g))
    program = Program("long", (x, first, data), {}, tuple(ops), (g, w))
    assert len(ops) > 100_000
    start = time.perf_counter()
    after = rolled(program)
    assert time.perf_counter() - start < 5  # about 1 s on an idle machine
    assert [loop.count for loop in loops_of(after)] == [8000, 8000]
    agree(program, after, (np.ones(2), np.array([0.4, -0.3]), np.linspace(-1, 1, 16000).reshape(8000, 2)))
