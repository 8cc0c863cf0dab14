import numpy as np
import pytest

from snellen.datasets import cross_fit, open_pictures, split
from snellen.errors import UserError

from .helpers import MemoryPictures

PAIRS = [str(k // 2) for k in range(20)]  # ten scenes of two views


def sources(pictures, indices):
    return {pictures.source(index) for index in indices.tolist()}


def test_a_split_divides_the_pictures():
    parts = split(MemoryPictures(20), held_out=5)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([parts.train, parts.held_out])), np.arange(20)
    )
    assert len(parts.held_out) == 5


@pytest.mark.parametrize("seed", range(5))
def test_no_source_is_on_both_sides(seed):
    pictures = MemoryPictures(20, sources=PAIRS)
    parts = split(pictures, held_out=3, seed=seed)
    assert not sources(pictures, parts.train) & sources(pictures, parts.held_out)
    assert len(parts.held_out) == 6


def test_a_share_is_of_the_sources():
    assert len(split(MemoryPictures(20, sources=PAIRS), held_out=0.3).held_out) == 6


def test_a_fifth_is_held_out_by_default():
    assert len(split(MemoryPictures(20)).held_out) == 4


def test_the_set_may_say_how_many_are_held_out():
    pictures = MemoryPictures(20)
    pictures.preferred_held_out = 7
    assert len(split(pictures).held_out) == 7


def test_seeds_hold_out_different_pictures():
    chosen = {tuple(split(MemoryPictures(20), held_out=5, seed=seed).held_out) for seed in range(9)}
    assert len(chosen) > 5


def test_the_order_of_the_pictures_does_not_matter():
    forward = MemoryPictures(20)
    backward = MemoryPictures(20, sources=[str(19 - k) for k in range(20)])
    chosen = [sources(p, split(p, held_out=5).held_out) for p in (forward, backward)]
    assert chosen[0] == chosen[1]


def test_one_more_picture_hardly_changes_the_choice():
    before = sources(MemoryPictures(100), split(MemoryPictures(100), held_out=20).held_out)
    after = sources(MemoryPictures(101), split(MemoryPictures(101), held_out=20).held_out)
    assert len(before & after) >= 19


@pytest.mark.parametrize("held_out", [0, -1, 20, 21])
def test_both_sides_need_a_source(held_out):
    with pytest.raises(UserError, match=f"cannot hold out {held_out} of 20 sources"):
        split(MemoryPictures(20), held_out=held_out)


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, float("nan")])
def test_a_share_lies_between_nothing_and_all(share):
    with pytest.raises(UserError, match="between 0 and 1"):
        split(MemoryPictures(20), held_out=share)


def test_a_single_source_cannot_be_split():
    with pytest.raises(UserError, match="memory has a single source, which cannot"):
        split(MemoryPictures(3, sources=["a", "a", "a"]))


def test_cross_fitting_holds_every_picture_out_once():
    folds = cross_fit(MemoryPictures(20, sources=PAIRS), folds=3)
    held_out = np.concatenate([fold.held_out for fold in folds])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(20))


def test_no_fold_shares_a_source_with_its_training():
    pictures = MemoryPictures(20, sources=PAIRS)
    for fold in cross_fit(pictures, folds=4):
        assert not sources(pictures, fold.train) & sources(pictures, fold.held_out)
        assert len(fold.train) + len(fold.held_out) == 20


def test_folds_differ_by_one_source_at_most():
    sizes = [len(fold.held_out) for fold in cross_fit(MemoryPictures(11), folds=4)]
    assert sorted(sizes) == [2, 3, 3, 3]


def test_folds_depend_on_the_seed():
    folds = [tuple(cross_fit(MemoryPictures(20), folds=4, seed=s)[0].held_out) for s in range(5)]
    assert len(set(folds)) > 2


@pytest.mark.parametrize("folds", [1, 21])
def test_folds_are_two_to_the_number_of_sources(folds):
    with pytest.raises(UserError, match=f"folds={folds} for 20 sources"):
        cross_fit(MemoryPictures(20), folds=folds)


def test_the_stereo_pair_is_never_divided():
    pictures = open_pictures("builtin")
    for fold in cross_fit(pictures, folds=6):
        views = [k for k in fold.held_out.tolist() if pictures.source(k) == "motorcycle"]
        assert len(views) in (0, 2)
