"""From the evaluations of single trainings to results.json and results.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.experiments.evaluation import METRICS, Evaluation
from snellen.experiments.generation import Generated, mean_variational
from snellen.experiments.measures import octaves
from snellen.experiments.statistics import intervals, paired_comparisons, paired_differences
from snellen.files import atomic_write, shown, spreadsheet_cell

__all__ = ["LossTable", "Trial", "compare", "gather", "write_csv"]


@dataclass(frozen=True)
class Trial:
    """One training's place in the experiment, and what its network achieved."""

    code_size: int
    fold: int
    seed: int
    loss: str
    evaluation: Evaluation
    train_seconds: float
    precision: str  # fp32 or bf16, of the network while it was trained
    variational: dict[str, float] | None = None  # how a VAE uses its code
    generated: Generated | None = None  # of seed 0


@dataclass(frozen=True)
class LossTable:
    """All that was measured under one loss; pictures in the order of the folds.

    Attributes:
        measures: each of `METRICS`, (seeds, n).
        octaves: dB, (seeds, n, octaves).
        pixels: reconstructions under seed 0, uint8 (n, C, S, S).
        train_seconds: mean time of a training.
        variational: how variational networks use their code, the mean over trainings.
        generated: what the first network of seed 0 makes of codes of no picture.
    """

    measures: dict[str, NDArray[np.float64]]
    octaves: NDArray[np.float64]
    pixels: NDArray[np.uint8]
    train_seconds: float
    variational: dict[str, float] | None = None
    generated: Generated | None = None


def gather(trials: Sequence[Trial], code_size: int, loss: str) -> LossTable:
    """Put the trainings of one loss and code size together: folds side by side, seeds in rows."""
    mine = [t for t in trials if t.code_size == code_size and t.loss == loss]
    seeds = sorted({t.seed for t in mine})
    rows = [sorted((t for t in mine if t.seed == s), key=lambda t: t.fold) for s in seeds]
    return LossTable(
        measures={
            name: np.stack(
                [np.concatenate([t.evaluation.measures[name] for t in row]) for row in rows]
            )
            for name in METRICS
        },
        octaves=np.stack([np.concatenate([t.evaluation.octaves for t in row]) for row in rows]),
        pixels=np.concatenate([t.evaluation.pixels for t in rows[0]]),
        train_seconds=float(np.mean([t.train_seconds for t in mine])),
        variational=mean_variational([t.variational for t in mine]),
        generated=rows[0][0].generated,
    )


def compare(
    tables: Mapping[str, LossTable],
    sources: Sequence[str],
    *,
    size: int,
    levels: int,
    learning_rates: Mapping[str, float],
) -> dict[str, Any]:
    """Return ``losses``, ``differences`` and ``comparisons`` of results.json.

    Means with their 95 % intervals, resampled by source picture and seed. Differences are paired,
    each loss minus the first; comparisons hold every later loss minus every earlier one.
    """
    first = next(iter(tables))
    losses, differences = {}, {}
    for name, table in tables.items():
        measured = _with_octaves(table)
        entry = _entry(intervals(measured, sources), size, levels)
        losses[name] = entry | {
            "train_seconds": table.train_seconds,
            "learning_rate": learning_rates[name],
            **({"variational": table.variational} if table.variational else {}),
        }
        if name != first:
            against = _with_octaves(tables[first])
            differences[name] = _entry(paired_differences(measured, against, sources), size, levels)
    pairs = paired_comparisons({name: t.measures for name, t in tables.items()}, sources)
    comparisons = {
        later: {
            earlier: {measure: found.as_dict() for measure, found in measures.items()}
            for earlier, measures in row.items()
        }
        for later, row in pairs.items()
    }
    return {"losses": losses, "differences": differences, "comparisons": comparisons}


def _with_octaves(table: LossTable) -> dict[str, NDArray[np.float64]]:
    bands = {f"octave-{k}": table.octaves[..., k] for k in range(table.octaves.shape[-1])}
    return {**table.measures, **bands}


def _entry(found: Mapping[str, Any], size: int, levels: int) -> dict[str, Any]:
    """One loss's measures as results.json has them."""
    entry: dict[str, Any] = {name: found[name].as_dict() for name in METRICS}
    entry["ms_ssim"]["levels"] = levels
    entry["octaves"] = [
        {
            "band": octave.band,
            "low": octave.low,
            "high": octave.high,
            "error": found[f"octave-{k}"].as_dict(),
        }
        for k, octave in enumerate(octaves(size))
    ]
    return entry


def write_csv(
    path: Path,
    tables: Mapping[int, Mapping[str, LossTable]],
    names: Sequence[str],
    sources: Sequence[str],
    *,
    size: int,
) -> None:
    """Write one row for each code size, loss, seed and picture."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    bands = [f"octave {octave.band} (dB)" for octave in octaves(size)]
    writer.writerow(["code_size", "loss", "seed", "picture", "source", *METRICS, *bands])
    for code_size, losses in tables.items():
        for loss, table in losses.items():
            for seed in range(len(table.octaves)):
                for n, (name, source) in enumerate(zip(names, sources, strict=True)):
                    numbers = [table.measures[m][seed, n] for m in METRICS]
                    numbers.extend(table.octaves[seed, n])
                    row = [
                        code_size,
                        loss,
                        seed,
                        spreadsheet_cell(shown(name)),
                        spreadsheet_cell(shown(source)),
                    ]
                    writer.writerow([*row, *(repr(float(v)) for v in numbers)])
    atomic_write(path, text.getvalue())
