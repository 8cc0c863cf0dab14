"""Four gloo processes, in groups of 1, 2 and 4, against this one: the same bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import streaming_worker as worker

NAMES = sorted(worker.streaming())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each process wrote."""
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, str(Path(worker.__file__))]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(folder)], stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for rank in range(worker.PROCESSES)
    ]
    try:
        for process in started:
            out, error = process.communicate(timeout=300)
            assert process.returncode == 0, error.decode()
            assert out == b""
    finally:
        for process in started:
            process.kill()
    return [
        json.loads((folder / f"found-{rank}.json").read_text()) for rank in range(worker.PROCESSES)
    ]


@pytest.fixture(scope="module")
def alone() -> dict[str, list[str]]:
    """What this process finds, all pictures at once."""
    metrics = worker.streaming()
    worker.fill(metrics, list(range(worker.PICTURES)), size=worker.PICTURES)
    return worker.written(metrics)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_all_that_is_known_is_the_same_in_every_process(
    world: int, found: list[dict[str, Any]], alone: dict[str, list[str]]
) -> None:
    for rank in range(world):
        assert found[rank][f"streaming {world}"] == alone
    counts = [found[rank][f"own count {world}"] for rank in range(world)]
    assert sum(counts) == worker.PICTURES  # sync leaves each process its own pictures
    assert all(counts)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_torchmetrics_finds_the_same_mean(
    world: int, found: list[dict[str, Any]], alone: dict[str, list[str]]
) -> None:
    means = {name: values[1] for name, values in alone.items()}
    for rank in range(world):
        assert found[rank][f"torchmetrics {world}"] == means


def test_processes_may_have_no_pictures(
    found: list[dict[str, Any]], alone: dict[str, list[str]]
) -> None:
    assert [one["one has all"] for one in found] == [alone] * worker.PROCESSES


def test_processes_that_measure_something_else_are_told(found: list[dict[str, Any]]) -> None:
    for one in found:
        assert one["another measure"].startswith("The processes do not measure the same: ")
    assert "this one measures mse()" in found[1]["another measure"]


def test_the_measures_differ(alone: dict[str, list[str]]) -> None:
    by_engine = [values[1] for name, values in alone.items() if "definition" not in name]
    assert len(set(by_engine)) == len(by_engine) == 4
    assert len(NAMES) == 6
