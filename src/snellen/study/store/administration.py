"""What the study's owner sees and does. Nothing is told about the result here."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from snellen.study.store.opening import connect
from snellen.study.store.refusals import Refused
from snellen.study.store.settings import setting, write_event, write_setting

__all__ = [
    "REFUSALS",
    "STATES",
    "count_refusal",
    "may_see_result",
    "note_result_seen",
    "people_in_the_middle",
    "progress",
    "refusals",
    "refuse_purged",
    "reopening_is_reported",
    "set_state",
    "set_state_of",
    "time_in_words",
    "unlock",
]

STATES = ("open", "paused", "closed")

REFUSALS = ("consent", "screen")
"""Why somebody does not take part: by their own will, or because the window is too small."""

_SEEN = "result_seen_at"


def set_state(connection: sqlite3.Connection, state: str, now: float) -> None:
    """Open, pause or close the study; that is noted, as is opening it after its result was seen.

    Raises:
        Refused: "state", there is no such one, or who took part was forgotten.
    """
    if state not in STATES:
        raise Refused("state", f"A study is {', '.join(STATES)}; got {state!r:.40}.")
    if setting(connection, "state") == state:
        return
    refuse_purged(connection)
    write_setting(connection, "state", state)
    write_event(connection, now, state)
    if state != "closed" and reopening_is_reported(connection):
        unlock(connection, now, "opened after its result was seen")


def refuse_purged(connection: sqlite3.Connection) -> None:
    """A study whose participants were forgotten stays closed.

    Raises:
        Refused: "state".
    """
    if setting(connection, "purged_at") is not None:
        raise Refused(
            "state",
            "Who took part in this study was forgotten, so nobody could be kept from taking part"
            " twice: make another one.",
        )


def reopening_is_reported(connection: sqlite3.Connection) -> bool:
    """Whether to open the study now would be reported for ever: its result was seen meanwhile."""
    seen, unlocked = setting(connection, _SEEN), setting(connection, "unlocked_at")
    return seen is not None and unlocked is None


def set_state_of(database: Path, state: str, now: float | None = None) -> str | None:
    """Open, pause or close a study from outside of its server, which may run meanwhile.

    Args:
        database: of the study.
        state: see `set_state`.
        now: seconds since 1970; None: as the clock says.

    Returns:
        What it was before.

    Raises:
        Refused: see `set_state`.
        UserError: see `snellen.study.store.opening.connect`.
    """
    with closing(connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        before = setting(connection, "state")
        set_state(connection, state, time.time() if now is None else now)
        connection.execute("COMMIT")
    return before


def people_in_the_middle(connection: sqlite3.Connection) -> int:
    """How many have begun and not finished, whether or not their place is still theirs."""
    (count,) = connection.execute(
        "SELECT count(*) FROM session WHERE state IN ('active', 'expired')"
    ).fetchone()
    return int(count)


def unlock(connection: sqlite3.Connection, now: float, detail: str = "") -> None:
    """Let the result be seen while the study runs. It is noted, and cannot be undone."""
    if setting(connection, "unlocked_at") is None:
        write_setting(connection, "unlocked_at", repr(now))
        write_event(connection, now, "unlocked", detail)


def may_see_result(connection: sqlite3.Connection) -> None:
    """Refuse the result of a study that runs, unless it was unlocked.

    Raises:
        Refused: "locked".
    """
    if setting(connection, "state") != "closed" and setting(connection, "unlocked_at") is None:
        raise Refused(
            "locked",
            "The result can be seen when the study is closed. Looking earlier tempts one to stop"
            " when it pleases; `unlock` allows it, and is noted in every export.",
        )


def note_result_seen(connection: sqlite3.Connection, now: float, how: str) -> None:
    """Note that somebody looked, the first time for each way of looking."""
    seen = connection.execute(
        "SELECT 1 FROM event WHERE what = 'result seen' AND detail = ?", (how,)
    ).fetchone()
    if seen is None:
        write_event(connection, now, "result seen", how)
        write_setting(connection, _SEEN, repr(now))


def count_refusal(connection: sqlite3.Connection, why: str) -> None:
    """Count somebody who does not take part. Nothing is kept of who that is, or when it was."""
    write_setting(connection, f"refused_{why}", str(refusals(connection)[why] + 1))


def refusals(connection: sqlite3.Connection) -> dict[str, int]:
    """How many do not take part, as far as their browsers said so, by `REFUSALS`."""
    return {why: int(setting(connection, f"refused_{why}") or 0) for why in REFUSALS}


def progress(connection: sqlite3.Connection, now: float) -> dict[str, Any]:
    """How far the study is, for the admin page: no ranks of any model are in it.

    Returns:
        state, frozen, unlocked, simulated, completed, active, expired, withdrawn, refused (see
        `refusals`), sessions (a list, in order), events (the newest first).
    """
    sessions = _sessions(connection, now)
    counts = {
        state: sum(each["state"] == state for each in sessions)
        for state in ("completed", "active", "expired", "withdrawn")
    }
    events = connection.execute(
        "SELECT at, what, detail FROM event ORDER BY id DESC LIMIT 200"
    ).fetchall()
    return {
        "state": setting(connection, "state"),
        "frozen": time_in_words(setting(connection, "frozen_at")),
        "unlocked": time_in_words(setting(connection, "unlocked_at")),
        "simulated": setting(connection, "simulated") == "1",
        **counts,
        "refused": refusals(connection),
        "sessions": sessions,
        "events": [
            {"at": time_in_words(at), "what": what, "detail": detail} for at, what, detail in events
        ],
    }


def _sessions(connection: sqlite3.Connection, now: float) -> list[dict[str, Any]]:
    trials = dict(connection.execute("SELECT session, count(*) FROM trial GROUP BY session"))
    answered = {
        session: (count, last, blurs)
        for session, count, last, blurs in connection.execute(
            "SELECT session, count(*), max(received_at),"
            " sum(CASE WHEN json_type(environment, '$.blurs') IN ('integer', 'real')"
            " THEN json_extract(environment, '$.blurs') ELSE 0 END)"
            " FROM answer GROUP BY session"
        )
    }
    found = []
    for session, number, state, simulated, created, lease in connection.execute(
        "SELECT id, number, state, simulated, created_at, lease_until FROM session ORDER BY number"
    ):
        count, last, blurs = answered.get(session, (0, None, 0))
        found.append(
            {
                "name": f"P{number:04d}",
                "state": "expired" if state == "active" and lease <= now else state,
                "simulated": bool(simulated),
                "answered": count,
                "total": trials.get(session, 0),
                "started": time_in_words(created),
                "last": time_in_words(last),
                "blurs": int(blurs),
            }
        )
    return found


def passed_catch(shown: list[int], ranks: list[int]) -> bool:
    """Whether the original, and it alone, was ranked first.

    >>> passed_catch([0, -1, 2], [2, 1, 3]), passed_catch([0, -1, 2], [1, 1, 2])
    (True, False)
    """
    return ranks[shown.index(-1)] == 1 and ranks.count(1) == 1


def time_in_words(at: float | str | None) -> str | None:
    """Seconds since 1970, or what `setting` holds of them, as people read it; in UTC.

    >>> time_in_words("0.0")
    '1970-01-01T00:00:00+00:00'
    """
    if at is None:
        return None
    return datetime.fromtimestamp(float(at), UTC).isoformat(timespec="seconds")
