"""An enlarged picture from the top down, tile by tile, in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.enlarging.methods import Enlarger
from snellen.enlarging.parts import Span, enlarged_part
from snellen.errors import UserError

__all__ = ["SMALLEST_TILE", "Watch", "default_tile", "enlarged_strips", "refuse_small"]

SMALLEST_TILE = 32
"""Of an enlarged picture, in pixels: smaller ones would be mostly overlap."""

# 64 maps of (256 + 2·8)² float32 are 19 MB. From 32 MB on, glibc fetches each from the system anew
# and gives it back, and tiles of 512 took half as long again for the same pixels.
_CPU_TILE = 256
_GPU_TILE = 1024


class Watch(Protocol):
    """Who is told how far an enlargement is, in its pixels."""

    def begin(self, pixels: int) -> None:
        """A picture of so many is to come."""

    def advance(self, pixels: int) -> None:
        """So many more are computed."""


def default_tile(device: torch.device) -> int:
    """The side of the tiles for a device, in pixels of the enlarged picture."""
    return _CPU_TILE if device.type == "cpu" else _GPU_TILE


def refuse_small(height: int, width: int, enlarger: Enlarger) -> None:
    """Refuse a picture that is smaller than the network's filters once it is enlarged.

    Raises:
        UserError: it is.
    """
    least = -(-enlarger.kernel // enlarger.scale)
    if min(height, width) < least:
        raise UserError(
            f"it is {width}×{height} pixels, and enlarged by {enlarger.scale} still smaller than"
            f" the network's filters of {enlarger.kernel}×{enlarger.kernel}: it needs at least"
            f" {least}×{least} pixels, or the method bicubic."
        )


def enlarged_strips(
    pixels: NDArray[Any],
    enlarger: Enlarger,
    *,
    tile: int | None = None,
    watch: Watch | None = None,
) -> Iterator[NDArray[Any]]:
    """Yield the enlarged picture in strips of its full width, from the top down.

    Where a GPU's memory does not suffice for a tile, tiles of half the side are taken from there
    on. What a pixel becomes does not depend on the tiles, on a CPU to the last bit.

    Args:
        pixels: the original, as for :func:`snellen.enlarging.parts.enlarged_part`.
        enlarger: the method.
        tile: side of the square tiles in pixels of the enlarged picture; None for the device's.
        watch: told after each tile how many pixels of the enlarged picture it has.

    Raises:
        UserError: a picture smaller than the network's filters; too little memory of a GPU even for
            the smallest tiles.
    """
    refuse_small(pixels.shape[0], pixels.shape[1], enlarger)
    height, width = (enlarger.scale * side for side in pixels.shape[:2])
    tiles = _Tiles(pixels, enlarger, tile or default_tile(enlarger.device), watch)
    if enlarger.reach is None:
        tiles.side = max(height, width)
    top = 0
    while top < height:
        rows = top, min(top + tiles.side, height)
        yield tiles.strip(rows, width)
        top = rows[1]


class _Tiles:
    """The tiles of one picture; `side` shrinks where they prove too large."""

    def __init__(
        self, pixels: NDArray[Any], enlarger: Enlarger, side: int, watch: Watch | None
    ) -> None:
        self.pixels, self.enlarger, self.side, self.watch = pixels, enlarger, side, watch

    def strip(self, rows: Span, width: int) -> NDArray[Any]:
        """(rows, width, C)."""
        out = np.empty((rows[1] - rows[0], width, self.pixels.shape[2]), self.pixels.dtype)
        self._fill(out, rows, (0, width), rows[0])
        return out

    def _fill(self, out: NDArray[Any], rows: Span, columns: Span, top: int) -> None:
        """Compute rows × columns into their places in a strip whose first row is `top`."""
        for row in _spans(rows, self.side):
            for column in _spans(columns, self.side):
                if not self._tried(out, row, column, top):
                    self._fill(out, row, column, top)

    def _tried(self, out: NDArray[Any], rows: Span, columns: Span, top: int) -> bool:
        """Compute one tile, unless it is, or proves, too large."""
        if max(rows[1] - rows[0], columns[1] - columns[0]) > self.side:
            return False  # one before it was halved
        try:
            part = enlarged_part(self.pixels, self.enlarger, rows, columns)
        except torch.OutOfMemoryError as error:
            self._halve(error)
        else:
            out[rows[0] - top : rows[1] - top, slice(*columns)] = part
            if self.watch is not None:
                self.watch.advance(part.shape[0] * part.shape[1])
            return True
        # Outside the handler, which holds on to the failed attempt's tensors.
        torch.cuda.empty_cache()
        return False

    def _halve(self, error: Exception) -> None:
        if self.enlarger.reach is None or self.side // 2 < SMALLEST_TILE:
            raise UserError(
                f"the memory of {self.enlarger.device} is too small for this picture: close what "
                "else uses it, or choose the device cpu."
            ) from error
        self.side //= 2


def _spans(span: Span, most: int) -> list[Span]:
    """Cut [first, last) into as few as possible of at most `most`, all alike to within a pixel.

    >>> _spans((0, 1000), 256)
    [(0, 250), (250, 500), (500, 750), (750, 1000)]
    """
    first, last = span
    count = -(-(last - first) // most)
    edges = [first + (last - first) * k // count for k in range(count + 1)]
    return list(itertools.pairwise(edges))
