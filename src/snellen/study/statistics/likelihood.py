"""The most likely levels of models and ties, and how far each ranking influences them.

The log-likelihood is that of a multinomial choice from each set of alternatives; it is concave in
the levels (logarithms of worths and of δ), so Newton's method finds its only top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snellen.study.statistics.choices import Choices

__all__ = ["LevelFit", "fit_levels"]

_TOLERANCE = 1e-10  # of the gradient, per ranking
_STEPS = 60
_RIDGE = 1e-10  # so that Newton's equations can be solved; it moves no top


@dataclass(frozen=True)
class LevelFit:
    """The top of the log-likelihood.

    Attributes:
        levels: (M + T,) of the models and of the ties; 0 for a tie that did not come.
        influences: (R, M + T), derivatives of the levels by how often each distinct ranking came.
        log_likelihood: of the rankings alone, without the ghost's choices.
    """

    levels: NDArray[np.float64]
    influences: NDArray[np.float64]
    log_likelihood: float


@dataclass(frozen=True)
class _Sums:
    """At some levels, for each set of alternatives and each choice from it.

    Attributes:
        logs: (A,), log of Σ f(S) over the choices.
        chances: (F,), of each choice.
        means: (A, M + T), mean of the choices' features.
    """

    logs: NDArray[np.float64]
    chances: NDArray[np.float64]
    means: NDArray[np.float64]


def fit_levels(choices: Choices, totals: NDArray[np.float64], pseudo: float) -> LevelFit:
    """Find the top.

    Args:
        choices: with a ghost where `pseudo` is not 0.
        totals: (R,), positive, how often each distinct ranking came.
        pseudo: wins and losses of each model against the ghost, whose level is 0. Where it is 0 the
            models' levels have mean 0.
    """
    width = choices.features.shape[1]
    if not len(choices.starts):
        return LevelFit(np.zeros(width), np.zeros((len(totals), width)), 0.0)
    models = width - len(choices.sizes)
    chosen, left = totals @ choices.chosen, totals @ choices.left
    ghosts = len(choices.starts) - len(left)
    with_ghost = chosen + pseudo * (np.arange(width) < models)
    from_all = np.append(left, np.full(ghosts, 2 * pseudo))
    levels = np.zeros(width)
    for _ in range(_STEPS):
        sums = _sums(choices, levels)
        gradient = with_ghost - from_all @ sums.means
        curvature = _curvature(choices, sums, from_all)
        if pseudo == 0:  # only differences are known: hold the mean
            curvature[:models, :models] += 1
        if np.abs(gradient).max() <= _TOLERANCE * (1 + totals.sum()):
            break
        step = np.linalg.solve(curvature, gradient)
        levels = _climbed(choices, levels, step, with_ghost, from_all)
    scores = choices.chosen - choices.left @ sums.means[: len(left)]
    return LevelFit(
        levels=levels,
        influences=np.asarray(np.linalg.solve(curvature, scores.T).T, np.float64),
        log_likelihood=float(levels @ chosen - left @ sums.logs[: len(left)]),
    )


def _sums(choices: Choices, levels: NDArray[np.float64]) -> _Sums:
    logits = choices.features @ levels
    lengths = np.diff(np.append(choices.starts, len(logits)))
    most = np.maximum.reduceat(logits, choices.starts)
    raised = np.exp(logits - np.repeat(most, lengths))
    total = np.add.reduceat(raised, choices.starts)
    chances = raised / np.repeat(total, lengths)
    means = np.add.reduceat(chances[:, None] * choices.features, choices.starts, axis=0)
    return _Sums(np.log(total) + most, chances, means)


def _curvature(choices: Choices, sums: _Sums, left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the Hessian: the summed covariances of the features of what may be chosen."""
    lengths = np.diff(np.append(choices.starts, len(sums.chances)))
    deviations = choices.features - np.repeat(sums.means, lengths, axis=0)
    weights = sums.chances * np.repeat(left, lengths)
    found: NDArray[np.float64] = (deviations.T * weights) @ deviations
    return found + _RIDGE * np.eye(len(found))


def _climbed(
    choices: Choices,
    levels: NDArray[np.float64],
    step: NDArray[np.float64],
    chosen: NDArray[np.float64],
    left: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Go the step, or the half, a quarter, … of it: as far as the likelihood does not fall."""

    def value(place: NDArray[np.float64]) -> float:
        return float(place @ chosen - left @ _sums(choices, place).logs)

    before = value(levels)
    for _ in range(30):
        reached = levels + step
        if value(reached) >= before - 1e-12 * abs(before):  # less is rounding
            return reached
        step = step / 2
    return levels
