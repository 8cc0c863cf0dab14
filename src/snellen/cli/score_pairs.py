"""Which picture is compared with which: two files, or two folders paired by name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath

from snellen.errors import UserError
from snellen.files import shown
from snellen.images.folders import pictures_in

__all__ = ["Pair", "find_pairs"]


@dataclass(frozen=True)
class Pair:
    """Two pictures to compare, or one whose partner is missing.

    Attributes:
        name: what the pair is called: the reference's path inside its folder, or a file's name.
        reference: the original; None when there is none.
        distorted: what is judged against it; None when there is none.
        problem: why this cannot be measured; empty when both are there.
    """

    name: str
    reference: Path | None
    distorted: Path | None
    problem: str = ""


def find_pairs(reference: Path, distorted: Path) -> list[Pair]:
    """Return the pairs of two files or of two folders, sorted by name.

    Pictures in folders (whole trees) belong together when their paths inside the folders are the
    same, or else when these are the same but for the suffix (`a/cat.png` and `a/cat.jpg`) and there
    is one such picture on each side. Every other picture becomes a pair with a `problem`.

    Raises:
        UserError: one is a file and the other a folder, something does not exist, or a folder has
            no picture in it.
    """
    for path in (reference, distorted):
        if not path.exists():
            raise UserError(f"there is no file or folder {shown(path)}: check the path.")
    if reference.is_dir() != distorted.is_dir():
        folder, file = (reference, distorted) if reference.is_dir() else (distorted, reference)
        raise UserError(
            f"{shown(folder)} is a folder and {shown(file)} a file: give two files, or two folders"
            " whose pictures have the same names."
        )
    if not reference.is_dir():
        return [Pair(distorted.name, reference, distorted)]
    return _pair_folders(reference, distorted)


def _pair_folders(reference: Path, distorted: Path) -> list[Pair]:
    originals, candidates = pictures_in(reference), pictures_in(distorted)
    pairs = [
        Pair(name, reference / name, distorted / name) for name in originals if name in candidates
    ]
    left = _by_stem(originals - candidates)
    right = _by_stem(candidates - originals)
    for stem in sorted(left.keys() | right.keys()):
        ours, theirs = left.get(stem, []), right.get(stem, [])
        if len(ours) == len(theirs) == 1:
            pairs.append(Pair(ours[0], reference / ours[0], distorted / theirs[0]))
            continue
        pairs += [
            Pair(name, reference / name, None, _why_alone(theirs, distorted)) for name in ours
        ]
        pairs += [
            Pair(name, None, distorted / name, _why_alone(ours, reference)) for name in theirs
        ]
    return sorted(pairs, key=lambda pair: pair.name)


def _by_stem(names: set[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        stems[PurePath(name).with_suffix("").as_posix()].append(name)
    return stems


def _why_alone(others: list[str], folder: Path) -> str:
    if not others:
        return f"no picture in {shown(folder)} has this name."
    if len(others) == 1:
        return f"several pictures would go with {shown(folder / others[0])}: keep one of them."
    names = shown(", ".join(others))
    return f"several pictures in {shown(folder)} would go with it ({names}): keep one of them."
