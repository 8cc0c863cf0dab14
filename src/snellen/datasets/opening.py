"""Opening a set of pictures by its name on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from snellen.datasets.builtin import BuiltinPictures
from snellen.datasets.cifar10 import Cifar10Pictures
from snellen.datasets.folder import FolderPictures
from snellen.datasets.npz import NpzPictures
from snellen.datasets.pictures import CACHE_BYTES, Pictures
from snellen.datasets.stl10 import Stl10Pictures
from snellen.datasets.yale_faces import YaleFaces
from snellen.errors import UserError, nearest

__all__ = ["open_pictures"]

_SPECS = "'builtin', a folder, 'stl10:DIR', 'cifar10:DIR', 'yale:DIR' or 'npz:FILE'"


def open_pictures(
    spec: str,
    *,
    channels: int = 1,
    min_side: int = 96,
    cache_bytes: int = CACHE_BYTES,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """Open a set of pictures by its name.

    Args:
        spec: `builtin` (photographs inside scikit-image and scikit-learn), a folder (all the way
            down, without hidden folders and without the runs and study bundles of ours in it),
            `stl10:DIR` or `cifar10:DIR` (the official binary files), `yale:DIR` (the Cropped
            Extended Yale Face Database B) or `npz:FILE` (an array `images`).
        channels: 1 for gray, 3 for colour; every picture is brought to it.
        min_side: pictures smaller than this on a side, in pixels, are skipped.
        cache_bytes: how much memory decoded pictures may take.
        progress: told the number of files looked at so far, every few thousand, while a large
            folder is seen for the first time.

    Raises:
        UserError: there is no such set, or no usable picture in it.

    >>> pictures = open_pictures("builtin")
    >>> pictures.name(0), pictures.read(0).shape
    ('astronaut', (512, 512, 1))
    """
    scheme, colon, rest = spec.partition(":")
    if spec == "builtin":
        return BuiltinPictures(channels, min_side, cache_bytes)
    if colon and scheme == "stl10":
        return Stl10Pictures(rest, channels, min_side, cache_bytes)
    if colon and scheme == "cifar10":
        return Cifar10Pictures(rest, channels, min_side, cache_bytes)
    if colon and scheme == "yale":
        return YaleFaces(rest, channels, min_side, cache_bytes)
    if colon and scheme == "npz":
        return NpzPictures(rest, channels, min_side, cache_bytes)
    folder = Path(os.path.expanduser(spec))
    # os.path, because Path raises where a folder on the way may not be entered.
    if spec and os.path.isdir(folder):
        return FolderPictures(folder, channels, min_side, cache_bytes, progress)
    if spec and os.path.exists(folder):
        raise UserError(_not_a_folder(spec, folder))
    known = ["stl10", "cifar10", "yale", "npz"] if colon else ["builtin"]
    raise UserError(f"no pictures at {spec!r}: need {_SPECS}.{nearest(scheme, known)}")


def _not_a_folder(spec: str, path: Path) -> str:
    if path.suffix.lower() == ".npz":
        return f"{spec} is a file; type npz:{spec} to use the array 'images' in it."
    return f"{spec} is a single file; name the folder that holds the pictures."
