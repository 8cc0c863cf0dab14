"""Intervals: resampled by source picture and seed, checked against simulation and theory."""

import numpy as np
import pytest

from snellen.experiments.statistics import (
    Bootstrap,
    Interval,
    interval,
    intervals,
    paired_comparisons,
    paired_difference,
    paired_differences,
)


def labels(sources, crops):
    return [f"source {index // crops}" for index in range(sources * crops)]


def test_mean_is_over_all_values_not_over_sources():
    found = interval([1.0, 1.0, 1.0, 5.0], ["a", "a", "a", "b"])
    assert found.mean == 2.0


def test_crops_of_one_source_are_no_new_evidence():
    values = np.random.default_rng(1).normal(size=30)
    once = interval(values, list(range(30)))
    copied = interval(np.repeat(values, 40), np.repeat(np.arange(30), 40).tolist())
    assert copied.low == pytest.approx(once.low)
    assert copied.high == pytest.approx(once.high)


def test_independent_sources_give_the_textbook_interval():
    values = np.random.default_rng(2).normal(10, 3, size=1000)
    found = interval(values, list(range(1000)))
    half = 1.96 * values.std() / np.sqrt(1000)
    assert found.high - found.mean == pytest.approx(half, rel=0.05)
    assert found.mean - found.low == pytest.approx(half, rel=0.05)


def test_seeds_are_resampled_too():
    by_seed = np.array([[0.0], [1.0], [2.0], [3.0]]) * np.ones((4, 50))
    found = interval(by_seed, list(range(50)))
    half = 1.96 * by_seed[:, 0].std() / 2
    assert found.high - found.mean == pytest.approx(half, rel=0.15)


def test_one_seed_resamples_sources_only():
    found = interval(np.full((1, 6), 3.0), list("abcdef"))
    assert found == Interval(3.0, 3.0, 3.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = 0
    trials = 300
    for _ in range(trials):
        values = rng.normal(size=(24, 1)) + 0.5 * rng.normal(size=(24, 5))
        found = interval(values.ravel(), labels(24, 5), bootstrap=Bootstrap(resamples=1000))
        covered += found.low <= 0 <= found.high
    assert 0.90 <= covered / trials <= 0.98


def test_ten_sources_cover_about_nine_times_in_ten():
    """What docs/decisions.md says of few sources."""
    rng = np.random.default_rng(4)
    trials = 600
    found = (
        interval(rng.normal(size=10), range(10), bootstrap=Bootstrap(resamples=1000))
        for _ in range(trials)
    )
    covered = sum(one.low <= 0 <= one.high for one in found)
    assert 0.86 <= covered / trials <= 0.93


def test_resampling_single_crops_would_cover_far_too_rarely():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(24, 1)) + 0.1 * rng.normal(size=(24, 20))
    right = interval(values.ravel(), labels(24, 20))
    naive = interval(values.ravel(), list(range(480)))
    assert right.high - right.low > 3 * (naive.high - naive.low)


def test_same_input_same_interval():
    values = np.random.default_rng(5).normal(size=(3, 40))
    assert interval(values, labels(10, 4)) == interval(values, labels(10, 4))


def test_names_of_the_sources_do_not_matter():
    values = np.random.default_rng(6).normal(size=(2, 12))
    renamed = [("file", label) for label in labels(4, 3)]
    assert interval(values, labels(4, 3)) == interval(values, renamed)


def test_pairing_removes_what_both_share():
    rng = np.random.default_rng(7)
    easy_or_hard = 10 * rng.normal(size=200)
    a, b = easy_or_hard + 1 + 0.1 * rng.normal(size=200), easy_or_hard
    paired = paired_difference(a, b, list(range(200)))
    assert paired.mean == pytest.approx(1, abs=0.05)
    assert paired.excludes_zero
    assert paired.high - paired.low < 0.05


def test_difference_of_a_loss_with_itself_is_zero():
    values = np.random.default_rng(8).normal(size=(2, 9))
    assert paired_difference(values, values, labels(3, 3)) == Interval(0.0, 0.0, 0.0)


def test_two_perfect_pictures_do_not_differ():
    found = paired_difference([np.inf, 30.0], [np.inf, 29.0], ["a", "b"])
    assert found.mean == 0.5


def test_an_infinite_value_stays_infinite_and_leaves_the_rest_alone():
    found = intervals({"psnr": [np.inf, *[30.0] * 9], "ssim": np.arange(10.0)}, list(range(10)))
    assert found["psnr"] == Interval(np.inf, 30.0, np.inf)
    assert np.isfinite(found["ssim"].high)


def test_opposite_infinities_have_no_mean_and_stop_nothing():
    # Each loss is perfect on another picture.
    psnr = {"a": [np.inf, 30.0, 30.0], "b": [30.0, np.inf, 30.0]}
    found = paired_difference(psnr["a"], psnr["b"], ["x", "y", "z"])
    assert np.isnan([found.mean, found.low, found.high]).all()
    assert not found.excludes_zero


def test_opposite_infinities_leave_other_measures_alone():
    values = {"psnr": [np.inf, -np.inf], "ssim": [0.5, 0.7]}
    assert intervals(values, ["a", "b"])["ssim"] == interval([0.5, 0.7], ["a", "b"])


def test_every_two_are_compared_once_the_later_minus_the_earlier():
    rng = np.random.default_rng(12)
    tables = {name: {"ssim": rng.normal(size=(2, 8))} for name in ("mse", "mae", "ms-ssim")}
    found = paired_comparisons(tables, labels(4, 2))
    assert {name: list(row) for name, row in found.items()} == {
        "mae": ["mse"],
        "ms-ssim": ["mse", "mae"],
    }
    expected = paired_differences(tables["ms-ssim"], tables["mae"], labels(4, 2))
    assert found["ms-ssim"]["mae"] == expected


def test_several_measures_share_their_draws():
    values = np.random.default_rng(9).normal(size=(2, 8))
    found = intervals({"one": values, "shifted": values + 5}, labels(4, 2))
    assert found["shifted"].low == pytest.approx(found["one"].low + 5)
    assert found["one"] == interval(values, labels(4, 2))


def test_no_measures_give_no_intervals():
    assert intervals({}, []) == {}


def test_a_higher_level_is_wider():
    values = np.random.default_rng(10).normal(size=50)
    narrow = interval(values, labels(50, 1), bootstrap=Bootstrap(level=0.5))
    wide = interval(values, labels(50, 1), bootstrap=Bootstrap(level=0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_many_sources_are_drawn_in_blocks_with_the_same_kind_of_result():
    values = np.random.default_rng(11).normal(size=1500)
    found = interval(values, list(range(1500)), bootstrap=Bootstrap(resamples=6000))
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 1500**0.5, rel=0.06)


def test_as_dict_is_what_results_json_holds():
    assert Interval(1.0, 0.5, 1.5).as_dict() == {"mean": 1.0, "low": 0.5, "high": 1.5}


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(0.1, 1, True), (-1, -0.1, True), (-1, 1, False)]
)
def test_excludes_zero(low, high, excludes):
    assert Interval((low + high) / 2, low, high).excludes_zero is excludes


@pytest.mark.parametrize(
    ("values", "sources", "says"),
    [
        ([1.0, np.nan], ["a", "b"], "1 NaN among its 2 values"),
        ([], [], "at least one value"),
        ([1.0, 2.0], ["a"], "1 sources came for 2 pictures"),
        (np.ones((1, 1, 2)), ["a", "b"], r"\(seeds, pictures\) is needed"),
    ],
)
def test_bad_values_are_refused(values, sources, says):
    with pytest.raises(ValueError, match=says):
        interval(values, sources)


def test_pairs_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="pairs need equal shapes"):
        paired_difference(np.ones((2, 3)), np.ones((1, 3)), ["a", "b", "c"])


def test_measures_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="the others"):
        intervals({"a": [1.0, 2.0], "b": [1.0]}, ["x", "y"])


@pytest.mark.parametrize("options", [{"resamples": 0}, {"level": 1.0}, {"level": 95}])
def test_impossible_bootstrap_is_refused(options):
    with pytest.raises(ValueError, match="needed"):
        Bootstrap(**options)
