"""Which picture goes with which."""

import os

import pytest

from snellen.cli.score_pairs import find_pairs
from snellen.errors import UserError


@pytest.fixture
def tree(tmp_path):
    """Return a function that makes files (empty ones: pairing reads names only) in two folders."""

    def make(reference, distorted):
        for folder, names in (("ref", reference), ("dist", distorted)):
            for name in names:
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return tmp_path / "ref", tmp_path / "dist"

    return make


def shown(pairs, folders):
    """Return (name, reference, distorted) with paths relative to their folders."""
    return [
        (
            pair.name,
            pair.reference and pair.reference.relative_to(folders[0]).as_posix(),
            pair.distorted and pair.distorted.relative_to(folders[1]).as_posix(),
        )
        for pair in pairs
    ]


def test_same_names_go_together_sorted(tree):
    folders = tree(["b.png", "a.png"], ["a.png", "b.png"])
    assert shown(find_pairs(*folders), folders) == [
        ("a.png", "a.png", "a.png"),
        ("b.png", "b.png", "b.png"),
    ]


def test_another_suffix_goes_together_when_it_is_the_only_one(tree):
    folders = tree(["x/a.png"], ["x/a.jpg"])
    assert shown(find_pairs(*folders), folders) == [("x/a.png", "x/a.png", "x/a.jpg")]


def test_the_same_name_wins_over_the_same_stem(tree):
    folders = tree(["a.png"], ["a.png", "a.jpg"])
    pairs = find_pairs(*folders)
    assert shown(pairs, folders) == [("a.jpg", None, "a.jpg"), ("a.png", "a.png", "a.png")]


def test_several_candidates_are_no_pair_and_are_named(tree):
    folders = tree(["a.png"], ["a.jpg", "a.webp"])
    pairs = find_pairs(*folders)
    assert all(pair.problem for pair in pairs)
    assert "a.jpg, a.webp" in next(pair.problem for pair in pairs if pair.name == "a.png")


def test_a_dot_in_a_name_is_not_a_suffix_of_another(tree):
    folders = tree(["a.v1.png"], ["a.v2.png"])
    assert [pair.problem != "" for pair in find_pairs(*folders)] == [True, True]


def test_other_files_and_hidden_ones_are_no_pictures(tree):
    folders = tree(
        ["a.png", "notes.txt", ".a.png", ".thumbnails/a.png"],
        ["a.png", "manifest.json"],
    )
    assert shown(find_pairs(*folders), folders) == [("a.png", "a.png", "a.png")]


def test_a_link_back_into_the_tree_ends(tree):
    folders = tree(["a.png"], ["a.png"])
    os.symlink(folders[0], folders[0] / "again", target_is_directory=True)
    assert len(find_pairs(*folders)) == 1


def test_two_files_are_a_pair_whatever_their_names(tree):
    reference, distorted = tree(["a.png"], ["b.jpg"])
    (only,) = find_pairs(reference / "a.png", distorted / "b.jpg")
    assert (only.name, only.problem) == ("b.jpg", "")


def test_a_folder_without_pictures_is_refused(tree):
    folders = tree(["notes.txt"], ["a.png"])
    with pytest.raises(UserError, match="no picture in"):
        find_pairs(*folders)
