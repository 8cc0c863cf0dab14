"""Pictures of a study bundle, which a run writes: paired, named and summed by its manifest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snellen.errors import UserError
from snellen.files import shown
from snellen.images import is_image_name
from snellen.study.photographs import SOURCES_FILE
from snellen.study.pictures import ORIGINAL
from snellen.study.source_checks import (
    Found,
    Source,
    as_text,
    check_models,
    choose_models,
    has_original,
    last_names,
    look_into,
    refuse_other_than_file,
    refuse_twice,
    some,
)

__all__ = ["BUNDLE_FORMAT", "BUNDLE_KIND", "MANIFEST_FILE", "from_bundle", "read_manifest"]

BUNDLE_KIND = "snellen-study-bundle"
BUNDLE_FORMAT = 1
MANIFEST_FILE = "manifest.json"


def read_manifest(folder: Path) -> tuple[dict[str, Any], str] | None:
    """What a bundle's manifest says and its SHA-256; None where there is no bundle.

    Raises:
        UserError: it cannot be read, or is of another format.
    """
    place = folder / MANIFEST_FILE
    try:
        data = place.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    try:
        values = json.loads(data)
    except ValueError as error:
        # Paired by name instead, pictures would lose their photographs and their sums unnoticed.
        way = "or take that file away, to pair pictures by name" if has_original(folder) else ""
        raise UserError(
            f"{shown(place)} is not JSON ({error}): write the bundle anew{', ' * bool(way)}{way}."
        ) from error
    if not isinstance(values, dict) or values.get("kind") != BUNDLE_KIND:
        return None
    if values.get("format") != BUNDLE_FORMAT:
        raise UserError(
            f"{shown(place)} has format {values.get('format')!r}, this snellen reads "
            f"{BUNDLE_FORMAT}: use the version that wrote it."
        )
    return values, hashlib.sha256(data).hexdigest()


def from_bundle(
    folder: Path, manifest: Mapping[str, Any], digest: str, models: Sequence[str] | None
) -> Source:
    """The pictures of the bundle in `folder`.

    Args:
        folder: where the manifest lies.
        manifest: what it says.
        digest: its SHA-256.
        models: which, in this order; all when None.

    Raises:
        UserError: the manifest is damaged, or the folders hold other pictures than it lists.
    """
    place = folder / MANIFEST_FILE
    if os.path.lexists(folder / SOURCES_FILE):
        raise UserError(
            f"{shown(folder / SOURCES_FILE)} would not be read, {MANIFEST_FILE} says the sources of"
            " a bundle: take it away."
        )
    try:
        size = (int(manifest["width"]), int(manifest["height"]), int(manifest["channels"]))
        folders = {ORIGINAL: str(manifest["original"]["folder"])}
        names = [str(entry["name"]) for entry in manifest["conditions"]]
        spelled = [str(entry["folder"]) for entry in manifest["conditions"]]
        entries = [
            (str(e["file"]), as_text(str(e["name"])), as_text(str(e["source"])), dict(e["sha256"]))
            for e in manifest["pictures"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{shown(place)} is damaged ({shown(reason)}): let the run write its bundle again."
        ) from error
    check_models(folder, names)
    refuse_twice([name for _, name, _, _ in entries], f"{shown(place)}: the picture")
    refuse_twice([file for file, _, _, _ in entries], f"{shown(place)}: the file")
    chosen = choose_models(folder, names, models)
    folders.update({name: spelled[names.index(name)] for name in chosen})
    for part in (*folders.values(), *(file for file, _, _, _ in entries)):
        if part in ("", ".", "..") or set(part) & set("/\\\0"):
            raise UserError(f"{shown(place)} names {part!r}, which is no plain name: mend it.")
    if not entries:
        raise UserError(f"{shown(place)} lists no picture: let the run write its bundle again.")
    for name, where in folders.items():
        _compare(folder / where, {file for file, _, _, _ in entries}, name)
    pictures = []
    for file, name, source, sums in entries:
        files = {model: folder / where / file for model, where in folders.items()}
        if missing := [where for where in folders.values() if where not in sums]:
            raise UserError(f"{shown(place)}: {file} has no sha256 for {missing[0]!r}: mend it.")
        sha256 = {model: str(sums[where]) for model, where in folders.items()}
        pictures.append(Found(name, source, files, sha256, size))
    run = manifest.get("run", {})
    provenance = {
        "kind": "study bundle",
        "bundle": last_names(folder),
        "manifest_sha256": digest,
        # What reports say of it.
        **{key: run[key] for key in ("command", "commit") if isinstance(run, dict) and key in run},
        "run": run,
    }
    return Source(chosen, tuple(pictures), provenance)


def _compare(folder: Path, wanted: set[str], model: str) -> None:
    """The folder of a bundle holds the files of the manifest and no other picture."""
    look_into(folder)
    there = {name for name in os.listdir(folder) if is_image_name(name) or name in wanted}
    if missing := sorted(wanted - there):
        raise UserError(
            f"{len(missing)} of the bundle's {len(wanted)} pictures are missing in "
            f"{shown(folder)}: {some(missing)}. Let the run write its bundle again."
        )
    if extra := sorted(there - wanted):
        raise UserError(
            f"{shown(folder)} holds {some(extra)}, which {MANIFEST_FILE} does not list: take "
            f"{'it' if len(extra) == 1 else 'them'} away, or list what {model!r} made."
        )
    for name in sorted(wanted):
        refuse_other_than_file(folder / name)
