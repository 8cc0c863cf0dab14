"""What the study's owner sees and does. Nothing is told about the result here."""

from __future__ import annotations

import json
import sqlite3
import statistics
from datetime import UTC, datetime
from typing import Any

from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import setting, write_event, write_setting

__all__ = ["STATES", "may_see_result", "note_result_seen", "progress", "set_state", "unlock"]

STATES = ("open", "paused", "closed")

_SEEN = "result_seen_at"


def set_state(connection: sqlite3.Connection, state: str, now: float) -> None:
    """Open, pause or close the study; that is noted, as is opening it after its result was seen.

    Raises:
        Refused: "state", there is no such one.
    """
    if state not in STATES:
        raise Refused("state", f"A study is {', '.join(STATES)}; got {state!r:.40}.")
    if setting(connection, "state") == state:
        return
    write_setting(connection, "state", state)
    write_event(connection, now, state)
    if state != "closed" and setting(connection, _SEEN) and not setting(connection, "unlocked_at"):
        unlock(connection, now, "opened after its result was seen")


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
    write_event_once = connection.execute(
        "SELECT 1 FROM event WHERE what = 'result seen' AND detail = ?", (how,)
    ).fetchone()
    if write_event_once is None:
        write_event(connection, now, "result seen", how)
        write_setting(connection, _SEEN, repr(now))


def progress(connection: sqlite3.Connection, now: float) -> dict[str, Any]:
    """How far the study is, for the admin page: no ranks of any model are in it.

    Returns:
        state, frozen, unlocked, simulated, completed, active, expired, withdrawn, sessions (a list,
        in order), events (the newest first).
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
        "frozen": _time(setting(connection, "frozen_at")),
        "unlocked": _time(setting(connection, "unlocked_at")),
        "simulated": setting(connection, "simulated") == "1",
        **counts,
        "sessions": sessions,
        "events": [
            {"at": _time(at), "what": what, "detail": detail} for at, what, detail in events
        ],
    }


def _sessions(connection: sqlite3.Connection, now: float) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT id, number, state, simulated, created_at, lease_until,"
        " (SELECT count(*) FROM trial WHERE trial.session = session.id)"
        " FROM session ORDER BY number"
    ).fetchall()
    found: dict[str, dict[str, Any]] = {}
    seconds: dict[str, list[float]] = {}
    for session, number, state, simulated, created, lease, total in rows:
        lapsed = state == "active" and lease <= now
        seconds[session] = []
        found[session] = {
            "name": f"P{number:04d}",
            "state": "expired" if lapsed else state,
            "simulated": bool(simulated),
            "answered": 0,
            "total": total,
            "started": _time(created),
            "last": None,
            "median_seconds": None,
            "catch_failed": 0,
            "catch_seen": 0,
            "retest": None,
            "blurs": 0,
        }
    for session, kind, shown, ranks, received, onset, submit, environment in connection.execute(
        "SELECT answer.session, kind, shown, ranks, received_at, shown_ms, submit_ms, environment"
        " FROM answer JOIN trial ON trial.session = answer.session"
        " AND trial.number = answer.trial"
    ):
        entry = found[session]
        entry["answered"] += 1
        entry["last"] = max(entry["last"] or "", _time(received) or "")
        blurs = json.loads(environment).get("blurs")
        if isinstance(blurs, int | float):
            entry["blurs"] += int(blurs)
        if kind == "catch":
            entry["catch_seen"] += 1
            entry["catch_failed"] += not passed_catch(json.loads(shown), json.loads(ranks))
        elif kind != "training" and onset is not None and submit is not None:
            seconds[session].append((submit - onset) / 1000)
    for session, times in seconds.items():
        if times:
            found[session]["median_seconds"] = round(statistics.median(times), 3)
    return list(found.values())


def passed_catch(shown: list[int], ranks: list[int]) -> bool:
    """Whether the original, and it alone, was ranked first.

    >>> passed_catch([0, -1, 2], [2, 1, 3]), passed_catch([0, -1, 2], [1, 1, 2])
    (True, False)
    """
    return ranks[shown.index(-1)] == 1 and ranks.count(1) == 1


def _time(at: float | str | None) -> str | None:
    """As JSON and people read it, in UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(float(at), UTC).isoformat(timespec="seconds")
