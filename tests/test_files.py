"""Names and reasons as a user reads them."""

import errno

import pytest

from snellen.errors import UserError
from snellen.files import (
    atomic_folder,
    atomic_path,
    atomic_write,
    is_of_whole_disk,
    shown,
    spreadsheet_cell,
    wanted_path,
    write_error,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain é 猫 🐈.png", "plain é 猫 🐈.png"),
        ("\x1b]0;title\x07.png", r"\x1b]0;title\x07.png"),
        ("a\nb\tc\x7f\x9b.png", r"a\x0ab\x09c\x7f\x9b.png"),
        (b"b\xff.png".decode(errors="surrogateescape"), r"b\xff.png"),
        ("\ud83d.png", r"\ud83d.png"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
    ],
)
def test_what_cannot_be_shown_is_escaped(name, expected):
    assert shown(name) == expected
    assert shown(shown(name)) == expected


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_begins_like_a_formula_gets_an_apostrophe(first):
    assert spreadsheet_cell(f"{first}a.png") == f"'{first}a.png"


@pytest.mark.parametrize("text", ["", "a=b.png", "'a.png"])
def test_other_names_stay_as_they_are(text):
    assert spreadsheet_cell(text) == text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_comes_with_the_way_on(number):
    sentence = str(write_error("out\x1b/a.csv", OSError(number, "full")))
    assert sentence.startswith(r"cannot write out\x1b/a.csv: the disk ")
    assert "a training then goes on with --resume" in sentence


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_of_what_is_made_as_a_whole_the_wanted_place_is_told(tmp_path, monkeypatch, number):
    def write(path, data):
        raise OSError(number, "full")

    monkeypatch.setattr("pathlib.Path.write_bytes", write)
    with pytest.raises(UserError) as info:
        atomic_write(tmp_path / ".tmp-0123abcd-data" / "csv" / "a.csv", "a")
    sentence = str(info.value)
    assert sentence.startswith(f"cannot write {tmp_path / 'data' / 'csv' / 'a.csv'}: the disk ")
    assert "then type the same command again" in sentence
    assert "--resume" not in sentence
    with pytest.raises(UserError, match="go on so"):
        atomic_write(tmp_path / "a.csv", "a", again="go on so")


@pytest.mark.parametrize("name", [".tmp-a", "a.tmp-0123abcd-b", ".tmp-0123abcd-", "tmp-0123abcd-a"])
def test_other_names_are_no_temporary_ones(name):
    assert wanted_path(f"x/{name}/y").as_posix() == f"x/{name}/y"


@pytest.mark.parametrize(
    ("number", "whole"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, True), (errno.EACCES, False)],
)
def test_what_is_wrong_with_the_whole_disk_is_told_apart(tmp_path, number, whole):
    with (
        pytest.raises(UserError, match="cannot write") as info,
        atomic_path(tmp_path / "a", again="go on so"),
    ):
        raise OSError(number, "no")
    assert is_of_whole_disk(info.value) is whole
    assert ("go on so" in str(info.value)) is (number in (errno.ENOSPC, errno.EDQUOT))
    assert not is_of_whole_disk(UserError("another"))


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    with atomic_folder(tmp_path / "new" / "a") as made:
        (made / "b").write_text("c")
        assert not (tmp_path / "new" / "a").exists()
    assert (tmp_path / "new" / "a" / "b").read_text() == "c"


def test_of_a_folder_that_fails_nothing_is_left(tmp_path):
    def fill():
        with atomic_folder(tmp_path / "a", again="go on so") as made:
            (made / "b").write_text("c")
            raise OSError(errno.ENOSPC, "no")

    with pytest.raises(UserError, match=r"cannot write .*a: the disk is full: .*\(go on so\)"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine").touch()
    with pytest.raises(UserError, match="cannot write"), atomic_folder(tmp_path / "a"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "mine"]


def test_a_folder_is_replaced_by_a_whole_one_only(tmp_path):
    def fill(fails):
        with atomic_folder(tmp_path / "a", replace=True) as made:
            (made / "new").touch()
            if fails:
                raise OSError(errno.ENOSPC, "no")

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    with pytest.raises(UserError, match="cannot write"):
        fill(fails=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "old"]
    fill(fails=False)
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "new"]
