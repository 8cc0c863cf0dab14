"""Whole pictures in memory, and batches of them that do not depend on how they are computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snellen.datasets import open_pictures
from snellen.datasets.whole import WholeStream, whole_pictures
from snellen.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 1, 6, 6), dtype=np.uint8)
NAMES = list("abcdefg")


def stream(**choices: object) -> WholeStream:
    return WholeStream(
        PIXELS, NAMES, **{"batch_size": 4, "steps": 6, "seed": 3, "shift": 2, **choices}
    )


def test_sides_shrink_apart_by_area(tmp_path: Path) -> None:
    Image.fromarray(np.kron(np.array([[0, 100], [200, 40]], np.uint8), np.ones((8, 12)))).convert(
        "L"
    ).save(tmp_path / "a.png")
    pixels, kept = whole_pictures(open_pictures(str(tmp_path), min_side=2), 2)
    assert pixels.tolist() == [[[[0, 100], [200, 40]]]]
    assert kept.tolist() == [0]


def test_gamma_comes_before_shrinking(tmp_path: Path) -> None:
    """So that the means of a few dark levels are not rounded to one."""
    pixels = np.tile(np.array([[0, 1], [1, 2]], np.uint8), (20, 20))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    kept, lifted = (
        whole_pictures(open_pictures(str(tmp_path), min_side=4), 4, gamma=gamma)[0]
        for gamma in (1, 0.5)
    )
    assert set(kept.ravel().tolist()) == {1}
    # Levels 0, 1, 1 and 2 are 0, 16, 16 and 23 then.
    assert set(lifted.ravel().tolist()) == {14}


def test_damaged_pictures_are_left_out(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    for name in "abc":
        Image.fromarray(noise).save(tmp_path / f"{name}.bmp")
    content = (tmp_path / "b.bmp").read_bytes()
    (tmp_path / "b.bmp").write_bytes(content[: len(content) // 2])
    pixels, kept = whole_pictures(open_pictures(str(tmp_path), min_side=8), 8)
    assert (len(pixels), kept.tolist()) == (2, [0, 2])


def test_an_epoch_shows_every_picture_once() -> None:
    with stream(steps=7) as batches:
        names = [name for batch in batches for name in batch.names]
    assert [sorted(names[k : k + 7]) for k in range(0, 28, 7)] == [NAMES] * 4
    assert names[:7] != names[7:14]


def test_a_stream_that_starts_later_goes_on_with_the_same_batches() -> None:
    with stream() as whole, stream(start_step=2) as later:
        first, second = list(whole)[2:], list(later)
    for one, other in zip(first, second, strict=True):
        assert one.names == other.names
        assert one.pixels.equal(other.pixels)


def test_processes_share_a_batch_without_changing_it() -> None:
    whole = stream().batch(5)
    parts = [stream(rank=rank, world_size=2).batch(5) for rank in (0, 1)]
    assert parts[0].names + parts[1].names == whole.names
    assert whole.pixels[2:].equal(parts[1].pixels)


def test_about_half_of_the_pictures_are_mirrored_and_nothing_else_is_changed() -> None:
    plain, mirrored = (stream(batch_size=100, mirror=mirror).batch(1) for mirror in (False, True))
    assert plain.names == mirrored.names
    kept = (plain.pixels == mirrored.pixels).flatten(1).all(1)
    turned = (plain.pixels.flip(3) == mirrored.pixels).flatten(1).all(1)
    assert bool((kept ^ turned).all())
    assert 35 < int(turned.sum()) < 65


def test_shifts_move_the_picture_and_repeat_its_edge() -> None:
    padded = np.pad(PIXELS, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    seen = set()
    with stream(steps=30) as batches:
        for batch in batches:
            for name, pixels in zip(batch.names, batch.pixels.numpy(), strict=True):
                row = NAMES.index(name)
                places = [
                    (top, left)
                    for top in range(5)
                    for left in range(5)
                    if (padded[row, :, top : top + 6, left : left + 6] == pixels).all()
                ]
                assert places
                seen.add(places[0])
    assert len(seen) > 20


def test_targets_go_with_their_pictures() -> None:
    targets = np.arange(14, dtype=np.float32).reshape(7, 2)
    batch = stream(targets=targets).batch(1)
    assert batch.targets is not None
    assert batch.targets[:, 0].tolist() == [2.0 * NAMES.index(name) for name in batch.names]
    assert stream().batch(1).targets is None


def test_nothing_to_train_on() -> None:
    with pytest.raises(UserError, match="no pictures to train on"):
        WholeStream(PIXELS[:0], [], batch_size=1, steps=1, seed=0)
