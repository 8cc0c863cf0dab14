"""STL-10 in its official binary files (https://cs.stanford.edu/~acoates/stl10/).

`train_X.bin`, `test_X.bin` and `unlabeled_X.bin` hold uint8 pictures of 3×96×96: red, green and
blue plane, each plane column after column.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.pictures import CachedPictures, Skipped, require_some
from snellen.errors import UserError
from snellen.images.colour import Pixels

__all__ = ["SIDE", "Stl10Pictures"]

SIDE = 96
_PARTS = ("train", "test", "unlabeled")
_BYTES = 3 * SIDE * SIDE
_SAMPLE = 64  # pictures of a part that the fingerprint reads: 2 MB of up to 2.8 GB
_URL = "https://cs.stanford.edu/~acoates/stl10/"


class Stl10Pictures(CachedPictures):
    """The pictures of all parts that are there: train, test, unlabeled; see `open_pictures`.

    The files are memory-mapped. As on the poster, 1,000 pictures are held out by default.
    """

    preferred_held_out: int | None = 1000

    def __init__(self, folder: str, channels: int, min_side: int, cache_bytes: int) -> None:
        super().__init__(f"stl10:{folder}", channels, min_side, cache_bytes)
        self._parts = [(part, _mapped(path)) for part, path in _find(folder)]
        self._ends = np.cumsum([len(pictures) for _, pictures in self._parts])
        skipped = [Skipped("all", f"smaller than {min_side} pixels on a side", f"{SIDE}×{SIDE}")]
        require_some(len(self) if min_side <= SIDE else 0, self.spec, skipped)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def name(self, index: int) -> str:
        """See `Pictures`."""
        part, row = self._place(index)
        return f"{self._parts[part][0]}/{row:06d}"

    def source(self, index: int) -> str:
        """See `Pictures`."""
        return self.name(index)

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        numbers = [
            np.arange(len(pictures), dtype=np.uint64) + np.uint64(_PARTS.index(part) << 32)
            for part, pictures in self._parts
        ]
        return np.concatenate(numbers)

    def fingerprint(self, *, whole: bool = False) -> str:
        """Of the parts, their lengths, and up to `_SAMPLE` pictures spread over each, or all."""
        found = []
        for part, pictures in self._parts:
            found.append(f"{part} {len(pictures)}".encode())
            if whole:
                found.append(hashlib.blake2b(pictures.data).digest())
                continue
            rows = np.linspace(0, len(pictures) - 1, min(_SAMPLE, len(pictures)))
            found.append(pictures[rows.round().astype(np.int64)].tobytes())
        return self._fingerprint(found)

    def _decode(self, index: int) -> Pixels:
        part, row = self._place(index)
        # Stored as (colour, column, row).
        picture: NDArray[np.uint8] = self._parts[part][1][row].transpose(2, 1, 0)
        return picture

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        part = int(np.searchsorted(self._ends, index, side="right"))
        return part, int(index - (self._ends[part - 1] if part else 0))


def _find(folder: str) -> list[tuple[str, Path]]:
    root = Path(os.path.expanduser(folder))
    for place in (root, root / "stl10_binary"):
        found = [(part, place / f"{part}_X.bin") for part in _PARTS]
        found = [(part, path) for part, path in found if os.path.isfile(path)]
        if found:
            return found
    packed = root / "stl10_binary.tar.gz"
    if os.path.isfile(packed):
        raise UserError(f"{packed} is still packed: type `tar -xzf {packed} -C {root}` first.")
    raise UserError(
        f"no STL-10 in {folder!r}: need train_X.bin, test_X.bin or unlabeled_X.bin there or in its"
        f" folder stl10_binary (from {_URL})."
    )


def _mapped(path: Path) -> NDArray[np.uint8]:
    size = path.stat().st_size
    if size == 0 or size % _BYTES:
        raise UserError(
            f"{path} has {size:,} bytes, not a multiple of {_BYTES:,} (3×{SIDE}×{SIDE}): it was cut"
            f" short or is not STL-10; fetch it again from {_URL}."
        )
    try:
        return np.memmap(path, np.uint8, "r", shape=(size // _BYTES, 3, SIDE, SIDE))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}.") from error
