"""The scores of pairs as a table in the terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from snellen import __version__
from snellen.cli.score_measure import Metric, PairScore, ScoreOptions
from snellen.files import shown, spreadsheet_cell

__all__ = ["means", "score_csv", "score_json", "score_table"]

_ARROWS = {"higher": " ↑", "lower": " ↓", "unknown": ""}


def means(scores: list[PairScore], metrics: list[Metric]) -> dict[str, float]:
    """Return the mean of each metric over the pairs that did not fail, {} when all failed.

    One set of pairs for all metrics: else the columns of one row would speak of different pictures.
    """
    good = [score for score in scores if not score.problems]
    if not good:
        return {}
    return {
        metric.name: math.fsum(score.values[metric.name] for score in good) / len(good)
        for metric in metrics
    }


def score_table(scores: list[PairScore], metrics: list[Metric]) -> Table:
    """Return the table of the pairs that have any value, with a row of means below."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("pair", overflow="fold")
    for metric in metrics:
        # A long name of someone's function breaks; a number never does.
        label = metric.name.rpartition(":")[2] + _ARROWS[metric.better]
        table.add_column(
            label, justify="right", overflow="fold", min_width=max(8, min(len(label), 10))
        )
    for score in scores:
        if score.values:
            numbers = [_rounded(score.values.get(metric.name), metric) for metric in metrics]
            table.add_row(Text(shown(score.pair.name)), *numbers)
    mean = means(scores, metrics)
    if mean and len(scores) > 1:
        good = sum(not score.problems for score in scores)
        over = f"mean of {good}" if good == len(scores) else f"mean of {good} of {len(scores)}"
        table.add_section()
        table.add_row(over, *(_rounded(mean[metric.name], metric) for metric in metrics))
    return table


def _rounded(value: float | None, metric: Metric) -> str:
    return "–" if value is None else format(value, metric.digits)


def score_json(
    scores: list[PairScore],
    metrics: list[Metric],
    options: ScoreOptions,
    folders: tuple[Path, Path],
) -> str:
    """Return everything as JSON text, numbers in full; infinite ones as the string ``"inf"``.

    JSON has no infinity (the PSNR of identical pictures), and Python's float, like most languages'
    parsers of numbers, reads that string back.
    """
    content = {
        "format": 1,
        "snellen": __version__,
        "reference": shown(folders[0]),
        "distorted": shown(folders[1]),
        "metrics": [metric.name for metric in metrics],
        "convention": asdict(options.convention),
        "gray": options.gray,
        "pairs": [_pair_record(score) for score in scores],
        "measured": sum(not score.problems for score in scores),
        "failed": sum(bool(score.problems) for score in scores),
        "mean": _finite(means(scores, metrics)),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _pair_record(score: PairScore) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": shown(score.pair.name),
        "reference": None if score.pair.reference is None else shown(score.pair.reference),
        "distorted": None if score.pair.distorted is None else shown(score.pair.distorted),
        "values": _finite(score.values),
        "problems": list(score.problems),
    }
    if score.data_range:
        record |= {
            "width": score.width,
            "height": score.height,
            "channels": score.channels,
            "data_range": score.data_range,
        }
    if score.levels is not None:
        record["levels"] = score.levels
    return record


def _finite(values: dict[str, float]) -> dict[str, float | str]:
    return {name: value if math.isfinite(value) else str(value) for name, value in values.items()}


def score_csv(scores: list[PairScore], metrics: list[Metric]) -> str:
    """Return one row for each pair as CSV text: the names, the metrics in full, the problems.

    A name that a spreadsheet would read as a formula (``=a.png``) is preceded by an apostrophe.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["name", "reference", "distorted", *(m.name for m in metrics), "problems"])
    for score in scores:
        pair = score.pair
        rows.writerow(
            [
                *map(_cell, (pair.name, pair.reference or "", pair.distorted or "")),
                *(repr(score.values[m.name]) if m.name in score.values else "" for m in metrics),
                _cell(" ".join(score.problems)),
            ]
        )
    return text.getvalue()


def _cell(text: str | Path) -> str:
    return spreadsheet_cell(shown(text))
