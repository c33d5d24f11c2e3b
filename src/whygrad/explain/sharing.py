"""What the backward sweep saves: multiplications for each chain on its own against one sweep; the factors they share.

Counted, not enumerated: one reading of the element graph carries, per number, how many paths lead on to the cost and
how many multiplications they take, in whole numbers of any size.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whygrad.backward import Semiring, arrivals, newest_first
from whygrad.errors import ArgumentError, public
from whygrad.explain.elements import Edge, Edges, Element, local_jacobian
from whygrad.explain.explanation import Name
from whygrad.explain.formulas import edge_formula, name_of
from whygrad.explain.meaning import SAYS_NOTHING
from whygrad.graph.node import Node
from whygrad.graph.record import Program, record

if TYPE_CHECKING:
    from whygrad.render.picture import Picture

Counts = npt.NDArray[Any]  # whole numbers of any size, as Python's
Blocks = dict[tuple[Node, int], Edges]


@dataclass(frozen=True)
class Shared:
    """One factor, and how many chains contain it."""

    of: Name
    by: Name
    formula: str
    chains: int


@dataclass(frozen=True)
class Sharing:
    """Multiplications for all gradients of a function. ``chains``: the paths from its arguments to the cost."""

    function: str
    arguments: int
    chains: int
    each_alone: int
    one_sweep: int
    shared: tuple[Shared, ...]

    @property
    def saved(self) -> float:
        """How many times fewer multiplications the sweep takes."""
        return self.each_alone / self.one_sweep if self.one_sweep else 1.0

    def __str__(self) -> str:
        from whygrad.render.lessons import sharing_text

        return sharing_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@public
def sharing(f: Callable[..., Any], *args: Any, top: int = 10, **kwargs: Any) -> Sharing:
    """Count what one backward sweep saves over working out each chain of factors on its own.

    A chain is a path from one number among the arguments to the cost; k factors take k - 1 multiplications. Factors
    that are 1 by their rule (sums, reshapes) are not multiplied. ``top``: how many of the most shared factors to list.

    >>> counted = sharing(lambda w1, w2, w3: (w3 * (w2 * (w1 * 1.0)) - 2.0) ** 2, 2.0, 3.0, 0.5)
    >>> counted.each_alone, counted.one_sweep
    (6, 5)
    """
    return sharing_of(record(f, args, kwargs), top)


def sharing_of(program: Program, top: int = 10) -> Sharing:
    """The counts for a recorded run, over all its leaves."""
    return _Count(program).result(top)


@dataclass(frozen=True)
class Growth:
    """Multiplications by length of chain: each chain on its own, and one sweep. Data for a table and a plot."""

    lengths: tuple[int, ...]
    each_alone: tuple[int, ...]
    one_sweep: tuple[int, ...]

    def __str__(self) -> str:
        from whygrad.render.lessons import growth_text

        return growth_text(self)

    def picture(self) -> Picture:
        """Both counts over the length of the chain: ``.svg()``."""
        from whygrad.render import charts

        series = {"each chain on its own": self.each_alone, "one sweep": self.one_sweep}
        return charts.curves(series, across="layers", up="multiplications")


@public
def sharing_growth(lengths: Sequence[int] = tuple(range(1, 11))) -> Growth:
    """How the multiplications for all weights of a chain of one neuron per layer grow with its length: n² against n."""
    if not lengths or min(lengths) < 1:
        raise ArgumentError(f"lengths={list(lengths)}", try_="numbers of layers, from 1")
    counts = [sharing(_chain, [0.5] * n, top=0) for n in lengths]
    return Growth(tuple(lengths), tuple(c.each_alone for c in counts), tuple(c.one_sweep for c in counts))


def _chain(weights: Any) -> Any:
    a = 1.0
    for w in weights:
        a = w * a
    return (a - 2.0) ** 2


class _Count:
    """The element graph below the cost, and what is counted on it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.leaves = dict.fromkeys(program.leaves.values())  # a set in order: == of nodes is an operation
        self.blocks: Blocks = {}
        reached = set(self.leaves)
        for node in reversed(newest_first({program.output: None})):
            for arg, parent in node.parents:
                edges = local_jacobian(node, arg, np.arange(parent.size)) if parent in reached else None
                if edges is not None:
                    self.blocks[node, arg] = edges
                    reached.add(node)

    @cached_property
    def down(self) -> dict[Node, Counts]:
        """Over each number's paths from the cost: those still without a factor, those with one, multiplications."""

        def along(node: Node, arg: int, here: Counts) -> Counts | None:
            edges = self.blocks.get((node, arg))
            if edges is None:
                return None
            bare, begun, work = here[:, edges.rows]
            if _multiplies(node, arg):
                bare, begun, work = 0 * bare, begun + bare, work + begun
            flow = np.zeros((3, dict(node.parents)[arg].size), object)
            for total, part in zip(flow, (bare, begun, work), strict=True):
                np.add.at(total, edges.columns, part)
            return flow

        start = np.array([[1], [0], [0]], object)
        return arrivals({self.program.output: start}, Semiring(along, lambda a, b: a + b))

    @cached_property
    def up(self) -> dict[Node, Counts]:
        """For each number, how many paths lead up to it from all numbers among the arguments."""
        found: dict[Node, Counts] = {leaf: np.ones(leaf.size, object) for leaf in self.leaves}
        for (node, arg), edges in self.blocks.items():
            total = found.setdefault(node, np.zeros(node.size, object))
            np.add.at(total, edges.rows, found[dict(node.parents)[arg]][edges.columns])
        return found

    def result(self, top: int) -> Sharing:
        """All the counts."""
        arrived = [self.down[leaf] for leaf in self.leaves if leaf in self.down]
        sweep = sum(
            int(np.count_nonzero(self.down[node][1][edges.rows]))
            for (node, arg), edges in self.blocks.items()
            if node in self.down and _multiplies(node, arg)
        )
        return Sharing(
            self.program.function,
            sum(leaf.size for leaf in self.leaves),
            chains=sum(int(counts[:2].sum()) for counts in arrived),
            each_alone=sum(int(counts[2].sum()) for counts in arrived),
            one_sweep=sweep,
            shared=self._shared(top),
        )

    def _shared(self, top: int) -> tuple[Shared, ...]:
        """The factors that most chains have in common, those nearest the cost first among equals."""
        found: list[tuple[int, int, int, tuple[Node, int]]] = []
        for (node, arg), edges in self.blocks.items():
            if node in self.down and _multiplies(node, arg):
                above = self.down[node][:2].sum(axis=0)[edges.rows]
                chains = above * self.up[dict(node.parents)[arg]][edges.columns]
                found += heapq.nlargest(
                    top,
                    ((int(n), node.number, -i, (node, arg)) for i, n in enumerate(chains)),
                    key=lambda entry: entry[:3],
                )
        best = heapq.nlargest(top, found, key=lambda entry: entry[:3])
        return tuple(self._described(chains, key, -i) for chains, _, i, key in best if chains > 1)

    def _described(self, chains: int, key: tuple[Node, int], position: int) -> Shared:
        node, arg = key
        edges = self.blocks[key]
        lower = Element(dict(node.parents)[arg], int(edges.columns[position]))
        edge = Edge(lower, Element(node, int(edges.rows[position])), arg, float(edges.slopes[position]))
        of, by = self._named(edge.upper, upwards=True), self._named(lower, upwards=False)
        return Shared(of, by, edge_formula(self.program, (edge,)).text, chains)

    def _named(self, element: Element, upwards: bool) -> Name:
        """The nearest named number, where only data moves in between."""
        at: Element | None = element
        while at is not None and at.node not in self.program.labels:
            at = self._next(at, upwards)
        return name_of(self.program, element if at is None else at)

    def _next(self, element: Element, upwards: bool) -> Element | None:
        """The only neighbour above or below an unnamed number, if a sum or a movement leads there."""
        found: list[Element] = []
        for (node, arg), edges in self.blocks.items():
            parent = dict(node.parents)[arg]
            if _multiplies(node, arg) or element.node is not (parent if upwards else node):
                continue
            at, to = (edges.columns, edges.rows) if upwards else (edges.rows, edges.columns)
            found += [Element(node if upwards else parent, int(i)) for i in to[at == element.index]]
        named = [e for e in found if e.node in self.program.labels and e.node not in self.leaves]
        return (named or found)[0] if len(named) == 1 or len(found) == 1 else None


def _multiplies(node: Node, arg: int) -> bool:
    """False where the slope is 1 or -1 by the rule itself: no multiplication is needed."""
    rule = node.rule
    assert rule is not None
    if rule.slopes is not None:
        return rule.slopes[arg] not in (1.0, -1.0)
    return rule.name not in SAYS_NOTHING
