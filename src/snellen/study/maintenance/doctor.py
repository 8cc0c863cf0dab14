"""Is all well with a study? Every part of it is looked at, and nothing is changed."""

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
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.folder import Study, contradictions, open_study, placeholders
from snellen.study.store.opening import reading
from snellen.study.store.settings import setting
from snellen.study.store.store import check_frozen

__all__ = ["Finding", "examine"]

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
                    "wrong",
                    "database",
                    f"it is damaged ({reason}): restore it from a backup (`snellen study backup "
                    "--help` says how)",
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
