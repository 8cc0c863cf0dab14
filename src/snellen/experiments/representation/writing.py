"""results.json, csv/ and report.html of an experiment on representations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.datasets import Column
from snellen.experiments.generation import (
    Generated,
    draw_pairs,
    generation_input,
    mean_variational,
)
from snellen.experiments.representation import edges
from snellen.experiments.representation.knowledge import MAPPED, QUERIES, Knowledge, drawn
from snellen.experiments.representation.learning import SUPERVISED
from snellen.experiments.representation.planning import Data, Place, Plan
from snellen.experiments.representation.published import POSTER
from snellen.experiments.representation.results import (
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
    GenerationInput,
    Neighbours,
    RepresentationReport,
    write_representation_report,
)
from snellen.training import read_rows

__all__ = ["Found", "Shown", "show", "write_results"]

SHOWN_PICTURES = 8

_AGREES = 0.1  # numbers agree within this share of their range


@dataclass(frozen=True)
class Shown:
    """A few held-out pictures, and what the networks of one division make of them.

    Attributes:
        place: the division.
        chosen: places in its held-out part, of pictures to reconstruct.
        pairs: places in its held-out part, (p, 2), of pictures to go from one to the other.
        reconstructions: loss → uint8 (n, C, S, S).
        generated: loss → what its network makes of codes of no picture.
    """

    place: Place
    chosen: NDArray[np.int64]
    pairs: NDArray[np.int64]
    reconstructions: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    generated: dict[str, Generated | None] = field(default_factory=dict)


Means = dict[tuple[str, str], list[dict[str, float]]]


@dataclass
class Found:
    """What the trainings and searches of a run have found.

    Attributes:
        scored: every prediction of every method.
        known: what the codes of the first division know, by method.
        qualities: (split, loss) → mean measures of the reconstructions, one for each training.
        variational: (split, loss) → how a variational network uses its code.
        seconds: of training, all networks together.
        precision: fp32 or bf16, of the networks while they were trained.
        shown: pictures to show.
    """

    scored: list[Scored] = field(default_factory=list)
    known: dict[str, Knowledge] = field(default_factory=dict)
    qualities: Means = field(default_factory=dict)
    variational: Means = field(default_factory=dict)
    seconds: float = 0.0
    precision: str = ""
    shown: Shown | None = None


def show(plan: Plan, place: Place) -> Shown:
    """Draw the pictures that are shown, before any number is looked at."""
    held_out = place.division.held_out
    classes = next((column for column in plan.data.columns if column.kind == "class"), None)
    whose = held_out if classes is None else classes.values[held_out]
    pairs = np.array(draw_pairs(whose.tolist()), np.int64).reshape(-1, 2)
    return Shown(place, drawn(place, SHOWN_PICTURES, "shown"), pairs)


def write_results(plan: Plan, root: Path, found: Found) -> dict[str, Any]:
    """Write all that is said of the experiment into its run folder.

    Args:
        plan: what was done.
        root: the run folder.
        found: what came of it.

    Returns:
        The content of results.json.

    Raises:
        UserError: the folder cannot be written.
    """
    config, data = plan.config, plan.data
    results: dict[str, Any] = {
        **head_of_results("representation", root, config),
        "precision": found.precision,
        "seconds": found.seconds,
        "data": describe_data(data, config.size, config.channels),
        "splits": describe_splits(plan),
        "code_sizes": list(config.code_size),
        "methods": _methods(plan),
        "scores": scores(plan, found.scored),
        "comparisons": comparisons(plan, found.scored, config.losses),
        "reconstructions": _means(found.qualities),
        "layers": [vars(layer) for known in found.known.values() for layer in known.layers],
        "edges": [{"method": method, **vars(known.edges)} for method, known in found.known.items()],
        "descriptions": {"edges": edges.DESCRIPTION},
    }
    if found.variational:
        results["variational"] = _means(found.variational)
    if config.data.startswith("yale:"):
        results["poster"] = [dict(row) for row in POSTER]
    first = next(place for place in plan.places if place.is_shown)
    _write_tables(root / "csv", data, found.scored, found.known, first)
    write_representation_report(root / "report.html", _report(plan, results, found, first, root))
    # Last, so that a folder with results.json is a finished one.
    write_json(root / "results.json", results)
    return results


def _methods(plan: Plan) -> list[dict[str, str]]:
    losses = [{"name": name, "kind": "loss"} for name in plan.config.losses]
    return losses + [
        {"name": name, "kind": "ceiling" if name == SUPERVISED else "baseline"}
        for name in plan.config.baselines
    ]


def _means(found: Means) -> list[dict[str, Any]]:
    """The means over seeds and folds, a row for each split and loss."""
    return [
        {
            "split": split,
            "loss": loss,
            **{name: float(np.mean([one[name] for one in each])) for name in each[0]},
        }
        for (split, loss), each in found.items()
    ]


def _write_tables(
    folder: Path,
    data: Data,
    scored: Sequence[Scored],
    known: Mapping[str, Knowledge],
    place: Place,
) -> None:
    """Write the data of the tables and figures."""
    held_out = place.division.held_out
    mapped = [data.names[row] for row in held_out[drawn(place, MAPPED, "map")].tolist()]
    queries = held_out[drawn(place, QUERIES, "queries")].tolist()
    common = ["split", "seed", "fold", "code_size", "method", "column"]
    machine = ["error", "kernel", "c", "gamma", "inner", "rbf", "linear", "chance"]
    labels = [column.name for column in data.columns]
    tables: dict[str, tuple[list[str], Iterable[Sequence[Any]]]] = {
        "scores": ([*common, *machine], score_rows(scored)),
        "predictions": (
            [*common, "picture", "true", "predicted", "error"],
            prediction_rows(data, scored),
        ),
        "map": (["method", "map", "picture", "x", "y"], _map_rows(known, mapped)),
        "layers": (
            ["method", "layer", "numbers", "column", "error"],
            (
                [layer.method, layer.layer, layer.features, layer.column, layer.score]
                for found in known.values()
                for layer in found.layers
            ),
        ),
        "edges": (
            ["method", "share", "orientation", "orientation_of_mean"],
            ([method, *vars(found.edges).values()] for method, found in known.items()),
        ),
        "neighbours": (
            ["method", "picture", "rank", "neighbour", *labels],
            _neighbour_rows(data, known, queries),
        ),
    }
    for name, (head, rows) in tables.items():
        write_table(folder / f"{name}.csv", head, rows)


def _map_rows(known: Mapping[str, Knowledge], names: Sequence[str]) -> Iterable[list[Any]]:
    for method, found in known.items():
        for kind, points in found.maps.items():
            for name, (x, y) in zip(names, points, strict=True):
                yield [method, kind, name, float(x), float(y)]


def _neighbour_rows(
    data: Data, known: Mapping[str, Knowledge], queries: Sequence[int]
) -> Iterable[list[Any]]:
    for method, found in known.items():
        for query, row in zip(queries, found.neighbours.tolist(), strict=True):
            for rank, near in enumerate(row):
                labels = [_value(column, near) for column in data.columns]
                yield [method, data.names[query], rank + 1, data.names[near], *labels]


def _report(
    plan: Plan, results: Mapping[str, Any], found: Found, place: Place, root: Path
) -> RepresentationReport:
    data, held_out, shown = plan.data, place.division.held_out, found.shown
    mapped = held_out[drawn(place, MAPPED, "map")]
    chosen = held_out[shown.chosen] if shown else held_out[:0]
    return RepresentationReport(
        results=results,
        originals=data.pixels[chosen],
        reconstructions=shown.reconstructions if shown else {},
        names=[data.names[row] for row in chosen.tolist()],
        generated=_generated(plan, found),
        maps=[
            CodeMap(method, kind, points)
            for method, known in found.known.items()
            if method in plan.config.losses
            for kind, points in known.maps.items()
        ],
        map_labels={
            column.name: (column.kind, column.values[mapped], list(column.classes))
            for column in data.columns
        },
        neighbours=list(_neighbours(plan, found.known, place)),
        curves=read_rows(root / "metrics.jsonl"),
    )


def _generated(plan: Plan, found: Found) -> GenerationInput | None:
    if found.shown is None:
        return None
    rows = found.shown.place.division.held_out[found.shown.pairs]
    names = [(plan.data.names[a], plan.data.names[b]) for a, b in rows.tolist()]
    split = found.shown.place.split.name
    used = {
        loss: mean
        for loss in plan.config.losses
        if (mean := mean_variational(found.variational.get((split, loss), []))) is not None
    }
    return generation_input(
        found.shown.generated,
        torch.from_numpy(plan.data.pixels[rows]),
        names,
        used,
        nats_per_pixel=plan.config.nats_per_pixel,
        kl_warmup=plan.config.kl_warmup,
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
                    ", ".join(_said(column, near, data) for column in data.columns),
                    [_agrees(column, query, near) for column in data.columns],
                )
                for near in known[loss].neighbours[row].tolist()
            ]
        yield Neighbours(
            query=data.pixels[query],
            query_labels=[_said(column, query, data) for column in data.columns],
            found=found,
        )


def _value(column: Column, row: int) -> str | float:
    value = column.values[row]
    return column.classes[int(value)] if column.kind == "class" else float(value)


def _said(column: Column, row: int, data: Data) -> str:
    value = _value(column, row)
    if isinstance(value, str):
        alone = sum(other.kind == "class" for other in data.columns) == 1
        return value if alone else f"{column.name} {value}"
    number = f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{column.name} {number}{column.unit}".replace("-", "−")


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
