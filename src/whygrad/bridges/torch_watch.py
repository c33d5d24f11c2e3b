"""``watch``: one line in a user's own PyTorch training loop that says what goes wrong, at the step where it does."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.torch_export import checked
from whygrad.bridges.torch_hooks import Seen, hooked
from whygrad.bridges.torch_record import layer_records
from whygrad.bridges.torch_tools import first_line, name_of, numbers_of, torch_itself
from whygrad.diagnosis.records import LayerRecord, Record
from whygrad.diagnosis.watch import Appeared, Watch
from whygrad.errors import ArgumentError, public

if TYPE_CHECKING:
    import torch
    from torch.nn import Module
    from torch.optim import Optimizer

ROWS = 2048  # examples times positions, in convolutions and sequences, that a look takes: enough for shares and norms


@public
def watch(
    module: Module, optimizer: Optimizer, *, scaler: Any = None, tell: Callable[[str], None] | None = None
) -> TorchWatch:
    """Look at ``module`` now and then while it trains, for at most 2 % of the time; tell each finding once.

    One line, before the loop or around it: ``with watch(model, optimizer) as seen:``. ``scaler``: the GradScaler of a
    training in mixed precision. ``tell`` gets each finding as a sentence; None writes to stderr. ``seen.findings`` has
    them all. A step that is looked at is a forward pass in training mode, its backward pass, and the optimizer's step.

    Changes no number and no state of the random generators. The hooks go when the block ends, with ``seen.close()``,
    or when ``seen`` is forgotten.
    """
    checked(module)
    if not isinstance(optimizer, torch_itself().optim.Optimizer):
        raise ArgumentError(f"watch needs a torch.optim.Optimizer, not a {type(optimizer).__name__}",
                            try_="watch(model, optimizer)")  # fmt: skip
    return TorchWatch(module, optimizer, scaler, tell or _to_stderr)


class TorchWatch:
    """A training that is being looked at. ``findings``: what has appeared so far. See ``watch``."""

    def __init__(self, module: Module, optimizer: Optimizer, scaler: Any, tell: Callable[[str], None]) -> None:
        self._module, self._optimizer, self._scaler = module, optimizer, scaler
        self._tell = tell
        self._watch = Watch(lambda appeared: tell(f"step {appeared.step:,}: {appeared.finding}"))
        self._watch.start()
        self._names = {id(p): name for name, p in module.named_parameters()}
        self._steps = 0
        self._open: contextlib.ExitStack | None = None  # the hooks of the forward pass that is running
        self._step: _Step | None = None  # what was seen of the step that is being looked at
        me = weakref.ref(self)
        handles = [
            module.register_forward_pre_hook(lambda *_: _on(me, TorchWatch._before_forward)),
            module.register_forward_hook(
                lambda _, inputs, outputs: _on(me, TorchWatch._after_forward, inputs, outputs), always_call=True
            ),
            optimizer.register_step_pre_hook(lambda *_: _on(me, TorchWatch._before_step)),
            optimizer.register_step_post_hook(lambda *_: _on(me, TorchWatch._after_step)),
        ]
        self._finish = weakref.finalize(self, _remove, handles)

    @property
    def findings(self) -> tuple[Appeared, ...]:
        """What has appeared so far, with the step where it did."""
        return self._watch.findings

    @property
    def looks(self) -> int:
        """How many steps were looked at."""
        return self._watch.looks

    @property
    def spent(self) -> float:
        """Seconds that looking has taken."""
        return self._watch.spent

    def close(self) -> None:
        """Take all hooks away; may be called again."""
        if self._open is not None:
            self._open.close()
        self._open = self._step = None
        self._finish()

    def __enter__(self) -> TorchWatch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ---- one step that is looked at ----------------------------------------------------------------------------------

    def _before_forward(self) -> None:
        if self._open is not None:  # a forward pass that never ended
            self._open.close()
            self._open = None
        if self._module.training and torch_itself().is_grad_enabled() and self._watch.due:
            self._open = contextlib.ExitStack()
            self._step = _Step(self._open.enter_context(hooked(self._module)))

    def _after_forward(self, inputs: Any, outputs: Any) -> None:
        if self._open is None or self._step is None:
            return
        self._open.close()
        self._open = None
        found = _tensors(outputs)
        if not found or found[0].grad_fn is None:  # it raised, or keeps no gradients
            self._step = None
            return
        given = _tensors(inputs, floating=False)
        self._step.n = len(given[0]) if given and given[0].ndim else 1
        self._step.scale = float(self._scaler.get_scale()) if self._scaler is not None else 1.0
        self._step.dtype = np.dtype(numbers_of(found[0][:0] if found[0].ndim else found[0]).dtype)
        self._step.seen.after_forward(found[0])

    def _before_step(self) -> None:
        step = self._step
        if step is None or not any(call.delta is not None for calls in step.seen.calls.values() for call in calls):
            return
        step.learning_rate = float(self._optimizer.param_groups[0]["lr"])
        factor = 1.0 if self._unscaled() else 1.0 / step.scale
        weights = {id(layer.weight) for layer in step.seen.modules.values()}
        for p in itertools.chain.from_iterable(group["params"] for group in self._optimizer.param_groups):
            name = self._names.get(id(p))
            if name is not None and p.grad is not None:
                gradient = numbers_of(p.grad)
                step.gradients[name] = gradient if factor == 1.0 else gradient * gradient.dtype.type(factor)
                if id(p) in weights:
                    step.before[name] = numbers_of(p)
            if name is not None:
                step.trained.add(name)

    def _after_step(self) -> None:
        self._steps += 1
        step, self._step = self._step, None
        if step is None or not step.gradients:
            return
        parameters = dict(self._module.named_parameters())
        for name, old in step.before.items():
            step.updates[name] = numbers_of(parameters[name]) - old
        self._watch.look(self._steps, 1, lambda: self._record(step))

    def _unscaled(self) -> bool:
        """Whether the gradients have been divided by the loss scale already, as GradScaler.step does before a step."""
        if self._scaler is None or getattr(self._optimizer, "grad_scale", None) is not None:
            return self._scaler is None
        states = getattr(self._scaler, "_per_optimizer_states", {})
        stage = states[id(self._optimizer)]["stage"] if id(self._optimizer) in states else None
        return getattr(stage, "name", "UNSCALED") != "READY"

    def _record(self, step: _Step) -> Record:
        layers = layer_records(
            step.seen, step.n, step.n / step.scale, step.gradients, step.updates, step.trained, max(1, ROWS // step.n)
        )
        return Record(
            model=f"{name_of(self._module)} in training",
            layers=tuple(_before_the_step(layer, step) for layer in layers),
            n=step.n,
            dtype=step.dtype,
            chain=step.seen.chain,
            steps=self._steps,
            learning_rate=step.learning_rate,
            batch_size=step.n,
            optimizer=type(self._optimizer).__name__.lower(),
            loss_scale=step.scale,
            notes=(
                f"Where a layer has many positions, at most {max(1, ROWS // step.n):,} of each example were looked at.",
            ),
        )


class _Step:
    """What is kept of the step that is being looked at, from its forward pass to the optimizer's step."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.n, self.scale, self.dtype, self.learning_rate = 1, 1.0, np.dtype(np.float32), 0.0
        self.gradients: dict[str, np.ndarray] = {}
        self.before: dict[str, np.ndarray] = {}
        self.updates: dict[str, np.ndarray] = {}
        self.trained: set[str] = set()


def _before_the_step(layer: LayerRecord, step: _Step) -> LayerRecord:
    """The layer with the weights that its gradient is of."""
    old = step.before.get(layer.weight_name)
    if old is None or layer.weight is None or layer.kind.startswith("embedding"):
        return layer
    return replace(layer, weight=old.reshape(layer.weight.shape)) if old.size == layer.weight.size else layer


def _tensors(tree: Any, *, floating: bool = True) -> list[torch.Tensor]:
    from torch.utils._pytree import tree_leaves

    found = [x for x in tree_leaves(tree) if isinstance(x, torch_itself().Tensor)]
    return [x for x in found if x.is_floating_point()] if floating else found


def _on(me: weakref.ref[TorchWatch], method: Callable[..., None], *args: Any) -> None:
    """Call a method of a watch that still exists, and count the time as its own."""
    self = me()
    if self is not None:
        began, spent = time.perf_counter(), self._watch.spent
        try:
            method(self, *args)
        except Exception as error:  # noqa: BLE001  # what goes wrong in looking must not stop somebody's training
            self.close()
            self._tell(f"watching has stopped, training goes on: {type(error).__name__}: {first_line(error)}")
        self._watch.spent = spent + time.perf_counter() - began


def _remove(handles: list[Any]) -> None:
    for handle in handles:
        handle.remove()


def _to_stderr(sentence: str) -> None:
    sys.stderr.write(f"whygrad: {sentence}\n")
