"""A study's database while it is served: one thread that writes, one connection that reads."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.store.opening import DatabaseError, check_sound, connect, reading
from snellen.study.store.settings import setting
from snellen.study.store.writing import Writer

if TYPE_CHECKING:
    from snellen.study.folder import Study

__all__ = ["Clock", "Store", "check_frozen", "open_store"]

_Result = TypeVar("_Result")

_SCRUB_SECONDS = 1.0  # for which a scrub waits for those that read

Clock = Callable[[], float]
"""Seconds since 1970; `time.time`, but for tests."""


class Store:
    """An open database. Several may be open on one file at once, in one process or in several.

    Args:
        path: of the file.
        clock: tells the time.
        most_waiting: writes that may wait for the disk; more are refused at once.
    """

    def __init__(self, path: Path, clock: Clock = time.time, most_waiting: int = 512) -> None:
        self.path = path
        self.clock = clock
        self._writer = Writer(connect(path), most_waiting)
        self._reader = connect(path)
        self._file = path.stat()
        self._reader.execute("PRAGMA query_only = ON")
        self._reading = threading.Lock()
        self._closed = False

    def write(self, operation: Callable[[sqlite3.Connection], _Result]) -> Future[_Result]:
        """Run a function in a transaction; see `snellen.study.store.writing.Writer.write`."""
        return self._writer.write(operation)

    def read(self, operation: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run a short function on what has been committed, here and now."""
        with self._reading:
            self._reader.execute("BEGIN")
            try:
                return operation(self._reader)
            finally:
                if self._reader.in_transaction:
                    self._reader.execute("COMMIT")

    def check_place(self) -> None:
        """What is open stays so when the study's folder is moved, but nothing else is found there.

        Raises:
            DatabaseError: the database is no longer where it was opened.
        """
        with suppress(OSError):
            if os.path.samestat(self.path.stat(), self._file):
                return
        raise DatabaseError(
            f"{shown(self.path.parent)} was moved or renamed while it is served: stop the server,"
            " and start it with the new place of the folder."
        )

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection of its own, for what takes longer.

        Raises:
            DatabaseError: see `check_place` and `snellen.study.store.opening.reading`.
        """
        self.check_place()
        with reading(self.path) as connection:
            yield connection

    def scrub(self) -> bool:
        """Empty the log of writes, where what was deleted may still be read.

        Returns:
            Whether it is empty; not if somebody reads for long just now. It is, in any case, when
            the store is closed.

        Raises:
            DatabaseError: see `check_place` and `snellen.study.store.opening.connect`.
        """
        self.check_place()
        with closing(connect(self.path, seconds=_SCRUB_SECONDS)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        """Commit what waits, move everything into the one file, and close it."""
        self._writer.close()
        with self._reading:
            if self._closed:
                return
            self._closed = True
            self._reader.execute("PRAGMA query_only = OFF")
            self._reader.execute("PRAGMA busy_timeout = 0")
            # Another process may read or write, or the disk be full: the answers then are in
            # study.db-wal, where the next to open the file finds them.
            with suppress(sqlite3.Error):
                self._reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._reader.close()


def open_store(study: Study, clock: Clock = time.time, most_waiting: int = 512) -> Store:
    """Open the database of a study to take part in it.

    Args:
        study: as it is to be served.
        clock: tells the time.
        most_waiting: writes that may wait for the disk; more are refused at once.

    Raises:
        UserError: the database is missing, damaged, another program's or of another version, or the
            study is not the one that its first participant consented to.
    """
    store = Store(study.database, clock, most_waiting)
    try:
        store.read(lambda connection: check_sound(study.database, connection))
        store.read(lambda connection: check_frozen(connection, study))
    except UserError:
        store.close()
        raise
    return store


def check_frozen(connection: sqlite3.Connection, study: Study) -> None:
    """Refuse a study that is not the one that its first participant consented to.

    Raises:
        UserError: it was changed.
    """
    frozen = setting(connection, "frozen_hash")
    if frozen is None or frozen == study.digest:
        return
    since = float(setting(connection, "frozen_at") or 0)
    date = datetime.fromtimestamp(since, UTC).date().isoformat()
    raise UserError(
        f"{shown(study.path)}: study.yaml or pictures.json is not what the first participant "
        f"consented to on {date}: put the old one back, or begin another study with "
        "`snellen study create`."
    )
