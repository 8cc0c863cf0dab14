"""The poster's figure: how often each model came first, second, …; and mean ranks.

With ties a model counts in parts: two that share the first two places count half a first and half a
second place each. So every row and every column of the table adds up to the number of rankings, and
the mean of a row is the mean rank (of mid-ranks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import Estimate
from snellen.study.statistics.resampling import Bootstrap, clusters_of, ratio_estimates

__all__ = ["RankDistribution", "rank_distribution", "rank_parts"]


@dataclass(frozen=True)
class RankDistribution:
    """Model × rank.

    Attributes:
        models: M names.
        rankings, people, pictures: how many there are of each.
        tied: rankings that hold a tie.
        counts: M rows of M numbers, the first column is rank 1; whole numbers without ties.
        shares: the same divided by the number of rankings, with intervals.
        mean_ranks: M, 1 is best, (M+1)/2 is chance, with intervals.
    """

    models: tuple[str, ...]
    rankings: int
    people: int
    pictures: int
    tied: int
    counts: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[Estimate, ...], ...]
    mean_ranks: tuple[Estimate, ...]

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "rankings": self.rankings,
            "people": self.people,
            "pictures": self.pictures,
            "tied": self.tied,
            "models": {
                model: {
                    "counts": list(self.counts[row]),
                    "shares": [share.as_dict() for share in self.shares[row]],
                    "mean_rank": self.mean_ranks[row].as_dict(),
                }
                for row, model in enumerate(self.models)
            },
        }


def rank_parts(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mid-ranks (n, M) to (n, M, M): what part of each model stands on each rank.

    >>> rank_parts(np.array([[1.5, 3.0, 1.5]]))[0]
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 1. ],
           [0.5, 0.5, 0. ]])
    """
    sizes = (ranks[:, :, None] == ranks[:, None, :]).sum(2)
    distance = np.abs(ranks[:, :, None] - np.arange(1, ranks.shape[1] + 1))
    parts: NDArray[np.float64] = (distance <= (sizes[:, :, None] - 1) / 2) / sizes[:, :, None]
    return parts


def rank_distribution(ratings: Ratings, bootstrap: Bootstrap) -> RankDistribution:
    """Count the ranks of the main trials; shares and mean ranks with their intervals."""
    main = ratings.only("main")
    models, clusters = len(main.models), clusters_of(main)
    parts = rank_parts(main.ranks)
    ones = np.ones((len(main), 1))
    shares = ratio_estimates(
        parts.reshape(len(main), models * models), ones, clusters, bootstrap, (0.0, 1.0)
    )
    means = ratio_estimates(main.ranks, ones, clusters, bootstrap, (1.0, float(models)))
    return RankDistribution(
        models=main.models,
        rankings=len(main),
        people=clusters.people,
        pictures=len(np.unique(main.picture)),
        tied=int((np.diff(np.sort(main.ranks)) == 0).any(1).sum()),
        counts=tuple(tuple(row) for row in parts.sum(0).tolist()),
        shares=tuple(tuple(shares[row * models : (row + 1) * models]) for row in range(models)),
        mean_ranks=tuple(means),
    )
