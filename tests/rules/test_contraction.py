"""einsum: every spelling NumPy allows, against NumPy's value and against measurement."""

from __future__ import annotations

import numpy as np
import pytest

import whygrad as wg
from whygrad.errors import ArgumentError, ShapeError, UnsupportedError

SPELLINGS = [
    ("ij,jk", (2, 3), (3, 4)),  # implicit output
    ("ba", (2, 3)),  # implicit output sorts: a transpose
    ("ij -> ", (2, 3)),  # spaces, everything summed
    ("ii", (3, 3)),  # a trace
    ("ii->i", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("iji->ij", (3, 2, 3)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 2)),
    ("...i,...i", (2, 3), (3,)),  # implicit output with an ellipsis
    ("i...,i...->...", (3, 2), (3, 1)),  # the ellipsis broadcasts
    ("...,...->...", (2, 3), (4, 1, 3)),
    ("...i->...i", (3,)),  # an ellipsis over nothing
    ("ij,k->k", (2, 3), (4,)),  # indices of one operand only
    ("i,j,k->kj", (2,), (3,), (4,)),
    ("ij,jk,kl,l->i", (2, 3), (3, 4), (4, 2), (2,)),
    (",ij->ij", (), (2, 3)),
    ("ij,ij->", (1, 3), (2, 3)),  # a length of 1 stretches
    ("ij,ij->ij", (2, 1), (2, 3)),
    ("ij,kl->", (0, 3), (2, 2)),
]


@pytest.mark.parametrize("optimize", [None, False, True, "optimal"])
@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s[0])
def test_every_spelling_has_numpys_value_and_the_measured_slope(spelling, optimize, rng) -> None:
    subscripts, *shapes = spelling
    xs = [rng.uniform(-1, 1, shape) for shape in shapes]
    vs = [rng.uniform(-1, 1, shape) for shape in shapes]
    how = {} if optimize is None else {"optimize": optimize}
    w = rng.uniform(-1, 1, np.shape(np.einsum(subscripts, *xs)))

    def cost(*xs):
        return np.sum(w * np.einsum(subscripts, *xs, **how))

    value, gradients = wg.value_and_grad(cost, tuple(range(len(xs))))(*xs)
    assert value == pytest.approx(cost(*xs), rel=1e-13, abs=1e-15)
    for i, (g, v) in enumerate(zip(gradients, vs, strict=True)):
        moved = cost(*xs[:i], xs[i] + v, *xs[i + 1 :]) - cost(*xs[:i], xs[i] - v, *xs[i + 1 :])
        assert g.shape == xs[i].shape
        assert np.sum(g * v) == pytest.approx(moved / 2, rel=1e-9, abs=1e-12)  # exact: linear in each operand


def test_large_contractions_are_planned_and_keep_their_value(rng) -> None:
    a, b = rng.uniform(-1, 1, (2, 64, 64))
    out = wg.vjp(lambda a: np.einsum("ij,jk->ik", a, b), a)[0]
    np.testing.assert_allclose(out, a @ b, rtol=1e-12)


@pytest.mark.parametrize(
    ("error", "match", "call"),
    [
        (
            ShapeError,
            r"index 'j' has length 3 .*\(2, 3\), and 4 .*\(4, 5\)",
            lambda x: np.einsum("ij,jk", x, np.ones((4, 5))),
        ),
        (ShapeError, "index 'i' has length 2 in operand 0", lambda x: np.einsum("ii->i", x)),
        (ShapeError, "name 3 axes", lambda x: np.einsum("ijk->i", x)),
        (ArgumentError, "names 2 operand", lambda x: np.einsum("ij,jk", x)),
        (ArgumentError, "in some operand", lambda x: np.einsum("ij->k", x)),
        (ArgumentError, "leaves the axes", lambda x: np.einsum("...j->j", x)),
        (UnsupportedError, "lists of index numbers", lambda x: np.einsum(x, [0, 1], [0])),
        (UnsupportedError, "out=", lambda x: np.einsum("ij->i", x, out=np.ones(2))),
    ],
)
def test_what_does_not_fit_is_named(error, match, call) -> None:
    with pytest.raises(error, match=match) as caught:
        wg.grad(lambda x: np.sum(call(x)))(np.ones((2, 3)))
    assert __file__ in caught.value.where
