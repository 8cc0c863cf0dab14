"""The file labels.csv beside a folder of pictures, and which of its rows belongs to which picture.

UTF-8, commas, quoting as spreadsheets do; a first row of names, `file` and at least one label.
"""

from __future__ import annotations

import csv
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snellen.datasets.columns import ignored
from snellen.datasets.folder import FolderPictures
from snellen.datasets.pictures import Skipped
from snellen.errors import UserError, nearest
from snellen.files import shown

__all__ = ["LABELS", "Matched", "Row", "Table", "match", "read_table"]

LABELS = "labels.csv"
_FILE = "file"


@dataclass(frozen=True)
class Row:
    """A row: its number, where 1 is the row of names, the picture's path, and its labels."""

    number: int
    file: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A labels.csv: the names of its labels, and its rows."""

    path: Path
    names: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Matched:
    """Which pictures have a row: their indices, ascending, the row of each, and what has none."""

    indices: tuple[int, ...]
    rows: tuple[int, ...]
    left_out: tuple[Skipped, ...]


def read_table(path: Path, columns: Mapping[str, str]) -> Table:
    """Read a labels.csv.

    Args:
        path: the file.
        columns: the kinds that a user declares, by name; they are checked here, so that a
            misspelt one is found before the folder is looked through.

    Raises:
        UserError: the file cannot be read or is no UTF-8; it has no column `file`, no other one,
            one without a name or two of a name; a row has another number of values, no file, or a
            file that an earlier row has; there are no rows; `columns` does not fit.
    """
    where = shown(path)
    numbered = _records(path)
    if not numbered:
        raise UserError(f"{where} is empty: need a row of names, 'file' and the labels.")
    _, header = numbered[0]
    names = [name.strip() for name in header]
    at = _check_names(where, names)
    labels = tuple(name for k, name in enumerate(names) if k != at)
    if _FILE in columns:
        raise UserError(f"the column 'file' of {where} names the pictures and has no kind.")
    ignored(columns, labels, where)
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, cells in numbered[1:]:
        if len(cells) != len(names):
            raise UserError(
                f"{where} has {len(cells)} value{'s' * (len(cells) != 1)} in row {number} and"
                f" {len(names)} columns: give every column a value, and put a value with a comma in"
                " it in quotes."
            )
        if not cells[at].strip():
            raise UserError(f"{where} names no file in row {number}: name one or remove the row.")
        file = posixpath.normpath(cells[at])
        if file in seen:
            raise UserError(
                f"{where} has {shown(file)} in row {seen[file]} and again in row {number}: remove"
                " one of the rows."
            )
        seen[file] = number
        texts = tuple(cell.strip() for k, cell in enumerate(cells) if k != at)
        rows.append(Row(number, file, texts))
    if not rows:
        raise UserError(f"{where} has names of columns but no rows: add one for each picture.")
    return Table(path, labels, tuple(rows))


def match(table: Table, pictures: FolderPictures, *, skip: bool) -> Matched:
    """Find the row of each picture of the folder.

    Rows of pictures that the set skips, because they are damaged or too small, have no picture
    and are no mistake.

    Args:
        table: the rows.
        pictures: the pictures of the folder.
        skip: leave out what has no counterpart, rather than refuse it.

    Raises:
        UserError: a row without a picture or a picture without a row, unless `skip`; or no
            picture has a row.
    """
    where = shown(table.path)
    index_of = {pictures.name(index): index for index in range(len(pictures))}
    passed_over = {item.name for item in pictures.skipped}
    row_of: dict[int, int] = {}
    missing: list[Row] = []
    for place, row in enumerate(table.rows):
        if (index := index_of.get(row.file)) is not None:
            row_of[index] = place
        elif row.file not in passed_over:
            missing.append(row)
    unlabelled = [name for name, index in index_of.items() if index not in row_of]
    hint = _hint(missing, index_of)
    if (missing or unlabelled) and not skip:
        faults = []
        if missing:
            some = [f"{shown(row.file)} in row {row.number}" for row in missing[:3]]
            faults.append(_counted(len(missing), "row names", "rows name", some, _NOT_THERE))
        if unlabelled:
            some = [shown(name) for name in unlabelled[:3]]
            faults.append(_counted(len(unlabelled), "picture", "pictures", some, _NO_ROW))
        raise UserError(
            f"{where} does not fit its folder: {' and '.join(faults)}: mend the table{hint}, or"
            " leave both kinds out by --unmatched skip."
        )
    if not row_of:
        raise UserError(f"no picture in the folder of {where} has a row in it{hint}.")
    left_out = [Skipped(row.file, "a row without a picture") for row in missing]
    left_out += [Skipped(name, "a picture without a row") for name in unlabelled]
    indices = sorted(row_of)
    return Matched(tuple(indices), tuple(row_of[index] for index in indices), tuple(left_out))


_NOT_THERE = ("a picture that is not there", "pictures that are not there")
_NO_ROW = ("has no row", "have no row")


def _counted(count: int, one: str, many: str, some: Sequence[str], after: tuple[str, str]) -> str:
    text = f"{count:,} {one if count == 1 else many} {after[count != 1]}"
    return f"{text} ({', '.join(some)}{', …' if count > len(some) else ''})"


def _hint(missing: Sequence[Row], index_of: Mapping[str, int]) -> str:
    if any(row.file.replace("\\", "/") in index_of for row in missing if "\\" in row.file):
        return " (folders are separated by / there, not by \\)"
    if any(row.file.startswith("/") for row in missing):
        return " (paths begin in the folder of the table, not with /)"
    return ""


def _records(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, with their numbers as a spreadsheet shows them."""
    records: list[tuple[int, list[str]]] = []
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file, strict=True), start=1):
                if any(map(str.strip, cells)):
                    records.append((number, cells))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{shown(path)} is no UTF-8: save it as CSV in UTF-8, which spreadsheets offer."
        ) from error
    except csv.Error as error:
        raise UserError(
            f"{shown(path)} is no CSV in row {number + 1} ({error}): mind the quotes there."
        ) from error
    except OSError as error:
        raise UserError(f"cannot read {shown(path)}: {error.strerror or error}.") from error
    return records


def _check_names(where: str, names: list[str]) -> int:
    """Refuse names that cannot be told apart; return where `file` stands."""
    if _FILE not in names:
        hint = nearest(_FILE, [name.lower() for name in names])
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            hint = " Its values are separated by something else than commas."
        elif hint:
            hint = " Names are read letter by letter: write 'file'."
        raise UserError(
            f"{where} has no column 'file' with the paths of the pictures; its first row has"
            f" {', '.join(repr(shown(name)) for name in names[:5])}: write the names of the columns"
            f" there, 'file' first.{hint}"
        )
    if len(names) == 1:
        raise UserError(f"{where} has no column but 'file': add one for each label.")
    if "" in names:
        raise UserError(
            f"{where} has no name for column {names.index('') + 1}: write one in the first row, or"
            " remove the column."
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(
            f"{where} has two columns called {shown(twice[0])!r}: give one of them another name."
        )
    return names.index(_FILE)
