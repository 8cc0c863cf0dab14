"""One gain for a whole picture, so that dark ones can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.images import stretch_brightness


@given(st.integers(1, 254), st.integers(0, 3))
def test_the_99th_percentile_becomes_white(white: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, white + 1, (40, 30, 1), dtype=np.uint8)
    pixels[:2] = white  # more than a hundredth
    stretched = stretch_brightness(pixels)
    assert np.percentile(stretched, 99) == 255
    expected = np.minimum(255, np.floor(pixels / white * 255 + 0.5))
    assert np.abs(stretched - expected).max() <= 1


def test_a_few_bright_spots_saturate_and_do_not_keep_the_rest_dark() -> None:
    pixels = np.full((100, 100), 20, np.uint8)
    pixels[0, :50] = 250
    assert stretch_brightness(pixels)[50, 50] == 255


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_stay_what_they_are(level: int) -> None:
    pixels = np.full((5, 5, 3), level, np.uint8)
    assert (stretch_brightness(pixels) == pixels).all()


def test_scenes_that_differ_in_exposure_become_alike() -> None:
    scene = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
    dark = (scene // 4).astype(np.uint8)
    apart = stretch_brightness(dark).astype(int) - stretch_brightness(scene).astype(int)
    assert np.abs(apart).max() <= 6


def test_hues_stay() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[...] = (10, 20, 40)
    red, green, blue = stretch_brightness(pixels)[0, 0].astype(float)
    assert blue == 255
    assert red / blue == pytest.approx(0.25, abs=0.01)
    assert green / blue == pytest.approx(0.5, abs=0.01)


def test_other_arrays_are_refused_and_an_empty_one_is_not() -> None:
    with pytest.raises(TypeError, match="needs uint8"):
        stretch_brightness(np.zeros(3, np.uint16))  # type: ignore[arg-type]
    assert stretch_brightness(np.zeros((0, 4), np.uint8)).shape == (0, 4)
