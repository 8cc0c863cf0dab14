"""The blur by shifted additions beside the same blur by `conv2d`: why the definition adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.comparison.turns import in_turn, ratios
from snellen.metrics.filtering import blur, gaussian_taps


def conv_blur(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Blur with two depthwise convolutions, as most SSIM implementations do."""
    channels = x.shape[1]
    weights = torch.tensor(taps)
    rows = weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    columns = weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return functional.conv2d(functional.conv2d(x, rows, groups=channels), columns, groups=channels)


def conv_over_additions(shape: Sequence[int], rounds: int) -> dict[str, Any]:
    """Return how many times as long the convolutions take, without gradients."""
    x, taps = torch.rand(tuple(shape)), gaussian_taps(11, 1.5)
    with torch.no_grad():
        turns = in_turn(
            {"additions": lambda: blur(x, taps), "conv2d": lambda: conv_blur(x, taps)}, rounds
        )
    return {
        "shape": list(shape),
        "ratio": ratios(turns.seconds["conv2d"], turns.seconds["additions"]),
    }
