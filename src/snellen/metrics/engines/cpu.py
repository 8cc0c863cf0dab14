"""SSIM and MS-SSIM on a CPU: value and gradient in one pass, compiled by Numba.

The arithmetic is that of :mod:`snellen.metrics.definition` in float32, with sums of distances and
the product of the levels in double precision. On one machine the result is the same bit for bit,
whatever the number of threads and from run to run.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snellen.metrics.engines import loading, planes, product, running
from snellen.metrics.engines.compiling import announced
from snellen.metrics.engines.plan import Plan
from snellen.metrics.engines.strip_layout import ABSOLUTE, SQUARE, scratch_floats
from snellen.metrics.engines.threads import in_threads
from snellen.metrics.engines.vectors import LANES

__all__ = ["ABSOLUTE", "SQUARE", "Mix", "similarity"]

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


class Mix(NamedTuple):
    """structural · complement + beside · mean of |x - y| (ABSOLUTE) or (x - y)² (SQUARE)."""

    structural: float = 1.0
    code: int = 0
    beside: float = 0.0


ALONE = Mix()

# Below so many pixels another thread costs more than it brings.
PIXELS_PER_THREAD = 1 << 17
# Memory from here on is fresh from the system at every call, and pages of 4 KiB cost more to get
# than to fill.
LARGE_BYTES = 1 << 22
ALIGNMENT = 64
# A plane up to this size is worked through all levels at once, while it is in a core's cache.
CACHED_PIXELS = 1 << 18


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
        job["known_slope"] = (
            plan.exponents == (1.0,) and plan.negative == "signed" and not plan.by_pixels
        )
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


def similarity(
    x: Tensor,
    y: Tensor,
    plan: Plan,
    *,
    need_x: bool,
    need_y: bool,
    weight: float = 1.0,
    mix: Mix = ALONE,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Compare two batches; see :func:`snellen.metrics.definition.ms_ssim`.

    Args:
        x: (N, C, H, W) on a CPU: float32, bfloat16, float16 or uint8, with any strides.
        y: of the same shape and dtype.
        plan: what to compute.
        need_x: whether the gradient by x is wanted.
        need_y: whether the gradient by y is wanted.
        weight: what the gradients are multiplied by.
        mix: what is added to the complement in the same pass.

    Returns:
        The complement (or the mix) of each picture, (N,) of float32; and weight times its gradient
        by x, float32 in the shape and memory format of x, and by y in the same format, or None.
    """
    if need_y and not need_x:
        # The sum of the two stays, their difference changes its sign.
        complement, by_y, _ = similarity(
            y, x, plan, need_x=True, need_y=False, weight=weight, mix=mix
        )
        return complement, None, by_y
    x, y = _laid_out_alike(x, y)
    results = torch.empty(len(x), dtype=torch.float32)
    by_x, by_y = (_gradient_like(x) if needed else None for needed in (need_x, need_y))
    if len(x) == 0:
        return results, by_x, by_y
    known = len(plan.taps) in _compiled
    with nullcontext() if known else announced():
        arrangement = _arrange(
            plan,
            mix.code,
            x.dtype,
            tuple(x.shape),
            x.stride(),
            y.stride(),
            () if by_x is None else by_x.stride(),
            int(need_x) + int(need_y),
            torch.get_num_threads(),
        )
        arrangement.run(x, y, by_x, by_y, weight, mix, results)
    _compiled.add(len(plan.taps))
    return results, by_x, by_y


def _laid_out_alike(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return both with the same strides within a picture, copied only where they differ."""
    x, y = x.resolve_neg(), y.resolve_neg()
    if x.stride()[2:] == y.stride()[2:]:
        return x, y
    one = len(y) > 1 and y.stride(0) == 0  # a single picture, expanded
    like = torch.empty_like(x[:1] if one else x)
    copied = like.copy_(y[:1] if one else y).expand_as(x)
    if x.stride()[2:] != copied.stride()[2:]:
        x = torch.empty_like(x).copy_(x)
    return x, copied


def _gradient_like(x: Tensor) -> Tensor:
    """Return memory for a gradient, float32 in the memory format of `x`."""
    if 4 * x.numel() < LARGE_BYTES:
        return torch.empty_like(x, dtype=torch.float32)
    strides = torch.empty_like(x, device="meta").stride()
    return _large_memory(4 * x.numel()).view(torch.float32).as_strided(x.shape, strides)


def _large_memory(count: int) -> Tensor:
    """Return `count` bytes in large pages: NumPy asks the system for them, PyTorch does not."""
    memory = np.empty(count + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return torch.from_numpy(memory[start : start + count])


# Window sizes whose code this process has at hand.
_compiled: set[int] = set()

_AXES = ("picture", "channel", "row", "column")


class _Arrangement:
    """How pictures of one shape and layout are compared: all of the job but addresses and factors.

    Kept from call to call: for small pictures it takes longer than the comparison.
    """

    def __init__(
        self,
        plan: Plan,
        pixelwise: int,
        dtype: torch.dtype,
        shape: tuple[int, ...],
        x_strides: tuple[int, ...],
        y_strides: tuple[int, ...],
        out_strides: tuple[int, ...],
        gradients: int,
        threads: int,
    ) -> None:
        count, channels, height, width = shape
        self.tables = _tables(plan)
        self.jobs = self.tables.job.copy()
        self.planes = count * channels
        pixels = height * width
        self.threads = min(threads, 1 + self.planes * pixels // PIXELS_PER_THREAD)
        self._set(pictures=count, channels=channels, height=height, width=width)
        self._set(stored_as=_STORED_AS[dtype], number_bytes=dtype.itemsize)
        self._set(gradients=gradients, pixelwise=pixelwise)
        for prefix, strides in (("", x_strides), ("out_", out_strides)):
            for axis, stride in zip(_AXES, strides, strict=False):
                self._set(**{f"{prefix}{axis}_stride": stride})
        self._set(y_picture_stride=y_strides[0], y_channel_stride=y_strides[1])
        self.whole = self._goes_by_planes(pixels)
        self.steps = self._list_steps()
        self.bytes = self._lay_memory_out()
        # NumPy copies a record field by field, bytes at once.
        self.raw = self.jobs.view(np.uint8)

    def _set(self, **values: int) -> None:
        for name, value in values.items():
            self.jobs[0][name] = value

    def _goes_by_planes(self, pixels: int) -> bool:
        """Whether each plane is one task: its levels follow one another in a core's cache."""
        job = self.jobs[0]
        if job["means_first"] and job["channels"] > 1 and not job["by_pixels"]:
            return False
        if self.threads == 1:
            return bool(pixels <= CACHED_PIXELS or self.planes > 1)
        rounds = -(-self.planes // self.threads)
        even = self.planes / (rounds * self.threads) > 0.95
        return even and pixels <= CACHED_PIXELS

    def _lay_memory_out(self) -> int:
        """Set where things lie in the memory taken for a call; return how many bytes that is."""
        job = self.jobs[0]
        levels, height, width = int(job["levels"]), int(job["height"]), int(job["width"])
        keep, by_pixels = int(job["keep"]), int(job["by_pixels"])
        tasks = max(planes.tasks_before(height, width, levels, keep), running.level_chunks(height))
        floats = planes.plane_floats(height, width, levels, keep, int(job["gradients"]), by_pixels)
        self._set(stages=len(self.steps))
        doubles = {"sums": tasks, "errors": tasks, "complements": 1, "factors": levels}
        at = 16 * len(self.steps)  # two counters of each stage come first
        for name, size in doubles.items():
            self._set(**{name: at})
            at += 8 * self.planes * size
        self._set(tasks=tasks, buffer=at, buffer_floats=floats)
        at += 4 * floats * (self.threads if self.whole else self.planes)
        self.scratch = -(-at // ALIGNMENT) * ALIGNMENT
        self.scratch_bytes = -(-4 * scratch_floats(int(job["window"])) // ALIGNMENT) * ALIGNMENT
        return self.scratch + self.threads * self.scratch_bytes

    def _list_steps(self) -> NDArray[np.int64]:
        """Return what is done one after the other."""
        job = self.jobs[0]
        return running.list_steps(
            int(job["levels"]),
            gradients=bool(job["gradients"]),
            by_pixels=bool(job["by_pixels"]),
            known_slope=bool(job["known_slope"]),
            pixelwise=bool(job["pixelwise"]),
        )

    def run(
        self,
        x: Tensor,
        y: Tensor,
        by_x: Tensor | None,
        by_y: Tensor | None,
        weight: float,
        mix: Mix,
        results: Tensor,
    ) -> None:
        """Do all steps and write what comes out for each picture."""
        large = self.bytes >= LARGE_BYTES
        memory = _large_memory(self.bytes) if large else torch.empty(self.bytes, dtype=torch.uint8)
        jobs = self.raw.copy().view(planes.JOB)
        running.complete(
            jobs,
            memory.data_ptr(),
            x.data_ptr(),
            y.data_ptr(),
            0 if by_x is None else by_x.data_ptr(),
            0 if by_y is None else by_y.data_ptr(),
            weight,
            mix.structural,
            mix.beside,
        )
        taps, steps, whole = self.tables.taps, self.steps, self.whole
        start = memory.data_ptr() + self.scratch

        def work(slot: int) -> None:
            scratch = start + slot * self.scratch_bytes
            while not running.run(taps, jobs, steps, whole, slot, scratch):
                time.sleep(0)

        in_threads(self.threads, work)
        running.finish(jobs, results.data_ptr())


_arrange = lru_cache(maxsize=256)(_Arrangement)
