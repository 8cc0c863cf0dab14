"""Answers of people who never were: utilities with person and picture effects, and some slackers.

Only for tests of what reads answers; the observers of studies are in `snellen.study.observers`.
"""

from __future__ import annotations

import numpy as np

from snellen.study.ratings import Answers, Ratings, midranks

MODELS = ("mse", "mae", "ms-ssim")


def make_answers(
    *,
    models=MODELS,
    people=6,
    trials=10,
    design="nested",
    effects=None,
    repeats=2,
    catch=2,
    slackers=(),
    unfinished=(),
    ties=0.0,
    simulated=False,
    seed=0,
):
    """A study's answers.

    Args:
        effects: mean utility of each model; by default the last one is the best.
        slackers: indices of people who always rank the left place first, at once.
        unfinished: indices of people who stopped half-way.
        ties: utilities closer than this share a rank.
    """
    rng = np.random.default_rng(seed)
    count = len(models)
    effects = np.linspace(0, 1, count) if effects is None else np.asarray(effects, float)
    pictures = people * trials if design == "nested" else trials
    names = tuple(f"picture {index + 1}" for index in range(pictures))
    of_person = rng.normal(0, 0.5, (people, count))
    of_picture = rng.normal(0, 0.8, (pictures, count))
    rows = []
    for person in range(people):
        own = np.arange(trials) + (person * trials if design == "nested" else 0)
        asked = [(int(picture), "main") for picture in rng.permutation(own)]
        if person in unfinished:
            asked = asked[: trials // 2]
        else:
            asked += [(picture, "repeat") for picture, _ in asked[:repeats]]
        for number, (picture, kind) in enumerate(asked):
            places = rng.permutation(count)
            utility = effects + of_person[person] + of_picture[picture] + rng.gumbel(size=count)
            seconds = float(rng.lognormal(1.6, 0.4))
            if person in slackers:
                utility, seconds = -places.astype(float), 0.3
            elif ties:
                utility = np.round(utility / ties)
            _, dense = np.unique(-utility, return_inverse=True)
            rows.append((dense + 1, person, picture, places, kind, seconds, number))
    ranks, person, picture, places, kinds, seconds, numbers = (
        zip(*rows, strict=True) if rows else ((),) * 7
    )
    empty = (0, count)
    ratings = Ratings(
        tuple(models),
        tuple(f"P{index + 1:04}" for index in range(people)),
        names,
        names,
        midranks(np.array(ranks)) if rows else np.empty(empty),
        np.array(person, np.intp),
        np.array(picture, np.intp),
        np.array(places, np.intp) if rows else np.empty(empty, np.intp),
        tuple(kinds),
        np.array(seconds, float),
        np.array(numbers, np.intp),
        simulated,
    )
    met = np.repeat(np.arange(people), catch)
    passed = ~np.isin(met, slackers) & (rng.random(len(met)) < 0.98)
    done = ~np.isin(np.arange(people), unfinished)
    return Answers(ratings, met, passed, done)
