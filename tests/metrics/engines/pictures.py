"""Pairs of pictures that are hard in one way each: float32, (N, C, H, W), range 0 to 1 or 255."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..cases import scene

Array = NDArray[np.float64]
Pair = tuple[Array, Array]
Shape = tuple[int, ...]


def _noise(shape: Shape, seed: int = 7) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def _random(shape: Shape) -> Pair:
    generator = np.random.default_rng(1)
    return generator.random(shape), generator.random(shape)


def _near(size: float) -> Callable[[Shape], Pair]:
    def make(shape: Shape) -> Pair:
        target = scene(shape, 2)
        return target + size * _noise(shape), target

    return make


def _anticorrelated(shape: Shape) -> Pair:
    target = scene(shape, 3)
    return 1 - target, target


def _saturated(shape: Shape) -> Pair:
    target = (scene(shape, 4) > 0.5).astype(float)
    return np.clip(target + 0.1 * _noise(shape), 0, 1), target


def _checkerboard(shape: Shape) -> Pair:
    rows, columns = np.indices(shape[-2:]) // 8
    target = np.broadcast_to(((rows + columns) % 2).astype(float), shape)
    return np.clip(target + 0.05 * _noise(shape), 0, 1), target


def _bright(shape: Shape) -> Pair:
    target = 0.97 + 0.03 * scene(shape, 5)
    return np.clip(target + 0.003 * _noise(shape), 0.97, 1), target


def _bright_255(shape: Shape) -> Pair:
    target = 250 + 5 * scene(shape, 5)
    return np.clip(target + 0.5 * _noise(shape), 250, 255), target


def _flat_and_nearly_flat(shape: Shape) -> Pair:
    return np.full(shape, 0.5) + 1e-3 * _noise(shape), np.full(shape, 0.5)


def _flat_and_brighter(shape: Shape) -> Pair:
    return np.full(shape, 0.75), np.full(shape, 0.5)


def _flat_and_hardly_brighter(shape: Shape) -> Pair:
    return np.full(shape, 0.501), np.full(shape, 0.5)


def _flat_and_textured(shape: Shape) -> Pair:
    return np.full(shape, 0.5), scene(shape, 6)


def _unrelated(shape: Shape) -> Pair:
    return scene(shape, 8), scene(shape, 9)


# Name: how to make it, and the range of its values.
PICTURES: dict[str, tuple[Callable[[Shape], Pair], float]] = {
    "random": (_random, 1.0),
    "near 1e-1": (_near(1e-1), 1.0),
    "near 1e-3": (_near(1e-3), 1.0),
    "near 1e-4": (_near(1e-4), 1.0),
    "near 1e-5": (_near(1e-5), 1.0),
    "anti-correlated": (_anticorrelated, 1.0),
    "unrelated": (_unrelated, 1.0),
    "saturated": (_saturated, 1.0),
    "checkerboard": (_checkerboard, 1.0),
    "bright": (_bright, 1.0),
    "bright, range 255": (_bright_255, 255.0),
    "flat and nearly flat": (_flat_and_nearly_flat, 1.0),
    "flat and brighter": (_flat_and_brighter, 1.0),
    "flat and hardly brighter": (_flat_and_hardly_brighter, 1.0),
    "flat and textured": (_flat_and_textured, 1.0),
}


def pictures(kind: str, shape: Shape) -> tuple[Tensor, Tensor, float]:
    """A pair of that kind, in float32, and the range of its values."""
    make, data_range = PICTURES[kind]
    x, y = (torch.from_numpy(p.astype(np.float32)) for p in make(shape))
    return x, y, data_range
