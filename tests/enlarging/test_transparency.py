"""Transparent pictures keep clean edges."""

from __future__ import annotations

import numpy as np
import pytest

from snellen import upscale
from snellen.enlarging.transparency import extend_colours

from .helpers import picture

RED = np.array([220, 40, 30])


def cut_out(hidden, dtype=np.uint8):
    """A red disc with a hard edge; under full transparency lies the colour `hidden`."""
    y, x = np.mgrid[:48, :56]
    inside = (y - 23.3) ** 2 + (x - 27.8) ** 2 < 15**2
    pixels = np.empty((48, 56, 4), dtype)
    unit = 257 if dtype == np.uint16 else 1
    pixels[..., :3] = np.where(inside[..., None], RED, hidden) * unit
    pixels[..., 3] = np.where(inside, 255, 0) * unit
    return pixels


@pytest.mark.parametrize("hidden", [[0, 0, 0], [0, 255, 0], [255, 255, 255]])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_bicubic_cut_out_over_its_own_colour_cannot_be_seen(hidden, scale):
    large = upscale(cut_out(hidden), scale, method="bicubic").astype(float)
    alpha = large[..., 3:] / 255
    over_red = alpha * large[..., :3] + (1 - alpha) * RED
    assert np.abs(over_red - RED).max() <= 0.51  # half a level, from rounding
    assert 0 < alpha.mean() < 1


def test_a_network_sees_no_edge_where_only_alpha_has_one(network):
    """It must return what it returns of a picture that is red all over."""
    large = upscale(cut_out([0, 255, 0]), 4, method=network)
    flat = upscale(np.broadcast_to(RED.astype(np.uint8), (48, 56, 3)).copy(), 4, method=network)
    visible = large[..., 3] > 0
    np.testing.assert_array_equal(large[visible][:, :3], flat[visible])


@pytest.mark.parametrize("method", ["bicubic", "network"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hidden_colours_change_nothing_at_all(network, method, dtype):
    pixels = np.concatenate([picture((48, 56, 3), dtype), cut_out([0, 0, 0], dtype)[..., 3:]], 2)
    other = pixels.copy()
    other[..., :3] = np.where(pixels[..., 3:] > 0, pixels[..., :3], np.iinfo(dtype).max)
    assert (other != pixels).any()
    chosen = network if method == "network" else method
    np.testing.assert_array_equal(
        upscale(pixels, 3, method=chosen), upscale(other, 3, method=chosen)
    )


def test_alpha_is_enlarged_as_a_gray_picture_by_bicubic(network):
    pixels = picture((30, 40, 4), np.float32)
    large = upscale(pixels, 3, method=network)
    alpha = upscale(pixels[..., 3], 3, method="bicubic")
    np.testing.assert_array_equal(large[..., 3], alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_opaque_picture_is_enlarged_as_if_it_had_no_alpha(network, dtype):
    pixels = picture((30, 40, 4), dtype)
    pixels[..., 3] = np.iinfo(dtype).max
    large = upscale(pixels, 4, method=network)
    np.testing.assert_array_equal(large[..., :3], upscale(pixels[..., :3], 4, method=network))
    assert (large[..., 3] == np.iinfo(dtype).max).all()


def test_gray_with_alpha_equals_colour_of_the_same_gray_under_bicubic():
    gray = picture((30, 40, 2))
    gray[5:20, 8:30, 1] = 0
    colour = gray[..., [0, 0, 0, 1]]
    large = upscale(colour, 2, method="bicubic")
    np.testing.assert_allclose(
        large[..., [0, 3]], upscale(gray, 2, method="bicubic").astype(int), atol=1
    )


def test_a_wholly_transparent_picture_becomes_one():
    pixels = picture((20, 20, 4))
    pixels[..., 3] = 0
    assert not upscale(pixels, 2, method="bicubic")[..., 3].any()


def test_colours_are_extended_ring_by_ring_as_means_of_neighbours():
    colours = np.zeros((5, 5, 1), np.float32)
    colours[2, 1], colours[2, 3] = 10, 20
    visible = colours[..., 0] > 0
    one = extend_colours(colours, visible, 1)[..., 0]
    assert one[2, 2] == 15
    assert one[1, 1] == 10
    assert one[1, 4] == 20
    assert one[0, 0] == 0
    two = extend_colours(colours, visible, 2)[..., 0]
    assert two[0, 0] == 10
    assert two[0, 2] == pytest.approx((10 + 15 + 20) / 3)
