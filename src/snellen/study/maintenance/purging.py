"""Forgetting who the participants are."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, atomic_path, shown
from snellen.study.folder import SECRETS_FILE, Secrets, Study, new_secrets, write_secrets
from snellen.study.server.alone import only_server
from snellen.study.store.opening import connect, in_sentences
from snellen.study.store.settings import setting, write_event, write_setting

__all__ = ["purge_identities"]

_HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def purge_identities(study: Study, *, now: float | None = None) -> int:
    """Forget who the participants are: plain ids, salted hashes, invitations, and the salt.

    Their answers stay under their pseudonyms, and their links for withdrawal stay good. Nobody can
    be found again by the id of a platform, so the study must be closed, and stays so. Backups that
    were made before still hold what is forgotten here. Where nothing is kept of anybody, the salt
    stays, too: whoever comes back when the study is reopened is known by it.

    Args:
        study: which must not be served: its server would go on with the old salt.
        now: seconds since 1970; None: as the clock says.

    Returns:
        Of how many people something was kept.

    Raises:
        UserError: the study is served or not closed, or the database is used by another process.
    """
    with only_server(study.path):
        return _purge(study, time.time() if now is None else now)


def _purge(study: Study, now: float) -> int:
    admin = study.secrets().admin
    with closing(connect(study.database)) as connection, in_sentences(study.database):
        try:
            connection.execute("BEGIN IMMEDIATE")
            if setting(connection, "state") != "closed":
                connection.execute("ROLLBACK")
                raise UserError(
                    "the study is not closed: participants who come back are found by what would "
                    "be purged. Close it first, by snellen study close or on its admin page."
                )
            (count,) = connection.execute(
                "SELECT count(*) FROM session WHERE worker_hash IS NOT NULL"
                " OR id IN (SELECT session FROM identity)"
                " OR id IN (SELECT session FROM invitation WHERE session IS NOT NULL)"
            ).fetchone()
            connection.execute("DELETE FROM identity")
            connection.execute("DELETE FROM invitation")
            if count:
                write_setting(connection, "purged_at", repr(now))
            purged = setting(connection, "purged_at") is not None
            if purged:
                connection.execute("UPDATE session SET worker_hash = NULL, request_hash = NULL")
            write_event(connection, now, "identities purged", str(count))
            connection.execute("COMMIT")
            # What was deleted must not be left in free pages, nor in the log of writes.
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _HELD:
                raise
            raise UserError(
                f"cannot purge {shown(study.database)}: {error}. Stop what uses it, and type the "
                "same again."
            ) from error
        if busy:
            raise UserError(
                "the ids are deleted, but another process still reads the old file: stop it, and "
                "type the same again."
            )
    if not purged:
        return 0
    renewed = Secrets(admin, new_secrets().salt)
    with atomic_path(study.path / SECRETS_FILE, again=SAME_COMMAND) as made:
        write_secrets(made, renewed)
    return int(count)
