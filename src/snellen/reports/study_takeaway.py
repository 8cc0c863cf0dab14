"""The sentence at the head of a study's report, from the differences in mean rank and nothing else.

Rules, so that nobody has to trust the wording:
- The sentence is about the model with the lowest mean rank, and says of which others it was ranked
  better. Where it is not shown to differ from any, but two others differ, it is about the pair with
  the smallest p. Every other pair is in a line below, or in the table.
- "better" is said only where p, corrected by Holm for all pairs of models, is below 1 - level.
  Everything else is a lead that "shows no difference", with its interval; where this alone
  leaves out zero, the corrected p stands beside it.
- A metric "agrees" with people only where its interval lies above one half, and whether it agrees
  more often than the others is said by the paired differences.
- Of one participant only what that one did is said. What observers of a simulation did is never
  said of people.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from snellen.reports.page import readable
from snellen.reports.protocol import counted
from snellen.reports.study_cautions import cautions
from snellen.reports.study_facts import (
    Facts,
    Pair,
    as_shown,
    drawn_with_people,
    judges,
    mean_ranks,
    pairs_of,
    ranked_by_mean,
)
from snellen.reports.study_metrics import metric_lines
from snellen.reports.tables import number
from snellen.reports.takeaway import Takeaway

__all__ = ["study_takeaway"]

Pieces = list[tuple[str, str]]

_DIGITS = 2
_NAMED = 4  # models that a sentence names one by one
_DESIGNS = {
    "nested": "each of them saw other pictures",
    "crossed": "all of them saw the same pictures",
    "balanced-incomplete": "each of them saw a part of the pictures",
}


def study_takeaway(results: Facts) -> Takeaway:
    """Write the takeaway of results.json of ``snellen study analyse`` (format 1).

    >>> print(study_takeaway({
    ...     "level": 0.95, "simulated": False, "study": {"design": "nested"},
    ...     "findings": {
    ...         "people": 20, "pictures": 1000, "rankings": 1000,
    ...         "ranks": {"models": {"mse": {"mean_rank": {"value": 2.31}},
    ...                              "ms-ssim": {"mean_rank": {"value": 1.69}}}},
    ...         "differences": [{"a": "mse", "b": "ms-ssim", "estimate": 0.62, "low": 0.5,
    ...             "high": 0.74, "p": 1e-9, "p_holm": 1e-9}]}}))
    20 people ranked ms-ssim better than mse: over 1,000 pictures its mean rank is 0.62 lower
    [0.50, 0.74].
    """
    results = as_shown(results)
    findings = results["findings"]
    if not findings["rankings"]:
        return Takeaway((("text", _nobody(results)),), "", (), tuple(cautions(results, None)))
    names = ranked_by_mean(findings)
    pairs = pairs_of(results)
    if findings["people"] < 2 or not any(pair.p is not None or pair.exact for pair in pairs):
        pieces = _without_rule(results, _undecidable(results, names))
        return Takeaway(
            tuple(pieces), _evidence(results, False), (), tuple(cautions(results, None))
        )
    pieces, said = _sentence(results, names, pairs)
    pieces = _without_rule(results, pieces)
    others = [*_other_pairs(pairs, said), *metric_lines(results)]
    return Takeaway(
        tuple(pieces),
        _evidence(results, any(pair.p is not None for pair in pairs)),
        tuple(others),
        tuple(cautions(results, said[0])),
    )


def _nobody(results: Facts) -> str:
    who = "No simulated observer" if results.get("simulated") else "Nobody"
    if results.get("participants"):
        return f"{who} who counts has ranked a picture, so nothing can be said of the models."
    return f"{who} has ranked a picture yet, so nothing can be said of the models."


def _without_rule(results: Facts, pieces: Pieces) -> Pieces:
    """The sentence, preceded by whose answers it is about where the rule leaves out everyone.

    Those are in ``participants`` of `as_shown`'s results.
    """
    if "by_rule" not in results:
        return pieces
    count = results["findings"]["people"]
    out = {1: "the one " + judges(results, 1).removeprefix("1 "), 2: f"both {judges(results)}"}.get(
        count, f"all {judges(results, count)}"
    )
    finished = "" if results["findings"].get("unfinished") else " who finished"
    kind, text = pieces[0]
    said = f"The exclusion rule leaves out {out}{finished}. Without the rule, "
    return [("text", said), (kind, text[:1].lower() + text[1:]), *pieces[1:]]


def _undecidable(results: Facts, names: Sequence[str]) -> Pieces:
    """The sentence on one participant, or on so few that no interval can be given."""
    findings = results["findings"]
    means = mean_ranks(findings)
    simulated = results.get("simulated")
    one = "One simulated observer" if simulated else "One person"
    who = one if findings["people"] == 1 else judges(results, findings["people"])
    best = [name for name in names if math.isclose(means[name], means[names[0]])]
    rest = names[len(best) :]
    pieces: Pieces = [("text", f"{who} gave ")]
    pieces += _listed([[("loss", readable(name))] for name in best])
    if rest:
        each = "" if len(best) == 1 else ", each"
        pieces += [
            ("text", f" the lowest mean rank{each}, "),
            ("number", number(means[names[0]], _DIGITS)),
            ("text", ", against "),
        ]
        pieces += _listed(
            [
                [
                    ("number", number(means[name], _DIGITS)),
                    ("text", " for "),
                    ("loss", readable(name)),
                ]
                for name in rest
            ]
        )
    else:
        pieces.append(("text", " the same mean rank"))
    pieces.append(("text", f", over {counted(findings['pictures'], 'picture')}"))
    other = "simulated observers" if simulated else "people"
    if findings["people"] == 1:
        ending = f"; of what other {other} would say, this one says nothing."
    else:
        ending = "; without any spread there is no interval."
    return [*pieces, ("text", ending)]


def _sentence(
    results: Facts, names: Sequence[str], pairs: Sequence[Pair]
) -> tuple[Pieces, list[Pair]]:
    """The sentence, and the pairs that it speaks of."""
    findings = results["findings"]
    who, where = judges(results, findings["people"]), counted(findings["pictures"], "picture")
    own = [pair for pair in pairs if names[0] in (pair.better, pair.worse)]
    exact = sorted((p for p in own if p.exact), key=lambda p: p.lead)
    better = sorted((p for p in own if p.decided and p.better == names[0]), key=lambda p: p.lead)
    if better:
        open_pairs = sorted((p for p in own if p.p is not None and not p.decided), key=_by_lead)
        said = _ahead(who, where, better, open_pairs)
        if exact:
            said = [*said[:-1], ("text", "; "), *_exactly("all agree", exact), ("text", ".")]
        return said, [*better, *open_pairs, *exact]
    if exact:
        ending = f", over {where}; without any spread there is no interval."
        return [*_exactly(f"{who} agree", exact), ("text", ending)], exact
    decided = [pair for pair in pairs if pair.decided]
    if decided:
        pair = min(decided, key=lambda p: (p.p, -p.lead))
        return _ahead(who, where, [pair], []), [pair]
    pair = max((pair for pair in pairs if pair.p is not None), key=_by_lead)
    between = _listed([[("loss", readable(name))] for name in mean_ranks(findings)])
    pieces: Pieces = [("text", f"{who} and {where} showed no difference between "), *between]
    largest = "the largest" if len(pairs) > 1 else "the"
    pieces += [
        ("text", f": {largest} lead in mean rank, of "),
        ("loss", readable(pair.better)),
        ("text", " before "),
        ("loss", readable(pair.worse)),
        ("text", ", is "),
        *_lead(pair),
        ("text", "."),
    ]
    return pieces, [pair]


def _by_lead(pair: Pair) -> float:
    return pair.lead


def _exactly(who: str, pairs: Sequence[Pair]) -> Pieces:
    """What all agree on without any exception or change."""
    pieces: Pieces = [("text", f"{who} exactly that the mean rank of ")]
    pieces += [("loss", readable(pairs[0].better)), ("text", " is ")]
    return pieces + _listed(
        [
            [
                ("number", f"{number(pair.lead, pair.digits)}"),
                ("text", " lower than "),
                *_of(pair.worse, ""),
            ]
            for pair in pairs
        ]
    )


def _ahead(who: str, where: str, better: Sequence[Pair], unclear: Sequence[Pair]) -> Pieces:
    """The sentence on one model that was ranked better than others."""
    focus = readable(better[0].better)
    pieces: Pieces = [("text", f"{who} ranked "), ("loss", focus), ("text", " better than ")]
    if len(better) > _NAMED - 1 and not unclear:
        pieces.append(("text", f"all {len(better)} others"))
    else:
        pieces += _listed([[("loss", readable(pair.worse))] for pair in better])
    pieces.append(("text", f": over {where} its mean rank is "))
    if len(better) == 1:
        pieces += [("number", f"{number(better[0].lead, better[0].digits)} lower")]
        pieces.append(("limits", f" {better[0].limits}"))
    else:
        shown = better if len(better) < _NAMED else (better[0], better[-1])
        parts = []
        for pair in shown:
            least = {id(better[0]): " (the nearest)", id(better[-1]): " (the farthest)"}
            note = least.get(id(pair), "") if len(better) >= _NAMED else ""
            parts.append([*_lead(pair), ("text", " lower than "), *_of(pair.worse, note)])
        pieces += _listed(parts)
    if unclear:
        pieces.append(("text", "; "))
        pieces += _unclear(unclear)
    return [*pieces, ("text", ".")]


def _unclear(pairs: Sequence[Pair]) -> Pieces:
    """Who leads before whom, in pairs of which no difference was shown."""
    shown = pairs[:_NAMED]
    parts = []
    for place, pair in enumerate(shown):
        part: Pieces = [("loss", readable(pair.worse)), ("text", ", "), *_lead(pair)]
        if not place or pair.better != shown[place - 1].better:
            lead = "lead" if len(pairs) == 1 else "leads"
            of = "'s " + (lead if pair.better == shown[0].better else "lead") + " over "
            part = [("loss", readable(pair.better)), ("text", of), *part]
        parts.append(part)
    pieces: Pieces = []
    for place, part in enumerate(parts):
        if place:
            last = place == len(parts) - 1 and len(pairs) == len(shown)
            pieces.append(("text", ", and " if last else ", "))
        pieces += part
    if len(pairs) > len(shown):
        pieces.append(("text", f", and {len(pairs) - len(shown)} more"))
    return [
        *pieces,
        ("text", ", shows no difference" if len(pairs) == 1 else ", show no difference"),
    ]


def _of(name: str, note: str) -> Pieces:
    return [("loss", readable(name)), ("text", f"'s{note}")]


def _lead(pair: Pair) -> Pieces:
    found: Pieces = [("number", number(pair.lead, pair.digits)), ("limits", f" {pair.limits}")]
    return [*found, ("text", pair.correction)] if pair.correction else found


def _listed(parts: Sequence[Pieces]) -> Pieces:
    pieces: Pieces = []
    for place, part in enumerate(parts):
        if place:
            pieces.append(("text", " and " if place == len(parts) - 1 else ", "))
        pieces += part
    return pieces


def _other_pairs(pairs: Sequence[Pair], said: Sequence[Pair]) -> Iterator[str]:
    """A line on each pair that the sentence does not speak of; a count where they are many."""
    rest = [pair for pair in pairs if pair not in said]
    if len(rest) > _NAMED:
        shown = sum(pair.decided for pair in rest)
        yield f"Of the other {len(rest)} pairs, {shown} were shown to differ: see the table."
        return
    for pair in sorted(rest, key=lambda p: -p.lead):
        lead = pair.in_words
        names = readable(pair.better), readable(pair.worse)
        if pair.p is None:
            if pair.lead:
                yield f"All agree exactly on {names[0]}'s lead over {names[1]}, {lead}."
            else:
                yield f"All agree exactly that {names[0]} and {names[1]} have the same mean rank."
        elif pair.decided:
            yield f"{names[0]} was ranked better than {names[1]}: its mean rank is {lead} lower."
        else:
            yield f"{names[0]}'s lead over {names[1]}, {lead}, shows no difference."


def _evidence(results: Facts, tested: bool) -> str:
    findings, design = results["findings"], results["study"]["design"]
    models = len(mean_ranks(findings))
    said = (
        f"{counted(findings['rankings'], 'ranking')} of {models} reconstructions by "
        f"{judges(results, findings['people'])}"
    )
    photographs = findings.get("photographs") or findings["pictures"]
    if photographs < findings["pictures"]:
        said += (
            f", of {counted(findings['pictures'], 'picture')}, cut from "
            f"{counted(photographs, 'photograph')}"
        )
    if findings["people"] > 1:
        said += f"; {_DESIGNS[design]}"
    said += ". Rank 1 is the closest to the original."
    if not tested:
        return said
    level = results["level"]
    count = len(findings["differences"])
    each = ", for one pair at a time" if count > 1 else ""
    said += f" Brackets: {100 * level:g} % intervals{_method(findings)}{each}."
    if count > 1:
        return (
            f"{said} Better is said where p is below {1 - level:.2g} after Holm's correction for "
            f"all {count} pairs."
        )
    return f"{said} Better is said where p is below {1 - level:.2g}."


def _method(findings: Facts) -> str:
    """How the intervals were found; the method itself names more, in the protocol."""
    methods = [
        entry.get("method") or "" for entry in findings["differences"] if entry["p"] is not None
    ]
    if not methods or not methods[0]:
        return ""
    if methods[0].startswith("t interval"):
        return ", Student’s t over participants"
    return f", two-way bootstrap over participants and {drawn_with_people(findings)}"
