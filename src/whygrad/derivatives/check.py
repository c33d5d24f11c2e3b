"""A gradient checked against measurement: which argument, which order, how far off, and what can not be told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optree

from whygrad.derivatives.arguments import Argnums, spelled
from whygrad.derivatives.measure import FLOAT32, FLOAT64, Measured, slope
from whygrad.derivatives.transforms import grad, jvp, numbers_of, vjp
from whygrad.errors import ArgumentError, public
from whygrad.rules.define import Value

Verdict = Literal["agrees", "wrong", "kink", "rounding"]
MOST_NUMBERS = 200  # so many numbers of an argument are looked at one by one, to say where a mistake sits
MEANS = {
    "wrong": "what is computed is not the slope that is measured",
    "kink": "no derivative exists here: the slope from the left is not the slope from the right",
    "rounding": "the function is too noisy, or too steep, to measure its slope",
}


@dataclass(frozen=True)
class Finding:
    """One derivative along one random direction: what was computed, what was measured, and what follows.

    ``argument``: which part of which argument was moved. ``order``: "reverse" or "forward" for the first derivative in
    that mode, "second" for the slope of the gradient. ``place``: the number in that argument that shows it best.
    """

    argument: str
    order: Literal["reverse", "forward", "second"]
    verdict: Verdict
    computed: float
    measured: Measured
    place: tuple[int, ...] | None = None

    def __str__(self) -> str:
        m = self.measured
        seen = f"{m.left:.6g} from the left, {m.right:.6g} from the right" if self.verdict == "kink" \
            else f"{m.value:.10g} ± {m.error:.1g}"
        place = f", seen at {list(self.place)}" if self.place else ""
        what = f"{self.argument:<16} {self.order:<8} {self.verdict:<9}"
        return f"{what} computed {self.computed:.10g}, measured {seen}{place}"


@dataclass(frozen=True)
class GradientCheck:
    """What ``check_gradient`` found; true when every derivative agrees with its measurement."""

    function: str
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return all(finding.verdict == "agrees" for finding in self.findings)

    def __str__(self) -> str:
        verdicts = sorted({f.verdict for f in self.findings if f.verdict != "agrees"})
        title = f"{self.function}: {len(self.findings)} derivatives measured, " + (
            "all agree" if self else "; ".join(f"{v} ({MEANS[v]})" for v in verdicts))
        return "\n".join([title, *(f"  {finding}" for finding in self.findings)])


@public
def check_gradient(f: Callable[..., Any], *args: Any, argnums: Argnums | None = None, seed: int = 0) -> GradientCheck:
    """Compare the derivatives of ``f`` at ``args`` with measurement, along a random direction for each array.

    ``argnums``: which arguments; by default all that hold floating-point numbers. ``f`` may return any structure of
    arrays. Checked are reverse mode, forward mode and the second derivative. Differences are told apart: "wrong",
    "kink" (the one-sided slopes differ, so there is nothing to agree with) and "rounding" (the measurement is too
    coarse to tell). Arrays of float32 are measured in float64.

    >>> print(check_gradient(np.tanh, 0.5))
    tanh: 3 derivatives measured, all agree
      argument 0       reverse  agrees    computed ..., measured ...
      argument 0       forward  agrees    computed ..., measured ...
      argument 0       second   agrees    computed ..., measured ...
    """
    if not callable(f):
        raise ArgumentError(f"{f!r} is not a function", try_="check_gradient(f, x)")
    numbers_of(f, f(*args))
    trial = _Trial(f, args, argnums, np.random.default_rng(seed))
    findings = [finding for k in range(len(trial.xs)) for finding in trial.findings(k)]
    return GradientCheck(getattr(f, "__name__", "the function"), tuple(findings))


def verdict(computed: float, measured: Measured, rtol: float) -> Verdict:
    """What a computed and a measured slope say together."""
    m = measured
    if m.kink:
        return "kink"
    scale = max(abs(computed), abs(m.value), abs(m.left), abs(m.right))
    # below the last digit of its values a function looks flat; with larger steps it does not
    flat = m.value == 0.0 != computed and m.coarse != 0.0
    if flat or not math.isfinite(m.error) or m.error > 1e-3 * (scale + abs(m.coarse)) + 1e-7 * m.size:
        return "rounding"
    return "agrees" if abs(computed - m.value) <= rtol * scale + 10 * m.error else "wrong"


class _Trial:
    """``f`` as a function of a flat list of arrays, weighted to one number, with a direction for each array."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], argnums: Argnums | None,
                 rng: np.random.Generator) -> None:
        self.f, self.args = f, args
        numbers = [i for i, x in enumerate(args) if _holds_floats(x)] if argnums is None else \
            [argnums] if isinstance(argnums, int) else list(argnums)
        if not all(i in range(-len(args), len(args)) for i in numbers):
            raise ArgumentError(f"argnums={argnums}, but there are {len(args)} argument(s)", try_="argnums=0")
        if not numbers:
            raise ArgumentError("check_gradient found no floating-point argument to move", try_="check_gradient(f, x)")
        self.numbers = numbers
        chosen: Any = [args[i] for i in numbers]
        paths, leaves, self.structure = optree.tree_flatten_with_path(chosen)
        self.names = [f"argument {numbers[path[0]]}{spelled(path[1:])}" for path in paths]
        self.xs = [np.asarray(x) if _is_float(x) else np.asarray(x, float) for x in leaves]
        self.wide = [x.astype(float) for x in self.xs]
        self.rtol = 1e-6 if all(x.dtype == float for x in self.xs) else 5e-3
        results = optree.tree_leaves(self.results(*self.wide))
        self.rounding = FLOAT64 if all(np.asarray(y).dtype == float for y in results) else FLOAT32
        self.weights = [rng.uniform(0.5, 1.5, np.shape(y)) for y in results]
        # as large as the numbers they move, so that a step of 1e-2 means 1 % of them
        self.directions = [_size(x) * rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) for x in self.wide]

    def results(self, *xs: Value) -> Any:
        args = list(self.args)
        for i, x in zip(self.numbers, self.structure.unflatten(xs), strict=True):
            args[i] = x
        return self.f(*args)

    def cost(self, *xs: Value) -> Value:
        total: Value = 0.0
        for w, y in zip(self.weights, optree.tree_leaves(self.results(*xs)), strict=True):
            total = total + np.sum(w.astype(getattr(y, "dtype", float)) * y)
        return total

    def findings(self, k: int) -> Iterator[Finding]:
        v = self.directions[k]
        g = vjp(self.cost, *self.xs)[1](1.0)[k]
        computed = float(np.sum(g * v))
        still = [np.zeros_like(x) for x in self.xs]
        pushed = float(jvp(self.cost, self.xs, [*still[:k], v.astype(self.xs[k].dtype), *still[k + 1:]])[1])
        measured = slope(self.along(k, v), self.rounding)
        first = verdict(computed, measured, self.rtol)
        place = self.place(k, g) if first in ("wrong", "kink") else None
        yield Finding(self.names[k], "reverse", first, computed, measured, place)
        yield Finding(self.names[k], "forward", verdict(pushed, measured, self.rtol), pushed, measured, place)
        if first == "agrees":
            yield self.second(k)

    def second(self, k: int) -> Finding:
        """The slope of ⟨gradient, v⟩ along v: where the gradient is right, it can be measured itself."""
        v = self.directions[k]
        gradient = grad(self.cost, k)

        def along(x: Value) -> Value:
            return np.sum(gradient(*self.wide[:k], x, *self.wide[k + 1:]) * v)

        computed = float(np.sum(grad(along)(self.wide[k]) * v))
        measured = slope(lambda t: float(along(self.wide[k] + t * v)), self.rounding)
        return Finding(self.names[k], "second", verdict(computed, measured, self.rtol), computed, measured)

    def along(self, k: int, v: Value) -> Callable[[float], float]:
        """The cost as argument k moves along v."""
        return lambda t: float(self.cost(*self.wide[:k], self.wide[k] + t * v, *self.wide[k + 1:]))

    def place(self, k: int, g: Value) -> tuple[int, ...] | None:
        """The first number of array k whose own slope does not agree."""
        for index in list(np.ndindex(self.xs[k].shape))[:MOST_NUMBERS]:
            one = np.zeros(self.xs[k].shape)
            one[index] = _size(self.wide[k])
            measured = slope(self.along(k, one), self.rounding)
            if verdict(float(np.sum(g * one)), measured, self.rtol) in ("wrong", "kink"):
                return index
        return None


def _is_float(x: Any) -> bool:
    return isinstance(x, float) or getattr(x, "dtype", np.dtype(int)).kind == "f"


def _holds_floats(tree: Any) -> bool:
    return any(_is_float(x) for x in optree.tree_leaves(tree))


def _size(x: Value) -> float:
    """The root mean square of the numbers; 1 where they are all 0."""
    return float(np.sqrt(np.mean(x * x))) or 1.0 if x.size else 1.0
