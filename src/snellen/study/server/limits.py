"""Token buckets: so many at once, so many a second. Nothing about anybody is kept on the disk."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Bucket", "Buckets", "Pressure"]

_LATE = 0.5  # seconds
_TIMES = 2


class Bucket:
    """Allows `burst` at once and `rate` a second in the long run.

    >>> times = iter([0.0, 0.0, 0.0, 0.0, 1.0])
    >>> bucket = Bucket(rate=1, burst=2, clock=lambda: next(times))
    >>> [bucket.take() for _ in range(4)]
    [0.0, 0.0, 1.0, 0.0]
    """

    __slots__ = ("_burst", "_clock", "_left", "_rate", "_since")

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left = float(burst)
        self._since = clock()

    def take(self) -> float:
        """Take one; return 0, or the seconds after which there is one again."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._since) * self._rate)
        self._since = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate


class Pressure:
    """Whether more comes than can be done: twice in a row the event loop was late by half a second.

    >>> pressure = Pressure()
    >>> for late in (0.7, 0.1, 0.7, 0.8):
    ...     pressure.note(late)
    >>> pressure.too_high
    True
    """

    def __init__(self) -> None:
        self._late = 0

    def note(self, seconds: float) -> None:
        """Note how late the event loop was this time."""
        self._late = self._late + 1 if seconds > _LATE else 0

    @property
    def too_high(self) -> bool:
        """Whether requests should be told to come back."""
        return self._late >= _TIMES


class Buckets:
    """One bucket for each key; the longest unused are forgotten when there are too many.

    >>> buckets = Buckets(rate=1, burst=1, most=2)
    >>> buckets.take("a"), buckets.take("a") > 0
    (0.0, True)
    """

    def __init__(self, rate: float, burst: float, most: int = 20_000) -> None:
        self._rate, self._burst, self._most = rate, burst, most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one of `key`'s; see `Bucket.take`."""
        bucket = self._buckets.pop(key, None) or Bucket(self._rate, self._burst)
        self._buckets[key] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket.take()
