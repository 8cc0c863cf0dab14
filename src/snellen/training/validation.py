"""The measures of a network on fixed pictures, shared out over the processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from snellen.training.examples import Examples, centre, fed
from snellen.training.precision import autocast
from snellen.training.processes import sum_over

__all__ = ["Measure", "Validation", "validate"]

Measure = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Args:
        value: mean of the loss over the pictures, on the network's raw output.
        measures: mean of each measure, on the output clipped and rounded to 8 bit.
        pictures: how many pictures were measured, each once.
        examples: uint8 reconstructions of the first pictures (first process only).
    """

    value: float
    measures: dict[str, float]
    pictures: int
    examples: Tensor


@torch.inference_mode()
def validate(
    network: nn.Module,
    loss: nn.Module,
    pictures: Examples,
    *,
    measures: Mapping[str, Measure],
    fabric: Fabric,
    precision: str,
    batch_size: int,
    examples: int = 8,
) -> Validation:
    """Measure `network` on fixed pictures: every picture once, over all processes.

    Args:
        network: the bare network; its training mode is put back afterwards.
        loss: called as ``loss(preds, target)`` on float32, range 1; its mean over a batch is taken
            as a mean over pictures.
        pictures: at least one.
        measures: called in the same way; each returns one value per picture, (N,), or their mean.
        fabric: the processes that share the pictures, and the device.
        precision: ``fp32`` or ``bf16``, of the network; the loss and measures are in float32.
        batch_size: pictures at a time in each process.
        examples: how many reconstructions to return.

    Raises:
        ValueError: there are no pictures.

    >>> from snellen.training import launch_fabric
    >>> black, gray = torch.zeros(2, 1, 8, 8, dtype=torch.uint8), nn.Hardsigmoid()
    >>> found = validate(gray, nn.MSELoss(), Examples(black), measures={}, precision="fp32",
    ...                  fabric=launch_fabric("cpu"), batch_size=2)
    >>> found.value, found.pictures, found.examples[0, 0, 0, 0].item()
    (0.25, 2, 128)
    """
    if not len(pictures):
        raise ValueError("there are no pictures to validate on")
    rank, world = fabric.global_rank, fabric.world_size
    # Uneven shares, never padded: a picture that is counted twice shifts the mean. Rounded up, so
    # that the first process, which shows examples, has some even when there are few pictures.
    first, end = (-(-len(pictures) * number // world) for number in (rank, rank + 1))
    share = pictures[first:end]
    sums = torch.zeros(2 + len(measures), dtype=torch.float64)
    shown: list[Tensor] = []
    was_training = network.training
    network.eval()
    try:
        for start in range(0, len(share), max(1, batch_size)):
            part = share[start : start + max(1, batch_size)]
            source, target = fed(part, fabric.device)
            with autocast(fabric.device, precision):
                output = network(source)
            target = centre(target, output)
            preds = output.float()
            rounded = (preds.clamp(0, 1) * 255).round()
            eight_bit = rounded / 255
            found = [loss(preds, target), *(m(eight_bit, target) for m in measures.values())]
            # A mean stands for each of its pictures. Apple's GPUs have no float64.
            each = torch.stack([value.expand(len(part)) for value in found])
            sums[:-1] += each.cpu().double().sum(1)
            sums[-1] += len(part)
            if rank == 0 and sum(len(part) for part in shown) < examples:
                shown.append(rounded.to(torch.uint8).cpu())
    finally:
        network.train(was_training)
    sums = sum_over(fabric, sums)
    *totals, count = sums.tolist()
    means = [total / count for total in totals]
    return Validation(
        value=means[0],
        measures=dict(zip(measures, means[1:], strict=True)),
        pictures=round(count),
        examples=torch.cat(shown)[:examples] if shown else pictures.pixels[:0],
    )
