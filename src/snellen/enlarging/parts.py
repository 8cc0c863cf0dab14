"""Any part of an enlarged picture, from the part of the original that it depends on.

Y of colour, or gray, goes through the network; chroma and alpha are bicubic. Each step looks at
a pixel's neighbourhood only, so parts that are computed apart fit together without a seam.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snellen.enlarging.methods import Enlarger
from snellen.enlarging.transparency import extend_colours
from snellen.images.colour import rgb2ycbcr, ycbcr2rgb
from snellen.images.resize import bicubic_part

__all__ = ["Span", "enlarged_part"]

Span: TypeAlias = tuple[int, int]
"""Rows or columns [first, last)."""

# An output pixel that is not wholly transparent lies within two pixels of a visible one, and
# bicubic interpolation looks at two more on each side.
_RINGS = 5


def enlarged_part(
    pixels: NDArray[Any], enlarger: Enlarger, rows: Span, columns: Span
) -> NDArray[Any]:
    """Compute rows × columns of the enlarged picture.

    Args:
        pixels: the original, (H, W, C) with 1 (gray), 2 (gray, alpha), 3 or 4 channels; uint8,
            uint16, or float32 with values in [0, 1].
        enlarger: the method.
        rows: of the part, in pixels of the enlarged picture.
        columns: the same.

    Returns:
        (h, w, C), dtype of `pixels`. Floats are cut to [0, 1].
    """
    scale, has_alpha = enlarger.scale, pixels.shape[2] in (2, 4)
    sides = (pixels.shape[0], pixels.shape[1])
    core = bicubic_part(sides, scale, rows=rows, columns=columns)
    if enlarger.network is None and not has_alpha:
        return _stored(core.resize(pixels[core.source]), pixels.dtype)
    planes = _sharpened(pixels, enlarger, rows, columns)
    if planes.shape[2] == 3:
        planes = ycbcr2rgb(planes)
    out = np.empty((*planes.shape[:2], pixels.shape[2]), pixels.dtype)
    out[..., : planes.shape[2]] = _stored(planes, pixels.dtype)
    if has_alpha:
        alpha = core.resize(_in_unit(pixels[core.source][..., -1]))
        out[..., -1] = _stored(alpha, pixels.dtype)
    return out


def _sharpened(
    pixels: NDArray[Any], enlarger: Enlarger, rows: Span, columns: Span
) -> NDArray[np.float32]:
    """Gray, or Y, Cb and Cr, of a part; float32 that may leave [0, 1]."""
    height, width = pixels.shape[:2]
    high, wide = rows, columns
    if enlarger.network is not None and not enlarger.inside:
        high, wide = _widened(rows, enlarger, height), _widened(columns, enlarger, width)
    part = bicubic_part((height, width), enlarger.scale, rows=high, columns=wide)
    planes = part.resize(_planes(pixels, enlarger, *part.source))
    if enlarger.inside:
        planes[..., 0] = _from_low_resolution(pixels, enlarger, rows, columns)
    elif enlarger.network is not None:
        planes[..., 0] = enlarger.run(planes[..., 0])
    return planes[
        rows[0] - high[0] : rows[1] - high[0], columns[0] - wide[0] : columns[1] - wide[0]
    ]


def _widened(span: Span, enlarger: Enlarger, side: int) -> Span:
    """What the network must be given for these rows or columns to be right."""
    if enlarger.reach is None:
        return 0, enlarger.scale * side
    return max(0, span[0] - enlarger.reach), min(enlarger.scale * side, span[1] + enlarger.reach)


def _from_low_resolution(
    pixels: NDArray[Any], enlarger: Enlarger, rows: Span, columns: Span
) -> NDArray[np.float32]:
    """Y of a part, by a network that takes the low resolution."""
    scale, sides = enlarger.scale, pixels.shape[:2]
    source, inner = [], []
    for (first, last), side in zip((rows, columns), sides, strict=True):
        farthest = max(sides) if enlarger.reach is None else enlarger.reach
        start = max(0, first // scale - farthest)
        source.append(slice(start, min(side, -(-last // scale) + farthest)))
        inner.append(slice(first - scale * start, last - scale * start))
    luma = _planes(pixels, enlarger, source[0], source[1])[..., 0]
    return enlarger.run(luma)[inner[0], inner[1]]


def _planes(
    pixels: NDArray[Any], enlarger: Enlarger, rows: slice, columns: slice
) -> NDArray[np.float32]:
    """What is enlarged of a part of the original: gray, or Y, Cb and Cr; float32 in [0, 1]."""
    if pixels.shape[2] in (1, 3):
        return _in_y(_in_unit(pixels[rows, columns]))
    rings = _RINGS + -(-enlarger.margin // enlarger.scale)
    wide = [
        slice(max(0, part.start - rings), min(side, part.stop + rings))
        for part, side in zip((rows, columns), pixels.shape[:2], strict=True)
    ]
    part = pixels[wide[0], wide[1]]
    colours = extend_colours(_in_unit(part[..., :-1]), part[..., -1] > 0, rings)
    top, left = rows.start - wide[0].start, columns.start - wide[1].start
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return _in_y(colours[top : top + height, left : left + width])


def _in_unit(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """As float32 in [0, 1]."""
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32, copy=False)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _in_y(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    return rgb2ycbcr(planes) if planes.shape[2] == 3 else planes


def _stored(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Cut values in [0, 1] off at the ends, and round them half up where `dtype` has levels."""
    if values.dtype.kind == "u":
        return values
    if dtype.kind == "f":
        return values.clip(0, 1)
    most = np.float32(np.iinfo(dtype).max)
    levels: NDArray[Any] = np.floor(values.clip(0, 1) * most + np.float32(0.5)).astype(dtype)
    return levels
