"""Dependencies before derivatives: what a value moves, what lies between it and the cost, along how many paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whygrad.backward import Semiring, arrivals
from whygrad.explain.explanation import Dependency
from whygrad.graph.node import Node
from whygrad.graph.record import Program


class Dependencies(Mapping[str, Dependency]):
    """Ask by the user's names: ``why.dependencies["z"]``. Each answer is worked out when it is asked for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._nodes = {label: node for node, label in program.labels.items()}
        self._paths = arrivals({program.output: 1}, Semiring(_count, int.__add__))

    def __getitem__(self, name: str) -> Dependency:
        node = self._nodes[name]
        moved = moved_by(node, self._program.tape)
        labels = [(label, other) for other, label in self._program.labels.items() if other in moved]
        return Dependency(
            name=name,
            affects=tuple(label for label, _ in labels),
            between=tuple(
                label for label, other in labels if other in self._paths and other is not self._program.output
            ),
            paths=self._paths.get(node, 0),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __repr__(self) -> str:
        output = self._program.output
        return "\n".join(self[name].sentence for name, node in self._nodes.items() if node is not output)


def _count(node: Node, arg: int, paths: int) -> int | None:
    return None if node.rule is None or node.rule.pull(arg) is None else paths


def moved_by(node: Node, tape: tuple[Node, ...]) -> set[Node]:
    """Every value computed from ``node``; the tape is in order of computation."""
    moved = {node}
    for other in tape:
        if other.number > node.number and any(parent in moved for _, parent in other.parents):
            moved.add(other)
    return moved - {node}
