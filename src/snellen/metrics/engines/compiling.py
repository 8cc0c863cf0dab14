"""Numba's compiler with a cache on disk that no other version of these sources can have filled."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def _stamp() -> str:
    """Return a name for these sources: Numba itself looks at one file, not at what it imports."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> str:
    """Return where compiled code is kept, an empty string where nothing can be written."""
    given = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    if given:
        base = Path(given)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        base = Path.home() / ".cache"
    folder = base / "snellen" / f"compiled-{_stamp()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


_FOLDER = _cache_folder()


def compiled(function: Function) -> Function:
    """Compile a function for Numba without the interpreter's lock; kept on disk where possible.

    Divisions by zero give infinities, as in C. No arithmetic is reordered, and NaN stays NaN.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _FOLDER
    try:
        result: Function = numba.njit(nogil=True, error_model="numpy", cache=bool(_FOLDER))(
            function
        )
    finally:
        numba.config.CACHE_DIR = before
    return result
