"""Writing a TIFF from strips: tiles, Deflate, horizontal differences, with EXIF directories.

tifffile would compress strips too, but it refuses to write EXIF's directories.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from PIL import TiffImagePlugin

from snellen.enlarging.canvas import Canvas
from snellen.enlarging.exif import directory
from snellen.enlarging.png import DEFLATE_LEVEL
from snellen.errors import UserError
from snellen.images.colour import Pixels
from snellen.images.metadata import Exif

__all__ = ["write_tiff_strips"]

_TILE = 256
_LARGEST = 2**32 - 2**24  # offsets have 32 bits; the directories need some room
_HEAD = b"II*\0"

# Numbers of tags and their values from the TIFF 6.0 specification.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _PLANAR, _PREDICTOR = 277, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_EXTRA_SAMPLES, _ICC_PROFILE = 338, 34675
_DEFLATE, _HORIZONTAL, _BLACK_IS_ZERO, _RGB, _STRAIGHT_ALPHA = 8, 2, 1, 2, 2


def write_tiff_strips(
    file: IO[bytes], canvas: Canvas, strips: Iterable[Pixels], icc: bytes | None, exif: Exif
) -> None:
    """Write a picture from its strips (h, W, C), from the top down.

    Source: TIFF Revision 6.0 and its Technical Notes (Deflate).

    Raises:
        UserError: more than the 4 GB that a TIFF holds.
    """
    file.write(_HEAD + bytes(4))
    offsets, sizes, position = [], [], 8
    for tile in _tiles(strips, canvas):
        data = zlib.compress(tile, DEFLATE_LEVEL)
        offsets.append(position)
        sizes.append(len(data))
        position += file.write(data)
        if position > _LARGEST:
            raise UserError("a TIFF holds no more than 4 GB: name an output that ends in .png.")
    position += file.write(bytes(position % 2))
    tags = TiffImagePlugin.ImageFileDirectory_v2(ifh=_HEAD + bytes(4))
    for tag, value in directory(exif).items():
        tags[tag] = value
    tags[_WIDTH], tags[_HEIGHT] = canvas.width, canvas.height
    tags[_BITS] = (8 * canvas.dtype.itemsize,) * canvas.channels
    tags[_COMPRESSION], tags[_PREDICTOR], tags[_PLANAR] = _DEFLATE, _HORIZONTAL, 1
    tags[_PHOTOMETRIC] = _RGB if canvas.channels > 2 else _BLACK_IS_ZERO
    tags[_SAMPLES] = canvas.channels
    if canvas.has_alpha:
        tags[_EXTRA_SAMPLES] = _STRAIGHT_ALPHA
    tags[_TILE_WIDTH], tags[_TILE_HEIGHT] = _TILE, _TILE
    tags[_TILE_OFFSETS], tags[_TILE_BYTES] = tuple(offsets), tuple(sizes)
    if icc:
        tags[_ICC_PROFILE] = icc
    file.write(tags.tobytes(position))
    file.seek(len(_HEAD))
    file.write(position.to_bytes(4, "little"))


def _tiles(strips: Iterable[Pixels], canvas: Canvas) -> Iterator[bytes]:
    """The tiles of the picture, from left to right and then down, each pixel less its left one."""
    little_endian = canvas.dtype.newbyteorder("<")
    for rows in _rows_of(strips, _TILE):
        for left in range(0, canvas.width, _TILE):
            part = rows[:, left : left + _TILE]
            tile = np.zeros((_TILE, _TILE, canvas.channels), little_endian)
            tile[: part.shape[0], : part.shape[1]] = part
            tile[:, 1:] -= tile[:, :-1].copy()  # modulo 2 to the number of bits
            yield tile.tobytes()


def _rows_of(strips: Iterable[Pixels], count: int) -> Iterator[Pixels]:
    """The same rows in strips of `count`; the last may be lower."""
    held: list[Pixels] = []
    for strip in strips:
        held.append(strip)
        while sum(map(len, held)) >= count:
            rows = np.concatenate(held)
            yield rows[:count]
            held = [rows[count:]]
    if sum(map(len, held)):
        yield np.concatenate(held)
