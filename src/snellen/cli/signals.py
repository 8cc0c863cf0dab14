"""SIGTERM as a command takes it: like Ctrl-C, so that what is half made is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Came", "sigterm_interrupts"]


@dataclass
class Came:
    """Which signal led to a KeyboardInterrupt.

    Attributes:
        signal: SIGINT, unless it was SIGTERM.
    """

    signal: signal.Signals = signal.SIGINT


@contextmanager
def sigterm_interrupts() -> Iterator[Came]:
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does, and yield which of them came.

    Whoever handles SIGTERM already, or ignores it, goes on doing so.
    """
    came = Came()

    def interrupt(number: int, _: FrameType | None) -> None:
        came.signal = signal.Signals(number)
        # Not an Exception, which a network's failure would be taken for where it runs.
        raise KeyboardInterrupt

    listens = (  # Python allows handlers in the main thread only; what is ignored stays so
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if listens:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        if listens:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
