from __future__ import annotations

import pytest
import torch
from torch import nn

from snellen.training import validation as validation_module
from snellen.training.examples import Examples
from snellen.training.processes import launch_fabric
from snellen.training.validation import validate


class Shift(nn.Module):
    """Adds a third of a gray level, and tells which mode it ran in."""

    def __init__(self):
        super().__init__()
        self.modes = []

    def forward(self, pictures):
        self.modes.append(self.training)
        return pictures + 1 / 765


def error(preds, target):
    return (preds - target).abs().mean((1, 2, 3))


@pytest.fixture(scope="module")
def fabric():
    return launch_fabric("cpu")


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 255, (7, 1, 4, 4), dtype=torch.uint8, generator=generator)


def check(network, pictures, fabric, **more):
    keywords = {"measures": {"error": error}, "precision": "fp32", "batch_size": 3, **more}
    return validate(network, nn.L1Loss(), Examples(pictures), fabric=fabric, **keywords)


def test_the_loss_sees_the_raw_output_and_measures_see_8_bit(fabric, pictures):
    found = check(Shift(), pictures, fabric)
    assert found.value == pytest.approx(1 / 765, rel=1e-4)
    assert found.measures == {"error": 0.0}
    assert torch.equal(found.examples, pictures)


def test_the_mean_is_over_pictures_however_they_are_batched(fabric, pictures):
    class Zero(nn.Module):
        def forward(self, pictures):
            return pictures * 0

    wanted = (pictures.double() / 255).mean().item()
    for size in (1, 3, 7, 100):
        found = check(Zero(), pictures, fabric, batch_size=size)
        assert found.pictures == 7
        assert found.value == pytest.approx(wanted, rel=1e-6)
        assert found.measures["error"] == pytest.approx(wanted, rel=1e-6)


def test_a_measure_may_return_its_mean(fabric, pictures):
    found = check(Shift(), pictures, fabric, measures={"mean": lambda preds, target: target.mean()})
    assert found.measures["mean"] == pytest.approx(
        (pictures.double() / 255).mean().item(), rel=1e-6
    )


class OneOfMany:
    """Stands for one process of four that share the pictures; it sums over itself alone."""

    world_size, device = 4, torch.device("cpu")

    def __init__(self, rank):
        self.global_rank = rank


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 8])
def test_each_picture_is_in_one_share_and_an_empty_share_adds_nothing(
    monkeypatch, pictures, number
):
    found = []
    monkeypatch.setattr(
        validation_module, "sum_over", lambda fabric, sums: found.append(sums) or sums.new_ones(3)
    )
    several = pictures.repeat(2, 1, 1, 1)[:number]
    networks = [Shift() for _ in range(4)]
    shown = [
        len(check(network, several, OneOfMany(rank)).examples)
        for rank, network in enumerate(networks)
    ]
    assert [bool(network.modes) for network in networks] == [sums[-1] > 0 for sums in found]
    assert sum(found)[-1] == number
    assert torch.stack(found).isfinite().all()
    assert max(sums[-1] for sums in found) <= -(-number // 4)
    assert shown[0] >= 1


def test_no_pictures_are_an_error(fabric, pictures):
    with pytest.raises(ValueError, match="no pictures"):
        check(Shift(), pictures[:0], fabric)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_measured_in_evaluation_mode_and_put_back(fabric, pictures, training):
    network = Shift().train(training)
    check(network, pictures, fabric)
    assert set(network.modes) == {False}
    assert network.training is training


def test_output_beyond_the_range_is_clipped_before_measuring(fabric):
    class Loud(nn.Module):
        def forward(self, pictures):
            return pictures * 3 - 1

    ends = torch.tensor([0, 255], dtype=torch.uint8).repeat(2, 8).reshape(2, 1, 4, 4)
    assert check(Loud(), ends, fabric).measures == {"error": 0.0}
