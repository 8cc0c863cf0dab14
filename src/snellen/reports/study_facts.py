"""What every part of a study's report reads from results.json: who judged, and pairs of models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snellen.reports import representation_scores
from snellen.reports.tables import digits_for, number, span

__all__ = [
    "Facts",
    "Pair",
    "as_shown",
    "drawn_with_people",
    "judges",
    "listed",
    "mean_ranks",
    "p_in_words",
    "pairs_of",
    "ranked_by_mean",
]

Facts = Mapping[str, Any]

_DIGITS = 2


def as_shown(results: Facts) -> Facts:
    """The results that a report shows: where the exclusion rule leaves nobody, those without it.

    Those by the rule are then in ``by_rule``.
    """
    without = results.get("without_exclusion")
    if not without or not without["findings"]["rankings"] or "by_rule" in results:
        return results
    told = {key: without[key] for key in ("findings", "galleries", "metric_agreement", "pictures")}
    return {**results, **told, "by_rule": results["findings"]}


def judges(results: Facts, count: int | None = None) -> str:
    """Who ranked: people, or the observers of a simulation; with their number where it is given.

    >>> judges({"simulated": False}, 1), judges({"simulated": True}, 20), judges({})
    ('1 person', '20 simulated observers', 'people')
    """
    one, many = "person", "people"
    if results.get("simulated"):
        one, many = "simulated observer", "simulated observers"
    return many if count is None else f"{count:,} {one if count == 1 else many}"


def drawn_with_people(findings: Facts) -> str:
    """What a two-way bootstrap draws beside people.

    >>> drawn_with_people({"photographs": 17}), drawn_with_people({"photographs": None})
    ('photographs', 'pictures')
    """
    return "photographs" if findings.get("photographs") else "pictures"


def p_in_words(p: float, alpha: float = 0.05) -> str:
    """A p value to the digits that it deserves, and never rounded across 0.05 or `alpha`.

    >>> p_in_words(0.0123), p_in_words(0.31), p_in_words(0.0498), p_in_words(0.0502)
    ('0.012', '0.31', '0.0498', '0.0502')
    >>> p_in_words(0.0996, alpha=0.1)
    '0.0996'
    """
    said, digits = representation_scores.p_in_words(p), 2
    while not said.startswith("<") and digits < 12:
        if all(_side(float(said), limit) == _side(p, limit) for limit in (0.05, alpha)):
            break
        digits += 1
        said = f"{p:.{digits}f}"
    return said


def _side(p: float, limit: float) -> int:
    """Below, at or above it; what is printed as the limit itself is neither."""
    return 0 if math.isclose(p, limit, abs_tol=1e-13) else 1 if p > limit else -1


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def ranked_by_mean(findings: Facts) -> list[str]:
    """The models, lowest mean rank first."""
    means = mean_ranks(findings)
    return sorted(means, key=lambda name: means[name])


def mean_ranks(findings: Facts) -> dict[str, float]:
    """The mean rank of each model; empty where nothing was ranked."""
    found = findings["ranks"]["models"]
    return {
        name: entry["mean_rank"]["value"]
        for name, entry in found.items()
        if entry["mean_rank"]["value"] is not None
    }


@dataclass(frozen=True)
class Pair:
    """Two models, the one with the lower mean rank first.

    Attributes:
        lead: by how much the mean rank of `better` is lower; not negative.
        low, high: limits of its interval; None: cannot be said.
        p: corrected by Holm for all pairs; None: cannot be said.
        decided: whether a difference was shown.
        alpha: p below it shows one.
    """

    better: str
    worse: str
    lead: float
    low: float | None
    high: float | None
    p: float | None
    decided: bool
    alpha: float = 0.05

    @property
    def exact(self) -> bool:
        """Whether all agree exactly on a lead: without any spread there is no interval."""
        return self.p is None and self.lead > 0

    @property
    def limits(self) -> str:
        """The interval as it is printed."""
        return span(self.low, self.high, self.digits)

    @property
    def correction(self) -> str:
        """What the correction decides, where the interval alone would say something else."""
        if self.decided or self.p is None or self.low is None or self.low <= 0:
            return ""
        return f", p {p_in_words(self.p, self.alpha)} after correction"

    @property
    def in_words(self) -> str:
        """The lead with its limits."""
        return f"{number(self.lead, self.digits)} {self.limits}".strip() + self.correction

    @property
    def digits(self) -> int:
        """How many the lead and its limits need."""
        if self.low is None or self.high is None:
            return _DIGITS
        return digits_for(self.low, self.high, _DIGITS)


def pairs_of(results: Facts) -> list[Pair]:
    """Every pair of models, turned so that the better one comes first."""
    found = []
    for entry in results["findings"]["differences"]:
        a, b, estimate = entry["a"], entry["b"], entry["estimate"]
        low, high, p = (_known(entry.get(key)) for key in ("low", "high", "p_holm"))
        alpha = 1 - results["level"]
        decided = p is not None and p < alpha
        if estimate > 0:
            found.append(Pair(b, a, estimate, low, high, p, decided, alpha))
        else:
            least, most = (None if limit is None else -limit for limit in (high, low))
            found.append(Pair(a, b, -estimate, least, most, p, decided, alpha))
    return found


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
