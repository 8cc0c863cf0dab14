"""Smaller steps of the march down a strip: sums, writing, shifts, halving, weights near an edge."""

from __future__ import annotations

from snellen.metrics.engines import rows
from snellen.metrics.engines.compiling import compiled, inlined
from snellen.metrics.engines.loading import Pictures, load_row, source_index
from snellen.metrics.engines.memory import read_float32, write_float32
from snellen.metrics.engines.strip_layout import Buffers, Outputs, Strip
from snellen.metrics.engines.vectors import LANES

__all__ = ["choose_shifts", "fill", "fold_weights", "halve", "sum_of", "write"]


@compiled
def fill(address: int, count: int, number: float) -> None:
    """Set `count` numbers."""
    for k in range(count):
        write_float32(address + 4 * k, number)


@compiled
def sum_of(address: int, count: int) -> float:
    """Sum of `count` numbers, in double precision and in order."""
    total = 0.0
    for k in range(count):
        total += read_float32(address + 4 * k)
    return total


@inlined
def write(
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
def choose_shifts(
    taps: tuple[float, ...], pictures: Pictures, strip: Strip, buffers: Buffers
) -> None:
    """Set the shifts to the means of some rows; any number would do, these lose the fewest digits.

    The gradient is a difference of parts that are as large as a and b are.
    """
    columns = strip.right - strip.left
    room, row, table = buffers.room, buffers.ring, buffers.table
    step = max(1, (strip.bottom - strip.top) // 6)
    count = 0
    for k in range(strip.top + step // 2, strip.bottom, step):
        load_row(taps, pictures, k, strip.left, columns, row, row + 4 * room, table)
        rows.accumulate_row(taps, (row, buffers.totals, columns))
        rows.accumulate_row(taps, (row + 4 * room, buffers.errors, columns))
        count += columns
    shift_a = sum_of(buffers.totals, columns) / count
    shift_b = sum_of(buffers.errors, columns) / count
    fill(buffers.totals, 2 * room, 0.0)
    if abs(shift_a) < 1e30:  # false for NaN too: one bad pixel stays a local matter
        write_float32(table + 4 * rows.SHIFT_A, shift_a)
    if abs(shift_b) < 1e30:
        write_float32(table + 4 * rows.SHIFT_B, shift_b)


@compiled
def halve(
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
def fold_weights(
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
