import numpy as np
import pytest

from snellen.datasets import open_labelled
from snellen.datasets.labels import fingerprint
from snellen.datasets.lit_photographs import CROPS, Light, LitPhotographs
from snellen.datasets.pictures import CACHE_BYTES
from snellen.errors import UserError


@pytest.fixture(scope="module")
def lit():
    return open_labelled("builtin")


@pytest.fixture(scope="module")
def arrays(lit):
    return np.stack([lit.pictures.read(k)[..., 0] for k in range(len(lit.pictures))])


def test_there_are_forty_crops_of_each_of_eighteen_photographs(lit, arrays):
    photograph, azimuth, strength = lit.columns
    assert arrays.shape == (18 * CROPS, 96, 96)
    assert (photograph.kind, azimuth.kind, strength.kind) == ("class", "circular", "number")
    assert np.bincount(photograph.values).tolist() == [CROPS] * 18
    assert not {"motorcycle_left", "motorcycle_right"} <= set(photograph.classes)
    assert lit.groups == {"photographs": ("photograph",)}


def test_columns_say_what_they_measure(lit):
    _, azimuth, strength = lit.columns
    assert (azimuth.period, azimuth.unit) == (360, "°")
    assert 0 <= azimuth.values.min() < 10
    assert 350 < azimuth.values.max() < 360
    assert 0.2 <= strength.values.min() < 0.21
    assert 0.89 < strength.values.max() < 0.9


def test_columns_belong_to_the_pictures(lit):
    photograph = lit.columns[0]
    for k in range(0, len(lit.pictures), 7):
        assert lit.pictures.source(k) == photograph.classes[photograph.values[k]]
        light = Light.of(lit.pictures.source(k), k % CROPS)
        assert (light.azimuth, light.strength) == tuple(c.values[k] for c in lit.columns[1:])


def test_a_photograph_is_a_source(lit):
    pictures = lit.pictures
    assert len(set(pictures.source_ids().tolist())) == 18
    assert len({pictures.name(k) for k in range(len(pictures))}) == len(pictures)


def test_azimuths_are_uniform(lit):
    counts, _ = np.histogram(lit.columns[1].values, bins=8, range=(0, 360))
    # 720 draws, 90 in each eighth: six standard deviations are 53.
    assert np.abs(counts - 90).max() < 53


def test_no_pixel_saturates(arrays):
    assert arrays.min() > 0
    assert arrays.max() < 255


def test_crops_of_a_photograph_differ(arrays):
    for first in range(0, len(arrays), CROPS):
        assert len({crop.tobytes() for crop in arrays[first : first + CROPS]}) == CROPS


@pytest.mark.parametrize(
    ("azimuth", "brightest"), [(0, (1, 2)), (90, (0, 1)), (180, (1, 0)), (315, (2, 2))]
)
def test_the_bright_side_points_to_the_azimuth(azimuth, brightest):
    gain = Light(azimuth, 0.5).gain(3)
    row, column = brightest
    assert gain[row, column] == pytest.approx(gain.max())
    assert gain[1, 1] == 1


def test_strength_is_the_reach_of_the_brightness():
    gain = Light(45, 0.9).gain(96)
    assert (gain.min(), gain.max()) == pytest.approx((0.1, 1.9))


def test_the_light_can_be_seen_in_the_pictures(lit, arrays):
    # The ramp that fits a picture best points, for most pictures, to where the light is.
    ramp = np.linspace(-1, 1, 96)
    right = (arrays * ramp).mean((1, 2))
    up = -(arrays * ramp[:, None]).mean((1, 2))
    found = np.degrees(np.arctan2(up, right))
    off = np.abs((found - lit.columns[1].values + 180) % 360 - 180)
    assert np.median(off) < 15


def test_the_shrunk_photograph_stands_under_the_light():
    pictures = LitPhotographs(1, 48, CACHE_BYTES)
    # Without its light, a crop is a part of the photograph at lower contrast.
    crop = pictures.read(0)[..., 0] / pictures.lights[0].gain(96)
    levels = (crop - 32) * 255 / 96
    assert -10 < levels.min() < levels.max() < 265


def test_colour_is_lit_alike():
    lit = open_labelled("builtin", channels=3)
    assert lit.pictures.read(5).shape == (96, 96, 3)
    gray = open_labelled("builtin", channels=1)
    np.testing.assert_array_equal(lit.columns[1].values, gray.columns[1].values)


def test_opening_it_again_gives_the_same(lit):
    again = open_labelled("builtin")
    assert fingerprint(again) == fingerprint(lit)
    np.testing.assert_array_equal(again.pictures.read(100), lit.pictures.read(100))


def test_a_crop_does_not_depend_on_what_was_read_before(lit):
    alone = open_labelled("builtin").pictures.read(345)
    np.testing.assert_array_equal(alone, lit.pictures.read(345))


def test_larger_crops_are_refused():
    with pytest.raises(UserError, match="smaller than 128 pixels"):
        open_labelled("builtin", min_side=128)


@pytest.mark.parametrize("index", [-1, 18 * CROPS])
def test_a_picture_that_is_not_there_is_an_index_error(lit, index):
    with pytest.raises(IndexError):
        lit.pictures.read(index)
