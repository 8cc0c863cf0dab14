"""The parts of a report between results and page: which panels there are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from snellen.reports.figures import (
    Line,
    curve_panel,
    density_panel,
    difference_panel,
    line_panel,
)
from snellen.reports.tables import MEASURES, Measure, measures_in

__all__ = [
    "curve_panels",
    "distribution_panels",
    "octave_panel",
    "sweep_panels",
]

_IN_FIGURES = ("psnr", "ssim", "ms_ssim", "edge_f")
_POINTS = 160  # of a curve: more than a panel has pixels to tell apart

Panel = tuple[str, Markup]  # a heading and an SVG
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
NamedCurves = tuple[int, str, list[Curve]]  # the number of a loss, its name and its runs


def distribution_panels(
    per_picture: Mapping[str, Mapping[str, NDArray[np.float64]]],
    names: Sequence[str],
    measures: Sequence[Measure],
) -> list[Panel]:
    """For each measure its values over pictures, and its paired differences from the first loss.

    Both are means over seeds. With one loss there are no differences.
    """
    with np.errstate(invalid="ignore"):  # infinities of either sign: left out of the density
        means = {
            name: {key: np.atleast_2d(values).mean(0) for key, values in per_picture[name].items()}
            for name in names
            if name in per_picture
        }
    panels = []
    for measure in measures:
        if measure.key not in _IN_FIGURES or not all(measure.key in f for f in means.values()):
            continue
        found = {name: means[name][measure.key] for name in means}
        if not found:
            continue
        title = f"{measure.label} of each picture"
        panel = density_panel(
            title,
            found,
            label=measure.heading,
            key=f"values-{measure.key}",
            limits=measure.limits,
        )
        panels.append((measure.label, panel))
        if len(found) > 1:
            first = next(iter(found))
            panels.append(
                (f"{measure.label}, difference from {first}", _difference(measure, found, names))
            )
    return panels


def _difference(
    measure: Measure, found: Mapping[str, NDArray[np.float64]], names: Sequence[str]
) -> Markup:
    first = next(iter(found))
    with np.errstate(invalid="ignore"):  # two infinite PSNRs: left out of the density
        paired = {
            name: (names.index(name), values - found[first])
            for name, values in found.items()
            if name != first
        }
    unit = f" ({measure.unit})" if measure.unit else ""
    low, high = measure.limits
    return difference_panel(
        f"Difference in {measure.label} from {first}, picture by picture",
        paired,
        label=f"difference in {measure.label}{unit}",
        higher_is_better=measure.higher_is_better,
        key=f"differences-{measure.key}",
        limits=(low - high, high - low),
    )


def octave_panel(results: Mapping[str, Any]) -> Markup | None:
    """Error by octave of spatial frequency, coarse to fine, or None where it was not measured."""
    losses = results["losses"]
    if not all(found.get("octaves") for found in losses.values()):
        return None
    lines = []
    ticks: list[tuple[float, str]] = []
    for index, (name, found) in enumerate(losses.items()):
        octaves = sorted(found["octaves"], key=lambda entry: entry["low"])
        ticks = [(float(place), entry["band"]) for place, entry in enumerate(octaves)]
        errors = [entry["error"] for entry in octaves]
        lines.append(_line(index, name, [place for place, _ in ticks], errors))
    return line_panel(
        "Error by octave of spatial frequency",
        lines,
        x_label="cycles per pixel (coarse to fine)",
        y_label="error / original (dB)",
        ticks=ticks,
        key="octaves",
        zero=True,
    )


def sweep_panels(results: Mapping[str, Any]) -> list[Panel]:
    """Each measure against the code size; empty unless several sizes were trained."""
    sweep = sorted(results.get("sweep") or [], key=lambda entry: entry["code_size"])
    if len(sweep) < 2:
        return []
    panels = []
    places = [math.log2(entry["code_size"]) for entry in sweep]
    ticks = [(place, str(entry["code_size"])) for place, entry in zip(places, sweep, strict=True)]
    names = list(results["losses"])
    common = [m for m in MEASURES if all(m in measures_in(e["losses"]) for e in sweep)]
    for measure in common:
        if measure.key not in _IN_FIGURES:
            continue
        lines = [
            _line(index, name, places, [entry["losses"][name][measure.key] for entry in sweep])
            for index, name in enumerate(names)
            if all(name in entry["losses"] for entry in sweep)
        ]
        panel = line_panel(
            f"{measure.label} against code size",
            lines,
            x_label="numbers in the code",
            y_label=measure.heading,
            ticks=ticks,
            key=f"sweep-{measure.key}",
        )
        panels.append((measure.label, panel))
    return panels


def _line(
    index: int, name: str, places: Sequence[float], found: Sequence[Mapping[str, float | None]]
) -> Line:
    def column(key: str) -> list[float]:
        values = (entry.get(key) for entry in found)
        return [math.nan if value is None else value for value in values]

    return Line(index, name, places, column("mean"), column("low"), column("high"))


def curve_panels(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    code_size: int | None,
    steps: int | None = None,
) -> list[Panel]:
    """Validation measures and the relative training objective against steps.

    `steps` is the length of a training, which says where a loss switches. Where averaged weights
    were validated too, it is they that are drawn, because they are judged.
    """
    kept = [row for row in rows if _is_row(row, names, code_size)]
    panels = []
    for measure in (m for m in MEASURES if m.key in _IN_FIGURES):
        averaged = _curves(kept, names, "validation", f"ema_{measure.key}")
        curves = averaged or _curves(kept, names, "validation", measure.key)
        if curves:
            note = ", averaged weights" if averaged else ""
            title = f"{measure.label} on validation pictures{note}"
            panel = curve_panel(title, curves, y_label=measure.heading, key=f"curve-{measure.key}")
            panels.append((f"Validation {measure.label}{note}", panel))
    relative = _relative(kept, names, steps)
    if relative:
        panel = curve_panel(
            "Training objective relative to its first value",
            relative,
            y_label="share of first value",
            key="curve-objective",
            # A logarithmic axis has no useful ticks within less than a decade.
            log=min(float(values.min()) for _, _, runs in relative for _, values in runs) < 0.1,
        )
        panels.append(("Training objective", panel))
    return panels


def _relative(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], length: int | None
) -> list[NamedCurves]:
    """The training objective over its first value, anew for each stage of a loss that switches.

    A loss that is not above zero throughout is left out, for it has no such share.
    """
    runs = _runs(rows, "train", "value")
    longest = max((run[-1][0] for found in runs.values() for run in found), default=0)
    relative: list[NamedCurves] = []
    for index, name in enumerate(names):
        if any(value <= 0 for run in runs.get(name, []) for _, value in run):
            continue
        starts = [0.0, *_switches(name), math.inf]
        for start, end in pairwise(start * (length or longest) for start in starts):
            # A row is the mean since the row before: one across a switch is of neither stage.
            stage = [
                [
                    point
                    for (before, _), point in pairwise([(0, 0.0), *run])
                    if start <= before and point[0] < end + 1
                ]
                for run in runs.get(name, [])
            ]
            thinned = [_thinned(run) for run in stage if run]
            if any(len(steps) > 1 for steps, _ in thinned):
                shares = [(steps, values / values[0]) for steps, values in thinned]
                relative.append((index, name, shares))
    return relative


def _switches(name: str) -> list[float]:
    """At which fractions of the training a loss takes over from the one before.

    >>> _switches("mse>ms-ssim@0.5"), _switches("mse")
    ([0.5], [])
    """
    try:
        return [float(part.rpartition("@")[2]) for part in name.split(">")[1:]]
    except ValueError:  # a name that means something else
        return []


def _is_row(row: Mapping[str, Any], names: Sequence[str], code_size: int | None) -> bool:
    return (
        row.get("loss") in names
        and isinstance(row.get("step"), int)
        and row.get("code", code_size) == code_size
    )


def _curves(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], kind: str, key: str
) -> list[NamedCurves]:
    """The runs (seed, fold) of each loss that have the value, thinned to what a panel can show."""
    runs = _runs(rows, kind, key)
    found = []
    for index, name in enumerate(names):
        thinned = [_thinned(run) for run in runs.get(name, [])]
        if any(len(steps) > 1 for steps, _ in thinned):
            found.append((index, name, thinned))
    return found


def _runs(
    rows: Sequence[Mapping[str, Any]], kind: str, key: str
) -> dict[str, list[list[tuple[int, float]]]]:
    """The (step, value) pairs of each run (seed, fold) of each loss, by step."""
    runs: dict[str, dict[tuple[str, ...], dict[int, float]]] = defaultdict(dict)
    for row in rows:
        value = row.get(key)
        if row.get("kind") != kind or not isinstance(value, int | float):
            continue
        if math.isfinite(value):
            run = (str(row.get("seed")), str(row.get("fold")))
            runs[row["loss"]].setdefault(run, {})[row["step"]] = float(value)
    return {loss: [sorted(run.items()) for run in found.values()] for loss, found in runs.items()}


def _thinned(points: Sequence[tuple[int, float]]) -> Curve:
    """Means of equally many neighbouring points, so that nothing is left out."""
    steps = np.array([step for step, _ in points], dtype=np.float64)
    values = np.array([value for _, value in points], dtype=np.float64)
    size = -(-len(points) // _POINTS)
    starts = np.arange(0, len(points), size)
    counts = np.diff(np.append(starts, len(points)))
    # Steps by the last of each group: runs of one length then share their steps.
    ends = np.append(starts[1:], len(points)) - 1
    return steps[ends], np.add.reduceat(values, starts) / counts
