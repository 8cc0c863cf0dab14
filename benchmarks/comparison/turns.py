"""Timing in turn: every contender once a round, in an order that rotates from round to round."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Step = Callable[[], object]

LEAST = 0.02  # seconds that one reading should last: a shorter call is repeated
MOST_CALLS = 1000


@dataclass(frozen=True)
class Turns:
    """Seconds a call, round by round, and why a contender could not take part."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def in_turn(steps: Mapping[str, Step], rounds: int) -> Turns:
    """Warm every step up, then time each once a round.

    A step that raises while it warms up is left out, with the first line of what it said.
    """
    turns, calls = Turns(), {}
    for name, step in steps.items():
        try:
            step()  # it may compile
            calls[name] = _calls(_seconds(step, 1))
        except Exception as error:
            turns.refused[name] = reason(error)
        else:
            turns.seconds[name] = []
    names = list(turns.seconds)
    for number in range(rounds):
        first = number % max(len(names), 1)
        for name in names[first:] + names[:first]:
            turns.seconds[name].append(_seconds(steps[name], calls[name]))
    return turns


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and largest, to four digits.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0}
    """
    return {
        "median": four_digits(statistics.median(values)),
        "min": four_digits(min(values)),
        "max": four_digits(max(values)),
    }


def ratios(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Return the spread of the ratio round by round.

    >>> ratios([4.0, 9.0, 8.0], [2.0, 3.0, 2.0])
    {'median': 3.0, 'min': 2.0, 'max': 4.0}
    """
    return spread([a / b for a, b in zip(above, below, strict=True)])


def four_digits(value: float) -> float:
    """Return a number to four significant digits."""
    return float(f"{value:.4g}")


def reason(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _calls(seconds: float) -> int:
    return min(MOST_CALLS, max(1, math.ceil(LEAST / max(seconds, 1e-9))))


def _seconds(step: Step, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - start) / calls
