"""Against published values, against choix, and against the formula maximised by brute force."""

from itertools import combinations

import choix
import numpy as np
import pytest
from scipy.optimize import minimize

from snellen.study.ratings import midranks
from snellen.study.statistics import fit_worths, plackett_luce
from snellen.study.statistics.resampling import Bootstrap, clusters_of, draws

from .helpers import CROSSED, NESTED, models_moved, ratings_of, rows, simulated

_ = np.nan

# Example 2 of Davidson (1970): brands i and j of chocolate pudding, how often i was preferred, how
# often j, and how often neither. As in R's PlackettLuce, which calls the data pudding.
PUDDING = [
    (1, 2, 19, 22, 16),
    (1, 3, 16, 19, 12),
    (2, 3, 19, 19, 10),
    (1, 4, 18, 23, 13),
    (2, 4, 23, 19, 9),
    (3, 4, 19, 20, 15),
    (1, 5, 13, 19, 18),
    (2, 5, 16, 20, 12),
    (3, 5, 16, 15, 17),
    (4, 5, 17, 14, 16),
    (1, 6, 18, 21, 12),
    (2, 6, 22, 20, 12),
    (3, 6, 13, 18, 10),
    (4, 6, 14, 19, 18),
    (5, 6, 11, 21, 12),
]


def pudding():
    ranks, weights = [], []
    for i, j, wins, losses, ties in PUDDING:
        for of_i, of_j, count in ((1, 2, wins), (2, 1, losses), (1, 1, ties)):
            row = [_] * 6
            row[i - 1], row[j - 1] = of_i, of_j
            ranks.append(row)
            weights.append(count)
    return np.array(ranks), np.array(weights)


def davidson(rounds=5000):
    """Davidson's own iteration (1970, section 3) for worths and ν = δ_2."""
    worths, nu = np.full(6, 1 / 6), 0.5
    scores = np.zeros(6)
    for i, j, wins, losses, ties in PUDDING:
        scores[i - 1] += 2 * wins + ties
        scores[j - 1] += 2 * losses + ties
    tied = sum(row[4] for row in PUDDING)
    for _round in range(rounds):
        below, geometric = np.zeros(6), 0.0
        for i, j, wins, losses, ties in PUDDING:
            a, b = worths[i - 1], worths[j - 1]
            count, root = wins + losses + ties, np.sqrt(a * b)
            whole = a + b + nu * root
            below[i - 1] += count * (2 + nu * root / a) / whole
            below[j - 1] += count * (2 + nu * root / b) / whole
            geometric += count * root / whole
        worths = scores / below
        worths /= worths.sum()
        nu = tied / geometric
    return worths, nu


def test_davidsons_pudding():
    fit = fit_worths(*pudding(), pseudo=0)
    worths, nu = davidson()
    np.testing.assert_allclose(fit.worths, worths, atol=1e-6)
    assert fit.ties[2] == pytest.approx(nu, abs=1e-6)
    # Vignette "Overview" of R's PlackettLuce, 2.1.1: stopped after 7 rounds, as Davidson did, and
    # so up to 2e-5 away.
    published = [0.1388005, 0.1729985, 0.1617420, 0.1653930, 0.1586805, 0.2023855]
    np.testing.assert_allclose(fit.worths, published, atol=3e-5)
    assert fit.ties[2] == pytest.approx(0.7468147, abs=1e-5)
    assert -2 * fit.log_likelihood == pytest.approx(1619.4, abs=0.05)


def test_rankings_with_ties_of_the_package_in_r():
    # tests/testthat/test-S3-methods.R and its snapshot, github.com/hturner/PlackettLuce.
    fit = fit_worths([[1, 2, _], [3, 1, 2], [2, 1, 1], [1, 2, 3], [2, 1, 1], [1, _, 2]])
    published = [0.0, 0.2867987, -0.4636687]
    np.testing.assert_allclose(fit.log_worths - fit.log_worths[0], published, atol=1e-6)
    assert np.log(fit.ties[2]) == pytest.approx(-1.0701129, abs=1e-6)
    assert -2 * fit.log_likelihood == pytest.approx(21.61, abs=0.005)
    # What it calls fitted: the chances of single choices.
    a, b, c = np.exp(fit.log_worths)
    delta = fit.ties[2]
    pair = a + b + delta * np.sqrt(a * b)
    three = a + b + c + delta * (np.sqrt(a * b) + np.sqrt(a * c) + np.sqrt(b * c))
    assert a / pair == pytest.approx(0.36656777, abs=1e-6)
    assert b / three == pytest.approx(0.33785994, abs=1e-6)
    assert delta * np.sqrt(b * c) / three == pytest.approx(0.07962156, abs=1e-6)


def test_a_model_that_never_wins_is_held_by_the_ghost():
    # Vignette "Overview" of R's PlackettLuce, 2.3.
    ranks = np.array([[1, 2, _, _], [2, _, 1, _], [1, _, _, 2], [2, 1, _, _], [_, 1, 2, _]])
    fit = fit_worths(ranks)
    published = [0.0, 0.5184185, 0.1354707, -1.1537565]
    np.testing.assert_allclose(fit.log_worths - fit.log_worths[0], published, atol=1e-6)
    plain = fit_worths(ranks[[0, 1, 3, 4], :3], pseudo=0)
    published = [0.0, 0.8392, 0.4196]
    np.testing.assert_allclose(plain.log_worths - plain.log_worths[0], published, atol=5e-5)
    assert -2 * plain.log_likelihood == pytest.approx(5.1356, abs=5e-5)


@pytest.mark.parametrize("models", [2, 3, 5])
def test_without_ties_it_is_choix(models):
    ranks = simulated(4, 10, models=models, seed=models).ranks
    orders = [tuple(order) for order in np.argsort(ranks, axis=1).tolist()]
    expected = choix.ilsr_rankings(models, orders, tol=1e-12)
    fit = fit_worths(ranks, pseudo=0)
    np.testing.assert_allclose(fit.log_worths, expected - expected.mean(), atol=1e-6)
    assert not fit.ties


def log_likelihood(ranks, levels, ties, sizes):
    """The formula of Turner et al. (2020), equation 1, set by set."""
    total = 0.0
    for row in ranks:
        left = list(range(len(row)))
        for rank in np.unique(row):
            choice = [k for k in left if row[k] == rank]
            everything = sum(
                ties[size] * np.exp(np.mean([levels[k] for k in subset]))
                for size in sizes
                if size <= len(left)
                for subset in combinations(left, size)
            )
            chance = ties[len(choice)] * np.exp(np.mean([levels[k] for k in choice])) / everything
            total += np.log(chance) if len(left) > 1 else 0.0
            left = [k for k in left if k not in choice]
    return total


@pytest.mark.parametrize("models", [3, 4])
def test_with_ties_it_is_the_most_likely(models):
    ranks = midranks(np.random.default_rng(0).integers(1, models, size=(12, models)))
    fit = fit_worths(ranks, pseudo=0)
    sizes = [1, *fit.ties]
    assert len(sizes) > 2

    def loss(x):
        ties = dict(zip(sizes, [1.0, *np.exp(x[models:])], strict=True))
        return -log_likelihood(ranks, x[:models] - x[:models].mean(), ties, sizes)

    best = minimize(loss, np.zeros(models + len(fit.ties)), method="BFGS", options={"gtol": 1e-7})
    found = np.concatenate([fit.log_worths, np.log(list(fit.ties.values()))])
    expected = np.concatenate([best.x[:models] - best.x[:models].mean(), best.x[models:]])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-8)
    assert loss(found) <= best.fun + 1e-9


def test_a_tie_size_that_is_missing_between_two_others_has_no_part():
    fit = fit_worths([[1, 1, 1, 1], [1, 1, 2, 3], [1, 2, 3, 4], [4, 3, 2, 1], [2, 3, 1, 1]])
    assert set(fit.ties) == {2, 4}
    assert all(np.isfinite(value) for value in fit.ties.values())


def test_unanimous_rankings_have_finite_worths():
    found = plackett_luce(
        ratings_of(np.tile([1, 2, 3], (12, 1)), np.repeat(range(3), 4), np.tile(range(4), 3)),
        CROSSED,
    )
    levels = [level.value for level in found.log_worths]
    assert levels[0] > levels[1] > levels[2]
    assert all(abs(level) < 10 for level in levels)
    assert sum(worth.value for worth in found.worths) == pytest.approx(1)


def test_nothing_but_ties_prefers_nobody():
    found = plackett_luce(
        ratings_of(np.ones((6, 3)), [0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]), CROSSED
    )
    np.testing.assert_allclose([level.value for level in found.log_worths], 0, atol=1e-9)
    assert np.isfinite(found.ties[3])


def test_the_ghost_changes_little_where_there_are_many_rankings():
    ranks = simulated(20, 50, effect=1.0).ranks
    with_ghost, plain = fit_worths(ranks).log_worths, fit_worths(ranks, pseudo=0).log_worths
    np.testing.assert_allclose(with_ghost, plain, rtol=0.01)


def test_weights_are_repeated_rankings():
    ranks = np.array([[1, 2, 3], [1, 1, 2], [3, 2, 1]])
    a = fit_worths(ranks, [3, 1, 2])
    b = fit_worths(np.repeat(ranks, [3, 1, 2], axis=0))
    np.testing.assert_allclose(a.log_worths, b.log_worths, atol=1e-9)
    assert a.log_likelihood == pytest.approx(b.log_likelihood)


@pytest.mark.parametrize("pseudo", [0.0, 0.5])
def test_an_influence_is_the_change_by_a_little_more_weight(pseudo):
    ranks = simulated(3, 6, ties=True, models=4).ranks
    fit = fit_worths(ranks, pseudo=pseudo)
    for row in (0, 5, 17):
        weights = np.ones(18)
        weights[row] += 1e-4
        more = fit_worths(ranks, weights, pseudo=pseudo).log_worths
        weights[row] -= 2e-4
        less = fit_worths(ranks, weights, pseudo=pseudo).log_worths
        np.testing.assert_allclose(fit.influences[row], (more - less) / 2e-4, atol=1e-6)


def test_intervals_are_nearly_those_of_fitting_every_resample():
    ratings = simulated(10, 20)
    bootstrap = Bootstrap("crossed", resamples=400)
    clusters = clusters_of(ratings)
    people, sources = next(draws(clusters, bootstrap, 1))
    weights = people[:, clusters.person] * sources[:, clusters.source]
    levels = [fit_worths(ratings.ranks, each).log_worths for each in weights]
    low, high = np.quantile(levels, [0.025, 0.975], axis=0)
    found = plackett_luce(ratings, bootstrap).log_worths
    widths = [level.high - level.low for level in found]
    np.testing.assert_allclose(widths, high - low, rtol=0.15)


def test_worths_have_intervals_between_0_and_1():
    for worth in plackett_luce(simulated(3, 4, effect=2.0), CROSSED).worths:
        assert 0 <= worth.low < worth.value < worth.high <= 1


@pytest.mark.parametrize("bootstrap", [CROSSED, NESTED])
def test_relabelling_moves_the_worths_along(bootstrap):
    ratings = simulated(design=bootstrap.design, ties=True)
    moved, place = models_moved(ratings, [1, 2, 0])
    order = np.random.default_rng(0).permutation(len(moved))
    a, b = plackett_luce(ratings, bootstrap), plackett_luce(rows(moved, order), bootstrap)
    for k, worth in enumerate(a.worths):
        other = b.worths[place[k]]
        assert (worth.value, worth.low, worth.high) == pytest.approx(
            (other.value, other.low, other.high), abs=1e-8
        )


def test_worths_of_equal_models_are_equal_shares():
    cycle = [[1, 2, 3], [2, 3, 1], [3, 1, 2]]
    np.testing.assert_allclose(fit_worths(cycle).worths, 1 / 3)
