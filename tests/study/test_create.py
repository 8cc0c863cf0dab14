"""``create_study``: pixels as they were, whole or not at all; a sentence for what is wrong."""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from snellen.errors import UserError
from snellen.images import write_png
from snellen.study import create as module
from snellen.study.create import CreateOptions, create_study
from snellen.study.folder import open_study
from snellen.study.pictures import ORIGINAL

from .making import MODELS, bundle, folders, noise, save

DEFAULTS = CreateOptions()


def pixels(study, index, model):
    return np.asarray(Image.open(study.path / study.picture(index).files[model]))


def refused(tmp_path, source, options=DEFAULTS):
    """The sentence; nothing may be left behind."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError) as caught:
        create_study(source, tmp_path / "study", options)
    assert sorted(tmp_path.iterdir()) == before
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


# What is made


@pytest.mark.parametrize("channels", [1, 3])
def test_a_bundles_pixels_names_and_sources_come_over(tmp_path, channels):
    place = bundle(tmp_path / "bundle", channels=channels)
    study = create_study(place, tmp_path / "study").study
    assert study.pictures.models == study.config.models == MODELS
    for index, picture in enumerate(study.pictures.pictures):
        assert (picture.name, picture.source) == (f"boat {index}", f"photograph {index // 2}")
        assert (picture.width, picture.height, picture.channels) == (16, 12, channels)
    expected = noise(2, 6, channels, 12, 16)[4]
    found = pixels(study, 4, "mae")
    np.testing.assert_array_equal(
        found if channels == 1 else found.transpose(2, 0, 1), expected.squeeze()
    )


def test_the_folder_of_a_run_will_do(tmp_path):
    bundle(tmp_path / "run" / "study-bundle")
    study = create_study(tmp_path / "run", tmp_path / "study").study
    assert study.pictures.provenance["kind"] == "study bundle"
    assert study.pictures.provenance["run"] == {"command": "snellen reconstruct"}
    assert study.pictures.provenance["command"] == "snellen reconstruct"
    assert study.pictures.provenance["bundle"] == "run/study-bundle"


def test_folders_are_paired_by_name_whatever_the_suffix(tmp_path):
    place = folders(tmp_path / "in")
    for name in ("boat", "cat"):
        (place / "b" / f"{name}.png").unlink()
    save(place / "b" / "boat.bmp", noise(7, 12, 16, 3))
    save(place / "b" / "cat.webp", noise(8, 12, 16, 3), lossless=True)
    (place / "b" / "notes.txt").write_text("not a picture")
    (place / "README").write_text("not a model")
    (place / ".hidden").mkdir()
    study = create_study(place, tmp_path / "study").study
    assert study.pictures.models == ("a", "b")
    assert [picture.name for picture in study.pictures.pictures] == ["boat", "cat", "dog"]
    np.testing.assert_array_equal(pixels(study, 0, "b"), noise(7, 12, 16, 3))
    np.testing.assert_array_equal(pixels(study, 1, "b"), noise(8, 12, 16, 3))


def test_names_are_one_however_their_accents_are_spelled(tmp_path):
    place = folders(tmp_path / "in", names=("cafe\u0301",))
    (place / "b" / "cafe\u0301.png").rename(place / "b" / "caf\u00e9.png")
    study = create_study(place, tmp_path / "study").study
    assert study.picture(0).name == "caf\u00e9"


def test_a_gray_picture_among_coloured_ones_becomes_colour(tmp_path):
    place = folders(tmp_path / "in")
    gray = noise(9, 12, 16)
    save(place / "a" / "boat.png", gray)
    study = create_study(place, tmp_path / "study").study
    assert study.picture(0).channels == 3
    np.testing.assert_array_equal(pixels(study, 0, "a"), np.stack([gray] * 3, axis=2))


def test_nothing_but_pixels_is_copied(tmp_path):
    place = folders(tmp_path / "in")
    told = PngImagePlugin.PngInfo()
    told.add_text("Software", "model a, step 5000")
    save(place / "a" / "boat.png", noise(1, 12, 16, 3), pnginfo=told, dpi=(72, 72))
    study = create_study(place, tmp_path / "study").study
    chunks = re.findall(
        rb"IHDR|PLTE|IDAT|IEND|tEXt|pHYs|gAMA|sRGB|tIME|iCCP", study.picture_bytes(0, "a")
    )
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_secrets_and_answers_are_their_owners_alone(tmp_path):
    study = create_study(folders(tmp_path / "in"), tmp_path / "study").study
    for name in ("secrets.json", "study.db"):
        assert stat.S_IMODE((study.path / name).stat().st_mode) == 0o600
    secrets = study.secrets()
    assert len(secrets.admin) == 32
    assert len(secrets.salt) == 64
    assert secrets.admin not in repr(secrets)
    other = create_study(tmp_path / "in", tmp_path / "other").study.secrets()
    assert secrets.admin != other.admin
    assert secrets.salt != other.salt


def test_the_database_is_empty_and_open(tmp_path):
    study = create_study(folders(tmp_path / "in"), tmp_path / "study").study
    with sqlite3.connect(study.database) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT * FROM setting").fetchall() == [("state", "open")]
        assert connection.execute("SELECT count(*) FROM session").fetchone() == (0,)
    connection.close()


def test_the_options_stand_in_study_yaml(tmp_path):
    options = CreateOptions(
        people=3,
        trials=2,
        design="crossed",
        models=("mae", "mse"),
        pictures=4,
        title="Boats: which?",
        platform="mturk",
        ties=True,
        seed=5,
    )
    study = create_study(bundle(tmp_path / "bundle"), tmp_path / "study", options).study
    config = study.config
    assert (config.people, config.trials_per_person, config.design) == (3, 2, "crossed")
    assert config.models == study.pictures.models == ("mae", "mse")
    assert (config.pictures, len(study.indices), len(study.pictures.pictures)) == (4, 4, 6)
    assert (config.title, config.ties, config.seed) == ("Boats: which?", True, 5)
    assert config.platform.kind == "mturk"
    assert not (study.path / "pictures" / "mse-ms-ssim-0.5").exists()


def test_prolifics_codes_are_drawn_and_differ(tmp_path):
    place = folders(tmp_path / "in")
    platforms = [
        create_study(
            place, tmp_path / name, CreateOptions(platform="prolific")
        ).study.config.platform
        for name in ("s1", "s2")
    ]
    codes = {
        getattr(p, key) for p in platforms for key in ("completed", "no_consent", "screened_out")
    }
    assert len(codes) == 6


def test_models_that_made_the_same_are_noted(tmp_path):
    place = folders(tmp_path / "in", models=("a", "b", "c"))
    for name in ("boat", "cat", "dog"):
        shutil.copy(place / "a" / f"{name}.png", place / "b")
        shutil.copy(place / "original" / f"{name}.png", place / "c")
    notes = create_study(place, tmp_path / "study").notes
    assert any("'b' are those of 'a'" in note for note in notes)
    assert any("'c' are those of the originals" in note for note in notes)
    assert not any("'c' are those of 'a'" in note for note in notes)


def test_wide_pictures_and_missing_texts_are_noted(tmp_path):
    place = tmp_path / "in"
    for folder in ("original", "a", "b"):
        (place / folder).mkdir(parents=True)
        save(place / folder / "x.png", noise(len(folder), 4, 1000))
    notes = create_study(place, tmp_path / "study").notes
    assert any("2000 wide" in note for note in notes)
    assert any("consent, contact" in note for note in notes)


def test_progress_is_told(tmp_path):
    told = []
    create_study(
        folders(tmp_path / "in"), tmp_path / "study", progress=lambda *args: told.append(args)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


# What loses nothing


def test_opaque_alpha_and_eight_bits_in_sixteen_lose_nothing(tmp_path):
    place = folders(tmp_path / "in")
    colour = noise(3, 12, 16, 3)
    write_png(place / "a" / "boat.png", np.dstack([colour, np.full((12, 16), 255, np.uint8)]))
    write_png(place / "b" / "boat.png", colour.astype(np.uint16) * 257)
    study = create_study(place, tmp_path / "study").study
    np.testing.assert_array_equal(pixels(study, 0, "a"), colour)
    np.testing.assert_array_equal(pixels(study, 0, "b"), colour)


def test_an_srgb_profile_loses_nothing(tmp_path):
    place = folders(tmp_path / "in")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save(place / "a" / "boat.png", noise(3, 12, 16, 3), icc_profile=profile)
    save(place / "b" / "boat.png", noise(3, 12, 16, 3), icc_profile=b"no profile")
    assert create_study(place, tmp_path / "study").study


def test_orientation_is_applied(tmp_path):
    place = folders(tmp_path / "in")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = noise(4, 16, 12, 3)
    (place / "a" / "boat.png").unlink()
    Image.fromarray(turned).save(place / "a" / "boat.tif", exif=exif)
    study = create_study(place, tmp_path / "study").study
    np.testing.assert_array_equal(pixels(study, 0, "a"), np.rot90(turned, -1))


# What is refused: a folder


def test_what_is_no_folder_of_pictures(tmp_path):
    assert "does not exist" in refused(tmp_path, tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(tmp_path, tmp_path / "file")
    (tmp_path / "in" / "originals").mkdir(parents=True)
    assert "holds no folder original/ (it holds 'originals')" in refused(tmp_path, tmp_path / "in")


def test_a_run_that_has_no_bundle(tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("config.yaml", "environment.json"):
        (tmp_path / "run" / name).write_text("{}")
    assert "has no study-bundle/" in refused(tmp_path, tmp_path / "run")


def test_a_study_is_no_bundle(tmp_path):
    create_study(folders(tmp_path / "in"), tmp_path / "made")
    assert "is a study already" in refused(tmp_path, tmp_path / "made")


def test_a_missing_picture(tmp_path):
    place = folders(tmp_path / "in")
    (place / "b" / "cat.png").rename(place / "b" / "cats.png")
    sentence = refused(tmp_path, place)
    assert "lacks 1 of the 3 pictures in original/: 'cat'. Is it 'cats'?" in sentence


def test_a_picture_without_original(tmp_path):
    place = folders(tmp_path / "in")
    save(place / "b" / "extra.png", noise(0, 12, 16, 3))
    assert "holds 1 without an original: 'extra'" in refused(tmp_path, place)


def test_another_size(tmp_path):
    place = folders(tmp_path / "in")
    save(place / "b" / "cat.png", noise(0, 12, 15, 3))
    assert "cat.png is 15×12, its original 16×12" in refused(tmp_path, place)


def test_one_model_and_none_and_too_many(tmp_path):
    assert "one model, 'a'" in refused(tmp_path, folders(tmp_path / "one", models=("a",)))
    assert "holds no model" in refused(tmp_path, folders(tmp_path / "none", models=()))
    place = folders(tmp_path / "many", models="abcdefg")
    assert "--models a,b,c" in refused(tmp_path, place)
    study = create_study(place, tmp_path / "study", CreateOptions(models=("g", "a"))).study
    assert study.config.models == ("g", "a")


def test_an_unknown_model_and_one_named_twice(tmp_path):
    place = bundle(tmp_path / "bundle")
    sentence = refused(tmp_path, place, CreateOptions(models=("mse", "maes")))
    assert "no model 'maes'. Did you mean 'mae'?" in sentence
    assert "named twice" in refused(tmp_path, place, CreateOptions(models=("mse", "mse")))


def test_models_that_look_the_same(tmp_path):
    place = folders(tmp_path / "in", models=("a", "\u00fc", "u\u0308"))
    assert "look the same: give each a name of its own" in refused(tmp_path, place)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("y" * 230, "has 230 letters, 200 at most can stand in tables: rename it."),
        (" b", "the model ' b' begins or ends with a space: rename it."),
        ("b\x1b[31m", r"the model 'b\x1b[31m' holds what cannot be printed: rename it."),
    ],
)
def test_models_whose_names_fit_no_table(tmp_path, name, said):
    assert said in refused(tmp_path, folders(tmp_path / "in", models=("a", name)))


def test_no_model_is_chosen(tmp_path):
    place = folders(tmp_path / "in")
    assert "--models names no model" in refused(tmp_path, place, CreateOptions(models=()))


def test_pictures_whose_names_differ_by_capitals(tmp_path):
    place = folders(tmp_path / "in")
    (place / "b" / "cat.png").rename(place / "b" / "Cat.png")
    assert "It holds 'Cat': capitals make a difference." in refused(tmp_path, place)
    (place / "b" / "cat.png").write_bytes((place / "b" / "Cat.png").read_bytes())
    assert "many disks cannot keep names apart" in refused(tmp_path, place)
    (place / "b" / "Cat.png").rename(place / "b" / "cat.jpg")
    assert "pictures are paired by name without suffix: rename one" in refused(tmp_path, place)


def test_models_that_differ_by_capitals(tmp_path):
    place = folders(tmp_path / "in", models=("a", "A"))
    assert "differ by capitals only" in refused(tmp_path, place)
    place = folders(tmp_path / "in2", models=("a", "Original"))
    assert "which the originals are called" in refused(tmp_path, place)


def test_two_pictures_of_one_name(tmp_path):
    place = folders(tmp_path / "in")
    save(place / "a" / "Boat.jpg", noise(0, 12, 16, 3))
    assert "holds both" in refused(tmp_path, place)


def test_links_are_not_followed(tmp_path):
    place = folders(tmp_path / "in")
    (place / "a" / "cat.png").rename(tmp_path / "elsewhere.png")
    (place / "a" / "cat.png").symlink_to(tmp_path / "elsewhere.png")
    assert "cat.png is a link" in refused(tmp_path, place)
    place = folders(tmp_path / "in2")
    (place / "c").symlink_to(place / "b")
    assert "is a link" in refused(tmp_path, place)


def test_what_is_unreadable(tmp_path):
    place = folders(tmp_path / "in")
    (place / "a" / "cat.png").write_bytes(b"nonsense")
    assert "cat.png: it is not an image" in refused(tmp_path, place)
    (place / "a" / "cat.png").write_bytes((place / "b" / "cat.png").read_bytes()[:-100])
    assert "cat.png: the file is truncated" in refused(tmp_path, place)
    (place / "a" / "cat.png").unlink()
    os.mkfifo(place / "a" / "cat.png")
    assert "cat.png is no plain file" in refused(tmp_path, place)


def test_formats_that_are_not_read_and_folders_in_folders(tmp_path):
    place = folders(tmp_path / "in")
    (place / "a" / "cat.png").rename(place / "a" / "cat.avif")
    assert "1 .avif" in refused(tmp_path, place)
    place = folders(tmp_path / "in2")
    (place / "a" / "more").mkdir()
    assert "is a folder in a model's folder" in refused(tmp_path, place)
    place = folders(tmp_path / "in3", names=())
    assert "there is no picture" in refused(tmp_path, place)


# What is refused: what cannot be shown exactly


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((12, 16), 1000, np.uint16), "more than 8 bits"),
        (np.full((12, 16, 4), 200, np.uint8), "transparent"),
    ],
)
def test_sixteen_bits_and_alpha(tmp_path, array, said):
    place = folders(tmp_path / "in")
    write_png(place / "a" / "cat.png", array)
    assert said in refused(tmp_path, place)


def test_print_colours_and_animations(tmp_path):
    place = folders(tmp_path / "in")
    (place / "a" / "cat.png").unlink()
    Image.new("CMYK", (16, 12)).save(place / "a" / "cat.jpg")
    assert "CMYK" in refused(tmp_path, place)
    (place / "a" / "cat.jpg").unlink()
    frames = [Image.new("L", (16, 12), level) for level in (0, 200)]
    frames[0].save(place / "a" / "cat.gif", save_all=True, append_images=frames[1:])
    assert "2 frames" in refused(tmp_path, place)


def test_other_colours_than_srgb(tmp_path):
    place = folders(tmp_path / "in")
    told = PngImagePlugin.PngInfo()
    told.add(b"gAMA", (100_000).to_bytes(4, "big"))
    save(place / "a" / "cat.png", noise(0, 12, 16, 3), pnginfo=told)
    assert "gamma" in refused(tmp_path, place)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
    assert profile  # lcms makes no other RGB profile; a swapped primary stands for one
    save(place / "a" / "cat.png", noise(0, 12, 16, 3), icc_profile=swapped_srgb())
    assert "follow the profile" in refused(tmp_path, place)


def swapped_srgb() -> bytes:
    """sRGB whose red and green have changed places."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"temp").replace(b"gXYZ", b"rXYZ").replace(b"temp", b"gXYZ")


# What is refused: a bundle


def edit(place, change):
    values = json.loads((place / "manifest.json").read_text())
    change(values)
    (place / "manifest.json").write_text(json.dumps(values))


def test_a_changed_picture_of_a_bundle(tmp_path):
    place = bundle(tmp_path / "bundle")
    save(place / "mse" / "0002.png", noise(0, 12, 16))
    assert "not what its manifest says (SHA-256)" in refused(tmp_path, place)


def test_missing_and_extra_pictures_of_a_bundle(tmp_path):
    place = bundle(tmp_path / "bundle")
    shutil.copy(place / "mse" / "0001.png", place / "mse" / "0099.png")
    assert "'0099.png', which manifest.json does not list" in refused(tmp_path, place)
    (place / "mse" / "0099.png").unlink()
    (place / "mse" / "0001.png").unlink()
    assert "1 of the bundle's 6 pictures are missing" in refused(tmp_path, place)
    shutil.rmtree(place / "mse")
    assert "mse is missing" in refused(tmp_path, place)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format=2), "has format 2"),
        (lambda m: m.pop("conditions"), "'conditions' is missing"),
        (lambda m: m["conditions"].append(m["conditions"][0]), "'mse' is named twice"),
        (lambda m: m["conditions"][0].update(name="MAE"), "differ by capitals only"),
        (lambda m: m["pictures"][0].update(name="boat 1"), "'boat 1' is named twice"),
        (lambda m: m["pictures"][0].update(file="../../x.png"), "no plain name"),
        (lambda m: m["conditions"][0].update(folder=".."), "no plain name"),
        (lambda m: m.update(pictures=[]), "lists no picture"),
        (lambda m: m["pictures"][0]["sha256"].pop("mse"), "no sha256"),
        (lambda m: m.update(width=17), "its manifest says 17×12"),
        (lambda m: m["conditions"].clear(), "holds no model"),
    ],
)
def test_a_manifest_that_is_wrong(tmp_path, change, said):
    place = bundle(tmp_path / "bundle")
    edit(place, change)
    assert said in refused(tmp_path, place)


def test_a_manifest_that_is_no_json(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text("{")
    assert "is not JSON" in refused(tmp_path, tmp_path / "bundle")
    damaged = bundle(tmp_path / "damaged")
    text = (damaged / "manifest.json").read_text()
    (damaged / "manifest.json").write_text(text[: len(text) // 2])
    told = refused(tmp_path, damaged)
    assert told.endswith("write the bundle anew, or take that file away, to pair pictures by name.")


# What is refused: options and places


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (CreateOptions(people=0), "--people 0"),
        (CreateOptions(design="random"), "'random'"),
        (CreateOptions(platform="email"), "'email'"),
        (CreateOptions(pictures=7), "7 are asked for, there are 6"),
        (CreateOptions(pictures=("boat 1", "boat x")), "no picture 'boat x'"),
        (CreateOptions(design="nested", people=2, trials=4), "there are 6: type --trials 3, or"),
        (CreateOptions(design="crossed", trials=7), "type --trials 6."),
        (CreateOptions(design="balanced-incomplete", people=1, trials=3, pictures=6), "--people 2"),
        (CreateOptions(title="x" * 201), "the options: title"),
        (CreateOptions(seed=-1), "the options: seed"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, said):
    assert said in refused(tmp_path, bundle(tmp_path / "bundle"), options)


def test_what_exists_stays(tmp_path):
    place = folders(tmp_path / "in")
    (tmp_path / "study").mkdir()
    assert "exists" in refused(tmp_path, place)
    (tmp_path / "study").rmdir()
    (tmp_path / "study").symlink_to(tmp_path / "nowhere")
    assert "exists" in refused(tmp_path, place)


def test_a_study_inside_its_pictures(tmp_path):
    place = folders(tmp_path / "in")
    with pytest.raises(UserError, match="lies inside"):
        create_study(place, place / "study")
    assert sorted(p.name for p in place.iterdir()) == ["a", "b", "original"]


def test_a_stop_on_the_way_leaves_nothing(tmp_path, monkeypatch):
    def stop(place):
        raise KeyboardInterrupt

    place = folders(tmp_path / "in")
    monkeypatch.setattr(module, "create_database", stop)
    with pytest.raises(KeyboardInterrupt):
        create_study(place, tmp_path / "study")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_place_that_cannot_be_written(tmp_path):
    place = folders(tmp_path / "in")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        create_study(place, tmp_path / "file" / "study")


# Real photographs


def test_photographs_come_over_as_they_are(snellen_data, tmp_path):
    place = tmp_path / "in"
    for folder in ("original", "a", "b"):
        (place / folder).mkdir(parents=True)
        for name in ("baby_GT.bmp", "head_GT.bmp"):
            shutil.copy(snellen_data / "Set5" / name, place / folder)
    study = create_study(place, tmp_path / "study").study
    expected = np.asarray(Image.open(snellen_data / "Set5" / "head_GT.bmp").convert("RGB"))
    np.testing.assert_array_equal(pixels(study, 1, ORIGINAL), expected)
    assert study.changed_pictures() == []
    assert open_study(study.path).digest == study.digest
    data = study.picture_bytes(1, "a")
    assert hashlib.sha256(data).hexdigest() == study.picture(1).sha256["a"]
