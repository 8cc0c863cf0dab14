"""Bringing the levels together: gradients from coarse to fine, and the product by pixels."""

from __future__ import annotations

import math

from snellen.metrics.engines import rows_back
from snellen.metrics.engines.compiling import compiled
from snellen.metrics.engines.loading import load_row
from snellen.metrics.engines.memory import (
    read_float32,
    read_float64,
    write_float32,
)
from snellen.metrics.engines.planes import (
    BELOW,
    DISTANCES,
    SHARE,
    Job,
    Taps,
    array_of,
    gradient_of,
    level_size,
    pictures_of,
)
from snellen.metrics.engines.product import power
from snellen.metrics.engines.strip_layout import ABSOLUTE, MOST_COLUMNS, SQUARE
from snellen.metrics.engines.vectors import LANES

__all__ = ["add_pulls", "gather_products", "join_gradient", "spread_shares"]


@compiled
def _join_row(
    taps: Taps,
    fine: int,
    width: int,
    stride: int,
    below: int,
    coarse_width: int,
    own: float,
    share: float,
    scratch: int,
) -> None:
    """Fine = own·fine + share·coarse in one row, each coarse column giving to the two over it."""
    column = 0
    if stride == 1 and share != 0.0:
        write_float32(scratch, own)
        write_float32(scratch + 4, 0.5 * share)
        column = width // 2 // LANES * LANES
        rows_back.add_upsampled(taps, (fine, below, scratch, column))
        column *= 2
    for k in range(column, width):
        at = fine + 4 * k * stride
        value = own * read_float32(at)
        if share != 0.0 and k // 2 < coarse_width:
            part = 0.5 if k + 1 < width or k % 2 else 1.0
            value += part * share * read_float32(below + 4 * (k // 2))
        write_float32(at, value)


@compiled
def join_gradient(
    taps: Taps, job: Job, plane: int, slot: int, level: int, top: int, bottom: int, scratch: int
) -> None:
    """Scale rows of a level's gradient and add what comes from the level below it."""
    height = level_size(job.height, level, job.keep)
    width = level_size(job.width, level, job.keep)
    coarse_height, coarse_width = level_size(height, 1, job.keep), level_size(width, 1, job.keep)
    own, other = 1.0, 1.0
    if not job.by_pixels:
        factors = job.factors + 8 * plane * job.levels
        own = read_float64(factors + 8 * level)
        if level + 2 == job.levels:
            other = read_float64(factors + 8 * (level + 1))
    if level + 1 == job.levels:
        other = 0.0
    for which in range(job.gradients):
        start, row_stride, stride = gradient_of(job, plane, slot, level, which)
        coarse = 0
        if other != 0.0:
            coarse, _, _ = gradient_of(job, plane, slot, level + 1, which)
        for row in range(top, bottom):
            parent = row // 2
            share = other * (0.5 if row + 1 < height or row % 2 else 1.0)
            if parent >= coarse_height:
                share = 0.0
            below = coarse + 4 * parent * coarse_width
            fine = start + 4 * row * row_stride
            _join_row(taps, fine, width, stride, below, coarse_width, own, share, scratch)


@compiled
def add_pulls(taps: Taps, job: Job, plane: int, top: int, bottom: int, scratch: int) -> None:
    """Add the gradient of the pixelwise error to rows of the finest level's."""
    pictures = pictures_of(job, plane)
    scale = job.weight * job.beside / (job.channels * job.height * job.width)
    if job.pixelwise == SQUARE:
        scale *= 2.0
    table, factor = scratch, scratch + 4 * LANES
    for k in range(LANES):
        write_float32(table + 4 * k, 0.0)
    room = MOST_COLUMNS + LANES
    a = factor + 4 * LANES
    b, added = a + 4 * room, a + 8 * room
    for which in range(job.gradients):
        write_float32(factor, scale if which == 0 else -scale)
        start, row_stride, stride = gradient_of(job, plane, 0, 0, which)
        for row in range(top, bottom):
            for left in range(0, job.width, MOST_COLUMNS):
                columns = min(MOST_COLUMNS, job.width - left)
                load_row(taps, pictures, row, left, columns, a, b, table)
                for k in range(columns):
                    write_float32(added + 4 * k, 0.0)
                if job.pixelwise == ABSOLUTE:
                    rows_back.add_pull_absolute(taps, (b, factor, added, columns))
                else:
                    rows_back.add_pull_square(taps, (b, factor, added, columns))
                target = start + 4 * (row * row_stride + left * stride)
                for k in range(columns):
                    at = target + 4 * k * stride
                    write_float32(at, read_float32(at) + read_float32(added + 4 * k))


@compiled
def _lost(distance: float, exponent: float, negative: int) -> tuple[float, float]:
    """Return 1 - m^w of m = 1 - distance, exact near 0, and its derivative by the distance."""
    if exponent == 1.0 and distance < 0.9:
        return distance, 1.0
    log, sign, slope = power(distance, exponent, negative)
    value = sign * math.exp(log)
    if log > -1.0 and sign > 0.0:
        return -math.expm1(log), -value * slope
    return 1.0 - value, -value * slope


@compiled
def _parent(k: int, size: int) -> int:
    """Return which coarse row or column lies under `k`; a dropped last one has its neighbour's."""
    return min(k // 2, size - 1)


@compiled
def gather_products(job: Job, slot: int, level: int, top: int, bottom: int) -> None:
    """At rows of a level: 1 minus the product of this level's factor and all coarser ones'."""
    height = level_size(job.height, level, job.keep)
    width = level_size(job.width, level, job.keep)
    coarse_height, coarse_width = level_size(height, 1, job.keep), level_size(width, 1, job.keep)
    distances = array_of(job, slot, level, DISTANCES)
    here = array_of(job, slot, level, BELOW)
    coarsest = level + 1 == job.levels
    below = 0 if coarsest else array_of(job, slot, level + 1, BELOW)
    exponent = read_float64(job.exponents + 8 * level)
    for row in range(top, bottom):
        line = below + 4 * _parent(row, coarse_height) * coarse_width
        for k in range(width):
            at = 4 * (row * width + k)
            lost, _ = _lost(read_float32(distances + at), exponent, job.negative)
            if not coarsest:
                other = read_float32(line + 4 * _parent(k, coarse_width))
                lost = lost + other - lost * other
            write_float32(here + at, lost)


@compiled
def _clear_shares(job: Job, slot: int, level: int, top: int, bottom: int) -> None:
    """Set to 0 the shares of the rows under rows `top` to `bottom` of the level above."""
    width = level_size(job.width, level, job.keep)
    height = level_size(job.height, level, job.keep)
    share = array_of(job, slot, level, SHARE)
    last = (bottom + 1) // 2
    for k in range(min(top // 2, height) * width, min(last, height) * width):
        write_float32(share + 4 * k, 0.0)


@compiled
def spread_shares(job: Job, slot: int, level: int, top: int, bottom: int) -> float:
    """At rows of a level: what each distance's gradient is multiplied by, in its place.

    A factor stands for as many pixels as lie over it; `SHARE` sums over these the product of the
    finer factors. At the finest level returns the sum of 1 minus the product of all.
    """
    height = level_size(job.height, level, job.keep)
    width = level_size(job.width, level, job.keep)
    coarse_height, coarse_width = level_size(height, 1, job.keep), level_size(width, 1, job.keep)
    distances = array_of(job, slot, level, DISTANCES)
    coarsest = level + 1 == job.levels
    below = share_below = 0
    if not coarsest:
        below = array_of(job, slot, level + 1, BELOW)
        share_below = array_of(job, slot, level + 1, SHARE)
        _clear_shares(job, slot, level + 1, top, bottom)
    share_here = array_of(job, slot, level, SHARE) if level > 0 else 0
    whole = job.weight * job.structural / (job.channels * job.height * job.width)
    exponent = read_float64(job.exponents + 8 * level)
    total = 0.0
    for row in range(top, bottom):
        parent = _parent(row, coarse_height) * coarse_width
        for k in range(width):
            at = 4 * (row * width + k)
            lost, slope = _lost(read_float32(distances + at), exponent, job.negative)
            share = whole if level == 0 else read_float32(share_here + at)
            rest = 1.0
            if not coarsest:
                under = 4 * (parent + _parent(k, coarse_width))
                other = read_float32(below + under)
                rest = 1.0 - other
                total += lost + other - lost * other
                gathered = read_float32(share_below + under) + share * (1.0 - lost)
                write_float32(share_below + under, gathered)
            else:
                total += lost
            write_float32(distances + at, rest * share * slope)
    return total
