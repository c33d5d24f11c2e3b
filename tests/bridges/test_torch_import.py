"""PyTorch modules, imported: values and gradients beside PyTorch's in float64, names, and one error for what fails."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import whygrad as wg

from .torch_modules import MODULES, made

pytestmark = pytest.mark.peers("torch")


@functools.cache
def imported(name: str) -> tuple[Any, Any, Any]:
    """(module, its example inputs, the Model): torch.export takes a second each, so every test shares them."""
    module, inputs = made(name)
    return module, inputs, wg.from_torch(module, inputs)


def of_outputs(outputs: Any) -> Any:
    first = outputs[0] if isinstance(outputs, (tuple, list)) else outputs
    return (first * first).sum()


@pytest.mark.parametrize("name", MODULES)
def test_values_and_gradients_are_those_of_pytorch(name: str) -> None:
    module, inputs, model = imported(name)
    module.zero_grad()
    module.eval()
    loss = of_outputs(module(*inputs))
    loss.backward()
    value, gradient = model.value_and_grad(*inputs, cost=of_outputs)
    np.testing.assert_allclose(value, loss.item(), rtol=1e-9)
    assert list(gradient) == [n for n, _ in module.named_parameters()] or set(gradient) == set(
        dict(module.named_parameters())
    )
    for key, p in module.named_parameters():
        expected = np.zeros(p.shape) if p.grad is None else p.grad.numpy()
        np.testing.assert_allclose(gradient[key], expected, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", ["mlp", "lenet", "transformer", "lstm"])
def test_the_first_size_is_a_batch_of_any_size(name: str) -> None:
    import torch

    module, inputs, model = imported(name)
    more = [torch.cat([x, x, x[:1]]) for x in inputs]
    module.eval()
    np.testing.assert_allclose(model(*more), module(*more).detach().numpy(), rtol=1e-9, atol=1e-9)


def test_a_single_example_stands_for_a_batch_of_any_size(torch: Any) -> None:
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 2)).double()
    model = wg.from_torch(module, torch.ones(1, 2, 3).double())
    assert model.inputs[0].shape == (None, 2, 3)
    assert model(np.ones((5, 2, 3))).shape == (5, 2)


def test_train_uses_the_statistics_of_the_batch_and_leaves_the_module_alone(torch: Any) -> None:
    module, inputs, _ = imported("lenet")
    module.eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    model = wg.from_torch(module, inputs, train=True)
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert not module.training
    twin = made("lenet")[0].train()
    for m in twin.modules():
        m.training = not isinstance(m, torch.nn.Dropout)
    np.testing.assert_allclose(model(*inputs), twin(*inputs).detach().numpy(), rtol=1e-9, atol=1e-9)


def test_tied_weights_are_one_parameter_whose_gradient_is_the_sum(torch: Any) -> None:
    first, second = torch.nn.Linear(3, 3).double(), torch.nn.Linear(3, 3).double()
    second.weight = first.weight
    module, x = torch.nn.Sequential(first, second), torch.linspace(-1, 1, 6).reshape(2, 3).double()
    of_outputs(module(x)).backward()
    model = wg.from_torch(module, x)
    assert list(model.parameters) == ["0.weight", "0.bias", "1.bias"]
    np.testing.assert_allclose(model.grad(x, cost=of_outputs)["0.weight"], first.weight.grad.numpy(), rtol=1e-9)


def test_no_slope_passes_through_no_grad_and_detach(torch: Any) -> None:
    from .torch_modules import Stopped

    module, x = Stopped().double(), torch.ones(2, 3).double()
    of_outputs(module(x)).backward()
    gradient = wg.from_torch(module, x).grad(x, cost=of_outputs)
    np.testing.assert_allclose(gradient["fc.weight"], module.fc.weight.grad.numpy(), rtol=1e-9)


def test_steps_that_write_in_place_are_read_as_new_values(torch: Any) -> None:
    from .torch_modules import InPlace

    module, x = InPlace().double(), torch.linspace(-1, 1, 6).reshape(2, 3).double()
    of_outputs(module(x)).backward()
    model = wg.from_torch(module, x)
    np.testing.assert_allclose(model.grad(x, cost=of_outputs)["fc.weight"], module.fc.weight.grad.numpy(), rtol=1e-9)


# ── costs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("cost", "theirs", "target"),
    [
        ("cross_entropy", "cross_entropy", np.array([0, 2])),
        ("mse", "mse_loss", np.ones((2, 3))),
        ("l1_loss", "l1_loss", np.zeros((2, 3))),
        ("bce_with_logits", "binary_cross_entropy_with_logits", np.full((2, 3), 0.25)),
    ],
)
def test_costs_by_name_are_those_of_pytorch(cost: str, theirs: str, target: np.ndarray, torch: Any) -> None:
    module, inputs, model = imported("mlp")
    module.zero_grad()
    loss = getattr(torch.nn.functional, theirs)(module(*inputs), torch.tensor(target))
    loss.backward()
    value, gradient = model.value_and_grad(*inputs, cost=cost, target=target)
    np.testing.assert_allclose(value, loss.item(), rtol=1e-12)
    np.testing.assert_allclose(gradient["0.weight"], module[0].weight.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("cost", "target", "says"),
    [
        ("cross_entropi", np.array([0, 2]), "cost='cross_entropy'"),
        ("cross_entropy", np.array([0, 3]), "class 3"),
        ("cross_entropy", np.array([[0], [1]]), r"\(2,\)"),
        ("cross_entropy", None, "needs a target"),
        ("mse", None, "needs a target"),
        ("mse", np.zeros((2, 1)), r"\(2, 3\), the target \(2, 1\)"),
        (None, None, "not a single number"),
        (3, None, "is no cost"),
        (lambda out: {"a": out}, None, "not a single number"),
    ],
)
def test_a_cost_that_does_not_fit_is_refused_once(cost: Any, target: Any, says: str) -> None:
    _, inputs, model = imported("mlp")
    with pytest.raises(wg.errors.WhygradError, match=says):
        model.grad(*inputs, cost=cost, target=target)


def test_a_cost_written_for_tensors_is_refused_with_what_to_do(torch: Any) -> None:
    _, inputs, model = imported("mlp")
    with pytest.raises(wg.errors.ArgumentError, match='cost="cross_entropy"'):
        model.grad(*inputs, cost=lambda out: torch.nn.functional.cross_entropy(out, torch.tensor([0, 1])))


# ── other readers of a model ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_imported_model_is_a_function_that_checks_and_compiles() -> None:
    _, inputs, model = imported("residual_mlp")
    x, y = inputs[0].numpy(), np.array([0, 1])
    cost = model.cost_of("cross_entropy", y)
    assert wg.check_gradient(cost, dict(model.parameters), x)
    compiled = wg.jit(wg.grad(cost), backend="numpy")
    expected = model.grad(x, cost="cross_entropy", target=y)
    for key, value in compiled(dict(model.parameters), x).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-9, atol=1e-12)
    assert "torch_modules.py:22" in compiled.source
    assert "parameters_fc1_weight" in compiled.source


def test_wrong_inputs_are_refused_by_name() -> None:
    _, inputs, model = imported("mlp")
    for wrong, says in (
        ((), "takes 1 input"),
        ((np.ones((2, 7)),), r"shape \(2, 7\)"),
        ((np.ones((2, 4), complex),), "complex"),
    ):
        with pytest.raises(wg.errors.WhygradError, match=says):
            model(*wrong)
    with pytest.raises(wg.errors.WhygradError, match=r"parameter '0\.weight' is missing"):
        model.function({k: v for k, v in model.parameters.items() if k != "0.weight"}, *inputs)
    with pytest.raises(wg.errors.ShapeError, match=r"'0\.bias'"):
        model.function({**model.parameters, "0.bias": np.ones(2)}, *inputs)


# ── modules that can not be imported ─────────────────────────────────────────────────────────────────────────────────


def test_hostile_modules_get_one_clear_error_each(torch: Any) -> None:
    from .torch_modules import HOSTILE

    x = torch.linspace(-1, 1, 6).reshape(2, 3)
    for make, error, says in HOSTILE:
        with pytest.raises(getattr(wg.errors, error), match=says) as caught:
            wg.from_torch(make(), x)
        assert caught.value.__cause__ is None
        assert len(str(caught.value).splitlines()) <= 4


def test_unknown_operators_are_named_all_at_once_with_their_modules(torch: Any) -> None:
    from .torch_modules import Unknown

    with pytest.raises(wg.errors.UnsupportedError) as caught:
        wg.from_torch(Unknown(), torch.ones(2, 3))
    text = str(caught.value)
    assert "aten.i0.default (in inner)" in text
    assert "aten._linalg_svd.default" in text
    assert "torch_modules.py" in text
    assert "wg.diagnose" in text


def test_what_is_no_module_or_no_input_is_refused(torch: Any) -> None:
    linear = torch.nn.Linear(3, 2)
    for module, inputs, says in (
        (lambda x: x, torch.ones(2, 3), "not a function"), (linear, (), "no example input"),
        (linear, "abc", "is a str"), (linear, torch.ones(2, 4), "forward raised RuntimeError"),
        (linear, torch.ones(2, 3, dtype=torch.complex64), "complex"),
    ):  # fmt: skip
        with pytest.raises(wg.errors.WhygradError, match=says):
            wg.from_torch(module, inputs)


# ── explanations ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_explanations_use_the_modules_own_names_and_lines() -> None:
    module, inputs, _ = imported("residual_mlp")
    why = wg.explain(module, *inputs, wrt=("fc1.weight", (0, 1)), cost="cross_entropy", target=np.array([0, 1]))
    text = str(why)
    assert "fc1.weight moves C through fc1, relu, block.0, block.1, add and 1 more." in text
    assert "h = F.relu(self.fc1(x))" in text
    module.zero_grad()
    import torch

    torch.nn.functional.cross_entropy(module(*inputs), torch.tensor([0, 1])).backward()
    np.testing.assert_allclose(why.value, module.fc1.weight.grad[0, 1].item(), rtol=1e-9)
    assert why.path_count == 20
    assert "fc1" in why.latex()
    assert "fc1" in why.html()


def test_an_inner_value_and_an_input_can_be_asked_about() -> None:
    _, inputs, model = imported("residual_mlp")
    for name in ("block.1", "x", "relu"):
        index = (0, 1)
        why = wg.explain(model, *inputs, wrt=(name, index), cost=lambda out: np.mean(out**2))
        total = sum(path.value for path in why.paths(10_000))
        np.testing.assert_allclose(total, why.value, rtol=1e-9)


def test_recurrent_layers_name_their_states() -> None:
    _, inputs, model = imported("lstm")
    why = model.explain(*inputs, wrt=("lstm.h0_0", (0, 0)), cost=of_outputs)
    assert {"lstm.h0_0", "lstm.h0_1", "lstm"} <= set(why.dependencies)


def test_an_unknown_name_or_option_is_refused_with_those_there_are() -> None:
    module, inputs, _ = imported("residual_mlp")
    with pytest.raises(wg.errors.ArgumentError, match=r"fc1\.weight"):
        wg.explain(module, *inputs, wrt="fc9.weight", cost="mean")
    with pytest.raises(wg.errors.ArgumentError, match="no option 'costs'"):
        wg.explain(module, *inputs, wrt="fc1.weight", costs="mean")
