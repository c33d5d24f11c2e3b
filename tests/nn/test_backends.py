"""Training in native code gives what NumPy gives. Most tests interpret the traced step instead of compiling it."""

import importlib
import itertools
from dataclasses import replace

import numpy as np
import pytest
from tests.nn import stand_in

import whygrad as wg
from whygrad.errors import DivergedError, ShapeError, UnsupportedError
from whygrad.nn import native_steps, steps, work
from whygrad.nn.activations import ACTIVATIONS
from whygrad.nn.progress import Silence
from whygrad.nn.schedules import EarlyStopping
from whygrad.nn.steps import training_steps

JIT = importlib.import_module("whygrad.jit")  # the room; wg.jit is the function of that name
LOOP = importlib.import_module("whygrad.jit.loop")
REGULARIZERS = dict(plain={}, l1=dict(l1=0.3), l2=dict(l2=0.5), dropout=dict(dropout=0.3), clipped=dict(clip_norm=0.05),
                    all=dict(l1=0.1, l2=0.2, dropout=0.2, clip_norm=0.5))
TOLERANCE = dict(float32=1e-5, float64=1e-12)  # relative, after 100 steps


@pytest.fixture
def interpreted(monkeypatch):
    """``backend="native"`` without a compiler: the traced step is interpreted."""
    monkeypatch.setattr(JIT, "available", lambda: True)
    monkeypatch.setattr(JIT, "jit", stand_in.jit)
    monkeypatch.setattr(LOOP, "StepLoop", stand_in.StepLoop)


@pytest.fixture
def all_programs(monkeypatch):
    """Whatever can be compiled is, however little it is worth it."""
    monkeypatch.setattr(work, "NEXT_PROGRAM", 0.0)


@pytest.fixture
def few_steps_per_call(monkeypatch):
    monkeypatch.setattr(native_steps, "steps_per_call", lambda *_: 3)


def data(rng, n=43):
    X = rng.normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


def small(**how):
    return wg.Network(**dict(sizes=[3, 4, 2], dtype="float64", seed=3) | how)


def numbers(net):
    return np.concatenate([p.ravel() for p in [*net.weights, *net.biases]])


def close(a, b, tolerance):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.linalg.norm(a - b) <= tolerance * np.linalg.norm(b)


def on_both(X, Y, make=small, **how):
    """The same fit on either backend: [(network, history), ...]."""
    runs = []
    for backend in ("native", "numpy"):
        net = make()
        history = net.fit(X, Y, **dict(epochs=2, batch_size=5, progress=False, backend=backend) | how)
        assert history.backend == backend
        runs.append((net, history))
    return runs


def assert_same(runs, tolerance=1e-13):
    (net, history), (wanted, wanted_history) = runs
    assert close(numbers(net), numbers(wanted), tolerance)
    assert history.accuracy == wanted_history.accuracy
    assert history.validation_accuracy == wanted_history.validation_accuracy
    for column in ("cost", "penalty", "learning_speed"):
        assert close(getattr(history, column), getattr(wanted_history, column), tolerance), column
    assert (len(history), history.kept, history.note) == (len(wanted_history), wanted_history.kept, wanted_history.note)


# ── the traced step is the same step ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("optimizer", wg.optimizers.OPTIMIZERS)
def test_every_optimizer_with_every_regularizer(interpreted, rng, optimizer, dtype):
    X, Y = data(rng)
    for how in REGULARIZERS.values():
        assert_same(on_both(X, Y, lambda: small(dtype=dtype), optimizer=optimizer, epochs=1, **how), TOLERANCE[dtype])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_with_every_cost(interpreted, rng, activation):
    X, Y = data(rng, 10)
    for cost in ("squared_error", "half_squared_error", "cross_entropy", "softmax_cross_entropy"):
        last = {"cross_entropy": "sigmoid", "softmax_cross_entropy": "softmax"}.get(cost, activation)
        assert_same(on_both(X, Y, lambda: small(activation=[activation, last], cost=cost), learning_rate=0.1))  # noqa: B023


def test_functions_of_the_users(interpreted, rng):
    def leaky_sigmoid(z):
        return 1 / (1 + np.exp(-z)) + 0.1 * z

    X, Y = data(rng, 10)
    for cost in (lambda a, y: np.sum(np.abs(a - y) ** 3, axis=-1), lambda a, y: (a - y) @ (a - y)):
        assert_same(on_both(X, Y, lambda: small(activation=leaky_sigmoid, cost=cost), learning_rate=0.1))  # noqa: B023


@pytest.mark.parametrize(("n", "batch_size"), [(1, 1), (5, 5), (6, 5), (7, 1), (9, 4), (10, 5)])
def test_batches_of_every_size(interpreted, few_steps_per_call, monkeypatch, rng, n, batch_size):
    X, Y = data(rng, n)
    for worth in (0.0, 1e9):  # the smaller last batch: compiled, and by NumPy
        monkeypatch.setattr(work, "NEXT_PROGRAM", worth)
        assert_same(on_both(X, Y, epochs=3, batch_size=batch_size, dropout=0.4, validation=data(rng, 7),
                            learning_rate=1.0))


@pytest.mark.parametrize("sizes", [[3, 1], [3, 1, 1], [3, 2, 2, 2]])
def test_one_neuron_and_several_layers(interpreted, rng, sizes):
    X, Y = data(rng, 12)
    assert_same(on_both(X, Y % sizes[-1] if sizes[-1] > 1 else Y, lambda: small(sizes=sizes)))


def test_the_first_weights_may_lie_in_memory_either_way(interpreted, rng):
    X, Y = data(rng, 12)

    def make():
        net = small()
        net.weights[:] = [np.ascontiguousarray(W) for W in net.weights]
        return net

    assert_same([on_both(X, Y, make)[0], on_both(X, Y)[1]])


def test_schedules_and_early_stopping(interpreted, few_steps_per_call, rng):
    X, Y = data(rng)
    how = dict(epochs=60, learning_rate=5.0, validation=data(rng, 30), schedule=wg.schedules.exponential(0.99),
               early_stopping=EarlyStopping(patience=4, watch="validation_cost"))
    runs = on_both(X, rng.permutation(Y), lambda: small(cost="cross_entropy"), **how)
    assert runs[0][1].note.startswith("stopped after epoch")
    assert_same(runs, 1e-11)


def test_large_data_sets_are_evaluated_in_compiled_chunks(interpreted, all_programs, monkeypatch, rng):
    rows = []

    def counting(f, backend):
        compiled = stand_in.jit(f, backend)
        return lambda *args: rows.append(len(args[1])) or compiled(*args)

    monkeypatch.setattr(JIT, "jit", counting)
    monkeypatch.setattr("whygrad.nn.measure.COMPILED_ROWS", 300)
    how = dict(epochs=1, batch_size=100)
    assert_same(on_both(*data(rng, 700), validation=data(rng, 900), **how))
    assert rows == [300] * (3 + 3)
    assert_same(on_both(*data(rng, 700), validation=data(rng, 270), **how))
    assert rows[6:] == [270] * (3 + 1)
    assert_same(on_both(*data(rng, 700), validation=data(rng, 20), **how))
    assert rows[10:] == [300] * 3


# ── what ends training early ─────────────────────────────────────────────────────────────────────────────────────────


def quartic(a, y):
    return np.sum((a - y) ** 4, axis=-1)


def diverging(backend, X, Y, **how):
    how = dict(activation="identity", cost=quartic, epochs=50, batch_size=4, learning_rate=1e6) | how
    net = small(activation=how.pop("activation"), cost=how.pop("cost"), dtype=how.pop("dtype", "float64"))
    with pytest.raises(DivergedError) as caught:
        net.fit(X, Y, progress=False, backend=backend, **how)
    assert __file__ in caught.value.where
    return str(caught.value).replace(caught.value.where, ""), numbers(net), len(net.history)


@pytest.mark.parametrize("per_call", [1, 2, 3, 100])
@pytest.mark.parametrize("how", [
    dict(learning_rate=1e6),
    dict(learning_rate=3.0),
    dict(learning_rate=0.3, l2=0.1, optimizer="momentum"),
    dict(learning_rate=1e80, batch_size=8, epochs=1),  # after the last step of the epoch
    dict(learning_rate=1e80, batch_size=30),
    dict(learning_rate=1e300, activation="tanh", cost="squared_error", dtype="float32"),  # the weights, not the cost
    dict(cost=lambda a, y: np.sum(np.log(a - 1e9), axis=-1)),  # from the first step
    dict(learning_rate=1e30, dropout=0.5, dtype="float32"),
])
def test_a_number_that_is_not_finite_stops_at_the_same_step_with_the_same_weights(interpreted, monkeypatch, rng, how,
                                                                                   per_call):
    monkeypatch.setattr(work, "NEXT_PROGRAM", float(per_call % 2))
    monkeypatch.setattr(native_steps, "steps_per_call", lambda *_: per_call)
    X, Y = data(rng, 30)
    said, kept, epochs = diverging("native", X, Y, **how)
    wanted_words, wanted, wanted_epochs = diverging("numpy", X, Y, **how)
    assert said == wanted_words
    assert epochs == wanted_epochs
    assert np.array_equal(kept, wanted)
    assert np.isfinite(kept).all()


class InterruptAfter(Silence):
    """Ctrl-C, after so many steps."""

    def __init__(self, steps):
        self.left, self.counts = steps, []

    def step(self, count):
        self.counts.append(count)
        self.left -= count
        if self.left <= 0:
            raise KeyboardInterrupt


def test_ctrl_c_between_calls_keeps_what_was_learned(interpreted, few_steps_per_call, rng):
    X, Y = data(rng)
    net, same = small(), small()
    told = InterruptAfter(9 + 6)
    history = net.fit(X, Y, epochs=10, batch_size=5, progress=told, backend="native")
    assert told.counts == [3, 3, 2, 1, 3, 3]
    assert history.note == "interrupted in epoch 2 after step 6"
    same.fit(X, Y, epochs=10, batch_size=5, progress=InterruptAfter(15), backend="numpy")
    assert np.allclose(numbers(net), numbers(same), rtol=1e-13)


def test_ctrl_c_in_the_middle_of_a_call_undoes_that_call(interpreted, few_steps_per_call, monkeypatch, rng):
    X, Y = data(rng)
    run = stand_in.StepLoop.run

    def interrupted(self, order, extras, rate):
        result = run(self, order, extras, rate)
        if len(self.calls) == 2:
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(stand_in.StepLoop, "run", interrupted)
    net, same = small(), small()
    history = net.fit(X, Y, epochs=10, batch_size=5, progress=False, backend="native")
    assert history.note == "interrupted in epoch 1 after step 3"
    same.fit(X, Y, batch_size=5, progress=InterruptAfter(3), backend="numpy")
    assert np.allclose(numbers(net), numbers(same), rtol=1e-13)


def test_ctrl_c_while_compiling_leaves_the_network_as_it_was(interpreted, monkeypatch, rng):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(LOOP, "StepLoop", interrupted)
    net, before = small(), numbers(small())
    history = net.fit(*data(rng), progress=False, backend="native")
    assert history.note == "interrupted in epoch 1 after step 0"
    assert np.array_equal(numbers(net), before)


# ── which backend runs ───────────────────────────────────────────────────────────────────────────────────────────────


def test_auto_compiles_what_is_worth_it(interpreted, monkeypatch, rng):
    X, Y = data(rng)
    assert small().fit(X, Y, epochs=1, progress=False).backend == "numpy"
    monkeypatch.setattr(work, "FIRST_PROGRAM", 0.0)
    assert small().fit(X, Y, epochs=1, progress=False).backend == "native"
    monkeypatch.setattr(JIT, "available", lambda: False)
    assert small().fit(X, Y, epochs=1, progress=False).backend == "numpy"


def test_what_is_worth_compiling():
    sizes = (784, 30, 10)
    plan = steps.plan(50_000, 1, False, epochs=30, batch_size=10, learning_rate=3.0, optimizer_given="sgd",
                      backend="auto")
    assert work.steps_are_worth_it(sizes, plan, 50_000)
    assert not work.steps_are_worth_it(sizes, plan, 500)
    assert work.evaluation_is_worth_it(sizes, plan, 60_000)
    assert not work.evaluation_is_worth_it(sizes, plan, 6_000)
    assert not work.last_batch_is_worth_it(sizes, plan, 9)
    assert work.last_batch_is_worth_it((784, 512, 512, 10), replace(plan, epochs=3000), 100)
    assert work.steps_per_call(sizes, plan, 23_860) > 1000
    assert work.steps_per_call((2048, 2048, 2048, 10), plan, 10_000_000) < 500


def test_without_a_compiler_the_backend_is_refused(monkeypatch, rng):
    monkeypatch.setattr(JIT, "available", lambda: False)
    with pytest.raises(UnsupportedError, match=r"needs llvmlite, which can not be(?s:.*)pip install llvmlite"):
        small().fit(*data(rng), progress=False, backend="native")


def test_what_can_not_be_compiled_is_refused_with_the_reason_or_left_to_numpy(interpreted, monkeypatch, rng):
    def choosy(z):
        return z if np.sum(z) > 0 else 0.5 * z  # fine for NumPy, not for a program that is traced once

    X, Y = data(rng)
    monkeypatch.setattr(work, "FIRST_PROGRAM", 0.0)
    with pytest.raises(UnsupportedError, match=r"can not compile a step of this network.*can not look at") as caught:
        small(activation=choosy).fit(X, Y, epochs=1, progress=False, backend="native")
    assert "np.where" in caught.value.try_
    assert "backend='numpy'" in caught.value.try_
    assert __file__ in caught.value.where
    assert small(activation=choosy).fit(X, Y, epochs=1, progress=False).backend == "numpy"


def test_a_mistake_of_the_users_is_the_same_error_on_either_backend(interpreted, rng):
    net = wg.Network([3, 4, 1], ["tanh", lambda z: np.sum(z, axis=-1)])
    for backend in ("numpy", "native"):
        with pytest.raises(ShapeError, match=r"of layer 2 made shape \(5,\) of z\^2"):
            net.fit(*data(rng), batch_size=5, progress=False, backend=backend)


def test_the_history_and_its_columns_say_which_backend_ran(rng):
    history = small().fit(*data(rng), epochs=1, progress=False, backend="numpy")
    assert history.backend == history.to_dict()["backend"] == "numpy"


# ── steps for measuring ──────────────────────────────────────────────────────────────────────────────────────────────


def test_training_steps_run_the_steps_of_fit(interpreted, few_steps_per_call, rng):
    X, Y = data(rng, 40)
    for backend in ("native", "numpy"):
        net, same = small(), small()
        same.fit(X, Y, epochs=2, batch_size=5, learning_rate=0.3, optimizer="adam", l2=0.1, progress=False)
        run = training_steps(net, X, Y, 5, 0.3, backend, "adam", l2=0.1)
        assert run.backend == backend
        for count in (1, 4, 8, 3):
            run.run(count)
        run.finish()
        assert np.allclose(numbers(net), numbers(same), rtol=1e-12)


# ── compiled for real ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("optimizer", "regularizer", "dtype"), [
    ("adam", "l2", "float64"), ("sgd", "plain", "float32"),
])
def test_native_code_gives_what_numpy_gives_after_a_hundred_steps(rng, optimizer, regularizer, dtype):
    X, Y = data(rng, 52)
    how = dict(optimizer=optimizer, epochs=10, **REGULARIZERS[regularizer])
    assert_same(on_both(X, Y, lambda: small(dtype=dtype), **how), TOLERANCE[dtype])


def test_native_code_repeats_to_the_bit(rng):
    X, Y = data(rng, 300)
    runs = []
    for _ in range(2):
        net = small(dtype="float32")
        history = net.fit(X, Y, epochs=3, batch_size=7, dropout=0.3, backend="native", progress=False)
        runs.append((numbers(net).tobytes(), history.cost, history.learning_speed, history.accuracy))
    assert runs[0] == runs[1]


def test_native_code_stops_at_the_step_whose_cost_is_not_finite(rng):
    X, Y = data(rng, 32)
    for rate in (0.3, 3.0, 1e6, 1e80):
        said, kept, epochs = diverging("native", X, Y, learning_rate=rate)
        wanted_words, wanted, wanted_epochs = diverging("numpy", X, Y, learning_rate=rate)
        assert (said, epochs) == (wanted_words, wanted_epochs)
        assert close(kept, wanted, 1e-9)


def test_native_code_learns_digits(all_programs):
    digits = wg.datasets.digits()
    net = wg.Network([784, 30, 10], seed=0, init="large")
    history = net.fit(digits.train_images, digits.train_targets, epochs=6, batch_size=10, learning_rate=3.0,
                      validation=(digits.test_images, digits.test_labels), backend="native", progress=False)
    assert history.validation_accuracy[-1] > 0.87
    assert net.accuracy(digits.test_images, digits.test_labels) == history.validation_accuracy[-1]
    assert net.cost_of(digits.train_images, digits.train_targets) == pytest.approx(history.cost[-1], rel=1e-5)


# Compiling takes one or two seconds each: in float32 every optimizer and every regularizer once, not all pairs of them.
PAIRS = list(itertools.product(wg.optimizers.OPTIMIZERS, REGULARIZERS))
LINES = list(zip(wg.optimizers.OPTIMIZERS, itertools.cycle(REGULARIZERS), strict=False))
BOTH = [(*pair, "float64") for pair in PAIRS] + [(*pair, "float32") for pair in LINES]


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "regularizer", "dtype"), BOTH)
def test_native_code_has_every_optimizer_with_every_regularizer(rng, optimizer, regularizer, dtype):
    X, Y = data(rng, 50)
    runs = on_both(X, Y, lambda: small(dtype=dtype), optimizer=optimizer, epochs=10, **REGULARIZERS[regularizer])
    assert_same(runs, TOLERANCE[dtype])


COSTS = ["squared_error", "half_squared_error", "cross_entropy", "softmax_cross_entropy"]
KINDS = [(a, c, "float64") for a in ACTIVATIONS for c in COSTS[1:]] + [(a, COSTS[0], "float32") for a in ACTIVATIONS]


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "cost", "dtype"), KINDS)
def test_native_code_has_every_activation_with_every_cost(all_programs, rng, activation, cost, dtype):
    last = {"cross_entropy": "sigmoid", "softmax_cross_entropy": "softmax"}.get(cost, activation)
    runs = on_both(*data(rng, 300), lambda: small(activation=[activation, last], cost=cost, dtype=dtype),
                   learning_rate=0.1, batch_size=20, epochs=7)
    assert_same(runs, TOLERANCE[dtype])


@pytest.mark.slow
@pytest.mark.parametrize(("n", "batch_size", "sizes"), [
    (1, 1, [3, 4, 2]), (5, 5, [3, 4, 2]), (6, 5, [3, 4, 2]), (7, 1, [3, 1]), (9, 4, [3, 1, 1]), (10, 5, [3, 2, 2, 2]),
    (64, 17, [3, 40, 33, 2]),
])
def test_native_code_takes_networks_and_batches_of_every_size(all_programs, rng, n, batch_size, sizes):
    X, Y = data(rng, n)
    assert_same(on_both(X, Y, lambda: small(sizes=sizes), epochs=3, batch_size=batch_size, dropout=0.4), 1e-12)
