"""Which whole pictures and which crops a super-resolution report shows, by rules that it prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.metrics import WANG, ssim_map
from snellen.reports.gallery import at_random, png_bytes

__all__ = [
    "GRID",
    "LEAST_SIDE",
    "MOST_PIXELS",
    "SIDE",
    "Crop",
    "ShownSet",
    "differing_crops",
    "whole_pictures",
]

SIDE = 48
"""Side of the crops, in pixels: three times magnified, six stand beside each other."""

GRID = 8
"""Crops are looked for on a grid of this many pixels."""

LEAST_SIDE, MOST_PIXELS = 128, 420_000
"""Smaller and larger pictures are not shown whole."""

_BUDGET = 3_000_000  # bytes of PNG that whole pictures may take; base64 makes them 4 MB
_LOCAL = replace(WANG, border="replicate")

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class ShownSet:
    """A set of n pictures, of any sizes, as they were measured.

    Attributes:
        name: of the set.
        names: n names, as the reader may know them.
        sources: n labels of scenes.
        originals: uint8 (H, W) each.
        outputs: what each method made of them, under seed 0; methods in their order.
        measures: for each method and measure ("psnr", "ssim") the value of every picture, (n,).
    """

    name: str
    names: Sequence[str]
    sources: Sequence[str]
    originals: Sequence[Picture]
    outputs: Mapping[str, Sequence[Picture]]
    measures: Mapping[str, Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Crop:
    """A window of a picture, and how far apart the methods are in it.

    Attributes:
        place: the number of the set. index: the number of the picture in it.
        top, left: of the window, in pixels.
        values: mean local SSIM of each method inside the window.
        gap: between the highest and the lowest of those that are compared.
    """

    place: int
    index: int
    top: int
    left: int
    values: Mapping[str, float]
    gap: float

    def cut(self, picture: Picture) -> Picture:
        """The window of a picture of the same size."""
        return picture[self.top : self.top + SIDE, self.left : self.left + SIDE]


def differing_crops(sets: Sequence[ShownSet], methods: Sequence[str], each: int) -> list[Crop]:
    """The windows where the methods differ most: of each set the `each` most different.

    For every picture the local SSIM of each method is averaged over each window of the grid, and
    the window with the widest gap between the highest and the lowest is taken; of these, one for
    each scene, those with the widest gaps. Ties go to the first. Pictures smaller than a crop have
    none.
    """
    found: list[Crop] = []
    for place, shown in enumerate(sets):
        crops = [
            crop
            for index in range(len(shown.names))
            if (crop := _widest(shown, place, index, methods)) is not None
        ]
        seen: set[str] = set()
        for crop in sorted(crops, key=lambda crop: -crop.gap):
            if shown.sources[crop.index] not in seen and len(seen) < each:
                seen.add(shown.sources[crop.index])
                found.append(crop)
    return found


def _widest(shown: ShownSet, place: int, index: int, methods: Sequence[str]) -> Crop | None:
    original = shown.originals[index]
    if min(original.shape) < SIDE:
        return None
    means = {
        name: _window_means(_local_ssim(made[index], original))
        for name, made in shown.outputs.items()
    }
    compared = np.stack([means[name] for name in methods])
    gaps = compared.max(0) - compared.min(0)
    row, column = (int(n) for n in np.unravel_index(int(gaps.argmax()), gaps.shape))
    values = {name: float(found[row, column]) for name, found in means.items()}
    return Crop(place, index, row * GRID, column * GRID, values, float(gaps[row, column]))


def _local_ssim(made: Picture, original: Picture) -> NDArray[np.float64]:
    """SSIM at each pixel, (H, W), edges replicated."""
    pair = (torch.from_numpy(np.ascontiguousarray(p))[None, None] for p in (made, original))
    return ssim_map(*pair, convention=_LOCAL)[0, 0].numpy().astype(np.float64)


def _window_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over the windows of the grid, (rows, columns).

    >>> _window_means(np.ones((56, 48))).tolist()
    [[1.0], [1.0]]
    """
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    sums[1:, 1:] = values.cumsum(0).cumsum(1)
    top = np.arange(0, values.shape[0] - SIDE + 1, GRID)[:, None]
    left = np.arange(0, values.shape[1] - SIDE + 1, GRID)[None]
    bottom, right = top + SIDE, left + SIDE
    total: NDArray[np.float64] = (
        sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    )
    return total / SIDE**2


def whole_pictures(sets: Sequence[ShownSet], most: int = 3) -> list[tuple[int, int]]:
    """Draw pictures to be shown whole: (number of the set, number of the picture).

    The sets take turns; each draws with a seeded generator from its pictures of sides from
    `LEAST_SIDE` on and at most `MOST_PIXELS` pixels, scene by scene, before any number is looked
    at. Drawing ends at `most` pictures, or where the page would become too heavy to be sent.
    """
    turns = []
    for place, shown in enumerate(sets):
        fitting = [
            n
            for n, picture in enumerate(shown.originals)
            if min(picture.shape) >= LEAST_SIDE and picture.size <= MOST_PIXELS
        ]
        drawn = at_random([shown.sources[n] for n in fitting], most)
        turns += [(turn, place, fitting[n]) for turn, n in enumerate(drawn)]
    chosen: list[tuple[int, int]] = []
    weight = 0
    for _, place, index in sorted(turns):
        shown = sets[place]
        methods = 1 + len(shown.outputs)
        weight += methods * len(png_bytes(shown.originals[index][None]))
        if len(chosen) == most or (chosen and weight > _BUDGET):
            break
        chosen.append((place, index))
    return sorted(chosen)
