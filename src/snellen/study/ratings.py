"""Rankings as the statistics read them: arrays, one row for each answered trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answers", "Kind", "Ratings", "midranks"]

Kind = Literal["main", "repeat", "catch", "training"]


def midranks(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ranks as given (1 is best, equal numbers are ties) as mid-ranks: each row sums to M(M+1)/2.

    >>> midranks(np.array([[1, 1, 2], [3, 1, 2]]))
    array([[1.5, 1.5, 3. ],
           [3. , 1. , 2. ]])
    """
    mine, others = ranks[:, :, None], ranks[:, None, :]
    better, same = (others < mine).sum(axis=2), (others == mine).sum(axis=2)
    found: NDArray[np.float64] = better + (same + 1) / 2
    return found


@dataclass(frozen=True)
class Ratings:
    """n rankings of M models by people on pictures.

    Attributes:
        models: M names.
        people: names of the participants, as exports spell them ("P001"); no platform's ids.
        pictures: names of the pictures.
        sources: for each picture the photograph that it was cut from.
        ranks: float64 (n, M), mid-ranks: 1 is best, a row sums to M(M+1)/2.
        person, picture: int (n,), indices into `people` and `pictures`.
        places: int (n, M), where on the screen each model stood, 0 is first.
        kinds: n of "main" or "repeat". Catch and training trials are not rankings of the models.
        seconds: float64 (n,), from the picture's appearance to the answer; NaN: not known.
        numbers: int (n,), the trial's number within its session, in the order of showing.
        simulated: whether observers of `observers.py` gave them, not people.
    """

    models: tuple[str, ...]
    people: tuple[str, ...]
    pictures: tuple[str, ...]
    sources: tuple[str, ...]
    ranks: NDArray[np.float64]
    person: NDArray[np.intp]
    picture: NDArray[np.intp]
    places: NDArray[np.intp]
    kinds: tuple[Kind, ...] = ()
    seconds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    numbers: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    simulated: bool = False

    def __post_init__(self) -> None:
        count = len(self.ranks)
        if self.ranks.shape != (count, len(self.models)) or self.places.shape != self.ranks.shape:
            raise ValueError(
                f"ranks {self.ranks.shape} and places {self.places.shape}; "
                f"(n, {len(self.models)}) is needed."
            )
        if not self.kinds:
            object.__setattr__(self, "kinds", ("main",) * count)
        if not len(self.seconds):
            object.__setattr__(self, "seconds", np.full(count, np.nan))
        if not len(self.numbers):
            object.__setattr__(self, "numbers", np.arange(count))
        for name in ("person", "picture", "kinds", "seconds", "numbers"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name}: {len(getattr(self, name))} came for {count} rankings.")
        if len(self.sources) != len(self.pictures):
            raise ValueError(f"{len(self.sources)} sources for {len(self.pictures)} pictures.")

    def __len__(self) -> int:
        return len(self.ranks)

    def only(self, kind: Kind) -> Ratings:
        """Those of one kind."""
        return self.where(np.array([k == kind for k in self.kinds], dtype=np.bool_))

    def without(self, people: Sequence[str]) -> Ratings:
        """Those of everyone else; the names stay, so that indices keep their meaning."""
        left_out = np.array([name in set(people) for name in self.people], dtype=np.bool_)
        return self.where(~left_out[self.person])

    def where(self, rows: NDArray[np.bool_]) -> Ratings:
        """Those rows, bool (n,)."""
        return replace(
            self,
            ranks=self.ranks[rows],
            person=self.person[rows],
            picture=self.picture[rows],
            places=self.places[rows],
            kinds=tuple(k for k, row in zip(self.kinds, rows, strict=True) if row),
            seconds=self.seconds[rows],
            numbers=self.numbers[rows],
        )


@dataclass(frozen=True)
class Answers:
    """All that a study has been told so far.

    Attributes:
        ratings: main and repeated trials of everyone who has not withdrawn. A repeat belongs to the
            main trial of the same person and picture.
        catch_person: int (c,), who met each answered catch trial.
        catch_passed: bool (c,), whether the original alone was ranked first in it.
        completed: bool (len(ratings.people),), who has answered every trial.
    """

    ratings: Ratings
    catch_person: NDArray[np.intp]
    catch_passed: NDArray[np.bool_]
    completed: NDArray[np.bool_]
