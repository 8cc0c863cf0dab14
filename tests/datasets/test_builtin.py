import numpy as np
import pytest

from snellen.datasets import builtin, open_pictures
from snellen.errors import UserError


def test_there_are_eighteen_scenes():
    pictures = open_pictures("builtin")
    assert len({pictures.source(k) for k in range(len(pictures))}) == 18


def test_the_stereo_pair_is_one_source():
    pictures = open_pictures("builtin")
    names = [pictures.name(k) for k in range(len(pictures))]
    left, right = names.index("motorcycle_left"), names.index("motorcycle_right")
    assert pictures.source(left) == pictures.source(right)
    assert pictures.source_ids()[left] == pictures.source_ids()[right]


def test_names_are_unique():
    pictures = open_pictures("builtin")
    assert len({pictures.name(k) for k in range(len(pictures))}) == len(pictures)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_photograph_can_be_read(channels):
    pictures = open_pictures("builtin", channels=channels)
    for k in range(len(pictures)):
        picture = pictures.read(k)
        assert picture.dtype == np.uint8
        assert picture.shape[2] == channels
        assert min(picture.shape[:2]) >= 96


def test_no_photograph_is_flat():
    pictures = open_pictures("builtin")
    assert min(pictures.read(k).std() for k in range(len(pictures))) > 2


def test_smaller_photographs_are_skipped_and_named():
    pictures = open_pictures("builtin", min_side=200)
    assert [item.name for item in pictures.skipped] == ["microaneurysms"]
    assert pictures.skipped[0].reason == "smaller than 200 pixels on a side"


def test_nothing_is_left_at_a_side_beyond_all():
    with pytest.raises(UserError, match="no usable picture in builtin"):
        open_pictures("builtin", min_side=5000)


def test_a_package_without_the_file_costs_that_picture_only(monkeypatch):
    gone = builtin.Photograph("gone", "skimage", "data/gone.png", "gone")
    monkeypatch.setattr(builtin, "PHOTOGRAPHS", (gone, *builtin.PHOTOGRAPHS))
    pictures = open_pictures("builtin")
    assert [item.name for item in pictures.skipped] == ["gone"]
    assert pictures.name(0) == "astronaut"


def test_a_package_that_is_not_there_costs_its_pictures_only(monkeypatch):
    gone = builtin.Photograph("gone", "no_such_package", "gone.png", "gone")
    monkeypatch.setattr(builtin, "PHOTOGRAPHS", (gone, *builtin.PHOTOGRAPHS))
    assert "no_such_package" in open_pictures("builtin").skipped[0].reason


def test_the_fingerprint_depends_on_what_is_used():
    assert open_pictures("builtin").fingerprint() == open_pictures("builtin").fingerprint()
    assert (
        open_pictures("builtin").fingerprint()
        != open_pictures("builtin", min_side=200).fingerprint()
    )
