"""What a folder of pictures holds, remembered from one start to the next.

Looking into a million files takes minutes; it is done once. The result is one file in the user's
cache folder ($SNELLEN_CACHE, else $XDG_CACHE_HOME/snellen, else ~/.cache/snellen), which later
starts map into memory: they read the times of the folders and of a sample of the files, and look
again only at what has changed. Nothing is ever written into the folder itself.

What this package wrote is not entered: the folders of its runs and its study bundles hold
reconstructions and copies of held-out pictures, which a training must never see.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.inspection import Found, inspect
from snellen.datasets.own_output import is_own_output
from snellen.errors import UserError
from snellen.files import atomic_path
from snellen.images import is_image_name

__all__ = ["FolderIndex", "cache_folder", "folder_index"]

_MAGIC = b"SNELLEN-INDEX-3\n"
_CHUNK = 4096  # files looked at between two look-ups in the previous index
_CHECKED_FILES = 20_000  # files whose size and time are compared at every start
_SETTLED_NS = 2_000_000_000  # file systems with coarse clocks stamp no finer than this
_THREADS = 8  # opening files waits for disks and networks more than for the processor

# Column → dtype. `ends` are the ends of the paths in the blob of names.
_COLUMNS = {
    "ends": "<i8",
    "height": "<u4",
    "width": "<u4",
    "size": "<i8",
    "mtime": "<i8",
    "content": "<u8",
    "path": "<u8",
}


@dataclass(frozen=True)
class FolderIndex:
    """The picture files under a folder, folder by folder, names in order.

    Attributes:
        columns: one number per file: `height`, `width` (0 if unreadable), `size` in bytes,
            `mtime` in ns, `content` and `path` (digests), and `ends` into `names`.
        names: the relative paths, one after the other, as bytes of the file system.
        folders: relative folder → its mtime in ns.
        reasons: file → why it cannot be read.
        passing: whether some of these reasons, like permissions, may have gone next time.
        others: how many files do not look like pictures by their names.
        refused: folders that could not be entered, and why.
        own: folders of runs and study bundles of ours, which were not entered.
        built: when the files were looked at, in ns since 1970.
    """

    columns: dict[str, NDArray[Any]]
    names: NDArray[np.uint8]
    folders: dict[str, int]
    reasons: dict[int, str]
    passing: bool
    others: int
    refused: dict[str, str]
    own: list[str]
    built: int

    def __len__(self) -> int:
        return len(self.columns["ends"])

    def path(self, row: int) -> bytes:
        """The relative path of a file."""
        ends = self.columns["ends"]
        return bytes(self.names[(ends[row - 1] if row else 0) : ends[row]])


def cache_folder() -> Path:
    """Where indices are kept."""
    if own := os.environ.get("SNELLEN_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "snellen"


def folder_index(root: Path, progress: Callable[[int], None] | None = None) -> FolderIndex:
    """The index of a folder: from the cache if nothing has changed, else made and cached.

    Args:
        root: the folder.
        progress: told from time to time how many files have been looked at.

    Raises:
        UserError: the folder itself cannot be listed.
    """
    real = os.path.realpath(root)
    key = hashlib.blake2b(os.fsencode(real), digest_size=12).hexdigest()
    cached = cache_folder() / "folders" / f"{key}.index"
    old = _load(cached, real)
    if old is not None and _is_current(old, real):
        return old
    index = _scan(real, old, progress)
    del old
    try:
        _save(cached, real, index)
    except (UserError, OSError):
        return index  # no cache to write to: slower next time, but no reason to stop
    # From the file, so that a million names do not stay in memory.
    return _load(cached, real) or index


def _is_current(index: FolderIndex, root: str) -> bool:
    if index.passing:
        return False
    for folder, mtime in index.folders.items():
        try:
            now = os.stat(os.path.join(root, folder)).st_mtime_ns
        except OSError:
            return False
        # A change within the clock's grain of the look itself would not show in the time.
        if now != mtime or mtime > index.built - _SETTLED_NS:
            return False
    if any(_can_enter(os.path.join(root, folder)) for folder in index.refused):
        return False
    if not all(is_own_output(os.path.join(root, folder)) for folder in index.own):
        return False
    count = len(index)
    step = max(1, count // _CHECKED_FILES)
    base = os.fsencode(root)
    size, mtime_of = index.columns["size"], index.columns["mtime"]
    for row in range(0, count, step):
        try:
            status = os.stat(os.path.join(base, index.path(row)))
        except OSError:
            return False
        if status.st_size != size[row] or status.st_mtime_ns != mtime_of[row]:
            return False
    return True


def _can_enter(folder: str) -> bool:
    try:
        with os.scandir(folder):
            return True
    except OSError:
        return False


class _Walk:
    """Lists the picture files of a tree, every real folder once, links to folders followed.

    Hidden folders and what this package wrote are not entered.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.folders: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.own: list[str] = []
        self.others = 0
        self._seen: set[tuple[int, int]] = set()

    def files(self) -> Iterator[tuple[bytes, int, int]]:
        """Relative path, size and mtime of each file."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            place = os.path.join(self.root, folder)
            try:
                status = os.stat(place)
                if (status.st_dev, status.st_ino) in self._seen:
                    continue  # a link to a folder above or beside: been there
                self._seen.add((status.st_dev, status.st_ino))
                if is_own_output(place):
                    self.own.append(folder)
                    continue
                names, below = self._list(place)
            except OSError as error:
                if not folder:
                    raise UserError(f"cannot read {self.root}: {error.strerror}.") from error
                self.refused[folder] = (error.strerror or str(error)).lower()
                continue
            self.folders[folder] = status.st_mtime_ns
            for name in names:
                relative = os.path.join(folder, name)
                try:
                    status = os.stat(os.path.join(self.root, relative))
                except OSError:
                    continue  # gone meanwhile
                yield os.fsencode(relative), status.st_size, status.st_mtime_ns
            waiting.extend(os.path.join(folder, name) for name in reversed(below))

    def _list(self, place: str) -> tuple[list[str], list[str]]:
        names, below = [], []
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir():
                    if not entry.name.startswith("."):
                        below.append(entry.name)
                elif is_image_name(entry.name):
                    if entry.is_file():
                        names.append(entry.name)
                else:
                    self.others += 1
        return sorted(names), sorted(below)


def _scan(
    root: str, old: FolderIndex | None, progress: Callable[[int], None] | None
) -> FolderIndex:
    """Walk the tree and look into each file that `old` does not know already."""
    built = time.time_ns()
    walk = _Walk(root)
    names = bytearray()
    columns = {name: array("Q" if dtype == "<u8" else "q") for name, dtype in _COLUMNS.items()}
    reasons: dict[int, str] = {}
    passing = False
    known = _Known(old)
    files = walk.files()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="index") as pool:
        while chunk := list(islice(files, _CHUNK)):
            keys = [_path_key(path) for path, _, _ in chunk]
            found = known.find(chunk, keys)
            paths = [os.path.join(os.fsencode(root), path) for path, _, _ in chunk]
            fresh = pool.map(inspect, [p for p, item in zip(paths, found, strict=True) if not item])
            for (path, size, mtime), key, old_item in zip(chunk, keys, found, strict=True):
                item = old_item or next(fresh)
                if item.reason:
                    reasons[len(columns["ends"])] = item.reason
                    passing |= not item.lasting
                names += path
                row = (len(names), item.height, item.width, size, mtime, item.content, key)
                for column, value in zip(columns.values(), row, strict=True):
                    column.append(value)
            if progress is not None:
                progress(len(columns["ends"]))
    arrays = {name: np.asarray(column).astype(_COLUMNS[name]) for name, column in columns.items()}
    return FolderIndex(
        arrays,
        np.frombuffer(names, np.uint8),
        walk.folders,
        reasons,
        passing,
        walk.others,
        walk.refused,
        walk.own,
        built,
    )


class _Known:
    """Finds files in a previous index by their paths."""

    def __init__(self, index: FolderIndex | None) -> None:
        self._index = index
        if index is not None:
            self._order = np.argsort(index.columns["path"], kind="stable")

    def find(self, files: list[tuple[bytes, int, int]], keys: list[int]) -> list[Found | None]:
        """What was found then in each file, None where it is new, changed or too fresh."""
        index = self._index
        if index is None or not len(index):
            return [None] * len(files)
        places = np.searchsorted(
            index.columns["path"], np.array(keys, np.uint64), sorter=self._order
        )
        found: list[Found | None] = []
        for place, key, (_, size, mtime) in zip(places.tolist(), keys, files, strict=True):
            row = int(self._order[min(place, len(index) - 1)])
            columns = index.columns
            same = (
                int(columns["path"][row]),
                int(columns["size"][row]),
                int(columns["mtime"][row]),
            )
            fresh = mtime > index.built - _SETTLED_NS
            if same != (key, size, mtime) or fresh or (index.passing and row in index.reasons):
                found.append(None)
                continue
            found.append(
                Found(
                    int(columns["height"][row]),
                    int(columns["width"][row]),
                    int(columns["content"][row]),
                    index.reasons.get(row, ""),
                )
            )
        return found


def _path_key(path: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(path, digest_size=8).digest(), "little")


def _save(target: Path, root: str, index: FolderIndex) -> None:
    """Write magic, length of the head, head (JSON), then the arrays, each at a multiple of 64."""
    head: dict[str, Any] = {
        "root": os.fsencode(root).hex(),
        "folders": index.folders,
        "reasons": list(index.reasons.items()),
        "passing": index.passing,
        "others": index.others,
        "refused": index.refused,
        "own": index.own,
        "built": index.built,
        "files": len(index),
        "names": len(index.names),
    }
    # JSON keeps undecodable names as lone surrogates, in ASCII.
    text = json.dumps(head).encode("ascii")
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        file.write(_MAGIC + len(text).to_bytes(8, "little") + text)
        for values in [*(index.columns[name] for name in _COLUMNS), index.names]:
            file.write(b"\0" * (-file.tell() % 64))
            file.write(np.ascontiguousarray(values).data)
        file.write(_MAGIC)
        file.flush()


def _load(path: Path, root: str) -> FolderIndex | None:
    """Map an index into memory; None if there is none, or it is damaged or another's."""
    try:
        data = np.memmap(path, np.uint8, "r")
        start = len(_MAGIC) + 8
        if bytes(data[: len(_MAGIC)]) != _MAGIC or bytes(data[-len(_MAGIC) :]) != _MAGIC:
            return None
        length = int.from_bytes(bytes(data[len(_MAGIC) : start]), "little")
        head = json.loads(bytes(data[start : start + length]))
        place = start + length
        arrays: list[NDArray[Any]] = []
        kinds: Iterable[tuple[str, int]] = [
            *((dtype, head["files"]) for dtype in _COLUMNS.values()),
            ("u1", head["names"]),
        ]
        for dtype, count in kinds:
            place += -place % 64
            size = np.dtype(dtype).itemsize * count
            arrays.append(data[place : place + size].view(dtype))
            place += size
        if place + len(_MAGIC) != len(data) or head["root"] != os.fsencode(root).hex():
            return None
        return FolderIndex(
            dict(zip(_COLUMNS, arrays, strict=False)),
            arrays[-1],
            head["folders"],
            dict(head["reasons"]),
            head["passing"],
            head["others"],
            head["refused"],
            head["own"],
            head["built"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
