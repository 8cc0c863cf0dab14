"""The pictures under a folder, of any depth and number."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.folder_index import folder_index
from snellen.datasets.inspection import whole_digest
from snellen.datasets.pictures import (
    CachedPictures,
    Skipped,
    require_some,
    skipped_for,
    unfit,
)
from snellen.errors import UserError
from snellen.images import UnreadableImage, read_image
from snellen.images.colour import Pixels
from snellen.images.files import IMAGE_SUFFIXES, MAX_PIXELS

__all__ = ["FolderPictures"]

_THREADS = 4  # reading files waits for disks and networks
_OWN = "folder with pictures written by snellen"


class FolderPictures(CachedPictures):
    """Every picture file in a tree; see `open_pictures`.

    Links are followed, each real folder once. Files and folders whose names begin with a dot are
    passed over, and so are the folders of our own runs and study bundles, which are named among
    `skipped`: a training must not see its own output. Copies of one file are one source, so that
    they never lie on both sides of a split.
    """

    def __init__(
        self,
        folder: Path,
        channels: int,
        min_side: int,
        cache_bytes: int,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(str(folder), channels, min_side, cache_bytes)
        self._root = os.fsencode(folder)
        self._index = folder_index(folder, progress)
        columns = self._index.columns
        height, width = columns["height"].astype(np.int64), columns["width"].astype(np.int64)
        side = np.minimum(height, width)
        self._rows = np.flatnonzero((side >= max(1, min_side)) & (height * width <= MAX_PIXELS))
        if not len(self._index):
            raise UserError(self._nothing())
        if not len(self._rows):
            require_some(0, self.spec, self._skipped_at_opening())

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, index: int) -> str:
        """See `Pictures`."""
        return self._row_name(int(self._rows[index]))

    def source(self, index: int) -> str:
        """The name of the first picture with this content."""
        return self.name(int(self._first_of_source[index]))

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        return self._index.columns["content"][self._rows].astype(np.uint64)

    def fingerprint(self, *, whole: bool = False) -> str:
        """Of paths, sizes and contents in order; not of times and of where the folder lies.

        The content of a file of more than 64 kB is known by five pieces of it (see `inspect`),
        unless `whole` asks for all.
        """
        columns = (self._index.columns[name][self._rows] for name in ("path", "size", "content"))
        parts = [column.tobytes() for column in columns]
        if whole:
            paths = (os.path.join(self._root, self._index.path(row)) for row in self._rows.tolist())
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="digest") as pool:
                parts += pool.map(whole_digest, paths)
        return self._fingerprint(parts)

    @property
    def decoded_bytes(self) -> int:
        """See `Pictures`."""
        columns = self._index.columns
        sides = (columns[name][self._rows].astype(np.int64) for name in ("height", "width"))
        return int(np.multiply(*sides).sum()) * self.channels

    def _decode(self, index: int) -> Pixels:
        row = int(self._rows[index])
        try:
            return read_image(os.fsdecode(os.path.join(self._root, self._index.path(row))))
        except ValueError as error:  # a name that this system cannot express
            raise UnreadableImage(self._row_name(row), str(error)) from error

    def _skipped_at_opening(self) -> list[Skipped]:
        columns = self._index.columns
        used = np.zeros(len(self._index), np.bool_)
        used[self._rows] = True
        skipped = [
            Skipped(f"{folder}/", "the folder cannot be entered", reason)
            for folder, reason in self._index.refused.items()
        ]
        skipped += [Skipped(f"{folder or '.'}/", _OWN) for folder in self._index.own]
        for row in np.flatnonzero(~used).tolist():
            sides = int(columns["height"][row]), int(columns["width"][row])
            reason = self._index.reasons.get(row) or unfit(*sides, self.min_side) or "unreadable"
            skipped.append(skipped_for(self._row_name(row), reason))
        return skipped

    def _row_name(self, row: int) -> str:
        # Bytes that are no UTF-8 are spelled out, so that a name can always be printed.
        path = self._index.path(row).replace(os.fsencode(os.sep), b"/")
        return path.decode("utf-8", "backslashreplace")

    @cached_property
    def _first_of_source(self) -> NDArray[np.int64]:
        _, first, inverse = np.unique(self.source_ids(), return_index=True, return_inverse=True)
        return first[inverse].astype(np.int64)

    def _nothing(self) -> str:
        if "" in self._index.own:
            return (
                f"{self.spec} is the folder of a run or a study bundle of snellen, whose pictures"
                " are no photographs; if you mean a folder inside it, name that folder."
            )
        others = self._index.others
        seen = f"{others:,} other file{'s' * (others != 1)}" if others else "nothing"
        closed = "".join(
            f"; cannot enter {name}: {why}" for name, why in self._index.refused.items()
        )
        closed += "".join(f"; left out {name}/, written by snellen" for name in self._index.own)
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        return f"no pictures in {self.spec}: found {seen}{closed}; pictures end in {suffixes}."
