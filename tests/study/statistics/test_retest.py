import numpy as np
import pytest
from scipy import stats

from snellen.study.statistics import retest, retest_by_person
from snellen.study.statistics.estimates import NO_SPREAD

from .helpers import CROSSED, NESTED, ratings_of, simulated


def repeated(before, again, person=None):
    """Each of `before` on a picture of its own, and `again` in another order of the rows."""
    count = len(before)
    person = list(range(count)) if person is None else person
    order = np.random.default_rng(0).permutation(count)
    return ratings_of(
        np.concatenate([before, np.asarray(again)[order]]),
        [*person, *np.asarray(person)[order]],
        [*range(count), *order],
        kinds=("main",) * count + ("repeat",) * count,
    )


def test_the_same_again_is_agreement():
    ranks = [[1, 2, 3], [2, 1, 3], [1, 1, 2]]
    found = retest(repeated(ranks, ranks), CROSSED)
    assert (found.trials, found.people) == (3, 3)
    for estimate in (found.kendall_tau, found.same_ranking, found.same_first, found.same_pairs):
        assert (estimate.value, estimate.low) == (1, None)
        assert estimate.missing == NO_SPREAD


def test_each_measure_counts_what_it_says():
    before = [[1, 2, 3], [1, 2, 3], [1, 1, 2], [1, 1, 1]]
    again = [[1, 3, 2], [3, 2, 1], [1, 2, 3], [1, 2, 3]]
    found = retest(repeated(before, again), CROSSED)
    # The last is one single tie and has no tau.
    taus = [stats.kendalltau(a, b).statistic for a, b in zip(before[:3], again[:3], strict=True)]
    assert found.kendall_tau.value == pytest.approx(np.mean(taus))
    assert found.same_ranking.value == 0
    assert found.same_first.value == 0.25
    assert found.same_pairs.value == pytest.approx((2 + 0 + 2) / (3 + 3 + 2))


def test_the_interval_is_over_people():
    rng = np.random.default_rng(0)
    before, again = (rng.permuted(np.tile([1, 2], (12, 1)), axis=1) for _ in range(2))
    person = np.repeat(range(4), 3)
    found = retest(repeated(before, again, person), CROSSED)
    same = (before == again).all(1).reshape(4, 3).mean(1)
    low, high = stats.t.interval(0.95, 3, same.mean(), stats.sem(same))
    assert found.same_ranking.low == pytest.approx(max(0, low))
    assert found.same_ranking.high == pytest.approx(min(1, high))
    assert found == retest(repeated(before, again, person), NESTED)


def test_a_repeat_belongs_to_the_same_person_and_picture():
    ratings = ratings_of(
        [[1, 2], [2, 1], [2, 1], [1, 2]],
        [0, 1, 1, 0],
        [0, 0, 0, 1],
        kinds=("main", "main", "repeat", "repeat"),
    )
    found = retest(ratings, CROSSED)  # P1's repeat of x2 has no main trial
    assert (found.trials, found.same_ranking.value) == (1, 1)
    assert found.same_ranking.low is None
    assert "participant" in found.same_ranking.missing


def test_without_repeats_it_says_so():
    found = retest(simulated(), CROSSED)
    assert found.as_dict() == {
        "trials": 0,
        "people": 0,
        "missing": "not measurable: no trial was answered twice",
    }
    only_repeats = ratings_of([[1, 2]], [0], [0], kinds=("repeat",))
    assert retest(only_repeats, CROSSED).missing


def test_the_mean_of_each_person():
    before = [[1, 2, 3], [1, 2, 3], [1, 2, 3]]
    again = [[1, 2, 3], [3, 2, 1], [1, 3, 2]]
    ratings = repeated(before, again, [0, 0, 2])
    np.testing.assert_allclose(retest_by_person(ratings), [0, np.nan, 1 / 3])
    assert np.isnan(retest_by_person(simulated())).all()
