"""The figures of a study's report, from results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from snellen.reports.study_facts import Facts, judges
from snellen.reports.study_figures import Dot, Share, dot_panel, rank_panel, spread_panel

__all__ = ["metric_panel", "rank_panels"]


def rank_panels(results: Facts) -> list[tuple[str, Markup]]:
    """The poster's figure, the mean ranks, the worths, and how much people differ."""
    findings = results["findings"]
    found = findings["ranks"]["models"]
    names = list(results["study"]["models"])
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
    of_people = _means_of_people(results)
    if len(of_people) > 2:
        panels.append(
            (
                "How far people differ",
                spread_panel(
                    "Mean rank that each participant gave",
                    {name: [means[name] for means in of_people] for name in names},
                    axis="mean rank that one participant gave (1 is best)",
                    limits=(1.0, float(count)),
                ),
            )
        )
    return panels


def _means_of_people(results: Facts) -> list[Mapping[str, float]]:
    """The mean ranks that each participant gave whose answers are shown."""
    people = results.get("participants") or []
    shown = {each["name"] for each in people if each["counts"]}
    if "by_rule" in results:
        shown = set(results["without_exclusion"]["people"])
    return [each["mean_ranks"] for each in people if each["name"] in shown and each["mean_ranks"]]


def _dots(
    names: Sequence[str], entries: Sequence[Mapping[str, Any]], *, coloured: bool = True
) -> list[Dot]:
    return [
        Dot(name, index if coloured else None, entry["value"], entry["low"], entry["high"])
        for index, (name, entry) in enumerate(zip(names, entries, strict=True))
    ]


def metric_panel(results: Facts) -> Markup | None:
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
