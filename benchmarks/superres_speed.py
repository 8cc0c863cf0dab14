"""What a super-resolution training reaches of its bare network's speed, and what MS-SSIM costs it.

    python -m benchmarks.superres_speed --data $SNELLEN_DATA/BSDS500/train,$SNELLEN_DATA/T91

In turn, in one process: SRCNN stepping on one fixed batch in memory (forward, loss, backward,
Muon) under MSE, and whole trainings by `train` on patches as they are cut, under each loss. The
steps are timed after the first few. The training under MSE should reach 0.75 of the bare one's
patches per second, and a step under MS-SSIM cost at most 1.1 of one under MSE.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.record import record
from snellen.datasets.super_resolution import PatchOptions, PatchStream, prepare_patches
from snellen.metrics.loss_plans import parse_loss
from snellen.networks import build_super_resolution_network
from snellen.networks.layout import pixel_by_pixel
from snellen.training import TrainingOptions, train
from snellen.training.optimizers import Optimizers
from snellen.training.precision import autocast

WARM = 5  # steps before the clock starts


class Clock:
    """Passes batches on, and notes when the one after the warm-up is fetched."""

    def __init__(self, batches: Any) -> None:
        self.batches, self.began = batches, 0.0

    def __iter__(self) -> Iterator[Any]:
        for number, batch in enumerate(self.batches):
            if number == WARM:
                self.began = time.perf_counter()
            yield batch


def settings(steps: int, batch_size: int) -> TrainingOptions:
    """How both train: as the presets of `superres compare`."""
    return TrainingOptions(
        steps=steps,
        batch_size=batch_size,
        optimizer="muon",
        precision="bf16",
        ema=0.999,
        validate_every=10**9,
        checkpoint_every=10**9,
    )


def trained(network: torch.nn.Module, stream: PatchStream, loss: str, steps: int) -> float:
    """Seconds for a step of a training."""
    clock = Clock(stream)
    with tempfile.TemporaryDirectory() as folder:
        train(
            network,
            parse_loss(loss),
            lambda *_: iter(clock),
            options=settings(steps, stream.batch_size),
            folder=Path(folder) / "checkpoints" / "x" / "seed-0",
            loss_name=loss,
            progress=False,
        )
        return (time.perf_counter() - clock.began) / (steps - WARM)


def bare(network: torch.nn.Module, batch: Any, steps: int) -> float:
    """Seconds for a step on one batch, with nothing around it."""
    device = torch.device("cpu")
    options = settings(steps, len(batch.pixels))
    optimizers = Optimizers(network.named_parameters(), options, device)
    source, target = pixel_by_pixel(batch.inputs), batch.pixels.float() / 255
    network.train()
    for step in range(steps):
        if step == WARM:
            began = time.perf_counter()
        with autocast(device, "bf16"):
            output = network(source).float()
        border = (target.shape[-1] - output.shape[-1]) // 2
        middle = target[..., border : target.shape[-1] - border, border : target.shape[-1] - border]
        torch.nn.functional.mse_loss(output, middle).backward()
        optimizers.step(options.learning_rate)
    return (time.perf_counter() - began) / (steps - WARM)


def main() -> None:
    """Measure in turn, and keep the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="builtin", help="sets of pictures, commas between")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=105)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--losses", default="mse,ms-ssim,ms-ssim[poster],ms-ssim[ones]+10*mse")
    chosen = parser.parse_args()
    source = prepare_patches(chosen.data.split(","), scale=chosen.scale, protocol="poster")
    losses = chosen.losses.split(",")

    def stream(seed: int) -> PatchStream:
        return PatchStream(
            source,
            PatchOptions(size=chosen.patch),
            batch_size=chosen.batch_size,
            steps=chosen.steps,
            seed=seed,
        )

    def network() -> torch.nn.Module:
        return build_super_resolution_network("srcnn", scale=chosen.scale, seed=0)

    rounds: list[dict[str, float]] = []
    for repeat in range(chosen.repeats + 1):
        times = {"bare": bare(network(), stream(repeat).batch(0), chosen.steps)}
        for loss in losses:
            times[loss] = trained(network(), stream(repeat), loss, chosen.steps)
        if repeat:  # the first round compiles and warms up
            rounds.append(times)

    def over(first: str, second: str) -> dict[str, float]:
        ratios = [times[first] / times[second] for times in rounds]
        return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}

    numbers = {
        "network": "srcnn",
        "scale": chosen.scale,
        "patch": chosen.patch,
        "batch_size": chosen.batch_size,
        "steps": chosen.steps,
        "patches_per_second_of_training_over_bare": over("bare", "mse"),
        "step_over_step_under_mse": {loss: over(loss, "mse") for loss in losses if loss != "mse"},
    }
    record("superres_speed", numbers)


if __name__ == "__main__":
    main()
