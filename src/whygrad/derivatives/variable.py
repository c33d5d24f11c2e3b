"""Values that remember how they were computed, as the program runs: ``y.backward()``, then ``x.grad``."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np

from whygrad.backward import GRADIENT, arrivals
from whygrad.derivatives.arguments import changes_like, differentiable, owned
from whygrad.errors import DtypeError, NotScalarError, ShapeError, TracedValueError, public
from whygrad.graph.misuse import describe
from whygrad.graph.node import Node, Trace, plain
from whygrad.graph.operators import ArrayOperators
from whygrad.graph.sites import Site, locate
from whygrad.rules.define import Rule, Value


class Variable(Node):
    """A number or an array that remembers how it was computed.

    ``value``: a floating-point array or number; it never changes, so a graph never goes stale: to update a variable,
    make a new one, ``w = wg.Variable(w.value - rate * w.grad)``.
    ``name``: what messages and pictures call it; by default the variable of yours that it is assigned to.
    ``grad``: None until ``backward()`` of something computed from it; then an array like ``value``.

    >>> x = Variable(3.0)
    >>> y = x * x + 2 * x
    >>> y.backward()
    >>> x.grad
    np.float64(8.0)
    """

    __slots__ = ("_value", "grad")

    grad: Value

    @public
    def __init__(self, value: Any, name: str | None = None) -> None:
        if isinstance(value, Node):
            raise TracedValueError(f"a Variable of the traced value {describe(value)}",
                                   why="it would forget how that value was computed",
                                   try_="use the value as it is, or wg.Variable(wg.stop_gradient(x)) for a fresh start")
        own = np.array(differentiable(value, "the value of a Variable"))  # a copy: the caller's array may change
        self._remember(own, None, (), {}, (), EAGER, locate(), name)

    def _remember(
        self, value: Value, rule: Rule | None, inputs: tuple[Value, ...], params: Mapping[str, Any],
        parents: tuple[tuple[int, Node], ...], trace: Trace, site: Site | None, name: str | None = None,
    ) -> None:
        value = value[()]  # a number that NumPy can not change in place, or an array,
        if isinstance(value, np.ndarray):
            value.flags.writeable = False  # which is told not to change
        self._value = value
        self.grad = None
        if name is None and site is not None and len(site.names) == 1:
            name = site.names[0]
        super().__init__(value, rule, inputs, params, parents, trace, site, name)

    @property
    def value(self) -> Value:
        """The NumPy array, or number, that this variable stands for."""
        return self._value

    @value.setter
    @public
    def value(self, value: Value) -> None:
        if value is not self._value:
            raise TracedValueError(f"assignment to the value of {describe(self)}",
                                   why="what was computed from the old value would have gradients of the new one",
                                   try_="w = wg.Variable(w.value - rate * w.grad)")

    @public
    def backward(self, g: Any = None) -> None:
        """Set ``.grad`` of every variable that this one was computed from, and its own, in one sweep over the graph.

        ``g``: the gradient that arrives here, of this variable's shape; 1 by default, which needs a single number.
        Gradients are replaced, not added to what an earlier call left: running backward twice changes nothing.
        """
        if self.dtype.kind != "f":
            raise DtypeError(f"backward() of {describe(self)}", why="only floating-point numbers have a slope")
        if g is None and self.shape != ():
            raise NotScalarError(f"backward() of {describe(self)}, not a single number",
                                 why="a gradient is the slope of one number",
                                 try_="np.sum(y).backward(), or y.backward(g) with the gradient that arrives at y")
        g = 1.0 if g is None else plain(g)
        g = changes_like(g, self.value, "the gradient given to backward")
        if g.shape != self.shape:
            raise ShapeError(f"backward() was given a gradient of shape {g.shape} for {describe(self)}")
        arrived = arrivals({self: g[()]}, GRADIENT)
        for variable, flow in zip(arrived, owned(list(arrived.values()), [g]), strict=True):
            assert isinstance(variable, Variable)
            variable.grad = flow

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        grad = "" if self.grad is None else f", grad={_shown(self.grad)}"
        return f"Variable({_shown(self.value)}{name}{grad})"


def _shown(value: Value) -> str:
    return np.array2string(np.asarray(plain(value)), separator=", ", threshold=20)


def _computed(
    value: Value, rule: Rule | None, inputs: tuple[Value, ...], params: Mapping[str, Any],
    parents: tuple[tuple[int, Node], ...], trace: Trace, site: Site | None, name: str | None = None,
) -> Variable:
    variable = Variable.__new__(Variable)
    variable._remember(value, rule, inputs, params, parents, trace, site or locate(), name)
    return variable


# The trace that every Variable belongs to. It is older than all others, so that inside wg.grad a Variable is a constant
# of the outer world; it holds no nodes, so a graph lives exactly as long as its results.
EAGER = Trace()
EAGER.number = 0
EAGER.node_type = _computed

# A Variable's operators are called by the user's own lines, with no public function around them to hide the engine's.
_INTERNAL = ("__init__", "__hash__", "__repr__", "__reduce__", "apply_rule", "input_values", "keep_name")
for _class in (Node, ArrayOperators):
    for _name, _function in vars(_class).items():
        if isinstance(_function, FunctionType) and _name not in _INTERNAL and _name not in vars(Variable):
            setattr(Variable, _name, public(_function))
