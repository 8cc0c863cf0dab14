"""SIGTERM ends a command of ``snellen study`` as Ctrl-C does: what is half made is removed."""

from __future__ import annotations

import signal
from typing import Any

from typer.core import TyperGroup

from snellen.cli.signals import sigterm_interrupts

__all__ = ["StudyGroup"]


class StudyGroup(TyperGroup):
    """Commands that clean up behind themselves when they are told to end."""

    def invoke(self, ctx: Any) -> Any:
        """See click; `ctx` is the context of the group."""
        # Where SIGTERM is handled already, as by uvicorn, that stays so.
        with sigterm_interrupts() as came:
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                if came.signal != signal.SIGTERM:
                    raise
                raise _Stopped("stopped by SIGTERM.") from None


class _Stopped(Exception):
    """SIGTERM came, and everything is cleaned up; `exit_code` is what shells expect."""

    exit_code = 128 + signal.SIGTERM
