"""Numbers, marks and bars of the tables."""

import math

import pytest

from snellen.reports import tables
from snellen.reports.tables import (
    change_rows,
    decided,
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
