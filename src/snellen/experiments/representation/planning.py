"""What an experiment on representations will do, known and checked before anything is trained."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.datasets import Column, open_labelled, summarise_skipped
from snellen.datasets.keys import shuffled
from snellen.datasets.labels import fingerprint
from snellen.datasets.whole import whole_pictures
from snellen.errors import UserError
from snellen.experiments.autoencoders import (
    CALIBRATED_ON,
    check_network,
    network_for,
    prepare_network,
)
from snellen.experiments.evaluation import MS_SSIM
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.divisions import Division, SplitPlan, divide, plan_splits
from snellen.experiments.representation.features import check_components, check_encoder
from snellen.experiments.running import check_losses, loss_for, plural
from snellen.files import shown
from snellen.metrics import fit_levels
from snellen.networks import VariationalAutoencoder

__all__ = ["Data", "Place", "Plan", "describe", "make_plan"]


@dataclass(frozen=True)
class Data:
    """Labelled pictures in memory.

    Attributes:
        spec: the name of the set.
        pixels: uint8 (n, C, S, S), whole pictures.
        names: of the n pictures.
        columns: their labels.
        groups: what may be held out whole: name → columns.
        left_out: reason → how many pictures.
        fingerprint: of pictures and labels.
        skipped: a sentence that names some of those left out.
    """

    spec: str
    pixels: NDArray[np.uint8]
    names: list[str]
    columns: tuple[Column, ...]
    groups: Mapping[str, tuple[str, ...]]
    left_out: dict[str, int]
    fingerprint: str
    skipped: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Place:
    """One division of the pictures among many: of a split, a seed and a fold."""

    split: SplitPlan
    seed: int
    fold: int
    division: Division

    @property
    def is_shown(self) -> bool:
        """Whether it is the one of its split that pictures and maps are taken from."""
        return self.seed == 0 and self.fold == 0


@dataclass(frozen=True)
class Plan:
    """Everything that is known before the first step."""

    config: RepresentationConfig
    data: Data
    splits: tuple[SplitPlan, ...]
    places: tuple[Place, ...]
    parameters: dict[int, int]  # code size → number of weights

    def of_split(self, name: str) -> Iterator[Place]:
        """The divisions of one split, seeds outermost."""
        return (place for place in self.places if place.split.name == name)

    def tags(self, place: Place, code_size: int) -> dict[str, str | int]:
        """What tells a training from others of its loss and seed; names its checkpoint folder."""
        tags: dict[str, str | int] = {"split": place.split.name}
        if len(self.config.code_size) > 1:
            tags["code"] = code_size
        if self.config.folds > 1:
            tags["fold"] = place.fold
        return tags


def make_plan(config: RepresentationConfig) -> Plan:
    """Open pictures and labels, divide them, and check losses and networks.

    Raises:
        UserError: pictures, labels, a split, a loss, the network or their sizes cannot be used.
    """
    check_losses(config.losses, config.size, config.channels)
    try:
        fit_levels(MS_SSIM, (config.size, config.size))  # of the reconstructions
    except ValueError as error:
        raise UserError(str(error)) from error
    parameters = {}
    for code_size in config.code_size:
        network = network_for(config, code_size, seed=0)
        check_network(network, config)
        check_encoder(network, config.network, config.size, config.channels, code_size)
        parameters[code_size] = sum(p.numel() for p in network.parameters())
    data = load_data(config)
    splits = tuple(plan_splits(data, config))
    places = tuple(
        Place(split, seed, fold, divide(data, split, seed=seed, fold=fold))
        for split in splits
        for seed in range(config.seeds)
        for fold in range(split.folds)
    )
    least = min(len(place.division.train) for place in places)
    if max(config.code_size) >= least:
        raise UserError(
            f"a code of {max(config.code_size)} numbers is not smaller than a training part of "
            f"{least} pictures, which would be learnt by heart: ask for a --code-size below "
            f"{least}, or give more pictures."
        )
    if "pca" in config.baselines:
        check_components(max(config.code_size), least, data.pixels[0].size)
    if isinstance(network, VariationalAutoencoder):  # each loss must be one that can be weighed
        for spec in config.losses:
            pictures = calibration_pictures(data, places[0])
            prepare_network(network, loss_for(spec, seed=0), pictures)
    return Plan(config, data, splits, places, parameters)


def calibration_pictures(data: Data, place: Place) -> torch.Tensor:
    """Draw the training pictures that weigh the loss of a variational network."""
    rows = place.division.train
    drawn = rows[shuffled(len(rows), "calibration", place.seed)[:CALIBRATED_ON]]
    return torch.from_numpy(data.pixels[drawn])


def load_data(config: RepresentationConfig) -> Data:
    """Read all pictures and their labels into memory.

    Raises:
        UserError: as `open_labelled`, or none of the pictures can be read.
    """
    labelled = open_labelled(
        config.data,
        channels=config.channels,
        min_side=config.size,
        columns=config.columns,
        unmatched=config.unmatched,
    )
    mark = fingerprint(labelled)
    pixels, kept = whole_pictures(labelled.pictures, config.size, gamma=config.gamma)
    damaged = Counter(skipped.reason for skipped in labelled.pictures.skipped)
    return Data(
        spec=config.data,
        pixels=pixels,
        names=[labelled.pictures.name(index) for index in kept.tolist()],
        columns=tuple(_restricted(column, kept, config.data) for column in labelled.columns),
        groups=labelled.groups,
        left_out={**labelled.left_out, **damaged},
        skipped=summarise_skipped(labelled.pictures.skipped),
        fingerprint=hashlib.blake2b(mark.encode() + kept.tobytes(), digest_size=8).hexdigest(),
    )


def _restricted(column: Column, kept: NDArray[np.int64], spec: str) -> Column:
    """Return the labels of the pictures that could be read.

    Raises:
        UserError: what is left of a class is one picture, or of a column one value.
    """
    values = column.values[kept]
    if len(kept) == len(column.values):
        return column
    if column.kind != "class":
        if np.ptp(values) == 0:
            raise UserError(_too_little(spec, column, "has one value only"))
        return replace(column, values=values)
    present, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(present) < 2:
        raise UserError(_too_little(spec, column, "has one class only"))
    if counts.min() < 2:
        alone = column.classes[int(present[counts.argmin()])]
        raise UserError(_too_little(spec, column, f"has a single picture with {alone!r}"))
    classes = tuple(column.classes[int(k)] for k in present)
    return replace(column, values=codes.astype(np.int64).ravel(), classes=classes)


def _too_little(spec: str, column: Column, what: str) -> str:
    return (
        f"without the damaged pictures of {shown(spec)} the column {column.name!r} {what}: mend "
        f"them, or leave the column out by --columns {column.name}=ignore."
    )


def describe(plan: Plan) -> list[str]:
    """Say in a few lines what a run would do: for ``--dry-run`` and the head of every run."""
    config, data = plan.config, plan.data
    lines = [f"pictures   {len(data)} in {shown(data.spec)}, whole, {config.size}×{config.size}"]
    if config.gamma != 1:
        lines[0] += f", gamma {config.gamma:g}"
    if data.left_out:
        reasons = "; ".join(f"{count} {reason}" for reason, count in data.left_out.items())
        lines.append(f"left out   {reasons}")
    if data.skipped:
        lines.append(f"           {data.skipped}")
    lines.append(f"labels     {'; '.join(_column_in_words(column) for column in data.columns)}")
    for split in plan.splits:
        place = next(plan.of_split(split.name))
        train, held_out = len(place.division.train), len(place.division.held_out)
        lines.append(
            f"split      {split.title}: {train} train, {held_out} judge "
            f"({split.folds} of {split.parts} parts in turn); predicts {', '.join(split.targets)}"
        )
    for code_size, count in plan.parameters.items():
        lines.append(f"network    {config.network}, code of {code_size}, {count:,} weights")
    each = len(plan.places) * len(config.code_size)
    networks = each * (len(config.losses) + ("supervised" in config.baselines))
    lines += [
        f"losses     {', '.join(config.losses)}",
        f"beside     {', '.join(config.baselines) or 'nothing'}",
    ]
    budget = f"{networks} {plural('training', networks)} of {config.steps} steps"
    lines.append(f"budget     {budget} of {config.batch_size} pictures")
    if plan.splits[0].name == "random" and len(plan.splits) == 1:
        classes = [column.name for column in data.columns if column.kind == "class"]
        if classes and len(data.columns) > 1 and not set(",+") & set(classes[0]):
            named = {by: name for name, by in data.groups.items()}
            group = named.get((classes[0],), classes[0])
            lines.append(
                f"           pictures of one {classes[0]} are on both sides: for unseen ones add "
                f"--splits random,{group}"
            )
    return lines


def _column_in_words(column: Column) -> str:
    name = shown(column.name)
    if column.kind == "class":
        return f"{name}, {len(column.classes)} classes"
    low, high = float(column.values.min()), float(column.values.max())
    circle = f", on a circle of {column.period:g}" if column.period else ""
    return f"{name}, {low:g} to {high:g} {column.unit}".rstrip() + circle
