import numpy as np
import pytest

from snellen.datasets import Skipped, open_pictures, summarise_skipped
from snellen.datasets.pictures import CachedPictures, require_some, skipped_for, unfit
from snellen.errors import UserError
from snellen.images import UnreadableImage

from .helpers import noise


class Counting(CachedPictures):
    """Three pictures of 1,200 bytes that count how often they are decoded; the last is bad."""

    def __init__(self, cache_bytes=10_000):
        super().__init__("counting", 1, 8, cache_bytes)
        self.decoded = [0, 0, 0]

    def __len__(self):
        return 3

    def name(self, index):
        return f"p{index}"

    source = name

    def source_ids(self):
        return np.arange(3, dtype=np.uint64)

    def fingerprint(self):
        return ""

    def _decode(self, index):
        self.decoded[index] += 1
        if index == 2:
            raise UnreadableImage("p2", "the file is truncated (12 bytes missing)")
        return noise(30, 40)


def test_a_picture_is_decoded_once():
    pictures = Counting()
    for _ in range(3):
        pictures.read(0)
    assert pictures.decoded == [1, 0, 0]


def test_the_least_recently_used_picture_leaves_a_full_cache():
    pictures = Counting(cache_bytes=1200)
    for index in (0, 1, 1, 0):
        pictures.read(index)
    assert pictures.decoded == [2, 1, 0]


def test_a_picture_larger_than_the_cache_is_still_read():
    assert Counting(cache_bytes=0).read(0).shape == (30, 40, 1)


def test_a_picture_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        Counting().read(0)[0, 0] = 1


def test_a_damaged_picture_is_tried_once_and_skipped():
    pictures = Counting()
    for _ in range(2):
        with pytest.raises(UnreadableImage, match="truncated"):
            pictures.read(2)
    assert pictures.decoded == [0, 0, 1]
    assert pictures.skipped == [Skipped("p2", "the file is truncated", "12 bytes missing")]


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match="channels=2"):
        open_pictures("builtin", channels=2)


def test_an_unknown_set_is_refused_with_the_known_ones(tmp_path):
    known = "'builtin', a folder, 'stl10:DIR', 'cifar10:DIR', 'yale:DIR' or 'npz:FILE'"
    with pytest.raises(UserError, match=known):
        open_pictures(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("spec", "meant"), [("buildin", "builtin"), ("slt10:/data", "stl10"), ("yael:/data", "yale")]
)
def test_a_misspelt_set_is_guessed(spec, meant):
    with pytest.raises(UserError, match=f"Did you mean '{meant}'"):
        open_pictures(spec)


@pytest.mark.parametrize(
    "spec", ["a\0b", "", "x" * 5000, "npz:", "stl10:", "npz:a\0b", "yale:", "yale:a\0b", "cifar10:"]
)
def test_impossible_paths_are_refused(spec):
    with pytest.raises(UserError):
        open_pictures(spec)


def test_a_single_picture_is_no_set(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(UserError, match="single file; name the folder"):
        open_pictures(str(tmp_path / "a.png"))


def test_an_archive_without_its_prefix_is_told_so(tmp_path):
    (tmp_path / "a.npz").touch()
    with pytest.raises(UserError, match="type npz:"):
        open_pictures(str(tmp_path / "a.npz"))


def test_a_long_list_of_skipped_pictures_is_summed_up():
    skipped = [Skipped(f"{k}.png", "the file is truncated") for k in range(5)]
    assert summarise_skipped(skipped, names=2) == (
        "skipped 5 pictures: 5 the file is truncated (0.png, 1.png, …)"
    )


def test_nothing_skipped_is_nothing_to_say():
    assert summarise_skipped([]) == ""


def test_names_of_skipped_pictures_hold_nothing_that_a_terminal_obeys():
    skipped = [Skipped("\x1b[31mt.jpg", "empty"), Skipped("b\udcff.png", "empty")]
    assert summarise_skipped(skipped) == r"skipped 2 pictures: 2 empty (\x1b[31mt.jpg, b\xff.png)"


def test_pictures_that_are_all_too_small_come_with_the_size_that_fits():
    skipped = [skipped_for(f"{w}.png", unfit(200, w, 512)) for w in (90, 120, 300)]
    with pytest.raises(UserError, match="the largest has 200: name larger"):
        require_some(0, "photos", [*skipped, Skipped("cut.png", "the file is truncated")])


def test_pictures_that_are_all_damaged_come_with_no_size():
    with pytest.raises(UserError) as caught:
        require_some(0, "photos", [Skipped("cut.png", "the file is truncated")])
    assert "--size" not in str(caught.value)
