import threading
import time

import numpy as np
import pytest
import torch

from snellen.datasets import crops, open_pictures
from snellen.datasets.batches import AHEAD
from snellen.datasets.crops import CropOptions, CropStream, held_out_crops
from snellen.errors import UserError
from snellen.images import area_resize

from .helpers import MemoryPictures, noise

OPTIONS = CropOptions(16)


def stream(pictures, count, options=OPTIONS, **settings):
    settings = {"batch_size": 8, "steps": 6, "seed": 3, **settings}
    return CropStream(pictures, range(count), options, **settings)


def all_of(batches):
    batches = list(batches)
    return torch.cat([b.pixels for b in batches]), [name for b in batches for name in b.names]


def same(left, right):
    return torch.equal(left[0], right[0]) and left[1] == right[1]


class Textured(MemoryPictures):
    """Noise, so that every crop is different."""

    def __init__(self, count, *, channels=1, side=50):
        super().__init__(count)
        self.channels = channels
        self.arrays = [noise(side, side + 4, channels, seed=k) for k in range(count)]


# What a batch is.


@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_is_uint8_channels_first(channels):
    pictures = Textured(5, channels=channels)
    batch = next(iter(stream(pictures, 5, CropOptions(16, channels))))
    assert batch.step == 0
    assert batch.pixels.dtype == torch.uint8
    assert batch.pixels.shape == (8, channels, 16, 16)
    assert len(batch.names) == 8


def test_names_belong_to_the_pixels():
    pixels, names = all_of(stream(MemoryPictures(20), 20))
    levels = [int(name.removeprefix("picture-")) for name in names]
    assert (pixels == torch.tensor(levels)[:, None, None, None]).all()


def test_only_the_indices_given_are_used():
    pictures = MemoryPictures(20)
    made = CropStream(pictures, np.array([3, 7]), OPTIONS, batch_size=4, steps=5, seed=0)
    assert set(all_of(made)[1]) == {"picture-3", "picture-7"}


def test_every_picture_comes_once_an_epoch():
    names = all_of(stream(MemoryPictures(12), 12))[1]
    for epoch in range(4):
        assert len(set(names[12 * epoch : 12 * epoch + 12])) == 12


def test_each_epoch_has_an_order_of_its_own():
    names = all_of(stream(MemoryPictures(12), 12))[1]
    assert names[:12] != names[12:24]


def test_a_set_smaller_than_a_batch_is_gone_through_several_times():
    names = all_of(stream(MemoryPictures(3), 3, batch_size=9, steps=1))[1]
    assert sorted(names) == sorted(3 * ["picture-0", "picture-1", "picture-2"])


def test_a_crop_without_downscaling_is_a_piece_of_the_picture():
    pictures = Textured(1)
    options = CropOptions(16, max_downscale=1.0, flip=False)
    pieces = np.lib.stride_tricks.sliding_window_view(pictures.arrays[0][..., 0], (16, 16))
    pieces = pieces.reshape(-1, 256)
    for crop in all_of(stream(pictures, 1, options))[0]:
        assert (pieces == crop.numpy().reshape(-1)).all(1).any()


def test_crops_reach_every_corner():
    pictures = MemoryPictures(1, side=18)
    height, width = pictures.arrays[0].shape[:2]
    pictures.arrays[0] = np.arange(height * width, dtype=np.uint16).reshape(height, width, 1)
    pictures.arrays[0] = (pictures.arrays[0] % 251).astype(np.uint8)
    options = CropOptions(16, max_downscale=1.0, flip=False)
    pixels = all_of(stream(pictures, 1, options, steps=60))[0]
    corners = {int(value) for value in pixels[:, 0, 0, 0]}
    assert corners == {(y * width + x) % 251 for y in range(3) for x in range(width - 15)}


def test_downscaling_is_by_area():
    pictures = Textured(1, side=32)
    pictures.arrays[0] = pictures.arrays[0][:, :32]
    crop = held_out_crops(pictures, [0], CropOptions(16, max_downscale=2.0), per_picture=64)
    smallest = area_resize(pictures.arrays[0], (16, 16)).std()
    # The more is averaged, the flatter the noise: between the whole picture and a piece of it.
    spread = crop.pixels.float().flatten(1).std(1)
    assert spread.min() < 1.3 * smallest
    assert spread.max() > 1.6 * smallest


def test_half_of_the_crops_are_mirrored():
    pictures = MemoryPictures(1, side=16)
    ramp = np.arange(22, dtype=np.uint8)[None, :, None]
    pictures.arrays[0] = np.repeat(ramp, 16, 0)
    pixels = all_of(stream(pictures, 1, steps=50))[0].int()
    mirrored = (pixels[:, 0, 0, 0] > pixels[:, 0, 0, -1]).float().mean()
    assert 0.4 < mirrored < 0.6


def test_nothing_is_mirrored_without_flip():
    pictures = MemoryPictures(1, side=16)
    pictures.arrays[0] = np.repeat(np.arange(22, dtype=np.uint8)[None, :, None], 16, 0)
    pixels = all_of(stream(pictures, 1, CropOptions(16, flip=False)))[0].int()
    assert (pixels[:, 0, 0, 0] < pixels[:, 0, 0, -1]).all()


def test_a_picture_as_small_as_the_crop_is_taken_whole():
    pictures = MemoryPictures(1)
    pictures.arrays[0] = noise(16, 16, 1)
    pixels = all_of(stream(pictures, 1, CropOptions(16, flip=False)))[0]
    assert (pixels[:, 0].numpy() == pictures.arrays[0][..., 0]).all()


# The same batches, however they are computed.


def test_equal_seeds_give_equal_batches():
    assert same(all_of(stream(Textured(10), 10)), all_of(stream(Textured(10), 10)))


def test_another_seed_gives_other_batches():
    first, second = (all_of(stream(Textured(10), 10, seed=seed)) for seed in (0, 1))
    assert first[1] != second[1]
    assert not torch.equal(first[0], second[0])


@pytest.mark.parametrize("reuse", [None, 4])
@pytest.mark.parametrize("start", [1, 4])
def test_a_stream_goes_on_in_the_middle(start, reuse):
    options = CropOptions(16, crops_per_read=reuse)
    whole = list(stream(Textured(10), 10, options))
    rest = list(stream(Textured(10), 10, options, start_step=start))
    assert [batch.step for batch in rest] == list(range(start, 6))
    assert same(all_of(whole[start:]), all_of(rest))


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_threads_changes_nothing(workers):
    expected = [stream(Textured(10), 10).batch(step) for step in range(6)]
    assert same(all_of(expected), all_of(stream(Textured(10), 10, workers=workers)))


def test_the_timing_of_the_threads_changes_nothing():
    class Slow(Textured):
        def read(self, index):
            time.sleep(0.002 * (index % 3))
            return super().read(index)

    assert same(all_of(stream(Slow(10), 10, workers=4)), all_of(stream(Textured(10), 10)))


@pytest.mark.parametrize("reuse", [None, 4])
@pytest.mark.parametrize("world_size", [2, 4])
def test_processes_share_the_batch_in_order(world_size, reuse):
    options = CropOptions(16, crops_per_read=reuse)
    shares = [
        list(stream(Textured(10), 10, options, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    for step, batch in enumerate(stream(Textured(10), 10, options)):
        assert same(all_of([batch]), all_of(share[step] for share in shares))


def test_a_stream_can_be_iterated_again():
    made = stream(Textured(10), 10)
    assert same(all_of(made), all_of(made))


def test_its_length_is_the_number_of_steps_left():
    assert len(stream(Textured(3), 3, steps=6, start_step=2)) == 4
    assert len(stream(Textured(3), 3, steps=6, start_step=9)) == 0


# Several crops of one decoding.


def test_each_picture_is_shown_as_often_as_said():
    options = CropOptions(16, crops_per_read=4)
    names = all_of(stream(MemoryPictures(50), 50, options, steps=50))[1]
    counts = np.unique(names, return_counts=True)[1]
    assert counts.sum() == 400
    # Twice by each of the four, and once more or less where an epoch is cut by the ends.
    assert counts.min() >= 4
    assert counts.max() <= 12
    assert len(counts) == 50


def test_few_pictures_are_in_use_at_a_time():
    pictures = MemoryPictures(1000)
    options = CropOptions(16, crops_per_read=4)
    list(stream(pictures, 1000, options, steps=100, workers=1))
    late = pictures.reads[400:]
    last = {}
    distances = []
    for place, index in enumerate(late):
        if index in last:
            distances.append(place - last[index])
        last[index] = place
    assert len(set(late)) < 150
    assert max(distances) <= 40


def test_a_batch_repeats_no_picture_while_memory_allows():
    options = CropOptions(16, crops_per_read=4)
    for batch in stream(MemoryPictures(1000), 1000, options, steps=20):
        assert len(set(batch.names)) == 8


def test_pictures_that_fit_into_memory_are_taken_once():
    assert crops._reuse(MemoryPictures(10), 10, OPTIONS, 8)[0] == 1


def test_pictures_that_do_not_fit_into_memory_are_taken_several_times():
    pictures = MemoryPictures(10)
    pictures.decoded_bytes = 10 << 30
    assert crops._reuse(pictures, 10, OPTIONS, 8)[0] == 8
    assert crops._reuse(pictures, 10, CropOptions(16, crops_per_read=2), 8)[0] == 2


def test_only_the_pictures_in_use_have_to_fit():
    pictures = MemoryPictures(100)
    pictures.decoded_bytes = 2 << 30
    assert crops._reuse(pictures, 10, OPTIONS, 8)[0] == 1


# Damaged pictures.


def test_the_next_picture_takes_a_damaged_one_s_place():
    flat_good = all_of(stream(MemoryPictures(10), 10))[1]
    flat_bad = all_of(stream(MemoryPictures(10, bad=[4]), 10))[1]
    changed = [
        k for k, names in enumerate(zip(flat_good, flat_bad, strict=True)) if names[0] != names[1]
    ]
    assert changed == [k for k, name in enumerate(flat_good) if name == "picture-4"]
    for k in changed:
        if k % 10 < 9:
            assert flat_bad[k] == flat_good[k + 1]


def test_damaged_pictures_change_nothing_about_being_repeatable():
    first = all_of(stream(MemoryPictures(10, bad=[1, 2, 3]), 10, workers=1))
    again = all_of(stream(MemoryPictures(10, bad=[1, 2, 3]), 10, workers=4))
    assert same(first, again)


def test_nothing_but_damaged_pictures_ends_with_a_sentence():
    with pytest.raises(UserError, match="none of 3 pictures can be read"):
        list(stream(MemoryPictures(3, bad=range(3)), 3))


def test_other_errors_reach_the_caller():
    class Broken(MemoryPictures):
        def read(self, index):
            raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        list(stream(Broken(3), 3))


# Threads end.


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("crops")]


def test_no_thread_is_left_after_the_last_batch():
    list(stream(Textured(3), 3))
    assert not threads()


def test_no_thread_is_left_after_the_with_block():
    with stream(Textured(3), 3, steps=1000) as made:
        next(iter(made))
        kept = iter(made)
        next(kept)
    assert not threads()


def test_no_thread_is_left_after_leaving_the_loop():
    for _ in stream(Textured(3), 3, steps=1000):
        break
    assert not threads()


def test_batches_are_not_made_far_ahead():
    pictures = MemoryPictures(10)
    iteration = iter(stream(pictures, 10, steps=1000))
    next(iteration)
    time.sleep(0.1)
    assert len(pictures.reads) <= 8 * (AHEAD + 2)
    iteration.close()


# What cannot be.


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(UserError, match="a batch of 8 cannot be shared evenly by 3 processes"):
        stream(Textured(3), 3, world_size=3)


def test_no_pictures_are_refused():
    with pytest.raises(UserError, match="no pictures of memory"):
        stream(Textured(3), 0)


def test_channels_that_differ_are_refused():
    with pytest.raises(UserError, match="3 channels and the crops 1"):
        stream(Textured(3, channels=3), 3)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": 0}, "size=0"),
        ({"size": 16, "channels": 2}, "channels=2"),
        ({"size": 16, "max_downscale": 0.5}, "max_downscale=0.5"),
        ({"size": 16, "max_downscale": float("nan")}, "max_downscale=nan"),
        ({"size": 16, "max_downscale": float("inf")}, "max_downscale=inf"),
        ({"size": 16, "crops_per_read": 0}, "crops_per_read=0"),
    ],
)
def test_impossible_options_are_refused(options, complaint):
    with pytest.raises(UserError, match=complaint):
        CropOptions(**options)


# Held-out crops.


def test_held_out_crops_are_fixed():
    first = held_out_crops(Textured(4), range(4), OPTIONS, per_picture=3)
    again = held_out_crops(Textured(4), range(4), OPTIONS, per_picture=3)
    assert first.pixels.shape == (12, 1, 16, 16)
    assert torch.equal(first.pixels, again.pixels)


def test_held_out_crops_depend_on_the_seed():
    first, other = (
        held_out_crops(Textured(4), range(4), OPTIONS, per_picture=3, seed=s) for s in (0, 1)
    )
    assert not torch.equal(first.pixels, other.pixels)


def test_a_held_out_picture_s_crops_do_not_depend_on_the_others():
    alone = held_out_crops(Textured(4), [2], OPTIONS, per_picture=3)
    among = held_out_crops(Textured(4), [0, 2, 3], OPTIONS, per_picture=3)
    assert torch.equal(alone.pixels, among.pixels[3:6])


def test_held_out_crops_are_named_after_their_pictures():
    made = held_out_crops(MemoryPictures(2, sources=["s", "t"]), [1], OPTIONS, per_picture=2)
    assert made.names == ["picture-1-1", "picture-1-2"]
    assert made.sources == ["t", "t"]


def test_a_single_crop_has_the_picture_s_name():
    assert held_out_crops(MemoryPictures(2), [1], OPTIONS, per_picture=1).names == ["picture-1"]


def test_held_out_crops_are_never_mirrored():
    pictures = MemoryPictures(1, side=40)
    pictures.arrays[0] = np.repeat(np.arange(46, dtype=np.uint8)[None, :, None], 40, 0)
    pixels = held_out_crops(pictures, [0], OPTIONS, per_picture=20).pixels.int()
    assert (pixels[:, 0, 0, 0] < pixels[:, 0, 0, -1]).all()


def test_held_out_crops_spread_over_the_picture():
    pictures = MemoryPictures(1)
    rows, columns = np.mgrid[:160, :160]
    pictures.arrays[0] = (rows // 40 * 4 + columns // 40).astype(np.uint8)[..., None]
    options = CropOptions(16, max_downscale=1.0)
    centres = held_out_crops(pictures, [0], options, per_picture=32).pixels[:, 0, 8, 8]
    assert len(set(centres.tolist())) >= 14


def test_damaged_pictures_are_left_out_of_the_held_out_crops():
    made = held_out_crops(MemoryPictures(3, bad=[1]), range(3), OPTIONS, per_picture=1)
    assert made.names == ["picture-0", "picture-2"]


def test_held_out_crops_need_a_picture_that_can_be_read():
    with pytest.raises(UserError, match="none of the held-out pictures"):
        held_out_crops(MemoryPictures(3, bad=[1]), [1], OPTIONS, per_picture=1)


def test_crops_of_real_photographs_hold_detail():
    pictures = open_pictures("builtin")
    made = held_out_crops(pictures, range(len(pictures)), CropOptions(96), per_picture=2)
    assert made.pixels.float().flatten(1).std(1).median() > 10
