"""Means over people and pictures, and their intervals: by participant, or both drawn together.

In a nested design everyone has pictures of their own: the participants' means are independent, and
a t interval over them is right. Where people judge the same pictures, people and pictures are
resampled together (the pigeonhole bootstrap). It counts the noise of single rankings three times
over, which where rankings are few for each picture makes its intervals much too wide (they cover
99 % instead of 95 % with 100 people × 10 of 200 pictures). So its deviations from the estimate are
multiplied by one number, which gives them the standard deviation that the mean squares of people,
of pictures and of single rankings yield without bias; and they are stretched from the quantiles of
a normal to those of a t distribution with Satterthwaite's degrees of freedom, because people and
pictures are few. Where only a few rankings say anything at all (all others are ties, or two metrics
differ on one picture), no resample can turn the sign, however little is known; so the interval
holds the t interval of that standard deviation, and p is not below that of its t test. How often
such intervals are wrong is measured: docs/results/study_calibration.json.

Sources: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007); Searle, Casella &
McCulloch, Variance Components (1992), ch. 5 (moments of unbalanced data); Cameron, Gelbach &
Miller, "Robust inference with multiway clustering", JBES 29 (2011).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

__all__ = ["Columns", "Intervals", "NoIntervals", "prepare", "times_drawn"]

_BLOCK = 4_000_000  # weights held in memory at a time: 32 MB

# Estimates, lower limits, upper limits and p, each float64 (k,).
Columns: TypeAlias = tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]
]


class Intervals(Protocol):
    """Means and their intervals for one fixed set of who judged what; `prepare` makes it.

    Attributes:
        method: how, in words, or why not.
    """

    method: str

    def of(self, values: NDArray[np.float64], level: float = 0.95) -> Columns:
        """Average columns of values.

        Args:
            values: float64 (n, k), a row for each ranking as given to `prepare`.
            level: how often an interval is to cover the truth.

        Returns:
            Estimates, lower and upper limits, and p of a mean of zero, each float64 (k,). The last
            three are NaN where they cannot be said.
        """
        ...


def prepare(
    person: NDArray[np.intp],
    source: NDArray[np.intp],
    *,
    by_participant: bool,
    resamples: int = 10_000,
    seed: int = 0,
    unit: str = "pictures",
) -> Intervals:
    """Prepare for averaging what was found in n rankings.

    Args:
        person: int (n,), who judged, any numbers; n ≥ 1.
        source: int (n,), what.
        by_participant: a t interval over participants; else the two-way bootstrap.
        resamples: draws of the bootstrap.
        seed: of the draws.
        unit: what the numbers of `source` stand for, in words.

    >>> person, source = np.repeat(np.arange(20), 50), np.tile(np.arange(50), 20)
    >>> values = np.random.default_rng(0).normal(size=(1000, 1))
    >>> mean, low, high, p = prepare(person, source, by_participant=False).of(values)
    >>> print(f"{mean[0]:.2f} [{low[0]:.2f}, {high[0]:.2f}], p {p[0]:.2f}")
    -0.05 [-0.12, 0.02], p 0.14
    """
    people, sources = len(np.unique(person)), len(np.unique(source))
    if people < 2:
        return NoIntervals("one participant: nothing is known of others, so there is no interval")
    if by_participant:
        return _ByParticipant(person)
    if sources < 2:
        return NoIntervals("one picture: nothing is known of others, so there is no interval")
    return _TwoWay(person, source, resamples, seed, unit)


class NoIntervals:
    """Where nothing is known of others: means alone; see `Intervals`."""

    def __init__(self, method: str) -> None:
        self.method = method

    def of(self, values: NDArray[np.float64], level: float = 0.95) -> Columns:  # noqa: ARG002
        """Averages, and NaN for all else."""
        unknown = np.full(values.shape[1], math.nan)
        return values.mean(0) if len(values) else unknown, unknown, unknown, unknown


class _ByParticipant:
    def __init__(self, person: NDArray[np.intp]) -> None:
        self._sum = _Sums(person)
        self.method = f"t interval over {self._sum.groups} participants"

    def of(self, values: NDArray[np.float64], level: float = 0.95) -> Columns:
        means = self._sum(values) / self._sum.sizes[:, None]
        people = len(means)
        estimate = means.mean(0)
        error = means.std(0, ddof=1) / math.sqrt(people)
        error[np.ptp(means, axis=0) == 0] = math.nan
        half = stats.t.isf((1 - level) / 2, people - 1) * error
        p = 2 * stats.t.sf(np.abs(estimate / error), people - 1)
        return estimate, estimate - half, estimate + half, p


class _TwoWay:
    """Everything is by cell: all rankings that one person gave of pictures of one source."""

    def __init__(
        self,
        person: NDArray[np.intp],
        source: NDArray[np.intp],
        resamples: int,
        seed: int,
        unit: str = "pictures",
    ) -> None:
        _, person = np.unique(person, return_inverse=True)
        _, source = np.unique(source, return_inverse=True)
        self._people, self._sources = int(person.max()) + 1, int(source.max()) + 1
        cells, cell = np.unique(person * self._sources + source, return_inverse=True)
        self._person, self._source = cells // self._sources, cells % self._sources
        self._sum = _Sums(cell)
        self._sum_person, self._sum_source = _Sums(self._person), _Sums(self._source)
        self._count = len(person)
        self._moments = _moments(self._person, self._source, self._sum.sizes)
        self._resamples, self._seed = resamples, seed
        self._kept: list[NDArray[np.float64]] | None = None
        self.method = (
            f"two-way bootstrap over {self._people} people and {self._sources} {unit}"
            f" ({resamples:,} resamples)"
        )

    def of(self, values: NDArray[np.float64], level: float = 0.95) -> Columns:
        sums = self._sum(values)
        estimate = sums.sum(0) / self._count
        variance, degrees = self._variance(sums - self._sum.sizes[:, None] * estimate)
        low, high, p = (np.full(len(estimate), math.nan) for _ in range(3))
        varied = np.flatnonzero(variance > 0)
        step = max(1, _BLOCK // self._resamples)
        for start in range(0, len(varied), step):
            some = varied[start : start + step]
            low[some], high[some], p[some] = self._limits(
                sums[:, some], estimate[some], np.sqrt(variance[some]), degrees[some], level
            )
        return estimate, low, high, p

    def _variance(
        self, rests: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Variance of the means and its degrees of freedom, each (k,).

        The variance is not less than what people, pictures or cells alone say, for the unbiased
        one may be negative. The degrees are Satterthwaite's.

        Args:
            rests: float64 (cells, k), what the mean leaves of the cells' sums.
        """
        squares = np.stack(
            [
                (self._sum_person(rests) ** 2).sum(0),
                (self._sum_source(rests) ** 2).sum(0),
                (rests**2).sum(0),
            ]
        )
        others = np.array([self._people, self._sources, len(rests)])[:, None] - 1
        alone = squares * (others + 1) / others / self._count**2
        variance = np.maximum(self._moments @ squares, alone.max(0))
        unsure = (alone[:2] ** 2 / others[:2]).sum(0)
        degrees = np.divide(variance**2, unsure, out=np.ones_like(unsure), where=unsure > 0)
        return variance, np.maximum(degrees, 1)

    def _limits(
        self,
        sums: NDArray[np.float64],
        estimate: NDArray[np.float64],
        error: NDArray[np.float64],
        degrees: NDArray[np.float64],
        level: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        found = np.concatenate([weights @ sums for weights in self._weights()])
        found -= estimate
        found *= error / found.std(0)
        found.sort(axis=0)
        draws = len(found)
        found *= _stretch(np.arange(1, draws + 1) / (draws + 1), degrees)
        found.sort(axis=0)  # about the median the stretched order may be another
        last = int((1 - level) / 2 * (draws + 1))
        if last < 1:
            raise ValueError(f"{draws} resamples are too few for an interval of {level:.0%}.")
        found += estimate
        below, above = (found <= 0).sum(0), (found >= 0).sum(0)
        p = np.minimum(1, 2 * (np.minimum(below, above) + 1) / (draws + 1))
        half = special.stdtrit(degrees, (1 + level) / 2) * error
        return (
            np.minimum(found[last - 1], estimate - half),
            np.maximum(found[draws - last], estimate + half),
            np.maximum(p, 2 * special.stdtr(degrees, -np.abs(estimate) / error)),
        )

    def _weights(self) -> Iterable[NDArray[np.float64]]:
        """Of the cells' sums in the means of resamples, (draws, cells) at a time."""
        if self._kept is not None:
            return self._kept
        drawn = self._draw()
        if self._resamples * len(self._person) <= 2 * _BLOCK:
            self._kept = list(drawn)
            return self._kept
        return drawn

    def _draw(self) -> Iterator[NDArray[np.float64]]:
        rng = np.random.default_rng(self._seed)
        step = max(1, _BLOCK // len(self._person))
        for start in range(0, self._resamples, step):
            draws = min(step, self._resamples - start)
            people = times_drawn(rng, draws, self._people)
            sources = times_drawn(rng, draws, self._sources)
            weights = people[:, self._person] * sources[:, self._source]
            total = weights @ self._sum.sizes
            some = total > 0  # in a tiny study nobody drawn may have judged what was drawn
            yield weights[some] / total[some, None]


class _Sums:
    """Add up rows by group."""

    def __init__(self, group: NDArray[np.intp]) -> None:
        _, starts, sizes = np.unique(np.sort(group), return_index=True, return_counts=True)
        self._order = np.argsort(group, kind="stable")
        self._starts = starts
        self.sizes = sizes.astype(np.float64)
        self.groups = len(sizes)

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.add.reduceat(rows[self._order], self._starts, axis=0)
        return found


def times_drawn(rng: np.random.Generator, draws: int, count: int) -> NDArray[np.float64]:
    """How often each of `count` is drawn, with replacement, (draws, count)."""
    drawn = rng.integers(count, size=(draws, count))
    drawn += (np.arange(draws) * count)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * count).reshape(drawn.shape).astype(float)


def _stretch(share: NDArray[np.float64], degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of t over those of the normal distribution, (shares, degrees)."""
    normal = special.ndtri(share)[:, None]
    found = np.ones((len(share), len(degrees)))  # at the median
    stretched: NDArray[np.float64] = np.divide(
        special.stdtrit(degrees, share[:, None]), normal, out=found, where=np.abs(normal) > 1e-9
    )
    return stretched


def _moments(
    person: NDArray[np.intp], source: NDArray[np.intp], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What to multiply three sums of squares by for an unbiased variance of the mean.

    The model of a ranking is mean + person + source + cell, three independent random effects. Each
    sum of squares (of the sums by person, by source and by cell of what the mean leaves) has an
    expectation that is linear in the three variances, and so has the variance of the mean.

    Args:
        person: int (cells,), to whom a cell belongs.
        source: int (cells,), to what.
        size: float64 (cells,), its rankings.

    Returns:
        Three numbers; in a crossed design those of the mean squares (people + sources − rest).
    """
    count = size.sum()
    of_person, of_source = np.bincount(person, size), np.bincount(source, size)
    sizes = (of_person, of_source, size)
    here = (of_person[person], of_source[source], size)  # of each cell's person, source, itself
    in_mean = np.array([(k**2).sum() for k in sizes]) / count**2
    expected = np.empty((3, 3))
    for row, column in itertools.product(range(3), repeat=2):
        if row == column:
            own = (sizes[row] ** 2).sum()
            mixed = (sizes[row] ** 3).sum()
        else:
            own = (size**2).sum()
            mixed = (here[row] * here[column] * size).sum()
        expected[row, column] = own - 2 * mixed / count + (sizes[row] ** 2).sum() * in_mean[column]
    found: NDArray[np.float64] = np.linalg.lstsq(expected.T, in_mean, rcond=1e-10)[0]
    return found
