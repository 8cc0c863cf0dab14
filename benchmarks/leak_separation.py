"""How far apart copies of one photograph look, and different photographs.

    python -m benchmarks.leak_separation --data $SNELLEN_DATA

Every picture of BSDS500, T91, Set5 and Set14 is compared with all others, in eight orientations,
and with altered copies of itself: under the hash that Snellen uses, and under the 64 bits of
Zauner's pHash. The pairs that are one photograph, seen by eye, are counted apart.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from PIL import Image

from benchmarks.record import record
from snellen.datasets import open_pictures
from snellen.datasets.leaks import LOOK_ALIKE
from snellen.datasets.picture_hashes import look, turned_looks
from snellen.images import to_channels
from snellen.images.resize import bicubic_resize

SETS = ("BSDS500/train", "BSDS500/val", "BSDS500/test", "T91", "Set5", "Set14")
ONE_PHOTOGRAPH = {
    frozenset(("BSDS500/train/302003.jpg", "Set5/woman_GT.bmp")),
    frozenset(("Set5/head_GT.bmp", "Set14/face.bmp")),
    frozenset(("T91/t36.bmp", "T91/t65.bmp")),
}

Picture = NDArray[np.uint8]


def jpeg(picture: Picture, quality: int) -> Picture:
    """Through a JPEG file and back."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def inner(picture: Picture, rows: int, columns: int) -> Picture:
    """Crop on every side."""
    return picture[rows:-rows, columns:-columns]


def percent(picture: Picture, share: float) -> Picture:
    """Crop a share of each side's length on every side."""
    return inner(picture, *(max(1, round(share * side)) for side in picture.shape[:2]))


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "resized to 1/4": lambda a: bicubic_resize(a, 0.25),
    "resized to 1/2": lambda a: bicubic_resize(a, 0.5),
    "resized to 0.8": lambda a: bicubic_resize(a, 0.8),
    "2 pixels cropped on each side": lambda a: inner(a, 2, 2),
    "4 pixels cropped on each side": lambda a: inner(a, 4, 4),
    "8 pixels cropped on each side": lambda a: inner(a, 8, 8),
    "2 % cropped on each side": lambda a: percent(a, 0.02),
    "3 % cropped on each side": lambda a: percent(a, 0.03),
    "5 % cropped on each side": lambda a: percent(a, 0.05),
    "JPEG of quality 30": lambda a: jpeg(a, 30),
    "JPEG of quality 10": lambda a: jpeg(a, 10),
    "gray": lambda a: to_channels(a, 1)[..., 0],
    "gamma 1.5": lambda a: (255 * (a / 255) ** 1.5).astype(np.uint8),
    "gray, 4 pixels cropped, resized to 1/2, JPEG of quality 30": lambda a: jpeg(
        bicubic_resize(inner(to_channels(a, 1)[..., 0], 4, 4), 0.5), 30
    ),
}


def phash(picture: Picture) -> NDArray[np.float32]:
    """Zauner's 64 bits as signs of length 1: an inner product of 1 - 2/64 is one other bit."""
    small = bicubic_resize(to_channels(picture, 1)[..., 0].astype(np.float32), (32, 32))
    low = scipy.fft.dctn(small.astype(np.float64), norm="ortho")[:8, :8].ravel()
    return (np.where(low > np.median(low), 1, -1) / 8).astype(np.float32)


def separation(
    pictures: dict[str, Picture], hashed: Callable[[Picture], Any], turn: bool, threshold: float
) -> dict[str, Any]:
    """Distances between pictures, and from each to its copies."""
    names = list(pictures)
    looks = np.array([hashed(picture) for picture in pictures.values()])
    views = turned_looks(looks) if turn else looks[None]
    distance = np.min([1 - looks @ view.T for view in views], axis=0)
    pairs = sorted(
        (float(distance[a, b]), names[a], names[b])
        for a, b in zip(*np.triu_indices(len(names), 1), strict=True)
    )
    known = [pair for pair in pairs if frozenset(pair[1:]) in ONE_PHOTOGRAPH]
    others = [pair for pair in pairs if frozenset(pair[1:]) not in ONE_PHOTOGRAPH]
    return {
        "threshold": threshold,
        "one_photograph": known,
        "different_pairs": len(others),
        "different_nearest": others[:5],
        "different_below_threshold": sum(pair[0] < threshold for pair in others),
        "copies": {
            how: spread(
                {
                    f"{name} of {picture.shape[1]}x{picture.shape[0]}": 1
                    - float(hashed(make(picture)) @ own)
                    for (name, picture), own in zip(pictures.items(), looks, strict=True)
                },
                threshold,
            )
            for how, make in COPIES.items()
        },
    }


def spread(named: dict[str, float], threshold: float) -> dict[str, Any]:
    """What is kept of the distances of copies."""
    distances = list(named.values())
    missed = [name for name, distance in named.items() if distance >= threshold]
    return {
        "median": float(np.median(distances)),
        "99 %": float(np.quantile(distances, 0.99)),
        "largest": max(distances),
        "missed": len(missed),
        "some_missed": missed[:20],
    }


def read_all(root: str) -> Iterator[tuple[str, Picture]]:
    """Names and pixels."""
    for name in SETS:
        opened = open_pictures(os.path.join(root, name), channels=3, min_side=32)
        for index in range(len(opened)):
            yield f"{name}/{opened.name(index)}", opened.read(index)


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    pictures = dict(read_all(parser.parse_args().data))
    numbers = {
        "pictures": len(pictures),
        "snellen": separation(pictures, look, True, LOOK_ALIKE),
        # A usual choice for 64 bits: at most 10 of them differ.
        "phash": separation(pictures, phash, False, 2 * 10.5 / 64),
    }
    record("leak_separation", numbers)


if __name__ == "__main__":
    main()
