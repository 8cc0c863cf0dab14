"""What a set of pictures is, and what all sets share."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.files import shown
from snellen.images import UnreadableImage, to_channels, to_uint8
from snellen.images.colour import Pixels
from snellen.images.files import MAX_PIXELS

__all__ = [
    "CACHE_BYTES",
    "CachedPictures",
    "Pictures",
    "Skipped",
    "read_undamaged",
    "summarise_skipped",
]

CACHE_BYTES = 1 << 30
"""How many bytes of decoded pictures a set keeps in memory unless told otherwise."""


@dataclass(frozen=True)
class Skipped:
    """A picture that is left out: its name, why (worth counting by), and what it was exactly."""

    name: str
    reason: str
    detail: str = ""


class Pictures(Protocol):
    """A set of pictures, read one by one.

    Attributes:
        spec: the name under which `open_pictures` finds the set again.
        channels: of every picture: 1 (gray) or 3 (colour).
        preferred_held_out: how many sources the set's own protocol holds out, or None.
    """

    spec: str
    channels: int
    preferred_held_out: int | None

    @property
    def decoded_bytes(self) -> int:
        """What all pictures take decoded; 0 where reading them needs no decoding."""

    @property
    def skipped(self) -> list[Skipped]:
        """What was left out so far; decoding may add to it."""

    def __len__(self) -> int:
        """The number of pictures."""

    def read(self, index: int) -> NDArray[np.uint8]:
        """Picture `index`: (H, W, channels), not to be written to.

        Raises:
            UnreadableImage: it is damaged (`lasting`), and from now on among `skipped`; or it
                cannot be read just now, which is not remembered.
        """

    def name(self, index: int) -> str:
        """A short name for people, unique in the set."""

    def source(self, index: int) -> str:
        """The scene that the picture shows: views and copies of one scene share it."""

    def source_ids(self) -> NDArray[np.uint64]:
        """One number per picture, equal where `source` is; it depends on the source only."""

    def fingerprint(self, *, whole: bool = False) -> str:
        """Sixteen hexadecimal digits that change when the usable pictures do.

        Files that are added, removed, renamed or changed, another order, `min_side` and `channels`
        change it; opening the set again, in any process, does not. It is cheap: large contents are
        sampled, unless `whole` asks for every byte of them.
        """

    def stored(self, index: int) -> Pixels:
        """Picture `index` in as many channels as it is stored in, (H, W) or (H, W, 3).

        uint8 or uint16, without alpha, decoded anew each time.

        Raises:
            UnreadableImage: it is damaged, or cannot be read just now.
        """


class CachedPictures(ABC):
    """The common part of the sets here: decoded pictures in memory, and a list of the bad ones.

    The least recently used pictures leave when `cache_bytes` are exceeded. Safe for threads.
    """

    preferred_held_out: int | None = None

    def __init__(self, spec: str, channels: int, min_side: int, cache_bytes: int) -> None:
        if channels not in (1, 3):
            raise ValueError(f"got channels={channels}; need 1 (gray) or 3 (colour)")
        self.spec = spec
        self.channels = channels
        self.min_side = min_side
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._cached_bytes = 0
        self._failed: dict[int, UnreadableImage] = {}
        self._lock = threading.Lock()

    @abstractmethod
    def __len__(self) -> int:
        """The number of pictures."""

    @abstractmethod
    def name(self, index: int) -> str:
        """A short name for people, unique in the set."""

    @abstractmethod
    def source(self, index: int) -> str:
        """The scene that the picture shows."""

    @abstractmethod
    def source_ids(self) -> NDArray[np.uint64]:
        """One number per picture, equal where `source` is."""

    @abstractmethod
    def fingerprint(self, *, whole: bool = False) -> str:
        """Sixteen hexadecimal digits that change when the set does."""

    @abstractmethod
    def _decode(self, index: int) -> Pixels:
        """The picture as it is stored, without alpha."""

    @property
    def decoded_bytes(self) -> int:
        """See `Pictures`."""
        return 0

    def _fingerprint(self, parts: Iterable[bytes]) -> str:
        """Digest what holds for every set and the parts of this one."""
        digest = hashlib.blake2b(digest_size=8)
        for part in (f"{self.channels} {self.min_side}".encode(), *parts):
            # With its length, so that what ends one part cannot begin the next.
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()

    def _skipped_at_opening(self) -> list[Skipped]:
        return []

    @property
    def skipped(self) -> list[Skipped]:
        """What was left out when the set was opened, and what failed to decode since."""
        with self._lock:
            failed = sorted(self._failed.items())
        return self._skipped_at_opening() + [
            skipped_for(self.name(index), error.reason) for index, error in failed
        ]

    def read(self, index: int) -> NDArray[np.uint8]:
        """Picture `index`: (H, W, channels), read-only."""
        with self._lock:
            if index in self._failed:
                raise self._failed[index]
            if (kept := self._cached.get(index)) is not None:
                self._cached.move_to_end(index)
                return kept
        try:
            picture = self._prepared(index)
        except UnreadableImage as error:
            if error.lasting:
                with self._lock:
                    self._failed.setdefault(index, error)
            raise
        self._keep(index, picture)
        return picture

    def stored(self, index: int) -> Pixels:
        """Picture `index` in as many channels as it is stored in."""
        picture = self._decode(index)
        return picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture

    def _prepared(self, index: int) -> NDArray[np.uint8]:
        picture = to_uint8(to_channels(self._decode(index), self.channels))
        if (reason := unfit(picture.shape[0], picture.shape[1], self.min_side)) is not None:
            raise UnreadableImage(self.name(index), reason)
        picture = np.ascontiguousarray(picture)
        picture.flags.writeable = False
        return picture

    def _keep(self, index: int, picture: NDArray[np.uint8]) -> None:
        with self._lock:
            if index in self._cached or picture.nbytes > self._cache_bytes:
                return
            self._cached[index] = picture
            self._cached_bytes += picture.nbytes
            while self._cached_bytes > self._cache_bytes:
                _, oldest = self._cached.popitem(last=False)
                self._cached_bytes -= oldest.nbytes


def read_undamaged(pictures: Pictures, index: int) -> NDArray[np.uint8]:
    """Read a picture; only damage that lasts is an `UnreadableImage`, which may be passed over.

    A picture left out for a passing reason would silently change every batch from there on.
    """
    try:
        return pictures.read(index)
    except UnreadableImage as error:
        if error.lasting:
            raise
        raise UserError(
            f"cannot read {pictures.name(index)} of {pictures.spec}: {error.reason}. It is not"
            " known to be damaged, so it is not skipped: make it readable and start again."
        ) from error


def unfit(height: int, width: int, min_side: int) -> str | None:
    """Why a picture of these sides cannot be used, or None when it can."""
    if min(height, width) < min_side:
        return f"smaller than {min_side} pixels on a side ({width}×{height})"
    if height * width > MAX_PIXELS:
        return f"more than {MAX_PIXELS:,} pixels ({width}×{height})"
    return None


def skipped_for(name: str, reason: str) -> Skipped:
    """Split a sentence like `too small (80×60)` into what is counted and what is particular."""
    kind, _, detail = reason.partition(" (")
    return Skipped(name, kind.strip(), detail.rstrip(")"))


def summarise_skipped(skipped: Iterable[Skipped], *, names: int = 3) -> str:
    """One sentence on what was left out, with up to `names` names per reason; empty if nothing.

    >>> summarise_skipped([Skipped("a.jpg", "the file is truncated"), Skipped("b.png", "empty")])
    'skipped 2 pictures: 1 the file is truncated (a.jpg); 1 empty (b.png)'
    """
    skipped = list(skipped)
    if not skipped:
        return ""
    parts = []
    for reason, count in Counter(item.reason for item in skipped).most_common():
        some = [shown(item.name) for item in skipped if item.reason == reason][:names]
        more = ", …" if count > len(some) else ""
        parts.append(f"{count} {reason} ({', '.join(some)}{more})")
    plural = "picture" if len(skipped) == 1 else "pictures"
    return f"skipped {len(skipped)} {plural}: {'; '.join(parts)}"


def require_some(count: int, spec: str, skipped: list[Skipped]) -> None:
    """Refuse a set in which nothing can be used."""
    if count == 0:
        raise UserError(
            f"no usable picture in {shown(spec)}"
            f"{': ' if skipped else ''}{summarise_skipped(skipped)}{_way_out(skipped)}."
        )


def _way_out(skipped: list[Skipped]) -> str:
    """Say how large the largest of the pictures is which are too small."""
    small = [item.detail for item in skipped if item.reason.startswith("smaller than ")]
    sides = [min(map(int, detail.split("×"))) for detail in small]
    if not sides:
        return ""
    return (
        f"; the shorter side of the largest has {max(sides)}: name larger pictures, or a smaller "
        "size where the command has a --size"
    )
