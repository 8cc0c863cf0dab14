"""What files say beside their pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from snellen.images import UnreadableImage
from snellen.images.metadata import Exif, read_metadata


def test_a_plain_picture_says_nothing(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    found = read_metadata(tmp_path / "a.png")
    assert (found.format, found.mode, found.pictures) == ("PNG", "RGB", 1)
    assert found.icc_profile is None
    assert found.exif == Exif()


def test_tags_of_storage_are_no_exif(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.tif", software="Editor")
    assert read_metadata(tmp_path / "a.tif").exif == Exif({0x0131: "Editor"})


def test_damaged_exif_counts_as_none(tmp_path):
    damaged = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(range(40))
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", exif=damaged)
    found = read_metadata(tmp_path / "a.jpg")
    assert found.pictures == 1
    assert found.exif.photo == {}


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_frames_and_pages_are_counted(tmp_path, suffix):
    frames = [Image.fromarray(np.full((6, 8, 3), 40 * k, np.uint8)) for k in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    assert read_metadata(tmp_path / f"a{suffix}").pictures == 3


def test_the_pictures_of_a_jpeg_as_phones_write_it_are_counted(tmp_path):
    frames = [Image.fromarray(np.full((6, 8, 3), 40 * k, np.uint8)) for k in range(2)]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "b.jpg")
    assert read_metadata(tmp_path / "a.jpg").pictures == 2
    assert read_metadata(tmp_path / "b.jpg").pictures == 1


def test_channels_that_are_neither_colour_nor_alpha_are_counted(tmp_path):
    for kind, count in (("unspecified", 1), ("unassalpha", 0), ("assocalpha", 0)):
        array = np.zeros((6, 8, 4), np.uint8)
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[kind])
        assert read_metadata(tmp_path / "a.tif").unread_channels == count


def test_the_profile_of_a_tiff_that_pillow_does_not_know_is_found(tmp_path):
    array = np.zeros((6, 8, 2), np.uint16)
    options = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [2]}
    tifffile.imwrite(tmp_path / "a.tif", array, iccprofile=b"profile", **options)
    assert read_metadata(tmp_path / "a.tif").icc_profile == b"profile"


def test_no_picture_is_one_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(UnreadableImage, match="not an image"):
        read_metadata(tmp_path / "a.png")
    with pytest.raises(UnreadableImage, match="no such file"):
        read_metadata(tmp_path / "b.png")
