"""How well people agree with themselves: a main trial against its repeat.

Intervals are t intervals over the participants who met a repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import Estimate
from snellen.study.statistics.orders import kendall_tau_b, order_signs
from snellen.study.statistics.resampling import Bootstrap, clusters_of, ratio_estimates

__all__ = ["NO_REPEATS", "Retest", "retest", "retest_by_person", "same_order"]

NO_REPEATS = "not measurable: no trial was answered twice"


@dataclass(frozen=True)
class Retest:
    """Agreement of main trials with their repeats.

    Attributes:
        trials: that were answered twice. people: who answered any twice.
        kendall_tau: mean tau-b, -1 to 1, 0 is chance; where one of the two is a single tie it is
            undefined, and the trial left out.
        same_ranking: share of trials with exactly the same ranks, ties included.
        same_first: share with exactly the same models in the first place.
        same_pairs: share of pairs of models in the same order; pairs that tie in either are left
            out. It is what a person can predict of the own answers.
        missing: why none of this can be said; empty where it can.
    """

    trials: int
    people: int
    kendall_tau: Estimate
    same_ranking: Estimate
    same_first: Estimate
    same_pairs: Estimate
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        if self.missing:
            return {"trials": self.trials, "people": self.people, "missing": self.missing}
        return {
            "trials": self.trials,
            "people": self.people,
            "kendall_tau": self.kendall_tau.as_dict(),
            "same_ranking": self.same_ranking.as_dict(),
            "same_first": self.same_first.as_dict(),
            "same_pairs": self.same_pairs.as_dict(),
        }


def retest(ratings: Ratings, bootstrap: Bootstrap) -> Retest:
    """Compare repeats with their main trials, of the same person and picture."""
    again, before = _matched(ratings)
    if not len(again):
        nothing = Estimate(missing=NO_REPEATS)
        return Retest(0, 0, nothing, nothing, nothing, nothing, NO_REPEATS)
    clusters = clusters_of(again)
    tau = kendall_tau_b(before, again.ranks)
    alike, compared = same_order(order_signs(before), order_signs(again.ranks))
    first = [ranks == ranks.min(1, keepdims=True) for ranks in (before, again.ranks)]
    ones = np.ones(len(again))
    numerators = [
        np.nan_to_num(tau),
        (before == again.ranks).all(1),
        (first[0] == first[1]).all(1),
        alike.sum(1),
    ]
    denominators = [~np.isnan(tau), ones, ones, compared.sum(1)]
    over_people = bootstrap.over_people()
    found = [
        ratio_estimates(_column(above), _column(below), clusters, over_people, bounds)[0]
        for above, below, bounds in zip(
            numerators, denominators, [(-1.0, 1.0), *[(0.0, 1.0)] * 3], strict=True
        )
    ]
    rank_order, ranking, first_place, pairs = found
    return Retest(len(again), clusters.people, rank_order, ranking, first_place, pairs)


def retest_by_person(ratings: Ratings) -> NDArray[np.float64]:
    """Mean tau-b of each participant's repeats: (len(ratings.people),), NaN without any."""
    again, before = _matched(ratings)
    tau = kendall_tau_b(before, again.ranks)
    valid = ~np.isnan(tau)
    count = len(ratings.people)
    sums = np.bincount(again.person[valid], tau[valid], minlength=count)
    found = np.full(count, np.nan)
    trials = np.bincount(again.person[valid], minlength=count)
    np.divide(sums, trials, out=found, where=trials > 0)
    return found


def same_order(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """1 where two signs are the same order, and 1 where both are an order and no tie."""
    product = a * b
    return (product > 0).astype(np.float64), np.abs(product)


def _column(values: NDArray[Any]) -> NDArray[np.float64]:
    return values.astype(np.float64)[:, None]


def _matched(ratings: Ratings) -> tuple[Ratings, NDArray[np.float64]]:
    """The repeats whose main trial was answered, and the main trials' ranks in their order."""
    main, again = ratings.only("main"), ratings.only("repeat")
    pictures = max(1, len(ratings.pictures))
    keys, wanted = (part.person * pictures + part.picture for part in (main, again))
    if not len(keys):
        none = again.where(np.zeros(len(again), np.bool_))
        return none, none.ranks
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    there = keys[order][place] == wanted
    return again.where(there), main.ranks[order[place[there]]]
