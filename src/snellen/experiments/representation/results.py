"""From the scores of single trainings to results.json and the CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snellen.datasets import Column
from snellen.experiments.representation.planning import Data, Plan
from snellen.experiments.representation.resampled import corrected_mean
from snellen.experiments.representation.scoring import Scored
from snellen.files import atomic_write, shown, spreadsheet_cell

__all__ = ["comparisons", "describe_data", "describe_splits", "scores", "write_table"]


def describe_data(data: Data, size: int, channels: int) -> dict[str, Any]:
    """Return ``data`` of results.json."""
    return {
        "spec": data.spec,
        "pictures": len(data),
        "left_out": dict(data.left_out),
        "size": size,
        "channels": channels,
        "columns": [_describe_column(column) for column in data.columns],
    }


def _describe_column(column: Column) -> dict[str, Any]:
    is_class = column.kind == "class"
    return {
        "name": column.name,
        "kind": column.kind,
        "unit": column.unit,
        "classes": len(column.classes) if is_class else None,
        "low": None if is_class else float(column.values.min()),
        "high": None if is_class else float(column.values.max()),
        "period": column.period,
    }


def describe_splits(plan: Plan) -> list[dict[str, Any]]:
    """Return ``splits`` of results.json."""
    found = []
    for split in plan.splits:
        places = list(plan.of_split(split.name))
        train = [len(place.division.train) for place in places]
        held_out = [len(place.division.held_out) for place in places]
        found.append(
            {
                "name": split.name,
                "title": split.title,
                "held_out_by": list(split.held_out_by),
                "targets": list(split.targets),
                "parts": split.parts,
                "folds": split.folds,
                "train": round(float(np.mean(train))),
                "held_out": round(float(np.mean(held_out))),
                "test_train_ratio": _ratio(plan, split.name),
            }
        )
    return found


def _ratio(plan: Plan, split: str) -> float:
    """Held-out pictures for each training picture, over all divisions of a split."""
    divisions = [place.division for place in plan.of_split(split)]
    return sum(len(d.held_out) for d in divisions) / sum(len(d.train) for d in divisions)


def scores(plan: Plan, scored: Iterable[Scored]) -> list[dict[str, Any]]:
    """Return ``scores`` of results.json: one entry for each split, code size, method and column."""
    found = []
    for (split, code_size, method, column), group in _grouped(scored).items():
        mean = corrected_mean([one.error for one in group], _ratio(plan, split))
        is_class = plan.data.column(column).kind == "class"
        kernels = list(group[0].by_kernel)
        chosen = Counter(one.machine.kernel for one in group)
        found.append(
            {
                "split": split,
                "code_size": code_size,
                "method": method,
                "column": column,
                "measure": "error" if is_class else "mse",
                "mean": mean.mean,
                # A share of wrong answers, or a squared error, is not below 0.
                "low": None if mean.low is None else max(0.0, mean.low),
                "high": mean.high if mean.high is None or not is_class else min(1.0, mean.high),
                "root": None if is_class else math.sqrt(mean.mean),
                "values": [one.error for one in group],
                "by_kernel": {
                    kernel: float(np.mean([one.by_kernel[kernel] for one in group]))
                    for kernel in kernels
                },
                "chosen": {kernel: chosen[kernel] for kernel in kernels},  # type: ignore[index]
                "chance": float(np.mean([one.chance for one in group])),
            }
        )
    return found


def comparisons(
    plan: Plan, scored: Iterable[Scored], losses: Sequence[str]
) -> list[dict[str, Any]]:
    """Return ``comparisons`` of results.json: each later loss minus each earlier one, paired."""
    groups = _grouped(scored)
    found = []
    for split in plan.splits:
        for code_size in plan.config.code_size:
            for column in split.targets:
                for place, later in enumerate(losses):
                    for earlier in losses[:place]:
                        pair = [
                            np.array([o.error for o in groups[split.name, code_size, m, column]])
                            for m in (later, earlier)
                        ]
                        mean = corrected_mean(pair[0] - pair[1], _ratio(plan, split.name))
                        found.append(
                            {
                                "split": split.name,
                                "code_size": code_size,
                                "column": column,
                                "later": later,
                                "earlier": earlier,
                                "mean": mean.mean,
                                "low": mean.low,
                                "high": mean.high,
                                "p": mean.p,
                                "pairs": len(pair[0]),
                                "excludes_zero": mean.excludes_zero,
                            }
                        )
    return found


def _grouped(scored: Iterable[Scored]) -> dict[tuple[str, int, str, str], list[Scored]]:
    """Put what differs in seed and fold only together, seeds outermost."""
    groups: dict[tuple[str, int, str, str], list[Scored]] = {}
    for one in scored:
        key = one.place.split.name, one.code_size, one.method, one.column
        groups.setdefault(key, []).append(one)
    for group in groups.values():
        group.sort(key=lambda one: (one.place.seed, one.place.fold))
    return groups


def prediction_rows(data: Data, scored: Iterable[Scored]) -> Iterable[list[Any]]:
    """One row for each picture, method and column: what was true and what was said."""
    for one in scored:
        column = data.column(one.column)
        held_out = one.place.division.held_out
        for row, said, error in zip(held_out.tolist(), one.predictions, one.errors, strict=True):
            truth = column.values[row]
            is_class = column.kind == "class"
            yield [
                one.place.split.name,
                one.place.seed,
                one.place.fold,
                one.code_size,
                one.method,
                one.column,
                data.names[row],
                column.classes[int(truth)] if is_class else float(truth),
                column.classes[int(said)] if is_class else float(said),
                float(error),
            ]


def score_rows(scored: Iterable[Scored]) -> Iterable[list[Any]]:
    """One row for each training, method and column."""
    for one in scored:
        yield [
            one.place.split.name,
            one.place.seed,
            one.place.fold,
            one.code_size,
            one.method,
            one.column,
            one.error,
            one.machine.kernel,
            one.machine.c,
            one.machine.gamma,
            one.inner,
            *(one.by_kernel.get(kernel, "") for kernel in ("rbf", "linear")),
            one.chance,
        ]


def write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    atomic_write(path, text.getvalue())


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return spreadsheet_cell(shown(value))
    return repr(float(value)) if isinstance(value, float) else value
