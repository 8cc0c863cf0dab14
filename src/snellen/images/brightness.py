"""Gamma correction: making what is dark in a picture as visible as what is bright."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["correct_gamma"]


def correct_gamma(pixels: NDArray[np.uint8], gamma: float) -> NDArray[np.uint8]:
    """Raise a picture, in [0, 1], to a power: below 1 it lifts the dark, black and white stay.

    Args:
        pixels: uint8, of any shape.
        gamma: the power, above 0; with 1 the picture itself is returned.

    Returns:
        uint8, rounded half up.

    Raises:
        TypeError: `pixels` is not uint8.
        ValueError: a power that is not a number above 0.

    >>> correct_gamma(np.array([0, 1, 64, 255], np.uint8), 0.5).tolist()
    [0, 16, 128, 255]
    """
    if pixels.dtype != np.uint8:
        raise TypeError(f"got an array of {pixels.dtype}; correct_gamma needs uint8")
    if not (math.isfinite(gamma) and gamma > 0):
        raise ValueError(f"got gamma={gamma}; need a number above 0")
    if gamma == 1:
        return pixels
    levels = np.floor(255 * (np.arange(256) / 255) ** gamma + 0.5).astype(np.uint8)
    corrected: NDArray[np.uint8] = levels[pixels]
    return corrected
