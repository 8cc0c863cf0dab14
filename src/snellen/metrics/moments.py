"""Means and variances of pictures under a window, without losing digits on bright flat ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention
from snellen.metrics.filtering import blur_channels, pad
from snellen.metrics.weights import Weights, average, local_mean, total

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
        moments: of the picture.
    """

    weights: Weights | None
    centred: Tensor
    offset: Tensor
    mean: Tensor
    moments: Moments


def moments(
    pictures: Sequence[Tensor],
    taps: tuple[float, ...],
    convention: Convention,
    weights: Weights | None,
) -> list[Moments]:
    """Return the moments of each picture under the window."""
    centred, offsets = zip(*(_centre(p, taps, convention, weights) for p in pictures), strict=True)
    found = _means([*centred, *(p * p for p in centred)], taps, convention, weights)
    sides = centred[0].shape[2:]
    means, squares = found[: len(pictures)], found[len(pictures) :]
    return [
        _moments(mean, square, offset, taps, convention, sides)
        for mean, square, offset in zip(means, squares, offsets, strict=True)
    ]


def keep_moments(
    y: Tensor, taps: tuple[float, ...], convention: Convention, weights: Weights | None
) -> Kept:
    """Return what :func:`moments_with_kept` needs of `y`."""
    centred, offset = _centre(y, taps, convention, weights)
    mean, square = _means([centred, centred * centred], taps, convention, weights)
    of_y = _moments(mean, square, offset, taps, convention, centred.shape[2:])
    return Kept(weights, centred, offset, mean, of_y)


def moments_with_kept(
    b: Tensor, y: Kept, taps: tuple[float, ...], convention: Convention
) -> tuple[Moments, Moments, Moments]:
    """Return the moments of the difference b = x - y, of x and of y, by three blurs.

    x is centred by the offsets of y and b, so that its mean is the sum of theirs and costs no blur.
    """
    centred, offset = _centre(b, taps, convention, y.weights)
    x, sides = y.centred + centred, centred.shape[2:]
    mean, square, square_x = _means(
        [centred, centred * centred, x * x], taps, convention, y.weights
    )
    of_b = _moments(mean, square, offset, taps, convention, sides)
    of_x = _moments(y.mean + mean, square_x, y.offset + offset, taps, convention, sides)
    return of_b, of_x, y.moments


def _centre(
    x: Tensor, taps: tuple[float, ...], convention: Convention, weights: Weights | None
) -> tuple[Tensor, Tensor]:
    """Extend a picture and take each plane's own mean off; return both.

    The variance does not change, and E[x²] - E[x]² then loses no digits on bright flat pictures.
    """
    offset = _offset(x, convention, weights)
    if convention.border != "valid":
        x = pad(x, len(taps), convention.border)
    return x - offset, offset


def _offset(x: Tensor, convention: Convention, weights: Weights | None) -> Tensor:
    """Mean of each plane, or of all that one window can cover.

    0 where it is not finite, so that one bad pixel stays a local matter.
    """
    axes = tuple(range(1 if convention.channels == "window" else 2, x.ndim))
    pixels = None if weights is None else weights.pixels
    mean = average(x.detach(), pixels, axes, keepdim=True)
    return torch.where(torch.isfinite(mean), mean, torch.zeros_like(mean))


def _means(
    pictures: Sequence[Tensor],
    taps: tuple[float, ...],
    convention: Convention,
    weights: Weights | None,
) -> Sequence[Tensor]:
    found = local_mean(torch.cat(list(pictures), dim=1), taps, weights).chunk(len(pictures), dim=1)
    if convention.channels == "window":
        return [blur_channels(mean, taps) for mean in found]
    return found


def _moments(
    mean: Tensor,
    square: Tensor,
    offset: Tensor,
    taps: tuple[float, ...],
    convention: Convention,
    sides: Sequence[int],
) -> Moments:
    """Put together the means of a centred picture and of its square."""
    variance = square - mean * mean
    if convention.precision == "single":
        # What is left of the squared mean where the weights sum to `whole` instead of 1.
        whole = total(taps, sides)
        variance = variance + (1 - whole) * offset * (2 * mean + whole * offset)
        offset = whole * offset
    variance = variance.clamp(min=0)
    if convention.covariance == "sample":
        axes = mean.ndim - (1 if convention.channels == "window" else 2)
        pixels = len(taps) ** axes
        variance = variance * (pixels / (pixels - 1))
    return Moments(mean + offset, variance)
