"""Benchmark pictures among the training pictures: found by their pixels and by their looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.patch_cache import PatchSource
from snellen.datasets.picture_hashes import PictureHashes, hash_pictures, turned_looks
from snellen.datasets.pictures import Pictures
from snellen.errors import UserError
from snellen.files import shown

__all__ = ["LOOK_ALIKE", "Leak", "find_leaks", "refuse_leaks"]

LOOK_ALIKE = 0.2
"""Looks nearer than this are taken for one picture: see docs/superres.md for what was measured."""

_ROWS = 1024  # looks compared at once with all others
_SHOWN = 5


@dataclass(frozen=True)
class Leak:
    """A picture that is in two places.

    Attributes:
        trained: its name among the training pictures.
        judged: its name among those that results are judged on.
        distance: of the two looks, 0 to `LOOK_ALIKE`.
        same_pixels: whether the two are equal pixel by pixel.
    """

    trained: str
    judged: str
    distance: float
    same_pixels: bool

    def __str__(self) -> str:
        how = "the same pixels" if self.same_pixels else f"distance {self.distance:.3f}"
        return f"{shown(self.trained)} = {shown(self.judged)} ({how})"


def find_leaks(
    train: Pictures | PatchSource | PictureHashes, judged: Pictures | PictureHashes
) -> list[Leak]:
    """Find the judged pictures that are also trained on.

    Two pictures are one if they are equal pixel by pixel, or if their looks
    (`snellen.datasets.picture_hashes.look`) are nearer than `LOOK_ALIKE`, also when one of them is
    mirrored or turned by 90 degrees: that finds copies which were resized, recompressed, turned to
    gray, made lighter or darker, or cropped by a few percent. A small part of a picture is not
    recognised.

    Args:
        train: prepared pictures (nothing is decoded), a set of pictures, or their hashes.
        judged: a set of pictures or their hashes.

    Returns:
        The pairs, in the order of `train`.

    Raises:
        UserError: a file that cannot be read though it is not damaged.

    >>> from snellen.datasets import open_pictures
    >>> builtin = open_pictures("builtin", channels=3)
    >>> print(find_leaks(builtin, builtin)[0])
    astronaut = astronaut (the same pixels)
    """
    first, second = _hashes(train), _hashes(judged)
    found = {
        (k, j): 0.0
        for k, digest in enumerate(first.digests)
        for j in (m for m, other in enumerate(second.digests) if other == digest)
    }
    for k, j, distance in _look_alikes(first.looks, second.looks):
        found.setdefault((k, j), distance)
    return _leaks(first, second, found)


def refuse_leaks(leaks: Sequence[Leak], *, allow: bool = False) -> None:
    """Refuse to train where judged pictures are trained on, unless that is allowed.

    Raises:
        UserError: there are leaks; it names the pairs.

    >>> refuse_leaks([])
    >>> refuse_leaks([Leak("t/a.jpg", "Set5/b.bmp", 0.01, False)])
    Traceback (most recent call last):
    snellen.errors.UserError: 1 benchmark picture is also among the training pictures: t/a.jpg =
    Set5/b.bmp (distance 0.010); type --leave-out-leaks to train without it, or --allow-leak to
    train on it all the same.
    """
    if allow or not leaks:
        return
    count = len({leak.judged for leak in leaks})
    named = ", ".join(str(leak) for leak in leaks[:_SHOWN])
    more = f", and {len(leaks) - _SHOWN} more pairs" if len(leaks) > _SHOWN else ""
    are, it = ("pictures are", "them") if count > 1 else ("picture is", "it")
    raise UserError(
        f"{count} benchmark {are} also among the training pictures: {named}{more}; type"
        f" --leave-out-leaks to train without {it}, or --allow-leak to train on {it} all the same."
    )


def _hashes(pictures: Pictures | PatchSource | PictureHashes) -> PictureHashes:
    if isinstance(pictures, PictureHashes):
        return pictures
    return pictures.hashes if isinstance(pictures, PatchSource) else hash_pictures(pictures)


def _look_alikes(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> Iterator[tuple[int, int, float]]:
    """Yield rows of both that are near in any orientation, and how near."""
    for start in range(0, len(first), _ROWS):
        rows = first[start : start + _ROWS]
        nearest = np.full((len(rows), len(second)), np.inf, np.float32)
        for turned in turned_looks(second):
            np.fmin(nearest, 1 - rows @ turned.T, out=nearest)
        for k, j in np.argwhere(nearest < LOOK_ALIKE).tolist():
            yield start + k, j, max(0.0, float(nearest[k, j]))


def _leaks(
    first: PictureHashes, second: PictureHashes, found: dict[tuple[int, int], float]
) -> list[Leak]:
    return [
        Leak(first.names[k], second.names[j], distance, first.digests[k] == second.digests[j])
        for (k, j), distance in sorted(found.items())
    ]
