"""The steps of a computation as compiled tasks: any range of them on any thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.metrics.engines.compiling import compiled, inlined
from snellen.metrics.engines.joining import (
    add_pulls,
    gather_products,
    join_gradient,
    spread_shares,
)
from snellen.metrics.engines.memory import (
    add_at_once,
    read_at_once,
    read_float64,
    write_float32,
    write_float64,
    write_int64,
)
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
# How often a thread looks whether the others are done before it lets someone else have the core.
PATIENCE = 5000

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


@inlined
def _run_task(
    taps: Taps,
    job: Job,
    step: int,
    level: int,
    plane: int,
    buffer: int,
    index: int,
    scratch: int,
) -> None:
    """Do one task of a step."""
    height = level_size(job.height, level, job.keep)
    top = index * CHUNK_ROWS
    bottom = height if index + 1 == level_chunks(height) else top + CHUNK_ROWS
    if step in (COMPARE, PROPAGATE):
        gradients = 0 if step == COMPARE and job.by_pixels else job.gradients
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
def run(taps: Taps, jobs: Jobs, steps: Steps, whole: int, slot: int, scratch: int) -> bool:
    """Take part in a computation until it is done, or until there is nothing to do for long.

    Any number of threads may, each with a `slot` of its own. With `whole` a task is a plane, all
    steps of it, in the buffer of the thread; else it is a strip or some rows of a plane, each plane
    has its own buffer, and a step begins when the one before is complete.

    Returns:
        False where others are still at work and this thread has waited for a while.
    """
    job = jobs[0]
    planes = job.pictures * job.channels
    for stage in range(1 if whole else len(steps)):
        step, level = steps[stage]
        each = 1 if whole else count_tasks(job, step, level)
        taken, done = job.progress + 16 * stage, job.progress + 16 * stage + 8
        while True:
            task = add_at_once(taken, 1)
            if task >= each * planes:
                break
            plane = task // each
            for number in range(len(steps) if whole else 1):
                if whole:
                    step, level = steps[number]
                first = 0 if whole else task % each
                last = count_tasks(job, step, level) if whole else first + 1
                for index in range(first, last):
                    buffer = slot if whole else plane
                    _run_task(taps, job, step, level, plane, buffer, index, scratch)
            add_at_once(done, 1)
        looks = 0
        while read_at_once(done) < each * planes:
            looks += 1
            if looks == PATIENCE:
                return False
    return True


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
    job.progress += memory
    for number in range(job.stages):
        write_int64(job.progress + 16 * number, 0)
        write_int64(job.progress + 16 * number + 8, 0)


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
