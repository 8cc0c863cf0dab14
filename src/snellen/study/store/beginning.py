"""Beginning: a place is claimed, or somebody goes on with the session there was.

The functions here run inside one transaction of `Writer`, so that of two who ask at the same moment
one comes after the other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from snellen.study.store.answers import check_open
from snellen.study.store.places import expire, free_slot, hold
from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import Session, session_where
from snellen.study.store.settings import setting, write_event, write_setting
from snellen.study.store.tokens import new_token, token_hash, withdrawal_token

__all__ = ["Begin", "Begun", "Identity", "ShownTrial", "begin", "known_session"]

_MOST_MOVES = 100  # of a session to other tabs that are remembered
_SIMULATED = (
    "This study holds simulated answers, so it takes none of people: its owner must make another"
    " study for them."
)


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
    slot = free_slot(connection)
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
    return session_where(connection, key, value)


def _resume(connection: sqlite3.Connection, known: Session, asked: Begin, now: float) -> Begun:
    """Give the session a new token. The old one is remembered as moved."""
    if known.state in ("active", "expired"):
        check_open(connection)
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
