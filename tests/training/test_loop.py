from __future__ import annotations

import errno
import io
import json
import logging
import math
import os
import signal
import threading

import pytest
import torch
from rich.console import Console
from torch import nn

from snellen.errors import UserError
from snellen.training import Interrupted, list_checkpoints, load_weights, read_rows
from snellen.training import loop as loop_module
from snellen.training import readings as readings_module
from snellen.training.checkpoints import read_checkpoint

PLACE = "checkpoints/mse/seed-0"


def steps_of(rows, kind):
    return [row["step"] for row in rows if row["kind"] == kind]


def test_training_lowers_the_loss_and_leaves_everything_in_its_place(small, tmp_path):
    outcome = small.run(tmp_path, steps=60, checkpoint_every=25)
    values = [row["value"] for row in outcome.history if row["kind"] == "train"]
    assert values[-1] < values[0] / 2
    assert outcome.steps == 60
    assert outcome.seconds > 0
    assert [p.name for p in list_checkpoints(tmp_path / PLACE)] == [
        "step-00000050",
        "step-00000060",
    ]
    assert (tmp_path / "images/mse/seed-0/step-00000060.png").exists()
    assert list((tmp_path / "tensorboard/mse/seed-0").iterdir())


def test_rows_are_due_every_so_often_and_at_the_end(small, tmp_path):
    outcome = small.run(tmp_path, tags={"fold": 2})
    assert steps_of(outcome.history, "train") == [7, 14, 21, 28, 35, 40]
    assert steps_of(outcome.history, "validation") == [20, 40]
    assert all((r["loss"], r["seed"], r["fold"]) == ("mse", 0, 2) for r in outcome.history)
    assert read_rows(tmp_path / "metrics.jsonl") == outcome.history


def test_a_row_holds_the_mean_loss_of_its_interval(small, tmp_path):
    fine = small.run(tmp_path / "fine", steps=6, log_every=1).history
    coarse = small.run(tmp_path / "coarse", steps=6, log_every=3).history
    singles = [row["value"] for row in fine if row["kind"] == "train"]
    means = [row["value"] for row in coarse if row["kind"] == "train"]
    assert means == pytest.approx([sum(singles[:3]) / 3, sum(singles[3:]) / 3], rel=1e-12)


def test_validation_measures_weights_and_average(small, tmp_path):
    row = small.run(tmp_path).history[-1]
    assert row["pictures"] == 5
    assert row.keys() >= {"value", "error", "ema_value", "ema_error"}
    assert row["value"] != row["ema_value"]


def test_the_same_seed_gives_the_same_bits_and_another_does_not(small, tmp_path):
    first, again, other = (
        small.weights(small.run(tmp_path / str(i), seed=seed, batches=small.batches(40)).network)
        for i, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other  # by dropout alone


def test_the_global_random_state_is_untouched(small, tmp_path):
    before = torch.random.get_rng_state()
    small.run(tmp_path, steps=3)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_average_follows_the_weights(small, tmp_path):
    """Recomputed from the weights of every step."""
    seen = []

    class Watched(type(small.make_network())):
        def forward(self, pictures):
            if self.training:
                seen.append(self.first.weight.detach().clone())
            return super().forward(pictures)

    torch.manual_seed(0)
    outcome = small.run(tmp_path, Watched(), steps=20, ema=0.7)
    average = seen[0].clone()
    for step, weight in enumerate([*seen[1:], outcome.network.first.weight.detach()]):
        decay = min(0.7, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weight
    assert outcome.ema_network is not None
    torch.testing.assert_close(outcome.ema_network.first.weight, average)
    assert torch.equal(outcome.ema_network.norm.running_mean, outcome.network.norm.running_mean)


def test_without_an_average_there_is_none(small, tmp_path):
    outcome = small.run(tmp_path, steps=2, ema=None)
    assert outcome.ema_network is None
    assert not list(tmp_path.rglob("ema.safetensors"))


@pytest.mark.parametrize("limit", [None, 1e-3])
def test_a_long_gradient_is_scaled_down(small, tmp_path, limit):
    plain = small.make_network(dropout=0.0, norm=False)
    outcome = small.run(tmp_path, plain, steps=1, clip_norm=limit, warmup=0.0)
    tensors = read_checkpoint(list_checkpoints(tmp_path / PLACE)[-1]).optimizer
    first_moments = [value for key, value in tensors.items() if key.endswith("exp_avg")]
    taken = nn.utils.get_total_norm(first_moments).item() / 0.1  # AdamW's 1 − β₁
    told = outcome.history[0]["gradient_norm"]
    assert told > 1e-2
    assert taken == pytest.approx(limit or told, rel=1e-3)


def test_bfloat16_trains_to_about_the_same_and_keeps_float32_weights(small, tmp_path):
    ends = {}
    for precision in ("fp32", "bf16"):
        outcome = small.run(tmp_path / precision, steps=60, precision=precision)
        ends[precision] = outcome.history[-1]["value"]
        assert {p.dtype for p in outcome.network.parameters()} == {torch.float32}
    assert ends["bf16"] != ends["fp32"]
    assert ends["bf16"] == pytest.approx(ends["fp32"], rel=0.05)


def test_under_bfloat16_the_loss_sees_float32_outside_autocast(small, tmp_path):
    seen = set()

    class Spy(nn.Module):
        def forward(self, preds, target):
            product = preds[:1, 0] @ target[:1, 0]
            seen.add((preds.dtype, target.dtype, product.dtype))
            return (preds - target).square().mean()

    small.run(tmp_path, steps=2, precision="bf16", losses=small.Plan(Spy()))
    assert seen == {(torch.float32,) * 3}


def test_the_loss_switches_on_the_way_and_validation_uses_the_last(small, tmp_path):
    class Scaled(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, preds, target):
            return self.factor + 0 * preds.mean()

    rows = small.run(
        tmp_path, steps=8, log_every=2, validate_every=2, losses=small.Plan(Scaled(1), Scaled(5))
    ).history
    assert [row["value"] for row in rows if row["kind"] == "train"] == [1, 1, 5, 5]
    assert {row["value"] for row in rows if row["kind"] == "validation"} == {5}


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


def test_saved_weights_have_the_keys_of_the_bare_network(small, tmp_path):
    network = small.make_network()
    small.run(tmp_path, torch.compile(network, backend="eager"), steps=2)
    saved = read_checkpoint(list_checkpoints(tmp_path / PLACE)[-1])
    assert saved.network.keys() == network.state_dict().keys()
    assert saved.ema is not None
    assert saved.ema.keys() == network.state_dict().keys()


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


def test_a_network_of_another_output_is_refused(small, tmp_path):
    network = nn.Conv2d(1, 2, 3, padding=1)
    with pytest.raises(UserError, match=r"\(6, 1, 8, 8\) into \(6, 2, 8, 8\)"):
        small.run(tmp_path, network, steps=1)


def test_a_loss_of_more_than_one_number_is_refused(small, tmp_path):
    with pytest.raises(UserError, match=r"the loss mse returns a tensor of shape \(6, 1, 8, 8\)"):
        small.run(tmp_path, losses=small.Plan(nn.MSELoss(reduction="none")))


def test_a_network_that_cannot_take_the_pictures_is_told(small, tmp_path):
    with pytest.raises(UserError, match=r"cannot work on these pictures: .*channels"):
        small.run(tmp_path, nn.Conv2d(3, 1, 3), steps=1)


def test_too_little_memory_is_told_at_any_step(small, tmp_path):
    class Greedy(small.BadLoss):
        def forward(self, preds, target):
            loss = super().forward(preds, target)
            if self.step == self.bad:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore")
            return loss

    with pytest.raises(UserError, match=r"not enough memory .* smaller batch_size"):
        small.run(tmp_path, losses=Greedy(at=5, value=1.0))


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


def test_batches_that_end_early_are_an_error(small, tmp_path):
    with pytest.raises(ValueError, match="the batches ended before step 3 of 40"):
        small.run(tmp_path, batches=small.batches(3))


def test_batches_of_another_step_are_an_error(small, tmp_path):
    stream = small.batches(40)
    with pytest.raises(ValueError, match="a batch of step 1 came where step 0 was due"):
        small.run(tmp_path, batches=lambda start, rank, world: stream(1, rank, world))


class Stream:
    """Batches that want to be closed."""

    def __init__(self, source):
        self.source, self.closed = source, 0

    def __iter__(self):
        return self.source

    def close(self):
        self.closed += 1


class Entered(Stream):
    close = None  # type: ignore[assignment]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.closed += 1


@pytest.mark.parametrize("kind", [Stream, Entered])
@pytest.mark.parametrize("fails", [False, True])
def test_the_stream_is_closed(small, tmp_path, kind, fails):
    stream = kind(small.batches(2 if fails else 5)(0, 0, 1))
    try:
        small.run(tmp_path, steps=5, batches=lambda *_: stream)
    except ValueError:
        assert fails
    assert stream.closed == 1


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


def test_it_works_outside_the_main_thread(small, tmp_path):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(small.run(tmp_path, steps=3)))
    thread.start()
    thread.join()
    assert outcomes[0].steps == 3


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


def test_a_terminal_sees_the_progress(small, tmp_path):
    console = Console(force_terminal=True, width=120, file=io.StringIO())
    small.run(tmp_path, progress=console, tags={"fold": 1})
    text = console.file.getvalue()
    assert "mse, seed 0, fold 1" in text
    assert "40/40" in text


def test_nothing_is_printed_without_a_terminal(small, tmp_path, capfd):
    small.run(tmp_path, progress=True)
    assert capfd.readouterr() == ("", "")
