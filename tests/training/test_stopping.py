"""Trainings that stop, by a signal or a fault, and go on."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import shutil
import signal

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.training import Interrupted, list_checkpoints, load_weights
from snellen.training import loop as loop_module
from snellen.training import readings as readings_module
from snellen.training.checkpoints import read_checkpoint

PLACE = "checkpoints/mse/seed-0"


def test_the_best_checkpoint_is_kept(small, tmp_path):
    class Worsening(nn.Module):
        """Told apart by when it is asked: the first validation is the best."""

        calls = 0

        def forward(self, preds, target):
            if not torch.is_grad_enabled():
                Worsening.calls += 1
                return preds.new_tensor(float(Worsening.calls))
            return (preds - target).square().mean()

    small.run(
        tmp_path,
        steps=50,
        validate_every=10,
        ema=None,
        keep_last=1,
        losses=small.Plan(Worsening()),
    )
    assert [p.name for p in list_checkpoints(tmp_path / PLACE)] == [
        "step-00000010",
        "step-00000050",
    ]
    assert load_weights(small.make_network(), tmp_path / PLACE, which="best").name[-2:] == "10"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_with_step_and_files(small, tmp_path, value):
    with pytest.raises(UserError) as caught:
        small.run(tmp_path, losses=small.BadLoss(at=16, value=value))
    message = str(caught.value)
    assert "the loss of mse, seed 0 is not finite at step 17 of 40" in message
    assert all(f"16-{number}.png" in message for number in range(6))
    assert "step-00000010" in message
    kept = list_checkpoints(tmp_path / PLACE)
    assert [p.name for p in kept] == ["step-00000010"]
    assert all(v.isfinite().all() for v in read_checkpoint(kept[0]).network.values())
    report = json.loads((tmp_path / PLACE / "not-finite-step-00000017.json").read_text())
    assert report["files"] == [f"16-{number}.png" for number in range(6)]


def test_a_gradient_that_is_not_finite_stops_too(small, tmp_path):
    class Cliff(nn.Module):
        def forward(self, preds, target):
            return (preds - preds.detach()).sum().sqrt()  # 0, and its gradient is infinite

    with pytest.raises(UserError, match="the gradient of mse, seed 0 is not finite at step 1 "):
        small.run(tmp_path, losses=small.Plan(Cliff()))
    assert not list_checkpoints(tmp_path / PLACE)


def test_many_file_names_are_cut_and_listed_beside(small, tmp_path):
    with pytest.raises(UserError, match=r"0-15\.png and 4 more \(all in .*not-finite"):
        small.run(tmp_path, losses=small.BadLoss(at=0), batch_size=20)


def test_values_read_late_still_name_the_step_and_spoil_no_checkpoint(small, tmp_path, monkeypatch):
    """As on a GPU, where nothing is read until a row or a checkpoint is due."""
    real = readings_module.Readings.read

    def late(self):
        if len(self._unread) >= 10:
            real(self)

    monkeypatch.setattr(readings_module.Readings, "read", late)
    with pytest.raises(UserError, match=r"not finite at step 13 of 40; its batch held 12-0\.png"):
        small.run(tmp_path, losses=small.BadLoss(at=12), log_every=10)
    assert [p.name for p in list_checkpoints(tmp_path / PLACE)] == ["step-00000010"]


def test_other_threads_are_noted_when_a_training_goes_on(small, tmp_path, caplog):
    def interrupt(step):
        if step == 16:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        small.run(tmp_path, batches=small.batches(40, each=interrupt))
    state = list_checkpoints(tmp_path / PLACE)[-1] / "state.json"
    state.write_text(state.read_text().replace('"threads": 1', '"threads": 64'))
    small.run(tmp_path, resume=True)
    assert "started with 1 process(es) of 64 thread(s)" in caplog.text


def test_existing_checkpoints_are_not_overwritten(small, tmp_path):
    small.run(tmp_path, steps=2)
    with pytest.raises(UserError, match="--resume, or name another --out"):
        small.run(tmp_path, steps=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.5}, "learning_rate 0.01, and 0.5 was asked"),
        ({"steps": 50}, "steps 40, and 50 was asked"),
        ({"ema": None}, "ema 0.9, and None was asked"),
        ({"seed": 4}, "seed 0, and 4 was asked"),
        ({"loss_name": "mae"}, "loss 'mse', and 'mae' was asked"),
    ],
)
def test_resuming_with_other_settings_is_refused(small, tmp_path, change, message):
    small.run(tmp_path)
    with pytest.raises(UserError, match=message):
        small.run(tmp_path, resume=True, **change)


def test_resuming_another_network_is_refused(small, tmp_path):
    small.run(tmp_path)
    with pytest.raises(UserError, match=r"another network: its first.weight has shape \(4, 1, 3"):
        small.run(tmp_path, small.make_network(width=5), resume=True)


def test_a_finished_training_is_given_back_without_a_step(small, tmp_path):
    first = small.run(tmp_path)

    def no_batches(*args):
        raise AssertionError("no batch is needed")

    before = sorted(tmp_path.rglob("*"))
    again = small.run(tmp_path, small.Network(), resume=True, batches=no_batches)
    assert sorted(tmp_path.rglob("*")) == before
    assert small.weights(again.network) == small.weights(first.network)
    assert small.weights(again.ema_network) == small.weights(first.ema_network)
    assert again.history == first.history
    assert again.seconds == first.seconds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_leaves_and_the_training_goes_on_to_the_same_bits(small, tmp_path, number):
    whole = small.run(tmp_path / "whole")

    def interrupt(step):
        if step == 16:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as caught:
        small.run(tmp_path / "cut", batches=small.batches(40, each=interrupt))
    assert (caught.value.step, caught.value.exit_code) == (17, 128 + number)
    assert signal.getsignal(number) is before
    assert list_checkpoints(tmp_path / "cut" / PLACE)[-1].name == "step-00000017"
    resumed = small.run(tmp_path / "cut", small.Network(), resume=True)
    assert small.weights(resumed.network) == small.weights(whole.network)
    assert small.weights(resumed.ema_network) == small.weights(whole.ema_network)
    assert small.lasting(resumed.history) == small.lasting(whole.history)


def test_a_network_and_a_loss_that_draw_random_numbers_are_resumed_exactly(small, tmp_path):
    class Noisy(nn.Module):
        def forward(self, preds, target):
            return (preds - target).square().mean() * sum(small.draw())

    def interrupt(step):
        if step == 16:
            os.kill(os.getpid(), signal.SIGTERM)

    losses = small.Plan(Noisy())
    whole = small.run(tmp_path / "whole", losses=losses)
    with pytest.raises(Interrupted):
        small.run(tmp_path / "cut", losses=losses, batches=small.batches(40, each=interrupt))
    small.draw()  # the process that resumes is in another state
    resumed = small.run(tmp_path / "cut", small.Network(), losses=losses, resume=True)
    assert small.weights(resumed.network) == small.weights(whole.network)
    assert small.lasting(resumed.history) == small.lasting(whole.history)


def test_a_signal_during_the_last_save_is_not_lost(small, tmp_path, monkeypatch):
    real = loop_module.write_checkpoint

    def interrupted(folder, checkpoint):
        if checkpoint.step == 40:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(folder, checkpoint)

    monkeypatch.setattr(loop_module, "write_checkpoint", interrupted)
    with pytest.raises(Interrupted, match="after step 40 of 40") as caught:
        small.run(tmp_path)
    assert (caught.value.step, caught.value.root) == (40, tmp_path)
    monkeypatch.undo()
    assert small.run(tmp_path, small.Network(), resume=True).steps == 40


def test_a_truncated_checkpoint_is_passed_over_with_a_note(small, tmp_path, caplog):
    whole = small.run(tmp_path)
    newest = list_checkpoints(tmp_path / PLACE)[-1] / "network.safetensors"
    newest.write_bytes(newest.read_bytes()[:100])
    with caplog.at_level(logging.INFO, "snellen"):
        resumed = small.run(tmp_path, small.Network(), resume=True)
    assert "step-00000040 is damaged" in caplog.text
    assert small.weights(resumed.network) == small.weights(whole.network)
    assert small.lasting(resumed.history) == small.lasting(whole.history)
    assert read_checkpoint(newest.parent).step == 40


def test_with_all_checkpoints_damaged_the_training_begins_anew_as_it_is_told(small, tmp_path):
    whole = small.run(tmp_path)
    for path in list_checkpoints(tmp_path / PLACE):
        (path / "network.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=f"remove the folder {tmp_path / PLACE}"):
        small.run(tmp_path, small.Network(), resume=True)
    shutil.rmtree(tmp_path / PLACE)
    anew = small.run(tmp_path, resume=True)
    assert small.weights(anew.network) == small.weights(whole.network)
    assert small.lasting(anew.history) == small.lasting(whole.history)


def test_a_full_disk_stops_with_one_sentence_and_the_training_goes_on_later(
    small, tmp_path, monkeypatch
):
    whole = small.run(tmp_path / "whole")
    real = loop_module.write_checkpoint

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    def third(folder, checkpoint):
        if checkpoint.step == 30:
            monkeypatch.setattr(os, "fsync", full)
        return real(folder, checkpoint)

    monkeypatch.setattr(loop_module, "write_checkpoint", third)
    with pytest.raises(UserError, match="step-00000030: the disk is full"):
        small.run(tmp_path / "full")
    monkeypatch.undo()
    names = sorted(p.name for p in (tmp_path / "full" / PLACE).iterdir())
    assert names == ["step-00000010", "step-00000020"]
    resumed = small.run(tmp_path / "full", small.Network(), resume=True)
    assert small.weights(resumed.network) == small.weights(whole.network)
