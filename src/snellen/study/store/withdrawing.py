"""Withdrawing: what somebody has told is deleted, and the place is free again."""

from __future__ import annotations

import sqlite3

from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import Session, session_where
from snellen.study.store.settings import write_event

__all__ = ["withdraw", "withdrawing"]


def withdrawing(connection: sqlite3.Connection, hashed: bytes) -> Session:
    """The session of a token of withdrawal.

    Args:
        connection: any.
        hashed: `token_hash` of the token.

    Raises:
        Refused: "unknown", there is no such session.
    """
    session = session_where(connection, "withdraw_hash", hashed)
    if session is None:
        raise Refused(
            "unknown", "That is no link for withdrawal of this study: open it as it was given."
        )
    return session


def withdraw(connection: sqlite3.Connection, hashed: bytes, now: float) -> bool:
    """Delete what a participant has told, and free the place.

    What stays is that somebody consented and withdrew, and the salted hash, or the hash of the
    invitation without its label, that keeps the person from being asked again. What was deleted
    may be left in the log of writes: see `Store.scrub`.

    Args:
        connection: that writes.
        hashed: `token_hash` of the token of withdrawal.
        now: seconds since 1970.

    Returns:
        Whether there was something to delete.

    Raises:
        Refused: "unknown", there is no such session.
    """
    session = withdrawing(connection, hashed)
    if session.state == "withdrawn":
        return False
    for table in ("answer", "image", "trial", "identity", "moved"):
        connection.execute(
            f"DELETE FROM {table} WHERE session = ?",  # noqa: S608 - tables of ours
            (session.id,),
        )
    connection.execute(
        "UPDATE session SET state = 'withdrawn', screen = '{}', code = NULL, completed_at = NULL,"
        " request_hash = NULL WHERE id = ?",
        (session.id,),
    )
    connection.execute("UPDATE invitation SET label = '' WHERE session = ?", (session.id,))
    write_event(connection, now, "withdrawn", session.name)
    return True
