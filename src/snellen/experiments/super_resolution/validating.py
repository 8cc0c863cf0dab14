"""The fixed patches on which learning curves are measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from snellen.datasets.super_resolution import (
    PatchOptions,
    PatchSource,
    PatchStream,
    whole_levels,
)
from snellen.errors import UserError
from snellen.experiments.super_resolution.judging import JudgedSet
from snellen.images.protocols import SuperResolutionProtocol, pose
from snellen.training.examples import Examples

__all__ = ["patches_of", "patches_of_training"]

PATCHES = 64
_SEED = 2**31 - 1  # not a training's: those are counted from 0


def patches_of_training(source: PatchSource, side: int, inside: bool) -> Examples:
    """Cut fixed patches of the training pictures, by a seed of their own.

    Args:
        source: the prepared pictures.
        side: of the patches, in pixels.
        inside: whether the network takes low-resolution patches.
    """
    options = PatchOptions(side, flip=False, rotate=False, inside=inside)
    stream = PatchStream(source, options, batch_size=PATCHES, steps=1, seed=_SEED)
    batch = stream.batch(0)
    return Examples(batch.pixels, batch.inputs)


def patches_of(
    sets: Sequence[JudgedSet],
    scale: int,
    protocol: SuperResolutionProtocol,
    side: int,
    inside: bool,
) -> Examples:
    """Cut `PATCHES` patches at random, but always the same, of pictures that are not trained on.

    Args:
        sets: the pictures; each that is as large as a patch gives as many patches as any other, to
            within one. Of more than `PATCHES` such pictures some are left out, evenly.
        scale: by which they are shrunk.
        protocol: how.
        side: of the patches, in pixels, a multiple of the scale.
        inside: whether the network takes low-resolution patches.

    Raises:
        UserError: no picture is as large as a patch.
    """
    generator = np.random.default_rng(_SEED)
    places = _large_enough(sets, side)
    count = -(-PATCHES // max(1, len(places)))
    pixels, inputs = [], []
    for each, k in places:
        posed = pose(each.read(k), scale, protocol)
        target = whole_levels(posed.target)
        given, step = (posed.low, scale) if inside else (posed.enlarged, 1)
        for _ in range(count):
            top, left = (
                int(generator.integers(0, (extent - side) // scale + 1)) * scale
                for extent in target.shape
            )
            pixels.append(_cut(target, top, left, side))
            inputs.append(_cut(given, top // step, left // step, side // step) / 255)
    if not pixels:
        raise UserError(
            f"no picture to measure learning curves on is as large as a patch of {side} pixels: "
            "name others with --set validation=DIR, or take a smaller patch."
        )
    # The first of every picture before the second of any.
    order = np.arange(len(pixels)).reshape(-1, count).T.ravel()[:PATCHES]
    return Examples(
        torch.from_numpy(np.stack(pixels)[order, None]),
        torch.from_numpy(np.stack(inputs)[order, None].astype(np.float32)),
    )


def _large_enough(sets: Sequence[JudgedSet], side: int) -> list[tuple[JudgedSet, int]]:
    """Up to `PATCHES` pictures with a patch in them, spread evenly, in the order of the sets."""
    places = [(each, k) for each in sets for k in range(len(each))]
    spread = np.linspace(0, len(places) - 1, min(PATCHES, len(places))).round().astype(int).tolist()
    found: list[int] = []
    # In the place of those that are too small, others.
    for n in dict.fromkeys([*spread, *range(len(places))]):
        each, k = places[n]
        if min(each.read(k).shape[:2]) >= side:
            found.append(n)
        if len(found) == PATCHES:
            break
    return [places[n] for n in sorted(found)]


def _cut(picture: NDArray[Any], top: int, left: int, side: int) -> NDArray[Any]:
    return picture[top : top + side, left : left + side]
