"""Means with honest intervals: crops of one photograph move together, and so do runs of one seed.

A table of measures has one value for every (seed, crop). Its values are not independent: crops cut
from one source picture are alike, and one seed's network treats all crops alike. Resampling single
values would give intervals that are several times too narrow. Here every resample draws **source
pictures** with replacement (all crops of a drawn source come along) and, independently, **seeds**
with replacement, and takes the mean of what was drawn: a two-way cluster bootstrap with percentile
limits. With one seed only the sources are drawn, and the interval says nothing about retraining.

Percentile limits of a handful of clusters are somewhat too narrow (with ten sources a nominal 95 %
covers about 90 %), which is why at least ten source pictures are asked for everywhere.

Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13; Owen & Eckles,
"Bootstrapping data arrays of arbitrary order", Annals of Applied Statistics 6 (2012).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Bootstrap",
    "Interval",
    "interval",
    "intervals",
    "paired_comparisons",
    "paired_difference",
    "paired_differences",
]

_BLOCK = 4_000_000  # drawn sources held in memory at a time: 32 MB of int64


@dataclass(frozen=True)
class Interval:
    """A mean and the limits of its confidence interval, in the unit of the values.

    All three are NaN where the values hold both infinities and so have no mean.

    >>> Interval(0.020, 0.015, 0.026).excludes_zero
    True
    """

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def as_dict(self) -> dict[str, float]:
        """The form in which results.json holds it: ``{"mean": …, "low": …, "high": …}``."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Bootstrap:
    """How often is drawn, how much the interval covers, and the seed of the draws."""

    resamples: int = 10_000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples is {self.resamples}; at least 1 is needed.")
        if not 0 < self.level < 1:
            raise ValueError(f"level is {self.level}; a share between 0 and 1 is needed: try 0.95.")


def interval(
    values: ArrayLike, sources: Sequence[object], *, bootstrap: Bootstrap | None = None
) -> Interval:
    """Mean of `values` and its interval, resampled by source picture and by seed together.

    Args:
        values: shape (seeds, pictures), or (pictures,) for one seed; any unit. Infinite values are
            carried through (a perfect picture has an infinite PSNR; +inf and -inf together have
            no mean, and the interval is NaN), NaN is refused.
        sources: one hashable label for each picture; pictures of one source are drawn together.
        bootstrap: number of resamples, level and seed; by default 10,000, 95 % and 0.

    Returns:
        The mean **over all values** (a source with more crops weighs more) and the percentile
        limits of the means of the resamples. The same input gives the same interval.

    Raises:
        ValueError: no values, values that are NaN, or not one source for each picture.

    Example:
        >>> found = interval([[0.5, 0.7, 0.6, 0.8]], ["boat", "boat", "dog", "dog"])
        >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3)
        (0.65, 0.6, 0.7)
    """
    return intervals({"values": values}, sources, bootstrap=bootstrap)["values"]


def paired_difference(
    a: ArrayLike, b: ArrayLike, sources: Sequence[object], *, bootstrap: Bootstrap | None = None
) -> Interval:
    """Mean of ``a - b`` and its interval, picture by picture and seed by seed.

    Pairing removes what the two have in common (an easy picture is easy for both), so the interval
    of the difference is much narrower than the two intervals of `a` and `b` suggest.

    Args:
        a: shape (seeds, pictures) or (pictures,).
        b: of the same shape. Where both hold the same infinity their difference is 0.
        sources: one label for each picture, as for `interval`.
        bootstrap: as for `interval`.

    Raises:
        ValueError: the shapes differ, or as for `interval`.

    Example:
        >>> paired_difference([3.0, 5.0, 9.0], [2.0, 4.0, 8.0], ["x", "y", "z"])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    return interval(_difference(a, b), sources, bootstrap=bootstrap)


def paired_differences(
    a: Mapping[str, ArrayLike],
    b: Mapping[str, ArrayLike],
    sources: Sequence[object],
    *,
    bootstrap: Bootstrap | None = None,
) -> dict[str, Interval]:
    """`paired_difference` of several measures of the same pictures, with the same draws for all.

    >>> paired_differences({"psnr": [21.0, 23.0]}, {"psnr": [20.0, 22.0]}, ["a", "b"])["psnr"].mean
    1.0
    """
    found = {name: _difference(values, b[name]) for name, values in a.items()}
    return intervals(found, sources, bootstrap=bootstrap)


def paired_comparisons(
    tables: Mapping[str, Mapping[str, ArrayLike]],
    sources: Sequence[object],
    *,
    bootstrap: Bootstrap | None = None,
) -> dict[str, dict[str, dict[str, Interval]]]:
    """`paired_differences` of every two of `tables`: each minus each that comes before it.

    Returns:
        ``found[later][earlier][measure]``; what comes first has no entry of its own.

    >>> tables = {name: {"psnr": [20.0 + k, 22.0 + k]} for k, name in enumerate("abc")}
    >>> found = paired_comparisons(tables, ["boat", "dog"])
    >>> {name: {other: m["psnr"].mean for other, m in row.items()} for name, row in found.items()}
    {'b': {'a': 1.0}, 'c': {'a': 2.0, 'b': 1.0}}
    """
    names = list(tables)
    return {
        name: {
            other: paired_differences(tables[name], tables[other], sources, bootstrap=bootstrap)
            for other in names[:place]
        }
        for place, name in enumerate(names)
        if place
    }


def _difference(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(
            f"a has shape {left.shape} and b {right.shape}; pairs need equal shapes: "
            "the same seeds and the same pictures in the same order."
        )
    same = left == right  # inf - inf would be NaN
    return np.subtract(left, right, out=np.zeros_like(left), where=~same)


def intervals(
    measures: Mapping[str, ArrayLike],
    sources: Sequence[object],
    *,
    bootstrap: Bootstrap | None = None,
) -> dict[str, Interval]:
    """`interval` of several measures of the same pictures and seeds, with the same draws for all.

    >>> sorted(intervals({"psnr": [20.0, 22.0], "ssim": [0.5, 0.6]}, ["a", "b"]))
    ['psnr', 'ssim']
    """
    if not measures:
        return {}
    options = bootstrap or Bootstrap()
    tables = {name: _table(name, values) for name, values in measures.items()}
    shape = next(iter(tables.values())).shape
    for name, table in tables.items():
        if table.shape != shape:
            raise ValueError(f"{name} has shape {table.shape}, the others {shape}.")
    if len(sources) != shape[1]:
        raise ValueError(
            f"{len(sources)} sources came for {shape[1]} pictures; one for each is needed."
        )
    stack = np.stack(list(tables.values()))  # (measures, seeds, pictures)
    means = _resampled_means(stack, _groups(sources), options)
    tail = (1 - options.level) / 2
    found = {}
    for row, (name, table) in enumerate(tables.items()):
        if np.isposinf(table).any() and np.isneginf(table).any():
            found[name] = Interval(math.nan, math.nan, math.nan)
            continue
        low, high = _percentiles(means[row], tail)
        mean = float(table.mean())
        # Rounding must not put the mean of equal values outside its own interval.
        found[name] = Interval(mean, min(low, mean), max(high, mean))
    return found


def _table(name: str, values: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim == 1:
        table = table[None]
    if table.ndim != 2:
        raise ValueError(f"{name} has shape {table.shape}; (seeds, pictures) is needed.")
    if table.size == 0:
        raise ValueError(f"{name} is empty: shape {table.shape}; at least one value is needed.")
    if np.isnan(table).any():
        count = int(np.isnan(table).sum())
        raise ValueError(f"{name} holds {count} NaN among its {table.size} values.")
    return table


def _groups(sources: Sequence[object]) -> NDArray[np.intp]:
    """Number the sources 0, 1, … in the order of their first appearance."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(source, len(numbers)) for source in sources], dtype=np.intp)


def _percentiles(means: NDArray[np.float64], tail: float) -> tuple[float, float]:
    ordered = np.sort(means)
    # By rank, without interpolation: infinite means stay infinite instead of becoming NaN.
    last = len(ordered) - 1
    return float(ordered[round(tail * last)]), float(ordered[round((1 - tail) * last)])


def _resampled_means(
    stack: NDArray[np.float64], groups: NDArray[np.intp], options: Bootstrap
) -> NDArray[np.float64]:
    """Means of the resamples, (measures, resamples); `stack` is (measures, seeds, pictures)."""
    measures, seeds, _ = stack.shape
    count = int(groups.max()) + 1
    sizes = np.bincount(groups, minlength=count).astype(np.float64)
    infinite = np.where(np.isinf(stack), np.sign(stack), 0.0)
    sums = _sums_by_source(np.where(np.isinf(stack), 0.0, stack), groups, count)
    unbounded = _sums_by_source(infinite, groups, count) if infinite.any() else None

    rng = np.random.default_rng(options.seed)
    means = np.empty((measures, options.resamples))
    block = max(1, _BLOCK // count)
    for start in range(0, options.resamples, block):
        stop = min(start + block, options.resamples)
        drawn = _draws(rng, stop - start, count)
        of_seeds = _draws(rng, stop - start, seeds)
        weight = (drawn @ sizes) * of_seeds.sum(1)
        means[:, start:stop] = _weighted(drawn, of_seeds, sums) / weight
        if unbounded is not None:
            signs = _weighted(drawn, of_seeds, unbounded)
            means[:, start:stop][signs > 0] = np.inf
            means[:, start:stop][signs < 0] = -np.inf
    return means


def _sums_by_source(
    stack: NDArray[np.float64], groups: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """Add up the pictures of each source: (measures, seeds, pictures) to (measures, seeds, S)."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(count))
    sums: NDArray[np.float64] = np.add.reduceat(stack[:, :, order], starts, axis=2)
    return sums


def _draws(rng: np.random.Generator, resamples: int, count: int) -> NDArray[np.float64]:
    """How often each of `count` things is drawn in each resample, (resamples, count)."""
    if count == 1:
        return np.ones((resamples, 1))
    drawn = rng.integers(count, size=(resamples, count), dtype=np.int32)
    drawn += (np.arange(resamples, dtype=np.int32) * count)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count).astype(np.float64)


def _weighted(
    drawn: NDArray[np.float64], of_seeds: NDArray[np.float64], sums: NDArray[Any]
) -> NDArray[np.float64]:
    """Sum of what was drawn, (measures, resamples)."""
    by_seed = np.einsum("bs,mks->mkb", drawn, sums, optimize=True)
    total: NDArray[np.float64] = np.einsum("bk,mkb->mb", of_seeds, by_seed)
    return total
