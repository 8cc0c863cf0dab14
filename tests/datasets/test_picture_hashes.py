"""Facts about what pictures are known by."""

import numpy as np
import pytest

from snellen.datasets.picture_hashes import hash_pictures, look, pixel_digest, turned_looks

from .helpers import MemoryPictures, noise


def test_a_look_has_length_one_and_no_mean():
    found = look(noise(80, 60, 3))
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
    assert found[0] == 0


def test_a_look_is_blind_to_brightness_and_contrast():
    picture = noise(80, 60) // 4
    assert look(picture) @ look(2 * picture + 50) == pytest.approx(1, abs=1e-5)


def test_each_frequency_counts_by_its_number():
    # A picture of two cosines of equal amplitude: the hash has them as 3 to 7.
    wave = (2 * np.arange(32) + 1) * np.pi / 64
    picture = 128 + 50 * np.cos(3 * wave)[:, None] + 50 * np.cos(7 * wave)
    found = look(np.round(picture).astype(np.uint8)).reshape(8, 8)
    assert found[3, 0] / found[0, 7] == pytest.approx(3 / 7, rel=0.01)


def test_flat_pictures_have_no_look():
    assert np.isnan(look(np.full((40, 40), 9, np.uint8))).all()


def test_gray_and_equal_channels_have_one_digest():
    gray = noise(9, 7)
    assert pixel_digest(gray[..., None]) == pixel_digest(np.repeat(gray[..., None], 3, 2))


def test_the_digest_depends_on_pixels_and_sides():
    gray = noise(8, 6, 1)
    other = gray.copy()
    other[3, 3] ^= 1
    digests = {pixel_digest(item) for item in (gray, other, gray.reshape(6, 8, 1))}
    assert len(digests) == 3


def test_damaged_pictures_are_passed_over():
    assert hash_pictures(MemoryPictures(3, bad=[1])).names == ["picture-0", "picture-2"]


def test_turned_looks_are_the_looks_of_turned_pictures():
    picture = noise(64, 64)
    found = {tuple(np.round(item[0], 4)) for item in turned_looks(look(picture)[None])}
    expected = [np.rot90(view, k) for view in (picture, picture[:, ::-1]) for k in range(4)]
    assert found == {tuple(np.round(look(np.ascontiguousarray(view)), 4)) for view in expected}
