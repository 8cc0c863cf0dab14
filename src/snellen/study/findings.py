"""All that is computed from one set of rankings, as results.json holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.study.headline import mean_rank_differences
from snellen.study.ratings import Ratings
from snellen.study.statistics.agreement import agreement
from snellen.study.statistics.friedman import friedman
from snellen.study.statistics.halves import order_effects
from snellen.study.statistics.places import position_bias
from snellen.study.statistics.plackett_luce import plackett_luce
from snellen.study.statistics.ranks import rank_distribution
from snellen.study.statistics.resampling import Bootstrap, clusters_of, knows_photographs
from snellen.study.statistics.retest import retest
from snellen.study.statistics.wilcoxon import holm, pair_tests
from snellen.study.statistics.wins import win_rates

__all__ = ["as_json", "findings_of", "headline_of", "mean_ranks_by_person", "means_of_people"]


def headline_of(ratings: Ratings, bootstrap: Bootstrap) -> dict[str, Any]:
    """Mean ranks and their differences, the part that is computed for others' answers too.

    Returns:
        ``people``, ``pictures``, ``photographs`` (from which these are; None: nothing is known of
        any), ``rankings``, ``ranks`` (see `RankDistribution`) and ``differences``, one for each
        pair of models, with ``p_holm``, corrected for all pairs.
    """
    main = ratings.only("main")
    ranks = rank_distribution(main, bootstrap)
    return {
        "people": ranks.people,
        "pictures": ranks.pictures,
        "photographs": clusters_of(main).sources if knows_photographs(main) else None,
        "rankings": ranks.rankings,
        "ranks": ranks.as_dict(),
        "differences": _differences(main, bootstrap) if ranks.rankings else [],
    }


def _differences(main: Ratings, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    found = mean_rank_differences(
        main,
        design=bootstrap.design,
        resamples=bootstrap.resamples,
        level=bootstrap.level,
        seed=bootstrap.seed,
    )
    known = [None if math.isnan(each.p) else each.p for each in found]
    return [
        {
            "a": each.a,
            "b": each.b,
            "estimate": each.estimate,
            "low": each.low,
            "high": each.high,
            "p": each.p,
            "p_holm": p,
            "method": each.method,
            "people": each.people,
            "pictures": each.pictures,
        }
        for each, p in zip(found, holm(known), strict=True)
    ]


def findings_of(ratings: Ratings, bootstrap: Bootstrap) -> dict[str, Any]:
    """The headline and all secondary statistics of the main and repeated trials.

    Args:
        ratings: of the people who count.
        bootstrap: the design, which decides the kind of interval.
    """
    main = ratings.only("main")
    return {
        **headline_of(main, bootstrap),
        "wins": [each.as_dict() for each in win_rates(main, bootstrap)],
        "plackett_luce": plackett_luce(main, bootstrap).as_dict(),
        "wilcoxon": [each.as_dict() for each in pair_tests(main)],
        "friedman": [friedman(main, "participant").as_dict(), friedman(main, "picture").as_dict()],
        "agreement": agreement(main, bootstrap).as_dict(),
        "retest": retest(ratings, bootstrap).as_dict(),
        "position_bias": position_bias(main, bootstrap).as_dict(),
        "order_effects": order_effects(main, bootstrap).as_dict(),
    }


def means_of_people(ratings: Ratings) -> dict[str, NDArray[np.float64]]:
    """The mean rank that each participant gave each model in the main trials, (people,)."""
    main = ratings.only("main")
    people, person = np.unique(main.person, return_inverse=True)
    sums = np.zeros((len(people), len(main.models)))
    np.add.at(sums, person, main.ranks)
    counts = np.bincount(person, minlength=len(people))[:, None]
    means = sums / np.maximum(counts, 1)
    return {model: means[:, column] for column, model in enumerate(main.models)}


def mean_ranks_by_person(ratings: Ratings) -> dict[str, dict[str, float]]:
    """For the name of each participant with a main trial the mean rank given to each model."""
    who = np.unique(ratings.only("main").person).tolist()
    rows = np.stack(list(means_of_people(ratings).values()), axis=1).tolist()
    return {
        ratings.people[person]: dict(zip(ratings.models, row, strict=True))
        for person, row in zip(who, rows, strict=True)
    }


def as_json(value: Any) -> Any:
    """Values as JSON holds them: what is not finite becomes null, arrays become lists.

    >>> as_json({"a": (np.float64(1.5), float("nan")), "b": np.array([1, 2])})
    {'a': [1.5, None], 'b': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
