"""What rankings chose from what: all that Plackett–Luce needs to know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Choices", "choices_of"]


@dataclass(frozen=True)
class Choices:
    """R distinct rankings of M models with T sizes of ties, as choices from A sets of alternatives.

    Attributes:
        row: (n,), which distinct ranking each of the n is.
        chosen: (R, M + T), how often each model was chosen, ties in parts, and each size of tie.
        left: (R, A), how often each set of alternatives was chosen from.
        features: (F, M + T), every possible choice from each set of alternatives: the parts of the
            models in it, and its size. starts: (A,), where in it each set of alternatives begins.
        sizes: T sizes of ties that occur.
    """

    row: NDArray[np.intp]
    chosen: NDArray[np.float64]
    left: NDArray[np.float64]
    features: NDArray[np.float64]
    starts: NDArray[np.intp]
    sizes: tuple[int, ...]


def choices_of(ranks: NDArray[np.float64], *, ghost: bool) -> Choices:
    """Take rankings apart into choices.

    Args:
        ranks: (n, M), smaller is better, equal is a tie, NaN: not among the ranked.
        ghost: whether each model is compared with a ghost, too; its choices come last in
            `features` and `starts`, and `left` has no column for them.
    """
    models = ranks.shape[1]
    # NaN is not equal to itself: what was not ranked must not make a ranking distinct.
    distinct, row = np.unique(np.where(np.isnan(ranks), np.inf, ranks), axis=0, return_inverse=True)
    steps = [list(_steps(ranking)) for ranking in distinct]
    sizes = tuple(sorted({int(choice.sum()) for each in steps for choice, _ in each} - {1}))
    column = {size: models + k for k, size in enumerate(sizes)}
    numbers: dict[bytes, int] = {}
    sets: list[NDArray[np.bool_]] = []
    chosen = np.zeros((len(distinct), models + len(sizes)))
    visits: list[tuple[int, int]] = []
    for place, each in enumerate(steps):
        for choice, left in each:
            if left.sum() == 1:  # no choice
                continue
            size = int(choice.sum())
            chosen[place, :models] += choice / size
            if size > 1:
                chosen[place, column[size]] += 1
            number = numbers.setdefault(left.tobytes(), len(sets))
            if number == len(sets):
                sets.append(left)
            visits.append((place, number))
    left_from = np.zeros((len(distinct), len(sets)))
    np.add.at(left_from, tuple(np.array(visits, dtype=np.intp).reshape(-1, 2).T), 1)
    parts = [_possible(np.flatnonzero(left), models, column) for left in sets]
    if ghost:
        parts += [_against_ghost(model, models, column) for model in range(models)]
    starts = np.cumsum([0] + [len(part) for part in parts])[:-1]
    features = np.concatenate(parts) if parts else np.empty((0, models + len(sizes)))
    return Choices(row.ravel(), chosen, left_from, features, starts.astype(np.intp), sizes)


def _steps(ranking: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """What was chosen, and from what, one place after the other: pairs of bool (M,)."""
    for rank in np.unique(ranking[np.isfinite(ranking)]):
        yield ranking == rank, (ranking >= rank) & np.isfinite(ranking)


def _possible(
    left: NDArray[np.intp], models: int, column: Mapping[int, int]
) -> NDArray[np.float64]:
    """Every choice from these models that may come: one of them, or a tie of a size that occurs."""
    sizes = [1, *(size for size in column if size <= len(left))]
    found = [choice for size in sizes for choice in combinations(left.tolist(), size)]
    features = np.zeros((len(found), models + len(column)))
    for row, choice in enumerate(found):
        features[row, list(choice)] = 1 / len(choice)
        if len(choice) > 1:
            features[row, column[len(choice)]] = 1
    return features


def _against_ghost(model: int, models: int, column: Mapping[int, int]) -> NDArray[np.float64]:
    """The model, the ghost (whose level is 0) or, where pairs tie, both."""
    features = np.zeros((2 + (2 in column), models + len(column)))
    features[0, model] = 1
    if 2 in column:
        features[2, model] = 1 / 2
        features[2, column[2]] = 1
    return features
