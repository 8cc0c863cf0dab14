import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snellen.datasets import open_labelled, open_pictures, split
from snellen.datasets.labels import fingerprint
from snellen.datasets.yale_faces import Face
from snellen.errors import UserError
from snellen.images import UnreadableImage, area_resize

from .helpers import noise

LIGHTS = ("A+000E+00", "A+035E-20", "A-110E+65")


def face(path, *, seed=0, height=60, width=56):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(height, width, seed=seed)).save(path, format="PPM")


def database(folder, *, flat=False, people=(1, 2), lights=LIGHTS):
    """A small database as it is distributed, with what lies beside the faces there."""
    for person in people:
        subject = f"yaleB{person:02d}"
        place = folder if flat else folder / subject
        for k, light in enumerate(lights):
            face(place / f"{subject}_P00{light}.pgm", seed=10 * person + k)
        face(place / f"{subject}_P00_Ambient.pgm")
        (place / f"{subject}_P00.info").write_text("a list")
        (place / "DEADJOE").write_text("an editor")
        (place / f"{subject}_P00A+050E-40.pgm.bad").write_bytes(b"bad")
        (place / f"._{subject}_P00A+000E+00.pgm").write_bytes(b"a trace of a Mac")
    return folder


def columns(labelled):
    return {column.name: column for column in labelled.columns}


def names(pictures):
    return [pictures.name(k) for k in range(len(pictures))]


def test_the_name_of_a_file_is_read():
    assert Face.of("yaleB39_P00A-035E+65.pgm") == Face("yaleB39_P00A-035E+65", "yaleB39", -35, 65)


@pytest.mark.parametrize(
    "name",
    [
        "yaleB39_P00A-035E+65.pgm.bad",
        "yaleB39_P00_Ambient.pgm",
        "yaleB39_P00A-35E+65.pgm",
        "yaleB39_P00A-035E65.pgm",
        "yaleb39_P00A-035E+65.pgm",
        "yaleB39_P00A-035E+65.png",
        "yaleB٣9_P00A-035E+65.pgm",
        "yaleB39_P01A-035E+65.pgm",
        "yaleB39_P00A-181E+65.pgm",
        "yaleB39_P00A-035E+91.pgm",
    ],
)
def test_other_names_are_not(name):
    assert Face.of(name) is None


@pytest.mark.parametrize(("below", "flat"), [("", False), ("", True), ("raw_pgm", False)])
def test_the_database_is_found_in_every_layout(tmp_path, below, flat):
    database(tmp_path / below, flat=flat)
    pictures = open_pictures(f"yale:{tmp_path}", min_side=48)
    assert names(pictures) == [
        f"yaleB{person:02d}_P00{light}" for person in (1, 2) for light in LIGHTS
    ]
    assert pictures.read(4).shape == (60, 56, 1)
    np.testing.assert_array_equal(pictures.read(4)[..., 0], noise(60, 56, seed=21))


def test_labels_come_from_the_names(tmp_path):
    labelled = open_labelled(f"yale:{database(tmp_path)}")
    identity, azimuth, elevation = labelled.columns
    assert (identity.kind, identity.classes) == ("class", ("yaleB01", "yaleB02"))
    assert identity.values.tolist() == [0, 0, 0, 1, 1, 1]
    assert (azimuth.kind, azimuth.unit) == ("number", "°")
    assert azimuth.values.tolist() == [0, 35, -110] * 2
    assert elevation.values.tolist() == [0, -20, 65] * 2
    assert azimuth.values.dtype == elevation.values.dtype == np.float64
    assert labelled.groups == {"people": ("identity",), "lights": ("azimuth", "elevation")}


def test_bad_and_ambient_files_are_left_out_and_counted(tmp_path):
    labelled = open_labelled(f"yale:{database(tmp_path)}")
    assert labelled.left_out == {"marked .bad": 2, "without a light (Ambient)": 2}


def test_whole_people_are_held_out(tmp_path):
    pictures = open_pictures(f"yale:{database(tmp_path, people=(1, 2, 3))}", min_side=48)
    parts = split(pictures, held_out=1)
    people = [{pictures.source(k) for k in part.tolist()} for part in (parts.train, parts.held_out)]
    assert (len(people[0]), len(people[1])) == (2, 1)
    assert not people[0] & people[1]


def test_a_kind_may_be_declared_otherwise(tmp_path):
    declared = {"azimuth": "class", "elevation": "ignore"}
    labelled = open_labelled(f"yale:{database(tmp_path)}", columns=declared)
    assert columns(labelled)["azimuth"].classes == ("-110", "0", "35")
    assert labelled.groups == {"people": ("identity",)}


def test_names_that_do_not_parse_are_listed(tmp_path):
    database(tmp_path)
    for k in range(5):
        face(tmp_path / "yaleB01" / f"copy{k}.pgm")
    with pytest.raises(
        UserError, match=r"copy0\.pgm.*copy2\.pgm and 2 more.*need names like yaleB01_P00A"
    ):
        open_pictures(f"yale:{tmp_path}", min_side=48)


def test_a_face_in_the_folder_of_another_person_is_refused(tmp_path):
    database(tmp_path)
    face(tmp_path / "yaleB02" / "yaleB01_P00A+010E+00.pgm")
    with pytest.raises(UserError, match=r"yaleB02/yaleB01_P00A\+010E\+00\.pgm.*another person"):
        open_pictures(f"yale:{tmp_path}", min_side=48)


def test_a_face_that_comes_twice_is_refused(tmp_path):
    database(database(tmp_path), flat=True)
    with pytest.raises(UserError, match="twice"):
        open_pictures(f"yale:{tmp_path}", min_side=48)


def test_two_databases_in_one_folder_are_not_guessed_between(tmp_path):
    database(tmp_path / "a")
    database(tmp_path / "b")
    with pytest.raises(UserError, match=r"several folders .* \(a, b\): name the one"):
        open_pictures(f"yale:{tmp_path}", min_side=48)


def test_a_folder_without_faces_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no faces in .*such as yaleB01/yaleB01_P00A\+035E-20"):
        open_pictures(f"yale:{tmp_path}")


def test_only_pictures_that_are_left_out_are_no_database(tmp_path):
    (tmp_path / "yaleB01").mkdir()
    face(tmp_path / "yaleB01" / "yaleB01_P00_Ambient.pgm")
    with pytest.raises(UserError, match="but 1 marked"):
        open_pictures(f"yale:{tmp_path}")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        open_pictures(f"yale:{tmp_path / 'nothing'}")


def test_a_packed_archive_is_to_be_unpacked(tmp_path):
    (tmp_path / "CroppedYale.zip").touch()
    with pytest.raises(UserError, match="unzip"):
        open_pictures(f"yale:{tmp_path}")


def test_faces_smaller_than_wanted_are_refused_with_their_size(tmp_path):
    with pytest.raises(UserError, match=r"smaller than 96 pixels.*largest has 56"):
        open_pictures(f"yale:{database(tmp_path)}")


def test_a_file_cut_short_is_found_when_it_is_read(tmp_path):
    path = database(tmp_path) / "yaleB01" / "yaleB01_P00A+035E-20.pgm"
    path.write_bytes(path.read_bytes()[:-100])
    pictures = open_pictures(f"yale:{tmp_path}", min_side=48)
    assert len(pictures) == 6
    with pytest.raises(UnreadableImage) as caught:
        pictures.read(1)
    assert caught.value.lasting
    assert "yaleB01_P00A+035E-20" in [item.name for item in pictures.skipped]


def test_an_empty_file_is_left_out_and_counted(tmp_path):
    (database(tmp_path) / "yaleB01" / "yaleB01_P00A+035E-20.pgm").write_bytes(b"")
    labelled = open_labelled(f"yale:{tmp_path}")
    assert len(labelled.pictures) == len(labelled.columns[0].values) == 5
    assert sum(labelled.left_out.values()) == 5


def test_the_fingerprint_follows_pixels_and_names(tmp_path):
    spec = f"yale:{database(tmp_path)}"
    prints = [fingerprint(open_labelled(spec))]
    prints.append(fingerprint(open_labelled(spec)))
    assert prints[0] == prints[1]
    path = tmp_path / "yaleB01" / "yaleB01_P00A+035E-20.pgm"
    face(path, seed=99)
    prints.append(fingerprint(open_labelled(spec)))
    os.rename(path, path.with_name("yaleB01_P00A+035E-25.pgm"))
    prints.append(fingerprint(open_labelled(spec)))
    assert len(set(prints)) == 3


def test_a_folder_of_faces_without_labels_is_told_its_prefix(tmp_path):
    database(tmp_path / "raw_pgm")
    with pytest.raises(UserError, match=f"type yale:{tmp_path}"):
        open_labelled(str(tmp_path))


def test_the_real_database(snellen_data: Path):
    root = snellen_data / "ExtendedYaleB"
    labelled = open_labelled(f"yale:{root}")
    have = columns(labelled)
    assert len(labelled.pictures) == 2414
    assert len(have["identity"].classes) == 38
    azimuth, elevation = have["azimuth"].values, have["elevation"].values
    assert len(set(zip(azimuth.tolist(), elevation.tolist(), strict=True))) == 64
    assert (azimuth.min(), azimuth.max()) == (-130, 130)
    assert (elevation.min(), elevation.max()) == (-40, 90)
    assert labelled.left_out == {}

    archive = np.load(root / "yaleb_cropped_48x48.npz")
    row_of = {name.removesuffix(".pgm"): k for k, name in enumerate(archive["filename"].tolist())}
    rows = [row_of[name] for name in names(labelled.pictures)]
    np.testing.assert_array_equal(azimuth, archive["azimuth"][rows])
    np.testing.assert_array_equal(elevation, archive["elevation"][rows])
    people = [int(labelled.pictures.source(k)[-2:]) for k in range(2414)]
    np.testing.assert_array_equal(people, archive["subject"][rows])
    off, images = [], archive["images"]
    for index in range(0, 2414, 7):
        picture, wanted = labelled.pictures.read(index), images[rows[index]]
        boxed = Image.fromarray(picture[..., 0]).resize((48, 48), Image.Resampling.BOX)
        np.testing.assert_array_equal(np.asarray(boxed), wanted)
        small = area_resize(picture, (48, 48))[..., 0].astype(int)
        off.append(np.abs(small - wanted).mean())
    # 168 columns become 48: Pillow takes whole columns there, three or four of equal weight, where
    # the area mean takes halves. At edges this is 24 levels, on average hardly one.
    assert np.mean(off) < 1
