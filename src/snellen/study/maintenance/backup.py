"""A copy of a study's database, taken while it may be served."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from snellen.errors import UserError
from snellen.files import SAME_COMMAND, atomic_path, shown
from snellen.study.folder import Study
from snellen.study.store.opening import (
    APPLICATION_ID,
    check_sound,
    connect,
    database_error,
    new_database,
    reading,
)
from snellen.study.store.settings import setting

__all__ = ["Backup", "back_up"]


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        path: of the file.
        sessions, answers: how many.
    """

    path: Path
    sessions: int
    answers: int


def back_up(study: Study, out: str | os.PathLike[str]) -> Backup:
    """Copy the database as it is at one moment into one file, while it may be served.

    The copy is checked before it gets its name. An older backup of this study is replaced.

    Args:
        study: whose database.
        out: the file.

    Raises:
        UserError: there is something else, it cannot be written, or the database is damaged.
    """
    target = Path(out)
    _refuse_others(study, target)
    with (
        closing(connect(study.database)) as source,
        atomic_path(target, again=SAME_COMMAND) as made,
    ):
        try:
            with new_database(made) as copy:
                source.backup(copy)
                # One file, which needs no other beside it.
                copy.execute("PRAGMA journal_mode = DELETE").fetchone()
                check_sound(study.database, copy, thoroughly=True)
                (sessions,) = copy.execute("SELECT count(*) FROM session").fetchone()
                (answers,) = copy.execute("SELECT count(*) FROM answer").fetchone()
        except sqlite3.DatabaseError as error:
            damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT
            raise database_error(study.database if damaged else target, error) from error
    return Backup(target, sessions, answers)


def _refuse_others(study: Study, target: Path) -> None:
    if target.is_dir():
        raise UserError(f"{shown(target)} is a folder: name a file.")
    if not os.path.lexists(target):
        return
    if target.name == study.database.name and (target.parent / "study.yaml").exists():
        raise UserError(
            f"{shown(target)} is a study's own database, not a backup: name another file."
        )
    try:
        with target.open("rb") as file:
            header = file.read(72)
    except OSError as error:
        raise UserError(f"cannot read {shown(target)}: {error.strerror or error}.") from error
    ours = header[:16] == b"SQLite format 3\0" and header[68:] == APPLICATION_ID.to_bytes(4, "big")
    if not ours:
        raise UserError(
            f"{shown(target)} exists and is no backup of a study: name another file, or remove it."
        )
    try:
        with closing(sqlite3.connect(target)) as there:
            earlier = setting(there, "frozen_hash")
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{shown(target)} exists and is damaged, so that nobody can tell which study it is a "
            "backup of: name another file, or remove it."
        ) from error
    with reading(study.database) as here:
        now = setting(here, "frozen_hash")
    if earlier is not None and earlier != now:
        raise UserError(f"{shown(target)} is a backup of another study: name another file.")
