"""How far people agree where they ranked the same pictures.

Source: Kendall & Babington Smith, Annals of Mathematical Statistics 10 (1939), for W, with ties as
in Kendall & Gibbons, Rank Correlation Methods (1990), ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snellen.study.ratings import Ratings, midranks
from snellen.study.statistics.estimates import Estimate, known
from snellen.study.statistics.krippendorff import alpha_of_coincidences
from snellen.study.statistics.orders import order_signs
from snellen.study.statistics.overlap import Overlap, not_measurable, overlap_of
from snellen.study.statistics.resampling import Bootstrap, draws, estimates, no_interval

__all__ = ["Agreement", "agreement", "kendall_w"]

_UNKNOWN = Estimate()


@dataclass(frozen=True)
class Agreement:
    """Agreement between people.

    Attributes:
        pictures: that two people at least ranked.
        pairs: of people on the same picture.
        kendall_w: mean over these pictures, 0 to 1. chance_w: what it would be without any
            agreement, the mean of 1 / raters.
        spearman, kendall_tau: mean over the pairs (tau-b), -1 to 1, 0 is chance; pairs in which one
            ranking is a single tie are left out.
        alpha: Krippendorff's, of ordinal ranks; a unit is one model on one picture.
        missing: why none of this can be said; empty where it can.
    """

    pictures: int
    pairs: int
    kendall_w: float | None = None
    chance_w: float | None = None
    spearman: Estimate = _UNKNOWN
    kendall_tau: Estimate = _UNKNOWN
    alpha: Estimate = _UNKNOWN
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        if self.missing:
            return {"pictures": self.pictures, "pairs": self.pairs, "missing": self.missing}
        return {
            "pictures": self.pictures,
            "pairs": self.pairs,
            "kendall_w": self.kendall_w,
            "chance_w": self.chance_w,
            "spearman": self.spearman.as_dict(),
            "kendall_tau": self.kendall_tau.as_dict(),
            "alpha": self.alpha.as_dict(),
        }


def kendall_w(ranks: ArrayLike) -> float | None:
    """Kendall's coefficient of concordance, corrected for ties.

    Args:
        ranks: (raters, M), smaller is better; equal values are ties.

    Returns:
        0 to 1, 1: all rank alike; None with fewer than two raters, or where each of them gave one
        single tie.

    >>> kendall_w([[1, 2, 3], [1, 2, 3], [1, 3, 2]])
    0.7777777777777778
    """
    given = midranks(np.asarray(ranks))
    if len(given) < 2:
        return None
    return known(float(_concordance(given, np.zeros(len(given), np.intp), 1)[0]))


def _concordance(
    ranks: NDArray[np.float64], picture: NDArray[np.intp], pictures: int
) -> NDArray[np.float64]:
    """W of each picture from mid-ranks (n, M); NaN where it is undefined."""
    centred = ranks - (ranks.shape[1] + 1) / 2
    sums = np.zeros((pictures, ranks.shape[1]))
    np.add.at(sums, picture, centred)
    # m times the sum over raters of Σ(r - mean)² is the most that Σ(R - mean)² can be, with ties.
    spread = np.bincount(picture, (centred**2).sum(1), minlength=pictures)
    most = spread * np.bincount(picture, minlength=pictures)
    found = np.full(pictures, np.nan)
    np.divide((sums**2).sum(1), most, out=found, where=most > 0)
    return found


def agreement(ratings: Ratings, bootstrap: Bootstrap) -> Agreement:
    """Measure the agreement of people in the main trials.

    In a nested design no two people rank one picture: it says that it is not measurable. Of other
    designs it says so while too few have answered.
    """
    main = ratings.only("main")
    overlap = overlap_of(main)
    shared = overlap.raters > 1
    if not overlap.pairs:
        return Agreement(0, 0, missing=not_measurable(bootstrap.design))
    concordance = _concordance(main.ranks, overlap.picture, overlap.pictures)[shared]
    valid = concordance[~np.isnan(concordance)]
    people, sources = np.ones((1, overlap.clusters.people)), np.ones((1, overlap.clusters.sources))
    measured = _Measured(main, overlap)
    found = [np.empty((0, 3))]
    if not no_interval(overlap.clusters, bootstrap):
        found += [measured.of(*d) for d in draws(overlap.clusters, bootstrap, measured.size)]
    values = measured.of(people, sources)[0]
    spearman, tau, alpha = estimates(
        values, np.concatenate(found), overlap.clusters, bootstrap, (-1.0, 1.0)
    )
    return Agreement(
        pictures=int(shared.sum()),
        pairs=overlap.pairs,
        kendall_w=float(valid.mean()) if len(valid) else None,
        chance_w=float((1 / overlap.raters[shared]).mean()),
        spearman=spearman,
        kendall_tau=tau,
        alpha=alpha,
    )


class _Measured:
    """Spearman, tau-b and alpha for how often people and sources were drawn."""

    def __init__(self, main: Ratings, overlap: Overlap) -> None:
        self.overlap = overlap
        # Both coefficients are the products of vectors of length 1.
        self.ranks = _of_length_one(main.ranks - main.ranks.mean(1, keepdims=True))
        self.signs = _of_length_one(order_signs(main.ranks))
        self.valid = (self.signs != 0).any(1, keepdims=True).astype(np.float64)
        values = np.unique(main.ranks)
        given = (main.ranks[:, :, None] == values).astype(np.float64)
        self.models, self.values = main.ranks.shape[1], len(values)
        self.given = given.reshape(len(given), -1)  # (n, M·V)
        self.size = overlap.pictures * max(self.given.shape[1], self.signs.shape[1])

    def of(self, people: NDArray[np.float64], sources: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = self.overlap.pair_sums(self.valid, people, sources)
        found = np.full((len(people), 3), np.nan)
        for column, values in enumerate((self.ranks, self.signs)):
            sums = self.overlap.pair_sums(values, people, sources)
            np.divide(sums, pairs, out=found[:, column], where=pairs > 0)
        found[:, 2] = alpha_of_coincidences(self._coincidences(people, sources))
        return found

    def _coincidences(
        self, people: NDArray[np.float64], sources: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(b, V, V): a unit's pairs of different people's values, weighing as much as its values.

        With everyone once that is Krippendorff's 1 / (raters - 1).
        """
        ones = np.ones((len(self.given), 1))
        judged = self.overlap.sums(ones, people)[:, :, 0]
        pairs = judged**2 - self.overlap.sums(ones, people**2)[:, :, 0]
        scale = np.zeros_like(judged)
        np.divide(judged * sources[:, self.overlap.source], pairs, out=scale, where=pairs > 0)
        shape = (len(people), self.overlap.pictures * self.models, self.values)
        by_unit = np.repeat(scale, self.models, axis=1)
        counts = self.overlap.sums(self.given, people).reshape(shape)
        own = self.overlap.sums(self.given, people**2).reshape(shape)
        found = counts.transpose(0, 2, 1) @ (counts * by_unit[:, :, None])
        diagonal = np.arange(self.values)
        found[:, diagonal, diagonal] -= (own * by_unit[:, :, None]).sum(1)
        return found


def _of_length_one(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.sqrt((vectors**2).sum(1, keepdims=True))
    found = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=found, where=lengths > 0)
    return found
