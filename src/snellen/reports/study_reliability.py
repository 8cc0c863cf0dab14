"""How far a study's answers can be relied on: agreement, consistency, places, and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from snellen.reports.page import readable
from snellen.reports.protocol import counted
from snellen.reports.study_facts import Facts, p_in_words
from snellen.reports.study_figures import Dot, dot_panel, ordinal
from snellen.reports.study_tables import Told, percent, told
from snellen.reports.tables import number, signed, span

__all__ = ["ReliabilityRow", "bias_panels", "reliability_rows"]


@dataclass(frozen=True)
class ReliabilityRow:
    """A measure, its value, and what that says."""

    title: str
    value: Told
    says: str


def reliability_rows(results: Facts) -> list[ReliabilityRow]:
    """Agreement between people and with themselves, bias of the place, drift over a session."""
    findings = results["findings"]
    return [
        *_agreement(findings.get("agreement") or {}),
        *_retest(findings.get("retest") or {}),
        *_position(findings.get("position_bias") or {}),
        *_drift(findings.get("order_effects") or {}),
    ]


def _agreement(found: Facts) -> Iterator[ReliabilityRow]:
    if not found:
        return
    if found.get("missing"):
        yield ReliabilityRow(
            "Agreement between participants", Told("—"), _sentence(found["missing"])
        )
        return
    pairs = counted(found["pairs"], "pair")
    pictures = counted(found["pictures"], "picture")
    yield ReliabilityRow(
        "Agreement between participants, Kendall’s τb",
        told(found["kendall_tau"], 2),
        f"Mean over {pairs} of participants on the same picture ({pictures}); 0 is chance, 1 all "
        "alike.",
    )
    yield ReliabilityRow(
        "Spearman’s ρ", told(found["spearman"], 2), "The same pairs, by their ranks."
    )
    yield ReliabilityRow(
        "Krippendorff’s α, ordinal",
        told(found["alpha"], 2),
        "0 is chance, 1 all alike; a unit is one model on one picture.",
    )
    yield ReliabilityRow(
        "Kendall’s W",
        Told(number(found["kendall_w"], 2)),
        f"Mean over pictures; without any agreement {number(found['chance_w'], 2)} is expected.",
    )


def _retest(found: Facts) -> Iterator[ReliabilityRow]:
    if not found:
        return
    if found.get("missing"):
        yield ReliabilityRow("Test–retest", Told("—"), _sentence(found["missing"]))
        return
    who = counted(found["people"], "participant")
    yield ReliabilityRow(
        "Test–retest, Kendall’s τb",
        told(found["kendall_tau"], 2),
        f"{counted(found['trials'], 'trial')} answered twice by {who}; 0 is chance, 1 the same.",
    )
    yield ReliabilityRow(
        "The same ranking again", percent(found["same_ranking"]), "Share of these trials."
    )
    yield ReliabilityRow(
        "The same first again", percent(found["same_first"]), "Share of these trials."
    )
    yield ReliabilityRow(
        "The same order of a pair again",
        percent(found["same_pairs"]),
        "Share of pairs of models that were ranked apart both times; one half is chance.",
    )


def _position(found: Facts) -> Iterator[ReliabilityRow]:
    if not found:
        return
    means = [entry["value"] for entry in found["mean_ranks"]]
    if any(mean is None for mean in means):
        return
    chance = (len(means) + 1) / 2
    listed = ", ".join(number(mean, 2) for mean in means)
    yield ReliabilityRow(
        "Bias of the place on the screen",
        _p(found["friedman"]),
        f"Mean rank of what stood there, from the left: {listed}; without bias each is "
        f"{number(chance, 1)}. Friedman’s test over participants.{_places(found)}",
    )


def _places(found: Facts) -> str:
    """How evenly the models were spread over the places."""
    counts = [count for each in (found.get("counts") or {}).values() for count in each]
    if not counts or not sum(counts):
        return ""
    rankings = sum(next(iter(found["counts"].values())))
    least, most = (f"{100 * each / rankings:.0f}" for each in (min(counts), max(counts)))
    share = least if least == most else f"{least} to {most}"
    return f" Each model stood in each place in {share} % of the rankings."


def _drift(found: Facts) -> Iterator[ReliabilityRow]:
    drifts = {
        name: entry
        for name, entry in (found.get("models") or {}).items()
        if entry["change"]["value"] is not None
    }
    if drifts:
        name = max(drifts, key=lambda each: abs(drifts[each]["change"]["value"]))
        change = drifts[name]["change"]
        p = drifts[name]["p_holm"]
        yield ReliabilityRow(
            "Second half of the session against the first",
            Told(signed(change["value"], 2), span(change["low"], change["high"], 2)),
            f"Change in mean rank of {readable(name)}, the largest of all models"
            + (f"; p {p_in_words(p)} after Holm’s correction." if p is not None else "."),
        )
    seconds = found.get("seconds") or (None, None)
    if None not in seconds:
        change = found["seconds_change"]
        yield ReliabilityRow(
            "Seconds for an answer",
            Told(signed(change["value"], 1), span(change["low"], change["high"], 1)),
            f"Median {number(seconds[0], 1)} s in the first half, {number(seconds[1], 1)} s in the "
            "second, means over participants.",
        )


def _p(test: Facts) -> Told:
    if test.get("p") is None:
        return Told("—", "", readable(test.get("missing", "")))
    return Told(f"p {p_in_words(test['p'])}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{readable(text[1:])}."


def bias_panels(results: Facts) -> list[tuple[str, Markup]]:
    """The mean rank of whatever stood in each place."""
    found = (results["findings"].get("position_bias") or {}).get("mean_ranks") or []
    if not found or any(entry["value"] is None for entry in found):
        return []
    count = len(found)
    chance = (count + 1) / 2
    dots = [
        Dot(_place(index, count), None, entry["value"], entry["low"], entry["high"])
        for index, entry in enumerate(found)
    ]
    panel = dot_panel(
        "Mean rank by place on the screen",
        dots,
        axis="mean rank of what stood there",
        limits=(chance - 0.5, chance + 0.5),
        digits=2,
        line=(chance, "no bias"),
    )
    return [("Does the place on the screen matter?", panel)]


def _place(index: int, count: int) -> str:
    """A place's name, from the left.

    >>> [_place(index, 3) for index in range(3)], _place(1, 4)
    (['left', 'middle', 'right'], '2nd from the left')
    """
    if count <= 3:
        return ("left", "right")[index] if count == 2 else ("left", "middle", "right")[index]
    return f"{ordinal(index + 1)} from the left"
