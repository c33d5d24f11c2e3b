"""What ``explain`` says about small programs whose chain rule can be done by hand."""

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, NotScalarError
from whygrad.rules.activations import sigmoid


def neuron(w, b, a0, y):
    z = w * a0 + b
    a = sigmoid(z)
    C = (a - y) ** 2
    return C


def two_layers(W1, b1, W2, b2, x, y):
    z1 = W1 @ x + b1
    a1 = sigmoid(z1)
    z2 = W2 @ a1 + b2
    a2 = sigmoid(z2)
    return np.sum((a2 - y) ** 2)


GOLDEN = [np.array(v, float) for v in
          ([[0.5, -1], [1.5, 0.25]], [0.1, -0.2], [[2, -0.5], [-1, 1]], [0, 0.3], [1, 0.5], [1, 0])]


def product(factors):
    return np.prod([factor.value for factor in factors])


def test_a_neurons_weight_has_three_factors_with_formula_value_and_meaning():
    why = wg.explain(neuron, 1.5, -0.4, 0.6, 1, wrt="w")
    assert [f.written for f in why.factors] == ["∂C/∂a", "∂a/∂z", "∂z/∂w"]
    assert [f.formula.text for f in why.factors] == ["2 * (a - y)", "a * (1 - a)", "a0"]
    assert [f.formula.numbers for f in why.factors] == ["2 * (0.6225 - 1)", "0.6225 * (1 - 0.6225)", "0.6"]
    meanings = ["how wrong the output is", "how responsive the neuron is", "how active the input is"]
    assert [f.meaning for f in why.factors] == meanings
    assert [f.value for f in why.factors] == pytest.approx([-0.7550813376, 0.2350037122, 0.6], abs=1e-9)
    assert product(why.factors) == pytest.approx(why.value, rel=1e-15)


def test_the_input_of_a_neuron_is_weighed_by_the_connection():
    why = wg.explain(neuron, 1.5, -0.4, 0.6, 1, wrt="a0")
    assert (why.factors[-1].formula.text, why.factors[-1].meaning) == ("w", "how strong the connection is")


def test_a_formula_written_with_exp_is_explained_like_the_function_it_is():
    def by_hand(w, b, a0, y):
        z = w * a0 + b
        a = 1 / (1 + np.exp(-z))
        return (a - y) ** 2

    why = wg.explain(by_hand, 1.5, -0.4, 0.6, 1.0, wrt="w")
    assert [f.written for f in why.factors] == ["∂C/∂a", "∂a/∂z", "∂z/∂w"]
    slope = eval(why.factors[1].formula.text, {"exp": np.exp, "a": sigmoid(0.5), "z": 0.5})
    assert slope == pytest.approx(0.2350037122)


def test_where_paths_merge_every_term_is_listed_and_they_add_up():
    why = wg.explain(two_layers, *GOLDEN, wrt=("W1", (0, 0)))
    merge, *slopes = why.factors
    assert merge.kind == "sum"
    assert [str(t.through) for t in merge.terms] == ["z2[0]", "z2[1]"]
    assert [t.formula.text for t in merge.terms] == ["W2[0, 0]", "W2[1, 0]"]
    assert sum(t.value for t in merge.terms) == pytest.approx(merge.value, rel=1e-15)
    assert product(why.factors) == pytest.approx(why.value, rel=1e-15)
    assert [f.formula.text for f in slopes] == ["a1[0] * (1 - a1[0])", "x[0]"]


def test_paths_come_strongest_first_and_add_up():
    why = wg.explain(two_layers, *GOLDEN, wrt=("W1", (0, 0)))
    first, second = why.paths(top=5)
    assert (first.value, second.value) == pytest.approx((-0.0773313433, -0.0735771396), abs=1e-9)
    assert first.value + second.value == pytest.approx(why.value, rel=1e-15)
    assert [str(name) for name in first.through] == ["C", "a2[0]", "z2[0]", "a1[0]", "z1[0]", "W1[0, 0]"]
    assert product(first.factors) == pytest.approx(first.value, rel=1e-15)
    assert (why.path_count, why.cancellation, why.coverage) == (2, pytest.approx(0, abs=1e-15), pytest.approx(1))


def test_any_value_inside_the_function_can_be_asked_about():
    why = wg.explain(two_layers, *GOLDEN, wrt=("a1", 0))
    assert why.value == pytest.approx(-0.6051442745724023)
    assert wg.explain(two_layers, *GOLDEN, wrt=("z2", 1)).value == pytest.approx(0.2950449431790556)


def test_a_whole_array_is_explained_by_what_arrives_and_how_it_is_carried_on():
    why = wg.explain(two_layers, *GOLDEN, wrt="W1")
    np.testing.assert_allclose(why.value, wg.grad(two_layers)(*GOLDEN), rtol=1e-14)
    arrives, carried = why.factors
    assert (str(arrives.by), carried.formula.text) == ("z1", "∂C/∂z1 @ transpose(x)")
    assert carried.meaning.startswith("what arrives, weighted by x")
    np.testing.assert_array_equal(carried.value, why.value)
    with pytest.raises(ArgumentError, match=r"paths are those of its elements.*\n.*\n?.*wrt=\('W1', \(0, 0\)\)"):
        why.paths()


def test_a_value_used_twice_is_a_sum_of_two_paths_each_time():
    def twice(a):
        b = a + a
        c = b + b
        return c

    why = wg.explain(twice, 1.0)
    assert (why.value, why.path_count) == (4.0, 4)
    assert [path.value for path in why.paths()] == [1.0] * 4


def test_paths_that_cancel_are_counted_though_the_gradient_is_zero():
    why = wg.explain(lambda a: 3.0 * a - 3.0 * a, 2.0)
    assert (why.value, why.path_count, why.cancellation) == (0.0, 2, 1.0)


def test_a_zero_factor_is_a_path_and_an_unused_argument_is_none():
    def f(w, x, unused):
        return w * x

    zero, none = wg.explain(f, 2.0, 0.0, 1.0, wrt="w"), wg.explain(f, 2.0, 0.0, 1.0, wrt="unused")
    assert (zero.value, zero.path_count) == (0.0, 1)
    assert (none.value, none.path_count) == (0.0, 0)
    assert none.dependencies["unused"].sentence == "unused does not reach the cost"


def test_a_zero_in_a_product_of_matrices_is_still_a_path():
    why = wg.explain(lambda W, x: np.sum(W @ x), np.ones((2, 2)), np.array([0.0, 1.0]), wrt=("W", (0, 0)))
    assert (why.value, why.path_count) == (0.0, 1)


def test_names_survive_loops_helpers_dictionaries_and_closures():
    def layer(a, p):
        z = p["W"] @ a + p["b"]
        return np.tanh(z)

    def cost(layers, x):
        a = x
        for p in layers:
            a = layer(a, p)
        return np.sum(a)

    layers = [{"W": np.eye(2) * k, "b": np.zeros(2)} for k in (1.0, 2.0)]
    why = wg.explain(cost, layers, np.array([0.1, 0.2]), wrt=("layers[1]['W']", (0, 1)))
    assert [f.written for f in why.factors] == ["∂C/∂a⟨2⟩[0]", "∂a⟨2⟩[0]/∂z⟨2⟩[0]", "∂z⟨2⟩[0]/∂layers[1]['W'][0, 1]"]
    assert why.factors[-1].formula.text == "a[1]"
    assert f"{__file__}:" in why.factors[-1].where


def test_results_of_functions_with_several_results_have_their_own_names():
    def f(A):
        values, vectors = np.linalg.eigh(A)
        return np.sum(values**3) + vectors[0, 0] ** 2

    why = wg.explain(f, np.diag([1.0, 2.0]), wrt=("A", (1, 1)))
    assert {"values", "vectors"} <= set(why.dependencies)
    assert why.dependencies["values"].sentence == "values moves the cost along one path, directly"
    assert why.value == pytest.approx(12.0)


def test_integer_arguments_may_count_and_may_be_asked_about():
    def repeated(x, n):
        y = x
        for _ in range(n):
            y = y * x
        return y

    assert wg.explain(repeated, 3, 2, wrt="x").value == 27.0
    assert wg.explain(repeated, 3, 2, wrt="x").path_count == 3


@pytest.mark.parametrize("index", [lambda label: label, lambda label: label - 1])
def test_integer_arguments_may_be_an_index(index):
    def surprise(W, x, label):
        p = wg.softmax(W @ x)
        return -np.log(p[index(label)])

    W, x = np.array([[0.5, -1.0], [1.5, 0.25]]), np.array([1.0, 2.0])
    why = wg.explain(surprise, W, x, 1, wrt=("W", (1, 0)))
    assert why.value == pytest.approx(wg.grad(surprise)(W, x, 1)[1, 0])
    assert why.factors[0].meaning == "how wrong the output is"


def test_no_phrase_about_neurons_is_said_of_steps_that_are_none():
    def no_network(x):
        u = np.sin(x)
        v = u * 3
        return np.exp(v)

    meanings = [factor.meaning for factor in wg.explain(no_network, 0.3).factors]
    assert meanings[1] == "multiplied by a constant"
    assert not any(word in " ".join(meanings) for word in ("output", "neuron", "input"))


def test_a_neuron_whose_weighted_input_has_no_name_has_both_meanings():
    def layers(W1, b1, W2, b2, x, y):
        h = sigmoid(W1 @ x + b1)
        o = sigmoid(W2 @ h + b2)
        return np.sum((o - y) ** 2)

    why = wg.explain(layers, *GOLDEN, wrt=("W1", (0, 0)))
    assert why.factors[1].meaning == "how responsive the neuron is, times how active the input is"
    assert why.factors[1].formula.numbers == "0.5250 * (1 - 0.5250) * 1"


def test_a_sum_belongs_to_the_line_that_uses_the_value():
    why = wg.explain(two_layers, *GOLDEN, wrt=("W1", (0, 0)))
    first = two_layers.__code__.co_firstlineno
    assert why.factors[0].where.endswith(f":{first + 3}, in two_layers")  # a1, made in line 2, used in line 3


def test_explanations_of_float32_are_computed_in_float32():
    why = wg.explain(two_layers, *[a.astype(np.float32) for a in GOLDEN], wrt=("W1", (0, 0)))
    assert why.program.output.dtype == np.float32
    assert why.value == pytest.approx(-0.1509084829, rel=1e-5)


@pytest.mark.parametrize(("wrt", "what"), [
    ("nothing", r"two_layers has no value called 'nothing'"),
    (9, r"wrt=9, but two_layers has 6 numeric argument"),
    (("W1", (0,)), r"index \(0,\) does not name one element of 'W1', which has shape \(2, 2\)"),
    (("W1", (0, 7)), r"index \(0, 7\) is outside 'W1', which has shape \(2, 2\)"),
])
def test_asking_for_what_is_not_there_says_what_is(wrt, what):
    with pytest.raises(ArgumentError, match=what):
        wg.explain(two_layers, *GOLDEN, wrt=wrt)


def test_a_function_that_does_not_return_one_number_is_refused():
    with pytest.raises(NotScalarError, match=r"returned an array of shape \(2,\), not a single number"):
        wg.explain(lambda x: x, np.ones(2))
    with pytest.raises(NotScalarError, match="does not depend on its arguments"):
        wg.explain(lambda x: 3.0, 1.0)


def test_both_names_of_a_pair_are_found():
    def f(x, y):
        a, b = x * 2.0, y * 3.0
        return a * b

    assert [f.written for f in wg.explain(f, 1.0, 1.0, wrt="x").factors] == ["∂C/∂a", "∂a/∂x"]
    assert [f.written for f in wg.explain(f, 1.0, 1.0, wrt="y").factors] == ["∂C/∂b", "∂b/∂y"]


def test_a_function_made_of_many_steps_has_one_name():
    def f(x):
        s = np.std(x)
        return s * s

    assert list(wg.explain(f, np.array([1.0, 2.0, 4.0]), wrt=("x", 0)).dependencies) == ["x", "s", "C"]


def test_a_transposed_weight_is_the_same_weight():
    def f(W, X):
        Z = X @ W.T
        return np.sum(Z * Z)

    why = wg.explain(f, np.ones((2, 3)), np.ones((4, 3)), wrt=("W", (1, 0)))
    assert [f.written for f in why.factors] == ["∂C/∂W[1, 0]"]
    assert [str(t.through) for t in why.factors[0].terms] == [f"Z[{i}, 1]" for i in range(4)]
    assert sum(t.value for t in why.factors[0].terms) == why.value


def test_an_index_computed_on_the_way_is_no_partner():
    def f(x):
        order = np.argsort(x)
        return x[order[0]] * 2.0

    why = wg.explain(f, np.array([3.0, 1.0, 2.0]), wrt=("x", 1))
    assert (why.value, why.path_count) == (2.0, 1)
    assert wg.explain(f, np.array([3.0, 1.0, 2.0]), wrt=("x", 0)).path_count == 0


def test_a_value_without_a_name_is_called_what_its_user_wrote():
    def kernel(d, ell):
        K = np.exp(-d / (2 * ell**2))
        return np.sum(K)

    why = wg.explain(kernel, np.array([0.5, 1.0]), 0.9, wrt="ell")
    assert [f.written for f in why.factors] == ["∂C/∂(2 * ell**2)", "∂(2 * ell**2)/∂ell"]
    assert wg.explain(lambda W: np.sum(W.T @ W), np.ones((2, 2)), wrt=("W", (0, 1))).path_count == 4


@pytest.mark.parametrize("top", [0, -1, "3", 1.5, True])
def test_a_number_of_paths_is_a_whole_number(top):
    why = wg.explain(neuron, 1.5, -0.4, 0.6, 1)
    for ask in (why.paths, why.coverage_of, why.latex, why.html, why.to_dict):
        with pytest.raises(ArgumentError, match="is not a number of paths"):
            ask(top)
