"""Reading the nodes of PyTorch's exported graph: arguments, names and places, and in-place steps made plain."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from whygrad.bridges.model import Ref
from whygrad.bridges.torch_operators import MOVES, base
from whygrad.bridges.torch_tools import dtype_of, quietly, torch_itself
from whygrad.graph.sites import Site

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')


def operator_name(node: Node) -> str:
    """``aten.add.Tensor``, ``operator.mul`` for Python's own, ``higher_order.cond`` for control flow."""
    target: Any = node.target
    if isinstance(target, str):
        return f"{node.op}.{target}"
    module = getattr(target, "__module__", "")
    if module in ("_operator", "operator", "math", "builtins"):
        return f"operator.{target.__name__}"
    if "." in str(target) and str(target).split(".")[0] in getattr(target, "namespace", ""):
        return str(target)
    return f"{getattr(target, 'namespace', module or 'python')}.{getattr(target, '__name__', target)}"


def argument(x: Any, refs: dict[str, Ref]) -> Any:
    """An argument of a step: values by reference, dtypes as NumPy's, places and layouts left out."""
    torch = torch_itself()
    if isinstance(x, torch.fx.Node):
        return refs.get(x.name, Ref(x.name))
    if isinstance(x, (list, tuple)):
        return [argument(part, refs) for part in x]
    if isinstance(x, slice):
        return slice(*(argument(part, refs) for part in (x.start, x.stop, x.step)))
    if isinstance(x, torch.dtype):
        return dtype_of(x)
    if isinstance(x, (torch.device, torch.layout, torch.memory_format)):
        return None
    return x


def settled(program: ExportedProgram) -> ExportedProgram:
    """The same program in which every step makes a new value: ``x.relu_()`` becomes ``y = relu(x)``.

    Steps that write into a value nobody else looks at are renamed here, which keeps the layers whole; where views are
    involved PyTorch's own functionalization does it.
    """
    _open_blocks(program)
    in_place = [n for n in program.graph.nodes if n.op == "call_function" and _writes(n)]
    for node in [n for n in in_place if not _matters(n)]:
        in_place.remove(node)
        program.graph.erase_node(node)
    if not in_place:
        return program
    if any(_is_shared(node.args[0]) or _without_underscore(node.target) is None for node in in_place):
        with quietly():
            plain: ExportedProgram = program.run_decompositions({})
        return plain
    for node in in_place:
        node.target = _without_underscore(node.target)
        written, order = node.args[0], list(program.graph.nodes)
        later = set(order[order.index(node) + 1 :])
        written.replace_all_uses_with(node, delete_user_cb=lambda user, later=later: user in later)
    return program


def _open_blocks(program: ExportedProgram) -> None:
    """The steps of ``with torch.no_grad():`` among the others, their results detached: no slope passes."""
    torch, graph = torch_itself(), program.graph
    for block in [n for n in graph.nodes if operator_name(n) == "higher_order.wrap_with_set_grad_enabled"]:
        with_slope, inside, *given = block.args
        body = getattr(program.graph_module, inside.target).graph
        values = dict(zip([n for n in body.nodes if n.op == "placeholder"], given, strict=True))
        with graph.inserting_before(block):
            results = graph.graph_copy(body, values)
            results = list(results) if isinstance(results, (list, tuple)) else [results]
            for i, result in enumerate(results):
                if not with_slope and hasattr(result, "meta"):
                    results[i] = graph.call_function(torch.ops.aten.detach.default, (result,))
                    results[i].meta = dict(result.meta)
        for part in list(block.users):
            part.replace_all_uses_with(results[part.args[1]])
            graph.erase_node(part)
        graph.erase_node(block)
        if not inside.users:
            graph.erase_node(inside)


def _writes(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return bool(schema is not None and schema.is_mutable) and base(operator_name(node)) != "aten.detach_"


def _matters(node: Node) -> bool:
    """Somebody looks at what was written; nobody does at the count of batches that batch norm has seen."""
    order: list[Any] = list(node.graph.nodes)
    written: Any = node.args[0]
    shared = written.op == "call_function" and _views(written)
    later = set(order[order.index(node) + 1 :]) | {node}
    return bool(node.users) or shared or any(user in later - {node} for user in written.users)


def _is_shared(node: Any) -> bool:
    """A value that shares its memory: an input, or a view, or one that views are made of."""
    return node.op != "call_function" or _views(node) or any(_views(user) for user in node.users)


def _views(node: Node) -> bool:
    """An operator whose result is its input's memory, without being written to."""
    schema = getattr(node.target, "_schema", None)
    return bool(
        schema is not None and not schema.is_mutable and any(r.alias_info is not None for r in schema.returns)
    ) or base(operator_name(node)) in MOVES - {"aten.dropout", "aten.clone"}


def _without_underscore(target: Any) -> Any:
    """``aten.relu.default`` of ``aten.relu_.default``; None if there is no such operator."""
    torch = torch_itself()
    name, overload = target._schema.name.removeprefix("aten::"), target._schema.overload_name or "default"
    packet = getattr(torch.ops.aten, name.removesuffix("_"), None) if name.endswith("_") else None
    return getattr(packet, overload, None)


class Names:
    """What explanations call the values of one exported program, and where they stand in its author's code.

    A module's result is called by the module's path, ``layers.0.fc1``; other values by that path and their operator,
    ``block.relu``; and what only moves numbers has no name.
    """

    def __init__(self, program: ExportedProgram) -> None:
        self._labels: dict[Node, str] = {}
        seen: Counter[str] = Counter()
        for node in program.graph.nodes:
            if node.op != "call_function" or base(operator_name(node)) in MOVES or not _is_numbers(node):
                continue
            path = self.path(node)
            if path and not any(self._inside(user, path) for user in _real_users(node)):
                self._labels[node] = path
                continue
            kind = operator_name(node).split(".")[1].strip("_")
            name = f"{path}.{kind}" if path else kind
            self._labels[node] = name if not seen[name] else f"{name}_{seen[name]}"
            seen[name] += 1

    def label(self, node: Node) -> str:
        """The value's name, empty if it has none."""
        return self._labels.get(node, "")

    @staticmethod
    def path(node: Node) -> str:
        """The innermost module that the node belongs to: ``layers.0.fc1``, empty for the whole module."""
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path = stack[-1][0] if stack and isinstance(stack[-1][0], str) else ""
        return "" if path.startswith("_empty_nn_module_stack") else re.sub(r"@\d+", "", path)

    @staticmethod
    def site(node: Node) -> Site | None:
        """The line of the author's code: the innermost one outside of PyTorch."""
        frames = [m.groupdict() for m in FRAME.finditer(node.meta.get("stack_trace") or "")]
        own = [f for f in frames if "/torch/" not in f["file"]] or frames
        return Site(own[-1]["file"], int(own[-1]["line"]), own[-1]["function"]) if own else None

    @classmethod
    def _inside(cls, node: Node, path: str) -> bool:
        other = cls.path(node)
        return other == path or other.startswith(f"{path}.")


def _is_numbers(node: Node) -> bool:
    value: Any = node.meta.get("val")
    first: Any = value[0] if isinstance(value, (list, tuple)) and value else value
    return hasattr(first, "is_floating_point") and bool(first.is_floating_point())


def _real_users(node: Node) -> list[Node]:
    """Who uses a value, seen through steps that only move it."""
    found: list[Node] = []
    for user in node.users:
        found += _real_users(user) if user.op == "call_function" and base(operator_name(user)) in MOVES else [user]
    return found
