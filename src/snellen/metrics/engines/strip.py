"""One strip of one plane at one level: value and gradient in a single march down its rows.

Each row is read once, into a ring of the last K rows; means and variances are taken across that
ring, then along the row, and compared; the partial derivatives go back along the row and across a
second ring, and leave as a row of the gradient, K - 1 rows behind the row that came in. What the
strip needs of a neighbour's columns or rows it computes again, so that strips depend on nothing,
and the result on the partition alone.
"""

from __future__ import annotations

from snellen.metrics.engines import rows, rows_back
from snellen.metrics.engines.compiling import compiled, inlined
from snellen.metrics.engines.loading import (
    REFLECT,
    REPLICATE,
    Pictures,
    load_extended_row,
    number_bytes,
)
from snellen.metrics.engines.memory import write_float32, write_float64
from snellen.metrics.engines.strip_layout import (
    ABSOLUTE,
    FACTOR,
    ONE,
    Buffers,
    Comparison,
    Extent,
    Outputs,
    Strip,
    extent_of,
    lay_out,
    ring_slots,
)
from snellen.metrics.engines.strip_steps import (
    choose_shifts,
    fill,
    fold_weights,
    halve,
    sum_of,
    write,
)
from snellen.metrics.engines.vectors import LANES

__all__ = ["march"]

# Sums over this many rows are kept in float32, longer ones in double precision.
FLUSH_ROWS = 32
# Rows are fetched this long before they are needed: a strip's rows lie too far apart in memory for
# the processor to guess the next one.
FETCH_ROWS = 8
FETCH_STRIDE = 4  # numbers between columns; further apart most of what is fetched is not theirs


@inlined
def _fetch_row(taps: tuple[float, ...], pictures: Pictures, strip: Strip, row: int) -> None:
    """Begin to bring a row of both pictures near."""
    size = number_bytes(pictures.stored_as)
    at = size * (row * pictures.row_stride + strip.left * pictures.column_stride)
    floats = size * (strip.right - strip.left) * pictures.column_stride // 4
    rows.fetch_to_read(taps, (pictures.first + at, floats))
    rows.fetch_to_read(taps, (pictures.second + at, floats))


@inlined
def _take_row(
    taps: tuple[float, ...],
    pictures: Pictures,
    comparison: Comparison,
    strip: Strip,
    extent: Extent,
    out: Outputs,
    buffers: Buffers,
    row: int,
) -> None:
    """A row comes into the ring; the next level and the pixelwise errors get their part."""
    radius = len(taps) // 2
    room = buffers.room
    current = _slot(buffers, len(taps), row)
    if 0 <= row + FETCH_ROWS < pictures.height and pictures.column_stride <= FETCH_STRIDE:
        _fetch_row(taps, pictures, strip, row + FETCH_ROWS)
    load_extended_row(
        taps,
        pictures,
        comparison.border,
        row,
        extent.first - radius,
        extent.columns + 2 * radius,
        current,
        current + 4 * room,
        buffers.table,
    )
    if row < strip.top or row >= strip.bottom:
        return
    own = 4 * (strip.left - extent.first + radius)
    if out.errors != 0:
        words = (current + 4 * room + own, buffers.table, buffers.errors, strip.right - strip.left)
        if out.pixelwise == ABSOLUTE:
            rows.accumulate_absolute(taps, words)
        else:
            rows.accumulate_square(taps, words)
    last = row == pictures.height - 1
    if out.half_a != 0 and row // 2 < out.half_height and (row % 2 == 1 or last):
        other = _slot(buffers, len(taps), row - 1) if row % 2 == 1 else current
        halve(taps, strip, out, buffers, row, other + own, current + own)


@inlined
def _slot(buffers: Buffers, taps: int, row: int) -> int:
    """Return where a row lies in the ring."""
    slots = ring_slots(taps)
    return buffers.ring + 8 * buffers.room * ((row + slots) % slots)


@inlined
def _compare_row(
    taps: tuple[float, ...],
    comparison: Comparison,
    buffers: Buffers,
    partials: int,
    centre: int,
    columns: int,
) -> None:
    """A row of the map is complete: its distances and partial derivatives."""
    radius = len(taps) // 2
    newest = (centre + radius) % len(taps)
    turned = comparison.weights + 4 * (len(taps) - 1 - newest)
    middle = _slot(buffers, len(taps), centre)
    ring = buffers.ring if radius else middle
    across = (ring, buffers.room, middle, turned, buffers.moments, columns + 2 * radius)
    rows.moments_across(taps, across)
    words = (
        buffers.moments,
        buffers.room,
        comparison.weights,
        buffers.table,
        comparison.flip,
        buffers.distances,
        partials,
        columns,
    )
    if comparison.gradients == 0:
        if comparison.joint:
            rows.compare_joint(taps, words)
        else:
            rows.compare_structure(taps, words)
    elif comparison.gradients == 1:
        if comparison.joint:
            rows.compare_joint_one(taps, words)
        else:
            rows.compare_structure_one(taps, words)
    elif comparison.joint:
        rows.compare_joint_both(taps, words)
    else:
        rows.compare_structure_both(taps, words)


@inlined
def _send_back(
    taps: tuple[float, ...],
    comparison: Comparison,
    strip: Strip,
    buffers: Buffers,
    target: int,
    width: int,
) -> None:
    """Bring a row of partial derivatives back to the columns that it came from."""
    radius = len(taps) // 2
    room = buffers.room
    own = strip.right - strip.left
    quantities = 3 if comparison.gradients == 1 else 4
    words = (buffers.partials, room, comparison.weights, target, room, own)
    if quantities == 3:
        rows_back.spread_three(taps, words)
    else:
        rows_back.spread_four(taps, words)
    if comparison.border not in (REFLECT, REPLICATE):
        return
    skipped = 1 if comparison.border == REFLECT else 0
    if strip.left == 0:
        source, table = buffers.partials + 4 * radius, comparison.edges
        words = (source, room, table, target + 4 * skipped, room, quantities)
        rows_back.correct_edge(taps, words)
    if strip.right == width:
        source, table = buffers.partials + 4 * own, comparison.edges + 4 * LANES * radius
        words = (source, room, table, target + 4 * (own - skipped - LANES), room, quantities)
        rows_back.correct_edge(taps, words)


@inlined
def _finish_row(
    taps: tuple[float, ...],
    height: int,
    comparison: Comparison,
    strip: Strip,
    extent: Extent,
    out: Outputs,
    buffers: Buffers,
    row: int,
) -> None:
    """A row of the gradient is complete: write it."""
    radius = len(taps) // 2
    room = buffers.room
    columns = strip.right - strip.left
    a = _slot(buffers, len(taps), row) + 4 * (strip.left - extent.first + radius)
    b, finished = a + 4 * room, buffers.finished
    weights = comparison.weights
    near = row <= radius or row >= height - 1 - radius
    if near and comparison.border in (REFLECT, REPLICATE):
        weights = buffers.edge_weights
        fold_weights(taps, comparison.weights, row, height, comparison.border, weights)
    weights += 4 * (len(taps) - 1 - (row + radius) % len(taps))
    if comparison.gradients == 1:
        words = (buffers.back_ring, room, weights, a, b, finished, columns)
        rows_back.finish_gradient(taps, words)
    else:
        both = (buffers.back_ring, room, weights, a, b, finished, room, columns)
        rows_back.finish_both_gradients(taps, both)
    factor = buffers.table + 4 * FACTOR
    if row + FETCH_ROWS < height and out.column_stride <= FETCH_STRIDE:
        ahead = 4 * ((row + FETCH_ROWS) * out.row_stride + strip.left * out.column_stride)
        rows.fetch_to_write(taps, (out.by_x + ahead, columns * out.column_stride))
    at = 4 * (row * out.row_stride + strip.left * out.column_stride)
    write(taps, finished, factor, out.by_x + at, out.column_stride, columns)
    if comparison.gradients == 2:
        finished += 4 * room
        write(taps, finished, factor, out.by_y + at, out.column_stride, columns)


@compiled
def _prepare(
    taps: tuple[float, ...],
    pictures: Pictures,
    comparison: Comparison,
    strip: Strip,
    out: Outputs,
    buffers: Buffers,
    quantities: int,
) -> None:
    """Set the buffers to their beginnings."""
    room = buffers.room
    fill(buffers.totals, 2 * room, 0.0)
    fill(buffers.partials, 4 * room, 0.0)
    if comparison.gradients != 0:
        fill(buffers.back_ring - 4 * LANES, quantities * room * len(taps), 0.0)
    table = buffers.table
    write_float32(table + 4 * rows.C1, comparison.twice_c1)
    write_float32(table + 4 * rows.C2, comparison.twice_c2)
    write_float32(table + 4 * rows.SHIFT_A, 0.0)
    write_float32(table + 4 * rows.SHIFT_B, 0.0)
    write_float32(table + 4 * rows.SCALE, comparison.scale if len(taps) > 1 else 0.0)
    write_float32(table + 4 * ONE, 1.0)
    write_float32(table + 4 * FACTOR, out.factor)
    choose_shifts(taps, pictures, strip, buffers)


@compiled
def march(
    taps: tuple[float, ...],
    pictures: Pictures,
    comparison: Comparison,
    strip: Strip,
    out: Outputs,
    scratch: int,
) -> float:
    """Compare the two pictures in one strip.

    Returns:
        The sum of the distances at the strip's own columns and rows.
    """
    size = len(taps)
    radius = size // 2
    gradients = comparison.gradients
    quantities = 3 if gradients == 1 else 4
    extent = extent_of(pictures, strip, radius, comparison.border, gradients)
    own = strip.right - strip.left
    buffers = lay_out(size, quantities, own, scratch)
    room = buffers.room
    _prepare(taps, pictures, comparison, strip, out, buffers, quantities)
    partials = buffers.partials
    if gradients != 0:
        partials += 4 * (extent.first - strip.left + radius)
    counted = buffers.distances + 4 * (extent.counted_from - extent.first)

    total = errors = 0.0
    end = strip.bottom + 2 * radius if gradients else extent.stop + radius
    for incoming in range(extent.start - radius, end):
        if incoming < extent.stop + radius:
            _take_row(taps, pictures, comparison, strip, extent, out, buffers, incoming)
        centre = incoming - radius
        if centre < extent.start:
            continue
        target = buffers.back_ring + 4 * quantities * room * (centre % size)
        if centre < extent.stop:
            _compare_row(taps, comparison, buffers, partials, centre, extent.columns)
            if strip.top <= centre < strip.bottom:
                if out.distances != 0:
                    at = out.distances + 4 * (centre * pictures.width + extent.counted_from)
                    one = buffers.table + 4 * ONE
                    write(taps, counted, one, at, 1, extent.counted)
                rows.accumulate_row(taps, (counted, buffers.totals, extent.counted))
            if gradients != 0:
                if out.weights != 0:
                    at = out.weights + 4 * (centre * pictures.width + extent.first)
                    rows_back.multiply_row(taps, (partials, room, at, extent.columns))
                rows_back.clear_after(taps, (partials + 4 * extent.columns, room))
                _send_back(taps, comparison, strip, buffers, target, pictures.width)
        elif gradients != 0:
            fill(target - 4 * LANES, quantities * room, 0.0)
        row = centre - radius
        if gradients != 0 and row >= strip.top:
            _finish_row(taps, pictures.height, comparison, strip, extent, out, buffers, row)
        if centre % FLUSH_ROWS == 0:
            # The columns' totals in float32 stay short; the sum of all is in double precision.
            total += sum_of(buffers.totals, extent.counted)
            errors += sum_of(buffers.errors, own)
            fill(buffers.totals, 2 * room, 0.0)
    if out.errors != 0:
        write_float64(out.errors, errors + sum_of(buffers.errors, own))
    return total + sum_of(buffers.totals, extent.counted)
