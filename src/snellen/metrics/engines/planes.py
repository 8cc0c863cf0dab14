"""All levels of a plane: which strips there are, where their results go, how they come together.

A plane is one channel of one picture. The work falls into tasks that may run in any order and on
any thread; their sums are kept apart and added in one order, so that the result depends on nothing
but the size of the pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snellen.metrics.engines.compiling import compiled
from snellen.metrics.engines.loading import SUMS, VALID, Pictures
from snellen.metrics.engines.memory import read_float64, write_float64
from snellen.metrics.engines.product import product
from snellen.metrics.engines.strip import march
from snellen.metrics.engines.strip_layout import MOST_COLUMNS, Comparison, Outputs, Strip
from snellen.metrics.engines.vectors import LANES

__all__ = [
    "BELOW",
    "DISTANCES",
    "JOB",
    "Job",
    "Taps",
    "SHARE",
    "array_of",
    "gradient_of",
    "level_size",
    "level_tasks",
    "multiply_levels",
    "pictures_of",
    "plane_floats",
    "run_strip",
    "tasks_before",
]

BLOCK_ROWS = 512

_INTEGERS = """
    x y stored_as number_bytes picture_stride channel_stride row_stride column_stride
    y_picture_stride y_channel_stride
    pictures channels height width
    window levels keep border flip negative gradients by_pixels means_first known_slope
    weights edges exponents
    by_x by_y out_picture_stride out_channel_stride out_row_stride out_column_stride
    pixelwise complements factors sums errors tasks buffer buffer_floats progress stages
"""
_NUMBERS = "twice_c1 twice_c2 scale weight structural beside"

# One computation, as compiled code reads it. The integers are, line by line: the pictures
# (addresses, type, strides in numbers); their sizes; what to compute, in codes; tables; the
# gradients and their strides; complements and factors of the planes, sums of distances and of
# pixelwise errors of their `tasks` strips, the buffer each plane or thread needs
# meanwhile, and how far the stages are.
JOB = np.dtype(
    [(name, np.int64) for name in _INTEGERS.split()]
    + [(name, np.float64) for name in _NUMBERS.split()]
)
Job = Any  # one record of JOB
Taps = tuple[float, ...]


@compiled
def level_size(size: int, level: int, keep: int) -> int:
    """Return a side's length at a level."""
    for _ in range(level):
        size = (size + 1) // 2 if keep else size // 2
    return size


@compiled
def _parts(size: int, each: int) -> int:
    return (size + each - 1) // each


@compiled
def _strips(width: int) -> int:
    """Return how many strips stand side by side; 128 columns was as fast as any width."""
    return _parts(width, MOST_COLUMNS - LANES)


@compiled
def _strip_start(width: int, index: int) -> int:
    """Return where a strip begins: at a multiple of 16, all about as wide, none wider than most."""
    strips = _strips(width)
    return width if index == strips else index * width // strips // LANES * LANES


@compiled
def _block_rows(height: int) -> int:
    """Rows of a block: tall planes are cut, so that a single one can keep all threads busy."""
    blocks = max(1, (height + BLOCK_ROWS // 2) // BLOCK_ROWS)
    return (height + 2 * blocks - 1) // (2 * blocks) * 2


@compiled
def level_tasks(height: int, width: int) -> int:
    """Return into how many strips a plane falls."""
    return _strips(width) * _parts(height, _block_rows(height))


@compiled
def _strip(height: int, width: int, index: int) -> Strip:
    """Return strip `index` of a plane."""
    strips, block = _strips(width), _block_rows(height)
    column, top = index % strips, index // strips * block
    left, right = _strip_start(width, column), _strip_start(width, column + 1)
    return Strip(left, right, top, min(top + block, height))


@compiled
def tasks_before(height: int, width: int, level: int, keep: int) -> int:
    """Return how many strips the levels finer than `level` have."""
    total = 0
    for finer in range(level):
        total += level_tasks(level_size(height, finer, keep), level_size(width, finer, keep))
    return total


# What a plane's buffer holds for each level: sums, differences, gradients by x and y; where the
# product is taken by pixels also the distances, 1 minus the product so far (in float64, hence two
# arrays, BELOW_TOO being the second half) and the share in the mean.
HALF_A, HALF_B, BY_X, BY_Y, BELOW, BELOW_TOO, SHARE, DISTANCES = range(8)


@compiled
def _room(height: int, width: int, level: int, keep: int) -> int:
    """Floats of one array of a level, with what vectors read beyond it."""
    return level_size(height, level, keep) * level_size(width, level, keep) + LANES


@compiled
def _arrays(level: int, gradients: int, by_pixels: int) -> int:
    """How many arrays a level has in the buffer."""
    coarse = 2 + gradients + (3 if by_pixels else 0) if level > 0 else 0
    return coarse + (1 if by_pixels else 0)


@compiled
def plane_floats(
    height: int, width: int, levels: int, keep: int, gradients: int, by_pixels: int
) -> int:
    """Return how many float32 a plane needs beside its results."""
    total = 0
    for level in range(levels):
        total += _room(height, width, level, keep) * _arrays(level, gradients, by_pixels)
    return total


@compiled
def array_of(job: Job, slot: int, level: int, which: int) -> int:
    """Return the address of an array in the buffer of a plane."""
    at = slot * job.buffer_floats
    for finer in range(level):
        at += _room(job.height, job.width, finer, job.keep) * _arrays(
            finer, job.gradients, job.by_pixels
        )
    if which == DISTANCES:
        place = 0
    else:
        place = job.by_pixels + which
        if which >= BELOW:
            place += job.gradients - 2
    at += place * _room(job.height, job.width, level, job.keep)
    return int(job.buffer + 4 * at)


@compiled
def _counted(job: Job, height: int, width: int) -> int:
    """Return at how many positions a level has a distance."""
    inset = job.window - 1 if job.border == VALID else 0
    return (height - inset) * (width - inset)


@compiled
def pictures_of(job: Job, plane: int) -> Pictures:
    """Return the two pictures' planes at the finest level."""
    picture, channel = plane // job.channels, plane % job.channels
    x_offset = picture * job.picture_stride + channel * job.channel_stride
    y_offset = picture * job.y_picture_stride + channel * job.y_channel_stride
    return Pictures(
        job.x + x_offset * job.number_bytes,
        job.y + y_offset * job.number_bytes,
        job.stored_as,
        job.row_stride,
        job.column_stride,
        job.height,
        job.width,
    )


@compiled
def gradient_of(job: Job, plane: int, slot: int, level: int, which: int) -> tuple[int, int, int]:
    """Return address, row stride and column stride of a gradient, by x (0) or y (1)."""
    if level > 0:
        width = level_size(job.width, level, job.keep)
        return array_of(job, slot, level, BY_X if which == 0 else BY_Y), width, 1
    picture, channel = plane // job.channels, plane % job.channels
    at = 4 * (picture * job.out_picture_stride + channel * job.out_channel_stride)
    start = job.by_x if which == 0 else job.by_y
    return start + at, job.out_row_stride, job.out_column_stride


@compiled
def run_strip(
    taps: Taps,
    job: Job,
    plane: int,
    slot: int,
    level: int,
    index: int,
    gradients: int,
    scratch: int,
) -> None:
    """March down one strip of one level.

    Where the product is taken by pixels this is done twice: first the distances, then, with each
    one's weight known, the gradient.
    """
    height = level_size(job.height, level, job.keep)
    width = level_size(job.width, level, job.keep)
    if level == 0:
        pictures = pictures_of(job, plane)
    else:
        half_a = array_of(job, slot, level, HALF_A)
        half_b = array_of(job, slot, level, HALF_B)
        pictures = Pictures(half_a, half_b, SUMS, width, 1, height, width)
    by_x, row_stride, column_stride = gradient_of(job, plane, slot, level, 0)
    by_y, _, _ = gradient_of(job, plane, slot, level, 1)
    second_pass = job.by_pixels and gradients != 0
    half_a = half_b = distances = weights = 0
    if level + 1 < job.levels and not second_pass:
        half_a = array_of(job, slot, level + 1, HALF_A)
        half_b = array_of(job, slot, level + 1, HALF_B)
    if job.by_pixels:
        stored = array_of(job, slot, level, DISTANCES)
        distances, weights = (0, stored) if second_pass else (stored, 0)
    errors = 0
    if job.pixelwise and level == 0 and not second_pass:
        errors = job.errors + 8 * (plane * job.tasks + index)
    factor = 1.0
    if job.known_slope:
        factor = job.weight * job.structural / (job.channels * _counted(job, height, width))
    comparison = Comparison(
        job.border,
        1 if level == job.levels - 1 else 0,
        job.flip,
        gradients,
        job.weights,
        job.edges,
        job.twice_c1,
        job.twice_c2,
        job.scale,
    )
    outputs = Outputs(
        by_x,
        by_y,
        row_stride,
        column_stride,
        factor,
        half_a,
        half_b,
        level_size(width, 1, job.keep),
        level_size(height, 1, job.keep),
        distances,
        weights,
        errors,
        job.pixelwise,
    )
    total = march(taps, pictures, comparison, _strip(height, width, index), outputs, scratch)
    if not second_pass:
        at = plane * job.tasks + tasks_before(job.height, job.width, level, job.keep) + index
        write_float64(job.sums + 8 * at, total)


@compiled
def _mean_distance(job: Job, plane: int, level: int) -> float:
    """Return the mean of a level's distances."""
    height = level_size(job.height, level, job.keep)
    width = level_size(job.width, level, job.keep)
    at = plane * job.tasks + tasks_before(job.height, job.width, level, job.keep)
    total = 0.0
    for index in range(level_tasks(height, width)):
        total += read_float64(job.sums + 8 * (at + index))
    return total / _counted(job, height, width)


@compiled
def multiply_levels(job: Job, plane: int, planes: int) -> None:
    """Take the product of the levels of `planes` planes, their means first, from `plane` on."""
    distances = np.empty(job.levels)
    exponents = np.empty(job.levels)
    slopes = np.empty(job.levels)
    for level in range(job.levels):
        exponents[level] = read_float64(job.exponents + 8 * level)
        distances[level] = 0.0
        for other in range(plane, plane + planes):
            distances[level] += _mean_distance(job, other, level) / planes
    complement = product(distances, exponents, job.negative, slopes)
    for other in range(plane, plane + planes):
        write_float64(job.complements + 8 * other, complement)
        for level in range(job.levels):
            height = level_size(job.height, level, job.keep)
            width = level_size(job.width, level, job.keep)
            scale = job.weight * job.structural / (job.channels * _counted(job, height, width))
            at = other * job.levels + level
            write_float64(job.factors + 8 * at, scale * slopes[level])
