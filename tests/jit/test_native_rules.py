"""Every rule in native code: what has a native form computes what the rule's own forward does; the rest is refused
by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from whygrad.errors import UnsupportedError
from whygrad.jit import jit
from whygrad.jit.scalars import SPELLED
from whygrad.rules.define import At, Rule, at
from whygrad.rules.table import RULES

# Decompositions and sorting have no loops of ours: LAPACK and NumPy do them on the numpy backend.
NOT_NATIVE = frozenset(
    """
    argsort argpartition isposinf isneginf lexsort argwhere flatnonzero count_nonzero argmax argmin nanargmax
    nanargmin any all searchsorted digitize isin isclose allclose array_equal array_equiv ravel_multi_index
    _unravel_index survivors replace remainder fmod fraction exponent ldexp mantissa sinc cumsum recurrence
    cumprod inv solve cofactors det logabsdet sign_of_det pinv matrix_rank _rank singular_values_held cholesky
    eigh qr svd norm count_of_nonzero standardize convolve _segment _bincount _first_of_each _inverse_of_each
    _count_of_each floor_divide signbit heaviside cbrt logaddexp2 round bitwise_and bitwise_or bitwise_xor
    invert
    """.split()
)

Case = tuple[Rule, list[Any], dict[str, Any]]
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 700.0, -700.0])


def places(rule: Rule) -> list[At]:
    if rule.tested_at:
        return list(rule.tested_at)
    numbers = isinstance(rule.forward, np.ufunc) and "bitwise" not in rule.name and rule.name != "invert"
    return [at(*[(2, 3)] * len(rule.inputs))] if numbers else []


def cases(names: list[str]) -> list[Case]:
    rng = np.random.default_rng(3)
    return [(RULES[name], place.draw(rng), dict(place.params)) for name in names for place in places(RULES[name])]


NATIVE = [name for name in RULES if name not in NOT_NATIVE and name != "stop_gradient"]


def as_dtype(x: Any, dtype: Any) -> Any:
    if isinstance(x, list):
        return [as_dtype(part, dtype) for part in x]
    return x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("part", range(4))
def test_a_rule_computes_natively_what_its_forward_computes(part: int, dtype: str) -> None:
    """Many rules in one program: compiling each alone would take a second for each."""
    group = cases(NATIVE[part::4])
    arguments = [as_dtype(args, dtype) for _, args, _ in group]

    def everything(arguments: Any) -> Any:
        return [rule(*args, **params) for (rule, _, params), args in zip(group, arguments, strict=True)]

    got = jit(everything, backend="native")(arguments)
    tight = {"rtol": 1e-12, "atol": 1e-13} if dtype == "float64" else {"rtol": 2e-5, "atol": 2e-6}
    for (rule, _, params), args, found in zip(group, arguments, got, strict=True):
        with np.errstate(all="ignore"):
            wanted = np.asarray(rule.forward(*args, **params))
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), rule.name
        np.testing.assert_allclose(found, wanted, **tight, err_msg=f"{rule.name} {params}")


def test_elementwise_rules_agree_at_special_numbers() -> None:
    names = [name for name in SPELLED if name in RULES and name not in ("carry", "power", "logaddexp", "where")]
    one = [RULES[name] for name in names if len(RULES[name].inputs) == 1 and name != "exp2"]
    two = [RULES[name] for name in names if len(RULES[name].inputs) == 2]
    x, y = (a.reshape(-1) for a in np.meshgrid(SPECIAL, SPECIAL))

    def everything(s: Any, x: Any, y: Any) -> Any:
        return [rule(s) for rule in one], [rule(x, y) for rule in two]

    with np.errstate(all="ignore"):
        got, wanted = jit(everything, backend="native")(SPECIAL, x, y), everything(SPECIAL, x, y)
        for rule, found, right in zip(one + two, got[0] + got[1], wanted[0] + wanted[1], strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-12, err_msg=rule.name)


@pytest.mark.parametrize("name", sorted(name for name in NOT_NATIVE & RULES.keys() if places(RULES[name])))
def test_a_rule_without_a_native_form_is_refused_by_name(name: str) -> None:
    rule = RULES[name]
    _, args, params = cases([name])[0]
    with pytest.raises(UnsupportedError, match=name):
        jit(lambda *args: rule(*args, **params), backend="native")(*args)
