"""What a study is made from: a study bundle, a run that has one, or folders paired by name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from snellen.errors import UserError
from snellen.files import shown
from snellen.study.pictures import ORIGINAL, PICTURES_FILE
from snellen.study.source_bundle import (
    BUNDLE_FORMAT,
    BUNDLE_KIND,
    MANIFEST_FILE,
    from_bundle,
    read_manifest,
)
from snellen.study.source_checks import Found, Source, has_original, some
from snellen.study.source_folders import from_folders

__all__ = ["BUNDLE_FORMAT", "BUNDLE_KIND", "Found", "Source", "find_source"]

_IN_RUN = "study-bundle"


def find_source(bundle: str | os.PathLike[str], models: Sequence[str] | None = None) -> Source:
    """Find the pictures and pair them, without reading them.

    Args:
        bundle: a folder with a ``manifest.json`` (docs/study-bundle.md), the folder of a run that
            has one in ``study-bundle/``, or a folder ``original/ modelA/ modelB/ …`` in which
            pictures of the same name, whatever their suffix, belong together, and ``sources.csv``
            may say from which photographs they were cut.
        models: which models, in this order; all when None.

    Raises:
        UserError: there is none of these, or its pictures do not belong together.
    """
    folder = Path(bundle)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise UserError(
            f"{shown(folder)} {what}: name a run's folder, a study bundle, or a folder that holds "
            "original/ and a folder for each model."
        )
    for place in (folder, folder / _IN_RUN):
        if (manifest := read_manifest(place)) is not None:
            return from_bundle(place, *manifest, models)
    if (folder / PICTURES_FILE).exists():
        raise UserError(
            f"{shown(folder)} is a study already: `snellen study serve {shown(folder)}` shows it."
        )
    if not has_original(folder):
        raise UserError(_no_pictures(folder))
    return from_folders(folder, models)


def _no_pictures(folder: Path) -> str:
    here = shown(folder)
    if all((folder / name).is_file() for name in ("config.yaml", "environment.json")):
        return (
            f"the run in {here} has no {_IN_RUN}/, which a reconstruct or superres run writes at "
            "its end: let it end (--resume), or name another run."
        )
    there = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if (folder / _IN_RUN).is_dir():
        return (
            f"{shown(folder / _IN_RUN)} holds no {MANIFEST_FILE} of a study bundle: let the run "
            "write it again (--resume)."
        )
    hint = f" (it holds {some(there)})" if there else ""
    return (
        f"{here} holds no folder {ORIGINAL}/{hint}: put the originals into {ORIGINAL}/ and what "
        "each model made of them, under the same names, into a folder of its own beside it."
    )
