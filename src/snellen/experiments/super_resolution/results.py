"""From what was measured of every picture to results.json and results.csv."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.experiments.statistics import (
    Interval,
    intervals,
    paired_comparisons,
    paired_differences,
)
from snellen.experiments.super_resolution.published import anchors
from snellen.files import atomic_write, shown, spreadsheet_cell

__all__ = ["BICUBIC", "MEASURES", "SetTable", "tables_in_json", "write_csv"]

MEASURES = ("psnr", "ssim")
BICUBIC = "bicubic"


@dataclass(frozen=True)
class SetTable:
    """All that was measured on one set of n pictures.

    Attributes:
        name: of the set.
        names: n names of pictures.
        sources: n labels; pictures of one scene share one.
        bicubic: each of `MEASURES`, (n,); psnr in dB.
        losses: for each loss each of `MEASURES`, (seeds, n).
        published: whether published numbers of a set of this name are of these pictures.
    """

    name: str
    names: Sequence[str]
    sources: Sequence[str]
    bicubic: Mapping[str, NDArray[np.float64]]
    losses: Mapping[str, Mapping[str, NDArray[np.float64]]]
    published: bool = False


def tables_in_json(tables: Sequence[SetTable], scale: int) -> dict[str, Any]:
    """Return what results.json has of the measurements.

    ``methods`` are the plain means in the form of ``snellen superres evaluate --json``. ``losses``
    add 95 % intervals, resampled by picture and seed, and each seed's mean with their spread (the
    sample standard deviation; null for one seed). ``differences`` are paired by picture and seed:
    each loss minus the first; ``comparisons`` hold every later loss minus every earlier one, and
    ``gains`` each loss minus bicubic enlargement. ``published`` are the anchors.
    """
    losses = list(tables[0].losses)
    pairs = {table.name: paired_comparisons(table.losses, table.sources) for table in tables}
    comparisons = {
        later: {
            earlier: {
                name: {measure: found.as_dict() for measure, found in row[later][earlier].items()}
                for name, row in pairs.items()
            }
            for earlier in losses[:place]
        }
        for place, later in enumerate(losses)
        if place
    }
    return {
        "sets": {
            t.name: {"pictures": len(t.names), "sources": len(set(t.sources))} for t in tables
        },
        "methods": {
            method: {table.name: _plain_means(table, method) for table in tables}
            for method in (BICUBIC, *losses)
        },
        "bicubic": {t.name: _as_dicts(intervals(t.bicubic, t.sources)) for t in tables},
        "losses": {loss: {t.name: _measured(t, loss) for t in tables} for loss in losses},
        "differences": {loss: comparisons[loss][losses[0]] for loss in losses[1:]},
        "comparisons": comparisons,
        "gains": {loss: {t.name: _gain(t, loss) for t in tables} for loss in losses},
        "published": [
            dataclasses.asdict(found)
            for found in anchors(scale, [table.name for table in tables if table.published])
        ],
    }


def _plain_means(table: SetTable, method: str) -> dict[str, float | int]:
    found = table.bicubic if method == BICUBIC else table.losses[method]
    means = {name: float(np.mean(found[name])) for name in MEASURES}
    return {**means, "pictures": len(table.names)}


def _measured(table: SetTable, loss: str) -> dict[str, Any]:
    found: dict[str, Any] = _as_dicts(intervals(table.losses[loss], table.sources))
    for name, values in table.losses[loss].items():
        means = values.mean(1)
        with np.errstate(invalid="ignore"):  # a perfect picture has an infinite PSNR
            spread = float(means.std(ddof=1)) if len(means) > 1 else None
        found[name] |= {"seeds": means.tolist(), "spread": spread}
    return found


def _gain(table: SetTable, loss: str) -> dict[str, dict[str, float]]:
    seeds = len(table.losses[loss][MEASURES[0]])
    same = {name: np.tile(values, (seeds, 1)) for name, values in table.bicubic.items()}
    return _as_dicts(paired_differences(table.losses[loss], same, table.sources))


def _as_dicts(found: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    return {name: interval.as_dict() for name, interval in found.items()}


def write_csv(path: Path, tables: Sequence[SetTable]) -> None:
    """Write one row for each set, picture, method and seed; bicubic has no seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "picture", "method", "seed", *MEASURES])
    for table in tables:
        rows = [(BICUBIC, "", table.bicubic)]
        for loss, found in table.losses.items():
            seeds = range(len(found[MEASURES[0]]))
            rows += [(loss, str(s), {m: found[m][s] for m in MEASURES}) for s in seeds]
        for n, name in enumerate(table.names):
            for method, seed, values in rows:
                cells = [table.name, name, method]
                writer.writerow(
                    [spreadsheet_cell(shown(cell)) for cell in cells]
                    + [seed, *(repr(float(values[m][n])) for m in MEASURES)]
                )
    atomic_write(path, text.getvalue())
