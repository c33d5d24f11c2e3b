"""Data to learn from: the digits that come with whygrad, the full MNIST, and readers for a user's own files.

A reader returns finite numbers or raises one DataError that names the place in the file. It never unpickles, and never
makes an array above ``SIZE_LIMIT``, whatever a file's header announces.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import itertools
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, DataError, public

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

SIZE_LIMIT = 4 * 2**30  # bytes of one array; what claims more is a broken or hostile file
DIGITS_FILE = Path(__file__).with_name("datasets_files") / "digits.npz"
MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
# SHA-256 of the files' content after decompression: mirrors compress the same content into different bytes.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of ten classes: to learn from, to choose settings by (optional), and to be judged by.

    Images are float32 ``(examples, pixels)`` from 0 (paper) to 1 (ink); labels are int64 ``(examples,)``; targets are
    the labels one-hot, float32 ``(examples, 10)``.
    """

    train_images: Float32
    train_labels: Int64
    test_images: Float32
    test_labels: Int64
    validation_images: Float32 | None = None
    validation_labels: Int64 | None = None
    classes: int = 10

    @property
    def train_targets(self) -> Float32:
        """``train_labels`` one-hot."""
        return one_hot(self.train_labels, self.classes)

    @property
    def test_targets(self) -> Float32:
        """``test_labels`` one-hot."""
        return one_hot(self.test_labels, self.classes)

    @property
    def validation_targets(self) -> Float32 | None:
        """``validation_labels`` one-hot, or None before ``with_validation``."""
        return None if self.validation_labels is None else one_hot(self.validation_labels, self.classes)

    @public
    def with_validation(self, count: int) -> Dataset:
        """The same data with the last ``count`` training images set aside for validation.

        ``mnist().with_validation(10_000)`` is the split into 50,000, 10,000 and 10,000 of the textbook experiments.
        """
        total = len(self.train_labels)
        if not 0 < count < total:
            raise ArgumentError(f"can not set {count} of {total} training images aside for validation",
                                why="both parts need at least one image", try_=f"a number from 1 to {total - 1}")
        images, labels, first = self.train_images, self.train_labels, total - count
        return replace(self, train_images=images[:first], train_labels=labels[:first],
                       validation_images=images[first:], validation_labels=labels[first:])

    def __repr__(self) -> str:
        held = 0 if self.validation_labels is None else len(self.validation_labels)
        return (f"Dataset({len(self.train_labels):,} to train, {held:,} to validate, {len(self.test_labels):,} "
                f"to test; {self.train_images.shape[1]} pixels, {self.classes} classes)")


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
def digits() -> Dataset:
    """10,000 training and 2,000 test digits of 28 × 28 pixels that come with whygrad, an even sample of MNIST's."""
    with np.load(DIGITS_FILE, allow_pickle=False) as arrays:
        return _dataset({name: arrays[name] for name in MNIST_FILES})


@public
def mnist() -> Dataset:
    """MNIST: 60,000 training and 10,000 test digits of 28 × 28 pixels.

    Read from the folder named by the environment variable WHYGRAD_DATA (four IDX files, gzipped or not), else from the
    cache of an earlier download, else downloaded once (11 MB). What was downloaded is checked by its SHA-256.
    """
    folder = os.environ.get("WHYGRAD_DATA")
    if not folder:
        return _dataset({name: _downloaded(file) for name, file in MNIST_FILES.items()})
    return _dataset({name: read_idx(find_idx(Path(folder), file)) for name, file in MNIST_FILES.items()})


@public
def one_hot(labels: Sequence[int] | NDArray[np.integer[Any]], classes: int) -> Float32:
    """Labels ``(n,)`` as rows of ``classes`` numbers, float32 ``(n, classes)``: 1 at the label, 0 elsewhere.

    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    found = np.asarray(labels)
    if found.ndim != 1 or (found.size and not np.issubdtype(found.dtype, np.integer)):
        raise DataError(f"labels of shape {found.shape} and dtype {found.dtype} can not be one-hot",
                        why="a label is the whole number of its class, one per example",
                        try_="labels.astype(int).ravel(), if they are whole numbers")
    found = found.astype(np.int64)
    outside = np.flatnonzero((found < 0) | (found >= classes))
    if outside.size:
        raise DataError(f"label {found[outside[0]]} at row {outside[0]} is outside 0 to {classes - 1}",
                        why=f"{classes} classes are numbered from 0",
                        try_=f"classes={found.max() + 1}, or labels - labels.min() if they start at 1")
    result = np.zeros((len(found), classes), np.float32)
    result[np.arange(len(found)), found] = 1.0
    return result


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


# IDX, the format of MNIST.
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
    _refuse_huge(path, math.prod(shape))
    return magic + lengths, shape


def find_idx(folder: Path, name: str) -> Path:
    """The file ``name`` or ``name.gz`` in ``folder``."""
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    raise DataError(f"{name} is missing", where=str(folder), try_=f"put {name} or {name}.gz into that folder")


def _downloaded(name: str) -> NDArray[np.uint8]:
    """One file of MNIST from the cache, or from the network into the cache; a wrong one does not stay there."""
    import pooch

    pooch.get_logger().setLevel("ERROR")
    cache = Path(pooch.os_cache("whygrad"))
    try:
        pooch.retrieve(MNIST_URL + f"{name}.gz", known_hash=None, fname=f"{name}.gz", path=cache)
    except (OSError, ValueError) as error:  # requests' errors are OSErrors
        raise DataError(f"MNIST is not on this machine, and {name}.gz could not be downloaded",
                        why=f"{MNIST_URL} did not answer ({type(error).__name__})",
                        try_="datasets.digits(), which comes with whygrad; or put MNIST's four IDX files into a folder "
                        "and name it in the environment variable WHYGRAD_DATA") from error
    try:
        return read_idx(cache / f"{name}.gz", MNIST_SHA256[name])
    except DataError:
        (cache / f"{name}.gz").unlink(missing_ok=True)
        raise


# NPZ.
def _read_npz(path: Path) -> Table:
    try:
        _refuse_huge_entries(path)
        with np.load(path, allow_pickle=False) as archive:
            for features, labels in (("X", "y"), ("images", "labels")):
                if features in archive.files and labels in archive.files:
                    return _table_of_arrays(path, archive[features], archive[labels])
            found = ", ".join(archive.files) or "nothing"
    except DataError:
        raise
    except (OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.name} can not be read as an NPZ archive", where=str(path), why=str(error),
                        try_="np.savez(path, X=features, y=labels), with arrays of numbers: objects are never unpickled"
                        ) from error
    raise DataError(f"{path.name} holds neither X and y nor images and labels", where=str(path),
                    why=f"it holds {found}", try_="np.savez(path, X=features, y=labels)")


def _refuse_huge_entries(path: Path) -> None:
    """Compare what each array's header announces with what its entry holds, before anything is allocated."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as stream:
                major, _ = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(stream)
                _refuse_huge(path, math.prod(shape) * dtype.itemsize)
                if not dtype.hasobject and stream.tell() + math.prod(shape) * dtype.itemsize != entry.file_size:
                    raise DataError(f"{entry.filename} announces {shape} of {dtype}, and its size does not fit",
                                    where=str(path), try_="save it again: it is cut off or damaged")


def _refuse_huge(path: Path, size: int) -> None:
    if size > SIZE_LIMIT:
        raise DataError(f"{path.name} announces {size:,} bytes", where=str(path),
                        why=f"arrays above {SIZE_LIMIT:,} bytes are refused: such a header is usually damage",
                        try_="split the data into smaller files")


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
    flat = _pixels(features) if is_images else features.reshape(len(features), -1)
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


# What all of them share.
def _dataset(arrays: dict[str, NDArray[np.uint8]]) -> Dataset:
    """The four arrays of MNIST's files, checked, as Dataset keeps them."""
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if images.ndim != 3 or labels.shape != images.shape[:1] or not labels.size or labels.max() > 9:
            raise DataError(f"the {part} images of shape {images.shape} do not fit labels of shape {labels.shape} "
                            "with values 0 to 9", try_="the four files of MNIST, unchanged")
    return Dataset(_pixels(arrays["train_images"]), arrays["train_labels"].astype(np.int64),
                   _pixels(arrays["test_images"]), arrays["test_labels"].astype(np.int64))


def _pixels(images: NDArray[np.uint8]) -> Float32:
    """Images ``(n, height, width)`` of bytes as rows of float32 from 0 to 1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
