"""``snellen study analyse``: from the answers to results.json, CSV files and a report."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from snellen.errors import UserError, nearest
from snellen.files import atomic_write
from snellen.reports.study import StudyReport, write_study_report
from snellen.reports.study_facts import as_shown
from snellen.study.analysis_folder import refuse_foreign_folder, write_folder
from snellen.study.analysis_pictures import gallery_pictures
from snellen.study.analysis_results import results_of
from snellen.study.analysis_tables import csv_files
from snellen.study.conduct import how_it_went
from snellen.study.folder import Study
from snellen.study.interim import look_at_result
from snellen.study.metric_values import DEFAULT_METRICS, parse_metric
from snellen.study.statistics.resampling import Bootstrap
from snellen.study.store.opening import reading
from snellen.study.store.reading import answers_in

__all__ = ["analyse"]


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
    answers of those who began are used, and the report says so. Where the rule leaves out everyone,
    the report shows what they say without the rule, named as that.

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
    now = clock()
    look_at_result(
        study,
        "analysis",
        unlock_result=unlock_result,
        command="snellen study analyse",
        now=now,
    )
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
        now=now,
    )
    galleries = as_shown(results)["galleries"]
    report = StudyReport(
        results,
        first=gallery_pictures(study, galleries, "first"),
        behind=gallery_pictures(study, galleries, "behind"),
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
