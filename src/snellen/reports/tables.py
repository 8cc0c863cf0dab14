"""Numbers as readers meet them: measures, their digits and signs, and the tables of a report.

Everything here takes parts of results.json (format 1) and returns plain values for the templates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "MEASURES",
    "Cell",
    "Change",
    "Measure",
    "Row",
    "change_rows",
    "duration",
    "measures_in",
    "number",
    "octave_rows",
    "score_rows",
    "signed",
    "span",
]

Results = Mapping[str, Any]

_NOISE = 1e-9  # of the arithmetic: no digits are spent on it


@dataclass(frozen=True)
class Measure:
    """A measure: its key in results.json, how it is written, which direction is better.

    `limits` are the least and the greatest value that it can have.
    """

    key: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int
    scale: float = 1.0
    scale_label: str = ""
    limits: tuple[float, float] = (-math.inf, math.inf)

    @property
    def heading(self) -> str:
        """The label with its unit or scale: ``PSNR (dB)``.

        >>> MEASURES[0].heading
        'PSNR (dB)'
        """
        note = self.unit or self.scale_label
        return f"{self.label} ({note})" if note else self.label


MEASURES = (
    Measure("psnr", "PSNR", "dB", True, 2),
    Measure("ssim", "SSIM", "", True, 3, limits=(-1, 1)),
    Measure("ms_ssim", "MS-SSIM", "", True, 3, limits=(-1, 1)),
    Measure("edge_f", "Edges F", "", True, 3, limits=(0, 1)),
    Measure("mse", "MSE", "", False, 2, 1000.0, "×10⁻³"),
    Measure("mae", "MAE", "", False, 2, 100.0, "×10⁻²"),
)
"""The measures of a report, in the order of its tables."""


def measures_in(
    losses: Mapping[str, Mapping[str, Any]], among: Sequence[Measure] = MEASURES
) -> list[Measure]:
    """The measures, `among` these, that every loss of results.json has, some with a known mean.

    What was infinite is null in results.json; such a value is shown as a dash.
    """
    return [
        measure
        for measure in among
        if all(isinstance(found.get(measure.key), Mapping) for found in losses.values())
        and any(_known(found[measure.key].get("mean")) for found in losses.values())
    ]


def number(value: float | None, digits: int) -> str:
    """A number with a true minus sign; infinite and missing values are written as such.

    >>> number(-0.5, 2), number(float("inf"), 2), number(-0.0001, 2), number(None, 1)
    ('−0.50', '∞', '0.00', '—')
    """
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def signed(value: float | None, digits: int) -> str:
    """Like `number`, with a plus sign before what is above zero.

    >>> signed(0.02, 3), signed(-0.02, 3), signed(0.0, 1)
    ('+0.020', '−0.020', '0.0')
    """
    text = number(value, digits)
    positive = value is not None and value > 0 and text.strip("0.") != ""
    return f"+{text}" if positive else text


def span(low: float | None, high: float | None, digits: int) -> str:
    """The limits of an interval: ``[0.015, 0.026]``; nothing where neither is known.

    >>> span(-0.1, 0.25, 1), span(None, None, 1)
    ('[−0.1, 0.2]', '')
    """
    if not (_known(low) or _known(high)):
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(8.24), duration(252), duration(7320)
    ('8.2 s', '4 min 12 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True)
class Cell:
    """One entry of the table of scores; `mark` is "", "best" or "tied"."""

    value: str
    limits: str
    mark: str


@dataclass(frozen=True)
class Row:
    """The scores of one loss."""

    loss: str
    index: int
    cells: list[Cell]
    seconds: str


def score_rows(results: Results, among: Sequence[Measure] = MEASURES) -> list[Row]:
    """One row for each loss: mean, interval, and whether it is the best of its column.

    "best" is the best mean of its column where the paired interval between it and every other loss
    excludes zero. It is "tied" where one of them includes zero or is not in the results: those
    against the first loss are ``differences``, those between two others ``comparisons``.
    """
    losses = results["losses"]
    measures = measures_in(losses, among)
    marks = {measure.key: _best(results, measure) for measure in measures}
    rows = []
    for index, (name, found) in enumerate(losses.items()):
        cells = []
        for measure in measures:
            entry = found[measure.key]
            best, mark = marks[measure.key]
            cells.append(
                Cell(
                    number(_times(entry.get("mean"), measure.scale), measure.digits),
                    span(
                        _times(entry.get("low"), measure.scale),
                        _times(entry.get("high"), measure.scale),
                        measure.digits,
                    ),
                    mark if name == best else "",
                )
            )
        seconds = found.get("train_seconds")
        rows.append(Row(name, index, cells, duration(seconds) if seconds is not None else "—"))
    return rows


def _best(results: Results, measure: Measure) -> tuple[str, str]:
    losses = results["losses"]
    sign = 1 if measure.higher_is_better else -1
    if len(losses) < 2:
        return "", ""
    best = max(losses, key=lambda name: _or_worst(losses[name][measure.key].get("mean"), sign))
    separated = all(
        _compared(results, best, name, measure.key) == sign for name in losses if name != best
    )
    return best, "best" if separated else "tied"


def _compared(results: Results, name: str, other: str, key: str) -> int:
    """Sign of `name` minus `other` in a measure; 0 where it is open or was not computed."""
    first = next(iter(results["losses"]))
    pairs = results.get("comparisons") or {}
    against = {(loss, first): found for loss, found in (results.get("differences") or {}).items()}
    against |= {(loss, rival): found for loss, row in pairs.items() for rival, found in row.items()}
    if (name, other) in against:
        return decided(against[name, other].get(key))
    return -decided(against.get((other, name), {}).get(key))


def decided(entry: Mapping[str, float] | None) -> int:
    """Sign of a difference whose interval excludes zero, else 0.

    >>> decided({"mean": 1, "low": 0.5, "high": 2}), decided({"mean": 1, "low": -1, "high": 2})
    (1, 0)
    """
    if not _is_interval(entry):
        return 0
    assert entry is not None  # noqa: S101 - for the type checker; _is_interval has looked
    return int(entry["low"] > 0) - int(entry["high"] < 0)


@dataclass(frozen=True)
class Change:
    """One paired difference, with a bar from `low` to `high` drawn on a scale of 0 to 100.

    `verdict` is "better", "worse", "open" (the interval includes zero) or "unknown".
    """

    value: str
    limits: str
    verdict: str
    bar_low: float
    bar_high: float
    bar_mean: float


@dataclass(frozen=True)
class ChangeRow:
    """The differences of one loss from the first."""

    loss: str
    index: int
    changes: list[Change]


def change_rows(results: Results, among: Sequence[Measure] = MEASURES) -> list[ChangeRow]:
    """One row for each loss but the first: paired differences from the first, per measure.

    The bars of one measure share their scale, zero at its middle, so that losses can be compared
    down a column.
    """
    differences = results.get("differences") or {}
    measures = measures_in(results["losses"], among)
    names = list(results["losses"])
    reach = {
        measure.key: _reach(found.get(measure.key) for found in differences.values())
        for measure in measures
    }
    return [
        ChangeRow(
            name,
            names.index(name) if name in names else 0,
            [_change(found.get(measure.key), measure, reach[measure.key]) for measure in measures],
        )
        for name, found in differences.items()
    ]


def _change(entry: Mapping[str, float] | None, measure: Measure, reach: float) -> Change:
    if not _is_interval(entry):
        return Change("—", "", "unknown", 50, 50, 50)
    assert entry is not None  # noqa: S101 - for the type checker; _is_interval has looked
    low, mean, high = (entry[key] * measure.scale for key in ("low", "mean", "high"))
    digits = digits_for(low, high, measure.digits)
    sign = decided(entry)
    verdict = (
        "open" if sign == 0 else "better" if (sign > 0) == measure.higher_is_better else "worse"
    )
    places = [_place(value, reach * measure.scale) for value in (low, high, mean)]
    return Change(signed(mean, digits), span(low, high, digits), verdict, *places)


def digits_for(low: float, high: float, digits: int) -> int:
    """More digits where the usual ones do not do for an interval.

    Up to two more where it is too narrow to be read, and as many as it takes to tell its limits
    from zero where it excludes zero (by more than rounding does).

    >>> digits_for(0.1, 0.111, 3), digits_for(0.1, 0.1006, 3), digits_for(0.1, 0.1, 3)
    (3, 4, 3)
    >>> digits_for(0.0002, 0.015, 3), digits_for(-0.015, 0.0, 3)
    (4, 3)
    """
    width = high - low
    if not math.isfinite(width):
        return digits
    most = digits + 2
    while digits < most and 0 < width < 3 * 10.0**-digits:
        digits += 1
    nearest = max(low, -high)  # above zero only where the interval excludes it
    while nearest > _NOISE and float(f"{nearest:.{digits}f}") == 0:
        digits += 1
    return digits


def _reach(entries: Iterable[Mapping[str, float] | None]) -> float:
    """The largest finite distance from zero that any interval reaches."""
    ends = [
        abs(entry[key])
        for entry in entries
        if entry is not None and _is_interval(entry)
        for key in ("low", "high")
        if math.isfinite(entry[key])
    ]
    return max(ends, default=0.0)


def _place(value: float, reach: float) -> float:
    if reach == 0 or math.isnan(value):
        return 50.0
    return round(50 + 48 * max(-1.0, min(1.0, value / reach)), 2)


@dataclass(frozen=True)
class OctaveRow:
    """The error of one loss in each octave, the finest first: texts, and which are the lowest."""

    loss: str
    index: int
    cells: list[Cell]


def octave_rows(results: Results) -> tuple[list[str], list[OctaveRow]]:
    """The bands (cycles per pixel) and one row for each loss; empty where nothing was measured."""
    losses = results["losses"]
    if not all(found.get("octaves") for found in losses.values()):
        return [], []
    bands = [entry["band"] for entry in next(iter(losses.values()))["octaves"]]
    lowest = [
        max(
            _or_worst(found["octaves"][place]["error"].get("mean"), -1) for found in losses.values()
        )
        for place in range(len(bands))
    ]
    rows = []
    for index, (name, found) in enumerate(losses.items()):
        cells = []
        for place, entry in enumerate(found["octaves"]):
            error = entry["error"]
            mean = error.get("mean")
            best = len(losses) > 1 and _known(mean) and -mean == lowest[place]
            limits = span(error.get("low"), error.get("high"), 2)
            cells.append(Cell(number(mean, 2), limits, "best" if best else ""))
        rows.append(OctaveRow(name, index, cells))
    return bands, rows


def _is_interval(entry: object) -> bool:
    return isinstance(entry, Mapping) and all(
        _known(entry.get(key)) for key in ("mean", "low", "high")
    )


def _known(value: object) -> bool:
    """Whether there is a number, which may be infinite; where not, results.json has null."""
    return isinstance(value, int | float) and not math.isnan(value)


def _times(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _or_worst(value: float | None, sign: int) -> float:
    """`value` so that higher is better, and below everything where it is not known."""
    return sign * value if value is not None and _known(value) else -math.inf
