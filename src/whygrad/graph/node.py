"""A traced value: what it is, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from whygrad.errors import TracedValueError, UnsupportedError
from whygrad.graph.operators import ArrayOperators
from whygrad.graph.sites import Site, locate
from whygrad.rules.define import NUMPY, Rule, Value, serial_numbers

# What counting buys: parents have smaller numbers than children, so the sweeps need no topological sort, and of two traces
# the newer one is the inner one, so nested and threaded traces need no stack that a failing function could leave behind.


class Trace:
    """One run of a function on traced values.

    ``everything``: keep operations that have no slope too (comparisons), and note the user's names and lines; for
    explanations, which show the whole program, not only what carries a gradient. Then ``tape`` lists every node made.
    """

    __slots__ = ("closed", "everything", "node_type", "number", "tape")

    def __init__(self, everything: bool = False) -> None:
        self.number = next(serial_numbers)
        self.everything = everything
        self.tape: list[Node] = []
        self.node_type: type[Node] = Node
        self.closed = False

    def leaf(self, value: Value, name: str | None = None) -> Node:
        """A value to differentiate with respect to."""
        return self.node_type(value, None, (), {}, (), self, None, name)

    def __enter__(self) -> Trace:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


class Node(ArrayOperators):
    """A value being traced. It behaves like the NumPy array it stands for.

    ``value``: a NumPy array or scalar; inside nested traces, a node of an outer trace.
    ``rule``: how it was made, None for a leaf.  ``inputs``: what it was made from, plain values included.
    ``parents``: (position among the inputs, node) for each input that belongs to this trace.
    """

    __slots__ = ("__weakref__", "inputs", "name", "number", "params", "parents", "rule", "site", "trace", "value")

    value: Value
    rule: Rule | None
    inputs: tuple[Value, ...]
    params: Mapping[str, Any]
    parents: tuple[tuple[int, Node], ...]
    trace: Trace
    site: Site | None
    name: str | None
    number: int

    def __init__(
        self, value: Value, rule: Rule | None, inputs: tuple[Value, ...], params: Mapping[str, Any],
        parents: tuple[tuple[int, Node], ...], trace: Trace, site: Site | None, name: str | None = None,
    ) -> None:
        self.value = value
        self.rule = rule
        self.inputs = inputs
        self.params = params
        self.parents = parents
        self.trace = trace
        self.site = site
        self.name = name
        self.number = next(serial_numbers)

    def apply_rule(self, rule: Rule, args: tuple[Value, ...], params: Mapping[str, Any]) -> Value:
        """Apply a rule to arguments of which at least one is a node: the newest trace among them records it."""
        return apply(rule, args, params)

    def input_values(self) -> list[Value]:
        """The values of the inputs, one level of tracing down."""
        trace = self.trace
        return [x.value if isinstance(x, Node) and x.trace is trace else x for x in self.inputs]

    def keep_name(self, since: int, part: int | None) -> None:
        """This node is the result, or one part of it, of a function that began at ``since``: the nodes on the way lose its name."""
        if not self.trace.everything or self.number < since:
            return
        for node in reversed(self.trace.tape):
            if node.number < since:
                break
            if node is not self and node.name is None:
                node.name = ""
        names = self.site.names if self.site else ()
        if part is None:
            self.name = names[0] if len(names) == 1 else None
        else:  # q, r = np.linalg.qr(a) names both; parts = np.split(a, 2) makes parts[0] and parts[1]
            self.name = names[part] if len(names) > 1 else f"{names[0]}[{part}]" if names else None

    @property
    def shape(self) -> tuple[int, ...]:
        return getattr(self.value, "shape", ())

    @property
    def dtype(self) -> np.dtype[Any]:
        return getattr(self.value, "dtype", None) or np.asarray(self.value).dtype

    # ---- what would cut the value off from its gradient ------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(plain(self))

    def __float__(self) -> NoReturn:
        raise TracedValueError(
            f"float() of the traced value {describe(self)}", why="a float forgets how it was computed, and its gradient with it",
            try_="use the value itself (np.sin(x), not math.sin(x)), or float(wg.stop_gradient(x)) for a constant")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TracedValueError(
            f"assignment into the traced array {describe(self)}", why="the values before the assignment may still be needed for the gradient",
            try_="x = x.at[i].set(v), or x.at[i].add(v)")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise TracedValueError(
            f"the traced value {describe(self)} was put into a plain NumPy array",
            why="a plain array forgets how its numbers were computed, and their gradients with them",
            try_="wg.array([...]) to build an array from traced values, x.at[i].set(v) to change one")

    # ---- NumPy's protocols -------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Value:
        ours = NUMPY.get(ufunc if method == "__call__" else (ufunc, method))
        if ours is None:
            raise unsupported(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"))
        return ours(*inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Value:
        ours = NUMPY.get(function)
        if ours is None:
            raise unsupported(f"{function.__module__.replace('numpy', 'np')}.{function.__name__}")
        return ours(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<traced {describe(self)}>"


def apply(rule: Rule, args: tuple[Value, ...], params: Mapping[str, Any]) -> Value:
    """Run a rule one level of tracing down, and record it in the newest trace among the arguments."""
    trace: Trace | None = None
    for x in args:
        if isinstance(x, Node) and (trace is None or x.trace.number > trace.number):
            trace = x.trace
    assert trace is not None
    if trace.closed:
        raise TracedValueError("a traced value was used after its function returned",
                               why="it was kept outside the function (in a list, a global, an attribute)",
                               try_="return what you need from the function")
    values = []
    parents = []
    for i, x in enumerate(args):
        if isinstance(x, Node) and x.trace is trace:
            values.append(x.value)
            parents.append((i, x))
        else:
            values.append(x)
    out = run(rule, values, params)
    if trace.everything:
        node = trace.node_type(out, rule, args, params, tuple(parents), trace, locate())
        trace.tape.append(node)
        return node
    return trace.node_type(out, rule, args, params, tuple(parents), trace, None) if rule.differentiable else out


def run(rule: Rule, values: list[Value], params: Mapping[str, Any]) -> Value:
    """The rule on values; shapes that do not fit become the user's error, not NumPy's."""
    return rule(*values, **params)


def named(x: Value, name: str) -> Value:
    """The same value under a name that explanations use; plain values pass through."""
    if isinstance(x, Node):
        x.name = name
    return x


def plain(x: Value) -> Value:
    """The NumPy value under any number of traces."""
    while isinstance(x, Node):
        x = x.value
    return x


def describe(node: Node) -> str:
    """A node in an error message: name, shape and dtype."""
    kind = f"{node.dtype} array of shape {node.shape}" if node.shape else f"{node.dtype} number"
    return f"{node.name!r}, a {kind}" if node.name else f"({kind})"


def unsupported(name: str) -> UnsupportedError:
    return UnsupportedError(f"{name} has no rule, so its derivative is not known",
                            why="whygrad refuses what it can not differentiate rather than guess",
                            try_=f"write it with supported functions, or define its rule: wg.define({name.rpartition('.')[2]!r}, ...)")
