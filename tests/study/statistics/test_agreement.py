from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from snellen.study.statistics import agreement, kendall_tau_b, kendall_w, krippendorff_alpha
from snellen.study.statistics.estimates import NO_SPREAD
from snellen.study.statistics.orders import order_signs

from .helpers import (
    CROSSED,
    NESTED,
    models_moved,
    others_renumbered,
    ratings_of,
    rows,
    simulated,
)

_ = np.nan

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: 4 observers, 12 units.
# Ordinal alpha is .815; from the printed coincidences exactly 108577/133160.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)

RANKS = st.tuples(st.integers(2, 6), st.integers(2, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(1, 4), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def alpha_by_pairs(values):
    """Alpha as it is defined, pair by pair, in whole numbers."""
    units = [[int(v) for v in column if not np.isnan(v)] for column in values.T]
    units = [unit for unit in units if len(unit) > 1]
    given = sorted(v for unit in units for v in unit)
    count = {v: given.count(v) for v in given}

    def distance(a, b):
        a, b = min(a, b), max(a, b)
        between = sum(n for v, n in count.items() if a <= v <= b)
        return (between - Fraction(count[a] + count[b], 2)) ** 2 if a != b else Fraction(0)

    observed = sum(
        2 * distance(a, b) / (len(unit) - 1) for unit in units for a, b in combinations(unit, 2)
    )
    expected = sum(2 * distance(a, b) for a, b in combinations(given, 2))
    return None if not expected else 1 - (len(given) - 1) * Fraction(observed) / expected


def test_krippendorffs_own_example():
    assert alpha_by_pairs(OBSERVERS) == Fraction(108577, 133160)
    assert krippendorff_alpha(OBSERVERS) == pytest.approx(108577 / 133160, abs=1e-12)


@given(RANKS)
def test_alpha_is_that_of_all_pairs(values):
    expected = alpha_by_pairs(np.array(values, dtype=float))
    found = krippendorff_alpha(values)
    assert (found is None) == (expected is None)
    if found is not None:
        assert found == pytest.approx(float(expected), abs=1e-12)


def test_alpha_without_a_pair_is_none():
    assert krippendorff_alpha([[1, _], [_, 2]]) is None
    assert krippendorff_alpha([[1, 1], [1, 1]]) is None
    assert krippendorff_alpha(np.empty((0, 3))) is None


@given(RANKS)
def test_w_is_friedmans_statistic_and_the_mean_spearman(values):
    table = np.array(values)
    if table.shape[1] < 3 or (table == table[:, :1]).all():
        return
    raters, models = table.shape
    found = kendall_w(table)
    expected = stats.friedmanchisquare(*table.T).statistic / (raters * (models - 1))
    assert found == pytest.approx(expected, abs=1e-12)
    if all(len(set(row)) == models for row in values):
        pairs = [stats.spearmanr(a, b).statistic for a, b in combinations(table, 2)]
        assert found == pytest.approx(((raters - 1) * np.mean(pairs) + 1) / raters)


def test_identical_rankings_have_w_one():
    assert kendall_w([[2, 1, 3]] * 4) == 1
    assert kendall_w([[1, 1, 2]] * 4) == 1  # ties and all
    assert kendall_w([[1, 2, 3]]) is None
    assert kendall_w([[1, 1, 1]] * 3) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=2, max_size=6))
def test_tau_b_is_scipys(pairs):
    a, b = np.array(pairs).T
    found = float(kendall_tau_b(a[None], b[None])[0])
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.kendalltau(a, b).statistic, abs=1e-12)


def test_infinite_values_order_models_and_tie_with_each_other():
    assert order_signs([[np.inf, 1, np.inf]]).tolist() == [[-1, 0, 1]]


def pairs_of(ratings):
    for picture in np.unique(ratings.picture):
        yield from combinations(ratings.ranks[ratings.picture == picture], 2)


@pytest.mark.parametrize("design", ["crossed", "balanced-incomplete"])
@pytest.mark.parametrize("ties", [False, True])
def test_coefficients_are_the_means_over_pairs_of_people(design, ties):
    ratings = simulated(5, 8, design=design, ties=ties, models=4)
    found = agreement(ratings, replace(CROSSED, design=design))
    pairs = list(pairs_of(ratings))
    assert found.pairs == len(pairs)
    varied = [(a, b) for a, b in pairs if np.ptp(a) and np.ptp(b)]
    spearman = [stats.spearmanr(a, b).statistic for a, b in varied]
    tau = [stats.kendalltau(a, b).statistic for a, b in varied]
    assert found.spearman.value == pytest.approx(np.mean(spearman), abs=1e-9)
    assert found.kendall_tau.value == pytest.approx(np.mean(tau), abs=1e-9)

    table = np.full((5, len(ratings.pictures) * 4), np.nan)
    for person, picture, ranks in zip(ratings.person, ratings.picture, ratings.ranks, strict=True):
        table[person, 4 * picture : 4 * picture + 4] = ranks
    assert found.alpha.value == pytest.approx(krippendorff_alpha(table), abs=1e-9)

    each = [
        kendall_w(ratings.ranks[ratings.picture == picture])
        for picture in np.unique(ratings.picture)
    ]
    each = [w for w in each if w is not None]
    assert found.kendall_w == pytest.approx(np.mean(each), abs=1e-12)


def test_people_who_agree_agree_fully():
    ranks = np.random.default_rng(0).permuted(np.tile([1, 2, 3], (6, 1)), axis=1)
    ratings = ratings_of(np.tile(ranks, (4, 1)), np.repeat(range(4), 6), np.tile(range(6), 4))
    found = agreement(ratings, CROSSED)
    assert found.kendall_w == pytest.approx(1)
    for estimate in (found.spearman, found.kendall_tau, found.alpha):
        assert estimate.value == pytest.approx(1)
        assert estimate.missing == NO_SPREAD


def test_nobody_is_a_second_opinion_on_the_own_answer():
    # Two people who always disagree: a resample that draws one of them twice has no pair.
    ratings = ratings_of([[1, 2, 3], [3, 2, 1]] * 5, [0, 1] * 5, np.repeat(range(5), 2))
    found = agreement(ratings, CROSSED)
    assert found.spearman.value == pytest.approx(-1)
    assert found.spearman.missing == NO_SPREAD


def test_w_by_chance_is_one_over_the_raters():
    found = agreement(simulated(5, 8), CROSSED)
    assert found.chance_w == pytest.approx(0.2)


def test_a_nested_design_says_that_it_cannot():
    found = agreement(simulated(design="nested"), NESTED)
    assert found.as_dict() == {
        "pictures": 0,
        "pairs": 0,
        "missing": "not measurable in this design: no picture was ranked by two participants",
    }


def test_before_two_have_answered_it_is_not_the_design_that_hinders():
    assert agreement(simulated(1, 8), CROSSED).missing == (
        "not measurable yet: no picture was ranked by two participants"
    )


def test_relabelling_changes_nothing():
    ratings = simulated(5, 8, ties=True)
    moved, _place = models_moved(ratings, [2, 0, 1])
    order = np.random.default_rng(0).permutation(len(ratings))
    a = agreement(ratings, CROSSED)
    for other in (moved, rows(ratings, order)):
        b = agreement(other, CROSSED)
        assert a.kendall_w == pytest.approx(b.kendall_w, abs=1e-12)
        for x, y in ((a.spearman, b.spearman), (a.kendall_tau, b.kendall_tau), (a.alpha, b.alpha)):
            assert (x.value, x.low, x.high) == pytest.approx((y.value, y.low, y.high), abs=1e-9)
    c = agreement(others_renumbered(ratings), CROSSED)
    assert c.alpha.value == pytest.approx(a.alpha.value, abs=1e-9)
