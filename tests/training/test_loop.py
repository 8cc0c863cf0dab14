from __future__ import annotations

import io
import threading

import pytest
import torch
from rich.console import Console
from torch import nn

from snellen.errors import UserError
from snellen.training import list_checkpoints, read_rows
from snellen.training.checkpoints import read_checkpoint
from snellen.training.randomness import own_random_state

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


def test_the_global_random_states_are_untouched(small, tmp_path):
    with own_random_state(torch.device("cpu")):
        expected = small.draw()
    small.run(tmp_path, steps=3)
    with own_random_state(torch.device("cpu")):
        assert small.draw() == expected


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
        assert outcome.precision == precision
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


def test_saved_weights_have_the_keys_of_the_bare_network(small, tmp_path):
    network = small.make_network()
    small.run(tmp_path, torch.compile(network, backend="eager"), steps=2)
    saved = read_checkpoint(list_checkpoints(tmp_path / PLACE)[-1])
    assert saved.network.keys() == network.state_dict().keys()
    assert saved.ema is not None
    assert saved.ema.keys() == network.state_dict().keys()


def test_a_network_of_another_output_is_refused(small, tmp_path):
    network = nn.Conv2d(1, 2, 3, padding=1)
    with pytest.raises(UserError, match=r"\(6, 2, 8, 8\) where \(6, 1, 8, 8\)"):
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


def test_it_works_outside_the_main_thread(small, tmp_path):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(small.run(tmp_path, steps=3)))
    thread.start()
    thread.join()
    assert outcomes[0].steps == 3


def test_a_terminal_sees_the_progress(small, tmp_path):
    console = Console(force_terminal=True, width=120, file=io.StringIO())
    small.run(tmp_path, progress=console, tags={"fold": 1})
    text = console.file.getvalue()
    assert "mse, seed 0, fold 1" in text
    assert "40/40" in text


def test_nothing_is_printed_without_a_terminal(small, tmp_path, capfd):
    small.run(tmp_path, progress=True)
    assert capfd.readouterr() == ("", "")
