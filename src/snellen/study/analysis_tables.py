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
        "metric_agreement_by_picture.csv": _by_picture(results),
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
    writer.writerow([*(_cell(name) for name in head), "simulated"])
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


_SHARES = ("overall", "to_ceiling", "per_picture", "first")
_LIMITS = ("value", "low", "high")


def _metrics(results: Facts) -> str:
    """One row for each metric, then the ceiling: what people reach with each other."""
    found = results["metric_agreement"] or {"metrics": [], "ceiling": {}}
    rows: list[Row] = []
    for each in found["metrics"]:
        better = "lower" if each["lower"] else "higher"
        shares = [each[key][limit] if key in each else None for key in _SHARES for limit in _LIMITS]
        order = each.get("model_order")
        rows.append((each["name"], better, *shares, order, each.get("missing", "")))
    for name, entry in found["ceiling"].items():
        nothing = [None] * (3 * (len(_SHARES) - 1) + 1)
        limits = [entry[limit] for limit in _LIMITS]
        rows.append((f"people: {name}", "", *limits, *nothing, entry.get("missing", "")))
    head = [f"{key}{limit}" for key in _SHARES for limit in ("", "_low", "_high")]
    return _table(results, ("metric", "better", *head, "model_order", "missing"), rows)


def _pictures(results: Facts) -> str:
    names = _metric_names(results)
    rows = [
        (
            *(picture[key] for key in ("name", "source")),
            model,
            picture["raters"],
            rank,
            *(picture["metrics"][name][model] for name in names),
        )
        for picture in results["pictures"]
        for model, rank in picture["mean_ranks"].items()
    ]
    return _table(results, ("picture", "source", "model", "raters", "mean_rank", *names), rows)


def _by_picture(results: Facts) -> str:
    names = _metric_names(results)
    rows = [
        (
            *(picture[key] for key in ("name", "source", "raters")),
            *(picture["agreement"][name] for name in names),
        )
        for picture in results["pictures"]
    ]
    return _table(results, ("picture", "source", "raters", *names), rows)


def _metric_names(results: Facts) -> list[str]:
    found = (results["metric_agreement"] or {}).get("metrics") or []
    return [each["name"] for each in found if "missing" not in each]
