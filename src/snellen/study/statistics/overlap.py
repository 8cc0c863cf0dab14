"""Pairs of people who ranked the same picture, counted without listing them.

The sum of x_a · x_b over all pairs a < b is (|Σ x_a|² - Σ |x_a|²) / 2. In a resample a person may
have been drawn several times; that person is still no second opinion, so only pairs of different
people count, as often as the one was drawn times the other times the picture's source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from snellen.study.config import Design
from snellen.study.ratings import Ratings
from snellen.study.statistics.resampling import Clusters, clusters_of

__all__ = ["Overlap", "not_measurable", "overlap_of"]


@dataclass(frozen=True)
class Overlap:
    """Which rankings share a picture.

    Attributes:
        clusters: of the n rankings.
        picture: int (n,), numbered without gaps. pictures: how many there are.
        source: int (pictures,), the source of each.
        raters: int (pictures,), how many people ranked each.
    """

    clusters: Clusters
    picture: NDArray[np.intp]
    pictures: int
    source: NDArray[np.intp]
    raters: NDArray[np.intp]

    @property
    def pairs(self) -> int:
        """Pairs of people on the same picture."""
        return int((self.raters * (self.raters - 1) // 2).sum())

    def sums(self, values: NDArray[np.float64], people: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up the rankings of each picture, each as often as its person was drawn.

        Args:
            values: (n, K).
            people: (b, people).

        Returns:
            (b, pictures, K).
        """
        width = values.shape[1]
        rows = self.picture[:, None] * width + np.arange(width)
        columns = np.broadcast_to(self.clusters.person[:, None], rows.shape)
        table = csr_array(
            (values.ravel(), (rows.ravel(), columns.ravel())),
            shape=(self.pictures * width, self.clusters.people),
        )
        found = np.asarray(table @ people.T, np.float64).T
        return found.reshape(len(people), self.pictures, width)

    def pair_sums(
        self,
        values: NDArray[np.float64],
        people: NDArray[np.float64],
        sources: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Σ x_a · x_b over the pairs of people on each picture, over all pictures: (b,).

        Args:
            values: (n, K), x.
            people: (b, people), how often each was drawn.
            sources: (b, sources), likewise.
        """
        together = (self.sums(values, people) ** 2).sum(2)
        alone = self.sums((values**2).sum(1, keepdims=True), people**2)[:, :, 0]
        found: NDArray[np.float64] = ((together - alone) / 2 * sources[:, self.source]).sum(1)
        return found


def not_measurable(design: Design) -> str:
    """Why nothing is known of how far people agree where no picture was ranked by two of them.

    >>> not_measurable("crossed")
    'not measurable yet: no picture was ranked by two participants'
    """
    when = "in this design" if design == "nested" else "yet"
    return f"not measurable {when}: no picture was ranked by two participants"


def overlap_of(ratings: Ratings) -> Overlap:
    """Find which rankings share a picture."""
    clusters = clusters_of(ratings)
    _, first, picture = np.unique(ratings.picture, return_index=True, return_inverse=True)
    pictures = len(first)
    return Overlap(
        clusters=clusters,
        picture=picture,
        pictures=pictures,
        source=clusters.source[first],
        raters=np.bincount(picture, minlength=pictures),
    )
