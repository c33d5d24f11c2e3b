"""A matrix taken apart: cholesky, qr, eigh, svd.

A rule's value is one array, so the parts of a decomposition lie side by side in it, and functions at the end cut them out.
``cholesky`` and ``eigh`` read one triangle of their matrix, as NumPy does; their gradients lie in that triangle too.
Formulas: M. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", 2008; S. Walter and L. Lehmann for qr, "Algorithmic differentiation of linear algebra functions", 2018;
I. Murray for cholesky, "Differentiation of the Cholesky decomposition", 2016.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from whygrad.errors import ArgumentError, UnsupportedError
from whygrad.rules.choices import where
from whygrad.rules.define import At, Value, define, refuse, spells
from whygrad.rules.linalg import checked, inv, result_type, sides, tall
from whygrad.rules.linear import column, flipped, given, row
from whygrad.rules.queries import plain
from whygrad.rules.shapes import join
from whygrad.rules.sums import shape, sum_

Triangle = Literal["L", "U"]

EQUAL = "equal {0} values: the part of the slope that turns their vectors into each other counts as 0"


def symmetric(*sizes: int) -> At:
    """A test point: stacked matrices whose lower triangle stands for a positive definite one; the rest does not count."""
    def draw(rng: np.random.Generator) -> list[Value]:
        n = sizes[-1]
        return [rng.uniform(-0.5, 0.5, (*sizes, n)) + np.diag(np.arange(2.0, n + 2))]
    return At(given=draw)


def lower_half(x: Value) -> Value:
    """The lower triangle, with half of the diagonal: how a symmetric gradient belongs to the numbers of that triangle."""
    n = shape(x)[-1]
    return x * (np.tri(n, dtype=x.dtype) - np.eye(n, dtype=x.dtype) * x.dtype.type(0.5))


def diagonal(x: Value) -> Value:
    """Vectors as diagonal matrices."""
    return np.eye(shape(x)[-1], dtype=x.dtype) * row(x)


def inverse_gaps(x: Value) -> Value:
    """1 / (x[j] - x[i]) in row i, column j; 0 on the diagonal and wherever both are equal but for rounding."""
    gap = row(x) - column(x)
    rounding = 4 * shape(x)[-1] * np.finfo(x.dtype).eps
    apart = gap * gap > rounding ** 2 * column(column(sum_(x * x, axis=-1)))
    return where(apart, 1.0, 0.0) / where(apart, gap, 1.0)


# ---- the lower triangle of a symmetric matrix -----------------------------------------------------------------------------


def _pull_cholesky(g: Value, out: Value, x: Value) -> Value:
    inverse = inv(out)
    s = flipped(inverse) @ lower_half(flipped(out) @ g) @ inverse
    return lower_half(s + flipped(s))


cholesky_rule = define("cholesky", "x", checked("cholesky", np.linalg.cholesky),
    pulls=(_pull_cholesky,),
    written=r"\mathrm{{chol}}({x})",
    because=("the lower triangle alone is read, each of its numbers standing for two",),
    convention="a matrix that is not positive definite is an error",
    tested_at=(symmetric(3), symmetric(2, 2), symmetric(1)))


def _pack_eigh(x: Value, *, uplo: Triangle = "L") -> Value:
    w, v = np.linalg.eigh(x, uplo)
    return np.concatenate([w[..., None], v], axis=-1)


def _pull_eigh(g: Value, out: Value, x: Value, *, uplo: Triangle = "L") -> Value:
    w, v = out[..., 0], out[..., 1:]
    inside = diagonal(g[..., 0]) + inverse_gaps(w) * (flipped(v) @ g[..., 1:])
    s = v @ inside @ flipped(v)
    lower = lower_half(s + flipped(s))
    return flipped(lower) if uplo == "U" else lower


eigh_rule = define("eigh", "x", checked("eigh", _pack_eigh),
    pulls=(_pull_eigh,),
    written=r"\mathrm{{eigh}}({x})",
    because=("an eigenvalue moves with vᵀ dx v; an eigenvector turns towards the others, faster the nearer their eigenvalues",),
    convention=EQUAL.format("eigen"),
    tested_at=(symmetric(3), symmetric(2, 2), symmetric(1)))


@spells(np.linalg.cholesky)
def cholesky(a: Value, /, *, upper: bool = False) -> Value:
    """``numpy.linalg.cholesky``; with ``upper=True``, uᵀu = a, from the upper triangle of ``a``."""
    a = given(a)
    return flipped(cholesky_rule(flipped(a))) if upper else cholesky_rule(a)


@spells(np.linalg.eigh)
def eigh(a: Value, UPLO: str = "L") -> Any:
    """``numpy.linalg.eigh``: (eigenvalues, eigenvectors) of the symmetric matrix in one triangle of ``a``."""
    if UPLO.upper() not in ("L", "U"):
        raise ArgumentError(f"np.linalg.eigh(..., UPLO={UPLO!r})", try_='"L" or "U": the triangle to read')
    packed = eigh_rule(given(a), uplo=UPLO.upper())
    return result_type(np.linalg.eigh)(packed[..., 0], packed[..., 1:])


@spells(np.linalg.eigvalsh, tested_at=(symmetric(3), symmetric(2, 3)), convention=EQUAL.format("eigen"))
def eigvalsh(a: Value, UPLO: str = "L") -> Value:
    """``numpy.linalg.eigvalsh``: the eigenvalues of ``eigh``."""
    return eigh(a, UPLO)[0]


# ---- any matrix -----------------------------------------------------------------------------------------------------------


def _pull_qr(g: Value, out: Value, x: Value) -> Value:
    m = shape(x)[-2]
    q, r, gq, gr = out[..., :m, :], out[..., m:, :], g[..., :m, :], g[..., m:, :]
    _check_full_rank(plain(r))
    s = lower_half(r @ flipped(gr) - flipped(gq) @ q)
    return (gq + q @ (s + flipped(s))) @ flipped(inv(r))


def _check_full_rank(r: Value) -> None:
    size = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    if (size <= size.max(axis=-1, keepdims=True, initial=0) * size.shape[-1] * np.finfo(r.dtype).eps).any():
        raise ArgumentError("the slope of np.linalg.qr at a matrix without full column rank",
                            why="some columns are combinations of others, so q can turn freely: the slope is not defined",
                            try_="leave those columns out, or np.linalg.svd")


qr_rule = define("qr", "x", checked("qr", lambda x: np.concatenate(np.linalg.qr(x), axis=-2)),
    pulls=(_pull_qr,),
    written=r"\mathrm{{qr}}({x})",
    because=("q turns and r stretches: together they follow x",),
    convention="the slope at a matrix without full column rank is an error",
    tested_at=(tall(4, 3), tall(3, 3), tall(2, 3, 2)))


@spells(np.linalg.qr)
def qr(a: Value, mode: str = "reduced") -> Any:
    """``numpy.linalg.qr``: (q, r), or r alone with ``mode="r"``. A wide matrix is factored by its first columns."""
    a = given(a)
    m, n = sides("qr", a)
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise UnsupportedError(f"np.linalg.qr(..., mode={mode!r}) has no gradient rule for a matrix of shape {(m, n)}", try_='mode="reduced"')
    k = min(m, n)
    packed = qr_rule(a[..., :k] if n > k else a)
    q, r = packed[..., :m, :], packed[..., m:, :]
    if n > k:
        r = join(r, flipped(q) @ a[..., k:], axis=-1)
    return r if mode == "r" else result_type(np.linalg.qr)(q, r)


def _pack_svd(x: Value) -> Value:
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vt, -1, -2)], axis=-2)


def _parts_of_svd(packed: Value, m: int) -> tuple[Value, Value, Value]:
    """u, s and v (not yet transposed) out of one array: u above s above v."""
    return packed[..., :m, :], packed[..., m, :], packed[..., m + 1:, :]


def _pull_svd(g: Value, out: Value, x: Value) -> Value:
    m, n = shape(x)[-2:]
    (u, s, v), (gu, gs, gv) = _parts_of_svd(out, m), _parts_of_svd(g, m)
    ut, vt, turn = flipped(u), flipped(v), inverse_gaps(s * s)
    a, b = ut @ gu, vt @ gv
    inside = diagonal(gs) + turn * (a - flipped(a)) * row(s) + column(s) * turn * (b - flipped(b))
    total = u @ inside @ vt
    nonzero = s > s[..., :1] * (max(m, n) * np.finfo(x.dtype).eps)
    per = row(where(nonzero, 1.0, 0.0) / where(nonzero, s, 1.0))  # 1/s
    if m > n:  # u may also turn out of the space of its own columns
        total = total + (gu - u @ a) * per @ vt
    if n > m:
        total = total + u @ flipped((gv - v @ b) * per)
    return total


svd_rule = define("svd", "x", checked("svd", _pack_svd),
    pulls=(_pull_svd,),
    written=r"\mathrm{{svd}}({x})",
    because=("a singular value moves with uᵀ dx v; the vectors turn, faster the nearer their singular values",),
    convention=EQUAL.format("singular") + "; so does what a zero singular value would divide",
    tested_at=(tall(4, 3), tall(2, 3), tall(2, 2, 2), tall(3, 1)))


@spells(np.linalg.svd)
def svd(a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """``numpy.linalg.svd``: (u, s, vh), or s alone with ``compute_uv=False``; only square matrices may be "full"."""
    refuse("linalg.svd", hermitian=hermitian or None)
    a = given(a)
    m, n = sides("svd", a)
    if compute_uv and full_matrices and m != n:
        raise UnsupportedError(f"np.linalg.svd of shape {(m, n)} with full_matrices=True has no gradient rule",
                               why="the vectors beyond the smaller side are not determined by the matrix", try_="full_matrices=False")
    u, s, v = _parts_of_svd(svd_rule(a), m)
    return result_type(np.linalg.svd)(u, s, flipped(v)) if compute_uv else s


@spells(np.linalg.svdvals, tested_at=(tall(4, 3), tall(2, 2, 3)), convention=EQUAL.format("singular"))
def svdvals(x: Value, /) -> Value:
    """``numpy.linalg.svdvals``: the singular values, largest first."""
    return svd(x, compute_uv=False)
