"""The one thread that writes: it commits what has come together, and only then answers.

Each write is a function of the connection. Those that wait while the disk is busy are committed
together, each in a savepoint of its own: one that is refused leaves no trace, and none is answered
before the commit of all is on the disk. When the commit fails (the disk is full), each is tried
alone, so that those that need no room still go through. When another process holds the file for
too long, all are refused.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from snellen.study.store.refusals import Refused

__all__ = ["Writer"]

_Result = TypeVar("_Result")
_Write = Callable[[sqlite3.Connection], Any]

_TOGETHER = 64  # writes in one commit at most

_FULL = "The server's disk is full. What you answered before is safe; please try again later."
_FAILED = "The server cannot write to its disk. What you answered before is safe."
_BUSY = "The server is busy. Please try again in a moment."


class Writer:
    """A thread that owns the connection that writes.

    Args:
        connection: of `snellen.study.store.opening.connect`; nobody else may use it from now on.
        most_waiting: writes that may wait; more are refused at once.
    """

    def __init__(self, connection: sqlite3.Connection, most_waiting: int = 512) -> None:
        self._connection = connection
        self._waiting: queue.Queue[tuple[_Write, Future[Any]] | None] = queue.Queue(most_waiting)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="study-writer", daemon=True)
        self._thread.start()

    def write(self, operation: Callable[[sqlite3.Connection], _Result]) -> Future[_Result]:
        """Run `operation` in a transaction; its result comes once that is on the disk.

        The operation may be run twice (see above): it must do nothing but write.

        Raises:
            Refused: by the future: whatever the operation refuses, "storage" (the disk is full),
                "busy" (another process holds the file). At once: "busy" (too many wait).
        """
        future: Future[_Result] = Future()
        if self._closed:
            raise Refused("busy", _BUSY)
        try:
            self._waiting.put_nowait((operation, future))
        except queue.Full:
            raise Refused("busy", _BUSY) from None
        return future

    def close(self) -> None:
        """Commit what waits, and close the connection."""
        if self._closed:
            return
        self._closed = True
        self._waiting.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch = [self._waiting.get()]
            while len(batch) < _TOGETHER:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            going_on = None not in batch
            self._commit(
                [each for each in batch if each and each[1].set_running_or_notify_cancel()]
            )

    def _commit(self, batch: list[tuple[_Write, Future[Any]]]) -> None:
        if not batch:
            return
        try:
            outcomes = self._together([operation for operation, _ in batch])
        except sqlite3.Error as error:
            refusal = _refusal(error)
            # Each alone would wait as long again for another process that holds the file.
            held = isinstance(refusal, Refused) and refusal.error == "busy"
            if len(batch) > 1 and not held:
                for each in batch:
                    self._commit([each])
                return
            outcomes = [(None, refusal)] * len(batch)
        for (_, future), (result, problem) in zip(batch, outcomes, strict=True):
            if problem is not None:
                future.set_exception(problem)
            else:
                future.set_result(result)

    def _together(self, operations: list[_Write]) -> list[tuple[Any, Exception | None]]:
        """Commit them all; each one's result, or what it raised."""
        connection = self._connection
        outcomes: list[tuple[Any, Exception | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for operation in operations:
                connection.execute("SAVEPOINT one")
                try:
                    outcomes.append((operation(connection), None))
                except sqlite3.OperationalError:
                    raise
                except Exception as problem:
                    connection.execute("ROLLBACK TO one")
                    outcomes.append((None, problem))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes


def _refusal(error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return Refused("storage", _FULL)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return Refused("storage", _FAILED)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Refused("busy", _BUSY)
    return error
