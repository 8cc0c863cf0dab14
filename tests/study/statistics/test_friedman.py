import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from snellen.study.statistics import friedman, friedman_test, kendall_w

from .helpers import ratings_of, simulated

# Hollander & Wolfe (1973), pp. 140 ff.: seconds of 22 players for three ways round first base; the
# example of R's friedman.test, which finds chi-squared = 11.143, df = 2, p-value = 0.003805.
ROUND_FIRST_BASE = np.array(
    [
        [5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40],
        [5.90, 5.85, 5.70], [5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35],
        [5.25, 5.15, 5.00], [5.85, 5.80, 5.70], [5.25, 5.20, 5.10], [5.65, 5.55, 5.45],
        [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40], [5.45, 5.55, 5.50],
        [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40],
        [5.70, 5.65, 5.55], [6.30, 6.30, 6.25],
    ]
)  # fmt: skip

TABLES = st.tuples(st.integers(2, 9), st.integers(3, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 4), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def test_a_published_example_with_ties():
    found = friedman_test(ROUND_FIRST_BASE)
    assert found.statistic == pytest.approx(11.143, abs=5e-4)
    assert found.p == pytest.approx(0.003805, abs=5e-7)
    assert (found.degrees, found.blocks) == (2, 22)


@given(TABLES)
def test_it_is_scipys(table):
    table = np.array(table)
    found = friedman_test(table)
    if (table == table[:, :1]).all():
        assert found.statistic is None
        assert found.missing
        return
    expected = stats.friedmanchisquare(*table.T)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
    assert found.kendall_w == pytest.approx(kendall_w(table), abs=1e-12)


def test_for_two_models_it_is_the_sign_test():
    found = friedman_test([[1, 2], [1, 2], [1, 2], [2, 1], [1, 1]])
    # Signs alone: (3 - 1)² / 4; a tie says nothing.
    assert found.statistic == pytest.approx(1.0)


@pytest.mark.parametrize("by", ["participant", "picture"])
def test_a_block_ranks_the_mean_ranks_in_it(by):
    ratings = simulated(6, 9, ties=True)
    index = ratings.person if by == "participant" else ratings.picture
    means = [ratings.ranks[index == k].sum(0) for k in np.unique(index)]
    expected = stats.friedmanchisquare(*np.array(means).T)
    found = friedman(ratings, by)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert found.blocks == len(means)


def test_mean_ranks_that_are_equal_tie_whatever_the_rounding():
    # Three times 1/3 and once 1: in floating point the means of A and B differ.
    ranks = [[1, 2, 3], [2, 1, 3], [1.5, 1.5, 3]] * 3
    ratings = ratings_of(ranks, np.repeat([0, 1, 2], 3), np.tile([0, 1, 2], 3))
    found = friedman(ratings, "participant")
    expected = stats.friedmanchisquare([1.5] * 3, [1.5] * 3, [3.0] * 3)
    assert found.statistic == pytest.approx(expected.statistic)


def test_pictures_of_one_source_are_one_block():
    ratings = simulated(6, 4)
    assert friedman(ratings, "picture").blocks == 4
    joined = ratings_of(
        ratings.ranks, ratings.person, ratings.picture, sources=["s", "s", "t", "u"]
    )
    assert friedman(joined, "picture").blocks == 3


def test_repeats_do_not_count():
    ratings = ratings_of(
        [[1, 2], [1, 2], [2, 1]], [0, 1, 0], [0, 0, 0], kinds=("main", "main", "repeat")
    )
    assert friedman(ratings, "participant").statistic == pytest.approx(2)


def test_blocks_that_agree_have_w_one():
    found = friedman_test([[3, 1, 2]] * 5)
    assert found.kendall_w == 1
    assert found.statistic == 10
