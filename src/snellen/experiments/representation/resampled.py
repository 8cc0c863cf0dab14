"""Whether one network predicts better than another, over trainings whose test parts overlap.

The trainings of different seeds and folds share most of their pictures, so their results move
together, and an ordinary paired t test finds differences where there are none. The corrected
resampled t test multiplies the variance of the mean difference by 1 + J · n_test/n_train, that is,
it takes (1/J + n_test/n_train) · s² for s²/J.

Source: Nadeau & Bengio, "Inference for the generalization error", Machine Learning 52 (2003);
Bouckaert & Frank, "Evaluating the replicability of significance tests for comparing learning
algorithms", PAKDD 2004, for several folds of several divisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["Corrected", "corrected_mean"]

_SAME = 1e-9  # of the largest value: differences below it are rounding


@dataclass(frozen=True)
class Corrected:
    """A mean over J trainings, its interval and the p-value of "it is zero".

    `low`, `high` and `p` are None where there is one training only, and where all agree exactly:
    errors are counted in whole pictures, so that two trainings often do by chance, which says
    nothing about how others would differ.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero; False without an interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def corrected_mean(values: ArrayLike, ratio: float, *, level: float = 0.95) -> Corrected:
    """Return the mean of `values` with the interval of the corrected resampled t test.

    Args:
        values: one for each seed and fold, (J,): an error, or a difference of two errors.
        ratio: pictures in the test part for each in the training part.
        level: how much the interval covers.

    Raises:
        ValueError: no values, or values that are not finite.

    >>> found = corrected_mean([1.0, 2.0, 3.0], ratio=1 / 3)
    >>> found.mean, round(found.low, 2), round(found.high, 2)
    (2.0, -1.51, 5.51)
    """
    found = np.asarray(values, np.float64).ravel()
    if not len(found) or not np.isfinite(found).all():
        raise ValueError(f"got the values {found.tolist()}; finite numbers are needed")
    mean, count = float(found.mean()), len(found)
    if count < 2 or np.ptp(found) <= _SAME * np.abs(found).max():
        return Corrected(mean, None, None, None)
    error = math.sqrt((1 / count + ratio) * float(found.var(ddof=1)))
    reach = error * float(stats.t.ppf((1 + level) / 2, count - 1))
    p = 2 * float(stats.t.sf(abs(mean) / error, count - 1))
    return Corrected(mean, mean - reach, mean + reach, p)
