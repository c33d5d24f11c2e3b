"""What ``wg.diagnose`` returns: a verdict first, text of 80 columns, a page without script, plain data; bad input."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

import whygrad as wg
from whygrad.diagnosis.report import Diagnosis

CE = "softmax_cross_entropy"


@pytest.fixture(scope="module")
def digits():
    data = wg.datasets.digits()
    return data.train_images[:300], data.train_labels[:300]


@pytest.fixture(scope="module")
def sick(digits):
    net = wg.Network([784, *[30] * 4, 10], "sigmoid", init="scaled")
    return wg.diagnose(net, *digits, learning_rate=0.5)


@pytest.fixture(scope="module")
def healthy(digits):
    return wg.diagnose(wg.Network([784, 30, 10], "relu", cost=CE), *digits)


def test_the_verdict_comes_first_and_every_line_fits_in_80_columns(sick, healthy):
    for found in (sick, healthy):
        lines = str(found).splitlines()
        assert lines[0] == found.verdict
        assert max(map(len, lines)) <= 80
    assert sick.verdict == "Vanishing gradients: layer 1 and layer 2."
    assert healthy.verdict == "Nothing found that keeps it from learning, on 300 examples."


def test_the_text_has_the_numbers_the_blame_what_to_try_and_one_weight(sick):
    text = " ".join(str(sick).split())
    finding = sick["vanishing-gradients"]
    assert finding.what in text
    assert "to blame slope: the slopes multiply to" in text
    assert all(tried in text for tried in finding.try_)
    assert f"∂C/∂{finding.derivation.wrt} = " in text
    for layer in sick.measures.layers:
        assert re.search(rf"{layer.name} sigmoid", text)
    assert "×0.01 → " in text


def test_one_finding_prints_alone(sick):
    text = str(sick["vanishing-gradients"])
    assert text.startswith("Vanishing gradients: layer 1 and layer 2   [vanishing-gradients, certain]")
    assert "Layers\n" not in text


def test_the_page_has_the_same_words_and_needs_nothing_else(sick):
    html = sick.html()
    assert "<script" not in html
    assert not re.search(r"(src|href)=", html)
    assert "Vanishing gradients: layer 1 and layer 2." in html
    assert 'class="bar"' in html
    assert sick._repr_html_() == html


def test_a_name_of_the_users_can_not_put_markup_into_the_page(rng):
    def evil(z):
        return np.tanh(z)

    evil.__name__ = "<script>alert(1)</script>"
    net = wg.Network([3, 4, 1], [evil, "identity"])
    found = wg.diagnose(net, rng.standard_normal((30, 3)), rng.standard_normal((30, 1)))
    assert "<script" not in found.html()
    assert "&lt;script&gt;" in found.html()
    assert "<script>" in str(found)


def test_plain_data_is_json_without_nan(sick, rng):
    data = json.loads(json.dumps(sick.to_dict(), allow_nan=False))
    assert data["schema"] == "whygrad.diagnosis"
    assert data["verdict"] == sick.verdict
    assert [finding["id"] for finding in data["findings"]] == list(sick.ids)
    assert data["findings"][0]["derivation"]["schema"] == "whygrad.explanation"
    assert len(data["layers"]) == 5
    net = wg.Network([3, 4, 2], "tanh", cost=CE)
    net.weights[0][0, 0] = np.inf
    broken = wg.diagnose(net, rng.standard_normal((30, 3)), np.arange(30) % 2)
    assert json.dumps(broken.to_dict(), allow_nan=False)
    assert "not-finite" in broken


def test_the_finding_of_an_id_is_asked_for_by_it(sick):
    assert "vanishing-gradients" in sick
    assert "dead-units" not in sick
    with pytest.raises(KeyError):
        sick["dead-units"]


# ---- what is looked at -----------------------------------------------------------------------------------------------


def test_at_most_1000_examples_are_looked_at_evenly_taken(rng):
    X = rng.standard_normal((3000, 4))
    Y = np.repeat([0, 1, 2], 1000)  # sorted by class
    found = wg.diagnose(wg.Network([4, 6, 3], "relu", cost=CE), X, Y)
    assert found.record.n == 1000
    assert found.measures.data.classes == 3
    assert "1,000 of the 3,000 examples given were looked at, evenly taken." in " ".join(str(found).split())
    assert wg.diagnose(wg.Network([4, 6, 3], "relu", cost=CE), X, Y, examples=None).record.n == 3000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_example_is_enough_to_measure_and_too_few_to_judge_units(dtype, rng):
    net = wg.Network([4, 6, 3], "relu", cost=CE, dtype=dtype)
    found = wg.diagnose(net, rng.standard_normal(4), np.array([0.0, 1.0, 0.0]), learning_rate=0.1)
    assert found.record.n == 1
    assert found.ids == ()
    assert found.verdict.endswith("on one example.")
    assert "1 example" not in str(found)
    assert found.record.dtype == np.dtype(dtype)


@pytest.mark.parametrize("sizes", [[1, 1], [3, 1], [1, 1, 1, 1]])
def test_the_smallest_networks_are_measured(sizes, rng):
    found = wg.diagnose(wg.Network(sizes, "tanh"), rng.standard_normal((25, sizes[0])), rng.uniform(-0.5, 0.5, (25, 1)))
    assert len(found.measures.layers) == len(sizes) - 1
    assert math.isfinite(found.measures.layers[0].speed)
    assert str(found)
    assert found.html()


def test_labels_targets_lists_and_integers_are_taken_as_fit_takes_them():
    net = wg.Network([2, 3, 2], "tanh", cost=CE)
    one, other = (wg.diagnose(net, [[0, 1], [1, 0], [1, 1]], Y) for Y in ([0, 1, 1], [[1, 0], [0, 1], [0, 1]]))
    assert one.record.cost == pytest.approx(other.record.cost)


def test_a_million_weights_are_diagnosed_in_seconds(rng):
    net = wg.Network([784, 900, 300, 10], "relu", cost=CE)
    assert sum(W.size for W in net.weights) > 950_000
    X = rng.uniform(0, 1, (1000, 784)).astype(np.float32)
    found = wg.diagnose(net, X, rng.integers(0, 10, 1000), learning_rate=0.01)
    assert found.record.n == 1000
    assert str(found)


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((np.ones((5, 3)), np.zeros(5, int)), {}, r"X has shape \(5, 3\); layer 0 needs \(examples, 4\)"),
        ((np.ones((5, 4)), np.zeros(6, int)), {}, "X has 5 rows and Y has 6"),
        ((np.ones((5, 4)), np.full(5, 7)), {}, "label 7 in row 0 is outside 0 to 2"),
        ((np.ones((0, 4)), np.zeros(0, int)), {}, "X is empty"),
        ((np.full((5, 4), np.nan), np.zeros(5, int)), {}, "X"),
        ((np.ones((5, 4)), np.zeros(5, int)), {"learning_rate": -1.0}, "learning_rate"),
        ((np.ones((5, 4)), np.zeros(5, int)), {"optimizer": "sdg"}, "optimizer 'sdg' is not known"),
        ((np.ones((5, 4)), np.zeros(5, int)), {"examples": 0}, "examples"),
        ((np.ones((5, 4)), np.zeros(5, int)), {"batch_size": 0}, "batch_size"),
        ((np.ones((5, 4)), np.zeros(5, int)), {"rate": 1.0}, "unexpected keyword argument 'rate'"),
        ((np.ones((5, 4)),), {}, "missing a required argument: 'Y'"),
    ],
)
def test_bad_input_is_one_error(arguments, options, says):
    net = wg.Network([4, 6, 3], "relu", cost=CE)
    with pytest.raises(wg.errors.WhygradError, match=says):
        wg.diagnose(net, *arguments, **options)


@pytest.mark.parametrize("model", [3, None, np.ones(3), wg.Network])
def test_what_is_no_model_is_refused_with_what_is_one(model):
    with pytest.raises(wg.errors.ArgumentError, match="can not be diagnosed") as raised:
        wg.diagnose(model)
    assert "a whygrad Network" in raised.value.try_


def test_a_saved_network_is_not_taken_for_an_onnx_file():
    with pytest.raises(wg.errors.ArgumentError, match=r"model.safetensors.*is not the path of an ONNX file"):
        wg.diagnose("model.safetensors", np.ones((3, 2)))


def test_a_function_is_diagnosed_for_zeros_and_nans():
    report = wg.diagnose(lambda w, x: (w * x) ** 2, 3.0, 0.0, wrt="w")
    assert "w" in str(report)
    assert not isinstance(report, Diagnosis)
