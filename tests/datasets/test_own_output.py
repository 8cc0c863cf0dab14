"""A training never sees what a run of ours has written."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from snellen.datasets import open_pictures
from snellen.datasets.folder_index import folder_index
from snellen.datasets.own_output import is_own_output
from snellen.errors import UserError
from snellen.experiments.study_bundle import write_study_bundle
from snellen.training import RunFolder

from .helpers import fill
from .test_folder_index import paths, settle


def run_folder(path):
    with RunFolder.create(path, config={"steps": 1}, command="snellen reconstruct"):
        pass
    fill(path / "images" / "mse", 1, start=50)
    return path


def bundle(path):
    pixels = np.zeros((1, 1, 40, 40), np.uint8)
    write_study_bundle(path, pixels, {"mse": pixels}, ["boat"], ["boat"], {})
    return path


def names(pictures):
    return [pictures.name(k) for k in range(len(pictures))]


@pytest.mark.parametrize("write", [run_folder, bundle])
def test_what_we_wrote_is_left_out_and_named(tmp_path, write):
    fill(tmp_path / "photographs", 2)
    write(tmp_path / "runs" / "one")
    pictures = open_pictures(str(tmp_path), min_side=32)
    assert names(pictures) == ["photographs/000.png", "photographs/001.png"]
    assert [(item.name, item.reason) for item in pictures.skipped] == [
        ("runs/one/", "folder with pictures written by snellen")
    ]


@pytest.mark.parametrize("write", [run_folder, bundle])
def test_what_we_wrote_is_refused_by_its_own_name(tmp_path, write):
    with pytest.raises(UserError, match=r"run or a study bundle of snellen.*name that folder"):
        open_pictures(str(write(tmp_path / "one")), min_side=32)


def test_a_folder_inside_can_be_named(tmp_path):
    inside = run_folder(tmp_path / "one") / "images" / "mse"
    assert len(open_pictures(str(inside), min_side=32)) == 1


def test_nothing_else_to_find_is_said(tmp_path):
    run_folder(tmp_path / "one")
    with pytest.raises(UserError, match="left out one/, written by snellen"):
        open_pictures(str(tmp_path), min_side=32)


@pytest.mark.parametrize(
    "files",
    [
        {"config.yaml": "a: 1"},
        {"environment.json": "{}"},
        {"manifest.json": json.dumps({"kind": "another"})},
        {"manifest.json": "no JSON"},
    ],
)
def test_other_folders_with_such_files_are_entered(tmp_path, files):
    fill(tmp_path, 1)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert not is_own_output(tmp_path)
    assert len(open_pictures(str(tmp_path), min_side=32)) == 1


def test_the_cached_index_remembers_and_forgets(tmp_path):
    fill(tmp_path / "photographs", 1)
    run = run_folder(tmp_path / "run")
    assert paths(folder_index(settle(tmp_path))) == ["photographs/000.png"]
    (run / "results.json").touch()  # the run goes on: nothing to look at again
    again = folder_index(tmp_path)
    assert (paths(again), again.own) == (["photographs/000.png"], ["run"])
    (run / "environment.json").unlink()
    assert "run/images/mse/050.png" in paths(folder_index(tmp_path))


def prints(folder, **options):
    return open_pictures(str(folder), **{"min_side": 32, **options}).fingerprint()


def test_the_fingerprint_follows_what_is_usable(tmp_path):
    first = prints(fill(tmp_path, 3))
    assert prints(tmp_path) == first
    assert prints(tmp_path, min_side=33) != first
    assert prints(tmp_path, channels=3) != first
    fill(tmp_path, 1, start=3)
    assert prints(tmp_path) != first
    (tmp_path / "003.png").unlink()
    (tmp_path / "notes.txt").touch()
    fill(tmp_path, 1, start=9, side=20)  # too small to be used
    assert prints(tmp_path) == first
    os.rename(tmp_path / "000.png", tmp_path / "005.png")
    assert prints(tmp_path) != first


def test_the_fingerprint_follows_a_content_of_the_same_size(tmp_path):
    fill(tmp_path, 2, suffix="bmp")
    first = prints(tmp_path)
    data = bytearray((tmp_path / "001.bmp").read_bytes())
    data[-1] ^= 1
    (tmp_path / "001.bmp").write_bytes(data)
    assert prints(tmp_path) != first


def test_the_fingerprint_is_the_same_without_a_cache_and_in_another_process(tmp_path, cache):
    first = prints(fill(tmp_path, 3))
    shutil.rmtree(cache)
    code = (
        "import sys; from snellen.datasets import open_pictures;"
        "print(open_pictures(sys.argv[1], min_side=32).fingerprint())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == first


def test_every_kind_of_set_counts_side_and_channels(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 96, 96), np.uint8))
    (tmp_path / "train_X.bin").write_bytes(bytes(3 * 96 * 96 * 2))
    for spec in ("builtin", f"npz:{tmp_path / 'a.npz'}", f"stl10:{tmp_path}"):
        found = [
            open_pictures(spec, **options).fingerprint()
            for options in ({}, {}, {"min_side": 95}, {"channels": 3})
        ]
        assert found[0] == found[1], spec
        assert len(set(found)) == 3, spec
