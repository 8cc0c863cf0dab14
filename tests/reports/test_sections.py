"""Panels of a report, from results as a run leaves them."""

import copy

import numpy as np
import pytest

from snellen.reports import sections
from snellen.reports.sections import (
    curve_panels,
    distribution_panels,
    octave_panel,
    sweep_panels,
)
from snellen.reports.tables import MEASURES


def rows(loss, count=5, **more):
    for step in range(1, count + 1):
        yield {"loss": loss, "seed": 0, "step": step, "kind": "train", "value": 1 / step, **more}


def test_values_and_differences_alternate(report):
    found = distribution_panels(report.per_picture, list(report.per_picture), MEASURES)
    assert [title for title, _ in found][:4] == [
        "PSNR", "PSNR, difference from mse", "SSIM", "SSIM, difference from mse",
    ]  # fmt: skip


def test_one_loss_has_no_differences(report):
    found = distribution_panels({"mse": report.per_picture["mse"]}, ["mse"], MEASURES)
    assert [title for title, _ in found] == ["PSNR", "SSIM", "MS-SSIM", "Edges F"]


def test_octaves_run_from_coarse_to_fine(report):
    panel = str(octave_panel(report.results))
    assert panel.index("1/32–1/16") < panel.index("1/4–1/2")


def test_without_octaves_there_is_no_panel(report):
    losses = {name: {"ssim": found["ssim"]} for name, found in report.results["losses"].items()}
    assert octave_panel({"losses": losses}) is None


def test_a_sweep_needs_two_sizes(report, add_sweep):
    assert sweep_panels(report.results) == []
    swept = add_sweep(report).results
    assert [title for title, _ in sweep_panels(swept)] == ["PSNR", "SSIM", "MS-SSIM", "Edges F"]
    assert sweep_panels({**swept, "sweep": swept["sweep"][:1]}) == []


def test_curves_are_drawn_for_what_the_rows_hold(report):
    titles = [title for title, _ in curve_panels(report.curves, ["mse", "mae", "ms-ssim"], 128)]
    assert titles == [
        "Validation PSNR", "Validation SSIM", "Validation MS-SSIM", "Training objective",
    ]  # fmt: skip


def test_rows_of_other_losses_and_code_sizes_are_passed_over():
    assert curve_panels([*rows("other"), *rows("mse", code=64)], ["mse"], 128) == []
    assert len(curve_panels(list(rows("mse", code=128)), ["mse"], 128)) == 1


def test_broken_rows_are_passed_over():
    broken = [
        {"loss": "mse"},
        {"loss": "mse", "seed": 0, "step": 1, "kind": "train", "value": None},
        {"loss": "mse", "seed": 0, "step": 2, "kind": "train", "value": float("nan")},
        {"kind": "note", "text": "resumed"},
    ]
    assert curve_panels(broken, ["mse"], None) == []


def test_an_objective_below_zero_has_no_share_of_its_first_value():
    negative = [{**row, "value": -row["value"]} for row in rows("mse")]
    assert curve_panels(negative, ["mse"], None) == []


def test_thinning_keeps_the_mean_and_the_last_step():
    points = [(step, float(step % 10)) for step in range(1, 4001)]
    steps, values = sections._thinned(points)
    assert len(steps) <= 160
    assert steps[-1] == 4000
    assert np.isclose(values.mean(), 4.5)


def test_folds_are_runs_of_their_own():
    two = [*rows("mse", fold=0), *rows("mse", fold=1)]
    ((_, _, runs),) = sections._curves(two, ["mse"], "train", "value")
    assert len(runs) == 2


def test_averaged_weights_are_drawn_where_they_were_validated_and_labelled():
    curves = [
        {"loss": "mse", "seed": 0, "step": s, "kind": "validation", "ssim": 0.1, "ema_ssim": 0.9}
        for s in (1, 2)
    ]
    ((title, panel),) = curve_panels(curves, ["mse"], None)
    assert title == "Validation SSIM, averaged weights"
    assert "SSIM on validation pictures, averaged weights. At the last step: mse: 0.9" in panel


def test_unknown_values_leave_gaps(report, add_sweep):
    swept = copy.deepcopy(dict(add_sweep(report).results))
    swept["sweep"][0]["losses"]["mse"]["psnr"] = dict.fromkeys(("mean", "low", "high"))
    swept["losses"]["mse"]["octaves"][0]["error"] = {"mean": None, "low": None, "high": 0.0}
    assert "mse: —, " in str(dict(sweep_panels(swept))["PSNR"])
    assert "—" in str(octave_panel(swept))


def test_infinities_of_both_signs_are_left_out_of_the_distribution():
    found = {"a": {"psnr": np.array([[np.inf, 30, 31], [-np.inf, 29, 30]])}}
    ((title, _),) = distribution_panels(found, ["a"], MEASURES)
    assert title == "PSNR"


def switching(every=10, length=200, name="mse>ms-ssim@0.5"):
    """Rows as a run writes them: the mean since the row before, 12 times higher in the end."""
    for step in range(every, length + 1, every):
        values = [(1 if i < length / 2 else 12) * (1 - i / 400) for i in range(step - every, step)]
        yield {"loss": name, "seed": 0, "step": step, "kind": "train", "value": np.mean(values)}


@pytest.mark.parametrize("every", [10, 30])
def test_a_loss_that_switches_starts_anew_at_the_switch(every):
    name = "mse>ms-ssim@0.5"
    before, after = sections._relative(list(switching(every)), [name], 200)
    ((steps, values),) = before[2]
    ((later, shares),) = after[2]
    assert steps[-1] <= 100 < later[0] - every + 1
    assert values[0] == shares[0] == 1
    assert max(values.max(), shares.max()) == 1


def test_one_loss_throughout_has_one_line():
    ((_, name, _),) = sections._relative(list(switching(name="mse")), ["mse"], 200)
    assert name == "mse"


def test_names_that_only_look_like_a_switch_have_none():
    assert sections._switches("a>b") == []
    assert sections._switches("mse>mae@0.2>ssim@0.6") == [0.2, 0.6]
