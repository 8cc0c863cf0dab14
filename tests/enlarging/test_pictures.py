"""Enlarging files: what is kept, what is refused, what is done already."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from snellen import upscale
from snellen.enlarging import enlarge_file, open_method, pictures
from snellen.enlarging.canvas import Canvas
from snellen.enlarging.png import write_png_strips
from snellen.errors import UserError
from snellen.files import is_of_whole_disk
from snellen.images import read_image, write_png
from snellen.images.metadata import read_metadata

from .helpers import picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

BICUBIC = open_method("bicubic", 2)


@pytest.fixture
def enlarger(network):
    return open_method(network, 2, device="cpu")


@pytest.mark.parametrize("shape", [(24, 30), (24, 30, 2), (24, 30, 3), (24, 30, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_file_becomes_what_its_array_becomes(tmp_path, network, enlarger, shape, dtype):
    pixels = picture(shape, dtype)
    write_png(tmp_path / "a.png", pixels)
    outcome = enlarge_file(tmp_path / "a.png", tmp_path / "new" / "b.png", enlarger, tile=40)
    large = read_image(tmp_path / "new" / "b.png", alpha="keep")
    assert (outcome.height, outcome.width, outcome.done_before) == (48, 60, False)
    assert large.dtype == dtype
    np.testing.assert_array_equal(large, upscale(pixels, 2, method=network))


def test_palettes_become_colour_and_one_bit_becomes_gray(tmp_path, enlarger):
    colours = Image.fromarray(picture((24, 30, 3))).quantize(16)
    colours.save(tmp_path / "palette.png")
    colours.info["transparency"] = 3
    colours.save(tmp_path / "clear.png", transparency=3)
    Image.fromarray(picture((24, 30)) > 127).save(tmp_path / "bits.png")
    shapes = {"palette": (48, 60, 3), "clear": (48, 60, 4), "bits": (48, 60)}
    for name, shape in shapes.items():
        enlarge_file(tmp_path / f"{name}.png", tmp_path / f"{name}-2.png", enlarger)
        large = read_image(tmp_path / f"{name}-2.png", alpha="keep")
        assert (large.shape, large.dtype) == (shape, np.uint8)
    assert len(np.unique(large)) > 2  # the edges of 1-bit pictures have grays


def exif_of_a_camera(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    exif[0x0131] = "Camera 1.0"
    photo = exif.get_ifd(0x8769)
    photo[0xA002], photo[0xA003], photo[0x9003] = 30, 24, "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_profile_and_exif_are_kept_and_set_right(tmp_path, suffix):
    source, target = tmp_path / "a.jpg", tmp_path / f"b{suffix}"
    image = Image.fromarray(picture((24, 30, 3)))
    image.save(source, exif=exif_of_a_camera(6), icc_profile=PROFILE, quality=95)
    enlarge_file(source, target, BICUBIC)
    found = read_metadata(target)
    assert found.icc_profile == PROFILE
    assert found.exif.picture[0x0112] == 1  # turned already
    assert found.exif.picture[0x010F] == "Maker"
    made_of = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    assert found.exif.picture[0x0131] == f"Snellen upscale x2 bicubic of {made_of}"
    assert found.exif.photo == {0xA002: 48, 0xA003: 60, 0x9003: "2020:01:02 03:04:05"}
    assert found.exif.place == {1: "N"}
    large = read_image(target)
    assert large.shape == (60, 48, 3)
    expected = upscale(read_image(source), 2, method="bicubic")
    if suffix in (".png", ".tif"):
        np.testing.assert_array_equal(large, expected)
    else:
        assert np.abs(large.astype(int) - expected).mean() < 4


GRAY = PROFILE[:16] + b"GRAY" + PROFILE[20:]


@pytest.mark.parametrize(
    ("profile", "shape", "dtype", "suffix", "kept"),
    [
        (GRAY, (24, 30), np.uint8, ".png", True),
        (GRAY, (24, 30), np.uint8, ".jpg", True),
        (GRAY, (24, 30, 2), np.uint8, ".tif", True),
        (GRAY, (24, 30), np.uint16, ".tif", True),
        (GRAY, (24, 30), np.uint8, ".webp", False),
        (GRAY, (24, 30, 2), np.uint8, ".webp", False),
        (GRAY, (24, 30, 2), np.uint16, ".tif", False),
        (PROFILE, (24, 30), np.uint8, ".webp", True),
        (PROFILE, (24, 30, 3), np.uint8, ".webp", True),
    ],
)
def test_a_profile_of_gray_is_not_put_on_rgb(tmp_path, profile, shape, dtype, suffix, kept):
    pixels = picture(shape, dtype)
    strips = [pixels[..., None] if pixels.ndim == 2 else pixels]
    with (tmp_path / "a.png").open("wb") as file:
        write_png_strips(file, Canvas(*strips[0].shape, strips[0].dtype), strips, profile, b"")
    outcome = enlarge_file(tmp_path / "a.png", tmp_path / f"b{suffix}", BICUBIC)
    found = read_metadata(tmp_path / f"b{suffix}").icc_profile
    assert found == (profile if kept else None)
    assert ("its colour profile is one of gray" in outcome.note) is not kept


def test_a_thumbnail_is_left_out(tmp_path):
    """A TIFF block by hand: one tag, then a second directory with a thumbnail's width in it."""
    entry = b"\x0f\x01\x02\0\x04\0\0\0abc\0"
    second = b"\x01\0\0\x01\x03\0\x01\0\0\0\x10\0\0\0\0\0\0\0"
    block = b"II*\0\x08\0\0\0\x01\0" + entry + b"\x1a\0\0\0" + second
    Image.fromarray(picture((24, 30, 3))).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + block)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1) == {0x0100: 16}
    enlarge_file(tmp_path / "a.jpg", tmp_path / "b.jpg", BICUBIC)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.getexif()[0x010F] == "abc"
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1) == {}


def cmyk(path):
    Image.new("CMYK", (30, 24), (10, 20, 30, 40)).save(path)


def animated(path):
    frames = [Image.fromarray(picture((24, 30, 3), seed=k)) for k in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def pages(path):
    with tifffile.TiffWriter(path) as tiff:
        for k in range(2):
            tiff.write(picture((24, 30, 3), seed=k), photometric="rgb")


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.jpg", cmyk, "it is CMYK"),
        ("a.tif", cmyk, "it is CMYK"),
        ("a.webp", animated, "it holds 3 frames"),
        ("a.png", animated, "it holds 3 frames"),
        ("a.gif", animated, "it holds 3 frames"),
        ("a.tif", pages, "it holds 2 pages"),
        ("a.png", lambda path: path.write_bytes(b"nothing"), "not an image"),
        ("a.png", lambda path: write_png(path, picture((4, 30))), "30×4 pixels.*at least 5×5"),
    ],
)
def test_what_cannot_be_enlarged_is_one_sentence_and_leaves_no_file(
    tmp_path, enlarger, name, make, words
):
    make(tmp_path / name)
    with pytest.raises(UserError, match=words):
        enlarge_file(tmp_path / name, tmp_path / "out" / "b.png", enlarger)
    assert not (tmp_path / "out").exists()


def test_a_smaller_copy_beside_the_picture_is_no_second_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(picture((24, 30, 3)), photometric="rgb")
        tiff.write(picture((12, 15, 3)), photometric="rgb", subfiletype=1)
    enlarge_file(tmp_path / "a.tif", tmp_path / "b.tif", BICUBIC)
    assert read_image(tmp_path / "b.tif").shape == (48, 60, 3)


def test_an_unspecified_channel_of_a_tiff_is_left_out_with_a_remark(tmp_path):
    pixels = picture((24, 30, 4))
    pixels[..., 3] = 0
    options = {"photometric": "rgb", "extrasamples": ["unspecified"]}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    outcome = enlarge_file(tmp_path / "a.tif", tmp_path / "b.tif", BICUBIC)
    assert outcome.note == "its extra channel, which is no transparency, is not kept"
    expected = upscale(pixels[..., :3], 2, method="bicubic")
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif", alpha="keep"), expected)


def test_of_a_jpeg_with_several_pictures_the_first_is_enlarged_with_a_remark(tmp_path):
    frames = [Image.fromarray(picture((24, 30, 3), seed=k)) for k in range(2)]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    outcome = enlarge_file(tmp_path / "a.jpg", tmp_path / "b.png", BICUBIC)
    assert outcome.note == "it holds 2 pictures (MPO), the first is enlarged"
    expected = upscale(read_image(tmp_path / "a.jpg"), 2, method="bicubic")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), expected)


def test_a_description_of_the_arrays_shape_is_not_kept(tmp_path):
    for name, text in (("shaped", None), ("said", "a house")):
        options = {} if text is None else {"description": text}
        tifffile.imwrite(tmp_path / f"{name}.tif", picture((24, 30)), **options)
        enlarge_file(tmp_path / f"{name}.tif", tmp_path / f"{name}-2.tif", BICUBIC)
        assert read_metadata(tmp_path / f"{name}-2.tif").exif.picture.get(0x010E) == text


class TestWhatIsThere:
    @pytest.fixture
    def paths(self, tmp_path) -> tuple[Path, Path]:
        write_png(tmp_path / "a.png", picture((24, 30, 3)))
        enlarge_file(tmp_path / "a.png", tmp_path / "b.png", BICUBIC)
        return tmp_path / "a.png", tmp_path / "b.png"

    def test_made_in_the_same_way_it_is_left(self, paths):
        before = paths[1].stat()
        outcome = enlarge_file(*paths, BICUBIC)
        assert (outcome.done_before, outcome.height, outcome.width) == (True, 48, 60)
        after = paths[1].stat()  # reading it may change when it was read
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    @pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
    def test_in_every_format(self, paths, suffix):
        target = paths[1].with_suffix(suffix)
        assert not enlarge_file(paths[0], target, BICUBIC).done_before
        assert enlarge_file(paths[0], target, BICUBIC).done_before

    def test_made_by_another_method_it_is_not_overwritten(self, paths, enlarger):
        before = paths[1].read_bytes()
        with pytest.raises(UserError, match="made in another way: add --force"):
            enlarge_file(*paths, enlarger)
        assert paths[1].read_bytes() == before

    def test_other_weights_are_another_way(self, paths, enlarger):
        enlarge_file(*paths, enlarger, force=True)
        assert enlarge_file(*paths, enlarger).done_before
        other = open_method(enlarger.network, 2, device="cpu")
        assert enlarge_file(*paths, other).done_before  # the same weights elsewhere
        other.network.features.bias.data += 1
        with pytest.raises(UserError, match="another way"):
            enlarge_file(*paths, open_method(other.network, 2, device="cpu"))

    @pytest.mark.parametrize("sides", [(24, 30, 3), (20, 30, 3)])
    def test_of_another_picture_it_is_not_taken_for_done(self, paths, sides):
        stat, before = paths[0].stat(), paths[1].read_bytes()
        write_png(paths[0], picture(sides, seed=1))
        os.utime(paths[0], (stat.st_mtime, stat.st_mtime))
        with pytest.raises(UserError, match="of another picture, or before this one was changed"):
            enlarge_file(*paths, BICUBIC)
        assert paths[1].read_bytes() == before

    def test_removing_it_is_enough(self, paths):
        write_png(paths[0], picture((20, 30, 3), seed=1))
        with pytest.raises(UserError, match="to make only this one anew, remove it and type the"):
            enlarge_file(*paths, BICUBIC)
        paths[1].unlink()
        assert not enlarge_file(*paths, BICUBIC).done_before

    def test_of_a_copy_with_another_name_and_time_it_is_done(self, paths, tmp_path):
        (tmp_path / "copy.png").write_bytes(paths[0].read_bytes())
        later = paths[1].stat().st_mtime + 10
        os.utime(tmp_path / "copy.png", (later, later))
        assert enlarge_file(tmp_path / "copy.png", paths[1], BICUBIC).done_before

    def test_a_strangers_file_is_not_overwritten(self, paths):
        paths[1].write_bytes(b"a letter")
        with pytest.raises(UserError, match="no picture of ours: add --force"):
            enlarge_file(*paths, BICUBIC)
        assert paths[1].read_bytes() == b"a letter"
        assert not enlarge_file(*paths, BICUBIC, force=True).done_before
        assert read_image(paths[1]).shape == (48, 60, 3)


def test_what_a_killed_run_left_of_this_file_is_removed_and_nothing_else(tmp_path):
    write_png(tmp_path / "a.png", picture((24, 30, 3)))
    ours, other = tmp_path / ".tmp-01234567-b.png", tmp_path / ".tmp-01234567-c.png"
    for left in (ours, other):
        left.write_bytes(b"half")
    enlarge_file(tmp_path / "a.png", tmp_path / "b.png", BICUBIC)
    assert not ours.exists()
    assert other.exists()


def test_what_another_run_is_writing_is_not_removed(tmp_path):
    """One run over a file while another is in the midst of the same."""
    write_png(tmp_path / "a.png", picture((24, 30, 3)))

    class StartsAnother:
        def begin(self, pixels):
            pass

        def advance(self, pixels):
            before = list(tmp_path.glob(".tmp-*-b.png"))
            assert len(before) == 1
            enlarge_file(tmp_path / "a.png", tmp_path / "b.png", BICUBIC, force=True)
            assert list(tmp_path.glob(".tmp-*-b.png")) == before

    enlarge_file(tmp_path / "a.png", tmp_path / "b.png", BICUBIC, watch=StartsAnother())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert read_image(tmp_path / "b.png").shape == (48, 60, 3)


def test_a_file_that_another_run_deletes_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", picture((24, 30, 3)))
    claim, interrupted = pictures._claim, []

    def another_run_first(file, *, wait=False):
        if wait and not interrupted:
            interrupted.append(file)
            pictures._remove_leftovers(tmp_path / "b.png")
        return claim(file, wait=wait)

    monkeypatch.setattr(pictures, "_claim", another_run_first)
    enlarge_file(tmp_path / "a.png", tmp_path / "b.png", BICUBIC)
    assert interrupted
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_full_disk_does_not_speak_of_trainings(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    write_png(tmp_path / "a.png", picture((24, 30, 3)))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="the disk is full: free some space") as info:
        enlarge_file(tmp_path / "a.png", tmp_path / "b.png", BICUBIC)
    assert "resume" not in str(info.value)
    assert "type the same again then: what is done is skipped" in str(info.value)
    assert is_of_whole_disk(info.value)


def test_a_failure_half_way_leaves_what_was_there(tmp_path, enlarger):
    class Fails:
        def begin(self, pixels):
            pass

        def advance(self, pixels):
            raise KeyboardInterrupt

    write_png(tmp_path / "a.png", picture((24, 30, 3)))
    (tmp_path / "b.png").write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        enlarge_file(tmp_path / "a.png", tmp_path / "b.png", enlarger, force=True, watch=Fails())
    assert (tmp_path / "b.png").read_bytes() == b"before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]
