"""Shrinking by area: every output pixel is the mean of the input area that it covers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["area_resize"]


def area_resize(array: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Shrink an image by area averaging.

    An output pixel is the mean of the input rectangle under it, where pixels that lie partly
    under it count by the covered part. The sum is exact in integers and rounded once, half up,
    so that the result is the same on every machine.

    Args:
        array: (H, W, C), uint8.
        size: (height, width) of the result, at least 1 and at most (H, W).

    Returns:
        (height, width, C), uint8; `array` itself when the size is already right.

    Raises:
        TypeError: `array` is not uint8.
        ValueError: another shape, or a size outside 1..(H, W).

    >>> area_resize(np.array([[[0], [30], [60]]], np.uint8), (1, 2))[..., 0]
    array([[10, 50]], dtype=uint8)
    """
    height, width = size
    if array.dtype != np.uint8:
        raise TypeError(f"got an array of {array.dtype}; area_resize needs uint8")
    if array.ndim != 3:
        raise ValueError(f"got an array of shape {array.shape}; area_resize needs (H, W, C)")
    if not (1 <= height <= array.shape[0] and 1 <= width <= array.shape[1]):
        raise ValueError(f"got size {size}; need 1 to {array.shape[:2]}: an area mean only shrinks")
    if array.shape[:2] == (height, width):
        return array
    # Plane by plane: strided access to interleaved channels costs three times as much.
    planes = [_shrink_plane(array[..., k], height, width) for k in range(array.shape[2])]
    return np.stack(planes, axis=2)


def _shrink_plane(plane: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    # Each pass leaves sums in units of 1/(output side); the weights then add to H·W exactly.
    area = plane.shape[0] * plane.shape[1]
    wide = 255 * area + area // 2 >= 1 << 32
    first = np.uint64 if wide else np.uint16 if 255 * plane.shape[0] < 1 << 16 else np.uint32
    second = np.uint64 if wide else np.uint32
    total = _sum_rows(_sum_rows(plane, height, first).T, width, second)
    total += second(area // 2)
    total //= second(area)
    return total.T.astype(np.uint8)


def _sum_rows(
    plane: NDArray[np.unsignedinteger], rows: int, dtype: type[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """Sum (N, M) over N into `rows` covered areas; the weights are whole numbers of 1/rows."""
    source = plane.astype(dtype, order="C")
    taps = _taps(plane.shape[0], rows)
    index, weight = taps[0]
    total = source[index]
    total *= weight.astype(dtype)
    for index, weight in taps[1:]:
        part = source[index]
        part *= weight.astype(dtype)
        total += part
    return total


@lru_cache(maxsize=512)
def _taps(length: int, rows: int) -> tuple[tuple[NDArray[np.intp], NDArray[np.int64]], ...]:
    """Which inputs each output covers, and by how many `rows`-ths: one (index, weight) per tap.

    Input i spans [i·rows, (i+1)·rows) and output j spans [j·length, (j+1)·length), both in
    units of 1/rows of an input pixel.
    """
    start = np.arange(rows, dtype=np.int64) * length
    end = start + length
    first = start // rows
    count = int((-(-end // rows) - first).max())
    taps = []
    for k in range(count):
        index = np.minimum(first + k, length - 1)
        covered = np.minimum(end, (first + k + 1) * rows) - np.maximum(start, (first + k) * rows)
        weight = np.where(first + k < length, np.maximum(covered, 0), 0)
        taps.append((index.astype(np.intp), weight[:, None]))
    return tuple(taps)
