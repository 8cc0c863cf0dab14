"""A number with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = [
    "NOTHING_TO_COMPARE",
    "NO_RANKINGS",
    "NO_SPREAD",
    "ONE_PARTICIPANT",
    "ONE_PICTURE",
    "Estimate",
    "known",
]

NO_RANKINGS = "there are no rankings yet"
ONE_PARTICIPANT = "one participant: nothing can be said about other people"
NO_SPREAD = "all agree exactly: without any spread there is no interval"
NOTHING_TO_COMPARE = "there is nothing to compare"
ONE_PICTURE = "one picture: nothing can be said about other pictures"


@dataclass(frozen=True)
class Estimate:
    """A number, the limits of its confidence interval, and why any of them is missing.

    Attributes:
        value: None where it cannot be said; never NaN or infinite.
        low, high: None where no interval can be given.
        missing: the reason, in words that a report can print; empty where nothing is missing.

    >>> Estimate(0.5, 0.4, 0.6).as_dict()
    {'value': 0.5, 'low': 0.4, 'high': 0.6}
    >>> Estimate(0.5, missing=ONE_PICTURE).as_dict()["missing"]
    'one picture: nothing can be said about other pictures'
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    missing: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form in which results.json holds it."""
        found: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high}
        return found | ({"missing": self.missing} if self.missing else {})


def known(value: float) -> float | None:
    """A finite number as it is, any other as None.

    >>> known(1.5), known(float("nan"))
    (1.5, None)
    """
    return float(value) if math.isfinite(value) else None
