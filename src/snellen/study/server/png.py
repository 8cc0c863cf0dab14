"""PNG whose length tells nothing of what it shows: the pixels are stored, not compressed."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from snellen.errors import UserError

__all__ = ["decode_png", "encode_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Write a picture as PNG, bit for bit, without compression, filter or metadata.

    Args:
        pixels: uint8 (H, W) or (H, W, 1), gray, or (H, W, 3), RGB.

    Returns:
        The file. Its length follows from the shape alone.

    >>> a = encode_png(np.zeros((4, 6), np.uint8))
    >>> b = encode_png(np.arange(24, dtype=np.uint8).reshape(4, 6))
    >>> len(a) == len(b), decode_png(b, 1).ravel().tolist() == list(range(24))
    (True, True)
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter, 0
    rows[:, 1:] = pixels.reshape(height, width * channels)
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def decode_png(data: bytes, channels: int) -> NDArray[np.uint8]:
    """Read an 8-bit PNG.

    Args:
        data: the file.
        channels: 1 (gray) or 3 (RGB), as it must be.

    Returns:
        uint8 (H, W) or (H, W, 3).

    Raises:
        UserError: it cannot be read, or is something else.
    """
    wanted = {1: "L", 3: "RGB"}[channels]
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode != wanted:
                raise UserError(f"a picture of the study is {image.mode}, not 8-bit {wanted}.")
            pixels: NDArray[Any] = np.asarray(image)
    except UserError:
        raise
    except Exception as error:  # Pillow raises many kinds
        raise UserError(f"a picture of the study cannot be read: {error}.") from error
    return pixels
