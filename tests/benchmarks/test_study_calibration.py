"""What the benchmark of the headline compares with, and how it knows the truth."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from snellen.study.observers import Observers, simulate_many

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])


def test_friedman_is_that_of_scipy_with_ties():
    from benchmarks.study_calibration import friedman

    blocks = np.random.default_rng(0).integers(0, 4, (5, 12, 3)).astype(float)
    expected = [stats.friedmanchisquare(*study.T).pvalue for study in blocks]
    assert friedman(blocks) == pytest.approx(expected, abs=1e-12)


def test_the_expected_difference_is_what_many_rankings_have():
    from benchmarks.study_calibration import expected_difference

    observers = Observers((0.8, 0.4, 0.0))
    alone = np.arange(400_000)
    ranks = simulate_many(observers, alone, alone, 1, np.random.default_rng(1))[0]
    found = (ranks[:, 0] - ranks[:, 1]).mean()
    expected = expected_difference((0.8, 0.4, 0.0), np.hypot(0.5, 0.8), 0, 1)
    assert found == pytest.approx(expected, abs=0.008)
    assert expected_difference((0.0, 0.0), 1.0, 0, 1) == 0


def test_a_small_calibration_has_every_column(monkeypatch):
    from benchmarks import study_calibration

    found = study_calibration.calibration(("crossed", 6, 8, 8), "none", 0.0, 30, 200, 0)
    assert set(found["friedman_rejects"]) == {"row", "participant", "picture"}
    assert found["headline"]["rejects"]["mean"] == pytest.approx(
        1 - found["headline"]["covers"]["mean"]
    )
    row = {"case": {"what": "calibration", "shape": ["crossed", 6, 8, 8], "gap": 0.0}}
    row["case"]["effects"] = "none"
    assert "headline: rejects" in study_calibration.line({**row, "found": found})


def test_pictures_of_one_photograph_are_alike_and_others_are_not():
    from benchmarks.study_calibration import of_photographs

    observers = Observers((0.0, 0.0), person_sd=0.0, picture_sd=20.0)
    one, picture = np.zeros(4, int), np.arange(4)
    ranks = of_photographs(observers, one, picture, picture // 2, 4000, np.random.default_rng(0))[
        :, :, 0
    ]
    together = np.corrcoef(ranks.T)
    # Signs of normals that correlate by ½ correlate by 1/3.
    assert together[0, 1] == pytest.approx(1 / 3, abs=0.06)
    assert together[0, 2] == pytest.approx(0, abs=0.06)


def test_a_calibration_with_photographs_takes_them_for_samples():
    from benchmarks import study_calibration

    found = study_calibration.calibration(
        ("nested", 6, 8, 48), "people and pictures", 0.0, 20, 200, 0, photographs=6
    )
    assert "two-way bootstrap, percentiles" in found  # and no t interval over participants
    assert 0 <= found["any_pair_after_holm"]["mean"] <= 0.5


def test_what_was_measured_reaches_the_goals():
    record = json.loads((ROOT / "docs/results/study_calibration.json").read_text(encoding="utf-8"))
    rows = record["numbers"]["rows"]
    goals = [
        ("nested", 20, 50, 1000),
        ("crossed", 20, 50, 50),
        ("balanced-incomplete", 20, 50, 200),
    ]
    for shape in goals:
        those = [row for row in rows if tuple(row["case"]["shape"]) == shape]
        for row in those:
            case, found = row["case"], row["found"]
            if case["what"] == "power":
                assert found["largest_difference"] < 0.05
                continue
            assert case["studies"] >= 2000
            covers = found["headline"]["covers"]["mean"]
            assert covers >= 0.935
            if case["effects"] != "none":
                assert covers <= 0.97
                if case["gap"] == 0:
                    assert 0.035 <= found["headline"]["rejects"]["mean"] <= 0.065
                    assert found["any_pair_after_holm"]["mean"] <= 0.065
        assert len(those) == 8
