"""What a network is fed, and what its output is compared with."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from snellen.errors import UserError
from snellen.training import Examples
from snellen.training.examples import centre, fed, to_unit_range
from snellen.training.processes import launch_fabric
from snellen.training.validation import validate

CPU = torch.device("cpu")


@dataclass
class Pair:
    step: int
    pixels: torch.Tensor
    inputs: torch.Tensor
    names: list[str]


class Narrow(nn.Module):
    """One weight, and a border lost as convolutions without padding lose it."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.0))

    def forward(self, pictures):
        inner = pictures[..., 2:-2, 2:-2] if self.training else pictures
        return inner * self.factor


def doubled(seed):
    """Pictures, and inputs of half their brightness."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return pixels, pixels.float() / 510


def test_uint8_becomes_the_unit_range():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    assert to_unit_range(pixels, CPU).tolist() == pytest.approx([0, 0.2, 1])


def test_without_inputs_the_pictures_are_fed():
    source, target = fed(Examples(doubled(0)[0]), CPU)
    assert source is target


def test_inputs_are_fed_as_they_are():
    pixels, inputs = doubled(0)
    source, target = fed(Examples(pixels, inputs), CPU)
    assert torch.equal(source, inputs)
    assert torch.equal(target, pixels.float() / 255)


def test_a_part_of_the_examples_keeps_pairs_together():
    pixels, inputs = doubled(0)
    part = Examples(pixels, inputs)[2:4]
    assert len(part) == 2
    assert torch.equal(part.inputs, inputs[2:4])


def test_the_middle_is_what_a_border_leaves():
    target = torch.arange(36.0).view(1, 1, 6, 6)
    middle = centre(target, torch.zeros(1, 1, 2, 2))
    assert middle.flatten().tolist() == [14, 15, 20, 21]


@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (1, 3, 6, 6), (1, 1, 5, 5), (1, 1, 4, 2), (1, 6)])
def test_other_shapes_are_refused_in_a_sentence(shape):
    with pytest.raises(UserError, match=r"lose an equal border on every side\."):
        centre(torch.zeros(1, 1, 6, 6), torch.zeros(shape))


def test_a_network_learns_the_target_and_not_its_input(tmp_path, small):
    def batches(start, rank, world):
        for step in range(start, 60):
            yield Pair(step, *doubled(step), ["a.png"] * 6)

    network = Narrow()
    options = {"steps": 60, "learning_rate": 0.2, "ema": None, "warmup": 0}
    small.run(tmp_path, network, batches=batches, validation=Examples(*doubled(99)), **options)
    assert network.factor.item() == pytest.approx(2, abs=0.05)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["error"] < 1e-3 for row in rows if row["kind"] == "validation"][-1]


def test_a_validation_feeds_the_inputs():
    found = validate(
        nn.Identity(),
        nn.L1Loss(),
        Examples(*doubled(3)),
        measures={},
        fabric=launch_fabric("cpu"),
        precision="fp32",
        batch_size=4,
    )
    pixels, inputs = doubled(3)
    assert found.value == pytest.approx((pixels / 255 - inputs).abs().mean().item(), rel=1e-5)
