"""Taking part: places are claimed, kept, lost, and given again.

Every function here runs inside one transaction of `Writer` (or on a connection that only reads),
so that of two who ask at the same moment one comes after the other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from snellen.study.store.refusals import Refused

__all__ = [
    "Begin",
    "Begun",
    "Identity",
    "Session",
    "ShownTrial",
    "begin",
    "expire",
    "find",
    "hold",
    "known_session",
    "new_token",
    "places_left",
    "setting",
    "token_hash",
    "withdraw",
    "withdrawal_token",
    "withdrawing",
    "write_event",
    "write_setting",
]

_GONE = (
    "Your place in this study was given to somebody else, because no answer came for a long time. "
    "Thank you for your interest."
)
_MOST_MOVES = 100  # of a session to other tabs that are remembered

_SIMULATED = (
    "This study holds simulated answers, so it takes none of people: its owner must make another"
    " study for them."
)
_WITHDRAWN = "You have withdrawn from this study; your answers are deleted."


class ShownTrial(Protocol):
    """A trial of the plan; see `snellen.study.design`."""

    @property
    def kind(self) -> str:
        """One of "training", "main", "catch" and "repeat"."""

    @property
    def picture(self) -> int:
        """Its place in ``pictures.json``."""

    @property
    def shown(self) -> Sequence[int]:
        """Models from left to right, by place in ``study.yaml``; -1 is the original."""


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


_COLUMNS = "id, number, slot, state, lease_until, code, simulated"


class Identity(NamedTuple):
    """A platform's plain ids of one person; they lie apart, and `purge` deletes them."""

    platform: str
    worker: str
    assignment: str
    task: str


@dataclass(frozen=True)
class Begin:
    """Somebody who has consented.

    Attributes:
        digest: of the study that the server shows; the first consent freezes it.
        people: how many places there are.
        trials: of a place.
        lease: seconds for which a place is kept without an answer.
        salt: of the study, for the token of withdrawal.
        worker_hash: finds the person again; None: nobody can be found again.
        request_hash: of what the page drew for this one consent: a request whose reply was lost,
            and which comes again, goes on with the session that it began.
        invitation: the hash of an invitation's token, where the study asks for one.
        identity: to be kept apart.
        screen: what the screen check said; JSON can hold it.
        simulated: whether an observer of ours takes part.
    """

    digest: str
    people: int
    trials: Callable[[int], Sequence[ShownTrial]]
    lease: float
    salt: str
    worker_hash: bytes | None = None
    request_hash: bytes | None = None
    invitation: bytes | None = None
    identity: Identity | None = None
    screen: dict[str, Any] = field(default_factory=dict)
    simulated: bool = False


class Begun(NamedTuple):
    """The tokens of a session that has begun, or goes on in another tab."""

    token: str
    withdraw: str
    resumed: bool
    session: str


def new_token() -> str:
    """128 random bits, as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def token_hash(token: str) -> bytes:
    """What is kept of a token: 32 bytes, from which it cannot be found.

    >>> token_hash("00").hex()[:8]
    'f1534392'
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def withdrawal_token(salt: str, session: str) -> str:
    """The token of the link for withdrawal: always the same for a session, so that it stays good.

    >>> withdrawal_token("00" * 32, "a") == withdrawal_token("00" * 32, "a")
    True
    """
    made = hmac.digest(bytes.fromhex(salt), f"withdraw\0{session}".encode(), hashlib.sha256)
    return made[:16].hex()


def setting(connection: sqlite3.Connection, name: str) -> str | None:
    """A row of the table `setting`."""
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def write_setting(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Write a row of the table `setting`, whatever was there."""
    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))


def write_event(connection: sqlite3.Connection, now: float, what: str, detail: str = "") -> None:
    """Note what happened to the study."""
    connection.execute("INSERT INTO event (at, what, detail) VALUES (?, ?, ?)", (now, what, detail))


def begin(connection: sqlite3.Connection, asked: Begin, now: float) -> Begun:
    """Claim a place, or go on with the session that the person has already.

    Raises:
        Refused: "paused", "closed", "full", "gone", "withdrawn", "invitation", "changed",
            "real_people", "simulated".
    """
    known = known_session(connection, asked)
    if known is not None:
        return _resume(connection, known, asked, now)
    if not asked.simulated and setting(connection, "simulated") == "1":
        raise Refused("simulated", _SIMULATED)
    state = setting(connection, "state")
    if state == "paused":
        raise Refused("paused", "The study pauses. Please come back later.")
    if state != "open":
        raise Refused("closed", "The study is closed. Thank you for your interest.")
    _freeze(connection, asked, now)
    expire(connection, now, asked.lease)
    slot = _free_slot(connection)
    if slot >= asked.people:
        raise Refused("full", "All places of this study are taken. Thank you for your interest.")
    return _new_session(connection, asked, slot, now)


def known_session(connection: sqlite3.Connection, asked: Begin) -> Session | None:
    """The session that somebody who consents has already.

    Raises:
        Refused: "invitation", it is none of this study's.
    """
    if asked.invitation is not None:
        row = connection.execute(
            "SELECT session FROM invitation WHERE token_hash = ?", (asked.invitation,)
        ).fetchone()
        if row is None:
            raise Refused(
                "invitation",
                "That invitation is not one of this study: open the whole link that you were sent.",
            )
        key, value = "id", row[0]
    elif asked.worker_hash is not None:
        key, value = "worker_hash", asked.worker_hash
    else:
        key, value = "request_hash", asked.request_hash
    if value is None:
        return None
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM session WHERE {key} = ?",  # noqa: S608 - a column of ours
        (value,),
    ).fetchone()
    return None if found is None else Session(*found)


def _resume(connection: sqlite3.Connection, known: Session, asked: Begin, now: float) -> Begun:
    """Give the session a new token. The old one is remembered as moved."""
    if known.state in ("active", "expired") and setting(connection, "state") == "closed":
        raise Refused("closed", "The study is closed. Thank you for what you have answered.")
    session = hold(connection, known, asked.lease, now)
    token = new_token()
    (moves,) = connection.execute(
        "SELECT count(*) FROM moved WHERE session = ?", (session.id,)
    ).fetchone()
    if moves >= _MOST_MOVES:
        connection.execute("DELETE FROM moved WHERE session = ?", (session.id,))
    connection.execute(
        "INSERT INTO moved SELECT token_hash, id FROM session WHERE id = ?", (session.id,)
    )
    connection.execute(
        "UPDATE session SET token_hash = ? WHERE id = ?", (token_hash(token), session.id)
    )
    if asked.identity is not None:
        connection.execute(
            "UPDATE identity SET assignment = ?, task = ? WHERE session = ?",
            (asked.identity.assignment, asked.identity.task, session.id),
        )
    return Begun(token, withdrawal_token(asked.salt, session.id), True, session.id)


def _freeze(connection: sqlite3.Connection, asked: Begin, now: float) -> None:
    frozen = setting(connection, "frozen_hash")
    if frozen is not None and frozen != asked.digest:
        raise Refused("changed", "The study was changed while it ran; its owner must mend that.")
    if asked.simulated:
        real = connection.execute("SELECT 1 FROM session WHERE NOT simulated LIMIT 1").fetchone()
        if real is not None:
            raise Refused(
                "real_people", "People have taken part in this study: simulate into a copy of it."
            )
        write_setting(connection, "simulated", "1")
    if frozen is None:
        write_setting(connection, "frozen_hash", asked.digest)
        write_setting(connection, "frozen_at", repr(now))
        write_event(connection, now, "frozen", asked.digest)


def _free_slot(connection: sqlite3.Connection) -> int:
    """The lowest place that nobody holds; it may lie beyond the last one."""
    (slot,) = connection.execute(
        "SELECT min(held.slot) + 1 FROM (SELECT -1 AS slot UNION ALL"
        " SELECT slot FROM session WHERE state IN ('active', 'completed')) AS held"
        " WHERE NOT EXISTS (SELECT 1 FROM session AS next"
        " WHERE next.slot = held.slot + 1 AND next.state IN ('active', 'completed'))"
    ).fetchone()
    return int(slot)


def _new_session(connection: sqlite3.Connection, asked: Begin, slot: int, now: float) -> Begun:
    session = new_token()
    token, withdraw_token = new_token(), withdrawal_token(asked.salt, session)
    connection.execute(
        "INSERT INTO session (id, number, token_hash, withdraw_hash, worker_hash, request_hash,"
        " slot, state, simulated, created_at, lease_until, screen)"
        " SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ? FROM session",
        (
            session,
            token_hash(token),
            token_hash(withdraw_token),
            None if asked.invitation is not None else asked.worker_hash,
            asked.request_hash,
            slot,
            int(asked.simulated),
            now,
            now + asked.lease,
            json.dumps(asked.screen, allow_nan=False),
        ),
    )
    trials = asked.trials(slot)
    connection.executemany(
        "INSERT INTO trial VALUES (?, ?, ?, ?, ?)",
        [
            (session, number, trial.kind, int(trial.picture), json.dumps([*map(int, trial.shown)]))
            for number, trial in enumerate(trials)
        ],
    )
    connection.executemany(
        "INSERT INTO image VALUES (?, ?, ?, ?)",
        [
            (new_token(), session, number, place)
            for number, trial in enumerate(trials)
            for place in range(1 + len(trial.shown))
        ],
    )
    if asked.identity is not None:
        connection.execute(
            "INSERT INTO identity VALUES (?, ?, ?, ?, ?, ?)", (session, *asked.identity, now)
        )
    if asked.invitation is not None:
        connection.execute(
            "UPDATE invitation SET session = ? WHERE token_hash = ?", (session, asked.invitation)
        )
    return Begun(token, withdraw_token, False, session)


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


def places_left(connection: sqlite3.Connection, people: int, now: float) -> int:
    """How many may still begin."""
    (held,) = connection.execute(
        "SELECT count(*) FROM session WHERE state IN ('active', 'completed')"
        " AND (state = 'completed' OR lease_until > ?)",
        (now,),
    ).fetchone()
    return max(0, people - int(held))


def find(connection: sqlite3.Connection, hashed: bytes) -> Session:
    """The session of a token.

    Args:
        connection: any.
        hashed: `token_hash` of the token.

    Raises:
        Refused: "token" (there is none), "moved" (it goes on in another tab), "withdrawn".
    """
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM session WHERE token_hash = ?",  # noqa: S608 - columns of ours
        (hashed,),
    ).fetchone()
    if row is None:
        moved = connection.execute("SELECT 1 FROM moved WHERE token_hash = ?", (hashed,)).fetchone()
        if moved is not None:
            raise Refused("moved", "The study goes on in another tab or window of yours.")
        raise Refused("token", "This page has lost its place: open the study's link again.")
    session = Session(*row)
    if session.state == "withdrawn":
        raise Refused("withdrawn", _WITHDRAWN)
    return session


def hold(connection: sqlite3.Connection, session: Session, lease: float, now: float) -> Session:
    """Keep the session's place for another lease; take it again if it is still free.

    Raises:
        Refused: "gone" (somebody else has it), "withdrawn".
    """
    if session.state == "withdrawn":
        raise Refused("withdrawn", _WITHDRAWN)
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


def withdrawing(connection: sqlite3.Connection, hashed: bytes) -> Session:
    """The session of a token of withdrawal.

    Args:
        connection: any.
        hashed: `token_hash` of the token.

    Raises:
        Refused: "unknown", there is no such session.
    """
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM session WHERE withdraw_hash = ?",  # noqa: S608 - columns of ours
        (hashed,),
    ).fetchone()
    if row is None:
        raise Refused(
            "unknown", "That is no link for withdrawal of this study: open it as it was given."
        )
    return Session(*row)


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
