"""What a study's pictures are: ``pictures.json``, written once by ``snellen study create``.

It lists every picture of the bundle; which of them are shown is said by ``study.yaml``.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from snellen.errors import UserError
from snellen.files import shown

__all__ = [
    "FORMAT",
    "KIND",
    "ORIGINAL",
    "PICTURES_FILE",
    "Picture",
    "PictureSet",
    "picture_set_as_json",
    "read_picture_set",
]

ORIGINAL = "original"
"""What stands for the original among the names of models."""

PICTURES_FILE = "pictures.json"
KIND = "snellen-study-pictures"
FORMAT = 1
"""Raised when a reader of the old format would misread the new one."""


@dataclass(frozen=True)
class Picture:
    """One picture: its original and what each model made of it, all of one size.

    Attributes:
        name: what exports and reports call it; unique in the study. No participant sees it.
        source: the photograph that it was cut from; pictures may share one.
        width, height: in pixels.
        channels: 1 (gray) or 3 (RGB).
        files: for `ORIGINAL` and each model, an 8-bit PNG; relative to the study, with forward
            slashes.
        sha256: of each of these files, 64 hexadecimal digits.
    """

    name: str
    source: str
    width: int
    height: int
    channels: int
    files: Mapping[str, str]
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class PictureSet:
    """All pictures of a study.

    Attributes:
        models: names, in the order of the bundle. The order of ``study.yaml`` is the one that
            counts elsewhere.
        pictures: in the order of ``pictures.json``; plans and answers know them by place.
        provenance: where they come from, as JSON holds it; for people, not for programs.
    """

    models: tuple[str, ...]
    pictures: tuple[Picture, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 of what is shown and of its order; 64 hexadecimal digits.

        Where the files lie and where they come from does not enter.
        """
        told = [
            [p.name, p.source, p.width, p.height, p.channels, sorted(p.sha256.items())]
            for p in self.pictures
        ]
        text = json.dumps([sorted(self.models), told], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def picture_set_as_json(pictures: PictureSet) -> bytes:
    """Return what ``pictures.json`` holds."""
    values = {
        "kind": KIND,
        "format": FORMAT,
        "models": list(pictures.models),
        "pictures": [
            {
                "name": p.name,
                "source": p.source,
                "width": p.width,
                "height": p.height,
                "channels": p.channels,
                "files": dict(p.files),
                "sha256": dict(p.sha256),
            }
            for p in pictures.pictures
        ],
        "provenance": dict(pictures.provenance),
    }
    return json.dumps(values, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def read_picture_set(study: Path) -> PictureSet:
    """Read and check ``pictures.json``, and that its files are there.

    The files are not read: see `snellen.study.folder.Study.picture_bytes` and `changed_pictures`.

    Args:
        study: the study's folder.

    Raises:
        UserError: it is missing, of another format, damaged, or names a file that is missing, is a
            link, or lies elsewhere than in the study.
    """
    place = study / PICTURES_FILE
    try:
        values = json.loads(place.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"{shown(study)} holds no {PICTURES_FILE}, so it is no study: "
            "`snellen study create BUNDLE STUDY` makes one."
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    except ValueError as error:
        raise _damaged(place, str(error)) from error
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise UserError(f"{shown(place)} is not the list of a study's pictures: restore it.")
    if values.get("format") != FORMAT:
        raise UserError(
            f"{shown(place)} has format {values.get('format')!r}, this snellen reads {FORMAT}: "
            "use the version that made the study."
        )
    try:
        found = _parsed(values)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise _damaged(place, reason) from error
    for picture in found.pictures:
        for model in (ORIGINAL, *found.models):
            _check_file(study, picture.files[model])
    return found


def _damaged(place: Path, reason: str) -> UserError:
    return UserError(
        f"{shown(place)} is damaged ({shown(reason)}): restore it from a backup, or make the study "
        "anew with `snellen study create`."
    )


def _parsed(values: Mapping[str, Any]) -> PictureSet:
    models = tuple(_typed(name, str) for name in _typed(values["models"], list))
    if len(set(models)) < len(models) or ORIGINAL in models:
        raise ValueError("a model is named twice")
    pictures = tuple(_parsed_picture(entry, models) for entry in _typed(values["pictures"], list))
    if not pictures:
        raise ValueError("it lists no picture")
    if len({picture.name for picture in pictures}) < len(pictures):
        raise ValueError("a picture is named twice")
    return PictureSet(models, pictures, _typed(values.get("provenance", {}), dict))


def _parsed_picture(entry: Mapping[str, Any], models: tuple[str, ...]) -> Picture:
    width, height, channels = (_typed(entry[key], int) for key in ("width", "height", "channels"))
    if width < 1 or height < 1 or channels not in (1, 3):
        raise ValueError(f"a picture of {width}×{height} with {channels} channels")
    files = {name: _typed(entry["files"][name], str) for name in (ORIGINAL, *models)}
    sums = {name: _typed(entry["sha256"][name], str) for name in (ORIGINAL, *models)}
    name, source = _typed(entry["name"], str), _typed(entry["source"], str)
    return Picture(name, source, width, height, channels, files, sums)


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{str(value)[:40]!r} where a {kind.__name__} belongs")
    return value


def _check_file(study: Path, name: str) -> None:
    """The file is a plain one, inside the study: nothing else can be served by mistake."""
    parts = PurePosixPath(name).parts
    if not parts or parts[0] != "pictures" or ".." in parts or "\\" in name or "\0" in name:
        raise UserError(
            f"{shown(study / PICTURES_FILE)} names {shown(name)!r}, which is not in pictures/: "
            "restore the file."
        )
    place = study
    for part in parts:
        place = place / part
        try:
            mode = place.lstat().st_mode
        except OSError as error:
            raise UserError(
                f"a picture of the study is missing: {shown(study / name)} "
                f"({error.strerror}). Restore it, or make the study anew."
            ) from error
        if stat.S_ISLNK(mode):
            raise UserError(
                f"{shown(place)} is a link: put the file itself there, a study holds its pictures."
            )
    if not stat.S_ISREG(mode):
        raise UserError(f"{shown(study / name)} is not a file: restore the picture.")
