"""``from_torch``: a torch.nn.Module becomes a ``Model``, a plain function of NumPy arrays in the module's own names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.model import Model, Port, Ref, Step
from whygrad.bridges.torch_agreement import disagreement
from whygrad.bridges.torch_export import WATCH, exported
from whygrad.bridges.torch_graph import Names, argument, operator_name, settled
from whygrad.bridges.torch_operators import CHECKS, base, operator_of
from whygrad.bridges.torch_tools import aliases, dtype_of, name_of, numbers_of, quietly, torch_itself
from whygrad.errors import UnsupportedError, public

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node
    from torch.nn import Module


@public
def from_torch(module: Module, example_inputs: Any, *, train: bool = False) -> Model:
    """The module as a ``Model``: values and gradients equal to PyTorch's, every step explained in the module's names.

    ``example_inputs``: a tensor or array, or a tuple of them, as ``module(*example_inputs)`` takes; their first size is
    a batch of any size in the model, if the module allows it. The module is imported as it is in eval mode: dropout
    passes everything, batch norm uses its running statistics. ``train=True``: batch norm uses the batch's own
    statistics; dropout still passes everything, because random factors have no one value. Parameters are copied.

    Raises one error for a module that can not be imported; operators without a rule are named all at once.
    """
    read = exported(module, example_inputs, train)
    model = model_of(module, read.program)
    problem = disagreement(model, read.inputs, read.reference)
    if problem:
        raise UnsupportedError(
            f"the imported {model.name} does not compute what the module computes: {problem}",
            why="a step means something else to PyTorch than to the importer, perhaps a backward of your own "
            "(torch.autograd.Function), so the model's gradients are not to be trusted",
            try_=WATCH,
        )
    return model


def model_of(module: Module, program: ExportedProgram) -> Model:
    """An exported program as a Model."""
    program = _readable(module, program)
    torch, called = torch_itself(), aliases(module)
    kinds = torch.export.graph_signature.InputKind
    parameters, buffers, ports, refs = {}, {}, [], {}
    nodes = {node.name: node for node in program.graph.nodes}
    for spec in program.graph_signature.input_specs:
        name, target = spec.arg.name, spec.target
        refs[name] = Ref(called.get(target, target) if target else name)
        if spec.kind is kinds.USER_INPUT:
            ports.append(_port(name, nodes[name].meta["val"]))
        elif spec.kind is kinds.PARAMETER:
            parameters[refs[name].name] = numbers_of(program.state_dict[target])
        elif spec.kind in (kinds.BUFFER, kinds.CONSTANT_TENSOR):
            held = program.state_dict if target in program.state_dict else program.constants
            buffers[refs[name].name] = numbers_of(held[target])
    own = {name: parameters[name] for name in called.values() if name in parameters}  # in the module's own order
    steps = tuple(_steps(program, refs, Names(program)))
    returned = [spec.arg for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    results = [refs.get(x.name, Ref(x.name)) if x.name in nodes else getattr(x, "value", None) for x in returned]
    outputs = [_port(x.name, nodes[x.name].meta["val"]) for x in returned if x.name in nodes]
    structure = program.call_spec.out_spec
    return Model(
        name=name_of(module), origin="PyTorch", parameters=own, buffers=buffers, inputs=tuple(ports),
        outputs=tuple(outputs), steps=steps, results=_structured(results, structure),
    )  # fmt: skip


def unsupported_operators(program: ExportedProgram) -> dict[str, list[str]]:
    """Operators without a line in the table, each with the module paths it is used at."""
    found: dict[str, list[str]] = {}
    for node in program.graph.nodes:
        if node.op not in ("placeholder", "output") and not _is_known(node):
            places = found.setdefault(operator_name(node), [])
            path = Names.path(node) or "the module itself"
            places += [path] if path not in places else []
    return found


def _is_known(node: Node) -> bool:
    if node.op != "call_function":
        return False
    name = operator_name(node)
    return base(name) in CHECKS or operator_of(name) is not None


def _readable(module: Module, program: ExportedProgram) -> ExportedProgram:
    """The same program without in-place steps, and with unknown operators taken apart where PyTorch knows how."""
    torch = torch_itself()
    program = settled(program)
    unknown = unsupported_operators(program)
    table = torch.export.default_decompositions() if unknown else {}
    apart = {op: how for op, how in table.items() if str(op) in unknown}
    if apart:
        with quietly():
            program = settled(program.run_decompositions(apart))
        unknown = unsupported_operators(program)
    if unknown:
        count = len(unknown)
        listed = "; ".join(f"{op} (in {', '.join(places[:3])})" for op, places in unknown.items())
        raise UnsupportedError(
            f"{name_of(module)} uses {count} operator{'s' * (count > 1)} that the importer does not know: {listed}",
            where=_place(program),
            why="the importer refuses what it can not differentiate rather than guess; docs/torch.md lists what it has",
            try_=WATCH,
        )
    return program


def _place(program: ExportedProgram) -> str | None:
    """The line of the user's code where the first unknown operator stands."""
    sites = [Names.site(node) for node in program.graph.nodes if node.op == "call_function" and not _is_known(node)]
    return next((str(site) for site in sites if site), None)


def _steps(program: ExportedProgram, refs: dict[str, Ref], names: Names) -> Iterator[Step]:
    for node in program.graph.nodes:
        operator = operator_name(node)
        if node.op != "call_function" or base(operator) in CHECKS:
            continue
        run = operator_of(operator)
        assert run is not None
        yield Step(
            outputs=(node.name,),
            operator=operator,
            run=run,
            inputs=tuple(argument(x, refs) for x in node.args),
            attributes={k: argument(x, refs) for k, x in node.kwargs.items() if k not in NOT_NUMBERS},
            label=names.label(node),
            site=names.site(node),
            path=names.path(node),
        )


NOT_NUMBERS = frozenset({"device", "layout", "pin_memory", "memory_format", "non_blocking", "generator"})


def _port(name: str, value: Any) -> Port:
    if not hasattr(value, "shape"):
        return Port(name, (), np.dtype(type(value) if isinstance(value, (int, float, bool)) else float))
    return Port(name, tuple(n if isinstance(n, int) else None for n in value.shape), dtype_of(value.dtype))


def _structured(results: list[Any], structure: Any) -> Any:
    """What the module returns, as the module puts it together."""
    from torch.utils._pytree import tree_unflatten

    tree = tree_unflatten(results, structure)
    return dict(tree) if isinstance(tree, dict) else tree
