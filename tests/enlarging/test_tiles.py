"""Tiles: the same to the last bit as the network on the whole picture in one piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from snellen import upscale
from snellen.enlarging.methods import open_method
from snellen.enlarging.tiles import enlarged_strips
from snellen.errors import UserError
from snellen.images import bicubic_resize, rgb2ycbcr, ycbcr2rgb
from snellen.networks import SRCNN, list_shipped_weights, read_weights

from .helpers import picture

DTYPES = (np.uint8, np.uint16, np.float32)


def in_one_piece(pixels: NDArray[Any], scale: int, network: nn.Module) -> NDArray[Any]:
    """What enlarging is, written down again: no tiles, nothing from snellen.enlarging."""
    most = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    unit = pixels.astype(np.float32) / np.float32(most)
    low = rgb2ycbcr(unit) if pixels.ndim == 3 else unit[..., None]
    high = bicubic_resize(low, scale)
    with torch.inference_mode():
        luma = torch.from_numpy(high[..., 0].copy())[None, None]
        high[..., 0] = network(luma)[0, 0].numpy()
    values = ycbcr2rgb(high) if pixels.ndim == 3 else high[..., 0].clip(0, 1)
    if pixels.dtype.kind == "f":
        return values
    return np.floor(values * np.float32(most) + np.float32(0.5)).astype(pixels.dtype)


@pytest.fixture(scope="module", params=[(9, 5, 5), (9, 1, 5)], ids=["9-5-5", "9-1-5"])
def full_network(request: pytest.FixtureRequest) -> SRCNN:
    """Of the shipped sizes, because which algorithm convolves depends on them."""
    torch.manual_seed(0)
    return SRCNN(kernels=request.param, start="identity", faint=0.3).eval()


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tiles_equal_the_network_on_the_whole_picture(full_network, scale, dtype):
    pixels = picture((41, 53), dtype)
    whole = in_one_piece(pixels, scale, full_network)
    for tile in (32, 75):
        tiled = upscale(pixels, scale, method=full_network, device="cpu", tile=tile)
        if np.dtype(dtype).kind == "f":
            np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-6)
        else:
            np.testing.assert_array_equal(tiled, whole)


@pytest.mark.parametrize("dtype", DTYPES)
def test_colour_tiles_equal_the_whole_picture(full_network, dtype):
    pixels = picture((60, 45, 3), dtype)
    whole = in_one_piece(pixels, 4, full_network)
    tiled = upscale(pixels, 4, method=full_network, device="cpu", tile=97)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-6 if whole.dtype.kind == "f" else 0)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_nothing(full_network, threads):
    pixels = picture((40, 50), np.uint16)
    before = torch.get_num_threads()
    whole = in_one_piece(pixels, 3, full_network)
    try:
        torch.set_num_threads(threads)
        tiled = upscale(pixels, 3, method=full_network, device="cpu", tile=64)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(tiled, whole)


@pytest.mark.parametrize("channels", [2, 4])
def test_transparent_pictures_have_no_seams(network, channels):
    pixels = picture((50, 61, channels))
    pixels[10:35, 20:50, -1] = 0
    whole = upscale(pixels, 4, method=network, tile=10_000)
    for tile in (32, 90):
        np.testing.assert_array_equal(upscale(pixels, 4, method=network, tile=tile), whole)


@pytest.mark.parametrize("shape", [(1, 300), (300, 3), (3, 3)])
def test_narrow_pictures(network, shape):
    pixels = picture(shape)
    least = -(-9 // 4)
    if min(shape) < least:
        with pytest.raises(UserError, match="at least 3×3 pixels"):
            upscale(pixels, 4, method=network)
        pixels = np.repeat(pixels, 3, axis=0)
    tiled = upscale(pixels, 4, method=network, tile=32)
    np.testing.assert_array_equal(tiled, in_one_piece(pixels, 4, network))


class Hungry(nn.Module):
    """Runs out of memory above so many pixels."""

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network, self.most = network, most
        self.refused: list[int] = []

    def forward(self, enlarged: torch.Tensor) -> torch.Tensor:
        if enlarged.numel() > self.most:
            self.refused.append(enlarged.numel())
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(enlarged)


@pytest.fixture
def hungry(network):
    def make(most: int):
        enlarger = open_method(network, 4, device="cpu")
        object.__setattr__(enlarger, "network", Hungry(network, most))
        return enlarger

    return make


def test_out_of_memory_halves_the_tile_from_there_on(network, hungry):
    pixels = picture((100, 110, 3))
    enlarger = hungry(100 * 100)
    strips = list(enlarged_strips(pixels, enlarger, tile=300))
    # 300 and 150 were too large, with their margins; each was tried once.
    assert len(enlarger.network.refused) == 2
    np.testing.assert_array_equal(np.concatenate(strips), in_one_piece(pixels, 4, network))


def test_memory_for_no_tile_at_all_is_one_sentence(hungry):
    with pytest.raises(UserError, match="choose the device cpu"):
        list(enlarged_strips(picture((50, 50, 3)), hungry(10)))


def test_watch_hears_of_every_pixel_once(network):
    class Counter:
        def __init__(self):
            self.pixels = 0

        def begin(self, pixels):
            raise AssertionError("who knows the file tells of its begin")

        def advance(self, pixels):
            self.pixels += pixels

    counter = Counter()
    pixels = picture((33, 47))[..., None]
    list(enlarged_strips(pixels, open_method(network, 3), tile=40, watch=counter))
    assert counter.pixels == 9 * 33 * 47


def test_strips_are_no_higher_than_a_tile(network):
    pixels = picture((70, 20, 3))
    strips = list(enlarged_strips(pixels, open_method(network, 2), tile=64))
    assert [strip.shape for strip in strips] == [(64, 40, 3), (64, 40, 3), (12, 40, 3)]


SHIPPED = list_shipped_weights()


@pytest.mark.parametrize(("scale", "loss"), list(SHIPPED))
def test_the_shipped_networks_under_tiles(scale, loss):
    pixels = picture((30, 41, 3), np.uint16)
    whole = in_one_piece(pixels, scale, read_weights(SHIPPED[scale, loss])[0])
    np.testing.assert_array_equal(upscale(pixels, scale, method=loss, device="cpu", tile=50), whole)
