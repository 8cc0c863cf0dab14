"""Writing the folder of an analysis: whole or not at all, and over nothing that is not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from snellen.errors import UserError
from snellen.files import atomic_folder, shown

__all__ = ["refuse_foreign_folder", "write_folder"]

_AGAIN = "then analyse again"
_RESULTS = "results.json"


def refuse_foreign_folder(folder: Path) -> None:
    """Only an analysis, or an empty folder, may be replaced.

    Raises:
        UserError: something else is there.
    """
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        found = json.loads((folder / _RESULTS).read_bytes())
        ours = isinstance(found, dict) and found.get("experiment") == "study"
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise UserError(
            f"{shown(folder)} exists and is no analysis of a study: name another place with --out, "
            "or move it."
        )


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a temporary folder, and put that in the place of `folder`.

    Raises:
        UserError: the place cannot be written, or holds something else than an analysis.
    """
    refuse_foreign_folder(folder)
    with atomic_folder(folder, again=_AGAIN, replace=True) as temporary:
        fill(temporary)
