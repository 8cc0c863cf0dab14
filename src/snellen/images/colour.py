"""Channels and bit depths: gray from colour, eight bits from sixteen, pictures without alpha."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Pixels", "over_white", "to_channels", "to_uint8"]

Pixels: TypeAlias = NDArray[np.uint8 | np.uint16]
"""An image as it is stored: uint8 in 0..255 or uint16 in 0..65535."""

# ITU-R BT.601 luma (.299, .587, .114) in 65536ths, the integers behind Pillow's mode "L", so that
# a picture turned gray here equals one turned gray by Pillow.
_LUMA = (19595, 38470, 7471)


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
