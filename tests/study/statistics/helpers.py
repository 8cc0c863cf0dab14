"""Small studies of which everything is known."""

from dataclasses import replace

import numpy as np

from snellen.study.ratings import Ratings, midranks
from snellen.study.statistics.resampling import Bootstrap

CROSSED = Bootstrap("crossed", resamples=300)
NESTED = Bootstrap("nested", resamples=300)


def ratings_of(ranks, person, picture, *, sources=None, places=None, kinds=(), numbers=None):
    """Rankings of models A, B, … by P1, P2, … on x1, x2, …; ranks may be any ordered numbers."""
    ranks = midranks(np.asarray(ranks))
    person, picture = np.asarray(person), np.asarray(picture)
    models = ranks.shape[1]
    pictures = tuple(f"x{k + 1}" for k in range(max(picture, default=-1) + 1))
    if places is None:
        places = np.tile(np.arange(models), (len(ranks), 1))
    return Ratings(
        models=tuple("ABCDEF"[:models]),
        people=tuple(f"P{k + 1}" for k in range(max(person, default=-1) + 1)),
        pictures=pictures,
        sources=tuple(sources or pictures),
        ranks=ranks,
        person=person.astype(np.intp),
        picture=picture.astype(np.intp),
        places=np.asarray(places, np.intp),
        kinds=tuple(kinds),
        numbers=np.arange(len(ranks)) if numbers is None else np.asarray(numbers),
    )


def nothing(models=3):
    """A study that nobody has answered."""
    return ratings_of(np.empty((0, models)), np.empty(0, int), np.empty(0, int))


def simulated(people=8, trials=12, *, models=3, design="crossed", ties=False, seed=0, effect=0.4):
    """A study with effects of persons (SD .5) and pictures (SD .8); A is best.

    In ``balanced-incomplete`` each person ranks half of the pictures, drawn at random.
    """
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), trials)
    pictures = {"nested": people * trials, "crossed": trials, "balanced-incomplete": 2 * trials}
    count = pictures[design]
    picture = {
        "nested": np.arange(count),
        "crossed": np.tile(np.arange(trials), people),
        "balanced-incomplete": np.concatenate(
            [rng.choice(2 * trials, trials, replace=False) for _ in range(people)]
        ),
    }[design]
    utility = (
        -effect * np.arange(models)
        + 0.5 * rng.standard_normal((people, models))[person]
        + 0.8 * rng.standard_normal((count, models))[picture]
        + rng.gumbel(size=(people * trials, models))
    )
    places = rng.permuted(np.tile(np.arange(models), (people * trials, 1)), axis=1)
    ranks = -np.round(utility) if ties else -utility
    return ratings_of(
        ranks, person, picture, places=places, numbers=np.tile(np.arange(trials), people)
    )


def rows(ratings, order):
    """The same rankings in another order of the rows."""
    return replace(
        ratings,
        ranks=ratings.ranks[order],
        person=ratings.person[order],
        picture=ratings.picture[order],
        places=ratings.places[order],
        kinds=tuple(ratings.kinds[k] for k in order),
        seconds=ratings.seconds[order],
        numbers=ratings.numbers[order],
    )


def models_moved(ratings, order):
    """The same rankings with the models listed in another order."""
    place = np.argsort(order)
    return replace(
        ratings,
        models=tuple(ratings.models[k] for k in order),
        ranks=ratings.ranks[:, order],
        places=ratings.places[:, order],
    ), place


def others_renumbered(ratings, seed=5):
    """The same rankings with people and pictures listed, and thus numbered, in another order."""
    rng = np.random.default_rng(seed)
    people, pictures = (rng.permutation(len(n)) for n in (ratings.people, ratings.pictures))
    return replace(
        ratings,
        people=tuple(ratings.people[k] for k in people),
        pictures=tuple(ratings.pictures[k] for k in pictures),
        sources=tuple(ratings.sources[k] for k in pictures),
        person=np.argsort(people)[ratings.person],
        picture=np.argsort(pictures)[ratings.picture],
    )
