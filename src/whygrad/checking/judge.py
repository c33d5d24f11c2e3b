"""Every number of a derivation judged twice: against the right one, and against what the rules make of earlier ones."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np

from whygrad.checking.replay import Array, arrived_given, quiet
from whygrad.checking.tolerance import by_hand, has_two_digits, in_decimals, of_dtype, tolerances
from whygrad.errors import ArgumentError, DtypeError
from whygrad.explain.dependencies import moved_by
from whygrad.graph.node import Node
from whygrad.graph.record import Program

Precision = np.dtype[Any]  # float32 or float64
Verdict = Literal["exact", "rounding", "carried forward", "wrong", "not given"]
MOST_DECIMALS = 300  # of a number written down by hand: a unit of the last one is still a number
WRITTEN_DIGITS = {4: 6, 8: 14}  # by size of a number in bytes: one with more digits was computed, not written down


@dataclass(frozen=True, eq=False)
class Judged:
    """One value of the program and the learner's number for its gradient.

    ``name``: as the learner spells it; ``label``: what the program calls it. ``mine``: the learner's gradient, float64;
    None where none was given. ``right``: the gradient. ``carried``: what the rules give for it from the learner's own
    numbers nearer to the cost; the same as ``right`` where all of those are right. ``verdict``:

    - ``exact``: equal to ``right`` in ``dtype``;
    - ``rounding``: as near to ``right`` as a right calculation gets in this precision, or as rounding by hand allows;
    - ``carried forward``: this step is right, but starts from a number that is not;
    - ``wrong``: neither; also where the shape is not the value's own;
    - ``not given``.

    ``off``: the largest distance from what it was judged by (``right``, or ``carried`` if carried forward), ``ulps``
    the same in units in the last place of the array's largest number, in ``dtype``. ``allowed``: the distance that
    counts as rounding. ``decimals``: set if the learner rounded by hand. ``note``: a remark on the verdict, or "".
    """

    name: str
    label: str
    node: Node
    verdict: Verdict
    mine: Array | None
    right: Array
    carried: Array
    dtype: Precision
    off: float = 0.0
    ulps: float = 0.0
    allowed: float = 0.0
    decimals: int | None = None
    note: str = ""

    @property
    def shape_differs(self) -> bool:
        """The learner's number has another shape than the value."""
        return self.mine is not None and self.mine.shape != self.right.shape

    @property
    def passed(self) -> bool:
        """Exact, or rounding."""
        return self.verdict in ("exact", "rounding")


def judge(
    program: Program,
    mine: Mapping[str, Any],
    *,
    dtype: Any = None,
    decimals: Mapping[str, int] | None = None,
    instead: Mapping[Node, Array] | None = None,
) -> list[Judged]:
    """Judge a learner's gradients of a recorded program's values, nearest to the cost first.

    ``program``: ``graph.record.record(f, args, {})``, best on float64 arguments. ``mine``: numbers or arrays by the
    names of the values whose gradient they are; names as ``find_value`` takes them; None counts as not given.
    ``dtype``: the precision the learner worked in; by default the coarsest of the program's and each number's own.
    ``decimals``: for names whose numbers were rounded by hand, to how many decimals (as ``0.50`` is to two); where it
    is missing it is read off the number (0.15 has two). ``instead``: arrivals at values without a number of the
    learner's that are known to be other than the right ones, because a mistake was found there.

    Every named value that the cost depends on is in the answer; those without a number are ``not given``.

    >>> from whygrad.graph.node import named
    >>> from whygrad.graph.record import record
    >>> def f(w, x, y):
    ...     z = named(w * x, "z")
    ...     a = named(3.0 * z, "a")
    ...     return (a - y) ** 2
    >>> found = judge(record(f, (1.0, 2.0, 1.0), {}), {"a": 5.0, "z": 15.0, "w": 30.0})
    >>> [(one.name, one.verdict, float(one.right), float(one.carried)) for one in found if one.mine is not None]
    [('a', 'wrong', 10.0, 10.0), ('z', 'carried forward', 30.0, 15.0), ('w', 'carried forward', 60.0, 30.0)]

    Raises ArgumentError for a name that no value has, DtypeError for what is not a number.
    """
    numbers = _numbers(program, mine)
    _check_decimals(decimals)
    right = arrived_given(program.output, {})
    precision = {node: _precision(program, given, dtype) for node, (_, given) in numbers.items()}
    coarsest = _coarsest(precision.values())
    with quiet():
        usable = {node: given.astype(float) for node, (_, given) in numbers.items() if given.shape == node.shape}
        allowed = tolerances(program, {}, of_dtype(program, coarsest))
        judges = _Judges(program, right, allowed, coarsest, {**(instead or {}), **usable}, decimals or {})
        found = [judges.verdict(node, *numbers.get(node, (program.labels[node], None))) for node in asked(program)]
    return _from_rounded(program, found, instead or {})


def _from_rounded(program: Program, judged: list[Judged], instead: Mapping[Node, Array]) -> list[Judged]:
    """What is right from numbers that were only rounded is rounding too."""
    at_fault = {*instead, *(one.node for one in judged if one.verdict == "wrong")}
    note = "right from your rounded numbers"
    return [
        replace(one, verdict="rounding", note=one.note or note)
        if one.verdict == "carried forward" and not at_fault & moved_by(one.node, program.tape)
        else one
        for one in judged
    ]


def asked(program: Program) -> list[Node]:
    """The named values that the cost has a slope by, nearest to the cost first.

    An argument stands right after the step that uses it last: that is where a person writes its gradient down.
    """
    reached = arrived_given(program.output, {})
    used = {node: node.number for node in reached}
    for node in sorted(reached, key=lambda n: -n.number):
        for _, parent in node.parents:
            if parent.rule is None and parent in used:
                used[parent] = node.number
    named = [node for node in program.labels if node in reached and node is not program.output]
    return sorted(named, key=lambda n: (-used[n], -n.number))


def find_value(program: Program, name: str) -> Node:
    """The value a learner means: ``h2``, ``W1``; also ``dW1``, ``delta2`` (of z2), ``h[0]`` for the first h of a loop.

    A program's own name always comes first. In a network ``W1`` is ``W^1``.
    """
    by_label = {label: node for node, label in program.labels.items()}
    for spelling in _spellings(name):
        if spelling in by_label:
            return by_label[spelling]
    ending = [node for label, node in by_label.items() if label.endswith((f"[{name!r}]", f".{name}"))]
    if len(ending) == 1:
        return ending[0]
    known = ", ".join(program.labels[node] for node in reversed(asked(program)))
    raise ArgumentError(
        f"{program.function} has no value called {name!r}", where="", try_=f"the names of its variables: {known}"
    )


def _spellings(name: str) -> list[str]:
    """What a name may stand for, the name itself first."""
    prefixes = [prefix for prefix in ("d_", "d", "grad_", "∂") if name.startswith(prefix) and name != prefix]
    found = [name, *(name.removeprefix(prefix) for prefix in prefixes)]
    if match := re.fullmatch(r"(?:delta|δ)([_^]?)(\d*)", name):
        found += ["z" + match[1] + match[2], "z" + match[2]]
    turn = [(match[1], int(match[2])) for one in found if (match := re.fullmatch(r"(\w+)\[(\d{1,9})\]", one))]
    found += [base if i == 0 else f"{base}⟨{i + 1}⟩" for base, i in turn]
    return found + [f"{match[1]}^{match[2]}" for one in found if (match := re.fullmatch(r"([A-Za-z])_?(\d+)", one))]


def _numbers(program: Program, mine: Mapping[str, Any]) -> dict[Node, tuple[str, Array]]:
    """The learner's numbers as arrays, by the values they are about."""
    found: dict[Node, tuple[str, Array]] = {}
    for name, given in mine.items():
        node = find_value(program, str(name))
        if given is None:
            continue
        if node in found:
            raise ArgumentError(
                f"{name!r} and {found[node][0]!r} are two names of one value", where="", try_="one of them"
            )
        array = as_array(str(name), given)
        if array.size == math.prod(node.shape) == 1:
            array = array.reshape(node.shape)
        found[node] = (str(name), array)
    return found


def as_array(name: str, given: Any) -> Array:
    """A number of the learner's as an array; what is no number is refused (DtypeError)."""
    why = "a gradient is a number, or an array of numbers"
    if isinstance(given, np.ma.MaskedArray) and np.any(given.mask):
        raise DtypeError(
            f"the gradient given for {name!r} is a masked array",
            where="",
            why="the masked numbers would be judged like any others",
            try_=f"{name}.filled(0.0)",
        )
    given = given.detach() if hasattr(given, "detach") else given  # a tensor that is itself differentiated
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DtypeError(f"the gradient given for {name!r} is no array: {error}", where="", why=why) from None
    if array.dtype.kind not in "fiu":
        raise DtypeError(f"the gradient given for {name!r} is of type {array.dtype}", where="", why=why)
    return array


def _check_decimals(decimals: Any) -> None:
    """Refuse decimals that are not whole numbers by name."""
    if decimals is not None and not isinstance(decimals, Mapping):
        raise ArgumentError(f"decimals is of type {type(decimals).__name__}", where="", try_='decimals={"w": 2}')
    for name, n in (decimals or {}).items():
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 0 <= n <= MOST_DECIMALS:
            raise ArgumentError(
                f"decimals of {name!r} are of type {type(n).__name__}, or out of range",
                where="",
                try_=f'a whole number from 0 to {MOST_DECIMALS}, such as decimals={{"w": 2}}',
            )


def _precision(program: Program, given: Array, dtype: Any) -> Precision:
    if dtype is not None:
        return cast("Precision", np.dtype(dtype))
    own = given.dtype if given.dtype.kind == "f" else np.dtype(float)
    return _coarsest([own, program.output.dtype])


def _coarsest(dtypes: Iterable[Precision]) -> Precision:
    return max(dtypes, key=lambda dtype: float(np.finfo(dtype).eps), default=np.dtype(float))


@dataclass(frozen=True, eq=False)
class _Judges:
    """What the verdicts on one derivation share."""

    program: Program
    right: Mapping[Node, Any]
    allowed: Mapping[Node, float]
    dtype: Precision
    given: Mapping[Node, Array]
    decimals: Mapping[str, int]

    @cached_property
    def carried(self) -> dict[Node, Any]:
        """What the rules give for each value; its own number only matters further down."""
        return arrived_given(self.program.output, self.given)

    @cached_property
    def from_mine(self) -> dict[Node, float]:
        """What counts as rounding where one goes on from the learner's numbers."""
        return tolerances(self.program, self.given, of_dtype(self.program, self.dtype))

    def verdict(self, node: Node, name: str, mine: Array | None) -> Judged:
        """The verdict on one value."""
        right, carried = (np.asarray(found[node], float) for found in (self.right, self.carried))
        about = name, self.program.labels[node], node
        if mine is None:
            return Judged(*about, "not given", None, right, carried, self.dtype)
        allowed = self.allowed[node]
        decimals = self.decimals.get(name, decimals_of(mine))
        mine = mine.astype(float)
        if mine.shape != right.shape:
            return Judged(
                *about,
                "wrong",
                mine,
                right,
                carried,
                self.dtype,
                allowed=allowed,
                decimals=decimals,
                note=f"shape {mine.shape}, where {self.program.labels[node]} has {node.shape}",
            )

        def judged(verdict: Verdict, by: Array, **more: Any) -> Judged:
            off = distance(mine, by)
            return Judged(
                *about,
                verdict,
                mine,
                right,
                carried,
                self.dtype,
                off,
                ulps(off, by, self.dtype),
                **({"allowed": allowed} | more),
            )

        if np.array_equal(mine, right.astype(self.dtype).astype(float), equal_nan=True):
            return judged("exact", right)
        if distance(mine, right) <= allowed:
            return judged("rounding", right)
        if (found := self._by_hand(node, mine, right, decimals, {})) is not None:
            return judged("rounding", right, **found)
        note = "" if np.isfinite(mine).all() or not np.isfinite(carried).all() else "it holds NaN or inf"
        if same(right, carried, allowed):
            return judged("wrong", right, decimals=decimals, note=note)
        from_mine = self.from_mine[node]
        found = {} if distance(mine, carried) <= from_mine else self._by_hand(node, mine, carried, decimals, self.given)
        if found is None:
            return judged("wrong", carried, decimals=decimals, allowed=from_mine, note=note)
        return judged("carried forward", carried, **({"allowed": from_mine} | found))

    def _by_hand(
        self, node: Node, mine: Array, by: Array, decimals: int | None, given: Mapping[Node, Array]
    ) -> dict[str, Any] | None:
        """How a number written to a few decimals is near enough; None if it is not."""
        if decimals is None or not has_two_digits(float(np.max(np.abs(mine), initial=0.0)), decimals):
            return None
        half = half_units(mine, decimals)
        if distance(mine / half, by / half) <= 1:
            return {"allowed": float(half.max()), "decimals": decimals, "note": f"rounded to {in_decimals(decimals)}"}
        by_steps = tolerances(self.program, given, by_hand(decimals))[node]
        if distance(mine, by) <= by_steps <= 0.1 * float(np.max(np.abs(by), initial=0.0)):
            note = f"as near as working with {in_decimals(decimals)} allows"
            return {"allowed": by_steps, "decimals": decimals, "note": note}
        return None


def decimals_of(given: Array) -> int | None:
    """To how many decimals numbers seem to be written down by hand; None if they look computed.

    >>> decimals_of(np.array([0.15, 0.5])), decimals_of(np.array(0.1 + 0.2)), decimals_of(np.array(3))
    (2, None, 0)
    """
    if given.size == 0 or not np.isfinite(given).all():
        return None
    if given.dtype.kind in "iu":
        return 0
    most = 0
    for x in given.ravel()[:1000]:
        whole, _, places = np.format_float_positional(x, trim="-").partition(".")
        if (
            len((whole + places).strip("-0")) > WRITTEN_DIGITS.get(given.dtype.itemsize, 0)
            or len(places) > MOST_DECIMALS
        ):
            return None
        most = max(most, len(places))
    return most


def half_units(mine: Array, decimals: int) -> Array:
    """Half a unit in the last place written, for each number.

    Numbers of different size are often written with as many digits, not as many decimals: -0.151 beside 0.0582.
    """
    with np.errstate(divide="ignore"):
        sizes = np.where(mine == 0, -np.inf, np.floor(np.log10(np.abs(mine))))
    digits = max((len(f"{abs(x):.{decimals}f}".replace(".", "").strip("0")) for x in mine.ravel()), default=1)
    units: Array = np.maximum(10.0**-decimals, 10.0 ** (sizes - digits + 1))
    return 0.5 * units * (1 + 1e-9)


def distance(a: Array, b: Array) -> float:
    """The largest difference between numbers in the same place; inf where only one of them is finite."""
    if a.shape != b.shape:
        return math.inf
    with np.errstate(all="ignore"):
        off = np.abs(a - b)
        alike = (a == b) | (np.isnan(a) & np.isnan(b))
    return float(np.max(np.where(alike, 0.0, np.where(np.isnan(off), np.inf, off)), initial=0.0))


def same(a: Array, b: Array, allowed: float) -> bool:
    """Equal, but for rounding."""
    return distance(a, b) <= allowed


def ulps(off: float, by: Array, dtype: Precision) -> float:
    """A distance in units in the last place of the array's largest number."""
    finite = np.abs(by[np.isfinite(by)])
    largest = float(finite.max()) if finite.size else 0.0
    unit = float(np.spacing(np.asarray(max(largest, float(np.finfo(dtype).tiny))).astype(dtype)))
    return off / unit
