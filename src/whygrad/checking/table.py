"""A row of the table of mistakes, and the place in a derivation that it is tried at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from whygrad.checking.place import Attempt, Squish, Use, fitted
from whygrad.checking.replay import Array
from whygrad.graph.node import Node
from whygrad.rules.define import Value


class Try(NamedTuple):
    """One way to make a mistake: what then arrives, and the words that say where."""

    arrival: Array
    words: dict[str, str]


@dataclass(frozen=True, eq=False)
class Place:
    """A value in a derivation, with what the rows of the table ask about it."""

    derivation: Attempt
    node: Node

    @cached_property
    def total(self) -> Array:
        """What arrives if no mistake is made."""
        return self.derivation.carried[self.node]

    @cached_property
    def uses(self) -> list[Use]:
        """The uses whose flows add up to the total."""
        return self.derivation.uses(self.node)

    @cached_property
    def squishes(self) -> list[Squish]:
        """The functions that this value is squished by."""
        return [one for one in self.derivation.squishes if one.z is self.node and one.a in self.derivation.carried]

    def name(self, node: Node) -> str:
        """What the learner calls a value; of one without a name, its transpose's: W2.T is W2."""
        while node not in self.derivation.program.labels and node.rule is not None and node.rule.name == "transpose":
            node = node.inputs[0]
        return self.derivation.program.label(node)

    def through_name(self, use: Use) -> str:
        """What a path leads through: the named value that a use is a part of, if it is part of one."""
        node, labels = use.user, self.derivation.program.labels
        while node not in labels:
            above = self.derivation.users.get(node, ())
            if len(above) != 1 or above[0][0].shape != node.shape or above[0][0] is self.derivation.program.output:
                break
            node = above[0][0]
        return self.name(node if node in labels else use.user)

    def of(self, node: Node) -> str:
        """The gradient by a value."""
        return f"∂{self.name(self.derivation.program.output)}/∂{self.name(node)}"

    def instead(self, use: Use, flow: Value | None) -> Array | None:
        """The total with another flow from one use."""
        flow = None if flow is None else fitted(flow, self.total)
        return None if flow is None else self.total - use.flow + flow

    def values(self, like: Array | Value, besides: tuple[Node, ...] = ()) -> Iterator[Node]:
        """The named values of the same shape."""
        for node in self.derivation.program.labels:
            if node.shape == np.shape(like) and node.dtype.kind == "f" and not any(node is one for one in besides):
                yield node

    def tried(self, use: Use, flow: Value | None, /, **words: str) -> Iterator[Try]:
        """The try in which one use has another flow."""
        arrival = self.instead(use, flow)
        if arrival is not None:
            yield Try(arrival, words)

    def slope_of(self, squish: Squish) -> str:
        """``∂a/∂z``, with the activation's own slope where the table has it."""
        return f"∂{self.name(squish.a)}/∂{self.name(squish.z)}"

    def through(self, squish: Squish, factor: Value) -> Array | None:
        """The total with ``factor`` in place of a squishing function's slope."""
        g = self.derivation.arriving_at(squish.a)
        return fitted(self.total - g * squish.slope + g * factor, self.total)

    def partner(self, use: Use) -> Node | None:
        """In a product, the other input, if it is a value of the program."""
        if use.rule.name not in ("multiply", "matmul") or len(use.user.inputs) != 2:
            return None
        other = use.user.inputs[1 - use.arg]
        return other if isinstance(other, Node) else None


Tries = Callable[[Place], Iterator[Try]]


@dataclass(frozen=True)
class Mistake:
    """One row of the table."""

    id: str
    weight: int
    sentence: str
    tries: Tries


ROWS: dict[str, Mistake] = {}


def row(id: str, weight: int, sentence: str) -> Callable[[Tries], Tries]:  # noqa: A002  # it is the row's id
    """Add a row to the table; the function below it makes the mistake."""

    def add(tries: Tries) -> Tries:
        ROWS[id] = Mistake(id, weight, sentence, tries)
        return tries

    return add
