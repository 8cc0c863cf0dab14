"""Looking after a study: is all well, a copy of its database, and forgetting who people are."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from snellen.errors import UserError
from snellen.files import atomic_path, shown
from snellen.study.folder import (
    SECRETS_FILE,
    Study,
    contradictions,
    new_secrets,
    open_study,
    placeholders,
)
from snellen.study.store.opening import APPLICATION_ID, connect, reading
from snellen.study.store.sessions import setting, write_event, write_setting
from snellen.study.store.store import check_frozen

__all__ = ["Backup", "Finding", "back_up", "examine", "purge_identities"]

_DAY = 86_400.0
_LITTLE_ROOM = 100 * 2**20  # bytes on the disk
_LARGE_WAL = 64 * 2**20
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        level: "ok", "note" (to know) or "wrong" (to mend).
        what: the part that was looked at.
        sentence: what was found.
    """

    level: Literal["ok", "note", "wrong"]
    what: str
    sentence: str


def examine(
    path: str | os.PathLike[str],
    *,
    url: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Look at every part of a study; nothing is changed, and it may be served meanwhile.

    Args:
        path: the study's folder.
        url: where it should be served; None: wherever it is, if at all.
        clock: tells the time.

    Yields:
        What was found, part by part.
    """
    try:
        study = open_study(path)
    except UserError as error:
        yield Finding("wrong", "study", str(error))
        return
    config = study.config
    yield Finding(
        "ok",
        "study.yaml",
        f"{config.people} people × {config.trials_per_person} trials, {config.design}, "
        f"{len(config.models)} models, {len(study.indices)} pictures",
    )
    if missing := placeholders(config):
        yield Finding("wrong", "texts", f"still to be filled in: {', '.join(missing)}")
    for sentence in contradictions(config):
        yield Finding("wrong", "texts", sentence)
    yield from _pictures(study)
    yield _secrets(study)
    yield from _database(study, clock())
    yield from _room(study)
    if url is not None:
        yield _reachable(url, study)


def _pictures(study: Study) -> Iterator[Finding]:
    changed = study.changed_pictures()
    for sentence in changed[:3]:
        yield Finding("wrong", "pictures", sentence)
    if len(changed) > 3:
        yield Finding("wrong", "pictures", f"{len(changed) - 3} more were changed")
    if not changed:
        count = sum(len(study.picture(index).files) for index in study.indices)
        yield Finding("ok", "pictures", f"all {count} files are as the study was made with")


def _secrets(study: Study) -> Finding:
    try:
        study.secrets()
    except UserError as error:
        return Finding("wrong", "secrets", str(error))
    return Finding("ok", "secrets", "there, and readable by you alone")


def _database(study: Study, now: float) -> Iterator[Finding]:
    try:
        with reading(study.database) as connection:
            (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            dangling = connection.execute("PRAGMA foreign_key_check").fetchone()
            if sound != "ok" or dangling is not None:
                reason = sound if sound != "ok" else f"a row of {dangling[0]} belongs to nothing"
                yield Finding(
                    "wrong", "database", f"it is damaged ({reason}): restore it from a backup"
                )
                return
            yield Finding("ok", "database", "sound")
            yield from _contents(connection, study, now)
    except (UserError, sqlite3.Error) as error:
        yield Finding("wrong", "database", str(error))


def _contents(connection: sqlite3.Connection, study: Study, now: float) -> Iterator[Finding]:
    frozen = setting(connection, "frozen_at")
    try:
        check_frozen(connection, study)
    except UserError as error:
        yield Finding("wrong", "frozen", str(error))
    else:
        said = "not yet: nobody has consented"
        if frozen is not None:
            said = f"since {_date(float(frozen))}, and unchanged"
        yield Finding("ok", "frozen", said)
    yield _progress(connection, study)
    yield _whole(connection)
    if setting(connection, "unlocked_at") is not None:
        yield Finding("note", "result", "it could be seen before the study was closed")
    yield from _privacy(connection, study, now)
    latest = connection.execute("SELECT max(at) FROM event").fetchone()[0]
    latest = max(latest or 0.0, _last_time(connection) or 0.0)
    if now < latest - 60:
        yield Finding(
            "wrong", "clock", f"it says {_date(now)}, before the latest entry of {_date(latest)}"
        )
    else:
        yield Finding("ok", "clock", _date(now))


def _progress(connection: sqlite3.Connection, study: Study) -> Finding:
    counts = dict(connection.execute("SELECT state, count(*) FROM session GROUP BY state"))
    (answers,) = connection.execute("SELECT count(*) FROM answer").fetchone()
    simulated = " (simulated)" if setting(connection, "simulated") == "1" else ""
    states = [state for state in ("active", "expired", "withdrawn") if state in counts]
    others = ", ".join(f"{counts[state]} {state}" for state in states)
    return Finding(
        "ok",
        "progress",
        f"{setting(connection, 'state')}, {counts.get('completed', 0)} of {study.config.people} "
        f"completed{f', {others}' if others else ''}, {answers} answers{simulated}",
    )


def _whole(connection: sqlite3.Connection) -> Finding:
    """Whoever has completed has answered everything, and nobody has left out a trial."""
    (short,) = connection.execute(
        "SELECT count(*) FROM session WHERE state = 'completed' AND"
        " (SELECT count(*) FROM answer WHERE answer.session = session.id) !="
        " (SELECT count(*) FROM trial WHERE trial.session = session.id)"
    ).fetchone()
    (gaps,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM answer GROUP BY session"
        " HAVING max(trial) + 1 != count(*))"
    ).fetchone()
    if short or gaps:
        return Finding(
            "wrong", "answers", f"{short} completed sessions lack answers, {gaps} have gaps"
        )
    return Finding("ok", "answers", "completed sessions are complete, and none has gaps")


def _privacy(connection: sqlite3.Connection, study: Study, now: float) -> Iterator[Finding]:
    (identities,) = connection.execute("SELECT count(*) FROM identity").fetchone()
    (labels,) = connection.execute("SELECT count(*) FROM invitation").fetchone()
    (hashes,) = connection.execute(
        "SELECT count(*) FROM session WHERE worker_hash IS NOT NULL"
    ).fetchone()
    what = f"{identities} plain ids of a platform, {labels} invitations"
    last = _last_time(connection)
    if last is None and labels:  # nobody has come: who was invited is known all the same
        (last,) = connection.execute("SELECT max(at) FROM event").fetchone()
    if last is None:
        return
    until = last + _DAY * study.config.retention_days
    if not identities and not labels and not hashes:
        yield Finding("ok", "identities", "none are kept")
    elif now > until:
        yield Finding(
            "wrong",
            "identities",
            f"{what}: they should have been deleted by {_date(until)}, type "
            f"`snellen study purge {shown(study.path)} --identities`",
        )
    else:
        yield Finding("note", "identities", f"{what}, to be purged by {_date(until)}")


def _last_time(connection: sqlite3.Connection) -> float | None:
    """When somebody last consented or answered."""
    (last,) = connection.execute(
        "SELECT max(at) FROM (SELECT max(created_at) AS at FROM session"
        " UNION ALL SELECT max(received_at) FROM answer)"
    ).fetchone()
    return None if last is None else float(last)


def _room(study: Study) -> Iterator[Finding]:
    """How large the files are, and what is left on the disk."""
    wal = study.database.with_name(f"{study.database.name}-wal")
    sizes = [path.stat().st_size if path.exists() else 0 for path in (study.database, wal)]
    free = shutil.disk_usage(study.path).free
    said = f"database {_bytes(sizes[0])}, not yet merged {_bytes(sizes[1])}, free {_bytes(free)}"
    if free < max(_LITTLE_ROOM, 2 * sum(sizes)):
        yield Finding("wrong", "disk", f"{said}: make room, or answers will be refused")
    elif sizes[1] > _LARGE_WAL:
        yield Finding("note", "disk", f"{said}: starting and ending `serve` merges it")
    else:
        yield Finding("ok", "disk", said)


def _reachable(url: str, study: Study) -> Finding:
    """Whether this very study answers there."""
    if not url.startswith(("http://", "https://")):
        raise UserError(f"--url is an address like https://study.example.org; got {shown(url)}.")
    try:
        address = f"{url.rstrip('/')}/api/study"
        with urllib.request.urlopen(address, timeout=_ANSWER_SECONDS) as reply:  # noqa: S310 - checked
            said = json.loads(reply.read(1_000_000))
        title, state = said["title"], said["state"]
    except urllib.error.HTTPError as error:
        return Finding("wrong", "server", f"{shown(url)} answers {error.code} {error.reason}")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", error)
        return Finding("wrong", "server", f"nothing answers at {shown(url)} ({reason})")
    except (ValueError, KeyError, TypeError):
        return Finding("wrong", "server", f"what answers at {shown(url)} is no study")
    if title != study.config.title:
        return Finding("wrong", "server", f"{shown(url)} serves another study, {title!r:.80}")
    return Finding("ok", "server", f"{shown(url)} serves it, {state}")


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _bytes(count: int) -> str:
    """A size, as people say it.

    >>> _bytes(1), _bytes(3 * 2**20)
    ('1 B', '3.0 MB')
    """
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1024, larger
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


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
        UserError: there is something else, or it cannot be written.
    """
    target = Path(out)
    _refuse_others(study, target)
    with closing(connect(study.database)) as source, atomic_path(target, again=_AGAIN) as made:
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with closing(sqlite3.connect(made, isolation_level=None)) as copy:
                source.backup(copy)
                # One file, which needs no other beside it.
                copy.execute("PRAGMA journal_mode = DELETE").fetchone()
                (sound,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
                (sessions,) = copy.execute("SELECT count(*) FROM session").fetchone()
                (answers,) = copy.execute("SELECT count(*) FROM answer").fetchone()
        except sqlite3.Error as error:
            raise UserError(f"cannot write {shown(target)}: {error}.") from error
        if sound != "ok":
            raise UserError(
                f"{shown(study.database)} is damaged ({sound}): earlier backups may be whole."
            )
    return Backup(target, sessions, answers)


_AGAIN = "then type the same again"


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
    with reading(study.database) as here, closing(sqlite3.connect(target)) as there:
        earlier, now = setting(there, "frozen_hash"), setting(here, "frozen_hash")
    if earlier is not None and earlier != now:
        raise UserError(f"{shown(target)} is a backup of another study: name another file.")


def purge_identities(study: Study, *, now: float | None = None) -> int:
    """Forget who the participants are: plain ids, salted hashes, invitations, and the salt.

    Their answers stay under their pseudonyms, and their links for withdrawal stay good. Nobody can
    be found again by the id of a platform, so the study must be closed, and stays so. Backups that
    were made before still hold what is forgotten here.

    Args:
        study: which must not be served meanwhile by a server that began before.
        now: seconds since 1970; None: as the clock says.

    Returns:
        Of how many people something was kept.

    Raises:
        UserError: the study is not closed, or the database is used by another process.
    """
    now = time.time() if now is None else now
    with closing(connect(study.database)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            if setting(connection, "state") != "closed":
                connection.execute("ROLLBACK")
                raise UserError(
                    "the study is not closed: participants who come back are found by what would "
                    "be purged. Close it on the admin page first."
                )
            (count,) = connection.execute(
                "SELECT count(*) FROM session WHERE worker_hash IS NOT NULL"
                " OR id IN (SELECT session FROM identity)"
                " OR id IN (SELECT session FROM invitation WHERE session IS NOT NULL)"
            ).fetchone()
            connection.execute("DELETE FROM identity")
            connection.execute("DELETE FROM invitation")
            connection.execute("UPDATE session SET worker_hash = NULL, request_hash = NULL")
            if count:
                write_setting(connection, "purged_at", repr(now))
            write_event(connection, now, "identities purged", str(count))
            connection.execute("COMMIT")
            # What was deleted must not be left in free pages, nor in the log of writes.
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise UserError(
                f"cannot purge {shown(study.database)}: {error}. Stop the server, and type the same"
                " again."
            ) from error
        if busy:
            raise UserError(
                "the ids are deleted, but a server still reads the old file: stop it, and type the "
                "same again."
            )
    _new_salt(study)
    return int(count)


def _new_salt(study: Study) -> None:
    values = {"admin": study.secrets().admin, "salt": new_secrets().salt}
    with atomic_path(study.path / SECRETS_FILE, again=_AGAIN) as made:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")
