"""What a strip computes and where, as named values for compiled code; and its buffers' layout."""

from __future__ import annotations

from typing import NamedTuple

from snellen.metrics.engines import rows
from snellen.metrics.engines.compiling import compiled
from snellen.metrics.engines.loading import VALID, Pictures
from snellen.metrics.engines.vectors import LANES

__all__ = [
    "ABSOLUTE",
    "FACTOR",
    "MOST_COLUMNS",
    "ONE",
    "SQUARE",
    "Buffers",
    "Comparison",
    "Extent",
    "Outputs",
    "Strip",
    "extent_of",
    "lay_out",
    "ring_slots",
    "scratch_floats",
]

# A strip has at most this many columns of its own.
MOST_COLUMNS = 144

# Pixelwise errors that can be summed in the same pass.
ABSOLUTE, SQUARE = 1, 2

# In a strip's table, after the constants of the comparison: a 1 and the factor of the gradients.
ONE, FACTOR = rows.SCALE + 1, rows.SCALE + 2


class Strip(NamedTuple):
    """The columns and rows whose distances and gradients are this strip's to give."""

    left: int
    right: int
    top: int
    bottom: int


class Comparison(NamedTuple):
    """What is computed.

    Attributes:
        border: one of the codes of `loading`.
        joint: 1 where luminance counts, else 0.
        flip: 1 where the product of two negatives counts as negative.
        gradients: 0, 1 or 2.
        weights: address of the K taps, twice in a row.
        edges: address of the tables of `correct_edge`, left and right.
        twice_c1, twice_c2: 2·C1 and 2·C2.
        scale: of the variances.
    """

    border: int
    joint: int
    flip: int
    gradients: int
    weights: int
    edges: int
    twice_c1: float
    twice_c2: float
    scale: float


class Outputs(NamedTuple):
    """Where results go, 0 for nowhere: addresses of float32 planes, rows without gaps.

    Attributes:
        by_x, by_y: gradients of the sum of the distances, times `factor`; by_x alone for one.
        row_stride, column_stride: theirs, in numbers.
        factor: see by_x.
        half_a, half_b: sums and differences of half the size, `half_width` by `half_height`.
        distances: the distances, of the pictures' size.
        weights: what each distance's gradient is multiplied by, of the pictures' size.
        errors: where the sum of the pixelwise errors goes, a float64.
        pixelwise: which errors: ABSOLUTE or SQUARE.
    """

    by_x: int
    by_y: int
    row_stride: int
    column_stride: int
    factor: float
    half_a: int
    half_b: int
    half_width: int
    half_height: int
    distances: int
    weights: int
    errors: int
    pixelwise: int


class Extent(NamedTuple):
    """Columns and rows of the map that a strip computes, and the columns of them that count."""

    first: int
    columns: int
    start: int
    stop: int
    counted_from: int
    counted: int


class Buffers(NamedTuple):
    """Addresses of a strip's own memory; rows have room for `room` numbers.

    Attributes:
        ring: K times two rows (at least 2), a and b of the last rows that came in.
        moments: four rows, means and variances of a and b across the rows of the ring.
        distances: one row.
        totals: one row, sums of distances over rows.
        errors: one row, sums of pixelwise errors over rows.
        finished: two rows of gradients.
        partials: four rows of partial derivatives, the strip's first column at half a window.
        back_ring: K times three or four rows of partial derivatives on their way back.
        table: constants of the comparison, then a 1 and the factor of the gradients.
        edge_weights: K weights, twice in a row.
    """

    room: int
    ring: int
    moments: int
    distances: int
    totals: int
    errors: int
    finished: int
    partials: int
    back_ring: int
    table: int
    edge_weights: int


@compiled
def _row_floats(taps: int, columns: int) -> int:
    """Room of one row in a strip's buffers: its columns, two halos, what vectors go beyond.

    An odd number of cache lines, so that the rows of a ring spread over all sets of the cache.
    """
    return ((columns + 2 * (taps - 1) + 3 * LANES) // LANES | 1) * LANES


@compiled
def ring_slots(taps: int) -> int:
    """How many rows are kept: those of a window, and two where the next level needs them."""
    return max(taps, 2)


@compiled
def lay_out(taps: int, quantities: int, columns: int, scratch: int) -> Buffers:
    """Lay the buffers of a strip of so many columns out from `scratch` on."""
    room = _row_floats(taps, columns)
    row = 4 * room
    moments = scratch + 2 * ring_slots(taps) * row
    back_ring = moments + 13 * row + 4 * LANES
    table = back_ring + quantities * taps * row
    return Buffers(
        room,
        scratch,
        moments,
        moments + 4 * row,
        moments + 5 * row,
        moments + 6 * row,
        moments + 7 * row,
        moments + 9 * row,
        back_ring,
        table,
        table + 4 * LANES,
    )


@compiled
def scratch_floats(taps: int) -> int:
    """How many float32 `march` needs beside its outputs."""
    return (lay_out(taps, 4, MOST_COLUMNS, 0).edge_weights + 8 * taps) // 4


@compiled
def extent_of(pictures: Pictures, strip: Strip, radius: int, border: int, gradients: int) -> Extent:
    """Return what a strip computes; gradients need half a window more on every side."""
    inset = radius if border == VALID else 0
    halo = radius if gradients else 0
    first = max(inset, strip.left - halo)
    last = min(pictures.width - inset, strip.right + halo)
    counted_from = max(first, strip.left)
    return Extent(
        first,
        last - first,
        max(inset, strip.top - halo),
        min(pictures.height - inset, strip.bottom + halo),
        counted_from,
        min(last, strip.right) - counted_from,
    )
