"""Every line of the table of PyTorch's operators, beside PyTorch: values and gradients in float64."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optree
import pytest

import whygrad as wg
from whygrad.bridges.torch_operators import OPERATORS, PLAIN, base, operator_of

from .torch_cases import CASES, Fixed, T, drawn, mapped

pytestmark = pytest.mark.peers("torch")
NUMBERS_UNSET = {"aten.empty", "aten.empty_like", "aten.new_empty"}  # nothing to compare
# Give Python numbers; a module of test_torch_import has one. The last exists inside exported graphs only.
NO_PYTORCH_CALL = {"aten.item", "aten._local_scalar_dense", "aten.sym_numel"}
POINTS = [(name, i) for name, points in CASES.items() for i in range(len(points))]
NOT_DIFFERENTIATED = "detach", "copy"


def test_every_operator_of_the_table_is_tried() -> None:
    tried = {base(name) for name, points in CASES.items() if points} | NUMBERS_UNSET | NO_PYTORCH_CALL
    assert {base(name) for name in OPERATORS.keys() - PLAIN.keys()} - tried - {"aten.detach_"} == set()


@pytest.mark.parametrize(("name", "i"), POINTS, ids=[f"{name}-{i}" for name, i in POINTS])
def test_value_and_gradient_are_those_of_pytorch(name: str, i: int, torch: Any) -> None:
    args, kwargs = drawn(CASES[name][i], name)
    theirs, leaves = _theirs(torch, name, args, kwargs)
    ours, pull = _ours(torch, name, args, kwargs)
    assert len(ours) == len(theirs)
    for own, other in zip(ours, theirs, strict=True):
        assert np.shape(own) == tuple(other.shape)
        np.testing.assert_allclose(own, other.detach().numpy(), rtol=1e-9, atol=1e-9)
        assert np.asarray(own).dtype == other.detach().numpy().dtype
    smooth = [k for k, x in enumerate(theirs) if x.requires_grad]
    if not smooth:
        return
    rng = np.random.default_rng(0)
    seeds = [
        rng.normal(size=np.shape(x)).astype(np.asarray(x).dtype) if k in smooth else None for k, x in enumerate(ours)
    ]
    total = sum((theirs[k] * torch.tensor(seeds[k])).sum() for k in smooth)
    expected = torch.autograd.grad(total, leaves, allow_unused=True)
    for own, other in zip(pull(seeds), expected, strict=True):
        np.testing.assert_allclose(
            own, np.zeros_like(own) if other is None else other.numpy(force=True), rtol=1e-7, atol=1e-9
        )


@pytest.mark.parametrize(("name", "i"), POINTS, ids=[f"{name}-{i}" for name, i in POINTS])
def test_float32_stays_float32(name: str, i: int, torch: Any) -> None:
    args, kwargs = mapped(drawn(CASES[name][i], name), _single)
    theirs, _ = _theirs(torch, name, args, kwargs)
    ours, _ = _ours(torch, name, args, kwargs)
    for own, other in zip(ours, theirs, strict=True):
        assert np.asarray(own).dtype == other.detach().numpy().dtype
        np.testing.assert_allclose(own, other.detach().numpy(), rtol=1e-4, atol=1e-4)


def _single(x: Any) -> Any:
    """The same argument in single precision."""
    if isinstance(x, Fixed):
        return Fixed(x.array.astype(np.float32))
    return x.astype(np.float32) if _is_float(x) else x


def _theirs(torch: Any, name: str, args: Any, kwargs: Any) -> tuple[list[Any], list[Any]]:
    leaves = []

    def tensor(x: Any) -> Any:
        if isinstance(x, T):
            return getattr(torch, x.name)
        if isinstance(x, Fixed):
            return torch.tensor(x.array)
        if not isinstance(x, np.ndarray):
            return x
        out = torch.tensor(x)
        if x.dtype.kind == "f":
            leaves.append(out.requires_grad_())
        return out

    _, packet, overload = name.split(".")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operator = getattr(getattr(torch.ops.aten, packet), overload)
        result = operator(*mapped(args, tensor), **mapped(kwargs, tensor))
    results = list(result) if isinstance(result, (list, tuple)) else [result]
    keep = 1 if any(part in name for part in ("adaptive_max", "native", "indices")) else None  # for its own backward
    return [x if isinstance(x, torch.Tensor) else torch.tensor(x) for x in results[:keep]], leaves


def _ours(torch: Any, name: str, args: Any, kwargs: Any) -> tuple[list[Any], Any]:
    run = operator_of(name)
    assert run is not None
    args, kwargs = mapped((args, kwargs), lambda x: np.dtype(x.name) if isinstance(x, T) else x)
    leaves = [x for x in optree.tree_leaves([args, kwargs]) if _is_float(x)]
    shape: list[Any] = []

    def function(*values: Any) -> Any:
        given = iter(values)
        filled = mapped((args, kwargs), lambda x: next(given) if _is_float(x) else getattr(x, "array", x))
        result = run(*filled[0], **filled[1])
        parts = list(result) if isinstance(result, (list, tuple)) else [result]
        shape[:] = [x for x in parts if x is not None]
        return [x for x in shape if getattr(x, "dtype", np.dtype(int)).kind == "f"]

    if not leaves:
        function()
        return shape, None
    with np.errstate(all="ignore"):
        values, pull = wg.vjp(function, *leaves) if function(*leaves) else (None, None)
        every = list(shape) if values is not None else []
    numbers = iter(values or [])
    if values is None:
        function(*leaves)
        return list(shape), None
    plain = [next(numbers) if getattr(x, "dtype", np.dtype(int)).kind == "f" else np.asarray(x) for x in every]

    def carried(seeds: list[Any]) -> Any:
        wanted = [
            np.zeros(np.shape(x)) if s is None else s
            for x, s in zip(plain, seeds, strict=True)
            if np.asarray(x).dtype.kind == "f"
        ]
        return pull(wanted)

    return plain, carried


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"
