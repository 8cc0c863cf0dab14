"""The CSV files of an analysis: what results.json holds, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from snellen.files import spreadsheet_cell

__all__ = ["csv_files"]

Facts = Mapping[str, Any]
Row = Sequence[Any]


def csv_files(results: Facts) -> dict[str, str]:
    """The files of the folder csv/, by name.

    Each has a column ``simulated`` that says whether people or observers of a simulation gave the
    answers. Text that a spreadsheet would take for a formula is preceded by an apostrophe. What is
    not known is empty.
    """
    return {
        "rank_distribution.csv": _table(
            results, ("model", "rank", "count", "share", "low", "high"), _ranks(results)
        ),
        "differences.csv": _table(
            results,
            (
                "a", "b", "mean_rank_difference", "low", "high", "p", "p_holm", "method", "people",
                "pictures", "wins", "ties", "losses", "win_rate", "win_rate_low", "win_rate_high",
                "wilcoxon_p", "wilcoxon_p_holm", "rank_biserial",
            ),
            _differences(results),
        ),
        "metric_agreement.csv": _metrics(results),
        "participants.csv": _table(
            results,
            (
                "participant", "counts", "completed", "answered", "median_seconds", "catch_failed",
                "catch_seen", "repeats", "retest_tau_b", "same_place", "left_out_because",
            ),
            _participants(results),
        ),
        "pictures.csv": _pictures(results),
    }  # fmt: skip


def _table(results: Facts, head: Sequence[str], rows: Iterable[Row]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    simulated = "yes" if results["simulated"] else "no"
    writer.writerow((*head, "simulated"))
    writer.writerows([*(_cell(value) for value in row), simulated] for row in rows)
    return target.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return spreadsheet_cell(value) if isinstance(value, str) else value


def _ranks(results: Facts) -> Iterable[Row]:
    for model, found in results["findings"]["ranks"]["models"].items():
        for place, (count, share) in enumerate(zip(found["counts"], found["shares"], strict=True)):
            yield model, place + 1, count, share["value"], share["low"], share["high"]


def _differences(results: Facts) -> Iterable[Row]:
    findings = results["findings"]
    wins = {(each["a"], each["b"]): each for each in findings["wins"]}
    tests = {(each["a"], each["b"]): each for each in findings["wilcoxon"]}
    for each in findings["differences"]:
        won, test = wins[each["a"], each["b"]], tests[each["a"], each["b"]]
        rate = won["rate"]
        yield (
            *(each[key] for key in ("a", "b", "estimate", "low", "high", "p", "p_holm", "method")),
            *(each[key] for key in ("people", "pictures")),
            *(won[key] for key in ("wins", "ties", "losses")),
            *(rate[key] for key in ("value", "low", "high")),
            *(test[key] for key in ("p", "p_holm", "rank_biserial")),
        )


def _participants(results: Facts) -> Iterable[Row]:
    for person in results["participants"]:
        yield (
            *(person[key] for key in ("name", "counts", "completed", "answered")),
            *(person[key] for key in ("median_seconds", "catch_failed", "catch_seen")),
            *(person[key] for key in ("repeats", "retest", "same_place")),
            "; ".join(person["reasons"]),
        )


def _metrics(results: Facts) -> str:
    rows = (results.get("metric_agreement") or {}).get("metrics") or []
    return _table(
        results,
        ("metric", "agreement", "low", "high"),
        [
            (each["name"], *(each["overall"][key] for key in ("value", "low", "high")))
            for each in rows
        ],
    )


def _pictures(results: Facts) -> str:
    names = list(results["metric_values"])
    rows = []
    for picture in results["pictures"]:
        for model, rank in picture["mean_ranks"].items():
            values = (picture["metrics"].get(name, {}).get(model) for name in names)
            rows.append(
                (picture["name"], picture["source"], model, picture["raters"], rank, *values)
            )
    return _table(
        results, ("picture", "source", "model", "raters", "mean_rank", *names), rows
    )
