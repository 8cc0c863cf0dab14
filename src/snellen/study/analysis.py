"""``snellen study analyse``: from the answers to results.json, CSV files and a report."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError, nearest
from snellen.files import atomic_write, shown
from snellen.images.files import read_image
from snellen.reports.study import RankedPicture, StudyReport, write_study_report
from snellen.study.analysis_folder import refuse_foreign_folder, write_folder
from snellen.study.analysis_tables import csv_files
from snellen.study.conduct import how_it_went
from snellen.study.findings import (
    as_json,
    findings_of,
    headline_of,
    mean_ranks_by_person,
    means_of_people,
)
from snellen.study.folder import Study
from snellen.study.galleries import Pick, choose_galleries
from snellen.study.metric_agreement import MetricsAndPeople, metric_agreement
from snellen.study.metric_values import DEFAULT_METRICS, MetricTable, measure_pictures, parse_metric
from snellen.study.pictures import ORIGINAL
from snellen.study.quality import ParticipantQuality, participant_quality, rule_in_words
from snellen.study.ratings import Answers, Ratings
from snellen.study.statistics.resampling import Bootstrap
from snellen.study.store.administration import may_see_result, note_result_seen, unlock
from snellen.study.store.opening import connect, reading
from snellen.study.store.reading import answers_in
from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import setting
from snellen.study.store.store import check_frozen

__all__ = ["FORMAT", "analyse", "results_of"]

FORMAT = 1
"""Raised when a reader of the old format would misread the new one."""

_EACH = 8  # pictures of a gallery; fewer where the page would get too large


def analyse(
    study: Study,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    gallery_model: str | None = None,
    level: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    unlock_result: bool = False,
    command: str = "",
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """Analyse a study and write ``report.html``, ``results.json`` and ``csv/``.

    Who counts: participants who answered every trial and whom the rule of study.yaml does not leave
    out. The headline is computed for all others' answers too. Where nobody has finished, the
    answers of those who began are used, and the report says so.

    Args:
        study: a study's folder, opened.
        metrics: names that `parse_metric` knows.
        gallery_model: the model that the galleries are about; None: that of the lowest mean rank.
        level: coverage of the intervals.
        resamples: draws of every bootstrap.
        seed: of the draws.
        out: the folder to write; by default ``analysis`` in the study. An older analysis there is
            replaced.
        unlock_result: whether the result of a study that still runs may be seen. It is noted in
            the study's log, and in every later report and export.
        command: what was typed, for the report.
        clock: seconds since 1970.

    Returns:
        What results.json holds.

    Raises:
        UserError: the study still runs and its result was not unlocked; study.yaml is not what the
            first participant consented to; there is no such model or metric; the place cannot be
            written.
    """
    if gallery_model is not None and gallery_model not in study.config.models:
        raise UserError(
            f"--gallery: there is no model {gallery_model!r} in this study."
            f"{nearest(gallery_model, study.config.models)} "
            f"It has {', '.join(study.config.models)}."
        )
    if not 0.5 <= level < 1:
        raise UserError(f"the level of the intervals is {level:g}: give 0.5 to below 1, as 0.95.")
    fewest = _fewest_resamples(len(study.config.models), level)
    if resamples < fewest:
        raise UserError(f"--resamples is {resamples}: give {fewest:,} or more, as 5000.")
    for name in metrics:
        parse_metric(name)
    folder = study.path / "analysis" if out is None else Path(out)
    refuse_foreign_folder(folder)
    _see_result(study, unlock_result, clock())
    with reading(study.database) as connection:
        answers = answers_in(connection, study)
        conduct = how_it_went(connection)
    results = results_of(
        study,
        answers,
        conduct,
        metrics=metrics,
        gallery_model=gallery_model,
        bootstrap=Bootstrap(study.config.design, resamples, level, seed),
        command=command,
        now=clock(),
    )
    report = StudyReport(
        results,
        first=_gallery(study, results, "first"),
        behind=_gallery(study, results, "behind"),
        of_people=means_of_people(_counted_ratings(answers, results)),
    )

    def fill(place: Path) -> None:
        text = json.dumps(results, indent=1, ensure_ascii=True, allow_nan=False)
        atomic_write(place / "results.json", text + "\n")
        for name, table in csv_files(results).items():
            atomic_write(place / "csv" / name, table)
        write_study_report(place / "report.html", report)

    write_folder(folder, fill)
    return results


def _fewest_resamples(models: int, level: float) -> int:
    """Draws with which every pair of models can be shown to differ, after Holm's correction.

    By bootstrap p is never below 2 / (draws + 1).

    >>> _fewest_resamples(3, 0.95), _fewest_resamples(6, 0.95)
    (240, 1200)
    """
    pairs = models * (models - 1) // 2
    return max(100, math.ceil(round(4 * pairs / (1 - level), 6)))


def _see_result(study: Study, unlock_result: bool, now: float) -> None:
    """Refuse the result of a study that still runs; note that it was seen."""
    connection = connect(study.database)
    try:
        connection.execute("BEGIN IMMEDIATE")
        check_frozen(connection, study)
        simulated = setting(connection, "simulated") == "1"
        empty = connection.execute("SELECT 1 FROM answer LIMIT 1").fetchone() is None
        if not simulated and not empty:  # else there is nothing to peek at
            if unlock_result and setting(connection, "state") != "closed":
                unlock(connection, now, "snellen study analyse --unlock")
            may_see_result(connection)
            note_result_seen(connection, now, "analysis")
        connection.execute("COMMIT")
    except Refused as error:
        raise UserError(
            "the study still runs. Whoever looks at the result again and again, and stops when it "
            "pleases, finds differences that are not there: close the study on its admin page "
            "first, or add --unlock, which is noted in the study's log and in every report."
        ) from error
    finally:
        connection.close()


def results_of(
    study: Study,
    answers: Answers,
    conduct: Mapping[str, Any],
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    gallery_model: str | None = None,
    bootstrap: Bootstrap,
    command: str = "",
    now: float = 0.0,
) -> dict[str, Any]:
    """Compute everything that the report shows, as results.json holds it.

    Args:
        study: whose pictures and rules they are.
        answers: all that was answered.
        conduct: how the study went, see `how_it_went`.
        metrics: as for `analyse`.
        gallery_model: as for `analyse`.
        bootstrap: the design, the draws, the level and the seed.
        command: what was typed.
        now: seconds since 1970.
    """
    config = study.config
    quality = participant_quality(answers, config.exclusion)
    counting, unfinished = _who_counts(quality)
    ratings = _only(answers.ratings, counting)
    findings = {**findings_of(ratings, bootstrap), "unfinished": unfinished}
    means = mean_ranks_by_person(answers.ratings)
    galleries = choose_galleries(ratings, model=gallery_model, each=_EACH, seed=bootstrap.seed)
    tables = _measured(study, ratings, metrics)
    agreement = metric_agreement(ratings, tables, bootstrap) if tables else None
    simulated = answers.ratings.simulated or bool(conduct.get("simulated"))
    results = {
        "format": FORMAT,
        "experiment": "study",
        "snellen": version("snellen"),
        "software": _software(),
        "command": command,
        "date": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "level": bootstrap.level,
        "resamples": bootstrap.resamples,
        "seed": bootstrap.seed,
        "simulated": simulated,
        "simulation": _simulation(study) if simulated else None,
        "study": _study(study),
        "config": _config(study),
        "conduct": {**conduct, "peeked": _peeked(conduct, answers)},
        "participants": [
            {
                **dataclasses.asdict(each),
                "counts": each.name in counting,
                "mean_ranks": means.get(each.name),
            }
            for each in quality
        ],
        "findings": findings,
        "sensitivity": _sensitivity(answers, quality, counting, bootstrap),
        "galleries": None if galleries is None else dataclasses.asdict(galleries),
        "metric_agreement": None if agreement is None else agreement.as_dict(),
        "pictures": _pictures(ratings, tables, agreement),
    }
    found = as_json(results)
    assert isinstance(found, dict)  # noqa: S101 - for the type checker
    return found


def _who_counts(quality: Sequence[ParticipantQuality]) -> tuple[frozenset[str], bool]:
    """Who finished and is not left out; where nobody finished, who is not left out.

    Returns:
        Their names, and whether they did not finish.
    """
    kept = [each for each in quality if not each.excluded]
    finished = frozenset(each.name for each in kept if each.completed)
    if finished or any(each.completed for each in quality):
        return finished, False
    return frozenset(each.name for each in kept), bool(kept)


def _only(ratings: Ratings, names: frozenset[str]) -> Ratings:
    return ratings.without([name for name in ratings.people if name not in names])


def _counted_ratings(answers: Answers, results: Mapping[str, Any]) -> Ratings:
    names = frozenset(each["name"] for each in results["participants"] if each["counts"])
    return _only(answers.ratings, names)


def _sensitivity(
    answers: Answers,
    quality: Sequence[ParticipantQuality],
    counting: frozenset[str],
    bootstrap: Bootstrap,
) -> list[dict[str, Any]]:
    """The headline with nobody left out by the rule, and with unfinished sessions too."""
    completed = frozenset(each.name for each in quality if each.completed)
    everyone = frozenset(each.name for each in quality)
    others = {}
    if completed and completed != counting:
        others["everyone who finished"] = completed
    if everyone != counting and everyone not in others.values():
        others["everyone, unfinished sessions too"] = everyone
    return [
        {"title": title, **headline_of(_only(answers.ratings, names), bootstrap)}
        for title, names in others.items()
    ]


def _peeked(conduct: Mapping[str, Any], answers: Answers) -> bool:
    running = conduct.get("state") != "closed"
    return running and len(answers.ratings) > 0 and not answers.ratings.simulated


def _study(study: Study) -> dict[str, Any]:
    config = study.config
    plain = (
        "title", "design", "models", "people", "trials_per_person", "training_trials",
        "catch_trials", "repeats", "ties", "seed", "magnify", "small_screens", "smallest_window",
        "language", "instructions", "consent", "contact",
    )  # fmt: skip
    return {
        **{key: getattr(config, key) for key in plain},
        "digest": study.digest,
        "pictures": len(study.indices),
        "platform": config.platform.kind,
        "exclusion_in_words": rule_in_words(config.exclusion),
        "provenance": dict(study.pictures.provenance),
    }


def _simulation(study: Study) -> dict[str, Any] | None:
    """What the observers of a simulation liked, where it was noted."""
    try:
        found = json.loads((study.path / "simulation.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _config(study: Study) -> dict[str, Any]:
    """study.yaml without the texts, which are shown apart, and without the platform's codes."""
    found = study.config.model_dump(mode="json")
    for key in ("title", "instructions", "consent"):
        del found[key]
    found["platform"] = {"kind": study.config.platform.kind}
    return found


def _software() -> dict[str, str]:
    found = {name: version(name) for name in ("snellen", "numpy", "scipy", "torch")}
    return found | {"python": platform.python_version()}


def _measured(study: Study, ratings: Ratings, names: Sequence[str]) -> list[MetricTable]:
    """What each metric says of the ranked pictures; the others have zeros, which are not read."""
    ranked = np.unique(ratings.only("main").picture)
    if not len(ranked) or not names:
        return []
    models = study.config.models
    pictures = (
        (_pixels(study, index, ORIGINAL), [_pixels(study, index, model) for model in models])
        for index in ranked.tolist()
    )
    found = []
    for table in measure_pictures([parse_metric(name) for name in names], pictures):
        values = np.zeros((len(ratings.pictures), len(models)))
        if not table.missing:
            values[ranked] = table.values
        found.append(dataclasses.replace(table, values=values))
    return found


def _pictures(
    ratings: Ratings, tables: Sequence[MetricTable], agreement: MetricsAndPeople | None
) -> list[dict[str, Any]]:
    """Each ranked picture: who ranked it how, what metrics say, and how often these agree."""
    main = ratings.only("main")
    raters = np.bincount(main.picture, minlength=len(main.pictures))
    sums = np.zeros((len(main.pictures), len(main.models)))
    np.add.at(sums, main.picture, main.ranks)
    usable = [table for table in tables if not table.missing]
    compared = [] if agreement is None else [m for m in agreement.metrics if not m.missing]
    return [
        {
            "name": main.pictures[index],
            "source": main.sources[index],
            "raters": int(raters[index]),
            "mean_ranks": dict(zip(main.models, sums[index] / raters[index], strict=True)),
            "metrics": {
                table.name: dict(zip(main.models, table.values[index], strict=True))
                for table in usable
            },
            "agreement": {metric.name: metric.by_picture[index] for metric in compared},
        }
        for index in np.flatnonzero(raters).tolist()
    ]


def _gallery(study: Study, results: Mapping[str, Any], key: str) -> list[RankedPicture]:
    chosen = (results["galleries"] or {}).get(key) or []
    return [_ranked_picture(study, Pick(**pick)) for pick in chosen]


def _ranked_picture(study: Study, pick: Pick) -> RankedPicture:
    picture = study.picture(pick.picture)
    models = study.config.models
    return RankedPicture(
        picture.name,
        picture.source,
        _planes(study, pick.picture, ORIGINAL),
        {model: _planes(study, pick.picture, model) for model in models},
        dict(zip(models, pick.ranks, strict=True)),
        pick.raters,
    )


def _planes(study: Study, index: int, model: str) -> NDArray[np.uint8]:
    """One picture as uint8 (C, H, W)."""
    pixels = _pixels(study, index, model)
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes)


def _pixels(study: Study, index: int, model: str) -> NDArray[np.uint8]:
    """One picture as uint8 (H, W) or (H, W, 3), of the file that people saw."""
    study.picture_bytes(index, model)  # refuses a file that was changed
    path = study.path / study.picture(index).files[model]
    pixels = read_image(path)
    if pixels.dtype != np.uint8:
        raise UserError(f"{shown(path)} has more than 8 bits a channel: restore the picture.")
    return pixels.astype(np.uint8, copy=False)
