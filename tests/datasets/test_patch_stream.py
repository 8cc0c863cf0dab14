"""Facts about patches: where they are from, that their inputs are right, that they repeat."""

import threading

import numpy as np
import pytest
import torch

from snellen.datasets.batches import AHEAD
from snellen.datasets.patch_cutting import cut_squares
from snellen.datasets.super_resolution import PatchOptions, PatchStream, prepare_patches
from snellen.errors import UserError
from snellen.images import write_png
from snellen.images.protocols import PROTOCOLS, low_resolution, pose
from snellen.images.resize import bicubic_resize

from .helpers import noise

SIZES = [(72, 96), (60, 60), (48, 131), (50, 48)]
UPRIGHT = {"flip": False, "rotate": False}

# The square seen as it is, and mirrored, upside down, …
TURNS = [
    lambda a, k=k, m=m: np.rot90(a[:, ::-1] if m else a, k) for m in (False, True) for k in range(4)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    for k, (height, width) in enumerate(SIZES):
        write_png(place / f"{k}.png", noise(height, width, seed=k))
    return place


@pytest.fixture(scope="module", params=[2, 3, 4])
def source(folder, request, tmp_path_factory):
    return prepared(folder, request.param, tmp_path_factory)


@pytest.fixture(scope="module")
def source4(folder, tmp_path_factory):
    return prepared(folder, 4, tmp_path_factory)


def prepared(folder, scale, tmp_path_factory):
    place = tmp_path_factory.getbasetemp() / "patches"
    return prepare_patches([str(folder)], scale=scale, protocol="poster", cache_dir=place)


def stream(source, size=24, *, batch_size=16, steps=5, seed=3, options=None, **settings):
    options = PatchOptions(size, **(options or {}))
    return PatchStream(source, options, batch_size=batch_size, steps=steps, seed=seed, **settings)


def same(left, right):
    return (
        left.step == right.step
        and torch.equal(left.pixels, right.pixels)
        and torch.equal(left.inputs, right.inputs)
        and left.names == right.names
    )


def places(source, size, pixels, name):
    """Every (row, column, turn) at which this patch lies in the picture."""
    luma = source.luma(source.names.index(name))
    windows = np.lib.stride_tricks.sliding_window_view(luma, (size, size))
    found = []
    for turn, turned in enumerate(TURNS):
        # The patch is a turned cut; so the cut is one of its turns.
        back = turned(pixels)
        rows, columns = np.nonzero((windows[:, :, 0, :8] == back[0, :8]).all(2))
        found += [
            (int(r), int(c), turn)
            for r, c in zip(rows, columns, strict=True)
            if (windows[r, c] == back).all()
        ]
    return found


# What a batch is.


def test_a_batch_holds_targets_and_enlarged_inputs(source4):
    batch = next(iter(stream(source4)))
    assert batch.step == 0
    assert (batch.pixels.dtype, tuple(batch.pixels.shape)) == (torch.uint8, (16, 1, 24, 24))
    assert (batch.inputs.dtype, tuple(batch.inputs.shape)) == (torch.float32, (16, 1, 24, 24))
    assert len(batch.names) == 16


def test_inside_gives_the_low_resolution_patch(source4):
    batch = next(iter(stream(source4, options={"inside": True})))
    assert tuple(batch.inputs.shape) == (16, 1, 6, 6)


def test_a_patch_is_a_cut_of_its_picture_on_the_low_resolution_grid(source4):
    for batch in stream(source4):
        for pixels, name in zip(batch.pixels[:, 0].numpy(), batch.names, strict=True):
            [(row, column, _)] = places(source4, 24, pixels, name)
            assert row % 4 == column % 4 == 0


# Inputs are cuts of the whole enlarged picture.


@pytest.mark.parametrize("size", [24, 36, 48, 25])
def test_an_input_is_the_same_cut_of_the_whole_enlarged_picture(source, size):
    whole = [bicubic_resize(source.low(k), source.scale) for k in range(len(source))]
    exact = source.scale != 3
    for batch in stream(source, size, steps=8, options=UPRIGHT):
        for pixels, inputs, name in zip(batch.pixels, batch.inputs, batch.names, strict=True):
            row, column, _ = places(source, size, pixels[0].numpy(), name)[0]
            expected = whole[source.names.index(name)][row : row + size, column : column + size]
            # A third is no binary fraction: MATLAB's weights differ in the last digit by place.
            bound = 0 if exact else 6e-8
            assert np.abs(inputs[0].numpy() - expected).max() <= bound


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_whole_picture_is_what_the_protocol_gives_to_networks(tmp_path, protocol):
    picture = noise(48, 48, 3, seed=8)
    write_png(tmp_path / "a.png", picture)
    source = prepare_patches([str(tmp_path)], scale=4, protocol=protocol)
    batch = stream(source, 48, batch_size=1, options=UPRIGHT).batch(0)
    expected = pose(picture, 4, PROTOCOLS[protocol]).enlarged / 255
    assert np.abs(batch.inputs[0, 0].numpy() - expected).max() < 3e-7


def test_patches_at_all_four_edges_are_among_those_tested(source):
    """Of pictures that are larger than a patch, so that no patch is at two opposite edges."""
    size, edges = 24, set()
    for batch in stream(source, size, steps=8, options=UPRIGHT):
        for pixels, name in zip(batch.pixels, batch.names, strict=True):
            row, column, _ = places(source, size, pixels[0].numpy(), name)[0]
            height, width = source.luma(source.names.index(name)).shape
            last = (height - size) // source.scale * source.scale
            end = (width - size) // source.scale * source.scale
            if last and end:
                at = {"top": row == 0, "left": column == 0}
                at |= {"bottom": row == last, "right": column == end}
                edges |= {edge for edge, here in at.items() if here}
    assert edges == {"top", "left", "bottom", "right"}


@pytest.mark.parametrize("inside", [False, True])
def test_input_and_target_are_turned_alike(source4, inside):
    turns = set()
    for batch in stream(source4, steps=20, options={"inside": inside}):
        for pixels, inputs, name in zip(batch.pixels, batch.inputs, batch.names, strict=True):
            [(row, column, turn)] = places(source4, 24, pixels[0].numpy(), name)
            index = source4.names.index(name)
            if inside:
                low = source4.low(index)
                expected = low[row // 4 : row // 4 + 6, column // 4 : column // 4 + 6]
            else:
                whole = bicubic_resize(source4.low(index), 4)
                expected = whole[row : row + 24, column : column + 24]
            assert (TURNS[turn](inputs[0].numpy()) == expected).all()
            turns.add(turn)
    assert turns == set(range(8))


@pytest.mark.parametrize("turned", TURNS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinking_a_turned_picture_turns_the_shrunk_one(turned, scale):
    # Why turning prepared patches is as good as turning photographs.
    luma = noise(12 * scale, 9 * scale, seed=5).astype(np.float64)
    expected = turned(bicubic_resize(luma, 1 / scale))
    found = bicubic_resize(np.ascontiguousarray(turned(luma)), 1 / scale)
    assert np.abs(found - expected).max() < 1e-11


def test_rounding_between_two_passes_makes_one_level_of_difference_when_turned():
    picture, rules = noise(48, 36, 3, seed=5), PROTOCOLS["basicsr"]
    mirrored = low_resolution(np.ascontiguousarray(picture[:, ::-1]), 4, rules)
    assert np.abs(mirrored - low_resolution(picture, 4, rules)[:, ::-1]).max() < 1e-11
    turned = low_resolution(np.ascontiguousarray(np.rot90(picture)), 4, rules)
    assert np.abs(turned - np.rot90(low_resolution(picture, 4, rules))).max() < 1


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (UPRIGHT, {0}),
        ({"flip": True, "rotate": False}, {0, 4}),
        ({"flip": False, "rotate": True}, {0, 1, 2, 3}),
    ],
)
def test_only_the_turns_asked_for_are_made(source4, options, seen):
    turns = set()
    for batch in stream(source4, steps=10, options=options):
        for pixels, name in zip(batch.pixels[:, 0].numpy(), batch.names, strict=True):
            turns |= {turn for _, _, turn in places(source4, 24, pixels, name)}
    assert turns == seen


def test_the_eight_turns_are_those_of_numpy():
    square = np.arange(25, dtype=np.uint8).reshape(5, 5)
    found = set()
    for code in range(8):
        out = np.empty((1, 5, 5), np.uint8)
        one = np.array([0]), np.array([5]), np.array([code])
        cut_squares(square.ravel(), *one, out)
        found.add(out.tobytes())
    assert found == {np.ascontiguousarray(turned(square)).tobytes() for turned in TURNS}


# Which patches.


def test_every_position_is_as_likely_as_any_other(source4):
    counts = np.zeros((len(source4), 40, 40))
    made = stream(source4, 40, batch_size=4096, steps=1)
    rows = (np.array([s[0] // 4 * 4 for s in SIZES]) - 40) // 4 + 1
    columns = (np.array([s[1] // 4 * 4 for s in SIZES]) - 40) // 4 + 1
    words = np.linspace(0, 1, 4096, endpoint=False)
    for k, row, column in zip(*made._places(words), strict=True):
        counts[k, row, column] += 1
    seen = counts[counts > 0]
    assert len(seen) == (rows * columns).sum()
    assert seen.max() - seen.min() <= 1


def test_large_pictures_are_seen_by_their_area(source4):
    names = [name for batch in stream(source4, 40, batch_size=500, steps=8) for name in batch.names]
    areas = [((h // 4 * 4 - 40) // 4 + 1) * ((w // 4 * 4 - 40) // 4 + 1) for h, w in SIZES]
    for k, area in enumerate(areas):
        share = area / sum(areas)
        assert abs(names.count(f"{k}.png") / 4000 - share) < 4 * np.sqrt(share / 4000)


def test_pictures_smaller_than_a_patch_are_never_seen_and_named(source4):
    made = stream(source4, 60, steps=10)
    assert {name for batch in made for name in batch.names} == {"0.png", "1.png"}
    assert [(item.name, item.detail) for item in made.too_small] == [
        ("2.png", "128×48"),
        ("3.png", "48×48"),
    ]


# The same batches, however they are computed.


def test_equal_seeds_give_equal_batches_and_others_others(source4):
    first, again = list(stream(source4)), list(stream(source4))
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].pixels, stream(source4, seed=4).batch(0).pixels)
    assert not torch.equal(first[0].pixels, first[1].pixels)


@pytest.mark.parametrize("start", [1, 4])
def test_a_stream_goes_on_in_the_middle(source4, start):
    whole = list(stream(source4))
    rest = list(stream(source4, start_step=start))
    assert len(stream(source4, start_step=start)) == len(rest) == 5 - start
    assert all(same(a, b) for a, b in zip(whole[start:], rest, strict=True))


@pytest.mark.parametrize("world_size", [2, 4])
def test_processes_share_the_batch_in_order(source4, world_size):
    shares = [
        stream(source4, rank=rank, world_size=world_size).batch(2) for rank in range(world_size)
    ]
    whole = stream(source4).batch(2)
    assert torch.equal(torch.cat([share.pixels for share in shares]), whole.pixels)
    assert torch.equal(torch.cat([share.inputs for share in shares]), whole.inputs)
    assert [name for share in shares for name in share.names] == whole.names


def test_the_thread_changes_nothing(source4):
    made = stream(source4)
    assert all(same(batch, made.batch(k)) for k, batch in enumerate(made))


def test_inside_takes_the_same_patches(source4):
    outer, inner = stream(source4), stream(source4, options={"inside": True})
    assert torch.equal(outer.batch(1).pixels, inner.batch(1).pixels)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("patches")]


def test_no_thread_is_left_after_leaving_the_loop(source4):
    for _ in stream(source4, steps=1000):
        assert len(threads()) == 1
        break
    assert not threads()


def test_batches_are_not_made_far_ahead(source4, monkeypatch):
    made = stream(source4, steps=1000)
    steps = []
    monkeypatch.setattr(made, "batch", steps.append)
    iteration = iter(made)
    next(iteration)
    iteration.close()
    assert len(steps) <= AHEAD + 1


# What cannot be.


@pytest.mark.parametrize(
    ("size", "settings", "complaint"),
    [
        (26, {"options": {"inside": True}}, "26 pixels is no multiple of the scale 4, .* 24 or 28"),
        (2, {"options": {"inside": True}}, "2 pixels is no multiple of the scale 4, .* choose 4"),
        (100, {}, "no picture is as large as a patch of 100×100 pixels.* 72×72"),
        (24, {"world_size": 3}, "a batch of 16 cannot be shared evenly by 3 processes"),
        (0, {}, "size=0"),
    ],
)
def test_impossible_requests_are_refused(source4, size, settings, complaint):
    with pytest.raises(UserError, match=complaint):
        stream(source4, size, **settings)
