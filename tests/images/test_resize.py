import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snellen.images import area_resize


def reference(array, height, width):
    """Area means with dense float64 weights."""

    def weights(length, rows):
        scale = length / rows
        left = np.maximum(np.arange(rows)[:, None] * scale, np.arange(length))
        right = np.minimum((np.arange(rows)[:, None] + 1) * scale, np.arange(length) + 1)
        return np.maximum(right - left, 0) / scale

    rows, columns = weights(array.shape[0], height), weights(array.shape[1], width)
    return np.einsum("ih,jw,hwc->ijc", rows, columns, array.astype(np.float64))


def noise(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    st.sampled_from([1, 3]),
)
def test_it_is_the_mean_of_the_covered_area(sides, shrink, channels):
    array = noise(*sides, channels)
    size = tuple(max(1, int(side * by)) for side, by in zip(sides, shrink, strict=True))
    expected = reference(array, *size)
    assert np.abs(area_resize(array, size) - expected).max() <= 0.5 + 1e-6


def test_halving_is_the_mean_of_two_by_two_rounded_half_up():
    array = noise(64, 48, 3)
    blocks = array.reshape(32, 2, 24, 2, 3).sum((1, 3), dtype=np.uint32)
    np.testing.assert_array_equal(area_resize(array, (32, 24)), (blocks + 2) // 4)


@pytest.mark.parametrize("side", [97, 257, 300, 4200])
def test_white_stays_white_whatever_the_width_of_the_sums(side):
    array = np.full((side, side, 1), 255, np.uint8)
    assert (area_resize(array, (61, 96)) == 255).all()


def test_a_large_image_is_summed_without_overflow():
    array = noise(4200, 4100, 1)
    assert np.abs(area_resize(array, (7, 5)) - reference(array, 7, 5)).max() <= 0.5 + 1e-6


def test_the_same_size_is_returned_as_it_is():
    array = noise(5, 6, 3)
    assert area_resize(array, (5, 6)) is array


def test_enlarging_is_refused():
    with pytest.raises(ValueError, match="only shrinks"):
        area_resize(noise(5, 6, 1), (6, 6))


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="size"):
        area_resize(noise(5, 6, 1), (0, 3))


def test_an_image_without_channels_is_refused():
    with pytest.raises(ValueError, match="shape"):
        area_resize(noise(5, 6), (2, 2))


def test_floats_are_refused():
    with pytest.raises(TypeError, match="float32"):
        area_resize(np.zeros((5, 6, 1), np.float32), (2, 2))
