"""The report of one ``snellen represent``, as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.reports.gallery import (
    ERROR_LIMIT,
    Gallery,
    Pictures,
    data_uri,
    legend_colours,
    make_gallery,
)
from snellen.reports.generation import GenerationInput, generation_section
from snellen.reports.page import as_yaml, date_in_words, readable, write_page
from snellen.reports.representation_maps import (
    MOST_LABELS,
    CodeMap,
    map_groups,
    map_labels,
    points_drawn,
)
from snellen.reports.representation_panels import layer_panels, size_panels
from snellen.reports.representation_protocol import representation_protocol
from snellen.reports.representation_scores import LEVEL, Scores
from snellen.reports.representation_tables import kernel_table, split_table
from snellen.reports.representation_takeaway import representation_takeaway
from snellen.reports.sections import curve_panels
from snellen.reports.tables import number

__all__ = ["CodeMap", "Neighbours", "RepresentationReport", "write_representation_report"]

_LABELS = {
    "pixels": "pixels",
    "pca": "PCA",
    "untrained": "untrained encoder",
    "supervised": "supervised encoder",
}


@dataclass(frozen=True)
class Neighbours:
    """A query face, or another picture, and its nearest neighbours in the code of each method.

    Attributes:
        query: uint8 (C, S, S).
        query_labels: its labels, such as ``["yaleB01", "azimuth 35°"]``.
        found: method → (picture, caption, which of the query's labels it shares), nearest first.
    """

    query: NDArray[np.uint8]
    query_labels: Sequence[str]
    found: Mapping[str, Sequence[tuple[NDArray[np.uint8], str, Sequence[bool]]]]


@dataclass(frozen=True)
class RepresentationReport:
    """What a representation report is made of.

    Attributes:
        results: results.json of ``snellen represent``, format 1.
        originals: a few held-out pictures, drawn by a seeded rule, uint8 (m, C, S, S).
        reconstructions: loss → what it makes of them, the same shape.
        names: m short names.
        maps: two coordinates of held-out codes, the n pictures the same in each.
        map_labels: column → its kind, its values (n,) and, of a class column, the classes' names.
        neighbours: queries and their nearest neighbours.
        curves: rows of metrics.jsonl.
        generated: what the networks of seed 0 make of codes of no picture; None: they have none.
    """

    results: Mapping[str, Any]
    originals: NDArray[np.uint8]
    reconstructions: Mapping[str, NDArray[np.uint8]]
    names: Sequence[str]
    maps: Sequence[CodeMap] = ()
    map_labels: Mapping[str, tuple[str, NDArray[Any], Sequence[str]]] = field(default_factory=dict)
    neighbours: Sequence[Neighbours] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    generated: GenerationInput | None = None

    def __post_init__(self) -> None:
        if self.results.get("format") != 1:
            raise ValueError(f"results have format {self.results.get('format')!r}; need 1.")
        if not any(m.get("kind") == "loss" for m in self.results.get("methods") or []):
            raise ValueError("results have no losses: there is nothing to report.")
        count = len(self.originals)
        if len(self.names) != count:
            raise ValueError(f"{count} pictures came with {len(self.names)} names.")
        for loss, made in self.reconstructions.items():
            if made.shape != self.originals.shape or made.dtype != np.uint8:
                raise ValueError(
                    f"reconstructions of {loss} are {made.dtype} {made.shape}; "
                    f"uint8 {self.originals.shape} is needed, as the originals."
                )
        counts = {f"the map of {m.method}": np.shape(m.points) for m in self.maps}
        for name, shape in counts.items():
            if len(shape) != 2 or shape[1] != 2:
                raise ValueError(f"{name} has points of shape {shape}; need (n, 2).")
        lengths = {name: shape[0] for name, shape in counts.items()}
        if self.maps:
            lengths |= {f"label {k}": len(found[1]) for k, found in self.map_labels.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"maps and labels are of different pictures: {listed}.")


@dataclass(frozen=True)
class EdgeRow:
    """What a code knows of edges."""

    name: str
    index: int | None
    share: str
    orientation: str


@dataclass(frozen=True)
class Found:
    """One neighbour on the page: each mark is a label of the query and whether it agrees."""

    uri: str
    caption: str
    marks: list[tuple[str, bool]]


@dataclass(frozen=True)
class Query:
    """A query and, for each method, its number among the losses or None and its neighbours."""

    uri: str
    side: int
    labels: list[str]
    rows: list[tuple[str, int | None, list[Found]]]


def write_representation_report(path: str | os.PathLike[str], report: RepresentationReport) -> None:
    """Write the report to `path`, whole or not at all.

    Args:
        path: of the HTML file; missing folders are made, an existing file is replaced.
        report: what to report.

    Raises:
        UserError: the place cannot be written.

    >>> import pathlib, tempfile
    >>> results = {"format": 1, "methods": [{"name": "mse", "kind": "loss"}]}
    >>> none = np.zeros((0, 1, 8, 8), np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "report.html"
    ...     write_representation_report(path, RepresentationReport(results, none, {}, []))
    ...     "No scores are in these results" in path.read_text(encoding="utf-8")
    True
    """
    write_page(
        path,
        "representation.html.j2",
        _context(report),
        styles=["page.css", "representation.css"],
        scripts=["page.js", "strips.js"],
    )


def _context(report: RepresentationReport) -> dict[str, Any]:
    results, scores = report.results, Scores(report.results)
    tables = [split_table(scores, name) for name in scores.splits]
    kernels = [kernel_table(scores, name) for name in scores.splits]
    labels = map_labels(report.map_labels if report.maps else {}, scores.columns)
    points = len(report.maps[0].points) if report.maps else 0
    return {
        "version": results.get("snellen", ""),
        "command": results.get("command", ""),
        "date": date_in_words(results.get("date")),
        "config": as_yaml(results.get("config")),
        "names": scores.losses,
        "labels_of_methods": _LABELS,
        "takeaway": representation_takeaway(results),
        "tables": [table for table in tables if table],
        "tested": sum(c.adjusted is not None for c in scores.compared),
        "untested": any(c.adjusted is None for c in scores.compared),
        "tested_pairs": sum(c.adjusted is not None for c in scores.pairs),
        "level": LEVEL,
        "kernels": [table for table in kernels if table],
        "gallery": _gallery(report, scores.losses),
        "reconstructed": _reconstructed(scores),
        "error_limit": ERROR_LIMIT,
        "map_colours": legend_colours(),
        "maps": map_groups(report.maps, labels, scores.losses),
        "map_labels": labels,
        "labels_left_out": max(0, len(report.map_labels) - MOST_LABELS) if report.maps else 0,
        "points": points,
        "points_drawn": len(points_drawn(points)),
        "sizes": size_panels(scores),
        "layers": layer_panels(scores),
        "features": _features(results),
        "edges": _edges(scores),
        "edges_of_mean": _edges_of_mean(results),
        "generated": generation_section(report.generated, scores.losses),
        "queries": [_query(each, scores.losses) for each in report.neighbours],
        "curves": _curves(report, scores),
        "curves_of": scores.first_title,
        "protocol": representation_protocol(scores),
    }


def _gallery(report: RepresentationReport, losses: Sequence[str]) -> Gallery:
    names = [readable(name) for name in report.names]
    none: dict[str, NDArray[np.float32]] = {}
    pictures = Pictures(report.originals, report.reconstructions, none, names, names, {})
    return make_gallery(pictures, losses)


def _reconstructed(scores: Scores) -> list[tuple[str, int, str]]:
    """What the reconstructions of the first split measure: loss, its number, its figures."""
    found = []
    for entry in scores.results.get("reconstructions") or []:
        if entry["split"] != next(iter(scores.splits)) or entry["loss"] not in scores.losses:
            continue
        said = [
            f"{name} {number(entry.get(key), digits)}{unit}"
            for key, name, digits, unit in (
                ("psnr", "PSNR", 2, " dB"),
                ("ssim", "SSIM", 3, ""),
                ("ms_ssim", "MS-SSIM", 3, ""),
            )
            if entry.get(key) is not None
        ]
        found.append((entry["loss"], scores.losses.index(entry["loss"]), ", ".join(said)))
    return found


def _features(results: Mapping[str, Any]) -> list[tuple[str, int]]:
    """How many numbers each layer has, where results say it."""
    found = {
        readable(str(entry["layer"])): entry["features"]
        for entry in results.get("layers") or []
        if entry.get("features")
    }
    return list(found.items())


def _edges(scores: Scores) -> list[EdgeRow]:
    rows = []
    for entry in scores.results.get("edges") or []:
        name, share, angle = entry["method"], entry.get("share"), entry.get("orientation")
        rows.append(
            EdgeRow(
                name,
                scores.losses.index(name) if name in scores.losses else None,
                number(_percent(share), 1),
                "—" if angle is None else f"{number(angle, 1)}°",
            )
        )
    return rows


def _edges_of_mean(results: Mapping[str, Any]) -> str:
    """The error of an orientation that looks at no picture; empty where it is not known."""
    found = [entry.get("orientation_of_mean") for entry in results.get("edges") or []]
    known = [angle for angle in found if angle is not None]
    return f"{number(known[0], 1)}°" if known else ""


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _query(each: Neighbours, losses: Sequence[str]) -> Query:
    labels = [readable(label) for label in each.query_labels]
    rows = []
    for method, neighbours in each.found.items():
        shown = [
            # A label that was not compared has no mark.
            Found(data_uri(picture), readable(caption), list(zip(labels, agrees, strict=False)))
            for picture, caption, agrees in neighbours
        ]
        rows.append((method, losses.index(method) if method in losses else None, shown))
    return Query(data_uri(each.query), each.query.shape[-1], labels, rows)


def _curves(report: RepresentationReport, scores: Scores) -> list[Any]:
    """Those of the first split and code size; its folds and seeds are its runs."""
    first = next(iter(scores.splits), None)
    rows = [row for row in report.curves if row.get("split", first) == first]
    steps = (report.results.get("config") or {}).get("steps")
    return curve_panels(rows, scores.losses, scores.code_size, steps)
