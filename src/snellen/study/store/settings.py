"""What is noted of the study itself: its settings, and what happened to it."""

from __future__ import annotations

import sqlite3

__all__ = ["setting", "write_event", "write_setting"]


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
