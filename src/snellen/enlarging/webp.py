"""Writing a WebP with colour profile and EXIF.

Pillow goes through ARGB, a copy of four bytes a pixel. imagecodecs lets libwebp turn RGB into its
own YUV at once (docs/upscale.md, "What it takes", has the memory), but writes no metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError

__all__ = ["write_webp"]

_HEAD = 12  # RIFF, size, WEBP
_EXTENDED, _PROFILE, _EXIF = b"VP8X", b"ICCP", b"EXIF"
_HAS_PROFILE, _HAS_ALPHA, _HAS_EXIF = 0x20, 0x10, 0x08


def write_webp(
    file: IO[bytes], pixels: NDArray[np.uint8], quality: int, icc: bytes | None, exif: bytes
) -> None:
    """Write (H, W, 3 or 4), lossy but for alpha, with a block of EXIF.

    Source: the WebP container specification (RIFF, extended file format).

    Raises:
        UserError: libwebp refuses the picture, such as one of very many different blocks.
    """
    try:
        data = memoryview(imagecodecs.webp_encode(pixels, level=quality, lossless=False))
    except imagecodecs.WebpError as error:
        raise UserError(
            f"libwebp cannot write this picture ({error}): name an output that ends in .png or .tif"
            " for it."
        ) from error
    chunks = [(kind, body) for kind, body in _chunks(data) if kind != _EXTENDED]
    flags = _HAS_ALPHA if any(kind == b"ALPH" for kind, _ in chunks) else 0
    if icc:
        flags |= _HAS_PROFILE
        chunks.insert(0, (_PROFILE, memoryview(icc)))
    if exif:
        flags |= _HAS_EXIF
        chunks.append((_EXIF, memoryview(exif.removeprefix(b"Exif\0\0"))))
    height, width = pixels.shape[:2]
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks.insert(0, (_EXTENDED, memoryview(bytes([flags, 0, 0, 0]) + sides)))
    size = 4 + sum(8 + len(body) + len(body) % 2 for _, body in chunks)
    file.write(b"RIFF" + size.to_bytes(4, "little") + b"WEBP")
    for kind, body in chunks:
        file.write(kind + len(body).to_bytes(4, "little"))
        file.write(body)
        file.write(bytes(len(body) % 2))


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks of a WebP file: kind and content, without the byte that makes it even."""
    at = _HEAD
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield bytes(data[at : at + 4]), data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
