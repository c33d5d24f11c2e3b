"""What an imported model is: its parameters by name, and a list of steps that run with whygrad's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import optree

from whygrad.bridges.costs import named_cost
from whygrad.derivatives import value_and_grad
from whygrad.errors import ArgumentError, DtypeError, NotScalarError, ShapeError, WhygradError, public
from whygrad.explain.explain import Wrt, explain_program
from whygrad.graph.node import named
from whygrad.graph.record import record
from whygrad.graph.sites import Site
from whygrad.graph.steps import one_step
from whygrad.nn.validation import refuse_masked
from whygrad.rules.define import Value

if TYPE_CHECKING:
    from whygrad.explain.explanation import Explanation

Parameters = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a step takes the value of that name: a parameter, a buffer, an input, or what an earlier step made."""

    name: str


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a model. A size that is None, or a text, may be anything."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """``outputs = run(*inputs, **attributes)``, where every ``Ref`` stands for a value.

    ``outputs``: the names of the results, distinct within the model; several names unpack a tuple, an empty one drops
    that result. ``operator``: what the model's author knows it as (``aten.linear.default``, ``Gemm``). ``label``: what
    explanations call its (first) result, empty for what only moves numbers. ``site``: where it stands in the author's
    code or file; ``path``: the module it belongs to.
    """

    outputs: tuple[str, ...]
    operator: str
    run: Callable[..., Any]
    inputs: tuple[Any, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    site: Site | None = None
    path: str = ""


@dataclass(frozen=True, eq=False)
class Model:
    """Somebody else's model as a plain function of its parameters and inputs.

    ``parameters``: what it learns, by the model's own names; ``buffers``: its other arrays (running means).
    ``results``: what it returns, any structure of ``Ref``; ``origin``: "PyTorch" or "ONNX".
    """

    name: str
    origin: str
    parameters: Mapping[str, np.ndarray]
    buffers: Mapping[str, np.ndarray]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    steps: tuple[Step, ...]
    results: Any

    @property
    def __name__(self) -> str:
        return self.name

    @public
    def __call__(self, *inputs: Any) -> Any:
        """The outputs for these inputs, with the model's own parameters."""
        return self.function(self.parameters, *inputs)

    @public
    def function(self, parameters: Parameters, *inputs: Any) -> Any:
        """The outputs for these parameters and inputs; arrays or traced values, so ``wg.grad`` and others take it."""
        return filled(self.results, self.values(parameters, *inputs))

    def values(self, parameters: Parameters, *inputs: Any) -> dict[str, Any]:
        """Every value that a run makes, by its name in the model."""
        values: dict[str, Any] = {**self.buffers, **self._known(parameters)}
        values |= {port.name: x for port, x in zip(self.inputs, self._fitting(inputs), strict=True)}
        for step in self.steps:
            args, options = filled(step.inputs, values), filled(dict(step.attributes), values)
            made = one_step(lambda: _run(step, args, options), _labels(step), step.site)  # noqa: B023  # runs at once
            for name, value in zip(step.outputs, made if len(step.outputs) > 1 else (made,), strict=False):
                values[name] = value
        return values

    @public
    def value_and_grad(
        self, *inputs: Any, cost: str | Callable[..., Any] | None = None, target: Any = None
    ) -> tuple[Value, dict[str, np.ndarray]]:
        """The cost, and its gradient by every parameter, by name. See ``cost_of`` for ``cost`` and ``target``."""
        value, gradient = value_and_grad(self.cost_of(cost, target))(dict(self.parameters), *map(plain, inputs))
        return value, gradient

    @public
    def grad(
        self, *inputs: Any, cost: str | Callable[..., Any] | None = None, target: Any = None
    ) -> dict[str, np.ndarray]:
        """The gradient of the cost by every parameter, by name."""
        gradient: dict[str, np.ndarray] = self.value_and_grad(*inputs, cost=cost, target=target)[1]
        return gradient

    @public
    def explain(
        self, *inputs: Any, wrt: Wrt, cost: str | Callable[..., Any] | None = None, target: Any = None
    ) -> Explanation:
        """Why the cost's gradient has the value it has: ``wg.explain`` in the model's own names.

        ``wrt``: a parameter (``"fc1.weight"``), an input, an inner value (``"layers.0"``), or ``(name, index)`` for one
        number of it.
        """
        arguments = (dict(self.parameters), *map(plain, inputs))
        return explain_program(record(self.cost_of(cost, target), arguments, {}), wrt)

    @public
    def cost_of(self, cost: str | Callable[..., Any] | None = None, target: Any = None) -> Callable[..., Value]:
        """The cost as a function of ``(parameters, *inputs)``.

        ``cost``: None for a model that returns one number; a name ("mse", "cross_entropy", "bce_with_logits", "l1",
        "mean": PyTorch's meanings); or a function of the outputs, and of ``target`` if one is given, in NumPy calls.
        """

        def costs(parameters: Parameters, *inputs: Any) -> Value:
            for name, value in [*parameters.items(), *zip((port.name for port in self.inputs), inputs, strict=False)]:
                if getattr(value, "rule", 0) is None:  # an argument itself, not something computed from one
                    named(value, name)
            outputs = self.function(parameters, *inputs)
            return _one_number(self, _cost(cost, outputs, plain(target)))

        costs.__name__ = costs.__qualname__ = self.name
        return costs

    def __repr__(self) -> str:
        numbers = sum(x.size for x in self.parameters.values())
        return f"<{self.name} from {self.origin}: {len(self.steps)} steps, {numbers:,} parameters>"

    def __str__(self) -> str:
        from whygrad.render.model import model_text

        return model_text(self)

    def _known(self, parameters: Parameters) -> dict[str, Value]:
        """The parameters, refused unless every one is there, in its own shape."""
        if not isinstance(parameters, Mapping):
            raise ArgumentError(
                f"the parameters of {self.name} came as a {type(parameters).__name__}",
                try_="a dict of arrays by name, such as model.parameters",
            )
        if odd := sorted(map(str, set(parameters) ^ set(self.parameters))):
            what = "misses" if odd[0] in self.parameters else "has no"
            raise ArgumentError(
                f"{self.name} {what} parameter {odd[0]!r}" if what == "has no" else f"parameter {odd[0]!r} is missing",
                why=f"its parameters are {', '.join(self.parameters) or 'none'}",
            )
        for name, own in self.parameters.items():
            if np.shape(parameters[name]) != own.shape:
                raise ShapeError(f"parameter {name!r} has shape {np.shape(parameters[name])}, not {own.shape}")
        return dict(parameters)

    def _fitting(self, inputs: tuple[Any, ...]) -> list[Any]:
        """The inputs as arrays, refused unless their number, sizes and kinds are the model's."""
        if len(inputs) != len(self.inputs):
            known = ", ".join(f"{p.name} {shape_text(p.shape)}" for p in self.inputs)
            raise ArgumentError(
                f"{self.name} takes {len(self.inputs)} input(s), {len(inputs)} were given", why=f"it takes {known}"
            )
        return [_fitted(port, x) for port, x in zip(self.inputs, inputs, strict=True)]


def filled(tree: Any, values: Mapping[str, Any]) -> Any:
    """The same structure with every ``Ref`` replaced by its value."""
    if isinstance(tree, Ref):
        return values[tree.name]
    if type(tree) in (list, tuple):
        return type(tree)(filled(x, values) for x in tree)
    if isinstance(tree, dict):
        return {key: filled(x, values) for key, x in tree.items()}
    if isinstance(tree, slice):
        return slice(*(filled(x, values) for x in (tree.start, tree.stop, tree.step)))
    return tree


def shape_text(shape: tuple[int | str | None, ...]) -> str:
    """``(any, 3, 28, 28)``."""
    sizes = ["any" if n is None else str(n) for n in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def _run(step: Step, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """One step; an error says which step of the model it was."""
    try:
        return step.run(*args, **options)
    except WhygradError as error:
        raise type(error)(
            f"{step.path or step.label or step.outputs[0]} ({step.operator}): {error.what}",
            where=str(step.site) if step.site else error.where, why=error.why, try_=error.try_,
        ) from None  # fmt: skip
    except (ValueError, TypeError, IndexError, MemoryError) as error:
        shapes = ", ".join(str(x.shape) for x in args if hasattr(x, "shape"))
        raise ShapeError(
            f"{step.path or step.label or step.outputs[0]} ({step.operator}) of arrays of shape {shapes} failed",
            where=str(step.site) if step.site else None, why=str(error),
        ) from error  # fmt: skip


def _labels(step: Step) -> tuple[str, ...]:
    """What the results are called: the label, and for the others the label with their place."""
    if not step.label:
        return ("",) * len(step.outputs)
    return (step.label, *(f"{step.label}[{i}]" for i in range(1, max(len(step.outputs), 4))))


def plain(x: Any) -> Any:
    """An input or target as an array: PyTorch's tensors, lists and numbers; traced values stay what they are."""
    if x is None or hasattr(x, "apply_rule"):
        return x
    refuse_masked(x, "an input or target")
    if hasattr(x, "detach"):  # a tensor; NumPy has no bfloat16
        x = x.detach().cpu()
        x = (x.float() if x.is_floating_point() and x.element_size() < 4 else x).numpy()
    try:
        return np.asarray(x)
    except ValueError as error:
        raise DtypeError(f"an input or target is no array: {error}", try_="rows of equal length") from None


def _fitted(port: Port, x: Any) -> Any:
    x = plain(x)
    if x is None:
        raise ArgumentError(f"input {port.name!r} is None", try_="an array, or a tensor")
    if len(x.shape) != len(port.shape) or any(
        isinstance(n, int) and n != m for n, m in zip(port.shape, x.shape, strict=True)
    ):
        raise ShapeError(f"input {port.name!r} has shape {x.shape}, the model takes {shape_text(port.shape)}")
    if x.dtype.kind not in "fiub":
        raise DtypeError(f"input {port.name!r} is of {x.dtype}", why=f"the model takes {port.dtype}")
    if port.dtype.kind in "iu" and x.dtype.kind not in "iu":
        raise DtypeError(f"input {port.name!r} is of {x.dtype}", why=f"the model takes whole numbers ({port.dtype})")
    if port.dtype.kind == "f" and x.dtype.kind != "f":
        return x.astype(port.dtype)
    return x


def _cost(cost: str | Callable[..., Any] | None, outputs: Any, target: Any) -> Any:
    if cost is None:
        return outputs
    if isinstance(cost, str):
        return one_step(lambda: named_cost(cost)(_only(outputs), target), ("C",), None)
    if not callable(cost):
        raise ArgumentError(f"cost={cost!r} is no cost", try_='a name such as "mse", or a function of the outputs')
    try:
        return cost(outputs) if target is None else cost(outputs, target)
    except TypeError as error:
        if "torch" not in str(error) and "Tensor" not in str(error):
            raise
        raise ArgumentError(
            f"the cost {getattr(cost, '__name__', cost)} is written for torch tensors",
            why="imported models compute with NumPy values, which torch's functions refuse",
            try_='a name (cost="cross_entropy", target=y), the same in NumPy calls, or a module that returns the loss',
        ) from None


def _only(outputs: Any) -> Value:
    """The single output, or the first of several: what a cost chosen by name is of."""
    leaves = optree.tree_leaves(outputs)
    if not leaves:
        raise ArgumentError("the model returns nothing a cost could be of")
    return leaves[0]


def _one_number(model: Model, value: Any) -> Value:
    if np.shape(value) != () or isinstance(value, (tuple, list, dict, type(None))):
        kind = f"an array of shape {np.shape(value)}" if hasattr(value, "shape") else f"a {type(value).__name__}"
        raise NotScalarError(
            f"the cost of {model.name} is {kind}, not a single number", why="a gradient is the slope of one number",
            try_='cost="mse" or "cross_entropy" with target=y, or cost=lambda out: np.mean(out ** 2)',
        )  # fmt: skip
    return value
