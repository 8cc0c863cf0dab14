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
from snellen.study.statistics.overlap import Overlap, not_measurable, overlap_of
from snellen.study.statistics.resampling import (
    Bootstrap,
    draws,
    estimates,
    no_interval,
    ratio_estimates,
)
from snellen.study.statistics.retest import retest

__all__ = ["Ceiling", "ceiling", "with_majority"]

_BOUNDS = (0.0, 1.0)


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
    clusters = overlap.clusters
    if not overlap.pairs:
        nothing = Estimate(missing=not_measurable(bootstrap.design))
        return Ceiling(nothing, nothing, nothing, within)
    once = np.ones((1, clusters.people)), np.ones((1, clusters.sources))
    found = [np.empty((0, 1))]
    if not no_interval(clusters, bootstrap):
        drawn = draws(clusters, bootstrap, overlap.pictures * signs.shape[1])
        found += [_between(overlap, signs, *times) for times in drawn]
    between = estimates(
        _between(overlap, signs, *once)[0], np.concatenate(found), clusters, bootstrap, _BOUNDS
    )
    agreeing, asked = with_majority(overlap, signs)
    sums = [values.sum(1, keepdims=True) for values in (agreeing, asked)]
    others = ratio_estimates(sums[0], sums[1], clusters, bootstrap, _BOUNDS)
    return Ceiling(between[0], others[0], _best_possible(overlap, signs), within)


def with_majority(
    overlap: Overlap, signs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each preference against the majority of all others who ranked the picture.

    Args:
        overlap: of n rankings.
        signs: (n, pairs), as `order_signs` gives them.

    Returns:
        (n, pairs) twice: 1 where they agree, ½ where the others are split, else 0; and 1 where
        there is a preference and another's to compare it with.
    """
    everyone = np.ones((1, overlap.clusters.people))
    others = overlap.sums(signs, everyone)[0, overlap.picture] - signs
    voters = overlap.sums(np.abs(signs), everyone)[0, overlap.picture] - np.abs(signs)
    asked = ((voters > 0) & (signs != 0)).astype(np.float64)
    return asked * (1 + np.sign(others) * signs) / 2, asked


def _between(
    overlap: Overlap,
    signs: NDArray[np.float64],
    people: NDArray[np.float64],
    sources: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Agreement between two people, (b, 1)."""
    sides = overlap.pair_sums(signs, people, sources)
    pairs = overlap.pair_sums(np.abs(signs), people, sources)
    found = np.full((len(people), 1), np.nan)
    np.divide(pairs + sides, 2 * pairs, out=found[:, 0], where=pairs > 0)
    return found


def _best_possible(overlap: Overlap, signs: NDArray[np.float64]) -> Estimate:
    everyone = np.ones((1, overlap.clusters.people))
    given = float(np.abs(signs).sum())
    if not given:
        return Estimate(missing="nobody prefers any model")
    return Estimate((1 + float(np.abs(overlap.sums(signs, everyone)).sum()) / given) / 2)
