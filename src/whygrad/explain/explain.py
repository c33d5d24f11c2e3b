"""``explain``: run a function once, and say why its gradient is what it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from whygrad.backward import gradients
from whygrad.errors import ArgumentError, public
from whygrad.explain.dependencies import Dependencies
from whygrad.explain.elements import Element, element_graph
from whygrad.explain.explanation import Explanation, Factor, Formula, Name
from whygrad.explain.foreign import explain_foreign, is_foreign
from whygrad.explain.formulas import Writer, name_of
from whygrad.explain.meaning import PRODUCTS
from whygrad.explain.paths import Paths
from whygrad.explain.routes import Routes
from whygrad.explain.symbol import Symbol, latex_name, symbol
from whygrad.graph.node import Node
from whygrad.graph.record import Program, record

Wrt = str | int | tuple[str | int, Any]


@public
def explain(f: Callable[..., Any], *args: Any, wrt: Wrt = 0, **kwargs: Any) -> Explanation:
    """Why the gradient of ``f`` at these arguments has the value it has: every factor, every path, their sum.

    ``f``: a function of numbers, arrays or pytrees of them that returns one number, the cost.
    ``wrt``: an argument's name or number, the name of any value inside ``f`` (a local variable), or ``(name, index)``
    for one element of an array. ``f`` may also be a ``torch.nn.Module`` or an imported model: then ``args`` are its
    inputs, ``wrt`` one of its own names ("fc1.weight"), and ``cost=``, ``target=`` say what is differentiated.

    >>> def neuron(w, b, x, y):
    ...     z = w * x + b
    ...     return (z - y) ** 2
    >>> why = explain(neuron, 2.0, 1.0, 3.0, 5.0, wrt="w")
    >>> why.value, why.path_count
    (12.0, 1)
    """
    if is_foreign(f):
        return explain_foreign(f, args, wrt, kwargs)
    return explain_program(record(f, args, kwargs), wrt)


def explain_program(program: Program, wrt: Wrt) -> Explanation:
    """The explanation of one value of a recorded program."""
    node, index = asked_about(program, wrt)
    return _of_array(program, node) if index is None else _of_element(program, Element(node, index))


def asked_about(program: Program, wrt: Wrt) -> tuple[Node, int | None]:
    """The value that ``wrt`` names, and which of its numbers; None for the whole of an array."""
    which, index = wrt if isinstance(wrt, tuple) and len(wrt) == 2 else (wrt, None)
    if isinstance(which, bool) or not isinstance(which, (str, int, np.integer)):
        raise ArgumentError(f"wrt={wrt!r} names no value", why="a value is asked about by its name or its number",
                            try_='wrt="x", wrt=0, or wrt=("x", (0, 1)) for one element')
    node = _find(program, which)
    return (node, None) if index is None and node.shape != () else (node, _flat(program, node, index))


def _find(program: Program, which: str | int) -> Node:
    if isinstance(which, str):
        return program.find(which)
    arguments: dict[str, list[str]] = {}
    for label in program.leaves:
        arguments.setdefault(label.partition("[")[0], []).append(label)
    names = list(arguments)
    if not -len(names) <= which < len(names):
        raise ArgumentError(
            f"wrt={which}, but {program.function} has {len(names)} numeric argument(s)",
            try_=f"one of {', '.join(names)}",
        )
    labels = arguments[names[which]]
    if len(labels) > 1:
        raise ArgumentError(
            f"argument {names[which]!r} holds {len(labels)} arrays", try_=f"one of them: wrt={labels[0]!r}"
        )
    return program.leaves[labels[0]]


def _flat(program: Program, node: Node, index: Any) -> int:
    """The flat position of an element; an index that names no single element is refused."""
    index = () if index is None else index if isinstance(index, tuple) else (index,)
    label = program.label(node)
    if len(index) != len(node.shape) or not all(isinstance(i, (int, np.integer)) for i in index):
        raise ArgumentError(
            f"index {index} does not name one element of {label!r}, which has shape {node.shape}",
            try_=f"wrt=({label!r}, {(0,) * len(node.shape)})",
        )
    if any(not -n <= i < n for i, n in zip(index, node.shape, strict=True)):
        raise ArgumentError(f"index {index} is outside {label!r}, which has shape {node.shape}")
    return (
        int(np.ravel_multi_index(tuple(int(i) % n for i, n in zip(index, node.shape, strict=True)), node.shape))
        if index
        else 0
    )


def _of_element(program: Program, element: Element) -> Explanation:
    routes = Routes(program, Paths(element_graph(program.output, element)))
    factors = routes.factors()
    return Explanation(
        function=program.function,
        of=name_of(program, Element(program.output, 0)),
        wrt=name_of(program, element),
        value=float(routes.paths.at(routes.paths.gradient, element)),
        cost=float(program.output.value),
        factors=factors,
        values=_values(program, [stretch[-1].upper for stretch in reversed(routes.stretches)] + [element]),
        dependencies=Dependencies(program),
        program=program,
        routes=routes,
    )


def _values(program: Program, on_the_way: list[Element]) -> tuple[tuple[Name, float], ...]:
    """The cost, the named numbers on the way to it, and every other named single number."""
    single = [Element(node, 0) for node in program.labels if math.prod(node.shape) == 1 and node.dtype.kind == "f"]
    named = [e for e in on_the_way if e.node in program.labels]
    ordered = dict.fromkeys([Element(program.output, 0), *named, *sorted(single, key=lambda e: -e.node.number)])
    return tuple((name_of(program, e), e.value) for e in ordered)


def _of_array(program: Program, node: Node) -> Explanation:
    """The gradient of a whole array: what arrives at the step that uses it, and that step's pull, as a formula."""
    g, *arriving = gradients({program.output: np.ones((), program.output.dtype)}, [node, *_users(program, node)])
    of, by = name_of(program, Element(program.output, 0)), Name(program.label(node), latex_name(program.label(node)))
    users = _users(program, node)
    factors: tuple[Factor, ...] = (
        Factor(
            of,
            by,
            g,
            Formula(f"∂{of}/∂{by}", rf"\frac{{\partial {of.latex}}}{{\partial {by.latex}}}"),
            "what arrives along all its uses",
            kind="sum",
        ),
    )
    if len(users) == 1:
        factors = _through(program, node, users[0], arriving[0], g, of, by)
    return Explanation(
        function=program.function,
        of=of,
        wrt=by,
        value=g,
        cost=float(program.output.value),
        factors=factors,
        values=_values(program, []),
        dependencies=Dependencies(program),
        program=program,
        routes=None,
    )


def _users(program: Program, node: Node) -> list[Node]:
    """The steps that take ``node`` as an input."""
    return [other for other in program.tape if any(parent is node for _, parent in other.parents)]


def _through(
    program: Program, node: Node, user: Node, arrived: Any, carried_on: Any, of: Name, by: Name
) -> tuple[Factor, ...]:
    """What arrives at the step that uses an array, and what that step's pull makes of it."""
    rule, arg = user.rule, next(arg for arg, parent in user.parents if parent is node)
    assert rule is not None
    label = program.label(_named_alike(program, user))
    upper = Name(label, latex_name(label))
    writer = Writer(program, lambda e: Symbol(program.label(e.node)))
    inputs = [writer.array(x) for x in user.inputs]
    pull = rule.pull(arg)
    g = Symbol(f"∂{of}/∂{upper}", rf"\frac{{\partial {of.latex}}}{{\partial {upper.latex}}}")
    written = symbol(pull(g, writer.array(user), *inputs, **user.params)) if pull else symbol(0)
    arrives = Factor(of, upper, arrived, Formula(g.text, g.latex), "what arrives there from the cost", kind="sum")
    others = " and ".join(x.text for i, x in enumerate(inputs) if i != arg and isinstance(x, Symbol))
    carried = Factor(
        upper,
        by,
        carried_on,
        Formula(written.text, written.latex),
        f"what arrives, weighted by {others}, collected over all uses of each number of {by}"
        if rule.name in PRODUCTS and others
        else rule.because[0 if rule.variadic else arg],
        where=str(user.site) if user.site else "",
        rules=(rule.name,),
    )
    return arrives, carried


def _named_alike(program: Program, node: Node) -> Node:
    """``node``, or the named value that differs from it only by additions: W @ x stands for z in ``z = W @ x + b``."""
    other = node
    while other not in program.labels:
        users = _users(program, other)
        if len(users) != 1 or users[0].shape != node.shape or users[0].rule is None or users[0].rule.slopes is None:
            return node
        if any(users[0].rule.slopes[arg] != 1.0 for arg, parent in users[0].parents if parent is other):
            return node
        other = users[0]
    return other
