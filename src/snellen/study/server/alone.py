"""One server for each study: a lock that the system frees when the process ends, even if killed."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snellen.errors import UserError
from snellen.files import shown

__all__ = ["LOCK_FILE", "only_server"]

LOCK_FILE = "serve.lock"
"""In the study's folder. It stays there; who serves the study holds a lock on it."""

_LONGEST = 300  # bytes of what is read of it

_log = logging.getLogger("snellen.study")


@contextmanager
def only_server(folder: Path) -> Iterator[Callable[[str], None]]:
    """Be the only server of a study, as long as the block lasts; yields what notes the address.

    Where the system, or the file system, knows no such locks, that is said, and nothing is held.

    Args:
        folder: the study's.

    Raises:
        UserError: another server, of this process or of another, has it; or there is something
            else in the place of the lock.
    """
    _refuse_no_file(folder / LOCK_FILE)
    try:
        import fcntl
    except ImportError:  # Windows
        _unknown(folder, "this system has no locks")
        yield lambda _: None
        return
    try:
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        _unknown(folder, f"{LOCK_FILE}: {error.strerror or error}")
        yield lambda _: None
        return
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{shown(folder)} is served already{_by_whom(lock)}: stop that server first, and "
                f"leave {LOCK_FILE} where it is."
            ) from None
        except OSError as error:  # a file system without
            _unknown(folder, f"{LOCK_FILE}: {error.strerror or error}")
        _note(lock, f"process {os.getpid()}")
        yield lambda address: _note(lock, f"process {os.getpid()}, {address}")
    finally:
        os.close(lock)


def _refuse_no_file(place: Path) -> None:
    """What is written there must land nowhere else."""
    try:
        plain = stat.S_ISREG(place.lstat().st_mode)
    except OSError:  # not there, or not to be looked at: opening it will tell
        return
    if not plain:
        raise UserError(f"{shown(place)} is no plain file, as `serve` makes it: remove it.")


def _unknown(folder: Path, why: str) -> None:
    _log.warning(
        "note: whether another server has %s cannot be told (%s); one at a time, please.",
        shown(folder),
        why,
    )


def _by_whom(lock: int) -> str:
    """What its server has noted; nothing, if it could not."""
    try:
        said = os.pread(lock, _LONGEST, 0).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return f" ({shown(said)})" if said else ""


def _note(lock: int, text: str) -> None:
    with suppress(OSError):  # a full disk: it is held all the same
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{text}\n".encode(), 0)
