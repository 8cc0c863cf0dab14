"""Some of the pictures of a set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.pictures import Pictures, Skipped
from snellen.images.colour import Pixels

__all__ = ["Subset"]


class Subset:
    """The pictures of another set at some indices, in their order; itself a set of pictures.

    What the other set skips is skipped here too, and `left_out` beside it. The spec is that of the
    other set.

    >>> from snellen.datasets import open_pictures
    >>> some = Subset(open_pictures("builtin"), [4, 0])
    >>> len(some), some.name(1)
    (2, 'astronaut')
    """

    preferred_held_out: int | None = None

    def __init__(
        self,
        pictures: Pictures,
        indices: Sequence[int] | NDArray[np.int64],
        left_out: Sequence[Skipped] = (),
    ) -> None:
        self.spec = pictures.spec
        self.channels = pictures.channels
        self._pictures = pictures
        self._indices = np.asarray(indices, np.int64)
        self._left_out = list(left_out)

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def decoded_bytes(self) -> int:
        """As large a part of what the other set takes as the pictures are of its pictures."""
        return self._pictures.decoded_bytes * len(self) // max(1, len(self._pictures))

    @property
    def skipped(self) -> list[Skipped]:
        """See `Pictures`."""
        return self._pictures.skipped + self._left_out

    def read(self, index: int) -> NDArray[np.uint8]:
        """See `Pictures`."""
        return self._pictures.read(int(self._indices[index]))

    def name(self, index: int) -> str:
        """See `Pictures`."""
        return self._pictures.name(int(self._indices[index]))

    def source(self, index: int) -> str:
        """See `Pictures`."""
        return self._pictures.source(int(self._indices[index]))

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        return self._pictures.source_ids()[self._indices]

    def fingerprint(self, *, whole: bool = False) -> str:
        """Of the other set, and of which of its pictures these are."""
        digest = hashlib.blake2b(self._pictures.fingerprint(whole=whole).encode(), digest_size=8)
        digest.update(self._indices.astype("<i8").tobytes())
        return digest.hexdigest()

    def stored(self, index: int) -> Pixels:
        """See `Pictures`."""
        return self._pictures.stored(int(self._indices[index]))
