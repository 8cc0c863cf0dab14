"""Places are kept, lost, and taken again.

A place is one person's part of the plan; whoever does not answer for a lease loses it.
"""

from __future__ import annotations

import sqlite3

from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import Session, refuse_withdrawn

__all__ = ["expire", "free_slot", "hold", "places_left"]

_GONE = (
    "Your place in this study was given to somebody else, because no answer came for a long time. "
    "Thank you for your interest."
)


def expire(connection: sqlite3.Connection, now: float, lease: float) -> None:
    """Free the places of those who have not answered for too long.

    Where the clock was set back, a place is kept for one more lease, not until the old time comes.
    """
    connection.execute(
        "UPDATE session SET lease_until = ?1 WHERE state = 'active' AND lease_until > ?1",
        (now + lease,),
    )
    connection.execute(
        "UPDATE session SET state = 'expired' WHERE state = 'active' AND lease_until <= ?", (now,)
    )


def free_slot(connection: sqlite3.Connection) -> int:
    """The lowest place that nobody holds; it may lie beyond the last one."""
    (slot,) = connection.execute(
        "SELECT min(held.slot) + 1 FROM (SELECT -1 AS slot UNION ALL"
        " SELECT slot FROM session WHERE state IN ('active', 'completed')) AS held"
        " WHERE NOT EXISTS (SELECT 1 FROM session AS next"
        " WHERE next.slot = held.slot + 1 AND next.state IN ('active', 'completed'))"
    ).fetchone()
    return int(slot)


def places_left(connection: sqlite3.Connection, people: int, now: float) -> int:
    """How many may still begin."""
    (held,) = connection.execute(
        "SELECT count(*) FROM session WHERE state IN ('active', 'completed')"
        " AND (state = 'completed' OR lease_until > ?)",
        (now,),
    ).fetchone()
    return max(0, people - int(held))


def hold(connection: sqlite3.Connection, session: Session, lease: float, now: float) -> Session:
    """Keep the session's place for another lease; take it again if it is still free.

    Raises:
        Refused: "gone" (somebody else has it), "withdrawn".
    """
    refuse_withdrawn(session)
    if session.state == "completed":
        return session
    until = now + lease
    if session.state == "active":
        connection.execute("UPDATE session SET lease_until = ? WHERE id = ?", (until, session.id))
    else:
        taken = connection.execute(
            "SELECT 1 FROM session WHERE slot = ? AND state IN ('active', 'completed')",
            (session.slot,),
        ).fetchone()
        if taken is not None:
            raise Refused("gone", _GONE)
        connection.execute(
            "UPDATE session SET state = 'active', lease_until = ? WHERE id = ?",
            (until, session.id),
        )
    return session._replace(state="active", lease_until=until)
