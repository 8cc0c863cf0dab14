"""What people can predict of one another: the ceiling for whatever is to predict their answers.

Everything here is a share of preferences: a person's order of two models on one picture. Ties are
no preference and are left out. ½ is chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import Estimate
from snellen.study.statistics.orders import order_signs
from snellen.study.statistics.overlap import NOT_MEASURABLE, Overlap, overlap_of
from snellen.study.statistics.resampling import Bootstrap, draws, estimates, no_interval
from snellen.study.statistics.retest import retest

__all__ = ["Ceiling", "ceiling"]


@dataclass(frozen=True)
class Ceiling:
    """Agreement of people, in the unit in which metrics are measured against them.

    Attributes:
        between_people: of two people on the same picture, over all such pairs.
        with_others: of one person with the majority of all others on the same picture; a majority
            that is split counts half. What a metric reaches that knows all the others' answers.
        best_possible: share of preferences on the side of their picture's majority: no metric can
            agree with more of these answers. It flatters where few people ranked a picture, for
            everyone is part of the own majority; of one ranking for each picture it says nothing.
        within_people: of a person with the own answer at the repeat.
    """

    between_people: Estimate
    with_others: Estimate
    best_possible: Estimate
    within_people: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "between_people": self.between_people.as_dict(),
            "with_others": self.with_others.as_dict(),
            "best_possible": self.best_possible.as_dict(),
            "within_people": self.within_people.as_dict(),
        }


def ceiling(ratings: Ratings, bootstrap: Bootstrap) -> Ceiling:
    """Measure how far people agree, with each other and with themselves."""
    main = ratings.only("main")
    within = retest(ratings, bootstrap).same_pairs
    overlap, signs = overlap_of(main), order_signs(main.ranks)
    if not overlap.pairs:
        nothing = Estimate(missing=NOT_MEASURABLE)
        return Ceiling(nothing, nothing, nothing, within)
    once = np.ones((1, overlap.clusters.people)), np.ones((1, overlap.clusters.sources))
    found = [np.empty((0, 2))]
    if not no_interval(overlap.clusters, bootstrap):
        size = signs.size
        found += [_shares(overlap, signs, *d) for d in draws(overlap.clusters, bootstrap, size)]
    between, others = estimates(
        _shares(overlap, signs, *once)[0],
        np.concatenate(found),
        overlap.clusters,
        bootstrap,
        (0.0, 1.0),
    )
    return Ceiling(between, others, _best_possible(overlap, signs), within)


def _best_possible(overlap: Overlap, signs: NDArray[np.float64]) -> Estimate:
    everyone = np.ones((1, overlap.clusters.people))
    given = float(np.abs(signs).sum())
    if not given:
        return Estimate(missing="nobody prefers any model")
    return Estimate((1 + float(np.abs(overlap.sums(signs, everyone)).sum()) / given) / 2)


def _shares(
    overlap: Overlap,
    signs: NDArray[np.float64],
    people: NDArray[np.float64],
    sources: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Agreement between people, and of each with the majority of the others, (b, 2)."""
    found = np.full((len(people), 2), np.nan)
    sides = overlap.pair_sums(signs, people, sources)
    pairs = overlap.pair_sums(np.abs(signs), people, sources)
    np.divide(pairs + sides, 2 * pairs, out=found[:, 0], where=pairs > 0)

    times = people[:, overlap.clusters.person][:, :, None]
    total = overlap.sums(signs, people)[:, overlap.picture]
    voters = overlap.sums(np.abs(signs), people)[:, overlap.picture]
    others = total - times * signs
    asked = (voters - times * np.abs(signs) > 0) & (signs != 0)
    weights = times[:, :, 0] * sources[:, overlap.clusters.source]
    agreeing = (weights * (asked * (1 + np.sign(others) * signs)).sum(2)).sum(1)
    all_asked = (weights * asked.sum(2)).sum(1)
    np.divide(agreeing, 2 * all_asked, out=found[:, 1], where=all_asked > 0)
    return found
