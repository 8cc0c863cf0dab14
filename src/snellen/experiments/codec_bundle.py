"""A study bundle without a training: photographs through real codecs, at equal file size."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from snellen import __version__
from snellen.datasets import open_pictures
from snellen.datasets.crops import CropOptions, held_out_crops
from snellen.experiments.study_bundle import write_study_bundle

__all__ = ["CODECS", "BundleSizes", "Coded", "at_size", "write_codec_bundle"]

_SIDE = 256
_CLOSE = 0.005  # of the size: nearer need not be
_JPEG_QUALITY = 14  # each of its pictures says how large the others' may be

_Encoder = Callable[[NDArray[np.uint8], float], bytes]
_Decoder = Callable[[bytes], NDArray[np.uint8]]


def _jpeg(pixels: NDArray[np.uint8], level: float) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, level=round(level), optimize=True))


def _webp(pixels: NDArray[np.uint8], level: float) -> bytes:
    return bytes(imagecodecs.webp_encode(pixels, level=level, lossless=False))


def _jpeg2000(pixels: NDArray[np.uint8], level: float) -> bytes:
    # 0 would be lossless; above, the level is a PSNR in dB, and need not be whole.
    psnr: Any = max(level, 1)
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=psnr, codecformat="j2k"))


CODECS: Mapping[str, tuple[_Encoder, _Decoder]] = {
    "jpeg": (_jpeg, imagecodecs.jpeg8_decode),
    "webp": (_webp, imagecodecs.webp_decode),
    "jpeg2000": (_jpeg2000, imagecodecs.jpeg2k_decode),
}
"""Encoders, whose level (0 to 100) is the better the higher, and decoders."""


@dataclass(frozen=True)
class Coded:
    """A picture after a codec.

    Attributes:
        pixels: decoded, uint8 (H, W, 3).
        size: of the file in bytes.
        level: at which it was coded.
    """

    pixels: NDArray[np.uint8]
    size: int
    level: float


@dataclass(frozen=True)
class BundleSizes:
    """What the codecs made of a bundle's pictures.

    Attributes:
        manifest: path of the bundle's manifest.
        sizes: for each codec the bytes of each picture, in the order of the manifest.
    """

    manifest: Path
    sizes: Mapping[str, tuple[int, ...]]


def at_size(pixels: NDArray[np.uint8], codec: str, size: int) -> Coded:
    """Code a picture into as many bytes, as nearly as the codec can.

    Args:
        pixels: uint8 (H, W, 3).
        codec: of `CODECS`.
        size: bytes of the file.

    >>> ramp = np.tile(np.arange(64, dtype=np.uint8)[:, None, None] * 4, (1, 64, 3))
    >>> at_size(ramp, "webp", 300).pixels.shape
    (64, 64, 3)
    """
    encode, decode = CODECS[codec]
    low, high = 0.0, 100.0
    best: tuple[float, float, bytes] | None = None
    for _ in range(12):
        level = (low + high) / 2
        data = encode(pixels, level)
        miss = abs(len(data) - size)
        if best is None or miss < best[0]:
            best = miss, level, data
        if miss <= size * _CLOSE:
            break
        low, high = (level, high) if len(data) < size else (low, level)
    assert best is not None  # noqa: S101 - the loop runs
    _, level, data = best
    return Coded(np.asarray(decode(data), dtype=np.uint8), len(data), level)


def write_codec_bundle(folder: str | os.PathLike[str]) -> BundleSizes:
    """Write a study bundle of the photographs inside scikit-image and scikit-learn.

    JPEG of low quality sets the size of each picture's file; the other codecs get as many bytes.

    Args:
        folder: where; see `write_study_bundle`.

    Raises:
        UserError: the place cannot be written, or no photograph is there.
    """
    pictures = open_pictures("builtin", channels=3, min_side=_SIDE)
    options = CropOptions(_SIDE, channels=3, max_downscale=2.0)
    held = held_out_crops(pictures, range(len(pictures)), options, per_picture=1)
    originals: NDArray[np.uint8] = held.pixels.numpy()
    coded: dict[str, list[Coded]] = {codec: [] for codec in CODECS}
    for original in originals:
        pixels = np.ascontiguousarray(original.transpose(1, 2, 0))
        encode, decode = CODECS["jpeg"]
        data = encode(pixels, _JPEG_QUALITY)
        first = Coded(np.asarray(decode(data), dtype=np.uint8), len(data), _JPEG_QUALITY)
        for codec, found in coded.items():
            found.append(first if codec == "jpeg" else at_size(pixels, codec, first.size))
    sizes = {codec: tuple(each.size for each in found) for codec, found in coded.items()}
    bits = 8 * np.mean(sizes["jpeg"]) / _SIDE**2
    meta: dict[str, Any] = {
        "command": "snellen study demo",
        "what": "photographs inside scikit-image and scikit-learn, coded at equal file size",
        "bits_per_pixel": round(float(bits), 3),
        "bytes": {codec: list(found) for codec, found in sizes.items()},
        "levels": {codec: [round(e.level, 3) for e in found] for codec, found in coded.items()},
        "imagecodecs": imagecodecs.__version__,
        "snellen": __version__,
    }
    manifest = write_study_bundle(
        folder,
        originals,
        {
            codec: np.stack([each.pixels.transpose(2, 0, 1) for each in found])
            for codec, found in coded.items()
        },
        held.names,
        held.sources,
        meta,
    )
    return BundleSizes(manifest, sizes)
