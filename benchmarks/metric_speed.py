"""Value and gradient of SSIM and MS-SSIM, as a ratio to peers run in turn in the same process.

    python -m benchmarks.metric_speed

Ratios above 1: so many times faster than the peer. Also the blur by shifted additions over the same
blur by `conv2d`, which is why the definition blurs as it does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytorch_msssim
import torch
from torch.nn import functional

from benchmarks.record import record
from snellen import MSSSIMLoss, SSIMLoss
from snellen.metrics import WANG
from snellen.metrics.filtering import blur, gaussian_taps

SHAPES = ((64, 1, 192, 192), (8, 3, 256, 256), (1, 3, 1080, 1920))
REPEATS = 7


def seconds(step: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def in_turn(ours: Callable[[], object], theirs: Callable[[], object]) -> dict[str, float]:
    """Return the ratio theirs / ours, pair by pair after one warm-up."""
    ours(), theirs()
    ratios = []
    for _ in range(REPEATS):
        mine = seconds(ours)
        ratios.append(seconds(theirs) / mine)
    return {
        "median": round(statistics.median(ratios), 2),
        "min": round(min(ratios), 2),
        "max": round(max(ratios), 2),
    }


def conv_blur(x: torch.Tensor, taps: tuple[float, ...]) -> torch.Tensor:
    """Blur with two depthwise convolutions, as most SSIM implementations do."""
    channels = x.shape[1]
    weights = torch.tensor(taps)
    rows = weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    columns = weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return functional.conv2d(functional.conv2d(x, rows, groups=channels), columns, groups=channels)


def measure(shape: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """Compare at one shape."""
    target = torch.rand(shape)
    preds = (target + 0.1 * torch.randn(shape)).clamp(0, 1).requires_grad_()
    channels = shape[1]
    peers = {
        "ssim_over_pytorch_msssim": (
            SSIMLoss(convention=WANG),
            pytorch_msssim.SSIM(data_range=1.0, channel=channels),
        ),
        "ms_ssim_over_pytorch_msssim": (
            MSSSIMLoss(convention=WANG),
            pytorch_msssim.MS_SSIM(data_range=1.0, channel=channels),
        ),
    }

    def step(function: Callable[..., torch.Tensor]) -> Callable[[], object]:
        def call() -> None:
            preds.grad = None
            function(preds, target).backward()

        return call

    found = {name: in_turn(step(ours), step(theirs)) for name, (ours, theirs) in peers.items()}
    taps = gaussian_taps(11, 1.5)
    with torch.no_grad():
        found["blur_over_conv2d"] = in_turn(
            lambda: blur(target, taps), lambda: conv_blur(target, taps)
        )
    return found


def main() -> None:
    """Measure every shape and keep the ratios."""
    torch.manual_seed(0)
    record("metric_speed", {"×".join(map(str, s)): measure(s) for s in SHAPES})


if __name__ == "__main__":
    main()
