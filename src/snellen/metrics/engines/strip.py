"""One strip of one plane at one level: value and gradient in a single march down its rows.

Each row is read once, blurred along itself into a ring of the last K rows, compared across that
ring; the partial derivatives go the same way back through a second ring and leave as a row of the
gradient, K - 1 rows behind the row that came in. What the strip needs of a neighbour's columns or
rows it computes again, so that strips depend on nothing, and the result on the partition alone.
"""

from __future__ import annotations

from snellen.metrics.engines import rows, rows_back
from snellen.metrics.engines.compiling import compiled, inlined
from snellen.metrics.engines.loading import (
    REFLECT,
    REPLICATE,
    Pictures,
    load_extended_row,
    load_row,
    source_index,
)
from snellen.metrics.engines.memory import read_float32, write_float32, write_float64
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
)
from snellen.metrics.engines.vectors import LANES

__all__ = ["march"]

# Sums over this many rows are kept in float32, longer ones in double precision.
FLUSH_ROWS = 32


@compiled
def _fill(address: int, count: int, number: float) -> None:
    for k in range(count):
        write_float32(address + 4 * k, number)


@compiled
def _total(address: int, count: int) -> float:
    """Sum of `count` numbers, in double precision and in order."""
    total = 0.0
    for k in range(count):
        total += read_float32(address + 4 * k)
    return total


@inlined
def _write(
    taps: tuple[float, ...], row: int, factor: int, out: int, stride: int, count: int
) -> None:
    """Copy a row times the factor at that address, nothing beyond it."""
    if count >= LANES and stride == 1:
        rows.copy_row(taps, (row, factor, out, count))
        return
    times = read_float32(factor)
    for k in range(count):
        write_float32(out + 4 * stride * k, times * read_float32(row + 4 * k))


@compiled
def _choose_shifts(
    taps: tuple[float, ...], pictures: Pictures, strip: Strip, buffers: Buffers
) -> None:
    """Set the shifts to the means of some rows; any number would do, these lose the fewest digits.

    E[a²] - A² of a bright flat picture would leave nothing of float32 otherwise.
    """
    columns = strip.right - strip.left
    room, row, table = buffers.room, buffers.own, buffers.table
    step = max(1, (strip.bottom - strip.top) // 6)
    count = 0
    for k in range(strip.top + step // 2, strip.bottom, step):
        load_row(taps, pictures, k, strip.left, columns, row, row + 4 * room, table)
        rows.accumulate_row(taps, (row, buffers.totals, columns))
        rows.accumulate_row(taps, (row + 4 * room, buffers.errors, columns))
        count += columns
    shift_a = _total(buffers.totals, columns) / count
    shift_b = _total(buffers.errors, columns) / count
    _fill(buffers.totals, 2 * room, 0.0)
    if abs(shift_a) < 1e30:  # false for NaN too: one bad pixel stays a local matter
        write_float32(table + 4 * rows.SHIFT_A, shift_a)
    if abs(shift_b) < 1e30:
        write_float32(table + 4 * rows.SHIFT_B, shift_b)


@compiled
def _halve(
    taps: tuple[float, ...],
    strip: Strip,
    out: Outputs,
    buffers: Buffers,
    row: int,
    upper: int,
    lower: int,
) -> None:
    """Write the means of 2×2 of two loaded rows, at the strip's first column, into the planes."""
    count = (strip.right - strip.left) // 2
    column = strip.left // 2
    for quantity in range(2):
        plane = out.half_a if quantity == 0 else out.half_b
        target = plane + 4 * ((row // 2) * out.half_width + column)
        high, low = upper + 4 * buffers.room * quantity, lower + 4 * buffers.room * quantity
        shift = buffers.table + 4 * (rows.SHIFT_A + quantity)
        if count >= LANES:
            rows.halve_rows(taps, (high, low, shift, target, count))
        else:
            added = read_float32(shift)
            for k in range(count):
                total = read_float32(high + 8 * k) + read_float32(low + 8 * k)
                total += read_float32(high + 8 * k + 4) + read_float32(low + 8 * k + 4)
                write_float32(target + 4 * k, total * 0.25 + added)
        if column + count < out.half_width and strip.left + 2 * count < strip.right:
            # An odd last column, kept: the mean of what is there.
            total = read_float32(high + 8 * count) + read_float32(low + 8 * count)
            write_float32(target + 4 * count, total * 0.5 + read_float32(shift))


@compiled
def _fold_weights(
    taps: tuple[float, ...], weights: int, row: int, height: int, border: int, out: int
) -> None:
    """Write the weights with which rows of partial derivatives enter the gradient near an edge.

    A row near the edge also stands, as the border has it, for rows outside; it receives theirs.
    """
    radius = len(taps) // 2
    for k in range(len(taps)):
        at = row - radius + k
        weight = read_float32(weights + 4 * k)
        for beyond in range(1, radius + 1):
            for outside in (-beyond, height - 1 + beyond):
                distance = at - outside + radius
                if 0 <= distance < len(taps) and source_index(outside, height, border) == row:
                    weight += read_float32(weights + 4 * distance)
        write_float32(out + 4 * k, weight)
        write_float32(out + 4 * (k + len(taps)), weight)


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
    """A row comes in: blur it along itself, and give what the next level needs of it."""
    radius = len(taps) // 2
    room = buffers.room
    current = buffers.incoming + 8 * room * (row & 1)
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
    slot = buffers.ring + 16 * room * ((row + len(taps)) % len(taps))
    rows.blur_columns(
        taps, (current, current + 4 * room, comparison.weights, slot, room, extent.columns)
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
        other = buffers.incoming + 8 * room * ((row & 1) ^ 1) if row % 2 == 1 else current
        _halve(taps, strip, out, buffers, row, other + own, current + own)


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
    newest = (centre + len(taps) // 2) % len(taps)
    words = (
        buffers.ring,
        buffers.room,
        comparison.weights + 4 * (len(taps) - 1 - newest),
        buffers.table,
        comparison.flip,
        buffers.distances,
        partials,
        buffers.room,
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
    pictures: Pictures,
    comparison: Comparison,
    strip: Strip,
    out: Outputs,
    buffers: Buffers,
    row: int,
) -> None:
    """A row of the gradient is complete: write it."""
    radius = len(taps) // 2
    room = buffers.room
    columns = strip.right - strip.left
    a, b, finished = buffers.own, buffers.own + 4 * room, buffers.finished
    load_row(taps, pictures, row, strip.left, columns, a, b, buffers.table)
    weights = comparison.weights
    near = row <= radius or row >= pictures.height - 1 - radius
    if near and comparison.border in (REFLECT, REPLICATE):
        weights = buffers.edge_weights
        _fold_weights(taps, comparison.weights, row, pictures.height, comparison.border, weights)
    weights += 4 * (len(taps) - 1 - (row + radius) % len(taps))
    if comparison.gradients == 1:
        words = (buffers.back_ring, room, weights, a, b, finished, columns)
        rows_back.finish_gradient(taps, words)
    else:
        both = (buffers.back_ring, room, weights, a, b, finished, room, columns)
        rows_back.finish_both_gradients(taps, both)
    factor = buffers.table + 4 * FACTOR
    at = 4 * (row * out.row_stride + strip.left * out.column_stride)
    _write(taps, finished, factor, out.by_x + at, out.column_stride, columns)
    if comparison.gradients == 2:
        finished += 4 * room
        _write(taps, finished, factor, out.by_y + at, out.column_stride, columns)


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
    _fill(buffers.totals, 2 * room, 0.0)
    _fill(buffers.partials, 4 * room, 0.0)
    if comparison.gradients != 0:
        _fill(buffers.back_ring - 4 * LANES, quantities * room * len(taps), 0.0)
    table = buffers.table
    write_float32(table + 4 * rows.C1, comparison.twice_c1)
    write_float32(table + 4 * rows.C2, comparison.twice_c2)
    write_float32(table + 4 * rows.SHIFT_A, 0.0)
    write_float32(table + 4 * rows.SHIFT_B, 0.0)
    write_float32(table + 4 * rows.SCALE, comparison.scale)
    write_float32(table + 4 * ONE, 1.0)
    write_float32(table + 4 * FACTOR, out.factor)
    _choose_shifts(taps, pictures, strip, buffers)


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
                    _write(taps, counted, one, at, 1, extent.counted)
                rows.accumulate_row(taps, (counted, buffers.totals, extent.counted))
            if gradients != 0:
                if out.weights != 0:
                    at = out.weights + 4 * (centre * pictures.width + extent.first)
                    rows_back.multiply_row(taps, (partials, room, at, extent.columns))
                rows_back.clear_after(taps, (partials + 4 * extent.columns, room))
                _send_back(taps, comparison, strip, buffers, target, pictures.width)
        elif gradients != 0:
            _fill(target - 4 * LANES, quantities * room, 0.0)
        row = centre - radius
        if gradients != 0 and row >= strip.top:
            _finish_row(taps, pictures, comparison, strip, out, buffers, row)
        if centre % FLUSH_ROWS == 0:
            # The columns' totals in float32 stay short; the sum of all is in double precision.
            total += _total(buffers.totals, extent.counted)
            errors += _total(buffers.errors, own)
            _fill(buffers.totals, 2 * room, 0.0)
    if out.errors != 0:
        write_float64(out.errors, errors + _total(buffers.errors, own))
    return total + _total(buffers.totals, extent.counted)
