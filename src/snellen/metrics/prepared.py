"""A target that is compared with many pictures: checked once, and what depends on it alone kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.checks import (
    as_batch,
    as_float,
    check_alike,
    check_picture,
    check_reduction,
    resolve_range,
)
from snellen.metrics.comparison import Comparison, Engine, Reduction, check_engine
from snellen.metrics.conventions import Convention, fit_levels, get_convention
from snellen.metrics.masks import resolve_weights
from snellen.metrics.moments import Kept
from snellen.metrics.weights import clear

__all__ = ["Prepared", "prepare"]


def prepare(
    target: Tensor,
    *,
    data_range: float | None = None,
    convention: str | Convention = "wang",
    mask: Tensor | None = None,
    engine: Engine = "auto",
) -> Prepared:
    """Prepare a target that many pictures are compared with.

    The target is copied: what becomes of the tensor later changes nothing.

    Args:
        target: (N, C, H, W), (C, H, W), (H, W) or (N, C, D, H, W), any float dtype or uint8. A
            single picture, or a batch of one, is compared with every picture of a batch.
        data_range: as in :func:`snellen.metrics.ssim`.
        convention: as in :func:`snellen.metrics.ssim`.
        mask: as in :func:`snellen.metrics.mse`, of the target's shape.
        engine: as in :func:`snellen.metrics.ssim`.

    Raises:
        ValueError, TypeError: as :func:`snellen.metrics.ssim`; a target that requires a gradient.

    >>> original = torch.rand(3, 64, 64)
    >>> versions = original + 0.1 * torch.randn(5, 3, 64, 64)
    >>> prepare(original, data_range=1.0).ssim(versions, reduction="none").shape
    torch.Size([5])
    """
    check_picture(target, "target")
    if target.requires_grad:
        raise ValueError(
            "A prepared target is a constant; this one requires a gradient. Give target.detach(), "
            "or compare with ssim(preds, target, ...), which has a gradient to both."
        )
    peak = resolve_range(data_range, target)
    options = get_convention(convention)
    check_engine(engine)
    with torch.inference_mode(False):  # so that gradients may be taken later
        copy = target.detach().clone(memory_format=torch.contiguous_format)
        y = as_batch(copy)
        weights = resolve_weights(mask, "propagate", copy, y, y)
        computed = clear(as_float(y), weights)
    return Prepared(copy, Comparison(y, y, peak, options, weights, engine, computed))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A target ready for many comparisons; made by :func:`prepare`.

    The methods are the functions of that name, with the same results: to rounding, where what is
    kept of the target saves work. Pictures must have the target's dtype and device, and its shape
    but for the number of pictures where the target is one.

    Attributes:
        target: a copy of the target, not to be changed.
        comparison: the checked target, compared with itself.
    """

    target: Tensor
    comparison: Comparison

    def ssim(self, preds: Tensor, *, reduction: Reduction = "mean") -> Tensor:
        """Compare as :func:`snellen.metrics.ssim`."""
        return self._with(preds, reduction).similarity(multiscale=False, reduction=reduction)

    def dssim(self, preds: Tensor, *, reduction: Reduction = "mean") -> Tensor:
        """Compare as :func:`snellen.metrics.dssim`."""
        return self._with(preds, reduction).dissimilarity(multiscale=False, reduction=reduction)

    def ms_ssim(self, preds: Tensor, *, reduction: Reduction = "mean") -> Tensor:
        """Compare as :func:`snellen.metrics.ms_ssim`."""
        return self._with(preds, reduction).similarity(multiscale=True, reduction=reduction)

    def ms_dssim(self, preds: Tensor, *, reduction: Reduction = "mean") -> Tensor:
        """Compare as :func:`snellen.metrics.ms_dssim`."""
        return self._with(preds, reduction).dissimilarity(multiscale=True, reduction=reduction)

    def _with(self, preds: Tensor, reduction: str) -> Comparison:
        check_reduction(reduction)
        check_picture(preds, "preds")
        check_alike(preds, self.target)
        x, y = as_batch(preds), self.comparison.y
        if x.shape[1:] != y.shape[1:] or len(y) not in (1, len(x)):
            raise ValueError(
                f"The prepared target has shape {tuple(self.target.shape)}; got preds of shape "
                f"{tuple(preds.shape)}. Give pictures of that shape; one target, or a batch of "
                "one, takes any number of them."
            )
        return replace(self.comparison, x=x, keep=self._keep)

    def _keep(self, *, multiscale: bool) -> Sequence[Kept]:
        return self._kept_levels if multiscale else self._kept_level

    @cached_property
    def _kept_level(self) -> Sequence[Kept]:
        return self._kept(None)

    @cached_property
    def _kept_levels(self) -> Sequence[Kept]:
        return self._kept(fit_levels(self.comparison.convention, self.comparison.sides))

    def _kept(self, levels: int | None) -> Sequence[Kept]:
        with torch.inference_mode(False):
            _, y, _, convention, weights = self.comparison.arguments
            return definition.keep(y, convention, levels, weights)
