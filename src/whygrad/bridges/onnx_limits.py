"""How large a file, a graph and an array of an imported model may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from whygrad.errors import DataError

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """Sizes beyond which a file is refused: a few bytes can announce terabytes.

    ``file_bytes``: the file, together with its external data; protobuf itself ends at 2 GiB. ``nodes``: nodes of the
    graph, with local functions written out. ``array_bytes``: one array that the file announces, or that an operator
    makes of a shape in the file.
    """

    file_bytes: int = 1024 * MEBIBYTE
    nodes: int = 100_000
    array_bytes: int = 1024 * MEBIBYTE

    def allow(self, shape: tuple[int, ...], dtype: np.dtype[Any], what: str = "an array", where: str = "") -> None:
        """Refuse an array before it is made."""
        needed = math.prod(max(n, 0) for n in shape) * dtype.itemsize
        if needed > self.array_bytes:
            raise DataError(
                f"{what} of shape {shape} and {dtype} would take {needed / MEBIBYTE:,.0f} MiB",
                where=where,
                why=f"one array may take {self.array_bytes / MEBIBYTE:,.0f} MiB",
                try_="wg.from_onnx(..., max_array_bytes=...), if you trust the file",
            )
