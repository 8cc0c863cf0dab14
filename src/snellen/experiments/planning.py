"""What a reconstruction experiment will do, known and checked before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from snellen.datasets import Pictures, Split, cross_fit, open_pictures, split, summarise_skipped
from snellen.datasets.crops import CropOptions, CropStream, HeldOut, held_out_crops
from snellen.errors import UserError
from snellen.experiments.autoencoders import (
    CALIBRATED_ON,
    check_network,
    network_for,
    prepare_network,
)
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.evaluation import MS_SSIM
from snellen.experiments.running import check_losses, loss_for, plural
from snellen.metrics import fit_levels
from snellen.networks import VariationalAutoencoder

__all__ = [
    "Fold",
    "Plan",
    "Task",
    "calibration_crops",
    "crop_options",
    "describe",
    "make_plan",
    "skipped_lines",
]

MOST_HELD_OUT = 1000  # sources, as on the poster; more are cut and judged if they are asked for


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
    folds: tuple[Fold, ...]
    pictures: Pictures
    judged: Pictures  # what the held-out pictures are taken from; `pictures` unless told otherwise
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
    check_losses(config.losses, config.size, config.channels)
    try:
        fit_levels(MS_SSIM, (config.size, config.size))
    except ValueError as error:
        raise UserError(str(error)) from error
    parameters = {}
    for code_size in config.code_size:
        network = network_for(config, code_size, seed=0)
        check_network(network, config)
        parameters[code_size] = sum(p.numel() for p in network.parameters())
    opened = partial(open_pictures, channels=config.channels, min_side=config.size)
    pictures = opened(config.data)
    judged = pictures
    if config.held_out_data is not None:
        judged = opened(config.held_out_data)
        _refuse_overlap(pictures, judged)
    folds = _folds(config, pictures, judged)
    if isinstance(network, VariationalAutoencoder):  # each loss must be one that can be weighed
        crops = calibration_crops(config, folds[0], seed=0)
        for spec in config.losses:
            prepare_network(network, loss_for(spec, seed=0), crops)
    return Plan(config, folds, pictures, judged, parameters)


def _refuse_overlap(pictures: Pictures, judged: Pictures) -> None:
    """Refuse to judge networks on pictures that they are trained on."""
    common = np.intersect1d(pictures.source_ids(), judged.source_ids())
    # Sources of a folder are known by their content; those of other sets by their number only.
    by_content = ":" not in pictures.spec and ":" not in judged.spec
    same = os.path.realpath(pictures.spec) == os.path.realpath(judged.spec)
    if same or (by_content and len(common)):
        count = "all" if same else f"{len(common)}"
        raise UserError(
            f"{count} of the pictures in {judged.spec} are also in {pictures.spec}: the networks "
            "would be judged on pictures they have seen. Name another --held-out-data, or leave "
            "it out to hold out a part of --data."
        )


def _held_out(config: ReconstructionConfig, pictures: Pictures) -> int | float | None:
    """How many sources to hold out: as told, as the set prefers, or a fifth up to 1,000."""
    if config.held_out is not None or pictures.preferred_held_out is not None:
        return config.held_out
    fifth = round(len(np.unique(pictures.source_ids())) / 5)
    return min(max(1, fifth), MOST_HELD_OUT)


def _folds(config: ReconstructionConfig, pictures: Pictures, judged: Pictures) -> tuple[Fold, ...]:
    """Divide the pictures, and cut the crops to judge by."""
    if judged is not pictures:
        splits = [Split(train=np.arange(len(pictures)), held_out=np.arange(len(judged)))]
    elif config.folds:
        splits = cross_fit(pictures, folds=config.folds)
    else:
        splits = [split(pictures, held_out=_held_out(config, pictures))]
    cut = partial(
        held_out_crops,
        judged,
        options=crop_options(config),
        per_picture=config.crops_per_picture,
    )
    return tuple(
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


def calibration_crops(config: ReconstructionConfig, fold: Fold, seed: int) -> torch.Tensor:
    """Return the first 1,024 crops of a training, uint8 (n, C, S, S); the same in every process."""
    stream = CropStream(
        fold.pictures,
        fold.train,
        crop_options(config),
        batch_size=config.batch_size,
        steps=-(-CALIBRATED_ON // config.batch_size),
        seed=seed,
    )
    with stream:
        return torch.cat([batch.pixels for batch in stream])[:CALIBRATED_ON]


def describe(plan: Plan) -> list[str]:
    """Say in a few lines what a run would do: for ``--dry-run`` and the head of every run."""
    config = plan.config
    trainings = sum(1 for _ in plan.tasks())
    held_out = sum(len(fold.held_out.names) for fold in plan.folds)
    sources = len({source for fold in plan.folds for source in fold.held_out.sources})
    judged = f"judged on {held_out} crops of {sources} source {plural('picture', sources)}"
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
    many = plural("training", trainings)
    lines += [
        f"losses     {', '.join(config.losses)}",
        f"budget     {trainings} {many} of {config.steps} steps of {config.batch_size} crops",
    ]
    return lines + skipped_lines(plan)


def skipped_lines(plan: Plan) -> list[str]:
    """Say what was left out, of the training pictures and of others to judge by."""
    sets = [plan.pictures] if plan.judged is plan.pictures else [plan.pictures, plan.judged]
    return [f"{s.spec}: {summarise_skipped(s.skipped)}" for s in sets if s.skipped]
