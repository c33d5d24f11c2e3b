"""Run a function once and keep the whole program: every value, with the name and line its user knows it by."""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import optree

from whygrad.errors import ArgumentError, DtypeError, NotScalarError, OutOfRangeError, TracedValueError
from whygrad.graph.node import Node, Trace


class Count(Node):
    """A leaf that came in as a Python integer: it may also count (``range(n)``), which has no slope."""

    __slots__ = ()

    def __index__(self) -> int:
        return int(self.value)


@dataclass(frozen=True, eq=False)
class Program:
    """One run of a function. ``labels``: what the user calls its values; ``leaves``: its arguments, by label."""

    function: str
    leaves: Mapping[str, Node]
    output: Node
    tape: tuple[Node, ...]
    labels: Mapping[Node, str]

    def label(self, node: Node) -> str:
        """The user's name for a value; else the expression that makes it, if short; else its operation: add#3."""
        return self.labels.get(node) or self._unnamed.get(node, "constant")

    @functools.cached_property
    def _unnamed(self) -> dict[Node, str]:
        """What values without a name are called, each distinctly."""
        of_kind = Counter(node.rule.name for node in self.tape if node.rule)
        seen: Counter[str] = Counter()
        called = {}
        for node in self.tape:
            kind = node.rule.name if node.rule else "constant"
            words = node.site.expression if node.site and node.name is None else ""
            short = bool(re.fullmatch(r"[\w .+*/@(),\[\]-]{1,24}", words))
            seen[kind] += 1
            seen[words] += 1
            if node in self.labels:
                continue
            if short:
                name = f"({words})" if re.search(r"[ +*/@-]", words) else words
                called[node] = name if seen[words] == 1 else f"{name}⟨{seen[words]}⟩"
            else:
                called[node] = f"{kind}#{seen[kind]}" if of_kind[kind] > 1 else kind
        return called

    def find(self, name: str) -> Node:
        """The value called ``name``: its label, or the last part of it (``W1`` finds ``params['W1']``)."""
        by_label = {label: node for node, label in self.labels.items()}
        if name in by_label:
            return by_label[name]
        ending = [node for label, node in by_label.items() if label.endswith((f"[{name!r}]", f".{name}"))]
        if len(ending) == 1:
            return ending[0]
        raise ArgumentError(
            f"{self.function} has no value called {name!r}", try_="one of " + ", ".join(sorted(by_label))
        )


def record(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Program:
    """Trace ``function(*args, **kwargs)``, a cost, with every floating-point argument as a leaf."""
    if not callable(function):
        raise ArgumentError(f"{function!r} is not a function", try_="wg.explain(f, x), where f(x) computes the cost")
    name = getattr(function, "__name__", type(function).__name__)
    try:
        leaves, output, tape = _run(function, args, kwargs, plain=())
    except (TracedValueError, OutOfRangeError):
        if not any(isinstance(x, int) for x in (*args, *kwargs.values())):
            raise
        leaves, output, tape = _run(function, args, kwargs, plain=int)  # it counts or is an index: p[label - 1]
    if not isinstance(output, Node):
        raise NotScalarError(
            f"{name} returned {type(output).__name__} {output!r}, which does not depend on its arguments",
            try_="return the cost computed from the arguments",
        )
    if isinstance(output.value, Node):
        raise TracedValueError(f"{name} uses a traced value from outside", why="an explanation is of plain numbers",
                               try_="x.value of a Variable x, or the value as an argument")
    if output.shape != ():
        raise NotScalarError(
            f"{name} returned an array of shape {output.shape}, not a single number",
            why="a gradient is the slope of one number",
            try_="np.sum(...) or np.mean(...) of it, or one element",
        )
    if output.dtype.kind != "f":
        raise DtypeError(f"{name} returned {output.dtype}, which has no slope", try_="a cost in floating point")
    return Program(name, leaves, output, tuple(tape), _labels(leaves, tape, output))


def _run(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], plain: type | tuple[()]
) -> tuple[dict[str, Node], Any, list[Node]]:
    """One traced run: its leaves by label, what it returned and its tape; arguments of a ``plain`` type stay so."""
    with Trace(everything=True) as trace:
        leaves: dict[str, Node] = {}
        given = _named_arguments(function, args, kwargs)
        dtype = _dtype(list(given.values()))
        traced = {
            label: tree if isinstance(tree, plain) else _traced(trace, label, tree, dtype, leaves)
            for label, tree in given.items()
        }
        positional = [traced[label] for label in list(given)[: len(args)]]
        output = function(*positional, **{k: traced[k] for k in kwargs})
    return leaves, output, trace.tape


def _named_arguments(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by the names of the function's parameters; ``*rest`` becomes rest[0], rest[1], ..."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some callables of C code do not tell
        return {f"argument{i}": value for i, value in enumerate(args)} | dict(kwargs)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise ArgumentError(f"{name}{signature} can not be called with these arguments: {error}") from error
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in kinds]
    rest = [p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_POSITIONAL]
    names += [f"{rest[0]}[{i}]" for i in range(len(args) - len(names))] if rest else []
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def _dtype(trees: list[Any]) -> np.dtype[Any]:
    """What plain Python numbers become: the precision of the arrays beside them."""
    leaves: list[Any] = optree.tree_leaves(cast("optree.PyTree[Any]", trees))
    dtypes = [x.dtype for x in leaves if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    return np.result_type(*dtypes) if dtypes else np.dtype(float)


def _traced(trace: Trace, label: str, tree: Any, dtype: np.dtype[Any], leaves: dict[str, Node]) -> Any:
    """The argument with its floating-point leaves traced under their names; flags and integer arrays stay plain."""

    def leaf(path: tuple[Any, ...], x: Any) -> Any:
        name = label + "".join(f"[{key!r}]" for key in path)
        if isinstance(x, (int, float)) and not isinstance(x, (bool, np.generic)):
            kind = Count if isinstance(x, int) else Node
            leaves[name] = kind(np.asarray(x, dtype)[()], None, (), {}, (), trace, None, name)
        elif isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f":
            leaves[name] = trace.leaf(x, name)
        elif isinstance(x, Node):
            raise TracedValueError(f"{name} is a traced value", why="an explanation is of plain numbers",
                                   try_="x.value of a Variable; wg.stop_gradient(x) inside another gradient")
        elif isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "c":
            raise DtypeError(f"{name} is complex ({x.dtype})", why="whygrad computes derivatives of real functions")
        else:
            return x
        return leaves[name]

    return optree.tree_map_with_path(leaf, tree)


def _labels(leaves: Mapping[str, Node], tape: list[Node], output: Node) -> dict[Node, str]:
    """One distinct label for each value its user named; a name used again gets its turn: ``a``, ``a⟨2⟩``, ``a⟨3⟩``."""
    names: dict[Node, str] = {node: node.name or label for label, node in leaves.items()}
    for node in tape:
        own = (
            node.name
            if node.name is not None
            else node.site.names[0]
            if node.site and len(node.site.names) == 1
            else ""
        )
        if own:
            names[node] = own
    if output not in names:
        names[output] = "C" if "C" not in names.values() else "result"
    seen: Counter[str] = Counter()
    labels = {}
    for node in sorted(names, key=lambda n: n.number):
        name = names[node]
        seen[name] += 1
        labels[node] = name if seen[name] == 1 else f"{name}⟨{seen[name]}⟩"
    return labels
