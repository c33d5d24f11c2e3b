import math

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, DtypeError, NotScalarError, ShapeError, TracedValueError


def golden():
    """The 2-2-2 network that every explanation is checked on."""
    net = wg.Network([2, 2, 2], cost="squared_error", dtype="float64")
    net.weights[0][...], net.biases[0][...] = [[0.5, -1], [1.5, 0.25]], [0.1, -0.2]
    net.weights[1][...], net.biases[1][...] = [[2, -0.5], [-1, 1]], [0, 0.3]
    return net


def test_the_golden_networks_cost_and_gradients():
    net = golden()
    assert net.cost_of([1, 0.5], [1, 0]) == pytest.approx(0.5294263974657549, abs=1e-15)
    gradient = net.gradient([1, 0.5], [1, 0])
    assert np.allclose(gradient.biases[1], [-0.1550496657, 0.2950449432], atol=1e-10)
    assert np.allclose(gradient.biases[0], [-0.1509084829, 0.0582288913], atol=1e-10)
    assert np.allclose(gradient.weights[1], [[-0.0813978475, -0.1249888012], [0.1548924545, 0.2378419430]], atol=1e-10)
    assert np.allclose(gradient.weights[0], [[-0.1509084829, -0.0754542415], [0.0582288913, 0.0291144456]], atol=1e-10)


def test_M17_the_gradient_of_a_data_set_is_the_mean_over_its_examples(rng):
    net, X, Y = golden(), rng.normal(size=(7, 2)), rng.uniform(size=(7, 2))
    whole = net.gradient(X, Y)
    each = [net.gradient(x, y) for x, y in zip(X, Y, strict=True)]
    assert net.cost_of(X, Y) == pytest.approx(np.mean([net.cost_of(x, y) for x, y in zip(X, Y, strict=True)]))
    for l in range(2):
        assert np.allclose(whole.weights[l], np.mean([g.weights[l] for g in each], axis=0), atol=1e-14)
        assert np.allclose(whole.biases[l], np.mean([g.biases[l] for g in each], axis=0), atol=1e-14)


def test_M17_a_step_of_gradient_descent_uses_the_mean_of_the_batch(rng):
    net, X, Y = golden(), rng.normal(size=(4, 2)), rng.uniform(size=(4, 2))
    before, gradient = [W.copy() for W in net.weights], net.gradient(X, Y)
    net.fit(X, Y, epochs=1, batch_size=4, learning_rate=0.25, progress=False)
    for W, old, g in zip(net.weights, before, gradient.weights, strict=True):
        assert np.allclose(W, old - 0.25 * g, atol=1e-14)


def test_gradients_agree_with_measurement_for_every_activation_and_cost(rng):
    X, Y = rng.normal(size=(3, 4)), np.eye(3)
    for activation in ("identity", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu", "softplus", "softmax"):
        for cost in ("squared_error", "half_squared_error", "cross_entropy", "softmax_cross_entropy"):
            last = {"cross_entropy": "sigmoid", "softmax_cross_entropy": "softmax"}.get(cost, activation)
            net = wg.Network([4, 5, 3], [activation, last], cost, dtype="float64", init="glorot")
            W, k = net.weights[0], (1, 2)
            found = net.gradient(X, Y).weights[0][k]
            costs = []
            for step in (1e-5, -2e-5):
                W[k] += step
                costs.append(net.cost_of(X, Y))
            assert found == pytest.approx((costs[0] - costs[1]) / 2e-5, rel=1e-6, abs=1e-9), (activation, cost)


def test_a_function_of_the_users_serves_as_activation_and_as_cost(rng):
    def leaky_sigmoid(z):  # its slope is nowhere below 0.1
        return 1 / (1 + np.exp(-z)) + 0.1 * z

    net = wg.Network([2, 4, 1], leaky_sigmoid, lambda a, y: np.sum(np.abs(a - y) ** 3, axis=-1), dtype="float64")
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    history = net.fit(X, [0, 1, 1, 0], epochs=300, batch_size=4, learning_rate=0.5, progress=False)
    assert history.cost[-1] < 0.5 * history.cost[0]


def test_a_users_cost_may_be_written_for_one_example_or_for_rows(rng):
    X, Y = rng.normal(size=(3, 2)), rng.uniform(size=(3, 3))  # as many examples as outputs: shapes alone say nothing
    forms = [
        lambda a, y: np.sum((a - y) ** 2),
        lambda a, y: np.sum((a - y) ** 2, axis=-1),
        lambda a, y: np.sum((a - y) ** 2, axis=1),
        lambda a, y: (a[0] - y[0]) ** 2 + (a[1] - y[1]) ** 2 + (a[2] - y[2]) ** 2,
        lambda a, y: (a - y) @ (a - y),
    ]
    wanted = wg.Network([2, 3], cost="squared_error", dtype="float64")
    for form in forms:
        net = wg.Network([2, 3], cost=form, dtype="float64")
        assert net.cost_of(X, Y) == pytest.approx(wanted.cost_of(X, Y), rel=1e-14)
        assert net.cost_of(X[0], Y[0]) == pytest.approx(wanted.cost_of(X[0], Y[0]), rel=1e-14)
        assert np.allclose(net.gradient(X, Y).weights[0], wanted.gradient(X, Y).weights[0], rtol=1e-12)


def test_a_users_cost_that_is_no_number_per_example_is_refused():
    with pytest.raises(NotScalarError, match=r"shape \(3,\) for one example"):
        wg.Network([2, 3], cost=lambda a, y: (a - y) ** 2)


def test_an_activation_of_the_wrong_shape_names_its_layer():
    net = wg.Network([2, 3, 1], ["tanh", lambda z: np.sum(z, axis=-1)])
    with pytest.raises(ShapeError, match=r"of layer 2 made shape \(4,\) of z\^2"):
        net.predict(np.ones((4, 2)))


def test_an_activation_that_leaves_the_engine_is_told_so():
    net = wg.Network([1, 1], math.tanh)
    with pytest.raises(TracedValueError, match="float"):
        net.gradient([[0.5]], [[1.0]])


def test_one_name_or_one_per_layer():
    net = wg.Network([2, 3, 1], ["relu", "identity"])
    said = "Network([2, 3, 1], activation=['relu', 'identity'], cost='half_squared_error', dtype='float32')"
    assert repr(net) == said
    with pytest.raises(ArgumentError, match=r"1 activation\(s\) for 2 layer\(s\)"):
        wg.Network([2, 3, 1], ["relu"])


@pytest.mark.parametrize(("kwargs", "message"), [
    (dict(sizes=[3]), "does not describe a network"),
    (dict(sizes=3), "does not describe a network"),
    (dict(sizes=[3, 0, 1]), "neurons of layer 1=0"),
    (dict(sizes=[3, 2.5, 1]), "neurons of layer 1=2.5"),
    (dict(sizes=[3, True]), "neurons of layer 1=True"),
    (dict(activation="sigmod"), "'sigmod' is not known"),
    (dict(cost="cross_entrpy"), "'cross_entrpy' is not known"),
    (dict(init="hee"), "'hee' is not known"),
    (dict(dtype="float16"), "float16"),
    (dict(dtype="complex64"), "complex64"),
    (dict(dtype="nonsense"), "nonsense"),
    (dict(seed=-1), "seed=-1"),
    (dict(activation="relu", cost="cross_entropy"), "cross_entropy' after the output activation 'relu'"),
    (dict(activation=["relu", "sigmoid"], cost="softmax_cross_entropy"), "after the output activation 'sigmoid'"),
])
def test_what_a_network_can_not_be_made_of_is_refused(kwargs, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        wg.Network(**{"sizes": [3, 2, 1]} | kwargs)
    assert __file__ in str(caught.value)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ArgumentError, match="try:   activation='sigmoid'"):
        wg.Network([1, 1], "sigmod")


def test_softmax_cross_entropy_brings_its_softmax_along(rng):
    X = rng.normal(size=(4, 5))
    for activation in ("tanh", ["tanh", "identity"], ["tanh", "softmax"]):
        net = wg.Network([5, 4, 3], activation, "softmax_cross_entropy")
        assert net.architecture.activations[-1].name == "softmax"
        assert np.allclose(net.predict(X).sum(axis=1), 1, atol=1e-6)


def test_predict_gives_outputs_for_rows_and_for_one_example(rng):
    net, X = golden(), rng.normal(size=(5, 2))
    assert net.predict(X).shape == (5, 2)
    assert np.allclose(net.predict(X[3]), net.predict(X)[3], atol=1e-15)
    assert (net.classify(X) == net.predict(X).argmax(axis=1)).all()
    assert wg.Network([2, 1]).predict([1, 2]).dtype == np.float32


def test_accuracy_takes_labels_or_one_hot_rows(rng):
    net, X = golden(), rng.normal(size=(5, 2))
    labels = net.classify(X)
    assert net.accuracy(X, labels) == 1.0
    assert net.accuracy(X, np.eye(2)[labels]) == 1.0
    assert net.accuracy(X, 1 - labels) == 0.0


def test_a_single_output_neuron_says_class_0_or_1():
    net = wg.Network([1, 1], dtype="float64")
    net.weights[0][...], net.biases[0][...] = 10, -5
    assert (net.classify([[0.0], [1.0], [0.5]]) == [0, 1, 1]).all()
    assert net.accuracy([[0.0], [1.0]], [0, 1]) == 1.0


def test_weights_may_be_written_to_or_replaced_and_a_wrong_shape_names_its_layer():
    net = wg.Network([2, 3, 1])
    net.weights[0] = np.zeros((3, 2))
    net.biases[0][1] = 7
    assert net.predict([5.0, 5.0]).shape == (1,)
    net.weights[1] = np.zeros((3, 1))
    with pytest.raises(ShapeError, match=r"W\^2 has shape \(3, 1\); layer 2 needs \(1, 3\)"):
        net.predict([5.0, 5.0])


def test_the_same_seed_gives_the_same_network_in_both_precisions():
    one, two = wg.Network([4, 3, 2], seed=5, dtype="float64"), wg.Network([4, 3, 2], seed=5)
    assert np.array_equal(one.weights[0].astype(np.float32), two.weights[0])
    assert not np.array_equal(one.weights[0], wg.Network([4, 3, 2], seed=6, dtype="float64").weights[0])


def test_saturated_cross_entropy_is_finite_and_still_pulls():
    for cost in ("cross_entropy", "softmax_cross_entropy"):
        net = wg.Network([1, 2], cost=cost)
        net.weights[0][...], net.biases[0][...] = [[1000], [-1000]], 0
        assert net.cost_of([1.0], [0.0, 1.0]) == pytest.approx(2000, rel=1e-6)
        assert np.allclose(net.gradient([1.0], [0.0, 1.0]).biases[0], [1, -1])


def test_named_layer_values_can_be_explained():
    net = golden()
    y = np.array([1.0, 0.0])

    def cost(parameters, x):
        return net.architecture.cost.of_outputs(net.architecture.evaluate(parameters, x), y)

    why = wg.explain(cost, net.parameters, np.array([1.0, 0.5]), wrt=("W^1", (0, 0)))
    assert why.value == pytest.approx(-0.1509084829, abs=1e-10)
    assert wg.explain(cost, net.parameters, np.array([1.0, 0.5]), wrt=("z^2", 1)).value == pytest.approx(0.2950449432)


def test_complex_and_object_arrays_are_refused_by_name():
    net = wg.Network([2, 1])
    with pytest.raises(DtypeError, match="X holds complex values"):
        net.predict([[1j, 2]])
    with pytest.raises(DtypeError, match="X holds object values"):
        net.predict(np.array([[None, 2]], dtype=object))
