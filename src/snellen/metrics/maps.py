"""SSIM and MS-SSIM at each pixel, and the three factors of SSIM."""

from __future__ import annotations

import torch
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.comparison import Comparison, Engine, checked
from snellen.metrics.conventions import Convention
from snellen.metrics.definition import Components
from snellen.metrics.masks import NaNPolicy
from snellen.metrics.weights import centres

__all__ = ["Components", "ms_ssim_map", "ssim_components", "ssim_map"]


def ssim_map(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """SSIM at each pixel of each channel.

    Arguments and errors as in :func:`ssim`.

    Returns:
        The input's shape; with a ``valid`` border each side is one window less one pixel shorter.
        NaN where a pixel does not count.

    >>> ssim_map(torch.rand(3, 32, 40), torch.rand(3, 32, 40), data_range=1.0).shape
    torch.Size([3, 22, 30])
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine)
    comparison.check_maps()
    comparison.check_ssim()
    value = definition.ssim_map(*comparison.arguments).value
    return _shown(value, comparison, preds)


def ms_ssim_map(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
    engine: Engine = "auto",
) -> Tensor:
    """MS-SSIM at each pixel of each channel: what the poster's objective sums.

    Arguments and errors as in :func:`ms_ssim`; the convention's reading must be ``pixels``, as in
    ``poster``, or ``sigmas``. ``levels``, as in ``wang``, has no map: a convention must be given.

    Returns:
        The input's shape. NaN where a pixel does not count.

    >>> x, y = torch.rand(176, 180), torch.rand(176, 180)
    >>> ms_ssim_map(x, y, data_range=1.0, convention="poster").shape
    torch.Size([176, 180])
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, engine)
    if comparison.convention.reading == "levels":
        raise ValueError(
            "ms_ssim_map needs a convention that reads MS-SSIM by 'pixels' or 'sigmas'; this one "
            "takes the mean of each level first, so it has no map. Use convention='poster'."
        )
    comparison.check_maps()
    comparison.check_ms_ssim()
    value = definition.ms_ssim_map(*comparison.arguments).value
    # One map for all channels where the factors were averaged over them.
    return _shown(value.expand_as(comparison.x), comparison, preds)


def ssim_components(
    preds: Tensor,
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    mask: Tensor | None = None,
    nan: NaNPolicy = "propagate",
) -> Components:
    """Luminance, contrast and structure at each pixel of each channel.

    l compares means, c standard deviations, s = (σxy + C2/2) / (σx σy + C2/2) is a correlation;
    l·c·s is the SSIM map, but for the convention's `negative`, which plays no part here.
    Arguments and errors as in :func:`ssim_map`.

    A standard deviation has no derivative where a window is flat: the gradient through it is 0
    there, and finite everywhere. To train, take the SSIM map, which has no square root.

    Returns:
        Three maps as of :func:`ssim_map`: l and c in [0, 1] for pictures without negative values,
        s in [-1, 1].

    >>> x = torch.rand(3, 32, 40)
    >>> luminance, contrast, structure = ssim_components(x / 2, x, data_range=1.0)
    >>> bool(structure.mean() > contrast.mean())
    True
    """
    comparison = checked(preds, target, data_range, convention, mask, nan, "definition")
    comparison.check_maps()
    comparison.check_ssim()
    maps = definition.components(*comparison.arguments)
    return Components(*(_shown(m, comparison, preds) for m in maps))


def _shown(maps: Tensor, comparison: Comparison, preds: Tensor) -> Tensor:
    """Write NaN where nothing counts, and take off the axes that the input did not have."""
    if comparison.weights is not None:
        at_centres = centres(comparison.weights, comparison.convention)
        maps = torch.where(at_centres > 0, maps, torch.nan)
    return maps[(0,) * max(0, 4 - preds.ndim)]
