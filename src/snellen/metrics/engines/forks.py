"""Whether this process is a fork of another: it then has none of that one's threads.

Imported before anything else of the engines, so that a fork is noticed that happens before they are
first used.
"""

from __future__ import annotations

import os

__all__ = ["is_forked"]

_forked = False


def _note() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note)


def is_forked() -> bool:
    """Whether a fork made this process, after this module was imported."""
    return _forked
