"""How often one model was ranked before another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snellen.study.ratings import Ratings
from snellen.study.statistics.estimates import Estimate
from snellen.study.statistics.resampling import Bootstrap, clusters_of, ratio_estimates

__all__ = ["WinRate", "win_rates"]


@dataclass(frozen=True)
class WinRate:
    """How `a` did against `b`.

    Attributes:
        a, b: names of models; `a` comes first in the study's order.
        wins, ties, losses: rankings with `a` before, beside and behind `b`.
        rate: (wins + ties/2) / rankings, with an interval; above ½ `a` was preferred.
    """

    a: str
    b: str
    wins: int
    ties: int
    losses: int
    rate: Estimate

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        return {
            "a": self.a,
            "b": self.b,
            "wins": self.wins,
            "ties": self.ties,
            "losses": self.losses,
            "rate": self.rate.as_dict(),
        }


def win_rates(ratings: Ratings, bootstrap: Bootstrap) -> list[WinRate]:
    """Compare every two models in the main trials; ties count half."""
    main = ratings.only("main")
    first, second = np.triu_indices(len(main.models), 1)
    ahead = np.sign(main.ranks[:, second] - main.ranks[:, first])
    rates = ratio_estimates(
        (ahead + 1) / 2, np.ones((len(main), 1)), clusters_of(main), bootstrap, (0.0, 1.0)
    )
    return [
        WinRate(
            a=main.models[a],
            b=main.models[b],
            wins=int((column > 0).sum()),
            ties=int((column == 0).sum()),
            losses=int((column < 0).sum()),
            rate=rate,
        )
        for a, b, column, rate in zip(first, second, ahead.T, rates, strict=True)
    ]
