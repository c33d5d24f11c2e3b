"""Where a mistake can sit: the steps between a learner's number and the learner's numbers nearer to the cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from whygrad.backward import Semiring, arrivals, pull, sum_to_shape
from whygrad.checking.replay import Array, arrived_given, program_nodes, quiet
from whygrad.errors import WhygradError
from whygrad.explain.elements import on_other_values
from whygrad.graph.node import Node
from whygrad.graph.record import Program
from whygrad.rules.define import Rule, Value
from whygrad.rules.table import RULES

ACTIVATIONS = ("sigmoid", "tanh", "relu", "softplus", "silu", "gelu", "leaky_relu", "elu")
MOST_PLACES = 150  # steps looked at for one number; of a longer stretch those nearest to it


@dataclass(frozen=True, eq=False)
class Use:
    """One use of a value: step ``user`` takes it as input number ``arg``; ``g`` arrived there, ``flow`` comes back."""

    user: Node
    arg: int
    g: Array
    flow: Array

    @property
    def rule(self) -> Rule:
        """The rule of the step."""
        assert self.user.rule is not None
        return self.user.rule

    def again(
        self,
        g: Value | None = None,
        values: Mapping[int, Value] | None = None,
        out: Value | None = None,
        arg: int | None = None,
    ) -> Array | None:
        """What would flow back with another ``g``, other ``values`` of inputs, another result; None if it can not."""
        inputs = [(values or {}).get(i, x) for i, x in enumerate(self.user.input_values())]
        alone = on_other_values(self.user, inputs)
        alone.value = self.user.value if out is None else out
        try:
            with quiet():
                flow = pull(alone, self.arg if arg is None else arg, self.g if g is None else g)
        except (ValueError, IndexError, TypeError, WhygradError):  # the shapes do not fit: nobody computed that
            return None
        return None if flow is None else np.asarray(flow, float)


@dataclass(frozen=True, eq=False)
class Squish:
    """A value ``a`` that is a function of ``z`` alone, number by number."""

    z: Node
    a: Node
    steps: tuple[Node, ...]
    slope: Array

    @cached_property
    def known(self) -> Rule | None:
        """The activation of the table that it is, if it is one."""
        for name in ACTIVATIONS:
            with quiet():
                if np.allclose(RULES[name].forward(self.z.value), self.a.value, rtol=1e-6, atol=1e-12):
                    return RULES[name]
        return None


@dataclass(frozen=True, eq=False)
class Attempt:
    """A learner's attempt at a derivation: a program, and the numbers ``given`` in place of the right ones."""

    program: Program
    given: Mapping[Node, Array]

    @cached_property
    def carried(self) -> dict[Node, Array]:
        """What the rules make of the given numbers, at every value."""
        with quiet():
            found = arrived_given(self.program.output, self.given)
        return {node: np.asarray(value, float) for node, value in found.items()}

    @cached_property
    def users(self) -> dict[Node, list[tuple[Node, int]]]:
        """For each value the steps that take it, newest first, as the sweep visits them."""
        found: dict[Node, list[tuple[Node, int]]] = {}
        for node in sorted(self.carried, key=lambda n: -n.number):
            for arg, parent in node.parents:
                if parent in self.carried:
                    found.setdefault(parent, []).append((node, arg))
        return found

    def arriving_at(self, node: Node) -> Array:
        """What goes on from a value: the learner's number, else what the rules give."""
        return np.asarray(self.given.get(node, self.carried[node]), float)

    def uses(self, node: Node) -> list[Use]:
        """The uses of a value, each with its flow."""
        found = []
        for user, arg in self.users.get(node, ()):
            g = self.arriving_at(user)
            with quiet():
                flow = pull(user, arg, g)
            if flow is not None:
                found.append(Use(user, arg, g, np.asarray(flow, float)))
        return found

    def places(self, node: Node) -> list[Node]:
        """The value itself and every step above it up to numbers that are given, nearest first."""
        found, waiting = {node: None}, [node]  # a dict: `in` of a list would compare the values of nodes
        while waiting and len(found) < MOST_PLACES:
            for user, _ in self.users.get(waiting.pop(0), ()):
                if user not in found and user not in self.given and user is not self.program.output:
                    found[user] = None
                    waiting.append(user)
        return list(found)

    def led_to(self, node: Node, at: Node, arrival: Array, places: Sequence[Node]) -> Array | None:
        """What the rules give for ``node`` if ``arrival`` had arrived at ``at``; None if that is not a number."""
        if at is node:
            return arrival
        change = arrival - self.carried[at]
        if not np.isfinite(change).all():
            return None
        if at.size > 1:
            moved = self._carried_on(node, at, change, places)
        else:  # all changes of one number are multiples of each other: one sweep does for all
            if (node, at) not in self._of_one:
                self._of_one[node, at] = self._carried_on(node, at, np.ones(at.shape), places)
            of_one = self._of_one[node, at]
            moved = None if of_one is None else of_one * float(np.ravel(change)[0])
        return None if moved is None else np.asarray(self.carried[node] + moved, float)

    @cached_property
    def _of_one(self) -> dict[tuple[Node, Node], Array | None]:
        """How a value's gradient moves with what arrives at a single number above it, where it has been asked for."""
        return {}

    def _carried_on(self, node: Node, at: Node, change: Array, places: Sequence[Node]) -> Array | None:
        """A change of what arrives at ``at``, carried on to ``node`` through ``places`` only."""
        among = frozenset(places)

        def along(upper: Node, arg: int, g: Value) -> Value | None:
            blocked = upper is node or dict(upper.parents)[arg] not in among
            return None if blocked else pull(upper, arg, g)

        return arrivals({at: change}, Semiring(along, lambda a, b: a + b)).get(node)

    @cached_property
    def squishes(self) -> list[Squish]:
        """Every value that is a function of one other value, number by number: an activation and its pre-activation."""
        found = []
        for a in program_nodes(self.program):
            for z in {*self._pre_activations(a)}:
                steps = tuple(n for n in self.program.tape if z.number < n.number <= a.number)
                with quiet():
                    slope = arrivals({a: np.ones(a.shape)}, Semiring(_until(z), lambda p, q: p + q)).get(z)
                if slope is not None:
                    found.append(Squish(z, a, steps, np.asarray(slope, float)))
        return found

    def _pre_activations(self, a: Node) -> Iterator[Node]:
        if a.rule is None or a.rule.slopes is None:
            return
        if len(a.parents) == 1 and a.parents[0][1].shape == a.shape and callable(a.rule.slopes[a.parents[0][0]]):
            yield a.parents[0][1]
        if a not in self.program.labels:
            return
        waiting, bends = [a], False
        below: set[Node] = set()
        while waiting:
            node = waiting.pop()
            if node.rule is None or node.rule.slopes is None or node.shape != a.shape:
                return
            for arg, parent in node.parents:
                bends = bends or callable(node.rule.slopes[arg])
                (below.add if parent in self.program.labels or parent.rule is None else waiting.append)(parent)
        if bends and len(below) == 1 and next(iter(below)).shape == a.shape:  # b + b has no slope that varies
            yield below.pop()


def _until(z: Node) -> Callable[[Node, int, Value], Value | None]:
    return lambda node, arg, g: None if node is z or node.number <= z.number else pull(node, arg, g)


def fitted(value: Value, like: Array) -> Array | None:
    """An array in the shape of another, broadcasting undone; None if it can not be."""
    array: Array = np.asarray(value, float)
    if array.shape == like.shape:
        return array
    try:
        if np.broadcast_shapes(array.shape, like.shape) == array.shape:
            return np.asarray(sum_to_shape(array, like.shape), float)
    except ValueError:
        pass
    return None
