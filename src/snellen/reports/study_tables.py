"""The tables of ranks, of pairs and of tests in a study's report, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from snellen.reports.page import readable
from snellen.reports.protocol import counted
from snellen.reports.study_calibration import CHANCE_OF_FRIEDMAN, CHANCE_OF_WILCOXON, measured_as
from snellen.reports.study_facts import Facts, Pair, p_in_words, pairs_of
from snellen.reports.tables import digits_for, number, span

__all__ = [
    "FriedmanRow",
    "PairRow",
    "RankRow",
    "Told",
    "WilcoxonRow",
    "friedman_rows",
    "pair_rows",
    "percent",
    "rank_rows",
    "told",
    "wilcoxon_error",
    "wilcoxon_rows",
]


@dataclass(frozen=True)
class Told:
    """A number and its limits as they are printed, and why there are none."""

    value: str
    limits: str = ""
    missing: str = ""


def told(entry: Facts | None, digits: int, scale: float = 1.0) -> Told:
    """A number of results.json with its interval.

    >>> told({"value": 0.523, "low": 0.4, "high": 0.61}, 0, 100)
    Told(value='52', limits='[40, 61]', missing='')
    >>> told({"value": None, "missing": "one picture"}, 2)
    Told(value='—', limits='', missing='one picture')
    """
    if entry is None:
        return Told("—")

    def times(key: str) -> float | None:
        value = entry.get(key)
        return None if value is None else value * scale

    low, high = times("low"), times("high")
    if low is not None and high is not None:
        digits = digits_for(low, high, digits) if scale == 1 else digits
    return Told(
        number(times("value"), digits), span(low, high, digits), readable(entry.get("missing", ""))
    )


def percent(entry: Facts | None) -> Told:
    """A share with its interval, in percent."""
    found = told(entry, 0, 100)
    return Told(
        found.value if found.value == "—" else f"{found.value} %", found.limits, found.missing
    )


@dataclass(frozen=True)
class RankRow:
    """A model: how often it was given each rank, its mean rank and its worth."""

    name: str
    index: int
    shares: list[Told]
    counts: list[str]
    mean: Told
    worth: Told


def rank_rows(findings: Facts) -> list[RankRow]:
    """One row for each model, in the study's order."""
    worths = (findings.get("plackett_luce") or {}).get("models") or {}
    models = findings["ranks"]["models"]
    whole = all(float(count).is_integer() for entry in models.values() for count in entry["counts"])
    return [
        RankRow(
            readable(name),
            index,
            [percent(share) for share in entry["shares"]],
            [f"{count:,.{0 if whole else 1}f}" for count in entry["counts"]],
            told(entry["mean_rank"], 2),
            told((worths.get(name) or {}).get("log_worth"), 2),
        )
        for index, (name, entry) in enumerate(models.items())
    ]


@dataclass(frozen=True)
class PairRow:
    """Two models, the one with the lower mean rank first; bars on a scale of 0 to 100."""

    better: str
    worse: str
    better_index: int
    worse_index: int
    verdict: str
    lead: Told
    bar_low: float
    bar_mean: float
    bar_high: float
    p: str
    p_raw: str
    wins: Told
    wins_note: str


def pair_rows(results: Facts) -> list[PairRow]:
    """One row for each pair of models, the largest lead first."""
    findings = results["findings"]
    models = list(findings["ranks"]["models"])
    pairs = sorted(pairs_of(results), key=lambda pair: -pair.lead)
    reach = max(
        (abs(v) for p in pairs for v in (p.low, p.high, p.lead) if v is not None), default=0.0
    )
    raw = {(e["a"], e["b"]): e.get("p") for e in findings["differences"]}
    wins = {(e["a"], e["b"]): e for e in findings.get("wins") or []}
    alpha = 1 - results["level"]
    rows = []
    for pair in pairs:
        p = raw.get((pair.better, pair.worse), raw.get((pair.worse, pair.better)))
        rate, note = _wins(pair, wins)
        rows.append(
            PairRow(
                readable(pair.better),
                readable(pair.worse),
                models.index(pair.better),
                models.index(pair.worse),
                "unknown" if pair.p is None else "better" if pair.decided else "open",
                Told(
                    number(pair.lead, pair.digits),
                    pair.limits,
                    "all agree exactly" if pair.exact and findings["people"] > 1 else "",
                ),
                _place(pair.low, reach),
                _place(pair.lead, reach),
                _place(pair.high, reach),
                _p(pair.p, alpha),
                _p(p, alpha),
                rate,
                note,
            )
        )
    return rows


def _p(value: float | None, alpha: float = 0.05) -> str:
    return "—" if value is None or math.isnan(value) else p_in_words(value, alpha)


def _wins(pair: Pair, wins: Mapping[tuple[str, str], Facts]) -> tuple[Told, str]:
    """How often the first was ranked before the second, ties as half; and the counts."""
    if (entry := wins.get((pair.better, pair.worse))) is not None:
        rate, counts = entry["rate"], (entry["wins"], entry["ties"], entry["losses"])
    elif (entry := wins.get((pair.worse, pair.better))) is not None:
        turned = entry["rate"]
        rate = {
            "value": _less(turned["value"]),
            "low": _less(turned["high"]),
            "high": _less(turned["low"]),
        }
        counts = (entry["losses"], entry["ties"], entry["wins"])
    else:
        return Told("—"), ""
    won, tied, lost = (f"{count:,}" for count in counts)
    return percent(rate), f"{won} : {lost}" + (f", {tied} tied" if counts[1] else "")


def _less(value: float | None) -> float | None:
    return None if value is None else 1 - value


def _place(value: float | None, reach: float) -> float:
    if value is None or not reach:
        return 50.0
    return round(50 + 48 * value / reach, 2)


@dataclass(frozen=True)
class FriedmanRow:
    """Friedman's test with one unit as the block, and its measured error."""

    unit: str
    statistic: str
    p: str
    error: str
    missing: str


def friedman_rows(results: Facts) -> list[FriedmanRow]:
    """By participants and by pictures."""
    kind = measured_as(results)
    rows = []
    for entry in results["findings"].get("friedman") or []:
        error = CHANCE_OF_FRIEDMAN[kind][entry["by"]]
        pieces = entry["by"] == "picture" and entry["blocks"] < results["findings"]["pictures"]
        missing = readable(entry.get("missing") or "")
        statistic = entry.get("statistic")
        rows.append(
            FriedmanRow(
                counted(entry["blocks"], "photograph" if pieces else entry["by"]),
                "—" if statistic is None else f"χ²({entry['degrees']}) = {number(statistic, 2)}",
                _p(entry.get("p")),
                f"{number(100 * error, 1)} %",
                missing,
            )
        )
    return rows


@dataclass(frozen=True)
class WilcoxonRow:
    """The test of two models over participants, the one with the lower mean rank first."""

    better: str
    worse: str
    better_index: int
    worse_index: int
    p: str
    p_raw: str
    effect: str
    missing: str


def wilcoxon_rows(results: Facts) -> list[WilcoxonRow]:
    """One row for each pair of models, in the order of `pair_rows`."""
    findings = results["findings"]
    models = list(findings["ranks"]["models"])
    tests = {(e["a"], e["b"]): e for e in findings.get("wilcoxon") or []}
    alpha = 1 - results["level"]
    rows = []
    for pair in sorted(pairs_of(results), key=lambda pair: -pair.lead):
        test = tests.get((pair.better, pair.worse)) or tests.get((pair.worse, pair.better)) or {}
        # Of the mean rank of a minus b: below zero where a is better.
        sign = -1 if (pair.better, pair.worse) in tests else 1
        effect = test.get("rank_biserial")
        rows.append(
            WilcoxonRow(
                readable(pair.better),
                readable(pair.worse),
                models.index(pair.better),
                models.index(pair.worse),
                _p(test.get("p_holm"), alpha),
                _p(test.get("p"), alpha),
                number(None if effect is None else sign * effect, 2),
                readable(test.get("missing") or ""),
            )
        )
    return rows


def wilcoxon_error(results: Facts) -> str:
    """How often the test is wrong in studies of such a design, in words."""
    kind = measured_as(results)
    own, _, shared = kind.partition(",")
    found = CHANCE_OF_WILCOXON[own]
    said = (
        f"Measured in {found.studies:,} simulated studies of {found.study}, three models, without "
        f"any difference: p was below 0.05 for any of the three pairs, after Holm's correction, in "
        f"{100 * found.any:.1f} %; it should be 5 % at most."
    )
    if shared:
        said += " Of pictures that share photographs, as here, it was not measured."
    return said
