"""The steps of a computation as compiled tasks: any range of them on any thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.metrics.engines.compiling import compiled
from snellen.metrics.engines.joining import (
    add_pulls,
    gather_products,
    join_gradient,
    spread_shares,
)
from snellen.metrics.engines.memory import read_float64, write_float32, write_float64
from snellen.metrics.engines.planes import (
    Job,
    Taps,
    level_size,
    level_tasks,
    multiply_levels,
    run_strip,
)

__all__ = ["complete", "count_tasks", "finish", "level_chunks", "list_steps", "run"]

# Strips for the value (and the gradient, where it needs nothing else); the product of the levels'
# means; the product by pixels, in two steps, and strips for its gradient; the levels' gradients
# together; the pixelwise error's gradient.
COMPARE, MULTIPLY, GATHER, SHARE_OUT, PROPAGATE, JOIN, PULL = range(7)

CHUNK_ROWS = 64

Jobs = NDArray[Any]  # one record of planes.JOB
Steps = NDArray[np.int64]


def list_steps(
    levels: int, *, gradients: bool, by_pixels: bool, known_slope: bool, pixelwise: bool
) -> Steps:
    """Return the steps of a computation in order, each with its level: shape (steps, 2)."""
    coarse_to_fine = range(levels - 1, -1, -1)
    steps = [(COMPARE, level) for level in range(levels)]
    if by_pixels:
        steps += [(GATHER, level) for level in coarse_to_fine[:-1]]
        steps += [(SHARE_OUT, level) for level in range(levels if gradients else 1)]
        steps += [(PROPAGATE, level) for level in range(levels) if gradients]
    else:
        steps.append((MULTIPLY, 0))
    if gradients and not known_slope:
        steps += [(JOIN, level) for level in coarse_to_fine[min(1, levels - 1) :]]
    if gradients and pixelwise:
        steps.append((PULL, 0))
    return np.array(steps, np.int64)


@compiled
def level_chunks(height: int) -> int:
    """Return into how many runs of rows a level falls where rows are all that matters.

    Runs start at even rows and the last takes what is left, so that no coarse row has two.
    """
    return max(1, height // CHUNK_ROWS)


@compiled
def count_tasks(job: Job, step: int, level: int) -> int:
    """Return how many tasks a plane has in a step at a level."""
    height = level_size(job.height, level, job.keep)
    if step in (COMPARE, PROPAGATE):
        return level_tasks(height, level_size(job.width, level, job.keep))
    return 1 if step == MULTIPLY else level_chunks(height)


@compiled
def run(
    taps: Taps,
    jobs: Jobs,
    steps: NDArray[np.int64],
    whole: int,
    first: int,
    last: int,
    slot: int,
    scratch: int,
) -> None:
    """Do tasks `first` to `last`: planes, all steps of each, or tasks of a single step.

    Planes share the buffer of the thread, `slot`; in single steps each plane has its own.
    """
    job = jobs[0]
    for task in range(first, last):
        for number in range(len(steps)):
            step, level = steps[number]
            count = count_tasks(job, step, level)
            height = level_size(job.height, level, job.keep)
            plane = task if whole else task // count
            begin = 0 if whole else task % count
            end = count if whole else begin + 1
            buffer = slot if whole else plane
            for index in range(begin, end):
                top = index * CHUNK_ROWS
                bottom = height if index + 1 == count else top + CHUNK_ROWS
                if step in (COMPARE, PROPAGATE):
                    gradients = job.gradients
                    if step == COMPARE and job.by_pixels:
                        gradients = 0
                    run_strip(taps, job, plane, buffer, level, index, gradients, scratch)
                elif step == MULTIPLY:
                    if not job.means_first:
                        multiply_levels(job, plane, 1)
                    elif plane % job.channels == 0:
                        multiply_levels(job, plane, job.channels)
                elif step == GATHER:
                    gather_products(job, buffer, level, top, bottom)
                elif step == SHARE_OUT:
                    total = spread_shares(job, buffer, level, top, bottom)
                    if level == 0:
                        write_float64(job.sums + 8 * (plane * job.tasks + index), total)
                elif step == PULL:
                    add_pulls(taps, job, plane, top, bottom, scratch)
                else:
                    join_gradient(taps, job, plane, buffer, level, top, bottom, scratch)


@compiled
def complete(
    jobs: Jobs,
    memory: int,
    x: int,
    y: int,
    by_x: int,
    by_y: int,
    weight: float,
    structural: float,
    beside: float,
) -> None:
    """Put into a job what differs from call to call: addresses and factors."""
    job = jobs[0]
    job.x, job.y, job.by_x, job.by_y = x, y, by_x, by_y
    job.weight, job.structural, job.beside = weight, structural, beside
    job.sums += memory
    job.errors += memory
    job.complements += memory
    job.factors += memory
    job.buffer += memory


@compiled
def _sum(address: int, count: int) -> float:
    total = 0.0
    for index in range(count):
        total += read_float64(address + 8 * index)
    return total


@compiled
def finish(jobs: Jobs, results: int) -> None:
    """Write each picture's result, the mean over its channels, as float32."""
    job = jobs[0]
    pixels = job.height * job.width
    chunks, strips = level_chunks(job.height), level_tasks(job.height, job.width)
    for picture in range(job.pictures):
        total = error = 0.0
        for plane in range(picture * job.channels, (picture + 1) * job.channels):
            if job.by_pixels:
                total += _sum(job.sums + 8 * plane * job.tasks, chunks) / pixels
            else:
                total += read_float64(job.complements + 8 * plane)
            if job.pixelwise:
                error += _sum(job.errors + 8 * plane * job.tasks, strips) / pixels
        result = (job.structural * total + job.beside * error) / job.channels
        write_float32(results + 4 * picture, result)
