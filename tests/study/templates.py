"""Studies that are made once for all tests of a process, and copied.

Files that are safe from a power cut take their time.
"""

import shutil
import tempfile
from pathlib import Path

_rooms: list[tempfile.TemporaryDirectory] = []
_made: dict[object, Path] = {}


def copy_of(place: Path, key: object, make) -> None:
    """Copy the study that `make` writes into the folder it is given; `key` says which one it is."""
    if not _rooms:
        _rooms.append(tempfile.TemporaryDirectory(prefix="snellen-tests-"))
    if key not in _made:
        folder = Path(tempfile.mkdtemp(dir=_rooms[0].name))
        make(folder)
        _made[key] = folder / "study"
    shutil.copytree(_made[key], place)


def forget() -> None:
    """Leave nothing behind."""
    _made.clear()
    while _rooms:
        _rooms.pop().cleanup()
