"""The most likely levels of models and ties, for many sets of weights at once.

The log-likelihood is that of a multinomial choice from each set of alternatives; it is concave in
the levels (logarithms of worths and of δ), so Newton's method finds its only top.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from snellen.study.statistics.choices import Choices

__all__ = ["fit_levels", "log_likelihood"]

_TOLERANCE = 1e-10  # of the gradient, per ranking
_STEPS = 60
_AT_ONCE = 2_000_000  # numbers held for the resamples fitted at a time
_RIDGE = 1e-10  # so that Newton's equations can be solved; it moves no top


@dataclass(frozen=True)
class _Problems:
    """b log-likelihoods of the same choices.

    Attributes:
        features: (F, M + T), as in `Choices`. starts, lengths: (A,).
        chosen: (b, M + T), how often each was chosen. left: (b, A), from each set of alternatives.
        absent: (b, M + T), ties that did not come: their δ is 0.
        models: M.
    """

    features: NDArray[np.float64]
    starts: NDArray[np.intp]
    lengths: NDArray[np.intp]
    chosen: NDArray[np.float64]
    left: NDArray[np.float64]
    absent: NDArray[np.bool_]
    models: int

    def only(self, rows: NDArray[np.intp]) -> _Problems:
        return replace(
            self, chosen=self.chosen[rows], left=self.left[rows], absent=self.absent[rows]
        )

    def sums(self, levels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each set of alternatives log Σ exp, (b, A); and the chance of each choice, (b, F)."""
        logits = levels @ self.features.T
        if self.absent.any():
            logits[self.absent @ (self.features > 0).T] = -np.inf
        most = np.maximum.reduceat(logits, self.starts, axis=1)
        raised = np.exp(logits - np.repeat(most, self.lengths, axis=1))
        total = np.add.reduceat(raised, self.starts, axis=1)
        return np.log(total) + most, raised / np.repeat(total, self.lengths, axis=1)

    def values(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The log-likelihoods, (b,)."""
        found: NDArray[np.float64] = (levels * self.chosen).sum(1)
        found -= (self.left * self.sums(levels)[0]).sum(1)
        return found

    def slopes(
        self, levels: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradient (b, M + T) and minus the Hessian (b, M + T, M + T)."""
        count, width = levels.shape
        _, chances = self.sums(levels)
        weighted = chances * np.repeat(self.left, self.lengths, axis=1)
        products = self.features[:, :, None] * self.features[:, None, :]
        curvature = (weighted @ products.reshape(-1, width * width)).reshape(count, width, width)
        columns = (chances * column for column in self.features.T)
        means = np.stack([np.add.reduceat(c, self.starts, axis=1) for c in columns], axis=1)
        curvature -= (means * self.left[:, None]) @ means.transpose(0, 2, 1)
        return self.chosen - weighted @ self.features, curvature


def fit_levels(choices: Choices, totals: NDArray[np.float64], pseudo: float) -> NDArray[np.float64]:
    """Levels of the models and of the ties, (b, M + T).

    Args:
        choices: made with the same `pseudo`.
        totals: (b, R), how often each distinct ranking counts in each of b fits.
        pseudo: wins and losses of each model against the ghost, whose level is 0. Where it is 0 the
            models' levels have mean 0.
    """
    width = choices.features.shape[1]
    found = np.zeros((len(totals), width))
    if not len(choices.starts):
        return found
    block = max(1, _AT_ONCE // (4 * len(choices.features) + width * width))
    for start in range(0, len(totals), block):
        part = totals[start : start + block]
        limits = _TOLERANCE * (1 + part.sum(1))
        found[start : start + block] = _newton(_problems(choices, part, pseudo), limits, pseudo)
    return found


def log_likelihood(
    choices: Choices, totals: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of the rankings alone, without the ghost's choices: (b,) for levels (b, M + T)."""
    if not len(choices.starts):
        return np.zeros(len(totals))
    return _problems(choices, totals, 0.0).values(levels)


def _problems(choices: Choices, totals: NDArray[np.float64], pseudo: float) -> _Problems:
    models = choices.chosen.shape[1] - len(choices.sizes)
    chosen, left = totals @ choices.chosen, totals @ choices.left
    absent = np.zeros(chosen.shape, dtype=np.bool_)
    absent[:, models:] = chosen[:, models:] == 0
    chosen[:, :models] += pseudo
    ghosts = len(choices.starts) - left.shape[1]
    left = np.concatenate([left, np.full((len(totals), ghosts), 2 * pseudo)], axis=1)
    lengths = np.diff(np.append(choices.starts, len(choices.features)))
    return _Problems(choices.features, choices.starts, lengths, chosen, left, absent, models)


def _newton(problems: _Problems, limits: NDArray[np.float64], pseudo: float) -> NDArray[np.float64]:
    """Newton's method; those whose gradient is below its limit are done."""
    count, width = problems.chosen.shape
    levels = np.zeros((count, width))
    active = np.arange(count)
    for _ in range(_STEPS):
        current = problems.only(active)
        gradient, curvature = current.slopes(levels[active])
        far = np.flatnonzero(np.abs(gradient).max(1) > limits[active])
        if not len(far):
            break
        active, current = active[far], current.only(far)
        gradient, curvature = gradient[far], curvature[far]
        if pseudo == 0:  # only differences are known: hold the mean
            curvature[:, : problems.models, : problems.models] += 1
        curvature[:, np.arange(width), np.arange(width)] += _RIDGE + current.absent
        step = np.asarray(np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0], np.float64)
        levels[active] = _climbed(current, levels[active], step)
    return levels


def _climbed(
    problems: _Problems, levels: NDArray[np.float64], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Go the step, or the half, a quarter, … of it: as far as the likelihood does not fall."""
    before = problems.values(levels)
    slack = 1e-12 * np.abs(before)  # of rounding
    length = np.ones((len(levels), 1))
    for _ in range(30):
        worse = problems.values(levels + length * step) < before - slack
        if not worse.any():
            break
        length[worse] /= 2
    return levels + length * step
