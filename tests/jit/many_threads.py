"""Programs for several threads that share even very small kernels, so that small tests meet what large data would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from whygrad.jit import products, sequence, sharing, work

SMALL: Sequence[tuple[Any, str, int]] = (
    (work, "LARGE_PRODUCT", 300), (work, "LARGE_NEST", 600), (products, "LARGE_PRODUCT", 300),
    (sharing, "LARGE_DEPTH", 100), (sequence, "LARGE_DEPTH", 100), (sharing, "LEAST_DEPTH", 2),
)


@contextmanager
def shared_by(threads: int) -> Iterator[pytest.MonkeyPatch]:
    """Programs are made for so many threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHYGRAD_THREADS", str(threads))
        for room, name, size in SMALL:
            patch.setattr(room, name, size)
        yield patch
