"""PyTorch modules, diagnosed: hooks see PyTorch's own numbers and go, and the report says what was used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import whygrad as wg

from .torch_cleanliness import assert_untouched, state_of

pytestmark = pytest.mark.peers("torch")


def deep(torch: Any, activation: str, layers: int = 5, width: int = 20, bias: float = 0.0) -> Any:
    torch.manual_seed(0)
    parts, before = [], 8
    for _ in range(layers):
        linear = torch.nn.Linear(before, width)
        torch.nn.init.normal_(linear.weight, 0, (2.0 if activation == "ReLU" else 1.0) ** 0.5 / before**0.5)
        torch.nn.init.constant_(linear.bias, bias)
        parts += [linear, getattr(torch.nn, activation)()]
        before = width
    return torch.nn.Sequential(*parts, torch.nn.Linear(before, 3))


def data(torch: Any, n: int = 60) -> tuple[Any, Any]:
    torch.manual_seed(1)
    X = torch.randn(n, 8)
    return X, (X[:, :3] + 0.3 * torch.randn(n, 3)).argmax(1)


def test_deltas_errors_and_gradients_are_those_of_pytorch(torch: Any) -> None:
    module, (X, Y) = deep(torch, "Tanh", 2), data(torch)
    record = wg.diagnose(module, X, Y, cost="cross_entropy").record
    z = [None, None, None]
    z[0] = module[0](X)
    a1 = module[1](z[0])
    z[1] = module[2](a1)
    a2 = module[3](z[1])
    z[2] = module[4](a2)
    each = torch.nn.functional.cross_entropy(z[2], Y, reduction="none")
    wanted = torch.autograd.grad(each.sum(), [*z, a1, module[0].weight])
    for layer, delta in zip(record.layers, wanted[:3], strict=True):
        np.testing.assert_allclose(layer.delta, delta.numpy(), rtol=1e-4, atol=1e-6)
    first = record.layers[0]
    assert first.activation == "tanh"
    np.testing.assert_allclose(first.error, wanted[3].numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(first.delta, first.error * first.slope, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(first.weight_gradient, wanted[4].numpy() / len(X), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(record.costs, each.detach().numpy(), rtol=1e-5)
    assert record.chain
    assert record.layers[-1].activation == "identity"


def test_deep_sigmoid_vanishes_and_relu_does_not(torch: Any) -> None:
    X, Y = data(torch)
    sick = wg.diagnose(deep(torch, "Sigmoid"), X, Y, cost="cross_entropy")
    assert "vanishing-gradients" in sick
    assert sick["vanishing-gradients"].derivation is not None
    assert "Read by the importer and through hooks" in " ".join(str(sick).split())
    assert "∂C/∂0.weight" in str(sick)
    healthy = wg.diagnose(deep(torch, "ReLU", 2), X, Y, cost="cross_entropy")
    assert not healthy.problems


def test_a_killed_relu_layer_is_found_by_its_path(torch: Any) -> None:
    module, (X, Y) = deep(torch, "ReLU", 2), data(torch)
    torch.nn.init.constant_(module[2].bias, -50.0)
    found = wg.diagnose(module, X, Y, cost="cross_entropy")
    assert found.problems
    assert "module 2" in found.verdict


def test_a_module_the_importer_can_not_read_is_seen_through_hooks(torch: Any) -> None:
    class Flow(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2, self.unused = torch.nn.Linear(8, 5), torch.nn.Linear(5, 3), torch.nn.Linear(2, 2)
            torch.nn.init.constant_(self.fc1.bias, -50.0)

        def forward(self, x: Any) -> Any:
            h = torch.relu(self.fc1(x))
            return self.fc2(h) if h.sum() < 1e6 else self.fc2(-h)

    module, (X, Y) = Flow(), data(torch)
    before = state_of(module)
    found = wg.diagnose(module, X, Y)
    assert [layer.activation for layer in found.record.layers] == ["relu", "identity"]
    text = " ".join(str(found).split())
    assert "the importer can not read the module" in text
    assert "Not used in this run: unused" in text
    assert "cross_entropy was chosen by the looks" in text
    assert_untouched(module, before)


def test_nothing_is_left_behind_also_when_something_raises(torch: Any) -> None:
    module, (X, Y) = deep(torch, "ReLU", 1), data(torch)
    module.append(torch.nn.Dropout(0.5)).append(torch.nn.BatchNorm1d(3))
    module.train()
    module[0].weight.grad = torch.ones_like(module[0].weight)
    before = state_of(module)
    wg.diagnose(module, X, Y, cost="cross_entropy", optimizer=torch.optim.Adam(module.parameters()))
    assert_untouched(module, before)

    def broken(out: Any, y: Any) -> Any:
        raise ValueError("no")

    for arguments in ((X[:, :3], Y), (X, Y[:5]), (X, None)):
        with pytest.raises(wg.errors.WhygradError):
            wg.diagnose(module, *arguments)
        assert_untouched(module, before)
    with pytest.raises(wg.errors.ArgumentError, match="the cost broken raised ValueError"):
        wg.diagnose(module, X, Y, cost=broken)
    assert_untouched(module, before)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_the_step_that_is_tried_is_the_optimizers_own(kind: str, torch: Any) -> None:
    module, (X, Y) = deep(torch, "Tanh", 1), data(torch)
    optimizer = getattr(torch.optim, kind)(module.parameters(), lr=0.05)
    record = wg.diagnose(module, X, Y, cost=torch.nn.CrossEntropyLoss(), optimizer=optimizer).record
    old = module[0].weight.detach().clone()
    torch.nn.functional.cross_entropy(module(X), Y).backward()
    optimizer.step()
    np.testing.assert_allclose(record.layers[0].update, (module[0].weight - old).detach().numpy(), rtol=1e-4, atol=1e-7)
    after = torch.nn.functional.cross_entropy(module(X), Y).item()
    np.testing.assert_allclose(dict(record.trial_steps)[1.0], after, rtol=1e-4)


def test_frozen_shared_and_convolution_layers_are_told_apart(torch: Any) -> None:
    conv, shared = torch.nn.Conv2d(1, 4, 3), torch.nn.Linear(4, 4)
    nn = torch.nn
    norm, relu, pool = nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
    module = nn.Sequential(conv, norm, relu, pool, nn.Flatten(), shared, nn.Tanh(), shared)
    conv.weight.requires_grad_(False)
    record = wg.diagnose(module, torch.randn(6, 1, 6, 6), torch.randn(6, 4)).record
    first, second = record.layers
    assert (first.kind, first.activation, first.positions, first.trained) == (
        "convolution with normalization",
        "relu",
        16,
        False,
    )
    assert first.weight.shape == (4, 9)
    assert (second.positions, second.weight_gradient.shape) == (2, (4, 4))
    assert not record.chain
    assert (first.a >= 0).all()
    assert (first.z < 0).any()  # the activation wrote over it, after it was kept


def test_the_importer_and_the_hooks_agree_for_a_small_cnn_and_json_says_so(torch: Any) -> None:
    from .torch_modules import made

    module, (x,) = made("lenet")
    found = wg.diagnose(module, x.float().numpy(), np.array([0, 1, 2]))
    data = found.to_dict()
    assert data["examples"] == 3
    assert any("through hooks" in note for note in data["notes"])
    assert "features.0" in found.html()


def test_lists_are_arrays_and_several_targets_are_refused(torch: Any) -> None:
    module, (X, Y) = deep(torch, "ReLU", 1), data(torch)
    assert wg.diagnose(module, X.tolist(), Y.tolist()).verdict == wg.diagnose(module, X, Y).verdict
    with pytest.raises(wg.errors.ArgumentError, match="Y is a tuple of 2 arrays"):
        wg.diagnose(module, X, (Y, Y))


def test_arrays_of_other_layouts_are_read_or_refused(torch: Any) -> None:
    module, (X, Y) = deep(torch, "ReLU", 1), data(torch)
    for given in (X.numpy()[::-1], X.numpy().astype(">f4"), X.numpy().astype(np.longdouble)):
        assert wg.diagnose(module, given, Y).record.n == len(X)
    for given, says in ((X.to_sparse(), "sparse"), (X.to("meta"), "meta device"), ([[1.0], [1.0, 2.0]], "no array")):
        with pytest.raises(wg.errors.DataError, match=says):
            wg.diagnose(module, given, Y)
    with pytest.raises(wg.errors.DataError, match="masked"):
        wg.diagnose(module, np.ma.array(X.numpy(), mask=X.numpy() > 1), Y)


def test_inference_mode_outside_does_not_matter(torch: Any) -> None:
    module, (_, Y) = deep(torch, "ReLU", 1), data(torch)
    with torch.inference_mode():
        inside = wg.diagnose(module, data(torch)[0], Y)
    assert inside.verdict == wg.diagnose(module, data(torch)[0], Y).verdict


def test_what_the_backward_pass_or_the_optimizer_raises_is_one_error(torch: Any) -> None:
    class InPlace(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = torch.nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            h = torch.sigmoid(self.fc(x))
            out = h * h
            h.add_(1)
            return out

    module, (X, Y) = deep(torch, "ReLU", 1), data(torch)
    with pytest.raises(wg.errors.ArgumentError, match="backward pass of InPlace"):
        wg.diagnose(InPlace(), X, Y)
    for optimizer, says in (("sgd", "is no torch"), (torch.optim.LBFGS(module.parameters()), "single step")):
        with pytest.raises(wg.errors.ArgumentError, match=says):
            wg.diagnose(module, X, Y, optimizer=optimizer)
    with pytest.raises(wg.errors.DataError, match="no layer with weights"):
        wg.diagnose(torch.nn.LSTM(8, 3), X, cost=lambda out: out.mean())
