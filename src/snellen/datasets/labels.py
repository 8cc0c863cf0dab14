"""Sets of pictures with labels: what is asked of codes is which labels can be read from them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from snellen.datasets.cifar10 import Cifar10Pictures, looks_like_cifar10
from snellen.datasets.columns import Column, Kind, Labels, make_columns
from snellen.datasets.folder import FolderPictures
from snellen.datasets.label_table import LABELS, match, read_table
from snellen.datasets.lit_photographs import LitPhotographs
from snellen.datasets.pictures import CACHE_BYTES, Pictures
from snellen.datasets.subset import Subset
from snellen.datasets.yale_faces import YaleFaces, looks_like_yale
from snellen.errors import UserError, nearest
from snellen.files import shown

__all__ = ["Column", "Kind", "LabelledPictures", "fingerprint", "open_labelled"]

_SPECS = f"'builtin', a folder with a {LABELS}, 'yale:DIR' or 'cifar10:DIR'"


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures, and columns of labels.

    Attributes:
        pictures: the set.
        columns: one value for each picture, in the order of `pictures`.
        groups: pictures that may be held out together: name → the columns whose values make a
            group. Pictures that share the values in all of them are one group.
        left_out: reason → how many pictures or rows were left out at opening for it. A picture
            that is damaged inside is found out when it is read, as in every set.
    """

    pictures: Pictures
    columns: tuple[Column, ...]
    groups: dict[str, tuple[str, ...]]
    left_out: dict[str, int]


def open_labelled(
    spec: str,
    *,
    channels: int = 1,
    min_side: int = 48,
    columns: Mapping[str, str] | None = None,
    unmatched: Literal["refuse", "skip"] = "refuse",
) -> LabelledPictures:
    """Open a set of pictures with labels by its name.

    Args:
        spec: `yale:DIR` (the Cropped Extended Yale Face Database B; columns identity, azimuth and
            elevation of the light in °), `cifar10:DIR` (the official binary files; column class),
            `builtin` (crops of photographs that ship with the dependencies, each under a made
            light; columns photograph, azimuth in °, strength), or a folder of pictures with a
            file labels.csv: UTF-8, commas, a first row of names; the column `file` has the path
            of a picture in the folder (with `/`), each other column is a label. A column is a
            number where every value is one, and a class otherwise.
        channels: 1 for gray, 3 for colour; every picture is brought to it.
        min_side: pictures smaller than this on a side, in pixels, are left out.
        columns: kinds of columns, where another is wanted: name → `class`, `number`, `circular`
            (a period of 360), `circular:PERIOD`, or `ignore`.
        unmatched: what to do with pictures without a row and rows without a picture in a folder
            with labels.csv: `refuse`, or `skip` both.

    Raises:
        UserError: there is no such set, no usable picture in it, or labels that nothing can be
            learned from: see the sentences of `make_columns` and `read_table`.

    >>> lit = open_labelled("builtin", columns={"strength": "ignore"})
    >>> [(column.name, column.kind) for column in lit.columns]
    [('photograph', 'class'), ('azimuth', 'circular')]
    >>> len(lit.pictures) == len(lit.columns[0].values)
    True
    """
    declared = dict(columns or {})
    if unmatched not in ("refuse", "skip"):
        raise UserError(f"got unmatched={unmatched!r}; need 'refuse' or 'skip'.")
    scheme, colon, rest = spec.partition(":")
    if spec == "builtin":
        return _lit(LitPhotographs(channels, min_side, CACHE_BYTES), declared)
    if colon and scheme == "yale":
        return _yale(YaleFaces(rest, channels, min_side, CACHE_BYTES), declared)
    if colon and scheme == "cifar10":
        return _cifar10(Cifar10Pictures(rest, channels, min_side, CACHE_BYTES), declared)
    folder = Path(os.path.expanduser(spec))
    # os.path, because Path raises where a folder on the way may not be entered.
    if not spec or not os.path.isdir(folder):
        raise UserError(_no_folder(spec, folder))
    if not os.path.isfile(folder / LABELS):
        raise UserError(_no_labels(spec, folder))
    return _folder(folder, channels, min_side, declared, skip=unmatched == "skip")


def fingerprint(labelled: LabelledPictures) -> str:
    """Sixteen hexadecimal digits that change when a picture or a label does.

    Units and the order of rows in a labels.csv do not matter.

    >>> fingerprint(open_labelled("builtin")) == fingerprint(open_labelled("builtin"))
    True
    """
    digest = hashlib.blake2b(digest_size=8)
    parts = [labelled.pictures.fingerprint().encode()]
    for column in labelled.columns:
        parts.append(f"{column.name}\0{column.kind}\0{column.period}".encode("utf-8", "replace"))
        parts += [name.encode("utf-8", "replace") for name in column.classes]
        kind = "<i8" if column.kind == "class" else "<f8"
        parts.append(column.values.astype(kind).tobytes())
    for part in parts:
        # With its length, so that what ends one part cannot begin the next.
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _yale(faces: YaleFaces, declared: Mapping[str, str]) -> LabelledPictures:
    labels = [
        Labels("identity", [face.subject for face in faces.faces], "class"),
        Labels("azimuth", [str(face.azimuth) for face in faces.faces], "number", "°"),
        Labels("elevation", [str(face.elevation) for face in faces.faces], "number", "°"),
    ]
    groups = {"people": ("identity",), "lights": ("azimuth", "elevation")}
    return _labelled(faces, labels, declared, groups)


def _cifar10(pictures: Cifar10Pictures, declared: Mapping[str, str]) -> LabelledPictures:
    texts = [pictures.classes[code] for code in pictures.labels.tolist()]
    return _labelled(pictures, [Labels("class", texts, "class")], declared, {})


def _lit(pictures: LitPhotographs, declared: Mapping[str, str]) -> LabelledPictures:
    labels = [
        Labels("photograph", [pictures.source(k) for k in range(len(pictures))], "class"),
        Labels("azimuth", [repr(light.azimuth) for light in pictures.lights], "circular", "°"),
        Labels("strength", [repr(light.strength) for light in pictures.lights], "number"),
    ]
    return _labelled(pictures, labels, declared, {"photographs": ("photograph",)})


def _folder(
    folder: Path, channels: int, min_side: int, declared: Mapping[str, str], *, skip: bool
) -> LabelledPictures:
    table = read_table(folder / LABELS, declared)
    pictures = FolderPictures(folder, channels, min_side, CACHE_BYTES)
    found = match(table, pictures, skip=skip)
    labels = [
        Labels(name, [table.rows[row].texts[k] for row in found.rows])
        for k, name in enumerate(table.names)
    ]
    kept: Pictures = pictures
    if len(found.indices) < len(pictures) or found.left_out:
        kept = Subset(pictures, found.indices, found.left_out)
    rows = [f"row {table.rows[row].number}" for row in found.rows]
    made = make_columns(labels, declared, where=shown(table.path), place=lambda index: rows[index])
    groups: dict[str, tuple[str, ...]] = {
        column.name: (column.name,) for column in made if column.kind == "class"
    }
    return LabelledPictures(kept, made, groups, _left_out(kept))


def _labelled(
    pictures: Pictures,
    labels: Sequence[Labels],
    declared: Mapping[str, str],
    groups: dict[str, tuple[str, ...]],
) -> LabelledPictures:
    columns = make_columns(labels, declared, where=shown(pictures.spec), place=pictures.name)
    have = {column.name for column in columns}
    groups = {name: parts for name, parts in groups.items() if have.issuperset(parts)}
    return LabelledPictures(pictures, columns, groups, _left_out(pictures))


def _left_out(pictures: Pictures) -> dict[str, int]:
    return dict(Counter(item.reason for item in pictures.skipped))


def _no_folder(spec: str, path: Path) -> str:
    if spec and os.path.isfile(path):
        return f"{shown(spec)} is a file; name the folder that holds the pictures and {LABELS}."
    scheme, colon, _ = spec.partition(":")
    guess = nearest(scheme, ["yale", "cifar10"] if colon else ["builtin"])
    return f"no labelled pictures at {shown(spec)!r}: need {_SPECS}.{guess}"


def _no_labels(spec: str, folder: Path) -> str:
    if looks_like_yale(folder):
        return (
            f"{shown(spec)} holds the Extended Yale Face Database B: type yale:{shown(spec)} to"
            " take the labels from the names of its files."
        )
    if looks_like_cifar10(folder):
        return f"{shown(spec)} holds CIFAR-10: type cifar10:{shown(spec)} to take its labels."
    try:
        others = [name for name in os.listdir(folder) if name.lower().endswith(".csv")]
    except OSError:
        others = []
    return (
        f"no {LABELS} in {shown(spec)}: put one there, with a column 'file' (the path of each"
        f" picture) and a column for each label.{nearest(LABELS, others)}"
    )
