from __future__ import annotations

import errno
import json
import os

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.training.checkpoints import (
    Checkpoint,
    DamagedCheckpoint,
    best_checkpoint,
    latest_checkpoint,
    list_checkpoints,
    load_weights,
    prune_checkpoints,
    read_checkpoint,
    write_checkpoint,
)


def checkpoint(step: int, *, validation: float | None = None, **more) -> Checkpoint:
    tensors = {"weight": torch.full((3, 2), float(step)), "bias": torch.arange(3.0)}
    return Checkpoint(step=step, network=tensors, state={"validation": validation}, **more)


def names(folder):
    return [path.name for path in list_checkpoints(folder)]


def test_what_was_written_is_read(tmp_path):
    written = checkpoint(
        7,
        optimizer={"weight.step": torch.tensor(7.0)},
        ema={"weight": torch.rand(3, 2, dtype=torch.float64).bfloat16()},
        validation=0.1 + 0.2,
    )
    path = write_checkpoint(tmp_path, written)
    read = read_checkpoint(path)
    assert path.name == "step-00000007"
    assert (read.step, read.state) == (7, {"validation": 0.1 + 0.2})
    for part in ("network", "optimizer", "ema"):
        ours, theirs = getattr(written, part), getattr(read, part)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_nothing_in_it_is_pickled(tmp_path):
    path = write_checkpoint(tmp_path, checkpoint(1, ema={"weight": torch.rand(2)}))
    assert {p.suffix for p in path.iterdir()} == {".safetensors", ".json"}


def test_tied_and_strided_weights_survive(tmp_path):
    tied = torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last)
    path = write_checkpoint(tmp_path, Checkpoint(1, {"a": tied, "b": tied, "c": tied[:, :1].mT}))
    read = read_checkpoint(path).network
    assert torch.equal(read["a"], tied)
    assert torch.equal(read["b"], tied)
    assert torch.equal(read["c"], tied[:, :1].mT)


def test_an_average_may_be_missing(tmp_path):
    path = write_checkpoint(tmp_path, checkpoint(1))
    assert read_checkpoint(path).ema is None
    with pytest.raises(UserError, match="holds no averaged weights"):
        load_weights(nn.Linear(2, 3), path, ema=True)


def test_another_word_for_which_is_refused(tmp_path):
    write_checkpoint(tmp_path, checkpoint(1))
    with pytest.raises(UserError, match="last or best, not 'bset'"):
        load_weights(nn.Linear(2, 3), tmp_path, which="bset")


def cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        (cut, "network.safetensors", "bytes instead of"),
        (flip, "network.safetensors", "checksum differs"),
        (os.unlink, "optimizer.safetensors", "cannot be read"),
        (cut, "state.json", "state.json is missing or cannot be read"),
        (os.unlink, "state.json", "state.json is missing or cannot be read"),
    ],
)
def test_damage_is_seen_and_the_one_before_is_taken(tmp_path, damage, name, message):
    write_checkpoint(tmp_path, checkpoint(1))
    damaged = write_checkpoint(tmp_path, checkpoint(2))
    damage(damaged / name)
    with pytest.raises(DamagedCheckpoint, match=message) as caught:
        read_checkpoint(damaged)
    assert str(damaged) in str(caught.value)
    notes: list[str] = []
    found = latest_checkpoint(tmp_path, notes.append)
    assert found is not None
    assert found.step == 1
    assert len(notes) == 1
    assert message in notes[0]


def test_when_all_are_damaged_nothing_is_made_up(tmp_path):
    for step in (1, 2):
        cut(write_checkpoint(tmp_path, checkpoint(step)) / "network.safetensors")
    with pytest.raises(DamagedCheckpoint, match="step-00000001 is damaged") as caught:
        latest_checkpoint(tmp_path, lambda text: None)
    assert f"remove the folder {tmp_path} to train this one anew" in str(caught.value)


def test_without_any_there_is_none(tmp_path):
    assert latest_checkpoint(tmp_path / "nowhere", lambda text: None) is None
    assert best_checkpoint(tmp_path) is None


def test_a_newer_format_is_refused(tmp_path):
    path = write_checkpoint(tmp_path, checkpoint(1))
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**state, "format": 2}))
    with pytest.raises(UserError, match="format 2, and this version reads format 1"):
        read_checkpoint(path)


def test_a_damaged_one_of_the_same_step_is_replaced(tmp_path):
    path = write_checkpoint(tmp_path, checkpoint(1))
    cut(path / "network.safetensors")
    write_checkpoint(tmp_path, checkpoint(1))
    assert read_checkpoint(path).step == 1


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, fails_at):
    write_checkpoint(tmp_path, checkpoint(1))
    calls = iter(range(1, 9))

    def full(descriptor):
        if next(calls) == fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="step-00000002: the disk is full"):
        write_checkpoint(tmp_path, checkpoint(2, optimizer={"a": torch.rand(2)}))
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    assert read_checkpoint(tmp_path / "step-00000001").step == 1


def test_a_read_only_place_is_told(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(UserError, match="permission denied"):
        write_checkpoint(tmp_path, checkpoint(1))


def test_the_last_and_the_best_are_kept(tmp_path):
    values = {1: 0.5, 2: 0.1, 3: 0.4, 4: None, 5: 0.3}
    for step, value in values.items():
        write_checkpoint(tmp_path, checkpoint(step, validation=value))
        prune_checkpoints(tmp_path, keep_last=2, step=step)
    assert names(tmp_path) == ["step-00000002", "step-00000004", "step-00000005"]
    assert best_checkpoint(tmp_path) == tmp_path / "step-00000002"


def test_what_kills_left_behind_is_cleaned_up(tmp_path):
    (tmp_path / ".tmp-12345678-step-00000003").mkdir()
    write_checkpoint(tmp_path, checkpoint(4))
    prune_checkpoints(tmp_path, keep_last=1, step=4)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000004"]


def test_a_newer_damaged_one_does_not_push_out_a_good_one(tmp_path):
    cut(write_checkpoint(tmp_path, checkpoint(9)) / "network.safetensors")
    for step in (1, 2):
        write_checkpoint(tmp_path, checkpoint(step))
        prune_checkpoints(tmp_path, keep_last=1, step=step)
    assert names(tmp_path) == ["step-00000002", "step-00000009"]


@pytest.mark.parametrize(("which", "step"), [("last", 3), ("best", 2)])
def test_weights_are_loaded_from_the_folder_of_a_training(tmp_path, which, step):
    for number, value in ((1, 0.5), (2, 0.1), (3, 0.4)):
        write_checkpoint(tmp_path, checkpoint(number, validation=value))
    network = nn.Linear(2, 3)
    assert load_weights(network, tmp_path, which=which) == tmp_path / f"step-{step:08d}"
    assert torch.equal(network.weight, torch.full((3, 2), float(step)))


def test_a_place_without_checkpoints_is_told(tmp_path):
    with pytest.raises(UserError, match="there is no checkpoint in"):
        load_weights(nn.Linear(2, 3), tmp_path)
    with pytest.raises(UserError, match=r"there is no checkpoint .*step-00000001"):
        load_weights(nn.Linear(2, 3), tmp_path / "step-00000001")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(5, 3), r"its weight has shape \(3, 2\), this network's \(3, 5\)"),
        (nn.Linear(2, 3, bias=False), "its bias is not in this network"),
        (nn.Sequential(nn.Linear(2, 3)), "it has no 0.weight"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path, network, message):
    path = write_checkpoint(tmp_path, checkpoint(1))
    with pytest.raises(UserError, match=f"of another network: {message}"):
        load_weights(network, path)
