"""Training data for super-resolution: pictures decoded and shrunk once, patches cut ever after."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

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
from snellen.datasets.picture_hashes import PictureHashes, look, pixel_digest
from snellen.datasets.pictures import (
    Pictures,
    Skipped,
    read_undamaged,
    require_some,
    skipped_for,
)
from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images import UnreadableImage
from snellen.images.protocols import (
    SCALES,
    SuperResolutionProtocol,
    low_resolution,
    protocol_named,
    target_luma,
)
from snellen.images.resize import bicubic_resize

__all__ = [
    "PatchBatch",
    "PatchOptions",
    "PatchSource",
    "PatchStream",
    "open_training_pictures",
    "prepare_patches",
    "set_labels",
    "whole_levels",
]

_FORMAT = 1  # to be raised whenever the same pictures would be prepared otherwise than before
_MIN_SIDE = 32
_CHUNK = 8  # pictures decoded at a time


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
    leave_out: Collection[str] = (),
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
        leave_out: names of pictures that are not to be used, as `find_leaks` gives them.
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
    recipe = _Recipe(scale, protocol_named(protocol), tuple(map(float, rescales)), min_side)
    sets = open_training_pictures(specs, min_side=min_side)
    labels = set_labels(sets)
    contents = [[label, s.fingerprint(whole=True)] for label, s in zip(labels, sets, strict=True)]
    fingerprint = recipe.fingerprint([*contents, sorted(leave_out)])
    places = _places(sets, labels, leave_out)
    folder = cache_folder() / "superres" if cache_dir is None else Path(cache_dir)
    path = folder / f"{fingerprint}.patches"
    skipped = [Skipped(name, "left out as asked") for name in sorted(leave_out)] + [
        Skipped(label + item.name, item.reason, item.detail)
        for label, pictures in zip(labels, sets, strict=True)
        for item in pictures.skipped
    ]
    notes: list[str] = []
    source = _loaded(path, skipped, notes)
    if source is None:
        with alone(path):
            # Another process may have made it while this one waited.
            source = _loaded(path, skipped, notes)
            if source is None:
                _write(path, places, recipe, fingerprint, progress)
                source = _loaded(path, skipped, notes)
    if source is None:
        raise UserError(f"{shown(path)} was removed while it was being made; start again.")
    require_some(len(source), ", ".join(pictures.spec for pictures in sets), source.skipped)
    return source


def _places(
    sets: Sequence[Pictures], labels: Sequence[str], leave_out: Collection[str]
) -> list[tuple[str, Pictures, int]]:
    """Name, set and index of every picture that is to be used."""
    places = [
        (label + pictures.name(index), pictures, index)
        for label, pictures in zip(labels, sets, strict=True)
        for index in range(len(pictures))
    ]
    names = {name for name, _, _ in places}
    if unknown := sorted(set(leave_out) - names):
        raise UserError(
            f"there is no training picture {shown(unknown[0])!r} to leave out."
            f"{nearest(unknown[0], names)}"
        )
    return [place for place in places if place[0] not in leave_out]


@dataclass(frozen=True)
class _Recipe:
    """How pictures are prepared."""

    scale: int
    protocol: SuperResolutionProtocol
    rescales: tuple[float, ...]
    min_side: int

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise UserError(f"got a scale of {self.scale}; need {', '.join(map(str, SCALES))}.")
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
    ) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.float32]]]:
        """Suffix of the name, Y, and the low-resolution picture with its margin."""
        for factor in dict.fromkeys(self.rescales):
            scaled = picture if factor == 1 else bicubic_resize(picture, factor)
            if min(scaled.shape[:2]) >= max(self.min_side, self.scale):
                suffix = "" if factor == 1 else f"@{factor:g}"
                yield suffix, *_shrunk(scaled, self.scale, self.protocol)


def _shrunk(
    picture: NDArray[np.uint8], scale: int, protocol: SuperResolutionProtocol
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return Y of whole levels and the low-resolution Y with its margin."""
    seen = picture[..., 0] if (picture == picture[..., :1]).all() else picture
    luma = whole_levels(target_luma(seen, scale, protocol))
    low = low_resolution(seen, scale, protocol) / 255
    mode: Literal["edge", "symmetric"] = "edge" if protocol.edge == "clamp" else "symmetric"
    return luma, np.pad(low.astype(np.float32), MARGIN, mode=mode)


def whole_levels(luma: NDArray[np.uint8] | NDArray[np.float64]) -> NDArray[np.uint8]:
    """Bring Y in levels of 0 to 255, which not every protocol rounds, to whole ones, halves up.

    >>> whole_levels(np.array([16.0, 99.5, 234.4]))
    array([ 16, 100, 234], dtype=uint8)
    """
    return np.floor(luma + 0.5).astype(np.uint8)


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
    places: Sequence[tuple[str, Pictures, int]],
    recipe: _Recipe,
    fingerprint: str,
    progress: Callable[[int, int], None] | None,
) -> None:
    hashed: list[tuple[str, str, NDArray[np.float32]]] = []
    first: dict[str, str] = {}
    skipped: list[Skipped] = []
    with writing(path) as writer:
        for done, (name, picture) in enumerate(_read_all(places), 1):
            if progress is not None:
                progress(done, len(places))
            if isinstance(picture, UnreadableImage):
                skipped.append(skipped_for(name, picture.reason))
                continue
            digest = pixel_digest(picture)
            if first.setdefault(digest, name) != name:
                skipped.append(Skipped(name, "a copy of another picture", first[digest]))
                continue
            hashed.append((name, digest, look(picture)))
            for suffix, luma, low in recipe.versions(picture):
                writer.add(name + suffix, luma, low)
        facts = {
            "scale": recipe.scale,
            "protocol": recipe.protocol.name,
            "rescales": recipe.rescales,
            "fingerprint": fingerprint,
        }
        writer.finish(facts, PictureHashes.of(hashed), skipped)


def _read_all(
    places: Sequence[tuple[str, Pictures, int]],
) -> Iterator[tuple[str, NDArray[np.uint8] | UnreadableImage]]:
    """Decode everything in order, a few pictures ahead."""

    def read(place: tuple[str, Pictures, int]) -> tuple[str, NDArray[np.uint8] | UnreadableImage]:
        name, pictures, index = place
        try:
            return name, read_undamaged(pictures, index)
        except UnreadableImage as error:
            return name, error

    with ThreadPoolExecutor(min(4, processors()), thread_name_prefix="prepare") as pool:
        for start in range(0, len(places), _CHUNK):
            yield from pool.map(read, places[start : start + _CHUNK])


def set_labels(sets: Sequence[Pictures]) -> list[str]:
    """What stands before the names of each set's pictures in `PatchSource`: all names differ.

    One set needs nothing. Of several, each has the name of its folder, or all of its path where two
    folders have one name.
    """
    if len(sets) == 1:
        return [""]
    specs = [pictures.spec for pictures in sets]
    short = [Path(spec).name or spec for spec in specs]
    return [
        f"{(name if short.count(name) == 1 else spec)}/"
        for name, spec in zip(short, specs, strict=True)
    ]
