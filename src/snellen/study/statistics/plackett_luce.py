"""Plackett–Luce with ties: the worth of each model from whole rankings.

A ranking is a sequence of choices: the best of all, the best of what is left, … A set S of models
is chosen from those left, A, with a chance in proportion to

    f(S) = δ_|S| · (product of the worths in S)^(1/|S|),   δ_1 = 1,

where S may hold several models (a tie) of a size that occurs in the data. For two models this is
Davidson's model, without ties it is Plackett's. The chance of a ranking is the product over its
choices. (Breaking a ranking into pairs would count each of its choices several times and make the
intervals too narrow.)

Intervals take each ranking for what it adds to the worths: one Newton step from the fit. In
twenty people's rankings of fifty pictures, fitting every resample anew makes them 2 % wider.

So that unanimous data have finite worths, each model wins and loses `pseudo` comparisons against a
ghost of worth 1, as in R's PlackettLuce, whose default of ½ is ours. With hundreds of rankings that
changes little.

Source: Turner, van Etten, Firth & Kosmidis, "Modelling rankings in R: the PlackettLuce package",
Computational Statistics 35 (2020); Davidson, JASA 65 (1970).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snellen.study.ratings import Ratings
from snellen.study.statistics.choices import choices_of
from snellen.study.statistics.estimates import NO_RANKINGS, Estimate
from snellen.study.statistics.likelihood import fit_levels
from snellen.study.statistics.resampling import Bootstrap, clusters_of, linear_estimates

__all__ = ["PlackettLuce", "WorthFit", "fit_worths", "plackett_luce"]


@dataclass(frozen=True)
class WorthFit:
    """The most likely worths.

    Attributes:
        log_worths: (M,), with mean 0. worths: (M,), with sum 1: the chance of being ranked first of
            all, given that first place is not shared.
        influences: (n, M), derivatives of `log_worths` by the weight of each ranking.
        ties: δ of each size of tie that occurs; δ_2/(2 + δ_2) is the chance that two models of
            equal worth tie.
        log_likelihood: of the rankings alone, without the ghost's.
    """

    log_worths: NDArray[np.float64]
    influences: NDArray[np.float64]
    ties: Mapping[int, float]
    log_likelihood: float

    @property
    def worths(self) -> NDArray[np.float64]:
        """(M,), positive, with sum 1."""
        raised = np.exp(self.log_worths)
        shares: NDArray[np.float64] = raised / raised.sum()
        return shares


@dataclass(frozen=True)
class PlackettLuce:
    """Worths of the models with intervals.

    Attributes:
        models: M names.
        rankings: how many there are.
        worths: sum 1, 1/M is chance. log_worths: mean 0, 0 is chance.
        ties: δ of each size of tie that occurs.
        log_likelihood: None without rankings.
        pseudo: wins and losses of each model against the ghost.
    """

    models: tuple[str, ...]
    rankings: int
    worths: tuple[Estimate, ...]
    log_worths: tuple[Estimate, ...]
    ties: Mapping[int, float]
    log_likelihood: float | None
    pseudo: float

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "rankings": self.rankings,
            "models": {
                model: {"worth": worth.as_dict(), "log_worth": log_worth.as_dict()}
                for model, worth, log_worth in zip(
                    self.models, self.worths, self.log_worths, strict=True
                )
            },
            "ties": {str(size): value for size, value in self.ties.items()},
            "log_likelihood": self.log_likelihood,
            "pseudo": self.pseudo,
        }


def fit_worths(
    ranks: ArrayLike, weights: ArrayLike | None = None, *, pseudo: float = 0.5
) -> WorthFit:
    """Fit the model to rankings.

    Args:
        ranks: (n, M), smaller is better, equal is a tie, NaN: not among the ranked. Only the order
            within a row counts.
        weights: (n,), how often each ranking was given, ≥ 0; by default once.
        pseudo: wins and losses of each model against the ghost; 0 is plain maximum likelihood, for
            which every model must win and lose.

    >>> fit = fit_worths([[1, 2, 3], [1, 3, 2], [1, 2, 3], [2, 1, 3]])
    >>> fit.worths.round(3)
    array([0.71 , 0.21 , 0.079])
    """
    given = np.asarray(ranks, dtype=np.float64)
    times = np.ones(len(given)) if weights is None else np.asarray(weights, dtype=np.float64)
    choices = choices_of(given[times > 0], ghost=pseudo > 0)
    totals = np.zeros(len(choices.chosen))
    np.add.at(totals, choices.row, times[times > 0])
    fit = fit_levels(choices, totals, pseudo)
    levels, ties = np.split(fit.levels, [given.shape[1]])
    influences = fit.influences[:, : len(levels)]
    found = np.zeros(given.shape)
    found[times > 0] = (influences - influences.mean(1, keepdims=True))[choices.row]
    return WorthFit(
        log_worths=levels - levels.mean(),
        influences=found,
        ties=dict(zip(choices.sizes, np.exp(ties).tolist(), strict=True)),
        log_likelihood=fit.log_likelihood,
    )


def plackett_luce(ratings: Ratings, bootstrap: Bootstrap, *, pseudo: float = 0.5) -> PlackettLuce:
    """Fit the main trials.

    Args:
        ratings: n rankings; repeats are left out.
        bootstrap: the kind of interval.
        pseudo: as for `fit_worths`.
    """
    main = ratings.only("main")
    if not len(main):
        nothing = (Estimate(missing=NO_RANKINGS),) * len(main.models)
        return PlackettLuce(main.models, 0, nothing, nothing, {}, None, pseudo)
    fit = fit_worths(main.ranks, pseudo=pseudo)
    clusters = clusters_of(main)
    mean = (fit.influences @ fit.worths)[:, None]
    of_worths = fit.worths * (fit.influences - mean)
    return PlackettLuce(
        models=main.models,
        rankings=len(main),
        worths=tuple(linear_estimates(fit.worths, of_worths, clusters, bootstrap, (0.0, 1.0))),
        log_worths=tuple(linear_estimates(fit.log_worths, fit.influences, clusters, bootstrap)),
        ties=fit.ties,
        log_likelihood=fit.log_likelihood,
        pseudo=pseudo,
    )
