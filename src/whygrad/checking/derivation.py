"""``check_derivation``: is a derivation made by hand right, and if not, which step is the first wrong one, and why?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import optree

from whygrad.checking.blame import farthest_up, find_mistakes
from whygrad.checking.judge import Judged, judge
from whygrad.checking.learner import numbers_of
from whygrad.checking.network import check_network
from whygrad.checking.place import Attempt
from whygrad.checking.replay import Array
from whygrad.checking.verdict import DerivationVerdict, Step
from whygrad.checking.written import corrected_line
from whygrad.errors import ArgumentError, public
from whygrad.graph.node import Node
from whygrad.graph.record import Program, record
from whygrad.nn.network import Network

Mine = Mapping[str, Any] | Callable[..., Mapping[str, Any]]


@public
def check_derivation(
    f: Callable[..., Any] | Network,
    *args: Any,
    mine: Mine,
    decimals: Mapping[str, int] | None = None,
    **kwargs: Any,
) -> DerivationVerdict:
    """Judge your own derivation of ∂C/∂(anything) step by step, name the first wrong step, and find the mistake in it.

    ``f``: a function written with NumPy that returns the cost, called with ``args`` and ``kwargs``; or a ``Network``,
    with ``args`` being x and y (one example, or rows).
    ``mine``: your gradients by the names of the values they are by: ``{"h2": ..., "W1": ...}``, numbers or arrays of
    those values' shapes. The names are f's own variables, arguments included; ``dW1`` means ``W1``, ``delta2`` means
    ``z2``, ``h[0]`` the first h of a loop. In a network: ``W1``, ``b1``, ``z1`` or ``delta1``, ``a1``, layers from 1.
    Or a function of yours that returns such a mapping: it is called as f is; for a network, as ``mine(network, x, y)``.
    ``decimals``: to how many decimals you rounded, by name, where the numbers do not show it (0.50 is 0.5 to Python).

    Every number is judged twice, against the right one and against what the rules give from your own numbers nearer to
    the cost, so that an error carried forward is told from a new one. What counts as rounding is measured on the
    function itself, in your precision.

    Raises ArgumentError for a name that no value has, and what ``explain`` raises for a function it can not follow.

    >>> def neuron(w, b, x, y):
    ...     return (w * x + b - y) ** 2
    >>> verdict = check_derivation(neuron, 2.0, 1.0, 3.0, 5.0, mine={"w": 6.0, "b": 4.0})
    >>> verdict.first_wrong.name, verdict.first_wrong.mistakes[0].sentence
    ('w', 'a factor 2 is missing from ∂C/∂w')
    """
    if isinstance(f, Network):
        if len(args) != 2 or kwargs:
            raise ArgumentError(
                f"a network is checked on x and y, and {len(args)} argument(s) were given",
                try_="wg.check_derivation(network, x, y, mine=...)",
            )
        return check_network(f, *args, mine, decimals, verdict_on)
    precision = precision_of((*args, *kwargs.values()))
    wide: Any = optree.tree_map(_widened, cast("Any", (args, kwargs)))
    program = record(f, *wide)
    return verdict_on(program, numbers_of(mine, args, kwargs), precision, decimals)


def precision_of(tree: Any) -> np.dtype[Any]:
    """The precision of a function's arguments: that of its arrays; float64 where there are only Python's numbers."""
    leaves: list[Any] = optree.tree_leaves(tree)
    dtypes = [x.dtype for x in leaves if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f"]
    return np.result_type(*dtypes) if dtypes else np.dtype(float)


def _widened(x: Any) -> Any:
    """The same numbers in float64: what is right is worked out more exactly than it is judged. Arrays are copied: a
    backward function that writes into its arguments changes nothing that was recorded.
    """
    narrow = isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f" and x.dtype.itemsize < 8
    return x.astype(float) if narrow else x.copy() if isinstance(x, np.ndarray) else x


def verdict_on(
    program: Program,
    mine: Mapping[str, Any],
    precision: np.dtype[Any],
    decimals: Mapping[str, int] | None = None,
    note: str = "",
) -> DerivationVerdict:
    """The verdict on a learner's numbers about a recorded program."""
    dtype = None if precision == np.dtype(float) else precision
    instead: dict[Node, Array] = {}
    explained: dict[Node, Step] = {}
    while True:
        judged = judge(program, mine, dtype=dtype, decimals=decimals, instead=instead)
        step = next((one for one in judged if one.verdict == "wrong" and one.node not in explained), None)
        if step is None:
            break
        explained[step.node] = _explained(program, judged, step, instead)
        for found in explained[step.node].mistakes[:1]:
            if found.at is not step.node:
                instead[found.at] = found.arrival  # a step that was not shown: what follows from it is carried forward
    steps = tuple(explained.get(one.node) or Step(one) for one in judged)
    shown = judged[0].dtype if judged else precision
    return DerivationVerdict(
        program.function, program.label(program.output), float(program.output.value), steps, shown.name, note
    )


def _explained(program: Program, judged: list[Judged], step: Judged, instead: Mapping[Node, Array]) -> Step:
    """A wrong step with its mistakes and the line as it should be."""
    given = {one.node: one.mine for one in judged if one.mine is not None and not one.shape_differs}
    derivation = Attempt(program, {**instead, **{n: v for n, v in given.items() if n is not step.node}})
    others = [one for one in judged if one.verdict == "wrong" and one is not step and not one.shape_differs]
    alone = Attempt(program, {**instead, **{one.node: given[one.node] for one in judged if one.passed}})
    found = find_mistakes(derivation, step)
    if len(found) == 1:
        found = [farthest_up(alone, step, found[0], others)]
    at = found[0].at if found and found[0].at in program.labels else step.node
    return Step(step, tuple(found), corrected_line(derivation, at))
