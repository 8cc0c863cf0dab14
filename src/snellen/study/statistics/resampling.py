"""Intervals over people and pictures together.

Rankings of one person are alike, and so are rankings of one picture; a thousand rankings are not a
thousand independent rows. Which interval holds what it promises depends on the design:

- ``crossed`` and ``balanced-incomplete``: two-way bootstrap. Every resample draws people with
  replacement and, independently, source photographs with replacement (pictures cut from one
  photograph come along together); a ranking counts as often as its person times as often as its
  source was drawn. Percentile limits. Where neither people nor pictures differ in truth it is
  conservative.
- ``nested``: no picture has two raters, so a person's pictures are part of the person: t interval
  over participants. For a mean, or a ratio of sums, its standard error comes from the participants'
  sums of residuals; for anything else from a bootstrap over participants, times √(P/(P-1)).

Source: Owen & Eckles, "Bootstrapping data arrays of arbitrary order", Annals of Applied Statistics
6 (2012); Cochran, Sampling Techniques (1977), ch. 6, for the ratio of sums.
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
    ONE_PARTICIPANT,
    ONE_PICTURE,
    Estimate,
    known,
)

__all__ = [
    "Bootstrap",
    "Clusters",
    "clusters_of",
    "draws",
    "estimates",
    "no_interval",
    "ratio_estimates",
]

_BLOCK = 4_000_000  # numbers held in memory at a time: 32 MB
_UNBOUNDED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Bootstrap:
    """The design that decides the kind of interval; number of draws, coverage, seed."""

    design: Design
    resamples: int = 2000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples is {self.resamples}; at least 1 is needed.")
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; a share between 0 and 1 is needed: try 0.95.")

    @property
    def over_pictures(self) -> bool:
        """Whether pictures are drawn too, and not people alone."""
        return self.design != "nested"

    def over_people(self) -> Bootstrap:
        """The same, with people alone drawn: for what is measured once in each person."""
        return replace(self, design="nested")


@dataclass(frozen=True)
class Clusters:
    """To whom and to what each ranking belongs, numbered without gaps.

    Attributes:
        person, source: int (n,), below `people` and `sources`.
        people: number of those who ranked anything. sources: number of photographs ranked.
    """

    person: NDArray[np.intp]
    source: NDArray[np.intp]
    people: int
    sources: int


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
    return Clusters(person, source, len(people), len(sources))


def no_interval(clusters: Clusters, bootstrap: Bootstrap) -> str:
    """Why no interval can be given, or an empty text."""
    if clusters.people == 0:
        return NO_RANKINGS
    if clusters.people == 1:
        return ONE_PARTICIPANT
    if bootstrap.over_pictures and clusters.sources == 1:
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
        float64 (b, people) and (b, sources), whole numbers; sources are all 1 in a nested design.
    """
    of_people, of_sources = (np.random.default_rng([bootstrap.seed, k]) for k in (0, 1))
    block = max(1, _BLOCK // max(size, clusters.people, clusters.sources, 1))
    for start in range(0, bootstrap.resamples, block):
        count = min(block, bootstrap.resamples - start)
        people = _drawn(of_people, count, clusters.people)
        if bootstrap.over_pictures:
            yield people, _drawn(of_sources, count, clusters.sources)
        else:
            yield people, np.ones((count, clusters.sources))


def _drawn(rng: np.random.Generator, resamples: int, count: int) -> NDArray[np.float64]:
    drawn = rng.integers(count, size=(resamples, count)) + count * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count).astype(np.float64)


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
    values = _divided(numerators.sum(0), below)
    if no_interval(clusters, bootstrap):
        return estimates(values, np.empty((0, len(values))), clusters, bootstrap)
    if not bootstrap.over_pictures:
        residuals = np.zeros((clusters.people, len(values)))
        np.add.at(residuals, clusters.person, numerators - values * denominators)
        variance = (residuals**2).sum(0) * clusters.people / (clusters.people - 1)
        errors = _divided(np.sqrt(variance), below)
        return _t_intervals(values, errors, clusters, bootstrap, bounds)
    found = []
    for people, sources in draws(clusters, bootstrap, len(numerators)):
        weights = people[:, clusters.person] * sources[:, clusters.source]
        found.append(_divided(weights @ numerators, weights @ denominators))
    return estimates(values, np.concatenate(found), clusters, bootstrap, bounds)


def _divided(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    missing = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    found: NDArray[np.float64] = np.divide(above, below, out=missing, where=below > 0)
    return found


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
    if not bootstrap.over_pictures:
        factor = math.sqrt(clusters.people / (clusters.people - 1))
        errors = np.array([factor * _deviation(column) for column in replicates.T])
        return _t_intervals(values, errors, clusters, bootstrap, bounds)
    tail = (1 - bootstrap.level) / 2
    found = []
    for value, column in zip(values.tolist(), replicates.T, strict=True):
        valid = column[~np.isnan(column)]
        if not math.isfinite(value) or not len(valid):
            found.append(Estimate(known(value), missing="there is nothing to compare"))
            continue
        low, high = np.quantile(valid, [tail, 1 - tail]).tolist()
        found.append(_within(value, low, high, bounds))
    return found


def _deviation(column: NDArray[np.float64]) -> float:
    valid = column[~np.isnan(column)]
    return float(valid.std()) if len(valid) else math.nan


def _within(value: float, low: float, high: float, bounds: tuple[float, float]) -> Estimate:
    """Cut the interval; rounding must not put the mean of equal values outside its own."""
    slack = 1e-12 * max(1.0, abs(value))
    return Estimate(
        value,
        value if abs(low - value) <= slack else max(low, bounds[0]),
        value if abs(high - value) <= slack else min(high, bounds[1]),
    )


def _t_intervals(
    values: NDArray[np.float64],
    errors: NDArray[np.float64],
    clusters: Clusters,
    bootstrap: Bootstrap,
    bounds: tuple[float, float],
) -> list[Estimate]:
    quantile = float(student.ppf((1 + bootstrap.level) / 2, clusters.people - 1))
    found = []
    for value, error in zip(values.tolist(), errors.tolist(), strict=True):
        if not math.isfinite(value) or not math.isfinite(error):
            found.append(Estimate(known(value), missing="there is nothing to compare"))
            continue
        found.append(_within(value, value - quantile * error, value + quantile * error, bounds))
    return found
