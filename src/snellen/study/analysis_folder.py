"""Writing the folder of an analysis: whole or not at all, and over nothing that is not one."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from snellen.errors import UserError
from snellen.files import shown, sync_folder, write_error

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
    temporary = folder.with_name(f".tmp-{uuid.uuid4().hex[:8]}-{folder.name}")
    try:
        temporary.mkdir(parents=True)
        fill(temporary)
        sync_folder(temporary)
        if not folder.exists():
            os.replace(temporary, folder)
        else:
            old = folder.with_name(f".tmp-{uuid.uuid4().hex[:8]}-old-{folder.name}")
            os.replace(folder, old)
            try:
                os.replace(temporary, folder)
            except OSError:
                os.replace(old, folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise write_error(folder, error, again=_AGAIN) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
