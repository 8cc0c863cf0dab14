"""The Cropped Extended Yale Face Database B: 38 people, each under up to 64 lights.

Georghiades, Belhumeur and Kriegman, PAMI 23(6), 2001; cropped by Lee, Ho and Kriegman, PAMI 27(5),
2005. A file is called like `yaleB01_P00A+035E-20.pgm`: person 01, pose 00, the light at azimuth
+35° and elevation -20°, as seen from the camera's axis.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.inspection import Found, inspect, whole_digest
from snellen.datasets.keys import digest_text
from snellen.datasets.pictures import CachedPictures, Skipped, require_some, skipped_for, unfit
from snellen.errors import UserError
from snellen.files import shown
from snellen.images import read_image
from snellen.images.colour import Pixels

__all__ = ["Face", "YaleFaces", "looks_like_yale"]

_NAME = re.compile(r"((yaleB\d\d)_P00A([+-]\d{3})E([+-]\d{2}))\.(?i:pgm)", re.ASCII)
_EXAMPLE = "yaleB01_P00A+035E-20.pgm"
_THREADS = 4  # reading files waits for disks and networks
_PACKED = "CroppedYale.zip"


@dataclass(frozen=True)
class Face:
    """What the name of a file says.

    >>> Face.of("yaleB01_P00A+035E-20.pgm")
    Face(name='yaleB01_P00A+035E-20', subject='yaleB01', azimuth=35, elevation=-20)

    Attributes:
        name: of the file, without its suffix.
        subject: the person.
        azimuth, elevation: of the light, in whole degrees.
    """

    name: str
    subject: str
    azimuth: int
    elevation: int

    @staticmethod
    def of(file: str) -> Face | None:
        """Read the name of a file; None if it is not named as in the database."""
        match = _NAME.fullmatch(file)
        if match is None:
            return None
        face = Face(match[1], match[2], int(match[3]), int(match[4]))
        return face if abs(face.azimuth) <= 180 and abs(face.elevation) <= 90 else None


class YaleFaces(CachedPictures):
    """The faces in a folder, in the order of their names; see `open_pictures`.

    The folder holds one folder for each person (`yaleB01`, …), or all files; or it is the one
    above. What the makers marked `.bad` and pictures without a light (`…_Ambient.pgm`) are left
    out, and are among `skipped`. A source is a person.

    Attributes:
        faces: what the names say, one for each picture.

    Raises:
        UserError: no faces, a .pgm that is named otherwise, a folder that holds another person's
            face, a name that comes twice, or a folder that cannot be read.
    """

    def __init__(self, folder: str, channels: int, min_side: int, cache_bytes: int) -> None:
        super().__init__(f"yale:{folder}", channels, min_side, cache_bytes)
        named, self._left_out = _named(_place(folder))
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="faces") as pool:
            looks = list(pool.map(inspect, [os.fsencode(path) for _, path in named]))
        self._files: list[tuple[Face, Path]] = []
        self._found: list[Found] = []
        for (face, path), found in zip(named, looks, strict=True):
            if reason := found.reason or unfit(found.height, found.width, min_side):
                self._left_out.append(skipped_for(face.name, reason))
            else:
                self._files.append((face, path))
                self._found.append(found)
        self.faces = tuple(face for face, _ in self._files)
        require_some(len(self), self.spec, self._left_out)

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        """See `Pictures`."""
        return self.faces[index].name

    def source(self, index: int) -> str:
        """The person."""
        return self.faces[index].subject

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        return np.array([digest_text(face.subject) for face in self.faces], np.uint64)

    def fingerprint(self, *, whole: bool = False) -> str:
        """Of names and contents, as they were when the set was opened."""
        contents: list[int | str] = [found.content for found in self._found]
        if whole:
            contents = [whole_digest(os.fsencode(path)).hex() for _, path in self._files]
        return self._fingerprint(
            f"{face.name} {content}".encode()
            for face, content in zip(self.faces, contents, strict=True)
        )

    @property
    def decoded_bytes(self) -> int:
        """See `Pictures`."""
        return sum(found.height * found.width for found in self._found) * self.channels

    def _decode(self, index: int) -> Pixels:
        return read_image(self._files[index][1])

    def _skipped_at_opening(self) -> list[Skipped]:
        return list(self._left_out)


def looks_like_yale(folder: Path) -> bool:
    """Whether faces of the database lie in a folder, or up to two folders further down."""
    places = [folder]
    for _ in range(3):
        entries = [entry for place in places for entry in _entries(place, strict=False)]
        if any(Face.of(entry.name) for entry in entries):
            return True
        places = [Path(entry.path) for entry in entries if entry.is_dir()]
    return False


def _place(folder: str) -> Path:
    """The folder with the files or the folders of people: `folder`, or one in it."""
    root = Path(os.path.expanduser(folder))
    if not folder or not os.path.isdir(root):
        raise UserError(f"no folder {shown(folder)!r}: type yale: and the folder of the faces.")
    entries = _entries(root)
    if any(_is_of_faces(entry) or _is_pgm(entry.name) for entry in entries):
        return root
    below = [
        Path(entry.path)
        for entry in entries
        if entry.is_dir() and any(map(_is_of_faces, _entries(Path(entry.path), strict=False)))
    ]
    if len(below) > 1:
        names = ", ".join(shown(path.name) for path in below[:3])
        raise UserError(
            f"several folders in {shown(folder)} hold faces ({names}): name the one that you mean,"
            f" as in {shown(f'yale:{below[0]}')}."
        )
    if below:
        return below[0]
    if os.path.isfile(packed := root / _PACKED):
        raise UserError(
            f"{shown(packed)} is still packed: type `unzip {shown(packed)} -d {shown(root)}` first."
        )
    raise UserError(_nothing(folder))


def _named(place: Path) -> tuple[list[tuple[Face, Path]], list[Skipped]]:
    """The faces of a folder with their files, by name, and what is left out."""
    files: list[tuple[str, Path]] = []
    for entry in _entries(place):
        if entry.is_dir():
            if entry.name.startswith("yaleB"):
                files += [(entry.name, Path(inner.path)) for inner in _entries(Path(entry.path))]
        else:
            files.append(("", Path(entry.path)))
    faces: dict[str, tuple[Face, Path]] = {}
    left_out, others, misplaced = [], [], []
    for folder, path in files:
        if path.suffix.lower() == ".bad":
            left_out.append(Skipped(path.name, "marked .bad"))
        elif path.name.lower().endswith("_ambient.pgm"):
            left_out.append(Skipped(path.name, "without a light (Ambient)"))
        elif not _is_pgm(path.name):
            continue  # lists of the files, traces of editors
        elif (face := Face.of(path.name)) is None:
            others.append(os.path.join(folder, path.name))
        elif folder and face.subject != folder:
            misplaced.append(os.path.join(folder, path.name))
        elif face.name in faces:
            raise UserError(
                f"{shown(place)} holds {shown(path.name)} twice, in the folder of the person and"
                " beside it: remove one."
            )
        else:
            faces[face.name] = face, path
    if others:
        raise UserError(
            f"{_some(others)} in {shown(place)} {'is' if len(others) == 1 else 'are'} not named as"
            f" in the database: need names like {_EXAMPLE} (person, pose 00, azimuth and"
            " elevation of the light); rename or remove them."
        )
    if misplaced:
        raise UserError(
            f"{_some(misplaced)} in {shown(place)} {'lies' if len(misplaced) == 1 else 'lie'} in"
            " the folder of another person: move them to the folder that their names begin with."
        )
    if not faces:
        raise UserError(_nothing(os.fspath(place), len(left_out)))
    return [faces[name] for name in sorted(faces)], left_out


def _nothing(folder: str, left_out: int = 0) -> str:
    seen = f" but {left_out:,} marked .bad or Ambient" if left_out else ""
    return (
        f"no faces in {shown(folder)}{seen}: need the files of the Cropped Extended Yale Face"
        f" Database B, such as yaleB01/{_EXAMPLE}, there or in a folder of it."
    )


def _some(names: list[str]) -> str:
    text = ", ".join(shown(name) for name in names[:3])
    return f"{text} and {len(names) - 3:,} more" if len(names) > 3 else text


def _is_pgm(name: str) -> bool:
    return name.lower().endswith(".pgm")


def _is_of_faces(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith("yaleB") and (entry.is_dir() or _is_pgm(entry.name))


def _entries(folder: Path, *, strict: bool = True) -> list[os.DirEntry[str]]:
    """What is in a folder, by name, but for hidden files; nothing if it may not be entered."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
    except (OSError, ValueError) as error:
        if strict:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"cannot read {shown(folder)}: {reason}.") from error
        return []
    return sorted(found, key=lambda entry: entry.name)
