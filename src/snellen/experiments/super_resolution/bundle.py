"""The study bundle of a super-resolution comparison: pictures of all sizes, cut to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snellen.experiments.study_bundle import write_study_bundle
from snellen.experiments.super_resolution.results import BICUBIC
from snellen.reports import ShownSet

__all__ = ["common_side", "write_bundle"]

LARGEST, SMALLEST = 256, 96


def common_side(shapes: Sequence[tuple[int, int]]) -> int:
    """The side of the squares that pictures of these (height, width) are cut to.

    As large as the smallest picture allows, between 96 and 256 pixels; pictures below 96 are left
    out where there are others.

    >>> common_side([(300, 240), (90, 200)]), common_side([(90, 70)])
    (240, 70)
    """
    sides = [min(shape) for shape in shapes]
    return min(LARGEST, *([side for side in sides if side >= SMALLEST] or sides))


def write_bundle(folder: Path, sets: Sequence[ShownSet], results: Mapping[str, Any]) -> None:
    """Write the middle of every original and of what each loss made of it, seed 0.

    Args:
        folder: where; a bundle that stood there is replaced.
        sets: the pictures.
        results: results.json, for what made them.

    Raises:
        UserError: the place cannot be written.
    """
    side = common_side([picture.shape for each in sets for picture in each.originals])
    places = [
        (each, k)
        for each in sets
        for k, picture in enumerate(each.originals)
        if min(picture.shape) >= side
    ]
    losses = [name for name in sets[0].outputs if name != BICUBIC]
    write_study_bundle(
        folder,
        _stacked((each.originals[k] for each, k in places), side),
        {loss: _stacked((each.outputs[loss][k] for each, k in places), side) for loss in losses},
        [f"{each.name}/{each.names[k]}" for each, k in places],
        [f"{each.name}/{each.sources[k]}" for each, k in places],
        {
            **{key: results[key] for key in ("command", "commit", "date", "scale")},
            "protocol": results["protocol"]["name"],
            "pixels": f"Y, the middle {side}×{side} pixels",
            "seed": 0,
        },
    )


def _stacked(pictures: Iterable[NDArray[np.uint8]], side: int) -> NDArray[np.uint8]:
    """The middle squares, (n, 1, side, side)."""
    found = []
    for picture in pictures:
        top, left = ((extent - side) // 2 for extent in picture.shape)
        # A copy: a view would keep the whole picture.
        found.append(picture[top : top + side, left : left + side].copy())
    return np.stack(found)[:, None]
