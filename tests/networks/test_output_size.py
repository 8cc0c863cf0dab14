from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from snellen.errors import UserError
from snellen.networks import SRCNN, check_output_size, upsamples_inside


class Convolution(nn.Module):
    """One convolution, then what a test asks for."""

    def __init__(self, after=lambda x: x, padding=1, inside=False):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=padding)
        self.norm = nn.BatchNorm2d(1)
        self.upsamples_inside = inside
        self.after = after

    def forward(self, x):
        return self.after(self.norm(self.conv(x)))


def enlarge(factor):
    return lambda x: functional.interpolate(x, scale_factor=factor)


@pytest.mark.parametrize(("kernels", "margin"), [((9, 5, 5), 8), ((9, 1, 5), 6)])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("patch", [33, 48])
def test_the_margin_of_srcnn_is_what_it_says(kernels, margin, scale, patch):
    network = SRCNN(kernels=kernels, filters=(2, 2))
    assert check_output_size(network, "srcnn", scale=scale, patch=patch) == margin


def test_a_network_that_keeps_the_size_has_no_margin():
    assert check_output_size(Convolution(), "own:Net", scale=3, patch=24) == 0


def test_a_network_that_upsamples_inside():
    network = Convolution(enlarge(3), inside=True)
    assert upsamples_inside(network)
    assert check_output_size(network, "own:Net", scale=3, patch=24) == 0


def test_the_network_is_left_as_it_was():
    network = Convolution().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    check_output_size(network, "own:Net", scale=2, patch=24)
    assert network.training
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.random.get_rng_state(), state)


def fails(x):
    raise RuntimeError("no luck")


def leaves(x):
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Convolution(padding=0),
            "enlarged pictures of 57×78 pixels and returned 55×76; in evaluation mode",
        ),
        (
            Convolution(enlarge(2), inside=True),
            "low-resolution pictures of 19×26 pixels and returned 38×52; in evaluation mode",
        ),
        (Convolution(lambda x: x[..., 1:] if x.shape[3] == 24 else x), "returned 24×23; in train"),
        (Convolution(lambda x: x[..., 1:, 1:] if x.shape[3] == 24 else x), "returned 23×23; in tr"),
        (Convolution(lambda x: x[..., 3:] if x.shape[3] == 24 else x), "returned 24×21; in train"),
        (
            Convolution(lambda x: functional.pad(x, [1] * 4) if x.shape[3] == 24 else x),
            "returned 26×26; in training mode and at scale 3 it must return 24×24, or less",
        ),
        (Convolution(lambda x: (x, x)), "returned a tuple; it must return one tensor"),
        (Convolution(lambda x: x[0]), "returned a tensor (1, 57, 78); it must return (2, 1, H, W)"),
        (Convolution(lambda x: x.expand(-1, 3, -1, -1)), "returned a tensor (2, 3, 57, 78)"),
        (Convolution(lambda x: x[:, :, :0]), "returned a tensor (2, 1, 0, 78)"),
        (Convolution(fails), "pixels and failed: RuntimeError: no luck"),
        (Convolution(leaves), "pixels and failed: SystemExit: 3"),
        (Convolution(lambda x: x.detach()), "24×24 pixels and returned what carries no gradient"),
        (Convolution(lambda x: x / 0 * 0), "all 0.5, and returned values that are no numbers"),
    ],
)
def test_another_size_is_refused_with_what_came_and_what_is_needed(network, message):
    with pytest.raises(UserError) as error:
        check_output_size(network, "own:Net", scale=3, patch=24)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("inside", "patch", "message"),
    [
        (True, 22, "patches of 22 pixels do not fit .* a positive multiple of 4"),
        (True, 0, "patches of 0 pixels"),
        (False, 0, "at least 1 pixel, not 0"),
        (False, 16, "failed: ValueError: pictures of shape .2, 1, 16, 16.*17 or more in training"),
    ],
)
def test_patches_that_do_not_fit_are_refused(inside, patch, message):
    network = Convolution(enlarge(4), inside=True) if inside else SRCNN(filters=(2, 2))
    with pytest.raises(UserError, match=message):
        check_output_size(network, "srcnn", scale=4, patch=patch)
