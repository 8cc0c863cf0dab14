"""Numba's compiler with a cache on disk that no other version of these sources can have filled."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

__all__ = ["announced", "compiled", "inlined"]

# A compilation that takes longer than this says so.
PATIENCE_SECONDS = 1.0

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
    if sys.platform == "win32":
        given = given or os.environ.get("LOCALAPPDATA")
    try:
        if given:
            base = Path(given)
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path.home() / ".cache"
        folder = base / "snellen" / f"compiled-{_stamp()}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


_FOLDER = _cache_folder()


def compiled(function: Function) -> Function:
    """Compile a function for Numba without the interpreter's lock; kept on disk where possible.

    Divisions by zero give infinities, as in C. No arithmetic is reordered, and NaN stays NaN.
    """
    return _compile(function, inline=False)


def inlined(function: Function) -> Function:
    """The same for a part of another compiled function that is called too often to be called."""
    return _compile(function, inline=True)


def _compile(function: Function, *, inline: bool) -> Function:
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = _FOLDER
    try:
        result: Any = numba.njit(
            nogil=True, error_model="numpy", cache=bool(_FOLDER), forceinline=inline
        )(function)
    finally:
        settings.CACHE_DIR = before
    return cast(Function, result)


_announced = False


def _announce() -> None:
    global _announced
    if not _announced:
        _announced = True
        kept = "kept on disk for the next time" if _FOLDER else "no cache folder can be written"
        sys.stderr.write(
            "snellen: preparing the CPU engine; where a window size is new to it, it is compiled "
            f"for some seconds ({kept}).\n"
        )


@contextmanager
def announced() -> Iterator[None]:
    """Say so, once in a process, if what is done here takes longer than a second."""
    timer = threading.Timer(PATIENCE_SECONDS, _announce)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
