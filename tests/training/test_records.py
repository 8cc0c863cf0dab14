from __future__ import annotations

import errno
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snellen.errors import UserError
from snellen.training.records import MetricsLog, Records, read_rows

MSE = {"loss": "mse", "seed": 0}
MAE = {"loss": "mae", "seed": 0}


def write(path, identity, *steps, after_step=0):
    log = MetricsLog(path, identity, after_step)
    for step in steps:
        log.write({"kind": "train", "step": step})
    log.close()


def steps(path, identity):
    return [row["step"] for row in read_rows(path, identity)]


def test_rows_carry_the_identity_and_survive_the_way_through_json(tmp_path):
    log = MetricsLog(tmp_path / "deep" / "metrics.jsonl", MSE)
    written = log.write({"kind": "train", "step": 1, "value": 0.1 + 0.2})
    log.close()
    assert written == {**MSE, "kind": "train", "step": 1, "value": 0.1 + 0.2}
    assert read_rows(log.path) == [written]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_json_does_not_have_becomes_null(tmp_path, value):
    log = MetricsLog(tmp_path / "metrics.jsonl", MSE)
    log.write({"kind": "validation", "step": 1, "psnr": value})
    log.close()
    assert json.loads(log.path.read_text())["psnr"] is None


def test_a_row_is_in_the_file_before_it_is_closed(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl", MSE)
    log.write({"kind": "train", "step": 1})
    assert steps(log.path, MSE) == [1]
    log.close()


def test_rows_past_the_checkpoint_are_dropped_but_not_those_of_others(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, MAE, 1, 2, 3)
    write(path, {**MSE, "fold": 1}, 1, 2, 3)
    write(path, MSE, 1, 2, 3)
    write(path, {**MSE, "fold": 1}, 3, after_step=2)
    assert steps(path, MAE) == [1, 2, 3]
    assert steps(path, {**MSE, "fold": 1}) == [1, 2, 3]


def test_a_training_without_tags_leaves_its_sisters_with_tags_alone(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, {**MSE, "fold": 1}, 1, 2)
    write(path, MSE, 1)
    assert len(read_rows(path)) == 3


def test_a_torn_last_line_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, MSE, 1, 2)
    with open(path, "ab") as file:
        file.write(b'{"loss": "mse", "seed": 0, "st')
    assert steps(path, MSE) == [1, 2]
    write(path, MSE, 3, after_step=2)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_a_last_line_without_its_end_is_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, MSE, 1, 2)
    path.write_bytes(path.read_bytes()[:-1])
    write(path, MSE, 2, after_step=1)
    assert steps(path, MSE) == [1, 2]


def test_a_file_without_faults_is_not_rewritten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, MSE, 1, 2)
    before = path.stat().st_ino
    write(path, MSE, 3, after_step=2)
    assert path.stat().st_ino == before


def test_a_full_disk_is_told(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl", MSE)

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    log.close()
    log._file = Full()
    with pytest.raises(UserError, match=r"metrics\.jsonl: the disk is full"):
        log.write({"kind": "train", "step": 1})


def test_curves_can_be_read_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Records(tmp_path, tmp_path.__class__("mse/seed-0"), MSE) as records:
        for step in (1, 2):
            records.write({"kind": "train", "step": step, "value": step / 2, "word": "x"})
    events = EventAccumulator(str(tmp_path / "tensorboard" / "mse" / "seed-0"))
    events.Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/value")] == [(1, 0.5), (2, 1.0)]


@pytest.mark.parametrize("after_step", [0, 1])
def test_steps_that_are_done_again_stand_once_in_the_curves(tmp_path, after_step):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start in (0, after_step):  # the second goes on from the checkpoint of `after_step`, or none
        with Records(tmp_path, tmp_path.__class__("mse"), MSE, start) as records:
            for step in range(start + 1, 4):
                records.write({"kind": "train", "step": step, "value": float(step)})
    events = EventAccumulator(str(tmp_path / "tensorboard" / "mse"))
    events.Reload()
    assert [event.step for event in events.Scalars("train/value")] == [1, 2, 3]


def test_a_disk_that_is_full_at_the_end_is_told_but_hides_no_other_error(tmp_path, monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    records = Records(tmp_path, tmp_path.__class__("mse"), MSE)
    with monkeypatch.context() as patch:
        patch.setattr(records.curves, "close", full)
        with pytest.raises(UserError, match="the disk is full"), records:
            pass
        with pytest.raises(ValueError, match="the first"), records:
            raise ValueError("the first")
    records.close()


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_stand_above_their_reconstructions(tmp_path, channels):
    originals = torch.randint(0, 256, (3, channels, 4, 5), dtype=torch.uint8)
    others = 255 - originals
    with Records(tmp_path, tmp_path.__class__("mse"), MSE) as records:
        records.write_pictures(20, originals, others)
    sheet = np.asarray(Image.open(tmp_path / "images" / "mse" / "step-00000020.png"))
    sheet = sheet.reshape(8, 15, channels)
    assert np.array_equal(sheet[:4, 5:10], originals[1].permute(1, 2, 0).numpy())
    assert np.array_equal(sheet[4:], 255 - sheet[:4])


def test_what_a_kill_left_half_written_is_removed(tmp_path):
    pictures = tmp_path / "images" / "mse" / "seed-0"
    pictures.mkdir(parents=True)
    left = [tmp_path / ".tmp-1-metrics.jsonl", pictures / ".tmp-2-step-00000001.png"]
    for path in left:
        path.write_bytes(b"half")
    (tmp_path / ".tmp-3-study-bundle" / "original").mkdir(parents=True)
    with Records(tmp_path, Path("mse/seed-0"), {"loss": "mse", "seed": 0}):
        pass
    assert list(tmp_path.rglob(".tmp-*")) == []
