"""A user's own data from CSV, NPZ and IDX files.

A reader returns finite numbers or raises one DataError that names the place in the file. It never unpickles, and never
makes an array above ``idx.SIZE_LIMIT``, whatever a file's header announces.
"""

from __future__ import annotations

import csv
import itertools
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import DataError, public
from whygrad.nn.idx import find_idx, pixels, read_idx, refuse_huge

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """A user's data: ``features`` float ``(rows, columns)`` and one label per row.

    ``labels`` are int64 class numbers, or float64 where the file's labels are not whole numbers. ``class_names`` are
    the file's words for the classes, sorted, where it uses words: label 0 is the first.
    """

    features: Float32 | Float64
    labels: Int64 | Float64
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]


@public
def load_table(path: str | os.PathLike[str]) -> Table:
    """Read a user's own data: a CSV file, an NPZ archive, or a pair of IDX files.

    CSV: numbers separated by commas, with or without a line of names; the label is the column named ``label``, else
    the last. NPZ: arrays ``X`` and ``y``, or ``images`` and ``labels``. IDX: the images' file, with the labels' file
    beside it under its usual name. Images of bytes (0 to 255) become 0.0 to 1.0, and each image one row.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"{file} does not exist or is not a file", try_=f"check the path; here is {Path.cwd()}")
    if "images-idx3" in file.name:
        labels = file.name.replace("images-idx3", "labels-idx1").removesuffix(".gz")
        return _table_of_arrays(file, read_idx(file), read_idx(find_idx(file.parent, labels)))
    if file.suffix.lower() == ".npz":
        return _read_npz(file)
    if file.suffix.lower() == ".csv":
        return _read_csv(file)
    raise DataError(f"{file.name} is none of the kinds that can be read",
                    why="a file's kind is told by its name", try_="NAME.csv, NAME.npz, or NAME-images-idx3-ubyte[.gz]")


INPUTS, TARGETS = ("X", "x", "inputs", "images"), ("y", "Y", "labels", "targets")


def load_arrays(path: str | os.PathLike[str]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Inputs and targets as they are in a file, of any shapes: NPZ with ``X`` and maybe ``y``; others as load_table."""
    file = Path(path)
    if file.suffix.lower() != ".npz" or not file.is_file():
        table = load_table(file)
        return table.features, table.labels
    arrays = _archive(file)
    X = next((arrays[name] for name in INPUTS if name in arrays), None)
    if X is None:
        raise DataError(f"{file.name} has no inputs", where=str(file), why=f"it holds {', '.join(arrays) or 'nothing'}",
                        try_="np.savez(path, X=inputs, y=targets)")
    return X, next((arrays[name] for name in TARGETS if name in arrays), None)


# NPZ.
def _read_npz(path: Path) -> Table:
    arrays = _archive(path)
    for features, labels in (("X", "y"), ("images", "labels")):
        if features in arrays and labels in arrays:
            return _table_of_arrays(path, arrays[features], arrays[labels])
    raise DataError(f"{path.name} holds neither X and y nor images and labels", where=str(path),
                    why=f"it holds {', '.join(arrays) or 'nothing'}", try_="np.savez(path, X=features, y=labels)")


def _archive(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an NPZ archive."""
    try:
        _refuse_huge_entries(path)
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except DataError:
        raise
    except (OSError, EOFError, ValueError, OverflowError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} can not be read as an NPZ archive", where=str(path), why=str(error),
                        try_="np.savez(path, X=features, y=labels), with arrays of numbers: objects are never unpickled"
                        ) from error


def _refuse_huge_entries(path: Path) -> None:
    """Compare what each array's header announces with what its entry holds, before anything is allocated."""
    with zipfile.ZipFile(path) as archive:
        refuse_huge(path, sum(entry.file_size for entry in archive.infolist()))
        for entry in archive.infolist():
            with archive.open(entry) as stream:
                major, _ = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(stream)
                refuse_huge(path, math.prod(shape) * dtype.itemsize)
                if not dtype.hasobject and stream.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
                    raise DataError(f"{entry.filename} announces {shape} of {dtype}, and its size does not fit",
                                    where=str(path), try_="save it again: it is cut off or damaged")


def _table_of_arrays(path: Path, features: NDArray[Any], labels: NDArray[Any]) -> Table:
    """Check a pair of arrays and make a table of it; bytes of more than two axes are images: 0..255 becomes 0..1."""
    for name, values in (("features", features), ("labels", labels)):
        if values.dtype.kind not in "biuf":
            raise DataError(f"{name} of dtype {values.dtype} are not real numbers", where=str(path),
                            try_="arrays of floats or whole numbers")
    if features.ndim < 2 or labels.ndim != 1 or len(features) != len(labels) or not len(labels):
        raise DataError(f"features of shape {features.shape} do not fit labels of shape {labels.shape}",
                        where=str(path), why="each example needs one row of features and one label",
                        try_="features (examples, columns) and labels (examples,)")
    is_images = features.dtype == np.uint8 and features.ndim > 2
    flat = pixels(features) if is_images else features.reshape(len(features), -1)
    flat = flat if flat.dtype in (np.float32, np.float64) else flat.astype(np.float64)
    _refuse_non_finite(path, flat)
    _refuse_non_finite(path, labels.reshape(-1, 1), "labels")
    return Table(flat, _class_numbers(labels), (), tuple(f"x{column}" for column in range(flat.shape[1])))


def _refuse_non_finite(path: Path, values: NDArray[Any], name: str = "features") -> None:
    bad = np.argwhere(~np.isfinite(values))
    if bad.size:
        row, column = bad[0]
        raise DataError(f"{values[row, column]} in the {name} at row {row}, column {column} (both from 0)",
                        where=str(path), why=f"{len(bad)} of {values.size} values are not finite, and one is enough to "
                        "make every gradient NaN or infinite", try_="fill them in or leave those rows out")


# CSV.
def _read_csv(path: Path) -> Table:
    rows = _csv_rows(path)
    start, first = next(rows, (0, []))
    if len(first) < 2:
        raise DataError(f"{path.name} starts with {len(first)} columns where at least 2 are needed", where=str(path),
                        why="a row is its features and a label", try_="values separated by commas")
    counted = [str(column) for column in range(len(first))]  # a first line of 0,1,2,… is how unnamed columns are saved
    named = "label" in first or first == counted or all(_number(cell) is None for cell in first)
    names = first if named else [f"x{column}" for column in counted]
    at = names.index("label") if "label" in names else len(names) - 1
    features, labels, lines = [], [], []
    for line, row in rows if named else itertools.chain([(start, first)], rows):
        labels.append(row.pop(at))
        features.append(_csv_numbers(path, line, row, names[:at] + names[at + 1:]))
        lines.append(line)
    if not lines:
        raise DataError(f"{path.name} has names but no rows", where=str(path), try_="one line per example")
    return Table(np.stack(features), *_csv_labels(path, lines, labels), tuple(names[:at] + names[at + 1:]))


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank; every row as long as the first."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            columns = 0
            for row in filter(None, reader):
                columns = columns or len(row)
                if len(row) != columns:
                    raise DataError(f"line {reader.line_num} of {path.name} has {len(row)} values, the first row "
                                    f"has {columns}", where=f"{path}:{reader.line_num}", try_="one value per column")
                yield reader.line_num, [cell.strip() for cell in row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} can not be read as CSV", where=str(path), why=str(error),
                        try_="save it as CSV in UTF-8") from error


def _csv_numbers(path: Path, line: int, cells: list[str], names: list[str]) -> Float64:
    numbers = [_number(cell) for cell in cells]
    for name, cell, number in zip(names, cells, numbers, strict=True):
        if number is None or not math.isfinite(number):
            raise DataError(f"{cell or 'nothing'} in line {line}, column {name} of {path.name} is not a finite number",
                            where=f"{path}:{line}", why="one such value makes every gradient NaN or infinite",
                            try_="fill it in, leave the row out, or write words as numbers")
    return np.array(numbers, np.float64)


def _csv_labels(path: Path, lines: list[int], labels: list[str]) -> tuple[Int64 | Float64, tuple[str, ...]]:
    """Labels as numbers, or as numbers of the sorted words; a mixture is a mistake in the file."""
    numbers = [_number(label) for label in labels]
    words = sorted(set(labels))
    if all(number is None for number in numbers) and "" not in words:
        return np.searchsorted(words, labels).astype(np.int64), tuple(words)
    odd = [row for row, number in enumerate(numbers) if number is None or not math.isfinite(number)]
    if odd:
        row = labels.index("") if "" in words else odd[0]
        raise DataError(f"the label in line {lines[row]} of {path.name} is {labels[row] or 'missing'}",
                        where=f"{path}:{lines[row]}", why="labels are all finite numbers or all words",
                        try_="correct it or leave the row out")
    return _class_numbers(np.array(numbers, np.float64)), ()


def _class_numbers(labels: NDArray[Any]) -> Int64 | Float64:
    """Whole numbers as int64, so that they can be classes; others as they are."""
    if labels.dtype.kind == "f" and ((labels % 1 != 0) | (np.abs(labels) > 2**53)).any():
        return labels.astype(np.float64)
    return labels.astype(np.int64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
