"""``sources.csv``: which pictures are pieces of one photograph; a guess by names is only told."""

import hashlib
import json
import os

import pytest

from snellen.errors import UserError
from snellen.study.create import CreateOptions, create_study
from snellen.study.photographs import alike_note, read_sources

from .making import bundle, folders

NAMES = ("boat_1", "boat_2", "cat")
GOOD = "picture,source\nboat_1,boat\nboat_2,boat\ncat,cat\n"


def read(tmp_path, data, names=NAMES):
    (tmp_path / "sources.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_sources(tmp_path, names)


def refused(tmp_path, data, names=NAMES):
    with pytest.raises(UserError) as caught:
        read(tmp_path, data, names)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith(str(tmp_path / "sources.csv"))
    return sentence.removeprefix(str(tmp_path / "sources.csv"))


# What is read


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.removesuffix("\n"),
        "picture,source\ncat.png,cat\nboat_2.JPG,boat\nboat_1.bmp,boat\n",
        'picture,source\n\nboat_1 , boat\nboat_2,"boat"\n , \ncat,cat\n,\n',
    ],
)
def test_each_picture_has_its_photograph(tmp_path, data):
    found = read(tmp_path, data)
    assert found is not None
    assert found[0] == {"boat_1": "boat", "boat_2": "boat", "cat": "cat"}


def test_without_the_file_nothing_is_said(tmp_path):
    assert read_sources(tmp_path, NAMES) is None


def test_a_source_may_hold_commas_and_letters_of_any_kind(tmp_path):
    found = read(tmp_path, 'picture,source\na,"Zürich, 1901"\n', ["a"])
    assert found is not None
    assert found[0] == {"a": "Zürich, 1901"}


def test_accents_are_one_however_they_are_spelled(tmp_path):
    found = read(tmp_path, "picture,source\ncafe\u0301,e\u0301\nb,\u00e9\n", ["caf\u00e9", "b"])
    assert found is not None
    assert found[0] == {"caf\u00e9": "\u00e9", "b": "\u00e9"}


def test_a_name_that_looks_like_one_with_a_suffix(tmp_path):
    found = read(tmp_path, "picture,source\na,1\na.png,2\nb.v2,3\n", ["a", "a.png", "b.v2"])
    assert found is not None
    assert found[0] == {"a": "1", "a.png": "2", "b.v2": "3"}


# What is refused


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", " is empty: its first line must be `picture,source`."),
        ("\n\n", " is empty"),
        ("boat_1,boat\n", ", line 1: the header must be `picture,source` (got 'boat_1,boat')."),
        (
            "\npicture;source\nboat_1;boat\n",
            ", line 2: the header must be `picture,source`, with a comma between the two (got",
        ),
        ("source,picture\n", ", line 1: the header must be"),
        ("picture,source,x\n", ", line 1: the header must be"),
        (
            "picture,source\nboat_1,boat\nboat_2,boat\n",
            " lacks 1 of the 3 pictures in original/: 'cat'. Give each a line",
        ),
        ("picture,source\n", " lacks 3 of the 3 pictures in original/: 'boat_1', 'boat_2', 'cat'."),
        (
            GOOD + "boot_2,boat\n",
            ", line 5: there is no picture 'boot_2' in original/. Did you mean 'boat_2'?",
        ),
        (GOOD + "cat.txt,cat\n", ", line 5: there is no picture 'cat.txt' in original/."),
        (GOOD + "Cat,cat\n", ", line 5: there is no picture 'Cat' in original/."),
        (
            GOOD + "\ncat.png,dog\n",
            ", line 6: the picture 'cat' stands in line 4 already: keep one.",
        ),
        ("picture,source\nboat_1,\n", ", line 2: the picture 'boat_1' has no source: name the"),
        ("picture,source\nboat_1,  \n", ", line 2: the picture 'boat_1' has no source: name the"),
        ("picture,source\n,boat\n", ", line 2: no picture is named"),
        ("picture,source\nboat_1\n", ", line 2, has 1 value, 2 are needed"),
        ("picture,source\nboat_1,Bern, 1901\n", ", line 2, has 3 values, 2 are needed"),
        (
            "picture,source\nboat_1,Boat\ncat,cat\nboat_2,boat\n",
            ", line 4: the source 'boat' differs by capitals only from 'Boat' in line 2: spell",
        ),
        (
            'picture,source\nboat_1,"bo\nat"\nboat_2,boat\n',
            r", line 2: the source 'bo\x0aat' holds what cannot be printed",
        ),
        ('picture,source\nboat_1,boat\nboat_2,"boat\ncat,cat\n', ", line 3, is not CSV ("),
        ('picture,source\nboat_1,"boat"x\n', ", line 2, is not CSV ("),
        ("picture,source\ncat,Zürich\n".encode("latin-1"), ", line 2, is not UTF-8: save the file"),
        (GOOD.encode("utf-16"), ", line 1, is not UTF-8"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(tmp_path, data, said):
    assert said in refused(tmp_path, data)


def test_what_is_no_plain_file(tmp_path):
    place = tmp_path / "sources.csv"
    (tmp_path / "elsewhere.csv").write_text(GOOD)
    place.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(UserError, match=r"sources\.csv is a link"):
        read_sources(tmp_path, NAMES)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(UserError, match=r"sources\.csv is no plain file"):
        read_sources(tmp_path, NAMES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "sources.csv").write_text(GOOD)
    (tmp_path / "sources.csv").chmod(0)
    with pytest.raises(UserError, match=r"cannot read .*sources\.csv: Permission denied"):
        read_sources(tmp_path, NAMES)


@pytest.mark.parametrize("name", ["Sources.csv", "source.csv", "SOURCES.CSV"])
def test_a_file_that_is_nearly_named_so_is_not_overlooked(tmp_path, name):
    (tmp_path / name).write_text(GOOD)
    with pytest.raises(UserError, match=rf"{name} would not be read: name it sources\.csv, or"):
        read_sources(tmp_path, NAMES)


# What a study makes of it


def test_a_study_knows_its_photographs_and_from_which_file(tmp_path):
    place = folders(tmp_path / "in", names=NAMES)
    (place / "sources.csv").write_text(GOOD)
    made = create_study(place, tmp_path / "study")
    found = json.loads((tmp_path / "study" / "pictures.json").read_text())
    assert [(each["name"], each["source"]) for each in found["pictures"]] == [
        ("boat_1", "boat"),
        ("boat_2", "boat"),
        ("cat", "cat"),
    ]
    assert found["provenance"]["sources"] == "sources.csv"
    assert found["provenance"]["sources_sha256"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert made.words.endswith(" The 3 pictures come from 2 photographs (sources.csv).")
    assert not any("look like pieces" in note for note in made.notes)


def test_pictures_are_drawn_from_as_many_photographs_as_there_are(tmp_path):
    place = folders(tmp_path / "in", names=NAMES)
    (place / "sources.csv").write_text(GOOD)
    for seed in range(4):
        made = create_study(place, tmp_path / f"{seed}", CreateOptions(pictures=2, seed=seed))
        assert {made.study.picture(index).source for index in made.study.indices} == {"boat", "cat"}
        assert "The 2 pictures come from 2 photographs" in made.words


def test_all_pictures_have_a_line_also_those_that_are_not_shown(tmp_path):
    place = folders(tmp_path / "in", names=NAMES)
    (place / "sources.csv").write_text("picture,source\ncat,cat\n")
    with pytest.raises(UserError, match="lacks 2 of the 3 pictures in original/"):
        create_study(place, tmp_path / "study", CreateOptions(pictures=["cat"]))
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_without_the_file_each_is_its_own_and_alike_names_are_noted(tmp_path):
    place = folders(tmp_path / "in", names=NAMES)
    made = create_study(place, tmp_path / "study")
    assert [picture.source for picture in made.study.pictures.pictures] == list(NAMES)
    assert "sources" not in made.study.pictures.provenance
    assert "photograph" not in made.words
    assert "2 pictures look like pieces of 1 photograph: 'boat_1' and 'boat_2'" in made.notes[0]
    assert f"{place / 'sources.csv'}, whose first line is `picture,source`" in made.notes[0]


def test_only_pictures_that_are_shown_are_noted(tmp_path):
    place = folders(tmp_path / "in", names=NAMES)
    made = create_study(place, tmp_path / "study", CreateOptions(pictures=["boat_2", "cat"]))
    assert not any("look like pieces" in note for note in made.notes)


def test_a_bundle_says_its_photographs_itself(tmp_path):
    place = bundle(tmp_path / "bundle")
    made = create_study(place, tmp_path / "study")  # names like `boat 1`
    assert not any("look like pieces" in note for note in made.notes)
    (place / "sources.csv").write_text(GOOD)
    with pytest.raises(UserError, match=r"sources\.csv would not be read, manifest\.json says"):
        create_study(place, tmp_path / "other")


def test_other_files_beside_the_folders_are_left_alone(tmp_path):
    place = folders(tmp_path / "in", names=("boat", "cat"))
    (place / "labels.csv").write_text("nonsense")
    assert create_study(place, tmp_path / "study").study.pictures.models == ("a", "b")


def test_a_folder_of_that_name_is_no_model(tmp_path):
    place = folders(tmp_path / "in", models=("a", "b", "sources.csv"))
    with pytest.raises(UserError, match=r"sources\.csv is no plain file"):
        create_study(place, tmp_path / "study")


# Names that look like pieces


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("boat1", "boat2"),
        ("boat_01", "boat_2"),
        ("boat-1", "Boat-2"),
        ("boat (1)", "boat (2)"),
        ("boat", "boat_2"),
        ("boat_0_120", "boat_240_0"),
        ("0801_0_120", "0801_240_0"),
        ("boat_x0_y120", "boat_x240_y0"),
        ("boat-crop3", "boat-crop10"),
        ("boat_patch_3", "boat_patch_4"),
        ("boat.tile1", "boat.tile2"),
    ],
)
def test_names_that_look_like_pieces(tmp_path, first, second):
    assert f"'{first}' and '{second}', for example" in alike_note(tmp_path, [first, second, "cat"])


@pytest.mark.parametrize(
    "names",
    [
        *(("boat", "cat"), ("0801", "0802"), ("boat1", "cat1"), ("101", "boat"), ("a1b", "a2b")),
        *(("kodim01", "kodim02", "kodim03"), ()),
    ],
)
def test_names_that_do_not(tmp_path, names):
    assert alike_note(tmp_path, names) == ""


def test_a_name_as_long_as_a_disk_takes_is_looked_at_quickly(tmp_path):
    for name in ("1" * 254 + "a", "_" * 255, "_1" * 127 + "a", "crop" * 63):
        assert alike_note(tmp_path, [name]) == ""
