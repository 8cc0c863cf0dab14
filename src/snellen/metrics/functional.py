"""The metrics as functions: check the input, choose the engine, reduce.

All take `preds` and `target` of equal shape, dtype and device: (N, C, H, W), (C, H, W) or (H, W).
Values are computed in float32 (float64 for float64 inputs) whatever autocast says.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.checks import check_pair, check_reduction, resolve_range
from snellen.metrics.conventions import Convention, check_window, get_convention, suggestion
from snellen.metrics.definition import Similarity

__all__ = [
    "Engine",
    "Reduction",
    "dssim",
    "mae",
    "ms_dssim",
    "ms_ssim",
    "ms_ssim_map",
    "mse",
    "psnr",
    "ssim",
    "ssim_map",
]

Reduction = Literal["mean", "sum", "none"]
Engine = Literal["auto", "definition"]

ENGINES = ("auto", "definition")


def mse(preds: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Mean squared error of each picture, (X - Y)² averaged over channels and pixels.

    Args:
        preds: (N, C, H, W), (C, H, W) or (H, W), any float dtype or uint8.
        target: of the same shape, dtype and device.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).

    Returns:
        ≥ 0, in squared units of the input; float32 (float64 for float64 inputs).

    Raises:
        ValueError, TypeError: shapes, dtypes or devices that differ or do not fit.

    >>> mse(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    tensor(0.2500)
    """
    x, y = check_pair(preds, target)
    difference = x - y
    return _reduce((difference * difference).mean(dim=(1, 2, 3)), reduction)


def mae(preds: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Mean absolute error of each picture, |X - Y| averaged over channels and pixels.

    Arguments, result and errors as in :func:`mse`, in units of the input.

    >>> mae(torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5))
    tensor(0.5000)
    """
    x, y = check_pair(preds, target)
    return _reduce((x - y).abs().mean(dim=(1, 2, 3)), reduction)


def psnr(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB: 10·log10(data_range² / MSE).

    ``mean`` is the mean of the pictures' PSNR, not the PSNR of their mean error.

    Args:
        preds: as in :func:`mse`.
        target: as in :func:`mse`.
        data_range: largest minus smallest possible value; 255 by default for uint8, required else.
        reduction: as in :func:`mse`.

    Returns:
        dB, infinite for identical pictures.

    Raises:
        ValueError, TypeError: as in :func:`mse`, and a missing or unusable `data_range`.

    >>> psnr(torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.1), data_range=1.0)
    tensor(20.)
    """
    x, y = check_pair(preds, target)
    peak = resolve_range(data_range, preds)
    difference = (x - y) / peak
    return _reduce(-10 * torch.log10((difference * difference).mean(dim=(1, 2, 3))), reduction)


def ssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    engine: Engine = "auto",
) -> Tensor:
    """Structural similarity of each picture: the mean of l·cs over its pixels and channels.

    Args:
        preds: (N, C, H, W), (C, H, W) or (H, W), any float dtype or uint8.
        target: of the same shape, dtype and device.
        data_range: largest minus smallest possible value; 255 by default for uint8, required else.
        convention: name or :class:`~snellen.metrics.conventions.Convention`.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        mask: not supported yet.
        engine: ``auto`` or ``definition``.

    Returns:
        At most 1, reached by identical pictures; float32 (float64 for float64 inputs).

    Raises:
        ValueError, TypeError: shapes, dtypes or devices that differ, a missing or unusable
            `data_range`, a picture smaller than the window, an unknown name.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004.

    >>> x = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16)
    >>> ssim(x, x, data_range=1.0)
    tensor(1.)
    >>> float(ssim(1 - x, x, data_range=1.0)) < 0
    True
    """
    similarity = _ssim(preds, target, data_range, convention, mask, engine)
    return _reduce(similarity.value, reduction)


def dssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    engine: Engine = "auto",
) -> Tensor:
    """Structural dissimilarity 1 - SSIM, computed directly: near 0 it keeps its digits.

    Arguments and errors as in :func:`ssim`; 0 for identical pictures, with gradient 0.

    >>> x = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16)
    >>> dssim(x, x, data_range=1.0)
    tensor(0.)
    """
    similarity = _ssim(preds, target, data_range, convention, mask, engine)
    return _reduce(similarity.complement, reduction)


def ms_ssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
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
    similarity = _ms_ssim(preds, target, data_range, convention, mask, engine)
    return _reduce(similarity.value, reduction)


def ms_dssim(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    reduction: Reduction = "mean",
    mask: Tensor | None = None,
    engine: Engine = "auto",
) -> Tensor:
    """Multiscale dissimilarity 1 - MS-SSIM, computed directly: near 0 it keeps its digits.

    Arguments and errors as in :func:`ms_ssim`; 0 for identical pictures, with gradient 0.

    >>> x = torch.rand(1, 1, 176, 176)
    >>> ms_dssim(x, x, data_range=1.0)
    tensor(0.)
    """
    similarity = _ms_ssim(preds, target, data_range, convention, mask, engine)
    return _reduce(similarity.complement, reduction)


def ssim_map(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    mask: Tensor | None = None,
    engine: Engine = "auto",
) -> Tensor:
    """SSIM at each pixel of each channel.

    Arguments and errors as in :func:`ssim`.

    Returns:
        The input's shape; with a ``valid`` border each side is one window less one pixel shorter.

    >>> ssim_map(torch.rand(3, 32, 40), torch.rand(3, 32, 40), data_range=1.0).shape
    torch.Size([3, 22, 30])
    """
    x, y, peak, options = _prepare(preds, target, data_range, convention, mask, engine)
    check_window(options, tuple(x.shape[-2:]))
    return _like(definition.ssim_map(x, y, peak, options).value, preds)


def ms_ssim_map(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    mask: Tensor | None = None,
    engine: Engine = "auto",
) -> Tensor:
    """MS-SSIM at each pixel of each channel: what the poster's objective sums.

    Arguments and errors as in :func:`ms_ssim`; the convention's reading must be ``pixels``, as in
    ``poster``, or ``sigmas``. ``levels``, as in ``wang``, has no map: a convention must be given.

    Returns:
        The input's shape.

    >>> x, y = torch.rand(176, 180), torch.rand(176, 180)
    >>> ms_ssim_map(x, y, data_range=1.0, convention="poster").shape
    torch.Size([176, 180])
    """
    x, y, peak, options = _prepare(preds, target, data_range, convention, mask, engine)
    if options.reading == "levels":
        raise ValueError(
            "ms_ssim_map needs a convention that reads MS-SSIM by 'pixels' or 'sigmas'; this one "
            "takes the mean of each level first, so it has no map. Use convention='poster'."
        )
    maps = definition.ms_ssim_map(x, y, peak, options).value
    # One map for all channels where the factors were averaged over them.
    return _like(maps.expand(-1, x.shape[1], -1, -1), preds)


def _ssim(
    preds: Tensor,
    target: Tensor,
    data_range: float | None,
    convention: str | Convention,
    mask: Tensor | None,
    engine: str,
) -> Similarity:
    x, y, peak, options = _prepare(preds, target, data_range, convention, mask, engine)
    check_window(options, tuple(x.shape[-2:]))
    if len(x) == 0:
        return _nothing(x, y)
    return definition.ssim(x, y, peak, options)


def _ms_ssim(
    preds: Tensor,
    target: Tensor,
    data_range: float | None,
    convention: str | Convention,
    mask: Tensor | None,
    engine: str,
) -> Similarity:
    x, y, peak, options = _prepare(preds, target, data_range, convention, mask, engine)
    if len(x) == 0:
        return _nothing(x, y)
    return definition.ms_ssim(x, y, peak, options)


def _nothing(x: Tensor, y: Tensor) -> Similarity:
    """Return the similarity of no pictures: shape (0,), part of the graph."""
    empty = (x + y).sum(dim=(1, 2, 3))
    return Similarity(empty, empty)


def _prepare(
    preds: Tensor,
    target: Tensor,
    data_range: float | None,
    convention: str | Convention,
    mask: Tensor | None,
    engine: str,
) -> tuple[Tensor, Tensor, float, Convention]:
    """Check everything that all similarities share."""
    x, y = check_pair(preds, target)
    peak = resolve_range(data_range, preds)
    options = get_convention(convention)
    if mask is not None:
        raise NotImplementedError("Masks are not supported yet: leave mask=None.")
    if engine not in ENGINES:
        raise ValueError(
            f"There is no engine {engine!r}; there are {', '.join(ENGINES)}."
            f"{suggestion(str(engine), ENGINES)}"
        )
    return x, y, peak, options


def _reduce(values: Tensor, reduction: str) -> Tensor:
    check_reduction(reduction)
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()


def _like(maps: Tensor, preds: Tensor) -> Tensor:
    """Take off the axes that the input did not have."""
    return maps.reshape(*preds.shape[:-2], *maps.shape[-2:])
