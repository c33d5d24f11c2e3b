"""A traced value: what it is, and how it was made."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from whygrad.errors import TracedValueError, WhygradError
from whygrad.graph.misuse import (
    closed_trace,
    describe,
    failed,
    lost,
    missing_method,
    not_real,
    refuse_options,
    unsupported,
)
from whygrad.graph.operators import ArrayOperators
from whygrad.graph.sites import Site, locate
from whygrad.rules.define import Rule, Value, serial_numbers
from whygrad.rules.table import NUMPY  # the whole table: whatever the user calls is found

# What counting buys: parents have smaller numbers than children, so the sweeps need no topological sort, and of two
# traces the newer is the inner one, so nested and threaded traces need no stack that a failing function could leave.


REAL = frozenset("fiub")  # kinds of dtypes: floating point, whole numbers, yes/no


class Trace:
    """One run of a function on traced values.

    ``everything``: keep operations that have no slope too (comparisons), and note the user's names and lines; for
    explanations, which show the whole program, not only what carries a gradient. Then ``tape`` lists every node made.
    ``inlines``: functions that hide the steps of others, such as ``wg.checkpoint``, run them openly.
    """

    __slots__ = ("closed", "everything", "inlines", "node_type", "number", "tape")

    def __init__(self, everything: bool = False) -> None:
        self.number = next(serial_numbers)
        self.everything = everything
        self.tape: list[Node] = []
        self.node_type: Callable[..., Node] = Node
        self.closed = False
        self.inlines = False

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
    ``derivative_of``: the value whose derivative it helps to compute, where a sweep over an inner trace made it.
    """

    __slots__ = (
        "__weakref__", "_values", "derivative_of", "inputs", "name", "number", "params", "parents", "rule", "site",
        "value", "within")

    value: Value
    rule: Rule | None
    inputs: tuple[Value, ...]
    params: Mapping[str, Any]
    parents: tuple[tuple[int, Node], ...]
    within: Trace
    site: Site | None
    name: str | None
    number: int
    derivative_of: Node | None

    def __init__(
        self, value: Value, rule: Rule | None, inputs: tuple[Value, ...], params: Mapping[str, Any],
        parents: tuple[tuple[int, Node], ...], trace: Trace, site: Site | None, name: str | None = None,
    ) -> None:
        self.value = value
        self.rule = rule
        self.inputs = inputs
        self.params = params
        self.parents = parents
        self.within = trace
        self.site = site
        self.name = name
        self.number = next(serial_numbers)
        self.derivative_of = None
        self._values: list[Value] | None = None

    def apply_rule(  # noqa: C901  # every operation's path, so in one piece
        self, rule: Rule, args: tuple[Value, ...], params: Mapping[str, Any],
    ) -> Value:
        """Run a rule one level of tracing down, and record it in the newest trace among its arguments."""
        trace = self.within
        for x in args:
            if isinstance(x, Node) and x.within.number > trace.number:
                trace = x.within
        if trace.closed:
            raise closed_trace()
        values, parents, nested, writable = [], [], False, False
        for i, x in enumerate(args):
            if isinstance(x, Node):
                if x.within is trace:
                    parents.append((i, x))
                    x = x.value
                nested = nested or isinstance(x, Node)
            elif isinstance(x, (list, tuple)):  # x / [1, 2, 3]: start again with the array that NumPy would make of it
                return self.apply_rule(rule, _arrays(args), params)
            elif isinstance(x, np.ndarray) and x.flags.writeable:
                writable = True
            values.append(x)
        try:  # one level down is the table itself, unless traces are nested
            out = rule(*values, **params) if nested else rule.forward(*values, **params)
        except WhygradError:
            raise
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise failed(rule.name, args, params, error) from error
        if not nested:
            try:
                real = out.dtype.kind in REAL
            except AttributeError:  # a Python object: x * Fraction(1, 3) is a float of Python's
                real = False
            if not real:
                raise not_real(rule.name, np.asarray(out).dtype)
        if not (rule.differentiable or trace.everything):
            return out
        keep = writable and (rule.remembers or trace.everything)
        args = _kept(args) if keep else args
        node = trace.node_type(out, rule, args, params, tuple(parents), trace, locate() if trace.everything else None)
        node._values = None if keep else values  # for the sweep, which asks once per input
        if trace.everything:
            trace.tape.append(node)
        return node

    def input_values(self) -> list[Value]:
        """The values of the inputs, one level of tracing down."""
        if self._values is None:
            own = self.within
            self._values = [x.value if isinstance(x, Node) and x.within is own else x for x in self.inputs]
        return self._values

    def keep_name(self, since: int, part: int | None) -> None:
        """This node is the result, or a part of it, of a function begun at ``since``: what led to it loses the name."""
        if not self.within.everything or self.number < since:
            return
        if not part:  # once, before the parts get their names
            for node in reversed(self.within.tape):
                if node.number < since:
                    break
                node.name = ""
        names = self.site.names if self.site else ()
        if part is None:
            self.name = names[0] if len(names) == 1 else None
        else:  # q, r = np.linalg.qr(a) names both; parts = np.split(a, 2) names parts[0] and parts[1]
            self.name = names[part] if len(names) > 1 else f"{names[0]}[{part}]" if names else None

    @property
    def shape(self) -> tuple[int, ...]:
        """As NumPy's."""
        return getattr(self.value, "shape", ())

    @property
    def dtype(self) -> np.dtype[Any]:
        """As NumPy's."""
        return getattr(self.value, "dtype", None) or np.asarray(self.value).dtype

    # ---- what would cut the value off from its gradient ----------------------------------------------------------

    @property
    def constant(self) -> bool:
        """True for what has no slope anyway (comparisons, ranks, what was stopped): it may leave the trace."""
        return (self.rule is not None and not self.rule.differentiable) or self.dtype.kind != "f"

    def __bool__(self) -> bool:
        if self.size != 1:
            raise TracedValueError(
                f"the truth of the traced value {describe(self)}: it has {self.size} answers", why="`if` needs one",
                try_="np.any(...) or np.all(...) for one answer, np.where(condition, x, y) to choose number by number")
        return bool(self.value)

    def __float__(self) -> float:
        if self.constant:
            return float(self.value)
        raise lost("float() of {}", self, "a float forgets how it was computed",
                   "use the value itself (np.sin(x), not math.sin(x)), or float(wg.stop_gradient(x)) for a constant")

    def __int__(self) -> int:  # rounding has slope 0: nothing is lost
        return int(self.value)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.value[()], digits)

    def __index__(self) -> int:
        if self.dtype.kind in "iub":
            return operator.index(self.value)
        raise TracedValueError(f"the traced value {describe(self)} was used as an index or a count",
                               why="a place in an array has no slope", try_="int(x)")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TracedValueError(
            f"assignment into the traced array {describe(self)}",
            why="the values before the assignment may still be needed for the gradient",
            try_="x = x.at[i].set(v), or x.at[i].add(v)")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.constant:
            return np.asarray(self.value, dtype)
        raise lost("{} was put into a plain NumPy array", self, "a plain array forgets how it was computed",
                   "wg.array([...]) to build an array from traced values, x.at[i].set(v) to change one")

    def __copy__(self) -> Node:
        return self  # a value never changes, so it is its own copy, and keeps its gradient

    def __deepcopy__(self, memo: Any) -> Node:
        return self

    def __reduce__(self) -> NoReturn:
        raise TracedValueError(f"pickling the traced value {describe(self)}", try_="pickle wg.stop_gradient(x)")

    def __getattr__(self, name: str) -> NoReturn:
        raise missing_method(name)

    # ---- NumPy's protocols -------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Value:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if kwargs:
            refuse_options(name, kwargs)
        ours = NUMPY.get(ufunc if method == "__call__" else (ufunc, method))
        if ours is None:
            raise unsupported(f"np.{name}" if hasattr(np, ufunc.__name__) else name)
        return ours(*inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Value:
        name = f"{function.__module__.replace('numpy', 'np')}.{function.__name__}"
        ours = NUMPY.get(function)
        if ours is None:
            raise unsupported(name)
        try:
            return ours(*args, **kwargs)
        except WhygradError:
            raise
        except (TypeError, ValueError, IndexError) as error:
            raise failed(name, args, kwargs, error) from error

    def __repr__(self) -> str:
        return f"<traced {describe(self)}: {plain(self)}>"

    def __format__(self, spec: str) -> str:
        return format(plain(self), spec) if spec else repr(self)


def _kept(args: tuple[Value, ...]) -> tuple[Value, ...]:
    """Read-only copies of plain arrays: what the user writes into them later must not change the gradient."""
    kept = []
    for x in args:
        if isinstance(x, np.ndarray) and x.flags.writeable:
            x = x.copy()
            x.flags.writeable = False
        kept.append(x)
    return tuple(kept)


def _arrays(args: tuple[Value, ...]) -> tuple[Value, ...]:
    return tuple(np.asarray(x) if isinstance(x, (list, tuple)) else x for x in args)


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
