"""Ctrl-C and SIGTERM: finish the step, save, leave."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["Interrupted", "StopRequest", "listen_for_stop"]


class Interrupted(Exception):
    """A signal ended a run, and what it needs to go on is saved.

    `signal` is its number, `step` the steps done by the training that it ended (None outside a
    training), `root` the run folder, and `exit_code` what a process should end with (130 for
    Ctrl-C, 143 for SIGTERM). The message is for the user.
    """

    def __init__(self, number: int, root: Path, *, step: int | None = None, steps: int = 0) -> None:
        self.signal = number
        self.step = step
        self.root = root
        self.exit_code = 128 + number
        when, saved = (
            ("outside a training", "what was finished")
            if step is None
            else (f"after step {step} of {steps}", "everything")
        )
        super().__init__(
            f"stopped by {signal.Signals(number).name} {when}; {saved} is saved in {root}: go on "
            f"with --out {shlex.quote(str(root))} --resume."
        )


class StopRequest:
    """Whether a signal asked to stop, and which."""

    number: int = 0

    def __bool__(self) -> bool:
        return self.number != 0


@contextmanager
def listen_for_stop() -> Iterator[StopRequest]:
    """Collect SIGINT and SIGTERM instead of dying by them; the old handlers come back at the end.

    A second Ctrl-C is obeyed at once. Outside the main thread, where Python allows no handlers,
    nothing is collected. A signal that was being ignored stays ignored (``nohup``).
    """
    request = StopRequest()

    def collect(number: int, _: FrameType | None) -> None:
        if request and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.number = request.number or number

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, collect)
        yield request
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python and cannot be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
