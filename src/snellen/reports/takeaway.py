"""The one sentence at the head of a report, written from the paired differences and nothing else.

Rules, so that nobody has to trust the wording:
- The sentence speaks of the loss (not the first) with the highest SSIM, against the first.
- "more" and "fewer" are said only where a 95 % interval excludes zero. Where it includes zero the
  sentence says that the pictures do not show it, and prints the interval.
- What is lost is said in the same sentence as what is gained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from snellen.reports.tables import (
    MEASURES,
    Measure,
    decided,
    digits_for,
    measures_in,
    number,
    signed,
    span,
)

__all__ = ["Takeaway", "takeaway"]

_BY_KEY = {measure.key: measure for measure in MEASURES}
_FEW_SOURCES = 10  # below that a percentile bootstrap is clearly too narrow


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
    losses, differences = results["losses"], results.get("differences") or {}
    # What was infinite is null in results.json: nothing can be said of it.
    differences = {name: _known(found) for name, found in differences.items()}
    compared = [name for name in losses if name in differences]
    first = next(iter(losses))
    if not compared:
        pieces = _alone(first, _known(losses[first]))
        others: tuple[str, ...] = ()
    else:
        focus = max(compared, key=lambda name: _mean(differences[name].get("ssim")))
        pieces = _compare(first, focus, differences[focus])
        others = tuple(
            _in_short(name, first, differences[name]) for name in compared if name != focus
        )
    sweep = results.get("sweep") or []
    if len(sweep) > 1 and (text := _over_sizes(results, sweep)):
        others = (*others, text)
    return Takeaway(tuple(pieces), _evidence(results), others, _cautions(results))


def _known(found: Mapping[str, Any]) -> dict[str, Any]:
    return {measure.key: found[measure.key] for measure in measures_in({"": found})}


Pieces = list[tuple[str, str]]


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
    for place, (label, limits) in enumerate(parts):
        pieces += [("text", " and " if place else ""), ("number", label), ("limits", f" {limits}")]
    return [*pieces, ("text", ".")]


def _compare(first: str, focus: str, found: Mapping[str, Any]) -> Pieces:
    verdict = decided(found.get("ssim"))
    rest = [_BY_KEY[key] for key in ("ms_ssim", "edge_f") if key in found]
    ssim = [_BY_KEY["ssim"]] if "ssim" in found else []
    names: dict[str, Pieces] = {"focus": [("loss", focus)], "first": [("loss", first)]}
    if verdict > 0:
        agreeing = [m for m in rest if decided(found[m.key]) > 0]
        rest = [m for m in rest if m not in agreeing]
        said = _text("Trained with {focus} instead of {first}, the same network keeps more ", names)
        said += [("text", "structure"), *_in_parentheses([*ssim, *agreeing], found)]
    elif verdict < 0:
        said = _text(
            "No loss here keeps as much structure as {first}: the nearest is {focus}", names
        )
        said += _in_parentheses(ssim, found)
    else:
        said = _text("These pictures do not show whether {focus} or {first} keeps more ", names)
        said += [("text", "structure"), *_in_parentheses(ssim, found)]
    exceptions = _exceptions(rest, found, verdict)
    if exceptions and verdict > 0 and "psnr" in found:
        exceptions.append(("text", ","))
    return [*said, *exceptions, *_price(focus, found.get("psnr"), verdict)]


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
    digits = digits_for(psnr["high"] - psnr["low"], _BY_KEY["psnr"].digits)
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
        digits = digits_for(entry["high"] - entry["low"], measure.digits)
        name = f"{_in_text(measure)} " if label else ""
        pieces.append(("number", f"{name}{signed(entry['mean'], digits)}"))
        pieces.append(("limits", f" {span(entry['low'], entry['high'], digits)}"))
    return pieces


def _in_short(name: str, first: str, found: Mapping[str, Any]) -> str:
    parts = []
    for key in ("ssim", "psnr"):
        entry = found.get(key)
        if entry is None:
            continue
        measure = _BY_KEY[key]
        digits = digits_for(entry["high"] - entry["low"], measure.digits)
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


def _cautions(results: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    sources = results.get("data", {}).get("held_out_sources")
    if sources and sources < _FEW_SOURCES:
        held = f"{sources} source {_plural(sources, 'picture')}"
        found.append(f"Only {held} held out: intervals from so few are too narrow.")
    if _seeds(results) == 1:
        found.append("One seed: the intervals cover other pictures, not another training run.")
    return tuple(found)


def _over_sizes(results: Mapping[str, Any], sweep: list[Mapping[str, Any]]) -> str:
    """Does the lead in SSIM hold at the other code sizes?"""
    differences = results.get("differences") or {}
    if not differences or not measures_in(results["losses"]):
        return ""
    focus = max(differences, key=lambda name: _mean(differences[name].get("ssim")))
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


def _mean(entry: Mapping[str, float] | None) -> float:
    return float("-inf") if entry is None else entry["mean"]
