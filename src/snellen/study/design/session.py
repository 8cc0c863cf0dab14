"""What one person is shown, trial by trial: training, catch trials and repeats, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snellen.study.design.draws import Draw

__all__ = ["ORIGINAL_SHOWN", "Trial", "TrialKind", "catch_orders", "with_catch", "with_repeats"]

TrialKind = Literal["training", "main", "catch", "repeat"]
ORIGINAL_SHOWN = -1  # in Trial.shown: the original, in the place of a model


@dataclass(frozen=True)
class Trial:
    """What is shown at once.

    Attributes:
        kind: "training" (not counted), "main", "catch" (the original stands in the place of one
            model) or "repeat" (of a main trial, in another order).
        picture: its place in pictures.json.
        shown: places of the models in the configuration, left to right; -1 is the original.
    """

    kind: TrialKind
    picture: int
    shown: tuple[int, ...]


def catch_orders(people: int, count: int, models: int, draw: Draw) -> NDArray[np.intp]:
    """Orders of the catch trials, (people, count, models).

    Which model is left out, and where the original stands, differ by at most one in their counts,
    over the study and for each person: both run through their values in turn, shifted against each
    other by one after so many people as there are models.
    """
    names, places, seats = draw.order(models), draw.order(models), draw.order(people)
    found = np.empty((people, count, models), dtype=np.intp)
    for seat, person in enumerate(seats):
        for trial in range(count):
            turn = seat * count + trial
            left_out = names[turn % models]
            rest = [k for k in draw.order(models) if k != left_out]
            rest.insert(places[(turn + seat // models) % models], ORIGINAL_SHOWN)
            found[person, trial] = rest
    return found


def with_repeats(main: list[Trial], count: int, draw: Draw) -> list[Trial]:
    """Repeat `count` of the earlier trials among the last, in the same sequence."""
    trials = len(main)
    early = max(count, -(-trials // 3))
    late = max(count, trials - trials // 3)
    originals = draw.some(count, early)
    after = sorted(late + draw.below(trials - late + 1) for _ in range(count))
    session = []
    for number in range(trials + 1):
        session += [
            Trial("repeat", main[k].picture, _elsewhere(main[k].shown, draw))
            for k, place in zip(originals, after, strict=True)
            if place == number
        ]
        session += main[number : number + 1]
    return session


def _elsewhere(shown: tuple[int, ...], draw: Draw) -> tuple[int, ...]:
    """Another order, in which no model stands where it stood."""
    while True:
        other = tuple(shown[k] for k in draw.order(len(shown)))
        if all(a != b for a, b in zip(shown, other, strict=True)):
            return other


def with_catch(session: list[Trial], catch: list[Trial], draw: Draw) -> list[Trial]:
    """Put one catch trial into each of as many equal parts of the session, never first of all."""
    found: list[Trial] = []
    start = 0
    for number, trial in enumerate(catch, 1):
        stop = -(-len(session) * number // len(catch))
        place = start + 1 + draw.below(stop - start) if stop > start else stop
        found += [*session[start:place], trial, *session[place:stop]]
        start = stop
    return found + session[start:]
