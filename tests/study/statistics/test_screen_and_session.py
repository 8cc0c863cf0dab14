"""Bias of places on the screen, and of time within a session."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from snellen.study.statistics import order_effects, position_bias
from snellen.study.statistics.places import ranks_by_place

from .helpers import CROSSED, NESTED, models_moved, ratings_of, simulated


def test_ranks_follow_the_models_to_their_places():
    ratings = ratings_of([[1, 2, 3]], [0], [0], places=[[2, 0, 1]])
    assert ranks_by_place(ratings).tolist() == [[2, 3, 1]]


def test_whoever_always_takes_the_left_one_is_seen():
    rng = np.random.default_rng(0)
    places = rng.permuted(np.tile([0, 1, 2], (60, 1)), axis=1)
    ratings = ratings_of(places + 1, np.repeat(range(6), 10), np.tile(range(10), 6), places=places)
    found = position_bias(ratings, CROSSED)
    assert [mean.value for mean in found.mean_ranks] == [1, 2, 3]
    assert found.test.p == pytest.approx(stats.chi2.sf(12, 2))


def test_a_fair_screen_has_equal_places():
    found = position_bias(simulated(20, 50), CROSSED)
    for mean in found.mean_ranks:
        assert mean.low < 2 < mean.high
    assert found.test.p > 0.01


def test_the_names_of_the_models_do_not_matter():
    ratings = simulated()
    moved, _place = models_moved(ratings, [2, 0, 1])
    assert position_bias(ratings, CROSSED) == position_bias(moved, CROSSED)


def session(ranks, people=1, seconds=None):
    ranks = np.asarray(ranks)
    count = len(ranks) // people
    ratings = ratings_of(
        ranks,
        np.repeat(range(people), count),
        np.arange(len(ranks)),
        numbers=np.tile(np.arange(count), people),
    )
    return ratings if seconds is None else replace(ratings, seconds=np.asarray(seconds))


def test_the_middle_trial_belongs_to_neither_half():
    ratings = session([[1, 2], [1, 2], [2, 1], [2, 1], [2, 1]] * 2, people=2)
    a, b = order_effects(ratings, NESTED).models
    assert (a.first, a.second, a.change.value) == (1, 2, 1)
    assert b.change.value == -1
    assert (a.p, a.p_holm) == (None, None)  # both changed alike


def test_halves_go_by_the_number_of_the_trial():
    ratings = session([[1, 2], [2, 1], [1, 2], [2, 1]])
    shuffled = replace(ratings, numbers=np.array([0, 2, 1, 3]))
    assert order_effects(ratings, NESTED).models[0].change.value == 0
    assert order_effects(shuffled, NESTED).models[0].change.value == 1


def test_the_change_is_a_t_test_over_people():
    ratings = simulated(9, 10, design="nested")
    found = order_effects(ratings, NESTED)
    ranks = ratings.ranks[:, 0].reshape(9, 10)
    changes = ranks[:, 5:].mean(1) - ranks[:, :5].mean(1)
    expected = stats.ttest_1samp(changes, 0)
    interval = expected.confidence_interval()
    drift = found.models[0]
    assert drift.p == pytest.approx(expected.pvalue, abs=1e-9)
    assert (drift.change.low, drift.change.high) == pytest.approx((interval.low, interval.high))
    assert drift.p_holm >= drift.p
    assert order_effects(replace(ratings), CROSSED) == found


def test_times_are_medians_of_the_halves():
    seconds = [9, 8, 7, 3, 2, 1, 5, 5, np.nan, 4, 4, np.nan]
    found = order_effects(session([[1, 2]] * 12, 2, seconds), NESTED)
    assert found.seconds == (6.5, 3.0)
    assert found.seconds_change.value == -3.5


def test_times_that_are_not_known_are_not_told():
    found = order_effects(session([[1, 2]] * 12, 2), NESTED)
    assert found.seconds == (None, None)
    assert found.seconds_change.value is None
    assert found.models[0].change.value == 0
