"""What the user is told when something cannot be done: one sentence, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["UserError", "nearest"]


class UserError(Exception):
    """Bad input or an impossible request; its message is the one sentence that the user reads.

    The sentence says what came, what is needed and what to type instead.
    """


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest of `names`, or an empty string.

    >>> nearest("ms-sim", ["mse", "mae", "ms-ssim"])
    " Did you mean 'ms-ssim'?"
    >>> nearest("elephant", ["mse", "mae"])
    ''
    """
    found = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
