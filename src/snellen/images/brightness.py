"""Making dark pictures readable: one gain for a whole picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["stretch_brightness"]

_SHARE = 100  # one sample in a hundred may saturate


def stretch_brightness(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Multiply a picture so that its 99th percentile, over all channels, becomes white.

    Black stays black and hues stay what they are. What lies above saturates; a picture that is as
    bright already is left as it is, and so is one that is black but for a hundredth. Computed in
    integers, the same on every machine.

    Args:
        pixels: uint8, of any shape.

    >>> stretch_brightness(np.array([0, 10, 20, 20], np.uint8)).tolist()
    [0, 128, 255, 255]
    """
    if pixels.dtype != np.uint8:
        raise TypeError(f"got an array of {pixels.dtype}; stretch_brightness needs uint8")
    counts = np.bincount(pixels.ravel(), minlength=256).cumsum()
    # The least level that at most a hundredth of the samples exceeds.
    white = int(np.searchsorted(counts, pixels.size - pixels.size // _SHARE))
    if white in (0, 255) or not pixels.size:
        return pixels
    levels = np.arange(256)
    table = np.minimum(255, (2 * 255 * levels + white) // (2 * white)).astype(np.uint8)
    stretched: NDArray[np.uint8] = table[pixels]
    return stretched
