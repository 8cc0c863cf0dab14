"""CIFAR-10 in its official binary files (https://www.cs.toronto.edu/~kriz/cifar.html).

`data_batch_1.bin` … `data_batch_5.bin` and `test_batch.bin` hold records of 3,073 bytes: the class,
0 to 9, and a uint8 picture of 3×32×32: red, green and blue plane, each row after row. The names of
the classes are in `batches.meta.txt`, one a line.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.pictures import CachedPictures, Skipped, require_some
from snellen.errors import UserError
from snellen.files import shown
from snellen.images.colour import Pixels

__all__ = ["SIDE", "Cifar10Pictures", "looks_like_cifar10"]

SIDE = 32
_PARTS = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")
_FOLDER = "cifar-10-batches-bin"
_PACKED = "cifar-10-binary.tar.gz"
_BYTES = 1 + 3 * SIDE * SIDE
_SAMPLE = 64  # pictures of a part that the fingerprint reads
_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


class Cifar10Pictures(CachedPictures):
    """The pictures of all files that are there; see `open_pictures`. They are memory-mapped.

    Any of the six files may be missing. Every picture is a source.

    Attributes:
        labels: the class of each picture, (n,), int64, 0 to 9.
        classes: the names of the ten classes.

    Raises:
        UserError: none of the files is there, one is packed, cut short or no CIFAR-10, or the
            names of the classes are not ten different ones.
    """

    def __init__(self, folder: str, channels: int, min_side: int, cache_bytes: int) -> None:
        super().__init__(f"cifar10:{folder}", channels, min_side, cache_bytes)
        place, found = _find(folder)
        mapped = [(path, _mapped(path)) for path in found]
        self._parts = [(path.stem, records) for path, records in mapped]
        self._ends = np.cumsum([len(records) for _, records in self._parts])
        labels = [_labels(path, records) for path, records in mapped]
        self.labels: NDArray[np.int64] = np.concatenate(labels)
        self.classes = _classes(place / "batches.meta.txt")
        skipped = [Skipped("all", f"smaller than {min_side} pixels on a side", f"{SIDE}×{SIDE}")]
        require_some(len(self) if min_side <= SIDE else 0, self.spec, skipped)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def name(self, index: int) -> str:
        """See `Pictures`."""
        part, row = self._place(index)
        return f"{self._parts[part][0]}/{row:05d}"

    def source(self, index: int) -> str:
        """See `Pictures`."""
        return self.name(index)

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        numbers = [
            np.arange(len(records), dtype=np.uint64) + np.uint64(_PARTS.index(part) << 32)
            for part, records in self._parts
        ]
        return np.concatenate(numbers)

    def fingerprint(self, *, whole: bool = False) -> str:
        """Of the parts, their lengths, and up to `_SAMPLE` records spread over each, or all."""
        found = []
        for part, records in self._parts:
            found.append(f"{part} {len(records)}".encode())
            if whole:
                found.append(hashlib.blake2b(records.data).digest())
                continue
            rows = np.linspace(0, len(records) - 1, min(_SAMPLE, len(records)))
            found.append(records[rows.round().astype(np.int64)].tobytes())
        return self._fingerprint(found)

    def _decode(self, index: int) -> Pixels:
        part, row = self._place(index)
        planes = self._parts[part][1][row, 1:].reshape(3, SIDE, SIDE)
        picture: NDArray[np.uint8] = planes.transpose(1, 2, 0)
        return picture

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        part = int(np.searchsorted(self._ends, index, side="right"))
        return part, int(index - (self._ends[part - 1] if part else 0))


def looks_like_cifar10(folder: Path) -> bool:
    """Whether some of the official files lie in a folder, or in its folder of the usual name."""
    return any(
        os.path.isfile(place / f"{part}.bin")
        for place in (folder, folder / _FOLDER)
        for part in _PARTS
    )


def _find(folder: str) -> tuple[Path, list[Path]]:
    root = Path(os.path.expanduser(folder))
    for place in (root, root / _FOLDER):
        found = [place / f"{part}.bin" for part in _PARTS]
        found = [path for path in found if os.path.isfile(path)]
        if found:
            return place, found
    packed = root / _PACKED
    if os.path.isfile(packed):
        raise UserError(
            f"{shown(packed)} is still packed: type `tar -xzf {shown(packed)} -C {shown(root)}`"
            " first."
        )
    raise UserError(
        f"no CIFAR-10 in {shown(folder)!r}: need data_batch_1.bin to data_batch_5.bin or"
        f" test_batch.bin there or in its folder {_FOLDER} (the binary version, from {_URL})."
    )


def _mapped(path: Path) -> NDArray[np.uint8]:
    try:
        size = path.stat().st_size
        if size == 0 or size % _BYTES:
            raise UserError(
                f"{shown(path)} has {size:,} bytes, not a multiple of {_BYTES:,} (1 + 3×{SIDE}×"
                f"{SIDE}): it was cut short or is not CIFAR-10; fetch it again from {_URL}."
            )
        return np.memmap(path, np.uint8, "r", shape=(size // _BYTES, _BYTES))
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror or error}.") from error


def _labels(path: Path, records: NDArray[np.uint8]) -> NDArray[np.int64]:
    labels = records[:, 0].astype(np.int64)
    if (wrong := np.flatnonzero(labels >= len(_CLASSES))).size:
        first = int(wrong[0])
        raise UserError(
            f"{shown(path)} has the class {labels[first]} at record {first + 1:,}; need 0 to 9: it"
            f" is damaged or is not CIFAR-10; fetch the binary version from {_URL}."
        )
    return labels


def _classes(path: Path) -> tuple[str, ...]:
    if not os.path.isfile(path):
        return _CLASSES
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UserError(f"cannot read {shown(path)}: {reason}.") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != len(_CLASSES) or len(set(names)) != len(names):
        raise UserError(
            f"{shown(path)} has {len(set(names))} different names; need the ten of the classes, one"
            " a line: mend it, or remove it to take the official ones."
        )
    return names
