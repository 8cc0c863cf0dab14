from dataclasses import replace

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.images import bicubic_resize, luma_y, to_channels
from snellen.images.protocols import (
    PROTOCOLS,
    SCALES,
    finished,
    low_resolution,
    pose,
    protocol_named,
    target_luma,
)


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
@pytest.mark.parametrize("scale", SCALES)
def test_the_parts_of_a_posed_picture_are_what_the_single_functions_return(protocol, scale):
    picture = noise(38, 53, 3)
    posed = pose(picture, scale, protocol)
    low = low_resolution(picture, scale, protocol)
    np.testing.assert_array_equal(posed.target, target_luma(picture, scale, protocol))
    np.testing.assert_array_equal(posed.low, low)
    assert low.shape == (38 // scale, 53 // scale)
    assert posed.target.shape == posed.enlarged.shape == tuple(scale * side for side in low.shape)


@pytest.mark.parametrize("name", ["poster", "standard"])
def test_y_is_rounded_before_it_is_shrunk_and_not_after(name):
    picture = noise(40, 48, 3)
    posed = pose(picture, 4, PROTOCOLS[name])
    luma = luma_y(picture, rounded=True)
    np.testing.assert_array_equal(posed.target, luma)
    low = bicubic_resize(luma.astype(np.float64), 1 / 4)
    np.testing.assert_array_equal(posed.low, low)
    assert (low != np.round(low)).any()
    assert posed.chroma is None


def test_basicsr_shrinks_colour_of_eight_bits_and_keeps_y_unrounded():
    picture = noise(40, 48, 3)
    posed = pose(picture, 4, PROTOCOLS["basicsr"])
    np.testing.assert_allclose(posed.target, luma_y(picture, rounded=False), rtol=1e-14)
    low = bicubic_resize(picture, 1 / 4)
    np.testing.assert_allclose(posed.low, luma_y(low, rounded=False), rtol=1e-12)
    # What bicubic alone gives is that of the colours, to where a sum ends in exactly a half.
    enlarged = bicubic_resize(low.astype(np.float64), 4).clip(0, 255)
    found = finished(posed.enlarged, posed, PROTOCOLS["basicsr"])
    difference = np.abs(found - luma_y(np.floor(enlarged + 0.5).astype(np.uint8), rounded=False))
    assert (difference > 1e-9).mean() < 0.001
    assert difference.max() < 1


@pytest.mark.parametrize("name", ["poster", "standard"])
def test_a_gray_picture_is_its_own_y(name):
    gray = noise(16, 16)
    np.testing.assert_array_equal(target_luma(gray, 4, PROTOCOLS[name]), gray)


def test_basicsr_reads_gray_as_colour():
    gray, protocol = noise(16, 16), PROTOCOLS["basicsr"]
    expected = target_luma(to_channels(gray, 3), 4, protocol)
    np.testing.assert_array_equal(target_luma(gray, 4, protocol), expected)
    np.testing.assert_allclose(expected, 16 + gray * (219 / 255), rtol=1e-12)


def test_the_output_is_rounded_and_saturated():
    posed = pose(noise(8, 8), 4, PROTOCOLS["poster"])
    luma = np.array([[-3.0, 0.49, 0.5, 254.5, 255.4, 300.0, 7.0, 7.5]])
    found = finished(luma, posed, PROTOCOLS["poster"])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, [[0, 0, 1, 255, 255, 255, 7, 8]])


def test_sixteen_bits_are_brought_to_eight():
    gray = noise(16, 16)
    wide = gray.astype(np.uint16) * 257
    np.testing.assert_array_equal(
        pose(wide, 2, PROTOCOLS["poster"]).low, pose(gray, 2, PROTOCOLS["poster"]).low
    )


def test_the_border_is_eight_pixels_or_the_scale():
    assert [PROTOCOLS["poster"].border(scale) for scale in SCALES] == [8, 8, 8]
    assert [PROTOCOLS["standard"].border(scale) for scale in SCALES] == [2, 3, 4]


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"poster, standard, basicsr.*mean 'poster'"):
        protocol_named("postre")


def test_a_picture_smaller_than_the_scale_is_refused():
    with pytest.raises(UserError, match="9×3 pixels is too small for scale 4"):
        pose(noise(3, 9), 4, PROTOCOLS["poster"])


@pytest.mark.parametrize("scale", [1, 0, 2.5])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(UserError, match="whole number from 2"):
        pose(noise(12, 12), scale, PROTOCOLS["poster"])


def test_gray_that_stays_gray_cannot_be_shrunk_as_colour():
    with pytest.raises(ValueError, match="as colour"):
        replace(PROTOCOLS["basicsr"], gray="as it is")
