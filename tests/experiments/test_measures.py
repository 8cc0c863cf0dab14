"""The edge score and the octaves, on pictures whose answer is known beforehand."""

import itertools

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from snellen.experiments import measures
from snellen.experiments.measures import (
    DESCRIPTIONS,
    EdgeOptions,
    edge_maps,
    edge_score,
    octave_errors,
    octaves,
)


@pytest.fixture(scope="module")
def photographs():
    camera = data.camera()
    crops = [camera[y : y + 96, x : x + 96] for y in (100, 200, 300) for x in (60, 200, 320)]
    return np.stack(crops)[:, None]


def to_uint8(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def blurred(pictures, sigma):
    return to_uint8(ndimage.gaussian_filter(pictures.astype(float), (0, 0, sigma, sigma)))


def square(left, side=64):
    picture = np.full((1, 1, side, side), 40, np.uint8)
    picture[..., 20:44, left : left + 24] = 200
    return picture


def wave(cycles_per_pixel, amplitude=50, side=96):
    row = 128 + amplitude * np.sin(2 * np.pi * cycles_per_pixel * np.arange(side) + 0.3)
    return to_uint8(np.broadcast_to(row, (1, 1, side, side)))


# Edges


def test_identical_pictures_score_one(photographs):
    assert (edge_score(photographs, photographs) == 1).all()


def test_edges_one_pixel_off_are_within_the_tolerance():
    assert edge_score(square(21), square(20))[0] == 1


def test_edges_four_pixels_off_are_not():
    # Two of four sides stay on their line, so neither 0 nor 1.
    score = edge_score(square(24), square(20))[0]
    assert 0.3 < score < 0.75


def test_a_wider_tolerance_accepts_them():
    assert edge_score(square(24), square(20), options=EdgeOptions(tolerance=4))[0] == 1


def test_tolerance_zero_asks_for_the_very_pixel():
    exact = EdgeOptions(tolerance=0)
    assert edge_score(square(20), square(20), options=exact)[0] == 1
    assert edge_score(square(21), square(20), options=exact)[0] < 0.9


def test_half_of_the_edges_is_an_f_of_two_thirds():
    both = np.full((1, 1, 64, 160), 40, np.uint8)
    both[..., 20:44, 20:44] = 200
    both[..., 20:44, 110:134] = 200
    one = both.copy()
    one[..., 100:] = 40
    # precision 1, recall 1/2; F does not depend on which of the two is the original.
    assert edge_score(one, both)[0] == pytest.approx(2 / 3, abs=0.01)
    assert edge_score(both, one)[0] == pytest.approx(2 / 3, abs=0.01)


def test_two_flat_pictures_agree_that_there_is_no_edge():
    flat = np.full((1, 1, 32, 32), 90, np.uint8)
    assert edge_score(flat, flat + 60)[0] == 1


def test_a_flat_reconstruction_of_edges_scores_zero():
    flat = np.full((1, 1, 64, 64), 90, np.uint8)
    assert edge_score(flat, square(20))[0] == 0
    assert edge_score(square(20), flat)[0] == 0


def test_blur_lowers_the_score_step_by_step(photographs):
    scores = [edge_score(blurred(photographs, sigma), photographs).mean() for sigma in (1, 2, 4)]
    assert 1 > scores[0] > scores[1] > scores[2] > 0


def test_noise_lowers_the_score(photographs):
    noise = np.random.default_rng(0).normal(0, 20, photographs.shape)
    assert edge_score(to_uint8(photographs + noise), photographs).mean() < 0.7


def test_each_picture_is_scored_alone(photographs):
    preds = blurred(photographs, 1.5)
    together = edge_score(preds, photographs)
    alone = [edge_score(p[None], t[None])[0] for p, t in zip(preds, photographs, strict=True)]
    assert together.tolist() == alone


def test_edges_of_the_originals_can_be_found_once(photographs):
    preds = blurred(photographs, 1.5)
    shared = edge_score(preds, target_edges=edge_maps(photographs))
    assert (shared == edge_score(preds, photographs)).all()


def test_gray_as_colour_scores_as_gray(photographs):
    preds = blurred(photographs, 1.0)
    colour = edge_score(preds.repeat(3, 1), photographs.repeat(3, 1))
    assert colour == pytest.approx(edge_score(preds, photographs))


def test_edges_of_equal_luma_are_not_seen():
    picture = np.zeros((1, 3, 32, 32), np.uint8)
    picture[:, 0, :, :16] = 100  # .299 · 100 = 29.9 of luma in red
    picture[:, 2, :, 16:] = 255  # .114 · 255 = 29.1 in blue
    assert not edge_maps(picture).any()


def test_no_pictures_no_scores():
    assert edge_score(
        np.zeros((0, 1, 32, 32), np.uint8), np.zeros((0, 1, 32, 32), np.uint8)
    ).shape == (0,)


# Octaves


@pytest.mark.parametrize(
    ("side", "coarsest"),
    [(96, 1 / 32), (64, 1 / 32), (48, 1 / 16), (256, 1 / 128), (8, 1 / 4), (7, None)],
)
def test_octaves_go_down_to_two_cycles_per_side(side, coarsest):
    found = octaves(side)
    assert (found[-1].low if found else None) == coarsest


def test_octaves_are_contiguous_and_start_at_nyquist():
    found = octaves(200)
    assert found[0].high == 0.5
    assert all(coarse.high == fine.low for fine, coarse in itertools.pairwise(found))


def test_an_octave_is_written_as_fractions():
    assert [octave.band for octave in octaves(16)] == ["1/4–1/2", "1/8–1/4"]


def test_leaving_everything_out_is_zero_decibel(photographs):
    flat = np.broadcast_to(np.rint(photographs.mean((1, 2, 3), keepdims=True)), photographs.shape)
    errors = octave_errors(flat.astype(np.uint8), photographs)
    assert errors == pytest.approx(np.zeros_like(errors), abs=0.02)


def test_half_the_amplitude_is_minus_six_decibel(photographs):
    mean = photographs.mean((2, 3), keepdims=True)
    halved = to_uint8(mean + (photographs - mean) / 2)
    errors = octave_errors(halved, photographs)[:, 1:]  # the finest is close to the rounding
    assert errors == pytest.approx(np.full_like(errors, -20 * np.log10(2)), abs=0.2)


@pytest.mark.parametrize(("frequency", "where"), [(0.35, 0), (0.18, 1), (0.09, 2), (0.045, 3)])
def test_an_added_wave_appears_in_its_own_octave(photographs, frequency, where):
    added = wave(frequency, amplitude=8).astype(float) - 128
    soft = to_uint8(photographs / 2 + 60)
    errors = octave_errors(to_uint8(soft + added), soft)
    powers = 10 ** (errors / 10)
    assert (powers.argmax(1) == where).mean() > 0.7
    # Two octaves away there is hardly anything but the rounding.
    away = [band for band in range(4) if abs(band - where) > 1]
    assert (errors[:, away] < errors[:, [where]] - 12).all()


def test_blur_removes_the_finest_octave_and_keeps_the_coarsest(photographs):
    errors = octave_errors(blurred(photographs, 2), photographs).mean(0)
    assert errors[0] > -1
    assert errors[-1] < -12
    assert (np.diff(errors) < 0).all()


def test_noise_adds_more_than_the_finest_octave_held(photographs):
    noise = np.random.default_rng(1).normal(0, 15, photographs.shape)
    errors = octave_errors(to_uint8(photographs + noise), photographs).mean(0)
    assert errors[0] > 3


def test_a_shift_of_brightness_is_in_no_octave(photographs):
    soft = to_uint8(photographs / 2 + 40)
    assert octave_errors(soft + 20, soft) == pytest.approx(octave_errors(soft, soft))


def test_identical_flat_pictures_give_a_finite_value():
    flat = np.full((1, 1, 32, 32), 7, np.uint8)
    assert octave_errors(flat, flat) == pytest.approx(0)


def test_three_equal_channels_are_as_one(photographs):
    preds = blurred(photographs, 1)
    colour = octave_errors(preds.repeat(3, 1), photographs.repeat(3, 1))
    assert colour == pytest.approx(octave_errors(preds, photographs))


def test_oblong_and_odd_pictures_have_the_octaves_of_their_shorter_side(photographs):
    oblong = photographs[..., :49, :]
    assert octave_errors(blurred(oblong, 1), oblong).shape == (len(oblong), 3)


def test_turning_the_pictures_changes_nothing(photographs):
    oblong = photographs[..., :64, :]
    preds = blurred(oblong, 1)
    turned = octave_errors(preds.swapaxes(2, 3), oblong.swapaxes(2, 3))
    assert turned == pytest.approx(octave_errors(preds, oblong))


def test_long_sets_go_through_in_blocks(photographs, monkeypatch):
    preds = blurred(photographs, 1)
    whole = octave_errors(preds, photographs)
    monkeypatch.setattr(measures, "_AT_ONCE", 4)
    assert octave_errors(preds, photographs) == pytest.approx(whole)


# Bad input


@pytest.mark.parametrize("measure", [edge_score, octave_errors])
def test_floats_are_refused(measure):
    picture = np.zeros((1, 1, 32, 32))
    with pytest.raises(TypeError, match="uint8 is needed"):
        measure(picture, picture.astype(np.uint8))


@pytest.mark.parametrize("measure", [edge_score, octave_errors])
def test_pairs_of_different_shapes_are_refused(measure):
    with pytest.raises(ValueError, match="pairs are needed"):
        measure(np.zeros((1, 1, 32, 32), np.uint8), np.zeros((2, 1, 32, 32), np.uint8))


@pytest.mark.parametrize("shape", [(32, 32), (1, 2, 32, 32)])
def test_other_layouts_are_refused(shape):
    with pytest.raises(ValueError, match="C 1 or 3"):
        edge_maps(np.zeros(shape, np.uint8))


def test_too_small_for_any_octave_is_refused():
    tiny = np.zeros((1, 1, 7, 30), np.uint8)
    with pytest.raises(ValueError, match="at least 8 pixels"):
        octave_errors(tiny, tiny)


def test_an_edge_score_needs_something_to_compare_with(photographs):
    with pytest.raises(ValueError, match="needs target"):
        edge_score(photographs)


def test_the_description_says_what_a_crop_without_edges_scores():
    flat = np.full((1, 1, 16, 16), 90, np.uint8)
    assert edge_score(flat, flat) == 1
    assert "By convention F is 1 where neither picture has an edge" in DESCRIPTIONS["edge_f"]
