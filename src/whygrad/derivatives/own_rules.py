"""Rules that users add: checked by measurement before they are believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from whygrad.derivatives.check import verdict
from whygrad.derivatives.measure import Measured, slope
from whygrad.errors import RuleError, public
from whygrad.rules.define import At, Rule, Value, at, make

Derivative = Callable[..., Value] | float | None


@public
def define(
    name: str,
    inputs: str,
    forward: Callable[..., Value],
    *,
    slopes: Sequence[Derivative] | Derivative = None,
    pulls: Sequence[Derivative] | Derivative = None,
    singular: bool = False,
    linear: Literal["each", "jointly", ""] = "",
    written: str | None = None,
    because: Sequence[str] | None = None,
    convention: str = "",
    tested_at: Sequence[At] | None = None,
) -> Rule:
    r"""A function with a derivative of your own; call what is returned like the function it is.

    ``inputs``: their names, ``"x y"``. ``forward(x, y)`` computes on NumPy arrays. The derivative is given either as
    ``slopes``, number by number: one function ``(out, x, y) -> ∂out/∂input`` per input; or as ``pulls``, one function
    ``(g, out, x, y) -> contribution to the input's gradient`` per input, linear in g. ``None`` where there is no slope.
    Write them with operators and NumPy functions: then second derivatives work too.

    The derivative is measured at ``tested_at`` (by default arrays of shape (2, 3) between -2 and 2, or between 0.5 and
    2 where the function does not exist there), and a wrong one is refused. ``written`` (LaTeX), ``because`` (one
    sentence per input) and ``convention`` are for explanations; ``singular`` and ``linear`` as in
    ``whygrad.rules.define.make``. The rule is yours alone: the table that NumPy's functions are looked up in is
    unchanged.

    >>> cube = define("cube", "x", lambda x: x * x * x, slopes=lambda out, x: 3 * x**2)
    >>> from whygrad import grad
    >>> grad(cube)(2.0)
    np.float64(12.0)
    """
    if not (hasattr(inputs, "split") and callable(forward)):
        raise RuleError(f"rule {name!r}: inputs={inputs!r} and forward={forward!r}",
                        try_='wg.define("cube", "x", lambda x: x**3, slopes=lambda out, x: 3 * x**2)')
    names = inputs.split()
    count = len(names)
    rule = make(
        name, inputs, lambda *xs, **params: np.asarray(forward(*xs, **params))[()],
        slopes=_each(slopes), pulls=_each(pulls), singular=singular, linear=linear, convention=convention,
        written=written or rf"\mathrm{{{{{name}}}}}({', '.join('{' + n.lstrip('*') + '}' for n in names)})",
        because=because or ("as its own definition says",) * count,
        tested_at=tested_at or _usual_places(name, forward, count))
    for place in rule.tested_at:
        _refuse_wrong(rule, place)
    return rule


def _each(given: Any) -> Sequence[Any] | None:
    """One derivative may be given without a tuple around it."""
    if given is None:
        return None
    derivatives = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for derivative in derivatives:
        if not (derivative is None or callable(derivative) or isinstance(derivative, (int, float))):
            raise RuleError(f"a derivative is a {type(derivative).__name__}",
                            try_="a function (out, x) -> slope, a number, or None where there is no slope")
    return derivatives


def _usual_places(name: str, forward: Callable[..., Value], count: int) -> tuple[At, ...]:
    rng = np.random.default_rng(0)
    for between in ((-2.0, 2.0), (0.5, 2.0)):
        places = tuple(at(*(shape,) * count, between=between) for shape in ((2, 3), ()))
        try:
            with np.errstate(all="ignore"):
                if all(np.isfinite(forward(*place.draw(rng))).all() for place in places):
                    return places
        except (TypeError, ValueError) as error:
            raise RuleError(f"rule {name!r} can not be tried on arrays of shape (2, 3)",
                            why=str(error).partition("\n")[0],
                            try_="tested_at=(at((3, 4), (4,)),), with `from whygrad.rules.define import at`") from error
    raise RuleError(f"rule {name!r} has no value between 0.5 and 2", try_="tested_at=(at((2, 3), between=(5, 6)),)")


def _refuse_wrong(rule: Rule, place: At) -> None:
    rng = np.random.default_rng(0)
    inputs = [np.asarray(x) for x in place.draw(rng)]
    out = rule(*inputs, **place.params)
    w = np.asarray(rng.uniform(0.5, 1.5, np.shape(out)))
    for i, x in enumerate(inputs):
        pull = rule.pull(i)
        if pull is None or x.dtype.kind != "f":
            continue
        v = rng.uniform(0.5, 1.5, x.shape)

        def moved(t: float, i: int = i, step: Value = v) -> float:
            return float(np.sum(w * rule(*inputs[:i], inputs[i] + t * step, *inputs[i + 1:], **place.params)))

        try:
            flow = np.asarray(pull(w, out, *inputs, **place.params))
        except TypeError as error:
            takes = ", ".join(("out", *rule.inputs))
            raise RuleError(f"rule {rule.name!r}: its derivative number {i} can not be called", why=str(error),
                            try_=f"a slope takes ({takes}), a pull takes (g, {takes})") from error
        _compare(rule, i, flow, v, inputs, slope(moved))


def _compare(rule: Rule, i: int, flow: Value, v: Value, inputs: list[Value], measured: Measured) -> None:
    """Refuse the derivative for input i if the slope along v is not the measured one."""
    name = rule.inputs[0] if rule.variadic else rule.inputs[i]
    shape = np.shape(inputs[i])
    try:
        computed = float(np.sum(flow * v if flow.shape == shape else flow * np.broadcast_to(v, flow.shape)))
    except ValueError as error:
        raise RuleError(f"rule {rule.name!r}: the gradient for {name} has shape {flow.shape}, {name} itself {shape}",
                        why="each number of an input needs its own slope") from error
    if verdict(computed, measured, rtol=1e-5) == "wrong":
        ratio = f"; the computed one is {computed / measured.value:.6g} times the measured" if measured.value else ""
        raise RuleError(f"rule {rule.name!r}: the derivative for {name} is wrong",
                        why=f"computed {computed:.8g}, measured {measured.value:.8g}{ratio}",
                        try_=f"check the derivative given for {name}; for a function with kinks, "
                             "tested_at=(...) away from them")
