"""The book's experiments, on the digits that come with whygrad; scripts/reproduce_book.py runs them on all of MNIST."""

import importlib.util
import json
import statistics
from pathlib import Path

import numpy as np
import pytest

import whygrad as wg
from whygrad.nn import data

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("reproduce_book", ROOT / "scripts" / "reproduce_book.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def measured():
    return json.loads((ROOT / "docs" / "book" / "results.json").read_text())


# ── what was measured on all of MNIST ────────────────────────────────────────────────────────────────────────────────


def test_the_page_says_what_was_measured(script, measured):
    assert (ROOT / "docs" / "book.md").read_text() == script.page(measured)


def test_M21_the_measured_accuracies_are_the_books(measured):
    for cost, book in (("half_squared_error", 95.4), ("cross_entropy", 95.5)):
        best = [max(run["test_accuracy"]) for run in measured["digits"] if run["cost"] == cost]
        assert len(best) >= 5
        assert statistics.median(best) == pytest.approx(book, abs=0.6)
        assert max(best) == pytest.approx(book, abs=0.4)


def test_the_measured_curves_end_where_the_books_do(measured):
    for l2, book in ((0.0, measured["book"]["overfitting"]), (0.1, measured["book"]["regularized"])):
        ends = [run["evaluation_accuracy"][-1] for run in measured["overfitting"] if run["l2"] == l2]
        assert statistics.median(ends) == pytest.approx(book, abs=1.5)


def test_M22_the_measured_speeds_of_neighboring_layers_differ_by_3_to_8(measured):
    assert [run["hidden_layers"] for run in measured["speeds"]] == [2, 3, 4]
    for run in measured["speeds"]:
        assert all(3 < ratio < 8 for ratio in run["neighbors"])


# ── the same in small, with the digits that come with whygrad ────────────────────────────────────────────────────────


def test_M21_a_network_learns_to_read_digits_from_random_weights():
    digits = wg.datasets.digits()
    net = wg.Network([784, 30, 10], activation="sigmoid", cost="half_squared_error", seed=0, init="large")
    assert net.accuracy(digits.test_images, digits.test_labels) < 0.2
    history = net.fit(digits.train_images, digits.train_targets, epochs=6, batch_size=10, learning_rate=3.0,
                      validation=(digits.test_images, digits.test_labels), progress=False)
    assert history.validation_accuracy[-1] > 0.86  # 0.87 to 0.89, as numbers happen to be rounded
    assert net.accuracy(digits.test_images, digits.test_labels) == history.validation_accuracy[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("cost", "rate"), [("half_squared_error", 3.0), ("cross_entropy", 0.5)])
def test_M21_on_all_of_mnist_the_books_accuracy_is_reached(shared_data, monkeypatch, cost, rate):
    monkeypatch.setenv("WHYGRAD_DATA", str(shared_data / "mnist"))
    mnist = data.mnist().with_validation(10_000)
    net = wg.Network([784, 30, 10], cost=cost, init="large")
    history = net.fit(mnist.train_images, mnist.train_targets, epochs=30, batch_size=10, learning_rate=rate,
                      validation=(mnist.test_images, mnist.test_labels), progress=False)
    assert max(history.validation_accuracy) == pytest.approx(0.952, abs=0.007)


@pytest.mark.parametrize("hidden", [2, 3, 4])
def test_M22_each_layer_of_a_deep_sigmoid_network_learns_several_times_slower_than_the_next(hidden):
    digits = wg.datasets.digits()
    X, Y = digits.train_images[:1000], digits.train_labels[:1000]
    speeds = np.array([
        wg.Network([784, *[30] * hidden, 10], cost="cross_entropy", init="scaled", seed=seed).learning_speeds(X, Y)
        for seed in range(7)
    ])
    neighbors = np.median(speeds[:, 1:] / speeds[:, :-1], axis=0)
    assert ((neighbors > 3) & (neighbors < 8)).all()
    assert 3**hidden < np.median(speeds[:, -1] / speeds[:, 0]) < 8**hidden


def test_M22_the_first_layers_stay_slow_during_training():
    digits = wg.datasets.digits()
    net = wg.Network([784, 30, 30, 30, 10], cost="cross_entropy", init="scaled", seed=0)
    history = net.fit(digits.train_images[:1000], digits.train_labels[:1000], epochs=20, batch_size=1000,
                      learning_rate=0.1, progress=False)
    for first, *_, last in history.learning_speed:
        assert 5 * first < last
