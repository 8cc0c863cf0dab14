"""A few threads that run compiled code.

They are PyTorch's own OpenMP threads where it brings GNU's library along: after each of PyTorch's
operations these look for work for some milliseconds before they sleep, and would hold the cores
against any others. Elsewhere, and in a forked child, which does not have them, they are threads of
ours.

Numba's threading layers do not serve: one is not safe from several Python threads, one kills a
child forked after its first use, one needs another package.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch

from snellen.metrics.engines.forks import is_forked

__all__ = ["in_threads"]

Work = Callable[[int], None]


class _Shift:
    """One piece of work that any number of threads may join until it is over."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._joined = 0
        self._working = 0
        self._over = False
        self._error: BaseException | None = None

    def join(self) -> None:
        """Work, as the next number; do nothing when it is over already."""
        joined = False
        try:
            with self._changed:
                if self._over:
                    return
                number = self._joined
                self._joined += 1
                self._working += 1
                joined = True
            self._work(number)
        except BaseException as error:  # raised again where it was ordered
            self._error = error
        finally:
            if joined:
                with self._changed:
                    self._working -= 1
                    self._changed.notify_all()

    @property
    def was_joined(self) -> bool:
        """Whether anybody has begun."""
        return self._joined > 0

    def finish(self) -> None:
        """Let nobody join any more and wait for those who have.

        Raises:
            BaseException: what the work raised.
        """
        with self._changed:
            self._over = True
            while self._working:
                # They write into the caller's memory: an interrupt has to wait for them too.
                try:
                    self._changed.wait()
                except KeyboardInterrupt as error:
                    self._error = error
        if self._error is not None:
            raise self._error


class _Pool:
    """Threads that wait for shifts; there are as many as were ever asked for at once."""

    def __init__(self) -> None:
        self._orders: SimpleQueue[_Shift | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def order(self, shift: _Shift, helpers: int) -> None:
        """Ask `helpers` threads to join a shift."""
        if len(self._threads) < helpers:
            with self._lock:
                for number in range(len(self._threads), helpers):
                    name = f"snellen-{number}"
                    thread = threading.Thread(target=self._serve, name=name, daemon=True)
                    thread.start()
                    self._threads.append(thread)
        for _ in range(helpers):
            self._orders.put(shift)

    def _serve(self) -> None:
        while (shift := self._orders.get()) is not None:
            shift.join()

    def close(self) -> None:
        """Let the threads end: one that the interpreter cuts off while it exits may abort it."""
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()


_pool = _Pool()


def _renew() -> None:
    """Forget threads that a forked child does not have."""
    global _pool
    _pool = _Pool()


def _close() -> None:
    _pool.close()


def _find_team() -> Any:
    """Return GNU OpenMP's call for a team of threads, from the library that PyTorch has loaded."""
    if not sys.platform.startswith("linux"):
        return None
    for path in (Path(torch.__file__).parent / "lib").glob("libgomp*.so*"):
        try:
            return ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD | os.RTLD_NOW).GOMP_parallel
        except (OSError, AttributeError):
            continue
    return None


_Task = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_team = _find_team()
atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)


def in_threads(threads: int, work: Work) -> None:
    """Call ``work(number)`` here and on up to `threads - 1` other threads, numbers from 0 on.

    The work shares itself out, for example by a common counter, and must be complete whoever does
    it: other threads may be busy with other callers' work and never come.
    """
    if threads <= 1:
        work(0)
        return
    shift = _Shift(work)
    if _team is not None and not is_forked():
        _team(_Task(lambda _: shift.join()), None, threads, 0)
        if not shift.was_joined:  # interrupted before it began
            shift.join()
    else:
        _pool.order(shift, threads - 1)
        shift.join()
    shift.finish()
