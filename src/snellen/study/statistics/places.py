"""Whether a place on the screen helps: mean rank by place, whatever model stood there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import Estimate
from snellen.study.statistics.friedman import Friedman, friedman_test
from snellen.study.statistics.resampling import Bootstrap, clusters_of, ratio_estimates

__all__ = ["PositionBias", "position_bias", "ranks_by_place"]


@dataclass(frozen=True)
class PositionBias:
    """Ranks by place.

    Attributes:
        mean_ranks: one for each place from the left; (M+1)/2 each without bias, for the design
            shows every model equally often in every place.
        test: Friedman's over participants, of their mean ranks by place.
        counts: for each model how often it stood in each place, from the left; about equally often
            by the design, unless many are left out.
    """

    mean_ranks: tuple[Estimate, ...]
    test: Friedman
    counts: Mapping[str, tuple[int, ...]]

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "mean_ranks": [estimate.as_dict() for estimate in self.mean_ranks],
            "friedman": self.test.as_dict(),
            "counts": {model: list(counts) for model, counts in self.counts.items()},
        }


def position_bias(ratings: Ratings, bootstrap: Bootstrap) -> PositionBias:
    """Compare the places in the main trials."""
    main = ratings.only("main")
    clusters, ranks = clusters_of(main), ranks_by_place(main)
    bounds = (1.0, float(ranks.shape[1]))
    means = ratio_estimates(ranks, np.ones((len(main), 1)), clusters, bootstrap, bounds)
    sums = np.zeros((clusters.people, ranks.shape[1]))
    np.add.at(sums, clusters.person, ranks)
    counts = {
        model: tuple(np.bincount(main.places[:, index], minlength=len(main.models)).tolist())
        for index, model in enumerate(main.models)
    }
    return PositionBias(tuple(means), friedman_test(sums), counts)


def ranks_by_place(ratings: Ratings) -> NDArray[np.float64]:
    """Ranks (n, M) in the order of the places, from the left, instead of the models'."""
    found = np.empty_like(ratings.ranks)
    np.put_along_axis(found, ratings.places, ratings.ranks, axis=1)
    return found
