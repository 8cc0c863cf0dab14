"""Whether people judge otherwise later in a session: the second half against the first.

The middle trial of an odd number counts for neither half. t intervals and t tests over
participants, each of whom weighs the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import ONE_PARTICIPANT, Estimate
from snellen.study.statistics.resampling import Bootstrap, Clusters, ratio_estimates
from snellen.study.statistics.wilcoxon import holm

__all__ = ["ModelDrift", "OrderEffects", "order_effects"]

TOO_FEW_TRIALS = "nobody answered two trials"


@dataclass(frozen=True)
class ModelDrift:
    """How a model's mean rank changed.

    Attributes:
        model: its name.
        first, second: mean rank in each half; None without answers.
        change: second minus first; negative: it was ranked better later.
        p, p_holm: of no change, alone and corrected for the number of models.
    """

    model: str
    first: float | None
    second: float | None
    change: Estimate
    p: float | None
    p_holm: float | None

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "first": self.first,
            "second": self.second,
            "change": self.change.as_dict(),
            "p": self.p,
            "p_holm": self.p_holm,
        }


@dataclass(frozen=True)
class OrderEffects:
    """The second half of the sessions against the first.

    Attributes:
        people: who answered two main trials at least.
        models: one for each model.
        seconds: median time of an answer, mean over people, in the first and in the second half.
        seconds_change: second minus first, in seconds.
    """

    people: int
    models: tuple[ModelDrift, ...]
    seconds: tuple[float | None, float | None]
    seconds_change: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "people": self.people,
            "models": {drift.model: drift.as_dict() for drift in self.models},
            "seconds": list(self.seconds),
            "seconds_change": self.seconds_change.as_dict(),
        }


def order_effects(ratings: Ratings, bootstrap: Bootstrap) -> OrderEffects:
    """Compare the halves of each participant's main trials, in the order of showing."""
    main = ratings.only("main")
    sums, counts, seconds = _halves(main)
    # Sums of halves are exact, and one division leaves equal changes equal.
    changes, ranks = (sums[1] - sums[0]) / counts, sums / counts
    over_people = bootstrap.over_people()
    estimates = _mean_over_people(changes, over_people)
    p_values = [_p_value(column) for column in changes.T]
    drifts = [
        ModelDrift(model, _mean(first), _mean(second), estimate, p, corrected)
        for model, first, second, estimate, p, corrected in zip(
            main.models, ranks[0].T, ranks[1].T, estimates, p_values, holm(p_values), strict=True
        )
    ]
    timed = ~np.isnan(seconds).any(0)
    times = seconds[:, timed]
    return OrderEffects(
        people=len(changes),
        models=tuple(drifts),
        seconds=(_mean(times[0]), _mean(times[1])),
        seconds_change=_mean_over_people((times[1] - times[0])[:, None], over_people)[0],
    )


def _halves(
    main: Ratings,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of both halves: sums of ranks (2, people, M), trials (people, 1), seconds (2, people)."""
    sums, counts, seconds = [], [], []
    for person in np.unique(main.person):
        rows = np.flatnonzero(main.person == person)
        rows = rows[np.argsort(main.numbers[rows], kind="stable")]
        half = len(rows) // 2
        if half:
            parts = rows[:half], rows[len(rows) - half :]
            sums.append([main.ranks[part].sum(0) for part in parts])
            counts.append(float(half))
            seconds.append([_median(main.seconds[part]) for part in parts])
    return (
        np.array(sums).reshape(-1, 2, len(main.models)).transpose(1, 0, 2),
        np.array(counts).reshape(-1, 1),
        np.array(seconds).reshape(-1, 2).T,
    )


def _median(values: NDArray[np.float64]) -> float:
    valid = values[~np.isnan(values)]
    return float(np.median(valid)) if len(valid) else np.nan


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _mean_over_people(values: NDArray[np.float64], bootstrap: Bootstrap) -> list[Estimate]:
    people = len(values)
    if people < 2:
        reason = ONE_PARTICIPANT if people else TOO_FEW_TRIALS
        return [Estimate(_mean(column), missing=reason) for column in values.T]
    each = np.arange(people)
    clusters = Clusters(each, np.zeros(people, np.intp), people, 1)
    return ratio_estimates(values, np.ones((people, 1)), clusters, bootstrap)


def _p_value(changes: NDArray[np.float64]) -> float | None:
    """Of the t test of one sample; None where all changes are equal."""
    if len(changes) < 2 or np.ptp(changes) == 0:
        return None
    error = changes.std(ddof=1) / np.sqrt(len(changes))
    return float(2 * student.sf(abs(changes.mean()) / error, len(changes) - 1))
