"""Weights of a comparison: their files, their cards, and copies that bear names of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from snellen.errors import UserError
from snellen.experiments.running import finite
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.experiments.super_resolution.planning import (
    Plan,
    Task,
    leaks_in_words,
    skipped_reasons,
)
from snellen.experiments.super_resolution.results import MEASURES
from snellen.experiments.super_resolution.scores import Scores
from snellen.files import atomic_write, shown
from snellen.networks.weights import save_weights
from snellen.training.run_folder import file_name

__all__ = [
    "copy_weights",
    "describe_budget",
    "describe_data",
    "planned_copies",
    "save_judged_weights",
    "weights_file",
]


def weights_file(task: Task) -> Path:
    """Where the trained weights lie in the run folder."""
    return Path("weights") / f"{file_name(task.loss)}-seed{task.seed}.safetensors"


def save_judged_weights(
    plan: Plan, task: Task, network: nn.Module, scores: Sequence[Scores], root: Path
) -> None:
    """Save what was judged, with a card that says how it was made and what it reached."""
    config = plan.config
    card = {
        "network": config.network,
        "options": dict(config.network_options),
        "scale": config.scale,
        "loss": task.loss,
        "seed": task.seed,
        "data": describe_data(plan),
        "budget": describe_budget(plan),
        "training": {
            "optimizer": config.optimizer,
            "learning_rate": config.rate(task.loss),
            "schedule": config.schedule,
            "ema": config.ema,
            "patch": plan.budget.patch,
        },
        "protocol": plan.protocol.name,
        "results": {
            each.name: {name: float(found.measures[name].mean()) for name in MEASURES}
            for each, found in zip(plan.judged, scores, strict=True)
        },
        "terms": config.terms,
    }
    save_weights(root / weights_file(task), network, finite(card))


def planned_copies(config: SuperResolutionConfig, root: Path, folder: Path) -> dict[Path, Path]:
    """Which weights of the run folder `root` go where in `folder`.

    Raises:
        UserError: the configuration has no terms for the cards, or other weights have one of the
            names.
    """
    if not config.terms:
        raise UserError(
            "weights that leave their run folder must say the terms of the pictures that they were "
            "trained on: type --set terms='…' beside --export-weights."
        )
    network = file_name(config.network)
    tasks = [Task(0, loss) for loss in config.losses]
    copies = {
        root / weights_file(task): folder
        / f"{network}-x{config.scale}-{file_name(task.loss)}.safetensors"
        for task in tasks
    }
    for source, target in copies.items():
        _refuse_others(source, target)
    return copies


def copy_weights(copies: Mapping[Path, Path]) -> None:
    """Copy weights; equal ones that are there already stay.

    Raises:
        UserError: other weights have one of the names, or the place cannot be written.
    """
    for source, target in copies.items():
        if not _refuse_others(source, target):
            atomic_write(target, source.read_bytes())


def _refuse_others(source: Path, target: Path) -> bool:
    """Whether `target` is a copy of `source`; refuse anything else in its place."""
    if not target.exists():
        return False
    if not (source.is_file() and target.is_file() and source.read_bytes() == target.read_bytes()):
        raise UserError(
            f"{shown(target)} exists already: move it, or name another --export-weights."
        )
    return True


def describe_budget(plan: Plan) -> dict[str, Any]:
    """What each training could spend, for cards and results.json."""
    chosen = {name: getattr(plan.config, name) for name in ("output_pixels", "batch_size")}
    return {**chosen, **asdict(plan.budget)}


def describe_data(plan: Plan) -> dict[str, Any]:
    """What was trained on, for cards and results.json."""
    return {
        "train": list(plan.config.train),
        "train_pictures": plan.trained_on,
        "fingerprint": plan.source.fingerprint,
        "skipped": skipped_reasons(plan),
        "leaks": leaks_in_words(plan.leaks),
        "validation": plan.validation_words,
    }
