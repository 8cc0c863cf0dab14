import numpy as np
import pytest
from PIL import Image

from snellen.images import to_channels, to_uint8
from snellen.images.colour import over_white


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def test_gray_of_colour_equals_pillow():
    colour = noise(64, 65, 3)
    expected = np.asarray(Image.fromarray(colour).convert("L"))
    np.testing.assert_array_equal(to_channels(colour, 1)[..., 0], expected)


def test_gray_of_sixteen_bit_colour_is_the_luma_to_half_a_level():
    colour = noise(20, 20, 3, dtype=np.uint16)
    luma = colour @ np.array([0.299, 0.587, 0.114])
    assert np.abs(to_channels(colour, 1)[..., 0] - luma).max() < 1.5


def test_gray_of_white_is_white_at_both_depths():
    for dtype in (np.uint8, np.uint16):
        white = np.full((2, 2, 3), np.iinfo(dtype).max, dtype)
        assert (to_channels(white, 1) == np.iinfo(dtype).max).all()


def test_gray_of_gray_colour_is_unchanged():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_channels(to_channels(levels, 3), 1)[..., 0], levels)


def test_gray_keeps_its_dtype_and_gains_an_axis():
    gray = noise(5, 7, dtype=np.uint16)
    assert to_channels(gray, 1).shape == (5, 7, 1)
    assert to_channels(gray, 3).dtype == np.uint16


def test_colour_from_gray_repeats_it():
    gray = noise(5, 7, 1)
    assert (to_channels(gray, 3) == gray).all()


@pytest.mark.parametrize("shape", [(4, 4, 2), (4, 4, 4), (4,), (1, 4, 4, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="need"):
        to_channels(np.zeros(shape, np.uint8), 1)


def test_two_channels_cannot_be_asked_for():
    with pytest.raises(ValueError, match="channels=2"):
        to_channels(noise(4, 4), 2)


@pytest.mark.parametrize("convert", [to_uint8, lambda array: to_channels(array, 1)])
def test_floats_are_refused(convert):
    with pytest.raises(TypeError, match="float64"):
        convert(np.zeros((4, 4)))


def test_sixteen_bits_are_rounded_to_the_nearest_of_eight():
    deep = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_uint8(deep), np.floor(deep / 257 + 0.5).astype(np.uint8))


def test_eight_bits_survive_a_trip_through_sixteen():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_uint8(levels.astype(np.uint16) * 257), levels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_over_white_is_the_rounded_mixture(dtype):
    image = noise(32, 32, 4, dtype=dtype)
    white = np.iinfo(dtype).max
    alpha = image[..., 3:].astype(np.float64) / white
    expected = image[..., :3] * alpha + white * (1 - alpha)
    assert np.abs(over_white(image) - expected).max() <= 0.5 + 1e-6


def test_over_white_keeps_opaque_pixels_and_whitens_clear_ones():
    pixel = np.array([[[7, 255], [7, 0]]], np.uint8)
    assert over_white(pixel)[0, :, 0].tolist() == [7, 255]
