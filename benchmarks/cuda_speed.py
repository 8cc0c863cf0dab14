"""The NVIDIA engine against its peers and against the memory's speed, on the GPU at hand.

    python -m benchmarks.cuda_speed

Ours is one call that returns value and gradient, as a training step needs them; a peer's is its
forward and backward pass. Ratios above 1: so many times faster than the peer. `bandwidth` is what
SSIM reaches at the 12 bytes that a pixel-channel costs at least (both pictures read, the gradient
written, float32), `of_copy` its share of what copying reaches on the same GPU. fused-ssim takes
part where it is installed.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytorch_msssim
import torch
from torch import Tensor

from benchmarks.record import record
from snellen.metrics import WANG, Convention
from snellen.metrics.engines import cuda
from snellen.metrics.engines.plan import make_plan

SHAPES = ((64, 1, 192, 192), (16, 3, 256, 256), (64, 3, 512, 512), (8, 3, 1080, 1920))
REPEATS = 30
BYTES = 12  # of one pixel-channel in float32: two read, one written

Step = Callable[[], object]


def milliseconds(step: Step) -> float:
    """Return how long one call takes on the device: median after warm-up."""
    for _ in range(3):
        step()
    times = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        step()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def replayed(step: Step) -> float:
    """Return how long a CUDA graph of one call takes."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        step()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return milliseconds(graph.replay)


def peak_bytes(step: Step, pixels: int) -> float:
    """Return the most memory that one call holds beside its inputs, in bytes per pixel-channel."""
    step()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / pixels


def copy_bandwidth() -> float:
    """Return what copying a gibibyte reaches, bytes read and written, in GB/s."""
    source = torch.empty(2**28, device="cuda")
    target = torch.empty_like(source)
    return 2 * 2**30 / milliseconds(lambda: target.copy_(source)) / 1e6


def ours(x: Tensor, y: Tensor, convention: Convention, *, multiscale: bool) -> Step:
    """Value and gradient by the engine."""
    plan = make_plan(convention, (x.shape[2], x.shape[3]), 1.0, multiscale=multiscale)
    assert plan is not None
    return lambda: cuda.similarity(x, y, plan, need_x=True, need_y=False)


def peer(x: Tensor, function: Callable[[Tensor], Tensor]) -> Step:
    """Forward and backward pass of another library."""
    leaf = x.clone().requires_grad_()

    def step() -> None:
        leaf.grad = None
        function(leaf).backward()

    return step


def measure(shape: tuple[int, ...], copying: float) -> dict[str, float]:
    """Measure SSIM and MS-SSIM at one shape."""
    y = torch.rand(shape, device="cuda")
    x = (y + 0.1 * torch.randn_like(y)).clamp(0, 1)
    pixels = math.prod(shape)
    ssim = ours(x, y, replace(WANG, border="zeros"), multiscale=False)
    ms_ssim = ours(x, y, WANG, multiscale=True)
    module = pytorch_msssim.MS_SSIM(data_range=1.0, channel=shape[1]).cuda()
    found = {"ssim_ms": milliseconds(ssim), "ms_ssim_ms": milliseconds(ms_ssim)}
    found["bandwidth"] = BYTES * pixels / found["ssim_ms"] / 1e6
    found["of_copy"] = found["bandwidth"] / copying
    found["ssim_graph_ms"], found["ms_ssim_graph_ms"] = replayed(ssim), replayed(ms_ssim)
    found["ssim_peak_bytes"] = peak_bytes(ssim, pixels)
    found["ms_ssim_peak_bytes"] = peak_bytes(ms_ssim, pixels)
    theirs = milliseconds(peer(x, lambda leaf: module(leaf, y)))
    found["ms_ssim_over_pytorch_msssim"] = theirs / found["ms_ssim_ms"]
    if importlib.util.find_spec("fused_ssim"):
        from fused_ssim import fused_ssim

        theirs = milliseconds(peer(x, lambda leaf: fused_ssim(leaf, y)))
        found["ssim_over_fused_ssim"] = theirs / found["ssim_ms"]
    return {name: round(value, 4) for name, value in found.items()}


def main() -> None:
    """Measure every shape and keep the figures."""
    if not cuda.is_available():
        sys.exit("cuda_speed needs an NVIDIA GPU and Triton: there is none here to measure.")
    torch.manual_seed(0)
    copying = copy_bandwidth()
    numbers: dict[str, Any] = {"device": torch.cuda.get_device_name(), "copy_gb_s": round(copying)}
    numbers |= {"×".join(map(str, shape)): measure(shape, copying) for shape in SHAPES}
    record("cuda_speed", numbers)


if __name__ == "__main__":
    main()
