"""Divisions: nobody is on both sides, every part has its turn, and bad ones are refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snellen.datasets import Column
from snellen.errors import UserError
from snellen.experiments.representation.configuration import RepresentationConfig
from snellen.experiments.representation.divisions import assign_parts, divide, plan_splits


@dataclass
class Faces:
    """Twelve people under eight lights."""

    columns: tuple[Column, ...] = field(
        default_factory=lambda: (
            Column("identity", "class", np.repeat(np.arange(12), 8), tuple("abcdefghijkl")),
            Column("azimuth", "number", np.tile([-30.0, -10, 10, 30], 24)),
            Column("elevation", "number", np.tile([0.0, 0, 0, 0, 20, 20, 20, 20], 12)),
        )
    )
    groups: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"people": ("identity",), "lights": ("azimuth", "elevation")}
    )


def config(**choices: object) -> RepresentationConfig:
    return RepresentationConfig(**{"data": "yale:faces", **choices})


def test_the_splits_of_yale() -> None:
    found = {split.name: split for split in plan_splits(Faces(), config())}
    assert list(found) == ["random", "people", "lights"]
    assert found["random"].targets == ("identity", "azimuth", "elevation")
    assert found["people"].targets == ("azimuth", "elevation")
    assert found["lights"].targets == ("identity",)


def test_labels_of_ones_own_are_divided_at_random_unless_told_otherwise() -> None:
    assert [s.name for s in plan_splits(Faces(), config(data="folder"))] == ["random"]
    told = plan_splits(Faces(), config(data="folder", splits="random,azimuth+elevation"))
    assert told[1].held_out_by == ("azimuth", "elevation")
    assert told[1].targets == ("identity",)


@pytest.mark.parametrize("name", ["people", "lights"])
def test_no_group_is_on_both_sides(name: str) -> None:
    faces = Faces()
    split = next(s for s in plan_splits(faces, config(folds=4)) if s.name == name)
    by = [next(c for c in faces.columns if c.name == n).values for n in split.held_out_by]
    whose = [tuple(values) for values in np.stack(by, axis=1).tolist()]
    seen: list[int] = []
    for fold in range(4):
        division = divide(faces, split, seed=0, fold=fold)
        train = {whose[k] for k in division.train.tolist()}
        held_out = {whose[k] for k in division.held_out.tolist()}
        assert not train & held_out
        assert len(division.train) + len(division.held_out) == 96
        seen += division.held_out.tolist()
    assert sorted(seen) == list(range(96))


def test_every_class_is_spread_evenly_over_random_parts() -> None:
    faces = Faces()
    split = plan_splits(faces, config())[0]
    division = divide(faces, split, seed=3, fold=0)
    assert set(np.bincount(faces.columns[0].values[division.held_out]).tolist()) == {2}


def test_each_seed_divides_anew_and_the_same_seed_alike() -> None:
    faces, split = Faces(), plan_splits(Faces(), config())[0]
    first, again, other = (divide(faces, split, seed=s, fold=0).held_out for s in (0, 0, 1))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_labels_of_the_test_decide_nothing_but_the_spread_of_classes() -> None:
    faces, moved = Faces(), Faces()
    moved.columns[1].values[:] = moved.columns[1].values[::-1]
    split = plan_splits(faces, config())[0]
    one, other = (divide(each, split, seed=0, fold=0) for each in (faces, moved))
    assert one.train.tolist() == other.train.tolist()


@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 5))
def test_parts_are_of_nearly_equal_size(count: int, parts: int, seed: int) -> None:
    sizes = np.bincount(assign_parts(count, parts, ("x", seed)), minlength=parts)
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"splits": "peoples"}, "Did you mean 'people'?"),
        ({"splits": "identity+azimuth+elevation"}, "nothing is left to predict"),
        ({"splits": "people", "folds": 13}, "has 12 groups, and 13 are needed"),
    ],
)
def test_splits_that_cannot_be(choices: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        plan_splits(Faces(), config(**choices))
    assert said in str(caught.value)


def test_a_fold_that_leaves_a_class_out_is_refused() -> None:
    """One person was seen under one light only, and just this light is held out."""
    faces = Faces()
    identity, azimuth, elevation = faces.columns
    odd = np.flatnonzero((azimuth.values == 10) & (elevation.values == 20))
    keep = np.concatenate([np.flatnonzero(identity.values != 3), odd[3:4]])
    faces.columns = tuple(Column(c.name, c.kind, c.values[keep], c.classes) for c in faces.columns)
    split = next(s for s in plan_splits(faces, config(folds=4)) if s.name == "lights")
    said = []
    for fold in range(4):
        try:
            divide(faces, split, seed=0, fold=fold)
        except UserError as error:
            said.append(str(error))
    assert len(said) == 1
    assert "leaves no picture with 'd' of 'identity'" in said[0]


@pytest.mark.parametrize("name", ["random", "people", "lights"])
@pytest.mark.parametrize("folds", [1, 2])
def test_the_first_seeds_hold_out_different_pictures(name: str, folds: int) -> None:
    """Four parts are held out by four seeds, or by two seeds of two folds; then others are cut."""
    faces = Faces()
    split = next(s for s in plan_splits(faces, config(folds=folds)) if s.name == name)
    seeds = 4 // folds
    held_out = [
        divide(faces, split, seed=seed, fold=fold).held_out.tolist()
        for seed in range(seeds + 1)
        for fold in range(folds)
    ]
    assert sorted(k for part in held_out[:4] for k in part) == list(range(96))
    assert held_out[4] not in held_out[:4]


def test_more_parts_than_pictures_are_refused() -> None:
    with pytest.raises(UserError, match="96 pictures cannot be divided into 97 parts"):
        plan_splits(Faces(), config(folds=97, splits="random"))
