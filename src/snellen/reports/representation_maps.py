"""Maps of codes: small scatter plots that a switch on the page colours by one label or another.

A panel holds its points once for each label, as one SVG path for each colour; the style sheet shows
those of the chosen label. Nothing needs a script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from snellen.reports.page import readable
from snellen.reports.tables import number

__all__ = [
    "MOST_LABELS",
    "CodeMap",
    "MapGroup",
    "MapLabel",
    "map_groups",
    "map_labels",
    "points_drawn",
]

MOST_LABELS = 12
"""How many labels the switch offers: the style sheet has a rule for each."""

_SIDE = 260  # units of a panel
_MARGIN = 7
_MOST_POINTS = 700
_CLASSES = 12  # colours of classes; the second half of them are squares
_SHOWN = 10  # classes in colour where there are more than that
_STEPS = 8  # of the scale of numbers
_TURNS = 12  # of the scale of circular columns
_KINDS = {"pca": "Principal components", "t-sne": "t-SNE"}

Labels = Mapping[str, tuple[str, NDArray[Any], Sequence[str]]]


@dataclass(frozen=True)
class CodeMap:
    """Two coordinates for each of n held-out codes of one method.

    Attributes:
        method: whose codes they are.
        kind: "pca" or "t-sne".
        points: (n, 2); points that are not finite are not drawn.
    """

    method: str
    kind: str
    points: NDArray[Any]


@dataclass(frozen=True)
class Swatch:
    """A colour of a legend: a CSS variable, its meaning, and whether it is drawn as a square."""

    colour: str
    text: str
    square: bool


@dataclass(frozen=True)
class MapLabel:
    """One label of the switch: its legend is swatches, or a ramp from `low` to `high`."""

    name: str
    swatches: list[Swatch]
    ramp: str
    low: str
    high: str
    note: str
    bins: NDArray[np.int64]
    colours: list[Swatch]


@dataclass(frozen=True)
class MapGroup:
    """All panels of one kind: (method, its number among the losses or None, the SVG)."""

    heading: str
    panels: list[tuple[str, int | None, Markup]]


def points_drawn(count: int) -> NDArray[np.int64]:
    """Which of `count` points are drawn: all, or 700 of them evenly.

    >>> len(points_drawn(3)), len(points_drawn(5000))
    (3, 700)
    """
    if count <= _MOST_POINTS:
        return np.arange(count)
    return np.linspace(0, count - 1, _MOST_POINTS).round().astype(np.int64)


def map_labels(labels: Labels, columns: Mapping[str, Mapping[str, Any]]) -> list[MapLabel]:
    """What the switch offers, at most 12 labels.

    Args:
        labels: column → its kind, its value for each point (n,) and, of a class, the classes.
        columns: column → its entry in results.json, for units and periods.
    """
    found = []
    for name, (kind, values, classes) in list(labels.items())[:MOST_LABELS]:
        kept = np.asarray(values)[points_drawn(len(values))]
        entry = columns.get(name, {})
        if kind == "class":
            found.append(_of_classes(name, kept.astype(np.int64), classes))
        elif kind == "circular":
            found.append(_circular(name, kept.astype(np.float64), entry))
        else:
            found.append(_of_numbers(name, kept.astype(np.float64), entry))
    return found


def _of_classes(name: str, codes: NDArray[np.int64], classes: Sequence[str]) -> MapLabel:
    there = [int(code) for code in np.unique(codes) if code >= 0]
    chosen = there if len(there) <= _CLASSES else there[:_SHOWN]
    swatches = [
        Swatch(f"--class-{place}", _class(code, classes), place >= _CLASSES // 2)
        for place, code in enumerate(chosen)
    ]
    bins = np.full(len(codes), -1)
    for place, code in enumerate(chosen):
        bins[codes == code] = place
    rest = len(there) - len(chosen)
    note = ""
    if rest:
        note = f"The first {len(chosen)} of {len(there)} classes in colour, the other {rest} grey."
    return MapLabel(readable(name), swatches, "", "", "", note, bins, swatches)


def _class(code: int, classes: Sequence[str]) -> str:
    return readable(str(classes[code])) if 0 <= code < len(classes) else str(code)


def _of_numbers(name: str, values: NDArray[np.float64], entry: Mapping[str, Any]) -> MapLabel:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    unit = entry.get("unit") or ""
    return _scaled(name, share, _STEPS, "--seq", _with_unit(low, unit), _with_unit(high, unit))


def _circular(name: str, values: NDArray[np.float64], entry: Mapping[str, Any]) -> MapLabel:
    period = float(entry.get("period") or 360.0)
    unit = entry.get("unit") or ""
    share = np.mod(values, period) / period
    return _scaled(name, share, _TURNS, "--turn", _with_unit(0, unit), _with_unit(period, unit))


def _scaled(
    name: str, share: NDArray[np.float64], steps: int, variable: str, low: str, high: str
) -> MapLabel:
    """A label on a scale of `steps` colours; what is not known is grey."""
    bins = np.full(len(share), -1)
    finite = np.isfinite(share)
    bins[finite] = np.minimum((share[finite] * steps).astype(np.int64), steps - 1)
    colours = [Swatch(f"{variable}-{place}", "", False) for place in range(steps)]
    # A circle ends where it began.
    along = [*colours, colours[0]] if variable == "--turn" else colours
    listed = ", ".join(f"var({colour.colour})" for colour in along)
    note = "" if finite.all() else "Grey: not known."
    return MapLabel(readable(name), [], listed, low, high, note, bins, colours)


def _with_unit(value: float, unit: str) -> str:
    text = number(value, 0 if float(value).is_integer() else 2)
    glue = "" if unit in ("°", "") else " "
    return f"{text}{glue}{readable(unit)}"


def map_groups(
    maps: Sequence[CodeMap], labels: Sequence[MapLabel], losses: Sequence[str]
) -> list[MapGroup]:
    """The panels, those of one kind together, in the order in which they come."""
    groups: dict[str, list[tuple[str, int | None, Markup]]] = {}
    for each in maps:
        index = losses.index(each.method) if each.method in losses else None
        panel = _panel(each, labels)
        groups.setdefault(each.kind, []).append((each.method, index, panel))
    return [MapGroup(_KINDS.get(kind, readable(kind)), panels) for kind, panels in groups.items()]


def _panel(each: CodeMap, labels: Sequence[MapLabel]) -> Markup:
    places = _placed(np.asarray(each.points, dtype=np.float64)[points_drawn(len(each.points))])
    drawn = np.isfinite(places).all(1)
    parts = []
    for turn, label in enumerate(labels):
        # What has no colour of its own lies below the rest.
        paths = [_path(places[drawn & (label.bins == -1)], "rest", "", False)]
        paths += [
            _path(places[drawn & (label.bins == place)], colour.colour, colour.text, colour.square)
            for place, colour in enumerate(label.colours)
        ]
        parts.append(f'<g class="by-{turn}">{"".join(paths)}</g>')
    if not labels:
        parts.append(_path(places[drawn], "--soft", "", False))
    kind = _KINDS.get(each.kind, readable(each.kind))
    said = f"{kind} of the codes of {readable(each.method)}: {int(drawn.sum())} held-out pictures"
    # All texts inside went through escape.
    return Markup(  # noqa: S704
        f'<svg class="map" viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}</svg>"
    )


def _placed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points inside a panel, one scale for both axes, the second axis upwards."""
    finite = points[np.isfinite(points).all(1)]
    if not len(finite):
        return np.full_like(points, np.nan)
    middle = (finite.min(0) + finite.max(0)) / 2
    extent = float(np.ptp(finite, axis=0).max()) or 1.0
    scale = (_SIDE - 2 * _MARGIN) / extent
    placed: NDArray[np.float64] = _SIDE / 2 + (points - middle) * scale * np.array([1, -1])
    return placed


def _path(places: NDArray[np.float64], colour: str, text: str, square: bool) -> str:
    """Dots as one path of lines without length, whose round or square ends are what is seen."""
    if not len(places):
        return ""
    drawn = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places.tolist())
    drawn = drawn.replace(".0 ", " ").replace(".0h", "h")
    kinds = [name for name, given in (("rest", colour == "rest"), ("square", square)) if given]
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    style = "" if colour == "rest" else f' style="stroke: var({colour})"'
    title = f"<title>{escape(text)}</title>" if text else ""
    return f'<path{kind}{style} d="{drawn}">{title}</path>'
