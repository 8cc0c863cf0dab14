"""A value that nobody knows is a dash in the report; it never stops one at the end of a run."""

import copy
import dataclasses
import math

import numpy as np
import pytest

from snellen.experiments.statistics import interval, paired_difference
from snellen.reports import write_reconstruction_report


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_report_of_nothing_but_unknown_values_is_written(report, add_sweep, tmp_path, value):
    def emptied(found):
        if isinstance(found, dict):
            if {"mean", "low", "high"} <= set(found):
                return dict.fromkeys(found, value)
            return {key: emptied(inner) for key, inner in found.items()}
        return [emptied(inner) for inner in found] if isinstance(found, list) else found

    swept = add_sweep(report)
    unknown = dataclasses.replace(swept, results=emptied(copy.deepcopy(dict(swept.results))))
    write_reconstruction_report(tmp_path / "r.html", unknown)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "has the highest SSIM" not in text
    assert ">nan<" not in text
    assert ">None<" not in text


def test_perfect_pictures_of_either_loss_are_reported(report, tmp_path):
    # Each of two losses is perfect on another picture: their PSNRs have no mean difference.
    psnr = {loss: np.array(found["psnr"]) for loss, found in report.per_picture.items()}
    psnr["mse"][:, 0] = psnr["ms-ssim"][:, 1] = np.inf
    results = copy.deepcopy(dict(report.results))
    for loss, values in psnr.items():
        results["losses"][loss]["psnr"] = interval(values, report.sources).as_dict()
    found = paired_difference(psnr["ms-ssim"], psnr["mse"], report.sources).as_dict()
    results["differences"]["ms-ssim"]["psnr"] = found
    per_picture = {k: {**v, "psnr": psnr[k]} for k, v in report.per_picture.items()}
    perfect = dataclasses.replace(report, results=results, per_picture=per_picture)
    write_reconstruction_report(tmp_path / "r.html", perfect)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "∞" in text
    assert '—<span class="hidden"> (not known)</span>' in text
