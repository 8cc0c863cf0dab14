import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from snellen.study.statistics import holm, pair_tests, signed_rank_test

from .helpers import models_moved, ratings_of, simulated

# Darwin's 15 pairs of maize, cross- minus self-fertilised, eighths of an inch: the example in
# SciPy's documentation of wilcoxon, with statistic 24 and p = 0.041259765625.
MAIZE = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]


def test_darwins_maize():
    found = signed_rank_test(MAIZE)
    assert (found.statistic, found.p) == (24.0, 0.041259765625)
    assert found.rank_biserial == pytest.approx((96 - 24) / 120)


@pytest.mark.parametrize("count", [1, 5, 12, 30, 50, 51, 90])
def test_without_ties_it_is_scipys(count):
    differences = np.random.default_rng(count).standard_normal(count) + 0.3
    found = signed_rank_test(differences)
    expected = stats.wilcoxon(differences)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_with_ties_it_is_every_choice_of_signs(differences):
    nonzero = np.array([d for d in differences if d], dtype=float)
    found = signed_rank_test(differences)
    assert found.zeros == len(differences) - len(nonzero)
    if not len(nonzero):
        assert found.p is None
        assert found.missing
        return
    ranks = stats.rankdata(np.abs(nonzero))
    signs = np.array(np.meshgrid(*[[0, 1]] * len(ranks))).reshape(len(ranks), -1).T
    smaller = np.minimum(signs @ ranks, (1 - signs) @ ranks)
    assert found.p == pytest.approx(np.mean(smaller <= found.statistic), abs=1e-12)


def test_many_ties_are_corrected_as_by_scipy():
    differences = np.round(np.random.default_rng(1).standard_normal(80) * 2 + 0.5)
    differences = differences[differences != 0]
    expected = stats.wilcoxon(differences, method="asymptotic", correction=False)
    assert len(differences) > 50
    assert signed_rank_test(differences).p == pytest.approx(expected.pvalue, abs=1e-9)


@pytest.mark.parametrize(
    "p_values", [[0.03], [0.01, 0.04, 0.03, 0.04], [0.5, 0.9, 0.0, 0.001, 1.0]]
)
def test_holm_is_that_of_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(holm(p_values), expected, atol=1e-12)


def test_holm_leaves_out_what_is_unknown():
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]
    assert holm([]) == []


def test_pairs_of_models_are_tested_as_by_scikit_posthocs():
    ratings = simulated(9, 97, models=3, design="nested", seed=11)
    means = ratings.ranks.reshape(9, 97, 3).mean(1)
    long = pd.DataFrame({"rank": means.T.ravel(), "model": np.repeat(list("ABC"), 9)})
    expected = scikit_posthocs.posthoc_wilcoxon(
        long, val_col="rank", group_col="model", p_adjust="holm", zero_method="wilcox"
    )
    for pair in pair_tests(ratings):
        differences = means[:, "ABC".index(pair.a)] - means[:, "ABC".index(pair.b)]
        assert len(set(np.abs(differences).round(9))) == 9, "SciPy's exact test has no ties"
        assert pair.p_holm == pytest.approx(expected.loc[pair.a, pair.b], abs=1e-6)
        assert pair.people == 9


def test_the_effect_has_the_sign_of_the_difference_in_mean_rank():
    ratings = ratings_of([[1, 2]] * 4 + [[2, 1]], range(5), range(5))
    (pair,) = pair_tests(ratings)
    assert pair.test.rank_biserial == pytest.approx(-0.6)  # A is better
    (same,) = pair_tests(ratings_of([[1, 2]] * 4, range(4), range(4)))
    assert same.test.rank_biserial == -1


def test_equal_differences_tie_whatever_the_rounding():
    # Differences of 1/3 from 1 of 3 and from 2 of 6 trials.
    ranks = [[2, 1], [1.5, 1.5], [1.5, 1.5]] + [[2, 1], [2, 1]] + [[1.5, 1.5]] * 4 + [[1, 2]] * 3
    person = [0] * 3 + [1] * 6 + [2] * 3
    (pair,) = pair_tests(ratings_of(ranks, person, range(12)))
    # Sizes 1/3, 1/3 and 1: the ranks are 1.5, 1.5 and 3.
    assert pair.test.statistic == 3


def test_relabelled_models_have_the_same_tests():
    ratings = simulated(9, 6, ties=True)
    moved, _ = models_moved(ratings, [2, 1, 0])
    a = {(t.a, t.b): t for t in pair_tests(ratings)}
    for b in pair_tests(moved):
        assert b.p_holm == a[b.b, b.a].p_holm
        assert b.test.rank_biserial == -a[b.b, b.a].test.rank_biserial
