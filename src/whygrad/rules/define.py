"""What a rule is: one primitive's value, its local derivatives, and how to say both to a person.

A rule says, for each input, how a change of that input reaches the output:

  elementwise   ``slopes``: ∂out/∂input, number by number, as a function or as a constant
  structural    ``pulls``:  carries the output's gradient g back to the input; linear in g
  ``None``      the output does not depend smoothly on that input

Rules are written with operators and with the primitives of the table itself, so one text serves every reader: arrays
run it and it computes, traced nodes run it and it builds a graph, symbols run it and it prints its own formula.

Three things are no rule's business, because the sweeps do them once for all rules: undoing broadcasting, adding up
contributions, and restoring the input's dtype.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from whygrad.errors import RuleError, UnsupportedError

# What a rule computes on: an array, a NumPy scalar, a traced node or a symbol. They share operators, not a type.
Value = Any


# One counter for everything that is made: traces, nodes, and the start of a function written with rules. Not state: nothing
# depends on the numbers, only on later ones being larger.
serial_numbers = itertools.count(1)


@dataclass(frozen=True)
class At:
    """A place where the tests try a rule: shapes of its inputs, the interval they are drawn from, parameters.

    ``given`` draws special inputs instead (positive definite matrices, distinct numbers): it gets a Generator and
    returns the list of inputs. Inputs that are not floating point are not differentiated.
    """

    shapes: tuple[tuple[int, ...], ...] = ()
    between: tuple[float, float] = (-2.0, 2.0)
    params: Mapping[str, Any] = field(default_factory=dict)
    given: Callable[[np.random.Generator], Sequence[Any]] | None = None

    def draw(self, rng: np.random.Generator) -> list[Any]:
        """Inputs for one trial."""
        if self.given is not None:
            return list(self.given(rng))
        return [np.asarray(rng.uniform(*self.between, size=shape)) for shape in self.shapes]


def at(*shapes: tuple[int, ...], between: tuple[float, float] = (-2.0, 2.0), **params: Any) -> At:
    """Shorthand for the table: ``at((2, 3), (3,), axis=0)``."""
    return At(shapes, between, params)


@dataclass(frozen=True, eq=False)
class Rule:
    """One primitive. Call it like the function it is."""

    name: str
    inputs: tuple[str, ...]                    # "*xs" as the only input: any number of them
    forward: Callable[..., Value]              # on plain arrays: (*inputs, **params) -> out
    pulls: tuple[Callable[..., Value] | None, ...]  # one per input: (g, out, *inputs, **params) -> contribution
    slopes: tuple[Callable[..., Value] | float | None, ...] | None  # elementwise rules only
    linear: Literal["each", "jointly", ""]     # how forward mode may reuse forward; see ``define``
    written: str                               # LaTeX template of the operation itself
    because: tuple[str, ...]                   # one sentence per input
    convention: str                            # what is returned where the derivative does not exist
    tested_at: tuple[At, ...]

    def __post_init__(self) -> None:
        """``help(wg.sigmoid)`` says what this rule says, not what rules are."""
        how = "Number by number, on arrays of any shape that fit." if self.slopes else "On arrays."
        said = [f"The derivative by {x}: {why}." for x, why in zip(self.inputs, self.because, strict=False)]
        said += [f"Convention: {self.convention}."] if self.convention else []
        written = f"{self.name}({', '.join(self.inputs)})"
        object.__setattr__(self, "__doc__", "\n".join([f"``{written}``. {how}", "", *said]))

    def __call__(self, *args: Value, **params: Any) -> Value:
        """Apply the primitive. An argument that is not a plain array decides what applying means."""
        for arg in args:
            apply = getattr(arg, "apply_rule", None)
            if apply is not None:
                return apply(self, args, params)
        return self.forward(*args, **params)

    def pull(self, arg: int) -> Callable[..., Value] | None:
        """The function that carries g back to input number ``arg``, or None."""
        if not self.variadic:
            return self.pulls[arg]
        shared = self.pulls[0]
        return None if shared is None else lambda *args, **params: shared(*args, arg=arg, **params)

    @functools.cached_property
    def variadic(self) -> bool:
        """True for a rule of any number of inputs, which share one pull."""
        return self.inputs[0].startswith("*")

    @functools.cached_property
    def differentiable(self) -> bool:
        """False for questions and counts: comparisons, argmax, rounding."""
        return any(pull is not None for pull in self.pulls)

    @functools.cached_property
    def remembers(self) -> bool:
        """The values of its inputs are needed again on the way back."""
        if self.slopes is not None:
            return any(callable(slope) for slope in self.slopes)
        return self.linear != "jointly"

    def __repr__(self) -> str:
        return f"<rule {self.name}({', '.join(self.inputs)})>"


RULES: dict[str, Rule] = {}
NUMPY: dict[Any, Callable[..., Value]] = {}  # NumPy's function -> ours; what NumPy's protocols look up


def define(name: str, inputs: str, forward: Callable[..., Value], **row: Any) -> Rule:
    """Add a row to the table and return it; it is called like the function it describes. See ``make``."""
    if name in RULES:
        raise RuleError(f"rule {name!r} is already defined", where="", try_="another name")
    rule = RULES[name] = make(name, inputs, forward, **row)
    if isinstance(forward, np.ufunc):
        NUMPY[forward] = rule
    return rule


def make(
    name: str,
    inputs: str,
    forward: Callable[..., Value],
    *,
    slopes: Sequence[Callable[..., Value] | float | None] | None = None,
    pulls: Sequence[Callable[..., Value] | None] | None = None,
    singular: bool = False,
    linear: Literal["each", "jointly", ""] = "",
    written: str,
    because: Sequence[str],
    convention: str = "",
    tested_at: Sequence[At] = (),
) -> Rule:
    """A rule, refused unless it is complete.

    ``singular`` marks slopes that may be inf or NaN: then a zero gradient stays zero (0 · inf is not NaN), which is what
    makes ``np.where(x > 0, np.log(x), 0)`` safe. ``linear="each"``: linear in each input while the others are held
    (matmul); ``"jointly"``: linear in all inputs together (concatenate). Forward mode then reuses ``forward``;
    for other structural rules it transposes the pull, which is linear in g.
    """
    names = tuple(inputs.split())
    if (slopes is None) == (pulls is None):
        raise RuleError(f"rule {name!r}: give either slopes= (elementwise) or pulls= (structural)", where="")
    if slopes is not None:
        pulls = tuple(_scaled_by(slope, singular) for slope in slopes)
    assert pulls is not None
    for what, given in (("derivative", pulls), ("sentence", because)):
        if len(given) != len(names):
            raise RuleError(f"rule {name!r} has {len(names)} inputs ({', '.join(names)}) but {len(given)} {what}(s)", where="")
    if any(pull is not None for pull in pulls) and not tested_at:
        raise RuleError(f"rule {name!r} has a derivative but no test point", where="", try_="tested_at=(at((2, 3)),)")
    return Rule(name, names, forward, tuple(pulls), None if slopes is None else tuple(slopes), linear, written,
                tuple(because), convention, tuple(tested_at))


def _scaled_by(slope: Callable[..., Value] | float | None, singular: bool) -> Callable[..., Value] | None:
    """The pull of an elementwise rule: g times the slope."""
    if slope is None:
        return None
    if not callable(slope):
        constant = slope
        if constant == 1.0:
            return lambda g, out, *inputs, **params: g
        if constant == -1.0:
            return lambda g, out, *inputs, **params: -g
        return lambda g, out, *inputs, **params: g * constant
    if singular:
        return lambda g, out, *inputs, **params: carry(g, slope(out, *inputs, **params))
    return lambda g, out, *inputs, **params: g * slope(out, *inputs, **params)


def _carry(g: Value, slope: Value) -> Value:
    flow = np.multiply(g, slope)
    total = flow if flow.ndim == 0 else flow.sum()  # NaN if any is: one quick pass instead of a mask
    if total == total:
        return flow
    return np.where(np.equal(g, 0), np.zeros((), flow.dtype), flow)[()]


carry = define("carry", "g slope", _carry,
    slopes=(lambda out, g, slope: slope,
            lambda out, g, slope: g),
    singular=True,
    written=r"{g} \cdot {slope}",
    because=("what arrives is scaled by the slope", "a slope counts by what arrives there"),
    convention="nothing arrived (g = 0): nothing flows on, even where the slope is inf or NaN",
    tested_at=(at((2, 3), (2, 3)), at((2, 3), ())))


@dataclass(frozen=True)
class Derived:
    """A function of NumPy's that is written with rules: it needs no derivative of its own, but the same tests."""

    name: str
    function: Callable[..., Value]
    numpy: Callable[..., Any] | None           # what it must agree with; None where NumPy has no such function
    tested_at: tuple[At, ...]
    convention: str = ""


DERIVED: dict[str, Derived] = {}


def spells(*functions: Any, tested_at: Sequence[At] = (), convention: str = "") -> Callable[[Any], Any]:
    """Say which functions of NumPy a function of ours stands for: same arguments, any kind of value.

    With ``tested_at`` the function joins the DERIVED table, and the tests that every rule goes through.
    """

    def register(ours: Any) -> Any:
        @functools.wraps(ours)
        def one_step(*args: Any, **kwargs: Any) -> Any:
            start = next(serial_numbers)
            out = ours(*args, **kwargs)
            for i, part in enumerate(out) if isinstance(out, (tuple, list)) else ((None, out),):
                keep_name = getattr(part, "keep_name", None)
                if keep_name is not None:  # a traced value: the user's name belongs to the result, not to what led to it
                    keep_name(start, i)
            return out

        for function in functions:
            NUMPY[function] = one_step
        if tested_at:
            name = ours.__name__
            numpy = functions[0] if functions else None
            DERIVED[name] = Derived(name, one_step, numpy, tuple(tested_at), convention)
        return one_step

    return register


def refuse(function: str, **options: Any) -> None:
    """Refuse NumPy options that a traced function can not honour: whatever is given here must be None."""
    for name, value in options.items():
        if value is not None:
            raise UnsupportedError(f"np.{function}(..., {name}=...) has no gradient rule",
                                   why=f"whygrad supports np.{function} without {name}=", try_=f"leave {name}= out")
