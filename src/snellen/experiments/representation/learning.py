"""The trainings of an experiment on representations: one per loss, and one that sees the labels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from snellen.datasets.whole import WholeStream
from snellen.experiments.autoencoders import network_for, prepare_network
from snellen.experiments.evaluation import VALIDATION_MEASURES
from snellen.experiments.representation.planning import Place, Plan, calibration_pictures
from snellen.experiments.representation.probes import targets_of
from snellen.experiments.running import loss_for, spread
from snellen.networks.supervised import LabelLoss, SupervisedEncoder
from snellen.training import Outcome, checkpoint_place, train

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["SUPERVISED", "Session", "learn_labels", "learn_to_reconstruct"]

logger = logging.getLogger("snellen")

SUPERVISED = "supervised"

VALIDATION_PICTURES = 64  # measured while training, for the curves


@dataclass(frozen=True)
class Session:
    """Where and how the trainings of one run are done."""

    root: Path
    fabric: Fabric
    resume: bool
    console: Console | None


def learn_to_reconstruct(
    plan: Plan, place: Place, code_size: int, loss: str, session: Session
) -> Outcome:
    """Train one autoencoder on the training part, without labels."""
    held_out = place.division.held_out
    network = network_for(plan.config, code_size, place.seed)
    losses = loss_for(loss, place.seed)
    prepare_network(network, losses, calibration_pictures(plan.data, place))
    pictures = plan.data.pixels[held_out[spread(len(held_out), VALIDATION_PICTURES)]]
    return _train(
        plan,
        place,
        code_size,
        session,
        name=loss,
        network=network,
        losses=losses,
        validation=torch.from_numpy(pictures),
    )


def learn_labels(plan: Plan, place: Place, code_size: int, session: Session) -> Outcome:
    """Train an encoder of the same shape to say the labels of the training part."""
    config = plan.config
    widths, targets = _as_targets(plan, place)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(place.seed)
        network = SupervisedEncoder(
            network_for(config, code_size, place.seed),
            size=config.size,
            channels=config.channels,
            outputs=targets.shape[1],
        )
    loss = LabelLoss(widths)
    return _train(
        plan,
        place,
        code_size,
        session,
        name=SUPERVISED,
        network=network,
        losses=SimpleNamespace(at=lambda _fraction: loss),
        targets=targets,
    )


def _train(
    plan: Plan,
    place: Place,
    code_size: int,
    session: Session,
    *,
    name: str,
    network: nn.Module,
    losses: Any,
    targets: NDArray[np.float32] | None = None,
    validation: torch.Tensor | None = None,
) -> Outcome:
    config, tags = plan.config, plan.tags(place, code_size)
    logger.info("training %s", ", ".join([name, f"seed {place.seed}", *map(str, tags.items())]))
    return train(
        network,
        losses,
        _batches(plan, place, targets),
        options=config.training_options(name, config.steps),
        folder=session.root / checkpoint_place(name, place.seed, **tags),
        root=session.root,
        loss_name=name,
        seed=place.seed,
        tags=tags,
        fabric=session.fabric,
        validation=validation,
        measures=VALIDATION_MEASURES,
        resume=session.resume,
        progress=session.console if session.console is not None else False,
    )


def _batches(
    plan: Plan, place: Place, targets: NDArray[np.float32] | None
) -> Callable[[int, int, int], WholeStream]:
    config, rows = plan.config, place.division.train
    pixels, names = plan.data.pixels[rows], [plan.data.names[row] for row in rows.tolist()]

    def batches(start_step: int, rank: int, world_size: int) -> WholeStream:
        return WholeStream(
            pixels,
            names,
            batch_size=config.batch_size,
            steps=config.steps,
            seed=place.seed,
            shift=config.shift,
            mirror=config.mirror and targets is None,  # a label may speak of left and right
            targets=targets,
            start_step=start_step,
            rank=rank,
            world_size=world_size,
        )

    return batches


def _as_targets(plan: Plan, place: Place) -> tuple[list[int], NDArray[np.float32]]:
    """The labels of the training part as numbers: one-hot classes first, then standardised ones.

    Returns:
        How many numbers belong to each class column, and (n, numbers).
    """
    columns = [plan.data.column(name) for name in place.split.targets]
    rows = place.division.train
    classes = [column for column in columns if column.kind == "class"]
    widths = [len(column.classes) for column in classes]
    parts = [
        (targets_of(column, rows) == np.arange(len(column.classes))).astype(np.float64)
        for column in classes
    ]
    for column in columns:
        if column.kind != "class":
            values = targets_of(column, rows)
            parts.append((values - values.mean(0)) / np.where(values.std(0) > 0, values.std(0), 1))
    return widths, np.concatenate(parts, axis=1).astype(np.float32)
