import numpy as np
import pytest

import whygrad as wg
from whygrad import schedules
from whygrad.errors import ArgumentError
from whygrad.nn.history import Epoch, History


def history(*accuracies, **how):
    usual = dict(cost=1.0, accuracy=None, validation_cost=None, penalty=0.0, learning_rate=1.0, learning_speed=(1.0,),
                 seconds=1.0)
    return History(tuple(Epoch(**usual | {"validation_accuracy": a} | how) for a in accuracies))


def test_the_factors_of_each_schedule():
    nothing = History()
    assert [schedules.constant()(e, nothing) for e in range(3)] == [1, 1, 1]
    assert np.allclose([schedules.step(2, 0.5)(e, nothing) for e in range(5)], [1, 1, 0.5, 0.5, 0.25])
    assert np.allclose([schedules.exponential(0.9)(e, nothing) for e in range(3)], [1, 0.9, 0.81])
    cosine = schedules.cosine(10, lowest=0.2)
    assert np.allclose([cosine(e, nothing) for e in (0, 5, 10, 99)], [1, 0.6, 0.2, 0.2])


def test_the_rate_halves_on_a_plateau_and_ends_at_one_128th():
    halving = schedules.halve_on_plateau(patience=3)
    assert halving(0, History()) == 1
    assert halving(3, history(0.5, 0.6, 0.6)) == 1
    assert halving(5, history(0.5, 0.6, 0.6, 0.6, 0.55)) == 0.5
    assert halving(6, history(0.5, 0.6, 0.6, 0.6, 0.55, 0.7)) == 0.5
    assert halving(1 + 6 * 3, history(*[0.5] * (1 + 6 * 3))) == 1 / 64
    assert halving(1 + 7 * 3, history(*[0.5] * (1 + 7 * 3))) == 0


def test_without_accuracies_costs_are_watched_downwards():
    assert schedules.scores(history(None, validation_cost=0.7).epochs) == [-0.7]
    assert schedules.scores(history(None, accuracy=0.4).epochs) == [0.4]
    assert schedules.scores(history(None).epochs) == [-1.0]
    assert schedules.scores(()) == []


def test_the_schedule_sets_each_epochs_rate(rng):
    X, Y = rng.normal(size=(6, 2)), rng.uniform(size=(6, 1))
    net = wg.Network([2, 1])
    run = net.fit(X, Y, epochs=4, learning_rate=2.0, schedule=schedules.step(2, 0.5), progress=False)
    assert run.learning_rate == (2.0, 2.0, 1.0, 1.0)


def test_early_stopping_wants_more_than_the_least_improvement():
    stopping = schedules.EarlyStopping(patience=2, least=0.05)
    assert not stopping.improved(history(0.5, 0.54), 0)
    assert stopping.improved(history(0.5, 0.56), 0)
    with pytest.raises(ArgumentError, match="can not watch 'loss'"):
        schedules.EarlyStopping(watch="loss")
    with pytest.raises(ArgumentError, match="patience=0"):
        schedules.EarlyStopping(patience=0)
