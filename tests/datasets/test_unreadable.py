"""Only lasting damage is passed over; a passing error must not change the batches."""

import pytest

from snellen.datasets.crops import CropOptions, CropStream, held_out_crops
from snellen.errors import UserError
from snellen.images import UnreadableImage

from .helpers import MemoryPictures
from .test_pictures import Counting

OPTIONS = CropOptions(16)


class Failing(MemoryPictures):
    """The pictures of which one cannot be read just now."""

    def read(self, index):
        if index == 1:
            raise UnreadableImage("1.png", "too many open files", lasting=False)
        return super().read(index)


class Passing(Counting):
    """The first reading fails for a reason that passes."""

    def _decode(self, index):
        self.decoded[index] += 1
        if self.decoded[index] == 1:
            raise UnreadableImage(f"p{index}", "input/output error", lasting=False)
        return super()._decode(0)


def test_a_passing_error_ends_the_stream_with_the_name_of_the_file():
    with (
        CropStream(Failing(5), range(5), OPTIONS, batch_size=5, steps=2, seed=0) as stream,
        pytest.raises(UserError, match="cannot read picture-1 of memory: too many open files"),
    ):
        list(stream)


def test_a_passing_error_ends_the_held_out_crops_with_the_name_of_the_file():
    with pytest.raises(UserError, match="cannot read picture-1 of memory: too many open files"):
        held_out_crops(Failing(3), range(3), OPTIONS, per_picture=1)


def test_a_passing_error_is_no_damage():
    with pytest.raises(UserError) as caught:
        held_out_crops(Failing(3), [1], OPTIONS, per_picture=1)
    assert not isinstance(caught.value, UnreadableImage)


def test_a_passing_error_is_not_remembered():
    pictures = Passing()
    with pytest.raises(UnreadableImage, match="input/output"):
        pictures.read(1)
    assert pictures.skipped == []
    assert pictures.read(1).shape == (30, 40, 1)
