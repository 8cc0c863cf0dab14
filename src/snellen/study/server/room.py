"""What all handlers share: the study, its answers, its pictures and the limits."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from snellen.study.server.images import Versions
from snellen.study.server.limits import Bucket, Buckets, Pressure
from snellen.study.server.options import ServeOptions
from snellen.study.server.status import Status
from snellen.study.store.beginning import Begin, ShownTrial, known_session
from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import Session, find
from snellen.study.store.store import Store
from snellen.study.store.tokens import token_hash
from snellen.study.store.withdrawing import withdrawing

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["Credentials", "InRoom", "Limited", "Plan", "Room"]

_Result = TypeVar("_Result")


class Plan(Protocol):
    """Who sees what; see `snellen.study.design`."""

    @property
    def people(self) -> int:
        """How many places there are."""

    def trials(self, slot: int) -> Sequence[ShownTrial]:
        """All trials of a place, in the order of showing."""


class Limited(Exception):
    """Too many requests; there may be another after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Room:
    """What all handlers share.

    Args:
        study: what is served.
        store: its answers.
        plan: who sees what.
        options: the limits.
    """

    def __init__(self, study: Study, store: Store, plan: Plan, options: ServeOptions) -> None:
        self.study = study
        self.store = store
        self.plan = plan
        self.options = options
        secrets = study.secrets()
        self.salt = secrets.salt
        self._admin = hashlib.sha256(secrets.admin.encode()).digest()
        self.versions = Versions(study, options.cache_bytes)
        self.lease = 60.0 * study.config.lease_minutes
        self.pressure = Pressure()
        self.status = Status(study, store)
        self.preview: bytes | None = None  # of a trial, once somebody has asked for it
        self._begins = Bucket(options.begin_rate, options.begin_burst)
        self.refusals = Bucket(options.begin_rate, options.begin_burst)
        self._tokens = Buckets(options.token_rate, options.token_burst)
        self._guesses = Bucket(options.guess_rate, options.guess_burst)
        self._wrong_tokens = Bucket(20 * options.guess_rate, 20 * options.guess_burst)

    async def write(self, operation: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run a function in a transaction; go on when it is on the disk."""
        return await asyncio.wrap_future(self.store.write(operation))

    def session(self, token: str | None) -> tuple[Session, bytes]:
        """The session of a token, and the token's hash.

        Raises:
            Refused: see `find`.
            Limited: too many requests with it, or too many wrong ones.
        """
        hashed = token_hash(token or "")
        session = self._read(lambda connection: find(connection, hashed))
        self._limit(session)
        return session, hashed

    def check_begin(self, asked: Begin) -> None:
        """Let somebody begin, or go on. Those who come back wait for nobody who begins.

        Raises:
            Refused: "invitation".
            Limited: too many begin.
        """
        known = self._read(lambda connection: known_session(connection, asked))
        if known is not None:
            self._limit(known)
        elif not asked.simulated and (seconds := self._begins.take()):
            raise Limited(seconds)

    def check_withdrawal(self, hashed: bytes) -> None:
        """Let somebody withdraw; nobody can keep others from it.

        Raises:
            Refused: "unknown".
            Limited: too many requests of this session, or too many wrong tokens.
        """
        self._limit(self._read(lambda connection: withdrawing(connection, hashed)))

    def _read(self, find_it: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """A session by something that only its participant has; guesses are few a second."""
        try:
            return self.store.read(find_it)
        except Refused as refused:
            wrong = refused.error in ("token", "invitation", "unknown")
            if wrong and (seconds := self._wrong_tokens.take()):
                raise Limited(seconds) from None
            raise

    def _limit(self, session: Session) -> None:
        # Simulated ones have come with the owner's secret.
        if not session.simulated and (seconds := self._tokens.take(session.id)):
            raise Limited(seconds)

    def check_admin(self, secret: str | None) -> None:
        """Let the owner of the study pass.

        Wrong guesses are few a second. The right secret always passes: nobody can lock the owner
        out by guessing, and 128 bits are not guessed.

        Raises:
            Refused: "secret".
            Limited: too many wrong ones.
        """
        hashed = hashlib.sha256((secret or "").encode("utf-8", "surrogatepass")).digest()
        if hmac.compare_digest(hashed, self._admin):
            return
        if seconds := self._guesses.take():
            raise Limited(seconds)
        raise Refused("secret", "That is not this study's secret: open the link that was printed.")


async def _room(request: Request) -> Room:  # async: a plain function would run in a thread
    room: Room = request.app.state.room
    return room


InRoom = Annotated[Room, Depends(_room)]

_participant = HTTPBearer(
    auto_error=False, scheme_name="participant", description="the token of a session"
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_participant)]
