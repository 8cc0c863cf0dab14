"""What reading and cropping cost: steps per second from a folder over those from a tensor.

    python -m benchmarks.data_loading --data $SNELLEN_DATA/BSDS500/train

The same training twice, in turn: once on random crops of a folder of JPEG files, once on a tensor
of crops in memory. The ratio should be at least 0.95.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.record import record
from snellen.datasets import open_pictures
from snellen.datasets.crops import Batch, CropOptions, CropStream
from snellen.metrics.loss_plans import parse_loss
from snellen.networks import build_network
from snellen.training import TrainingOptions, train


@dataclass
class Timed:
    """Batches of either kind; notes the time from the first step on."""

    batches: Iterator[Batch]
    skip: int
    began: float = 0.0

    def __iter__(self) -> Iterator[Batch]:
        for number, batch in enumerate(self.batches):
            if number == self.skip:
                self.began = time.perf_counter()
            yield batch


def from_memory(pool: torch.Tensor, steps: int, size: int) -> Iterator[Batch]:
    """Yield slices of a tensor."""
    for step in range(steps):
        at = (step * size) % (len(pool) - size + 1)
        yield Batch(step, pool[at : at + size], [""] * size)


def main() -> None:
    """Measure in turn, and keep the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="builtin")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--widths", default="32,64,128")
    parser.add_argument("--loss", default="mse")
    options = parser.parse_args()
    widths = tuple(int(width) for width in options.widths.split(","))
    pictures = open_pictures(options.data, channels=1, min_side=96)
    crops = CropOptions(size=96)
    settings = TrainingOptions(
        steps=options.steps,
        batch_size=options.batch_size,
        validate_every=10**9,
        checkpoint_every=10**9,
        log_every=20,
    )

    def stream(seed: int) -> CropStream:
        return CropStream(
            pictures,
            range(len(pictures)),
            crops,
            batch_size=options.batch_size,
            steps=options.steps,
            seed=seed,
        )

    pool = torch.cat([batch.pixels for batch in stream(99)])  # also decodes every picture once

    def seconds(kind: str, repeat: int) -> float:
        skip = 5
        network = build_network(
            "conv-autoencoder", size=96, channels=1, code_size=128, widths=widths, seed=0
        )
        source = (
            iter(stream(repeat))
            if kind == "folder"
            else from_memory(pool, options.steps, options.batch_size)
        )
        timed = Timed(source, skip)
        with tempfile.TemporaryDirectory() as folder:
            train(
                network,
                parse_loss(options.loss),
                lambda *_: iter(timed),
                options=settings,
                folder=Path(folder) / "checkpoints" / "x" / "seed-0",
                loss_name=options.loss,
                progress=False,
            )
            return (time.perf_counter() - timed.began) / (options.steps - skip)

    ratios = []
    for repeat in range(options.repeats + 1):
        times = {kind: seconds(kind, repeat) for kind in ("memory", "folder")}
        if repeat:  # the first round warms up
            ratios.append(times["memory"] / times["folder"])
    numbers = {
        "loss": options.loss,
        "pictures": len(pictures),
        "batch_size": options.batch_size,
        "widths": list(widths),
        "steps_per_second_folder_over_memory": {
            "median": statistics.median(ratios),
            "min": min(ratios),
            "max": max(ratios),
        },
    }
    record("data_loading", numbers)


if __name__ == "__main__":
    main()
