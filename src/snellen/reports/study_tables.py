"""The tables of a study's report: parts of results.json as plain values for the template."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snellen.reports.page import readable
from snellen.reports.protocol import counted
from snellen.reports.representation_scores import p_in_words
from snellen.reports.study_takeaway import Pair, pairs_of
from snellen.reports.tables import digits_for, number, signed, span

__all__ = [
    "CHANCE_OF_FRIEDMAN",
    "MEASURED",
    "FriedmanRow",
    "PairRow",
    "ParticipantRow",
    "RankRow",
    "SensitivityRow",
    "Told",
    "MetricRow",
    "ceiling_note",
    "friedman_rows",
    "measured_as",
    "metric_rows",
    "metrics_that_differ",
    "pair_rows",
    "participant_rows",
    "percent",
    "rank_rows",
    "sensitivity_rows",
    "told",
]

Facts = Mapping[str, Any]

CHANCE_OF_FRIEDMAN = {
    "nested": {"row": 0.539, "participant": 0.048, "picture": 0.539},
    "nested, shared photographs": {"row": 0.597, "participant": 0.0745, "picture": 0.31525},
    "crossed": {"row": 0.72075, "participant": 0.15675, "picture": 0.15375},
    "crossed, shared photographs": {"row": 0.82675, "participant": 0.335, "picture": 0.07275},
    "balanced-incomplete": {"row": 0.59175, "participant": 0.0705, "picture": 0.3355},
    "balanced-incomplete, shared photographs": {
        "row": 0.657,
        "participant": 0.1135,
        "picture": 0.20125,
    },
}
"""How often Friedman's test rejects at the 5 % level where there is no difference, by design and
block: docs/results/study_calibration.json, 4000 studies each of those in `MEASURED`, person SD 0.5
and picture SD 0.8 on the utility scale, of which photographs, where they are shared, have half the
variance."""

MEASURED = {
    "nested": "20 people × 50 pictures each",
    "nested, shared photographs": "20 people × 50 pictures each, pieces of 100 photographs",
    "crossed": "20 people × the same 50 pictures",
    "crossed, shared photographs": "20 people × the same 50 pictures, pieces of 10 photographs",
    "balanced-incomplete": "20 people × 50 of 200 pictures",
    "balanced-incomplete, shared photographs": (
        "20 people × 50 of 200 pictures, pieces of 50 photographs"
    ),
}
"""In which studies errors were measured, by `measured_as`."""


def measured_as(results: Facts) -> str:
    """The kind of study whose errors were measured: its design, and whether photographs are shared.

    >>> measured_as({"study": {"design": "crossed"},
    ...     "findings": {"pictures": 50, "photographs": 10, "differences": []}})
    'crossed, shared photographs'
    """
    design, findings = str(results["study"]["design"]), results["findings"]
    if design == "nested":  # what one person alone has of a photograph is part of the person
        methods = [entry.get("method") or "" for entry in findings.get("differences") or []]
        shared = any(method.startswith("two-way") for method in methods)
    else:
        shared = (findings.get("photographs") or findings["pictures"]) < findings["pictures"]
    return f"{design}, shared photographs" if shared else design


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
    return [
        RankRow(
            readable(name),
            index,
            [percent(share) for share in entry["shares"]],
            [_count(count) for count in entry["counts"]],
            told(entry["mean_rank"], 2),
            told((worths.get(name) or {}).get("log_worth"), 2),
        )
        for index, (name, entry) in enumerate(findings["ranks"]["models"].items())
    ]


def _count(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


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
    wilcoxon: str
    effect: str


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
    tests = {(e["a"], e["b"]): e for e in findings.get("wilcoxon") or []}
    rows = []
    for pair in pairs:
        p = raw.get((pair.better, pair.worse), raw.get((pair.worse, pair.better)))
        test = tests.get((pair.better, pair.worse)) or tests.get((pair.worse, pair.better)) or {}
        # Of the mean rank of a minus b: below zero where a is better.
        sign = -1 if (pair.better, pair.worse) in tests else 1
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
                _p(pair.p),
                _p(p),
                rate,
                note,
                _p(test.get("p_holm")),
                _effect(test.get("rank_biserial"), sign),
            )
        )
    return rows


def _effect(value: float | None, sign: int) -> str:
    return number(None if value is None else sign * value, 2)


def _p(value: float | None) -> str:
    return "—" if value is None or math.isnan(value) else p_in_words(value)


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
class SensitivityRow:
    """The same analysis of other people's answers."""

    title: str
    people: str
    rankings: str
    means: list[Told]
    decided: str


def sensitivity_rows(results: Facts) -> list[SensitivityRow]:
    """Who counts, and others; one row each."""
    headline = {**results["findings"], "title": "who counts here"}
    rows = []
    for entry in (headline, *(results.get("sensitivity") or [])):
        pairs = pairs_of({**results, "findings": entry})
        tested = [pair for pair in pairs if pair.p is not None]
        rows.append(
            SensitivityRow(
                entry["title"],
                f"{entry['people']:,}",
                f"{entry['rankings']:,}",
                [told(found["mean_rank"], 2) for found in entry["ranks"]["models"].values()],
                f"{sum(p.decided for p in tested)} of {len(tested)}" if tested else "—",
            )
        )
    return rows


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
        missing = readable(entry.get("missing") or "")
        statistic = entry.get("statistic")
        rows.append(
            FriedmanRow(
                counted(entry["blocks"], entry["by"]),
                "—" if statistic is None else f"χ²({entry['degrees']}) = {number(statistic, 2)}",
                _p(entry.get("p")),
                f"{number(100 * error, 1)} %",
                missing,
            )
        )
    return rows


@dataclass(frozen=True)
class ParticipantRow:
    """How carefully one participant judged."""

    name: str
    answered: str
    seconds: str
    catch: str
    retest: str
    same_place: str
    state: str
    out: bool


def participant_rows(results: Facts) -> list[ParticipantRow]:
    """One row for each participant with answers."""
    rows = []
    for person in results.get("participants") or []:
        if person["reasons"]:
            state = "left out: " + "; ".join(person["reasons"])
        elif not person["completed"]:
            state = "not finished"
        else:
            state = "counts"
        seen = person["catch_seen"]
        rows.append(
            ParticipantRow(
                readable(person["name"]),
                f"{person['answered']:,}",
                number(person["median_seconds"], 1),
                f"{person['catch_failed']} of {seen}" if seen else "—",
                number(person["retest"], 2),
                "—" if person["same_place"] is None else f"{100 * person['same_place']:.0f} %",
                state,
                not person["counts"],
            )
        )
    return rows


@dataclass(frozen=True)
class MetricRow:
    """How often a metric, or people, agree with the people."""

    name: str
    note: str
    cells: list[Told]


_CEILING = {
    "between_people": ("another {}", "who ranked the same picture"),
    "with_others": ("the majority of the others", "on the same picture; knows all other answers"),
    "best_possible": ("the best there could be", "always with the majority; of few it flatters"),
    "within_people": (
        "the same {} again",
        "at the repeat of the trial, where chance came in twice",
    ),
}
_NAMED = 4  # differences that a sentence names


def metric_rows(results: Facts) -> tuple[list[MetricRow], list[MetricRow]]:
    """One row for each metric, and one for each ceiling that could be measured."""
    agreement = results.get("metric_agreement") or {}
    rows = []
    for each in agreement.get("metrics") or []:
        better = "lower is better" if each["lower"] else "higher is better"
        if each.get("missing"):
            cells = [Told("—")] * 5
            note = readable(each["missing"])
        else:
            ahead = each["to_ceiling"]
            cells = [
                percent(each["overall"]),
                Told("—")
                if ahead["value"] is None
                else Told(
                    signed(100 * ahead["value"], 1),
                    "" if ahead["low"] is None else _points_span(ahead["low"], ahead["high"]),
                ),
                percent(each["per_picture"]),
                percent(each["first"]),
                Told(number(each["model_order"], 2)),
            ]
            note = f"{readable(each['scale'])}; {better}"
        rows.append(MetricRow(readable(each["name"]), note, cells))
    who = "observer" if results.get("simulated") else "person"
    ceilings = [
        MetricRow(_CEILING[key][0].format(who), _CEILING[key][1], [percent(entry)])
        for key, entry in (agreement.get("ceiling") or {}).items()
        if entry["value"] is not None
    ]
    return rows, ceilings


def ceiling_note(results: Facts) -> str:
    """What the ceilings are to a metric, in words."""
    ceiling = (results.get("metric_agreement") or {}).get("ceiling") or {}
    if (ceiling.get("with_others") or {}).get("value") is not None:
        return (
            "the most that any metric could reach lies between the majority of the others, which "
            "is unsure where few ranked a picture, and the best there could be, which has seen the "
            "answers."
        )
    return (
        "both answers to a repeated trial hold chance, so a metric that knew what is preferred on "
        "the whole may agree more often."
    )


def metrics_that_differ(results: Facts) -> str:
    """Which metrics agree more often than others, where the paired interval excludes zero."""
    found = (results.get("metric_agreement") or {}).get("differences") or []
    known = [each["difference"] for each in found if each["difference"]["low"] is not None]
    if not known:
        return ""
    shown = []
    for each in found:
        difference = each["difference"]
        low, high = difference["low"], difference["high"]
        if low is None or not (low > 0 or high < 0):
            continue
        a, b, value = readable(each["a"]), readable(each["b"]), difference["value"]
        if value < 0:
            a, b, value, low, high = b, a, -value, -high, -low
        shown.append((value, f"{a} than {b} ({_points(value)} {_points_span(low, high)})"))
    several = "Intervals of paired differences, each for its pair alone, not corrected for several"
    if not shown:
        return f"No metric was shown to agree more often than another ({several.lower()})."
    best = [text for _, text in sorted(shown, reverse=True)[:_NAMED]]
    rest = f", and {len(shown) - len(best)} more" if len(shown) > len(best) else ""
    return f"Shown to agree more often, in points: {'; '.join(best)}{rest}. {several}, 0 excluded."


def _points(value: float) -> str:
    return number(100 * value, 1)


def _points_span(low: float, high: float) -> str:
    return span(100 * low, 100 * high, 1)
