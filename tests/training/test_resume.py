"""A training that is killed at random moments ends like one that is not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from snellen.training import read_rows
from snellen.training.checkpoints import list_checkpoints, read_checkpoint


@pytest.fixture(scope="module")
def killed(small_script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(small_script), "kills", str(folder), "8", "200"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_it_was_killed_more_than_once_and_got_on_between(killed):
    _, found = killed
    assert found["killed"] >= 3
    assert found["checkpoints"] == sorted(found["checkpoints"])
    assert len(set(found["checkpoints"])) > 1


def test_every_tensor_has_the_same_bits(killed):
    folder, _ = killed
    whole, broken = (
        read_checkpoint(list_checkpoints(folder / name / "checkpoints/mse/seed-0")[-1])
        for name in ("whole", "broken")
    )
    assert whole.step == broken.step == 200
    for part in ("network", "ema", "optimizer"):
        ours, theirs = getattr(whole, part), getattr(broken, part)
        assert ours.keys() == theirs.keys()
        assert all((ours[key] == theirs[key]).all() for key in ours), part


def test_the_log_is_the_same_with_no_step_twice(killed, small):
    folder, _ = killed
    whole, broken = (read_rows(folder / name / "metrics.jsonl") for name in ("whole", "broken"))
    assert small.lasting(broken) == small.lasting(whole)
    steps = [(row["kind"], row["step"]) for row in broken]
    assert len(steps) == len(set(steps))


def test_nothing_temporary_is_left(killed):
    folder, _ = killed
    left = list((folder / "broken").rglob(".tmp-*"))
    assert left == []
