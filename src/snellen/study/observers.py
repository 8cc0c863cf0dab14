"""Simulated observers: people whose likes are known, to try a study out before anyone is paid.

The utility of a model to a person on a picture is that of the model, plus a deviation of the
person, plus a deviation of the picture, plus noise that is new in every trial; the higher one is
ranked better. With Gumbel noise this is the Plackett–Luce model with random effects: a person's
chance to put model a before b is 1/(1 + exp(u_b − u_a)).

Source: Plackett, "The Analysis of Permutations", Applied Statistics 24 (1975); Train, Discrete
Choice Methods with Simulation (2009), ch. 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.study.design import ORIGINAL_SHOWN, Plan, Trial
from snellen.study.ratings import Answers, Kind, Ratings, midranks

__all__ = [
    "Noise",
    "Observers",
    "Panel",
    "choose",
    "draw_panel",
    "simulate_answers",
    "simulate_many",
    "simulate_rankings",
]

Noise = Literal["gumbel", "normal", "none"]

_ORIGINAL_LEAD = 6.0  # by which an attentive person likes the original more than the best model
_NORMAL_SD = math.pi / math.sqrt(6)  # the standard deviation of Gumbel noise
_SECONDS = (5.0, 0.5)  # median of an answer, attentive and not
_SECONDS_SPREAD = 0.4  # standard deviation of its logarithm


@dataclass(frozen=True, eq=False)
class Observers:
    """Whom to simulate.

    Attributes:
        utilities: of each model, higher is liked more; M numbers, or (pictures, M) with a row for
            each place in pictures.json. On the scale of the noise: 1 more wins in 73 % of pairs.
        person_sd: standard deviation over people of what each adds to each model's utility.
        picture_sd: the same over pictures.
        noise: "gumbel" (standard: a logit model), "normal" of the same standard deviation (a
            probit model), or "none".
        inattentive: share of the people, 0 ≤ share < 1, who answer at random and fast.
        tie_threshold: models whose utilities, noise and all, differ by less share a rank; 0: never.
    """

    utilities: tuple[float, ...] | NDArray[np.float64]
    person_sd: float = 0.5
    picture_sd: float = 0.8
    noise: Noise = "gumbel"
    inattentive: float = 0.0
    tie_threshold: float = 0.0

    def __post_init__(self) -> None:
        table = np.asarray(self.utilities, dtype=np.float64)
        if table.ndim not in (1, 2) or table.shape[-1] < 2 or not np.isfinite(table).all():
            raise UserError(
                "the utilities of the observers must be finite numbers, one for each of at least"
                f" two models; their shape is {table.shape}."
            )
        for name in ("person_sd", "picture_sd", "tie_threshold"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"{name} is {getattr(self, name)}; it must be 0 or more.")
        if not 0 <= self.inattentive < 1:
            raise UserError(
                f"inattentive is {self.inattentive}; a share from 0 to below 1 is needed."
            )

    @property
    def models(self) -> int:
        """How many models they rank."""
        return int(np.shape(self.utilities)[-1])


@dataclass(frozen=True, eq=False)
class Panel:
    """Observers with their likes drawn; `draw_panel` makes them.

    Attributes:
        picture: float64 (pictures, M), utility of each model on each picture.
        person: float64 (people, M), what each person adds.
        inattentive: bool (people,).
        observers: of whom they are.
    """

    picture: NDArray[np.float64]
    person: NDArray[np.float64]
    inattentive: NDArray[np.bool_]
    observers: Observers

    def utilities(self, slot: int, trial: Trial) -> NDArray[np.float64]:
        """Of what is shown in a trial, left to right, before noise: float64 (M,)."""
        if self.inattentive[slot]:
            return np.zeros(len(trial.shown))
        likes = self.picture[trial.picture] + self.person[slot]
        lead = likes.max() + _ORIGINAL_LEAD
        return np.array([lead if k == ORIGINAL_SHOWN else likes[k] for k in trial.shown])

    def ranks(self, slot: int, trial: Trial, rng: np.random.Generator) -> list[int]:
        """One answer, left to right: 1 is best, dense, ties only above a threshold."""
        options = self.observers
        found = choose(self.utilities(slot, trial), rng, options.tie_threshold, options.noise)
        return [int(rank) for rank in found]

    def seconds(self, slot: int, rng: np.random.Generator) -> float:
        """How long an answer takes."""
        median = _SECONDS[int(self.inattentive[slot])]
        return float(median * math.exp(_SECONDS_SPREAD * rng.standard_normal()))


def draw_panel(observers: Observers, people: int, pictures: int, rng: np.random.Generator) -> Panel:
    """Draw people and what is peculiar to each picture.

    Args:
        observers: from whom.
        people: how many; the share of inattentive ones is rounded to a whole number.
        pictures: how many; with utilities by picture, at most their rows.
        rng: gives the draws.

    >>> panel = draw_panel(Observers((1.0, 0.0)), 3, 5, np.random.default_rng(0))
    >>> panel.person.shape, panel.picture.shape
    ((3, 2), (5, 2))
    """
    models = observers.models
    base = np.asarray(observers.utilities, dtype=np.float64)
    if base.ndim == 2:
        if len(base) < pictures:
            raise UserError(f"there are utilities of {len(base)} pictures for {pictures} pictures.")
        base = base[:pictures]
    careless = np.zeros(people, dtype=np.bool_)
    careless[rng.permutation(people)[: round(observers.inattentive * people)]] = True
    return Panel(
        picture=base + observers.picture_sd * rng.standard_normal((pictures, models)),
        person=observers.person_sd * rng.standard_normal((people, models)),
        inattentive=careless,
        observers=observers,
    )


def choose(
    utilities: NDArray[np.float64],
    rng: np.random.Generator,
    ties: float = 0.0,
    noise: Noise = "gumbel",
) -> NDArray[np.int64]:
    """Rank what is shown by its utilities plus new noise.

    Args:
        utilities: float64 (…, M).
        rng: gives the noise, and the order of what is exactly equal.
        ties: neighbours in the ranking that differ by less share a rank; 0: never.
        noise: its kind, as in `Observers`.

    Returns:
        int64 (…, M): 1 is best, without gaps.

    >>> rng = np.random.default_rng(0)
    >>> choose(np.array([0.0, 9.0, 8.5]), rng, ties=1.0, noise="none").tolist()
    [2, 1, 1]
    """
    values = np.array(utilities, dtype=np.float64)
    if noise == "gumbel":
        values += rng.gumbel(size=values.shape)
    elif noise == "normal":
        values += _NORMAL_SD * rng.standard_normal(values.shape)
    if noise == "none":
        order = np.lexsort((rng.random(values.shape), -values))
    else:
        order = np.argsort(-values, axis=-1)
    if ties > 0:
        falls = -np.diff(np.take_along_axis(values, order, axis=-1), axis=-1) >= ties
        ranked = np.ones(values.shape, dtype=np.int64)
        ranked[..., 1:] += np.cumsum(falls, axis=-1)
    else:
        ranked = np.broadcast_to(np.arange(1, values.shape[-1] + 1), values.shape)
    ranks = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(ranks, order, ranked, axis=-1)
    return ranks


def simulate_rankings(
    plan: Plan,
    observers: Observers,
    rng: np.random.Generator,
    *,
    models: Sequence[str] = (),
    pictures: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> Ratings:
    """All main and repeated trials of a plan, answered by observers.

    Args:
        plan: who judges what.
        observers: who they are; as many utilities as models are ranked.
        rng: gives all draws.
        models: their names; "a", "b", … by default.
        pictures: names by place in pictures.json, at least up to the last that is shown.
        sources: of each of `pictures`; itself by default.

    Returns:
        `Ratings` with simulated=True.

    Raises:
        UserError: another number of utilities than of models.
    """
    return simulate_answers(
        plan, observers, rng, models=models, pictures=pictures, sources=sources
    ).ratings


def simulate_answers(
    plan: Plan,
    observers: Observers,
    rng: np.random.Generator,
    *,
    models: Sequence[str] = (),
    pictures: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> Answers:
    """`simulate_rankings` with the catch trials; everyone has completed the study."""
    if observers.models != plan.models:
        raise UserError(
            f"{observers.models} utilities came for {plan.models} models: give one for each."
        )
    count = max(plan.indices) + 1
    names = tuple(pictures) or tuple(f"{k:04d}" for k in range(count))
    panel = draw_panel(observers, plan.people, len(names), rng)
    rows: list[tuple[int, int, int, Kind, list[int], list[int], float]] = []
    caught: list[tuple[int, bool]] = []
    for slot in range(plan.people):
        for number, trial in enumerate(plan.trials(slot)):
            if trial.kind == "training":
                continue
            ranks, seconds = panel.ranks(slot, trial, rng), panel.seconds(slot, rng)
            if trial.kind == "catch":
                best = ranks[trial.shown.index(ORIGINAL_SHOWN)] == 1 and ranks.count(1) == 1
                caught.append((slot, best))
                continue
            places = np.argsort(trial.shown).tolist()
            by_model = [ranks[place] for place in places]
            rows.append((slot, number, trial.picture, trial.kind, by_model, places, seconds))
    whose, numbers, picture, kinds, by_models, where, times = zip(*rows, strict=True)
    ratings = Ratings(
        models=tuple(models) or tuple("abcdef"[: plan.models]),
        people=tuple(f"P{slot + 1:04d}" for slot in range(plan.people)),
        pictures=names,
        sources=tuple(sources) or names,
        ranks=midranks(np.array(by_models, dtype=np.int64)),
        person=np.array(whose, dtype=np.intp),
        picture=np.array(picture, dtype=np.intp),
        places=np.array(where, dtype=np.intp),
        kinds=kinds,
        seconds=np.array(times, dtype=np.float64),
        numbers=np.array(numbers, dtype=np.intp),
        simulated=True,
    )
    return Answers(
        ratings=ratings,
        catch_person=np.array([slot for slot, _ in caught], dtype=np.intp),
        catch_passed=np.array([passed for _, passed in caught], dtype=np.bool_),
        completed=np.ones(plan.people, dtype=np.bool_),
    )


def simulate_many(
    observers: Observers,
    person: NDArray[np.intp],
    picture: NDArray[np.intp],
    studies: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Many studies of one plan at once, each with new people and new pictures.

    Args:
        observers: who they are.
        person: int (n,), who judges in each trial: 0, 1, …
        picture: int (n,), which picture: 0, 1, …
        studies: how many, S.
        rng: gives all draws.

    Returns:
        Mid-ranks, float64 (S, n, M).

    >>> rng = np.random.default_rng(0)
    >>> simulate_many(Observers((0, 0, 0)), np.arange(4) // 2, np.arange(4), 5, rng).shape
    (5, 4, 3)
    """
    people, pictures, models = int(person.max()) + 1, int(picture.max()) + 1, observers.models
    of_people = observers.person_sd * rng.standard_normal((studies, people, models))
    of_pictures = observers.picture_sd * rng.standard_normal((studies, pictures, models))
    base = np.asarray(observers.utilities, dtype=np.float64)
    of_pictures += base if base.ndim == 1 else base[:pictures]
    values = of_people[:, person] + of_pictures[:, picture]
    careless = round(observers.inattentive * people)
    if careless:
        who = np.argsort(rng.random((studies, people)), axis=1) < careless
        values[who[:, person]] = 0
    ranks = choose(values, rng, observers.tie_threshold, observers.noise)
    if observers.tie_threshold:
        return midranks(ranks.reshape(-1, models)).reshape(ranks.shape)
    return ranks.astype(np.float64)
