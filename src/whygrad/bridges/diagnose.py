"""``wg.diagnose``: why a model does not learn; each kind of model is opened by a bridge of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from whygrad.diagnosis.examples import MOST
from whygrad.diagnosis.presets import judged_by, preset
from whygrad.diagnosis.report import Diagnosis, diagnosed
from whygrad.diagnosis.values import why_values
from whygrad.errors import ArgumentError, public
from whygrad.nn.diagnose import network_record
from whygrad.nn.network import Network
from whygrad.nn.optimizers import Optimizer

ACCEPTED = "a whygrad Network, a torch.nn.Module, the path of an ONNX file, or a function of NumPy arrays"


@public
def diagnose(model: Any, *data: Any, rules: str | None = None, **options: Any) -> Any:
    """Why ``model`` does not learn, or that nothing is wrong: print it, or its ``.html()``; ``.findings`` as data.

    A ``Network``: ``diagnose(net, X, Y, learning_rate=None, optimizer=None, batch_size=None, examples=1000)`` with
    rows X and targets or labels Y. Rate, optimizer and batch size are those of its last ``fit`` unless given; with a
    rate, steps of several lengths are tried. At most ``examples`` rows are looked at, evenly taken (None: all).

    A ``torch.nn.Module`` and an ONNX file: see docs/torch.md and docs/onnx.md.
    ``rules``: findings of another debugger instead of ours, by its rules as it published them (docs/findings.md):
    "sagemaker", "deepdiagnosis", "thedeepchecker", "autotrainer", "torchlens", "karpathy", ...
    A function: ``diagnose(f, *args)`` looks for zeros, NaN and inf in its gradients, down to the operation.

    >>> import whygrad as wg
    >>> net = wg.Network([2, 3, 1], activation="tanh", seed=1)
    >>> print(wg.diagnose(net, [[0.0, 1.0], [1.0, 0.0]], [[1.0], [0.0]]).verdict)
    Nothing found that keeps it from learning, on 2 examples.
    """
    if rules is not None:
        preset(rules)  # an unknown name is refused before anything is computed
    found = _called(_opener(model), model, data, options)
    return found if rules is None else _by_rules_of(rules, found)


def _by_rules_of(rules: str, found: Any) -> Diagnosis:
    """The same measurements, judged by another tool's rules."""
    if not isinstance(found, Diagnosis):
        raise ArgumentError(f"rules={rules!r} judge networks and modules, not a function", try_="leave rules out")
    return replace(found, findings=judged_by(rules, [found.record]))


def _network(
    net: Network,
    X: Any,
    Y: Any,
    *,
    learning_rate: float | None = None,
    optimizer: str | Optimizer | None = None,
    batch_size: int | None = None,
    examples: int | None = MOST,
) -> Diagnosis:
    record = network_record(
        net, X, Y, learning_rate=learning_rate, optimizer_given=optimizer, batch_size=batch_size, most=examples
    )
    return diagnosed(record)


def _opener(model: Any) -> Callable[..., Any]:
    """The function that diagnoses this kind of model; torch and onnx are not imported to find out."""
    if isinstance(model, Network):
        return _network
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(model).__mro__}
    if "torch.nn.modules.module.Module" in kinds:
        from whygrad.bridges.torch_diagnose import diagnose_module

        return diagnose_module
    if isinstance(model, (str, Path)) or "onnx.onnx_ml_pb2.ModelProto" in kinds:
        if isinstance(model, (str, Path)) and Path(model).suffix != ".onnx":
            raise ArgumentError(
                f"{str(model)!r} is not the path of an ONNX file",
                try_="a file named NAME.onnx; a saved Network is opened with wg.Network.load(path)",
            )
        from whygrad.bridges.onnx_diagnose import diagnose_onnx

        return diagnose_onnx
    if callable(model) and not isinstance(model, type):
        return why_values
    raise ArgumentError(f"a {type(model).__name__} can not be diagnosed", try_=ACCEPTED)


def _called(opener: Callable[..., Any], model: Any, data: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The opener's answer; arguments that do not fit are refused in the words of ``diagnose``."""
    try:
        inspect.signature(opener).bind(model, *data, **options)
    except TypeError as error:
        names = [str(p) for p in list(inspect.signature(opener).parameters.values())[1:]]
        raise ArgumentError(
            f"diagnose({type(model).__name__}, ...): {error}",
            try_=f"diagnose(model, {', '.join(name.split(':')[0] for name in names)})",
        ) from None
    return opener(model, *data, **options)
