"""Means that count each pixel by a weight, so that a masked pixel (weight 0) counts nothing.

Local means are normalised convolutions: the weighted pixels under the window over the weights under
the window (Knutsson, Westin 1993). Weights are (N or 1, C or 1, H, W) or (…, D, H, W), constants of
the pictures' dtype in [0, 1]; None means that every pixel counts alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention
from snellen.metrics.filtering import blur, pad

__all__ = [
    "Weights",
    "average",
    "centres",
    "clear",
    "inside",
    "local_mean",
    "total",
    "weights_under",
]


class Weights(NamedTuple):
    """The weights of one level.

    Attributes:
        pixels: of the pictures' size.
        bordered: the same, extended as the pictures are.
        windows: what lies under the window at each of its positions, 1 where all weights are 1.
    """

    pixels: Tensor
    bordered: Tensor
    windows: Tensor


def weights_under(pixels: Tensor, taps: tuple[float, ...], border: str) -> Weights:
    """Weigh the windows. The extension of a picture weighs what the pixels it is made from weigh.

    Zeros put around a picture weigh what the pixel at its edge does.
    """
    bordered = pixels
    if border != "valid":
        bordered = pad(pixels, len(taps), "replicate" if border == "zeros" else border)
    return Weights(pixels, bordered, blur(bordered, taps) / total(taps, bordered.shape[2:]))


def total(taps: tuple[float, ...], sides: Sequence[int]) -> float:
    """Sum of the weights of the window over the axes that `blur` does not leave as they are."""
    return math.fsum(taps) ** len([side for side in sides if side >= len(taps)])


def local_mean(x: Tensor, taps: tuple[float, ...], weights: Weights | None) -> Tensor:
    """Average under every window; 0 where nothing under it counts.

    Args:
        x: the pictures, extended, or several of them along the channels.
        taps: the window's weights along one axis.
        weights: those of the window's level.
    """
    if weights is None:
        return blur(x, taps)
    bordered, windows = weights.bordered, weights.windows
    if bordered.shape[1] > 1:
        bordered, windows = (_repeat(w, x.shape[1] // w.shape[1]) for w in (bordered, windows))
    return blur(x * bordered, taps) / torch.where(windows > 0, windows, 1)


def _repeat(weights: Tensor, times: int) -> Tensor:
    return torch.cat([weights] * times, dim=1)


def centres(pixels: Tensor, convention: Convention, *, coarsest: bool = True) -> Tensor:
    """Return the weight of the pixel at the centre of each window that counts."""
    if convention.border == "valid" or (convention.crop_contrast and not coarsest):
        return inside(pixels, convention.window_size)
    return pixels


def inside(x: Tensor, taps: int) -> Tensor:
    """Crop to the centres of the windows wholly inside."""
    for dim in range(2, x.ndim):
        x = x.narrow(dim, taps // 2, x.shape[dim] - taps + 1)
    return x


def average(
    values: Tensor, weights: Tensor | None, dim: tuple[int, ...], *, keepdim: bool = False
) -> Tensor:
    """Average over the axes `dim`; 0 where nothing counts.

    Weights of several channels for values of one count by their mean.
    """
    if weights is None:
        return values.mean(dim=dim, keepdim=keepdim)
    if weights.shape[1] > values.shape[1]:
        weights = weights.mean(dim=1, keepdim=True)
    weights = weights.expand_as(values)
    whole = weights.sum(dim=dim, keepdim=keepdim)
    return (values * weights).sum(dim=dim, keepdim=keepdim) / torch.where(whole > 0, whole, 1)


def clear(x: Tensor, weights: Tensor | None) -> Tensor:
    """Put 0 where the weight is 0: NaN too is gone then, and the gradient there is 0."""
    return x if weights is None else torch.where(weights > 0, x, 0)
