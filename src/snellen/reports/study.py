"""The report of one ``snellen study analyse``, as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from snellen.reports.figures import density_panel
from snellen.reports.gallery import MAX_SIDE, data_uri
from snellen.reports.page import as_yaml, date_in_words, readable, write_page
from snellen.reports.study_figures import Dot, Share, dot_panel, ordinal, rank_panel
from snellen.reports.study_protocol import study_protocol
from snellen.reports.study_reliability import bias_panels, reliability_rows
from snellen.reports.study_tables import (
    CHANCE_OF_FRIEDMAN,
    MEASURED,
    ceiling_note,
    friedman_rows,
    measured_as,
    metric_rows,
    metrics_that_differ,
    pair_rows,
    participant_rows,
    rank_rows,
    sensitivity_rows,
)
from snellen.reports.study_takeaway import judges, listed, study_takeaway
from snellen.reports.tables import number

__all__ = ["RankedPicture", "StudyReport", "write_study_report"]

_BEHIND = {
    2: "second",
    3: "second or third",
    4: "second to fourth",
    5: "second to fifth",
    6: "second to sixth",
}
_BUDGET = 3_300_000  # bytes of PNG in both galleries; base64 makes them 4.4 MB


@dataclass(frozen=True)
class RankedPicture:
    """A picture of a gallery.

    Attributes:
        name, source: as the study knows it.
        original: uint8 (C, H, W).
        made: of each model, the same shape, in the order of the models.
        ranks: mean rank of each model.
        raters: how many people ranked it.
    """

    name: str
    source: str
    original: NDArray[np.uint8]
    made: Mapping[str, NDArray[np.uint8]]
    ranks: Mapping[str, float]
    raters: int

    def __post_init__(self) -> None:
        for model, picture in self.made.items():
            if picture.shape != self.original.shape or picture.dtype != np.uint8:
                raise ValueError(
                    f"{model}'s picture is {picture.dtype} {picture.shape}; "
                    f"uint8 {self.original.shape} is needed, as the original."
                )


@dataclass(frozen=True)
class StudyReport:
    """What a study's report is made of.

    Attributes:
        results: results.json of ``snellen study analyse``, format 1.
        first: pictures on which the galleries' model was ranked first, by the rule in `results`.
        behind: those on which it was not.
        of_people: for each model the mean rank that each participant gave it, float64 (people,).
    """

    results: Mapping[str, Any]
    first: Sequence[RankedPicture] = ()
    behind: Sequence[RankedPicture] = ()
    of_people: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.results.get("format") != 1:
            raise ValueError(f"results have format {self.results.get('format')!r}; need 1.")


def write_study_report(path: str | os.PathLike[str], report: StudyReport) -> None:
    """Write the report to `path`, whole or not at all.

    The sentence that was found comes first, then the distribution of ranks, the pairs of models,
    the metrics against the people, the galleries, how far the answers can be relied on, who was
    left out, and the protocol. Pictures are PNG inside the file, at most about 5 MB of it in all.

    Args:
        path: of the HTML file; missing folders are made, an existing file is replaced.
        report: what to report.

    Raises:
        UserError: the place cannot be written.
    """
    write_page(
        path,
        "study.html.j2",
        _context(report),
        styles=["page.css", "study.css"],
        scripts=["page.js", "strips.js"],
    )


def _context(report: StudyReport) -> dict[str, Any]:
    results = report.results
    findings = results["findings"]
    names = list(results["study"]["models"])
    agreement = results.get("metric_agreement") or {}
    metrics, ceilings = metric_rows(results)
    tested = any(entry["p"] is not None for entry in findings["differences"])
    return {
        "version": results.get("snellen", ""),
        "command": results.get("command", ""),
        "date": date_in_words(results.get("date")),
        "config": as_yaml(results.get("config")),
        "title": readable(results["study"]["title"]),
        "simulated": bool(results.get("simulated")),
        "judges": judges(results),
        "judge": judges(results, 1).removeprefix("1 "),
        "metrics_differ": metrics_that_differ(results),
        "names": names,
        "models": [readable(name) for name in names],
        "listed": listed([readable(name) for name in names]),
        "level": f"{100 * results['level']:g}",
        "interval": f"; {100 * results['level']:g} % interval below" if tested else "",
        "tested": tested,
        "takeaway_why": f"these are the answers of {judges(results, findings['people'])}",
        "alpha": f"{1 - results['level']:.2g}",
        "takeaway": study_takeaway(results),
        "ranked": bool(findings["rankings"]),
        "ranks": [ordinal(rank + 1) for rank in range(len(names))],
        "rank_rows": rank_rows(findings) if findings["rankings"] else [],
        "tied": findings["ranks"].get("tied") or 0,
        "rank_panels": _panels(report, names) if findings["rankings"] else [],
        "pairs": pair_rows(results) if findings["people"] else [],
        "design": results["study"]["design"],
        "friedman": friedman_rows(results),
        "measured": MEASURED[measured_as(results)],
        "row_error": number(100 * CHANCE_OF_FRIEDMAN[measured_as(results)]["row"], 0),
        "metrics": metrics,
        "ceilings": ceilings,
        "ceiling_note": ceiling_note(results),
        "no_ceiling": (agreement.get("ceiling") or {}).get("between_people", {}).get("missing", ""),
        "preferences": agreement.get("preferences") or 0,
        "metric_panel": _metric_panel(results),
        "galleries": _galleries(report),
        "reliability": reliability_rows(results),
        "bias_panels": bias_panels(results),
        "sensitivity": sensitivity_rows(results) if findings["rankings"] else [],
        "participants": participant_rows(results),
        "protocol": study_protocol(results),
        "instructions": results["study"].get("instructions", ""),
        "consent": results["study"].get("consent", ""),
        "language": results["study"].get("language", ""),
        "events": (results.get("conduct") or {}).get("events") or [],
    }


def _panels(report: StudyReport, names: Sequence[str]) -> list[tuple[str, Markup]]:
    """The poster's figure, the mean ranks, the worths, and how much people differ."""
    findings = report.results["findings"]
    found = findings["ranks"]["models"]
    count = len(names)
    shares = [
        [Share(share["value"], share["low"], share["high"]) for share in found[name]["shares"]]
        for name in names
    ]
    panels = [("How often each rank was given", rank_panel(names, shares))]
    means = [found[name]["mean_rank"] for name in names]
    panels.append(
        (
            "Mean rank",
            dot_panel(
                "Mean rank of each model",
                _dots(names, means),
                axis="mean rank (1 is best)",
                limits=(1.0, float(count)),
                digits=2,
                line=((count + 1) / 2, "chance"),
            ),
        )
    )
    worths = ((findings.get("plackett_luce") or {}).get("models")) or {}
    levels = [worths[name]["log_worth"] for name in names if name in worths]
    if levels and all(level["value"] is not None for level in levels):
        panels.append(
            (
                "Plackett–Luce worth",
                dot_panel(
                    "Plackett–Luce worth of each model, logarithm",
                    _dots(names, levels),
                    axis="log worth (higher is better)",
                    limits=(-0.5, 0.5),
                    digits=2,
                    line=(0.0, "chance"),
                ),
            )
        )
    people = min((len(values) for values in report.of_people.values()), default=0)
    if people > 2:
        panels.append(
            (
                "Mean rank by participant",
                density_panel(
                    "Mean rank that each participant gave",
                    {name: report.of_people[name] for name in names},
                    label="mean rank that one participant gave (1 is best)",
                    key="of-people",
                    limits=(1.0, float(count)),
                ),
            )
        )
    return panels


def _dots(
    names: Sequence[str], entries: Sequence[Mapping[str, Any]], *, coloured: bool = True
) -> list[Dot]:
    return [
        Dot(name, index if coloured else None, entry["value"], entry["low"], entry["high"])
        for index, (name, entry) in enumerate(zip(names, entries, strict=True))
    ]


def _metric_panel(results: Mapping[str, Any]) -> Markup | None:
    """How often each metric agrees with the people, against chance and the ceiling."""
    agreement = results.get("metric_agreement") or {}
    entries = [e for e in agreement.get("metrics") or [] if "missing" not in e]
    if not entries or entries[0]["overall"]["value"] is None:
        return None
    ceiling = agreement["ceiling"]
    band = None
    who = "observer" if results.get("simulated") else "person"
    for key, name in (
        ("with_others", "majority of the others"),
        ("within_people", f"the same {who}"),
    ):
        if band is None and (value := ceiling[key]["value"]) is not None:
            band = (ceiling[key]["low"], value, ceiling[key]["high"], name)
    return dot_panel(
        f"How often each metric agrees with the {judges(results)}",
        _dots([e["name"] for e in entries], [e["overall"] for e in entries], coloured=False),
        axis="% of preferences that the metric shares",
        limits=(0.4, 0.8),
        digits=0,
        line=(0.5, "chance"),
        band=band,
        scale=100,
    )


@dataclass(frozen=True)
class Gallery:
    """One gallery as the template shows it."""

    key: str
    title: str
    count: str
    strips: list[Strip]


@dataclass(frozen=True)
class Strip:
    """A picture's original and what each model made of it."""

    name: str
    note: str
    width: int
    height: int
    original: str
    shown: list[
        tuple[str, int, str, str, bool]
    ]  # model, index, address, rank in words, its subject


def _galleries(report: StudyReport) -> dict[str, Any] | None:
    """Both galleries, as many pictures of each as the page can hold."""
    told = report.results.get("galleries")
    if not told or not (report.first or report.behind):
        return None
    both = [*report.first, *report.behind]
    weight = max(sum(len(uri) for uri in _uris(picture)) * 3 // 4 for picture in both[:4])
    most = max(1, _BUDGET // (2 * weight))
    behind = _BEHIND[len(report.results["study"]["models"])]
    total = told["first_count"] + told["behind_count"] + told["shared_count"]
    return {
        "model": readable(told["model"]),
        "index": report.results["study"]["models"].index(told["model"]),
        "rule": readable(told["rule"]),
        "shared": told["shared_count"],
        "total": total,
        "cropped": any(max(picture.original.shape[-2:]) > MAX_SIDE for picture in both),
        "side": MAX_SIDE,
        "each": [
            Gallery(
                "first",
                "ranked first",
                f"{told['first_count']:,} of {total:,}",
                [_strip(picture, told["model"]) for picture in report.first[:most]],
            ),
            Gallery(
                "behind",
                f"ranked {behind}",
                f"{told['behind_count']:,} of {total:,}",
                [_strip(picture, told["model"]) for picture in report.behind[:most]],
            ),
        ],
    }


def _uris(picture: RankedPicture) -> list[str]:
    return [data_uri(_centre(each)) for each in (picture.original, *picture.made.values())]


def _strip(picture: RankedPicture, subject: str) -> Strip:
    original, *made = _uris(picture)
    height, width = (min(extent, MAX_SIDE) for extent in picture.original.shape[-2:])
    source = "" if picture.source == picture.name else f"of {readable(picture.source)}"
    raters = "" if picture.raters == 1 else f"{picture.raters} rankings"
    word = "rank" if picture.raters == 1 else "mean rank"
    return Strip(
        readable(picture.name),
        ", ".join(part for part in (source, raters) if part),
        width,
        height,
        original,
        [
            (readable(model), index, uri, f"{word} {_rank(picture.ranks[model])}", model == subject)
            for index, (model, uri) in enumerate(zip(picture.made, made, strict=True))
        ],
    )


def _rank(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 1 if (10 * value).is_integer() else 2)


def _centre(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The central part, at most `MAX_SIDE` on a side, so that the page stays sendable."""
    height, width = picture.shape[-2:]
    top, left = max(0, height - MAX_SIDE) // 2, max(0, width - MAX_SIDE) // 2
    return picture[..., top : top + MAX_SIDE, left : left + MAX_SIDE]
