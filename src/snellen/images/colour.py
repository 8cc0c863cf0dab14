"""Channels and bit depths: gray and YCbCr from colour, eight bits from sixteen, no alpha."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = [
    "Pixels",
    "luma_y",
    "over_white",
    "rgb2ycbcr",
    "to_channels",
    "to_uint8",
    "unpremultiplied",
    "ycbcr2rgb",
]

Pixels: TypeAlias = NDArray[np.uint8 | np.uint16]
"""An image as it is stored: uint8 in 0..255 or uint16 in 0..65535."""

# ITU-R BT.601 luma (.299, .587, .114) in 65536ths, the integers behind Pillow's mode "L", so that
# a picture turned gray here equals one turned gray by Pillow.
_LUMA = (19595, 38470, 7471)

_Samples = TypeVar("_Samples", np.uint8, np.uint16, np.float32, np.float64)

# ITU-R BT.601 from R, G and B in 0..1 to Y of 16..235 and Cb and Cr of 16..240.
_TO_YCBCR = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
)
_YCBCR_OFFSET = np.array([16.0, 128.0, 128.0])


def to_channels(array: Pixels, channels: int) -> Pixels:
    """Give an image one channel (luma) or three (red, green, blue).

    Args:
        array: (H, W), (H, W, 1) or (H, W, 3), uint8 or uint16.
        channels: 1 or 3. Colour becomes gray by the BT.601 luma with the integer weights of
            Pillow's mode "L"; gray becomes colour by repetition.

    Returns:
        (H, W, channels), same dtype; it may share memory with `array`.

    Raises:
        TypeError: `array` is neither uint8 nor uint16.
        ValueError: another shape, or `channels` is neither 1 nor 3.

    >>> to_channels(np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8), 1)[..., 0]
    array([[ 76, 150]], dtype=uint8)
    """
    _check_dtype(array)
    if channels not in (1, 3):
        raise ValueError(f"got channels={channels}; an image here has 1 (gray) or 3 (colour)")
    planes = array[..., None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[2] not in (1, 3):
        raise ValueError(
            f"got an array of shape {array.shape}; need (H, W), (H, W, 1) or (H, W, 3)"
            " (read the file without alpha='keep')"
        )
    if planes.shape[2] == channels:
        return planes
    return np.repeat(planes, 3, axis=2) if channels == 3 else _luma(planes)


def to_uint8(array: Pixels) -> NDArray[np.uint8]:
    """Bring an image to eight bits: v/257 rounded to the nearest level, so 65535 becomes 255.

    Args:
        array: any shape, uint8 (returned as it is) or uint16.

    Raises:
        TypeError: another dtype.

    >>> to_uint8(np.array([0, 128, 129, 65535], np.uint16))
    array([  0,   0,   1, 255], dtype=uint8)
    """
    _check_dtype(array)
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def over_white(array: Pixels) -> Pixels:
    """Lay an image with alpha (its last channel, not premultiplied) over a white page.

    Args:
        array: (H, W, 2) or (H, W, 4), uint8 or uint16.

    Returns:
        (H, W, 1) or (H, W, 3), same dtype, rounded to the nearest level.
    """
    white = np.iinfo(array.dtype).max
    alpha = array[..., -1:].astype(np.uint32)
    # For 16 bit the sum is at most 65535² + 32767, which still fits 32 unsigned bits.
    total = array[..., :-1] * alpha + (white - alpha) * white + np.uint32(white // 2)
    return (total // np.uint32(white)).astype(array.dtype)


def unpremultiplied(array: Pixels) -> Pixels:
    """Return the colours of an image that holds them multiplied by its alpha, the last channel.

    Args:
        array: (H, W, 2) or (H, W, 4), uint8 or uint16.

    Returns:
        The same shape and dtype, rounded to the nearest level; black where alpha is 0.

    >>> unpremultiplied(np.array([[[50, 100], [0, 0]]], np.uint8)).tolist()
    [[[128, 100], [0, 0]]]
    """
    most = np.iinfo(array.dtype).max
    alpha = array[..., -1:].astype(np.uint32)
    # For 16 bit the sum is at most 65535² + 32767, which still fits 32 unsigned bits.
    colours = (array[..., :-1] * np.uint32(most) + alpha // 2) // np.maximum(alpha, 1)
    colours = np.where(alpha > 0, np.minimum(colours, most), 0)
    return np.concatenate([colours.astype(array.dtype), array[..., -1:]], axis=-1)


def rgb2ycbcr(array: NDArray[_Samples]) -> NDArray[_Samples]:
    """Turn RGB into YCbCr as MATLAB's ``rgb2ycbcr``: ITU-R BT.601 with head- and footroom.

    Args:
        array: (H, W, 3); uint8, uint16, or float32 or float64 in 0..1.

    Returns:
        (H, W, 3), same dtype. Y from 16 to 235 and Cb and Cr from 16 to 240 for uint8, all 257
        times as large for uint16, a 255th for floats. Whole numbers are rounded half up.

    Raises:
        TypeError, ValueError: another dtype or shape.

    >>> rgb2ycbcr(np.array([[[255, 255, 255], [255, 0, 0]]], np.uint8))
    array([[[235, 128, 128],
            [ 81,  90, 240]]], dtype=uint8)
    """
    _check_colour(array)
    out = np.empty(array.shape, array.dtype)
    for k, (weights, offset) in enumerate(zip(_TO_YCBCR, _YCBCR_OFFSET, strict=True)):
        out[..., k] = _stored(_combined(array, weights / 255, offset), array.dtype)
    return out


def ycbcr2rgb(array: NDArray[_Samples]) -> NDArray[_Samples]:
    """Turn YCbCr into RGB as MATLAB's ``ycbcr2rgb``: the inverse of :func:`rgb2ycbcr`.

    Args:
        array: (H, W, 3); dtype and range as :func:`rgb2ycbcr` returns them.

    Returns:
        (H, W, 3), same dtype. Whole numbers are rounded half up and saturated, floats cut to 0..1.

    Raises:
        TypeError, ValueError: another dtype or shape.

    >>> ycbcr2rgb(np.array([[[235, 128, 128], [81, 90, 240]]], np.uint8))
    array([[[255, 255, 255],
            [254,   0,   0]]], dtype=uint8)
    """
    _check_colour(array)
    inverse = np.linalg.inv(_TO_YCBCR)
    out = np.empty(array.shape, array.dtype)
    for k, (weights, offset) in enumerate(zip(inverse, inverse @ _YCBCR_OFFSET, strict=True)):
        out[..., k] = _stored(_combined(array, weights * 255, -255 * offset), array.dtype)
    return out


@overload
def luma_y(array: NDArray[_Samples], *, rounded: Literal[True]) -> NDArray[_Samples]: ...
@overload
def luma_y(array: NDArray[_Samples], *, rounded: Literal[False]) -> NDArray[np.float64]: ...
def luma_y(array: NDArray[Any], *, rounded: bool) -> NDArray[Any]:
    """Return Y of YCbCr of a colour picture, Y = 16 + (65.481 R + 128.553 G + 24.966 B)/255.

    Args:
        array: (H, W, 3), RGB; dtypes and ranges as in :func:`rgb2ycbcr`. To read a gray picture
            through RGB, repeat it first (:func:`to_channels`).
        rounded: whether Y has the dtype of `array` and whole levels, as MATLAB returns it; else it
            is float64 in the same units, as BasicSR has it.

    Returns:
        (H, W), from 16 to 235 for uint8.

    Raises:
        TypeError, ValueError: another dtype or shape.

    >>> white = np.full((1, 1, 3), 200, np.uint8)
    >>> luma_y(white, rounded=True), luma_y(white, rounded=False).round(3)
    (array([[188]], dtype=uint8), array([[187.765]]))
    """
    _check_colour(array)
    total = _combined(array, _TO_YCBCR[0] / 255, _YCBCR_OFFSET[0])
    return _stored(total, array.dtype).astype(array.dtype) if rounded else total


def _luma(array: Pixels) -> Pixels:
    if array.dtype == np.uint8 and array.size:
        gray = Image.fromarray(np.ascontiguousarray(array, dtype=np.uint8)).convert("L")
        return np.asarray(gray)[..., None]
    red, green, blue = (array[..., k].astype(np.uint32) for k in range(3))
    total = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2] + np.uint32(1 << 15)
    return (total >> 16).astype(array.dtype)[..., None]


def _check_dtype(array: NDArray[Any]) -> None:
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"got an array of {array.dtype}; an image here is uint8 or uint16")


def _combined(
    array: NDArray[Any], weights: NDArray[np.float64], offset: float
) -> NDArray[np.float64]:
    """Return the weighted sum of the channels, in float64 and from left to right, as MATLAB's."""
    # MATLAB's uint16 is 257 times its uint8, its floats are a 255th.
    unit = {"uint8": 1.0, "uint16": 257.0}.get(array.dtype.name, 1 / 255)
    total: NDArray[np.float64] = np.multiply(array[..., 0], weights[0], dtype=np.float64)
    for k in (1, 2):
        total += np.multiply(array[..., k], weights[k], dtype=np.float64)
    total += offset * unit
    return total


def _stored(total: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Round and saturate for whole numbers."""
    if dtype.kind == "f":
        return total.clip(0, 1)
    return np.floor(total + 0.5).clip(0, np.iinfo(dtype).max)


def _check_colour(array: NDArray[Any]) -> None:
    if array.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise TypeError(f"got an array of {array.dtype}; need uint8, uint16, float32 or float64")
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"got an array of shape {array.shape}; need colour, (H, W, 3)")
