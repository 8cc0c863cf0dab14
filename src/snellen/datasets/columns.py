"""Columns of labels: one class or one number for each picture, made from texts and checked."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from snellen.errors import UserError, nearest
from snellen.files import shown

__all__ = ["Column", "Kind", "Labels", "ignored", "make_columns"]

Kind: TypeAlias = Literal["class", "number", "circular"]

_KINDS = "'class', 'number', 'circular' (a period of 360), 'circular:PERIOD' or 'ignore'"
_LARGEST = 1e100  # squares of what is larger, and their sums, are not finite
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Column:
    """One label of each picture.

    Attributes:
        name: of the column.
        kind: `class` is one of a few names; `number` lies on a line; `circular` lies on a circle,
            such as an angle or an hour: 0 and `period` are the same.
        values: (n,); of a class int64 codes 0…k - 1, else float64, of a circle in [0, period).
        classes: of a class column, the k names: in numeric order if all are whole numbers, else
            sorted.
        period: of a circular column, in its unit.
        unit: such as `°`, or "".
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    period: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Labels:
    """A column as it was read: texts, and the kind (as a user types it) that it has by itself.

    `kind` None stands for a number where every text is one, and a class otherwise.
    """

    name: str
    texts: Sequence[str]
    kind: str | None = None
    unit: str = ""


@dataclass(frozen=True)
class _Asked:
    """A kind as the user typed it."""

    kind: Literal["class", "number", "circular", "ignore"]
    period: float | None = None
    unit: str = ""


def ignored(columns: Mapping[str, str], names: Sequence[str], where: str) -> frozenset[str]:
    """Check the kinds that a user declares, and return which columns are to be left alone.

    Args:
        columns: name → kind.
        names: the columns that are there.
        where: what has the columns, for messages.

    Raises:
        UserError: a column that is not there, or no such kind.
    """
    for name in columns:
        if name not in names:
            raise UserError(
                f"{where} has no column {shown(name)!r}; it has {_listed(names, len(names))}."
                f"{nearest(name, names)}"
            )
    return frozenset(name for name, kind in columns.items() if _asked(name, kind).kind == "ignore")


def make_columns(
    labels: Sequence[Labels],
    columns: Mapping[str, str],
    *,
    where: str,
    place: Callable[[int], str],
) -> tuple[Column, ...]:
    """Turn texts into columns, but for those that are to be ignored.

    Args:
        labels: the columns as they were read.
        columns: the kinds that a user declares, by name; they come before those of `labels`.
        where: what has the columns, for messages.
        place: where the text of a picture stands, such as `row 7`, for messages.

    Raises:
        UserError: what `ignored` refuses; nothing is left; a text that is empty, or no number up to
            1e100 where one is needed; a number that is always the same; one class only, or a class
            with a single picture.

    >>> number, colour = make_columns(
    ...     [Labels("hour", ["1", "23.5", "25"]), Labels("colour", ["red", "blue", "red"])],
    ...     {"hour": "circular:24", "colour": "class"}, where="a.csv", place=str)
    Traceback (most recent call last):
    ...
    snellen.errors.UserError: the class column 'colour' of a.csv has classes with a single picture
    ('blue'), which can neither train nor judge: add pictures of them, or remove those, or leave
    the column out by --columns colour=ignore.
    """
    leave = ignored(columns, [item.name for item in labels], where)
    used = [item for item in labels if item.name not in leave]
    if not used:
        raise UserError(f"every column of {where} is declared 'ignore': keep at least one.")
    alone = len(used) == 1
    return tuple(
        _column(item, columns.get(item.name, item.kind), where, place, alone=alone) for item in used
    )


def _column(
    labels: Labels, declared: str | None, where: str, place: Callable[[int], str], *, alone: bool
) -> Column:
    name = shown(labels.name)
    for index, text in enumerate(labels.texts):
        if not text:
            raise UserError(
                f"the column {name!r} of {where} has no value in {place(index)}: give one, remove"
                " the row, or declare the column 'ignore'."
            )
    numbers = [_number(text) for text in labels.texts]
    asked = _asked(labels.name, declared) if declared else None
    if asked is None:
        asked = _Asked("class" if None in numbers else "number")
    if asked.kind == "class":
        return _class_column(labels, numbers, where, alone=alone)
    return _number_column(labels, numbers, asked, where, place, alone=alone)


def _number_column(
    labels: Labels,
    numbers: list[float | None],
    asked: _Asked,
    where: str,
    place: Callable[[int], str],
    *,
    alone: bool,
) -> Column:
    name = shown(labels.name)
    finite: list[float] = []
    for index, (number, text) in enumerate(zip(numbers, labels.texts, strict=True)):
        kind = "no number" if number is None else _fault(number)
        if number is None or kind:
            raise UserError(
                f"the column {name!r} of {where} has {shown(text)!r} in {place(index)}, which is"
                f" {kind}: mend it, remove the row, or declare the column 'class' or 'ignore'."
            )
        finite.append(number)
    values = np.array(finite, np.float64)
    if asked.period is not None:
        values = np.mod(values, asked.period)
        values[values == asked.period] = 0.0  # of a tiny negative number
    if values.min() == values.max():
        raise UserError(
            f"the number column {name!r} of {where} is {values[0]:g} for every picture, so there is"
            f" nothing to learn in it: {_without(name, alone, 'bring other values')}."
        )
    if asked.period is not None:
        unit = labels.unit or asked.unit
        return Column(labels.name, "circular", values, period=asked.period, unit=unit)
    return Column(labels.name, "number", values, unit=labels.unit)


def _class_column(
    labels: Labels, numbers: list[float | None], where: str, *, alone: bool
) -> Column:
    name = shown(labels.name)
    counts = Counter(labels.texts)
    classes = _ordered(counts)
    # A column of numbers with a slip of the pen in it looks like one of many rare classes.
    others = [text for text, number in zip(labels.texts, numbers, strict=True) if number is None]
    hint = ""
    if 0 < len(others) < len(numbers) / 2:
        hint = (
            f" (Most of its values are numbers, but not {_listed(dict.fromkeys(others))}: if it is"
            " a column of numbers, mend these.)"
        )
    if len(classes) == 1:
        raise UserError(
            f"the class column {name!r} of {where} has one class only ({shown(classes[0])!r}), so"
            f" there is nothing to learn in it: {_without(name, alone, 'bring other classes')}."
        )
    if single := [text for text in classes if counts[text] == 1]:
        raise UserError(
            f"the class column {name!r} of {where} has classes with a single picture"
            f" ({_listed(single)}), which can neither train nor judge:"
            f" {_without(name, alone, 'add pictures of them, or remove those')}.{hint}"
        )
    codes = {text: code for code, text in enumerate(classes)}
    values = np.array([codes[text] for text in labels.texts], np.int64)
    return Column(labels.name, "class", values, classes=classes)


def _without(name: str, alone: bool, other: str) -> str:
    """What to do about a column; the only one cannot be left out."""
    return other if alone else f"{other}, or leave the column out by --columns {name}=ignore"


def _ordered(texts: Mapping[str, int]) -> tuple[str, ...]:
    if all(_INTEGER.fullmatch(text) for text in texts):
        return tuple(sorted(texts, key=lambda text: (int(text), text)))
    return tuple(sorted(texts))


def _number(text: str) -> float | None:
    """A text as a number, perhaps not a finite one; None if it is none."""
    try:
        # Python alone takes 1_000 for a number.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _fault(number: float) -> str:
    """Why a number cannot be a label; nothing if it can."""
    if not math.isfinite(number):
        return "not finite"
    return f"beyond {_LARGEST:g}" if abs(number) > _LARGEST else ""


def _asked(name: str, kind: str) -> _Asked:
    head, colon, tail = kind.strip().partition(":")
    if head == "circular":
        period = _number(tail) if colon else 360.0
        if period is None or not math.isfinite(period) or period <= 0:
            raise UserError(
                f"the column {shown(name)!r} is declared {shown(kind)!r}; need a period above 0,"
                " such as 'circular:24' for hours."
            )
        return _Asked("circular", period, "" if colon else "°")
    if not colon:
        if head == "class":
            return _Asked("class")
        if head == "number":
            return _Asked("number")
        if head == "ignore":
            return _Asked("ignore")
    raise UserError(
        f"the column {shown(name)!r} is declared {shown(kind)!r}; need {_KINDS}."
        f"{nearest(head, [*get_args(Kind), 'ignore'])}"
    )


def _listed(texts: Sequence[str] | Mapping[str, Any], most: int = 3) -> str:
    shown_ones = [repr(shown(text)) for text in list(texts)[:most]]
    more = len(texts) - len(shown_ones)
    return ", ".join(shown_ones) + (f" and {more:,} more" if more else "")
