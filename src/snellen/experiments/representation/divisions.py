"""Who trains and who is held out: single pictures at random, or whole people, lights, groups.

A division never splits a group: with unseen people, no picture of a person who is held out is
trained on. The labels decide nothing else about a division, apart from the random one, in which
each class is spread evenly over the parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from snellen.datasets import Column
from snellen.datasets.keys import shuffled
from snellen.errors import UserError, nearest
from snellen.experiments.representation.configuration import LEAST_PARTS, RepresentationConfig
from snellen.experiments.running import plural
from snellen.training.run_folder import file_name

__all__ = ["Division", "SplitPlan", "assign_parts", "divide", "plan_splits"]

Indices = NDArray[np.int64]


class Labelled(Protocol):
    """Pictures with labels, and what of them may be held out whole."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The labels."""

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Name of a group → the columns whose values make it."""


@dataclass(frozen=True)
class SplitPlan:
    """One way to divide the pictures, and what is predicted under it.

    Attributes:
        name: as in the configuration, such as ``people``.
        title: as the report says it, such as ``unseen people``.
        held_out_by: the columns whose values make the groups; empty for single pictures.
        targets: the columns that are predicted.
        parts: into how many the pictures are divided; one is held out at a time.
        folds: how many of the parts are held out, in turn.
    """

    name: str
    title: str
    held_out_by: tuple[str, ...]
    targets: tuple[str, ...]
    parts: int
    folds: int


@dataclass(frozen=True)
class Division:
    """The pictures of one training: indices, ascending, without a common group.

    `groups` numbers the group of every picture; None where single pictures are held out.
    """

    train: Indices
    held_out: Indices
    groups: Indices | None


def plan_splits(labelled: Labelled, config: RepresentationConfig) -> list[SplitPlan]:
    """Return the splits that the configuration asks for, or those of the data.

    Raises:
        UserError: a split that does not exist, has nothing to predict, or too few groups.
    """
    columns = {column.name: column for column in labelled.columns}
    made_for = config.data == "builtin" or config.data.startswith("yale:")
    default = ("random", *labelled.groups) if made_for else ("random",)
    names = config.splits or default
    if len({file_name(name) for name in names}) < len(names):
        raise UserError("two splits would share a checkpoint folder: rename a column.")
    return [_plan(name, labelled.groups, columns, config) for name in names]


def _plan(
    name: str,
    groups: Mapping[str, tuple[str, ...]],
    columns: Mapping[str, Column],
    config: RepresentationConfig,
) -> SplitPlan:
    wanted = max(LEAST_PARTS, config.folds)
    if name == "random":
        count = len(next(iter(columns.values())).values)
        if wanted > count:
            raise UserError(
                f"{count} {plural('picture', count)} cannot be divided into {wanted} parts: ask "
                "for fewer --folds, or give more pictures."
            )
        return SplitPlan("random", "random pictures", (), tuple(columns), wanted, config.folds)
    by = groups.get(name) or tuple(part.strip() for part in name.split("+"))
    for column in by:
        if column not in columns:
            known = ["random", *groups, *columns]
            raise UserError(
                f"there is no split {name!r} in {config.data}: type random, or what is to be held "
                f"out whole: {', '.join(dict.fromkeys(known[1:]))}.{nearest(column, known)}"
            )
    targets = tuple(column for column in columns if column not in by)
    if not targets:
        raise UserError(
            f"with unseen {name} nothing is left to predict: {config.data} has no other column "
            f"than {', '.join(by)}. Leave this split out: --splits random."
        )
    count = int(_group_numbers(columns, by).max()) + 1
    if count < 2 or config.folds > count:
        raise UserError(
            f"the split {name!r} has {count} {plural('group', count)}, and {max(2, config.folds)} "
            f"are needed for {config.folds} {plural('fold', config.folds)}: ask for fewer --folds, "
            "or leave this split out."
        )
    return SplitPlan(name, f"unseen {name}", by, targets, min(wanted, count), config.folds)


def divide(labelled: Labelled, split: SplitPlan, *, seed: int, fold: int) -> Division:
    """Return the pictures of one training.

    Folds and seeds, one after the other, hold out the parts of one division, and when these are
    used up, those of the next: with one fold of four parts, seeds 0 to 3 have test parts without a
    common picture, and seed 4 divides anew.

    Raises:
        UserError: the part for training lacks a class that is to be predicted.
    """
    columns = {column.name: column for column in labelled.columns}
    groups = _group_numbers(columns, split.held_out_by) if split.held_out_by else None
    classes = next((c.values for c in labelled.columns if c.kind == "class"), None)
    number, held = divmod(seed * split.folds + fold, split.parts)
    parts = assign_parts(
        len(labelled.columns[0].values),
        split.parts,
        ("division", split.name, number),
        groups=groups,
        classes=None if classes is None else classes.astype(np.int64),
    )
    train, held_out = np.flatnonzero(parts != held), np.flatnonzero(parts == held)
    for name in split.targets:
        _refuse_missing_class(columns[name], train, held_out, f"fold {fold} of seed {seed}", split)
    return Division(train, held_out, groups)


def assign_parts(
    count: int,
    parts: int,
    key: Sequence[int | str],
    *,
    groups: Indices | None = None,
    classes: Indices | None = None,
) -> Indices:
    """Return the part, 0 … parts − 1, of each of `count` pictures, drawn by the key.

    Args:
        count: how many pictures.
        parts: how many parts, of nearly equal size.
        key: which division.
        groups: the number of each picture's group, never split; None for single pictures.
        classes: the number of each picture's class, spread evenly; groups take no heed of it.

    >>> assign_parts(6, 3, ("a",), groups=np.array([0, 0, 1, 1, 2, 2])).tolist()
    [2, 2, 1, 1, 0, 0]
    """
    if groups is not None:
        order = shuffled(int(groups.max()) + 1, *key)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return np.asarray(place[groups] % parts, np.int64)
    order = shuffled(count, *key)
    if classes is not None:
        order = order[np.argsort(classes[order], kind="stable")]
    found = np.empty(count, np.int64)
    found[order] = np.arange(count) % parts
    return found


def _group_numbers(columns: Mapping[str, Column], by: Sequence[str]) -> Indices:
    """Number the combinations of the values in these columns."""
    table = np.stack([columns[name].values.astype(np.float64) for name in by], axis=1)
    return np.unique(table, axis=0, return_inverse=True)[1].astype(np.int64).ravel()


def _refuse_missing_class(
    column: Column, train: Indices, held_out: Indices, which: str, split: SplitPlan
) -> None:
    if column.kind != "class":
        return
    missing = np.setdiff1d(column.values[held_out], column.values[train])
    if len(missing) or len(np.unique(column.values[train])) < 2:
        names = ", ".join(repr(column.classes[int(k)]) for k in missing[:3])
        what = f"{names} of" if names else "more than one class of"
        raise UserError(
            f"{which} of the split {split.name!r} leaves no picture with {what} {column.name!r} "
            f"for training: add pictures, leave the column out by --columns {column.name}=ignore, "
            f"or ask for other --splits{'' if split.held_out_by else ' or more --folds'}."
        )
