"""What a trained network makes of held-out pictures, and every measure of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snellen.experiments.measures import edge_maps, edge_score, octave_errors
from snellen.metrics import WANG, mae, ms_ssim, mse, psnr, ssim, ssim_map
from snellen.training.precision import strict_float32
from snellen.training.validation import Measure

__all__ = [
    "METRICS",
    "MS_SSIM",
    "VALIDATION_MEASURES",
    "Evaluation",
    "evaluate",
    "reconstruct",
    "ssim_maps",
]

# What is measured of every picture, in the order of results.json.
METRICS = ("mse", "mae", "psnr", "ssim", "ms_ssim", "edge_f")

# MS-SSIM as published, on as many levels as the pictures' size allows.
MS_SSIM = replace(WANG, levels="auto")

# What is measured while training, of pictures in [0, 1] after rounding to 8 bit.
VALIDATION_MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "psnr": partial(psnr, data_range=1.0, reduction="none"),
        "ssim": partial(ssim, data_range=1.0, reduction="none"),
        "ms_ssim": partial(ms_ssim, data_range=1.0, convention=MS_SSIM, reduction="none"),
    }
)

_BATCH = 64


@dataclass(frozen=True)
class Evaluation:
    """Reconstructions of n pictures, and what they measure.

    Attributes:
        pixels: uint8 (n, C, S, S), clipped and rounded to 8 bit.
        measures: each of `METRICS`, (n,); mse and mae in the range [0, 1], psnr in dB.
        octaves: error per spatial-frequency octave in dB, (n, octaves), finest first.
    """

    pixels: NDArray[np.uint8]
    measures: dict[str, NDArray[np.float64]]
    octaves: NDArray[np.float64]


@torch.no_grad()
def reconstruct(network: nn.Module, pictures: Tensor, device: torch.device) -> NDArray[np.uint8]:
    """Run uint8 pictures (n, C, S, S) through `network`, in float32; clip, round to 8 bit."""
    was_training = network.training
    network.eval()
    parts = []
    with strict_float32(device):  # no TF32
        for start in range(0, len(pictures), _BATCH):
            batch = pictures[start : start + _BATCH]
            output = network(batch.to(device).float() / 255)
            parts.append((output.float() * 255).round().clamp(0, 255).to(torch.uint8).cpu())
    network.train(was_training)
    return torch.cat(parts).numpy()


def evaluate(network: nn.Module, pictures: Tensor, device: torch.device) -> Evaluation:
    """Reconstruct held-out pictures, uint8 (n, C, S, S), and measure the result."""
    pixels = reconstruct(network, pictures, device)
    target = pictures.numpy()
    parts: list[dict[str, Tensor]] = []
    for start in range(0, len(pixels), _BATCH):
        part = slice(start, start + _BATCH)
        x = torch.from_numpy(pixels[part]).double() / 255
        y = pictures[part].double() / 255
        kind: dict[str, Any] = {"reduction": "none"}
        parts.append(
            {
                "mse": mse(x, y, **kind),
                "mae": mae(x, y, **kind),
                "psnr": psnr(x, y, data_range=1.0, **kind),
                "ssim": ssim(x, y, data_range=1.0, **kind),
                "ms_ssim": ms_ssim(x, y, data_range=1.0, convention=MS_SSIM, **kind),
            }
        )
    measures = {name: torch.cat([p[name] for p in parts]).numpy() for name in parts[0]}
    measures["edge_f"] = edge_score(pixels, target_edges=edge_maps(target))
    return Evaluation(pixels, measures, octave_errors(pixels, target))


def ssim_maps(pixels: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float32]:
    """SSIM at each pixel, averaged over channels: (n, S, S), edges replicated."""
    padded = replace(WANG, border="replicate")
    maps = ssim_map(torch.from_numpy(pixels), torch.from_numpy(target), convention=padded)
    return maps.mean(dim=1).numpy().astype(np.float32)
