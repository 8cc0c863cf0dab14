"""One of four processes that share pictures, and what it finds: see test_streaming_processes.py.

python streaming_worker.py RANK FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torchmetrics import MetricCollection

from snellen.metrics import (
    WANG,
    StreamingMean,
    StreamingMSE,
    StreamingMSSSIM,
    StreamingPSNR,
    StreamingSSIM,
)
from snellen.metrics import torchmetrics as ours

PROCESSES = 4
PICTURES = 13
SMALL = replace(WANG, window_size=5, sigma=1.0, levels=2)
SIZES = ((24, 30), (181, 183), (33, 21))


def picture(number: int) -> tuple[Tensor, Tensor]:
    """Return a pair of pictures, of one of three sizes."""
    generator = torch.Generator().manual_seed(number)
    target = torch.rand(1, 1, *SIZES[number % len(SIZES)], generator=generator)
    noise = 0.02 * (1 + number) * torch.randn(target.shape, generator=generator)
    return (target + noise).clamp(0, 1), target


def batches(numbers: list[int], size: int) -> list[tuple[list[Tensor], list[Tensor]]]:
    """Return lists of at most `size` pictures."""
    pairs = [picture(number) for number in numbers]
    parts = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    return [([x for x, _ in part], [y for _, y in part]) for part in parts]


def streaming() -> dict[str, StreamingMean]:
    """Return one metric of each kind."""
    return {
        "mse": StreamingMSE(),
        "psnr": StreamingPSNR(data_range=1.0),
        "ssim": StreamingSSIM(data_range=1.0, convention=SMALL),
        "ssim, definition": StreamingSSIM(data_range=1.0, convention=SMALL, engine="definition"),
        "ms_ssim": StreamingMSSSIM(data_range=1.0, convention=SMALL),
        "ms_ssim, definition": StreamingMSSSIM(
            data_range=1.0, convention=SMALL, engine="definition"
        ),
    }


def collection(group: dist.ProcessGroup | None = None) -> MetricCollection:
    """Return the same metrics for torchmetrics."""
    return MetricCollection(
        {
            "mse": ours.MSE(process_group=group),
            "psnr": ours.PSNR(data_range=1.0, process_group=group),
            "ssim": ours.SSIM(data_range=1.0, convention=SMALL, process_group=group),
            "ms_ssim": ours.MSSSIM(data_range=1.0, convention=SMALL, process_group=group),
            "ssim, definition": ours.SSIM(
                data_range=1.0, convention=SMALL, engine="definition", process_group=group
            ),
            "ms_ssim, definition": ours.MSSSIM(
                data_range=1.0, convention=SMALL, engine="definition", process_group=group
            ),
        }
    )


def fill(
    metrics: dict[str, StreamingMean] | MetricCollection, numbers: list[int], size: int
) -> None:
    """Measure the pictures of those numbers."""
    for preds, target in batches(numbers, size):
        for metric in metrics.values():
            metric.update(preds, target)


def written(metrics: dict[str, StreamingMean]) -> dict[str, list[str]]:
    """Return all that is known of each metric, to the last bit."""
    return {
        name: [float(value).hex() for value in vars(metric.summary()).values()]
        for name, metric in metrics.items()
    }


def main(rank: int, folder: Path) -> None:
    """Measure a share alone, and shares with one and three others."""
    torch.set_num_threads(rank + 1)
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=PROCESSES)
    groups = {world: dist.new_group(list(range(world))) for world in (1, 2, 4)}
    found: dict[str, object] = {}
    for world, group in groups.items():
        if rank >= world:
            continue
        metrics = streaming()
        # Uneven shares, in batches of another size in each process.
        fill(metrics, list(range(rank, PICTURES, world)), size=rank + 2)
        whole = {name: metric.sync(group) for name, metric in metrics.items()}
        found[f"streaming {world}"] = written(whole)
        found[f"own count {world}"] = metrics["mse"].count
        both = collection(group)
        fill(both, list(range(rank, PICTURES, world)), size=rank + 1)
        found[f"torchmetrics {world}"] = {k: v.item().hex() for k, v in both.compute().items()}

    # All pictures in one process, none in the others.
    metrics = streaming()
    if rank == 2:
        fill(metrics, list(range(PICTURES)), size=3)
    found["one has all"] = written({name: m.sync() for name, m in metrics.items()})

    try:
        (StreamingMSE() if rank == 1 else StreamingPSNR(data_range=1.0)).sync()
    except ValueError as error:
        found["another measure"] = str(error)
    (folder / f"found-{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(int(sys.argv[1]), Path(sys.argv[2]))
