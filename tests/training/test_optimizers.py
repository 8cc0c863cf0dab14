"""Muon moves matrices, AdamW the rest; both go on from a checkpoint as if nothing had been."""

from __future__ import annotations

import math
import shutil

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.training import TrainingOptions
from snellen.training.checkpoints import list_checkpoints, read_checkpoint
from snellen.training.optimizers import Optimizers, as_matrix, as_rows

CPU = torch.device("cpu")


def optimizers(network, kind, **changes):
    options = TrainingOptions(steps=9, optimizer=kind, **changes)
    return Optimizers(network.named_parameters(), options, CPU)


def network(layout=torch.contiguous_format):
    torch.manual_seed(4)
    built = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU(), nn.Conv2d(8, 1, 3))
    return built.to(memory_format=layout)


def gradients(trained, seed):
    torch.manual_seed(seed)
    for parameter in trained.parameters():
        values = torch.randn(parameter.shape)
        parameter.grad = torch.empty_like(parameter).copy_(values)


def test_adamw_is_the_one_of_torch():
    ours, theirs = network(), network()
    mine = optimizers(ours, "adamw", weight_decay=0.1)
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.5, weight_decay=0.1)
    for seed in range(3):
        gradients(ours, seed)
        gradients(theirs, seed)
        mine.step(0.5)
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_first_muon_step_is_nearly_orthogonal_and_as_large_as_one_of_adamw():
    trained = network()
    before = trained[0].weight.detach().clone()
    mine = optimizers(trained, "muon")
    gradients(trained, 0)
    mine.step(1.0)
    step = (trained[0].weight - before).detach().flatten(1)
    singular = torch.linalg.svdvals(step / (0.2 * math.sqrt(75)))
    assert singular.min() > 0.6
    assert singular.max() < 1.3


def test_vectors_and_single_rows_are_moved_by_adamw():
    muon, adamw = network(), network()
    mine, reference = optimizers(muon, "muon"), optimizers(adamw, "adamw")
    gradients(muon, 1)
    gradients(adamw, 1)
    mine.step(0.1)
    reference.step(0.1)
    moved_alike = [
        torch.equal(a, b) for a, b in zip(muon.parameters(), adamw.parameters(), strict=True)
    ]
    assert moved_alike == [False, True, True, True]


def test_how_a_weight_lies_in_memory_makes_no_difference():
    plain, pixelwise = network(), network(torch.channels_last)
    for trained in (plain, pixelwise):
        mine = optimizers(trained, "muon")
        for seed in range(3):
            gradients(trained, seed)
            mine.step(0.1)
    for a, b in zip(plain.parameters(), pixelwise.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0)  # Muon orthogonalises in bfloat16


def test_a_matrix_shares_the_memory_of_its_weight_and_orders_gradients_alike():
    weight = torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last)
    matrix = as_matrix(weight)
    matrix[1, 2] = 7.0
    assert (weight == 7.0).sum() == 1
    assert torch.equal(as_rows(weight.contiguous(), like=weight), matrix)


def test_rows_with_gaps_are_no_matrix():
    assert as_matrix(torch.randn(4, 6, 3)[:, ::2]) is None


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_stopped_training_goes_on_to_the_same_bits(kind, tmp_path, small):
    saved = []
    for name in ("whole", "parts"):
        folder = tmp_path / name
        place = folder / "checkpoints/mse/seed-0"
        small.run(folder, optimizer=kind, checkpoint_every=20, keep_last=9)
        if name == "parts":  # as if killed after the first checkpoint
            for late in list_checkpoints(place)[1:]:
                shutil.rmtree(late)
            small.run(folder, optimizer=kind, checkpoint_every=20, keep_last=9, resume=True)
        saved.append(read_checkpoint(list_checkpoints(place)[-1]))
    whole, parts = saved
    assert whole.step == parts.step == 40
    for part in ("network", "optimizer"):
        first, second = getattr(whole, part), getattr(parts, part)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first), part


def test_muon_keeps_its_momentum_under_the_name_of_the_parameter(tmp_path, small):
    small.run(tmp_path, optimizer="muon")
    folder = list_checkpoints(tmp_path / "checkpoints/mse/seed-0")[-1]
    names = set(read_checkpoint(folder).optimizer)
    assert "first.weight.momentum_buffer" in names
    assert "first.bias.exp_avg" in names
    assert "first.weight.exp_avg" not in names


def test_a_training_does_not_go_on_under_another_optimizer(tmp_path, small):
    small.run(tmp_path, steps=20)
    with pytest.raises(UserError, match="optimizer 'adamw', and 'muon'"):
        small.run(tmp_path, steps=20, optimizer="muon", resume=True)


def test_an_unknown_optimizer_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="muon"):
        TrainingOptions(steps=1, optimizer="mun")
