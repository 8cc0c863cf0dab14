"""The formats that enlarged pictures are written in: what each can hold, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snellen.enlarging.canvas import Canvas
from snellen.enlarging.exif import exif_block
from snellen.enlarging.png import write_png_strips
from snellen.enlarging.tiff import write_tiff_strips
from snellen.errors import UserError
from snellen.files import shown
from snellen.images.colour import Pixels
from snellen.images.metadata import Exif

__all__ = ["FORMATS", "Format", "fitting_profile", "format_of", "refuse_unfit"]

QUALITY = 95
"""Of JPEG and WebP."""

# libwebp compresses alpha as a lossless picture, of which it keeps several copies and tables: some
# 26 bytes a pixel in all (docs/decisions.md). So many pixels stay below 1 GB.
_WEBP_ALPHA = 30_000_000

# What a segment of a JPEG holds, its own length and the word Exif included.
_JPEG_EXIF = 65533

Write = Callable[[IO[bytes], Canvas, Iterable[Pixels], bytes | None, Exif], bool]


@dataclass(frozen=True)
class Format:
    """A format to write.

    Attributes:
        name: as people write it.
        suffixes: in lower case; the first is the usual one.
        alpha: whether it holds transparency.
        deep: whether it holds 16 bit.
        longest: the longest side, in pixels.
        write: from an open file, the picture's canvas, its strips from the top down, colour profile
            and EXIF; returns whether all of the EXIF is in the file.
        channels: as how many channels it stores a canvas.
        most_with_alpha: the most pixels with transparency, where its encoder needs much memory for
            them; None where it does not.
    """

    name: str
    suffixes: tuple[str, ...]
    alpha: bool
    deep: bool
    longest: int
    write: Write
    channels: Callable[[Canvas], int] = lambda canvas: canvas.channels
    most_with_alpha: int | None = None

    def holds(self, height: int, width: int, has_alpha: bool) -> bool:
        """Whether a picture of this size can be written."""
        most = self.most_with_alpha if has_alpha else None
        return max(height, width) <= self.longest and (most is None or height * width <= most)


def _write_png(
    file: IO[bytes], canvas: Canvas, strips: Iterable[Pixels], icc: bytes | None, exif: Exif
) -> bool:
    block = exif_block(exif)
    write_png_strips(file, canvas, strips, icc, block.data)
    return block.complete


def _write_tiff(
    file: IO[bytes], canvas: Canvas, strips: Iterable[Pixels], icc: bytes | None, exif: Exif
) -> bool:
    block = exif_block(exif)
    if canvas.channels != (stored := _tiff_channels(canvas)):
        canvas = replace(canvas, channels=stored)
        strips = (strip[..., [0, 0, 0, 1]] for strip in strips)
    write_tiff_strips(file, canvas, strips, icc, block.exif)
    return block.complete


def _tiff_channels(canvas: Canvas) -> int:
    # Pillow reads no TIFF of gray and alpha in 16 bit.
    return 4 if canvas.channels == 2 and canvas.dtype.itemsize > 1 else canvas.channels


def _write_jpeg(
    file: IO[bytes], canvas: Canvas, strips: Iterable[Pixels], icc: bytes | None, exif: Exif
) -> bool:
    # Four bytes a pixel of colour are how Pillow keeps it: of other arrays it makes a copy.
    pixels = _gathered(strips, canvas, channels=1 if canvas.channels == 1 else 4)
    mode = "L" if canvas.channels == 1 else "RGBX"
    image = Image.frombuffer(mode, (canvas.width, canvas.height), pixels, "raw", mode, 0, 1)
    block = exif_block(exif, _JPEG_EXIF)
    profile = {"icc_profile": icc} if icc else {}
    # Colour at full resolution: sharp edges of colour would fray without it.
    image.save(file, "JPEG", quality=QUALITY, subsampling=0, exif=block.data, **profile)
    return block.complete


def _write_webp(
    file: IO[bytes], canvas: Canvas, strips: Iterable[Pixels], icc: bytes | None, exif: Exif
) -> bool:
    from snellen.enlarging.webp import write_webp

    pixels = _gathered(strips, canvas, channels=_webp_channels(canvas))
    block = exif_block(exif)
    write_webp(file, pixels, QUALITY, icc, block.data)
    return block.complete


def _webp_channels(canvas: Canvas) -> int:
    return 4 if canvas.has_alpha else 3


def _gathered(strips: Iterable[Pixels], canvas: Canvas, channels: int) -> NDArray[np.uint8]:
    """The whole picture of 8 bits, for encoders that want it at once, in so many channels."""
    pixels = np.full((canvas.height, canvas.width, channels), 255, np.uint8)
    row = 0
    for strip in strips:
        part = pixels[row : row + len(strip)]
        # Gray spreads over the colours that there are.
        part[..., :3] = strip[..., :3] if canvas.channels > 2 else strip[..., :1]
        if canvas.has_alpha:
            part[..., 3] = strip[..., -1]
        row += len(strip)
    return pixels


FORMATS = (
    Format("PNG", (".png",), True, True, 2**31 - 1, _write_png),
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), False, False, 65500, _write_jpeg),
    Format("WebP", (".webp",), True, False, 16383, _write_webp, _webp_channels, _WEBP_ALPHA),
    Format("TIFF", (".tif", ".tiff"), True, True, 2**31 - 1, _write_tiff, _tiff_channels),
)
"""In the order in which they are named to the user."""


def format_of(suffix: str) -> Format | None:
    """The format that files with this suffix (in any case) are written in; None for others.

    >>> format_of(".JPG").name, format_of(".bmp")
    ('JPEG', None)
    """
    return next((f for f in FORMATS if suffix.lower() in f.suffixes), None)


def fitting_profile(form: Format, canvas: Canvas, profile: bytes | None) -> bytes | None:
    """Return the colour profile, or None where it is one of gray and the file's pixels are RGB.

    Source: ICC.1:2022, 7.2.8 (data colour space).
    """
    gray = profile is not None and profile[16:20] == b"GRAY"
    return None if gray and form.channels(canvas) > 2 else profile


def refuse_unfit(form: Format, canvas: Canvas, path: Path) -> None:
    """Refuse to write to `path` what its format cannot hold.

    Raises:
        UserError: transparency, 16 bit, a side that is too long or too many pixels.
    """
    longest, pixels = max(canvas.height, canvas.width), canvas.height * canvas.width
    able = "name an output that ends in .png or .tif"
    if longest > form.longest:
        raise UserError(
            f"cannot write {shown(path)}: {form.name} holds {form.longest:,} pixels along a side, "
            f"not {longest:,}: {able}."
        )
    if not form.holds(canvas.height, canvas.width, canvas.has_alpha):
        raise UserError(
            f"cannot write {shown(path)}: {form.name} with transparency is limited to"
            f" {form.most_with_alpha:,} pixels, because its encoder needs much memory, and this has"
            f" {pixels:,}: {able}."
        )
    if canvas.has_alpha and not form.alpha:
        raise UserError(f"cannot write {shown(path)}: {form.name} holds no transparency: {able}.")
    if canvas.dtype.itemsize > 1 and not form.deep:
        raise UserError(
            f"cannot write {shown(path)}: the picture has 16 bit, {form.name} holds 8: {able}."
        )
