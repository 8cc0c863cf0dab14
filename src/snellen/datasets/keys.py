"""Numbers that depend on a seed and a place only: never on the clock, threads or the machine."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest_text", "philox", "shuffled", "unit"]


def digest_text(text: str) -> int:
    """64 bits of BLAKE2b of a text."""
    data = text.encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def philox(*key: int | str) -> np.random.Philox:
    """A counter-based bit stream for this key; equal keys give equal streams.

    Only its raw bits are used: numpy promises those to stay the same between versions, and the
    distributions of `Generator` not.

    >>> philox("crops", 3).random_raw(2).tolist() == philox("crops", 3).random_raw(2).tolist()
    True
    """
    text = "\0".join(str(part) for part in key)
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Philox(key=int.from_bytes(digest, "little"))


def shuffled(count: int, *key: int | str) -> NDArray[np.int64]:
    """A permutation of 0 … count − 1 chosen by the key.

    Sorting random words costs a tenth of a second for a million, once an epoch.

    >>> sorted(shuffled(5, "epoch", 0).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(philox(*key).random_raw(count), kind="stable").astype(np.int64, copy=False)


def unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Turn random words into numbers in [0, 1), in steps of 2⁻⁵³."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
