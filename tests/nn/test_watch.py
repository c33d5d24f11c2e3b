"""``fit(..., watch=True)``: findings as they appear, each once; the training's numbers stay the same, to the bit."""

from __future__ import annotations

import time

import numpy as np
import pytest

import whygrad as wg
from whygrad.diagnosis import watch as watch_room
from whygrad.diagnosis.finding import Finding
from whygrad.diagnosis.measures import Measures
from whygrad.diagnosis.watch import SHARE, Appeared, Watch
from whygrad.nn import watching
from whygrad.nn.progress import FindingsOnly, Silence, reporter

CE = "softmax_cross_entropy"
BACKENDS = ("numpy", "native")


@pytest.fixture(scope="module")
def digits():
    data = wg.datasets.digits()
    return data.train_images[:600], data.train_labels[:600]


def parameters(net):
    return [*net.weights, *net.biases]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "how",
    [
        dict(optimizer="sgd", learning_rate=0.3),
        dict(optimizer="adam", dropout=0.2),
    ],
)
def test_watching_changes_no_number_of_the_training(backend, how, digits):
    X, Y = digits
    nets = [wg.Network([784, 20, 10], "relu", cost=CE, seed=5) for _ in range(2)]
    histories = [
        net.fit(X, Y, epochs=3, batch_size=32, backend=backend, progress=False, watch=watch, **how)
        for net, watch in zip(nets, (False, True), strict=True)
    ]
    for one, other in zip(*map(parameters, nets), strict=True):
        np.testing.assert_array_equal(one, other)
    assert histories[0].cost == histories[1].cost
    assert histories[0].learning_speed == histories[1].learning_speed
    assert histories[1].backend == backend
    again = [net.fit(X, Y, epochs=1, backend=backend, progress=False) for net in nets]
    assert again[0].cost == again[1].cost  # the order of examples after it is the same, too


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_finding_is_told_once_with_the_step_at_which_it_appeared(backend, digits):
    X, Y = digits
    net = wg.Network([784, *[30] * 4, 10], "sigmoid", seed=0, init="scaled")
    history = net.fit(X, Y, epochs=2, learning_rate=0.5, backend=backend, progress=False, watch=True)
    (appeared,) = history.findings
    assert (appeared.step, appeared.epoch, appeared.finding.id) == (0, 1, "vanishing-gradients")
    assert appeared.finding.blame == "slope"
    assert str(appeared).startswith("before the first step: vanishing-gradients: layer 1")


def test_what_appears_on_the_way_has_its_step(digits):
    X, Y = digits
    net = wg.Network([784, 30, 10], "relu", cost=CE)
    history = net.fit(X, Y, epochs=4, batch_size=20, learning_rate=8.0, backend="numpy", progress=False, watch=True)
    found = {appeared.finding.id: appeared.step for appeared in history.findings}
    assert found["rate-too-high"] == 0
    assert found["dead-units"] > 0
    assert history.steps == 4 * 30


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nan_in_training_is_traced_to_its_first_step_layer_and_operation(backend, digits):
    X, Y = digits
    net = wg.Network([784, 30, 10], ["identity", "identity"], seed=0)
    with pytest.raises(wg.errors.DivergedError) as raised:
        net.fit(X, Y, epochs=2, batch_size=32, learning_rate=5.0, backend=backend, progress=False, watch=True)
    born = next(a for a in net.history.findings if a.finding.id == "not-finite")
    assert f"step {born.step}" in str(raised.value)
    assert "of layer" in born.finding.where or born.finding.where == "the cost"
    assert "too large for the dtype: float32" in born.finding.because
    assert born.finding.where in str(raised.value)
    assert all(np.isfinite(p).all() for p in parameters(net))


def test_the_first_step_that_is_nan_of_a_users_cost_names_the_users_line(rng):
    net = wg.Network([3, 4, 2], ["tanh", "identity"], cost=lambda a, y: -np.sum(y * np.log(a), axis=-1))
    with pytest.raises(wg.errors.DivergedError, match=r"log of a\^2.*test_watch.py"):
        net.fit(rng.standard_normal((20, 3)), np.arange(20) % 2, backend="numpy", progress=False, watch=True)
    assert net.history.findings[0].finding.where == "the cost"


def test_without_watch_nothing_is_looked_for(digits, monkeypatch):
    def never(*_):
        raise AssertionError("looked")

    monkeypatch.setattr(watching, "Watching", never)
    X, Y = digits
    net = wg.Network([784, 5, 10], "sigmoid")
    assert net.fit(X, Y, epochs=1, backend="numpy", progress=False).findings == ()


def test_watch_is_true_or_false(digits):
    with pytest.raises(wg.errors.ArgumentError, match="watch='yes' is neither True nor False"):
        wg.Network([784, 5, 10]).fit(*digits, watch="yes")


def test_findings_are_part_of_the_historys_plain_data(digits):
    net = wg.Network([784, *[30] * 4, 10], "sigmoid", seed=0, init="scaled")
    history = net.fit(*digits, epochs=1, batch_size=100, backend="numpy", progress=False, watch=True)
    (found,) = history.to_dict()["findings"]
    assert found["id"] == "vanishing-gradients"
    assert found["step"] == 0
    assert history.to_dict()["optimizer"] == "sgd"
    assert history.to_dict()["batch_size"] == 100


def test_ctrl_c_keeps_what_was_found(digits):
    class Stop(Silence):
        def step(self, count):
            raise KeyboardInterrupt

    net = wg.Network([784, *[30] * 4, 10], "sigmoid", seed=0, init="scaled")
    history = net.fit(*digits, epochs=5, backend="numpy", progress=Stop(), watch=True)
    assert history.note.startswith("interrupted")
    assert [a.finding.id for a in history.findings] == ["vanishing-gradients"]


def test_the_learning_rate_and_optimizer_of_fit_are_judged_by_diagnose(digits):
    net = wg.Network([784, 10, 10], "relu", cost=CE)
    net.fit(*digits, epochs=1, learning_rate=0.002, optimizer="adam", batch_size=60, backend="numpy", progress=False)
    record = wg.diagnose(net, *digits).record
    assert (record.learning_rate, record.optimizer, record.batch_size, record.steps) == (0.002, "adam", 60, 10)
    assert dict(record.trial_steps)[1.0] < record.cost


# ---- who is told -----------------------------------------------------------------------------------------------------


def test_a_reporter_with_a_method_finding_is_told_at_once(digits):
    class Told(Silence):
        def __init__(self):
            self.events = []

        def step(self, count):
            self.events.append("step")

        def finding(self, appeared):
            self.events.append(appeared.finding.id)

    told = Told()
    net = wg.Network([784, *[30] * 4, 10], "sigmoid", seed=0, init="scaled")
    net.fit(*digits, epochs=1, batch_size=200, backend="numpy", progress=told, watch=True)
    assert told.events == ["vanishing-gradients", "step", "step", "step"]


def test_where_no_terminal_is_only_findings_are_printed(digits, capsys):
    assert isinstance(reporter(True), FindingsOnly)
    net = wg.Network([784, *[30] * 4, 10], "sigmoid", seed=0, init="scaled")
    net.fit(*digits, epochs=1, batch_size=200, backend="numpy", watch=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert " ".join(printed.err.split()).startswith("before the first step: vanishing-gradients: layer 1")


# ---- when to look ----------------------------------------------------------------------------------------------------


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(watch_room, "time", made)
    return made


def finding(id_="a", sure="certain", layers=(0,)):
    return Finding(id_, "there", "What.", {}, "unknown", sure, (), layers=layers)


def test_looking_takes_at_most_its_share_of_the_time(clock, monkeypatch):
    """Looks of 30 ms between steps of 1 ms: ten simulated minutes stay within the share."""
    monkeypatch.setattr(watch_room, "measure", lambda record: record)
    monkeypatch.setattr(watch_room, "found", lambda record: ())
    watch = Watch()
    watch.start()

    def record():
        clock.now += 0.03

    while clock.now < 600:
        clock.now += 0.001
        if watch.due:
            watch.look(1, 1, record)
    assert watch.looks > 0.9 * SHARE * 600 / 0.03
    assert watch.spent <= SHARE * clock.now


def test_the_share_of_a_real_training_is_kept(digits, monkeypatch):
    """What looking took, by the watch's own clock, of two seconds of steps on the compiled backend."""
    made = []

    class Kept(Watch):
        def __init__(self, tell):
            super().__init__(tell)
            made.append(self)

    monkeypatch.setattr(watching, "Watch", Kept)
    net = wg.Network([784, 100, 10], "relu", cost=CE)
    began = time.perf_counter()

    def stop(net, history):
        return time.perf_counter() - began > 4

    net.fit(*digits, epochs=10_000, batch_size=32, learning_rate=0.01, backend="native", progress=False, watch=True,
            callback=stop)  # fmt: skip
    (watch,) = made
    assert watch.looks >= 2
    longest = 2 * watch._longest  # the last look is not asked whether it is due
    assert watch.spent <= SHARE * sum(net.history.seconds) + 2 * longest


def test_what_is_not_certain_is_told_when_it_is_seen_twice(monkeypatch):
    seen = iter([[finding(sure="likely")], [], [finding(sure="likely")], [finding(sure="likely")]])
    monkeypatch.setattr(watch_room, "measure", lambda record: record)
    monkeypatch.setattr(watch_room, "found", lambda record: next(seen))
    watch = Watch()
    for step in range(4):
        watch.look(step, 1, lambda: None)
    assert [appeared.step for appeared in watch.findings] == [3]


def test_the_same_kind_in_another_layer_is_another_finding(monkeypatch):
    monkeypatch.setattr(watch_room, "measure", lambda record: record)
    monkeypatch.setattr(watch_room, "found", lambda record: [finding(), finding(layers=(1,)), finding(layers=(0, 1))])
    told: list[Appeared] = []
    watch = Watch(told.append)
    watch.look(0, 1, lambda: None)
    watch.look(1, 1, lambda: None)
    assert [appeared.finding.layers for appeared in told] == [(0,), (1,)]


def test_the_probe_never_sees_a_state_between_two_steps(digits, monkeypatch):
    """The cost that the probe measures before the first step is the network's own."""
    costs = []
    found = watch_room.found

    def keep(measures: Measures):
        costs.append(measures.record.cost)
        return found(measures)

    monkeypatch.setattr(watch_room, "found", keep)
    X, Y = digits
    net = wg.Network([784, 10, 10], "sigmoid", seed=2)
    first = net.cost_of(X[:256], Y[:256])
    net.fit(X, Y, epochs=1, batch_size=600, learning_rate=0.1, backend="numpy", progress=False, watch=True)
    assert costs[0] == pytest.approx(first, rel=1e-6)
