"""Training data for super-resolution: pictures decoded and shrunk once, patches cut ever after."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.batches import processors
from snellen.datasets.folder_index import cache_folder
from snellen.datasets.opening import open_pictures
from snellen.datasets.patch_cache import (
    MARGIN,
    DamagedCacheError,
    PatchSource,
    alone,
    load,
    writing,
)
from snellen.datasets.patch_stream import PatchBatch, PatchOptions, PatchStream
from snellen.datasets.pictures import (
    Pictures,
    Skipped,
    read_undamaged,
    require_some,
    skipped_for,
)
from snellen.errors import UserError
from snellen.files import shown
from snellen.images import UnreadableImage
from snellen.images.resize import bicubic_resize

__all__ = [
    "PatchBatch",
    "PatchOptions",
    "PatchSource",
    "PatchStream",
    "open_training_pictures",
    "prepare_patches",
]

_FORMAT = 1  # to be raised whenever the same pictures would be prepared otherwise than before
_MIN_SIDE = 32
_CHUNK = 16  # pictures decoded ahead


def open_training_pictures(specs: Sequence[str], *, min_side: int = _MIN_SIDE) -> list[Pictures]:
    """Open sets of pictures as `prepare_patches` does: in colour, and none kept in memory.

    Raises:
        UserError: one of them does not exist, or holds no usable picture.
    """
    if not specs:
        raise UserError("no training pictures were named; give a folder, or 'builtin'.")
    return [
        open_pictures(spec, channels=3, min_side=min_side, cache_bytes=0)
        for spec in dict.fromkeys(specs)
    ]


def prepare_patches(
    specs: Sequence[str],
    *,
    scale: int,
    protocol: str,
    rescales: Sequence[float] = (1.0,),
    min_side: int = _MIN_SIDE,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PatchSource:
    """Prepare the pictures of some folders for training, once; later calls map the result.

    Y of every picture, cut to a multiple of the scale, and its low-resolution version, made as the
    protocol says, are written to one file, which is found again by what the folders hold, the
    scale, the protocol and the rescalings, wherever the folders lie. A file that was damaged, cut
    short or half written is noticed by its checksum and made anew, which `notes` of the result
    says. Two processes that prepare the same at once do it once.

    Pictures that cannot be decoded, that are too small, or that repeat another pixel by pixel are
    left out, and listed in `skipped` of the result. A picture whose three channels are equal counts
    as gray, whose levels are its Y.

    Args:
        specs: sets of pictures: folders, ``builtin``, or whatever `open_pictures` opens.
        scale: 2, 3 or 4.
        protocol: a name in `snellen.images.protocols.PROTOCOLS`.
        rescales: each picture is also shown shrunk by these factors (0 < factor <= 1, MATLAB's
            bicubic), where that leaves it at least `min_side` large.
        min_side: pictures smaller than this on a side, in pixels, are left out.
        cache_dir: where the file is kept; by default ``superres`` in the user's cache folder
            ($SNELLEN_CACHE, else $XDG_CACHE_HOME/snellen, else ~/.cache/snellen).
        progress: told how many pictures of how many are done, while they are being prepared.

    Returns:
        The prepared pictures, for `PatchStream`.

    Raises:
        UserError: no such folder, protocol or scale, no usable picture, a rescaling out of range, a
            file that cannot be read though it is not damaged, or a cache that cannot be written.

    >>> source = prepare_patches(["builtin"], scale=4, protocol="poster")
    >>> source.names[0], source.luma(0).shape, source.low(0).shape
    ('astronaut', (512, 512), (128, 128))
    """
    recipe = _Recipe(scale, protocol, tuple(map(float, rescales)), min_side)
    sets = open_training_pictures(specs, min_side=min_side)
    labels = _labels([pictures.spec for pictures in sets])
    fingerprint = recipe.fingerprint(
        [[label, pictures.fingerprint()] for label, pictures in zip(labels, sets, strict=True)]
    )
    folder = cache_folder() / "superres" if cache_dir is None else Path(cache_dir)
    path = folder / f"{fingerprint}.patches"
    skipped = [
        Skipped(label + item.name, item.reason, item.detail)
        for label, pictures in zip(labels, sets, strict=True)
        for item in pictures.skipped
    ]
    notes: list[str] = []
    if (source := _loaded(path, skipped, notes)) is not None:
        return source
    with alone(path):
        # Another process may have made it while this one waited.
        if (source := _loaded(path, skipped, notes)) is not None:
            return source
        total = sum(map(len, sets))
        _write(path, _read_all(sets, labels), recipe, fingerprint, total, progress)
    if (source := _loaded(path, skipped, notes)) is None:
        raise UserError(f"{shown(path)} was removed while it was being read; start again.")
    if not len(source):
        require_some(0, ", ".join(pictures.spec for pictures in sets), source.skipped)
    return source


@dataclass(frozen=True)
class _Recipe:
    """How pictures are prepared."""

    scale: int
    protocol: str
    rescales: tuple[float, ...]
    min_side: int

    def __post_init__(self) -> None:
        if self.scale not in (2, 3, 4):
            raise UserError(f"got a scale of {self.scale}; need 2, 3 or 4.")
        if not self.rescales or not all(0 < factor <= 1 for factor in self.rescales):
            given = ", ".join(f"{factor:g}" for factor in self.rescales) or "none"
            raise UserError(
                f"got rescalings {given}; need factors above 0 and up to 1, like 1,0.8."
            )

    def fingerprint(self, contents: list[list[str]]) -> str:
        """Sixteen hexadecimal digits of the recipe and what it is applied to."""
        text = json.dumps([_FORMAT, asdict(self), contents])
        return hashlib.blake2b(text.encode("ascii"), digest_size=8).hexdigest()

    def versions(
        self, picture: NDArray[np.uint8]
    ) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[Any]]]:
        """Suffix of the name, Y, and the low-resolution picture with its margin."""
        for factor in dict.fromkeys(self.rescales):
            scaled = picture if factor == 1 else bicubic_resize(picture, factor)
            if min(scaled.shape[:2]) >= max(self.min_side, self.scale):
                luma, low = _shrunk(scaled, self.scale)
                low = np.pad(low, MARGIN, mode="edge")
                yield "" if factor == 1 else f"@{factor:g}", luma, low


def _shrunk(
    picture: NDArray[np.uint8], scale: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    from snellen.images.colour import luma_y

    gray = (picture == picture[..., :1]).all()
    luma = picture[..., 0] if gray else luma_y(picture, rounded=True)
    height, width = (side // scale * scale for side in luma.shape)
    luma = np.ascontiguousarray(luma[:height, :width])
    low = bicubic_resize(luma / 255, (height // scale, width // scale))
    return luma, low.astype(np.float32)


def _loaded(path: Path, skipped: list[Skipped], notes: list[str]) -> PatchSource | None:
    try:
        return load(path, skipped, notes)
    except DamagedCacheError as error:
        note = f"made the prepared pictures in {shown(path)} anew: {error}."
        if note not in notes:
            notes.append(note)
        return None


def _write(
    path: Path,
    pictures: Iterator[tuple[str, NDArray[np.uint8] | UnreadableImage]],
    recipe: _Recipe,
    fingerprint: str,
    total: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    seen: dict[bytes, str] = {}
    skipped: list[Skipped] = []
    low_type = "float32"
    with writing(path) as writer:
        for done, (name, picture) in enumerate(pictures, 1):
            if isinstance(picture, UnreadableImage):
                skipped.append(skipped_for(name, picture.reason))
                continue
            digest = _digest(picture)
            if (first := seen.setdefault(digest, name)) != name:
                skipped.append(Skipped(name, "a copy of another picture", first))
                continue
            for suffix, luma, low in recipe.versions(picture):
                low_type = low.dtype.name
                writer.add(name + suffix, luma, low)
            if progress is not None:
                progress(done, total)
        facts = {key: value for key, value in asdict(recipe).items() if key != "min_side"}
        left_out = [[item.name, item.reason, item.detail] for item in skipped]
        writer.finish(
            {**facts, "fingerprint": fingerprint, "skipped": left_out, "low_type": low_type}
        )


def _read_all(
    sets: list[Pictures], labels: list[str]
) -> Iterator[tuple[str, NDArray[np.uint8] | UnreadableImage]]:
    """Decode everything in order, a few pictures ahead."""

    def read(place: tuple[str, Pictures, int]) -> tuple[str, NDArray[np.uint8] | UnreadableImage]:
        label, pictures, index = place
        name = label + pictures.name(index)
        try:
            return name, read_undamaged(pictures, index)
        except UnreadableImage as error:
            return name, error

    places = (
        (label, pictures, index)
        for label, pictures in zip(labels, sets, strict=True)
        for index in range(len(pictures))
    )
    with ThreadPoolExecutor(min(4, processors()), thread_name_prefix="prepare") as pool:
        while chunk := list(islice(places, _CHUNK)):
            yield from pool.map(read, chunk)


def _digest(picture: NDArray[np.uint8]) -> bytes:
    digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.digest()


def _labels(specs: list[str]) -> list[str]:
    """What stands before the names of each set's pictures, so that all names differ."""
    if len(specs) == 1:
        return [""]
    short = [Path(spec).name or spec for spec in specs]
    return [
        f"{(name if short.count(name) == 1 else spec)}/"
        for name, spec in zip(short, specs, strict=True)
    ]
