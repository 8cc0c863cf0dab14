"""A network that minimises more than the loss: what is minimised, logged, saved and resumed."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.training import Interrupted
from snellen.training.checkpoints import list_checkpoints, read_checkpoint

PLACE = "checkpoints/mse/seed-0"
BRIEF = {"steps": 6, "log_every": 1, "validate_every": 3, "checkpoint_every": 3}


def test_the_log_has_the_loss_and_what_was_minimised(small, tmp_path):
    network = small.Own()
    seen = []
    own = network.objective

    def objective(loss, fraction):
        value = own(loss, fraction)
        seen.append((loss.item(), value.item(), fraction))
        return value

    network.objective = objective
    outcome = small.run(tmp_path, network, ema=None, **BRIEF)
    rows = [row for row in outcome.history if row["kind"] == "train"]
    assert [row["value"] for row in rows] == pytest.approx([loss for loss, _, _ in seen])
    assert [row["objective"] for row in rows] == pytest.approx([value for _, value, _ in seen])
    assert [fraction for _, _, fraction in seen] == [step / 6 for step in range(6)]


def test_a_network_without_one_has_no_such_column(small, tmp_path):
    outcome = small.run(tmp_path, small.autoencoder(), **BRIEF)
    assert not any("objective" in row for row in outcome.history)


def test_its_gradient_is_that_of_the_objective(small, tmp_path):
    network = small.Own()
    pictures = small.pictures(0, 6).float() / 255
    loss = nn.functional.mse_loss(network(pictures), pictures)
    gradients = torch.autograd.grad(network.objective(loss, 0.0), list(network.parameters()))
    outcome = small.run(tmp_path, small.Own(), steps=1, clip_norm=None)
    norm = torch.cat([g.flatten() for g in gradients]).norm().item()
    assert outcome.history[0]["gradient_norm"] == pytest.approx(norm, rel=1e-5)


def test_an_objective_that_is_not_finite_stops_the_training(small, tmp_path):
    network = small.Own()
    own = network.objective
    network.objective = lambda loss, fraction: own(loss, fraction) * (1 if fraction < 0.5 else 1e39)
    with pytest.raises(UserError, match="loss of mse, seed 0 is not finite at step 4 of 6"):
        small.run(tmp_path, network, ema=None, **BRIEF)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_variational_training_goes_on_to_the_same_bits(small, tmp_path, precision):
    """Weights, average and log; stopped in the middle of the warm-up and of an interval."""
    options = {**BRIEF, "log_every": 4, "precision": precision}
    whole = small.run(tmp_path / "whole", small.variational(), **options)

    def stop(step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        small.run(
            tmp_path / "parts",
            small.variational(),
            batches=small.batches(6, each=stop),
            **options,
        )
    parts = small.run(tmp_path / "parts", small.variational(), resume=True, **options)
    assert small.weights(parts.network) == small.weights(whole.network)
    assert small.weights(parts.ema_network) == small.weights(whole.ema_network)
    assert small.lasting(parts.history) == small.lasting(whole.history)


def test_the_noise_depends_on_the_seed_of_the_training(small, tmp_path):
    first, again, other = (
        small.weights(small.run(tmp_path / str(i), small.variational(), seed=seed, **BRIEF).network)
        for i, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other


def test_validation_is_of_the_mean_and_the_average_keeps_the_weight_of_the_loss(small, tmp_path):
    outcome = small.run(tmp_path, small.variational(), **BRIEF)
    x = small.pictures(99, 5).float() / 255
    for prefix, network in (("", outcome.network), ("ema_", outcome.ema_network)):
        value = nn.functional.mse_loss(network.eval()(x), x).item()
        assert outcome.history[-1][f"{prefix}value"] == pytest.approx(value, rel=1e-5)
    saved = read_checkpoint(list_checkpoints(tmp_path / PLACE)[-1])
    assert saved.network["weight"] == saved.ema["weight"] == small.variational().weight


def test_a_network_that_was_not_calibrated_is_told(small, tmp_path):
    network = small.variational()
    network.weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="call calibrate"):
        small.run(tmp_path, network, **BRIEF)
