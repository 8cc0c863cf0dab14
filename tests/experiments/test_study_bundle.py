"""The study bundle: pixels as measured, a manifest true to its schema, whole or not at all."""

import errno
import hashlib
import json
import os
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from snellen.errors import UserError
from snellen.experiments import study_bundle
from snellen.experiments.study_bundle import write_study_bundle

SCHEMA = Path(__file__).parents[2] / "docs" / "study-bundle.schema.json"
META = {"command": "snellen reconstruct --losses mse,ms-ssim", "seed": 0, "commit": None}


def pictures(seed, count=3, channels=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, channels, 20, 24), dtype=np.uint8)


def write(folder, *, losses=("mse", "ms-ssim"), count=3, channels=1, names=None, meta=META):
    originals = pictures(0, count, channels)
    made = {loss: pictures(1 + place, count, channels) for place, loss in enumerate(losses)}
    names = names or [f"boat {index}" for index in range(count)]
    write_study_bundle(folder, originals, made, names, ["boat"] * count, meta)
    return originals, made


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def pixels_of(path):
    found = np.asarray(Image.open(path))
    return found[None] if found.ndim == 2 else found.transpose(2, 0, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back_as_they_were(tmp_path, channels):
    originals, made = write(tmp_path / "bundle", channels=channels)
    manifest = manifest_of(tmp_path / "bundle")
    folders = {entry["name"]: entry["folder"] for entry in manifest["conditions"]}
    for index, picture in enumerate(manifest["pictures"]):
        path = tmp_path / "bundle" / manifest["original"]["folder"] / picture["file"]
        assert (pixels_of(path) == originals[index]).all()
        for loss in made:
            path = tmp_path / "bundle" / folders[loss] / picture["file"]
            assert (pixels_of(path) == made[loss][index]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_manifest_holds_to_its_schema(tmp_path, channels):
    write(tmp_path / "bundle", channels=channels, losses=("mse", "mse>ms-ssim@0.5", "a.b:C"))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(manifest_of(tmp_path / "bundle"), schema)


def test_the_schema_refuses_another_format(tmp_path):
    write(tmp_path / "bundle")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**manifest_of(tmp_path / "bundle"), "format": 2}, schema)


def test_checksums_are_those_of_the_files(tmp_path):
    write(tmp_path / "bundle")
    for picture in manifest_of(tmp_path / "bundle")["pictures"]:
        assert set(picture["sha256"]) == {"original", "mse", "ms-ssim"}
        for folder, said in picture["sha256"].items():
            data = (tmp_path / "bundle" / folder / picture["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == said


def test_nothing_else_lies_in_the_folder(tmp_path):
    write(tmp_path / "bundle")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle"]
    found = sorted(p.name for p in (tmp_path / "bundle").iterdir())
    assert found == ["manifest.json", "ms-ssim", "mse", "original"]


def test_conditions_keep_their_order_and_the_run_is_kept(tmp_path):
    write(tmp_path / "bundle", losses=("ms-ssim", "mae", "mse"))
    manifest = manifest_of(tmp_path / "bundle")
    assert [entry["name"] for entry in manifest["conditions"]] == ["ms-ssim", "mae", "mse"]
    assert manifest["run"] == META


def test_hostile_names_of_pictures_stay_inside_the_manifest(tmp_path):
    names = ["../../etc/passwd", "a\nb\0.png", "caf\udce9"]
    write(tmp_path / "bundle", names=names)
    found = manifest_of(tmp_path / "bundle")["pictures"]
    assert [entry["file"] for entry in found] == ["0001.png", "0002.png", "0003.png"]
    assert [entry["name"] for entry in found] == [*names[:2], "caf\\udce9"]


@pytest.mark.parametrize(
    "loss", ["../up", "/abs", "a\\b", "mse>ms-ssim@0.5", "...", "損失", "x" * 500]
)
def test_any_name_of_a_loss_becomes_a_plain_folder(tmp_path, loss):
    write(tmp_path / "bundle", losses=(loss,))
    (entry,) = manifest_of(tmp_path / "bundle")["conditions"]
    assert entry["name"] == loss
    folder = tmp_path / "bundle" / entry["folder"]
    assert folder.parent == tmp_path / "bundle"
    assert len(list(folder.iterdir())) == 3
    jsonschema.validate(manifest_of(tmp_path / "bundle"), json.loads(SCHEMA.read_text("utf-8")))


def test_names_that_look_alike_get_folders_of_their_own(tmp_path):
    write(tmp_path / "bundle", losses=("a>b", "a:b", "A-B", "original"))
    folders = [entry["folder"] for entry in manifest_of(tmp_path / "bundle")["conditions"]]
    assert len({folder.lower() for folder in folders} | {"original"}) == 5


def test_a_bundle_is_replaced_by_a_new_one(tmp_path):
    write(tmp_path / "bundle", losses=("mse", "mae"), count=5)
    write(tmp_path / "bundle", losses=("ssim",), count=2)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png"))
    assert found == [f"bundle/{f}/000{n}.png" for f in ("original", "ssim") for n in (1, 2)]


def test_an_empty_folder_may_be_taken(tmp_path):
    (tmp_path / "bundle").mkdir()
    write(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "manifest.json").exists()


@pytest.mark.parametrize("content", [b"my own notes", b'{"kind": "something else"}', b"[]"])
def test_a_folder_of_something_else_is_left_alone(tmp_path, content):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match="exists and is no study bundle"):
        write(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "manifest.json").read_bytes() == content
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle"]


def test_a_file_in_its_place_is_left_alone(tmp_path):
    (tmp_path / "bundle").write_text("mine")
    with pytest.raises(UserError, match="is no study bundle"):
        write(tmp_path / "bundle")
    assert (tmp_path / "bundle").read_text() == "mine"


def full_disk(path, data):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_and_leaves_the_old_bundle(tmp_path, monkeypatch):
    write(tmp_path / "bundle", losses=("mse",))
    before = manifest_of(tmp_path / "bundle")
    monkeypatch.setattr(study_bundle, "_write", full_disk)
    with pytest.raises(UserError, match="disk is full"):
        write(tmp_path / "bundle", losses=("mae",))
    assert manifest_of(tmp_path / "bundle") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle"]


def test_when_the_last_rename_fails_the_old_bundle_is_put_back(tmp_path, monkeypatch):
    write(tmp_path / "bundle", losses=("mse",))
    before = manifest_of(tmp_path / "bundle")
    rename, calls = os.rename, []

    def second_fails(old, new):
        calls.append(new)
        if len(calls) == 2:
            raise OSError(errno.EROFS, "Read-only file system")
        rename(old, new)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(UserError, match="read-only"):
        write(tmp_path / "bundle", losses=("mae",))
    assert manifest_of(tmp_path / "bundle") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle"]


def test_what_json_cannot_hold_is_no_half_bundle(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path / "bundle", meta={"psnr": float("inf")})
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_do_not_belong_together_are_refused(tmp_path):
    with pytest.raises(ValueError, match="the originals'"):
        write_study_bundle(
            tmp_path / "b", pictures(0), {"mse": pictures(1, 2)}, list("abc"), list("abc"), {}
        )
    with pytest.raises(TypeError, match="uint8 is needed"):
        write_study_bundle(
            tmp_path / "b", pictures(0), {"mse": pictures(1) / 255}, list("abc"), list("abc"), {}
        )
    with pytest.raises(ValueError, match="2 names"):
        write_study_bundle(
            tmp_path / "b", pictures(0), {"mse": pictures(1)}, list("ab"), list("abc"), {}
        )
    with pytest.raises(ValueError, match="one loss at least"):
        write_study_bundle(tmp_path / "b", pictures(0), {}, list("abc"), list("abc"), {})
    assert list(tmp_path.iterdir()) == []
