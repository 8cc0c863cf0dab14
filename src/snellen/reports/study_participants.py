"""The participants of a study in its report: whom the rule leaves out, and what that changes."""

from __future__ import annotations

from dataclasses import dataclass

from snellen.reports.page import readable
from snellen.reports.study_facts import Facts, as_shown, pairs_of
from snellen.reports.study_tables import Told, told
from snellen.reports.tables import number

__all__ = ["ParticipantRow", "SensitivityRow", "participant_rows", "sensitivity_rows"]


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
    results = as_shown(results)
    title = "who counts by the rule: nobody" if "by_rule" in results else "who counts here"
    headline = {**results.get("by_rule", results["findings"]), "title": title}
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
            state += "" if person["completed"] else "; not finished"
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
