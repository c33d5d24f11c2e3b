"""Make the digits that come with the package from MNIST's own files: python scripts/make_digits.py FOLDER.

FOLDER holds MNIST's four IDX files, gzipped or not.

Which images: every sixth of the 60,000 training images and every fifth of the 10,000 test images. MNIST's test set is
not shuffled: its first 5,000 images come from tidier writers than its last 5,000, so "the first 2,000" would flatter
every network. A stride takes its share of all writers and keeps their mixture. Test images come from the test set
alone, so no writer of the training images is among them. The classes keep MNIST's own frequencies; balancing them would
make accuracies here and on the full set two different quantities.

The file has the same bytes whenever it is made with the same zlib: entries in a fixed order, with a fixed date.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from whygrad.nn.data import DIGITS_FILE, MNIST_FILES, find_idx, read_idx

TRAIN_STRIDE, TEST_STRIDE = 6, 5
LIMIT = 2_500_000  # bytes
A_DATE = (1998, 11, 1, 0, 0, 0)  # zip entries must carry one


def main(folder: str) -> None:
    """Write the package's data file from the IDX files in ``folder``."""
    arrays = {name: read_idx(find_idx(Path(folder), file)) for name, file in MNIST_FILES.items()}
    strides = {name: TRAIN_STRIDE if name.startswith("train") else TEST_STRIDE for name in arrays}
    write_npz(DIGITS_FILE, {name: values[:: strides[name]] for name, values in arrays.items()})
    size = DIGITS_FILE.stat().st_size
    print(f"{DIGITS_FILE.name}: {size:,} bytes")
    if size > LIMIT:
        sys.exit(f"more than {LIMIT:,} bytes: raise the strides")


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Like np.savez_compressed, with bytes that depend on the arrays alone."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.save(content, np.ascontiguousarray(values), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=A_DATE)
            entry.create_system = 3  # the same on every system
            archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/make_digits.py FOLDER")
    main(sys.argv[1])
