"""The benchmarks' functions are what they are called, and every peer computes the same of them."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks import profiling
from benchmarks.checking import WrongNumbersError, check_calls, check_trainer, directions, once
from benchmarks.peers import CONTESTANTS, numpy_by_hand, whygrad_
from benchmarks.peers.contract import Calls
from benchmarks.workloads import adbench, functions, networks, training
from benchmarks.workloads.base import Network, Objective
from benchmarks.workloads.registry import WORKLOADS

GMM_TEST_VALUE = 8.0738040800497579  # ADBench's own, for its file test.txt


def small_lstm(data):
    rng, (layers, b, steps) = np.random.default_rng(3), (2, 5, 6)
    arrays = rng.uniform(0, 1, (2 * layers, 4 * b)), rng.uniform(0, 1, (3, b)), rng.uniform(0, 1, (2 * layers, b))
    return (*arrays, np.eye(b)[rng.integers(0, b, steps)]), {}


def small_gmm(data):
    rng, (d, k, n) = np.random.default_rng(4), (3, 4, 9)
    shapes = (k,), (k, d), (k, d * (d + 1) // 2), (n, d)
    return tuple(rng.normal(size=s) for s in shapes), adbench.gmm_constants(d, k, n, 0.7, 1)


def options(data):
    rng = np.random.default_rng(5)
    ranges = ((80, 120), (0.1, 0.5), (0.0, 0.05), (0.2, 2.0), (80, 120), (-1, 1))
    return tuple(rng.uniform(low, high, 20) for low, high in ranges), {}


def valley(data):
    return (np.linspace(-1.2, 1.1, 12),), {}


def random(*shapes, **constants):
    rng = np.random.default_rng(6)
    arrays = tuple(rng.normal(size=shape) / np.sqrt(shape[0]) for shape in shapes)
    return lambda data: (arrays, constants)


SMALL = {
    "gmm": Objective(adbench.gmm, small_gmm, 3),
    "lstm": Objective(adbench.lstm, small_lstm, 2),
    "rosenbrock": Objective(functions.rosenbrock, valley, 1),
    "black_scholes": Objective(functions.black_scholes, options, 4),
    "hessian": Objective(functions.rosenbrock, valley, 1, second_order=True, tolerance=1e-3),
    "dense": Objective(networks.dense, random((3, 4), (4,), (4, 2), (2,), (5, 3), (5, 2), relu=False), 4),
    "dense_lstm": Objective(networks.dense_lstm, random((3, 16), (4, 16), (16,), (4, 2), (3, 5, 3), (5, 2)), 4),
    "convolutions": Objective(networks.convolutions, random(
        (2, 1, 3, 3), (2,), (3, 2, 3, 3), (3,), (12, 2), (2,), (4, 1, 8, 8), (4, 2)), 6),
}


def check(contestant, name):
    what = SMALL[name]
    args, constants = what.inputs(Path())
    direction, peer = directions(args, what.wanted), CONTESTANTS[contestant]
    check_calls(what, args, constants, direction, peer.load().gradients(peer.variant, what, args, constants, direction))


def test_the_mixture_has_the_known_value_on_adbenchs_test_file(shared_data):
    args, constants = adbench.read_gmm(shared_data / "adbench" / "gmm" / "test.txt")
    assert adbench.gmm(np, **constants)(*args) == pytest.approx(GMM_TEST_VALUE, rel=1e-14)


def test_a_file_with_one_point_stands_for_n_equal_points(tmp_path):
    (tmp_path / "one.txt").write_text("2 1 3\n0.5\n0.1 0.2\n0.3 0.4 0.5\n1.5 2.5\n1.0 0\n")
    (alphas, means, icf, x), constants = adbench.read_gmm(tmp_path / "one.txt")
    assert [a.shape for a in (alphas, means, icf, x)] == [(1,), (1, 2), (1, 3), (3, 2)]
    assert np.array_equal(x, [[1.5, 2.5]] * 3)
    assert (constants["gamma"], constants["m"]) == (1.0, 0)


def test_the_lstm_files_are_read_into_the_shapes_of_their_first_line(shared_data):
    args, _ = adbench.read_lstm(shared_data / "adbench" / "lstm" / "lstm_l2_c1024.txt")
    assert [a.shape for a in args] == [(4, 56), (3, 14), (4, 14), (1024, 14)]
    assert set(args[3].ravel()) == {0.0, 1.0}


def test_the_lstms_loss_is_that_of_the_recurrence_written_number_by_number():
    (main, extra, state, sequence), _ = small_lstm(None)
    b, s = 5, state.copy()
    total = 0.0
    for t in range(len(sequence) - 1):
        x = sequence[t] * extra[0]
        for i in range(0, 4, 2):
            for j in range(b):
                g = [v[j] * main[i][j + k * b] + main[i + 1][j + k * b] for k, v in enumerate((x, s[i], x, s[i]))]
                keep, take, show = (1 / (1 + np.exp(-z)) for z in g[:3])
                s[i + 1][j] = s[i + 1][j] * keep + take * np.tanh(g[3])
                s[i][j] = show * np.tanh(s[i + 1][j])
            x = s[i].copy()
        y = x * extra[1] + extra[2]
        total += sum(sequence[t + 1] * (y - np.log(sum(np.exp(y)) + 2)))
    assert adbench.lstm(np)(main, extra, state, sequence) == pytest.approx(-total / (5 * b), rel=1e-13)


@pytest.mark.parametrize("name", SMALL)
def test_whygrads_gradient_is_the_slope_of_the_plain_function(name):
    check("whygrad eager", name)


@pytest.mark.parametrize("name", ["rosenbrock", "black_scholes", "hessian"])
def test_the_gradient_by_hand_is_the_slope_of_the_plain_function(name):
    check("NumPy by hand", name)


@pytest.mark.peers("torch")
@pytest.mark.parametrize("name", SMALL)
def test_pytorchs_version_is_the_same_function(name):
    check("PyTorch eager", name)


@pytest.mark.peers("jax")
@pytest.mark.parametrize("name", SMALL)
def test_jaxs_version_is_the_same_function(name):
    check("JAX jit", name)


@pytest.mark.peers("autograd")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in SMALL if name != "convolutions"])
def test_autograds_version_is_the_same_function(name):
    check("autograd", name)


def test_a_gradient_off_by_a_thousandth_is_refused():
    what = SMALL["rosenbrock"]
    (x,), _ = what.inputs(Path())
    value, gradient = numpy_by_hand.rosenbrock_gradient(x)
    wrong = Calls({"gradient": lambda: None}, lambda _: (value, [gradient * 1.001]))
    with pytest.raises(WrongNumbersError, match="gradient along a direction"):
        check_calls(what, (x,), {}, directions((x,), 1), wrong)


def test_differences_find_a_known_slope():
    assert once(lambda x: float(np.sum(x**3)), [np.array([1.0, 2.0])], (np.array([1.0, 0.5]),)) == pytest.approx(9.0)


NETWORK = Network((6, 5, 3), "sigmoid", 4, 0.5)


@pytest.mark.parametrize("contestant", [
    "NumPy by hand",
    pytest.param("PyTorch eager", marks=pytest.mark.peers("torch")),
    pytest.param("JAX jit", marks=pytest.mark.peers("jax")),
    pytest.param("JAX scan", marks=pytest.mark.peers("jax"))])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_a_peers_steps_change_the_weights_as_the_reference_does(contestant, activation):
    what, peer = Network(NETWORK.sizes, activation, NETWORK.batch), CONTESTANTS[contestant]
    first = training.first_parameters(what.sizes)
    check_trainer(what, lambda X, Y: peer.load().training(peer.variant, what, X, Y, first), first)


def test_training_with_another_rate_is_refused():
    first = training.first_parameters(NETWORK.sizes)
    other = Network(NETWORK.sizes, NETWORK.activation, NETWORK.batch, 0.6)
    with pytest.raises(WrongNumbersError, match="of its change"):
        check_trainer(NETWORK, lambda X, Y: numpy_by_hand.Trainer(other, X, Y, first), first)


def test_the_network_handed_to_whygrad_starts_from_the_given_weights():
    first = training.first_parameters((4, 3, 2))
    net = whygrad_.network((4, 3, 2), "tanh", "squared_error", first)
    for ours, bias, (W, b) in zip(net.weights, net.biases, first, strict=True):
        assert np.array_equal(ours, W.T)
        assert np.array_equal(bias, b)


def test_every_contestant_that_a_row_names_exists():
    assert {name for row in WORKLOADS.values() for name in row.contestants} <= set(CONTESTANTS)


def test_operations_are_counted_as_three_products_a_layer_and_two_for_the_first():
    assert Network((2, 3, 4), "tanh", 10).operations == 2 * 10 * (3 * (6 + 12) - 6)


def test_any_row_can_be_looked_into_and_one_that_is_not_there_is_named():
    profile, _ = profiling.profile_of("convolutions", Path())  # with functions that NumPy lacks
    assert profile.seconds_of("matrix products") > 0
    with pytest.raises(SystemExit, match="no such row: nothing"):
        profiling.main("nothing")
