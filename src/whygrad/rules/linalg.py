"""Linear systems: inverse, solve, determinants, least squares, powers of a matrix."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from whygrad.errors import LinAlgError, ShapeError, UnsupportedError, WhygradError
from whygrad.rules.define import At, Value, define, refuse, spells
from whygrad.rules.linear import arranged, column, flipped, given, matmul, row
from whygrad.rules.queries import question
from whygrad.rules.shapes import reshape
from whygrad.rules.sums import shape, sum_

ADVICE = {"Singular matrix": "np.linalg.pinv, or a small multiple of the identity added to the matrix",
          "Matrix is not positive definite": "(a + a.T) / 2 if rounding made it unsymmetric; a small multiple of the identity added to it"}


def well_conditioned(*sizes: int, columns: tuple[int, ...] | None = None) -> At:
    """A test point: stacked square matrices, their eigenvalues far from 0, and a right side with these columns."""
    def draw(rng: np.random.Generator) -> list[Value]:
        n = sizes[-1]
        matrix = rng.uniform(-1, 1, (*sizes, n)) + 3 * np.eye(n)
        return [matrix] if columns is None else [matrix, rng.uniform(-1, 1, columns)]
    return At(given=draw)


def tall(*size: int) -> At:
    """A test point: matrices with distinct singular values, none near 0."""
    def draw(rng: np.random.Generator) -> list[Value]:
        return [rng.uniform(-1, 1, size) + 2 * np.eye(size[-2], size[-1]) * np.arange(1, size[-1] + 1)]
    return At(given=draw)


def checked(name: str, function: Callable[..., Value]) -> Callable[..., Value]:
    """A function of np.linalg whose complaint reaches the user as one error that says what to try."""

    @functools.wraps(function)
    def call(*args: Value, **params: Any) -> Value:
        try:
            return function(*args, **params)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise complaint(name, str(error), args) from None

    return call


def complaint(name: str, message: str, args: Sequence[Value]) -> WhygradError:
    """LAPACK's complaint in the user's words: about the shapes, or about the numbers."""
    shapes = " and ".join(str(np.shape(x)) for x in args)
    if any(word in message for word in ("square", "dimension", "array must be")):
        return ShapeError(f"np.linalg.{name} of shape {shapes}", why=message)
    what = {"Singular matrix": "the matrix is singular", "Matrix is not positive definite": "the matrix is not positive definite"}
    return LinAlgError(f"np.linalg.{name} of shape {shapes}: {what.get(message, message)}",
                       why="here it has no value, and no slope", try_=ADVICE.get(message, "look for NaN and inf in the matrix"))


def sides(name: str, x: Value) -> tuple[int, int]:
    """Rows and columns of a matrix, or of each in a stack."""
    if len(shape(x)) < 2:
        raise ShapeError(f"np.linalg.{name} of shape {shape(x)}", why="a matrix has two axes, a stack of matrices more")
    rows, columns = shape(x)[-2:]
    return rows, columns


def result_type(function: Callable[..., Any]) -> Callable[..., Any]:
    """The named tuple that a function of np.linalg returns; NumPy gives those classes no public names."""
    return type(function(np.eye(1)))


inv = define("inv", "x", checked("inv", np.linalg.inv),
    pulls=(lambda g, out, x: -(flipped(out) @ g @ flipped(out)),),
    written="{x}^{{-1}}",
    because=("a change dx moves the inverse by -x⁻¹ dx x⁻¹",),
    convention="a singular matrix is an error",
    tested_at=(well_conditioned(3), well_conditioned(2, 3)))


def _for_right_side(g: Value, out: Value, x: Value, y: Value) -> Value:
    if len(shape(y)) == 1:  # NumPy reads y as one vector, whatever stack of matrices it meets
        return solve(flipped(x), column(g))[..., 0]
    return solve(flipped(x), g)


def _for_matrix(g: Value, out: Value, x: Value, y: Value) -> Value:
    w = _for_right_side(g, out, x, y)
    return -column(w) * row(out) if len(shape(y)) == 1 else -w @ flipped(out)


solve = define("solve", "x y", checked("solve", np.linalg.solve),
    pulls=(_for_matrix, _for_right_side),
    written="{x}^{{-1}}{y}",
    because=("a change dx moves the solution by -x⁻¹ dx out", "a right side reaches the solution through x⁻¹: solve with xᵀ on the way back"),
    convention="a singular matrix is an error",
    tested_at=(well_conditioned(3, columns=(3,)), well_conditioned(3, columns=(3, 2)), well_conditioned(2, 3, columns=(3,)),
               well_conditioned(2, 3, columns=(2, 3, 1)), well_conditioned(3, columns=(2, 3, 2))))


def _cofactors(x: Value) -> Value:
    """From u·diag(s)·vt: det(u)·det(vt)·u·diag(products of all s but one)·vt, which exists for singular matrices too."""
    u, s, vt = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), np.ones((), s.dtype), s[..., None, :]).prod(axis=-1)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt)).astype(s.dtype)
    return sign[..., None, None] * (u * others[..., None, :]) @ vt


def _pull_cofactors(g: Value, out: Value, x: Value) -> Value:
    inverse = flipped(inv(x))
    return column(column(sum_(g * out, axis=(-2, -1)))) * inverse - out @ flipped(g) @ inverse


cofactors = define("cofactors", "x", checked("det", _cofactors),
    pulls=(_pull_cofactors,),
    written=r"\mathrm{{cof}}({x})",
    because=("the determinants of what remains without one row and one column",),
    convention="the slope (the second derivative of det) at a singular matrix is an error",
    tested_at=(well_conditioned(3), well_conditioned(2, 2)))

det = define("det", "x", checked("det", np.linalg.det),
    pulls=(lambda g, out, x: column(column(g)) * cofactors(x),),
    written=r"\det({x})",
    because=("each number counts by its cofactor: the determinant of what remains without its row and column",),
    tested_at=(well_conditioned(3), well_conditioned(2, 3), well_conditioned(1)))

logabsdet = define("logabsdet", "x", checked("slogdet", lambda x: np.linalg.slogdet(x).logabsdet),
    pulls=(lambda g, out, x: column(column(g)) * flipped(inv(x)),),
    written=r"\log\lvert\det({x})\rvert",
    because=("each number counts by its place in the transposed inverse",),
    convention="the slope at a singular matrix, where the value is -inf, is an error",
    tested_at=(well_conditioned(3), well_conditioned(2, 3)))

sign_of_det = define("sign_of_det", "x", checked("slogdet", lambda x: np.linalg.slogdet(x).sign),
    pulls=(None,),
    written=r"\mathrm{{sign}}\det({x})",
    because=("a sign jumps, it has no slope",))


@spells(np.linalg.inv)
def _inv(a: Value) -> Value:
    """``numpy.linalg.inv``."""
    return inv(given(a))


@spells(np.linalg.solve)
def _solve(a: Value, b: Value) -> Value:
    """``numpy.linalg.solve``: for one vector, for the columns of a matrix, and for stacks of either."""
    return solve(given(a), given(b))


@spells(np.linalg.det)
def _det(a: Value) -> Value:
    """``numpy.linalg.det``."""
    return det(given(a))


@spells(np.linalg.slogdet)
def slogdet(a: Value) -> Any:
    """``numpy.linalg.slogdet``: (sign, logabsdet); the sign carries no gradient."""
    a = given(a)
    return result_type(np.linalg.slogdet)(sign_of_det(a), logabsdet(a))


def _pull_pinv(g: Value, out: Value, x: Value, *, rcond: float | None = None) -> Value:
    p, gt = flipped(out), flipped(g)  # p: as x, (..., m, n)
    m, n = shape(x)[-2:]
    left, right = np.eye(m, dtype=x.dtype) - x @ out, np.eye(n, dtype=x.dtype) - out @ x
    return left @ gt @ (out @ p) + (p @ out) @ gt @ right - p @ g @ p


pinv_rule = define("pinv", "x", checked("pinv", lambda x, *, rcond=None: np.linalg.pinv(x, rcond)),
    pulls=(_pull_pinv,),
    written="{x}^{{+}}",
    because=("as an inverse, plus what a change adds in the directions that x does not reach",),
    convention="the slope among matrices of the same rank; where the rank changes the value itself jumps",
    tested_at=(tall(4, 3), tall(2, 3), tall(2, 3, 3)))


@spells(np.linalg.pinv)
def pinv(a: Value, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Value:
    """``numpy.linalg.pinv``. Derivative: Golub and Pereyra, "The differentiation of pseudo-inverses", 1973, eq. 4.12."""
    refuse("linalg.pinv", hermitian=hermitian or None)
    cutoff = rcond if rtol is None else rtol
    return pinv_rule(a) if cutoff is None else pinv_rule(a, rcond=cutoff)


matrix_rank = question(np.linalg.matrix_rank)  # NumPy's too: a count jumps, it has no slope
rank_of_singular = question(lambda s, cutoff: np.sum(s > cutoff * s.max(initial=0)), "_rank")
_singular_values = define("singular_values_held", "x", lambda x: np.linalg.svd(x, compute_uv=False),
    pulls=(None,),
    written=r"\sigma({x})",
    because=("reported beside a least-squares solution, held constant",))


@spells(np.linalg.lstsq)
def lstsq(a: Value, b: Value, rcond: Any = None) -> tuple[Value, Value, Value, Value]:
    """``numpy.linalg.lstsq``: (solution, residuals, rank, singular values); solution and residuals carry gradients.

    Where ``a`` has not full column rank, the derivative is that of the shortest solution among matrices of the same rank.
    """
    a, b = given(a), given(b)
    if len(shape(a)) != 2 or not shape(b) or shape(b)[0] != shape(a)[0]:
        raise ShapeError(f"np.linalg.lstsq: the matrix has shape {shape(a)}, the right side {shape(b)}", why="both need one row per equation")
    m, n = shape(a)
    cutoff = np.finfo(a.dtype).eps * max(m, n) if rcond is None else rcond if rcond >= 0 else np.finfo(a.dtype).eps
    inverse = pinv_rule(a, rcond=float(cutoff))
    solution = inverse @ b
    held = _singular_values(a)
    rank = rank_of_singular(held, float(cutoff))
    if rank != n or m <= n:
        return solution, np.zeros(0, a.dtype), rank, held
    missed = b - a @ solution
    residuals = sum_(missed * missed, axis=0)
    return solution, residuals if len(shape(b)) == 2 else reshape(residuals, shape=(1,)), rank, held


@spells(np.linalg.matrix_power, tested_at=tuple(At(given=well_conditioned(2, 3).given, params={"n": n}) for n in (1, 2, 3, 6, -2)))
def matrix_power(a: Value, n: int) -> Value:
    """``numpy.linalg.matrix_power``: by repeated squaring; negative powers are powers of the inverse."""
    a = given(a)
    rows, columns = sides("matrix_power", a)
    if rows != columns:
        raise ShapeError(f"np.linalg.matrix_power of shape {shape(a)}", why="only square matrices have powers")
    if n == 0:
        return np.broadcast_to(np.eye(rows, dtype=a.dtype), shape(a)).copy()
    base, result, left = (inv(a) if n < 0 else a), None, abs(n)
    while left:
        if left % 2:
            result = base if result is None else matmul(result, base)
        left //= 2
        base = matmul(base, base) if left else base
    return result


def _tensor(rng: np.random.Generator) -> list[Value]:
    """A linear map between 2×3 tables, as a tensor; and a table."""
    return [(rng.uniform(-1, 1, (6, 6)) + 4 * np.eye(6)).reshape(2, 3, 6, 1), rng.uniform(-1, 1, (2, 3))]


@spells(np.linalg.tensorsolve, tested_at=(At(given=_tensor),))
def tensorsolve(a: Value, b: Value, axes: Sequence[int] | None = None) -> Value:
    """``numpy.linalg.tensorsolve``: ``solve`` for maps between arrays of any rank."""
    a, b = given(a), given(b)
    if axes is not None:
        last = [i % len(shape(a)) for i in axes]
        a = arranged(a, [i for i in range(len(shape(a))) if i not in last] + last)
    unknowns = shape(a)[len(shape(b)):]
    size = math.prod(shape(b))
    if math.prod(unknowns) != size:
        raise ShapeError(f"np.linalg.tensorsolve: {size} equations, from a right side of shape {shape(b)}, for unknowns of shape {unknowns}")
    return reshape(solve(reshape(a, shape=(size, size)), reshape(b, shape=(size,))), shape=unknowns)


@spells(np.linalg.tensorinv, tested_at=(At(given=lambda rng: _tensor(rng)[:1], params={"ind": 2}),))
def tensorinv(a: Value, ind: int = 2) -> Value:
    """``numpy.linalg.tensorinv``: the map that undoes ``tensordot(a, ·, ind)``."""
    a = given(a)
    to, fro = shape(a)[:ind], shape(a)[ind:]
    if ind <= 0 or math.prod(to) != math.prod(fro):
        raise ShapeError(f"np.linalg.tensorinv: a map from shape {fro} to shape {to}", why="both need the same number of numbers")
    return reshape(inv(reshape(a, shape=(math.prod(to), -1))), shape=(*fro, *to))


@spells(np.linalg.eig, np.linalg.eigvals)
def eig(*_: Any) -> Value:
    """Refused: the eigenvalues of an unsymmetric matrix may be complex."""
    raise UnsupportedError("np.linalg.eig and eigvals have no gradient rule", why="their results may be complex, and whygrad is about real functions",
                           try_="np.linalg.eigh for a symmetric matrix, np.linalg.svd for any")


@spells(np.linalg.trace)
def trace(x: Value, /, *, offset: int = 0, dtype: None = None) -> Value:
    """``numpy.linalg.trace``: of the last two axes."""
    refuse("linalg.trace", dtype=dtype)
    return np.trace(x, offset, -2, -1)


@spells(np.linalg.diagonal)
def diagonal(x: Value, /, *, offset: int = 0) -> Value:
    """``numpy.linalg.diagonal``: of the last two axes."""
    return np.diagonal(x, offset, -2, -1)
