"""The benchmark of a study's intervals, in small: wide bands that a wrong interval leaves."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def measured():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT), *sys.path])
        yield importlib.import_module("benchmarks.study_intervals").measured


@pytest.fixture(scope="module")
def nested(measured):
    return measured("nested", 0.0, 40, 100)


def test_intervals_over_participants_cover(nested):
    for name, found in nested["intervals"].items():
        assert found["studies"] == 40
        assert found["covers"] >= 0.85, name


def test_a_nested_design_has_no_agreement_to_measure(nested):
    assert set(nested["intervals"]) == {
        "share of first places",
        "mean rank",
        "win rate",
        "log-worth",
        "worth",
        "metric, overall",
        "metric, first",
        "metric, per picture",
    }


def test_rows_are_no_blocks(nested):
    errors = nested["p_below_.05"]
    assert errors["Friedman by picture"] > 0.3  # every picture is one row here
    assert errors["Friedman by participant"] < 0.2
    assert errors["Wilcoxon, any pair"] < 0.2


def test_two_way_intervals_cover(measured):
    found = measured("crossed", 0.4, 15, 100)["intervals"]
    assert len(found) == 14
    for name, each in found.items():
        assert each["covers"] >= 0.75, name
