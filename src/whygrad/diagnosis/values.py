"""``why_values``: run a function once, and say where the zeros, NaNs and infs of its gradients come from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whygrad.diagnosis.births import Birth, Births, harmless
from whygrad.diagnosis.causes import Cause
from whygrad.diagnosis.examples import evenly
from whygrad.diagnosis.places import Place
from whygrad.diagnosis.runs import QUIET, in_longer_dtype, run, without_slope
from whygrad.diagnosis.zero import MOST, TINY, Zeros
from whygrad.errors import ArgumentError, public
from whygrad.explain.elements import Element
from whygrad.explain.explain import Wrt, asked_about
from whygrad.explain.formulas import name_of
from whygrad.graph.node import Node
from whygrad.graph.record import Program

LARGE = 500_000  # numbers in a run: a look at one of them takes up to a tenth of a second, so fewer are looked at


@dataclass(frozen=True, eq=False)
class ValueFinding:
    """What is the matter with the gradient by one value.

    ``gradient``: ∂result/∂value, of the value's shape (or the one number asked about). ``zeros``, ``nans``, ``infs``:
    how many of its numbers are exactly 0, NaN, infinite. ``looked_at``: how many of the zeros and tiny numbers were
    looked at one by one. ``causes``: why they are 0, the commonest first. ``births``: where NaN and inf come from, the
    source first.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    gradient: Any
    zeros: int
    nans: int
    infs: int
    looked_at: int
    causes: tuple[Cause, ...]
    births: tuple[Birth, ...]

    @property
    def healthy(self) -> bool:
        """Nothing is 0, tiny for a reason, NaN or infinite."""
        return not (self.causes or self.births)


@dataclass(frozen=True, eq=False)
class ValueReport:
    """Where zeros, NaNs and infs come from.

    ``result``: what the function returned, called ``of``. ``births``: every operation where NaN or inf comes in, the
    source first. ``values``: one finding for each value asked about. ``no_slope``: arguments that have no gradient
    because they are no floating-point numbers, with their dtypes. ``left_out``: operations that made NaN or inf which
    reaches nothing. ``bad_step``: in training, the step (from 1) whose numbers these are.
    """

    function: str
    of: str
    result: float
    births: tuple[Birth, ...]
    values: tuple[ValueFinding, ...]
    no_slope: Mapping[str, str]
    left_out: tuple[Place, ...]
    program: Program
    bad_step: int | None = None

    @property
    def healthy(self) -> bool:
        """Nothing was found."""
        return not self.births and all(value.healthy for value in self.values)

    @public
    def __getitem__(self, name: str) -> ValueFinding:
        """The finding about the value called ``name``."""
        found = [value for value in self.values if value.name == name]
        if not found:
            raise ArgumentError(f"{name!r} was not asked about", try_=", ".join(value.name for value in self.values))
        return found[0]

    def __str__(self) -> str:
        from whygrad.render.value_findings import values_text

        return values_text(self)

    @public
    def html(self) -> str:
        """The report as one HTML fragment: needs no script and no network."""
        from whygrad.render.value_findings import values_html

        return values_html(self)

    @public
    def to_dict(self) -> dict[str, Any]:
        """The report as plain data for JSON; NaN and infinity are the strings "NaN", "Infinity" and "-Infinity"."""
        from whygrad.render.value_findings import values_dict

        return values_dict(self)

    def _repr_html_(self) -> str:
        return self.html()


@public
def why_values(f: Callable[..., Any], *args: Any, wrt: Wrt | None = None, **kwargs: Any) -> ValueReport:
    """Why gradients of ``f`` at these arguments are zero, NaN or infinite, and why the result is, if it is.

    ``f``: a function of numbers, arrays or pytrees of them that returns one number. ``wrt``: the value asked about: an
    argument's name or number, any value inside ``f`` by its name, or ``(name, index)`` for one element; by default
    every floating-point argument. Of more than 64 zeros of one value, 64 at equal distances are looked
    at; 16, if the run computes more than 500,000 numbers.

    >>> report = why_values(lambda w, x: (w * x) ** 2, 3.0, 0.0, wrt="w")
    >>> print(report["w"].causes[0].what)
    a factor of w is exactly 0: it is multiplied by x = 0
    """
    program = run(f, args, kwargs)
    whole_numbers = without_slope(f, args, kwargs)
    again = functools.partial(in_longer_dtype, f, args, kwargs)
    if isinstance(wrt, str) and wrt in whole_numbers:
        return examine(program, [], again, {wrt: whole_numbers[wrt]})
    return examine(program, _asked(program, wrt), again, whole_numbers if wrt is None else {})


Asked = list[tuple[Node, int | None]]  # the values asked about, and which number of each, if only one
Again = Callable[[str, Any], "tuple[Any, str] | None"]  # (label, dtype) -> the gradient in a longer dtype, its name


def examine(
    program: Program, asked: Asked, again: Again, no_slope: Mapping[str, str], bad_step: int | None = None
) -> ValueReport:
    """The report on some values of a recorded run."""
    with np.errstate(**QUIET):
        births = Births.of(program)
        gradients = [np.asarray(births.gradient(node), float) for node, _ in asked]
        scale = max((float(np.abs(g[np.isfinite(g)]).max(initial=0)) for g in gradients), default=0.0)
        values = [_finding(program, births, node, index, scale, again) for node, index in asked]
        known = _together(_of_result(program, births), *(value.births for value in values))
        values = [replace(v, births=tuple(known[_key(b)] for b in v.births)) for v in values]
        found = tuple(sorted(known.values(), key=lambda b: b.way == "backward"))
        left_out = tuple(harmless(program, found))
    output = program.output
    return ValueReport(
        program.function,
        program.label(output),
        float(output.value),
        found,
        tuple(values),
        no_slope,
        left_out,
        program,
        bad_step,
    )


def _asked(program: Program, wrt: Wrt | None) -> Asked:
    if wrt is None:
        return [(node, None) for node in program.leaves.values()]
    node, index = asked_about(program, wrt)
    return [(node, index if node.shape else None)]


def _of_result(program: Program, births: Births) -> tuple[Birth, ...]:
    value = np.asarray(program.output.value)
    return () if np.isfinite(value) else births.before(program.output, ~np.isfinite(value))


def _finding(
    program: Program, births: Births, node: Node, index: int | None, scale: float, again: Again
) -> ValueFinding:
    gradient = np.asarray(births.gradient(node))
    wanted = np.ones(gradient.size, bool) if index is None else np.arange(gradient.size) == index
    flat = gradient.ravel()
    bad = ~np.isfinite(flat) & wanted
    born = births.behind(node, bad.reshape(gradient.shape)) if bad.any() else ()
    size = np.abs(flat.astype(float))
    small = wanted & (size <= TINY * max(scale, 1.0)) & (size < np.inf)
    indices = np.flatnonzero(small)
    most = MOST if sum(n.size for n in program.tape) <= LARGE else MOST // 4
    looked = indices[evenly(len(indices), most)]
    causes: tuple[Cause, ...] = ()
    if len(looked):
        label = program.label(node)
        causes = Zeros(births, node, looked, functools.partial(again, label, node.dtype)).causes()
    return ValueFinding(
        name=program.label(node) if index is None else name_of(program, Element(node, index)).text,
        shape=node.shape if index is None else (),
        dtype=str(node.dtype),
        gradient=gradient if index is None else flat[index],
        zeros=int(((flat == 0) & wanted).sum()),
        nans=int((np.isnan(flat) & wanted).sum()),
        infs=int((np.isinf(flat) & wanted).sum()),
        looked_at=len(looked),
        causes=causes,
        births=born,
    )


def _together(*groups: tuple[Birth, ...]) -> dict[Any, Birth]:
    """The births of all values, each once, in the order in which they were found."""
    found: dict[Any, Birth] = {}
    for birth in (b for group in groups for b in group):
        found.setdefault(_key(birth), birth)
    return found


def _key(birth: Birth) -> Any:
    return birth.way, birth.place, birth.kind
