"""The corrected resampled t test, against what was published and computed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from snellen.experiments.representation.resampled import corrected_mean


def test_without_overlap_it_is_the_paired_t_test() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 12)
    found = corrected_mean(values, ratio=0.0)
    oracle = stats.ttest_1samp(values, 0)
    low, high = oracle.confidence_interval(0.95)
    assert found.p == pytest.approx(float(oracle.pvalue))
    assert (found.low, found.high) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_overlap_widens_the_interval_as_nadeau_and_bengio_say() -> None:
    """Their factor: the variance 1/J becomes 1/J + n2/n1."""
    values = np.random.default_rng(1).normal(0, 1, 10)
    plain, corrected = corrected_mean(values, 0.0), corrected_mean(values, 1 / 9)
    assert plain.high is not None
    assert corrected.high is not None
    ratio = (corrected.high - corrected.mean) / (plain.high - plain.mean)
    assert ratio == pytest.approx(np.sqrt((1 / 10 + 1 / 9) / (1 / 10)))


def test_it_keeps_its_level_where_the_plain_test_does_not() -> None:
    """Two rules that differ in nothing but luck, compared over overlapping divisions."""
    rng = np.random.default_rng(2)
    runs, divisions, pictures, held_out = 400, 10, 60, 15
    plain = corrected = 0
    for _ in range(runs):
        # Each rule's mistakes depend on the pictures themselves, as those of trained networks do.
        difference = rng.normal(0, 1, pictures)
        values = [difference[rng.permutation(pictures)[:held_out]].mean() for _ in range(divisions)]
        plain += corrected_mean(values, 0.0).excludes_zero
        corrected += corrected_mean(values, held_out / (pictures - held_out)).excludes_zero
    assert plain / runs > 0.25  # the nominal level is 0.05
    assert corrected / runs < 0.1


def test_one_training_has_no_interval() -> None:
    found = corrected_mean([0.2], 0.3)
    assert (found.mean, found.low, found.high, found.p) == (0.2, None, None, None)
    assert not found.excludes_zero


@pytest.mark.parametrize("values", [[0.0] * 3, [0.1] * 3, [0.1 - 0.05, 0.15 - 0.1]])
def test_trainings_that_agree_exactly_say_nothing_about_others(values: list[float]) -> None:
    """Also where only rounding tells them apart."""
    found = corrected_mean(values, 0.3)
    assert (found.low, found.high, found.p) == (None, None, None)


def test_two_trainings_of_counted_mistakes_keep_the_level() -> None:
    """Shares of wrong answers are counted in pictures, so that two differences often are equal."""
    rng = np.random.default_rng(3)
    pictures, share, runs = 190, 0.05, 1500
    wrong = rng.binomial(pictures, share, (runs, 2, 2)) / pictures  # two rules, two trainings
    found = [corrected_mean(one[:, 0] - one[:, 1], 1 / 3) for one in wrong]
    assert np.mean([f.p is not None and f.p < 0.05 for f in found]) < 0.07


@pytest.mark.parametrize("values", [[], [np.nan, 1.0]])
def test_no_numbers_no_mean(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite numbers"):
        corrected_mean(values, 0.3)
