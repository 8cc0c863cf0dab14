"""Facts about finding benchmark pictures among the training pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from snellen.datasets import open_pictures
from snellen.datasets.leaks import LOOK_ALIKE, Leak, find_leaks, refuse_leaks
from snellen.datasets.picture_hashes import PictureHashes, hash_pictures, look, turned_looks
from snellen.datasets.super_resolution import prepare_patches
from snellen.errors import UserError
from snellen.images import to_channels, write_png
from snellen.images.resize import bicubic_resize

from .helpers import MemoryPictures, noise

NAMES = ["astronaut", "brick", "chelsea", "coffee", "moon", "rocket"]


@pytest.fixture(scope="module")
def photographs():
    builtin = open_pictures("builtin", channels=3)
    names = [builtin.name(k) for k in range(len(builtin))]
    return {name: bicubic_resize(builtin.read(names.index(name)), (300, 400)) for name in NAMES}


def jpeg(picture, quality):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


COPIES = {
    "half as large": lambda a: bicubic_resize(a, 0.5),
    "a quarter as large": lambda a: bicubic_resize(a, 0.25),
    "twice as large": lambda a: bicubic_resize(a, 2),
    "out of shape": lambda a: bicubic_resize(a, (300, 300)),
    "four pixels cropped": lambda a: a[4:-4, 4:-4],
    "six pixels cropped at a corner": lambda a: a[6:, 6:],
    "strongly compressed": lambda a: jpeg(a, 15),
    "gray": lambda a: to_channels(a, 1)[..., 0],
    "darker": lambda a: (255 * (a / 255) ** 1.5).astype(np.uint8),
    "of less contrast": lambda a: a // 2 + 60,
    "mirrored": lambda a: a[:, ::-1],
    "turned": np.rot90,
    "all at once": lambda a: jpeg(bicubic_resize(to_channels(a, 1)[4:-4, 4:-4, 0], 0.5), 30),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found_among_the_others(photographs, how, tmp_path):
    train, judged = tmp_path / "train", tmp_path / "judged"
    for name, picture in photographs.items():
        write_png(train / f"{name}.png", picture)
    write_png(judged / "a.png", np.ascontiguousarray(COPIES[how](photographs["chelsea"])))
    leaks = find_leaks(
        open_pictures(str(train), channels=3), open_pictures(str(judged), channels=3, min_side=32)
    )
    [leak] = leaks
    assert (leak.trained, leak.judged) == ("chelsea.png", "a.png")
    assert leak.distance < 0.75 * LOOK_ALIKE
    assert not leak.same_pixels


def test_other_photographs_are_far_apart(photographs):
    looks = np.array([look(picture) for picture in photographs.values()])
    for turned in turned_looks(looks):
        far = 1 - looks @ turned.T
        np.fill_diagonal(far, 1)  # a picture may be like its own mirror
        assert far.min() > 1.5 * LOOK_ALIKE


def test_the_same_pixels_are_known_whatever_the_format(photographs, tmp_path):
    for suffix in ("png", "bmp"):
        (tmp_path / suffix).mkdir()
        Image.fromarray(photographs["moon"]).save(tmp_path / suffix / f"a.{suffix}")
    png, bmp = (open_pictures(str(tmp_path / suffix), channels=3) for suffix in ("png", "bmp"))
    assert find_leaks(png, bmp) == [Leak("a.png", "a.bmp", 0.0, True)]


def test_flat_pictures_are_known_by_their_pixels_only():
    flat = MemoryPictures(3)
    hashes = hash_pictures(flat)
    assert np.isnan(hashes.looks).all()
    assert [(leak.trained, leak.judged) for leak in find_leaks(flat, flat)] == [
        (f"picture-{k}", f"picture-{k}") for k in range(3)
    ]


def test_prepared_pictures_are_compared_without_decoding(tmp_path, monkeypatch):
    for k in range(3):
        write_png(tmp_path / "train" / f"{k}.png", noise(64, 64, 3, seed=k))
    write_png(tmp_path / "judged" / "b.png", noise(64, 64, 3, seed=1))
    source = prepare_patches(
        [str(tmp_path / "train")], scale=2, protocol="poster", rescales=(1.0, 0.8)
    )
    monkeypatch.setattr("snellen.datasets.leaks.hash_pictures", None)
    judged = hash_pictures(open_pictures(str(tmp_path / "judged"), channels=3, min_side=32))
    [leak] = find_leaks(source, judged)
    assert (leak.trained, leak.same_pixels) == ("1.png", True)
    left = prepare_patches(
        [str(tmp_path / "train")], scale=2, protocol="poster", leave_out=[leak.trained]
    )
    assert find_leaks(left, judged) == []


def test_many_pictures_are_compared_in_parts(monkeypatch, photographs):
    hashes = PictureHashes.of(
        [(name, name, look(picture)) for name, picture in photographs.items()]
    )
    whole = find_leaks(hashes, hashes)
    monkeypatch.setattr("snellen.datasets.leaks._ROWS", 2)
    assert find_leaks(hashes, hashes) == whole
    assert len(whole) == len(NAMES)


# Refusing.


def test_leaks_are_refused_with_their_pairs():
    leaks = [Leak("t/1.jpg", "Set5/a.bmp", 0.0, True), Leak("t/2.jpg", "Set5/b.bmp", 0.0123, False)]
    with pytest.raises(UserError) as caught:
        refuse_leaks(leaks)
    text = str(caught.value)
    assert "2 benchmark pictures are also among the training pictures" in text
    assert "t/1.jpg = Set5/a.bmp (the same pixels), t/2.jpg = Set5/b.bmp (distance 0.012)" in text
    assert "--allow-leak" in text


def test_a_long_list_is_cut():
    leaks = [Leak(f"{k}", f"j{k}", 0.0, True) for k in range(9)]
    with pytest.raises(UserError, match=r"4 = j4 \(the same pixels\), and 4 more pairs;"):
        refuse_leaks(leaks)


def test_leaks_that_are_allowed_pass():
    refuse_leaks([Leak("1", "2", 0.0, True)], allow=True)


# The truth about the real sets, seen by eye: one photograph of BSDS500/train is Set5's woman, one
# of T91 is there twice, and Set5 and Set14 share a face.


def test_the_real_sets_hold_these_leaks_and_no_others(snellen_data):
    hashed = {
        name: hash_pictures(open_pictures(str(snellen_data / name), channels=3, min_side=32))
        for name in ("BSDS500/train", "T91", "Set5", "Set14")
    }
    found = {
        (leak.trained, leak.judged)
        for train in ("BSDS500/train", "T91")
        for judged in ("Set5", "Set14")
        for leak in find_leaks(hashed[train], hashed[judged])
    }
    assert found == {("302003.jpg", "woman_GT.bmp")}
    [face] = find_leaks(hashed["Set5"], hashed["Set14"])
    assert (face.trained, face.judged) == ("head_GT.bmp", "face.bmp")
    [pair] = twice(hashed["T91"])
    assert (pair.trained, pair.judged, pair.same_pixels) == ("t36.bmp", "t65.bmp", True)
    assert twice(hashed["BSDS500/train"]) == []


def twice(hashes):
    return [leak for leak in find_leaks(hashes, hashes) if leak.trained < leak.judged]
