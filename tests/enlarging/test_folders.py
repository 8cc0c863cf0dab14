"""Which files are enlarged, and where they go."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from snellen.enlarging import find_jobs
from snellen.errors import UserError


def make(path: Path, size=(8, 8), kind=None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path, kind)
    return path


def targets(jobs, out):
    return {job.name: job.target.relative_to(out).as_posix() for job in jobs if job.target}


def test_the_structure_of_a_folder_is_kept_and_suffixes_where_they_can_be(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.JPG", "deep/er/b.webp", "deep/c.tiff", "d.bmp", "e.ppm", "f.png"):
        make(source / name)
    make(source / "g.jpg", kind="PNG")  # not what its name says
    make(source / ".hidden.png")
    (source / "notes.txt").write_text("no picture")
    assert targets(find_jobs(source, out, 2), out) == {
        "a.JPG": "a.JPG",
        "d.bmp": "d.png",
        "deep/c.tiff": "deep/c.tiff",
        "deep/er/b.webp": "deep/er/b.webp",
        "e.ppm": "e.png",
        "f.png": "f.png",
        "g.jpg": "g.png",
    }


def test_what_a_format_cannot_hold_for_its_size_becomes_png(tmp_path):
    make(tmp_path / "in" / "wide.webp", (5000, 2))
    make(tmp_path / "in" / "wide.jpg", (17_000, 1), "JPEG")
    (three,) = find_jobs(tmp_path / "in" / "wide.webp", tmp_path, 3)
    (four,) = find_jobs(tmp_path / "in" / "wide.webp", tmp_path, 4)
    (long,) = find_jobs(tmp_path / "in" / "wide.jpg", tmp_path, 4)
    assert [job.target.suffix for job in (three, four, long)] == [".webp", ".png", ".png"]


def test_without_an_output_the_name_says_the_scale(tmp_path):
    photo = make(tmp_path / "in" / "photo.jpg")
    assert find_jobs(photo, None, 4)[0].target == tmp_path / "in" / "photo-x4.jpg"
    assert find_jobs(tmp_path / "in", None, 2)[0].target == tmp_path / "in-x2" / "photo.jpg"


def test_a_file_into_a_folder_or_under_another_name(tmp_path):
    photo = make(tmp_path / "photo.jpg")
    (tmp_path / "there").mkdir()
    assert find_jobs(photo, tmp_path / "there", 4)[0].target == tmp_path / "there" / "photo.jpg"
    assert find_jobs(photo, tmp_path / "big.webp", 4)[0].target == tmp_path / "big.webp"
    with pytest.raises(UserError, match=r"ends in \.png, \.jpg, \.webp, \.tif"):
        find_jobs(photo, tmp_path / "big.gif", 4)
    with pytest.raises(UserError, match=r"or a folder .with a / at its end, if it is to be made"):
        find_jobs(photo, tmp_path / "big", 4)


def test_a_slash_at_the_end_means_a_folder(tmp_path):
    photo = make(tmp_path / "photo.bmp")
    (job,) = find_jobs(photo, f"{tmp_path}/new/", 4)
    assert job.target == tmp_path / "new" / "photo.png"
    (job,) = find_jobs(tmp_path, f"{tmp_path}/new.png/", 4)
    assert job.target == tmp_path / "new.png" / "photo.png"
    for source in (photo, tmp_path):
        with pytest.raises(UserError, match=r"photo\.bmp is a file: name a folder, or leave the /"):
            find_jobs(source, f"{photo}/", 4)


def test_an_empty_name_is_no_folder(tmp_path, monkeypatch):
    photo = make(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="the input is an empty name: name a picture or a folder"):
        find_jobs("", "large.png", 4)
    for source in (photo, tmp_path):
        with pytest.raises(UserError, match="the output is an empty name: name a file or a folder"):
            find_jobs(source, "", 4)


@pytest.mark.parametrize("name", ["o.png", "o.JPG", "o.bmp"])
def test_a_folder_does_not_become_a_folder_that_is_called_like_a_picture(tmp_path, name):
    make(tmp_path / "in" / "a.png")
    with pytest.raises(UserError, match=rf"{name} has the name of a picture, but .*in is a folder"):
        find_jobs(tmp_path / "in", tmp_path / name, 2)
    (tmp_path / name).mkdir()
    assert targets(find_jobs(tmp_path / "in", tmp_path / name, 2), tmp_path / name)


def test_a_name_that_becomes_too_long_asks_for_another(tmp_path):
    photo = make(tmp_path / f"{'a' * 236}.png")
    with pytest.raises(UserError, match=r"a-x4\.png is too long for a name: give a shorter one"):
        find_jobs(photo, None, 4)
    assert find_jobs(photo, tmp_path / "b.png", 4)[0].target == tmp_path / "b.png"


def test_an_output_folder_in_the_input_folder_is_not_enlarged_again(tmp_path):
    make(tmp_path / "a.png")
    make(tmp_path / "large" / "a.png")
    assert [job.name for job in find_jobs(tmp_path, tmp_path / "large", 2)] == ["a.png"]


def test_the_output_is_never_the_input(tmp_path):
    photo = make(tmp_path / "a" / "photo.png")
    with pytest.raises(UserError, match="is the input: name another file"):
        find_jobs(photo, photo, 2)
    with pytest.raises(UserError, match="is the input: name another file"):
        find_jobs(photo, tmp_path / "a", 2)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for out in (tmp_path / "a", tmp_path / "link", tmp_path / "a" / ".." / "a"):
        with pytest.raises(UserError, match="is the input folder"):
            find_jobs(tmp_path / "a", out, 2)


def test_a_picture_of_the_input_is_never_a_target(tmp_path):
    make(tmp_path / "a" / "p.png")
    make(tmp_path / "a" / "a" / "p.png")
    jobs = {job.name: job for job in find_jobs(tmp_path / "a", tmp_path, 2)}
    assert "would overwrite a picture of the input" in jobs["a/p.png"].problem
    assert jobs["a/p.png"].target is None


def test_of_two_pictures_of_one_name_the_one_whose_suffix_stays_has_it(tmp_path):
    for name in ("p.bmp", "p.png", "q.bmp", "q.ppm"):
        make(tmp_path / "in" / name)
    assert targets(find_jobs(tmp_path / "in", tmp_path / "out", 2), tmp_path / "out") == {
        "p.bmp": "p.bmp.png",
        "p.png": "p.png",
        "q.bmp": "q.png",
        "q.ppm": "q.ppm.png",
    }


def test_a_picture_of_which_both_names_are_taken_must_be_renamed(tmp_path):
    for name in ("p.bmp", "p.png", "p.bmp.png"):
        make(tmp_path / "in" / name)
    jobs = {job.name: job for job in find_jobs(tmp_path / "in", tmp_path / "out", 2)}
    assert jobs["p.bmp"].target is None
    assert jobs["p.bmp"].problem == (
        "p.png and p.bmp.png have the names already that its enlargement could get: rename it."
    )
    assert jobs["p.bmp.png"].target == tmp_path / "out" / "p.bmp.png"
    assert jobs["p.png"].target == tmp_path / "out" / "p.png"


def test_a_large_webp_with_transparency_becomes_png(tmp_path):
    for name, kind in (("clear.webp", "RGBA"), ("opaque.webp", "RGB")):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.new(kind, (1400, 1400)).save(tmp_path / "in" / name)
    assert targets(find_jobs(tmp_path / "in", tmp_path / "out", 4), tmp_path / "out") == {
        "clear.webp": "clear.png",
        "opaque.webp": "opaque.webp",
    }
    assert find_jobs(tmp_path / "in" / "clear.webp", None, 3)[0].target.suffix == ".webp"


def test_an_unreadable_file_is_a_problem_of_its_own(tmp_path):
    make(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"nothing")
    bad, good = find_jobs(tmp_path / "in", tmp_path / "out", 2)
    assert bad.target is None
    assert "not an image" in bad.problem
    assert good.target is not None


def test_folders_without_pictures_and_nothing_at_all(tmp_path):
    with pytest.raises(UserError, match="there is no picture in"):
        find_jobs(tmp_path, tmp_path / "out", 2)
    with pytest.raises(UserError, match="there is no file or folder"):
        find_jobs(tmp_path / "missing", tmp_path / "out", 2)
    make(tmp_path / "a.png")
    with pytest.raises(UserError, match="needs a folder to go to"):
        find_jobs(tmp_path, tmp_path / "a.png", 2)
