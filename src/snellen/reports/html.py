"""The report of one ``snellen reconstruct``, as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.reports import tables
from snellen.reports.gallery import ERROR_LIMIT, Pictures, legend_colours, make_gallery
from snellen.reports.generation import GenerationInput, generation_section
from snellen.reports.page import as_yaml, date_in_words, readable, write_page
from snellen.reports.protocol import protocol
from snellen.reports.sections import (
    curve_panels,
    distribution_panels,
    octave_panel,
    sweep_panels,
)
from snellen.reports.takeaway import takeaway

__all__ = ["ReportInput", "write_reconstruction_report"]


@dataclass(frozen=True)
class ReportInput:
    """What a reconstruction report is made of; n pictures of side S, all 8 bit.

    Attributes:
        results: results.json, format 1. Its numbers may be infinite, NaN or None. Where there are
            more than two losses, ``comparisons`` (loss → other → measure → interval of loss minus
            other) says which of those after the first differ; without it none of these is marked
            as clearly the best.
        pixels: the held-out originals, uint8 (n, C, S, S).
        reconstructions: of each loss under seed 0, uint8 (n, C, S, S).
        names: n short names, as the reader may know them.
        sources: n labels of the source pictures.
        per_picture: for each loss the values of each measure, shape (seeds, n).
        curves: rows of metrics.jsonl, each with "loss", "seed", "step" and "kind" ("train" or
            "validation"); others are passed over. A sweep adds "code" (the code size),
            cross-fitting "fold".
        ssim_maps: for each loss (or none) the SSIM map under seed 0, float32 (n, S, S).
        generated: what the networks of seed 0 make of codes of no picture; None: they have none.
    """

    results: Mapping[str, Any]
    pixels: NDArray[np.uint8]
    reconstructions: Mapping[str, NDArray[np.uint8]]
    names: Sequence[str]
    sources: Sequence[str]
    per_picture: Mapping[str, Mapping[str, NDArray[np.float64]]]
    curves: Sequence[Mapping[str, Any]] = ()
    ssim_maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    generated: GenerationInput | None = None

    def __post_init__(self) -> None:
        if self.results.get("format") != 1:
            raise ValueError(f"results have format {self.results.get('format')!r}; need 1.")
        if not self.results.get("losses"):
            raise ValueError("results have no losses: there is nothing to report.")
        count = len(self.pixels)
        if len(self.names) != count or len(self.sources) != count:
            raise ValueError(
                f"{count} pictures came with {len(self.names)} names and {len(self.sources)} "
                "sources; one of each is needed for every picture."
            )
        for loss, made in self.reconstructions.items():
            if made.shape != self.pixels.shape or made.dtype != np.uint8:
                raise ValueError(
                    f"reconstructions of {loss} are {made.dtype} {made.shape}; "
                    f"uint8 {self.pixels.shape} is needed, as the originals."
                )
        for loss, maps in self.ssim_maps.items():
            if len(maps) != count:
                raise ValueError(f"{len(maps)} SSIM maps of {loss} came for {count} pictures.")


def write_reconstruction_report(path: str | os.PathLike[str], report: ReportInput) -> None:
    """Write the report of `report` to `path`, whole or not at all.

    The takeaway comes first, then the tables, the pictures, the distributions, what the code
    generates, the training and the protocol. Pictures are PNG inside the file, at most about 5 MB
    of it in all.

    Args:
        path: of the HTML file; missing folders are made, an existing file is replaced.
        report: what to report.

    Raises:
        UserError: the place cannot be written.

    >>> import pathlib, tempfile
    >>> results = {"format": 1, "losses": {"mse": {"ssim": {"mean": 0.5, "low": 0.4, "high": 0.6}}}}
    >>> report = ReportInput(results, np.zeros((0, 1, 8, 8), np.uint8), {}, [], [], {})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "report.html"
    ...     write_reconstruction_report(path, report)
    ...     "Only one loss was trained" in path.read_text(encoding="utf-8")
    True
    """
    write_page(
        path,
        "report.html.j2",
        _context(report),
        styles=["page.css"],
        scripts=["page.js", "strips.js"],
    )


def _context(report: ReportInput) -> dict[str, Any]:
    results = report.results
    names = list(results["losses"])
    first = names[0]
    bands, octaves = tables.octave_rows(results)
    measures = tables.measures_in(results["losses"])
    return {
        "data": {"held_out_pictures": None, "held_out_sources": None, **results.get("data", {})},
        "version": results.get("snellen", ""),
        "command": results.get("command", ""),
        "names": names,
        "first": first,
        "takeaway": takeaway(results),
        "measures": measures,
        "levels": results["losses"][first].get("ms_ssim", {}).get("levels"),
        "scores": tables.score_rows(results),
        "changes": tables.change_rows(results),
        "bands": bands,
        "octaves": octaves,
        "gallery": make_gallery(_pictures(report), names),
        "generated": generation_section(report.generated, names),
        "error_limit": ERROR_LIMIT,
        "map_colours": legend_colours(),
        "distributions": distribution_panels(report.per_picture, names, measures),
        "octave_panel": octave_panel(results),
        "curves": curve_panels(
            report.curves,
            names,
            results.get("code_size"),
            (results.get("config") or {}).get("steps"),
        ),
        "sweep": sweep_panels(results),
        "protocol": protocol(results),
        "config": as_yaml(results.get("config")),
        "date": date_in_words(results.get("date")),
    }


def _pictures(report: ReportInput) -> Pictures:
    """What the gallery needs: seed 0 only, because its pictures are of seed 0."""
    first_seed = {
        loss: {key: np.atleast_2d(values)[0] for key, values in found.items()}
        for loss, found in report.per_picture.items()
    }
    return Pictures(
        report.pixels,
        report.reconstructions,
        report.ssim_maps,
        [readable(name) for name in report.names],
        [readable(source) for source in report.sources],
        first_seed,
    )
