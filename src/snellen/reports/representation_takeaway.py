"""The sentence at the head of a representation report, from the tests in results.json alone.

Rules, so that nobody has to trust the wording:
- The sentence is about the first split and the first code size, and compares with the first loss.
  It speaks of the loss that predicts the most columns better (then the fewest worse, then with the
  lowest errors relative to the first loss's). Where no loss predicts anything better, it speaks of
  the one that predicts the most columns worse. Of how many losses it was chosen is said.
- "better" and "worse" are said only where p, adjusted by Holm for all comparisons of the page, is
  below 0.05. Everything else is "no difference was shown", with its interval.
- Where each loss was trained once there is no test, and the sentence says so.
- Baselines and the ceiling are compared by their means, without a test, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snellen.reports.page import readable
from snellen.reports.protocol import counted
from snellen.reports.representation_beside import (
    at_chance,
    baselines_ahead,
    beside_the_losses,
    error_in_words,
    title_of,
)
from snellen.reports.representation_scores import (
    LEVEL,
    Compared,
    Facts,
    Scores,
    Target,
    in_units,
    known,
    p_in_words,
)
from snellen.reports.tables import digits_for, signed, span
from snellen.reports.takeaway import Takeaway

__all__ = ["representation_takeaway"]

Pieces = list[tuple[str, str]]

_FEW_PAIRS = 5
_LISTED = 6  # decided comparisons that one line names; the others are in the table
_NAMED = 4  # losses that a sentence names one by one


def representation_takeaway(results: Facts) -> Takeaway:
    """Write the takeaway of results.json of ``snellen represent`` (format 1).

    >>> def score(method, mean):
    ...     return {"split": "random", "method": method, "column": "who", "mean": mean}
    >>> print(representation_takeaway({
    ...     "methods": [{"name": "mse", "kind": "loss"}, {"name": "ms-ssim", "kind": "loss"}],
    ...     "data": {"columns": [{"name": "who", "kind": "class"}]},
    ...     "splits": [{"name": "random", "title": "random pictures", "targets": ["who"]}],
    ...     "scores": [score("mse", 0.044), score("ms-ssim", 0.021)],
    ...     "comparisons": [{"split": "random", "column": "who", "later": "ms-ssim",
    ...         "earlier": "mse", "mean": -0.023, "low": -0.03, "high": -0.016, "p": 0.001,
    ...         "pairs": 5}],
    ... }))
    On random pictures, ms-ssim's codes predict who better than mse's (2.1 % errors against 4.4 %:
    −2.3 points [−3.0, −1.6]).
    """
    scores = Scores(results)
    split = next((name for name in scores.splits if scores.targets(name)), None)
    if split is None:
        return Takeaway((("text", "No scores are in these results."),), "", (), ())
    pieces, lines = _headline(scores, split)
    others = [name for name in scores.splits if name != split and scores.targets(name)]
    lines += [line for name in others if (line := _elsewhere(scores, name))]
    lines += beside_the_losses(scores, split)
    cautions = [
        *at_chance(scores, split),
        *baselines_ahead(scores, split),
        *_thin_tests(scores),
    ]
    return Takeaway(tuple(pieces), _evidence(scores, split), tuple(lines), tuple(cautions))


def _headline(scores: Scores, split: str) -> tuple[Pieces, list[str]]:
    """The sentence, and a line on each loss of this split that it does not speak of."""
    later = {loss: found for loss in scores.losses if (found := scores.against_first(split, loss))}
    if not later:
        return _alone(scores, split), []
    if not any(c.adjusted is not None for found in later.values() for c in found):
        return _untested(scores, split), [
            _in_short(scores, split, loss, found) for loss, found in later.items()
        ]
    focus = _focus(scores, split, later)
    if focus is None:
        pieces = _none_differs(scores, split, later)
        rest = later if len(later) > 1 else {}
    else:
        pieces = _differs(scores, split, focus, later[focus], better_exists=_any_better(later))
        rest = {loss: found for loss, found in later.items() if loss != focus}
    return pieces, [_in_short(scores, split, loss, found) for loss, found in rest.items()]


def _any_better(later: dict[str, list[Compared]]) -> bool:
    return any(c.verdict == "better" for found in later.values() for c in found)


def _focus(scores: Scores, split: str, later: dict[str, list[Compared]]) -> str | None:
    """The loss that the sentence speaks of; None where no difference was shown."""

    def count(loss: str, verdict: str) -> int:
        return sum(c.verdict == verdict for c in later[loss])

    def ratio(loss: str) -> float:
        found = [_ratio(scores, split, loss, c.column) for c in later[loss]]
        return sum(found) / len(found)

    if _any_better(later):
        return min(later, key=lambda k: (-count(k, "better"), count(k, "worse"), ratio(k)))
    worst = min(later, key=lambda k: (-count(k, "worse"), ratio(k)))
    return worst if count(worst, "worse") else None


def _ratio(scores: Scores, split: str, loss: str, column: str) -> float:
    """The error of a loss over that of the first; 1 where it is not known."""
    one, other = (scores.of(split, m, column).get("mean") for m in (loss, scores.losses[0]))
    return one / other if known(one) and known(other) and other else 1.0


def _differs(
    scores: Scores, split: str, focus: str, found: Sequence[Compared], *, better_exists: bool
) -> Pieces:
    first, targets = scores.losses[0], {t.column: t for t in scores.targets(split)}
    several = len(scores.losses) > 2
    opening = f"On {title_of(scores, split)}, "
    pieces: Pieces
    if several and better_exists:
        pieces = [("text", f"{opening}of the {len(scores.losses)} losses compared, ")]
    elif several:
        pieces = [
            ("text", f"{opening}no loss's codes were shown to predict better than "),
            ("loss", first),
            ("text", "'s: "),
        ]
    else:
        pieces = [("text", opening)]
    pieces += [("loss", focus), ("text", "'s codes predict ")]
    clauses: list[Pieces] = []
    for verdict in ("better", "worse"):
        for c in found:
            if c.verdict != verdict:
                continue
            clause: Pieces = [("column", readable(c.column)), ("text", f" {verdict}")]
            if not clauses:
                clause += [("text", " than "), ("loss", first), ("text", "'s")]
            clauses.append([*clause, *_numbers(scores, split, c, targets[c.column])])
    pieces += _joined(clauses)
    unclear = [c for c in found if c.verdict in ("open", "unknown")]
    if unclear:
        pieces.append(("text", "; no difference was shown in "))
        pieces += _joined([_unclear(c, targets[c.column]) for c in unclear])
    return [*pieces, ("text", ".")]


def _none_differs(scores: Scores, split: str, later: dict[str, list[Compared]]) -> Pieces:
    targets = {t.column: t for t in scores.targets(split)}
    pieces: Pieces = [
        ("text", f"On {title_of(scores, split)}, no difference was shown between the codes of "),
        ("loss", scores.losses[0]),
    ]
    if len(later) == 1:
        ((name, found),) = later.items()
        pieces += [("text", " and "), ("loss", name), ("text", ": ")]
        return [*pieces, *_joined([_unclear(c, targets[c.column]) for c in found]), ("text", ".")]
    if len(later) <= _NAMED:
        pieces.append(("text", " and those of "))
        pieces += _joined([[("loss", name)] for name in later], last=" or ")
    else:
        pieces.append(("text", f" and those of the {len(later)} other losses"))
    columns = [readable(column) for column in targets]
    said = f"{', '.join(columns[:-1])} or {columns[-1]}" if len(columns) > 1 else columns[0]
    return [*pieces, ("text", f", in {said}.")]


def _untested(scores: Scores, split: str) -> Pieces:
    everywhere = all(c.adjusted is None for c in scores.compared)
    where = "" if everywhere else f" on {title_of(scores, split)}"
    said = "what is below is" if everywhere else "that is"
    return [
        ("text", f"One training per loss{where}: {said} an observation, not a test; type "),
        ("number", "--seeds 5"),
        ("text", "."),
    ]


def _alone(scores: Scores, split: str) -> Pieces:
    """That nothing is compared; of one loss its scores too."""
    first = scores.losses[0]
    if len(scores.losses) > 1:
        return [("text", "Nothing was compared between the losses: read the table with care.")]
    pieces: Pieces = [("text", "Only one loss was trained, "), ("loss", first)]
    pieces.append(
        (
            "text",
            f", so no losses are compared here: on {title_of(scores, split)} its codes predict ",
        )
    )
    clauses: list[Pieces] = []
    for target in scores.targets(split):
        found = scores.of(split, first, target.column)
        clause: Pieces = [("column", target.label), ("text", " with ")]
        clause.append(("number", error_in_words(found.get("mean"), target)))
        low, high = (
            None if found.get(k) is None else found[k] * target.measure.scale
            for k in ("low", "high")
        )
        if limits := span(low, high, target.measure.digits):
            clause.append(("limits", f" {limits}"))
        clauses.append(clause)
    return [*pieces, *_joined(clauses), ("text", ".")]


def _numbers(scores: Scores, split: str, found: Compared, target: Target) -> Pieces:
    """Both errors, their difference and its interval, in parentheses."""
    mean, limits = _difference(found, target)
    of = {m: scores.of(split, m, found.column).get("mean") for m in (found.later, found.earlier)}
    later, earlier = (in_units(of[m], target) for m in (found.later, found.earlier))
    bare = later.removesuffix(target.measure.unit).rstrip()  # the unit is said once
    said = f"{later} errors" if target.kind == "class" else f"mean squared error {bare}"
    return [
        ("text", f" ({said} against {earlier}: "),
        ("number", mean),
        ("limits", f" {limits}"),
        ("text", ")"),
    ]


def _unclear(found: Compared, target: Target) -> Pieces:
    mean, limits = _difference(found, target)
    pieces: Pieces = [("column", target.label), ("text", " ("), ("number", mean)]
    if limits:
        pieces.append(("limits", f" {limits}"))
    return [*pieces, ("text", f"{_after_holm(found)})")]


def _after_holm(found: Compared) -> str:
    """Why an interval without zero is no difference here; nothing where it holds zero."""
    if found.verdict != "open" or not found.excludes_zero or found.adjusted is None:
        return ""
    return f", adjusted p {p_in_words(found.adjusted)}"


def _difference(found: Compared, target: Target) -> tuple[str, str]:
    """``−2.3 points`` and ``[−3.0, −1.6]``; no interval where there was one training."""
    scale, digits = target.measure.scale, target.measure.digits
    low, high = (None if v is None else v * scale for v in (found.low, found.high))
    if low is not None and high is not None:
        digits = digits_for(low, high, digits)
    unit = target.difference_unit
    mean = signed(found.mean * scale, digits)
    return f"{mean} {unit}" if unit else mean, span(low, high, digits)


def _joined(clauses: Sequence[Pieces], last: str = " and ") -> Pieces:
    pieces: Pieces = []
    for place, clause in enumerate(clauses):
        if place:
            pieces.append(("text", last if place == len(clauses) - 1 else ", "))
        pieces += clause
    return pieces


def _in_short(scores: Scores, split: str, loss: str, found: Sequence[Compared]) -> str:
    """One line on a loss against the first on one split."""
    targets = {t.column: t for t in scores.targets(split)}
    parts = []
    for c in found:
        mean, limits = _difference(c, targets[c.column])
        said = f"{readable(c.column)} {mean} {limits}".rstrip()
        if c.verdict in ("better", "worse"):
            said += f" ({c.verdict})"
        elif c.verdict == "open":
            said += f" (no difference shown{_after_holm(c)})"
        parts.append(said)
    first = scores.losses[0]
    return f"{loss} against {first} on {title_of(scores, split)}: {'; '.join(parts)}."


def _elsewhere(scores: Scores, split: str) -> str:
    """What another split says of all losses, in one line; nothing where it compares none."""
    found = [c for loss in scores.losses[1:] for c in scores.against_first(split, loss)]
    if not found:
        return ""
    where, first = f"On {title_of(scores, split)}", scores.losses[0]
    if all(c.adjusted is None for c in scores.compared):
        return ""  # the sentence says it of all splits
    if all(c.adjusted is None for c in found):
        return f"{where} there is one training per loss: an observation, not a test."
    targets = {t.column: t for t in scores.targets(split)}
    decided = [c for c in found if c.verdict in ("better", "worse")]
    if not decided:
        count = counted(len(found), "comparison")
        return f"{where} no difference from {first} was shown in {count}."
    parts: list[str] = []
    for c in decided[:_LISTED]:
        mean, limits = _difference(c, targets[c.column])
        than = f" than {first}'s" if not parts else ""
        parts.append(
            f"{c.later}'s codes predict {readable(c.column)} {c.verdict}{than} ({mean} {limits})"
        )
    said = f"{where}, {', '.join(parts)}"
    if len(decided) > _LISTED:
        said += f" and {len(decided) - _LISTED} more differ, as the table says"
    unclear = len(found) - len(decided)
    return (
        f"{said}; no difference was shown in {unclear} of {len(found)}." if unclear else f"{said}."
    )


def _thin_tests(scores: Scores) -> Iterator[str]:
    """What the reader must know before trusting an interval."""
    pairs = {c.pairs for c in scores.compared if c.adjusted is not None}
    if not pairs:
        return
    if min(pairs) < _FEW_PAIRS:
        yield (
            f"Some tests are over {min(pairs)} pairs of trainings only: they find large "
            "differences and miss others."
        )
    if (scores.results.get("config") or {}).get("seeds") == 1:
        yield (
            "One seed: the intervals cover other parts held out and say nothing about other "
            "initial weights."
        )


def _evidence(scores: Scores, split: str) -> str:
    tested = [c for c in scores.compared if c.adjusted is not None]
    if not tested:
        return "" if len(scores.losses) == 1 else "No intervals: they need two trainings or more."
    pairs = sorted({c.pairs for c in tested})
    over = str(pairs[0]) if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
    said = (
        f"Brackets are 95 % intervals of the corrected resampled t test over {over} paired "
        f"trainings. {counted(len(tested), 'comparison')} "
        f"{'is' if len(tested) == 1 else 'are'} made on this page; better and worse mean p below "
        f"{LEVEL:g}"
    )
    said += "." if len(tested) == 1 else f" after Holm's correction for all {len(tested)} of them."
    won = any(c.verdict == "better" and c.split == split for c in tested)
    if won and len(scores.losses) > 2:
        said += " The headline is about the loss that predicts the most columns better."
    if scores.code_size:
        said += f" Codes of {scores.code_size:,} numbers."
    return said
