"""Which pictures networks are judged on: benchmarks, folders, or scenes held out of training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from snellen.datasets import Pictures, split
from snellen.datasets.benchmarks import Benchmark, find_benchmarks
from snellen.datasets.leaks import Leak, find_leaks
from snellen.datasets.picture_hashes import PictureHashes, look, pixel_digest
from snellen.datasets.pictures import read_undamaged
from snellen.datasets.super_resolution import PatchSource
from snellen.errors import UserError
from snellen.files import shown
from snellen.images import UnreadableImage, to_channels, to_uint8
from snellen.images.colour import Pixels

__all__ = ["JudgedSet", "benchmark_sets", "held_out_sets", "leaks_into"]


@dataclass(frozen=True)
class JudgedSet:
    """A set of n pictures that no network is trained on.

    Attributes:
        name: as tables call it.
        names: of the pictures.
        sources: the scene of each.
        read: returns picture k, (H, W) or (H, W, 3), uint8 or uint16, decoded anew each time.
        expected: how many the published set of that name has; None for any other pictures.
    """

    name: str
    names: Sequence[str]
    sources: Sequence[str]
    read: Callable[[int], Pixels]
    expected: int | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def published(self) -> bool:
        """Whether it is, by name and number, a set that published numbers are of."""
        return self.expected == len(self)

    def hashes(self) -> PictureHashes:
        """Digests and looks of all pictures; each is decoded once.

        Raises:
            UserError: a picture that cannot be read.
        """
        hashed = []
        for index, name in enumerate(self.names):
            picture = to_uint8(to_channels(self.read(index), 3))
            hashed.append((name, pixel_digest(picture), look(picture)))
        return PictureHashes.of(hashed)


def benchmark_sets(folders: Sequence[str]) -> list[JudgedSet]:
    """Find the benchmarks in some folders.

    Raises:
        UserError: no such folder, nothing in it, or two sets of one name.
    """
    found = [_judged(each) for folder in folders for each in find_benchmarks(folder)]
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"benchmarks: two sets are called {twice}: rename one of their folders.")
    return found


def _judged(benchmark: Benchmark) -> JudgedSet:
    files = benchmark.files
    return JudgedSet(benchmark.name, files, files, benchmark.read, benchmark.expected)


def held_out_sets(
    sets: Sequence[Pictures], labels: Sequence[str], held_out: float | None
) -> list[JudgedSet]:
    """Hold out scenes of each training set: its pictures are then named in `leave_out`.

    Args:
        sets: the training pictures.
        labels: what stands before the names of each set's pictures.
        held_out: of each set: a count or a share of its scenes; None for what it prefers.

    Raises:
        UserError: a set with too few scenes.
    """
    found = []
    for pictures, label in zip(sets, labels, strict=True):
        chosen = split(pictures, held_out=held_out).held_out.tolist()
        indices = [k for k in chosen if _is_whole(pictures, k)]
        if not indices:
            raise UserError(
                f"none of the pictures held out of {shown(pictures.spec)} can be decoded: hold out "
                "more, as by --set held_out=0.3, or name others to judge on with --benchmarks."
            )
        found.append(
            JudgedSet(
                f"held-out {Path(pictures.spec).name or pictures.spec}",
                [label + pictures.name(k) for k in indices],
                [label + pictures.source(k) for k in indices],
                partial(_stored, pictures, indices),
            )
        )
    return found


def _is_whole(pictures: Pictures, index: int) -> bool:
    """Whether a picture can be decoded; a damaged one is neither judged nor trained on."""
    try:
        read_undamaged(pictures, index)
    except UnreadableImage:
        return False
    return True


def _stored(pictures: Pictures, indices: Sequence[int], place: int) -> Pixels:
    """A held-out picture as benchmarks are read: gray only where it is stored so."""
    return pictures.stored(indices[place])


def leaks_into(source: PatchSource, sets: Sequence[JudgedSet]) -> tuple[list[Leak], str]:
    """Find the judged pictures that are also trained on, and digest all that is judged.

    Returns:
        The pairs, and sixteen hexadecimal digits that change when the judged pictures do.
    """
    digest = hashlib.blake2b(digest_size=8)
    leaks = []
    for each in sets:
        hashes = each.hashes()
        digest.update(repr((each.name, hashes.names, hashes.digests)).encode())
        leaks += find_leaks(source, hashes)
    return leaks, digest.hexdigest()
