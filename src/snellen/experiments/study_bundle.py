"""The study bundle: originals and reconstructions laid out for a later human study.

One folder of PNG for the originals and one for each condition (a loss), the same file name for the
same picture in all of them, and a manifest that says what is what. Format: docs/study-bundle.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.own_output import BUNDLE_KIND as KIND
from snellen.errors import UserError
from snellen.files import atomic_folder, sync_folder
from snellen.images.decoders import encode_png

__all__ = ["FORMAT", "KIND", "write_study_bundle"]

FORMAT = 1
"""Raised when a reader of the old format would misread the new one."""

_ORIGINAL = "original"
_LONGEST = 60  # characters of a folder's name


def write_study_bundle(
    folder: str | os.PathLike[str],
    originals: NDArray[np.uint8],
    reconstructions: Mapping[str, NDArray[np.uint8]],
    names: Sequence[str],
    sources: Sequence[str],
    meta: Mapping[str, Any],
) -> Path:
    """Write a study bundle, whole or not at all; one that stood there before is replaced.

    Args:
        folder: where; missing parents are made.
        originals: uint8 (n, C, H, W), 1 or 3 channels.
        reconstructions: for each condition (a loss) the same shape; at least one.
        names: n names for people; they are kept in the manifest and never become file names.
        sources: n labels of the source pictures.
        meta: what made the pictures (command, commit, seed, code size, …), as JSON holds it; it
            stands in the manifest under ``run``.

    Returns:
        The path of the manifest.

    Raises:
        UserError: the place cannot be written, or `folder` holds something else than a bundle.
        TypeError, ValueError: pictures that are not uint8 or do not belong together.

    >>> import tempfile
    >>> original = np.zeros((1, 1, 8, 8), np.uint8)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     manifest = write_study_bundle(
    ...         Path(place) / "bundle", original, {"mse": original + 1}, ["boat"], ["boat"], {}
    ...     )
    ...     sorted(path.name for path in manifest.parent.iterdir())
    ['manifest.json', 'mse', 'original']
    """
    target = Path(folder)
    _check(originals, reconstructions, names, sources)
    _refuse_foreign(target)
    with atomic_folder(target, replace=True) as temporary:
        folders = _folder_names(list(reconstructions))
        digits = max(4, len(str(len(originals))))
        files = [f"{index + 1:0{digits}}.png" for index in range(len(originals))]
        pictures = {_ORIGINAL: originals}
        pictures.update({folders[name]: made for name, made in reconstructions.items()})
        sums = {name: _write_folder(temporary / name, files, pictures[name]) for name in pictures}
        manifest = _manifest(originals, folders, names, sources, files, sums, meta)
        text = json.dumps(manifest, indent=2, ensure_ascii=True, allow_nan=False)
        _write(temporary / "manifest.json", text.encode("ascii") + b"\n")
    return target / "manifest.json"


def _check(
    originals: NDArray[Any],
    reconstructions: Mapping[str, NDArray[Any]],
    names: Sequence[str],
    sources: Sequence[str],
) -> None:
    if not reconstructions:
        raise ValueError("a study bundle needs the reconstructions of one loss at least.")
    for label, pictures in {"originals": originals, **reconstructions}.items():
        if pictures.dtype != np.uint8:
            raise TypeError(f"{label}: {pictures.dtype} came; uint8 is needed.")
        if pictures.shape != originals.shape:
            raise ValueError(f"{label}: shape {pictures.shape}; the originals' {originals.shape}.")
    if originals.ndim != 4 or originals.shape[1] not in (1, 3) or not len(originals):
        raise ValueError(f"originals: shape {originals.shape}; (n, 1 or 3, H, W) is needed.")
    if not len(names) == len(sources) == len(originals):
        raise ValueError(
            f"{len(originals)} pictures came with {len(names)} names and {len(sources)} sources."
        )


def _refuse_foreign(target: Path) -> None:
    """Only a bundle, or an empty folder, may be replaced."""
    try:
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return
        manifest = json.loads((target / "manifest.json").read_bytes())
        ours = isinstance(manifest, dict) and manifest.get("kind") == KIND
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise UserError(f"{target} exists and is no study bundle: name another place or move it.")


def _folder_names(losses: Sequence[str]) -> dict[str, str]:
    """A folder for each loss that any file system takes; names that differ stay different.

    >>> _folder_names(["mse", "mse>ms-ssim@0.5", "MSE"])
    {'mse': 'mse', 'mse>ms-ssim@0.5': 'mse-ms-ssim-0.5', 'MSE': 'MSE-2'}
    """
    taken = {_ORIGINAL, "manifest.json"}
    found = {}
    for loss in losses:
        plain = re.sub(r"[^A-Za-z0-9._+]+", "-", loss).strip("-.")[:_LONGEST].rstrip("-.") or "loss"
        candidate, count = plain, 1
        while candidate.lower() in taken:  # not all file systems tell capitals apart
            count += 1
            candidate = f"{plain}-{count}"
        taken.add(candidate.lower())
        found[loss] = candidate
    return found


def _write_folder(folder: Path, files: Sequence[str], pictures: NDArray[np.uint8]) -> list[str]:
    """Write the pictures of one condition and return the SHA-256 of each file."""
    folder.mkdir()
    sums = []
    for file, picture in zip(files, pictures, strict=True):
        pixels = picture[0] if picture.shape[0] == 1 else picture.transpose(1, 2, 0)
        data = encode_png(np.ascontiguousarray(pixels))
        _write(folder / file, data)
        sums.append(hashlib.sha256(data).hexdigest())
    sync_folder(folder)
    return sums


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _manifest(
    originals: NDArray[np.uint8],
    folders: Mapping[str, str],
    names: Sequence[str],
    sources: Sequence[str],
    files: Sequence[str],
    sums: Mapping[str, Sequence[str]],
    meta: Mapping[str, Any],
) -> dict[str, Any]:
    _, channels, height, width = originals.shape
    return {
        "kind": KIND,
        "format": FORMAT,
        "width": width,
        "height": height,
        "channels": channels,
        "original": {"folder": _ORIGINAL},
        "conditions": [{"name": name, "folder": folder} for name, folder in folders.items()],
        "pictures": [
            {
                "file": file,
                "name": _text(names[index]),
                "source": _text(sources[index]),
                "sha256": {folder: found[index] for folder, found in sums.items()},
            }
            for index, file in enumerate(files)
        ],
        "run": dict(meta),
    }


def _text(name: str) -> str:
    """A file name may hold bytes that are no text; JSON readers refuse half surrogates."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
