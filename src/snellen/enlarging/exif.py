"""EXIF of an enlarged picture: that of the original, with what is no longer true set right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from PIL import ExifTags, Image

from snellen.images.metadata import Exif

__all__ = ["ExifBlock", "directory", "enlarged_exif", "exif_block"]

_UPRIGHT = 1
_MAKER_NOTE = ExifTags.Base.MakerNote


def enlarged_exif(exif: Exif, size: tuple[int, int], software: str) -> Exif:
    """Return the EXIF of a picture of `size` (height, width) that `software` has enlarged.

    Everything is kept but: the orientation, which becomes upright because the pixels are turned
    already; the two sizes, where they were given; the software; a description that is tifffile's
    note of the array's shape.
    """
    picture = dict(exif.picture)
    if str(picture.get(ExifTags.Base.ImageDescription, "")).startswith('{"shape":'):
        del picture[ExifTags.Base.ImageDescription]
    picture[ExifTags.Base.Software] = software
    if ExifTags.Base.Orientation in picture:
        picture[ExifTags.Base.Orientation] = _UPRIGHT
    height, width = size
    sizes = {ExifTags.Base.ExifImageWidth: width, ExifTags.Base.ExifImageHeight: height}
    photo = dict(exif.photo)
    photo.update((tag, side) for tag, side in sizes.items() if tag in photo)
    return Exif(picture, photo, exif.place)


@dataclass(frozen=True)
class ExifBlock:
    """EXIF that can be written.

    Attributes:
        exif: what is in it.
        data: its bytes, from the word ``Exif`` on.
        complete: whether all that was asked for is in it.
    """

    exif: Exif
    data: bytes
    complete: bool


def exif_block(exif: Exif, limit: int | None = None) -> ExifBlock:
    """Return EXIF as bytes.

    What cannot be written, because its types are wrong or the block would be longer than `limit`
    bytes, is left out: the camera's own note first, then all of the photo and the place.
    """
    for number, candidate in enumerate(_less_and_less(exif)):
        data = _serialised(candidate)
        if data is not None and (limit is None or len(data) <= limit):
            return ExifBlock(candidate, data, number == 0)
    return ExifBlock(Exif(), b"", False)


def _less_and_less(exif: Exif) -> Iterator[Exif]:
    yield exif
    without_note = {tag: value for tag, value in exif.photo.items() if tag != _MAKER_NOTE}
    yield replace(exif, photo=without_note)
    yield replace(exif, photo={}, place={})
    own = (ExifTags.Base.Software, ExifTags.Base.Orientation)
    yield Exif({tag: exif.picture[tag] for tag in own if tag in exif.picture})


def _serialised(exif: Exif) -> bytes | None:
    block = Image.Exif()
    for tag, value in directory(exif).items():
        block[tag] = value
    try:
        return block.tobytes()
    except Exception:  # what a stranger's file holds may be of any type
        return None


def directory(exif: Exif) -> dict[int, Any]:
    """Return all as one directory, with the photo and the place as directories in it."""
    entries = _as_read(exif.picture)
    if exif.photo:
        entries[ExifTags.IFD.Exif] = _as_read(exif.photo)
    if exif.place:
        entries[ExifTags.IFD.GPSInfo] = _as_read(exif.place)
    return entries


class _Text(str):
    """Text that becomes the bytes again which Pillow has read it from.

    Pillow reads Latin-1 (so UTF-8 comes as two letters for one, and goes back whole) but would
    write ASCII, with question marks. Bytes instead of text would do where Pillow knows that a tag
    holds text, but get the type of plain numbers where it does not.
    """

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        """As Latin-1, whatever is asked for."""
        return str.encode(self, "latin-1")


def _as_read(entries: dict[int, Any]) -> dict[int, Any]:
    return {tag: _Text(v) if isinstance(v, str) else v for tag, v in entries.items()}
