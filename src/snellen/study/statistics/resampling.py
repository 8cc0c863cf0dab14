"""Intervals over people and pictures together.

Rankings of one person are alike, and so are rankings of one picture; a thousand rankings are not a
thousand independent rows. Which interval holds what it promises depends on the design:

- ``crossed`` and ``balanced-incomplete``: two-way bootstrap. Every resample draws people with
  replacement and, independently, source photographs with replacement (pictures cut from one
  photograph come along together); a ranking counts as often as its person times as often as its
  source was drawn.
- ``nested``: no picture has two raters, so a person's pictures are part of the person: t interval
  over participants. (Where several people have pictures of one source it is a two-way bootstrap.)

Means, ratios of sums, and whatever can be written as a sum of what each ranking adds to it (its
influence), have the intervals of the headline: `snellen.study.statistics.intervals` says how the
two-way bootstrap is kept from counting the noise of single rankings three times. What cannot, such
as agreement between people, has plain percentile limits, which are conservative where few people
rank each picture; over people alone ± t times the bootstrap's standard error. How often all of them
cover is measured by benchmarks/study_intervals.py.

Source: Owen & Eckles, "Bootstrapping data arrays of arbitrary order", Annals of Applied Statistics
6 (2012); Cochran, Sampling Techniques (1977), ch. 6, for the ratio of sums; Hampel, JASA 69 (1974),
for influence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from snellen.study.config import Design
from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import (
    NO_RANKINGS,
    NO_SPREAD,
    NOTHING_TO_COMPARE,
    ONE_PARTICIPANT,
    ONE_PICTURE,
    Estimate,
    known,
)
from snellen.study.statistics.intervals import prepare, times_drawn

__all__ = [
    "Bootstrap",
    "Clusters",
    "clusters_of",
    "draws",
    "estimates",
    "knows_photographs",
    "linear_estimates",
    "no_interval",
    "ratio_estimates",
]

_BLOCK = 4_000_000  # numbers held in memory at a time: 32 MB
_UNBOUNDED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Bootstrap:
    """What decides the kind of interval.

    Attributes:
        design: of the study.
        resamples: number of draws. level: how often the interval is to cover the truth.
        seed: of the draws.
        people_only: t interval over participants whatever the design.
    """

    design: Design
    resamples: int = 2000
    level: float = 0.95
    seed: int = 0
    people_only: bool = False

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples is {self.resamples}; at least 1 is needed.")
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; a share between 0 and 1 is needed: try 0.95.")

    def over_people(self) -> Bootstrap:
        """The same for what is measured within each person."""
        return replace(self, people_only=True)


@dataclass(frozen=True)
class Clusters:
    """To whom and to what each ranking belongs, numbered without gaps.

    Attributes:
        person, source: int (n,), below `people` and `sources`.
        people: number of those who ranked anything. sources: number of photographs ranked.
        shared: whether two people ranked (pictures of) one source.
    """

    person: NDArray[np.intp]
    source: NDArray[np.intp]
    people: int
    sources: int
    shared: bool = False

    def two_way(self, bootstrap: Bootstrap) -> bool:
        """Whether pictures are drawn too, and not people alone."""
        return not bootstrap.people_only and (bootstrap.design != "nested" or self.shared)


def knows_photographs(ratings: Ratings) -> bool:
    """Whether any picture's source is more than its own name.

    >>> none = np.empty(0, np.intp)
    >>> given = ("m",), ("P1",), ("a-1", "a-2"), ("a-1", "a-2"), np.empty((0, 1)), none, none
    >>> knows_photographs(Ratings(*given, np.empty((0, 1), np.intp)))
    False
    """
    return any(a != b for a, b in zip(ratings.pictures, ratings.sources, strict=True))


def clusters_of(ratings: Ratings) -> Clusters:
    """Number those people and source photographs that have a ranking.

    >>> none = np.empty(0, np.intp)
    >>> ratings = Ratings(("a",), ("P1",), ("x",), ("x",), np.empty((0, 1)), none, none,
    ...                   np.empty((0, 1), np.intp))
    >>> clusters_of(ratings).people
    0
    """
    numbers: dict[str, int] = {}
    of_picture = np.array(
        [numbers.setdefault(source, len(numbers)) for source in ratings.sources], dtype=np.intp
    )
    people, person = np.unique(ratings.person, return_inverse=True)
    sources, source = np.unique(of_picture[ratings.picture], return_inverse=True)
    judged = len(np.unique(source * max(1, len(people)) + person))
    return Clusters(person, source, len(people), len(sources), judged > len(sources))


def no_interval(clusters: Clusters, bootstrap: Bootstrap) -> str:
    """Why no interval can be given, or an empty text."""
    if clusters.people == 0:
        return NO_RANKINGS
    if clusters.people == 1:
        return ONE_PARTICIPANT
    if clusters.two_way(bootstrap) and clusters.sources == 1:
        return ONE_PICTURE
    return ""


def draws(
    clusters: Clusters, bootstrap: Bootstrap, size: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """How often each person and each source was drawn, in blocks of some resamples each.

    Args:
        clusters: whom and what to draw from.
        bootstrap: how many resamples, and the seed. The same seed gives the same draws whatever is
            computed from them, so that statistics can be compared draw by draw.
        size: numbers that the caller holds for each resample; it sets the size of the blocks.

    Yields:
        float64 (b, people) and (b, sources), whole numbers; sources are all 1 where people alone
        are drawn.
    """
    of_people, of_sources = (np.random.default_rng([bootstrap.seed, k]) for k in (0, 1))
    block = max(1, _BLOCK // max(size, clusters.people, clusters.sources, 1))
    for start in range(0, bootstrap.resamples, block):
        count = min(block, bootstrap.resamples - start)
        people = times_drawn(of_people, count, clusters.people)
        if clusters.two_way(bootstrap):
            yield people, times_drawn(of_sources, count, clusters.sources)
        else:
            yield people, np.ones((count, clusters.sources))


def ratio_estimates(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    clusters: Clusters,
    bootstrap: Bootstrap,
    bounds: tuple[float, float] = _UNBOUNDED,
) -> list[Estimate]:
    """Σ numerators / Σ denominators over all rankings, column by column, with intervals.

    A mean over rankings is this with denominators of 1.

    Args:
        numerators: (n, K).
        denominators: (n, K) or (n, 1), ≥ 0.
        clusters: of the n rankings.
        bootstrap: the kind of interval.
        bounds: beyond which an interval is cut off.

    Returns:
        K estimates; the value is missing where the denominators sum to 0.
    """
    denominators = np.broadcast_to(denominators, numerators.shape)
    below = denominators.sum(0)
    values, per_unit = np.full((2, len(below)), np.nan)
    np.divide(numerators.sum(0), below, out=values, where=below > 0)
    np.divide(1.0, below, out=per_unit, where=below > 0)
    influences = (numerators - values * denominators) * per_unit
    return linear_estimates(values, influences, clusters, bootstrap, bounds)


def linear_estimates(
    values: NDArray[np.float64],
    influences: NDArray[np.float64],
    clusters: Clusters,
    bootstrap: Bootstrap,
    bounds: tuple[float, float] = _UNBOUNDED,
) -> list[Estimate]:
    """Values with intervals from what each ranking adds to them.

    Args:
        values: (K,); NaN: cannot be said.
        influences: (n, K), the values' derivatives by how often each ranking counts.
        clusters: of the n rankings.
        bootstrap: the kind of interval.
        bounds: beyond which an interval is cut off.
    """
    reason = no_interval(clusters, bootstrap)
    if reason:
        return [Estimate(known(value), missing=reason) for value in values]
    columns = np.nan_to_num(influences - influences.mean(0)) * len(influences)
    # What only rounding left is nothing.
    spread = np.abs(columns).max(0) > 1e-12 * np.maximum(1, np.abs(np.nan_to_num(values)))
    lows, highs = np.full((2, len(values)), np.nan)
    if not clusters.two_way(bootstrap):
        sums = np.zeros((clusters.people, len(values)))
        np.add.at(sums, clusters.person, columns / len(columns))
        errors = np.sqrt((sums**2).sum(0) * clusters.people / (clusters.people - 1))
        half = _quantile(clusters, bootstrap) * errors
        lows[spread], highs[spread] = -half[spread], half[spread]
    elif spread.any():
        intervals = prepare(
            clusters.person,
            clusters.source,
            by_participant=False,
            resamples=bootstrap.resamples,
            seed=bootstrap.seed,
        )
        _, lows[spread], highs[spread], _ = intervals.of(columns[:, spread], bootstrap.level)
    limits = zip(values.tolist(), lows.tolist(), highs.tolist(), strict=True)
    return [_estimate(value, value + low, value + high, bounds) for value, low, high in limits]


def estimates(
    values: NDArray[np.float64],
    replicates: NDArray[np.float64],
    clusters: Clusters,
    bootstrap: Bootstrap,
    bounds: tuple[float, float] = _UNBOUNDED,
) -> list[Estimate]:
    """Values with intervals from what came out in the resamples of `draws`.

    Args:
        values: (K,), of all rankings; NaN: cannot be said.
        replicates: (resamples, K); NaN where a resample has nothing to say.
        clusters: whose number of people sets the t interval's degrees of freedom.
        bootstrap: percentile limits where pictures were drawn too, else the t interval.
        bounds: beyond which an interval is cut off.
    """
    reason = no_interval(clusters, bootstrap)
    if reason:
        return [Estimate(known(value), missing=reason) for value in values]
    if not clusters.two_way(bootstrap):
        factor = math.sqrt(clusters.people / (clusters.people - 1)) * _quantile(clusters, bootstrap)
        half = [factor * _deviation(column) for column in replicates.T]
        limits = zip(values.tolist(), half, strict=True)
        return [_estimate(value, value - each, value + each, bounds) for value, each in limits]
    tail = (1 - bootstrap.level) / 2
    found = []
    for value, column in zip(values.tolist(), replicates.T, strict=True):
        valid = column[~np.isnan(column)]
        low, high = np.quantile(valid, [tail, 1 - tail]) if len(valid) else (math.nan, math.nan)
        found.append(_estimate(value, float(low), float(high), bounds))
    return found


def _quantile(clusters: Clusters, bootstrap: Bootstrap) -> float:
    return float(student.ppf((1 + bootstrap.level) / 2, clusters.people - 1))


def _deviation(column: NDArray[np.float64]) -> float:
    valid = column[~np.isnan(column)]
    return float(valid.std()) if len(valid) else math.nan


def _estimate(value: float, low: float, high: float, bounds: tuple[float, float]) -> Estimate:
    """Cut the interval; without any width there is none."""
    if not math.isfinite(value):
        return Estimate(missing=NOTHING_TO_COMPARE)
    if not high - low > 1e-12 * max(1.0, abs(value)):
        return Estimate(value, missing=NO_SPREAD)
    return Estimate(value, max(low, bounds[0]), min(high, bounds[1]))
