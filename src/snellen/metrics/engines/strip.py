"""One strip of one plane at one level: value and gradient in a single march down its rows.

Each row is read once, blurred along itself into a ring of the last K rows, compared across that
ring; the partial derivatives go the same way back through a second ring and leave as a row of the
gradient, K - 1 rows behind the row that came in. What the strip needs of a neighbour's columns or
rows it computes again, so that strips depend on nothing and the result on nothing but the partition.
"""

from __future__ import annotations

from typing import NamedTuple

from snellen.metrics.engines import rows
from snellen.metrics.engines.compiling import compiled
from snellen.metrics.engines.loading import (
    REFLECT,
    REPLICATE,
    VALID,
    ZEROS,
    Pictures,
    load_extended_row,
    load_row,
    source_index,
)
from snellen.metrics.engines.memory import read_float32, write_float32
from snellen.metrics.engines.vectors import LANES

__all__ = ["Comparison", "Outputs", "Strip", "march", "scratch_floats"]

# A strip has at most this many columns of its own; 128 was as fast as any width.
MOST_COLUMNS = 144
FLUSH_ROWS = 32


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
        constants: 2·C1, 2·C2 and the scale of the variances.
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
        half_a, half_b: sums and differences of half the size, `half_width` wide.
        distances: the distances, of the picture's size; read back as `weights` for gradients.
        weights: what each distance's gradient is multiplied by, of the picture's size.
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


@compiled
def _row_floats(taps: int) -> int:
    """Room of one row in a strip's buffers: its columns, two halos, what vectors go beyond."""
    return (MOST_COLUMNS + 2 * (taps - 1) + 3 * LANES) // LANES * LANES


@compiled
def scratch_floats(taps: int) -> int:
    """How many float32 `march` needs beside its outputs."""
    return _row_floats(taps) * (8 * taps + 16) + 8 * LANES + 4 * taps


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


@compiled
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
    taps: tuple[float, ...], pictures: Pictures, strip: Strip, row: int, room: int, table: int
) -> None:
    """Set the shifts to the means of some rows; any number would do, these lose the fewest digits.

    E[a²] - A² of a bright flat picture would leave nothing of float32 otherwise.
    """
    columns = strip.right - strip.left
    step = max(1, (strip.bottom - strip.top) // 6)
    total_a = total_b = 0.0
    count = 0
    for k in range(strip.top + step // 2, strip.bottom, step):
        load_row(taps, pictures, k, strip.left, columns, row, row + 4 * room, table)
        total_a += _total(row, columns)
        total_b += _total(row + 4 * room, columns)
        count += columns
    shift_a, shift_b = total_a / count, total_b / count
    if abs(shift_a) < 1e30:  # false for NaN too: one bad pixel stays a local matter
        write_float32(table + 4 * rows.SHIFT_A, shift_a)
    if abs(shift_b) < 1e30:
        write_float32(table + 4 * rows.SHIFT_B, shift_b)


@compiled
def _halve(
    taps: tuple[float, ...],
    strip: Strip,
    out: Outputs,
    row: int,
    upper: int,
    lower: int,
    room: int,
    shifts: int,
) -> None:
    """Write the means of 2×2 of two loaded rows, at the strip's first column, into the planes."""
    count = (strip.right - strip.left) // 2
    column = strip.left // 2
    for quantity in range(2):
        plane = out.half_a if quantity == 0 else out.half_b
        target = plane + 4 * ((row // 2) * out.half_width + column)
        high, low = upper + 4 * room * quantity, lower + 4 * room * quantity
        shift = shifts + 4 * quantity
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
    height, width = pictures.height, pictures.width
    border, gradients = comparison.border, comparison.gradients
    weights = comparison.weights
    inset = radius if border == VALID else 0
    halo = radius if gradients else 0
    own = strip.right - strip.left

    # Columns and rows of the map that are computed, and those that count.
    first, last = max(inset, strip.left - halo), min(width - inset, strip.right + halo)
    start, stop = max(inset, strip.top - halo), min(height - inset, strip.bottom + halo)
    columns = last - first
    counted_from = max(first, strip.left)
    counted = min(last, strip.right) - counted_from
    quantities = 3 if gradients == 1 else 4

    # Buffers.
    room = _row_floats(size)
    current, previous = scratch, scratch + 8 * room
    own_rows = previous + 8 * room
    distances = own_rows + 8 * room
    totals = distances + 4 * room
    finished = totals + 4 * room
    partials = finished + 8 * room
    ring = partials + 16 * room
    back_ring = ring + 16 * room * size
    table = back_ring + 16 * room * size
    edge_weights = table + 4 * LANES
    back_ring += 4 * LANES
    _fill(totals, room, 0.0)
    _fill(partials, 4 * room, 0.0)
    if gradients != 0:
        _fill(back_ring - 4 * LANES, 4 * room * size, 0.0)
    write_float32(table + 4 * rows.C1, comparison.twice_c1)
    write_float32(table + 4 * rows.C2, comparison.twice_c2)
    write_float32(table + 4 * rows.SCALE, comparison.scale)
    write_float32(table + 4 * rows.SHIFT_A, 0.0)
    write_float32(table + 4 * rows.SHIFT_B, 0.0)
    one = table + 4 * (rows.SCALE + 1)
    write_float32(one, 1.0)
    factor = one + 4
    write_float32(factor, out.factor)
    _choose_shifts(taps, pictures, strip, own_rows, room, table)

    total = 0.0
    unsummed = 0
    end = strip.bottom + 2 * radius if gradients else stop + radius
    for incoming in range(start - radius, end):
        # A row comes in.
        if incoming < stop + radius:
            current, previous = previous, current
            load_extended_row(
                taps,
                pictures,
                border,
                incoming,
                first - radius,
                columns + 2 * radius,
                current,
                current + 4 * room,
                table,
            )
            slot = (incoming + size) % size
            rows.blur_columns(
                taps,
                (current, current + 4 * room, weights, ring + 16 * room * slot, room, columns),
            )
            is_own = strip.top <= incoming < strip.bottom
            if out.half_a != 0 and is_own and incoming // 2 < out.half_height:
                offset = 4 * (strip.left - first + radius)
                if incoming % 2 == 1:
                    _halve(
                        taps,
                        strip,
                        out,
                        incoming,
                        previous + offset,
                        current + offset,
                        room,
                        table + 4 * rows.SHIFT_A,
                    )
                elif incoming == height - 1:
                    _halve(
                        taps,
                        strip,
                        out,
                        incoming,
                        current + offset,
                        current + offset,
                        room,
                        table + 4 * rows.SHIFT_A,
                    )

        # A row of the map is complete.
        centre = incoming - radius
        if centre >= start:
            back = back_ring + 4 * quantities * room * (centre % size)
            if centre < stop:
                turned = weights + 4 * (size - 1 - (centre + radius) % size)
                target = partials + 4 * (first - strip.left + halo)
                words = (
                    ring,
                    room,
                    turned,
                    table,
                    comparison.flip,
                    distances,
                    target,
                    room,
                    columns,
                )
                if gradients == 0:
                    if comparison.joint:
                        rows.compare_joint(taps, words)
                    else:
                        rows.compare_structure(taps, words)
                elif gradients == 1:
                    if comparison.joint:
                        rows.compare_joint_one(taps, words)
                    else:
                        rows.compare_structure_one(taps, words)
                elif comparison.joint:
                    rows.compare_joint_both(taps, words)
                else:
                    rows.compare_structure_both(taps, words)
                if strip.top <= centre < strip.bottom:
                    counting = distances + 4 * (counted_from - first)
                    if out.distances != 0:
                        at = 4 * (centre * width + counted_from)
                        _write(taps, counting, one, out.distances + at, 1, counted)
                    rows.accumulate_row(taps, (counting, totals, counted))
                    unsummed += 1
                    if unsummed == FLUSH_ROWS:
                        total += _total(totals, counted)
                        _fill(totals, room, 0.0)
                        unsummed = 0
                if gradients != 0:
                    if out.weights != 0:
                        at = 4 * (centre * width + first)
                        rows.multiply_row(taps, (target, room, out.weights + at, columns))
                    rows.clear_after(taps, (target + 4 * columns, room))
                    words_back = (partials, room, weights, back, room, own)
                    if quantities == 3:
                        rows.spread_three(taps, words_back)
                    else:
                        rows.spread_four(taps, words_back)
                    if border == REFLECT or border == REPLICATE:
                        skipped = 1 if border == REFLECT else 0
                        if strip.left == 0:
                            rows.correct_edge(
                                taps,
                                (
                                    partials + 4 * radius,
                                    room,
                                    comparison.edges,
                                    back + 4 * skipped,
                                    room,
                                    quantities,
                                ),
                            )
                        if strip.right == width:
                            rows.correct_edge(
                                taps,
                                (
                                    partials + 4 * own,
                                    room,
                                    comparison.edges + 4 * LANES * radius,
                                    back + 4 * (own - skipped - LANES),
                                    room,
                                    quantities,
                                ),
                            )
            elif gradients != 0:
                _fill(back - 4 * LANES, quantities * room, 0.0)

        # A row of the gradient is complete.
        row = centre - radius
        if gradients != 0 and row >= strip.top:
            load_row(taps, pictures, row, strip.left, own, own_rows, own_rows + 4 * room, table)
            turn = size - 1 - (row + radius) % size
            used = weights
            near = row <= radius or row >= height - 1 - radius
            if near and border != VALID and border != ZEROS:
                _fold_weights(taps, weights, row, height, border, edge_weights)
                used = edge_weights
            if gradients == 1:
                rows.finish_gradient(
                    taps,
                    (
                        back_ring,
                        room,
                        used + 4 * turn,
                        own_rows,
                        own_rows + 4 * room,
                        finished,
                        own,
                    ),
                )
            else:
                rows.finish_both_gradients(
                    taps,
                    (
                        back_ring,
                        room,
                        used + 4 * turn,
                        own_rows,
                        own_rows + 4 * room,
                        finished,
                        room,
                        own,
                    ),
                )
            at = 4 * (row * out.row_stride + strip.left * out.column_stride)
            _write(taps, finished, factor, out.by_x + at, out.column_stride, own)
            if gradients == 2:
                second = finished + 4 * room
                _write(taps, second, factor, out.by_y + at, out.column_stride, own)
    return total + _total(totals, counted)
