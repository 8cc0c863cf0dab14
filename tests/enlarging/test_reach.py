"""How far networks look."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snellen import upscale
from snellen.enlarging import reach as module
from snellen.errors import UserError
from snellen.networks import SRCNN

from .helpers import picture


class Shrinking(nn.Module):
    """Pools over a grid, so that a part of a picture sees another grid."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = nn.functional.avg_pool2d(x, 4, ceil_mode=True)
        return nn.functional.interpolate(mean, x.shape[2:])


class MeanOfAll(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0.5 + x.mean((2, 3), keepdim=True) / 2


class Inside(nn.Module):
    """Upsamples inside: a convolution of 5×5, then pixels from channels."""

    upsamples_inside = True

    def __init__(self, scale: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(1, scale * scale, 5, padding=2, padding_mode="replicate")
        self.scale = scale

    def forward(self, low: torch.Tensor) -> torch.Tensor:
        return nn.functional.pixel_shuffle(self.layer(low), self.scale).sigmoid()


@pytest.mark.parametrize("kernels", [(9, 5, 5), (9, 1, 5), (3, 3, 3)])
def test_the_probe_finds_what_is_known_of_srcnn(kernels, monkeypatch):
    network = SRCNN(kernels=kernels, filters=(4, 3)).eval()
    with monkeypatch.context() as patch:
        patch.setattr(module, "SRCNN", Shrinking)  # so that it is a stranger
        assert module.reach(network, 2) == network.margin


def test_weights_of_zero_hide_nothing():
    layer = nn.Conv2d(1, 1, 7, padding=3)
    nn.init.zeros_(layer.weight)
    assert module.reach(layer, 2) == 3


@pytest.mark.parametrize("network", [Shrinking(), MeanOfAll()])
def test_networks_that_must_see_the_whole(network):
    assert module.reach(network, 2) is None


def test_a_network_that_fails_is_one_sentence():
    with pytest.raises(UserError, match="gray picture of odd sides: RuntimeError"):
        upscale(picture((20, 20)), 2, method=nn.Conv2d(3, 1, 3))


def test_reach_of_a_network_that_upsamples_inside_is_in_its_own_pixels():
    assert module.reach(Inside(3), 3) == 2


@pytest.mark.parametrize("network", [Shrinking(), MeanOfAll(), Inside(3)])
def test_any_network_gives_the_same_under_any_tile(network):
    pixels = picture((40, 45, 3))
    whole = upscale(pixels, 3, method=network, tile=1000)
    assert (upscale(pixels, 3, method=network, tile=32) == whole).all()


def test_a_network_that_upsamples_inside_is_given_the_low_resolution():
    network = Inside(3)
    pixels = torch.rand(1, 31, 36)
    with torch.no_grad():
        expected = network(pixels[None])[0]
    torch.testing.assert_close(upscale(pixels, 3, method=network, tile=40), expected)
