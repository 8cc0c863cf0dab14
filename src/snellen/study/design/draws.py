"""Random choices that stay the same for good."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draw"]


class Draw:
    """Random choices that depend on a key alone, whatever NumPy's version."""

    def __init__(self, *key: int | str) -> None:
        text = "\0".join(str(part) for part in key)
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self._bits = np.random.Philox(key=int.from_bytes(digest, "little"))

    def words(self, count: int) -> NDArray[np.uint64]:
        """Random numbers of 64 bits."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def order(self, count: int) -> list[int]:
        """A permutation of 0 … count − 1."""
        return list(np.argsort(self.words(count), kind="stable").tolist())

    def below(self, limit: int) -> int:
        """One of 0 … limit − 1."""
        return int(self.words(1)[0]) % limit

    def pair(self, of: int) -> tuple[int, int]:
        """Two different ones of 0 … of − 1."""
        first, second = self.below(of), self.below(of - 1)
        return first, second + (second >= first)

    def some(self, count: int, of: int) -> list[int]:
        """`count` different ones of 0 … of − 1, ascending."""
        return sorted(self.order(of)[:count])
