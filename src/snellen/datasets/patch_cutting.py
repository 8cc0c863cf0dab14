"""Cutting patches out of prepared pictures and enlarging their inputs, compiled by Numba.

The enlargement of a cut is summed in the order in which `bicubic_resize` sums, in double precision
and stored as float32 after each side: so it is the same cut of the whole enlarged picture, bit for
bit, on any machine and in any batch. Flips and rotations only change where a pixel is written.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from snellen.metrics.engines.compiling import compiled

__all__ = ["cut_enlarged", "cut_squares", "orientation"]

Number = TypeVar("Number", np.uint8, np.float32)


@compiled
def orientation(code: int, size: int) -> tuple[int, int, int]:
    """Where a square's pixel (row, column) is written: start + row·down + column·across.

    The code's bits, in this order: 1 mirrors left to right, 2 top to bottom, 4 transposes.
    """
    start, down, across = 0, size, 1
    if code & 1:
        start, across = size - 1, -1
    if code & 2:
        start, down = start + size * (size - 1), -size
    if code & 4:
        # (r, c) to (c, r) of the turned square: each stride s·size + t becomes t·size + s.
        row, column = divmod(start, size)
        start = column * size + row
        down, across = down // size, across * size
    return start, down, across


@compiled
def cut_squares(
    data: NDArray[Number],
    start: NDArray[np.int64],
    stride: NDArray[np.int64],
    codes: NDArray[np.int64],
    out: NDArray[Number],
) -> None:
    """Copy squares to out (n, S, S), turned; row i of square k begins at start + i·stride."""
    count, size, _ = out.shape
    flat = out.reshape(count, size * size)
    for k in range(count):
        first, down, across = orientation(codes[k], size)
        for i in range(size):
            at = start[k] + i * stride[k]
            to = first + i * down
            for j in range(size):
                flat[k, to + j * across] = data[at + j]


@compiled
def cut_enlarged(
    low: NDArray[np.float32],
    start: NDArray[np.int64],
    stride: NDArray[np.int64],
    codes: NDArray[np.int64],
    index: NDArray[np.int64],
    weight: NDArray[np.float64],
    window: int,
    out: NDArray[np.float32],
) -> None:
    """Enlarge windows (window × window) of low-resolution pictures to out (n, S, S), turned.

    Row i of the result is the sum over k of weight[i, k] · row index[i, k] of the window; the
    same table serves the columns afterwards.
    """
    count, size, _ = out.shape
    taps = index.shape[1]
    flat = out.reshape(count, size * size)
    upright = np.empty((window, size), np.float32)
    total = np.empty(max(window, size), np.float64)
    for k in range(count):
        for i in range(size):
            total[:window] = 0
            for t in range(taps):
                at, factor = start[k] + index[i, t] * stride[k], weight[i, t]
                for j in range(window):
                    total[j] += factor * low[at + j]
            for j in range(window):
                upright[j, i] = total[j]
        first, down, across = orientation(codes[k], size)
        for j in range(size):
            total[:size] = 0
            for t in range(taps):
                line, factor = upright[index[j, t]], weight[j, t]
                for i in range(size):
                    total[i] += factor * line[i]
            to = first + j * across
            for i in range(size):
                flat[k, to + i * down] = total[i]
