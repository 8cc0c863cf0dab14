"""Which pictures a folder holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Never

from snellen.errors import UserError
from snellen.files import shown
from snellen.images.files import is_image_name

__all__ = ["kinds_in_words", "pictures_in", "unread_kinds"]

# Pictures by their names, but of formats that are not read.
_UNREAD = frozenset(
    {".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpx", ".jxl", ".jxr", ".psd", ".xcf", ".tga"}
    | {".exr", ".hdr", ".ico", ".svg", ".eps", ".pcx", ".qoi", ".apng", ".pam", ".pfm"}
    | {".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".pef"}
)


def pictures_in(folder: Path, *, without: Iterable[Path] = ()) -> set[str]:
    """Names of the pictures in the tree of `folder`, relative to it, with forward slashes.

    They are found by their suffixes. Links to folders are followed, hidden folders are not entered.

    Args:
        folder: where to look.
        without: folders that are not entered either; they need not exist.

    Raises:
        UserError: there is no picture, or a folder cannot be looked into.
    """
    found = {name for name in _files_in(folder, without) if is_image_name(name)}
    if not found:
        kinds = unread_kinds(folder, without=without)
        others = f" that can be read ({kinds_in_words(kinds)} cannot)" if kinds else ""
        raise UserError(
            f"there is no picture{others} in {shown(folder)}: name a folder with PNG, JPEG, WebP,"
            " TIFF, GIF, BMP, PGM or PPM files."
        )
    return found


def unread_kinds(folder: Path, *, without: Iterable[Path] = ()) -> dict[str, int]:
    """How many files there are of each kind of picture that cannot be read, by suffix.

    Args:
        folder: where to look; entered as by `pictures_in`.
        without: likewise.

    Raises:
        UserError: a folder cannot be looked into.
    """
    suffixes = (PurePath(name).suffix.lower() for name in _files_in(folder, without))
    return dict(sorted(Counter(suffix for suffix in suffixes if suffix in _UNREAD).items()))


def kinds_in_words(kinds: Mapping[str, int]) -> str:
    """Say what `unread_kinds` has found.

    >>> kinds_in_words({".avif": 1, ".heic": 2})
    '1 .avif, 2 .heic'
    """
    return ", ".join(f"{count:,} {suffix}" for suffix, count in kinds.items())


def _files_in(folder: Path, without: Iterable[Path]) -> Iterator[str]:
    """Names of all files in the tree, relative to `folder`, with forward slashes."""
    seen = {(s.st_dev, s.st_ino) for s in (os.stat(p) for p in without if p.is_dir())}
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in seen:  # a link back into the tree
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = PurePath(here).relative_to(folder)
        yield from ((inside / name).as_posix() for name in files)


def _refuse(error: OSError) -> Never:
    raise UserError(f"cannot look into {shown(error.filename)}: {error.strerror}.")
