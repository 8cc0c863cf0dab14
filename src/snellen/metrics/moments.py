"""Means and variances of pictures under a window, without losing digits on bright flat ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention
from snellen.metrics.filtering import pad
from snellen.metrics.weights import Weights, average, local_mean

__all__ = ["Kept", "Moments", "keep_moments", "moments", "moments_with_kept"]


class Moments(NamedTuple):
    """Mean and variance at each position of the window."""

    mean: Tensor
    variance: Tensor


class Kept(NamedTuple):
    """What one picture adds to every comparison with it, under one window.

    Attributes:
        weights: of its pixels.
        centred: the picture, extended, less `offset`.
        offset: mean of each plane.
        mean: of `centred`.
        variance: at each position of the window.
    """

    weights: Weights | None
    centred: Tensor
    offset: Tensor
    mean: Tensor
    variance: Tensor


def moments(
    pictures: Sequence[Tensor],
    taps: tuple[float, ...],
    convention: Convention,
    weights: Weights | None,
) -> list[Moments]:
    """Return the moments of each picture under the window."""
    count = len(pictures)
    centred, offsets = zip(*(_centre(p, taps, convention, weights) for p in pictures), strict=True)
    blurred = local_mean(torch.cat([*centred, *(p * p for p in centred)], dim=1), taps, weights)
    parts = blurred.chunk(2 * count, dim=1)
    return [
        Moments(mean + offset, _variance(square, mean, taps, convention))
        for mean, square, offset in zip(parts[:count], parts[count:], offsets, strict=True)
    ]


def keep_moments(
    y: Tensor, taps: tuple[float, ...], convention: Convention, weights: Weights | None
) -> Kept:
    """Return what :func:`moments_with_kept` needs of `y`."""
    centred, offset = _centre(y, taps, convention, weights)
    blurred = local_mean(torch.cat([centred, centred * centred], dim=1), taps, weights)
    mean, square = blurred.chunk(2, dim=1)
    return Kept(weights, centred, offset, mean, _variance(square, mean, taps, convention))


def moments_with_kept(
    b: Tensor, y: Kept, taps: tuple[float, ...], convention: Convention
) -> tuple[Moments, Moments, Moments]:
    """Return the moments of the difference b = x - y, of x and of y, by three blurs.

    x is centred by the offsets of y and b, so that its mean is the sum of theirs and costs no blur.
    """
    centred, offset = _centre(b, taps, convention, y.weights)
    x = y.centred + centred
    blurred = local_mean(torch.cat([centred, centred * centred, x * x], dim=1), taps, y.weights)
    mean, square, square_x = blurred.chunk(3, dim=1)
    mean_y = y.mean + y.offset
    of_b = Moments(mean + offset, _variance(square, mean, taps, convention))
    var_x = _variance(square_x, y.mean + mean, taps, convention)
    return of_b, Moments(mean_y + of_b.mean, var_x), Moments(mean_y, y.variance)


def _centre(
    x: Tensor, taps: tuple[float, ...], convention: Convention, weights: Weights | None
) -> tuple[Tensor, Tensor]:
    """Extend a picture and take each plane's own mean off; return both.

    The variance does not change, and E[x²] - E[x]² then loses no digits on bright flat pictures.
    """
    offset = _offset(x, weights)
    if convention.border != "valid":
        x = pad(x, len(taps), convention.border)
    return x - offset, offset


def _offset(x: Tensor, weights: Weights | None) -> Tensor:
    """Mean of each plane; 0 where it is not finite, so that one bad pixel stays a local matter."""
    pixels = None if weights is None else weights.pixels
    mean = average(x.detach(), pixels, tuple(range(2, x.ndim)), keepdim=True)
    return torch.where(torch.isfinite(mean), mean, torch.zeros_like(mean))


def _variance(
    square: Tensor, mean: Tensor, taps: tuple[float, ...], convention: Convention
) -> Tensor:
    variance = (square - mean * mean).clamp(min=0)
    if convention.covariance == "sample":
        pixels = len(taps) ** (mean.ndim - 2)
        variance = variance * (pixels / (pixels - 1))
    return variance
