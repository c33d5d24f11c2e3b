"""``watch``: a training that is looked at gives the same numbers, to the bit, and is told what goes wrong."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import whygrad as wg
from whygrad.bridges.torch_watch import watch

from .torch_cleanliness import hooks_of

pytestmark = pytest.mark.peers("torch")


def silent(sentence: str) -> None:
    assert "watching has stopped" not in sentence


def small_cnn(torch: Any, bias: float = 0.0) -> Any:
    torch.manual_seed(0)
    nn = torch.nn
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(),
                           nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3))  # fmt: skip
    nn.init.constant_(module[5].bias, bias)
    return module


def trained(
    torch: Any, watched: bool, steps: int = 12, bias: float = 0.0, **options: Any
) -> tuple[list[Any], Any, Any]:
    module = small_cnn(torch, bias)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    seen = watch(module, optimizer, tell=silent, **options) if watched else None
    torch.manual_seed(1)
    for _ in range(steps):
        X, Y = torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(module(X), Y).backward()
        optimizer.step()
    if seen is not None:
        seen.close()
    return [p.detach().clone() for p in module.parameters()], module, (seen, optimizer)


def test_training_is_the_same_to_the_bit_and_no_hook_is_left(torch: Any) -> None:
    plain, _, _ = trained(torch, watched=False)
    seen, module, (looked, optimizer) = trained(torch, watched=True)
    assert looked.looks >= 1
    assert all(torch.equal(a, b) for a, b in zip(plain, seen, strict=True))
    assert hooks_of(module) == 0
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def test_a_dead_layer_is_told_with_its_step(torch: Any) -> None:
    told: list[str] = []
    module = small_cnn(torch, bias=-50.0)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    with watch(module, optimizer, tell=told.append) as seen:
        for _ in range(2):
            seen._watch._longest = seen._watch.spent = 0.0  # always due
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(torch.randn(8, 1, 8, 8)), torch.zeros(8).long()).backward()
            optimizer.step()
    assert told[0].startswith("step 1: Zero gradients: module 0 to module 7")
    assert seen.findings[0].finding.id == "zero-gradients"


def test_hooks_go_when_the_training_raises_or_the_watch_is_forgotten(torch: Any) -> None:
    module = small_cnn(torch)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    with pytest.raises(RuntimeError), watch(module, optimizer, tell=silent):
        module(torch.randn(2, 1, 3, 3))
    assert hooks_of(module) == 0
    seen = watch(module, optimizer, tell=silent)
    with pytest.raises(RuntimeError):
        module(torch.randn(2, 1, 3, 3))
    assert all(hooks_of(part) == 0 for part in module)
    assert hooks_of(module) > 0
    del seen
    gc.collect()
    assert hooks_of(module) == 0
    assert not optimizer._optimizer_step_post_hooks


def seen_records(torch: Any, monkeypatch: Any, train: Any) -> list[Any]:
    """The records that a watch takes during a training in which every step is looked at."""
    from whygrad.diagnosis.watch import Watch

    records: list[Any] = []
    monkeypatch.setattr(Watch, "due", property(lambda self: True))
    monkeypatch.setattr(Watch, "look", lambda self, step, epoch, record, **_: records.append(record()))
    train()
    assert records
    return records


def test_a_loss_scale_is_divided_out(torch: Any, monkeypatch: Any) -> None:
    X, Y = torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))

    def train(scaler: Any) -> list[Any]:
        module = small_cnn(torch)
        module[3].p = 0.0
        optimizer = torch.optim.SGD(module.parameters(), lr=0.05)

        def loop() -> None:
            with watch(module, optimizer, scaler=scaler, tell=silent):
                loss = torch.nn.functional.cross_entropy(module(X), Y)
                if scaler is None:
                    loss.backward()
                    optimizer.step()
                else:
                    scaler.scale(loss).backward()
                    scaler.step(optimizer)
                    scaler.update()

        return seen_records(torch, monkeypatch, loop)

    (plain,) = train(None)
    (scaled,) = train(torch.amp.GradScaler("cpu", init_scale=1024.0))
    assert scaled.loss_scale == 1024.0
    for a, b in zip(plain.layers, scaled.layers, strict=True):
        np.testing.assert_allclose(a.delta, b.delta, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(a.weight_gradient, b.weight_gradient, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(a.update, b.update, rtol=1e-4, atol=1e-8)
        np.testing.assert_allclose(a.update, -0.05 * a.weight_gradient, rtol=1e-3, atol=1e-7)


def test_validation_frozen_parts_and_shared_layers_do_not_disturb(torch: Any, monkeypatch: Any) -> None:
    shared = torch.nn.Linear(4, 4)
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), shared, torch.nn.Tanh(), shared)
    module[0].requires_grad_(False)
    optimizer = torch.optim.SGD(shared.parameters(), lr=0.1)

    def loop() -> None:
        with watch(module, optimizer, tell=silent):
            with torch.no_grad():
                module(torch.randn(3, 4))
            module(torch.randn(5, 4)).square().mean().backward()
            optimizer.step()
            module.eval()(torch.randn(2, 4))

    (record,) = seen_records(torch, monkeypatch, loop)
    first, second = record.layers
    assert (record.n, first.trained, second.trained) == (5, False, True)
    assert (second.positions, second.z.shape) == (2, (10, 4))
    assert first.weight_gradient is None
    assert hooks_of(module) == 0


def test_a_fault_in_looking_ends_the_watch_and_not_the_training(torch: Any, monkeypatch: Any) -> None:
    from whygrad.diagnosis.watch import Watch

    def broken(self: Any, *_: Any, **__: Any) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(Watch, "look", broken)
    told: list[str] = []
    module = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    watch_ = watch(module, optimizer, tell=told.append)
    for _ in range(2):
        module(torch.ones(3, 2)).sum().backward()
        optimizer.step()
    assert told == ["watching has stopped, training goes on: ZeroDivisionError: inside"]
    assert watch_.findings == ()
    assert hooks_of(module) == 0


def test_what_can_not_be_watched_is_refused(torch: Any) -> None:
    with pytest.raises(wg.errors.ArgumentError, match=r"torch\.optim\.Optimizer"):
        watch(torch.nn.Linear(2, 2), "adam")  # type: ignore[arg-type]
    with pytest.raises(wg.errors.ArgumentError, match=r"torch\.nn\.Module"):
        watch(lambda x: x, torch.optim.SGD(torch.nn.Linear(2, 2).parameters()))  # type: ignore[arg-type]
