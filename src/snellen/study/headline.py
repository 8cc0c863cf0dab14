"""The headline of a study: how far apart two models' mean ranks are, and how sure that is.

A thousand rankings are not a thousand independent rows: a person has a taste, and a picture favours
a model. The estimate is for the population of people *and* of pictures, so both are taken for
samples: `snellen.study.statistics.intervals`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snellen.study.config import Design
from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import NO_SPREAD
from snellen.study.statistics.intervals import Intervals, NoIntervals, prepare
from snellen.study.statistics.resampling import knows_photographs

__all__ = ["Difference", "mean_rank_differences"]


@dataclass(frozen=True)
class Difference:
    """How far the mean ranks of two models are apart.

    Attributes:
        a, b: the models.
        estimate: mean rank of a minus that of b; negative: a is better. NaN: nothing to average.
        low, high: limits of the confidence interval; NaN where it cannot be said.
        p: of "no difference", by inversion of the interval: below 1 − level just where the interval
            leaves out zero. By bootstrap it is never below 2 / (resamples + 1).
        method: how the interval was found, or why there is none.
        people, pictures: how many entered.
    """

    a: str
    b: str
    estimate: float
    low: float
    high: float
    p: float
    method: str
    people: int
    pictures: int


def mean_rank_differences(
    ratings: Ratings,
    *,
    design: Design,
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Difference]:
    """Compare every two models.

    Args:
        ratings: the rankings; of repeated trials only the first answers count.
        design: nested: a t interval over the participants' means, which count equally. crossed or
            balanced-incomplete: two-way bootstrap over people and pictures; rankings count equally,
            and pictures of one source are resampled together. A nested study in which pictures of
            one source were judged by several people is treated like the latter.
        resamples: draws of the bootstrap, at least 2 / (1 − level).
        level: how often the interval is to cover the truth.
        seed: of the draws.

    Returns:
        One `Difference` for every two models, in the order of `ratings.models`.

    Example:
        >>> from snellen.study.ratings import Ratings
        >>> person, picture = np.repeat(np.arange(4), 3), np.arange(12)
        >>> ranks = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]] * 4)[np.arange(12) % 7]
        >>> names = tuple("abcdefghijkl")
        >>> places = np.zeros((12, 2), int)
        >>> ratings = Ratings(("x", "y"), names[:4], names, names, ranks, person, picture, places)
        >>> (found,) = mean_rank_differences(ratings, design="nested")
        >>> f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}], {found.method}"
        '-0.50 [-1.03, 0.03], t interval over 4 participants'
    """
    main = ratings.only("main")
    pairs = list(itertools.combinations(range(len(ratings.models)), 2))
    people, pictures = len(np.unique(main.person)), len(np.unique(main.picture))
    values = np.stack([main.ranks[:, a] - main.ranks[:, b] for a, b in pairs], axis=1)
    intervals: Intervals = NoIntervals("no rankings: nothing can be said")
    if len(main):
        intervals = prepare(
            main.person,
            _sources(main),
            by_participant=design == "nested" and not _shares_sources(main),
            resamples=resamples,
            seed=seed,
            unit="photographs" if knows_photographs(main) else "pictures",
        )
    found = []
    for (a, b), numbers in zip(pairs, zip(*intervals.of(values, level), strict=True), strict=True):
        estimate, low, high, p = map(float, numbers)
        agreed = math.isnan(low) and not isinstance(intervals, NoIntervals)
        method = NO_SPREAD if agreed else intervals.method
        names = ratings.models[a], ratings.models[b]
        found.append(Difference(*names, estimate, low, high, p, method, people, pictures))
    return found


def _sources(ratings: Ratings) -> NDArray[np.intp]:
    """For each ranking the number of its picture's source."""
    numbers: dict[str, int] = {}
    of_picture = [numbers.setdefault(source, len(numbers)) for source in ratings.sources]
    return np.array(of_picture, dtype=np.intp)[ratings.picture]


def _shares_sources(ratings: Ratings) -> bool:
    """Whether different people have judged different pictures of one source."""
    seen: dict[int, tuple[int, int]] = {}
    whose = zip(
        _sources(ratings).tolist(), ratings.person.tolist(), ratings.picture.tolist(), strict=True
    )
    for source, person, picture in whose:
        first = seen.setdefault(source, (person, picture))
        if first[0] != person and first[1] != picture:
            return True
    return False
