"""No rankings, one participant, one picture, one ranking, nothing but ties: no crash, no NaN."""

import json

import numpy as np
import pytest

from snellen.study.metric_agreement import metric_agreement
from snellen.study.metric_values import MetricTable
from snellen.study.statistics import (
    agreement,
    ceiling,
    friedman,
    order_effects,
    pair_tests,
    plackett_luce,
    position_bias,
    rank_distribution,
    retest,
    win_rates,
)

from .helpers import CROSSED, NESTED, nothing, ratings_of, simulated


def metrics_of(ratings, bootstrap):
    rng = np.random.default_rng(0)
    shape = (len(ratings.pictures), len(ratings.models))
    tables = [MetricTable(name, True, "", rng.random(shape)) for name in ("m", "n")]
    tables.append(MetricTable("o", True, "", np.empty((0, 0)), "too small"))
    return metric_agreement(ratings, tables, bootstrap)


ALL = {
    "ranks": rank_distribution,
    "wins": win_rates,
    "worths": plackett_luce,
    "friedman": lambda ratings, _: friedman(ratings, "participant"),
    "friedman by picture": lambda ratings, _: friedman(ratings, "picture"),
    "wilcoxon": lambda ratings, _: pair_tests(ratings),
    "agreement": agreement,
    "retest": retest,
    "places": position_bias,
    "halves": order_effects,
    "ceiling": ceiling,
    "metrics": metrics_of,
}

STUDIES = {
    "empty": nothing(),
    "empty of two models": nothing(2),
    "one ranking": ratings_of([[2, 1, 3]], [0], [0]),
    "one person": simulated(1, 6),
    "one picture": simulated(5, 1),
    "one ranking each": simulated(4, 1, design="nested"),
    "two people, two pictures": simulated(2, 2),
    "nothing but ties": ratings_of(np.ones((6, 3)), [0, 0, 1, 1, 2, 2], [0, 1] * 3),
    "unanimous": ratings_of([[3, 1, 2]] * 6, [0, 0, 1, 1, 2, 2], [0, 1] * 3),
    "a repeat alone": ratings_of([[1, 2]], [0], [0], kinds=("repeat",)),
    "six models": simulated(2, 3, models=6, ties=True),
}


@pytest.mark.parametrize("bootstrap", [CROSSED, NESTED], ids=["crossed", "nested"])
@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", ALL)
def test_a_small_study_is_reported_as_far_as_can_be(name, study, bootstrap):
    found = ALL[name](STUDIES[study], bootstrap)
    found = [each.as_dict() for each in found] if isinstance(found, list) else found.as_dict()
    json.dumps(found, allow_nan=False)
    for estimate in estimates_in(found):
        assert (estimate["low"] is None) == (estimate["high"] is None)
        if "missing" not in estimate and estimate["low"] is not None:
            assert estimate["low"] <= estimate["high"]
        if estimate["value"] is None:
            assert estimate["missing"]


def estimates_in(found):
    if isinstance(found, dict):
        if "low" in found:
            yield found
        for value in found.values():
            yield from estimates_in(value)
    elif isinstance(found, list):
        for value in found:
            yield from estimates_in(value)


def test_one_participant_has_shares_without_intervals():
    found = rank_distribution(STUDIES["one person"], CROSSED)
    share = found.shares[0][0]
    assert share.value is not None
    assert (share.low, share.high) == (None, None)
    assert share.missing == "one participant: nothing can be said about other people"
    assert friedman(STUDIES["one person"], "participant").missing == share.missing
    assert pair_tests(STUDIES["one person"])[0].test.missing == share.missing


def test_an_empty_study_says_so_everywhere():
    found = plackett_luce(STUDIES["empty"], CROSSED)
    assert found.worths[0].missing == "there are no rankings yet"
    assert friedman(STUDIES["empty"], "picture").missing == found.worths[0].missing
    assert pair_tests(STUDIES["empty"])[0].test.missing == found.worths[0].missing
