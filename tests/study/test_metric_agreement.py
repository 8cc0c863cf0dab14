from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from snellen.study.metric_agreement import metric_agreement
from snellen.study.metric_values import MetricTable
from snellen.study.statistics.estimates import NO_SPREAD

from .statistics.helpers import (
    CROSSED,
    NESTED,
    models_moved,
    others_renumbered,
    ratings_of,
    simulated,
)


def table(values, *, lower=False, name="m"):
    return MetricTable(name, lower, "its own", np.asarray(values, dtype=np.float64))


def random_table(ratings, seed=0, **options):
    values = np.random.default_rng(seed).random((len(ratings.pictures), len(ratings.models)))
    return table(values, **options)


def only(ratings, values, bootstrap=CROSSED, **options):
    return metric_agreement(ratings, [table(values, **options)], bootstrap).metrics[0]


TWO_PEOPLE = ratings_of([[1, 2, 3], [1, 3, 2], [2, 1, 3], [1, 1, 2]], [0, 1, 0, 1], [0, 0, 1, 1])


def test_preferences_are_counted_and_ties_of_people_left_out():
    found = metric_agreement(TWO_PEOPLE, [table([[3, 2, 1], [3, 2, 1]])], CROSSED)
    assert (found.preferences, found.ties) == (11, 1)
    metric = found.metrics[0]
    # Disagrees on B before C (x1, second), on B before A (x2, first).
    assert metric.overall.value == pytest.approx(9 / 11)
    # Majorities: x1: AB, AC; BC is split. x2: BA (one vote), AC, BC.
    assert metric.per_picture.value == pytest.approx(4 / 5)
    assert metric.by_picture == pytest.approx((5 / 6, 4 / 5))
    # Rankings that put A first: both, not, and in half.
    assert metric.first.value == pytest.approx(2.5 / 4)
    # Mean ranks: A 1.375, B 1.875, C 2.75.
    assert metric.model_order == 1


def test_ties_of_the_metric_count_half():
    assert only(TWO_PEOPLE, np.ones((2, 3))).overall.value == 0.5
    assert only(TWO_PEOPLE, np.ones((2, 3))).first.value == pytest.approx(1 / 3)
    # A and B tie in three preferences; A before C is right in four, B before C in three of four.
    infinite = only(TWO_PEOPLE, [[np.inf, np.inf, 1]] * 2)
    assert infinite.overall.value == pytest.approx((3 * 0.5 + 4 + 3) / 11)


def test_lower_is_better_turns_the_values_round():
    values = np.random.default_rng(0).random((12, 3))
    ratings = simulated()
    up, down = only(ratings, values), only(ratings, -values, lower=True)
    assert replace(down, lower=False) == up
    opposite = only(ratings, values, lower=True)
    assert opposite.overall.value == pytest.approx(1 - up.overall.value)
    assert opposite.per_picture.value == pytest.approx(1 - up.per_picture.value)
    assert opposite.model_order == pytest.approx(-up.model_order)


def test_it_is_a_count_over_people_pictures_and_pairs():
    ratings = simulated(5, 6, ties=True, models=4)
    values = np.random.default_rng(3).random((6, 4)).round(1)
    agree, count = 0.0, 0
    for picture, ranks in zip(ratings.picture, ratings.ranks, strict=True):
        for a in range(4):
            for b in range(a + 1, 4):
                person = np.sign(ranks[b] - ranks[a])
                metric = np.sign(values[picture, a] - values[picture, b])
                if person:
                    agree += (1 + person * metric) / 2
                    count += 1
    found = metric_agreement(ratings, [table(values)], CROSSED)
    assert found.preferences == count
    assert found.metrics[0].overall.value == pytest.approx(agree / count)


def test_a_metric_that_knows_the_people_reaches_what_can_be_reached():
    ratings = simulated(7, 9)
    mean = np.array([ratings.ranks[ratings.picture == k].mean(0) for k in range(9)])
    found = metric_agreement(ratings, [table(mean, lower=True)], CROSSED)
    assert found.metrics[0].overall.value <= found.ceiling.best_possible.value + 1e-12
    unanimous = ratings_of([[1, 2, 3]] * 6, [0, 0, 1, 1, 2, 2], [0, 1] * 3)
    perfect = metric_agreement(unanimous, [table([[3, 2, 1]] * 2)], CROSSED).metrics[0]
    for estimate in (perfect.overall, perfect.per_picture, perfect.first):
        assert (estimate.value, estimate.missing) == (1, NO_SPREAD)
    assert perfect.to_ceiling.value == 0


def test_no_metric_is_beyond_the_best_possible():
    ratings = simulated(5, 6, ties=True)
    best = metric_agreement(ratings, [], CROSSED).ceiling.best_possible.value
    for seed in range(30):
        found = metric_agreement(
            ratings, [random_table(ratings, seed)], replace(CROSSED, resamples=40)
        )
        assert found.metrics[0].overall.value <= best


def test_differences_are_paired():
    ratings = simulated(8, 12)
    tables = [random_table(ratings, 0, name="a"), random_table(ratings, 1, name="b")]
    found = metric_agreement(ratings, tables, CROSSED)
    (difference,) = found.differences
    a, b = (metric.overall for metric in found.metrics)
    assert (difference.a, difference.b) == ("a", "b")
    assert difference.difference.value == pytest.approx(a.value - b.value)
    twin = metric_agreement(ratings, [tables[0], replace(tables[0], name="c")], CROSSED)
    same = twin.differences[0].difference
    assert (same.value, same.missing) == (0, NO_SPREAD)


def test_the_distance_to_the_ceiling_is_paired():
    ratings = simulated(8, 12)
    found = metric_agreement(ratings, [random_table(ratings)], CROSSED)
    metric = found.metrics[0]
    # Without ties everyone can be compared with others.
    expected = metric.overall.value - found.ceiling.with_others.value
    assert metric.to_ceiling.value == pytest.approx(expected)


def test_in_a_nested_design_the_interval_is_over_participants():
    ratings = simulated(9, 6, design="nested")
    metric = metric_agreement(ratings, [random_table(ratings)], NESTED).metrics[0]
    shares = np.array(metric.by_picture).reshape(9, 6).mean(1)
    low, high = stats.t.interval(0.95, 8, shares.mean(), stats.sem(shares))
    assert (metric.overall.value, metric.overall.low, metric.overall.high) == pytest.approx(
        (shares.mean(), low, high)
    )
    assert metric.per_picture == metric.overall
    assert "not measurable" in metric.to_ceiling.missing


def test_the_interval_against_majorities_is_around_its_value():
    # A resample's majorities are less sure: without correction the interval lies too low.
    ratings = simulated(20, 40, effect=1.0)
    values = -np.array([ratings.ranks[ratings.picture == k].mean(0) for k in range(40)])
    noisy = only(ratings, values + np.random.default_rng(0).normal(0, 0.3, values.shape))
    middle = (noisy.per_picture.low + noisy.per_picture.high) / 2
    assert middle == pytest.approx(noisy.per_picture.value, abs=0.02)


def test_pictures_that_nobody_ranked_do_not_count():
    ratings = simulated(4, 6)
    kept = ratings.where(ratings.picture != 2)
    values = np.random.default_rng(0).random((6, 3))
    found = only(kept, values)
    assert found.by_picture[2] is None
    other = values.copy()
    other[2] = values[2, ::-1]
    assert only(kept, other) == found


def test_repeats_count_for_the_ceiling_alone():
    once = simulated(4, 6)
    twice = replace(
        once,
        ranks=np.concatenate([once.ranks, once.ranks[:5]]),
        person=np.concatenate([once.person, once.person[:5]]),
        picture=np.concatenate([once.picture, once.picture[:5]]),
        places=np.concatenate([once.places, once.places[:5]]),
        kinds=(*once.kinds, *["repeat"] * 5),
        seconds=np.concatenate([once.seconds, once.seconds[:5]]),
        numbers=np.concatenate([once.numbers, once.numbers[:5]]),
    )
    a, b = (metric_agreement(r, [random_table(once)], CROSSED) for r in (once, twice))
    assert a.metrics == b.metrics
    assert a.ceiling.within_people.value is None
    assert b.ceiling.within_people.value == 1


def test_a_metric_without_values_keeps_its_place_and_says_why():
    ratings = simulated()
    missing = MetricTable("s", False, "", np.empty((0, 0)), "picture 2 is too small")
    found = metric_agreement(ratings, [missing, random_table(ratings)], CROSSED)
    assert [metric.name for metric in found.metrics] == ["s", "m"]
    assert found.metrics[0].as_dict()["missing"] == "picture 2 is too small"
    assert found.metrics[1].overall.value is not None
    assert found.differences == ()


def test_relabelling_changes_nothing():
    ratings = simulated(6, 8, ties=True)
    values = np.random.default_rng(0).random((8, 3))
    a = only(ratings, values)
    moved, _place = models_moved(ratings, [2, 0, 1])
    b = only(moved, values[:, [2, 0, 1]])
    for name in ("overall", "per_picture", "first", "to_ceiling"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x.value, x.low, x.high) == pytest.approx((y.value, y.low, y.high), abs=1e-12)
    assert a.by_picture == pytest.approx(b.by_picture)
    other = others_renumbered(ratings)
    place = [ratings.pictures.index(name) for name in other.pictures]
    c = only(other, values[place])
    assert c.overall.value == pytest.approx(a.overall.value, abs=1e-12)
    assert c.per_picture.value == pytest.approx(a.per_picture.value, abs=1e-12)


def test_a_table_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="is needed"):
        metric_agreement(TWO_PEOPLE, [table(np.ones((2, 2)))], CROSSED)
