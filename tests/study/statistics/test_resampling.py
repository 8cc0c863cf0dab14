from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from snellen.study.headline import mean_rank_differences
from snellen.study.statistics.estimates import NO_SPREAD
from snellen.study.statistics.resampling import (
    Bootstrap,
    clusters_of,
    draws,
    estimates,
    ratio_estimates,
)

from .helpers import CROSSED, NESTED, nothing, others_renumbered, ratings_of, simulated


def mean_of(ratings, values, bootstrap, bounds=(-np.inf, np.inf)):
    ones = np.ones((len(ratings), 1))
    return ratio_estimates(values[:, None], ones, clusters_of(ratings), bootstrap, bounds)[0]


def test_a_nested_interval_is_the_t_interval_over_participants():
    ratings = simulated(10, 6, design="nested")
    values = ratings.ranks[:, 0]
    found = mean_of(ratings, values, NESTED)
    means = values.reshape(10, 6).mean(1)
    low, high = stats.t.interval(0.95, 9, means.mean(), stats.sem(means))
    assert (found.value, found.low, found.high) == pytest.approx((means.mean(), low, high), 1e-12)


def test_a_ratio_of_sums_has_the_error_of_its_linear_part():
    # Cochran (1977), 6.10: the variance of the residuals of y - R·x, summed by cluster.
    ratings = ratings_of(np.tile([1, 2], (6, 1)), [0, 0, 0, 1, 1, 2], np.arange(6))
    y, x = np.array([1.0, 2, 4, 3, 3, 5]), np.array([1.0, 1, 2, 2, 1, 2])
    found = ratio_estimates(y[:, None], x[:, None], clusters_of(ratings), NESTED)[0]
    ratio = 18 / 9
    residuals = np.array([[1, 2, 4], [3, 3, 0], [5, 0, 0]]).sum(1) - ratio * np.array([4, 3, 2])
    error = np.sqrt(3 / 2 * (residuals**2).sum()) / 9
    assert found.value == ratio
    assert found.high - ratio == pytest.approx(stats.t.ppf(0.975, 2) * error, 1e-12)


@pytest.mark.parametrize("bootstrap", [CROSSED, NESTED])
def test_a_mean_has_the_interval_of_the_headline(bootstrap):
    ratings = simulated(6, 9, design=bootstrap.design)
    found = mean_of(ratings, ratings.ranks[:, 0] - ratings.ranks[:, 1], bootstrap)
    headline = mean_rank_differences(
        ratings, design=bootstrap.design, resamples=bootstrap.resamples, seed=bootstrap.seed
    )[0]
    assert (found.value, found.low, found.high) == pytest.approx(
        (headline.estimate, headline.low, headline.high), abs=1e-12
    )


def test_nested_pictures_of_one_source_are_drawn_with_it():
    ratings = simulated(6, 4, design="nested")
    assert not clusters_of(ratings).two_way(NESTED)
    shared = replace(ratings, sources=tuple(f"s{k % 8}" for k in range(24)))
    assert clusters_of(shared).two_way(NESTED)
    assert not clusters_of(shared).two_way(NESTED.over_people())
    values = ratings.ranks[:, 0]
    assert mean_of(shared, values, NESTED) == mean_of(shared, values, CROSSED)


@pytest.mark.parametrize("size", [1, 10**9])
def test_draws_do_not_depend_on_the_size_of_the_blocks(size):
    clusters = clusters_of(simulated(4, 3))
    found = list(draws(clusters, Bootstrap("crossed", 20, seed=3), size))
    assert len(found) == (1 if size == 1 else 20)
    whole = [np.concatenate(part) for part in zip(*found, strict=True)]
    again = next(draws(clusters, Bootstrap("crossed", 20, seed=3), 1))
    np.testing.assert_array_equal(whole[0], again[0])
    np.testing.assert_array_equal(whole[1], again[1])
    assert (whole[0].sum(1) == 4).all()
    assert (whole[1].sum(1) == 3).all()


def test_people_and_sources_are_drawn_independently_of_each_other():
    people, sources = next(draws(clusters_of(simulated(6, 6)), CROSSED, 1))
    assert not np.array_equal(people, sources)


def test_pictures_of_one_source_are_drawn_together():
    apart = simulated(6, 8)
    together = replace(apart, sources=("s1",) * 4 + ("s2",) * 4)
    assert clusters_of(together).sources == 2
    # The same values in fewer independent pieces: a wider interval.
    values = (apart.picture < 4).astype(float)
    wide, narrow = (mean_of(r, values, CROSSED) for r in (together, apart))
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > narrow.high - narrow.low


def test_who_ranked_nothing_takes_no_part():
    ratings = simulated(6, 4).without(["P2", "P5"])
    assert clusters_of(ratings).people == 4


def test_equal_values_have_no_interval():
    for bootstrap in (CROSSED, NESTED):
        ratings = simulated(5, 4, design=bootstrap.design)
        found = mean_of(ratings, np.full(len(ratings), 0.1), bootstrap)
        assert found.value == pytest.approx(0.1)
        assert (found.low, found.high, found.missing) == (None, None, NO_SPREAD)


def test_a_t_interval_ends_at_the_bounds():
    ratings = ratings_of(np.tile([1, 2], (3, 1)), [0, 1, 2], [0, 1, 2])
    found = mean_of(ratings, np.array([1.0, 1, 0]), NESTED, (0.0, 1.0))
    assert (found.low, found.high) == (0, 1)


def test_a_bootstrap_over_people_gives_nearly_the_same_t_interval():
    ratings = simulated(12, 5, design="nested")
    bootstrap = replace(NESTED, resamples=20_000)
    clusters, values = clusters_of(ratings), ratings.ranks[:, :1]
    exact = mean_of(ratings, values[:, 0], bootstrap)
    means = [(p[:, clusters.person] @ values) / 60 for p, _ in draws(clusters, bootstrap, 60)]
    found = estimates(values.mean(0), np.concatenate(means), clusters, bootstrap)[0]
    assert found.high - found.low == pytest.approx(exact.high - exact.low, rel=0.02)


def test_a_replicate_without_anything_to_say_is_left_out():
    clusters = clusters_of(simulated(4, 4))
    replicates = np.array([[np.nan], [1.0], [2.0], [np.nan], [3.0]])
    found = estimates(np.array([2.0]), replicates, clusters, Bootstrap("crossed", level=0.5))[0]
    assert (found.low, found.high) == (1.5, 2.5)
    unknown = estimates(np.array([np.nan]), replicates, clusters, CROSSED)[0]
    assert (unknown.value, unknown.low) == (None, None)
    assert unknown.missing


def test_another_numbering_changes_the_interval_by_chance_alone():
    ratings = simulated(8, 10)
    a, b = (
        mean_of(each, each.ranks[:, 0], replace(CROSSED, resamples=20_000))
        for each in (ratings, others_renumbered(ratings))
    )
    assert a.value == pytest.approx(b.value, abs=1e-12)
    assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=0.02)


@pytest.mark.parametrize("options", [{"resamples": 0}, {"level": 1.0}, {"level": 0.0}])
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(ValueError):
        Bootstrap("crossed", **options)


def test_reasons_name_what_is_missing():
    one = ratings_of([[1, 2], [1, 2]], [0, 0], [0, 1])
    same = ratings_of([[1, 2], [1, 2]], [0, 1], [0, 0])
    assert "participant" in mean_of(one, np.ones(2), CROSSED).missing
    assert "picture" in mean_of(same, np.ones(2), CROSSED).missing
    assert "no rankings" in mean_of(nothing(), np.empty(0), CROSSED).missing
