import io
import json

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import DivergedError
from whygrad.nn.progress import Bar, Silence, reporter
from whygrad.nn.schedules import EarlyStopping

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def data(rng, n=40):
    X = rng.normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


def small(**how):
    return wg.Network([3, 4, 2], **dict(dtype="float64", seed=3) | how)


def weights_of(net):
    return np.concatenate([p.ravel() for p in [*net.weights, *net.biases]])


def test_xor_is_learned_with_every_optimizer():
    rates = dict(sgd=2.0, momentum=0.5, nesterov=0.5, adam=0.05, adamw=0.05, rmsprop=0.02, adagrad=0.3)
    for name, rate in rates.items():
        net = wg.Network([2, 8, 1], ["tanh", "sigmoid"], "cross_entropy", seed=1)
        net.fit(*XOR, epochs=400, learning_rate=rate, optimizer=name, progress=False)
        assert net.accuracy(*XOR) == 1.0, name


def test_a_history_is_one_line_in_a_notebook(rng):
    X, Y = data(rng)
    history = small().fit(X, Y, epochs=3, validation=(X, Y), progress=False)
    said = repr(history)
    assert said.startswith(f"History of 3 epochs: cost {history.cost[0]:.4g} → {history.cost[-1]:.4g}, accuracy ")
    assert "validation cost" in said
    assert len(said) < 200
    regression = wg.Network([3, 1], "identity", "squared_error")
    assert "accuracy" not in repr(regression.fit(X, X[:, :1], epochs=1, progress=False))


def test_a_run_repeats_to_the_bit(rng):
    X, Y = data(rng)
    runs = []
    for _ in range(2):
        net = small()
        history = net.fit(X, Y, epochs=3, batch_size=7, learning_rate=1.0, dropout=0.3, progress=False)
        runs.append((weights_of(net).tobytes(), history.cost))
    assert runs[0] == runs[1]


def test_the_order_of_examples_differs_between_epochs_and_between_seeds(rng):
    X, Y = data(rng)
    one, other = small(), small()
    other._rng = np.random.default_rng(99)
    one.fit(X, Y, epochs=1, batch_size=5, learning_rate=1.0, progress=False)
    other.fit(X, Y, epochs=1, batch_size=5, learning_rate=1.0, progress=False)
    assert not np.array_equal(weights_of(one), weights_of(other))
    assert np.allclose(weights_of(one), weights_of(other), atol=0.2)


def test_the_history_measures_what_the_network_says_afterwards(rng):
    X, Y = data(rng)
    Xv, Yv = data(rng, 11)
    net = small()
    history = net.fit(X, Y, epochs=2, batch_size=7, learning_rate=1.0, validation=(Xv, Yv), l2=0.5, progress=False)
    assert history is net.history
    assert len(history) == 2
    assert history.cost[-1] == pytest.approx(net.cost_of(X, Y), rel=1e-12)
    assert history.accuracy[-1] == net.accuracy(X, Y)
    assert history.validation_cost[-1] == pytest.approx(net.cost_of(Xv, Yv), rel=1e-12)
    assert history.validation_accuracy[-1] == net.accuracy(Xv, Yv)
    assert history.penalty[-1] == pytest.approx(0.5 / 80 * sum(np.sum(W**2) for W in net.weights), rel=1e-12)
    assert history.learning_rate == (1.0, 1.0)
    assert all(seconds > 0 for seconds in history.seconds)
    assert json.loads(json.dumps(history.to_dict()))["learning_speed"] == [list(s) for s in history.learning_speed]


def test_the_learning_speed_is_the_norm_of_the_mean_delta(rng):
    X, Y = data(rng)
    net = small()
    speeds = net.learning_speeds(X, Y)
    before = [b.copy() for b in net.biases]
    history = net.fit(X, Y, epochs=1, batch_size=len(X), learning_rate=0.5, progress=False)
    assert np.allclose(history.learning_speed[0], speeds, rtol=1e-12)
    moved = [np.linalg.norm(b - old) / 0.5 for b, old in zip(net.biases, before, strict=True)]
    assert np.allclose(speeds, moved, rtol=1e-9)


def test_a_last_smaller_batch_counts_by_its_own_mean(rng):
    X, Y = data(rng, 3)
    net, by_hand = small(), small()
    net.fit(X, Y, epochs=1, batch_size=2, learning_rate=0.3, progress=False)
    order = by_hand._rng.permutation(3)
    for rows in (order[:2], order[2:]):
        g = by_hand.gradient(X[rows], Y[rows])
        for p, slope in zip([*by_hand.weights, *by_hand.biases], [*g.weights, *g.biases], strict=True):
            p -= 0.3 * slope
    assert np.allclose(weights_of(net), weights_of(by_hand), atol=1e-14)


def test_arrays_that_the_user_holds_are_trained_in_place(rng):
    net = small()
    held, before = net.weights[0], net.weights[0].copy()
    net.fit(*data(rng), epochs=1, progress=False)
    assert net.weights[0] is held
    assert not np.array_equal(held, before)


# ── what ends training early ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_cost_that_is_not_finite_stops_and_keeps_the_weights_from_before_that_step(rng):
    X, Y = data(rng, 8)

    def cost(a, y):
        return np.sum((a - y) ** 4, axis=-1)

    net, replay = small(activation="identity", cost=cost), small(activation="identity", cost=cost)
    with pytest.raises(DivergedError, match=r"in epoch \d+, (after )?step \d+") as caught:
        net.fit(X, Y, epochs=50, batch_size=4, learning_rate=1e6, progress=False)
    assert "learning_rate=100000" in str(caught.value)
    assert __file__ in caught.value.where
    assert np.isfinite(weights_of(net)).all()
    assert np.isfinite(net.cost_of(X, Y))
    epoch, step = (int(word.strip(",")) for word in caught.value.what.split() if word.strip(",").isdigit())
    steps = (epoch - 1) * 2 + step  # the step that failed; the weights kept are from one or two steps before it
    states = [weights_of(replay).copy()]
    while len(states) < steps:
        order = replay._rng.permutation(8)
        for rows in (order[:4], order[4:]):
            with np.errstate(all="ignore"):
                g = replay.gradient(X[rows], Y[rows])
            for p, slope in zip([*replay.weights, *replay.biases], [*g.weights, *g.biases], strict=True):
                p -= 1e6 * slope
            states.append(weights_of(replay).copy())
    assert any(np.allclose(weights_of(net), state, rtol=1e-10) for state in states[steps - 2 : steps])


def test_a_cost_that_is_not_finite_from_the_start_says_so(rng):
    X, Y = data(rng, 8)
    net = small(activation="identity", cost=lambda a, y: np.sum(np.log(a - 1e9), axis=-1))
    before = weights_of(net)
    with pytest.raises(DivergedError, match=r"epoch 1, step 1\n.*\n.*first weights already"):
        net.fit(X, Y, progress=False)
    assert np.array_equal(weights_of(net), before)


def test_weights_that_overflow_stop_before_they_are_used(rng):
    X, Y = data(rng, 8)
    net = small(activation="tanh", dtype="float32")
    with pytest.raises(DivergedError, match=r"the weights became inf or NaN in epoch 1, step 1"):
        net.fit(X, Y, learning_rate=1e300, progress=False)
    assert np.isfinite(weights_of(net)).all()


def test_a_last_step_that_spoils_the_cost_is_undone(rng):
    X, Y = data(rng, 8)
    net = small(activation="identity", cost=lambda a, y: np.sum((a - y) ** 4, axis=-1))
    before = weights_of(net)
    with pytest.raises(DivergedError, match="the cost became inf in epoch 1, after step 1"):
        net.fit(X, Y, epochs=1, batch_size=8, learning_rate=1e80, progress=False)
    assert np.array_equal(weights_of(net), before)


class InterruptAfter(Silence):
    """Ctrl-C, after so many steps."""

    def __init__(self, steps):
        self.left, self.note = steps, None

    def step(self, count):
        self.left -= count
        if self.left <= 0:
            raise KeyboardInterrupt

    def end(self, note):
        self.note = note


def test_ctrl_c_leaves_the_network_after_its_last_whole_step(rng):
    X, Y = data(rng)
    net, same = small(), small()
    told = InterruptAfter(4 + 2)
    history = net.fit(X, Y, epochs=10, batch_size=10, learning_rate=1.0, progress=told)
    assert len(history) == 1
    assert history.note == told.note == "interrupted in epoch 2 after step 2"
    assert history is net.history
    same.fit(X, Y, epochs=1, batch_size=10, learning_rate=1.0, progress=False)
    order = same._rng.permutation(40)
    for rows in (order[:10], order[10:20]):
        g = same.gradient(X[rows], Y[rows])
        for p, slope in zip([*same.weights, *same.biases], [*g.weights, *g.biases], strict=True):
            p -= slope
    assert np.allclose(weights_of(net), weights_of(same), atol=1e-13)


def test_ctrl_c_between_epochs_says_so(rng):
    def callback(net, history):
        raise KeyboardInterrupt

    history = small().fit(*data(rng), epochs=5, progress=False, callback=callback)
    assert len(history) == 1
    assert history.note == "interrupted in epoch 2 after step 0"


def test_a_callback_sees_the_trained_network_and_may_end_training(rng):
    X, Y = data(rng)
    seen = []

    def callback(net, history):
        seen.append((net.cost_of(X, Y), history.cost[-1]))
        return len(history) == 3

    history = small().fit(X, Y, epochs=10, progress=False, callback=callback)
    assert len(history) == len(seen) == 3
    assert history.note == "the callback ended training after epoch 3"
    assert all(mine == pytest.approx(theirs, rel=1e-12) for mine, theirs in seen)


def test_a_callback_that_fails_leaves_the_trained_network(rng):
    X, Y = data(rng)
    net = small()

    def callback(net, history):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        net.fit(X, Y, epochs=10, progress=False, callback=callback)
    assert len(net.history) == 1
    assert net.history.cost[0] == pytest.approx(net.cost_of(X, Y), rel=1e-12)


def test_early_stopping_waits_and_keeps_the_best_weights(rng):
    X, Y = data(rng)
    Xv, Yv = data(rng, 30)
    net = small(cost="cross_entropy")
    history = net.fit(X, rng.permutation(Y), epochs=500, batch_size=5, learning_rate=5.0, validation=(Xv, Yv),
                      early_stopping=EarlyStopping(patience=4, watch="validation_cost"), progress=False)
    assert history.note.startswith("stopped after epoch")
    assert history.kept == int(np.argmin(history.validation_cost)) == len(history) - 1 - 4
    assert net.cost_of(Xv, Yv) == pytest.approx(min(history.validation_cost), rel=1e-12)


def test_early_stopping_keeps_the_best_weights_when_the_epochs_run_out_first(rng):
    X, Y = data(rng)
    net = small(cost="cross_entropy")
    history = net.fit(X, rng.permutation(Y), epochs=12, batch_size=5, learning_rate=5.0, validation=data(rng, 30),
                      early_stopping=EarlyStopping(patience=100, watch="validation_cost"), progress=False)
    assert history.kept == int(np.argmin(history.validation_cost))
    assert len(history) == 12


def test_the_schedule_may_end_training(rng):
    history = small().fit(*data(rng), epochs=9, schedule=lambda epoch, history: float(epoch < 2), progress=False)
    assert len(history) == 2
    assert history.note == "the schedule ended training after epoch 2"


# ── who is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_training_is_silent_where_nobody_looks(rng, capsys):
    small().fit(*data(rng), epochs=2)
    assert capsys.readouterr() == ("", "")
    assert isinstance(reporter(True), Silence)


def test_the_bar_moves_by_as_many_steps_as_were_done():
    from rich.console import Console
    from rich.progress import Progress

    progress = Progress(console=Console(file=io.StringIO()))
    bar = Bar(progress)
    bar.begin(epochs=2, steps=100)
    for count in (1, 60, 39, 100):
        bar.step(count)
    bar.end("")
    assert progress.tasks[0].completed == progress.tasks[0].total == 200


def test_in_a_terminal_a_bar_shows_the_last_epochs_numbers(rng):
    from rich.console import Console
    from rich.progress import Progress

    screen = io.StringIO()
    bar = Bar(Progress(console=Console(file=screen, force_terminal=True, width=100)))
    small().fit(*data(rng), epochs=2, progress=bar, callback=lambda net, history: len(history) == 1)
    assert "epoch 1, cost " in screen.getvalue()
    assert "accuracy" in screen.getvalue()
    assert "the callback ended training after epoch 1" in screen.getvalue()
