"""Which pictures a folder holds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Never

from snellen.errors import UserError
from snellen.files import shown
from snellen.images.files import is_image_name

__all__ = ["pictures_in"]


def pictures_in(folder: Path, *, without: Iterable[Path] = ()) -> set[str]:
    """Names of the pictures in the tree of `folder`, relative to it, with forward slashes.

    They are found by their suffixes. Links to folders are followed, hidden folders are not entered.

    Args:
        folder: where to look.
        without: folders that are not entered either; they need not exist.

    Raises:
        UserError: there is no picture, or a folder cannot be looked into.
    """
    found: set[str] = set()
    seen = {(s.st_dev, s.st_ino) for s in (os.stat(p) for p in without if p.is_dir())}
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        status = os.stat(here)
        if (status.st_dev, status.st_ino) in seen:  # a link back into the tree
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = PurePath(here).relative_to(folder)
        found.update((inside / name).as_posix() for name in files if is_image_name(name))
    if not found:
        raise UserError(
            f"there is no picture in {shown(folder)}: name a folder with PNG, JPEG, WebP, TIFF,"
            " BMP, PGM or PPM files."
        )
    return found


def _refuse(error: OSError) -> Never:
    raise UserError(f"cannot look into {shown(error.filename)}: {error.strerror}.")
