"""Writing files so that a reader never meets half of one, and names so that all can read them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snellen.errors import UserError

__all__ = [
    "SAME_COMMAND",
    "atomic_folder",
    "atomic_path",
    "atomic_write",
    "is_of_whole_disk",
    "refuse_other",
    "remove_leftovers",
    "shown",
    "spreadsheet_cell",
    "sync_folder",
    "wanted_path",
    "write_error",
]

_FREE = "free some space ({again}) or name another place"
_RESUME = "a training then goes on with --resume"
SAME_COMMAND = "then type the same command again"
_REASONS = {
    errno.ENOSPC: f"the disk is full: {_FREE}",
    errno.EDQUOT: f"the disk quota is used up: {_FREE}",
    errno.EFBIG: "the file would be larger than this place allows: name another place",
    errno.EROFS: "the file system is read-only: name another place",
    errno.EACCES: "permission denied: name a place you may write to",
    errno.EPERM: "permission denied: name a place you may write to",
    errno.EEXIST: "a part of that path is a file, not a folder: name another place",
    errno.ENOTDIR: "a part of that path is a file, not a folder: name another place",
    errno.EISDIR: "that is a folder: name a file",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}

_WHOLE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

# Control characters, ends of lines and turns of direction, and halves of surrogate pairs.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# How files and folders begin that are put in their place when they are whole.
_TEMPORARY = re.compile(r"^\.tmp-[0-9a-f]{8}-(?=.)")


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a file name, or a sentence with some in it, as it can be printed and stored anywhere.

    What a terminal would obey, and bytes that are no UTF-8, become escapes.

    >>> print(shown("\x1b[31mred\udcff.png"))
    \x1b[31mred\xff.png
    """
    return _UNPRINTABLE.sub(_escape, os.fspath(path))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def spreadsheet_cell(text: str) -> str:
    """Keep a file name from being read as a formula by a spreadsheet.

    >>> spreadsheet_cell("=a.png"), spreadsheet_cell("a.png")
    ("'=a.png", 'a.png')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def wanted_path(path: str | os.PathLike[str]) -> Path:
    """Return where a file is to be that lies, until all is whole, in a temporary place.

    >>> wanted_path("out/.tmp-0123abcd-data/a.csv").as_posix()
    'out/data/a.csv'
    """
    return Path(*(_TEMPORARY.sub("", part) for part in Path(path).parts))


def write_error(
    path: str | os.PathLike[str], error: OSError, *, again: str | None = None
) -> UserError:
    """Say in one sentence why `path` could not be written; `again` says how to go on later.

    By default a training goes on with ``--resume``, and what lies in a temporary folder is made
    anew as a whole, by the same command.
    """
    wanted = wanted_path(path)
    in_place = wanted == Path(path)
    if again is None:
        again = _RESUME if in_place else SAME_COMMAND
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error)).replace("{again}", again)
    return UserError(f"cannot write {shown(path if in_place else wanted)}: {reason}.")


def refuse_other(path: str | os.PathLike[str], option: str, begins: str) -> None:
    """Refuse a place for a table that something else has taken; an older such table is replaced.

    Args:
        path: where the table is to be written.
        option: what the user typed before it.
        begins: the first characters of every such table.

    Raises:
        UserError: a folder, or a file that begins otherwise.
    """
    place = Path(path)
    if place.is_dir():
        raise UserError(f"{option} {shown(path)} is a folder: name a file.")
    if not place.is_file():  # nothing there, or a pipe
        return
    try:
        with place.open("rb") as file:
            taken = file.read(len(begins)) not in (b"", begins.encode())
    except OSError:  # it cannot be read: writing will say why
        return
    if taken:
        raise UserError(
            f"{option} {shown(path)} exists and is no table that this command wrote: name another "
            "file, or remove it."
        )


def is_of_whole_disk(error: UserError) -> bool:
    """Whether `write_error` made this of a disk that is full or read-only, for other files too."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _WHOLE_DISK


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, again: str | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    The folder of `path` is made when it is missing. If the block fails, the temporary file is
    removed and whatever was at `path` stays as it was. `again` is for `write_error`.

    Raises:
        UserError: the place cannot be written (read-only, full, no permission).
    """
    target = Path(path)
    # The suffix is kept, because image writers choose their format by it.
    temporary = target.with_name(f".tmp-{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, target)
    except OSError as error:
        raise write_error(target, error, again=again) from error
    finally:
        with suppress(OSError):  # it must not hide why the block failed
            temporary.unlink()


def atomic_write(
    path: str | os.PathLike[str], content: bytes | str, *, again: str | None = None
) -> None:
    """Write `content` (text as UTF-8) to `path`, whole or not at all; see `atomic_path`."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path, again=again) as temporary:
        temporary.write_bytes(data)


@contextmanager
def atomic_folder(
    path: str | os.PathLike[str], *, again: str = _RESUME, replace: bool = False
) -> Iterator[Path]:
    """Yield a new folder beside `path`; rename it to `path` when the block succeeds.

    If the block fails, nothing is left of it. A folder that holds something is replaced only with
    `replace`, and stays until the new one is whole. `again` is for `write_error`.

    Raises:
        UserError: the place cannot be written, or is taken.
    """
    target = Path(path)
    temporary = target.with_name(f".tmp-{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        sync_folder(temporary)
        if replace and target.exists():
            _swap(temporary, target)
        else:
            os.rename(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise write_error(target, error, again=again) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, place: Path) -> None:
    """Put a folder in the place of another, which is deleted once that is done."""
    old = place.with_name(f".tmp-{uuid.uuid4().hex[:8]}-old-{place.name}")
    os.rename(place, old)
    try:
        os.rename(new, place)
    except OSError:
        os.rename(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make the names inside `folder` durable (a rename survives a power cut only after this)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Delete the temporary files and folders that a kill has left in `folder`.

    Only where no other process is writing there.
    """
    for left in Path(folder).glob(".tmp-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()
