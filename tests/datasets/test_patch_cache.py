"""Facts about the file in which prepared pictures lie, and about preparing them."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snellen.datasets import patch_cache, super_resolution
from snellen.datasets.super_resolution import prepare_patches
from snellen.errors import UserError
from snellen.images import read_image
from snellen.images.protocols import PROTOCOLS, low_resolution, target_luma
from snellen.images.resize import bicubic_resize

from .helpers import fill, noise


def prepare(folder, **settings):
    return prepare_patches([str(folder)], **{"scale": 4, "protocol": "poster", **settings})


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "pictures", 4, side=70)


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that were decoded."""
    seen = []
    read = super_resolution.read_undamaged

    def watched(pictures, index):
        seen.append(pictures.name(index))
        return read(pictures, index)

    monkeypatch.setattr(super_resolution, "read_undamaged", watched)
    return seen


# What is kept.


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_picture_is_kept_as_the_protocol_makes_it(folder, scale, protocol):
    source = prepare(folder, scale=scale, protocol=protocol)
    for k, name in enumerate(source.names):
        picture = read_image(folder / name)
        luma = target_luma(picture, scale, PROTOCOLS[protocol])
        low = low_resolution(picture, scale, PROTOCOLS[protocol]) / 255
        assert np.abs(source.luma(k) - luma).max() <= (0 if luma.dtype == np.uint8 else 0.5)
        assert source.low(k).dtype == np.float32
        assert (source.low(k) == low.astype(np.float32)).all()
        assert source.luma(k).shape == (source.height[k], source.width[k])
        assert not source.height[k] % scale


def test_a_gray_picture_is_its_own_luma(tmp_path):
    gray = noise(40, 48)
    Image.fromarray(gray).save(tmp_path / "gray.png")
    assert (prepare(tmp_path).luma(0) == gray).all()


def test_rescaled_versions_are_shrunk_before_anything_else(folder):
    source = prepare(folder, rescales=(1.0, 0.6))
    assert source.names[:2] == ["000.png", "000.png@0.6"]
    small = bicubic_resize(read_image(folder / "000.png"), 0.6)
    assert (source.luma(1) == target_luma(small, 4, PROTOCOLS["poster"])).all()


def test_a_version_that_would_be_too_small_is_left_out(folder):
    assert prepare(folder, rescales=(1.0, 0.4)).names == [
        "000.png",
        "001.png",
        "002.png",
        "003.png",
    ]


def test_names_of_several_folders_differ(tmp_path):
    first, second = fill(tmp_path / "a", 1), fill(tmp_path / "b", 1, start=0, side=44)
    source = prepare_patches([str(first), str(second)], scale=2, protocol="poster")
    assert source.names == ["a/000.png", "b/000.png"]


def test_folders_of_one_name_are_told_apart(tmp_path):
    first, second = fill(tmp_path / "x" / "train", 1), fill(tmp_path / "y" / "train", 1, side=44)
    source = prepare_patches([str(first), str(second)], scale=2, protocol="poster")
    assert source.names == [f"{first}/000.png", f"{second}/000.png"]


def test_a_change_in_the_middle_of_a_large_file_is_noticed(tmp_path):
    """Of large files, other commands look at samples only."""
    picture = noise(400, 400, 3)
    Image.fromarray(picture).save(tmp_path / "a.bmp")
    before = prepare(tmp_path)
    picture[110:190] = 0
    Image.fromarray(picture).save(tmp_path / "a.bmp")
    after = prepare(tmp_path)
    assert after.fingerprint != before.fingerprint
    assert (after.luma(0)[110:190] == 16).all()


def test_versions_know_what_they_are_of(folder):
    source = prepare(folder, rescales=(1.0, 0.6))
    assert source.originals[:4] == ["000.png", "000.png", "001.png", "001.png"]


# What is left out.


def test_copies_are_left_out_and_named_whatever_their_format(folder):
    Image.open(folder / "001.png").save(folder / "zzz.bmp")
    source = prepare(folder)
    assert len(source) == 4
    [copy] = source.skipped
    assert (copy.name, copy.reason, copy.detail) == (
        "zzz.bmp",
        "a copy of another picture",
        "001.png",
    )


def test_damaged_and_small_pictures_are_named_each_time(folder):
    damaged = (folder / "001.png").read_bytes()
    half = len(damaged) // 2
    (folder / "001.png").write_bytes(damaged[:half] + bytes(64) + damaged[half + 64 :])
    fill(folder, 1, side=20, start=9)
    for _ in range(2):
        source = prepare(folder)
        assert source.names == ["000.png", "002.png", "003.png"]
        assert sorted(item.name for item in source.skipped) == ["001.png", "009.png"]


def test_pictures_can_be_left_out_by_name(folder):
    source = prepare(folder, leave_out=["002.png"])
    assert source.names == ["000.png", "001.png", "003.png"]
    assert [item.name for item in source.skipped] == ["002.png"]


def test_a_name_that_is_not_there_cannot_be_left_out(folder):
    with pytest.raises(UserError, match=r"no training picture '02\.png'.*Did you mean '002\.png'"):
        prepare(folder, leave_out=["02.png"])


def test_nothing_usable_is_refused_each_time(folder):
    for path in folder.iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
        path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(UserError, match=r"no usable picture in .*skipped 4 pictures"):
            prepare(folder)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"scale": 5}, "a scale of 5; need 2, 3, 4"),
        ({"protocol": "postr"}, "Did you mean 'poster'"),
        ({"rescales": ()}, "rescalings none"),
        ({"rescales": (1.0, 1.5)}, "rescalings 1, 1.5; need factors above 0 and up to 1"),
        ({"rescales": (float("nan"),)}, "rescalings nan"),
    ],
)
def test_impossible_settings_are_refused(folder, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        prepare(folder, **settings)


def test_no_folders_are_refused():
    with pytest.raises(UserError, match="no training pictures were named"):
        prepare_patches([], scale=4, protocol="poster")


# Found again.


def test_a_second_start_decodes_nothing(folder, decoded):
    first = prepare(folder)
    decoded.clear()
    again = prepare(folder)
    assert decoded == []
    assert again.notes == []
    assert again.names == first.names
    assert all((again.luma(k) == first.luma(k)).all() for k in range(4))
    assert (again.hashes.looks == first.hashes.looks).all()


def test_it_does_not_matter_where_the_folder_lies(folder, decoded):
    prepare(folder)
    decoded.clear()
    assert prepare(folder.rename(folder.with_name("moved"))).names[0] == "000.png"
    assert decoded == []


@pytest.mark.parametrize(
    "settings", [{"scale": 2}, {"protocol": "standard"}, {"rescales": (1.0, 0.9)}, {"min_side": 40}]
)
def test_other_settings_are_prepared_apart(folder, decoded, settings):
    before = prepare(folder)
    decoded.clear()
    other = prepare(folder, **settings)
    assert other.path != before.path
    assert decoded


def test_a_changed_folder_is_prepared_anew(folder, decoded):
    prepare(folder)
    decoded.clear()
    fill(folder, 1, side=70, start=5)
    assert len(prepare(folder)) == 5
    assert len(decoded) == 5


def test_the_default_place_is_the_user_s_cache(folder, cache):
    assert prepare(folder).path.parent == cache / "superres"


# Damage.


def broken(path, how):
    data = bytearray(path.read_bytes())
    if how == "cut short":
        del data[-1000:]
    elif how == "empty":
        data.clear()
    elif how == "one bit":
        data[len(data) // 3] ^= 1
    elif how == "the head":
        data[-100] ^= 1
    elif how == "another version":
        data[14] += 1
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["cut short", "empty", "one bit", "the head", "another version"])
def test_a_damaged_cache_is_made_anew_and_that_is_said_once(folder, decoded, how):
    source = prepare(folder)
    expected = source.path.read_bytes()
    path = source.path
    del source
    broken(path, how)
    decoded.clear()
    again = prepare(folder)
    [note] = again.notes
    assert "anew" in note
    assert len(decoded) == 4
    assert path.read_bytes() == expected
    assert prepare(folder).notes == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(folder, tmp_path, monkeypatch):
    def full(self, name, luma, low):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(patch_cache._Writer, "add", full)
    with pytest.raises(UserError, match="the disk is full"):
        prepare(folder, cache_dir=tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_limit_on_the_size_of_files_is_one_sentence(folder, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    prepare(folder, scale=2)  # so that the folder's index stands
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(UserError, match="larger than this place allows"):
            prepare(folder, cache_dir=tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((tmp_path / "cache").glob("[!.]*.patches"))


def test_a_place_that_is_a_file_is_one_sentence(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file, not a folder"):
        prepare(folder, cache_dir=tmp_path / "file")


# Several processes.

PREPARE = """
import sys, time
from snellen.datasets.super_resolution import prepare_patches

def slowly(done, total):
    print(done, flush=True)
    time.sleep(0.5)

prepare_patches([sys.argv[1]], scale=4, protocol="poster", cache_dir=sys.argv[2], progress=slowly)
"""


def test_one_killed_while_preparing_leaves_no_half_cache(folder, tmp_path):
    place = tmp_path / "cache"
    command = [sys.executable, "-c", PREPARE, str(folder), str(place)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert list(place.glob(".tmp-*"))
    assert not list(place.glob("[!.]*.patches"))
    source = prepare(folder, cache_dir=place)
    assert len(source) == 4
    assert source.notes == []
    assert not list(place.glob(".tmp-*"))


def test_two_that_prepare_at_once_do_it_once(folder, decoded):
    sources = []

    def slowly(done, total):
        time.sleep(0.05)

    def work():
        sources.append(prepare(folder, progress=slowly))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == 4
    assert [len(source) for source in sources] == [4, 4, 4]


def test_without_locks_both_make_the_same_file(folder, monkeypatch):
    def none(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    expected = prepare(folder).path.read_bytes()
    monkeypatch.setattr(patch_cache.fcntl, "flock", none)
    other = prepare(folder, cache_dir=folder.parent / "elsewhere")
    assert other.path.read_bytes() == expected


# Kept apart from the file's writer: what the head says can be read by anyone.


def test_the_head_is_plain_json(folder):
    data = prepare(folder).path.read_bytes()
    assert data[:16] == data[-16:] == b"SNELLEN-PATCH-1\n"
    length = int.from_bytes(data[-56:-48], "little")
    head = json.loads(data[-56 - length : -56])
    assert head["names"] == ["000.png", "001.png", "002.png", "003.png"]
    assert (head["scale"], head["protocol"]) == (4, "poster")


def test_preparing_tells_how_far_it_is(folder):
    told = []
    prepare(folder, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_real_folders_are_prepared_without_their_one_copy(snellen_data, tmp_path):
    source = prepare(snellen_data / "T91", cache_dir=tmp_path)
    assert len(source) == 90
    assert [(item.name, item.detail) for item in source.skipped] == [("t65.bmp", "t36.bmp")]
    assert Path(os.fspath(source.path)).stat().st_size < 10e6
