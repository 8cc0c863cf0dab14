"""Pictures for the report's galleries: where one model was ranked first, and where it was not.

As on the poster. Nothing is picked by eye: the rule is deterministic and is printed beside the
pictures, and the gallery in which the model looks bad stands beside the one in which it looks good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError, nearest
from snellen.study.ratings import Ratings

__all__ = ["Galleries", "Pick", "choose_galleries"]


@dataclass(frozen=True)
class Pick:
    """A chosen picture.

    Attributes:
        picture: its place in ``Ratings.pictures``.
        ranks: mean rank of each model over those who ranked it.
        raters: how many did.
    """

    picture: int
    ranks: tuple[float, ...]
    raters: int


@dataclass(frozen=True)
class Galleries:
    """Two galleries about one model.

    Attributes:
        model: which.
        rule: how the pictures were chosen, in words.
        first: where its mean rank is lower than every other's.
        behind: where some other's is lower.
        first_count, behind_count, shared_count: of all ranked pictures; "shared" are those on which
            it shares the lowest mean rank, which are in neither gallery.
    """

    model: str
    rule: str
    first: tuple[Pick, ...]
    behind: tuple[Pick, ...]
    first_count: int
    behind_count: int
    shared_count: int


def choose_galleries(
    ratings: Ratings, *, model: str | None = None, each: int = 8, seed: int = 0
) -> Galleries | None:
    """Choose the pictures of both galleries.

    Where a picture was ranked by several people, the pictures with the lowest mean rank of the
    model come first in the one gallery and those with the highest in the other; equal ones by name.
    Where each was ranked once, almost all are equal, and both are drawn by a seeded generator.

    Args:
        ratings: of the people who count; only main trials are used.
        model: the model that the galleries are about; None: the one with the lowest mean rank.
        each: the most pictures in a gallery.
        seed: of the draw.

    Returns:
        None where nothing was ranked.

    Raises:
        UserError: there is no such model.
    """
    if model is not None and model not in ratings.models:
        raise UserError(
            f"there is no model {model!r} in this study.{nearest(model, ratings.models)} "
            f"It has {', '.join(ratings.models)}."
        )
    main = ratings.only("main")
    if not len(main):
        return None
    raters = np.bincount(main.picture, minlength=len(main.pictures))
    ranked = np.flatnonzero(raters)
    sums = np.zeros((len(main.pictures), len(main.models)))
    np.add.at(sums, main.picture, main.ranks)
    means = sums[ranked] / raters[ranked, None]
    about = int(np.argmin(main.ranks.mean(0))) if model is None else main.models.index(model)
    own, rivals = means[:, about], np.delete(means, about, axis=1).min(axis=1)
    # Means of a few halves: what differs by less than that is the arithmetic's.
    first, behind = own < rivals - 1e-9, own > rivals + 1e-9
    drawn = bool((raters[ranked] == 1).all())

    def picked(inside: NDArray[np.bool_], sign: int) -> tuple[Pick, ...]:
        places = np.flatnonzero(inside)
        if drawn:
            order = np.random.default_rng(seed).permutation(places).tolist()
        else:
            order = sorted(
                places.tolist(),
                key=lambda at: (round(sign * float(own[at]), 9), main.pictures[ranked[at]]),
            )
        return tuple(
            Pick(int(ranked[at]), tuple(means[at].tolist()), int(raters[ranked[at]]))
            for at in order[:each]
        )

    return Galleries(
        main.models[about],
        _rule(main.models[about], model is None, drawn, seed),
        picked(first, 1),
        picked(behind, -1),
        int(first.sum()),
        int(behind.sum()),
        int((~first & ~behind).sum()),
    )


def _rule(model: str, default: bool, drawn: bool, seed: int) -> str:
    about = f"{model}, the model with the lowest mean rank" if default else model
    if drawn:
        return (
            f"Both galleries are about {about}. Each picture was ranked by one person; of those on "
            "which it was ranked first alone, and of those on which another was ranked before it, "
            f"as many as are shown were drawn by a seeded generator (seed {seed})."
        )
    return (
        f"Both galleries are about {about}. A picture belongs to the first where its mean rank "
        "over people is lower than that of every other model, to the second where another's is "
        "lower. In the first those with its lowest mean rank are shown, in the second those with "
        "its highest; equal ones by name."
    )
