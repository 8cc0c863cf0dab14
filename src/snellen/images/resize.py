"""Resizing: by area, where an output pixel is a mean; bicubic, as MATLAB's imresize does it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

__all__ = [
    "BicubicPart",
    "Edge",
    "area_resize",
    "bicubic_part",
    "bicubic_resize",
    "bicubic_taps",
]

Edge: TypeAlias = Literal["clamp", "mirror"]

_Samples = TypeVar("_Samples", np.uint8, np.uint16, np.float32, np.float64)

# float64 numbers held at a time by a bicubic pass: 4 MB, which stay in a core's cache.
_BLOCK = 1 << 19


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


def bicubic_resize(
    array: NDArray[_Samples],
    size_or_scale: tuple[int, int] | float,
    *,
    edge: Edge = "clamp",
    rows: tuple[int, int] | None = None,
    columns: tuple[int, int] | None = None,
) -> NDArray[_Samples]:
    """Resize a picture as MATLAB's ``imresize(array, size_or_scale, 'bicubic')`` does.

    Keys' cubic with a = -1/2, widened by 1/scale where a side shrinks (antialiasing). One side
    after the other: the one with the smaller scale first, the height first where both are alike.
    Whole numbers are rounded half up and saturated after **each** of the two passes; floats are
    not rounded, but kept in their own dtype between the passes. Sums are made in float64.

    Args:
        array: (H, W) or (H, W, C); uint8, uint16, float32 or float64, of any range.
        size_or_scale: (height, width) of the result, or one scale for both sides, whose result has
            ceil(scale·side) pixels.
        edge: where taps beyond the edge look: ``clamp`` repeats the edge pixel, as the published
            low-resolution files of Set5, Set14, BSD100 and Urban100 have it; ``mirror`` reflects
            the picture with its edge pixel repeated, as newer releases of MATLAB do.
        rows: compute only these rows [first, last) of the result, from no more rows of `array`
            than they need: the same numbers as that part of the whole result.
        columns: the same for columns.

    Returns:
        (height, width) or (height, width, C), or the part asked for; dtype of `array`.

    Raises:
        TypeError: another dtype, or a masked array. Other subclasses are taken as plain arrays.
        ValueError: another shape, an empty array, a size below 1, a part outside the result.

    Source: the documented behaviour of MATLAB's imresize; Keys, IEEE TASSP 29(6), 1981.

    >>> step = np.array([[0, 0, 0, 0, 255, 255, 255, 255]], np.uint8)
    >>> bicubic_resize(step, (1, 4))
    array([[  0,  17, 238, 255]], dtype=uint8)
    >>> bicubic_resize(step, 2, rows=(1, 2), columns=(4, 12))
    array([[  0,   0,   0,  52, 203, 255, 255, 255]], dtype=uint8)
    """
    _check_samples(array)
    sides = (array.shape[0], array.shape[1])
    part = bicubic_part(sides, size_or_scale, edge=edge, rows=rows, columns=columns)
    return part.resize(array[part.source])


@dataclass(frozen=True)
class _Taps:
    """A part of a table of taps; `index` counts from the first input of `source`."""

    index: NDArray[np.int64]
    weight: NDArray[np.float64]
    source: slice


@dataclass(frozen=True)
class BicubicPart:
    """How a part of the result of :func:`bicubic_resize` is computed; see :func:`bicubic_part`."""

    rows: _Taps
    columns: _Taps
    rows_first: bool

    @property
    def source(self) -> tuple[slice, slice]:
        """The rows and columns of the picture from which the part is computed."""
        return self.rows.source, self.columns.source

    def resize(self, source: NDArray[_Samples]) -> NDArray[_Samples]:
        """Return the part, from `source` alone: (h, w) or (h, w, C), dtypes as there."""
        _check_samples(source)
        # SciPy's compiled product writes beyond the end of what a matrix calls its shape.
        source = np.asarray(source)
        planes = source[..., None] if source.ndim == 2 else source
        for along_rows in (self.rows_first, not self.rows_first):
            if along_rows:
                planes = _along_rows(planes, self.rows)
            else:
                planes = _along_columns(planes, self.columns)
        return planes[..., 0] if source.ndim == 2 else planes


def bicubic_part(
    sides: tuple[int, int],
    size_or_scale: tuple[int, int] | float,
    *,
    edge: Edge = "clamp",
    rows: tuple[int, int] | None = None,
    columns: tuple[int, int] | None = None,
) -> BicubicPart:
    """Plan a part of the result of :func:`bicubic_resize` for a picture that is not there yet.

    So that what the part is computed from can be prepared alone: read, or brought to another
    colour space.

    Args:
        sides: (H, W) of the whole picture.
        size_or_scale: as there.
        edge: as there.
        rows: as there.
        columns: as there.

    Raises:
        ValueError: a size below 1, a part outside the result.

    >>> picture = np.random.default_rng(0).random((20, 30))
    >>> part = bicubic_part((20, 30), 2, rows=(10, 16), columns=(0, 8))
    >>> part.source
    (slice(3, 10, None), slice(0, 6, None))
    >>> whole = bicubic_resize(picture, 2)
    >>> np.array_equal(part.resize(picture[part.source]), whole[10:16, 0:8])
    True
    """
    size, scales = _size_and_scales(sides, size_or_scale)
    parts = [_part(p, side) for p, side in zip((rows, columns), size, strict=True)]
    first, second = (
        _part_of(bicubic_taps(side, out, scale, edge), part)
        for side, out, scale, part in zip(sides, size, scales, parts, strict=True)
    )
    return BicubicPart(first, second, scales[0] <= scales[1])


@lru_cache(maxsize=16)  # some pictures' worth: the tables of a large side take megabytes
def bicubic_taps(
    in_length: int, out_length: int, scale: float, edge: Edge = "clamp"
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which inputs each output of a bicubic pass takes, and with which weights.

    Args:
        in_length: pixels along the side that is resized.
        out_length: pixels of the result along it.
        scale: by which it is resized; out_length / in_length, or what was rounded up to it.
        edge: as in :func:`bicubic_resize`.

    Returns:
        index (out_length, k), int64 in 0..in_length - 1, and weight (out_length, k), float64, whose
        rows add to 1. Both are shared and read-only. The inputs of an output are added in the
        order of k.

    Raises:
        ValueError: a length or scale that is not positive, an unknown `edge`.

    >>> index, weight = bicubic_taps(4, 2, 0.5)
    >>> index[1], weight[1] * 256
    (array([0, 0, 1, 2, 3, 3, 3, 3]), array([ -3.,  -9.,  29., 111., 111.,  29.,  -9.,  -3.]))
    """
    if min(in_length, out_length) < 1 or not 0 < scale < np.inf:
        raise ValueError(f"got {in_length} pixels to {out_length} by {scale}; need more than none")
    if edge not in ("clamp", "mirror"):
        raise ValueError(f"got edge={edge!r}; need 'clamp' or 'mirror'")
    shrink = min(scale, 1.0)
    width = 4.0 / shrink
    # MATLAB's pixels are counted from 1, and the last digits depend on it.
    centre = np.arange(1, out_length + 1) / scale + 0.5 * (1 - 1 / scale)
    first = np.floor(centre - width / 2)
    position = first[:, None] + np.arange(int(np.ceil(width)) + 2)
    weight = shrink * _cubic(shrink * (centre[:, None] - position))
    weight /= weight.sum(axis=1, keepdims=True)
    index = position.astype(np.int64) - 1
    if edge == "clamp":
        index = index.clip(0, in_length - 1)
    else:
        index %= 2 * in_length
        index = np.minimum(index, 2 * in_length - 1 - index)
    used = weight.any(axis=0)
    tables = (np.ascontiguousarray(index[:, used]), np.ascontiguousarray(weight[:, used]))
    for table in tables:
        table.setflags(write=False)
    return tables


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return near * (x <= 1) + far * ((x > 1) & (x <= 2))


def _check_samples(array: NDArray[_Samples]) -> None:
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("got a masked array, whose mask would be lost; fill it first: .filled()")
    if array.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise TypeError(
            f"got an array of {array.dtype}; bicubic_resize needs uint8, uint16, float32 or float64"
        )
    if array.ndim not in (2, 3) or not array.size:
        raise ValueError(
            f"got an array of shape {array.shape}; bicubic_resize needs (H, W) or (H, W, C)"
        )


def _size_and_scales(
    sides: tuple[int, int], size_or_scale: tuple[int, int] | float
) -> tuple[tuple[int, int], tuple[float, float]]:
    if isinstance(size_or_scale, tuple):
        height, width = size_or_scale
        return (height, width), (height / sides[0], width / sides[1])
    scale = float(size_or_scale)
    if not 0 < scale < math.inf:
        raise ValueError(f"got a scale of {size_or_scale}; need one above 0")
    return (math.ceil(scale * sides[0]), math.ceil(scale * sides[1])), (scale, scale)


def _part(part: tuple[int, int] | None, length: int) -> tuple[int, int]:
    start, stop = (0, length) if part is None else part
    if length >= 1 and not 0 <= start < stop <= length:
        raise ValueError(f"got the part {part}; need 0 <= first < last <= {length}")
    return start, stop


def _part_of(table: tuple[NDArray[np.int64], NDArray[np.float64]], part: tuple[int, int]) -> _Taps:
    index, weight = table[0][slice(*part)], table[1][slice(*part)]
    source = slice(int(index.min()), int(index.max()) + 1)
    return _Taps(index - source.start, weight, source)


def _along_rows(planes: NDArray[_Samples], taps: _Taps) -> NDArray[_Samples]:
    """(H, W, C) to (rows of the taps, W, C)."""
    height, width, channels = planes.shape
    rows = len(taps.index)
    out = np.empty((rows, width, channels), planes.dtype)
    for block in _blocks(rows, width * channels * (2 + height // rows)):
        part = _part_of((taps.index, taps.weight), block)
        source = planes[part.source].astype(np.float64)
        total = _matrix(part, len(source)) @ source.reshape(len(source), -1)
        _store(total.reshape(-1, width, channels), out[slice(*block)])
    return out


def _along_columns(planes: NDArray[_Samples], taps: _Taps) -> NDArray[_Samples]:
    """(H, W, C) to (H, rows of the taps, C)."""
    height, width, channels = planes.shape
    columns = len(taps.index)
    out = np.empty((height, columns, channels), planes.dtype)
    matrix = _matrix(taps, width)
    for block in _blocks(height, (width + columns) * channels):
        source = planes[slice(*block)].transpose(1, 0, 2).astype(np.float64, order="C")
        total = (matrix @ source.reshape(width, -1)).reshape(columns, -1, channels)
        _store(total.transpose(1, 0, 2), out[slice(*block)])
    return out


def _blocks(count: int, numbers: int) -> Iterator[tuple[int, int]]:
    """Cut `count` rows, for each of which `numbers` float64 are held, into blocks for the cache."""
    step = max(1, _BLOCK // numbers)
    return ((start, min(start + step, count)) for start in range(0, count, step))


def _matrix(taps: _Taps, inputs: int) -> scipy.sparse.csr_array[Any, Any]:
    """Return the taps as a sparse matrix; its product adds them in their order."""
    outs, width = taps.index.shape
    start = np.arange(0, outs * width + 1, width)
    parts = (taps.weight.ravel(), taps.index.ravel(), start)
    return scipy.sparse.csr_array(parts, shape=(outs, inputs))


def _store(total: NDArray[np.float64], out: NDArray[_Samples]) -> None:
    """Write sums to where they belong; whole numbers rounded half up and saturated."""
    if out.dtype.kind == "u":
        total += 0.5
        np.clip(np.floor(total, out=total), 0, 255 if out.dtype == np.uint8 else 65535, out=total)
    out[...] = total
