"""Pictures in a NumPy archive: an array `images`, and if wanted `names` and `sources`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.datasets.keys import digest_text
from snellen.datasets.pictures import CachedPictures, require_some, skipped_for, unfit
from snellen.errors import UserError
from snellen.images.colour import Pixels

__all__ = ["NpzPictures"]


class NpzPictures(CachedPictures):
    """The array `images` of an .npz file; see `open_pictures`.

    `images` is (N, H, W), (N, H, W, C) or (N, C, H, W), with C 1 or 3, uint8 or uint16. The
    optional `names` (N texts, unique) name the pictures; pictures with equal `sources` (N texts
    or numbers) are views of one scene, which is never split between training and test.
    """

    def __init__(self, file: str, channels: int, min_side: int, cache_bytes: int) -> None:
        super().__init__(f"npz:{file}", channels, min_side, cache_bytes)
        arrays, self._checksums = _load(file)
        self._images = _images(file, arrays)
        count = len(self._images)
        names = _texts(file, arrays, "names", count)
        self._names = names or [f"image-{k:0{len(str(count))}d}" for k in range(count)]
        if len(set(self._names)) != count:
            raise UserError(f"the array 'names' in {file} names some pictures alike.")
        self._sources = _texts(file, arrays, "sources", count) or self._names
        reason = unfit(self._images.shape[1], self._images.shape[2], min_side)
        require_some(
            0 if reason else count, self.spec, [skipped_for("all", reason)] if reason else []
        )

    def __len__(self) -> int:
        return len(self._images)

    def name(self, index: int) -> str:
        """See `Pictures`."""
        return self._names[index]

    def source(self, index: int) -> str:
        """See `Pictures`."""
        return self._sources[index]

    def source_ids(self) -> NDArray[np.uint64]:
        """See `Pictures`."""
        return np.array([digest_text(source) for source in self._sources], np.uint64)

    def fingerprint(self, *, whole: bool = False) -> str:  # noqa: ARG002 - it always is
        """Of the shape and of the checksums that the archive keeps of its arrays."""
        return self._fingerprint([f"{self._images.shape} {self._checksums}".encode()])

    def _decode(self, index: int) -> Pixels:
        picture: Pixels = self._images[index]
        return picture


def _load(file: str) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """Return the arrays that are wanted, and the CRC-32 of each, which reading has verified."""
    path = Path(os.path.expanduser(file))
    if not os.path.isfile(path):
        raise UserError(f"no file {file!r}: need an .npz with an array 'images'.")
    try:
        with path.open("rb") as opened:
            archive = np.load(opened, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise UserError(
                    f"{file} holds a single array; save it by np.savez(…, images=array)."
                )
            wanted = [name for name in ("images", "names", "sources") if name in archive.files]
            if "images" not in wanted:
                have = ", ".join(archive.files) or "nothing"
                raise UserError(f"{file} has no array 'images'; it has {have}.")
            arrays = {name: archive[name] for name in wanted}
            checksums = {
                name: archive.zip.getinfo(f"{name}.npy").CRC
                for name in wanted
                if f"{name}.npy" in archive.zip.namelist()
            }
            return arrays, checksums
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"cannot read {file}: permission denied.") from error
    except Exception as error:  # a damaged zip throws BadZipFile, zlib.error, EOFError, ValueError…
        # Of what is no archive NumPy says how to read it unsafely.
        reason = "" if "pickle" in str(error) else f" ({error})"
        raise UserError(f"cannot read {file}: it is no .npz or it is damaged{reason}.") from error


def _images(file: str, arrays: dict[str, NDArray[Any]]) -> Pixels:
    images = arrays["images"]
    if images.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        raise UserError(
            f"'images' in {file} is {images.dtype}; need uint8 (0..255) or uint16 (0..65535)."
        )
    shape = images.shape
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UserError(
            f"'images' in {file} has shape {shape}; need (N, H, W), (N, H, W, C) or (N, C, H, W)"
            " with C = 1 or 3."
        )
    if len(images) == 0:
        raise UserError(f"'images' in {file} is empty.")
    return images.astype(images.dtype.newbyteorder("="), copy=False)


def _texts(file: str, arrays: dict[str, NDArray[Any]], key: str, count: int) -> list[str]:
    if key not in arrays:
        return []
    if arrays[key].shape != (count,):
        raise UserError(f"'{key}' in {file} has shape {arrays[key].shape}; need ({count},).")
    return [str(text) for text in arrays[key].tolist()]
