"""Which pictures of a plain folder were cut from one photograph: ``sources.csv``, or a guess.

The guess is only told, never used: names like ``boat_1`` and ``boat_2`` may be two photographs.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images import IMAGE_SUFFIXES
from snellen.study.pictures import ORIGINAL
from snellen.study.source_checks import some

__all__ = ["SOURCES_FILE", "alike_note", "read_sources"]

SOURCES_FILE = "sources.csv"
_MEANT = frozenset({"sources.csv", "source.csv"})

# The end of a name by which the pieces of a photograph may differ.
_PIECE = re.compile(
    r"""(?:
        [-_.\ ]*(?:crop|cut|part|patch|piece|tile)[-_.\ ]*[0-9]+  # -crop3
        | [-_.\ ]x?[0-9]+[-_.,x\ ]y?[0-9]+                       # _120_80
        | [-_.\ (]*[0-9]+\)?                                      # 3, _03, (3)
    )$""",
    re.VERBOSE | re.IGNORECASE,
)


def read_sources(folder: Path, pictures: Sequence[str]) -> tuple[dict[str, str], str] | None:
    """Read ``sources.csv``: for each picture the photograph that it was cut from.

    Args:
        folder: holds ``original/`` and perhaps that file.
        pictures: names of all pictures, without suffix.

    Returns:
        The photograph of each of `pictures`, and the file's SHA-256; None where there is no file.

    Raises:
        UserError: it cannot be read, its first line is another, or it does not name every picture
            once, each with a photograph.
    """
    place = folder / SOURCES_FILE
    if not _is_there(folder):
        return None
    try:
        data = place.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {shown(place)}: {error.strerror or error}.") from error
    rows = _rows(data, shown(place))
    _check_header(next(rows, None), shown(place))
    known = dict.fromkeys(pictures)
    sources: dict[str, str] = {}
    lines: dict[str, int] = {}
    spelled: dict[str, tuple[str, int]] = {}
    for line, values in rows:
        where = f"{shown(place)}, line {line}"
        if len(values) != 2:
            raise UserError(
                f"{where}, has {len(values)} value{'s' * (len(values) != 1)}, 2 are needed: the "
                "picture and its source, with quotes around one that holds a comma."
            )
        name = _picture(values[0], known, where)
        if name in lines:
            raise UserError(
                f"{where}: the picture '{shown(name)}' stands in line {lines[name]} already: keep "
                "one."
            )
        source = _source(values[1], name, where)
        first, before = spelled.setdefault(source.casefold(), (source, line))
        if first != source:
            raise UserError(
                f"{where}: the source '{source}' differs by capitals only from '{first}' in line "
                f"{before}: spell them alike, or give each a name of its own."
            )
        sources[name], lines[name] = source, line
    if missing := [name for name in known if name not in sources]:
        raise UserError(
            f"{shown(place)} lacks {len(missing)} of the {len(known)} pictures in {ORIGINAL}/: "
            f"{some(missing)}. Give each a line; a photograph may have one picture or several."
        )
    return sources, hashlib.sha256(data).hexdigest()


def alike_note(folder: Path, pictures: Sequence[str]) -> str:
    """Say that names look like pieces of one photograph, if some do; otherwise an empty string.

    >>> alike_note(Path("in"), ["boat_0_120", "boat_0_240", "cat-crop1", "cat-crop2", "dog"])
    "4 pictures look like pieces of 2 photographs: 'boat_0_120' and 'boat_0_240', for example,
    differ only by their end (a number, two as in _0_120, or as in -crop3). Each is taken for a
    photograph of its own; if they are not, say so in in/sources.csv, whose first line is
    `picture,source`, and make the study anew."
    >>> alike_note(Path("in"), ["0801", "0802", "boat", "cat1"])
    ''

    Where one name with a number is all there is, the pictures are counted, not cut.

    >>> alike_note(Path("in"), ["img_001", "img_002", "img_003"])
    ''
    """
    groups: dict[str, list[str]] = {}
    for name in pictures:
        if stem := _PIECE.sub("", name).casefold():
            groups.setdefault(stem, []).append(name)
    alike = [names for names in groups.values() if len(names) > 1]
    if not alike or len(alike[0]) == len(pictures):
        return ""
    count, many = sum(map(len, alike)), len(alike)
    first, second = alike[0][:2]
    return (
        f"{count} pictures look like pieces of {many} photograph{'s' * (many != 1)}: '{first}' and "
        f"'{second}', for example, differ only by their end (a number, two as in _0_120, or as in "
        "-crop3). Each is taken for a photograph of its own; if they are not, say so in "
        f"{shown(folder / SOURCES_FILE)}, whose first line is `picture,source`, and make the study "
        "anew."
    )


def _is_there(folder: Path) -> bool:
    """Whether the file is there; what is no file, or has nearly its name, is no silent no."""
    for entry in sorted(folder.iterdir()):
        if entry.name.casefold() in _MEANT and entry.name != SOURCES_FILE and entry.is_file():
            raise UserError(
                f"{shown(entry)} would not be read: name it {SOURCES_FILE}, or take it away."
            )
    place = folder / SOURCES_FILE
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode):
        raise UserError(f"{shown(place)} is a link: put the file itself there (`cp -L`).")
    if not stat.S_ISREG(mode):
        raise UserError(f"{shown(place)} is no plain file: a table is needed, or none.")
    return True


def _rows(data: bytes, where: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that say anything, each with the line in which it begins."""
    try:
        text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{where}, line {line}, is not UTF-8: save the file as CSV in UTF-8."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise UserError(f"{where}, line {line}, is not CSV ({error}): check quotes.") from error
        if row is None:
            return
        if any(value.strip() for value in row):
            yield line, row


def _check_header(first: tuple[int, list[str]] | None, where: str) -> None:
    if first is None:
        raise UserError(f"{where} is empty: its first line must be `picture,source`.")
    line, values = first
    if [value.strip() for value in values] != ["picture", "source"]:
        hint = ", with a comma between the two" if len(values) == 1 else ""
        raise UserError(
            f"{where}, line {line}: the header must be `picture,source`{hint} "
            f"(got '{shown(','.join(values))[:80]}')."
        )


def _picture(typed: str, known: Mapping[str, None], where: str) -> str:
    """The picture that is meant, by its name with or without suffix."""
    if not typed.strip():
        raise UserError(f"{where}: no picture is named: its name belongs before the comma.")
    for name in (unicodedata.normalize("NFC", text) for text in (typed, typed.strip())):
        if name in known:
            return name
        stem, dot, suffix = name.rpartition(".")
        if stem in known and f"{dot}{suffix}".lower() in IMAGE_SUFFIXES:
            return stem
    raise UserError(
        f"{where}: there is no picture '{shown(name)}' in {ORIGINAL}/.{nearest(name, known)}"
    )


def _source(typed: str, picture: str, where: str) -> str:
    """The photograph's name, if it is one."""
    source = unicodedata.normalize("NFC", typed.strip())
    if not source:
        raise UserError(
            f"{where}: the picture '{shown(picture)}' has no source: name the photograph that it "
            "was cut from."
        )
    if shown(source) != source:
        raise UserError(
            f"{where}: the source '{shown(source)[:80]}' holds what cannot be printed: name it "
            "otherwise."
        )
    return source
