"""The benchmarks of super-resolution, found under a folder of data, and any folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snellen.errors import UserError, nearest
from snellen.files import shown
from snellen.images import is_image_name, read_image
from snellen.images.colour import Pixels
from snellen.images.metadata import read_metadata, refuse_print_and_several

__all__ = ["BENCHMARKS", "Benchmark", "KnownBenchmark", "find_benchmarks"]


@dataclass(frozen=True)
class KnownBenchmark:
    """Where a published set of pictures is looked for, and how many it has.

    Attributes:
        places: folders under the folder of data, the first that exists is taken; the case of their
            letters does not matter.
        pictures: as many as were published.
        usual: whether it is evaluated where no sets are named.
    """

    places: tuple[str, ...]
    pictures: int
    usual: bool = True


# BSD200 and BSD100 are the test and the validation folder of BSDS500; the second layout is that of
# the archive as Berkeley distributes it.
BENCHMARKS: dict[str, KnownBenchmark] = {
    "Set5": KnownBenchmark(("Set5",), 5),
    "Set14": KnownBenchmark(("Set14",), 14),
    "BSD200": KnownBenchmark(
        ("BSDS500/test", "BSDS500/data/images/test", "BSR/BSDS500/data/images/test", "BSD200"), 200
    ),
    "BSD100": KnownBenchmark(
        ("BSDS500/val", "BSDS500/data/images/val", "BSR/BSDS500/data/images/val", "BSD100"),
        100,
        usual=False,
    ),
}


@dataclass(frozen=True)
class Benchmark:
    """The pictures that lie in one folder (not below it), by name.

    Attributes:
        name: ``Set5``, ``BSD200``, …, or the name of the folder.
        folder: where they lie.
        files: names of the files, in order.
        expected: how many the published set of that name has; None for any other folder.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    expected: int | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> Pixels:
        """Return a picture, (H, W) or (H, W, 3), uint8 or uint16, decoded anew each time.

        Raises:
            UnreadableImage: it is damaged, or gone; it is CMYK, or holds several pictures.
        """
        path = self.folder / self.files[index]
        refuse_print_and_several(path, read_metadata(path))
        return read_image(path)


def find_benchmarks(
    root: str | os.PathLike[str], names: Sequence[str] | None = None
) -> list[Benchmark]:
    """Find sets of pictures under a folder.

    Args:
        root: a folder with ``Set5``, ``Set14``, ``BSDS500`` in it, or one such set itself, or any
            folder of pictures.
        names: names in :data:`BENCHMARKS` (the case does not matter), folders under `root`, or
            other folders; each must be there. None: Set5, Set14 and BSD200, as far as they are
            there; where none of them is, the pictures in `root` itself.

    Raises:
        UserError: no such folder, or no pictures in it; the sentence lists what was looked for.
    """
    base = Path(root)
    if not base.is_dir():
        what = "is a file" if base.exists() else "does not exist"
        raise UserError(f"{shown(base)} {what}; need a folder of pictures or of benchmarks.")
    if names is not None:
        return _apart([_named(base, name) for name in dict.fromkeys(names)])
    usual = [name for name, known in BENCHMARKS.items() if known.usual]
    found = [each for name in usual if (each := _known(base, name)) is not None]
    if found:
        return found
    itself = next((each for name in BENCHMARKS if (each := _known(base, name)) is not None), None)
    itself = itself or _opened(base.resolve().name or "pictures", base)
    if itself is not None:
        return [itself]
    places = "; ".join(f"{name} in {_or(BENCHMARKS[name].places)}" for name in usual)
    raise UserError(
        f"found no benchmark in {shown(base)}: looked for {places}, and for pictures in the folder"
        " itself."
    )


def _named(base: Path, name: str) -> Benchmark:
    by_lower = {known.lower(): known for known in BENCHMARKS}
    if (known_name := by_lower.get(name.lower())) is not None:
        found = _known(base, known_name)
        if found is None:
            places = _or(BENCHMARKS[known_name].places)
            raise UserError(
                f"found no {known_name} in {shown(base)}: looked for {places} with pictures in it."
            )
        return found
    for folder in (base / name, Path(name)):
        if folder.is_dir():
            found = _opened(folder.resolve().name, folder)
            if found is None:
                raise UserError(f"no pictures in {shown(folder)}.")
            return found
    raise UserError(
        f"there is no set {name!r}: it is neither one of {', '.join(BENCHMARKS)} nor a folder in"
        f" {shown(base)}.{nearest(name, BENCHMARKS)}"
    )


def _apart(sets: list[Benchmark]) -> list[Benchmark]:
    """Drop repetitions of a folder; refuse two folders of one name, which no table could show."""
    folders: dict[str, Benchmark] = {}
    for each in sets:
        other = folders.setdefault(each.name, each)
        if other.folder.resolve() != each.folder.resolve():
            raise UserError(
                f"{shown(other.folder)} and {shown(each.folder)} are both called"
                f" {shown(each.name)}: evaluate one at a time."
            )
    if not folders:
        raise UserError(f"no sets were named: type some of {', '.join(BENCHMARKS)}, or folders.")
    return list(folders.values())


def _known(base: Path, name: str) -> Benchmark | None:
    """Find a published set below `base`, or see that `base` is that set or the folder above it."""
    known = BENCHMARKS[name]
    whole = base.resolve()
    for place in known.places:
        parts = Path(place).parts
        for inside in range(len(parts) + 1):
            # The last `inside` parts of the folder's own path may be the first ones of the place.
            own = whole.parts[len(whole.parts) - inside :]
            if [part.lower() for part in own] != [part.lower() for part in parts[:inside]]:
                continue
            folder = _below(base, parts[inside:])
            found = None if folder is None else _opened(name, folder, known.pictures)
            if found is not None:
                return found
    return None


def _below(folder: Path, parts: Sequence[str]) -> Path | None:
    """Go down by names in any case of letters."""
    for part in parts:
        try:
            names = sorted(os.listdir(folder), key=lambda name: (name != part, name))
        except OSError:
            return None
        fitting = next((name for name in names if name.lower() == part.lower()), None)
        if fitting is None or not (folder / fitting).is_dir():
            return None
        folder = folder / fitting
    return folder


def _opened(name: str, folder: Path, expected: int | None = None) -> Benchmark | None:
    """Return the pictures in a folder, None where there are none."""
    try:
        files = sorted(
            each
            for each in os.listdir(folder)
            if is_image_name(each) and not (folder / each).is_dir()
        )
    except OSError as error:
        raise UserError(f"cannot read the folder {shown(folder)}: {error.strerror}.") from error
    return Benchmark(name, folder, tuple(files), expected) if files else None


def _or(places: Sequence[str]) -> str:
    return " or ".join(places)
