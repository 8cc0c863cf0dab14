"""SSIM and MS-SSIM on NVIDIA GPUs, by Triton kernels: no compiler on the user's machine.

One launch per level gives the sum of its distances, the gradient of their mean and the next level's
pictures; a small one multiplies the levels' means in float64, on the device; a last one adds the
levels' gradients, each times what the product hands down. By pixels, the levels' maps are made
first, then their product and the gradient's start, then the levels' gradients.

Everything runs on the current stream and allocates through PyTorch; nothing waits for the device,
so a call can be captured in a CUDA graph. Each program writes its own sum, and the sums are added
in a fixed order: results repeat bit for bit. Triton is imported by the first call.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snellen.metrics.engines.plan import Plan

__all__ = ["Tiling", "is_available", "similarity", "similarity_on_tiles"]

# Threads that add up one picture's sums, or do the pixels of one row in the pointwise kernels.
BLOCK = 256

# Multiply-adds in one instruction and with one rounding; what Triton does by default changes.
FUSED = {"enable_fp_fusion": True}


@dataclass(frozen=True)
class Tiling:
    """How a plane is cut into programs. The result does not depend on it but for rounding.

    Attributes:
        pairs: pairs of columns that a program is wide, its halo included; a power of two.
        rows: pixel rows that a program does, even.
        chunk: rows between two synchronisations; a power of two, 2 or more, that divides `rows`.
    """

    pairs: int
    rows: int
    chunk: int = 4


def is_available() -> bool:
    """Whether the kernels can run here: Triton is installed, and there is a GPU of NVIDIA's."""
    return (
        torch.cuda.is_available()
        and torch.version.hip is None
        and importlib.util.find_spec("triton") is not None
    )


def similarity(
    x: Tensor,
    y: Tensor,
    plan: Plan,
    *,
    need_x: bool,
    need_y: bool,
    weight: float = 1.0,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Compute the complements of pairs of pictures, and the gradients asked for.

    Args:
        x: (N, C, H, W) of float32, bfloat16, float16 or uint8, of any strides, on a GPU.
        y: of the same shape, dtype and device.
        plan: see :func:`~snellen.metrics.engines.plan.make_plan`.
        need_x: whether the gradient in x is wanted; not for uint8.
        need_y: the same for y.
        weight: what the gradients are multiplied by.

    Returns:
        The complement 1 - SSIM or 1 - MS-SSIM of each picture, (N,) float32; weight times its
        gradient in x and in y, float32 of their shape, or None.
    """
    wanted = ("x" if need_x else "") + ("y" if need_y else "")
    return similarity_on_tiles(x, y, plan, wanted, weight, None)


def similarity_on_tiles(
    x: Tensor, y: Tensor, plan: Plan, wanted: str, weight: float, tiling: Tiling | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Do what :func:`similarity` does, on tiles of a given size; None: chosen by the pictures'.

    `wanted` names the gradients: "", "x", "y" or "xy".
    """
    task = _Task(plan, x.shape, wanted, weight, tiling)
    complement = torch.empty(x.shape[0], dtype=torch.float32, device=x.device)
    grads = [
        torch.empty_like(t, dtype=torch.float32) if n in wanted else None
        for t, n in ((x, "x"), (y, "y"))
    ]
    if x.numel() > 0:
        with _device_of(x):
            (_by_pixels if plan.by_pixels else _by_levels)(task, x, y, complement, grads)
    return complement, grads[0], grads[1]


@dataclass(frozen=True)
class _Task:
    """What all launches of one call share."""

    plan: Plan
    shape: torch.Size
    wanted: str
    weight: float
    tiling: Tiling | None

    @property
    def planes(self) -> int:
        return self.shape[0] * self.shape[1]

    @property
    def keep(self) -> bool:
        return self.plan.odd_sizes == "keep"

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Height and width of each level, finest first."""
        sizes = [(self.shape[2], self.shape[3])]
        for _ in self.plan.exponents[1:]:
            height, width = (side + self.keep for side in sizes[-1])
            sizes.append((height // 2, width // 2))
        return sizes

    @property
    def margin(self) -> int:
        """How much smaller a map is than its picture."""
        return len(self.plan.taps) - 1 if self.plan.border == "valid" else 0


@dataclass(frozen=True)
class _Grid:
    """The programs of one level."""

    tiling: Tiling
    wide: int
    segments: int
    strips: int

    @property
    def per_plane(self) -> int:
        return self.segments * self.strips


def _by_levels(
    task: _Task, x: Tensor, y: Tensor, complement: Tensor, grads: list[Tensor | None]
) -> None:
    """Mean of each level, then the product."""
    plan, sizes = task.plan, task.sizes
    linear = plan.exponents == (1.0,) and plan.negative == "signed"
    grids = [_grid(task, size, task.wanted, x.device) for size in sizes]
    tiles = max(grid.per_plane for grid in grids)
    sums = torch.zeros(plan.levels, task.planes, tiles, dtype=torch.float32, device=x.device)
    parts = [
        None if linear or g is None else _levels_buffer(task, x.device, task.shape[1])
        for g in grads
    ]
    pictures = (x, y)
    for level, (height, width) in enumerate(sizes):
        scale = 1 / ((height - task.margin) * (width - task.margin))
        pictures = _launch(
            task,
            pictures,
            grids[level],
            task.wanted,
            level=level,
            scale=scale * task.weight / task.shape[1] if linear else scale,
            sums=sums[level],
            grads=grads if linear else [None if p is None else p[level] for p in parts],
        )
    scales = torch.empty(task.planes, plan.levels, dtype=torch.float32, device=x.device)
    _product_of_means(task, sums, complement, scales, linear=linear)
    for grad, part in zip(grads, parts, strict=True):
        if grad is not None and part is not None:
            _combine(task, part, scales, grad)


def _by_pixels(
    task: _Task, x: Tensor, y: Tensor, complement: Tensor, grads: list[Tensor | None]
) -> None:
    """Product at each pixel of maps of one size, then the mean."""
    kernels = _kernels()
    plan, sizes = task.plan, task.sizes
    maps = _levels_buffer(task, x.device, task.shape[1])
    pairs = [(x, y)]
    for level, size in enumerate(sizes):
        grid = _grid(task, size, "", x.device)
        pairs.append(_launch(task, pairs[-1], grid, "", level=level, maps=maps[level]))

    # The product, and its derivative by each level's distance.
    if plan.channel_order == "mean-then-product":
        means = _levels_buffer(task, x.device, channels=1)
        for mean, one in zip(means, maps, strict=True):
            torch.mean(one, dim=1, keepdim=True, out=mean)
        maps = means
    channels = maps[0].shape[1]
    planes = task.shape[0] * channels
    height, width = sizes[0]
    blocks = -(-width // BLOCK)
    sums = torch.empty(1, planes, height * blocks, dtype=torch.float32, device=x.device)
    upstream = [torch.empty_like(m) for m in maps] if task.wanted else maps
    slopes = torch.empty_like(maps[0]) if task.wanted else maps[0]
    options = {"KEEP": task.keep, "NEGATIVE": plan.negative, "B": BLOCK, **FUSED}
    kernels.product_of_maps[(planes * height * blocks,)](
        maps[0], upstream[0], slopes, sums,
        height, width, planes, task.weight / (task.shape[1] * height * width),
        EXPONENTS=plan.exponents, LEVELS=plan.levels, GRAD=bool(task.wanted), **options,
    )  # fmt: skip
    _product_of_means(task, sums, complement, None, linear=True)
    if not task.wanted:
        return
    for level in range(1, plan.levels):
        (fine_h, fine_w), (h, w) = sizes[level - 1], sizes[level]
        coarse = torch.empty_like(maps[level])
        kernels.halve_upstream[(planes * h * -(-w // BLOCK),)](
            slopes, coarse, maps[level], upstream[level], fine_h, fine_w, h, w,
            EXPONENT=plan.exponents[level], **options,
        )  # fmt: skip
        slopes = coarse

    # The levels' gradients.
    parts = [g if g is None else _levels_buffer(task, x.device, task.shape[1]) for g in grads]
    for level, size in enumerate(sizes):
        _launch(
            task,
            pairs[level],
            _grid(task, size, task.wanted, x.device),
            task.wanted,
            level=level,
            upstream=upstream[level].expand(-1, task.shape[1], -1, -1),
            grads=[None if p is None else p[level] for p in parts],
        )
    for grad, part in zip(grads, parts, strict=True):
        if grad is not None and part is not None:
            _combine(task, part, None, grad)


def _levels_buffer(task: _Task, device: torch.device, channels: int) -> list[Tensor]:
    """One map for each level, one after another in one allocation."""
    shapes = [(task.shape[0], channels, *size) for size in task.sizes]
    counts = [math.prod(shape) for shape in shapes]
    flat = torch.empty(sum(counts), dtype=torch.float32, device=device)
    return [part.view(s) for part, s in zip(flat.split(counts), shapes, strict=True)]


def _grid(task: _Task, size: tuple[int, int], wanted: str, device: torch.device) -> _Grid:
    """Cut a level into programs."""
    radius, padded = len(task.plan.taps) // 2, task.plan.border != "valid"
    halo = 2 * radius if wanted else 2 * (radius % 2) if padded else 0
    height, width = size

    def strips(pairs: int) -> int:
        return -(-width // (2 * pairs - halo))

    tiling = task.tiling
    if tiling is None:
        # The widths of which the least is spent on halos and beyond the edge; the widest of equals.
        widths = [pairs for pairs in (128, 64, 32) if 2 * pairs > halo]
        pairs = min(widths, key=lambda pairs: (strips(pairs) * pairs, -pairs))
        rows = 256
        enough = 8 * _processors(device) * 128 // pairs
        while rows > 32 and task.planes * strips(pairs) * -(-height // rows) < enough:
            rows //= 2
        tiling = Tiling(pairs, rows)
    wide = 2 * tiling.pairs - halo
    return _Grid(tiling, wide, -(-height // tiling.rows), strips(tiling.pairs))


def _launch(
    task: _Task,
    pair: tuple[Tensor, Tensor],
    grid: _Grid,
    wanted: str,
    *,
    level: int,
    scale: float = 1.0,
    sums: Tensor | None = None,
    maps: Tensor | None = None,
    upstream: Tensor | None = None,
    grads: Sequence[Tensor | None] = (None, None),
) -> tuple[Tensor, Tensor]:
    """Do one level of a pair of pictures, or of their sum and difference below the first.

    Returns the sum and the difference halved, for the next level; the same pair where it has none.
    """
    kernels, plan, tiling = _kernels(), task.plan, grid.tiling
    x, y = pair
    _, channels, height, width = x.shape
    coarsest = level == plan.levels - 1
    taps, size = plan.taps, len(plan.taps)
    covariance = plan.covariance_scale if size > 1 else 0.0  # one pixel has no variance
    options = {"TAPS": taps, "K": size, "BORDER": plan.border}
    programs = task.planes * grid.per_plane
    bands = scratch = None
    if wanted:
        if plan.border in ("reflect", "replicate"):
            bands = x.new_empty((height + width, size), dtype=torch.float32)
            blocks = -(-(height + width) // BLOCK)
            kernels.edge_weights[(blocks,)](bands, height, width, B=BLOCK, **options, **FUSED)
        # Rows of three or four maps, and one of centres.
        lines = programs * ((4 if wanted == "xy" else 3) * tiling.chunk + 1)
        # The last blur of a row reads past the row's end, for columns that are not kept.
        scratch = x.new_empty(lines * 2 * tiling.pairs + size + 1, dtype=torch.float32)
    halved: tuple[Tensor, Tensor] | None = None
    if not coarsest and upstream is None:
        height_, width_ = ((side + task.keep) // 2 for side in (height, width))
        pitch = -(-width_ // 16) * 16  # so that pairs of columns are aligned
        shape = (2, *x.shape[:2], height_, pitch)
        half_a, half_b = x.new_empty(shape, dtype=torch.float32)[..., :width_]
        halved = half_a, half_b
    tails = tuple(math.fsum(taps[k:]) for k in range(size))
    kernels.level[(programs,)](
        x, y, upstream, bands, None if bands is None else bands[height:], scratch, sums, maps,
        grads[0], grads[1], *(halved or (None, None)),
        channels, height, width, tiling.rows, grid.segments, grid.strips,
        1 if sums is None else sums.shape[1], 1 if halved is None else halved[0].stride(2),
        *x.stride(), *y.stride(), *_strides(grads[0], 4), *_strides(grads[1], 4),
        *_strides(upstream, 2), plan.c1, plan.c2, covariance, scale,
        **options, TAILS=tails, GRAD=wanted, LUMINANCE=coarsest, FLIP=plan.flip and coarsest,
        SUMS=level > 0, UPSTREAM=upstream is not None, MAP=maps is not None,
        POOL="" if halved is None else plan.odd_sizes,
        M=tiling.pairs, R=tiling.chunk, WO=grid.wide,
        num_warps=max(1, tiling.pairs // 32), num_stages=1, **FUSED,
    )  # fmt: skip
    return halved or pair


def _product_of_means(
    task: _Task, sums: Tensor, complement: Tensor, scales: Tensor | None, *, linear: bool
) -> None:
    """Multiply the levels' means; `linear`: take the mean of all planes as it is."""
    plan = task.plan
    levels, planes, tiles = sums.shape
    _kernels().product_of_means[(task.shape[0],)](
        sums, scales, complement,
        planes // task.shape[0], task.shape[2], task.shape[3], planes, tiles, task.weight,
        EXPONENTS=plan.exponents[:levels], LEVELS=levels, MARGIN=task.margin, KEEP=task.keep,
        NEGATIVE=plan.negative, LINEAR=linear,
        CHANNELS_FIRST=not linear and plan.channel_order == "mean-then-product",
        SCALES=scales is not None and bool(task.wanted), B=BLOCK, **FUSED,
    )  # fmt: skip


def _combine(task: _Task, parts: list[Tensor], scales: Tensor | None, out: Tensor) -> None:
    """Add the levels' gradients up."""
    _, channels, height, width = task.shape
    _kernels().combine[(task.planes * height * -(-width // BLOCK),)](
        parts[0], scales, out, channels, height, width, task.planes, *out.stride(),
        LEVELS=len(parts), KEEP=task.keep, SCALED=scales is not None, B=BLOCK, **FUSED,
    )  # fmt: skip


def _strides(tensor: Tensor | None, count: int) -> tuple[int, ...]:
    return (0,) * count if tensor is None else tensor.stride()[:count]


def _processors(device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    return torch.cuda.get_device_properties(device).multi_processor_count


def _device_of(x: Tensor) -> AbstractContextManager[Any]:
    return torch.cuda.device(x.device) if x.is_cuda else nullcontext()


def _kernels() -> Any:
    """The kernels; their first use imports Triton."""
    from snellen.metrics.engines import cuda_kernels

    return cuda_kernels
