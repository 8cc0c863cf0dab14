"""Reading rows of the two pictures as sums and differences, whatever their type, layout, border."""

from __future__ import annotations

from typing import NamedTuple

from snellen.metrics.engines.compiling import compiled, inlined
from snellen.metrics.engines.memory import (
    read_bfloat16,
    read_float16,
    read_float32,
    read_uint8,
    write_float32,
)
from snellen.metrics.engines.rows import SHIFT_A, SHIFT_B, shifted_pair, sum_and_difference
from snellen.metrics.engines.vectors import LANES

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "FLOAT32",
    "REFLECT",
    "REPLICATE",
    "SUMS",
    "UINT8",
    "VALID",
    "ZEROS",
    "Pictures",
    "load_extended_row",
    "load_row",
    "number_bytes",
    "source_index",
]

# How the pictures are stored; SUMS: a = x + y and b = x - y are stored, as float32.
FLOAT32, BFLOAT16, FLOAT16, UINT8, SUMS = range(5)

VALID, REFLECT, REPLICATE, ZEROS = range(4)


class Pictures(NamedTuple):
    """Two planes of one size: addresses, type, and strides in numbers."""

    first: int
    second: int
    stored_as: int
    row_stride: int
    column_stride: int
    height: int
    width: int


@compiled
def number_bytes(stored_as: int) -> int:
    """Return the size of a number."""
    if stored_as == UINT8:
        return 1
    return 2 if stored_as in (BFLOAT16, FLOAT16) else 4


@compiled
def source_index(index: int, size: int, border: int) -> int:
    """Return which row or column a border puts at `index`, outside the picture; -1: none."""
    if 0 <= index < size:
        return index
    if border == REFLECT:
        return -index if index < 0 else 2 * (size - 1) - index
    if border == REPLICATE:
        return 0 if index < 0 else size - 1
    return -1


@inlined
def load_row(
    taps: tuple[float, ...],
    pictures: Pictures,
    row: int,
    column: int,
    count: int,
    a: int,
    b: int,
    table: int,
) -> None:
    """Write a and b less their shifts, `count` columns from `column` of a row of the picture."""
    start = row * pictures.row_stride + column * pictures.column_stride
    first, second = pictures.first, pictures.second
    stored_as = pictures.stored_as
    if count >= LANES and pictures.column_stride == 1:
        if stored_as == FLOAT32:
            sum_and_difference(taps, (first + 4 * start, second + 4 * start, a, b, table, count))
            return
        if stored_as == SUMS:
            shifted_pair(taps, (first + 4 * start, second + 4 * start, a, b, table, count))
            return
    shift_a, shift_b = read_float32(table + 4 * SHIFT_A), read_float32(table + 4 * SHIFT_B)
    for k in range(count):
        at = start + k * pictures.column_stride
        if stored_as in (FLOAT32, SUMS):
            x, y = read_float32(first + 4 * at), read_float32(second + 4 * at)
        elif stored_as == BFLOAT16:
            x, y = read_bfloat16(first + 2 * at), read_bfloat16(second + 2 * at)
        elif stored_as == FLOAT16:
            x, y = read_float16(first + 2 * at), read_float16(second + 2 * at)
        else:
            x, y = read_uint8(first + at), read_uint8(second + at)
        if stored_as != SUMS:
            x, y = x + y, x - y
        write_float32(a + 4 * k, x - shift_a)
        write_float32(b + 4 * k, y - shift_b)


@inlined
def load_extended_row(
    taps: tuple[float, ...],
    pictures: Pictures,
    border: int,
    row: int,
    column: int,
    count: int,
    a: int,
    b: int,
    table: int,
) -> None:
    """The same for rows and columns that may lie outside, where the border says what is there."""
    shift_a, shift_b = read_float32(table + 4 * SHIFT_A), read_float32(table + 4 * SHIFT_B)
    source = source_index(row, pictures.height, border)
    if source < 0:
        for k in range(count):
            write_float32(a + 4 * k, -shift_a)
            write_float32(b + 4 * k, -shift_b)
        return
    inside = max(column, 0)
    end = min(column + count, pictures.width)
    at = 4 * (inside - column)
    load_row(taps, pictures, source, inside, end - inside, a + at, b + at, table)
    outside_left, outside_right = inside - column, column + count - end
    for n in range(outside_left + outside_right):
        k = column + n if n < outside_left else end + n - outside_left
        found = source_index(k, pictures.width, border)
        value_a, value_b = -shift_a, -shift_b
        if found >= 0:
            value_a = read_float32(a + 4 * (found - column))
            value_b = read_float32(b + 4 * (found - column))
        write_float32(a + 4 * (k - column), value_a)
        write_float32(b + 4 * (k - column), value_b)
