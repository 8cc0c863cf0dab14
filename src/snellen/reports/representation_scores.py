"""What results.json of ``snellen represent`` (format 1) holds, as tables and sentences ask for it.

Errors are as readers meet them: of a class column the share of wrong answers in percent, of a
number or a circular column the mean squared error in its unit squared. Lower is better throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

from snellen.reports.page import readable
from snellen.reports.tables import Measure, measures_in, number

__all__ = [
    "LEVEL",
    "Compared",
    "Facts",
    "Scores",
    "Target",
    "holm",
    "in_units",
    "known",
    "p_in_words",
    "significant_digits",
]

LEVEL = 0.05
"""Holm-adjusted p below this is called a difference."""

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """A column that codes are asked for, and how its error is written."""

    column: str
    kind: str
    unit: str
    measure: Measure

    @property
    def label(self) -> str:
        """The column's name, its control characters made visible."""
        return readable(self.column)

    @property
    def difference_unit(self) -> str:
        """What a difference of two errors is counted in."""
        return "points" if self.kind == "class" else self.measure.unit


@dataclass(frozen=True)
class Compared:
    """One comparison of two losses, later minus earlier; lower is better.

    Attributes:
        adjusted: Holm-adjusted p; None where there was one training per loss.
    """

    split: str
    column: str
    later: str
    earlier: str
    mean: float
    low: float | None
    high: float | None
    pairs: int
    adjusted: float | None

    @property
    def verdict(self) -> str:
        """Of the later loss: "better", "worse", "open" (not shown) or "unknown" (not tested)."""
        if self.adjusted is None:
            return "unknown"
        if self.adjusted >= LEVEL or self.mean == 0:
            return "open"
        return "better" if self.mean < 0 else "worse"

    @property
    def excludes_zero(self) -> bool:
        """Whether its own interval, taken alone, excludes zero."""
        if self.low is None or self.high is None:
            return False
        return self.low > 0 or self.high < 0


class Scores:
    """What results say of each split, method and column, at the first code size.

    >>> results = {
    ...     "methods": [{"name": "mse", "kind": "loss"}],
    ...     "data": {"columns": [{"name": "hour", "kind": "circular", "unit": "h"}]},
    ...     "splits": [{"name": "random", "targets": ["hour"]}],
    ...     "scores": [{"split": "random", "method": "mse", "column": "hour", "mean": 2.25}],
    ... }
    >>> scores = Scores(results)
    >>> [target.measure.heading for target in scores.targets("random")]
    ['hour (h²)']
    >>> scores.of("random", "mse", "hour")["mean"]
    2.25
    """

    def __init__(self, results: Facts) -> None:
        """Read `results`; what is missing in it is empty here."""
        self.results = results
        self.methods: dict[str, str] = {m["name"]: m["kind"] for m in results["methods"]}
        self.losses = [name for name, kind in self.methods.items() if kind == "loss"]
        self.splits: dict[str, Facts] = {s["name"]: s for s in results.get("splits") or []}
        sizes = results.get("code_sizes") or [None]
        self.code_size: int | None = sizes[0]
        self.sizes = [size for size in sizes if size is not None]
        columns = (results.get("data") or {}).get("columns") or []
        self.columns: dict[str, Facts] = {c["name"]: c for c in columns}
        self._scores: dict[tuple[Any, ...], Facts] = {
            (s["split"], s.get("code_size") or self.code_size, s["method"], s["column"]): s
            for s in results.get("scores") or []
        }

    def of(self, split: str, method: str, column: str, size: int | None = None) -> Facts:
        """One entry of the scores; empty where there is none."""
        return self._scores.get((split, size or self.code_size, method, column), {})

    def targets(self, split: str) -> list[Target]:
        """The columns of a split for which some loss has a score."""
        found = [
            self.target(column, [self.of(split, loss, column).get("mean") for loss in self.losses])
            for column in self.splits[split].get("targets") or []
        ]
        return [
            target
            for target in found
            if measures_in(self._table(split, [target])["losses"], [target.measure])
        ]

    def target(self, column: str, means: Sequence[float | None] = ()) -> Target:
        """How errors of `column` are written; of `means` the lowest has three digits."""
        entry = self.columns.get(column, {})
        kind, unit = entry.get("kind", "class"), entry.get("unit") or ""
        if kind == "class":
            return Target(column, kind, "", Measure(column, readable(column), "%", False, 1, 100.0))
        least = min((m for m in means if known(m) and m > 0), default=None)
        digits = 2 if least is None else significant_digits(least)
        measure = Measure(column, readable(column), _squared(unit), False, digits)
        return Target(column, kind, unit, measure)

    def chance(self, split: str, column: str) -> float | None:
        """What an answer that looks at nothing scores; None where it is not known."""
        found = (self.of(split, method, column).get("chance") for method in self.methods)
        return next((value for value in found if known(value)), None)

    @property
    def first_title(self) -> str:
        """How the first split is called; empty where there is none."""
        first = next(iter(self.splits), None)
        return "" if first is None else readable(self.splits[first].get("title") or first)

    @cached_property
    def compared(self) -> list[Compared]:
        """Each loss against the first, on all splits and columns: the comparisons of the page.

        Holm's correction (1979) is over all of them.
        """
        first = self.losses[0]
        return _tested([c for c in self._comparisons() if c["earlier"] == first])

    @cached_property
    def pairs(self) -> list[Compared]:
        """Each loss against each earlier one; Holm's correction is over all of them."""
        return _tested(self._comparisons())

    def against_first(self, split: str, loss: str) -> list[Compared]:
        """The comparisons of one loss with the first on one split, by the order of its targets."""
        found = {c.column: c for c in self.compared if (c.split, c.later) == (split, loss)}
        return [found[t.column] for t in self.targets(split) if t.column in found]

    def _comparisons(self) -> list[Facts]:
        shown = {(name, t.column) for name in self.splits for t in self.targets(name)}
        return [
            c
            for c in self.results.get("comparisons") or []
            if (c["split"], c["column"]) in shown
            and (c.get("code_size") or self.code_size) == self.code_size
            and {c["later"], c["earlier"]} <= set(self.losses)
            and known(c.get("mean"))
        ]

    def _table(self, split: str, targets: Sequence[Target]) -> dict[str, Any]:
        """The losses' scores in the form that the tables of other reports take."""
        entries = {
            loss: {t.column: {"mean": None, **self.of(split, loss, t.column)} for t in targets}
            for loss in self.losses
        }
        return {"losses": entries}

    def table(self, split: str, targets: Sequence[Target]) -> dict[str, Any]:
        """Scores, differences from the first, and of all pairs those that Holm's test decides."""
        decided: dict[str, dict[str, dict[str, Any]]] = {}
        for c in self.pairs:
            if c.split == split and c.verdict in ("better", "worse"):
                row = decided.setdefault(c.later, {}).setdefault(c.earlier, {})
                row[c.column] = _as_interval(c)
        return {**self._table(split, targets), "comparisons": decided}

    def difference_table(self, split: str, targets: Sequence[Target]) -> dict[str, Any]:
        """Scores and all differences from the first, decided or not."""
        differences = {
            loss: {c.column: _as_interval(c) for c in found}
            for loss in self.losses[1:]
            if (found := self.against_first(split, loss))
        }
        return {**self._table(split, targets), "differences": differences}


def _as_interval(found: Compared) -> dict[str, float | None]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _tested(found: Sequence[Facts]) -> list[Compared]:
    """Comparisons with Holm's p over all of `found` that were tested."""
    tested = [c for c in found if known(c.get("p"))]
    adjusted = dict(zip(map(id, tested), holm([c["p"] for c in tested]), strict=True))
    return [
        Compared(
            c["split"],
            c["column"],
            c["later"],
            c["earlier"],
            c["mean"],
            c.get("low"),
            c.get("high"),
            c.get("pairs") or 1,
            adjusted.get(id(c)),
        )
        for c in found
    ]


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p values for their number: Holm's step-down correction (1979).

    >>> [round(value, 3) for value in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = largest
    return adjusted


def p_in_words(p: float) -> str:
    """A p value to the digits that it deserves.

    >>> p_in_words(0.0123), p_in_words(0.31), p_in_words(0.00002), p_in_words(1)
    ('0.012', '0.31', '< 0.001', '1')
    """
    if p < 0.001:
        return "< 0.001"
    return "1" if p >= 0.995 else f"{p:.3f}" if p < 0.095 else f"{p:.2f}"


def in_units(value: float | None, target: Target) -> str:
    """An error as a sentence prints it: ``2.1 %``, ``210 °²``."""
    shown = number(None if value is None else value * target.measure.scale, target.measure.digits)
    return f"{shown} {target.measure.unit}" if target.measure.unit and known(value) else shown


def significant_digits(value: float, count: int = 3) -> int:
    """How many decimals show `count` digits of a positive value, 9 at most.

    >>> significant_digits(277.46), significant_digits(51.4), significant_digits(0.0123)
    (0, 1, 4)
    """
    if not math.isfinite(value) or value <= 0:
        return 0
    return max(0, min(9, count - 1 - math.floor(math.log10(value))))


def known(value: object) -> TypeGuard[float]:
    """Whether there is a finite number; what is not known is null in results.json."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _squared(unit: str) -> str:
    """The unit of a squared error.

    >>> _squared("°"), _squared("m/s"), _squared("")
    ('°²', '(m/s)²', '')
    """
    unit = readable(unit)
    if not unit:
        return ""
    return f"{unit}²" if unit == "°" or unit.isalpha() else f"({unit})²"
