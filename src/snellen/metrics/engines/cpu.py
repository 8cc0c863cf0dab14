"""SSIM and MS-SSIM on a CPU: value and gradient in one pass, compiled by Numba.

The arithmetic is that of :mod:`snellen.metrics.definition` in float32, with sums of distances and
the product of the levels in double precision. On one machine the result is the same bit for bit,
whatever the number of threads and from run to run.
"""

from __future__ import annotations

import itertools
import threading
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snellen.metrics.engines import loading, planes, product, running
from snellen.metrics.engines.plan import Plan
from snellen.metrics.engines.strip import scratch_floats
from snellen.metrics.engines.threads import in_threads
from snellen.metrics.engines.vectors import LANES

__all__ = ["similarity", "supports"]

_BORDERS = {
    "valid": loading.VALID,
    "reflect": loading.REFLECT,
    "replicate": loading.REPLICATE,
    "zeros": loading.ZEROS,
}
_POLICIES = {"clamp": product.CLAMP, "signed": product.SIGNED, "smooth": product.SMOOTH}
_STORED_AS = {
    torch.float32: loading.FLOAT32,
    torch.bfloat16: loading.BFLOAT16,
    torch.float16: loading.FLOAT16,
    torch.uint8: loading.UINT8,
}

# Below so many pixels another thread costs more than it brings.
ALONE = 1 << 15
# A plane up to this size is worked through all levels at once, while it is in a core's cache.
CACHED_PIXELS = 1 << 18


def supports(plan: Plan, channels: int) -> bool:
    """Whether this engine can do it; else the definition must."""
    return not (plan.by_pixels and plan.channel_order == "mean-then-product" and channels > 1)


class _Tables:
    """What a plan looks like to compiled code; kept, because its arrays are named by address."""

    def __init__(self, plan: Plan) -> None:
        taps = np.array(plan.taps, np.float32)
        taps[len(taps) // 2] = _exact_centre(taps)
        self.taps = tuple(float(tap) for tap in taps)
        self.weights = np.concatenate([taps, taps])
        self.edges = _edge_tables(taps, plan.border)
        self.exponents = np.array(plan.exponents, np.float64)
        self.job = np.zeros(1, planes.JOB)
        job = self.job[0]
        job["window"], job["levels"] = len(taps), plan.levels
        job["keep"] = plan.odd_sizes == "keep"
        job["border"], job["flip"] = _BORDERS[plan.border], plan.flip
        job["negative"] = _POLICIES[plan.negative]
        job["by_pixels"] = plan.by_pixels
        job["means_first"] = plan.channel_order == "mean-then-product"
        job["known_slope"] = plan.exponents == (1.0,) and plan.negative == "signed"
        job["weights"] = self.weights.ctypes.data
        job["edges"] = self.edges.ctypes.data
        job["exponents"] = self.exponents.ctypes.data
        job["twice_c1"], job["twice_c2"] = 2 * plan.c1, 2 * plan.c2
        job["scale"] = plan.covariance_scale


def _exact_centre(taps: NDArray[np.float32]) -> np.float32:
    """Return the middle tap with which the taps, added in order in float32, make exactly 1."""
    middle = len(taps) // 2
    tried = taps.copy()
    for steps in sorted(range(-8, 9), key=abs):
        tried[middle] = taps[middle] + steps * np.spacing(taps[middle])
        total = np.float32(0)
        for tap in tried:
            total += tap
        if total == 1:
            return np.float32(tried[middle])
    return np.float32(taps[middle])


def _edge_tables(taps: NDArray[np.float32], border: str) -> NDArray[np.float32]:
    """Return what the outermost columns of partial derivatives give on behalf of columns outside.

    Shape (2, K // 2, 16): left and right; see `rows.correct_edge`.
    """
    radius = len(taps) // 2
    left = np.zeros((radius, LANES), np.float32)
    skipped = 1 if border == "reflect" else 0
    for k in range(radius):
        for beyond in range(1, radius + 1):
            lane = beyond - skipped if border == "reflect" else 0
            distance = k + beyond + radius
            if distance < len(taps):
                left[k, lane] += taps[distance]
    return np.ascontiguousarray(np.stack([left, left[::-1, ::-1]]))


_tables = lru_cache(maxsize=256)(_Tables)
_local = threading.local()


def _scratch(taps: int) -> int:
    """Return the address of this thread's scratch memory."""
    known: dict[int, tuple[NDArray[np.uint8], int]] = _local.__dict__.setdefault("scratch", {})
    if taps not in known:
        memory = np.zeros(4 * scratch_floats(taps) + 64, np.uint8)
        known[taps] = memory, -(-memory.ctypes.data // 64) * 64
    return known[taps][1]


def similarity(
    x: Tensor, y: Tensor, plan: Plan, *, need_x: bool, need_y: bool, weight: float = 1.0
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Compare two batches; see :func:`snellen.metrics.definition.ms_ssim`.

    Args:
        x: (N, C, H, W) on a CPU: float32, bfloat16, float16 or uint8, with any strides.
        y: of the same shape and dtype.
        plan: what to compute.
        need_x: whether the gradient by x is wanted.
        need_y: whether the gradient by y is wanted.
        weight: what the gradients are multiplied by.

    Returns:
        The complement of each picture, (N,) of float32; and weight · d complement[n] / d x, float32
        in the shape and memory format of x, and the same by y, or None.
    """
    if need_y and not need_x:
        # The sum of the two stays, their difference changes its sign.
        complement, by_y, _ = similarity(y, x, plan, need_x=True, need_y=False, weight=weight)
        return complement, None, by_y
    if x.stride() != y.stride():
        x, y = x.contiguous(), y.contiguous()
    gradients = int(need_x) + int(need_y)
    tables = _tables(plan)
    results = torch.empty(len(x), dtype=torch.float32)
    by_x, by_y = (
        torch.empty_like(x, dtype=torch.float32) if needed else None for needed in (need_x, need_y)
    )
    work = _Work(tables, x, y, by_x, by_y, gradients, weight)
    work.run()
    running.finish(work.job, results.data_ptr())
    return results, by_x, by_y


class _Work:
    """One computation: the job, its buffers, and its steps."""

    def __init__(
        self,
        tables: _Tables,
        x: Tensor,
        y: Tensor,
        by_x: Tensor | None,
        by_y: Tensor | None,
        gradients: int,
        weight: float,
    ) -> None:
        self.tables = tables
        self.taps = tables.taps
        self.job = tables.job.copy()
        job: Any = self.job[0]
        pictures, channels, height, width = x.shape
        job["pictures"], job["channels"] = pictures, channels
        job["height"], job["width"] = height, width
        self.planes = pictures * channels
        levels, keep, by_pixels = int(job["levels"]), int(job["keep"]), int(job["by_pixels"])
        tasks = planes.tasks_before(height, width, levels, keep)
        tasks = max(tasks, running.level_chunks(height))
        floats = planes.plane_floats(height, width, levels, keep, gradients, by_pixels)
        self.threads = self._threads(height * width)
        self.by_planes = self._by_planes(height * width)
        copies = self.threads if self.by_planes else self.planes
        # Sums, complements and factors are float64, and so lie first.
        doubles = self.planes * (tasks + 1 + levels)
        self.memory = torch.empty(8 * doubles + 4 * floats * copies, dtype=torch.uint8)
        start = self.memory.data_ptr()
        job["x"], job["y"] = x.data_ptr(), y.data_ptr()
        job["stored_as"], job["number_bytes"] = _STORED_AS[x.dtype], x.element_size()
        (
            job["picture_stride"],
            job["channel_stride"],
            job["row_stride"],
            job["column_stride"],
        ) = x.stride()
        job["gradients"], job["weight"] = gradients, weight
        if by_x is not None:
            job["by_x"] = by_x.data_ptr()
            (
                job["out_picture_stride"],
                job["out_channel_stride"],
                job["out_row_stride"],
                job["out_column_stride"],
            ) = by_x.stride()
        if by_y is not None:
            job["by_y"] = by_y.data_ptr()
        job["sums"], job["tasks"] = start, tasks
        job["complements"] = start + 8 * self.planes * tasks
        job["factors"] = start + 8 * self.planes * (tasks + 1)
        job["buffer"], job["buffer_floats"] = start + 8 * doubles, floats

    def _threads(self, pixels: int) -> int:
        threads = min(torch.get_num_threads(), 1 + self.planes * pixels // ALONE)
        return max(1, threads)

    def _by_planes(self, pixels: int) -> bool:
        """Whether each plane is one task: its levels follow one another in a core's cache."""
        job = self.job[0]
        if job["means_first"] and job["channels"] > 1 and not job["by_pixels"]:
            return False
        if self.threads == 1:
            return pixels <= CACHED_PIXELS or self.planes > 1
        rounds = -(-self.planes // self.threads)
        even = self.planes / (rounds * self.threads) > 0.95
        return even and pixels <= CACHED_PIXELS

    def run(self) -> None:
        """Do all steps."""
        job = self.job[0]
        steps = running.list_steps(
            int(job["levels"]),
            gradients=bool(job["gradients"]),
            by_pixels=bool(job["by_pixels"]),
            known_slope=bool(job["known_slope"]),
        )
        if self.by_planes:
            self._share(steps, self.planes, whole=True)
            return
        for step in steps:
            count = self.planes * running.count_tasks(job, step[0], step[1])
            self._share(step[None], count, whole=False)

    def _share(self, steps: NDArray[np.int64], count: int, *, whole: bool) -> None:
        """Share tasks out among the threads."""
        threads = min(self.threads, count)
        if threads == 1:
            scratch = _scratch(len(self.taps))
            running.run(self.taps, self.job, steps, whole, 0, count, 0, scratch)
            return
        size = max(1, count // (8 * threads))
        starts = itertools.count(0, size)

        def work(slot: int) -> None:
            scratch = _scratch(len(self.taps))
            while (first := next(starts)) < count:
                last = min(first + size, count)
                running.run(self.taps, self.job, steps, whole, first, last, slot, scratch)

        in_threads(threads, work)
