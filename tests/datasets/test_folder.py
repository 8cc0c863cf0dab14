import os
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from snellen.datasets import open_pictures, split, summarise_skipped
from snellen.datasets.crops import CropOptions, CropStream
from snellen.errors import UserError
from snellen.images import UnreadableImage, read_image, to_channels

from .helpers import fill, noise


def opened(folder, **options):
    return open_pictures(str(folder), min_side=32, **options)


def names(pictures):
    return [pictures.name(k) for k in range(len(pictures))]


def huge_png(path):
    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_pictures_are_found_at_any_depth_and_in_order(tmp_path):
    fill(tmp_path / "b" / "c", 1, start=5)
    fill(tmp_path / "a", 2)
    fill(tmp_path, 1, start=7)
    assert names(opened(tmp_path)) == ["007.png", "a/000.png", "a/001.png", "b/c/005.png"]


def test_pictures_are_read_as_they_are(tmp_path):
    fill(tmp_path, 2)
    expected = read_image(tmp_path / "001.png")
    np.testing.assert_array_equal(opened(tmp_path, channels=3).read(1), expected)
    np.testing.assert_array_equal(opened(tmp_path).read(1), to_channels(expected, 1))


def test_other_files_and_hidden_ones_are_passed_over(tmp_path):
    fill(tmp_path, 1)
    (tmp_path / "notes.txt").write_text("hello")
    fill(tmp_path / ".thumbnails", 1, start=3)
    shutil.copy(tmp_path / "000.png", tmp_path / "._000.png")
    pictures = opened(tmp_path)
    assert names(pictures) == ["000.png"]
    assert pictures.skipped == []


def test_unusable_pictures_are_skipped_named_and_counted(tmp_path):
    fill(tmp_path, 2)
    fill(tmp_path, 1, start=2, side=20)
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(noise(1, 1, 3)).save(tmp_path / "pixel.png")
    huge_png(tmp_path / "huge.png")
    Image.fromarray(noise(64, 64, 3)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:2000])
    pictures = opened(tmp_path)
    assert names(pictures) == ["000.png", "001.png"]
    assert {item.name: item.reason for item in pictures.skipped} == {
        "002.png": "smaller than 32 pixels on a side",
        "cut.jpg": "the file is truncated",
        "huge.png": "more than 200,000,000 pixels",
        "pixel.png": "smaller than 32 pixels on a side",
        "text.png": "it is not an image",
    }
    assert "skipped 5 pictures: 2 smaller than 32 pixels" in summarise_skipped(pictures.skipped)


def test_damage_inside_a_file_is_found_when_it_is_decoded(tmp_path):
    fill(tmp_path, 2)
    data = bytearray((tmp_path / "001.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "001.png").write_bytes(data)
    pictures = opened(tmp_path)
    assert pictures.skipped == []
    with pytest.raises(UnreadableImage):
        pictures.read(1)
    assert [item.name for item in pictures.skipped] == ["001.png"]


def test_training_goes_on_past_a_damaged_file_and_names_it(tmp_path):
    fill(tmp_path, 5)
    data = bytearray((tmp_path / "003.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "003.png").write_bytes(data)
    pictures = opened(tmp_path)
    options = {"batch_size": 5, "steps": 2, "seed": 0}
    with CropStream(pictures, range(5), CropOptions(32), **options) as stream:
        seen = {name for batch in stream for name in batch.names}
    assert seen == {"000.png", "001.png", "002.png", "004.png"}
    assert [item.name for item in pictures.skipped] == ["003.png"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match=r"no pictures in .*: found 1 other file; pictures end in"):
        opened(tmp_path)


def test_a_folder_of_unusable_pictures_is_refused(tmp_path):
    fill(tmp_path, 3, side=20)
    with pytest.raises(UserError, match=r"no usable picture .*3 smaller than 32 pixels"):
        opened(tmp_path)


def test_copies_of_a_file_are_one_source(tmp_path):
    fill(tmp_path, 8)
    for k in range(8):
        shutil.copy(tmp_path / f"{k:03d}.png", tmp_path / f"copy-{k}.png")
    pictures = opened(tmp_path)
    assert pictures.source(names(pictures).index("copy-3.png")) == "003.png"
    parts = split(pictures, held_out=4)
    held_out = {pictures.source(k) for k in parts.held_out.tolist()}
    assert not held_out & {pictures.source(k) for k in parts.train.tolist()}
    assert len(parts.held_out) == 8


def test_large_files_that_differ_are_different_sources(tmp_path):
    # Bitmaps of one size with equal beginnings and ends.
    for k in range(2):
        array = np.zeros((300, 300, 3), np.uint8)
        array[140:160] = noise(20, 300, 3, seed=k)
        Image.fromarray(array).save(tmp_path / f"{k}.bmp")
    assert len(set(opened(tmp_path).source_ids().tolist())) == 2


def test_the_fingerprint_is_of_the_content_and_not_of_the_place(tmp_path):
    fill(tmp_path / "a", 3)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert opened(tmp_path / "a").fingerprint() == opened(tmp_path / "b").fingerprint()
    fill(tmp_path / "b", 1, start=3)
    assert opened(tmp_path / "a").fingerprint() != opened(tmp_path / "b").fingerprint()


def test_links_in_a_circle_end(tmp_path):
    fill(tmp_path / "a", 2)
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert names(opened(tmp_path)) == ["a/000.png", "a/001.png"]


def test_links_to_folders_elsewhere_are_followed_once(tmp_path):
    fill(tmp_path / "elsewhere", 2)
    (tmp_path / "here").mkdir()
    for name in ("x", "y"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert names(opened(tmp_path / "here")) == ["x/000.png", "x/001.png"]


def test_links_to_nothing_are_passed_over(tmp_path):
    fill(tmp_path, 1)
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    assert names(opened(tmp_path)) == ["000.png"]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_names_that_are_no_unicode_can_be_read_and_printed(tmp_path):
    fill(tmp_path, 1)
    try:
        os.rename(tmp_path / "000.png", os.path.join(os.fsencode(tmp_path), b"caf\xe9.png"))
    except OSError:
        pytest.skip("this file system takes no such names")
    pictures = opened(tmp_path)
    assert pictures.name(0) == "caf\\xe9.png"
    assert pictures.read(0).shape == (40, 48, 1)


def test_a_file_that_shrank_since_it_was_looked_at_is_skipped(tmp_path):
    fill(tmp_path, 2)
    pictures = opened(tmp_path)
    Image.fromarray(noise(10, 10, 3)).save(tmp_path / "000.png")
    with pytest.raises(UnreadableImage, match="smaller than 32"):
        pictures.read(0)


def test_a_file_that_went_since_it_was_looked_at_is_skipped(tmp_path):
    fill(tmp_path, 2)
    pictures = opened(tmp_path)
    (tmp_path / "000.png").unlink()
    with pytest.raises(UnreadableImage, match="no such file"):
        pictures.read(0)


def test_decoded_bytes_count_what_is_used(tmp_path):
    fill(tmp_path, 3)
    fill(tmp_path, 1, start=9, side=20)
    assert opened(tmp_path, channels=3).decoded_bytes == 3 * 40 * 48 * 3
