"""What a reader must know before trusting the sentence at the head of a study's report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from snellen.reports.page import date_in_words, readable
from snellen.reports.protocol import counted
from snellen.reports.study_facts import Facts, Pair, judges, pairs_of

__all__ = ["cautions", "early_looks", "looks_in_words", "seen_in_words"]

_FEW_PEOPLE = 10
_NAMED = 4  # pairs that a sentence names


def cautions(results: Facts, said: Pair | None) -> Iterator[str]:
    """What the reader must know before trusting the sentence."""
    findings = results["findings"]
    if results.get("simulated"):
        yield "Simulated: no person has seen these pictures. Nothing here says what people think."
    if "by_rule" in results:
        yield (
            "By the exclusion rule, which was frozen before anyone answered, nobody counts. All "
            "that is shown here are answers which the rule leaves out."
        )
    yield from early_looks(results)
    if findings.get("unfinished") and findings["rankings"]:
        yield (
            "Nobody has answered every trial: these are the answers of unfinished sessions, so the "
            "design is not balanced."
        )
    planned = results["study"].get("people")
    if planned and 0 < findings["people"] < planned and not findings.get("unfinished"):
        count = "are shown" if "by_rule" in results else "count"
        yield f"{judges(results, planned)} were planned, {findings['people']:,} {count} here."
    if 1 < findings["people"] < _FEW_PEOPLE:
        yield (
            f"Only {judges(results, findings['people'])}: among so few, one who is unusual moves "
            "the result."
        )
    yield from _turned(results, said)


def early_looks(results: Facts) -> Iterator[str]:
    """That the result was seen, or could be, before the study was closed."""
    conduct = results.get("conduct") or {}
    if results.get("simulated"):
        return
    looks = conduct.get("looks_before_closing") or []
    if conduct.get("peeked"):
        sessions = conduct.get("sessions") or {}
        said = "The study was still running when this was computed"
        if sessions:
            said += f", after {_sessions(sessions['completed'], sum(sessions.values()))}"
        earlier = [look for look in looks if look["at"] != results.get("date")]
        if earlier:
            said += f". Its result was looked at before: {looks_in_words(earlier)}"
        yield (
            f"{said}. Whoever looks again and again and stops when a difference shows will find "
            "one where there is none."
        )
        return
    if looks:
        said = f"The result was {seen_in_words(conduct)}"
        if _came_after(looks) == 0 and (
            _only_while_closed(conduct) or _as_planned(results["study"], looks)
        ):
            yield said
            return
    elif conduct.get("unlocked_at"):
        said = (
            "The result could be seen before the study was closed: it was unlocked on "
            f"{date_in_words(conduct['unlocked_at'])}; no look is noted."
        )
    else:
        return
    yield (
        f"{said} If what was seen decided when to stop, p is too small and the intervals are too "
        "narrow."
    )


def seen_in_words(conduct: Facts) -> str:
    """How the result of a study that is closed was seen before, and what came after that.

    >>> look = {"at": "2026-11-21T10:05:00+00:00", "how": "analysis", "completed": 5, "begun": 5,
    ...     "closed": True, "completed_after": 0, "answers_after": 0}
    >>> print(seen_in_words({"looks_before_closing": [look]}))
    looked at, then the study was opened again: first on 21 November 2026 at 10:05 UTC (analysis),
    after 5 completed sessions of 5 begun. No answer came in after it.
    """
    looks = conduct["looks_before_closing"]
    again = _only_while_closed(conduct)
    said = (
        "looked at, then the study was opened again"
        if again
        else "looked at before the study was closed"
    )
    said += f": {looks_in_words(looks)}."
    after = _came_after(looks)
    if after is None:  # an earlier version did not count them
        return said
    if not after:
        return f"{said} No answer came in after it."
    count = max(look["completed_after"] for look in looks)
    were = "session was" if count == 1 else "sessions were"
    return f"{said} {counted(after, 'answer')} came in after it, and {count:,} {were} completed."


def _only_while_closed(conduct: Facts) -> bool:
    """Whether the study was closed whenever its result was looked at, as far as is known.

    Only the first look of each kind is noted; once unlocked, others may have followed unseen.
    """
    looks = conduct["looks_before_closing"]
    return not conduct.get("unlocked_at") and all(look.get("closed") for look in looks)


def _as_planned(study: Facts, looks: Sequence[Facts]) -> bool:
    """Whether all who were planned had finished at the first look: then it stopped nothing."""
    planned = study.get("people")
    return bool(planned) and min(look["completed"] for look in looks) >= planned


def _came_after(looks: Sequence[Facts]) -> int | None:
    """How many answers came in after the first look; None: not known."""
    return max((look["answers_after"] for look in looks if "answers_after" in look), default=None)


def looks_in_words(looks: Sequence[Facts]) -> str:
    """When the result was looked at, how, and after how many sessions.

    >>> looks_in_words([{"at": "2026-11-21T10:05:00+00:00", "how": "analysis", "completed": 5,
    ...     "begun": 7}])
    'first on 21 November 2026 at 10:05 UTC (analysis), after 5 completed sessions of 7 begun'
    """
    listed = "; ".join(
        f"on {_moment(look['at'])} ({readable(look['how'])}), after "
        f"{_sessions(look['completed'], look['begun'])}"
        for look in looks
    )
    return f"first {listed}"


def _sessions(completed: int, begun: int) -> str:
    return f"{counted(completed, 'completed session')} of {begun:,} begun"


def _moment(text: str) -> str:
    return f"{date_in_words(text)} at {datetime.fromisoformat(text):%H:%M} UTC"


def _turned(results: Facts, said: Pair | None) -> Iterator[str]:
    """Which pairs would be told otherwise were others left out; that of the sentence first."""
    if said is None:
        return
    told = pairs_of(results)
    told.sort(key=lambda pair: _names(pair) != _names(said))
    for other in results.get("sensitivity") or []:
        if other["people"] < 2:
            continue
        found = {_names(pair): pair for pair in pairs_of({**results, "findings": other})}
        verdicts = [
            _verdict(found[_names(pair)])
            for pair in told
            if _names(pair) in found and _verdict_of(found[_names(pair)]) != _verdict_of(pair)
        ]
        if not verdicts:
            continue
        listed = "; ".join(verdicts[:_NAMED])
        more = f"; and {len(verdicts) - _NAMED} more" if len(verdicts) > _NAMED else ""
        yield f"This depends on who is left out. With {other['title']}, {listed}{more}."


def _names(pair: Pair) -> frozenset[str]:
    return frozenset((pair.better, pair.worse))


def _verdict_of(pair: Pair) -> str:
    return pair.better if pair.decided else ""


def _verdict(pair: Pair) -> str:
    names = readable(pair.better), readable(pair.worse)
    if pair.decided:
        return f"{names[0]} is ranked better than {names[1]} ({pair.in_words})"
    return f"{names[0]}'s lead over {names[1]}, {pair.in_words}, shows no difference"
