"""Numbers that are moved: zeros stand exactly where nothing is put, and what can be copied in order needs no list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import whygrad as wg
from whygrad.jit.placing import slabs_around


@st.composite
def arrays_and_indices(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape, and slices and whole numbers for its first axes."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    ends = st.one_of(st.none(), st.integers(-6, 6))
    parts = [draw(st.one_of(st.builds(slice, ends, ends), st.integers(-n, n - 1))) for n in shape]
    return shape, tuple(parts[: draw(st.integers(1, len(shape)))])


@given(arrays_and_indices())
def test_slabs_and_what_they_surround_are_the_whole_array_once(given: tuple[tuple[int, ...], Any]) -> None:
    shape, index = given
    times = np.zeros(shape, int)
    times[index] += 1
    slabs = slabs_around(shape, index)
    if not times.any():
        assert slabs is None  # nothing is put: all of it is zero
        return
    assert slabs is not None
    for slab in slabs:
        times[slab] += 1
    np.testing.assert_array_equal(times, 1)


@pytest.mark.parametrize("index", [(slice(None, None, 2),), (slice(3, 1),), None, (..., 1), (slice(None), None)])
def test_what_is_no_block_of_neighbours_has_no_slabs(index: Any) -> None:
    assert slabs_around((6, 4), index) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(arrays_and_indices(), st.sampled_from([1, 2]))
def test_the_slopes_of_a_part_are_zero_elsewhere(
    dtype: str, given: tuple[tuple[int, ...], Any], step: int
) -> None:
    shape, index = given
    index = (slice(None, None, step), *index[1:]) if step > 1 else index
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)

    def part(x: Any) -> Any:
        return np.sum(x[index] ** 2 * 3.0)

    wanted = np.zeros_like(x)
    wanted[index] = 6 * x[index]
    np.testing.assert_allclose(wg.jit(wg.grad(part), backend="native")(x), wanted, rtol=1e-6)


def test_a_reshape_of_windows_is_a_copy_in_order() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 6))
    pooled = wg.jit(lambda x: wg.avg_pool2d(x, 2) + np.reshape(x[:, :, 1:4, ::2], (2, 3, 3, 3)), backend="native")
    by_hand = x[:, :, :6].reshape(2, 3, 3, 2, 3, 2).mean(axis=(3, 5)) + x[:, :, 1:4, ::2]
    np.testing.assert_allclose(pooled(x), by_hand, rtol=1e-12)
    flat = wg.jit(lambda x: np.reshape(x.T[1:3], (-1, 7)), backend="native")
    np.testing.assert_array_equal(flat(x), x.T[1:3].reshape(-1, 7))
    assert "place" not in flat.source + pooled.source


@pytest.mark.parametrize("width", [1, 2])
def test_what_is_stored_elsewhere_is_read_before_its_memory_is_taken_over(width: int) -> None:
    w, x = np.full((width, width), 0.7 / width), np.random.default_rng(1).normal(size=(20, width))
    weights = np.random.default_rng(2).normal(size=(20, width))

    def weighted(x: Any) -> Any:
        h, out = x[0] * 0.5, []
        for t in range(20):
            h = np.tanh(w @ h + x[t])
            out.append(h)
        return np.sum(np.stack(out) * weights)

    slope = wg.grad(weighted)
    np.testing.assert_allclose(wg.jit(slope, backend="native")(x), slope(x), rtol=1e-12)
