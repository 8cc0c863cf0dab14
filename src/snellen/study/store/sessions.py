"""Sessions, and finding the one that somebody has."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

from snellen.study.store.refusals import Refused

__all__ = ["Session", "find", "refuse_withdrawn", "session_where"]

_COLUMNS = "id, number, slot, state, lease_until, code, simulated"


class Session(NamedTuple):
    """A row of the table `session`, as far as requests need it."""

    id: str
    number: int
    slot: int
    state: str
    lease_until: float
    code: str | None
    simulated: int

    @property
    def name(self) -> str:
        """As exports spell it: "P0001"."""
        return f"P{self.number:04d}"


def session_where(connection: sqlite3.Connection, column: str, value: Any) -> Session | None:
    """The session that has this value in a column in which each value stands once."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM session WHERE {column} = ?",  # noqa: S608 - columns of ours
        (value,),
    ).fetchone()
    return None if row is None else Session(*row)


def find(connection: sqlite3.Connection, hashed: bytes) -> Session:
    """The session of a token.

    Args:
        connection: any.
        hashed: `token_hash` of the token.

    Raises:
        Refused: "token" (there is none), "moved" (it goes on in another tab), "withdrawn".
    """
    session = session_where(connection, "token_hash", hashed)
    if session is None:
        moved = connection.execute("SELECT 1 FROM moved WHERE token_hash = ?", (hashed,)).fetchone()
        if moved is not None:
            raise Refused("moved", "The study goes on in another tab or window of yours.")
        raise Refused("token", "This page has lost its place: open the study's link again.")
    refuse_withdrawn(session)
    return session


def refuse_withdrawn(session: Session) -> None:
    """Whoever has withdrawn takes no further part.

    Raises:
        Refused: "withdrawn".
    """
    if session.state == "withdrawn":
        raise Refused("withdrawn", "You have withdrawn from this study; your answers are deleted.")
