"""The page of the benchmarks is what their record gives; goals are judged as they are worded."""

import doctest
import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "docs" / "results" / "benchmarks.json"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])


def test_the_page_is_what_the_record_gives():
    if not RECORD.exists():
        pytest.skip("docs/results/benchmarks.json is not there yet: make bench writes it")
    from benchmarks.comparison.page import page
    from benchmarks.write_benchmarks_page import DOCS, IMAGE

    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert not record["numbers"]["quick"]
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == page(record, IMAGE.as_posix())
    assert (DOCS / IMAGE).exists()


@pytest.mark.parametrize("name", ["memory", "page", "targets", "turns"])
def test_the_examples_hold(name):
    result = doctest.testmod(importlib.import_module(f"benchmarks.comparison.{name}"))
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(
    ("measured", "at_least", "reached"),
    [(2.0, True, True), (1.9, True, False), (2.0, False, True), (2.1, False, False)],
)
def test_a_goal_is_reached_on_its_own_side_of_the_bound(measured, at_least, reached):
    from benchmarks.comparison.targets import Target

    assert Target("", 2.0, measured, at_least).reached is reached


def test_what_was_not_measured_is_not_reached():
    from benchmarks.comparison.targets import Target

    assert Target("", 2.0, None).reached is None


def row(median):
    return {"times_ours": {"median": median}}


def test_the_fastest_peer_is_of_the_same_metric_and_not_ours():
    from benchmarks.comparison.targets import fastest_peer

    rows = {
        "torch mse_loss": {},
        "snellen MS-SSIM": {},
        "kornia SSIM": row(0.5),
        "slow MS-SSIM": row(40.0),
        "fast MS-SSIM": row(30.0),
    }
    assert fastest_peer({"one_gradient": {"rows": rows}}, "MS-SSIM") == "fast MS-SSIM"
    assert fastest_peer({"one_gradient": {"rows": {}}}, "SSIM") is None


def test_flatness_looks_from_512_on():
    from benchmarks.comparison.targets import flatness

    times = {"64": 900.0, "512": 4.0, "1024": 3.0, "8192": 6.0}
    assert flatness({side: {"median": value} for side, value in times.items()}) == 2.0


def test_readings_are_taken_in_turn_and_a_refusal_is_kept():
    from benchmarks.comparison.turns import LEAST, in_turn

    order = []

    def slow(name):
        import time

        return lambda: (order.append(name), time.sleep(LEAST))

    def refuses():
        raise ValueError("too small\nby far")

    turns = in_turn({"a": slow("a"), "b": slow("b"), "c": refuses}, rounds=2)
    assert turns.refused == {"c": "ValueError: too small"}
    assert {name: len(seconds) for name, seconds in turns.seconds.items()} == {"a": 2, "b": 2}
    assert order[4:] == ["a", "b", "b", "a"]


def test_peak_memory_of_two_copies_is_two_inputs():
    import torch
    from benchmarks.comparison.memory import peak_of

    x = torch.ones(2**24)  # 64 MiB
    assert peak_of(lambda: (x.clone(), x.clone())) / (4 * x.numel()) == pytest.approx(2, abs=0.1)
