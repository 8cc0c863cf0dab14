"""What streams of batches share: shares of processes, and batches made ahead by threads."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.keys import philox, unit
from snellen.errors import UserError

__all__ = ["AHEAD", "BatchStream", "item_words", "processors"]

AHEAD = 4
"""Batches under way at once: enough to ride over a slow file."""

_WORDS = 4  # random words per item of a batch: what one step of Philox's counter makes

BatchType = TypeVar("BatchType")


class BatchStream(ABC, Generic[BatchType]):
    """Batches that are a pure function of the step, one after the other, made ahead in threads.

    A stream can be iterated again; leaving the iteration early, the `with` block or `close` stops
    the threads.

    Args:
        batch_size: of all processes together.
        steps: iteration ends before this step.
        start_step: iteration begins at this step.
        rank, world_size: this process among how many; `batch_size` must be a multiple.
        workers: threads that make batches.
        thread_name: by which the threads are known.

    Raises:
        UserError: a batch that cannot be shared evenly.
    """

    def __init__(
        self,
        *,
        batch_size: int,
        steps: int,
        start_step: int,
        rank: int,
        world_size: int,
        workers: int,
        thread_name: str,
    ) -> None:
        self.batch_size = batch_size
        self.steps = steps
        self.start_step = start_step
        self._workers = workers
        self._thread_name = thread_name
        self._running: WeakSet[Generator[BatchType, None, None]] = WeakSet()
        if batch_size < 1 or batch_size % world_size:
            raise UserError(
                f"a batch of {batch_size} cannot be shared evenly by {world_size} process"
                f"{'es' * (world_size != 1)}; choose a multiple of {world_size}."
            )
        self._share = batch_size // world_size
        self._first = rank * self._share

    @abstractmethod
    def batch(self, step: int) -> BatchType:
        """The batch of one step, computed here and now."""

    def numbers(self, step: int) -> NDArray[np.int64]:
        """Which items of the stream, counted from its beginning, this process has in a step."""
        first = step * self.batch_size + self._first
        return np.arange(first, first + self._share)

    def __len__(self) -> int:
        return max(0, self.steps - self.start_step)

    def __iter__(self) -> Iterator[BatchType]:
        iteration = self._iterate()
        self._running.add(iteration)
        return iteration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop every iteration and its threads."""
        for iteration in list(self._running):
            iteration.close()

    def _iterate(self) -> Generator[BatchType, None, None]:
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix=self._thread_name)
        waiting: deque[Future[BatchType]] = deque()
        try:
            for step in range(self.start_step, self.steps):
                waiting.append(pool.submit(self.batch, step))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def item_words(numbers: NDArray[np.int64], kind: str, seed: int) -> NDArray[np.float64]:
    """Four numbers in [0, 1) for each item: item k owns words 4k … 4k + 3 of the seed's stream."""
    stream = philox(kind, seed).advance(int(numbers[0]))
    return unit(stream.random_raw(_WORDS * len(numbers))).reshape(-1, _WORDS)


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
