"""IDX, the format of MNIST's files: arrays of bytes behind a header that says their shape."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import DataError

SIZE_LIMIT = 4 * 2**30  # bytes of one array; what claims more is a broken or hostile file


def read_idx(path: Path, sha256: str | None = None) -> NDArray[np.uint8]:
    """The array of one IDX file of bytes, gzipped or not; ``sha256``, if given, is that of the content unzipped."""
    try:
        with path.open("rb") as plain, gzip.open(plain) if path.suffix == ".gz" else plain as stream:
            header, shape = _idx_header(path, stream)
            content = stream.read(math.prod(shape) + 1)  # never more than the header claims, and one to notice excess
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} can not be read", where=str(path), why=str(error),
                        try_="get the file again: it is missing, cut off or damaged") from error
    if len(content) != math.prod(shape):
        found = "more" if len(content) > math.prod(shape) else f"only {len(content):,}"
        raise DataError(f"{path.name} announces {math.prod(shape):,} values and holds {found}", where=str(path),
                        try_="get the file again: it is cut off or damaged")
    if sha256 and hashlib.sha256(header + content).hexdigest() != sha256:
        raise DataError(f"{path.name} is not the file it should be", where=str(path),
                        why="its SHA-256 differs from the known one", try_="delete it and load again")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _idx_header(path: Path, stream: BufferedIOBase) -> tuple[bytes, tuple[int, ...]]:
    """The header's bytes, and the shape it announces: two zeros, 8 for bytes, the number of axes, each axis' length."""
    magic = stream.read(4)
    lengths = stream.read(4 * min(magic[3], 4)) if len(magic) == 4 else b""
    if magic[:3] != b"\0\0\x08" or not lengths or len(lengths) != 4 * magic[3]:
        raise DataError(f"{path.name} is not an IDX file of bytes", where=str(path),
                        why=f"it starts with {magic.hex(' ') or 'nothing'}, not with 00 00 08, a number of axes from 1 "
                        "to 4, and their lengths", try_="the files of MNIST, or others of their format")
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
    refuse_huge(path, math.prod(shape))
    return magic + lengths, shape


def find_idx(folder: Path, name: str) -> Path:
    """The file ``name`` or ``name.gz`` in ``folder``."""
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    raise DataError(f"{name} is missing", where=str(folder), try_=f"put {name} or {name}.gz into that folder")


def refuse_huge(path: Path, size: int) -> None:
    """Refuse an array of ``size`` bytes if that is above the limit, before anything is allocated."""
    if size > SIZE_LIMIT:
        raise DataError(f"{path.name} announces {size:,} bytes", where=str(path),
                        why=f"arrays above {SIZE_LIMIT:,} bytes are refused: such a header is usually damage",
                        try_="split the data into smaller files")


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images ``(n, height, width)`` of bytes as rows of float32 from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
