"""What a reconstruction experiment will do, known and checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from snellen.datasets import Pictures, Split, cross_fit, open_pictures, split, summarise_skipped
from snellen.datasets.crops import CropOptions, HeldOut, held_out_crops
from snellen.errors import UserError
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.evaluation import MS_SSIM
from snellen.metrics import fit_levels
from snellen.metrics.losses import LossPlan, parse_loss
from snellen.networks import build_network
from snellen.training import checkpoint_place

__all__ = ["Fold", "Plan", "Task", "crop_options", "describe", "make_plan", "network_for"]


@dataclass(frozen=True)
class Fold:
    """Pictures to train on and pictures to judge by, without a common source."""

    number: int
    pictures: Pictures
    train: np.ndarray[Any, np.dtype[np.int64]]
    held_out: HeldOut


@dataclass(frozen=True)
class Task:
    """One training of the experiment."""

    code_size: int
    fold: Fold
    seed: int
    loss: str


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first step."""

    config: ReconstructionConfig
    losses: dict[str, LossPlan]
    folds: tuple[Fold, ...]
    pictures: Pictures
    parameters: dict[int, int]  # code size → number of weights

    def tasks(self) -> Iterator[Task]:
        """Every training, losses innermost so that early results can be compared."""
        for code_size in self.config.code_size:
            for seed in range(self.config.seeds):
                for fold in self.folds:
                    for loss in self.config.losses:
                        yield Task(code_size, fold, seed, loss)

    def tags(self, task: Task) -> dict[str, int]:
        """What tells a training from others of its loss and seed; names its checkpoint folder."""
        tags = {}
        if len(self.config.code_size) > 1:
            tags["code"] = task.code_size
        if len(self.folds) > 1:
            tags["fold"] = task.fold.number
        return tags


def make_plan(config: ReconstructionConfig) -> Plan:
    """Open the pictures, split them, and check losses and networks before anything is trained.

    Raises:
        UserError: pictures, a loss, the network or their sizes cannot be used.
    """
    try:
        losses = {spec: parse_loss(spec) for spec in config.losses}
        for loss in losses.values():
            loss.check(config.size, config.channels)
        fit_levels(MS_SSIM, (config.size, config.size))
    except (ValueError, TypeError) as error:
        raise UserError(str(error)) from error
    if len({checkpoint_place(spec, 0) for spec in losses}) < len(losses):
        raise UserError("two losses would share a checkpoint folder: rename one.")
    parameters = {}
    for code_size in config.code_size:
        network = network_for(config, code_size, seed=0)
        _check_network(network, config)
        parameters[code_size] = sum(p.numel() for p in network.parameters())
    pictures, folds = _open_folds(config)
    return Plan(config, losses, folds, pictures, parameters)


def _open_folds(config: ReconstructionConfig) -> tuple[Pictures, tuple[Fold, ...]]:
    crops = crop_options(config)
    opened = partial(open_pictures, channels=config.channels, min_side=config.size)
    pictures = opened(config.data)
    judged = pictures
    if config.held_out_data is not None:
        judged = opened(config.held_out_data)
        splits = [Split(train=np.arange(len(pictures)), held_out=np.arange(len(judged)))]
        if config.held_out_data == config.data:
            raise UserError(
                f"held_out_data and data are both {config.data}: the networks would be judged on "
                "pictures they have seen."
            )
    elif config.folds:
        splits = cross_fit(pictures, folds=config.folds)
    else:
        splits = [split(pictures, held_out=config.held_out)]
    cut = partial(held_out_crops, judged, options=crops, per_picture=config.crops_per_picture)
    return pictures, tuple(
        Fold(number, pictures, part.train, cut(part.held_out)) for number, part in enumerate(splits)
    )


def crop_options(config: ReconstructionConfig) -> CropOptions:
    """Return how crops are cut."""
    return CropOptions(
        size=config.size,
        channels=config.channels,
        max_downscale=config.max_downscale,
        flip=config.flip,
    )


def network_for(config: ReconstructionConfig, code_size: int, seed: int) -> torch.nn.Module:
    """Return the network with the initial weights of `seed`, the same for every loss."""
    return build_network(
        config.network,
        size=config.size,
        channels=config.channels,
        code_size=code_size,
        widths=config.widths,
        seed=seed,
    )


def _check_network(network: torch.nn.Module, config: ReconstructionConfig) -> None:
    """Refuse a network that does not give back pictures of the size that it took."""
    picture = torch.rand(2, config.channels, config.size, config.size)
    try:
        with torch.no_grad():
            output = network(picture)
    except (RuntimeError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise UserError(
            f"the network {config.network!r} fails on {config.size}×{config.size} pictures: {first}"
        ) from error
    if not isinstance(output, torch.Tensor) or output.shape != picture.shape:
        came = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise UserError(
            f"the network {config.network!r} must return pictures of the shape it takes, "
            f"{tuple(picture.shape)}; got {came}."
        )


def describe(plan: Plan) -> list[str]:
    """Say in a few lines what a run would do: for ``--dry-run`` and the head of every run."""
    config = plan.config
    trainings = sum(1 for _ in plan.tasks())
    held_out = sum(len(fold.held_out.names) for fold in plan.folds)
    sources = len({source for fold in plan.folds for source in fold.held_out.sources})
    judged = f"judged on {held_out} crops of {sources} pictures"
    if len(plan.folds) > 1:
        judged += f", cross-fitted in {len(plan.folds)} folds"
    colour = "gray" if config.channels == 1 else "colour"
    levels = fit_levels(MS_SSIM, (config.size, config.size))
    lines = [
        f"pictures   {len(plan.pictures)} in {config.data}; {judged}",
        f"crops      {config.size}×{config.size}, {colour}, MS-SSIM on {levels} levels",
    ]
    for code_size, count in plan.parameters.items():
        lines.append(f"network    {config.network}, code of {code_size}, {count:,} weights")
    lines += [
        f"losses     {', '.join(config.losses)}",
        f"budget     {trainings} trainings of {config.steps} steps of {config.batch_size} crops",
    ]
    if plan.pictures.skipped:
        lines.append(summarise_skipped(plan.pictures.skipped))
    return lines
