"""Looks at the result before the study is closed: refused, or unlocked and noted for good.

Whoever looks at the result of a running study again and again, and stops when it pleases, finds
differences that are not there (an interim analysis without a rule for stopping).
"""

from __future__ import annotations

import sqlite3
from typing import Any

from snellen.errors import UserError
from snellen.study.folder import Study
from snellen.study.store.administration import (
    may_see_result,
    note_result_seen,
    time_in_words,
    unlock,
)
from snellen.study.store.opening import connect
from snellen.study.store.refusals import Refused
from snellen.study.store.settings import setting
from snellen.study.store.store import check_frozen

__all__ = ["look_at_result", "looks_before_closing"]


def look_at_result(
    study: Study, how: str, *, unlock_result: bool, command: str, now: float
) -> None:
    """Check that the result may be seen, and note that it was.

    What simulated observers gave hides nothing, and in a study without answers there is nothing to
    see: of these nothing is noted.

    Args:
        study: whose result.
        how: the way of looking, as the study's log names it.
        unlock_result: whether to look though the study still runs; that is noted for good.
        command: what was typed, for the log.
        now: seconds since 1970.

    Raises:
        UserError: the study still runs and its result was not unlocked; study.yaml is not what the
            first participant consented to; the database is none of this study.
    """
    connection = connect(study.database)
    try:
        connection.execute("BEGIN IMMEDIATE")
        check_frozen(connection, study)
        simulated = setting(connection, "simulated") == "1"
        empty = connection.execute("SELECT 1 FROM answer LIMIT 1").fetchone() is None
        if not simulated and not empty:
            if unlock_result and setting(connection, "state") != "closed":
                unlock(connection, now, f"{command} --unlock")
            may_see_result(connection)
            note_result_seen(connection, now, how)
        connection.execute("COMMIT")
    except Refused as error:
        raise UserError(
            "the study still runs. Whoever looks at the result again and again, and stops when it "
            "pleases, finds differences that are not there: close the study first (snellen study "
            "close, or its admin page), or add --unlock, which is noted in the study's log, and in "
            "every report and export."
        ) from error
    finally:
        connection.close()


def looks_before_closing(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The first look of each kind while people could still take part.

    Returns:
        ``at`` (ISO 8601, UTC), ``how``, and how many sessions had been ``completed``, and how many
        ``begun``, by then. Who has withdrawn since is not among the completed ones. ``closed``:
        whether the study was closed then, and was opened again. ``completed_after`` and
        ``answers_after``: how many sessions were completed, and answers given, since.
    """
    last = None  # what was logged after the closing is no early look
    if setting(connection, "state") == "closed":
        (last,) = connection.execute("SELECT max(id) FROM event WHERE what = 'closed'").fetchone()
        if last is None:
            return []
    found = []
    for number, at, how in connection.execute(
        "SELECT id, at, detail FROM event WHERE what = 'result seen' AND (?1 IS NULL OR id < ?1)"
        " ORDER BY id",
        (last,),
    ).fetchall():
        completed, begun, completed_after = connection.execute(
            "SELECT count(*) FILTER (WHERE completed_at <= ?1),"
            " count(*) FILTER (WHERE created_at <= ?1),"
            " count(*) FILTER (WHERE completed_at > ?1 AND state = 'completed') FROM session",
            (at,),
        ).fetchone()
        (answers_after,) = connection.execute(
            "SELECT count(*) FROM answer WHERE received_at > ?", (at,)
        ).fetchone()
        found.append(
            {
                "at": time_in_words(at),
                "how": how,
                "completed": completed,
                "begun": begun,
                "closed": _was_closed(connection, number),
                "completed_after": completed_after,
                "answers_after": answers_after,
            }
        )
    return found


def _was_closed(connection: sqlite3.Connection, event: int) -> bool:
    """Whether the study was closed when that event was logged."""
    found = connection.execute(
        "SELECT what FROM event WHERE id < ? AND what IN ('open', 'paused', 'closed')"
        " ORDER BY id DESC LIMIT 1",
        (event,),
    ).fetchone()
    return found is not None and found[0] == "closed"
