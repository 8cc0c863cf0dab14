import numpy as np
import pytest

from snellen.images import luma_y, rgb2ycbcr, ycbcr2rgb

# The primaries and white as BT.601 has them at eight bits.
PRIMARIES = {
    (0, 0, 0): (16, 128, 128),
    (255, 255, 255): (235, 128, 128),
    (255, 0, 0): (81, 90, 240),
    (0, 255, 0): (145, 54, 34),
    (0, 0, 255): (41, 240, 110),
    (255, 255, 0): (210, 16, 146),
}


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@pytest.mark.parametrize(("rgb", "expected"), PRIMARIES.items())
def test_the_primaries_at_eight_bits(rgb, expected):
    assert tuple(rgb2ycbcr(np.array([[rgb]], np.uint8))[0, 0]) == expected


@pytest.mark.parametrize(("rgb", "expected"), PRIMARIES.items())
def test_sixteen_bits_are_257_times_as_large_and_floats_a_255th(rgb, expected):
    wide = rgb2ycbcr(257 * np.array([[rgb]], np.uint16))[0, 0]
    # A level of eight bits, rounded, is 257 levels of sixteen.
    assert np.abs(wide - 257.0 * np.array(expected)).max() <= 257 / 2
    double = rgb2ycbcr(np.array([[rgb]], np.float64) / 255)[0, 0]
    np.testing.assert_allclose(257 * 255 * double, wide, atol=0.5 + 1e-6)
    single = rgb2ycbcr(np.array([[rgb]], np.float32) / 255)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single[0, 0], double, atol=1e-7)


def test_y_is_the_printed_formula_rounded_half_up():
    rgb = noise(50, 50, 3)
    red, green, blue = rgb.astype(np.float64).transpose(2, 0, 1)
    formula = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    rounded = luma_y(rgb, rounded=True)
    assert rounded.dtype == np.uint8
    np.testing.assert_array_equal(rounded, np.floor(formula + 0.5))
    np.testing.assert_array_equal(rounded, rgb2ycbcr(rgb)[..., 0])
    np.testing.assert_allclose(luma_y(rgb, rounded=False), formula, rtol=1e-14)


def test_y_of_floats_stays_as_exact_as_they_are():
    rgb = np.random.default_rng(1).random((8, 8, 3)).astype(np.float32)
    expected = (16 + rgb.astype(np.float64) @ [65.481, 128.553, 24.966]) / 255
    np.testing.assert_allclose(luma_y(rgb, rounded=False), expected, rtol=1e-14)
    assert luma_y(rgb, rounded=True).dtype == np.float32


def test_there_and_back_is_the_same_to_the_rounding():
    floats = np.random.default_rng(2).random((16, 16, 3))
    np.testing.assert_allclose(ycbcr2rgb(rgb2ycbcr(floats)), floats, atol=1e-12)
    # Half a level of Y, Cb and Cr is up to 1.6 levels of blue, plus half a level of its own.
    eight = noise(64, 64, 3)
    assert np.abs(ycbcr2rgb(rgb2ycbcr(eight)).astype(int) - eight).max() <= 2
    sixteen = noise(64, 64, 3, dtype=np.uint16)
    assert np.abs(ycbcr2rgb(rgb2ycbcr(sixteen)).astype(int) - sixteen).max() <= 2


def test_gray_has_no_chroma_and_comes_back():
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    converted = rgb2ycbcr(levels)
    assert (converted[..., 1:] == 128).all()
    back = ycbcr2rgb(converted).astype(int)
    assert (back == back[..., :1]).all()
    assert np.abs(back - levels).max() <= 1


def test_what_lies_outside_rgb_is_saturated():
    assert ycbcr2rgb(np.array([[[255, 255, 255]]], np.uint8)).max() == 255
    assert ycbcr2rgb(np.array([[[0, 0, 0]]], np.uint8)).min() == 0
    assert ycbcr2rgb(np.array([[[1.0, 0.5, 0.5]]])).max() == 1.0


@pytest.mark.parametrize("convert", [rgb2ycbcr, ycbcr2rgb, lambda a: luma_y(a, rounded=True)])
def test_other_shapes_and_dtypes_are_refused(convert):
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        convert(np.zeros((4, 4), np.uint8))
    with pytest.raises(TypeError, match="int32"):
        convert(np.zeros((4, 4, 3), np.int32))
