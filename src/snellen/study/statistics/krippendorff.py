"""Krippendorff's alpha for ordinal values.

1 - observed / expected disagreement, over all pairs of values that different people gave to one
unit. The distance of two values is the number of values between them in all the data, each of the
two counted by half. 1: all alike; 0: as if values were dealt out at random.

Source: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section E.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snellen.study.statistics.estimates import known

__all__ = ["alpha_of_coincidences", "krippendorff_alpha"]


def krippendorff_alpha(values: ArrayLike) -> float | None:
    """Alpha of a table of values.

    Args:
        values: (people, units), ordered; NaN where a person did not judge a unit.

    Returns:
        At most 1; None where no unit has two values, or all values are equal.

    >>> krippendorff_alpha([[1, 2, 3, 3], [1, 2, 3, 3]])
    1.0
    """
    table = np.asarray(values, dtype=np.float64)
    domain = np.unique(table[~np.isnan(table)])
    counts = (table[:, :, None] == domain).sum(0).astype(np.float64)  # (units, values)
    judged = counts.sum(1)
    counts = counts[judged > 1] / np.sqrt(judged[judged > 1] - 1)[:, None]
    scale = np.sqrt(judged[judged > 1] - 1)
    coincidences = counts.T @ counts - np.diag((counts / scale[:, None]).sum(0))
    return known(float(alpha_of_coincidences(coincidences[None])[0]))


def alpha_of_coincidences(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha of b matrices of coincidences (b, V, V) of V ordered values: (b,), NaN: undefined."""
    counts = coincidences.sum(2)
    total = counts.sum(1)
    middle = np.cumsum(counts, axis=1) - counts / 2
    distances = (middle[:, :, None] - middle[:, None, :]) ** 2
    observed = (coincidences * distances).sum((1, 2)) * (total - 1)
    expected = (counts[:, :, None] * counts[:, None, :] * distances).sum((1, 2))
    found = np.full(len(total), np.nan)
    np.divide(observed, expected, out=found, where=expected > 0)
    return 1 - found
