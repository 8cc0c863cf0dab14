"""Where a training may start, and what bfloat16 saves: two choices of docs/decisions.md.

    python -m benchmarks.autoencoder_start --data $SNELLEN_DATA/BSDS500/train

Three starts of the same network, each trained under SSIM and MSE on the same crops: He's
initialisation throughout on inputs in [0, 1]; the same with inputs around zero; and the network as
it is, around zero with a faint last layer. Then forward and backward in bfloat16 and float32, in
turn.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.record import record
from snellen.datasets import Pictures, open_pictures
from snellen.datasets.crops import CropOptions, CropStream
from snellen.metrics.loss_plans import parse_loss
from snellen.networks import build_network
from snellen.networks.autoencoders import FAINT, MID_GRAY

STARTS = ("he", "he, around zero", "faint, around zero")


def network_of(start: str) -> nn.Module:
    """Return the autoencoder; its last layer as strong as He's where `start` says so."""
    network = build_network(
        "conv-autoencoder", size=96, channels=1, code_size=128, widths=(32, 64, 128), seed=0
    )
    if start.startswith("he"):
        last: Any = network.get_submodule("decoder.2")
        with torch.no_grad():
            last.weight.mul_(1 / math.sqrt(FAINT))
    return network


def step(network: nn.Module, optimizer: Any, loss: nn.Module, x: Tensor, *, shift: float) -> Tensor:
    """Do one step in bfloat16; `shift` undoes the network's own centring."""
    with torch.autocast("cpu", torch.bfloat16):
        output = network(x + shift).float()
    value: Tensor = loss(output, x)
    optimizer.zero_grad()
    value.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return output


def trained(pictures: Pictures, start: str, name: str, steps: int) -> dict[str, float]:
    """Train; return the spread of the output over pictures, and its mean squared error."""
    network, loss = network_of(start), parse_loss(name).at(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0)
    errors, spread = [], 0.0
    stream = CropStream(
        pictures, range(len(pictures)), CropOptions(96), batch_size=32, steps=steps, seed=0
    )
    for batch in stream:
        x = batch.pixels.float() / 255
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, (batch.step + 1) / 16)
        shift = MID_GRAY if start == "he" else 0.0
        output = step(network, optimizer, loss, x, shift=shift).detach()
        errors.append(float((output - x).square().mean()))
        spread = float(output.std(0).mean())
    return {
        "steps": steps,
        "output_std_over_pictures": round(spread, 5),
        "mse_steps_91_to_100": round(statistics.mean(errors[90:100]), 5),
    }


def float32_over_bfloat16() -> dict[str, float]:
    """Return the ratio of the time of a step of 32 crops under MSE, pair by pair."""
    network, loss, x = network_of("faint"), nn.MSELoss(), torch.rand(32, 1, 96, 96)

    def seconds(enabled: bool) -> float:
        began = time.perf_counter()
        for _ in range(10):
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                output = network(x).float()
            loss(output, x).backward()
        return time.perf_counter() - began

    seconds(True), seconds(False)
    ratios = [seconds(False) / seconds(True) for _ in range(7)]
    return {
        "median": round(statistics.median(ratios), 2),
        "min": round(min(ratios), 2),
        "max": round(max(ratios), 2),
    }


def main() -> None:
    """Train from each start, time both precisions, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    pictures = open_pictures(options.data, min_side=96)
    numbers: dict[str, Any] = {
        start: {name: trained(pictures, start, name, options.steps) for name in ("ssim", "mse")}
        for start in STARTS
    }
    numbers["float32_step_over_bfloat16"] = float32_over_bfloat16()
    record("autoencoder_start", numbers)


if __name__ == "__main__":
    main()
