"""The file in which prepared training pictures lie: mapped into memory, known by its checksum.

Layout: a magic word; for each picture Y and the low-resolution Y, and then the looks of all, each
at a multiple of 64 bytes; a head in JSON; the head's length; a BLAKE2b digest of all before it;
and the magic word again. A reader never meets half a file, because it is written under another
name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.picture_hashes import LOOK_LENGTH, PictureHashes
from snellen.datasets.pictures import Skipped
from snellen.files import atomic_path, write_error

__all__ = ["MARGIN", "DamagedCacheError", "PatchSource", "alone", "load", "writing"]

MARGIN = 2
"""Pixels that surround a low-resolution picture in the file: what bicubic taps reach beyond it."""

_MAGIC = b"SNELLEN-PATCH-1\n"
_ALIGN = 64
_DIGEST = 32
_CHUNK = 1 << 22  # bytes digested at a time
_COLUMNS = ("height", "width", "pixels", "low")


class DamagedCacheError(Exception):
    """A file that is no whole and unchanged cache; the message says what is wrong with it."""


@dataclass(frozen=True)
class PatchSource:
    """Prepared pictures, mapped into memory; made by `prepare_patches`.

    Attributes:
        path: the cache file.
        scale: by which the pictures were shrunk, and are to be enlarged.
        protocol: name of the protocol by which they were shrunk.
        rescales: by which factors each picture was shrunk beforehand.
        fingerprint: digest of what was prepared and how; the same folders give the same one.
        names: of the pictures, with ``@0.8`` behind those that were rescaled.
        height, width: sides of each Y in pixels, multiples of `scale`.
        skipped: what was left out: damaged files, small ones, and copies of others.
        notes: sentences for the user, as why a cache was made anew.
        hashes: of the pictures as they were decoded, each once, for `snellen.datasets.leaks`.
        data: the file's bytes; `pixels_at` and `low_at` say where in it Y and the low-resolution
            picture of each begin.
    """

    path: Path
    scale: int
    protocol: str
    rescales: tuple[float, ...]
    fingerprint: str
    names: list[str]
    height: NDArray[np.int64]
    width: NDArray[np.int64]
    skipped: list[Skipped]
    notes: list[str]
    hashes: PictureHashes
    data: NDArray[np.uint8] = field(repr=False)
    pixels_at: NDArray[np.int64] = field(repr=False)
    low_at: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def originals(self) -> list[str]:
        """Of each prepared picture, the name of that which it is a version of."""
        whole = set(self.hashes.names)
        return [name if name in whole else name.rpartition("@")[0] for name in self.names]

    def luma(self, index: int) -> NDArray[np.uint8]:
        """Y of a picture: (H, W), uint8, not to be written to."""
        height, width = int(self.height[index]), int(self.width[index])
        start = int(self.pixels_at[index])
        return self.data[start : start + height * width].reshape(height, width)

    def low(self, index: int) -> NDArray[np.float32]:
        """The low-resolution Y: (H/scale, W/scale), float32, 1 is white."""
        return self.low_with_margin(index)[MARGIN:-MARGIN, MARGIN:-MARGIN]

    def low_with_margin(self, index: int) -> NDArray[np.float32]:
        """The same with `MARGIN` more pixels on every side, as the protocol continues pictures."""
        height = int(self.height[index]) // self.scale + 2 * MARGIN
        width = int(self.width[index]) // self.scale + 2 * MARGIN
        start = int(self.low_at[index])
        low = self.data[start : start + 4 * height * width].view(np.float32)
        return low.reshape(height, width)


class _Writer:
    """Appends pictures to a file that is being made."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.blake2b(digest_size=_DIGEST)
        self._place = 0
        self._names: list[str] = []
        self._columns: dict[str, list[int]] = {name: [] for name in _COLUMNS}
        self._write(_MAGIC)

    def add(self, name: str, luma: NDArray[np.uint8], low: NDArray[np.float32]) -> None:
        """Append a picture; `low` has its margin."""
        places = [self._array(array) for array in (luma, low)]
        self._names.append(name)
        for column, value in zip(self._columns.values(), (*luma.shape, *places), strict=True):
            column.append(value)

    def finish(
        self, facts: Mapping[str, Any], hashes: PictureHashes, skipped: Iterable[Skipped]
    ) -> None:
        """Write the head, with `facts` in it, and what shows that the file is whole."""
        looks = self._array(hashes.looks)
        self._write(b"\0" * (-self._place % _ALIGN))
        head = {
            **facts,
            "names": self._names,
            **self._columns,
            "skipped": [[item.name, item.reason, item.detail] for item in skipped],
            "hashes": {"names": hashes.names, "digests": hashes.digests, "looks": looks},
        }
        # JSON keeps undecodable names as lone surrogates, in ASCII.
        text = json.dumps(head).encode("ascii")
        self._write(text)
        self._write(len(text).to_bytes(8, "little"))
        self._file.write(self._digest.digest() + _MAGIC)
        self._file.flush()

    def _array(self, array: NDArray[Any]) -> int:
        self._write(b"\0" * (-self._place % _ALIGN))
        place = self._place
        self._write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return place

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._place += len(data)


@contextmanager
def writing(path: Path) -> Iterator[_Writer]:
    """Make a cache file: `add` the pictures, then `finish`; it appears when the block succeeds.

    Raises:
        UserError: the place cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield _Writer(file)


def load(path: Path, skipped: list[Skipped], notes: list[str]) -> PatchSource | None:
    """Map a cache file into memory, after reading all of it once; None if there is none.

    Args:
        path: the file.
        skipped: what was left out before, to which the file's own list is added.
        notes: for the source.

    Raises:
        DamagedCacheError: it is cut short, changed or of another version, or cannot be read.
    """
    try:
        data = np.asarray(np.memmap(path, np.uint8, "r"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedCacheError("it is empty") from error
    except OSError as error:
        raise DamagedCacheError((error.strerror or str(error)).lower()) from error
    end = len(data) - len(_MAGIC) - _DIGEST
    magic = [bytes(data[: len(_MAGIC)]), bytes(data[-len(_MAGIC) :])]
    if end < len(_MAGIC) + 8 or magic != [_MAGIC, _MAGIC]:
        raise DamagedCacheError("it is cut short or of another version")
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for start in range(0, end, _CHUNK):
        digest.update(data[start : min(start + _CHUNK, end)].data)
    if digest.digest() != bytes(data[end : end + _DIGEST]):
        raise DamagedCacheError("its checksum does not match")
    length = int.from_bytes(bytes(data[end - 8 : end]), "little")
    head = json.loads(bytes(data[end - 8 - length : end - 8]))
    columns = {name: np.array(head[name], np.int64) for name in _COLUMNS}
    hashes = head["hashes"]
    start, count = hashes["looks"], len(hashes["names"])
    looks = data[start : start + 4 * LOOK_LENGTH * count].view(np.float32)
    return PatchSource(
        path=path,
        scale=head["scale"],
        protocol=head["protocol"],
        rescales=tuple(head["rescales"]),
        fingerprint=head["fingerprint"],
        names=head["names"],
        height=columns["height"],
        width=columns["width"],
        skipped=skipped + [Skipped(*item) for item in head["skipped"]],
        notes=notes,
        hashes=PictureHashes(hashes["names"], hashes["digests"], looks.reshape(count, LOOK_LENGTH)),
        data=data[: end - 8 - length],
        pixels_at=columns["pixels"],
        low_at=columns["low"],
    )


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is making this file, and keep others waiting meanwhile.

    What a killed one has left is removed.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    lock = path.with_name(f".{path.stem}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # the end of a process gives it back
        except OSError:
            pass  # some network file systems have no locks: then both make the same file
        else:
            for left in path.parent.glob(f".tmp-*-{path.name}"):
                with suppress(OSError):
                    left.unlink()
        yield
    finally:
        os.close(descriptor)
