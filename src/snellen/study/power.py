"""What a study can show, simulated before anyone is paid: power and intervals of each design.

Many studies are simulated with observers whose likes are known (`snellen.study.observers`), each
with new people and new pictures, and judged as `snellen study analyse` would judge them
(`snellen.study.headline`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError
from snellen.study.config import DESIGNS, Design
from snellen.study.design import misfit, plan_pictures
from snellen.study.observers import Observers, simulate_many
from snellen.study.statistics.intervals import Columns, prepare

__all__ = ["DesignPower", "PairPower", "gap_utilities", "simulate_headlines", "simulate_power"]

_BLOCK = 2_000_000  # ranks held in memory at a time


@dataclass(frozen=True)
class PairPower:
    """What a design shows of two models.

    Attributes:
        a, b: which models, by place.
        difference: mean over the studies of the mean rank of a minus that of b.
        power: share of the studies whose p is below 1 − level, were this the only pair.
        power_error: its standard error, for the number of studies.
        corrected: share of the studies whose p is below 1 − level after Holm's correction for all
            pairs, which is where `snellen study analyse` says "better".
        corrected_error: its standard error.
        half_width: mean half of the interval's width, in ranks; NaN where there is none.
        half_width_error: its standard error.
    """

    a: int
    b: int
    difference: float
    power: float
    power_error: float
    corrected: float
    corrected_error: float
    half_width: float
    half_width_error: float


@dataclass(frozen=True)
class DesignPower:
    """What a design shows.

    Attributes:
        design: which.
        misfit: why it cannot be, and what would fit; "" where it can.
        people: how many.
        trials: of each.
        pictures: how many are judged; 0 where the design cannot be.
        judges: how many people judge a picture, on average.
        studies: how many were simulated.
        pairs: for every two models; empty where the design cannot be.
    """

    design: Design
    misfit: str
    people: int
    trials: int
    pictures: int
    judges: float
    studies: int
    pairs: tuple[PairPower, ...]


def gap_utilities(models: int, gap: float) -> tuple[float, ...]:
    """Utilities in equal steps, the first model's highest, the last one's 0.

    >>> gap_utilities(3, 0.4)
    (0.8, 0.4, 0.0)
    """
    return tuple((models - 1 - k) * gap for k in range(models))


def simulate_power(
    designs: Sequence[Design],
    people: int,
    trials: int,
    pictures: int,
    *,
    observers: Observers,
    studies: int = 2000,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    typed: Mapping[str, str] | None = None,
    step: Callable[[int], None] | None = None,
) -> tuple[DesignPower, ...]:
    """Simulate studies of several designs with the same people, trials and pictures.

    Args:
        designs: any of nested, crossed and balanced-incomplete.
        people: how many, at least 2.
        trials: of each.
        pictures: how many there are; nested judges people × trials of them, crossed as many as a
            person has trials, balanced-incomplete all.
        observers: what people like, how much they differ, and how much pictures do.
        studies: how many to simulate for each design.
        resamples: of the bootstrap in each.
        level: of the intervals.
        seed: of all draws.
        typed: for the sentence of an impossible design, as in `snellen.study.design.misfit`.
        step: is told how many more studies are done.

    Returns:
        What each design shows, in the order of `designs`. One that does not fit says so.

    Raises:
        UserError: an unknown design, one participant, or no studies.

    Example:
        >>> (found,) = simulate_power(
        ...     ["nested"], 10, 20, 200, observers=Observers((1.0, 0.0)), studies=200
        ... )
        >>> 0.8 < found.pairs[0].power <= 1
        True
    """
    for design in designs:
        if design not in DESIGNS:
            raise UserError(f"there is no design {design!r}: {', '.join(DESIGNS)} are known.")
    if people < 2:
        raise UserError("one participant has no interval: type 2 people or more.")
    if studies < 1:
        raise UserError(f"{studies} studies came; at least 1 is to be simulated.")
    found = []
    for design in designs:
        problem = misfit(design, people, trials, pictures, typed=typed)
        if problem:
            found.append(DesignPower(design, problem, people, trials, 0, 0, 0, ()))
            continue
        estimate, low, high, p = simulate_headlines(
            design,
            people,
            trials,
            pictures,
            observers=observers,
            studies=studies,
            resamples=resamples,
            level=level,
            seed=seed,
            step=step,
        )
        pairs = itertools.combinations(range(observers.models), 2)
        shown = p < 1 - level, _holm(p) < 1 - level
        used = len(np.unique(plan_pictures(design, people, trials, pictures, seed)))
        found.append(
            DesignPower(
                design=design,
                misfit="",
                people=people,
                trials=trials,
                pictures=used,
                judges=people * trials / used,
                studies=studies,
                pairs=tuple(
                    _pair(a, b, estimate[:, k], (high - low)[:, k] / 2, *(s[:, k] for s in shown))
                    for k, (a, b) in enumerate(pairs)
                ),
            )
        )
    return tuple(found)


def simulate_headlines(
    design: Design,
    people: int,
    trials: int,
    pictures: int,
    *,
    observers: Observers,
    studies: int,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    step: Callable[[int], None] | None = None,
) -> Columns:
    """Simulate studies of one design and judge each.

    Args:
        design: which; its numbers must fit.
        people: how many.
        trials: of each.
        pictures: how many there are.
        observers: as in `simulate_power`, with the rest.
        studies: how many, S.
        resamples: of the bootstrap in each.
        level: of the intervals.
        seed: of all draws.
        step: is told how many more studies are done.

    Returns:
        Estimates, lower limits, upper limits and p of every two models, each float64 (S, pairs).

    >>> estimate, *_ = simulate_headlines(
    ...     "crossed", 5, 6, 6, observers=Observers((1.0, 0.0, 0.0)), studies=10
    ... )
    >>> estimate.shape
    (10, 3)
    """
    chosen = plan_pictures(design, people, trials, pictures, seed)
    person = np.repeat(np.arange(people), trials)
    _, picture = np.unique(chosen, return_inverse=True)
    picture = picture.ravel()
    intervals = prepare(
        person, picture, by_participant=design == "nested", resamples=resamples, seed=seed
    )
    pairs = np.array(list(itertools.combinations(range(observers.models), 2)))
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // (people * trials * max(observers.models, len(pairs))))
    found: list[NDArray[np.float64]] = []
    for start in range(0, studies, block):
        count = min(block, studies - start)
        ranks = simulate_many(observers, person, picture, count, rng)
        values = ranks[:, :, pairs[:, 0]] - ranks[:, :, pairs[:, 1]]  # (count, n, pairs)
        columns = values.transpose(1, 0, 2).reshape(len(person), -1)
        found.append(np.array(intervals.of(columns, level)).reshape(4, count, len(pairs)))
        if step is not None:
            step(count)
    estimate, low, high, p = np.concatenate(found, axis=1)
    return estimate, low, high, p


def _holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct the p of each study's pairs, (S, pairs), as `statistics.wilcoxon.holm` does.

    >>> _holm(np.array([[0.01, 0.04, 0.03], [0.01, np.nan, 0.03]])).round(2)
    array([[0.03, 0.06, 0.06],
           [0.02,  nan, 0.03]])
    """
    order = np.argsort(p, axis=1)  # NaN comes last
    tests = np.isfinite(p).sum(1, keepdims=True)
    steps = np.take_along_axis(p, order, axis=1) * (tests - np.arange(p.shape[1]))
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.minimum(np.maximum.accumulate(steps, axis=1), 1), axis=1)
    return found


def _pair(
    a: int,
    b: int,
    estimates: NDArray[np.float64],
    halves: NDArray[np.float64],
    rejects: NDArray[np.bool_],
    decided: NDArray[np.bool_],
) -> PairPower:
    studies = len(estimates)
    power, corrected = float(rejects.mean()), float(decided.mean())
    known = halves[np.isfinite(halves)]  # none where all of a study agree exactly
    return PairPower(
        a=a,
        b=b,
        difference=float(estimates.mean()),
        power=power,
        power_error=math.sqrt(power * (1 - power) / studies),
        corrected=corrected,
        corrected_error=math.sqrt(corrected * (1 - corrected) / studies),
        half_width=float(known.mean()) if len(known) else math.nan,
        half_width_error=float(known.std() / math.sqrt(len(known))) if len(known) else math.nan,
    )
