"""How carefully each participant judged, and whom the rule of study.yaml leaves out, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snellen.study.config import Exclusion
from snellen.study.ratings import Answers, Ratings
from snellen.study.statistics.retest import retest_by_person

__all__ = ["ParticipantQuality", "participant_quality", "rule_in_words"]


@dataclass(frozen=True)
class ParticipantQuality:
    """What a participant's answers say about the care with which they were given.

    Attributes:
        name: as exports spell it, "P0001".
        answered: main and repeated trials that were answered.
        completed: whether every trial of the session was.
        median_seconds: from a picture's appearance to the answer; NaN: not known.
        catch_failed, catch_seen: catch trials.
        repeats: trials that were answered a second time.
        retest: mean Kendall's tau-b between the two answers of a repeated trial; NaN: there is none
            in which both answers have some order.
        same_place: the largest share of trials in which one and the same place on the screen was
            ranked first (a place that shares the first rank with k - 1 others counts 1/k); whoever
            always takes the left one has 1. NaN: nothing was answered.
        reasons: why the rule leaves this participant out, in words; empty: it does not.
    """

    name: str
    answered: int
    completed: bool
    median_seconds: float
    catch_failed: int
    catch_seen: int
    repeats: int
    retest: float
    same_place: float
    reasons: tuple[str, ...] = ()

    @property
    def excluded(self) -> bool:
        """Whether any rule was broken."""
        return bool(self.reasons)


def participant_quality(answers: Answers, rule: Exclusion) -> tuple[ParticipantQuality, ...]:
    """Judge every participant, in the order of ``answers.ratings.people``.

    Args:
        answers: all that the study was told so far.
        rule: whom to leave out. What is not known (no repeat yet, no time) breaks no rule.

    >>> from snellen.study.ratings import midranks
    >>> ratings = Ratings(
    ...     ("mse", "mae"), ("P0001",), ("a", "b"), ("a", "b"),
    ...     midranks(np.array([[1, 2], [2, 1]])), np.array([0, 0]), np.array([0, 1]),
    ...     np.array([[0, 1], [1, 0]]), seconds=np.array([0.4, 0.5]),
    ... )
    >>> nobody = np.array([], dtype=np.intp)
    >>> (found,) = participant_quality(
    ...     Answers(ratings, nobody, nobody.astype(bool), np.array([True])), Exclusion()
    ... )
    >>> found.same_place, found.reasons
    (1.0, ('half of the answers came within 0.45 s (at least 1 s is asked)',))
    """
    ratings = answers.ratings
    retests = retest_by_person(ratings)
    found = []
    for index, name in enumerate(ratings.people):
        own = ratings.where(ratings.person == index)
        caught = answers.catch_person == index
        failed = int((caught & ~answers.catch_passed).sum())
        seconds = own.seconds[np.isfinite(own.seconds)]
        median = float(np.median(seconds)) if len(seconds) else math.nan
        retest = float(retests[index])
        found.append(
            ParticipantQuality(
                name,
                len(own),
                bool(answers.completed[index]),
                median,
                failed,
                int(caught.sum()),
                own.kinds.count("repeat"),
                retest,
                _same_place(own),
                _reasons(rule, failed, int(caught.sum()), median, retest),
            )
        )
    return tuple(found)


def rule_in_words(rule: Exclusion) -> str:
    """Say whom the rule leaves out.

    >>> print(rule_in_words(Exclusion(max_failed_catch=0, min_median_seconds=None)))
    Whoever fails a catch trial is left out.
    >>> print(rule_in_words(Exclusion()))
    Whoever fails more than 1 catch trial, or gives half of the answers in less than 1 s, is left
    out.
    """
    parts = []
    if rule.max_failed_catch is not None:
        most = rule.max_failed_catch
        trials = "a catch trial" if most == 0 else f"more than {_counted(most, 'catch trial')}"
        parts.append(f"fails {trials}")
    if rule.min_median_seconds is not None:
        parts.append(f"gives half of the answers in less than {rule.min_median_seconds:g} s")
    if rule.min_retest is not None:
        parts.append(
            "agrees with the own earlier answers by a mean Kendall's tau-b below "
            f"{_tau_in_words(rule.min_retest)}"
        )
    if not parts:
        return "Nobody is left out."
    if len(parts) == 1:
        return f"Whoever {parts[0]} is left out."
    return f"Whoever {', or '.join(parts)}, is left out."


def _reasons(
    rule: Exclusion, failed: int, seen: int, median: float, retest: float
) -> tuple[str, ...]:
    reasons = []
    if rule.max_failed_catch is not None and failed > rule.max_failed_catch:
        reasons.append(
            f"failed {failed} of {_counted(seen, 'catch trial')} "
            f"(at most {rule.max_failed_catch} may be)"
        )
    if rule.min_median_seconds is not None and median < rule.min_median_seconds:
        reasons.append(
            f"half of the answers came within {median:.2g} s "
            f"(at least {rule.min_median_seconds:g} s is asked)"
        )
    if rule.min_retest is not None and retest < rule.min_retest:
        reasons.append(
            f"agrees with the own earlier answers by tau-b {_tau_in_words(retest)} "
            f"(at least {_tau_in_words(rule.min_retest)} is asked)"
        )
    return tuple(reasons)


def _tau_in_words(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _same_place(own: Ratings) -> float:
    if not len(own):
        return math.nan
    first = own.ranks == own.ranks.min(axis=1, keepdims=True)
    weights = first / first.sum(axis=1, keepdims=True)
    shares = np.bincount(own.places.ravel(), weights.ravel(), minlength=own.places.shape[1])
    return float(shares.max() / len(own))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
