"""The figures of a representation report that have lines: code sizes and layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from snellen.reports.figures import Line, line_panel, palette_size
from snellen.reports.page import readable
from snellen.reports.representation_scores import Scores, Target, known

__all__ = ["LinePanels", "layer_panels", "size_panels"]

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class LinePanels:
    """Panels with their headings, and the methods in them: (number of the colour, name).

    What has no trained loss and no colour of its own left is not drawn.
    """

    panels: list[tuple[str, Markup]]
    methods: list[tuple[int, str]]
    not_drawn: list[str]


def size_panels(scores: Scores) -> LinePanels:
    """The error of each method against the code size, a panel for each split and column.

    Nothing where only one size was trained.
    """
    sizes = sorted(scores.sizes)
    panels: list[tuple[str, Markup]] = []
    methods: dict[int, str] = {}
    ticks = [(math.log2(size), f"{size:,}") for size in sizes]
    for split, entry in scores.splits.items():
        for target in scores.targets(split) if len(sizes) > 1 else ():
            lines = []
            for index, method in enumerate(scores.methods):
                if not _has_colour(scores, index, method):
                    continue
                found = [scores.of(split, method, target.column, size) for size in sizes]
                if sum(known(each.get("mean")) for each in found) > 1:
                    lines.append(_line(index, method, [place for place, _ in ticks], found, target))
                    methods[index] = method
            if lines:
                title = f"{target.label}, {readable(entry.get('title') or split)}"
                panel = line_panel(
                    f"{title}: error against code size",
                    lines,
                    x_label="numbers in the code",
                    y_label=_unit(target),
                    ticks=ticks,
                    key=f"sizes-{len(panels)}",
                )
                panels.append((title, panel))
    return LinePanels(panels, sorted(methods.items()), _without_colour(scores, scores.methods))


def layer_panels(scores: Scores) -> LinePanels:
    """The error of a probe on each layer, a panel for each column."""
    found = scores.results.get("layers") or []
    methods = {name: place for place, name in enumerate(scores.methods)}
    shown: dict[int, str] = {}
    panels: list[tuple[str, Markup]] = []
    for column in dict.fromkeys(entry["column"] for entry in found):
        mine = [entry for entry in found if entry["column"] == column]
        layers = list(dict.fromkeys(entry["layer"] for entry in mine))
        target = scores.target(column, [entry.get("score") for entry in mine])
        lines = []
        for method in dict.fromkeys(entry["method"] for entry in mine):
            index = methods.setdefault(method, len(methods))
            if not _has_colour(scores, index, method):
                continue
            of = {e["layer"]: {"mean": e.get("score")} for e in mine if e["method"] == method}
            places = [float(place) for place in range(len(layers))]
            lines.append(_line(index, method, places, [of.get(k, {}) for k in layers], target))
            shown[index] = method
        panel = line_panel(
            f"{target.label}: error of a probe on each layer",
            lines,
            x_label="layer",
            y_label=_unit(target),
            ticks=[(float(place), _tick(layer)) for place, layer in enumerate(layers)],
            key=f"layers-{len(panels)}",
        )
        panels.append((target.label, panel))
    asked = dict.fromkeys(entry["method"] for entry in found)
    return LinePanels(panels, sorted(shown.items()), _without_colour(scores, asked))


def _has_colour(scores: Scores, index: int, method: str) -> bool:
    return method in scores.losses or index < palette_size


def _without_colour(scores: Scores, methods: Iterable[str]) -> list[str]:
    places = list(scores.methods)
    return [m for m in methods if m in places and not _has_colour(scores, places.index(m), m)]


def _unit(target: Target) -> str:
    if target.kind == "class":
        return "errors (%)"
    unit = target.measure.unit
    return f"mean squared error ({unit})" if unit else "mean squared error"


def _tick(layer: str) -> str:
    """The layer's name on two lines; a dollar sign is no mathematics."""
    return readable(str(layer)).replace("$", r"\$").replace(" ", "\n", 1)


def _line(
    index: int, name: str, places: list[float], found: Iterable[Entry], target: Target
) -> Line:
    entries = list(found)

    def column(key: str) -> list[float]:
        values = (entry.get(key) for entry in entries)
        return [math.nan if v is None else v * target.measure.scale for v in values]

    return Line(index, name, places, column("mean"), column("low"), column("high"))
