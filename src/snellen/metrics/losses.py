"""The metrics as training losses.

The losses minimise 1 - similarity, computed directly. They take `preds` and `target` of shape
(N, C, H, W), or volumes (N, C, D, H, W), in [0, data_range] and compute in float32 whatever
autocast says. A third argument, `mask`, says which pixels count, or how much, as in
:func:`snellen.metrics.mse`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from torch import Tensor, nn

from snellen.metrics.checks import check_range, check_reduction, sides_of
from snellen.metrics.comparison import Engine, Reduction, check_engine, checked
from snellen.metrics.conventions import (
    WANG,
    Convention,
    fit_levels,
    get_convention,
    min_side,
)
from snellen.metrics.engines.metric import Metric
from snellen.metrics.functional import dssim, ms_dssim
from snellen.metrics.masks import NaNPolicy, check_nan

__all__ = ["MSSSIMLoss", "MixedLoss", "SSIMLoss"]

# Chosen by held-out results on BSDS500: docs/decisions.md, "What the losses' defaults are".
SSIM_LOSS = replace(WANG, negative="smooth")
MS_SSIM_LOSS = replace(WANG, levels="auto", border="replicate", negative="smooth")


class _SimilarityLoss(nn.Module):
    """What the losses share: checked options."""

    def __init__(
        self,
        data_range: float,
        convention: str | Convention,
        reduction: Reduction,
        nan: NaNPolicy,
        engine: Engine,
    ) -> None:
        super().__init__()
        self.data_range = check_range(data_range)
        found = get_convention(convention)
        # A name means the formula; to be trained it needs a gradient from any start.
        named = isinstance(convention, str)
        self.convention = replace(found, negative="smooth") if named else found
        check_reduction(reduction)
        self.reduction: Reduction = reduction
        check_nan(nan)
        self.nan: NaNPolicy = nan
        check_engine(engine)
        self.engine: Engine = engine

    def extra_repr(self) -> str:
        """Show the options."""
        return f"data_range={self.data_range}, reduction={self.reduction!r}"


class SSIMLoss(_SimilarityLoss):
    """1 - SSIM.

    Args:
        data_range: largest minus smallest possible value. The default is for pictures in [0, 1].
        convention: a :class:`~snellen.metrics.conventions.Convention`, taken as it is, or a name,
            taken with ``negative="smooth"``, so that there is a gradient from any start.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        nan: ``propagate``, or ``mask``: NaN pixels do not count. That hides a network that returns
            NaN: replace NaN targets by a mask where you can.
        engine: as in :func:`snellen.metrics.ssim`.

    Returns (forward):
        0 for identical pictures, with gradient 0; at most 2.

    Raises:
        ValueError, TypeError: as :func:`snellen.metrics.ssim`.

    >>> import torch
    >>> loss = SSIMLoss(data_range=1.0)
    >>> x = torch.rand(2, 1, 32, 32)
    >>> loss(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        *,
        data_range: float = 1.0,
        convention: str | Convention = SSIM_LOSS,
        reduction: Reduction = "mean",
        nan: NaNPolicy = "propagate",
        engine: Engine = "auto",
    ) -> None:
        super().__init__(data_range, convention, reduction, nan, engine)

    def forward(self, preds: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compare (N, C, H, W) with (N, C, H, W)."""
        return dssim(
            preds,
            target,
            data_range=self.data_range,
            convention=self.convention,
            reduction=self.reduction,
            mask=mask,
            nan=self.nan,
            engine=self.engine,
        )


class MSSSIMLoss(_SimilarityLoss):
    """1 - MS-SSIM, with as many levels as the pictures allow and a gradient from any start.

    Args:
        data_range: largest minus smallest possible value. The default is for pictures in [0, 1].
        convention: as in :class:`SSIMLoss`. The default cuts Wang's exponents to the levels that
            fit and keeps negative factors smooth.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        nan: as in :class:`SSIMLoss`.
        engine: as in :func:`snellen.metrics.ssim`.

    Returns (forward):
        0 for identical pictures, with gradient 0.

    Raises:
        ValueError: also when only one level fits, because that would be SSIM under another name.

    >>> import torch
    >>> loss = MSSSIMLoss(data_range=1.0)
    >>> x = torch.rand(2, 1, 96, 96)
    >>> loss(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        *,
        data_range: float = 1.0,
        convention: str | Convention = MS_SSIM_LOSS,
        reduction: Reduction = "mean",
        nan: NaNPolicy = "propagate",
        engine: Engine = "auto",
    ) -> None:
        super().__init__(data_range, convention, reduction, nan, engine)

    def forward(self, preds: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compare (N, C, H, W) with (N, C, H, W)."""
        self.levels(sides_of(preds))
        return ms_dssim(
            preds,
            target,
            data_range=self.data_range,
            convention=self.convention,
            reduction=self.reduction,
            mask=mask,
            nan=self.nan,
            engine=self.engine,
        )

    def levels(self, sides: tuple[int, ...]) -> int:
        """Return the number of levels used on pictures of (height, width); one is an error."""
        levels = fit_levels(self.convention, sides)
        if levels == 1:
            raise ValueError(
                f"MS-SSIM on pictures of {'×'.join(map(str, sides))} would have one level, which "
                f"is SSIM: use SSIMLoss ('ssim'), pictures of at least "
                f"{min_side(self.convention, 2)} pixels a side, or a smaller window."
            )
        return levels


class MixedLoss(nn.Module):
    """alpha·(1 - MS-SSIM) + (1 - alpha)·L1/data_range, or MSE/data_range² in its place.

    The pixelwise term keeps brightness and colour, which MS-SSIM alone hardly sees. On a CPU both
    are computed in one pass.

    Args:
        alpha: weight of the MS-SSIM term in [0, 1]; None: 0.84, Zhao et al.'s (2017) well-known
            value. Theirs weights the L1 term by a Gaussian and sums it, this takes its plain mean.
        weights: of the MS-SSIM term and of the pixelwise one, numbers from 0 on, in the place of
            `alpha` and 1 - alpha.
        pixelwise: ``l1`` or ``mse``.
        multiscale: False takes SSIM in the place of MS-SSIM.
        data_range: largest minus smallest possible value. The default is for pictures in [0, 1].
        convention: as in :class:`MSSSIMLoss` (or :class:`SSIMLoss`).
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        nan: as in :class:`SSIMLoss`.
        engine: as in :func:`snellen.metrics.ssim`.

    Returns (forward):
        0 for identical pictures.

    Raises:
        ValueError: as :class:`MSSSIMLoss`; `alpha` outside [0, 1], weights that are negative, not
            finite or all 0, or given beside `alpha`; or another `pixelwise`.

    >>> import torch
    >>> loss = MixedLoss(alpha=0.84, data_range=1.0)
    >>> x = torch.rand(2, 1, 96, 96)
    >>> loss(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        *,
        alpha: float | None = None,
        weights: Sequence[float] | None = None,
        pixelwise: Literal["l1", "mse"] = "l1",
        multiscale: bool = True,
        data_range: float = 1.0,
        convention: str | Convention | None = None,
        reduction: Reduction = "mean",
        nan: NaNPolicy = "propagate",
        engine: Engine = "auto",
    ) -> None:
        super().__init__()
        if alpha is not None and weights is not None:
            raise ValueError("got alpha and weights, which say the same: give one of them.")
        alpha = 0.84 if alpha is None else alpha
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1]; got {alpha!r}.")
        if pixelwise not in ("l1", "mse"):
            raise ValueError(f"pixelwise must be 'l1' or 'mse'; got {pixelwise!r}.")
        if weights is None:
            weights = (alpha, 1 - alpha)
        if len(weights) != 2 or not all(0 <= w < math.inf for w in weights) or not any(weights):
            raise ValueError(f"weights must be two numbers from 0 on, not both 0; got {weights!r}.")
        self.weights = (float(weights[0]), float(weights[1]))
        self.pixelwise: Literal["l1", "mse"] = pixelwise
        if convention is None:
            convention = MS_SSIM_LOSS if multiscale else SSIM_LOSS
        self.structural = (MSSSIMLoss if multiscale else SSIMLoss)(
            data_range=data_range,
            convention=convention,
            reduction=reduction,
            nan=nan,
            engine=engine,
        )

    def forward(self, preds: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compare (N, C, H, W) with (N, C, H, W)."""
        structural = self.structural
        multiscale = isinstance(structural, MSSSIMLoss)
        if isinstance(structural, MSSSIMLoss):
            structural.levels(sides_of(preds))
        comparison = checked(
            preds,
            target,
            structural.data_range,
            structural.convention,
            mask,
            structural.nan,
            structural.engine,
            structural.reduction,
        )
        metric = Metric(
            structural.convention,
            structural.data_range,
            multiscale,
            structural=self.weights[0],
            pixelwise=self.pixelwise,
            beside=self.weights[1],
        )
        return comparison.mixed(metric, structural.reduction)

    def extra_repr(self) -> str:
        """Show the options."""
        return f"weights={self.weights}, pixelwise={self.pixelwise!r}"
