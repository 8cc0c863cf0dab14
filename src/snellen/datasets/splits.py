"""Which pictures train and which judge: always whole sources, never crops of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.keys import philox
from snellen.datasets.pictures import Pictures
from snellen.errors import UserError

__all__ = ["Split", "cross_fit", "split"]

DEFAULT_FRACTION = 0.2


@dataclass(frozen=True)
class Split:
    """Indices into a set of pictures, ascending; no source is in both."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]


def split(pictures: Pictures, *, held_out: float | None = None, seed: int = 0) -> Split:
    """Hold out some sources.

    Args:
        pictures: the set.
        held_out: how many sources (an int) or which share of them (a float in 0..1). None takes
            what the set's own protocol says (STL-10: 1,000), or else a fifth.
        seed: which ones. The choice depends on sources and seed only, not on the pictures' order.

    Raises:
        UserError: a share outside 0..1, or not at least one source would be left on either side.

    >>> from snellen.datasets import open_pictures
    >>> pictures = open_pictures("builtin")
    >>> parts = split(pictures, held_out=3)
    >>> len({pictures.source(k) for k in parts.held_out.tolist()})
    3
    """
    codes = _ranked(pictures, seed)
    sources = int(codes.max()) + 1
    wanted = pictures.preferred_held_out if held_out is None else held_out
    if wanted is None:
        wanted = DEFAULT_FRACTION
    if isinstance(wanted, float):
        if not 0 < wanted < 1:
            raise UserError(f"got held_out={wanted}; a share lies between 0 and 1.")
        wanted = max(1, round(wanted * sources))
    if sources == 1:
        raise UserError(
            f"{pictures.spec} has a single source, which cannot both train and judge: add pictures,"
            " or name others to judge on."
        )
    if not 1 <= wanted < sources:
        raise UserError(
            f"cannot hold out {wanted} of {sources} source{'s' * (sources != 1)} in"
            f" {pictures.spec}: at least one must be held out and one be left for training; set"
            " held_out, for example --set held_out=1."
        )
    return _parted(codes < wanted)


def cross_fit(pictures: Pictures, *, folds: int, seed: int = 0) -> list[Split]:
    """Divide the sources into `folds` groups of nearly equal number; each is held out once.

    Args:
        pictures: the set.
        folds: how many groups, from 2 to the number of sources.
        seed: which division.

    Raises:
        UserError: fewer than two folds, or fewer sources than folds.

    >>> from snellen.datasets import open_pictures
    >>> pictures = open_pictures("builtin")
    >>> parts = cross_fit(pictures, folds=4)
    >>> sum(len(part.held_out) for part in parts) == len(pictures)
    True
    """
    codes = _ranked(pictures, seed)
    sources = int(codes.max()) + 1
    if not 2 <= folds <= sources:
        raise UserError(
            f"got folds={folds} for {sources} source{'s' * (sources != 1)} in {pictures.spec}: need"
            f" at least 2, and at most one per source."
        )
    return [_parted(codes % folds == fold) for fold in range(folds)]


def _ranked(pictures: Pictures, seed: int) -> NDArray[np.int64]:
    """Each picture's source as a rank 0 … sources − 1 in an order drawn by the seed.

    The rank follows a mix of the source's own number and the seed, so that a picture more or less
    hardly changes which of the others are held out.
    """
    unique, inverse = np.unique(pictures.source_ids(), return_inverse=True)
    mixed = _mix(unique ^ np.uint64(philox("split", seed).random_raw()))
    rank = np.empty(len(unique), np.int64)
    rank[np.argsort(mixed, kind="stable")] = np.arange(len(unique))
    return rank[inverse]


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that scatters bits."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _parted(held_out: NDArray[np.bool_]) -> Split:
    return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))
