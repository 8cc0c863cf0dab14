"""All sessions of a study."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.study.config import Design, StudyConfig
from snellen.study.design.dealing import deal
from snellen.study.design.draws import Draw
from snellen.study.design.misfits import misfit
from snellen.study.design.orders import deal_orders
from snellen.study.design.session import Trial, catch_orders, with_catch, with_repeats

__all__ = ["Plan", "make_plan", "plan_pictures"]


@dataclass(frozen=True, eq=False)
class Plan:
    """All sessions of a study; `make_plan` makes it.

    Attributes:
        picture: int (people, trials), the pictures of the main trials, by place in pictures.json,
            in the order of showing.
        shown: int (people, trials, models), the order of the models in each, left to right.
        catch: int (people, catch trials, models), the order in each; -1 is the original.
        indices: the pictures that may be shown.
        training_trials, repeats, seed: as configured.
    """

    picture: NDArray[np.intp]
    shown: NDArray[np.intp]
    catch: NDArray[np.intp]
    indices: tuple[int, ...]
    training_trials: int
    repeats: int
    seed: int

    @property
    def people(self) -> int:
        """How many sessions there are."""
        return len(self.picture)

    @property
    def models(self) -> int:
        """How many models are ranked."""
        return int(self.shown.shape[2])

    def trials(self, slot: int) -> tuple[Trial, ...]:
        """One person's session in the order of showing.

        Training trials come first, with pictures that this person does not judge where there are
        any. The first trials of the rest are never catch trials. What is repeated comes from the
        first third of the main trials, and again in the last third, with no model in its old place.

        Args:
            slot: which person of the plan, 0 … people − 1.
        """
        if not 0 <= slot < self.people:
            raise ValueError(f"slot is {slot}; the plan is for {self.people} people.")
        draw = Draw("session", self.seed, slot)
        main = [
            Trial("main", picture, tuple(shown))
            for picture, shown in zip(
                self.picture[slot].tolist(), self.shown[slot].tolist(), strict=True
            )
        ]
        others = self._others(slot, self.training_trials + self.catch.shape[1], draw)
        training = [
            Trial("training", picture, tuple(draw.order(self.models)))
            for picture in others[: self.training_trials]
        ]
        catch = [
            Trial("catch", picture, tuple(shown))
            for picture, shown in zip(
                others[self.training_trials :], self.catch[slot].tolist(), strict=True
            )
        ]
        return (*training, *with_catch(with_repeats(main, self.repeats, draw), catch, draw))

    @cached_property
    def _judged(self) -> set[int]:
        return set(self.picture.ravel().tolist())

    def _others(self, slot: int, count: int, draw: Draw) -> list[int]:
        """Pictures for training and catch trials, as little seen elsewhere as can be had."""
        own = set(self.picture[slot].tolist())
        classes: tuple[list[int], list[int], list[int]] = ([], [], [])
        for picture in self.indices:
            classes[2 if picture in own else 1 if picture in self._judged else 0].append(picture)
        ordered = [group[k] for group in classes for k in draw.order(len(group))]
        return [ordered[k % len(ordered)] for k in range(count)]


def make_plan(config: StudyConfig, indices: Sequence[int]) -> Plan:
    """Plan every session of a study.

    Args:
        config: design, people, trials_per_person, models, training_trials, catch_trials, repeats
            and seed are read.
        indices: places in pictures.json of the pictures that may be shown, each once.

    Returns:
        The same plan for the same arguments, on any machine and with any version.

    Raises:
        UserError: the numbers do not fit together; the sentence names the nearest that do.

    Example:
        >>> from snellen.study.config import parse_config
        >>> texts = dict.fromkeys(("title", "instructions", "consent", "contact"), "…")
        >>> values = {"models": ["a", "b", "c"], "design": "nested", "people": 2}
        >>> plan = make_plan(parse_config({**texts, **values, "trials_per_person": 6}), range(12))
        >>> sorted(plan.picture.ravel().tolist()) == list(range(12))
        True
        >>> sorted(map(tuple, plan.shown[0].tolist()))
        [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    """
    people, trials, models = config.people, config.trials_per_person, len(config.models)
    if len(set(indices)) < len(indices):
        raise ValueError("a picture came twice.")
    if sentence := misfit(config.design, people, trials, len(indices)):
        raise UserError(sentence)
    if config.repeats > trials:
        raise UserError(
            f"{config.repeats} repeats need as many main trials; a person has {trials}:"
            f" type repeats: {trials}, or trials_per_person: {config.repeats}."
        )
    draw = Draw("plan", config.seed)
    chosen = deal(config.design, people, trials, len(indices), draw)
    colour = deal_orders(chosen, models, draw)
    for person in range(people):
        turn = draw.order(trials)
        chosen[person], colour[person] = chosen[person, turn], colour[person, turn]
    orders = np.array(list(itertools.permutations(range(models))), dtype=np.intp)
    return Plan(
        picture=np.asarray(indices, dtype=np.intp)[chosen],
        shown=orders[colour],
        catch=catch_orders(people, config.catch_trials, models, draw),
        indices=tuple(int(index) for index in indices),
        training_trials=config.training_trials,
        repeats=config.repeats,
        seed=config.seed,
    )


def plan_pictures(
    design: Design, people: int, trials: int, pictures: int, seed: int = 0
) -> NDArray[np.intp]:
    """Who judges which picture, int (people, trials); pictures are 0 … pictures − 1.

    Raises:
        UserError: the numbers do not fit together.

    >>> plan_pictures("crossed", 3, 2, 2).tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    if sentence := misfit(design, people, trials, pictures):
        raise UserError(sentence)
    return deal(design, people, trials, pictures, Draw("plan", seed))
