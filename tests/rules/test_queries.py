from __future__ import annotations

import numpy as np
import pytest
from tests.rules.measured import kept

import whygrad as wg
from whygrad.errors import UnsupportedError
from whygrad.rules.queries import plain

QUESTIONS = {
    "argsort": lambda x: np.argsort(x, 0),
    "argpartition": lambda x: np.argpartition(x, 1),
    "argwhere": lambda x: np.argwhere(x > 0),
    "flatnonzero": lambda x: np.flatnonzero(x > 0),
    "count_nonzero": lambda x: np.count_nonzero(x > 0),
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmin": np.argmin,
    "nanargmax": np.nanargmax,
    "any": lambda x: np.any(x > 1),
    "all": lambda x: np.all(x > 1, axis=0),
    "searchsorted": lambda x: np.searchsorted(np.arange(-2.0, 2), x),
    "searchsorted in traced": lambda x: np.searchsorted(np.sort(x[0]), 0.2),
    "digitize": lambda x: np.digitize(x, [-1, 0, 1]),
    "isin": lambda x: np.isin(x, [x[0, 0], 2]),
    "isclose": lambda x: np.isclose(x, x + 1e-12),
    "allclose": lambda x: np.allclose(x, x + 1),
    "array_equal": lambda x: np.array_equal(x, x),
    "array_equiv": lambda x: np.array_equiv(x, x[0]),
    "unravel_index": lambda x: np.unravel_index(np.argmax(x), x.shape),
    "ravel_multi_index": lambda x: np.ravel_multi_index((np.argmax(x, axis=0), np.arange(4)), x.shape),
    "triu_indices_from": lambda x: np.triu_indices_from(x, 1),
    "array2string": lambda x: np.array2string(x, precision=2),
    "lexsort": lambda x: np.lexsort((x[0], x[1])),
    "isposinf": np.isposinf,
    "shape": np.shape,
    "ndim": np.ndim,
    "size": np.size,
    "size of an axis": lambda x: np.size(x, 1),
    "result_type": lambda x: np.result_type(x, np.float32),
    "iscomplexobj": np.iscomplexobj,
    "isrealobj": np.isrealobj,
    "isreal": np.isreal,
    "iscomplex": np.iscomplex,
    "can_cast": lambda x: np.can_cast(x.dtype, np.float32),
    "common_type": np.common_type,
    "bincount": lambda x: np.bincount(np.argmax(x, axis=1)),
    "nonzero": lambda x: np.nonzero(x > 0)[1],
    "len": len,
    "unique": lambda x: np.unique(x, return_counts=True)[1],
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_gets_numpys_answer_and_no_gradient(name: str, rng: np.random.Generator) -> None:
    x, answers = rng.normal(size=(3, 4)), []
    gradient = wg.grad(lambda x: answers.append(QUESTIONS[name](x)) or np.sum(x))(x)
    np.testing.assert_array_equal(answers[0], QUESTIONS[name](x))
    assert (gradient == 1).all()
    assert (kept(lambda x: answers.append(QUESTIONS[name](x)) or np.sum(x), x) == 1).all()
    again, numpys = answers[1], QUESTIONS[name](x)
    if isinstance(numpys, tuple) and name != "shape":
        again, numpys = np.array([plain(part) for part in again]), np.array(numpys)
    np.testing.assert_array_equal(plain(again), numpys)


def test_questions_take_part_where_every_operation_is_kept(rng: np.random.Generator) -> None:
    seen = []
    kept(lambda x: seen.append(np.searchsorted(np.sort(x), x[0])) or np.sum(x), rng.normal(size=4))
    assert seen[0].rule.name == "searchsorted"
    assert len(seen[0].parents) == 2


def test_an_answer_written_elsewhere_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="out="):
        wg.grad(lambda x: np.sum(x) + np.argmax(x, out=np.zeros((), int)))(np.zeros(3))
