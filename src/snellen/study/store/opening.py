"""Making the database of a study, and opening it: only one of ours, of this version."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from snellen.errors import UserError
from snellen.files import atomic_path, shown, sync_folder, wanted_path
from snellen.study.store.settings import write_event, write_setting

__all__ = [
    "APPLICATION_ID",
    "VERSION",
    "DatabaseError",
    "check_sound",
    "connect",
    "create_database",
    "database_error",
    "in_sentences",
    "new_database",
    "reading",
]

APPLICATION_ID = 0x534E454C
"""The letters SNEL, in the file's header; `schema.sql` writes it."""
VERSION = 2
"""Of `schema.sql`, in the file's header."""

_BUSY_SECONDS = 10.0  # for which another process may hold the file

_TABLES = frozenset(
    ("setting", "session", "moved", "identity", "invitation", "trial", "image", "answer", "event")
)
_BESIDE = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a file
_OURS = (  # a statement that cannot be: a mistake of ours
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
)


class DatabaseError(UserError):
    """The database of a study cannot be used; the sentence says why, and the way on."""


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
        with atomic_path(path) as temporary, new_database(temporary) as connection:
            connection.executescript(f"BEGIN; {schema}; PRAGMA user_version = {VERSION};")
            write_setting(connection, "state", "open")
            write_event(connection, now, "created")
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise database_error(path, error) from error
    sync_folder(path.parent)


@contextmanager
def new_database(place: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a new, empty file for its owner's eyes alone; nothing stays beside it.

    Raises:
        OSError: it is there already, or cannot be made.
    """
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection = sqlite3.connect(place, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()
    finally:
        for ending in _BESIDE:  # on a full disk SQLite itself leaves them
            with suppress(OSError):
                place.with_name(f"{place.name}{ending}").unlink()


def connect(path: Path, *, seconds: float = _BUSY_SECONDS) -> sqlite3.Connection:
    """Open the database of a study for reading and writing.

    It is in WAL mode, each commit is on the disk before it returns (`synchronous=FULL`), and what
    is deleted is overwritten. Transactions are begun and ended by hand. The connection may be used
    by one thread at a time.

    Args:
        path: of the file, which must be there.
        seconds: for which to wait while another process writes.

    Raises:
        DatabaseError: it is missing, damaged, another program's, of another version, or may not be
            written to.
    """
    if not path.is_file():
        raise DatabaseError(
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
        raise DatabaseError(
            f"{shown(path)} is the database of another program, not of a study: restore the right "
            "one from a backup."
        )
    if version != VERSION:
        raise DatabaseError(
            f"{shown(path)} is of version {version}, this snellen knows {VERSION}: use the version "
            "of snellen that made the study."
        )
    there = {
        name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")
    }
    if not there >= _TABLES:
        raise _damaged(path)


def check_sound(path: Path, connection: sqlite3.Connection, *, thoroughly: bool = False) -> None:
    """Read all of a database.

    Args:
        path: of the file that is to blame.
        connection: to it, or to a copy.
        thoroughly: compare the indices with their tables, too.

    Raises:
        DatabaseError: a part of it is damaged.
    """
    with in_sentences(path):
        check = "integrity_check" if thoroughly else "quick_check"
        (sound,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    if sound != "ok":
        raise _damaged(path)


def _damaged(path: Path) -> DatabaseError:
    return DatabaseError(
        f"{shown(wanted_path(path))} is damaged: restore it from a backup (`snellen study backup "
        "--help` says how)."
    )


@contextmanager
def in_sentences(path: Path) -> Iterator[None]:
    """Say in one sentence what SQLite cannot do with the database at `path`; not our mistakes.

    Raises:
        DatabaseError: it is damaged, the disk is full, another process holds it, …
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if str(error).startswith("Could not decode to UTF-8"):  # Python's own, without a code
            raise _damaged(path) from error
        if code in _OURS:
            raise
        raise database_error(path, error) from error


def database_error(path: Path, error: sqlite3.Error) -> DatabaseError:
    """Say in one sentence what SQLite could not do with the database at `path`, and the way on."""
    place = shown(wanted_path(path))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT:
        return _damaged(path)
    if code == sqlite3.SQLITE_NOTADB:
        return DatabaseError(f"{place} is no database, or it is damaged: restore it from a backup.")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        as_who = os.access in os.supports_effective_ids
        for each in (path.parent, path):
            if each.exists() and not os.access(each, os.W_OK, effective_ids=as_who):
                return DatabaseError(
                    f"{shown(wanted_path(each))} is read-only: copy the study to a place that you "
                    "may write to."
                )
    if code == sqlite3.SQLITE_FULL:
        return DatabaseError(
            f"cannot write {place}: the disk is full: free some space and type the same command "
            "again."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseError(
            f"another process holds {place}: type the same command again in a moment."
        )
    if code == sqlite3.SQLITE_IOERR:  # also where there is no room for what SQLite needs beside it
        return DatabaseError(
            f"cannot write {place}: the disk is full, or fails ({error}): free some space and type "
            "the same command again."
        )
    return DatabaseError(f"cannot open {place}: {error}.")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that sees the database as it is at the first look, and cannot write.

    Raises:
        DatabaseError: see `connect`; or a part that was read is damaged.
    """
    connection = connect(path)
    try:
        with in_sentences(path):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield connection
    finally:
        connection.close()
