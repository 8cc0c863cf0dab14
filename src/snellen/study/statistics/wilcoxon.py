"""Wilcoxon's signed-rank test for every two models over participants, corrected by Holm.

Secondary, like Friedman's test: participants are taken for independent.

Source: Wilcoxon, Biometrics Bulletin 1 (1945): zero differences are left out; Holm, Scandinavian
Journal of Statistics 6 (1979); Kerby, Comprehensive Psychology 3 (2014), for the effect size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import NO_RANKINGS, ONE_PARTICIPANT
from snellen.study.statistics.orders import model_pairs
from snellen.study.statistics.resampling import clusters_of

__all__ = ["PairTest", "SignedRank", "holm", "pair_tests", "signed_rank_test"]

_EXACT = 50  # differences up to which the distribution is counted out


@dataclass(frozen=True)
class SignedRank:
    """The test of one sample of differences.

    Attributes:
        differences: that are not 0. zeros: that are, and were left out.
        statistic: the smaller of the sums of ranks of positive and of negative differences.
        p: two-sided. Exact, given the sizes of the differences (ties among them included), up to 50
            differences; above from the normal distribution, corrected for ties.
        rank_biserial: (positive - negative) / all ranks, -1 to 1: the effect size.
        missing: why there is no test; empty where there is one.
    """

    differences: int
    zeros: int
    statistic: float | None = None
    p: float | None = None
    rank_biserial: float | None = None
    missing: str = ""


@dataclass(frozen=True)
class PairTest:
    """Whether participants rank `a` otherwise than `b`.

    Attributes:
        a, b: names of models; `a` comes first in the study's order.
        people: participants.
        test: of their mean rank of `a` minus that of `b`; a negative effect: `a` is better.
        p_holm: corrected for as many tests as there are pairs of models.
    """

    a: str
    b: str
    people: int
    test: SignedRank
    p_holm: float | None

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        found = {
            "a": self.a,
            "b": self.b,
            "people": self.people,
            "zeros": self.test.zeros,
            "statistic": self.test.statistic,
            "p": self.test.p,
            "p_holm": self.p_holm,
            "rank_biserial": self.test.rank_biserial,
        }
        return found | ({"missing": self.test.missing} if self.test.missing else {})


def pair_tests(ratings: Ratings) -> list[PairTest]:
    """Test every two models over participants' mean ranks in the main trials."""
    main = ratings.only("main")
    clusters = clusters_of(main)
    sums = np.zeros((clusters.people, len(main.models)))
    np.add.at(sums, clusters.person, main.ranks)
    counts = np.bincount(clusters.person, minlength=clusters.people)
    found = []
    for a, b in zip(*model_pairs(len(main.models)), strict=True):
        # Sums of halves are exact, and one division leaves equal differences equal.
        test = signed_rank_test((sums[:, a] - sums[:, b]) / counts)
        if clusters.people < 2:
            reason = ONE_PARTICIPANT if clusters.people else NO_RANKINGS
            test = SignedRank(test.differences, test.zeros, missing=reason)
        found.append(PairTest(main.models[a], main.models[b], clusters.people, test, None))
    corrected = holm([pair.test.p for pair in found])
    return [replace(pair, p_holm=p) for pair, p in zip(found, corrected, strict=True)]


def signed_rank_test(differences: ArrayLike) -> SignedRank:
    """Test whether differences lie symmetrically around 0.

    Args:
        differences: (n,); equal sizes share their mean rank.

    >>> found = signed_rank_test([1, 2, 3, 4, -5, 6, 7, 8])
    >>> found.statistic, found.p, found.rank_biserial.__round__(3)
    (5.0, 0.078125, 0.722)
    """
    given = np.asarray(differences, dtype=np.float64)
    nonzero = given[given != 0]
    count, zeros = len(nonzero), len(given) - len(nonzero)
    if not count:
        return SignedRank(0, zeros, missing="nobody ranks the two differently")
    ranks: NDArray[np.float64] = rankdata(np.abs(nonzero))
    positive = float(ranks[nonzero > 0].sum())
    total = count * (count + 1) / 2
    statistic = min(positive, total - positive)
    return SignedRank(
        differences=count,
        zeros=zeros,
        statistic=statistic,
        p=_exact(ranks, statistic) if count <= _EXACT else _normal(ranks, positive),
        rank_biserial=(positive - (total - positive)) / total,
    )


def _exact(ranks: NDArray[np.float64], statistic: float) -> float:
    """Chance of a sum at least as far from its mean, each sign being as likely as the other."""
    doubled = np.round(2 * ranks).astype(np.intp)  # mid-ranks are halves
    ways = np.zeros(doubled.sum() + 1)
    ways[0] = 1
    for step in doubled:
        ways[step:] += ways[: len(ways) - step].copy()
    below = ways[: round(2 * statistic) + 1].sum()
    return float(min(1.0, 2 * below / 2.0 ** len(ranks)))


def _normal(ranks: NDArray[np.float64], positive: float) -> float:
    # Σr² of mid-ranks holds the correction for ties.
    deviation = math.sqrt(float((ranks**2).sum()) / 4)
    return float(2 * norm.sf(abs(positive - ranks.sum() / 2) / deviation))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number by Holm's steps; None stays None and does not count.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    ordered = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    found: list[float | None] = [None] * len(p_values)
    most = 0.0
    for step, (p, index) in enumerate(ordered):
        most = max(most, min(1.0, p * (len(ordered) - step)))
        found[index] = most
    return found
