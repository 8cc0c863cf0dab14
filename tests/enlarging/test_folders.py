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
    with pytest.raises(UserError, match="or a folder that exists"):
        find_jobs(photo, tmp_path / "big", 4)


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


def test_two_pictures_of_one_name_are_told(tmp_path):
    for name in ("p.bmp", "p.png"):
        make(tmp_path / "in" / name)
    first, second = find_jobs(tmp_path / "in", tmp_path / "out", 2)
    assert first.target == tmp_path / "out" / "p.png"
    assert second.target is None
    assert second.problem.startswith("p.bmp has the same name in the output")


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
