"""Numbers, marks and bars of the tables."""

import math

import pytest

from snellen.reports import tables
from snellen.reports.tables import (
    change_rows,
    decided,
    digits_for,
    duration,
    measures_in,
    number,
    octave_rows,
    score_rows,
    signed,
    span,
)


def at(mean, low, high):
    return {"mean": mean, "low": low, "high": high}


def results(difference):
    return {
        "losses": {
            "mse": {"ssim": at(0.5, 0.4, 0.6), "mse": at(0.004, 0.003, 0.005)},
            "ms-ssim": {"ssim": at(0.6, 0.5, 0.7), "mse": at(0.005, 0.004, 0.006)},
        },
        "differences": {"ms-ssim": {"ssim": difference, "mse": at(0.001, 0.0005, 0.0015)}},
    }


def column(rows, loss, place):
    return next(row for row in rows if row.loss == loss).cells[place]


def test_a_clear_best_is_marked_best():
    rows = score_rows(results(at(0.1, 0.05, 0.15)))
    assert column(rows, "ms-ssim", 0).mark == "best"
    assert column(rows, "mse", 0).mark == ""


def test_a_best_mean_that_is_not_separated_is_marked_tied():
    rows = score_rows(results(at(0.1, -0.05, 0.25)))
    assert column(rows, "ms-ssim", 0).mark == "tied"


def test_lower_is_better_for_errors():
    rows = score_rows(results(at(0.1, 0.05, 0.15)))
    assert column(rows, "mse", 1).mark == "best"


def test_the_first_is_only_tied_while_another_is_not_separated_from_it():
    run = results(at(-0.1, -0.25, 0.05))
    run["losses"]["mse"]["ssim"] = at(0.9, 0.8, 1.0)
    assert column(score_rows(run), "mse", 0).mark == "tied"


def three(comparisons):
    run = results(at(0.1, 0.05, 0.15))
    run["losses"]["mae"] = {"ssim": at(0.55, 0.45, 0.65), "mse": at(0.006, 0.005, 0.007)}
    run["differences"]["mae"] = {"ssim": at(0.05, 0.01, 0.09), "mse": at(0.002, 0.001, 0.003)}
    return {**run, "comparisons": comparisons}


@pytest.mark.parametrize(
    ("comparisons", "mark"),
    [
        ({"mae": {"ms-ssim": {"ssim": at(-0.05, -0.09, -0.01)}}}, "best"),
        ({"ms-ssim": {"mae": {"ssim": at(0.05, 0.01, 0.09)}}}, "best"),
        ({"ms-ssim": {"mae": {"ssim": at(0.05, -0.01, 0.11)}}}, "tied"),
        ({}, "tied"),
        (None, "tied"),
    ],
)
def test_the_best_of_three_must_be_clear_of_both_others(comparisons, mark):
    rows = score_rows(three(comparisons))
    assert column(rows, "ms-ssim", 0).mark == mark
    assert column(rows, "mae", 0).mark == ""


def test_the_first_is_best_by_the_differences_alone():
    assert column(score_rows(three(None)), "mse", 1).mark == "best"


def test_one_loss_has_no_best():
    run = results(at(0, 0, 0))
    del run["losses"]["ms-ssim"]
    assert all(cell.mark == "" for row in score_rows(run) for cell in row.cells)


def test_errors_are_scaled_as_their_heading_says():
    rows = score_rows(results(at(0.1, 0.05, 0.15)))
    assert column(rows, "mse", 1).value == "4.00"
    assert column(rows, "mse", 1).limits == "[3.00, 5.00]"
    assert measures_in(results(at(0, 0, 0))["losses"])[1].heading == "MSE (×10⁻³)"


def test_only_measures_that_every_loss_has_are_shown():
    run = results(at(0, 0, 0))
    run["losses"]["mse"]["psnr"] = at(25, 24, 26)
    assert [measure.key for measure in measures_in(run["losses"])] == ["ssim", "mse"]


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (at(0.1, 0.05, 0.15), "better"),
        (at(-0.1, -0.2, -0.05), "worse"),
        (at(0.1, -0.1, 0.3), "open"),
    ],
)
def test_verdicts_follow_the_interval(difference, verdict):
    assert change_rows(results(difference))[0].changes[0].verdict == verdict


def test_more_error_is_worse():
    assert change_rows(results(at(0, 0, 0)))[0].changes[1].verdict == "worse"


def test_bars_lie_around_zero_and_stay_inside():
    change = change_rows(results(at(0.1, -0.1, 0.3)))[0].changes[0]
    assert change.bar_low < 50 < change.bar_mean < change.bar_high <= 98


def test_equal_losses_have_a_bar_at_zero():
    change = change_rows(results(at(0.0, 0.0, 0.0)))[0].changes[0]
    assert (change.bar_low, change.bar_high) == (50, 50)


def test_infinite_psnr_is_written_and_breaks_nothing():
    endless = at(math.inf, math.inf, math.inf)
    run = {
        "losses": {"a": {"psnr": endless}, "b": {"psnr": endless}},
        "differences": {"b": {"psnr": at(0.0, 0.0, 0.0)}},
    }
    assert column(score_rows(run), "a", 0).value == "∞"
    assert change_rows(run)[0].changes[0].verdict == "open"


UNKNOWN = {"mean": None, "low": None, "high": None}


@pytest.mark.parametrize("unknown", [UNKNOWN, dict.fromkeys(UNKNOWN, math.nan), {}])
def test_an_unknown_value_is_a_dash_and_never_the_best(unknown):
    run = results(unknown)
    run["losses"]["ms-ssim"]["ssim"] = unknown
    rows = score_rows(run)
    cell = column(rows, "ms-ssim", 0)
    assert (cell.value, cell.limits, cell.mark) == ("—", "", "")
    assert column(rows, "mse", 0).mark == "tied"
    change = change_rows(run)[0].changes[0]
    assert (change.value, change.verdict) == ("—", "unknown")


def test_a_measure_that_nobody_knows_is_not_shown():
    run = results(UNKNOWN)
    for found in run["losses"].values():
        found["ssim"] = UNKNOWN
    assert [measure.key for measure in measures_in(run["losses"])] == ["mse"]


def test_a_half_open_interval_is_shown_as_far_as_it_is_known():
    run = results({"mean": None, "low": 0.1, "high": None})
    run["losses"]["ms-ssim"]["ssim"] = {"mean": None, "low": 0.1, "high": None}
    assert column(score_rows(run), "ms-ssim", 0).limits == "[0.100, —]"


def test_an_unknown_octave_is_not_the_lowest():
    def octave(error):
        return {"octaves": [{"band": "1/4–1/2", "low": 0.25, "high": 0.5, "error": error}]}

    run = {"losses": {"mse": octave(UNKNOWN), "mae": octave(at(-2.0, -9, 0))}}
    _, rows = octave_rows(run)
    assert [(row.cells[0].value, row.cells[0].mark) for row in rows] == [
        ("—", ""),
        ("−2.00", "best"),
    ]


def test_octaves_mark_the_lowest_error():
    def octave(mean):
        return {
            "octaves": [{"band": "1/4–1/2", "low": 0.25, "high": 0.5, "error": at(mean, -9, 0)}]
        }

    bands, rows = octave_rows({"losses": {"mse": octave(-1.0), "mae": octave(-2.0)}})
    assert bands == ["1/4–1/2"]
    assert [row.cells[0].mark for row in rows] == ["", "best"]


def test_no_octaves_no_rows():
    assert octave_rows({"losses": {"mse": {}}}) == ([], [])


def test_numbers_use_a_true_minus():
    assert number(-1.5, 1) == "−1.5"
    assert signed(1.5, 1) == "+1.5"
    assert span(-0.5, 0.5, 1) == "[−0.5, 0.5]"


def test_a_rounded_zero_has_no_sign():
    assert number(-0.0004, 3) == "0.000"
    assert signed(0.0004, 3) == "0.000"


def test_durations():
    assert duration(3599.7) == "1 h 0 min"
    assert duration(0.44) == "0.4 s"


def test_a_missing_difference_is_open():
    assert decided(None) == 0
    assert tables.decided({"mean": 1.0}) == 0


@pytest.mark.parametrize(
    ("low", "high", "digits"),
    [
        (0.0002, 0.015, 4),
        (-0.015, -0.00002, 5),
        (-0.0002, 0.015, 3),
        (0.0, 0.015, 3),
        (0.0006, 0.015, 3),
        (1e-17, 0.015, 3),
        (0.02, math.inf, 3),
    ],
)
def test_digits_tell_a_limit_from_zero(low, high, digits):
    assert digits_for(low, high, 3) == digits
