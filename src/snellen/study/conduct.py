"""How a study went, from its database: when, on which screens, who came and who did not finish.

Nothing here tells one participant from another: counts, dates and extremes only.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any

from snellen.study.fitting import LONGEST
from snellen.study.interim import looks_before_closing

__all__ = ["how_it_went", "iso"]

_SCREENS = 6  # kinds that a report lists; the rest is counted
_EVENTS = 200


def how_it_went(connection: sqlite3.Connection) -> dict[str, Any]:
    """Read what a report says of the study's course.

    Args:
        connection: to a study's database, of the tables in `store/schema.sql`.

    Returns:
        As JSON holds it; dates are ISO 8601 in UTC, None where there is none:

        - ``state``, ``frozen_at``, ``unlocked_at``, ``simulated``: what the settings say;
        - ``first``, ``last``: the first consent and the last answer;
        - ``looks_before_closing``: see `snellen.study.interim`;
        - ``minutes``: of completed ``sessions`` of people, from the consent to the last answer: the
          ``median``, the ``longest``, and how many were ``over_30``; None where there are none;
        - ``refused``: who did not take part, as far as their browsers said so: ``consent`` counts
          those who did not agree, ``screen`` those whose window was too small;
        - ``sessions``: how many there are in each state, and ``simulated`` ones among them;
        - ``screens``: the most frequent ones, ``other_screens`` counts those that are not listed;
        - ``magnify``, ``pixel_ratio``: how many answers were given at each value;
        - ``windows``: the least and the greatest width of the window, in CSS pixels;
        - ``blurred``: answers during which the page was left; ``inexact``: before which a picture's
          pixels did not cover whole pixels of the screen; ``answers``: all there are;
        - ``events``: what the administrator did. Who withdrew, and when, is not among them.

    >>> from importlib.resources import files
    >>> connection = sqlite3.connect(":memory:")
    >>> schema = files("snellen.study.store") / "schema.sql"
    >>> _ = connection.executescript(schema.read_text(encoding="utf-8"))
    >>> how_it_went(connection)["sessions"]
    {'completed': 0, 'active': 0, 'expired': 0, 'withdrawn': 0}
    >>> connection.close()
    """
    settings = dict(connection.execute("SELECT name, value FROM setting"))
    first, last = (
        connection.execute(query).fetchone()[0]
        for query in (
            "SELECT min(created_at) FROM session",
            "SELECT max(received_at) FROM answer",
        )
    )
    states = dict.fromkeys(("completed", "active", "expired", "withdrawn"), 0)
    states |= dict(connection.execute("SELECT state, count(*) FROM session GROUP BY state"))
    simulated = connection.execute("SELECT count(*) FROM session WHERE simulated").fetchone()[0]
    return {
        "state": settings.get("state", "open"),
        "frozen_at": iso(settings.get("frozen_at")),
        "unlocked_at": iso(settings.get("unlocked_at")),
        "simulated": bool(simulated) or settings.get("simulated") == "1",
        "simulated_sessions": simulated,
        "first": iso(first),
        "last": iso(last),
        "looks_before_closing": looks_before_closing(connection),
        "minutes": _minutes(connection),
        "refused": {why: _count(settings.get(f"refused_{why}")) for why in ("consent", "screen")},
        "sessions": states,
        **_screens(_objects(connection, "SELECT screen FROM session WHERE state != 'withdrawn'")),
        **_environments(_objects(connection, "SELECT environment FROM answer")),
        "events": [
            {"at": iso(at), "what": what, "detail": detail}
            for at, what, detail in connection.execute(
                "SELECT at, what, detail FROM event WHERE what != 'withdrawn'"
                " ORDER BY id DESC LIMIT ?",
                (_EVENTS,),
            )
        ][::-1],
    }


def _minutes(connection: sqlite3.Connection) -> dict[str, Any] | None:
    """How long completed sessions were; simulated ones take no time."""
    found = [
        (completed - created) / 60
        for created, completed in connection.execute(
            "SELECT created_at, completed_at FROM session"
            " WHERE state = 'completed' AND NOT simulated AND completed_at IS NOT NULL"
        )
    ]
    if not found:
        return None
    return {
        "sessions": len(found),
        "median": round(median(found), 2),
        "longest": round(max(found), 2),
        "over_30": sum(each > LONGEST for each in found),
    }


def iso(seconds: float | str | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC; None, and what is no number, as None.

    >>> iso(0), iso("1.5"), iso(None), iso("soon")
    ('1970-01-01T00:00:00+00:00', '1970-01-01T00:00:01+00:00', None, None)
    """
    try:
        found = datetime.fromtimestamp(float(seconds), tz=UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return found.isoformat(timespec="seconds")


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def _objects(connection: sqlite3.Connection, query: str) -> Iterable[Mapping[str, Any]]:
    """The JSON objects of a column; what browsers sent is trusted in nothing else."""
    for (text,) in connection.execute(query):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        yield found if isinstance(found, dict) else {}


def _screens(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    keys = ("screen_width", "screen_height", "pixel_ratio")
    counts = Counter(tuple(_number(each.get(key)) for key in keys) for each in found)
    known = [(screen, count) for screen, count in counts.most_common() if None not in screen]
    return {
        "screens": [
            {"width": width, "height": height, "pixel_ratio": ratio, "count": count}
            for (width, height, ratio), count in known[:_SCREENS]
        ],
        "other_screens": sum(count for _, count in known[_SCREENS:]),
    }


def _environments(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    magnify: Counter[str] = Counter()
    ratios: Counter[str] = Counter()
    widths: list[float] = []
    blurred = inexact = answers = 0
    for each in found:
        answers += 1
        for key, counter in (("magnify", magnify), ("pixel_ratio", ratios)):
            if (value := _number(each.get(key))) is not None:
                counter[f"{value:g}"] += 1
        window = each.get("window")
        if isinstance(window, list) and window and (width := _number(window[0])) is not None:
            widths.append(width)
        inexact += each.get("exact") is False
        blurred += bool(_number(each.get("blurs")) or _number(each.get("hidden_ms")))
    return {
        "answers": answers,
        "magnify": dict(sorted(magnify.items(), key=lambda item: float(item[0]))),
        "pixel_ratio": dict(sorted(ratios.items(), key=lambda item: float(item[0]))),
        "windows": [min(widths), max(widths)] if widths else None,
        "blurred": blurred,
        "inexact": inexact,
    }


def _number(value: object) -> float | None:
    """A finite number of a plausible size; anything else is not known."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e6 else None
