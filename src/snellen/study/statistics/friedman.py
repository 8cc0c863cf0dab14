"""Friedman's test: do some models rank before others, over participants or over pictures?

Each block (a participant, or a source photograph) gives one ranking, that of the models' mean ranks
in it. Both ways are **secondary**: they take blocks for independent, which participants are not
where they rank the same pictures, nor pictures where the same people rank them. How often they err
is measured by benchmarks/study_intervals.py.

Source: Friedman, JASA 32 (1937); with ties as in Conover, Practical Nonparametric Statistics
(1999), §5.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, rankdata

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import NO_RANKINGS, ONE_PARTICIPANT, ONE_PICTURE
from snellen.study.statistics.resampling import clusters_of

__all__ = ["Block", "Friedman", "friedman", "friedman_test"]

Block = Literal["participant", "picture"]


@dataclass(frozen=True)
class Friedman:
    """A test and its effect size.

    Attributes:
        by: what a block is.
        blocks: how many there are.
        statistic: chi-square with `degrees` degrees of freedom, corrected for ties.
        p: its tail; an approximation that is rough below some ten blocks.
        kendall_w: concordance of the blocks, statistic / (blocks · degrees): 0 none, 1 all alike.
        missing: why there is no statistic; empty where there is one.
    """

    by: Block
    blocks: int
    degrees: int
    statistic: float | None = None
    p: float | None = None
    kendall_w: float | None = None
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        found = {
            "by": self.by,
            "blocks": self.blocks,
            "degrees": self.degrees,
            "statistic": self.statistic,
            "p": self.p,
            "kendall_w": self.kendall_w,
        }
        return found | ({"missing": self.missing} if self.missing else {})


def friedman(ratings: Ratings, by: Block) -> Friedman:
    """Test the main trials.

    Args:
        ratings: n rankings.
        by: ``participant``, or ``picture``: pictures cut from one photograph are one block.
    """
    main = ratings.only("main")
    clusters = clusters_of(main)
    person = by == "participant"
    blocks = clusters.people if person else clusters.sources
    sums = np.zeros((blocks, len(main.models)))
    np.add.at(sums, clusters.person if person else clusters.source, main.ranks)
    return friedman_test(sums, by)


def friedman_test(values: ArrayLike, by: Block = "participant") -> Friedman:
    """Test a table (blocks, M) of values; only their order within a block counts.

    >>> found = friedman_test([[1, 2, 3], [1, 3, 2], [1, 2, 3], [2, 1, 3]])
    >>> found.statistic, round(found.p, 4), found.kendall_w
    (4.5, 0.1054, 0.5625)
    """
    table = np.asarray(values, dtype=np.float64)
    blocks, models = table.shape
    if blocks < 2:
        one = ONE_PARTICIPANT if by == "participant" else ONE_PICTURE
        return Friedman(by, blocks, models - 1, missing=one if blocks else NO_RANKINGS)
    ranks: NDArray[np.float64] = rankdata(table, axis=1)
    # Variance of a block's ranks, summed over blocks; 0 where a block is one single tie.
    spread = float(((ranks - (models + 1) / 2) ** 2).sum()) / (models - 1)
    if spread == 0:
        return Friedman(by, blocks, models - 1, missing="all models tie in every block")
    between = float(((ranks.sum(0) - blocks * (models + 1) / 2) ** 2).sum())
    statistic = between / spread
    return Friedman(
        by=by,
        blocks=blocks,
        degrees=models - 1,
        statistic=statistic,
        p=float(chi2.sf(statistic, models - 1)),
        kendall_w=statistic / (blocks * (models - 1)),
    )
