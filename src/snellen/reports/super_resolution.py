"""The report of one ``snellen superres compare``, as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.reports import crops
from snellen.reports.crops import Crop, ShownSet, differing_crops, whole_pictures
from snellen.reports.gallery import data_uri
from snellen.reports.page import as_yaml, date_in_words, readable, write_page
from snellen.reports.sections import curve_panels
from snellen.reports.super_resolution_protocol import super_resolution_protocol
from snellen.reports.super_resolution_tables import (
    SHOWN,
    anchor_rows,
    difference_rows,
    method_rows,
    super_resolution_takeaway,
)
from snellen.reports.tables import number

__all__ = ["SuperResolutionReport", "write_super_resolution_report"]

_EACH = 3  # crops of each set
ORIGINAL = "original"


@dataclass(frozen=True)
class SuperResolutionReport:
    """What a super-resolution report is made of.

    Attributes:
        results: results.json of ``snellen superres compare``, format 1.
        sets: the pictures and what bicubic enlargement and each loss made of them, seed 0.
        curves: rows of metrics.jsonl.
    """

    results: Mapping[str, Any]
    sets: Sequence[ShownSet]
    curves: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.results.get("format") != 1:
            raise ValueError(f"results have format {self.results.get('format')!r}; need 1.")
        for shown in self.sets:
            for method, made in shown.outputs.items():
                for original, output in zip(shown.originals, made, strict=True):
                    if output.shape != original.shape or output.dtype != np.uint8:
                        raise ValueError(
                            f"an output of {method} is {output.dtype} {output.shape}; "
                            f"uint8 {original.shape} is needed, as the original."
                        )


@dataclass(frozen=True)
class Made:
    """One method's version of a picture on the page; `index` is None for those without a loss."""

    method: str
    index: int | None
    uri: str
    numbers: list[str]
    best: bool


@dataclass(frozen=True)
class Row:
    """One picture, or one crop, in all its versions, the original first."""

    title: str
    note: str
    width: int
    height: int
    versions: list[Made]


def write_super_resolution_report(
    path: str | os.PathLike[str], report: SuperResolutionReport
) -> None:
    """Write the report to `path`, whole or not at all.

    Args:
        path: of the HTML file; missing folders are made, an existing file is replaced.
        report: what to report.

    Raises:
        UserError: the place cannot be written.
    """
    write_page(
        path,
        "super_resolution.html.j2",
        _context(report),
        styles=["page.css", "super_resolution.css"],
        scripts=["page.js", "strips.js", "sliders.js"],
    )


def _context(report: SuperResolutionReport) -> dict[str, Any]:
    results = report.results
    names = list(results["losses"])
    methods = names if len(names) > 1 else ["bicubic", *names]
    takeaway = super_resolution_takeaway(results)
    return {
        "version": results.get("snellen", ""),
        "command": results.get("command", ""),
        "date": date_in_words(results.get("date")),
        "config": as_yaml(results.get("config")),
        "names": names,
        "methods": [ORIGINAL, "bicubic", *names],
        "left": methods[0],
        "right": _leader(results, methods),
        "scale": results["scale"],
        "judged_by": results["protocol"],
        "takeaway": takeaway,
        "sets": results["sets"],
        "measures": SHOWN,
        "rows": method_rows(results),
        "spread": results["config"]["seeds"] > 1,
        "differences": difference_rows(results),
        "anchors": anchor_rows(results),
        "whole": [_whole(report, *place) for place in whole_pictures(report.sets)],
        "crops": [_crop(report, c) for c in differing_crops(report.sets, methods, _EACH)],
        "compared": methods,
        "rule": crops,
        "each": _EACH,
        "curves": curve_panels(report.curves, names, None, results["budget"]["steps"]),
        "validation": results["data"].get("validation", ""),
        "protocol": super_resolution_protocol(results),
    }


def _leader(results: Mapping[str, Any], methods: Sequence[str]) -> str:
    """Of the methods after the first, the one with the highest mean SSIM over all pictures."""

    def mean(name: str) -> float:
        found = results["methods"][name]
        return float(sum((f["ssim"] or 0.0) * f["pictures"] for f in found.values()))

    return max(methods[1:], key=mean)


def _whole(report: SuperResolutionReport, place: int, index: int) -> Row:
    shown = report.sets[place]
    height, width = shown.originals[index].shape
    numbers = {
        name: [
            f"{number(float(found['psnr'][index]), 2)} dB",
            f"SSIM {number(float(found['ssim'][index]), 4)}",
        ]
        for name, found in shown.measures.items()
    }
    ssim = {name: float(found["ssim"][index]) for name, found in shown.measures.items()}
    pictures = {ORIGINAL: shown.originals[index]}
    pictures |= {name: made[index] for name, made in shown.outputs.items()}
    title, note = readable(shown.names[index]), f"{shown.name}, {width}×{height}"
    return Row(title, note, width, height, _versions(report, pictures, numbers, ssim))


def _crop(report: SuperResolutionReport, crop: Crop) -> Row:
    shown = report.sets[crop.place]
    pictures = {ORIGINAL: crop.cut(shown.originals[crop.index])}
    pictures |= {name: crop.cut(made[crop.index]) for name, made in shown.outputs.items()}
    numbers = {name: [f"SSIM {number(value, 3)}"] for name, value in crop.values.items()}
    note = f"{shown.name}, at {crop.left}, {crop.top}; gap in SSIM {number(crop.gap, 3)}"
    return Row(
        readable(shown.names[crop.index]),
        note,
        crops.SIDE,
        crops.SIDE,
        _versions(report, pictures, numbers, crop.values),
    )


def _versions(
    report: SuperResolutionReport,
    pictures: Mapping[str, NDArray[np.uint8]],
    numbers: Mapping[str, list[str]],
    ssim: Mapping[str, float],
) -> list[Made]:
    losses = list(report.results["losses"])
    best = max(ssim.values())
    return [
        Made(
            name,
            losses.index(name) if name in losses else None,
            data_uri(picture[None]),
            numbers.get(name, []),
            ssim.get(name) == best,
        )
        for name, picture in pictures.items()
    ]
