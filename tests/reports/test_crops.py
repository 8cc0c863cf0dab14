"""Which crops and which whole pictures a super-resolution report shows."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from snellen.reports.crops import (
    GRID,
    MOST_PIXELS,
    SIDE,
    ShownSet,
    differing_crops,
    whole_pictures,
)


def pictures(count, height=120, width=144, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(40, 215, (height, width), np.uint8) for _ in range(count)]


def make_set(originals, outputs, name="Set", sources=None):
    names = [f"{k}.png" for k in range(len(originals))]
    return ShownSet(name, names, sources or names, originals, outputs, {})


@pytest.fixture
def planted():
    """Two methods that return the originals, but for one square of noise each."""
    originals = pictures(3)
    first, second = ([picture.copy() for picture in originals] for _ in range(2))
    noise = np.random.default_rng(9).integers(0, 255, (SIDE, SIDE), np.uint8)
    first[2][16 : 16 + SIDE, 64 : 64 + SIDE] = noise
    second[0][40 : 40 + SIDE // 3, 80 : 80 + SIDE // 3] = noise[: SIDE // 3, : SIDE // 3]
    return make_set(originals, {"a": first, "b": second})


def test_the_window_is_where_the_methods_differ(planted):
    best, second = differing_crops([planted], ["a", "b"], each=2)
    assert (best.index, best.top, best.left) == (2, 16, 64)
    assert second.index == 0
    assert best.gap > second.gap > 0
    assert best.values["b"] == pytest.approx(1)


def test_the_gap_is_that_of_mean_local_ssim(planted):
    (crop,) = differing_crops([planted], ["a", "b"], each=1)
    _, local = structural_similarity(
        planted.outputs["a"][2],
        planted.originals[2],
        data_range=255,
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )
    inner = crop.cut(local)  # no border of the picture is near
    assert crop.values["a"] == pytest.approx(inner.mean(), abs=1e-5)
    assert crop.gap == pytest.approx(1 - inner.mean(), abs=1e-5)


def test_only_the_compared_methods_count(planted):
    outputs = {**planted.outputs, "worst": [255 - p for p in planted.originals]}
    shown = make_set(planted.originals, outputs)
    (crop,) = differing_crops([shown], ["a", "b"], each=1)
    assert crop.index == 2
    assert crop.values["worst"] < crop.values["a"]
    assert crop.gap == pytest.approx(crop.values["b"] - crop.values["a"])


def test_a_scene_is_shown_once_and_each_set_has_its_own(planted):
    one_scene = make_set(planted.originals, planted.outputs, sources=["s"] * 3)
    found = differing_crops([one_scene, planted], ["a", "b"], each=3)
    assert [crop.place for crop in found] == [0, 1, 1, 1]


def test_small_pictures_have_no_crops():
    originals = pictures(1, SIDE - 1, 90)
    assert differing_crops([make_set(originals, {"a": originals})], ["a"], 1) == []


def test_windows_lie_on_the_grid():
    originals, made = pictures(4), pictures(4, seed=1)
    for crop in differing_crops([make_set(originals, {"a": made, "b": originals})], ["a", "b"], 4):
        assert crop.top % GRID == crop.left % GRID == 0
        assert crop.cut(made[crop.index]).shape == (SIDE, SIDE)


def test_whole_pictures_come_from_every_set_and_do_not_depend_on_what_was_made():
    originals = pictures(9, 130, 140)
    sets = [make_set(originals, {"a": originals}, name) for name in ("x", "y", "z")]
    chosen = whole_pictures(sets)
    assert [place for place, _ in chosen] == [0, 1, 2]
    inverted = [make_set(originals, {"a": [255 - p for p in originals]}) for _ in sets]
    assert whole_pictures(inverted) == chosen


def test_pictures_too_small_or_too_large_are_not_shown_whole():
    wide = np.zeros((130, MOST_PIXELS // 130 + 1), np.uint8)
    originals = [*pictures(1, 127, 300), wide, *pictures(1, 128, 128)]
    assert whole_pictures([make_set(originals, {"a": originals})]) == [(0, 2)]


def test_a_heavy_page_shows_fewer_whole_pictures_but_one_at_least():
    originals = pictures(3, 640, 650)  # noise: PNG cannot pack it
    methods = {str(k): originals for k in range(8)}
    assert len(whole_pictures([make_set(originals, methods)])) == 1
