"""The one sentence at the head of a report, written from the paired differences and nothing else.

Rules, so that nobody has to trust the wording:
- The sentence speaks of the loss (not the first) with the highest SSIM, against the first. Where
  that is a choice among several, it says of how many: the best of many looks better than it is.
- "more" and "fewer" are said only where a 95 % interval excludes zero. Where it includes zero the
  sentence says that the pictures do not show it, and prints the interval.
- What is lost is said in the same sentence as what is gained.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snellen.reports.tables import (
    MEASURES,
    Measure,
    decided,
    digits_for,
    number,
    signed,
    span,
)

__all__ = [
    "Takeaway",
    "cautions",
    "choice_made",
    "focus_of",
    "headline",
    "in_short",
    "takeaway",
]

Pieces = list[tuple[str, str]]

_BY_KEY = {measure.key: measure for measure in MEASURES}
_FEW_SOURCES = 10  # below that a percentile bootstrap is clearly too narrow
_FEW_SEEDS = 5  # below that resampling seeds says little about another training


@dataclass(frozen=True)
class Takeaway:
    """The sentence as (kind, text) pieces, and what limits it.

    Kinds: "text", "loss" (a name), "number" and "limits" (an interval), for the page to set apart.
    """

    pieces: tuple[tuple[str, str], ...]
    evidence: str
    others: tuple[str, ...]
    cautions: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(text for _, text in self.pieces)


def takeaway(results: Mapping[str, Any]) -> Takeaway:
    """Write the takeaway of results.json (format 1).

    >>> def at(mean, low, high):
    ...     return {"mean": mean, "low": low, "high": high}
    >>> scores = {"ssim": at(0.5, 0.4, 0.6), "psnr": at(25, 24, 26)}
    >>> found = takeaway({
    ...     "data": {"held_out_pictures": 60, "held_out_sources": 20},
    ...     "losses": {"mse": scores, "ms-ssim": scores},
    ...     "differences": {
    ...         "ms-ssim": {"ssim": at(0.02, 0.015, 0.026), "psnr": at(-0.4, -0.5, -0.3)}},
    ... })
    >>> print(found)
    Trained with ms-ssim instead of mse, the same network keeps more structure
    (SSIM +0.020 [0.015, 0.026]) and pays 0.40 dB of PSNR [0.30, 0.50].
    """
    pieces, others = headline(results)
    evidence = _evidence(results) + choice_made(results)
    sweep = results.get("sweep") or []
    if len(sweep) > 1 and (text := _over_sizes(results, sweep)):
        others = (*others, text)
    return Takeaway(tuple(pieces), evidence, others, cautions(results))


def headline(results: Mapping[str, Any]) -> tuple[Pieces, tuple[str, ...]]:
    """The sentence on the first loss and the one that the rules pick, and a line on each other."""
    first, differences = next(iter(results["losses"])), _differences(results)
    if not differences:
        return _alone(first, _known(results["losses"][first])), ()
    focus = focus_of(results)
    pieces = _compare(first, focus, differences[focus], len(results["losses"]))
    others = (name for name in differences if name != focus)
    return pieces, tuple(in_short(name, first, differences[name]) for name in others)


def choice_made(results: Mapping[str, Any]) -> str:
    """Say by which rule one loss was picked; nothing where there was no choice."""
    differences = _differences(results)
    lead = _mean(differences[focus_of(results)].get("ssim")) if len(differences) > 1 else None
    if lead is None:
        return ""
    besides = "" if lead > 0 else f" besides {next(iter(results['losses']))}"
    return f" The headline is about the loss with the highest mean SSIM{besides}."


def focus_of(results: Mapping[str, Any]) -> str:
    """The loss that the headline is about; there must be one beside the first."""
    differences = _differences(results)
    return _focus(list(differences), differences)


def _differences(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is known of each loss that was compared to the first."""
    found = results.get("differences") or {}
    return {name: _known(found[name]) for name in results["losses"] if name in found}


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    """The measures with finite intervals: of what was infinite, or is null, nothing is said."""

    def is_finite(entry: object) -> bool:
        return isinstance(entry, Mapping) and all(
            isinstance(entry.get(key), int | float) and math.isfinite(entry[key])
            for key in ("mean", "low", "high")
        )

    return {key: found[key] for key in _BY_KEY if is_finite(found.get(key))}


def _focus(compared: Sequence[str], differences: Mapping[str, Mapping[str, Any]]) -> str:
    """The loss with the highest SSIM of those that were compared to the first."""
    return max(compared, key=lambda name: differences[name].get("ssim", {}).get("mean", -math.inf))


def _alone(name: str, found: Mapping[str, Any]) -> Pieces:
    pieces: Pieces = [("text", "Only one loss was trained, "), ("loss", name)]
    pieces.append(("text", ", so nothing is compared here: on pictures it never saw it reaches "))
    parts = []
    for key in ("ssim", "psnr"):
        if key in found:
            measure = _BY_KEY[key]
            value = number(found[key]["mean"], measure.digits)
            label = f"{measure.label} {value}" + (f" {measure.unit}" if measure.unit else "")
            parts.append((label, span(found[key]["low"], found[key]["high"], measure.digits)))
    if not parts:
        return [*pieces[:2], ("text", ", so nothing is compared here.")]
    for place, (label, limits) in enumerate(parts):
        pieces += [("text", " and " if place else ""), ("number", label), ("limits", f" {limits}")]
    return [*pieces, ("text", ".")]


def _compare(first: str, focus: str, found: Mapping[str, Any], count: int) -> Pieces:
    """The sentence on `focus` and `first`, two of `count` losses."""
    verdict = decided(found.get("ssim"))
    rest = [_BY_KEY[key] for key in ("ms_ssim", "edge_f") if key in found]
    ssim = [_BY_KEY["ssim"]] if "ssim" in found else []
    names: dict[str, Pieces] = {"focus": [("loss", focus)], "first": [("loss", first)]}
    agreeing = [m for m in rest if verdict > 0 and decided(found[m.key]) > 0]
    rest = [m for m in rest if m not in agreeing]
    said = _text(_opening(verdict, count, _mean(found.get("ssim"))), names)
    said += _in_parentheses([*ssim, *agreeing], found)
    exceptions = _exceptions(rest, found, verdict)
    if exceptions and verdict > 0 and "psnr" in found:
        exceptions.append(("text", ","))
    return [*said, *exceptions, *_price(focus, found.get("psnr"), verdict)]


def _opening(verdict: int, count: int, lead: float | None) -> str:
    """The sentence up to the numbers; where there was a choice, it says among how many losses."""
    chosen = count > 2 and lead is not None
    of_all = f"Of the {count} losses compared, "
    if verdict > 0:
        if chosen:
            return (
                of_all + "{focus} has the highest SSIM: trained with it instead of {first}, "
                "the same network keeps more structure"
            )
        return "Trained with {focus} instead of {first}, the same network keeps more structure"
    if verdict < 0:
        if chosen:
            return of_all + "{first} keeps the most structure: the nearest is {focus}"
        return "No loss here keeps as much structure as {first}: the nearest is {focus}"
    if chosen:
        highest, other = ("{focus}", "{first}") if lead and lead > 0 else ("{first}", "{focus}")
        return (
            f"{of_all}{highest} has the highest SSIM, but these pictures do not show whether it or "
            f"{other} keeps more structure"
        )
    return "These pictures do not show whether {focus} or {first} keeps more structure"


def _text(template: str, names: Mapping[str, Pieces]) -> Pieces:
    """Fill ``{focus}`` and ``{first}`` with names; the names themselves may hold braces."""
    pieces: Pieces = []
    for part in re.split(r"(\{\w+\})", template):
        pieces += names[part[1:-1]] if part.startswith("{") else [("text", part)]
    return pieces


def _exceptions(measures: list[Measure], found: Mapping[str, Any], verdict: int) -> Pieces:
    """What the other measures of structure say, where it is not what SSIM says."""
    up = [m for m in measures if decided(found[m.key]) > 0]
    down = [m for m in measures if decided(found[m.key]) < 0]
    unclear = [m for m in measures if decided(found[m.key]) == 0]
    clauses: list[Pieces] = []
    if up:
        clauses.append([("text", f"higher {_names(up)}"), *_in_parentheses(up, found, label=False)])
    if down:
        clauses.append(
            [("text", f"lower {_names(down)}"), *_in_parentheses(down, found, label=False)]
        )
    if unclear and verdict > 0:
        clauses.append(
            [
                ("text", f"no change shown in {_names(unclear)}"),
                *_in_parentheses(unclear, found, label=False),
            ]
        )
    pieces: Pieces = []
    for place, clause in enumerate(clauses):
        pieces += [("text", " and " if place else ", with "), *clause]
    return pieces


def _price(focus: str, psnr: Mapping[str, float] | None, verdict: int) -> Pieces:
    """What it costs, or brings, in PSNR; the end of the sentence."""
    if psnr is None:
        return [("text", ".")]
    digits = digits_for(psnr["low"], psnr["high"], _BY_KEY["psnr"].digits)
    sign = decided(psnr)
    # "and" goes on with the loss as the subject; elsewhere it must be named again.
    opening: Pieces = (
        [("text", " and ")] if verdict > 0 else [("text", "; "), ("loss", focus), ("text", " ")]
    )
    if sign < 0:
        verb, size = "pays ", number(-psnr["mean"], digits)
        limits = span(-psnr["high"], -psnr["low"], digits)
    else:
        verb, size = "gains ", number(psnr["mean"], digits)
        limits = span(psnr["low"], psnr["high"], digits)
    if sign == 0:
        opening.append(("text", "shows no difference in PSNR ("))
        size = signed(psnr["mean"], digits)
        return [*opening, ("number", f"{size} dB"), ("limits", f" {limits}"), ("text", ").")]
    also = "also " if (verdict > 0) == (sign > 0) and verdict else ""
    opening.append(("text", f"{also}{verb}"))
    return [*opening, ("number", f"{size} dB of PSNR"), ("limits", f" {limits}"), ("text", ".")]


def _names(measures: list[Measure]) -> str:
    return " and ".join(_in_text(measure) for measure in measures)


def _in_text(measure: Measure) -> str:
    """The label inside a sentence: an abbreviation stays, a word loses its capital."""
    label = measure.label
    return label if label[:2].isupper() else label[0].lower() + label[1:]


def _in_parentheses(
    measures: list[Measure], found: Mapping[str, Any], *, label: bool = True
) -> Pieces:
    if not measures:
        return []
    return [("text", " ("), *_listed(measures, found, label=label), ("text", ")")]


def _listed(measures: list[Measure], found: Mapping[str, Any], *, label: bool = True) -> Pieces:
    pieces: Pieces = []
    for place, measure in enumerate(measures):
        if place:
            pieces.append(("text", ", "))
        entry = found[measure.key]
        digits = digits_for(entry["low"], entry["high"], measure.digits)
        name = f"{_in_text(measure)} " if label else ""
        pieces.append(("number", f"{name}{signed(entry['mean'], digits)}"))
        pieces.append(("limits", f" {span(entry['low'], entry['high'], digits)}"))
    return pieces


def in_short(name: str, first: str, found: Mapping[str, Any]) -> str:
    """One line on a loss against the first: SSIM and PSNR, and whether zero is excluded."""
    parts = []
    for key in ("ssim", "psnr"):
        entry = found.get(key)
        if entry is None:
            continue
        measure = _BY_KEY[key]
        digits = digits_for(entry["low"], entry["high"], measure.digits)
        unit = f" {measure.unit}" if measure.unit else ""
        text = f"{measure.label} {signed(entry['mean'], digits)}{unit}"
        text += f" {span(entry['low'], entry['high'], digits)}"
        parts.append(text if decided(entry) else f"{text} (includes zero)")
    return f"{name} against {first}: {', '.join(parts)}."


def _evidence(results: Mapping[str, Any]) -> str:
    data = results.get("data", {})
    crops, sources = data.get("held_out_pictures"), data.get("held_out_sources")
    seeds = _seeds(results)
    said = "Brackets are 95 % intervals"
    if crops and sources:
        said += f" over {crops:,} held-out {_plural(crops, 'crop')} of {sources:,} "
        said += f"source {_plural(sources, 'picture')}"
    if seeds:
        said += f" and {seeds} {_plural(seeds, 'seed')}"
    compared = len(results["losses"]) > 1
    return said + ("; differences are paired." if compared else ".")


def cautions(results: Mapping[str, Any]) -> tuple[str, ...]:
    """What the reader must know before trusting an interval."""
    found = []
    sources = results.get("data", {}).get("held_out_sources")
    if sources and sources < _FEW_SOURCES:
        held = f"{sources} source {_plural(sources, 'picture')}"
        found.append(f"Only {held} held out: intervals from so few are too narrow.")
    seeds = _seeds(results)
    if seeds == 1:
        found.append(
            "One seed: the intervals cover other pictures and say nothing about another training."
        )
    elif seeds and seeds < _FEW_SEEDS:
        found.append(f"Only {seeds} seeds: the intervals say little about another training.")
    return (*found, *_nothing_kept(results["losses"]))


def _nothing_kept(losses: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What to say where all losses, or the one with the highest SSIM, kept no octave at all."""
    empty = [name for name, found in losses.items() if _keeps_no_octave(found)]
    ssim = {name: _known(found).get("ssim", {}).get("mean") for name, found in losses.items()}
    known = {name: mean for name, mean in ssim.items() if mean is not None}
    best = max(known, key=known.__getitem__, default=None)
    if len(empty) == len(losses):
        yield (
            "No octave of spatial frequency was kept by any loss (all errors are at or above "
            "0 dB): the networks have learned next to nothing yet; train longer before reading "
            "anything into the table."
        )
    elif best in empty:
        yield (
            f"No octave of spatial frequency was kept by {best}, the loss with the highest SSIM "
            "(its errors are all at or above 0 dB): its network has learned next to nothing yet; "
            "train longer before reading anything into its numbers."
        )


def _keeps_no_octave(found: Mapping[str, Any]) -> bool:
    means = [entry["error"].get("mean") for entry in found.get("octaves") or []]
    return bool(means) and all(mean is not None and mean >= 0 for mean in means)


def _over_sizes(results: Mapping[str, Any], sweep: list[Mapping[str, Any]]) -> str:
    """Does the lead in SSIM hold at the other code sizes?"""
    differences = _differences(results)
    if not differences:
        return ""
    focus = focus_of(results)
    sign = decided(differences[focus].get("ssim"))
    if sign == 0:
        return ""
    same = [
        entry
        for entry in sweep
        if decided(entry.get("differences", {}).get(focus, {}).get("ssim")) == sign
    ]
    size = results.get("code_size")
    return (
        f"Numbers are for a code of {size:,}; the SSIM difference of {focus} has the same sign, "
        f"zero excluded, at {len(same)} of {len(sweep)} code sizes."
    )


def _seeds(results: Mapping[str, Any]) -> int | None:
    seeds = results.get("config", {}).get("seeds")
    if isinstance(seeds, list | tuple):
        return len(seeds)
    return seeds if isinstance(seeds, int) else None


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


def _mean(entry: Mapping[str, float] | None) -> float | None:
    return None if entry is None else entry["mean"]
