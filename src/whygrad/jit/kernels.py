"""Kernels: loop nests over one index space each, matrix products, and loops of these.

Elementwise steps over the same indices share a nest, so what one computes the next reads from a register; a step that
needs a whole array (a sum, a product, another arrangement) waits for a later kernel. Moving steps (transpose, slice,
broadcast, windows) cost nothing: they are views. Kernels run in the order of their list.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from whygrad.jit.program import Carried, Loop, Note, Op, Program, Ref, Var
from whygrad.jit.views import View

REDUCTIONS = {"sum": "add", "max": "maximum", "min": "minimum", "prod": "multiply"}


@dataclass(frozen=True)
class Let:
    """``op.out`` is computed from its inputs, number by number."""

    op: Op


@dataclass(frozen=True)
class Reduce:
    """``op.out`` gathers ``op.inputs[0]`` over the axes of the nest in ``axes``."""

    op: Op
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Store:
    """``target[...] = value``, or ``+=``; the target lies over the nest's indices."""

    target: View
    value: Ref
    adds: bool
    note: Note


@dataclass(frozen=True)
class Pick:
    """``op.out[i, ...] = op.inputs[0][places[i], ...]``; ``flat``: the places are into the flat array, of its own
    shape.

    ``checked``: the places were given by the user, and may be negative or outside.
    """

    op: Op
    places: Var
    flat: bool
    checked: bool = False


@dataclass(frozen=True)
class Scatter:
    """``op.out[places[i], ...] += op.inputs[0][i, ...]``; ``flat`` and ``checked`` as in Pick."""

    op: Op
    places: Var
    flat: bool
    checked: bool = False


Statement = Let | Reduce | Store | Pick | Scatter


@dataclass(eq=False)
class Nest:
    """Statements for every index of ``shape``."""

    shape: tuple[int, ...]
    statements: list[Statement] = field(default_factory=list)

    @property
    def splittable(self) -> bool:
        """Rows of the first axis can be left to different threads: no two of them write to one place."""
        return not any(
            isinstance(s, Scatter) or (isinstance(s, Pick) and s.checked) or (isinstance(s, Store) and s.adds)
            for s in self.statements
        )


@dataclass(eq=False)
class Product:
    """``out = left @ right``, or ``add_to + alpha * left @ right``; stacks of matrices have leading axes."""

    op: Op
    left: View
    right: View
    add_to: Var | None = None
    alpha: Ref = 1.0


@dataclass(eq=False)
class Turns:
    """A loop whose body is kernels."""

    loop: Loop
    body: list[Kernel]
    copied: list[Carried]  # what a turn leaves for the next elsewhere than where it finds it


Kernel = Nest | Product | Turns


@dataclass
class Lowered:
    """Kernels, and where every variable lies.

    ``views``: each variable as a view of a base; ``homes``: where a base that is part of a larger array lies in it;
    ``kept``: the bases that need memory.
    """

    program: Program
    kernels: list[Kernel]
    views: dict[Var, View]
    homes: dict[Var, View]
    kept: set[Var]
    constants: dict[Var, np.ndarray]

    def resolved(self, view: View) -> View:
        """The view as one of an array that has memory of its own."""
        while view.base in self.homes:
            home = self.homes[view.base]
            view = replace(view, base=home.base, offset=home.offset + view.offset, turn=home.turn + view.turn)
        return view
