"""What is generated from codes, and how the use of a code is measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from snellen.experiments.autoencoders import network_for, prepare_network
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.generation import (
    SAMPLES,
    STEPS,
    draw_pairs,
    generate,
    generation_input,
    variational_measures,
)
from snellen.experiments.running import loss_for
from snellen.networks import ConvAutoencoder, VariationalAutoencoder

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Levels(nn.Module):
    """The code of a picture of one gray level is (level, level², −1); it is decoded to a level.

    Log-variances are 0, and so is the variance of the last unit.
    """

    def encode(self, pictures):
        level = pictures.mean((1, 2, 3))[:, None]
        means = torch.cat([level, level**2, -torch.ones_like(level)], 1)
        return torch.cat([means, torch.zeros_like(means)], 1)

    def decode(self, code):
        return code[:, :1, None, None].expand(-1, 1, 4, 4)


class PlainLevels(Levels):
    def encode(self, pictures):
        return super().encode(pictures)[:, :3]


def flat(*levels):
    return torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)


def test_pairs_are_of_different_pictures_and_always_the_same():
    sources = [f"picture {number // 4}" for number in range(40)]
    pairs = draw_pairs(sources)
    assert len(pairs) == 4
    drawn = [index for pair in pairs for index in pair]
    assert len({sources[index] for index in drawn}) == 8
    assert draw_pairs(sources) == pairs


@pytest.mark.parametrize(("count", "pairs"), [(0, 0), (1, 0), (2, 1), (5, 2)])
def test_few_pictures_make_few_pairs(count, pairs):
    assert len(draw_pairs(["one"] * count)) == pairs


def test_the_line_between_two_codes_has_both_ends_and_equal_steps():
    pairs = torch.stack([flat(0, 240), flat(60, 0)])
    made = generate(PlainLevels(), pairs, CPU)
    assert made.interpolations.shape == (2, STEPS, 1, 4, 4)
    assert made.interpolations[:, :, 0, 0, 0].tolist() == [
        [0, 40, 80, 120, 160, 200, 240],
        [60, 50, 40, 30, 20, 10, 0],
    ]
    assert made.samples.shape == (0, 1, 4, 4)


def test_samples_are_of_the_prior_and_the_same_for_every_network():
    first, second = (VariationalAutoencoder(Levels(), code_size=3) for _ in range(2))
    pairs = flat(0, 240)[None]
    made, again = generate(first, pairs, CPU), generate(second, pairs, CPU)
    assert made.samples.shape == (SAMPLES, 1, 4, 4)
    assert np.array_equal(made.samples, again.samples)
    generator = torch.Generator().manual_seed(0)
    levels = (torch.randn(SAMPLES, 3, generator=generator)[:, 0] * 255).round().clamp(0, 255)
    assert made.samples[:, 0, 0, 0].tolist() == levels.int().tolist()
    assert not np.array_equal(generate(first, pairs, CPU, seed=1).samples, made.samples)


def test_a_network_in_training_mode_stays_there_and_no_random_number_is_drawn():
    network = VariationalAutoencoder(Levels(), code_size=3)
    before = torch.random.get_rng_state()
    generate(network, flat(0, 240)[None], CPU)
    variational_measures(network, flat(0, 240), CPU)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), before)


class TwoCodes(PlainLevels):
    def encode(self, pictures):
        return pictures, pictures


class Failing(PlainLevels):
    def decode(self, code):
        raise RuntimeError("not today")


class OtherSize(PlainLevels):
    def decode(self, code):
        return super().decode(code)[..., :3]


class Maps(nn.Module):
    def encode(self, pictures):
        return pictures[..., ::2, ::2]

    def decode(self, code):
        return code.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("network", [nn.Identity(), TwoCodes(), Failing(), OtherSize()])
def test_a_network_without_a_code_generates_nothing(network):
    assert generate(network, flat(0, 240)[None], CPU) is None


def test_a_code_may_have_any_shape():
    made = generate(Maps(), flat(0, 240)[None], CPU)
    assert made.interpolations[0, :, 0, 3, 3].tolist() == [0, 40, 80, 120, 160, 200, 240]


def test_without_pairs_there_are_samples_still():
    none = torch.zeros(0, 2, 1, 4, 4, dtype=torch.uint8)
    made = generate(VariationalAutoencoder(Levels(), code_size=3), none, CPU)
    assert made.interpolations.shape == (0, STEPS, 1, 4, 4)
    assert len(made.samples) == SAMPLES


def test_units_are_active_whose_mean_varies_by_more_than_a_hundredth():
    """Levels 0 and 63.75 (a quarter): variances 1/64, 1/1024 and 0."""
    network = VariationalAutoencoder(Levels(), code_size=3)
    network.weight.fill_(7.0)
    pictures = flat(*[0, 255 // 4] * 40)  # more than one batch
    found = variational_measures(network, pictures, CPU)
    assert (found["active_units"], found["units"], found["weight"]) == (1, 3, 7.0)
    level = 63 / 255
    assert found["kl_nats"] == pytest.approx((1 + (level**2 + level**4) / 2) / 2, rel=1e-6)


def test_other_networks_have_no_such_measures():
    assert variational_measures(ConvAutoencoder(size=8, widths=(2,)), flat(0), CPU) is None


def test_networks_without_a_code_leave_the_report_without_the_section():
    known = {"nats_per_pixel": 3.0, "kl_warmup": 0.2}
    pairs = flat(0, 240)[None]
    assert generation_input({"mse": None}, pairs, [("a", "b")], {}, **known) is None
    made = generate(PlainLevels(), pairs, CPU)
    found = generation_input({"mse": made, "mae": None}, pairs, [("a", "b")], {}, **known)
    assert list(found.interpolations) == ["mse"]
    assert found.samples == {}
    assert found.nats_per_pixel is None


def test_a_network_is_prepared_for_the_last_stage_of_its_loss_and_only_if_variational():
    pictures = (torch.rand(5, 1, 16, 16) * 255).to(torch.uint8)
    weights = []
    for spec in ("mse>mae@0.5", "mae", "mse"):
        config = ReconstructionConfig(network="fc-vae", widths=(4,), size=16)
        network = network_for(config, 2, seed=0)
        prepare_network(network, loss_for(spec, 0), pictures)
        weights.append(network.weight.item())
    assert weights[0] == weights[1] != weights[2]
    plain = network_for(ReconstructionConfig(network="fc-autoencoder", widths=(4,), size=16), 2, 0)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    prepare_network(plain, loss_for("mse", 0), pictures)
    assert all(torch.equal(before[key], value) for key, value in plain.state_dict().items())
