"""Clean edges of transparent pictures: what colour is under full transparency."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["extend_colours"]


def extend_colours(
    colours: NDArray[np.float32], visible: NDArray[np.bool_], rings: int
) -> NDArray[np.float32]:
    """Replace what lies under full transparency by the colours that are visible beside it.

    Ring by ring around what is visible, a pixel becomes the mean of those of its eight neighbours
    that have a colour already; beyond the last ring it becomes 0. So an enlargement, which mixes
    neighbours, mixes no hidden colours into visible edges, and no black.

    Args:
        colours: (H, W, C).
        visible: (H, W); alpha above 0.
        rings: how far the colours are extended, in pixels.

    Returns:
        (H, W, C). A pixel depends on none farther away than `rings`.

    >>> row = np.array([[[5.0], [9.0], [9.0], [9.0]]], np.float32)
    >>> extend_colours(row, np.array([[True, False, False, False]]), 2)[0, :, 0]
    array([5., 5., 5., 0.], dtype=float32)
    """
    filled = np.where(visible[..., None], colours, np.float32(0))
    known = visible
    for _ in range(rings):
        if known.all():
            break
        count = _neighbourhood(known[..., None].astype(np.float32))[..., 0]
        new = ~known & (count > 0)
        if not new.any():
            break
        filled[new] = _neighbourhood(filled)[new] / count[new, None]
        known = known | new
    return filled


def _neighbourhood(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum over 3×3 pixels around each of (H, W, C); nothing lies beyond the edge."""
    padded = np.pad(planes, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    total: NDArray[np.float32] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return total
