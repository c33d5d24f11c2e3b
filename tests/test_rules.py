"""Every promise of every rule, checked by measurement: being in the table is being tested.

Derivatives are compared along random directions, ⟨w, J v⟩ = ⟨Jᵀ w, v⟩, so a check costs a handful of evaluations
whatever the shapes. The checks are functions that raise AssertionError; further down they are run on rules that are
wrong on purpose.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import pkgutil
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import optree
import pytest

import whygrad as wg
import whygrad.rules
from whygrad.derivatives.measure import FLOAT64, slope
from whygrad.explain.symbol import formulas
from whygrad.rules.choices import where
from whygrad.rules.define import DERIVED, RULES, At, Derived, Rule, at, make
from whygrad.rules.linear import matmul
from whygrad.rules.sums import copies, sum_
from whygrad.rules.sums import shape as shape_of

for _module in pkgutil.iter_modules(whygrad.rules.__path__):
    importlib.import_module(f"whygrad.rules.{_module.name}")

Tested = Rule | Derived
TABLE: list[Tested] = [*RULES.values(), *DERIVED.values()]
PLACES = [pytest.param(row, place, id=f"{row.name}-{i}") for row in TABLE for i, place in enumerate(row.tested_at)]
RULE_LIST = [pytest.param(rule, id=rule.name) for rule in RULES.values()]


def _random(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


class Trial:
    """A rule at one of its test points, as a function of its floating-point inputs alone."""

    def __init__(self, row: Tested, place: At, dtype: str = "float64") -> None:
        self.row, self.place, self.rng = row, place, _random(f"{row.name} {place.shapes}")
        drawn, self.structure = optree.tree_flatten(place.draw(self.rng))
        self.inputs = [np.asarray(x, dtype) if _is_float(x) else x for x in drawn]
        self.moving = [i for i, x in enumerate(self.inputs) if _is_float(x) and self._has_slope(i)]
        self.xs = [self.inputs[i] for i in self.moving]

    def _has_slope(self, i: int) -> bool:
        return not isinstance(self.row, Rule) or self.row.pull(i) is not None

    def __call__(self, *xs: Any) -> Any:
        """The rule as its user meets it: a NumPy function is called as NumPy's."""
        args = list(self.inputs)
        for i, x in zip(self.moving, xs, strict=True):
            args[i] = x
        row = self.row
        function = row if isinstance(row, Rule) else row.function if row.numpy is None else _numpys(row)
        return function(*self.structure.unflatten(args), **self.place.params)

    def cost(self, w: Any) -> Callable[..., Any]:
        """A curved scalar function of the rule's result, so that second derivatives exist even of linear rules."""
        return lambda *xs: np.sum((w + 0.5 * (out := self(*xs))) * out)

    def directions(self, dtype: str = "float64") -> list[np.ndarray]:
        sizes = [self.rng.uniform(0.5, 1.5, x.shape) for x in self.xs]
        return [np.asarray(size * self.rng.choice([-1, 1], size.shape), dtype) for size in sizes]

    def weights(self, dtype: str = "float64") -> np.ndarray:
        return np.asarray(self.rng.uniform(0.5, 1.5, np.shape(self(*self.xs))), dtype)


def _numpys(row: Derived) -> Callable[..., Any]:
    return getattr(*row.numpy) if isinstance(row.numpy, tuple) else row.numpy


def _is_float(x: Any) -> bool:
    return isinstance(x, float) or getattr(x, "dtype", np.dtype(int)).kind == "f"


def _dot(xs: list[Any], ys: list[Any]) -> float:
    return float(sum(np.vdot(x, y) for x, y in zip(xs, ys, strict=True)))


def assert_agrees(computed: float, f: Callable[[float], float], scale: float) -> None:
    """``computed`` is the slope of f at 0, to a millionth of it; and f could be measured well enough to tell."""
    measured = slope(f, FLOAT64)
    tolerance = 1e-6 * abs(measured.value) + 1e-9 * scale
    assert measured.error <= 1e-4 * abs(measured.value) + 1e-7 * scale, f"can not be measured here: {measured}"
    assert abs(computed - measured.value) <= tolerance + measured.error, f"computed {computed}, measured {measured}"


# ── the promises ─────────────────────────────────────────────────────────────────────────────────────────────────────


def check_first_derivative(row: Tested, place: At) -> None:
    trial = Trial(row, place)
    w, directions = trial.weights(), trial.directions()
    out, pull = wg.vjp(trial, *trial.xs)
    flows = pull(w)
    for i, (x, v) in enumerate(zip(trial.xs, directions, strict=True)):
        def along(t: float, i: int = i, x: Any = x, v: Any = v) -> float:
            return float(np.sum(w * trial(*trial.xs[:i], x + t * v, *trial.xs[i + 1:])))
        assert flows[i].shape == x.shape
        assert_agrees(_dot([flows[i]], [v]), along, scale=float(np.sum(np.abs(w * out))))


def check_second_derivative(row: Tested, place: At) -> None:
    trial = Trial(row, place)
    if not trial.xs:
        return
    v, d = trial.directions(), trial.directions()
    everything = tuple(range(len(trial.xs)))
    gradient = wg.grad(trial.cost(trial.weights()), everything)

    def along_v(*xs: Any) -> Any:
        total = 0.0
        for g, part in zip(gradient(*xs), v, strict=True):
            total = total + np.sum(g * part)
        return total

    def along_d(t: float) -> float:
        return float(along_v(*[x + t * part for x, part in zip(trial.xs, d, strict=True)]))

    second = wg.grad(along_v, everything)(*trial.xs)
    first = float(np.sum([np.sum(np.abs(g)) for g in gradient(*trial.xs)]))
    assert_agrees(_dot(list(second), d), along_d, scale=1.0 + first)


def check_forward_mode(row: Tested, place: At) -> None:
    trial = Trial(row, place)
    w, v = trial.weights(), trial.directions()
    flows = wg.vjp(trial, *trial.xs)[1](w)
    still = [np.zeros_like(x) for x in trial.xs]
    for moved in [v, *([*still[:i], e, *still[i + 1:]] for i, e in enumerate(v))]:
        out, change = wg.jvp(trial, trial.xs, moved)
        assert np.shape(change) == np.shape(out)
        terms = np.concatenate([np.ravel(f * e) for f, e in zip(flows, moved, strict=True)])
        assert abs(_dot([w], [change]) - terms.sum()) <= 1e-9 * (np.abs(terms).sum() + np.sum(np.abs(w * change)))


def check_dtype_is_kept(row: Tested, place: At) -> None:
    trial, double = Trial(row, place, "float32"), Trial(row, place)
    if "dtype" in place.params or not trial.xs:  # a change of dtype is what it was asked for
        return
    out, pull = wg.vjp(trial, *trial.xs)
    w = trial.weights("float32")
    assert out.dtype == np.float32
    expected = wg.vjp(double, *double.xs)[1](w.astype(float))
    for flow, flow64 in zip(pull(w), expected, strict=True):
        assert flow.dtype == np.float32
        np.testing.assert_allclose(flow, flow64, rtol=2e-3, atol=2e-4 * (1 + np.max(np.abs(flow64), initial=0)))
    assert wg.jvp(trial, trial.xs, trial.directions("float32"))[1].dtype == np.float32


def check_formula(row: Rule, place: At) -> None:
    """The printed formula, run as Python, gives the slope."""
    trial = Trial(row, place)
    out = row(*trial.inputs, **place.params)
    names = {**RULES, **dict(zip(row.inputs, trial.inputs, strict=True)), "out": out}
    for slope_, formula in zip(row.slopes or (), formulas(row, **place.params), strict=True):
        if slope_ is None:
            assert formula is None
            continue
        expected = slope_(out, *trial.inputs, **place.params) if callable(slope_) else slope_
        np.testing.assert_allclose(eval(formula.text, names), expected, rtol=1e-12, atol=1e-300)


def check_kinks_are_explained(rule: Rule) -> None:
    """Wherever the slopes from left and right differ, at the numbers people use, a convention says what is returned."""
    if rule.slopes is None or rule.convention:
        return
    trial = Trial(rule, rule.tested_at[0])
    for point in itertools.product((-1.0, 0.0, 0.5, 1.0), repeat=len(trial.moving)):
        for k in range(len(point)):
            f = _along_one(trial, point, k)
            with np.errstate(all="ignore"):
                exists = np.isfinite(f(0.0))
            assert not (exists and slope(f).kink), f"{rule.name} has no derivative at {point}, and no convention"


def _along_one(trial: Trial, point: tuple[float, ...], k: int) -> Callable[[float], float]:
    """The rule at a point of plain numbers, as a function of the k-th alone."""
    return lambda t: float(np.max(trial(*(np.float64(x + t * (i == k)) for i, x in enumerate(point)))))


@pytest.mark.parametrize(("row", "place"), PLACES)
def test_the_first_derivative_is_the_measured_one(row: Tested, place: At) -> None:
    check_first_derivative(row, place)


@pytest.mark.parametrize(("row", "place"), PLACES)
def test_the_second_derivative_is_the_measured_one(row: Tested, place: At) -> None:
    check_second_derivative(row, place)


@pytest.mark.parametrize(("row", "place"), PLACES)
def test_forward_mode_agrees_with_reverse_mode(row: Tested, place: At) -> None:
    check_forward_mode(row, place)


@pytest.mark.parametrize(("row", "place"), PLACES)
def test_float32_in_is_float32_out(row: Tested, place: At) -> None:
    check_dtype_is_kept(row, place)


@pytest.mark.parametrize(("row", "place"), [p for p in PLACES if getattr(p.values[0], "slopes", None)])
def test_the_printed_formula_computes_the_slope(row: Rule, place: At) -> None:
    check_formula(row, place)


@pytest.mark.parametrize(("row", "place"), [p for p in PLACES if getattr(p.values[0], "numpy", None)])
def test_a_derived_function_has_numpys_value_and_shape(row: Derived, place: At) -> None:
    trial = Trial(row, place)
    args = trial.structure.unflatten(trial.inputs)
    ours, numpys = row.function(*args, **place.params), _numpys(row)(*args, **place.params)
    assert np.shape(ours) == np.shape(numpys)
    np.testing.assert_allclose(ours, numpys, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("rule", RULE_LIST)
def test_every_rule_explains_itself(rule: Rule) -> None:
    for sentence in rule.because:
        assert len(sentence.split()) >= 3, sentence
    names = {name.lstrip("*"): name.lstrip("*") for name in rule.inputs}
    assert rule.written.format(**names)
    assert rule.because[0] in (rule.__doc__ or "")  # what help() shows


@pytest.mark.parametrize("rule", RULE_LIST)
def test_where_a_derivative_does_not_exist_a_convention_says_what_is_returned(rule: Rule) -> None:
    check_kinks_are_explained(rule)


@pytest.mark.parametrize("rule", [p for p in RULE_LIST if p.values[0].differentiable])
def test_a_slope_that_is_wrong_by_a_thousandth_is_noticed(rule: Rule) -> None:
    for i in range(len(rule.inputs)):
        if rule.pulls[i] is None:
            continue
        pulls = list(rule.pulls)
        pulls[i] = lambda *args, exact=pulls[i], **params: exact(*args, **params) * 1.001
        wrong = dataclasses.replace(rule, pulls=tuple(pulls))
        assert any(_fails(check_first_derivative, wrong, place) for place in rule.tested_at), f"not noticed: input {i}"


def test_every_module_of_rules_is_loaded_with_whygrad() -> None:
    from whygrad.rules.table import MODULES

    helpers = {"define", "table"}
    found = {module.name for module in pkgutil.iter_modules(whygrad.rules.__path__)} - helpers
    assert found == {module.__name__.rpartition(".")[2] for module in MODULES}


# ── the checks are checked: every kind of mistake is caught by one of them ───────────────────────────────────────────

HERE = at((2, 3))
TEXT: dict[str, Any] = {"written": "f({x})", "because": ("a rule for a test",), "tested_at": (HERE,)}
PAIR: dict[str, Any] = {"written": "f({x},{y})", "because": ("a rule for a test",) * 2}

WRONG = {
    "a factor is wrong": (check_first_derivative, make("f", "x", np.square, slopes=(lambda out, x: x,), **TEXT)),
    "a sign is wrong": (check_first_derivative,
        make("f", "x", np.cos, slopes=(lambda out, x: RULES["sin"](x),), **TEXT)),
    "a term is forgotten": (check_first_derivative,
        make("f", "x", lambda x: x * np.exp(x), slopes=(lambda out, x: RULES["exp"](x),), **TEXT)),
    "the sum over copies is forgotten": (check_first_derivative,
        make("f", "x", lambda x: np.sum(x * x[:1], axis=0), pulls=(lambda g, out, x: g * x,), **TEXT)),
    "the slope is taken at the output, not at the input": (check_first_derivative,
        make("f", "x", np.square, slopes=(lambda out, x: 2.0 * out,), **TEXT)),
    "a matrix is not transposed": (check_first_derivative,
        make("f", "x y", np.matmul, pulls=(lambda g, out, x, y: g @ y, lambda g, out, x, y: x @ g),
             linear="each", tested_at=(at((3, 3), (3, 3)),), **PAIR)),
    "the mean's 1/n is forgotten": (check_first_derivative,
        make("f", "x", np.mean, pulls=(lambda g, out, x: copies(g, shape=shape_of(x)),), **TEXT)),
    "the derivative's own derivative is lost": (check_second_derivative,
        make("f", "x", np.square, slopes=(lambda out, x: 2.0 * wg.stop_gradient(x),), **TEXT)),
    "each is declared where jointly is true": (check_forward_mode,
        make("f", "x y", np.add, pulls=(lambda g, out, x, y: g,) * 2, linear="each",
             tested_at=(at((2, 3), (2, 3)),), **PAIR)),
    "jointly is declared where each is true": (check_forward_mode,
        make("f", "x y", np.matmul, pulls=matmul.pulls, linear="jointly", tested_at=(at((2, 3), (3, 2)),), **PAIR)),
    "linear is declared and it is not": (check_forward_mode,
        make("f", "x", np.square, pulls=(lambda g, out, x: 2.0 * g * x,), linear="each", **TEXT)),
    "the value's dtype is lost": (check_dtype_is_kept,
        make("f", "x", lambda x: x * np.float64(2.0), slopes=(2.0,), **TEXT)),
    "a kink goes unmentioned": (lambda rule, _: check_kinks_are_explained(rule),
        make("f", "x", np.abs, slopes=(lambda out, x: where(x > 0.0, 1.0, -1.0),), **TEXT)),
}


def _fails(check: Callable[..., None], rule: Rule, place: At) -> bool:
    try:
        check(rule, place)
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("mistake", WRONG)
def test_a_rule_that_is_wrong_on_purpose_is_caught(mistake: str) -> None:
    check, rule = WRONG[mistake]
    assert _fails(check, rule, rule.tested_at[0]), mistake


def test_a_right_rule_passes_the_same_checks() -> None:
    rule = make("f", "x", lambda x: np.sum(x * np.sin(x), axis=0), linear="",
                pulls=(lambda g, out, x: g * (RULES["sin"](x) + x * RULES["cos"](x)),), **TEXT)
    for check in (check_first_derivative, check_second_derivative, check_forward_mode, check_dtype_is_kept):
        check(rule, HERE)


def test_a_rule_with_a_derivative_but_no_test_point_does_not_load() -> None:
    with pytest.raises(wg.errors.RuleError, match="no test point"):
        make("f", "x", np.square, slopes=(lambda out, x: 2.0 * x,), written="{x}", because=("twice the input itself",))
    assert sum_.name in RULES
