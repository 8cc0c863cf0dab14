"""Metrics against people in a study's report: the lines under its sentence, and the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snellen.reports.page import readable
from snellen.reports.protocol import counted
from snellen.reports.study_facts import Facts, judges, listed
from snellen.reports.study_tables import Told, percent
from snellen.reports.tables import number, signed, span

__all__ = [
    "MetricRow",
    "ceiling_note",
    "metric_lines",
    "metric_rows",
    "metrics_that_differ",
    "no_ceiling",
]

_NAMED = 4  # metrics, and differences, that a sentence names


def metric_lines(results: Facts) -> Iterator[str]:
    """Which metric agrees most often, against how often people do."""
    agreement = results.get("metric_agreement") or {}
    known = [
        entry
        for entry in agreement.get("metrics") or []
        if "missing" not in entry and entry["overall"]["value"] is not None
    ]
    if not known:
        return
    best = max(known, key=lambda entry: entry["overall"]["value"])
    # Some metrics put any two pictures in the same order, as MSE and PSNR do.
    alike = [
        entry["name"]
        for entry in known
        if math.isclose(entry["overall"]["value"], best["overall"]["value"])
    ]
    names, rest = listed([readable(name) for name in alike]), len(known) - len(alike)
    share = f"{_percent(best['overall'])} of the pairs that these put in an order"
    low = best["overall"]["low"]
    if low is not None and low <= 0.5:
        none = "No metric was" if len(known) > 1 else "The metric was not"
        said = f"{none} shown to agree with the {judges(results)} more often than chance: "
        high = best["overall"]["high"]
        if high is not None and high < 0.5:
            every = "Every metric agrees" if len(known) > 1 else "The metric agrees"
            said = f"{every} with the {judges(results)} less often than chance: "
        if rest:
            said += f"{names} {'comes' if len(alike) == 1 else 'come'} nearest, on {share}"
        else:
            said += f"{names if len(known) == 1 else 'each'} agrees on {share}"
    else:
        said = f"Of {counted(len(known), 'metric')}, " if len(known) > 1 else ""
        said += names + (" agrees" if len(alike) == 1 else " agree")
        said += " most often" if rest else " equally often" if len(known) > 1 else ""
        said += f" with the {judges(results)}: on {share}"
    ceiling = agreement["ceiling"]
    if ceiling["with_others"]["value"] is not None:
        said += f"; the majority of all others does on {_percent(ceiling['with_others'])}"
    elif ceiling["within_people"]["value"] is not None:
        said += f"; asked again they agree with themselves on {_percent(ceiling['within_people'])}"
    yield f"{said}."
    if not (low is not None and low <= 0.5):
        yield from _not_ahead(agreement, best["name"], alike, [entry["name"] for entry in known])


def _not_ahead(
    agreement: Facts, best: str, alike: Sequence[str], known: Sequence[str]
) -> Iterator[str]:
    """Which other metrics may agree as often as the one that does most often."""
    shown = set()
    for each in agreement.get("differences") or []:
        low, high = each["difference"]["low"], each["difference"]["high"]
        if low is not None and (low > 0 or high < 0) and best in (each["a"], each["b"]):
            shown |= {each["a"], each["b"]}
    unclear = [readable(name) for name in known if name not in alike and name not in shown]
    if not unclear:
        return
    which = unclear if len(unclear) <= _NAMED else [f"{len(unclear)} of the others"]
    others = " or ".join(filter(None, (", ".join(which[:-1]), which[-1])))
    yield f"That {readable(best)} agrees more often than {others} was not shown."


def _percent(entry: Facts) -> str:
    limits = ""
    if entry["low"] is not None and entry["high"] is not None:
        limits = f" [{100 * entry['low']:.0f}, {100 * entry['high']:.0f}]"
    return f"{100 * entry['value']:.0f} %{limits}"


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


def no_ceiling(results: Facts) -> str:
    """Why it cannot be told how often two people agree; empty where it can."""
    found = (results.get("metric_agreement") or {}).get("ceiling") or {}
    between = found.get("between_people") or {}
    if between.get("value") is not None or not between.get("missing"):
        return ""
    why = readable(between["missing"])
    what = f"How often two {judges(results)} agree"
    return f"{what} is {why}." if why.startswith("not ") else f"{what} cannot be told: {why}."


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
