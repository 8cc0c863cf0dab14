"""Pictures of a folder ``original/ modelA/ modelB/ …``, paired by name without suffix.

Which of them are pieces of one photograph, ``sources.csv`` beside them may say.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images import IMAGE_SUFFIXES, is_image_name
from snellen.images.folders import kinds_in_words, unread_kinds
from snellen.study.photographs import SOURCES_FILE, read_sources
from snellen.study.pictures import ORIGINAL
from snellen.study.source_checks import (
    Found,
    Source,
    as_text,
    check_models,
    choose_models,
    last_names,
    look_into,
    refuse_other_than_file,
    some,
)

__all__ = ["from_folders"]


def from_folders(folder: Path, models: Sequence[str] | None) -> Source:
    """The pictures of a folder ``original/ modelA/ modelB/ …``.

    Args:
        folder: which.
        models: which of them, in this order; all when None.

    Raises:
        UserError: names do not pair, a folder holds what is no plain picture, or ``sources.csv``
            is wrong.
    """
    there = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    names = sorted((p.name for p in there if p.name != ORIGINAL), key=lambda n: (n.casefold(), n))
    check_models(folder, names)
    chosen = choose_models(folder, names, models)
    found = {name: _by_stem(folder / name) for name in (ORIGINAL, *chosen)}
    originals = found[ORIGINAL]
    for model in chosen:
        missing = sorted(originals.keys() - found[model].keys())
        extra = sorted(found[model].keys() - originals.keys())
        if missing:
            # The nearest of what has no original: a slip of the pen, or other capitals.
            same = [stem for stem in extra if stem.casefold() == missing[0].casefold()]
            hint = (
                f" It holds '{shown(same[0])}': capitals make a difference."
                if same
                else nearest(missing[0], extra).replace("Did you mean", "Is it")
            )
            raise UserError(
                f"{shown(folder / model)} lacks {len(missing)} of the {len(originals)} pictures in "
                f"{ORIGINAL}/: {some(missing)}.{hint} Every folder needs the same names; only the "
                "suffix may differ."
            )
        if extra:
            raise UserError(
                f"{shown(folder / model)} holds {len(extra)} without an original: {some(extra)}. "
                f"Add the original, or take {'it' if len(extra) == 1 else 'them'} away."
            )
    stems = sorted(originals, key=lambda stem: (stem.casefold(), stem))
    provenance = {"kind": "folders", "bundle": last_names(folder)}
    sources = {stem: stem for stem in stems}
    if (told := read_sources(folder, stems)) is not None:
        sources, digest = told
        provenance |= {"sources": SOURCES_FILE, "sources_sha256": digest}
    pictures = tuple(
        Found(stem, sources[stem], {name: found[name][stem] for name in (ORIGINAL, *chosen)})
        for stem in stems
    )
    return Source(chosen, pictures, provenance)


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by name without suffix."""
    look_into(folder)
    found: dict[str, Path] = {}
    capitals: dict[str, str] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            raise UserError(
                f"{shown(entry)} is a folder in a model's folder: put all pictures of a model side "
                "by side into one folder."
            )
        if not is_image_name(entry.name):
            continue
        refuse_other_than_file(entry)
        # A Mac spells é as e and an accent, others as one letter.
        stem = unicodedata.normalize("NFC", as_text(entry.stem))
        if (other := capitals.get(stem.casefold())) is not None:
            why = (
                "pictures are paired by name without suffix"
                if stem in found
                else "many disks cannot keep names apart that differ by capitals only"
            )
            raise UserError(
                f"{shown(folder)} holds both {shown(other)} and {shown(entry.name)}, and {why}: "
                "rename one, or take it away."
            )
        capitals[stem.casefold()] = entry.name
        found[stem] = entry
    if kinds := unread_kinds(folder):
        raise UserError(
            f"{shown(folder)} holds pictures that cannot be read ({kinds_in_words(kinds)}): save "
            "them as PNG."
        )
    if not found:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise UserError(f"there is no picture in {shown(folder)}: need files named {suffixes}.")
    return found
