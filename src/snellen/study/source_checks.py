"""What pictures of a bundle and of plain folders have in common: names, choice, plain files."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.study.config import MOST_MODELS
from snellen.study.pictures import ORIGINAL

__all__ = [
    "Found",
    "Source",
    "as_text",
    "check_models",
    "choose_models",
    "has_original",
    "last_names",
    "look_into",
    "refuse_other_than_file",
    "refuse_twice",
    "some",
]


@dataclass(frozen=True)
class Found:
    """One picture where it lies now.

    Attributes:
        name, source: as in `snellen.study.pictures.Picture`.
        files: for `ORIGINAL` and each model.
        sha256: of these files, where a manifest says them.
        size: (width, height, channels), where a manifest says it.
    """

    name: str
    source: str
    files: Mapping[str, Path]
    sha256: Mapping[str, str] | None = None
    size: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Source:
    """What there is to make a study from.

    Attributes:
        models: names, 2 to 6.
        pictures: at least one.
        provenance: what ``pictures.json`` says of it.
    """

    models: tuple[str, ...]
    pictures: tuple[Found, ...]
    provenance: Mapping[str, Any]


def has_original(folder: Path) -> bool:
    """Whether a folder of originals is there, spelled as it must be on every disk."""
    return (folder / ORIGINAL).is_dir() and ORIGINAL in os.listdir(folder)


def check_models(folder: Path, names: Sequence[str]) -> None:
    """Refuse models that tables, disks or eyes cannot keep apart, or that there are none."""
    if not names:
        raise UserError(
            f"{shown(folder)} holds no model beside {ORIGINAL}/: add a folder for each, with "
            "pictures of the same names; 2 are needed to be ranked."
        )
    refuse_twice(names, f"{shown(folder)}: the model")
    for name in names:
        if name.casefold() == ORIGINAL:
            raise UserError(
                f"{shown(folder)}: a model is named {name!r}, which the originals are called: "
                "rename it."
            )
        why = (
            f"has {len(name)} letters, 200 at most can stand in tables"
            if len(name) > 200
            else "begins or ends with a space"
            if name != name.strip()
            else "holds what cannot be printed"
            if shown(name) != name
            else ""
        )
        if why:
            raise UserError(f"{shown(folder)}: the model '{shown(name)[:80]}' {why}: rename it.")


def choose_models(
    folder: Path, names: Sequence[str], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """The models that are wanted, in this order; all when `wanted` is None."""
    if wanted is not None:
        for name in wanted:
            if name not in names:
                raise UserError(
                    f"{shown(folder)} has no model {name!r}.{nearest(name, names)} It has "
                    f"{', '.join(names)}."
                )
        refuse_twice(wanted, "--models: the model")
    chosen = tuple(names if wanted is None else wanted)
    if not chosen:
        raise UserError(
            f"--models names no model: 2 to {MOST_MODELS} are needed; there are {', '.join(names)}."
        )
    if len(chosen) < 2:
        told = "--models names" if wanted is not None else f"{shown(folder)} has"
        raise UserError(
            f"{told} one model, {', '.join(chosen)!r}: 2 to {MOST_MODELS} are needed, for people "
            "to rank them."
        )
    if len(chosen) > MOST_MODELS:
        raise UserError(
            f"there are {len(chosen)} models, and people can rank 2 to {MOST_MODELS}: choose with "
            f"--models {','.join(chosen[:3])}; there are {', '.join(chosen)}."
        )
    return chosen


def refuse_twice(names: Sequence[str], what: str) -> None:
    """Refuse two names that are the same, look the same, or differ by capitals only."""
    met: dict[str, str] = {}
    for name in names:
        # An accent may be a letter's own or stand behind it: both look the same.
        key = unicodedata.normalize("NFC", name.casefold())
        if (other := met.get(key)) is not None:
            alike = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
            how = (
                "is named twice"
                if name == other
                else f"and {shown(other)!r} look the same"
                if alike
                else f"and {shown(other)!r} differ by capitals only"
            )
            raise UserError(f"{what} {shown(name)!r} {how}: give each a name of its own.")
        met[key] = name


def look_into(folder: Path) -> None:
    """Refuse a model's folder that is missing, a link, or closed to us."""
    if folder.is_symlink():
        raise UserError(f"{shown(folder)} is a link: put the folder itself there (`cp -rL`).")
    if not folder.is_dir():
        raise UserError(f"the folder {shown(folder)} is missing: restore it.")
    try:
        os.listdir(folder)
    except OSError as error:
        raise UserError(f"cannot look into {shown(folder)}: {error.strerror}.") from error


def refuse_other_than_file(place: Path) -> None:
    """Refuse a link, a folder, a pipe: a picture is a plain file."""
    mode = place.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise UserError(f"{shown(place)} is a link: put the file itself there (`cp -L`).")
    if not stat.S_ISREG(mode):
        raise UserError(f"{shown(place)} is no plain file: a picture is needed.")


def some(names: Sequence[str]) -> str:
    """Say the first three.

    >>> some(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    told = ", ".join(f"'{shown(name)}'" for name in names[:3])
    return f"{told} and {len(names) - 3} more" if len(names) > 3 else told


def last_names(folder: Path) -> str:
    """The last two parts of a path: whose bundle it is, without where this machine keeps it."""
    return as_text("/".join(folder.absolute().parts[-2:]).lstrip("/"))


def as_text(name: str) -> str:
    """A file name may hold bytes that are no text; JSON and exports cannot."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
