"""The tables and the sentence of a super-resolution report, from results.json and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from snellen.reports.protocol import counted
from snellen.reports.tables import (
    MEASURES,
    Cell,
    Change,
    change_rows,
    duration,
    number,
    score_rows,
    span,
)
from snellen.reports.takeaway import (
    Takeaway,
    cautions,
    choice_made,
    focus_of,
    headline,
    in_short,
)

__all__ = [
    "SHOWN",
    "AnchorRow",
    "DifferenceRow",
    "MethodRow",
    "anchor_rows",
    "difference_rows",
    "method_rows",
    "on_set",
    "super_resolution_takeaway",
]

Results = Mapping[str, Any]

SHOWN = tuple(replace(m, digits=4 if m.key == "ssim" else m.digits) for m in MEASURES[:2])
"""PSNR and SSIM, this to the four digits in which the field prints it."""


def on_set(results: Results, name: str) -> dict[str, Any]:
    """The results on one set, in the form that tables and sentences of other reports take."""
    held = results["sets"][name]
    return {
        "losses": {loss: found[name] for loss, found in results["losses"].items()},
        "differences": {loss: found[name] for loss, found in results["differences"].items()},
        "comparisons": {
            loss: {other: found[name] for other, found in row.items()}
            for loss, row in results["comparisons"].items()
        },
        "data": {"held_out_sources": held["sources"], "held_out_pictures": held["pictures"]},
        "config": results["config"],
    }


@dataclass(frozen=True)
class MethodRow:
    """One method's scores: PSNR and SSIM of each set; `index` is None for bicubic."""

    method: str
    index: int | None
    cells: list[Cell]
    spreads: list[str]
    seconds: str


def method_rows(results: Results) -> list[MethodRow]:
    """Bicubic, then each loss, on each set; the best loss of a column is marked."""
    sets = list(results["sets"])
    plain = [
        Cell(
            number(results["bicubic"][name][measure.key]["mean"], measure.digits),
            span(
                results["bicubic"][name][measure.key]["low"],
                results["bicubic"][name][measure.key]["high"],
                measure.digits,
            ),
            "",
        )
        for name in sets
        for measure in SHOWN
    ]
    rows = [MethodRow("bicubic", None, plain, [""] * len(plain), "")]
    scores = [score_rows(on_set(results, name), SHOWN) for name in sets]
    for index, (loss, found) in enumerate(results["losses"].items()):
        spreads = [
            f"± {number(spread, measure.digits)}"
            if (spread := found[name][measure.key].get("spread")) is not None
            else ""
            for name in sets
            for measure in SHOWN
        ]
        cells = [cell for score in scores for cell in score[index].cells]
        seconds = results["training"][loss].get("seconds")
        shown = duration(seconds) if seconds is not None else "—"
        rows.append(MethodRow(loss, index, cells, spreads, shown))
    return rows


@dataclass(frozen=True)
class DifferenceRow:
    """One loss minus the first on each set."""

    loss: str
    index: int
    changes: list[Change]


def difference_rows(results: Results) -> list[DifferenceRow]:
    """Paired differences from the first loss: PSNR and SSIM of each set."""
    found = [change_rows(on_set(results, name), SHOWN) for name in results["sets"]]
    return [
        DifferenceRow(rows[0].loss, rows[0].index, [c for row in rows for c in row.changes])
        for rows in zip(*found, strict=True)
    ]


@dataclass(frozen=True)
class AnchorRow:
    """One published method: its numbers on each set, "" where there is none."""

    method: str
    by: str
    protocol: str
    cells: list[str]


def anchor_rows(results: Results) -> list[AnchorRow]:
    """What was published for this scale and these sets, a row for each method."""
    rows: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
    for found in results.get("published") or []:
        key = found["method"], found["by"], found["protocol"]
        rows.setdefault(key, {})[found["pictures"]] = found
    return [
        AnchorRow(
            *key,
            [
                number(found[name][m.key], m.digits) if name in found else ""
                for name in results["sets"]
                for m in SHOWN
            ],
        )
        for key, found in rows.items()
    ]


def super_resolution_takeaway(results: Results) -> Takeaway:
    """The sentence at the head, on the set with the most pictures, and what limits it.

    Its rules are those of `snellen.reports.takeaway`.
    """
    name = max(results["sets"], key=lambda key: results["sets"][key]["pictures"])
    view = on_set(results, name)
    pieces, others = headline(view)
    kind, text = pieces[0]
    opening = ("text", f"On {name}, ×{results['scale']}: ")
    pieces = [opening, (kind, text[:1].lower() + text[1:]), *pieces[1:]]
    held, seeds = results["sets"][name], results["config"]["seeds"]
    evidence = (
        f"Brackets are 95 % intervals over {counted(held['pictures'], 'picture')} and "
        f"{counted(seeds, 'seed')}"
    )
    compared = len(results["losses"]) > 1
    evidence += "; differences are paired." if compared else "."
    lines = [*others, *_elsewhere(results, view, name)] if compared else []
    return Takeaway(
        tuple(pieces), evidence + choice_made(view), (*lines, _budget(results)), cautions(view)
    )


def _elsewhere(results: Results, view: Results, name: str) -> list[str]:
    """What the other sets say of the two losses in the sentence."""
    focus, first = focus_of(view), next(iter(results["losses"]))
    return [
        f"On {other}, {in_short(focus, first, results['differences'][focus][other])}"
        for other in results["sets"]
        if other != name
    ]


def _budget(results: Results) -> str:
    budget = results["budget"]
    return (
        f"Every loss had the same budget: {budget['output_pixels']:,} output pixels, "
        f"{counted(budget['steps'], 'step')} of {budget['batch_size']:,} patches."
    )
