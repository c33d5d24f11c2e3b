"""What an explanation is: plain data, the same for a function, a network and an imported model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from whygrad.errors import ArgumentError, public
from whygrad.explain.chains import Waterfall, waterfall
from whygrad.graph.record import Program

if TYPE_CHECKING:
    from whygrad.explain.routes import Routes
    from whygrad.render.picture import Picture

TOP = 10


@dataclass(frozen=True)
class Name:
    """What a value is called, in two spellings: ``W1[0, 0]`` and its LaTeX."""

    text: str
    latex: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Formula:
    """A local derivative: ``text`` is Python over the names, ``latex`` for people, ``numbers`` with the values put in.

    ``numbers`` is empty where there is nothing to put in (the formula is a number already).
    """

    text: str
    latex: str
    numbers: str = ""


@dataclass(frozen=True)
class Term:
    """One summand where paths merge: through ``through``, ``slope`` times what ``arrived`` there."""

    through: Name
    slope: float
    arrived: float
    formula: Formula

    @property
    def value(self) -> float:
        """What this path contributes: slope times what arrived."""
        return self.slope * self.arrived


@dataclass(frozen=True)
class Factor:
    """One factor of the chain rule: ∂of/∂by.

    ``kind`` is "slope" for a local derivative, "sum" where paths merge: then the value is everything that arrives at
    ``by`` from the cost ``of``, and ``terms`` lists what it is the sum of.
    """

    of: Name
    by: Name
    value: float
    formula: Formula
    meaning: str
    kind: Literal["slope", "sum"] = "slope"
    terms: tuple[Term, ...] = ()
    term_count: int = 0
    where: str = ""
    rules: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """``∂C/∂a``."""
        return f"∂{self.of}/∂{self.by}"


@dataclass(frozen=True)
class Path:
    """One route from the cost down to the value asked about; the factors' product is ``value``."""

    value: float
    factors: tuple[Factor, ...]
    through: tuple[Name, ...]


@dataclass(frozen=True)
class Branch:
    """One case of a formula: its right side, when it holds, and whether it does here."""

    formula: Formula
    condition: Formula
    applies: bool


@dataclass(frozen=True)
class Cases:
    """One formula for a derivative, ∂of/∂by, with its cases: ∂C/∂a of an output neuron and of a hidden one."""

    of: Name
    by: Name
    branches: tuple[Branch, ...]

    def __str__(self) -> str:
        from whygrad.render.words import cases

        return cases(self)


@dataclass(frozen=True)
class Dependency:
    """What one value has to do with the cost: which named values it moves, which lie in between, in how many ways."""

    name: str
    affects: tuple[str, ...]
    between: tuple[str, ...]
    paths: int

    @property
    def sentence(self) -> str:
        """The dependency in words."""
        if not self.paths:
            return f"{self.name} does not reach the cost" + (
                f"; it moves {_listed(self.affects)}" if self.affects else ""
            )
        route = "one path" if self.paths == 1 else f"{self.paths:,} paths"
        return f"{self.name} moves the cost along {route}" + (
            f", through {_listed(self.between)}" if self.between else ", directly"
        )


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a gradient has the value it has.

    ``of``: the cost; ``wrt``: the value asked about; ``value``: ∂of/∂wrt; ``values``: the named numbers on the way.
    ``factors`` multiply to ``value``, from the cost down; where paths merge, the first is a sum with its ``terms``.
    For a whole array, ``value`` is an array, and the two factors are what arrives and how it is carried on.
    """

    function: str
    of: Name
    wrt: Name
    value: Any
    cost: float
    factors: tuple[Factor, ...]
    values: tuple[tuple[Name, float], ...]
    dependencies: Mapping[str, Dependency]
    program: Program
    routes: Routes | None
    case: Cases | None = None  # of a neuron in a network: ∂C/∂a as one formula, with the case that applies marked

    def _elementwise(self) -> Routes:
        if self.routes is None:
            raise ArgumentError(
                f"{self.wrt} is an array of shape {np.shape(self.value)}: its paths are those of its elements",
                try_=f"one element: wrt=({self.wrt.text!r}, {(0,) * np.ndim(self.value)})",
            )
        return self.routes

    @property
    @public
    def path_count(self) -> int:
        """How many paths lead from the value to the cost, number by number; exact, of any size."""
        return self._elementwise().paths.count

    @property
    @public
    def cancellation(self) -> float:
        """The share of all paths' absolute contributions that cancels in their sum: 0 none, 1 all."""
        return self._elementwise().paths.cancellation

    @property
    def coverage(self) -> float:
        """The share of all paths' absolute contributions that the ten strongest carry."""
        return self.coverage_of(TOP)

    @public
    def coverage_of(self, top: int) -> float:
        """The share of all paths' absolute contributions that the ``top`` strongest carry."""
        return self._elementwise().coverage(_positive(top))

    @public
    def paths(self, top: int = TOP) -> tuple[Path, ...]:
        """The ``top`` strongest paths by absolute contribution, strongest first; exact."""
        return self._elementwise().strongest(_positive(top))

    @public
    def waterfall(self) -> Waterfall:
        """The factors as the steps of a waterfall, in powers of ten: what a long chain does to its product."""
        self._elementwise()
        return waterfall(self)

    def __str__(self) -> str:
        from whygrad.render.text import explanation_text

        return explanation_text(self)

    @public
    def latex(self, top: int = TOP) -> str:
        """The derivation as LaTeX (amsmath), with the ``top`` strongest paths."""
        from whygrad.render.latex import explanation_latex

        return explanation_latex(self, _positive(top))

    @public
    def html(self, top: int = TOP) -> str:
        """The derivation as one HTML fragment with MathML: needs no script and no network."""
        from whygrad.render.html import explanation_html

        return explanation_html(self, _positive(top))

    @public
    def to_dict(self, top: int = TOP) -> dict[str, Any]:
        """The derivation as plain data for JSON, following the documented schema (docs/explanation-schema.json)."""
        from whygrad.render.json import explanation_dict

        return explanation_dict(self, _positive(top))

    @property
    def graph(self) -> Picture:
        """The computation as a picture: ``why.graph.svg()``."""
        from whygrad.render.picture import explanation_picture

        return explanation_picture(self)

    def _repr_html_(self) -> str:
        return self.html()


def _positive(top: Any) -> int:
    """A number of paths."""
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1:
        raise ArgumentError(f"top={top!r} is not a number of paths", try_="a whole number of at least 1")
    return int(top)


def _listed(names: tuple[str, ...]) -> str:
    """``a, b and c``; long lists are shortened."""
    if len(names) > 6:
        return ", ".join(names[:5]) + f" and {len(names) - 5} more"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
