"""Why a torch.nn.Module does not learn: one forward and backward pass seen through hooks, explained by the importer."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.torch_agreement import reference
from whygrad.bridges.torch_costs import TorchCost, constant_cost, each_cost, torch_cost
from whygrad.bridges.torch_export import as_tensor, as_tensors, checked
from whygrad.bridges.torch_hooks import Seen, hooked, layers_of
from whygrad.bridges.torch_import import from_torch
from whygrad.bridges.torch_record import layer_records
from whygrad.bridges.torch_tools import backward_of, first_line, in_mode, name_of, numbers_of, quietly, torch_itself
from whygrad.diagnosis.examples import MOST, evenly, left_out
from whygrad.diagnosis.findings import found
from whygrad.diagnosis.measures import measure
from whygrad.diagnosis.records import Record
from whygrad.diagnosis.report import Diagnosis, diagnosed
from whygrad.errors import ArgumentError, DataError, WhygradError, public
from whygrad.explain.explanation import Explanation
from whygrad.nn.probe import TRIALS

if TYPE_CHECKING:
    import torch
    from torch.nn import Module

NUMBERS = 20_000_000  # of activations that are kept: 160 MB
HOOKS = "Read through hooks: every number is PyTorch's own"
EXPLAINED = 30_000  # activations of one example, above which a derivation number by number takes too long


@public
def diagnose_module(
    module: Module, X: Any, Y: Any = None, *, cost: Any = None, learning_rate: Any = None,
    optimizer: Any = None, examples: Any = MOST,
) -> Diagnosis:  # fmt: skip
    """Why ``module`` does not learn on inputs ``X`` (or a tuple of them) and targets ``Y``, or that nothing is wrong.

    ``cost``: a name ("cross_entropy", "mse", "bce_with_logits", ...), a loss module, or a function (outputs, targets)
    -> loss; None: by the looks of ``Y``, or the module's output if there is no ``Y``. With ``learning_rate``, or the
    training's own ``optimizer`` (a torch.optim.Optimizer), steps of several lengths are tried on copies.

    The module is looked at in training mode without dropout and left as it was: parameters, gradients, buffers, hooks.
    Derivations come from the importer; where it can not read the module, hooks alone are used, and the notes say so.
    """
    checked(module)
    _check_steps(learning_rate, optimizer)
    with torch_itself().inference_mode(False):
        inputs, target, notes = _examples(module, X, Y, examples)
        with in_mode(module, train=True):
            record = _record(module, inputs, target, cost, learning_rate, optimizer)
    if not record.layers:
        raise DataError(
            f"{name_of(module)} used no layer with weights",
            why="what is measured are Linear, convolution and Embedding layers that it calls",
            try_="wg.explain(module, X, ...), which takes any module that the importer reads",
        )
    how, explain = HOOKS + ".", None
    if any(finding.weight is not None for finding in found(measure(record))):  # only then is a derivation wanted
        explain, how = _explainer(module, inputs, target, cost, record)
    return diagnosed(replace(record, explain=explain, notes=(*notes, *record.notes, how)))


def _examples(module: Module, X: Any, Y: Any, examples: Any) -> tuple[tuple[torch.Tensor, ...], Any, list[str]]:
    """Inputs and targets as tensors, as many as fit; what was left out, in a sentence."""
    torch = torch_itself()
    inputs = as_tensors(module, X)
    if isinstance(Y, (tuple, list)) and any(isinstance(y, (torch.Tensor, np.ndarray)) and y.ndim for y in Y):
        raise ArgumentError(f"Y is a {type(Y).__name__} of {len(Y)} arrays", why="the cost is of one array of targets",
                            try_="one tensor, or a cost= that makes several of it")  # fmt: skip
    target = None if Y is None else as_tensor(module, Y, "Y")
    n = inputs[0].shape[0] if inputs[0].ndim else 0
    if not n:
        raise DataError("there are no examples", try_="X with one example per row")
    if target is not None and (not target.ndim or len(target) != n):
        raise DataError(f"X has {n} examples, Y {len(target) if target.ndim else 'a single number'}",
                        try_="one target per example")  # fmt: skip
    if examples is not None and (isinstance(examples, bool) or not isinstance(examples, int) or examples < 1):
        raise ArgumentError(f"examples={examples!r}", why="it is a whole number of at least 1, or None for all")
    most = min(n, examples or n)
    with in_mode(module, train=True), hooked(module) as seen:
        few = tuple(x[: min(2, n)] for x in inputs)
        reference(module, few)  # says what is wrong, if the forward raises
    each = sum(
        c.z.size + (c.inputs.size if c.inputs is not None else 0) for calls in seen.calls.values() for c in calls
    )
    most = max(1, min(most, NUMBERS // max(1, each // min(2, n))))
    if most == n:
        return inputs, target, []
    rows = torch.as_tensor(evenly(n, most))
    return tuple(x[rows] for x in inputs), None if target is None else target[rows], left_out(most, n)


def _record(
    module: Module, inputs: tuple[torch.Tensor, ...], target: Any, given: Any, rate: float | None, optimizer: Any
) -> Record:
    torch = torch_itself()
    parameters = dict(module.named_parameters())
    with torch.enable_grad(), quietly(), hooked(module) as seen:
        outputs = _first(module(*inputs))
        cost = torch_cost(given, outputs, target)
        loss = cost.loss(outputs, target)
        seen.after_forward(outputs)
        wanted = {k: p for k, p in parameters.items() if p.requires_grad}
        arrived: tuple[Any, ...] = (None,) * len(wanted)
        if loss.requires_grad and wanted:
            with backward_of(module):
                arrived = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    gradients = {k: numbers_of(g) for k, g in zip(wanted, arrived, strict=True) if g is not None}
    n, value = len(inputs[0]), loss.item()
    costs, per_example = each_cost(cost, outputs.detach(), target, value)
    trained = _trained(parameters, optimizer)
    updates, trials = _tried(module, inputs, target, cost, gradients, rate, optimizer)
    Y = None if target is None else numbers_of(target)
    labels = Y if target is not None and not target.is_floating_point() and target.ndim == 1 else None
    answers = numbers_of(outputs)
    return Record(
        model=f"{name_of(module)}, {len(seen.calls)} layers with weights, "
        f"{sum(p.numel() for p in parameters.values()):,} parameters",
        layers=layer_records(seen, n, per_example, gradients, updates, trained),
        n=n,
        dtype=np.dtype(answers.dtype),
        cost=value,
        costs=costs,
        cost_name=cost.name,
        cost_applies=cost.applies,
        constant_cost=constant_cost(cost.name, answers, Y),
        X=numbers_of(inputs[0]).reshape(n, -1) if inputs[0].is_floating_point() else None,
        Y=_targets(Y, labels, answers),
        labels=labels,
        outputs=answers.reshape(n, -1) if answers.size and answers.shape[:1] == (n,) else None,
        chain=seen.chain,
        learning_rate=_rate(rate, optimizer),
        optimizer=type(optimizer).__name__.lower() if optimizer is not None else "",
        trial_steps=trials,
        notes=tuple(_notes(cost, seen, module, gradients, rate is not None or optimizer is not None)),
    )


def _notes(cost: TorchCost, seen: Seen, module: Module, gradients: dict[str, Any], tried: bool) -> list[str]:
    notes = []
    if cost.guessed:
        notes.append(f"No cost was given; {cost.name} was chosen by the looks of the targets. cost=… sets another.")
    unseen = [path for path in layers_of(module) if path not in seen.calls]
    for what, paths in (
        ("Not used in this run", [path for path in unseen if f"{path}.weight" not in gradients]),
        ("Used without being called, so not measured", [path for path in unseen if f"{path}.weight" in gradients]),
    ):
        notes += [f"{what}: {', '.join(paths[:5])}{' and more' if len(paths) > 5 else ''}."] if paths else []
    recurrent = [type(m).__name__ for m in module.modules() if isinstance(m, torch_itself().nn.RNNBase)]
    if recurrent:
        notes.append(f"Inside {', '.join(sorted(set(recurrent)))} nothing was measured: PyTorch runs it as one step.")
    if not tried:
        notes.append("No step was tried, because no learning rate is known: learning_rate=… or optimizer=… judges one.")
    return notes


def _first(outputs: Any) -> torch.Tensor:
    """The outputs that the cost is of: the tensor itself, ``logits`` or the first one of several."""
    from torch.utils._pytree import tree_leaves

    found = [x for x in tree_leaves(outputs) if isinstance(x, torch_itself().Tensor) and x.is_floating_point()]
    if not found:
        raise DataError("the module returned no tensor of floating point, so there is nothing a cost could be of")
    tensor: torch.Tensor = found[0]
    return tensor


def _targets(target: np.ndarray | None, labels: np.ndarray | None, answers: np.ndarray) -> np.ndarray | None:
    """Targets as rows like the outputs; classes as rows with a single 1."""
    if target is None:
        return None
    if labels is None:
        return target.reshape(len(target), -1) if target.dtype.kind == "f" else None
    if answers.ndim != 2 or labels.min() < 0 or labels.max() >= answers.shape[1]:
        return None
    rows: np.ndarray = np.eye(answers.shape[1], dtype=answers.dtype)[labels]
    return rows


def _trained(parameters: dict[str, Any], optimizer: Any) -> set[str]:
    """The parameters that training changes."""
    given = None if optimizer is None else {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {k for k, p in parameters.items() if p.requires_grad and (given is None or id(p) in given)}


def _rate(rate: float | None, optimizer: Any) -> float | None:
    if rate is not None:
        return float(rate)
    return None if optimizer is None else float(optimizer.param_groups[0]["lr"])


def _check_steps(rate: Any, optimizer: Any) -> None:
    """Refuse a rate that is no number above 0, and what is no optimizer of PyTorch's."""
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < np.inf):
        raise ArgumentError(f"learning_rate={rate!r}", why="it is a number above 0")
    if optimizer is not None and not isinstance(optimizer, torch_itself().optim.Optimizer):
        raise ArgumentError(f"optimizer={optimizer!r} is no torch.optim.Optimizer",
                            try_="the training's own optimizer, or learning_rate= for plain steps")  # fmt: skip


def _tried(
    module: Module, inputs: tuple[torch.Tensor, ...], target: Any, cost: TorchCost, gradients: dict[str, np.ndarray],
    rate: Any, optimizer: Any,
) -> tuple[dict[str, np.ndarray], tuple[tuple[float, float], ...]]:  # fmt: skip
    """The step that the optimizer would take, by parameter, and the cost after multiples of it; all on copies."""
    torch = torch_itself()
    if (rate is None and optimizer is None) or not gradients:
        return {}, ()
    parameters = dict(module.named_parameters())
    steps = (
        {k: -float(rate) * torch.as_tensor(g) for k, g in gradients.items()}
        if rate is not None
        else _step_of(optimizer, parameters, gradients)
    )
    trials = []
    with torch.no_grad(), quietly():
        for multiple in TRIALS:
            moved = {k: p + multiple * steps[k].to(p) if k in steps else p for k, p in parameters.items()}
            outputs = torch.func.functional_call(module, moved, inputs)
            trials.append((multiple, cost.loss(_first(outputs), target).item()))
    return {k: numbers_of(step) for k, step in steps.items()}, tuple(trials)


def _step_of(optimizer: Any, parameters: dict[str, Any], gradients: dict[str, np.ndarray]) -> dict[str, Any]:
    """What the optimizer, with all that it remembers, would add to each parameter; a copy of it takes the step."""
    torch = torch_itself()
    names = {id(p): k for k, p in parameters.items()}
    kept = [p.grad for group in optimizer.param_groups for p in group["params"]]
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None
    try:
        twin = copy.deepcopy(optimizer)
    finally:
        for p, grad in zip((p for group in optimizer.param_groups for p in group["params"]), kept, strict=True):
            p.grad = grad
    pairs = [
        (names.get(id(p)), p, q)
        for group, copied in zip(optimizer.param_groups, twin.param_groups, strict=True)
        for p, q in zip(group["params"], copied["params"], strict=True)
    ]
    for name, _, q in pairs:
        q.grad = torch.as_tensor(gradients[name]).to(q) if name in gradients else None
    try:
        twin.step()
    except TypeError as error:  # LBFGS asks for the cost again
        raise ArgumentError(f"{type(optimizer).__name__} can not take a single step: {first_line(error)}",
                            try_="learning_rate=…, for plain steps") from None  # fmt: skip
    return {name: (q - p).detach() for name, p, q in pairs if name is not None}


def _explainer(
    module: Module, inputs: tuple[torch.Tensor, ...], target: Any, cost: Any, record: Record
) -> tuple[Any, str]:
    """How one weight's gradient is derived on one example, and the sentence that says what was used."""
    one = tuple(x[:1] for x in inputs)
    numbers = sum(layer.z.shape[1] * layer.positions for layer in record.layers if layer.z is not None)
    if numbers > EXPLAINED:
        return None, f"{HOOKS}. A derivation number by number would be too long for it ({numbers:,} activations)."
    if not (cost is None or isinstance(cost, str)) or record.cost_name not in (
        "cross_entropy",
        "mse",
        "l1",
        "bce_with_logits",
    ):
        return None, f'{HOOKS}. Derivations need a cost by name, such as cost="cross_entropy".'
    try:
        model = from_torch(module, one)
    except WhygradError as error:
        return None, f"{HOOKS}; the importer can not read the module: {error.what}."

    def explain(place: int, j: int, k: int) -> Explanation:
        layer = record.layers[place]
        x = _typical(layer.delta, record.n, layer.positions, j)
        shape = model.parameters[layer.weight_name].shape
        index = np.unravel_index(k, shape[1:]) if layer.kind != "embedding" else (j,)
        at = (j, *map(int, index)) if layer.kind != "embedding" else (k, j)
        given = tuple(i[x : x + 1] for i in inputs)
        wanted = None if target is None else target[x : x + 1]
        return model.explain(*given, wrt=(layer.weight_name, at), cost=record.cost_name, target=wanted)

    return explain, "Read by the importer and through hooks: numbers are PyTorch's, derivations whygrad's."


def _typical(delta: Any, n: int, positions: int, j: int) -> int:
    """The example whose error at unit j is the median of all."""
    if delta is None:
        return 0
    sizes = np.abs(delta[:, j]).reshape(n, positions).sum(axis=1)
    return int(np.argsort(sizes, kind="stable")[n // 2])
