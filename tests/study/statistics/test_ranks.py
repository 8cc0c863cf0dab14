import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.study.ratings import midranks
from snellen.study.statistics import rank_distribution, win_rates
from snellen.study.statistics.ranks import rank_parts

from .helpers import CROSSED, NESTED, models_moved, ratings_of, rows, simulated

RANKINGS = st.integers(2, 6).flatmap(
    lambda models: st.lists(
        st.lists(st.integers(1, models), min_size=models, max_size=models), min_size=1, max_size=9
    )
)


@given(RANKINGS)
def test_every_row_and_column_adds_up_and_the_mean_is_the_mean_rank(rankings):
    ranks = midranks(np.array(rankings))
    counts = rank_parts(ranks).sum(0)
    np.testing.assert_allclose(counts.sum(0), len(ranks))
    np.testing.assert_allclose(counts.sum(1), len(ranks))
    places = np.arange(1, ranks.shape[1] + 1)
    np.testing.assert_allclose(counts @ places / len(ranks), ranks.mean(0))


def test_without_ties_ranks_are_counted():
    ratings = ratings_of([[1, 2, 3], [1, 3, 2], [2, 1, 3], [1, 2, 3]], [0, 0, 1, 1], [0, 1, 0, 1])
    found = rank_distribution(ratings, CROSSED)
    assert found.counts == ((3, 1, 0), (1, 2, 1), (0, 1, 3))
    assert [share.value for share in found.shares[0]] == [0.75, 0.25, 0]
    assert [mean.value for mean in found.mean_ranks] == [1.25, 2, 2.75]
    assert (found.rankings, found.people, found.pictures, found.tied) == (4, 2, 2, 0)


def test_ties_count_in_parts():
    ratings = ratings_of([[1, 1, 2], [1, 1, 1]], [0, 1], [0, 0])
    found = rank_distribution(ratings, CROSSED)
    third = 1 / 3
    np.testing.assert_allclose(found.counts[0], [0.5 + third, 0.5 + third, third])
    np.testing.assert_allclose(found.counts[2], [third, third, 1 + third])
    assert found.tied == 2


def test_repeats_are_not_counted():
    ratings = ratings_of([[1, 2], [2, 1]], [0, 0], [0, 0], kinds=("main", "repeat"))
    assert rank_distribution(ratings, CROSSED).counts == ((1, 0), (0, 1))
    assert [(rate.wins, rate.losses) for rate in win_rates(ratings, CROSSED)] == [(1, 0)]


@pytest.mark.parametrize("bootstrap", [CROSSED, NESTED])
def test_intervals_hold_their_shares(bootstrap):
    found = rank_distribution(simulated(design=bootstrap.design, ties=True), bootstrap)
    for share in [share for row in found.shares for share in row]:
        assert 0 <= share.low <= share.value <= share.high <= 1
        assert share.low < share.high


def test_relabelled_models_have_the_same_numbers():
    ratings = simulated(ties=True)
    moved, place = models_moved(ratings, [2, 0, 1])
    a, b = (rank_distribution(each, CROSSED) for each in (ratings, moved))
    assert a.mean_ranks == tuple(b.mean_ranks[k] for k in place)
    assert a.shares == tuple(b.shares[k] for k in place)
    assert a.counts == tuple(b.counts[k] for k in place)


def test_the_order_of_the_rows_does_not_matter():
    ratings = simulated()
    order = np.random.default_rng(1).permutation(len(ratings))
    a, b = (rank_distribution(each, CROSSED) for each in (ratings, rows(ratings, order)))
    for mean, other in zip(a.mean_ranks, b.mean_ranks, strict=True):
        assert (mean.low, mean.high) == pytest.approx((other.low, other.high), abs=1e-12)


def test_a_win_rate_counts_ties_half():
    ratings = ratings_of([[1, 2, 3], [1, 1, 2], [2, 1, 3], [1, 3, 3]], [0, 0, 1, 1], [0, 1, 0, 1])
    ab, ac, bc = win_rates(ratings, CROSSED)
    assert (ab.a, ab.b, ab.wins, ab.ties, ab.losses, ab.rate.value) == ("A", "B", 2, 1, 1, 0.625)
    assert ac.rate.value == 1
    assert (bc.wins, bc.ties, bc.losses) == (3, 1, 0)


def test_a_win_rate_and_the_mean_ranks_say_the_same():
    # A mean rank is 1 + the sum of the chances to lose.
    ratings = simulated(ties=True)
    rates = {(rate.a, rate.b): rate.rate.value for rate in win_rates(ratings, CROSSED)}
    means = [mean.value for mean in rank_distribution(ratings, CROSSED).mean_ranks]
    assert means[0] == pytest.approx(3 - rates["A", "B"] - rates["A", "C"])
    assert means[1] == pytest.approx(2 + rates["A", "B"] - rates["B", "C"])
