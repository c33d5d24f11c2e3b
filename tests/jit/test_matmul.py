"""The native matmul: right at every size and stride, within its memory, the same to the bit however rows are shared."""

import ctypes
import itertools
import mmap
import sys
import threading

import numpy as np
import pytest
from llvmlite import binding as llvm

from whygrad.jit.native import matmul, words
from whygrad.jit.native.cache import CACHE, Folder, cache_folder
from whygrad.jit.native.compile import CompilationError, compile_source
from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.load import load

CACHE.provide({"f32", "f64"}, Folder(cache_folder()))  # what all programs share, by name

TYPES = (np.float32, np.float64)
MODES = ("packed", "direct")
DEPTH, PANEL = matmul.DEPTH, matmul.PANEL


def shared_function(name, dtype, *arguments):
    """Call one of the functions that all programs share, with addresses, whole numbers, and numbers of this type."""
    number = ctypes.c_float if dtype == np.float32 else ctypes.c_double
    kinds = [number if isinstance(x, np.floating) else ctypes.c_int64 for x in arguments]
    address = llvm.address_of_symbol(f"whygrad.{name}.f{8 * np.dtype(dtype).itemsize}")
    ctypes.CFUNCTYPE(None, *kinds)(address)(*(kind(x) for kind, x in zip(kinds, arguments, strict=True)))


def native_multiply(A, B, packed, C, i0, i1, alpha, beta, is_packed):
    left, out = A.ctypes.data + i0 * A.strides[0], C.ctypes.data + i0 * C.strides[0]
    panel_step = A.shape[1] * PANEL if is_packed else PANEL // B.itemsize * B.strides[1]
    right = (packed.ctypes.data, PANEL, B.itemsize) if is_packed else (B.ctypes.data, *B.strides)
    sizes = (i1 - i0, A.shape[1], C.shape[1] * C.itemsize, int(is_packed))
    shared_function("product", C.dtype, left, *A.strides, 0, *right, panel_step, out, C.strides[0], *sizes, alpha, beta)


def native_pack(tid, threads, B, packed):
    shared_function("pack", B.dtype, tid, threads, B.ctypes.data, *B.strides, *B.shape, packed.ctypes.data)


def packed_copy(B, threads=1):
    """B in panels, in memory that was full of NaN."""
    packed = np.full(matmul.panels_size(*B.shape, B.dtype), np.nan, B.dtype)
    for tid in range(threads):
        native_pack(tid, threads, B, packed)
    return packed


def multiply(A, B, C, alpha=1.0, beta=0.0, mode="packed", rows=None):
    """C = beta * C + alpha * A @ B in place."""
    number = C.dtype.type
    packed = packed_copy(B) if mode == "packed" else np.empty(0, C.dtype)
    i0, i1 = rows or (0, len(A))
    native_multiply(A, B, packed, C, i0, i1, number(alpha), number(beta), mode == "packed")
    return C


def numbers(shape, dtype, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype)


def assert_product(C, A, B, alpha=1.0, beta=0.0, before=None):
    """C is the product but for rounding: every sum of K products may be off by K roundings of its terms' size."""
    exact = alpha * (A.astype(np.longdouble) @ B.astype(np.longdouble))
    size = np.abs(alpha) * (np.abs(A).astype(np.longdouble) @ np.abs(B).astype(np.longdouble))
    if beta:
        exact, size = exact + beta * before.astype(np.longdouble), size + abs(beta) * np.abs(before)
    allowed = (A.shape[1] + 4) * np.finfo(C.dtype).eps * size
    assert C.shape == exact.shape
    assert (np.abs(C - exact) <= allowed).all()


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def sizes():
    """Sampled 1..40, and one less, as many and one more than a tile, a panel, a block of k, a block of rows."""
    columns = TILE.panel_bytes // 4
    rng = np.random.default_rng(1)
    yield from rng.integers(1, 41, (150, 3)).tolist()
    yield from itertools.product(
        (1, TILE.rows - 1, TILE.rows, TILE.rows + 1, 2 * TILE.rows + 1),
        (1, 4, 7),
        (1, columns // 2, columns - 1, columns, columns + 1, 3 * columns - 1),
    )
    yield from ((3, DEPTH + d, columns + 1) for d in (-1, 0, 1, DEPTH, DEPTH + 1))
    block = matmul.BLOCK_BYTES // DEPTH // 4  # rows of A that are copied together, where there are panels enough
    yield from ((block + d, DEPTH + 9, matmul.GATHERED * columns + 3) for d in (-1, 0, 1, block))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
def test_the_product_is_right_at_every_size(dtype, mode):
    for M, K, N in sizes():
        A, B = numbers((M, K), dtype), numbers((K, N), dtype, 1)
        C = multiply(A, B, np.full((M, N), np.nan, dtype), mode=mode)
        assert_product(C, A, B)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
def test_what_is_empty_is_left_alone_and_no_depth_means_no_sum(dtype, mode):
    for M, K, N in ((0, 3, 4), (3, 4, 0), (0, 0, 0)):
        multiply(numbers((M, K), dtype), numbers((K, N), dtype), np.empty((M, N), dtype), mode=mode)
    A, B = np.empty((7, 0), dtype), np.empty((0, 19), dtype)
    assert (multiply(A, B, np.full((7, 19), np.nan, dtype), mode=mode) == 0).all()
    assert (multiply(A, B, np.full((7, 19), 3, dtype), beta=2.0, mode=mode) == 6).all()


# ── strides ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def layouts(x):
    """The same matrix lying differently in memory."""
    M, N = x.shape
    wide = np.full((M, N + 5), np.nan, x.dtype)
    wide[:, 2 : 2 + N] = x
    sparse = np.full((2 * M, 3 * N), np.nan, x.dtype)
    sparse[::2, ::3] = x
    yield from (x, np.asfortranarray(x), wide[:, 2 : 2 + N], sparse[::2, ::3])
    yield from (x[::-1].copy()[::-1], x[:, ::-1].copy()[:, ::-1])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("M", "K", "N"), [(13, 11, 37), (6, 70, 16), (1, 3, 5), (20, 1, 33)])
def test_operands_may_lie_in_memory_in_any_way(dtype, M, K, N):
    for a, b in itertools.product(layouts(numbers((M, K), dtype)), layouts(numbers((K, N), dtype, 1))):
        for mode in MODES:
            assert_product(multiply(a, b, np.full((M, N), np.nan, dtype), mode=mode), a, b)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_row_repeated_without_memory_of_its_own_is_a_matrix_too(dtype):
    row = numbers((1, 21), dtype)
    A, B = numbers((5, 9), dtype), np.broadcast_to(row, (9, 21))
    writable = np.lib.stride_tricks.as_strided(row, (9, 21), (0, row.itemsize))
    for mode in MODES:
        assert_product(multiply(A, writable, np.empty((5, 21), dtype), mode=mode), A, B)


PROGRAM = """
import numpy as np
from whygrad.jit.native.words import (
    add_short, multiply, multiply_few, multiply_rows, multiply_short, pack, rows_of, strided, wait)

def program(tid, threads, sync, A, B, stack, packed, C, D, E, F, G, H, I):
    pack(tid, threads, B, packed)
    wait(sync, threads)
    low, high = rows_of(tid, threads, 20)
    multiply(A, packed, C, low, high, 32, 24, 1.0, 0.0)
    multiply_rows(A, B, D, low, high, 0.5, 2.0)
    add_short(A.T, strided(B, 0, (20, 32), (32, 1)), H, tid * 24 // threads, (tid + 1) * 24 // threads, -0.5)
    multiply_short(A, strided(B, 0, (24, 29), (1, 24)), I, tid * 20 // threads, (tid + 1) * 20 // threads, 2.0)
    if tid == 0:
        for i in range(3):
            multiply_rows(stack[i], B, E[i], 0, 5, 1.0, 0.0)
        multiply_few(A, B, F, 20, 32, 24, 1.0, 0.0)
        multiply_few(strided(A, 24, (19, 24), (24, 1)), packed, G, 19, 32, 24, -1.0, 1.0)
    return 0
"""


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_programs_multiply_as_their_words_say(dtype, threads):
    A, B, stack = numbers((20, 24), dtype), numbers((24, 32), dtype, 1), numbers((3, 5, 24), dtype)
    packed = np.full(matmul.panels_size(24, 32, dtype), np.nan, dtype)
    shapes = (20, 32), (20, 32), (3, 5, 32), (20, 32), (19, 32), (24, 32), (20, 32)
    results = [numbers(shape, dtype, 2) for shape in shapes]
    native = [x.copy() for x in (A, B, stack, packed, *results)]
    assert load(compile_source(PROGRAM, [(x.shape, x.dtype) for x in native])).run(native, threads) == 0
    plain = [x.copy() for x in (A, B, stack, packed, *results)]
    names = {}
    exec(PROGRAM, names)
    assert names["program"](0, 1, 0, *plain) == 0
    for x, y in zip(native, plain, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=100 * np.finfo(dtype).eps)


SQUARE, UNEVEN = [(16, 16)] * 3, [(5, 5), (5, 9), (5, 9)]
APART, CUT = "the numbers of a row are 16 apart", "rows of 9 numbers are not whole vectors"


@pytest.mark.parametrize(
    ("line", "shapes", "why"),
    [
        ("multiply_few(A, B.T, C, 16, 16, 16, 1.0, 0.0)", SQUARE, APART),
        ("multiply_few(A, B, C.T, 16, 16, 16, 1.0, 0.0)", SQUARE, APART),
        ("add_short(A, B.T, C, 0, 16, 1.0)", SQUARE, APART),
        ("multiply_rows(A, B, C.T, 0, 16, 1.0, 0.0)", SQUARE, APART),
        ("multiply_short(A, B, C.T, 0, 16, 1.0)", SQUARE, APART),
        ("multiply_picked(A, places, B.T, C)", SQUARE, APART),
        ("add_picked(A.T, places, B, C, 0, 16, 1.0)", SQUARE, APART),
        ("add_short(A, B, C, 0, 5, 1.0)", UNEVEN, CUT),
        ("multiply_short(A, B, C, 0, 5, 1.0)", UNEVEN, CUT),
        ("multiply_picked(A, places, B, C)", UNEVEN, CUT),
    ],
)
def test_a_matrix_that_would_be_read_wrongly_or_in_part_is_refused(line, shapes, why):
    word = line.partition("(")[0]
    source = f"""
from whygrad.jit.native.words import {word}

def program(tid, threads, sync, A, B, C, places):
    {line}
    return 0
"""
    kinds = [(shape, np.float32) for shape in shapes] + [(shapes[0][:1], np.int64)]
    with pytest.raises(CompilationError, match=why):
        compile_source(source, kinds)


def vectors(dtype):
    """How many numbers a vector has."""
    return TILE.vector_bytes // np.dtype(dtype).itemsize


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("rows", "steps", "wide"),
    [(784, 10, 4), (5, 1, 2), (13, 32, 12), (0, 4, 2), (392, 32, 13), (29, 7, 1), (14, 3, 3), (3, 5, 5), (7, 31, 7)],
)
def test_sums_of_few_products_are_added_to_what_is_there(dtype, rows, steps, wide):
    columns = wide * vectors(dtype)
    source = f"""
from whygrad.jit.native.words import add_short

def program(tid, threads, sync, A, B, C):
    add_short(A.T, B, C, 0, {rows}, 0.25)
    return 0
"""
    A, B, C = numbers((steps, rows), dtype), numbers((steps, columns), dtype, 1), numbers((rows, columns), dtype, 2)
    wanted = C + 0.25 * (A.T.astype(np.longdouble) @ B)
    assert load(compile_source(source, [(x.shape, x.dtype) for x in (A, B, C)])).run([A, B, C], 1) == 0
    np.testing.assert_allclose(C, wanted, rtol=0, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("rows", "length", "wide"),
    [
        *((10, 784, 4), (1, 5, 2), (33, 17, 6), (7, 8, 2), (32, 3, 4)),
        *((32, 392, 13), (10, 30, 1), (25, 300, 3), (1, 9, 5), (30, 137, 5)),
        *((33, 17, 8), (70, 40, 9), (130, 300, 10), (65, 2, 3), (200, 7, 1)),
    ],
)
@pytest.mark.parametrize("following", ["", ", order[1 - t]"])
def test_picked_rows_are_read_where_they_lie(dtype, rows, length, wide, following):
    columns = wide * vectors(dtype)
    source = f"""
from whygrad.jit.native.words import add_picked, multiply_picked

def program(tid, threads, sync, X, order, B, C, D, E):
    for t in range(2):
        multiply_picked(X, order[t], B, C)
        add_picked(X, order[t], D, E, 1, {length}, 0.5{following})
    return 0
"""
    rng = np.random.default_rng(0)
    X, order = numbers((50, length), dtype), rng.integers(0, 50, (2, rows))
    shapes = (length, columns), (rows, columns), (rows, columns), (length, columns)
    B, C, D, E = (numbers(shape, dtype, seed) for seed, shape in enumerate(shapes))
    arrays = [X, order, B, C, D, E]
    plain = [x.copy() for x in arrays]
    names = {}
    exec(source, names)
    assert names["program"](0, 1, 0, *plain) == 0
    assert load(compile_source(source, [(x.shape, x.dtype) for x in arrays])).run(arrays, 1) == 0
    for x, y in zip(arrays, plain, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=2000 * np.finfo(dtype).eps)


# ── factors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (-0.25, 1), (0.5, 0.5), (-3, 0), (0, 1), (2, -1)])
def test_a_product_is_scaled_and_added_to_what_is_there(dtype, mode, alpha, beta):
    for M, K, N in ((13, 9, 37), (8, DEPTH + 40, 30), (12, 20, 32)):
        A, B, before = numbers((K, M), dtype).T, numbers((K, N), dtype, 1), numbers((M, N), dtype, 2)
        C = multiply(A, B, before.copy(), alpha, beta, mode)
        assert_product(C, A, B, alpha, beta, before)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
def test_nan_and_infinity_come_out_exactly_where_plain_arithmetic_has_them(dtype, mode):
    A, B = np.ones((14, 20), dtype), np.ones((20, 37), dtype)
    A[3, 5], A[9, 2], B[7, 36], B[19, 12] = np.nan, np.inf, -np.inf, np.nan
    B[2, 4] = 0  # infinity times zero
    with np.errstate(invalid="ignore"):
        expected = A @ B
    np.testing.assert_array_equal(multiply(A, B, np.empty((14, 37), dtype), mode=mode), expected)
    assert np.isnan(multiply(A, B, np.ones((14, 37), dtype), 2.0, np.nan, mode)).all()


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_nothing_outside_of_the_rows_is_written_and_nothing_beside_the_operands_counts(dtype, mode, beta):
    columns = matmul.panel_columns(dtype)
    for M, N in itertools.product((1, 5, 13), (1, columns - 1, columns, 2 * columns + 3)):
        around_a, around_b = np.full((M + 2, 11), np.nan, dtype), np.full((9, N + 40), np.nan, dtype)
        around_c = np.full((M + 4, N + 40), 7, dtype)
        A, B, C = around_a[1:-1, 2:9], around_b[1:8, 20 : 20 + N], around_c[2:-2, 20 : 20 + N]
        A[...], B[...] = numbers(A.shape, dtype), numbers(B.shape, dtype, 1)
        before = around_c.copy()
        multiply(A, B, C, 1.0, beta, mode, rows=(M // 2, M))
        assert_product(C[M // 2 :], A[M // 2 :], B, 1.0, beta, before[2:-2, 20 : 20 + N][M // 2 :])
        C[M // 2 :] = 7
        np.testing.assert_array_equal(around_c, before)


@pytest.mark.skipif(sys.platform == "win32", reason="memory is forbidden with mprotect")
@pytest.mark.parametrize("dtype", TYPES)
def test_no_number_beyond_the_end_of_an_operand_is_read(dtype):
    def before_forbidden_memory(shape):
        """An array whose end is the end of the memory that may be touched."""
        page, size = mmap.PAGESIZE, int(np.prod(shape)) * np.dtype(dtype).itemsize
        kept = -(-size // page) * page
        memory = mmap.mmap(-1, kept + page)
        whole = np.frombuffer(memory, np.uint8)
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(whole.ctypes.data + kept), ctypes.c_size_t(page), 0) == 0
        x = whole[kept - size : kept].view(dtype).reshape(shape)
        x[...] = numbers(shape, dtype)
        return x

    columns = matmul.panel_columns(dtype)
    for M, K, N in ((6, 5, 1), (7, 1, columns - 1), (5, 40, columns + 1), (4, 3, 2 * columns), (11, 130, 10)):
        A, B, C = (before_forbidden_memory(shape) for shape in ((M, K), (K, N), (M, N)))
        for mode in MODES:
            assert_product(multiply(A, B, C, mode=mode), A, B)
            turned = before_forbidden_memory((N, K)).T
            assert_product(multiply(A, turned, C, mode=mode), A, turned)


@pytest.mark.parametrize("dtype", TYPES)
def test_the_edge_of_packed_panels_is_zero(dtype):
    columns = matmul.panel_columns(dtype)
    for B in (numbers((9, columns + 3), dtype), numbers((columns + 3, 9), dtype).T):
        panels = packed_copy(B, threads=3).reshape(2, 9, columns)
        np.testing.assert_array_equal(np.concatenate(panels, axis=1)[:, : columns + 3], B)
        assert (panels[1, :, 3:] == 0).all()


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def shared(A, B, C, threads, mode):
    """The product by so many threads at once."""
    packed = np.full(matmul.panels_size(*B.shape, B.dtype), np.nan, B.dtype)
    barrier, one = threading.Barrier(threads), C.dtype.type(1)

    def work(tid):
        native_pack(tid, threads, B, packed)
        barrier.wait()
        native_multiply(A, B, packed, C, *words.rows_of(tid, threads, len(A)), one, 0 * one, mode == "packed")

    workers = [threading.Thread(target=work, args=(tid,)) for tid in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return C


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", TYPES)
def test_threads_give_what_one_gives_to_the_bit_every_time(dtype, mode):
    for M, K, N in ((100, DEPTH + 7, 45), (20, DEPTH + 7, 100), (7, 30, 10), (1, 5, 40)):
        A, B = numbers((M, K), dtype), numbers((K, N), dtype, 1)
        alone = multiply(A, B, np.empty((M, N), dtype), mode=mode)
        for threads in (1, 2, 2, 3, 5):
            np.testing.assert_array_equal(shared(A, B, np.full((M, N), np.nan, dtype), threads, mode), alone)


def test_the_threads_rows_are_all_rows_once_in_whole_tiles():
    for threads, M in itertools.product((1, 2, 3, 8), (0, 1, 5, 6, 7, 100, 1024)):
        shares = [words.rows_of(tid, threads, M) for tid in range(threads)]
        assert [i for low, high in shares for i in range(low, high)] == list(range(M))
        assert all(low % TILE.rows == 0 or low == M for low, _ in shares)
