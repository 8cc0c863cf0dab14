"""Reading pictures from files, and writing PNG.

The format is taken from the content, never from the suffix. Pillow decodes eight bits;
what it would cut from sixteen to eight (colour PNG and TIFF, deep PGM and PPM) is read by other
means in `decoders`. EXIF orientation is applied, so that arrays look as viewers show them.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from snellen.errors import UserError
from snellen.files import atomic_path
from snellen.images import decoders
from snellen.images.colour import Pixels, over_white, to_channels, to_uint8

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "Alpha",
    "Header",
    "Refusals",
    "UnreadableImage",
    "from_pillow",
    "is_image_name",
    "opened",
    "read_header",
    "read_image",
    "to_channels",
    "to_uint8",
    "write_png",
]

Alpha: TypeAlias = Literal["over-white", "keep", "drop"]

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".gif"}
    | {".bmp", ".dib", ".pgm", ".ppm", ".pnm", ".pbm"}
)
"""Suffixes, in lower case, by which a folder's pictures are found."""

MAX_PIXELS = 200_000_000
"""Larger images are refused before they are decoded (some 600 MB as 8-bit colour)."""


class UnreadableImage(UserError):
    """A file that is no usable picture.

    Attributes:
        path: the file, as it was given.
        reason: why, in lower case and without a full stop.
        lasting: whether it is the content that is at fault, and not the way to it (permissions,
            a disk or network that fails), which may be better next time.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str, *, lasting: bool = True) -> None:
        super().__init__(f"cannot read {os.fspath(path)}: {reason}.")
        self.path = path
        self.reason = reason
        self.lasting = lasting


@dataclass(frozen=True)
class Header:
    """What a file says of itself before it is decoded.

    Attributes:
        height, width: as stored, in pixels.
        format: PNG, JPEG, WEBP, TIFF, GIF, BMP or PPM, by content.
        mode: Pillow's name for the kind of its pixels, such as RGB or RGBA.
    """

    height: int
    width: int
    format: str
    mode: str


def is_image_name(path: str | os.PathLike[str]) -> bool:
    """Whether the name ends like a picture's. Hidden files, like ``._a.jpg``, are not pictures.

    >>> [is_image_name(name) for name in ("a/B.JPG", "notes.txt", "._b.png")]
    [True, False, False]
    """
    name = os.path.basename(os.fspath(path))
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the sides and the format of a picture without decoding it.

    Raises:
        UnreadableImage: no file, no permission, not an image, or a header that is damaged.
    """
    with opened(path) as file, Refusals(path):
        image = decoders.open_by_content(file)
        return Header(image.height, image.width, image.format or "", image.mode)


def read_image(
    path: str | os.PathLike[str], *, alpha: Alpha = "over-white", max_pixels: int = MAX_PIXELS
) -> Pixels:
    """Read a picture: PNG, JPEG, WebP, TIFF, GIF, BMP, PBM, PGM or PPM, of up to 16 bits a channel.

    Palettes become colour, CMYK becomes RGB, EXIF orientation is applied; of an animation or a
    multi-page file the first picture is read. Embedded colour profiles are not applied. Channels
    that a TIFF does not specify (ExtraSamples 0) are not alpha, and are not read.

    Args:
        path: the file; its suffix does not matter.
        alpha: `over-white` lays a transparent picture over a white page, which is how most readers
            see it; the arbitrary colours that files hide under full transparency never show.
            `drop` forgets alpha and shows them, `keep` returns it as the last channel.
        max_pixels: larger pictures are refused before they are decoded.

    Returns:
        (H, W) for gray, (H, W, 3) for colour, and with `alpha="keep"` also (H, W, 2) and
        (H, W, 4). uint8, or uint16 where the file holds more than eight bits: 0..65535 is black
        to white, whatever the file's own number of levels.

    Raises:
        UnreadableImage: no file, not an image, damaged or cut short, a single pixel, more than
            `max_pixels`, or samples that are neither 8 nor 16 bit whole numbers.
    """
    if alpha not in ("over-white", "keep", "drop"):
        raise ValueError(f"got alpha={alpha!r}; need 'over-white', 'keep' or 'drop'")
    with opened(path) as file, Refusals(path):
        image = decoders.open_by_content(file)
        if image.width * image.height > max_pixels:
            raise decoders.RefusedError(
                f"it is {image.width}×{image.height}, more than {max_pixels:,} pixels"
            )
        if image.width * image.height == 1:
            raise decoders.RefusedError("it is a single pixel (1×1), not a picture")
        pixels = decoders.decode(image, file)
    return _treated(pixels, alpha)


def from_pillow(image: Image.Image, name: str = "the image") -> Pixels:
    """Bring an image of Pillow's to an array as `read_image` brings files, alpha over white.

    What Pillow itself has cut to 8 bit (colour PNG and TIFF of 16 bit) stays so.

    Args:
        image: of any mode but 32-bit whole numbers, floats and Lab.
        name: what it is called where it cannot be read.

    Returns:
        (H, W) or (H, W, 3), uint8 or uint16.

    Raises:
        UnreadableImage: its file is damaged, or it is of another mode.

    >>> from_pillow(Image.new("CMYK", (3, 2), (0, 255, 255, 0)))[0, 0]
    array([255,   0,   0], dtype=uint8)
    """
    with Refusals(name):
        pixels = decoders.decode_pillow(image)
    return _treated(pixels, "over-white")


def _treated(pixels: Pixels, alpha: Alpha) -> Pixels:
    """Do with alpha what was asked for, and leave no axis of one channel."""
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4) and alpha != "keep":
        pixels = over_white(pixels) if alpha == "over-white" else pixels[..., :-1]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels)


def write_png(path: str | os.PathLike[str], array: Pixels) -> None:
    """Write a PNG, whole or not at all.

    Args:
        path: the file; missing folders are made, an existing file is replaced.
        array: (H, W), or (H, W, C) with 1 (gray), 2 (gray, alpha), 3 or 4 channels; uint8 or
            uint16.

    Raises:
        TypeError, ValueError: another dtype or shape.
        UserError: the place cannot be written.
    """
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"got an array of {array.dtype}; a PNG holds uint8 or uint16")
    pixels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if pixels.size == 0 or not (
        pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (2, 3, 4))
    ):
        raise ValueError(f"got an array of shape {array.shape}; need (H, W) or (H, W, 1 to 4)")
    data = decoders.encode_png(np.ascontiguousarray(pixels))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def opened(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file, or say why not as an `UnreadableImage`."""
    refuse = partial(UnreadableImage, path, lasting=False)
    try:
        # Asking first, because opening a named pipe would wait for ever.
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise refuse("it is a folder")
        if not stat.S_ISREG(mode):
            raise refuse("it is not a regular file")
        return Path(path).open("rb")
    except FileNotFoundError:
        raise refuse("there is no such file") from None
    except PermissionError:
        raise refuse("permission denied") from None
    except (OSError, ValueError) as error:
        raise refuse(getattr(error, "strerror", None) or str(error)) from error


class Refusals:
    """Turns whatever a decoder throws at a damaged file into an `UnreadableImage`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, decoders.RefusedError):
            raise UnreadableImage(self.path, str(error)) from None
        if isinstance(error, MemoryError):
            raise UnreadableImage(self.path, "it does not fit into memory", lasting=False) from None
        # Pillow's own complaints about content are OSErrors too, but without a number.
        if isinstance(error, OSError) and error.errno is not None:
            reason = (error.strerror or str(error)).lower()
            raise UnreadableImage(self.path, reason, lasting=False) from error
        # Decoders of damaged files throw nearly everything: SyntaxError, struct.error, KeyError…
        if isinstance(error, Exception):
            raise UnreadableImage(self.path, decoders.damage(error)) from error
