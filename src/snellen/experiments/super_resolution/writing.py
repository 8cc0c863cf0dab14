"""results.json, results.csv, report.html and study-bundle/ of a super-resolution comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from snellen.experiments.running import head_of_results, write_json
from snellen.experiments.super_resolution.bundle import write_bundle
from snellen.experiments.super_resolution.cards import (
    describe_budget,
    describe_data,
    weights_file,
)
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig
from snellen.experiments.super_resolution.evaluation import bicubic
from snellen.experiments.super_resolution.planning import Plan
from snellen.experiments.super_resolution.results import (
    BICUBIC,
    MEASURES,
    SetTable,
    tables_in_json,
    write_csv,
)
from snellen.experiments.super_resolution.scores import KeptPictures, Scores, Trial, judge
from snellen.reports import ShownSet, SuperResolutionReport, write_super_resolution_report
from snellen.training import read_rows

__all__ = ["write_results"]


def write_results(
    plan: Plan, root: Path, trials: Sequence[Trial], file: IO[bytes]
) -> dict[str, Any]:
    """Write all that is said of a comparison into its run folder.

    Args:
        plan: what was done.
        root: the run folder.
        trials: all trainings; those of seed 0 have kept their outputs.
        file: gets the originals and their bicubic enlargements.

    Returns:
        The content of results.json.

    Raises:
        UserError: the folder cannot be written.
    """
    originals = [KeptPictures(file, root) for _ in plan.judged]
    plain = [
        judge(plan, each, bicubic, KeptPictures(file, root), targets)
        for each, targets in zip(plan.judged, originals, strict=True)
    ]
    tables = [
        SetTable(
            each.name,
            each.names,
            each.sources,
            found.measures,
            _by_loss(plan.config, trials, n),
            each.published,
        )
        for n, (each, found) in enumerate(zip(plan.judged, plain, strict=True))
    ]
    results = _results(plan, root, trials, tables)
    write_csv(root / "results.csv", tables)
    pictures = _pictures(plan, originals, plain, trials)
    write_bundle(root / "study-bundle", pictures, results)
    report = SuperResolutionReport(results, pictures, read_rows(root / "metrics.jsonl"))
    write_super_resolution_report(root / "report.html", report)
    # Last, so that a folder with results.json is a finished one.
    write_json(root / "results.json", results)
    return results


def _results(
    plan: Plan, root: Path, trials: Sequence[Trial], tables: Sequence[SetTable]
) -> dict[str, Any]:
    config = plan.config
    return {
        **head_of_results("super-resolution", root, config),
        "precision": trials[0].precision,
        "seconds": sum(trial.seconds for trial in trials),
        "scale": config.scale,
        "protocol": {key: getattr(plan.protocol, key) for key in ("name", "words", "source")},
        "budget": describe_budget(plan),
        "data": describe_data(plan),
        "training": {
            loss: {
                "learning_rate": config.rate(loss),
                "seconds": float(np.mean([t.seconds for t in trials if t.task.loss == loss])),
                "weights": [
                    weights_file(task).as_posix() for task in plan.tasks() if task.loss == loss
                ],
            }
            for loss in config.losses
        },
        **tables_in_json(tables, config.scale),
    }


def _by_loss(
    config: SuperResolutionConfig, trials: Sequence[Trial], place: int
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Each measure of one set under each loss, seeds in rows."""
    return {
        loss: {
            name: np.stack([t.scores[place].measures[name] for t in trials if t.task.loss == loss])
            for name in MEASURES
        }
        for loss in config.losses
    }


def _pictures(
    plan: Plan,
    originals: Sequence[KeptPictures],
    plain: Sequence[Scores],
    trials: Sequence[Trial],
) -> list[ShownSet]:
    """The pictures of seed 0, set by set."""
    first = [trial for trial in trials if trial.task.seed == 0]
    pictures = []
    for n, each in enumerate(plan.judged):
        scores = {BICUBIC: plain[n], **{trial.task.loss: trial.scores[n] for trial in first}}
        pictures.append(
            ShownSet(
                each.name,
                each.names,
                each.sources,
                originals[n],
                {name: found.outputs or () for name, found in scores.items()},
                {name: found.measures for name, found in scores.items()},
            )
        )
    return pictures
