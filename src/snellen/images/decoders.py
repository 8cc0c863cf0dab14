"""The decoders behind `files`: which reader takes which file, and what it makes of it."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from snellen.images.colour import Pixels, unpremultiplied
from snellen.images.unread import START, unread_kind

__all__ = [
    "RefusedError",
    "damage",
    "decode",
    "decode_pillow",
    "encode_png",
    "kept_channels",
    "open_by_content",
]

_ORIENTATION = 0x0112
_ASSOCIATED_ALPHA = 1  # among TIFF's ExtraSamples: alpha by which the colours are multiplied
_UNSPECIFIED = 0  # among them: what is no alpha, and no part of the picture

# Turning stored pixels into shown ones, by the value of the EXIF tag.
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}

# tifffile reports damage both by raising and by logging; the exception is enough.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class RefusedError(Exception):
    """A file that could perhaps be decoded but is not wanted; the message is the reason."""


def open_by_content(file: IO[bytes]) -> ImageFile.ImageFile:
    """Open an image file by its first bytes, reading no more than its header.

    Pillow's classes are named here instead of `Image.open`, so that only these formats are
    ever parsed, and the limit on pixels is ours and not a global of Pillow's.
    """
    _quieten_pillow()
    start = file.read(START)
    file.seek(0)
    if not start:
        raise RefusedError("the file is empty")
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile(file)
    if start.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile(file)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile(file)
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _Tiff(file)
    if start[:6] in (b"GIF87a", b"GIF89a"):
        return GifImagePlugin.GifImageFile(file)
    if start[:2] == b"BM":
        return BmpImagePlugin.BmpImageFile(file)
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return PpmImagePlugin.PpmImageFile(file)
    if (kind := unread_kind(start)) is not None:
        raise RefusedError(f"it is {kind}, which is not read: save it as PNG or JPEG")
    raise RefusedError("it is not an image (none of PNG, JPEG, WebP, TIFF, GIF, BMP, PGM, PPM)")


class _Tiff(TiffImagePlugin.TiffImageFile):
    """A TIFF whose header can be read, too, where Pillow does not know its kind of pixels.

    tifffile knows more kinds, such as gray with alpha in 16 bit, and can name the others.
    """

    is_known = True

    def _setup(self) -> None:
        try:
            super()._setup()
        except (SyntaxError, IndexError) as error:
            # An IndexError comes of planes stored apart, where there are more than it expects.
            if isinstance(error, SyntaxError) and "unknown pixel mode" not in str(error):
                raise
            self.is_known, self.tile = False, []
            self._mode = "LA"  # any, so that Pillow goes on: it will decode nothing here
            if profile := self.tag_v2.get(TiffImagePlugin.ICCPROFILE):
                self.info["icc_profile"] = profile


def decode(image: ImageFile.ImageFile, file: IO[bytes]) -> Pixels:
    """Decode an opened image to (H, W) or (H, W, C), turned as it is meant to be seen."""
    if image.format == "TIFF":
        pixels = _decode_tiff(image, file)
        if pixels is not None:
            return pixels
    if image.format == "PNG" and _is_deep_png(file):
        pixels = _decode_deep_png(file)
    elif image.format == "PPM" and (deep := _decode_deep_ppm(file)) is not None:
        return deep
    elif image.format == "JPEG" and (fast := _decode_whole_jpeg(image, file)) is not None:
        pixels = fast
    else:
        pixels = _decode_with_pillow(image)
    return _turned(pixels, _orientation(image))


def decode_pillow(image: Image.Image) -> Pixels:
    """Bring an image that Pillow has opened or made to (H, W) or (H, W, C), turned to be seen."""
    return _turned(_decode_with_pillow(image), _orientation(image))


def encode_png(pixels: Pixels) -> bytes:
    """Encode (H, W) or (H, W, 2..4), uint8 or uint16, as the bytes of a PNG file."""
    import imagecodecs

    return bytes(imagecodecs.png_encode(pixels, level=6))


def damage(error: Exception) -> str:
    """Say in a few words what is wrong with a file whose decoder threw `error`."""
    if isinstance(error, Image.DecompressionBombError):
        return "it has too many pixels"
    text = str(error).strip().rstrip(".") or type(error).__name__
    if isinstance(error, EOFError) or "truncated" in text.lower():
        return f"the file is truncated ({text})"
    return f"the file is damaged ({text})"


def _decode_whole_jpeg(image: Image.Image, file: IO[bytes]) -> Pixels | None:
    """Decode a gray or RGB JPEG with imagecodecs; None for files that are Pillow's.

    The pixels are the same. But where the file was cut short this decoder fills up with gray and
    says nothing, so it gets only files that end as they should.
    """
    if image.mode not in ("L", "RGB"):
        return None
    import imagecodecs

    file.seek(0)
    data = file.read()
    if not data.rstrip(b"\0\r\n").endswith(b"\xff\xd9"):
        file.seek(0)
        return None
    return np.asarray(imagecodecs.jpeg_decode(data), dtype=np.uint8)


def _decode_with_pillow(image: Image.Image) -> Pixels:
    image.load()
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)
        level = image.info.get("transparency")  # of PNG: the one that is transparent
        if not isinstance(level, int):
            return deep
        return np.stack([deep, np.where(deep == level, 0, 65535).astype(np.uint16)], axis=2)
    if image.mode in ("I", "F", "LAB"):
        what = {"I": "32-bit whole numbers", "F": "floating-point numbers", "LAB": "Lab colours"}
        raise RefusedError(f"it holds {what[image.mode]}; need 8 or 16 bit gray or RGB")
    return np.asarray(image.convert(_plain_mode(image)))


def _plain_mode(image: Image.Image) -> str:
    """The mode among L, LA, RGB and RGBA that holds all that `image` holds."""
    transparent = "transparency" in image.info
    if image.mode in ("1", "L"):
        return "LA" if transparent else "L"
    if image.mode in ("LA", "La"):
        return "LA"
    if image.mode == "P":
        palette_alpha = image.palette is not None and image.palette.mode == "RGBA"
        return "RGBA" if transparent or palette_alpha else "RGB"
    if image.mode in ("PA", "RGBA", "RGBa"):
        return "RGBA"
    return "RGBA" if transparent and image.mode == "RGB" else "RGB"


def _is_deep_png(file: IO[bytes]) -> bool:
    """Whether a PNG has 16 bits and more than one channel, which Pillow would cut to 8."""
    file.seek(24)
    depth, colour = file.read(2)
    return depth == 16 and colour in (2, 4, 6)


def _decode_deep_png(file: IO[bytes]) -> Pixels:
    import imagecodecs

    file.seek(0)
    return np.asarray(imagecodecs.png_decode(file.read()), dtype=np.uint16)


def _decode_tiff(image: ImageFile.ImageFile, file: IO[bytes]) -> Pixels | None:
    """Decode gray and RGB TIFF; None for palettes, CMYK and the like, which Pillow knows."""
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file, name="image") as tiff:
        page = tiff.pages.first
        bits, photometric = page.bitspersample, int(page.photometric)
        if photometric not in (0, 1, 2) or bits < 8:
            if getattr(image, "is_known", True):
                return None
            kind = getattr(page.photometric, "name", photometric)
            raise RefusedError(
                f"its pixels are {kind} of {bits} bit in {page.samplesperpixel} channels; need gray"
                " or RGB of 8 or 16 bit, with or without alpha"
            )
        if int(page.sampleformat) != 1 or bits > 16:
            raise RefusedError(
                f"it holds {bits}-bit {_sample_format(page)}; need 8 or 16 bit whole numbers"
            )
        pixels = page.asarray(maxworkers=1)
        axes, orientation = page.axes, page.tags.valueof(_ORIENTATION, 1)
        extras = tuple(map(int, page.extrasamples))
    pixels = _channels_last(pixels, axes)
    if pixels.ndim == 3:
        kept = kept_channels(pixels.shape[2], extras)
        pixels = pixels if len(kept) == pixels.shape[2] else pixels[..., kept]
    if bits > 8:
        pixels = _stretched(pixels, (1 << bits) - 1)
    if _first_alpha(extras) == _ASSOCIATED_ALPHA and pixels.shape[2:] in ((2,), (4,)):
        pixels = unpremultiplied(pixels)
    if photometric == 0:
        pixels = np.iinfo(pixels.dtype).max - pixels
    return _turned(pixels, int(orientation))


def kept_channels(count: int, extras: Sequence[int]) -> list[int]:
    """Which of a TIFF's channels belong to the picture: its colours, and the first that is alpha.

    Args:
        count: of all channels.
        extras: its ExtraSamples: what the last channels are.

    >>> kept_channels(4, [2]), kept_channels(4, [0]), kept_channels(3, [0, 2])
    ([0, 1, 2, 3], [0, 1, 2], [0, 2])
    """
    colours = count - len(extras)
    alphas = [colours + k for k, extra in enumerate(extras) if extra != _UNSPECIFIED]
    return [*range(colours), *alphas[:1]]


def _first_alpha(extras: Sequence[int]) -> int | None:
    return next((extra for extra in extras if extra != _UNSPECIFIED), None)


def _sample_format(page: Any) -> str:
    return {2: "signed whole numbers", 3: "floating-point numbers"}.get(
        int(page.sampleformat), "whole numbers" if int(page.sampleformat) == 1 else "samples"
    )


def _channels_last(pixels: NDArray[Any], axes: str) -> Pixels:
    """Bring a TIFF page (YX, YXS, or SYX when planes are apart) to (H, W[, C])."""
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise RefusedError(f"its axes are {axes}; need a plain picture")
    if pixels.ndim == 3 and pixels.shape[2] > 4:
        raise RefusedError(
            f"it has {pixels.shape[2]} channels; need gray or RGB, with or without alpha"
        )
    return pixels.astype(np.uint8 if pixels.dtype == np.uint8 else np.uint16, copy=False)


def _decode_deep_ppm(file: IO[bytes]) -> Pixels | None:
    """Decode binary PGM and PPM with more than 255 levels; None for all others."""
    file.seek(0)
    kind = file.read(2)
    if kind not in (b"P5", b"P6"):
        return None
    width, height, levels = (_ppm_number(file) for _ in range(3))
    if not 255 < levels < 65536:
        return None
    channels = 1 if kind == b"P5" else 3
    # Netpbm stores two bytes a sample, the high one first.
    data = file.read(2 * width * height * channels)
    samples = np.frombuffer(data, ">u2")
    if samples.size != width * height * channels:
        raise EOFError(f"{len(data)} of {2 * width * height * channels} bytes are there")
    shape = (height, width) if channels == 1 else (height, width, channels)
    return _stretched(samples.astype(np.uint16).reshape(shape), levels)


def _ppm_number(file: IO[bytes]) -> int:
    """The next number of a Netpbm header; one white space after it is consumed."""
    digits = b""
    while True:
        byte = file.read(1)
        if byte == b"#":
            file.readline()
        elif byte.isdigit():
            digits += byte
        elif digits or not byte:
            return int(digits)


def _stretched(pixels: Pixels, levels: int) -> Pixels:
    """Map 0..levels to 0..65535, rounded to the nearest."""
    if levels == 65535:
        return pixels.astype(np.uint16, copy=False)
    if int(pixels.max()) > levels:
        raise RefusedError(f"it has samples above its own maximum of {levels}")
    wide = pixels.astype(np.uint32) * np.uint32(65535) + np.uint32(levels // 2)
    return (wide // np.uint32(levels)).astype(np.uint16)


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    turn = _TURNS.get(orientation)
    return turn(pixels) if turn else pixels


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 where there is none or it cannot be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block says nothing, and the picture is still good
        return 1


_quiet = threading.Lock()


def _quieten_pillow() -> None:
    """Keep Pillow's remarks on odd metadata off the user's screen.

    `warnings.catch_warnings` is not for threads, and pictures are read in threads; so a filter
    for exactly these modules is put in, once for as long as nobody resets the filters.
    """
    pattern = r"PIL\.(Jpeg|Png|Tiff|WebP|Gif|Bmp|Ppm)ImagePlugin"
    with _quiet:
        if not any(str(getattr(f[3], "pattern", "")) == pattern for f in warnings.filters):
            warnings.filterwarnings("ignore", category=UserWarning, module=pattern)
