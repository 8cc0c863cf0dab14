"""Answering: at most once, in order, and the first that was accepted stays."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from snellen.study.store.places import hold
from snellen.study.store.refusals import Refused
from snellen.study.store.sessions import Session, find
from snellen.study.store.settings import setting

__all__ = [
    "Answer",
    "ImagePlace",
    "Position",
    "TrialView",
    "body_hash",
    "check_open",
    "check_ranks",
    "completion",
    "give_answer",
    "image_place",
    "position",
]


class TrialView(NamedTuple):
    """A trial as the page may know it, but for the picture's size.

    Attributes:
        number: 0, 1, … in the order of showing.
        kind: of the plan; the page learns only whether it is training.
        picture: its place in ``pictures.json``.
        images: ids, the labelled original's first, then from left to right.
    """

    number: int
    kind: str
    picture: int
    images: tuple[str, ...]


class Position(NamedTuple):
    """Where a session stands.

    Attributes:
        answered: how many trials are; also the number of the first that is not.
        total: how many there are.
        trial: the first unanswered one; None: all are answered.
        next: the one after that, for decoding ahead.
    """

    answered: int
    total: int
    trial: TrialView | None
    next: TrialView | None


class ImagePlace(NamedTuple):
    """What an image's id stands for: a picture, and a model's place (-1: the original)."""

    picture: int
    model: int


@dataclass(frozen=True)
class Answer:
    """An answer to one trial.

    Attributes:
        number: of the trial.
        ranks: from left to right; checked by `check_ranks`.
        body: `body_hash` of all that came.
        shown_ms, first_ms, submit_ms: the browser's clock.
        environment: JSON can hold it.
    """

    number: int
    ranks: tuple[int, ...]
    body: bytes
    shown_ms: float | None
    first_ms: float | None
    submit_ms: float | None
    environment: dict[str, Any]


def body_hash(body: Any) -> bytes:
    """SHA-256 of what a body says, whatever the order of its keys.

    >>> body_hash({"a": 1, "b": 2}) == body_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).digest()


def check_ranks(ranks: Sequence[int], models: int, ties: bool) -> None:
    """Check a ranking of `models` pictures: 1 is best, and no rank is left out.

    Raises:
        Refused: "ranks".

    >>> check_ranks([2, 1, 2], 3, ties=True)
    >>> check_ranks([3, 1, 3], 3, ties=True)
    Traceback (most recent call last):
    snellen.study.store.refusals.Refused: Ranks go 1, 2, … without a gap; got 3, 1, 3.
    """
    if len(ranks) != models:
        raise Refused("ranks", f"Of {models} pictures that were shown, {len(ranks)} were ranked.")
    used = set(ranks)
    if used != set(range(1, len(used) + 1)):
        came = ", ".join(str(rank) for rank in ranks)
        raise Refused("ranks", f"Ranks go 1, 2, … without a gap; got {came}.")
    if not ties and len(used) < models:
        raise Refused("ranks", "No two pictures may share a rank in this study.")


def position(connection: sqlite3.Connection, session: Session) -> Position:
    """Where a session stands."""
    answered, total = connection.execute(
        "SELECT (SELECT count(*) FROM answer WHERE session = ?),"
        " (SELECT count(*) FROM trial WHERE session = ?)",
        (session.id, session.id),
    ).fetchone()
    views = [_view(connection, session, number) for number in (answered, answered + 1)]
    return Position(answered, total, *views)


def _view(connection: sqlite3.Connection, session: Session, number: int) -> TrialView | None:
    row = connection.execute(
        "SELECT kind, picture FROM trial WHERE session = ? AND number = ?", (session.id, number)
    ).fetchone()
    if row is None:
        return None
    images = connection.execute(
        "SELECT id FROM image WHERE session = ? AND trial = ? ORDER BY place",
        (session.id, number),
    ).fetchall()
    return TrialView(number, row[0], row[1], tuple(image for (image,) in images))


def image_place(connection: sqlite3.Connection, session: Session, image: str) -> ImagePlace:
    """What an image of this session's current, next or an earlier trial shows.

    Raises:
        Refused: "image", there is none of that id for this session, now.
    """
    row = connection.execute(
        "SELECT trial.picture, trial.shown, image.place, image.trial,"
        " (SELECT count(*) FROM answer WHERE session = ?2) FROM image"
        " JOIN trial ON trial.session = image.session AND trial.number = image.trial"
        " WHERE image.id = ?1 AND image.session = ?2",
        (image, session.id),
    ).fetchone()
    if row is None or row[3] > row[4] + 1:
        raise Refused("image", "There is no such picture for this page.")
    picture, shown, place, _, _ = row
    return ImagePlace(picture, [-1, *json.loads(shown)][place])


def give_answer(
    connection: sqlite3.Connection,
    hashed: bytes,
    answer: Answer,
    *,
    lease: float,
    now: float,
    code: Callable[[], str],
) -> tuple[bool, Position]:
    """Take an answer, once. The last one completes the session and draws its code.

    Args:
        connection: that writes.
        hashed: `token_hash` of the session's token.
        answer: checked.
        lease: seconds for which the place is kept from now on.
        now: seconds since 1970.
        code: draws a completion code.

    Returns:
        Whether it is new (else it is the one that was accepted before), and where the session now
        stands.

    Raises:
        Refused: "answered" (with another body), "order" (it is not its turn), "number" (there is no
            such trial), "closed", "gone", and what `find` refuses.
    """
    session = find(connection, hashed)
    row = connection.execute(
        "SELECT body_hash FROM answer WHERE session = ? AND trial = ?", (session.id, answer.number)
    ).fetchone()
    if row is not None:
        if not hmac.compare_digest(row[0], answer.body):
            raise Refused("answered", "This trial was answered before; the first answer stays.")
        return False, position(connection, session)
    before = position(connection, session)
    if answer.number >= before.total:
        raise Refused("number", f"There are {before.total} trials, from 0 on.")
    if answer.number != before.answered:
        raise Refused("order", f"Trial {before.answered} comes first.")
    check_open(connection)
    session = hold(connection, session, lease, now)
    connection.execute(
        "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            session.id,
            answer.number,
            json.dumps(answer.ranks),
            answer.body,
            now,
            answer.shown_ms,
            answer.first_ms,
            answer.submit_ms,
            json.dumps(answer.environment, allow_nan=False),
        ),
    )
    after = position(connection, session)
    if after.trial is None:
        connection.execute(
            "UPDATE session SET state = 'completed', completed_at = ?, code = ? WHERE id = ?",
            (now, code(), session.id),
        )
    return True, after


def check_open(connection: sqlite3.Connection) -> None:
    """Check that answers are taken.

    Raises:
        Refused: "closed".
    """
    if setting(connection, "state") == "closed":
        raise Refused("closed", "The study is closed. Thank you for what you have answered.")


def completion(connection: sqlite3.Connection, session: Session) -> tuple[str, str]:
    """The completion code, and the assignment that the platform pays ("": none is known).

    Raises:
        Refused: "unanswered".
    """
    if session.state != "completed" or session.code is None:
        at = position(connection, session)
        raise Refused("unanswered", f"Only {at.answered} of {at.total} trials are answered.")
    row = connection.execute(
        "SELECT assignment FROM identity WHERE session = ?", (session.id,)
    ).fetchone()
    return session.code, "" if row is None else str(row[0])
