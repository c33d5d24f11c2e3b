"""The digits that ship, the full MNIST, and readers that answer a bad file with one error that names the place."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from whygrad.errors import ArgumentError, DataError
from whygrad.nn import data, tables
from whygrad.nn import idx as idx_files

ROOT = Path(__file__).resolve().parents[2]


def idx(values: np.ndarray, shape: tuple[int, ...] | None = None) -> bytes:
    """An IDX file of bytes that announces ``shape``, by default truly."""
    shape = values.shape if shape is None else shape
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + values.astype(np.uint8).tobytes()


def refusal(path: Path, content: str | bytes) -> str:
    """The message with which load_table refuses a file of this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        tables.load_table(path)
    return str(caught.value)


# ── the digits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_digits_are_floats_from_0_to_1_with_whole_number_labels():
    digits = data.digits()
    assert digits.train_images.shape == (10_000, 784)
    assert digits.test_images.shape == (2_000, 784)
    assert digits.train_images.dtype == digits.train_targets.dtype == np.float32
    assert digits.train_labels.dtype == np.int64
    assert (digits.train_images.min(), digits.train_images.max()) == (0, 1)
    assert set(digits.test_labels) == set(range(10))


def test_targets_are_the_labels_one_hot():
    digits = data.digits()
    assert digits.train_targets.shape == (10_000, 10)
    assert (digits.test_targets.argmax(axis=1) == digits.test_labels).all()
    assert (digits.test_targets.sum(axis=1) == 1).all()


def test_no_test_digit_is_also_a_training_digit():
    digits = data.digits()
    assert not {image.tobytes() for image in digits.train_images} & {image.tobytes() for image in digits.test_images}


def test_the_shipped_file_is_small_and_says_whose_it_is():
    assert data.DIGITS_FILE.stat().st_size <= 2_500_000
    attribution = data.DIGITS_FILE.with_name("ATTRIBUTION.md").read_text(encoding="utf-8")
    assert all(name in attribution for name in ("MNIST", "LeCun", "Cortes", "CC BY-SA 3.0"))


def test_validation_images_are_set_aside_from_the_end_of_the_training_images():
    digits = data.digits()
    split = digits.with_validation(1_000)
    assert len(split.train_labels) == 9_000
    np.testing.assert_array_equal(split.validation_images, digits.train_images[9_000:])
    np.testing.assert_array_equal(split.validation_targets, digits.train_targets[9_000:])
    assert digits.validation_targets is None
    assert repr(split) == "Dataset(9,000 to train, 1,000 to validate, 2,000 to test; 784 pixels, 10 classes)"


@pytest.mark.parametrize("count", [0, -5, 10_000])
def test_a_validation_part_that_leaves_nothing_is_refused(count):
    with pytest.raises(ArgumentError, match="a number from 1 to 9999"):
        data.digits().with_validation(count)


# ── the full MNIST ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_mnist_is_read_from_the_folder_in_the_environment(shared_data, monkeypatch):
    monkeypatch.setenv("WHYGRAD_DATA", str(shared_data / "mnist"))
    mnist, digits = data.mnist(), data.digits()
    assert mnist.train_images.shape == (60_000, 784)
    np.testing.assert_array_equal(mnist.train_images[::6], digits.train_images)
    np.testing.assert_array_equal(mnist.test_labels[::5], digits.test_labels)


def test_the_known_checksums_are_those_of_mnist(shared_data):
    for file, sha256 in data.MNIST_SHA256.items():
        idx_files.read_idx(idx_files.find_idx(shared_data / "mnist", file), sha256)


def test_making_the_shipped_digits_again_gives_the_same_arrays(shared_data, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import make_digits

    monkeypatch.setattr(make_digits, "DIGITS_FILE", tmp_path / "again.npz")
    make_digits.main(str(shared_data / "mnist"))
    with np.load(data.DIGITS_FILE) as shipped, np.load(tmp_path / "again.npz") as again:
        for array in data.MNIST_FILES:
            np.testing.assert_array_equal(shipped[array], again[array])


def test_the_shipped_file_carries_no_trace_of_when_and_where_it_was_made():
    with zipfile.ZipFile(data.DIGITS_FILE) as archive:
        assert [entry.filename for entry in archive.infolist()] == [f"{name}.npy" for name in data.MNIST_FILES]
        assert {(entry.date_time, entry.create_system) for entry in archive.infolist()} == {((1998, 11, 1, 0, 0, 0), 3)}


def test_a_folder_without_mnist_is_refused_by_the_name_of_the_missing_file(tmp_path, monkeypatch):
    monkeypatch.setenv("WHYGRAD_DATA", str(tmp_path))
    with pytest.raises(DataError, match="train-images-idx3-ubyte is missing"):
        data.mnist()


def test_offline_mnist_says_what_to_do_instead(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch")
    monkeypatch.delenv("WHYGRAD_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path)

    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(DataError, match=r"(?s)could not be downloaded.*digits\(\).*WHYGRAD_DATA"):
        data.mnist()


def test_a_download_that_is_not_mnist_is_refused_and_does_not_stay_in_the_cache(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch")
    monkeypatch.delenv("WHYGRAD_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path)
    wrong = gzip.compress(idx(np.zeros((2, 28, 28))))
    monkeypatch.setattr(pooch, "retrieve", lambda url, *, fname, path, **_: (path / fname).write_bytes(wrong))
    with pytest.raises(DataError, match="SHA-256"):
        data.mnist()
    assert not list(tmp_path.iterdir())


# ── one_hot ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_labels_make_no_rows():
    assert data.one_hot([], 3).shape == (0, 3)


@pytest.mark.parametrize(("labels", "message"), [
    ([0, 3], "label 3 at row 1 is outside 0 to 2"),
    ([-1], "label -1 at row 0"),
    ([0.5], "float64"),
    ([[0, 1]], r"shape \(1, 2\)"),
    (["a"], "can not be one-hot"),
])
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        data.one_hot(labels, 3)


# ── a user's own IDX files ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_pair_of_idx_files_is_a_table_of_pixels_from_0_to_1(tmp_path, ending):
    pack = gzip.compress if ending else bytes
    (tmp_path / f"my-images-idx3-ubyte{ending}").write_bytes(pack(idx(np.array([[[0, 255]], [[51, 102]]]))))
    (tmp_path / f"my-labels-idx1-ubyte{ending}").write_bytes(pack(idx(np.array([7, 1]))))
    table = tables.load_table(tmp_path / f"my-images-idx3-ubyte{ending}")
    np.testing.assert_allclose(table.features, [[0, 1], [0.2, 0.4]], rtol=1e-6)
    assert table.labels.tolist() == [7, 1]


def test_images_without_their_labels_are_refused_by_the_name_of_the_missing_file(tmp_path):
    assert "a-labels-idx1-ubyte is missing" in refusal(tmp_path / "a-images-idx3-ubyte", idx(np.zeros((1, 2, 2))))


@pytest.mark.parametrize(("content", "message"), [
    (b"", "starts with nothing"),
    (b"\0\0\x08", "is not an IDX file"),
    (b"PNG data, surely", "starts with 50 4e 47 20"),
    (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "is not an IDX file of bytes"),
    (b"\0\0\x08\xff" + b"\0" * 2000, "is not an IDX file of bytes"),
    (b"\0\0\x08\x03\0\0", "is not an IDX file of bytes"),
    (idx(np.zeros(3), shape=(1, 2, 2)), "announces 4 values and holds only 3"),
    (idx(np.zeros(9), shape=(1, 2, 2)), "announces 4 values and holds more"),
    (idx(np.zeros(4), shape=(4_000_000_000, 4_000_000_000, 4_000_000_000)), "are refused"),
])
def test_a_broken_idx_file_is_refused(tmp_path, content, message):
    assert message in refusal(tmp_path / "a-images-idx3-ubyte", content)


def test_a_broken_gzip_file_is_refused(tmp_path):
    whole = gzip.compress(idx(np.arange(400).reshape(4, 10, 10) % 251))
    for content in (whole[:-12], whole[:40], b"not gzip at all", whole[:-8] + b"\0" * 8):
        assert "a-images-idx3-ubyte.gz" in refusal(tmp_path / "a-images-idx3-ubyte.gz", content)


def test_a_gzip_bomb_is_read_no_further_than_its_header_announces(tmp_path):
    bomb = gzip.compress(idx(np.zeros(50_000_000), shape=(1, 2, 2)))
    assert "announces 4 values and holds more" in refusal(tmp_path / "a-images-idx3-ubyte.gz", bomb)


# ── a user's own NPZ file ────────────────────────────────────────────────────────────────────────────────────────────


def npz(**arrays) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getvalue()


def test_an_npz_of_features_and_labels_keeps_its_precision(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz(X=np.eye(3, dtype=np.float32), y=np.array([2.0, 1.0, 0.0])))
    table = tables.load_table(path)
    assert table.features.dtype == np.float32
    assert table.labels.dtype == np.int64
    assert table.labels.tolist() == [2, 1, 0]
    assert table.feature_names == ("x0", "x1", "x2")


def test_an_npz_of_byte_images_is_scaled_like_the_digits(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz(images=np.full((2, 4, 4), 255, np.uint8), labels=np.array([0, 1])))
    table = tables.load_table(path)
    assert table.features.shape == (2, 16)
    assert (table.features == 1).all()


def test_labels_that_are_not_whole_numbers_stay_as_they_are(tmp_path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz(X=np.ones((2, 1)), y=np.array([0.25, 3.0])))
    assert tables.load_table(path).labels.tolist() == [0.25, 3.0]


@pytest.mark.parametrize(("arrays", "message"), [
    ({"X": np.array([[1.0, 2.0], [3.0, np.nan]]), "y": np.arange(2)}, "nan in the features at row 1, column 1"),
    ({"X": np.ones((2, 2)), "y": np.array([0, np.inf])}, "inf in the labels at row 1"),
    ({"X": np.ones((2, 2)), "y": np.arange(3)}, "shape (2, 2) do not fit labels of shape (3,)"),
    ({"X": np.ones(2), "y": np.arange(2)}, "shape (2,) do not fit"),
    ({"X": np.ones((0, 2)), "y": np.arange(0)}, "do not fit"),
    ({"X": np.ones((2, 2)) * 1j, "y": np.arange(2)}, "complex128 are not real numbers"),
    ({"X": np.array([["a"]]), "y": np.arange(1)}, "are not real numbers"),
    ({"data": np.ones(2)}, "it holds data"),
    ({"X": np.array([[None]], dtype=object), "y": np.arange(1)}, "never unpickled"),
])
def test_an_npz_that_can_not_be_learned_from_is_refused(tmp_path, arrays, message):
    assert message in refusal(tmp_path / "mine.npz", npz(**arrays))


def test_a_broken_npz_is_refused(tmp_path):
    whole = npz(X=np.arange(400.0).reshape(100, 4), y=np.arange(100))
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 0xFF
    for content in (b"", b"not a zip", whole[:-30], bytes(damaged)):
        assert "mine.npz" in refusal(tmp_path / "mine.npz", content)


@pytest.mark.parametrize("shape", [(10**12, 10**3), (10**6, 10)])
def test_an_npz_whose_header_announces_more_than_it_holds_is_refused_before_anything_is_allocated(tmp_path, shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as entries:
        entries.writestr("X.npy", header.getvalue() + bytes(16))
        entries.writestr("y.npy", header.getvalue())
    assert "announces" in refusal(tmp_path / "mine.npz", archive.getvalue())


# ── a user's own CSV file ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "features", "labels", "names"), [
    ("1,2,0\n3,4,1\n", [[1, 2], [3, 4]], [0, 1], ("x0", "x1")),
    ("a,b,c\n1,2,0\n", [[1, 2]], [0], ("a", "b")),
    ("label,a,b\n1,2,3\n", [[2, 3]], [1], ("a", "b")),
    ("2019,label,2020\n1,5,3\n", [[1, 3]], [5], ("2019", "2020")),
    ("0,1,2\n7,8,9\n", [[7, 8]], [9], ("0", "1")),
    ("\ufeffa,b\r\n\r\n1, 2 \r\n", [[1]], [2], ("a",)),
    ("1,2.5\n2,3\n", [[1], [2]], [2.5, 3], ("x0",)),
    ('"a","b"\n"1e-3","4"\n', [[0.001]], [4], ("a",)),
])
def test_a_csv_is_read_with_or_without_names(tmp_path, text, features, labels, names):
    path = tmp_path / "mine.CSV"
    path.write_text(text, encoding="utf-8")
    table = tables.load_table(path)
    assert table.features.tolist() == features
    assert table.labels.tolist() == labels
    assert table.feature_names == names
    assert table.class_names == ()


def test_labels_in_words_become_the_numbers_of_the_sorted_words(tmp_path):
    path = tmp_path / "flowers.csv"
    path.write_text("5.1,setosa\n6.3,virginica\n7.0,versicolor\n4.9,setosa\n")
    table = tables.load_table(str(path))
    assert table.class_names == ("setosa", "versicolor", "virginica")
    assert table.labels.tolist() == [0, 2, 1, 0]


@pytest.mark.parametrize(("content", "message"), [
    ("", "starts with 0 columns"),
    ("1\n2\n", "starts with 1 columns"),
    ("a;b\n1;2\n", "separated by commas"),
    ("a,b\n", "has names but no rows"),
    ("a,b,c\n1,2,0\n1,nan,0\n", "nan in line 3, column b"),
    ("a,b,c\n1,2,0\n1,,0\n", "nothing in line 3, column b"),
    ("1,inf,0\n", "inf in line 1, column x1"),
    ("1,2,0\n1,two,0\n", "two in line 2, column x1"),
    ("1,2,0\n1,2\n", "line 2 of mine.csv has 2 values, the first row has 3"),
    ("1,2,0\n1,2,cat\n", "the label in line 2 of mine.csv is cat"),
    ("1,2,cat\n1,2,\n", "the label in line 2 of mine.csv is missing"),
    ("1,2,0\n1,2,nan\n", "the label in line 2 of mine.csv is nan"),
    ('1,2,"0\n', "can not be read as CSV"),
    (b"\xff\xfe1\x00,\x00", "can not be read as CSV"),
])
def test_a_csv_that_can_not_be_learned_from_is_refused_with_its_line(tmp_path, content, message):
    assert message in refusal(tmp_path / "mine.csv", content)


def test_a_missing_or_unknown_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        tables.load_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is not a file"):
        tables.load_table(tmp_path)
    assert "none of the kinds" in refusal(tmp_path / "mine.xlsx", b"PK")


def test_a_refusal_shows_no_frames_of_the_readers(tmp_path):
    try:
        tables.load_table(tmp_path / "none.csv")
    except DataError:
        trace = sys.exc_info()[2]
        assert trace is not None
        assert trace.tb_next is None
