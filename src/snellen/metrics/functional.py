"""The metrics as functions: check the input, compare, reduce.

All take `preds` and `target` of equal shape, dtype and device: (N, C, H, W), (C, H, W) or (H, W),
and volumes (N, C, D, H, W). Four axes are always (N, C, H, W): a single volume is volume[None].
Values are computed in float32 (float64 for float64 inputs) whatever autocast says.
"""

from __future__ import annotations

import torch
from torch import Tensor

from snellen.metrics.checks import as_float, check_pair, check_reduction, resolve_range
from snellen.metrics.comparison import Engine, Reduction, checked, reduced
from snellen.metrics.conventions import Convention
from snellen.metrics.masks import NaNPolicy, resolve_weights
from snellen.metrics.weights import average, clear

__all__ = [
    "Engine",
    "Reduction",
    "dssim",
    "mae",
    "ms_dssim",
    "ms_ssim",
    "ms_ssim_decibels",
    "mse",
    "psnr",
    "ssim",
    "ssim_decibels",
]


def mse(
    preds: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
) -> Tensor:
    """Mean squared error of each picture, (X - Y)² averaged over channels and pixels.

    Args:
        preds: (N, C, H, W), (C, H, W), (H, W) or (N, C, D, H, W), any float dtype or uint8.
        target: of the same shape, dtype and device.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        mask: which pixels count (bool) or how much (floats ≥ 0): of the axes of `preds`, with 1 or
            as many entries for N and C, or (H, W). What lies under 0 does not matter and gets
            gradient 0; only the ratio of a picture's weights does. There is no gradient to a mask.
        nan: ``propagate``: a NaN pixel makes its picture NaN. ``mask``: the value does not count
            where either picture is NaN.

    Returns:
        ≥ 0, in squared units of the input; float32 (float64 for float64 inputs).

    Raises:
        ValueError, TypeError: shapes, dtypes or devices that differ or do not fit; a mask of
            negative weights, or one that leaves no pixel of a picture.

    >>> mse(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    tensor(0.2500)
    """
    difference, weights = _difference(preds, target, mask, nan, reduction)
    return reduced(_mean(difference * difference, weights), reduction)


def mae(
    preds: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
) -> Tensor:
    """Mean absolute error of each picture, |X - Y| averaged over channels and pixels.

    Arguments, result and errors as in :func:`mse`, in units of the input.

    >>> mae(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    tensor(0.5000)
    """
    difference, weights = _difference(preds, target, mask, nan, reduction)
    return reduced(_mean(difference.abs(), weights), reduction)


def psnr(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB: 10·log10(data_range² / MSE).

    ``mean`` is the mean of the pictures' PSNR, not the PSNR of their mean error.

    Args:
        preds: as in :func:`mse`.
        target: as in :func:`mse`.
        data_range: largest minus smallest possible value; 255 by default for uint8, required else.
        reduction: as in :func:`mse`.
        mask: as in :func:`mse`.
        nan: as in :func:`mse`.

    Returns:
        dB, infinite for identical pictures.

    Raises:
        ValueError, TypeError: as in :func:`mse`, and a missing or unusable `data_range`.

    >>> psnr(torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.1), data_range=1.0)
    tensor(20.)
    """
    difference, weights = _difference(preds, target, mask, nan, reduction)
    scaled = difference / resolve_range(data_range, preds)
    return reduced(_decibels(_mean(scaled * scaled, weights)), reduction)


def ssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """Structural similarity of each picture: the mean of l·cs over its pixels and channels.

    Args:
        preds: (N, C, H, W), (C, H, W), (H, W) or (N, C, D, H, W), any float dtype or uint8.
        target: of the same shape, dtype and device.
        data_range: largest minus smallest possible value; 255 by default for uint8, required else.
        convention: name or :class:`~snellen.metrics.conventions.Convention`.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        mask: as in :func:`mse`; means under the window and over the picture are then weighted
            ones, so that a masked pixel has no influence at all.
        nan: as in :func:`mse`.
        engine: ``auto``: the fast engine of the pictures' device where it can do this, else the
            definition; ``definition``, ``cpu`` or ``cuda``: that one, or an error.

    Returns:
        At most 1, reached by identical pictures; float32 (float64 for float64 inputs).

    Raises:
        ValueError, TypeError: shapes, dtypes or devices that differ, a missing or unusable
            `data_range`, a picture smaller than the window, an unknown name; a mask of negative
            weights, or one that leaves no pixel or no window of a picture.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004.

    >>> x = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16)
    >>> ssim(x, x, data_range=1.0)
    tensor(1.)
    >>> float(ssim(1 - x, x, data_range=1.0)) < 0
    True
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine, reduction)
    return comparison.similarity(multiscale=False, reduction=reduction)


def dssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """Structural dissimilarity 1 - SSIM, computed directly: near 0 it keeps its digits.

    Arguments and errors as in :func:`ssim`; 0 for identical pictures, with gradient 0.

    >>> x = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16)
    >>> dssim(x, x, data_range=1.0)
    tensor(0.)
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine, reduction)
    return comparison.dissimilarity(multiscale=False, reduction=reduction)


def ms_ssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """Multiscale structural similarity of each picture.

    Contrast and structure at every level, luminance at the coarsest; how the levels are combined is
    the convention's `reading`. Arguments and errors as in :func:`ssim`; and a ValueError when the
    convention's levels do not fit the picture (five need 161 pixels a side: see
    ``dataclasses.replace(convention, levels="auto")``).

    Source: Wang, Simoncelli, Bovik, Asilomar 2003.

    >>> x = torch.rand(2, 3, 176, 176)
    >>> ms_ssim(x, x, data_range=1.0, reduction="none")
    tensor([1., 1.])
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine, reduction)
    return comparison.similarity(multiscale=True, reduction=reduction)


def ms_dssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """Multiscale dissimilarity 1 - MS-SSIM, computed directly: near 0 it keeps its digits.

    Arguments and errors as in :func:`ms_ssim`; 0 for identical pictures, with gradient 0.

    >>> x = torch.rand(1, 1, 176, 176)
    >>> ms_dssim(x, x, data_range=1.0)
    tensor(0.)
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine, reduction)
    return comparison.dissimilarity(multiscale=True, reduction=reduction)


def ssim_decibels(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """SSIM in decibels, -10·log10(1 - SSIM): 20 dB for .99, 30 dB for .999.

    Arguments and errors as in :func:`ssim`. ``mean`` is the mean of the pictures' decibels.

    Returns:
        dB, infinite for identical pictures.

    >>> x = torch.zeros(1, 1, 16, 16)
    >>> ssim_decibels(x, x, data_range=1.0)
    tensor(inf)
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine, reduction)
    errors = comparison.dissimilarity(multiscale=False, reduction="none")
    return reduced(_decibels(errors), reduction)


def ms_ssim_decibels(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """MS-SSIM in decibels, -10·log10(1 - MS-SSIM): 20 dB for .99, 30 dB for .999.

    Arguments and errors as in :func:`ms_ssim`. ``mean`` is the mean of the pictures' decibels.

    Returns:
        dB, infinite for identical pictures.

    >>> x = torch.zeros(1, 1, 176, 176)
    >>> ms_ssim_decibels(x, x, data_range=1.0)
    tensor(inf)
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine, reduction)
    errors = comparison.dissimilarity(multiscale=True, reduction="none")
    return reduced(_decibels(errors), reduction)


def _difference(
    preds: Tensor, target: Tensor, mask: Tensor | None, nan: str, reduction: str
) -> tuple[Tensor, Tensor | None]:
    """Check the pair; return X - Y and the pixels' weights."""
    check_reduction(reduction)
    x, y = (as_float(picture) for picture in check_pair(preds, target))
    weights = resolve_weights(mask, nan, preds, x, y)
    return clear(x - y, weights), weights


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    return average(values, weights, tuple(range(1, values.ndim)))


def _decibels(error: Tensor) -> Tensor:
    return -10 * torch.log10(error)
