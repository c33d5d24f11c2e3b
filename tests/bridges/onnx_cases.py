"""The ONNX project's own node tests, and which of them whygrad's table of operators covers."""

from __future__ import annotations

import functools
import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import whygrad as wg
from whygrad.bridges.onnx_import import from_onnx
from whygrad.bridges.onnx_operators import find, table
from whygrad.errors import UnsupportedError, WhygradError

LARGEST = 30_000  # numbers: with more, two that compete for a maximum lie closer together than a measurement can tell

# Kinds of values that NumPy has no arrays for: from_onnx refuses them by name.
NO_ARRAYS = r"it holds (BFLOAT16|FLOAT8\w+|FLOAT4\w+|U?INT[24]|STRING)|is a (sequence_type|optional_type)"

# Tests of operators in the table that from_onnx refuses for other reasons; by the beginning of their names.
EXCEPTIONS = {
    "test_training_dropout_default": "which numbers are left out in training is random",
    "test_training_dropout$": "which numbers are left out in training is random",
    "test_training_dropout_mask": "which numbers are left out in training is random",
    "test_mvn$": "onnx 1.23 itself refuses the file: the body of its function has a Constant without a value",
    "test_not_": "written for opset 1; opsets from 7 on are read",
}


@functools.lru_cache(maxsize=1)
def all_cases() -> tuple[Any, ...]:
    """Every node test of the installed onnx; making them takes some seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        return tuple(load_model_tests(kind="node"))


def covered() -> list[Any]:
    """The tests all of whose operators stand in the table."""
    known = table()
    return [
        case for case in all_cases()
        if all(node.op_type in known and node.domain in ("", "ai.onnx") for node in case.model.graph.node)
        and not any(re.match(name, case.name) for name in EXCEPTIONS)
    ]  # fmt: skip


def arrays(values: Any) -> list[Any]:
    """A test's inputs or outputs as arrays."""
    from onnx import TensorProto, numpy_helper

    return [numpy_helper.to_array(x) if isinstance(x, TensorProto) else np.asarray(x) for x in values]


def as_tuple(out: Any) -> tuple[Any, ...]:
    return out if isinstance(out, tuple) else (out,)


@dataclass
class Results:
    """How many node tests of each operator came out right, and what went wrong, by the test's name."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.right.total()


def operator_of(case: Any) -> str:
    """The operator that a test is about; of one written out as a function, the first of its nodes."""
    return str(case.model.graph.node[0].op_type)


@functools.lru_cache(maxsize=1)
def values() -> Results:
    """Every covered test's outputs, compared with what the ONNX project expects, within the test's own tolerance."""
    results = Results()
    with np.errstate(all="ignore"):
        for case in covered():
            try:
                model = from_onnx(case.model)
                for inputs, expected in case.data_sets:
                    for x, y in zip(as_tuple(model(*arrays(inputs))), arrays(expected), strict=True):
                        assert (x.dtype, x.shape) == (y.dtype, y.shape)
                        np.testing.assert_allclose(x, y, rtol=case.rtol, atol=case.atol)
                results.right[operator_of(case)] += 1
            except UnsupportedError as error:
                if not re.search(NO_ARRAYS, str(error)):
                    results.wrong[case.name] = str(error)
            except (WhygradError, AssertionError) as error:
                results.wrong[case.name] = str(error)
    return results


@functools.lru_cache(maxsize=1)
def slopes() -> Results:
    """The derivative along a random direction at every covered test, compared with a measurement in float64."""
    results = Results()
    with np.errstate(all="ignore"):
        for case in covered():
            if "_expanded" in case.name:
                continue
            try:
                found = slope_along(case)
            except UnsupportedError as error:
                if not re.search(NO_ARRAYS, str(error)):
                    results.wrong[case.name] = str(error)
                continue
            if found is None:
                continue
            slope, measured, size = found
            if abs(slope - measured) <= 1e-6 * max(size, 1.0):
                results.right[operator_of(case)] += 1
            else:
                results.wrong[case.name] = f"{slope} by the engine, {measured} by measurement"
    return results


def slope_along(case: Any) -> tuple[float, float, float] | None:
    """The derivative along a random direction, by the engine and by measurement, and the size of what adds up to it.

    In float64, at the test's own inputs moved a little; None where nothing of the output has a slope there.
    """
    node = case.model.graph.node[0]
    row = find(node.op_type, _since(case, node.op_type))
    assert row is not None
    rng = np.random.default_rng(0)
    given = arrays(case.data_sets[0][0])
    floats = [i for i, x in enumerate(given) if x.dtype in (np.float32, np.float64)]
    places = {port.name: i for i, port in enumerate(case.model.graph.input)}
    steering = {places[name] for i, name in enumerate(node.input) if i in row.constants and name in places}
    free = [i for i in floats if i not in steering]
    if not free or sum(x.size for x in given) > LARGEST:
        return None
    given = [x.astype(float) if i in floats else x for i, x in enumerate(given)]
    start = [given[i] + 0.01 * rng.normal(size=given[i].shape) for i in free]
    model = from_onnx(case.model)

    def total(*moved: Any) -> Any:
        inputs = list(given)
        for i, x in zip(free, moved, strict=True):
            inputs[i] = x
        weights = np.random.default_rng(1)
        outs = [out for out in as_tuple(model(*inputs)) if out.dtype.kind == "f"]
        return sum((np.sum(out * weights.normal(size=out.shape)) for out in outs), start=0.0)

    if not isinstance(total(*start), np.floating) or not np.isfinite(total(*start)):
        return None
    gradients = wg.grad(total, argnums=tuple(range(len(free))))(*start)
    direction = [rng.normal(size=x.shape) for x in start]
    h = 1e-6
    ahead, behind = (total(*(x + s * h * d for x, d in zip(start, direction, strict=True))) for s in (1, -1))
    parts = [g * d for g, d in zip(gradients, direction, strict=True)]
    return (
        float(sum(p.sum() for p in parts)),
        float((ahead - behind) / (2 * h)),
        float(sum(np.abs(p).sum() for p in parts)),
    )


def _since(case: Any, kind: str) -> int:
    import onnx

    version = next(entry.version for entry in case.model.opset_import if entry.domain in ("", "ai.onnx"))
    return int(onnx.defs.get_schema(kind, version, "").since_version)
