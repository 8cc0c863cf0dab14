"""One set of features judged: what is predicted from it, and how wrong that is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray

from snellen.datasets import Column
from snellen.datasets.keys import shuffled
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.planning import Data, Place
from snellen.experiments.representation.probes import (
    Grid,
    Machine,
    Probe,
    angle_of,
    errors,
    probe,
    targets_of,
)
from snellen.experiments.running import write_json

__all__ = ["Scored", "chance_of", "grid_of", "judge"]

Features = NDArray[np.floating]

RECIPE = 1  # to be counted up when the same input would give another search


@dataclass(frozen=True)
class Scored:
    """What one set of features says about one column in one division.

    Attributes:
        errors: of each held-out picture: 0 or 1, or a squared difference.
        by_kernel: mean error of each kernel's best machine.
        chance: mean error of always answering the most frequent class, or the mean.
    """

    place: Place
    code_size: int
    method: str
    column: str
    machine: Machine
    inner: float
    predictions: NDArray[np.float64]
    errors: NDArray[np.float64]
    by_kernel: dict[str, float]
    chance: float

    @property
    def error(self) -> float:
        """The mean error over the held-out pictures."""
        return float(self.errors.mean())


def grid_of(config: RepresentationConfig) -> Grid:
    """Return what the inner cross-validation tries."""
    c, gamma, linear_c = (
        tuple(map(float, values))
        for values in (config.svm_c, config.svm_gamma, config.svm_linear_c)
    )
    return Grid(
        c=c,
        gamma=gamma,
        linear_c=linear_c,
        epsilon=config.svm_epsilon,
        folds=config.svm_folds,
    )


def judge(
    train: Features,
    held_out: Features,
    *,
    data: Data,
    place: Place,
    method: str,
    code_size: int,
    config: RepresentationConfig,
    cache: Path,
) -> list[Scored]:
    """Predict every target of the split from features, and compare with the truth.

    Args:
        train: of the training part, in the order of the division, (n, d).
        held_out: of the held-out part, (m, d).
        data: the labels.
        place: the division.
        method: what the features are.
        code_size: of the table that the scores are for.
        config: the grid, and how many pictures a machine learns from at most.
        cache: a folder; a search that was done before is taken from there.
    """
    columns = [data.column(name) for name in place.split.targets]
    rows = place.division.train
    if len(rows) > config.svm_pictures:
        chosen = np.sort(shuffled(len(rows), "svm", place.seed)[: config.svm_pictures])
        train, rows = train[chosen], rows[chosen]
    groups = None if place.division.groups is None else place.division.groups[rows]
    grid = grid_of(config)
    found = _searched(train, held_out, columns, rows, grid, groups, cache)
    scored = []
    for column in columns:
        truth = column.values[place.division.held_out]
        probed = found[column.name]
        scored.append(
            Scored(
                place=place,
                code_size=code_size,
                method=method,
                column=column.name,
                machine=probed.machine,
                inner=probed.inner,
                predictions=probed.predictions,
                errors=errors(column, probed.predictions, truth),
                by_kernel={
                    kernel: float(errors(column, said, truth).mean())
                    for kernel, said in probed.by_kernel.items()
                },
                chance=chance_of(column, place),
            )
        )
    return scored


def chance_of(column: Column, place: Place) -> float:
    """Return the mean error of the best answer that looks at no picture.

    The training part says which that is.
    """
    known, truth = (column.values[part] for part in (place.division.train, place.division.held_out))
    if column.kind == "class":
        values, counts = np.unique(known, return_counts=True)
        answer = float(values[counts.argmax()])
    elif column.kind == "circular":
        cosine, sine = targets_of(column, place.division.train).mean(0)
        answer = float(angle_of(column, cosine, sine))
    else:
        answer = float(known.mean())
    return float(errors(column, np.full(len(truth), answer), truth).mean())


def _searched(
    train: Features,
    held_out: Features,
    columns: Sequence[Column],
    rows: NDArray[np.int64],
    grid: Grid,
    groups: NDArray[np.int64] | None,
    cache: Path,
) -> dict[str, Probe]:
    """`probe`, or what it found when it was given the same before."""
    digest = hashlib.blake2b(digest_size=12)
    for array in (train, held_out, *(targets_of(column, rows) for column in columns)):
        digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).data)
    kinds = [(column.name, column.kind, column.period) for column in columns]
    recipe = f"{RECIPE} {sklearn.__version__} {dataclasses.asdict(grid)} {kinds}"
    digest.update(recipe.encode())
    if groups is not None:
        digest.update(groups.tobytes())
    path = cache / f"{digest.hexdigest()}.json"
    try:
        kept = json.loads(path.read_bytes())
        return {name: _from_json(content) for name, content in kept.items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    found = probe(train, held_out, columns, rows, grid=grid, groups=groups)
    write_json(path, {name: _to_json(probed) for name, probed in found.items()})
    return found


def _to_json(found: Probe) -> dict[str, Any]:
    return {
        "machine": dataclasses.asdict(found.machine),
        "inner": found.inner,
        "by_kernel": {kernel: said.tolist() for kernel, said in found.by_kernel.items()},
    }


def _from_json(content: dict[str, Any]) -> Probe:
    machine = Machine(**content["machine"])
    by_kernel = {kernel: np.asarray(said, float) for kernel, said in content["by_kernel"].items()}
    return Probe(machine, float(content["inner"]), by_kernel[machine.kernel], by_kernel)
