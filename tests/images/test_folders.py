"""Which pictures a folder holds."""

from __future__ import annotations

import pytest

from snellen.errors import UserError
from snellen.images.folders import pictures_in, unread_kinds


@pytest.fixture
def tree(tmp_path):
    for name in ("a.PNG", "b/c.jpg", "b/.d.png", ".e/f.png", "g.txt", "h/i.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_pictures_are_found_by_their_suffixes_in_the_whole_tree(tree):
    assert pictures_in(tree) == {"a.PNG", "b/c.jpg", "h/i.webp"}


def test_folders_can_be_left_out(tree):
    assert pictures_in(tree, without=[tree / "b", tree / "missing"]) == {"a.PNG", "h/i.webp"}


def test_a_link_back_into_the_tree_ends(tree):
    (tree / "b" / "loop").symlink_to(tree)
    assert pictures_in(tree) == {"a.PNG", "b/c.jpg", "h/i.webp"}


def test_pictures_of_kinds_that_are_not_read_are_counted(tree):
    for name in ("1.HEIC", "b/2.heic", "b/3.avif", ".e/4.avif"):
        (tree / name).touch()
    assert unread_kinds(tree) == {".avif": 1, ".heic": 2}
    assert unread_kinds(tree, without=[tree / "b"]) == {".heic": 1}


@pytest.mark.parametrize("suffix", [".pam", ".pfm"])
def test_rarer_kinds_of_netpbm_are_not_read(tree, suffix):
    (tree / f"a{suffix}").touch()
    assert unread_kinds(tree) == {suffix: 1}


def test_a_folder_of_such_kinds_is_told_so(tmp_path):
    (tmp_path / "a.heic").touch()
    with pytest.raises(UserError, match=r"no picture that can be read \(1 \.heic cannot\) in"):
        pictures_in(tmp_path)


def test_none_is_one_sentence(tree):
    (tree / "empty").mkdir()
    with pytest.raises(UserError, match="there is no picture in"):
        pictures_in(tree / "empty")
    with pytest.raises(UserError, match="cannot look into"):
        pictures_in(tree / "missing")
