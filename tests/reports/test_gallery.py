"""Which pictures are shown, and that they are shown as they are."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from snellen.reports.gallery import (
    MAX_SIDE,
    Pictures,
    at_random,
    extremes,
    make_gallery,
    png_bytes,
)


def decode(uri):
    kind, _, data = uri.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def pictures(count=12, size=24, channels=1, losses=("mse", "ms-ssim")):
    rng = np.random.default_rng(0)
    shape = (count, channels, size, size)
    return Pictures(
        pixels=rng.integers(0, 256, shape, dtype=np.uint8),
        reconstructions={loss: rng.integers(0, 256, shape, dtype=np.uint8) for loss in losses},
        ssim_maps={loss: rng.uniform(-1, 1, (count, size, size)).astype("f4") for loss in losses},
        names=[f"crop {index}" for index in range(count)],
        sources=[f"source {index // 3}" for index in range(count)],
        measures={loss: {"ssim": rng.uniform(size=count)} for loss in losses},
    )


def test_each_source_comes_once_before_any_comes_twice():
    sources = ["a"] * 50 + ["b", "c"]
    drawn = [sources[index] for index in at_random(sources, 5)]
    assert sorted(drawn[:3]) == ["a", "b", "c"]
    assert drawn[3:] == ["a", "a"]


def test_the_draw_is_the_same_every_time_and_never_repeats():
    sources = [f"s{index % 7}" for index in range(40)]
    drawn = at_random(sources, 20)
    assert drawn == at_random(sources, 20)
    assert len(set(drawn)) == 20


def test_no_more_are_drawn_than_there_are():
    assert sorted(at_random(["a", "b"], 10)) == [0, 1]


def test_extremes_are_the_ends_of_the_margin_to_the_best_other():
    values = {
        "mse": np.array([0.5, 0.9, 0.2, 0.6]),
        "mae": np.array([0.4, 0.5, 0.9, 0.5]),
        "ms": np.array([0.8, 0.6, 0.8, 0.6]),
    }
    wins, defeats, margins = extremes(values, "ms", list("abcd"), 2)
    assert margins == pytest.approx([0.3, -0.3, -0.1, 0.0])
    assert wins == [0, 3]
    assert defeats == [1, 2]


def test_one_source_comes_once_at_each_end():
    values = {"a": np.arange(6.0), "b": np.zeros(6)}
    wins, defeats, _ = extremes(values, "a", ["x", "x", "y", "y", "z", "z"], 3)
    assert wins == [5, 3, 1]
    assert defeats == [0, 2, 4]


def test_every_pixel_is_shown_as_it_is():
    given = pictures(channels=3)
    gallery = make_gallery(given, ["mse", "ms-ssim"])
    for strip in gallery.strips:
        index = given.names.index(strip.name)
        shown = np.asarray(decode(strip.original)).transpose(2, 0, 1)
        assert (shown == given.pixels[index]).all()
        for made in strip.shown:
            shown = np.asarray(decode(made.picture)).transpose(2, 0, 1)
            assert (shown == given.reconstructions[made.loss][index]).all()


def test_maps_are_black_where_nothing_is_wrong_and_bright_where_all_is():
    given = pictures(count=1, losses=("mse",))
    same = Pictures(
        given.pixels,
        {"mse": given.pixels},
        {"mse": np.ones((1, 24, 24), "f4")},
        given.names,
        given.sources,
        given.measures,
    )
    (made,) = make_gallery(same, ["mse"]).strips[0].shown
    assert np.asarray(decode(made.error).convert("RGB")).sum(-1).max() < 10
    assert np.asarray(decode(made.ssim).convert("RGB")).sum(-1).max() < 10
    wrong = Pictures(
        np.zeros_like(given.pixels),
        {"mse": np.full_like(given.pixels, 255)},
        {"mse": np.full((1, 24, 24), np.nan, "f4")},
        given.names,
        given.sources,
        given.measures,
    )
    (made,) = make_gallery(wrong, ["mse"]).strips[0].shown
    assert np.asarray(decode(made.error).convert("RGB")).sum(-1).min() > 600
    assert np.asarray(decode(made.ssim).convert("RGB")).sum(-1).min() > 600


def test_large_pictures_are_cut_not_shrunk():
    given = pictures(count=2, size=MAX_SIDE + 11, losses=("mse",))
    gallery = make_gallery(given, ["mse"])
    index = given.names.index(gallery.strips[0].name)
    shown = np.asarray(decode(gallery.strips[0].original))
    assert gallery.cropped
    assert (shown == given.pixels[index, 0, 5 : 5 + MAX_SIDE, 5 : 5 + MAX_SIDE]).all()


def test_heavy_pictures_are_fewer():
    light = make_gallery(pictures(count=30), ["mse", "ms-ssim"])
    heavy = make_gallery(pictures(count=30, size=192, channels=3), ["mse", "ms-ssim"])
    assert len(heavy.strips) < len(light.strips)
    assert len(heavy.extremes[0].wins) >= 1


def test_one_loss_neither_wins_nor_loses():
    assert make_gallery(pictures(losses=("mse",)), ["mse"]).extremes == []


def test_the_highest_ssim_of_a_picture_is_marked_once():
    for strip in make_gallery(pictures(), ["mse", "ms-ssim"]).strips:
        assert sum(made.best for made in strip.shown) == 1


def test_without_maps_there_is_none():
    given = pictures()
    bare = Pictures(
        given.pixels, given.reconstructions, {}, given.names, given.sources, given.measures
    )
    gallery = make_gallery(bare, ["mse", "ms-ssim"])
    assert not gallery.has_ssim_maps
    assert all(made.ssim == "" for strip in gallery.strips for made in strip.shown)


def test_no_pictures_no_gallery():
    assert make_gallery(pictures(count=0), ["mse"]).strips == []


@pytest.mark.parametrize("channels", [1, 3])
def test_png_of_channels_first(channels):
    picture = np.random.default_rng(1).integers(0, 256, (channels, 5, 7), dtype=np.uint8)
    found = np.asarray(Image.open(io.BytesIO(png_bytes(picture))))
    assert found.shape == ((5, 7) if channels == 1 else (5, 7, 3))
