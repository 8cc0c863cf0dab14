"""results.json, csv/ and report.html of an experiment on representations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets import Column
from snellen.experiments.representation import edges
from snellen.experiments.representation.knowledge import MAPPED, QUERIES, Knowledge, drawn
from snellen.experiments.representation.learning import SUPERVISED
from snellen.experiments.representation.planning import Data, Place, Plan
from snellen.experiments.representation.results import (
    POSTER,
    comparisons,
    describe_data,
    describe_splits,
    prediction_rows,
    score_rows,
    scores,
    write_table,
)
from snellen.experiments.representation.scoring import Scored
from snellen.experiments.running import head_of_results, write_json
from snellen.reports import (
    CodeMap,
    Neighbours,
    RepresentationReport,
    write_representation_report,
)
from snellen.training import Outcome, read_rows

__all__ = ["Shown", "write_results"]

_AGREES = 0.1  # numbers agree within this share of their range


@dataclass(frozen=True)
class Shown:
    """A few held-out pictures and what the losses make of them.

    Attributes:
        place: the division.
        chosen: places in its held-out part.
        reconstructions: loss → uint8 (n, C, S, S).
    """

    place: Place
    chosen: NDArray[np.int64]
    reconstructions: dict[str, NDArray[np.uint8]]


def write_results(
    plan: Plan,
    root: Path,
    scored: Sequence[Scored],
    known: Mapping[str, Knowledge],
    shown: Shown | None,
    qualities: Mapping[tuple[str, str], Sequence[Mapping[str, float]]],
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    """Write all that is said of the experiment into its run folder.

    Args:
        plan: what was done.
        root: the run folder.
        scored: every prediction of every method.
        known: what the codes of the first division know, by method.
        shown: pictures to show.
        qualities: (split, loss) → the mean measures of each training's reconstructions.
        outcomes: of all trainings.

    Returns:
        The content of results.json.

    Raises:
        UserError: the folder cannot be written.
    """
    config, data = plan.config, plan.data
    results: dict[str, Any] = {
        **head_of_results("representation", root, config),
        "precision": outcomes[0].precision,
        "seconds": sum(outcome.seconds for outcome in outcomes),
        "data": describe_data(data, config.size, config.channels),
        "splits": describe_splits(plan),
        "code_sizes": list(config.code_size),
        "methods": _methods(plan),
        "scores": scores(plan, scored),
        "comparisons": comparisons(plan, scored, config.losses),
        "reconstructions": _qualities(qualities),
        "layers": [vars(layer) for found in known.values() for layer in found.layers],
        "edges": [{"method": method, **vars(found.edges)} for method, found in known.items()],
        "descriptions": {"edges": edges.DESCRIPTION},
    }
    if config.data.startswith("yale:"):
        results["poster"] = [dict(row) for row in POSTER]
    first = next(place for place in plan.places if place.is_shown)
    _write_tables(root / "csv", data, scored, known, first)
    write_representation_report(
        root / "report.html", _report(plan, results, known, shown, first, root)
    )
    # Last, so that a folder with results.json is a finished one.
    write_json(root / "results.json", results)
    return results


def _methods(plan: Plan) -> list[dict[str, str]]:
    losses = [{"name": name, "kind": "loss"} for name in plan.config.losses]
    return losses + [
        {"name": name, "kind": "ceiling" if name == SUPERVISED else "baseline"}
        for name in plan.config.baselines
    ]


def _qualities(
    qualities: Mapping[tuple[str, str], Sequence[Mapping[str, float]]],
) -> list[dict[str, Any]]:
    """The mean over seeds and folds of what the reconstructions measure."""
    return [
        {
            "split": split,
            "loss": loss,
            **{name: float(np.mean([one[name] for one in found])) for name in found[0]},
        }
        for (split, loss), found in qualities.items()
    ]


def _write_tables(
    folder: Path,
    data: Data,
    scored: Sequence[Scored],
    known: Mapping[str, Knowledge],
    place: Place,
) -> None:
    """Write the data of the tables and figures."""
    common = ["split", "seed", "fold", "code_size", "method", "column"]
    write_table(
        folder / "scores.csv",
        [*common, "error", "kernel", "c", "gamma", "inner", "rbf", "linear", "chance"],
        score_rows(scored),
    )
    write_table(
        folder / "predictions.csv",
        [*common, "picture", "true", "predicted", "error"],
        prediction_rows(data, scored),
    )
    held_out = place.division.held_out
    names = [data.names[row] for row in held_out[drawn(place, MAPPED, "map")].tolist()]
    write_table(
        folder / "map.csv",
        ["method", "map", "picture", "x", "y"],
        (
            [method, kind, name, float(x), float(y)]
            for method, found in known.items()
            for kind, points in found.maps.items()
            for name, (x, y) in zip(names, points, strict=True)
        ),
    )
    write_table(
        folder / "layers.csv",
        ["method", "layer", "numbers", "column", "error"],
        (
            [layer.method, layer.layer, layer.features, layer.column, layer.score]
            for found in known.values()
            for layer in found.layers
        ),
    )
    write_table(
        folder / "edges.csv",
        ["method", "share", "direction", "direction_of_mean"],
        (
            [method, found.edges.share, found.edges.direction, found.edges.direction_of_mean]
            for method, found in known.items()
        ),
    )
    queries = held_out[drawn(place, QUERIES, "queries")].tolist()
    write_table(
        folder / "neighbours.csv",
        ["method", "picture", "rank", "neighbour", *(column.name for column in data.columns)],
        (
            [
                method,
                data.names[query],
                rank + 1,
                data.names[near],
                *(_value(column, near) for column in data.columns),
            ]
            for method, found in known.items()
            for query, row in zip(queries, found.neighbours.tolist(), strict=True)
            for rank, near in enumerate(row)
        ),
    )


def _report(
    plan: Plan,
    results: Mapping[str, Any],
    known: Mapping[str, Knowledge],
    shown: Shown | None,
    place: Place,
    root: Path,
) -> RepresentationReport:
    data, held_out = plan.data, place.division.held_out
    mapped = held_out[drawn(place, MAPPED, "map")]
    chosen = held_out[shown.chosen] if shown else held_out[:0]
    return RepresentationReport(
        results=results,
        originals=data.pixels[chosen],
        reconstructions=shown.reconstructions if shown else {},
        names=[data.names[row] for row in chosen.tolist()],
        maps=[
            CodeMap(method, kind, points)
            for method, found in known.items()
            if method in plan.config.losses
            for kind, points in found.maps.items()
        ],
        map_labels={
            column.name: (column.kind, column.values[mapped], list(column.classes))
            for column in data.columns
        },
        neighbours=list(_neighbours(plan, known, place)),
        curves=read_rows(root / "metrics.jsonl"),
    )


def _neighbours(plan: Plan, known: Mapping[str, Knowledge], place: Place) -> Iterable[Neighbours]:
    """What the nearest codes of the training part show, for the losses only."""
    data = plan.data
    queries = place.division.held_out[drawn(place, QUERIES, "queries")]
    for row, query in enumerate(queries.tolist()):
        found = {}
        for loss in plan.config.losses:
            if loss not in known:
                continue
            found[loss] = [
                (
                    data.pixels[near],
                    ", ".join(_said(column, near) for column in data.columns),
                    [_agrees(column, query, near) for column in data.columns],
                )
                for near in known[loss].neighbours[row].tolist()
            ]
        yield Neighbours(
            query=data.pixels[query],
            query_labels=[_said(column, query) for column in data.columns],
            found=found,
        )


def _value(column: Column, row: int) -> str | float:
    value = column.values[row]
    return column.classes[int(value)] if column.kind == "class" else float(value)


def _said(column: Column, row: int) -> str:
    value = _value(column, row)
    if isinstance(value, str):
        return value
    return f"{column.name} {value:g}{column.unit}".replace("-", "−")


def _agrees(column: Column, one: int, other: int) -> bool:
    """Whether two pictures have the same class, or nearly the same number."""
    a, b = (float(column.values[row]) for row in (one, other))
    if column.kind == "class":
        return a == b
    apart, reach = abs(a - b), float(np.ptp(column.values))
    if column.kind == "circular":
        reach = column.period or 360.0
        apart = min(apart % reach, reach - apart % reach)
    return apart <= _AGREES * reach
