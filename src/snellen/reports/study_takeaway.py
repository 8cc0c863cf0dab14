"""The sentence at the head of a study's report, from the differences in mean rank and nothing else.

Rules, so that nobody has to trust the wording:
- The sentence is about the model with the lowest mean rank, and says of which others it was ranked
  better. Where it is not shown to differ from any, but two others differ, it is about the pair with
  the smallest p. Every other pair is in a line below, or in the table.
- "better" is said only where p, corrected by Holm for all pairs of models, is below 1 - level.
  Everything else is "no difference was shown", with its interval; where this alone leaves out
  zero, the corrected p stands beside it.
- A metric "agrees" with people only where its interval lies above one half, and whether it agrees
  more often than the others is said by the paired differences.
- Of one participant only what that one did is said. What observers of a simulation did is never
  said of people.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snellen.reports.page import date_in_words, readable
from snellen.reports.protocol import counted
from snellen.reports.representation_scores import p_in_words
from snellen.reports.tables import digits_for, number, span
from snellen.reports.takeaway import Takeaway

__all__ = ["Pair", "judges", "listed", "mean_ranks", "pairs_of", "ranked_by_mean", "study_takeaway"]

Facts = Mapping[str, Any]
Pieces = list[tuple[str, str]]

_DIGITS = 2
_NAMED = 4  # models that a sentence names one by one
_FEW_PEOPLE = 10
_DESIGNS = {
    "nested": "each of them saw other pictures",
    "crossed": "all of them saw the same pictures",
    "balanced-incomplete": "each of them saw a part of the pictures",
}


@dataclass(frozen=True)
class Pair:
    """Two models, the one with the lower mean rank first.

    Attributes:
        lead: by how much the mean rank of `better` is lower; not negative.
        low, high: limits of its interval; None: cannot be said.
        p: corrected by Holm for all pairs; None: cannot be said.
        decided: whether a difference was shown.
    """

    better: str
    worse: str
    lead: float
    low: float | None
    high: float | None
    p: float | None
    decided: bool

    @property
    def exact(self) -> bool:
        """Whether all agree exactly on a lead: without any spread there is no interval."""
        return self.p is None and self.lead > 0

    @property
    def limits(self) -> str:
        """The interval as it is printed."""
        return span(self.low, self.high, self.digits)

    @property
    def correction(self) -> str:
        """What the correction decides, where the interval alone would say something else."""
        if self.decided or self.p is None or self.low is None or self.low <= 0:
            return ""
        return f", p {p_in_words(self.p)} after correction"

    @property
    def in_words(self) -> str:
        """The lead with its limits."""
        return f"{number(self.lead, self.digits)} {self.limits}".strip() + self.correction

    @property
    def digits(self) -> int:
        """How many the lead and its limits need."""
        if self.low is None or self.high is None:
            return _DIGITS
        return digits_for(self.low, self.high, _DIGITS)


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
    findings = results["findings"]
    if not findings["rankings"]:
        return Takeaway((("text", _nobody(results)),), "", (), tuple(_cautions(results, None)))
    names = ranked_by_mean(findings)
    pairs = pairs_of(results)
    if findings["people"] < 2 or not any(pair.p is not None or pair.exact for pair in pairs):
        pieces = _undecidable(results, names)
        return Takeaway(
            tuple(pieces), _evidence(results, False), (), tuple(_cautions(results, None))
        )
    pieces, said = _sentence(results, names, pairs)
    others = [*_other_pairs(pairs, said), *_metrics(results)]
    return Takeaway(
        tuple(pieces), _evidence(results, True), tuple(others), tuple(_cautions(results, said[0]))
    )


def judges(results: Facts, count: int | None = None) -> str:
    """Who ranked: people, or the observers of a simulation; with their number where it is given.

    >>> judges({"simulated": False}, 1), judges({"simulated": True}, 20), judges({})
    ('1 person', '20 simulated observers', 'people')
    """
    one, many = "person", "people"
    if results.get("simulated"):
        one, many = "simulated observer", "simulated observers"
    return many if count is None else f"{count:,} {one if count == 1 else many}"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def ranked_by_mean(findings: Facts) -> list[str]:
    """The models, lowest mean rank first."""
    means = mean_ranks(findings)
    return sorted(means, key=lambda name: means[name])


def mean_ranks(findings: Facts) -> dict[str, float]:
    """The mean rank of each model; empty where nothing was ranked."""
    found = findings["ranks"]["models"]
    return {
        name: entry["mean_rank"]["value"]
        for name, entry in found.items()
        if entry["mean_rank"]["value"] is not None
    }


def pairs_of(results: Facts) -> list[Pair]:
    """Every pair of models, turned so that the better one comes first."""
    found = []
    for entry in results["findings"]["differences"]:
        a, b, estimate = entry["a"], entry["b"], entry["estimate"]
        low, high, p = (_known(entry.get(key)) for key in ("low", "high", "p_holm"))
        decided = p is not None and p < 1 - results["level"]
        if estimate > 0:
            found.append(Pair(b, a, estimate, low, high, p, decided))
        else:
            least, most = (None if limit is None else -limit for limit in (high, low))
            found.append(Pair(a, b, -estimate, least, most, p, decided))
    return found


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _nobody(results: Facts) -> str:
    who = "No simulated observer" if results.get("simulated") else "Nobody"
    if results.get("participants"):
        return f"{who} who counts has ranked a picture, so nothing can be said of the models."
    return f"{who} has ranked a picture yet, so nothing can be said of the models."


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
        pieces.append(("text", "; no difference was shown between it and "))
        pieces += _listed(
            [[("loss", readable(p.worse)), ("text", " ("), *_lead(p), ("text", ")")]
             for p in unclear[:_NAMED]]
        )  # fmt: skip
        if len(unclear) > _NAMED:
            pieces.append(("text", f" and {len(unclear) - _NAMED} more"))
    return [*pieces, ("text", ".")]


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
            yield f"All agree exactly on {names[0]} and {names[1]}: the lead is {lead}."
        elif pair.decided:
            yield f"{names[0]} was ranked better than {names[1]}: its mean rank is {lead} lower."
        else:
            yield f"No difference was shown between {names[0]} and {names[1]}: {lead}."


def _metrics(results: Facts) -> Iterator[str]:
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
        if rest:
            said += f"{names} {'comes' if len(alike) == 1 else 'come'} nearest, on {share}"
        else:
            said += f"{names if len(known) == 1 else 'each'} does so on {share}"
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


def _evidence(results: Facts, tested: bool) -> str:
    findings, design = results["findings"], results["study"]["design"]
    models = len(mean_ranks(findings))
    said = (
        f"{counted(findings['rankings'], 'ranking')} of {models} reconstructions by "
        f"{judges(results, findings['people'])}"
    )
    if findings["people"] > 1:
        said += f"; {_DESIGNS[design]}"
    photographs = findings.get("photographs") or findings["pictures"]
    if photographs < findings["pictures"]:
        said += f", which are pieces of {counted(photographs, 'photograph')}"
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
    return ", two-way bootstrap over participants and photographs"


def _cautions(results: Facts, said: Pair | None) -> Iterator[str]:
    """What the reader must know before trusting the sentence."""
    findings, conduct = results["findings"], results.get("conduct") or {}
    if results.get("simulated"):
        yield "Simulated: no person has seen these pictures. Nothing here says what people think."
    if conduct.get("peeked"):
        yield (
            "The study was still running when this was computed. Whoever looks again and again "
            "and stops when a difference shows will find one where there is none."
        )
    elif conduct.get("unlocked_at") and not results.get("simulated"):
        yield (
            "The result could be seen before the study was closed: it was unlocked on "
            f"{date_in_words(conduct['unlocked_at'])}. If what was seen decided when to stop, "
            "p is too small and the intervals are too narrow."
        )
    if findings.get("unfinished") and findings["rankings"]:
        yield (
            "Nobody has answered every trial: these are the answers of unfinished sessions, so the "
            "design is not balanced."
        )
    planned = results["study"].get("people")
    if planned and 0 < findings["people"] < planned and not findings.get("unfinished"):
        yield f"{judges(results, planned)} were planned, {findings['people']:,} count here."
    if 1 < findings["people"] < _FEW_PEOPLE:
        yield (
            f"Only {judges(results, findings['people'])}: among so few, one who is unusual moves "
            "the result."
        )
    yield from _turned(results, said)


def _turned(results: Facts, said: Pair | None) -> Iterator[str]:
    """Whether leaving nobody out would change what the sentence says."""
    for other in results.get("sensitivity") or []:
        if said is None or other["people"] < 2:
            continue
        found = {
            frozenset((pair.better, pair.worse)): pair
            for pair in pairs_of({**results, "findings": other})
        }
        pair = found.get(frozenset((said.better, said.worse)))
        if pair and (pair.decided, pair.better if pair.decided else "") != (
            said.decided,
            said.better if said.decided else "",
        ):
            names = readable(said.better), readable(said.worse)
            verdict = (
                f"{readable(pair.better)} is ranked better than {readable(pair.worse)}"
                if pair.decided
                else f"no difference is shown between {names[0]} and {names[1]}"
            )
            yield (
                f"This depends on who is left out. With {other['title']}, {verdict} "
                f"({pair.in_words})."
            )
