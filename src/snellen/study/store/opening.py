"""Making the database of a study, and opening it: only one of ours, of this version."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from snellen.errors import UserError
from snellen.files import atomic_path, shown, sync_folder, wanted_path
from snellen.study.store.settings import write_event, write_setting

__all__ = [
    "APPLICATION_ID",
    "VERSION",
    "connect",
    "create_database",
    "database_error",
    "reading",
]

APPLICATION_ID = 0x534E454C
"""The letters SNEL, in the file's header; `schema.sql` writes it."""
VERSION = 2
"""Of `schema.sql`, in the file's header."""

_BUSY_SECONDS = 10.0  # for which another process may hold the file


def create_database(path: Path, now: float | None = None) -> None:
    """Make the empty database of a new study, whole or not at all, for its owner's eyes alone.

    Args:
        path: of the file, which must not be there yet.
        now: seconds since 1970; None: as the clock says.

    Raises:
        UserError: it is there, or cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     create_database(Path(folder) / "study.db")
    ...     with reading(Path(folder) / "study.db") as connection:
    ...         connection.execute("SELECT value FROM setting WHERE name = 'state'").fetchone()
    ('open',)
    """
    if path.exists():
        raise UserError(f"{shown(path)} exists, and may hold answers: it is not made anew.")
    now = time.time() if now is None else now
    schema = (files("snellen.study.store") / "schema.sql").read_text(encoding="utf-8")
    try:
        with atomic_path(path) as temporary:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            connection = sqlite3.connect(temporary, isolation_level=None)
            try:
                connection.executescript(f"BEGIN; {schema}; PRAGMA user_version = {VERSION};")
                write_setting(connection, "state", "open")
                write_event(connection, now, "created")
                connection.execute("COMMIT")
            finally:
                connection.close()
    except sqlite3.OperationalError as error:
        raise database_error(path, error) from error
    sync_folder(path.parent)


def connect(path: Path, *, seconds: float = _BUSY_SECONDS) -> sqlite3.Connection:
    """Open the database of a study for reading and writing.

    It is in WAL mode, each commit is on the disk before it returns (`synchronous=FULL`), and what
    is deleted is overwritten. Transactions are begun and ended by hand. The connection may be used
    by one thread at a time.

    Args:
        path: of the file, which must be there.
        seconds: for which to wait while another process writes.

    Raises:
        UserError: it is missing, no database, another program's, or of another version.
    """
    if not path.is_file():
        raise UserError(
            f"{shown(path)} is missing, and with it all answers: restore it from a backup "
            "(`snellen study backup` makes them)."
        )
    try:
        connection = sqlite3.connect(
            path, timeout=seconds, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise database_error(path, error) from error
    try:
        _check(path, connection)
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON").fetchone()
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        connection.close()
        raise database_error(path, error) from error
    except UserError:
        connection.close()
        raise
    return connection


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise UserError(
            f"{shown(path)} is the database of another program, not of a study: restore the right "
            "one from a backup."
        )
    if version != VERSION:
        raise UserError(
            f"{shown(path)} is of version {version}, this snellen knows {VERSION}: use the version "
            "of snellen that made the study."
        )


def database_error(path: Path, error: sqlite3.Error) -> UserError:
    """Say in one sentence what SQLite could not do with the database at `path`, and the way on."""
    place = shown(wanted_path(path))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return UserError(f"{place} is no database, or it is damaged: restore it from a backup.")
    if code == sqlite3.SQLITE_FULL:
        return UserError(
            f"cannot write {place}: the disk is full: free some space and type the same command "
            "again."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UserError(f"another process holds {place}: type the same command again in a moment.")
    if code == sqlite3.SQLITE_IOERR:  # also where there is no room for what SQLite needs beside it
        return UserError(
            f"cannot write {place}: the disk is full, or fails ({error}): free some space and type "
            "the same command again."
        )
    return UserError(f"cannot open {place}: {error}.")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that sees the database as it is at the first look, and cannot write.

    Raises:
        UserError: see `connect`.
    """
    connection = connect(path)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()
