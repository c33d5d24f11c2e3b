"""Memory for the arrays that only a program uses: one piece, in which no two large ones begin alike.

Arrays that NumPy allocates begin at one place of a page each, so row t of all of them competes for the same eight lines
of the first-level cache. The gradient of an LSTM, which writes 26 of them per step, took 5 ms so, and 3 ms apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from whygrad.jit.native.cpu import LINE

PAGE = 4096
APART = 5 * LINE  # from one array's place in a page to the next one's: 64 arrays before a place is taken again


def arrays_apart(kinds: Iterable[tuple[tuple[int, ...], np.dtype[Any]]]) -> list[np.ndarray]:
    """Zeros of these shapes and dtypes.

    >>> [x.shape for x in arrays_apart([((2, 3), np.dtype(float)), ((), np.dtype(bool))])]
    [(2, 3), ()]
    """
    wanted = [(shape, dtype, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize) for shape, dtype in kinds]
    places, end = [], 0
    for number, (_, _, size) in enumerate(wanted):
        end += -end % LINE
        if size >= PAGE:
            end += (number * APART - end) % PAGE
        places.append(end)
        end += size
    memory = np.zeros(end + PAGE, np.uint8)
    first = -memory.ctypes.data % PAGE
    return [
        memory[first + place : first + place + size].view(dtype).reshape(shape)
        for place, (shape, dtype, size) in zip(places, wanted, strict=True)
    ]
