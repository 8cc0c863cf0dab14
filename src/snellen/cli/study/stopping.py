"""SIGTERM ends a command of ``snellen study`` as Ctrl-C does: what is half made is removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from typer.core import TyperGroup

__all__ = ["StudyGroup"]


class StudyGroup(TyperGroup):
    """Commands that clean up behind themselves when they are told to end."""

    def invoke(self, ctx: Any) -> Any:
        """See click; `ctx` is the context of the group."""
        with _ending_tidily():
            return super().invoke(ctx)


class _Stopped(Exception):
    """SIGTERM came, and everything is cleaned up; `exit_code` is what shells expect."""

    exit_code = 128 + signal.SIGTERM


@contextmanager
def _ending_tidily() -> Iterator[None]:
    """Let SIGTERM raise what Ctrl-C raises. Whoever, as uvicorn, handles it himself may do so.

    Raises:
        _Stopped: it came.
    """
    came = False

    def interrupt(_: int, __: FrameType | None) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    listens = (  # Python allows handlers in the main thread only; what is ignored stays so
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if listens:
        signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        if not came:
            raise
        raise _Stopped("stopped by SIGTERM.") from None
    finally:
        if listens:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
