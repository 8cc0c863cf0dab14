"""The report of one ``snellen study analyse``, as a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snellen.reports.page import as_yaml, date_in_words, readable, write_page
from snellen.reports.study_calibration import CHANCE_OF_FRIEDMAN, MEASURED, measured_as
from snellen.reports.study_facts import as_shown, judges, listed
from snellen.reports.study_figures import ordinal
from snellen.reports.study_galleries import RankedPicture, galleries
from snellen.reports.study_metrics import ceiling_note, metric_rows, metrics_that_differ, no_ceiling
from snellen.reports.study_panels import metric_panel, rank_panels
from snellen.reports.study_participants import participant_rows, sensitivity_rows
from snellen.reports.study_protocol import study_protocol
from snellen.reports.study_reliability import bias_panels, reliability_rows
from snellen.reports.study_tables import (
    friedman_rows,
    pair_rows,
    rank_rows,
    wilcoxon_error,
    wilcoxon_rows,
)
from snellen.reports.study_takeaway import study_takeaway
from snellen.reports.tables import number

__all__ = ["RankedPicture", "StudyReport", "write_study_report"]


@dataclass(frozen=True)
class StudyReport:
    """What a study's report is made of.

    Attributes:
        results: results.json of ``snellen study analyse``, format 1.
        first: pictures on which the galleries' model was ranked first, by the rule in `results`.
        behind: those on which it was not.
    """

    results: Mapping[str, Any]
    first: Sequence[RankedPicture] = ()
    behind: Sequence[RankedPicture] = ()

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
    results = as_shown(report.results)
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
        "without_rule": "by_rule" in results,
        "judges": judges(results),
        "judge": judges(results, 1).removeprefix("1 "),
        "metrics_differ": metrics_that_differ(results),
        "names": names,
        "models": [readable(name) for name in names],
        "listed": listed([readable(name) for name in names]),
        "level": f"{100 * results['level']:g}",
        "interval": f"; {100 * results['level']:g} % interval below" if tested else "",
        "tested": tested,
        "takeaway_why": (
            "all agree exactly"
            if findings["people"] > 1
            else f"these are the answers of {judges(results, findings['people'])}"
        ),
        "alpha": f"{1 - results['level']:.2g}",
        "takeaway": study_takeaway(results),
        "ranked": bool(findings["rankings"]),
        "ranks": [ordinal(rank + 1) for rank in range(len(names))],
        "rank_rows": rank_rows(findings) if findings["rankings"] else [],
        "tied": findings["ranks"].get("tied") or 0,
        "rank_panels": rank_panels(results) if findings["rankings"] else [],
        "pairs": pair_rows(results) if findings["people"] else [],
        "design": results["study"]["design"],
        "friedman": friedman_rows(results),
        "measured": MEASURED[measured_as(results)],
        "row_error": number(100 * CHANCE_OF_FRIEDMAN[measured_as(results)]["row"], 0),
        "wilcoxon": wilcoxon_rows(results) if findings["people"] else [],
        "wilcoxon_error": wilcoxon_error(results),
        "metrics": metrics,
        "ceilings": ceilings,
        "ceiling_note": ceiling_note(results),
        "no_ceiling": no_ceiling(results),
        "preferences": agreement.get("preferences") or 0,
        "metric_panel": metric_panel(results),
        "galleries": galleries(results, report.first, report.behind),
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
