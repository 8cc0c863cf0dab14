"""Writing a PNG strip by strip, so that a large picture is never in memory as a whole.

Pillow and imagecodecs want all of its pixels at once, and Pillow has no 16-bit colour.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from snellen.enlarging.canvas import Canvas
from snellen.images.colour import Pixels

__all__ = ["DEFLATE_LEVEL", "write_png_strips"]

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels: gray, gray and alpha, RGB, RGBA
# On enlarged photographs higher levels cost far more time than they save space.
DEFLATE_LEVEL = 4
_CHUNK = 1 << 16  # bytes of compressed data in a chunk, at least
_BLOCK = 1 << 20  # bytes filtered at a time


def write_png_strips(
    file: IO[bytes], canvas: Canvas, strips: Iterable[Pixels], icc: bytes | None, exif: bytes
) -> None:
    """Write a picture from its strips (h, W, C), from the top down, with colour profile and EXIF.

    Source: W3C, Portable Network Graphics (PNG) Specification, third edition.
    """
    file.write(b"\x89PNG\r\n\x1a\n")
    depth = 8 * canvas.dtype.itemsize
    head = np.array([canvas.width, canvas.height], ">u4").tobytes()
    _write_chunk(file, b"IHDR", head + bytes([depth, _COLOUR_TYPES[canvas.channels], 0, 0, 0]))
    if icc:
        _write_chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(icc))
    if exif:
        _write_chunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
    waiting = bytearray()
    for data in _compressed(_filtered(strips, canvas)):
        waiting += data
        if len(waiting) >= _CHUNK:
            _write_chunk(file, b"IDAT", bytes(waiting))
            waiting.clear()
    _write_chunk(file, b"IDAT", bytes(waiting))
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file: IO[bytes], kind: bytes, data: bytes) -> None:
    file.write(len(data).to_bytes(4) + kind + data)
    file.write(zlib.crc32(data, zlib.crc32(kind)).to_bytes(4))


def _compressed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(DEFLATE_LEVEL)
    for block in blocks:
        yield compressor.compress(block)
    yield compressor.flush()


def _filtered(strips: Iterable[Pixels], canvas: Canvas) -> Iterator[bytes]:
    """The bytes of each row as differences to its neighbours, after the number of its filter."""
    step = canvas.channels * canvas.dtype.itemsize
    above = np.zeros(canvas.width * step, np.uint8)
    big_endian = canvas.dtype.newbyteorder(">")
    for strip in strips:
        count = max(1, _BLOCK // len(above))
        for start in range(0, len(strip), count):
            part = np.ascontiguousarray(strip[start : start + count], big_endian)
            block = part.reshape(len(part), -1).view(np.uint8)
            yield _filter_rows(block, np.concatenate([above[None], block[:-1]]), step).tobytes()
            above = block[-1]


def _filter_rows(rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """(n, bytes) to (n, 1 + bytes): each row by that filter whose differences are smallest."""
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    above_left = np.zeros_like(rows)
    above_left[:, step:] = above[:, :-step]
    average = ((left.astype(np.uint16) + above) >> 1).astype(np.uint8)
    predicted = (np.uint8(0), left, above, average, _paeth(left, above, above_left))
    differences = [rows - guess for guess in predicted]  # modulo 256
    # As signed bytes, the way libpng and the specification's heuristic see them.
    sizes = np.stack([np.abs(d.view(np.int8).astype(np.int16)).sum(1) for d in differences])
    best = sizes.argmin(0)
    out = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    out[:, 0] = best
    for number, difference in enumerate(differences):
        chosen = best == number
        out[chosen, 1:] = difference[chosen]
    return out


def _paeth(
    left: NDArray[np.uint8], above: NDArray[np.uint8], above_left: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Whichever of the three is nearest to left + above - above_left, in this order."""
    a, b, c = (side.astype(np.int16) for side in (left, above, above_left))
    to_left, to_above, to_both = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    return np.where(
        (to_left <= to_above) & (to_left <= to_both),
        left,
        np.where(to_above <= to_both, above, above_left),
    )
