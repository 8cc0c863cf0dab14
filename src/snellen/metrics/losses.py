"""The metrics as training losses, and losses by name.

The losses minimise 1 - similarity, computed directly. They take `preds` and `target` of shape
(N, C, H, W), or volumes (N, C, D, H, W), in [0, data_range] and compute in float32 whatever
autocast says. A third argument, `mask`, says which pixels count, or how much, as in
:func:`snellen.metrics.mse`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from snellen.metrics.checks import check_range, check_reduction, sides_of
from snellen.metrics.comparison import Reduction
from snellen.metrics.conventions import (
    WANG,
    Convention,
    fit_levels,
    get_convention,
    min_side,
    suggestion,
)
from snellen.metrics.functional import dssim, mae, ms_dssim
from snellen.metrics.masks import NaNPolicy, check_nan

__all__ = ["LOSSES", "LossPlan", "MSSSIMLoss", "MixedLoss", "SSIMLoss", "parse_loss"]

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

    Returns (forward):
        0 for identical pictures, with gradient 0; at most 2.

    Raises:
        ValueError, TypeError: as :func:`snellen.metrics.ssim`.

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
    ) -> None:
        super().__init__(data_range, convention, reduction, nan)

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
        )


class MSSSIMLoss(_SimilarityLoss):
    """1 - MS-SSIM, with as many levels as the pictures allow and a gradient from any start.

    Args:
        data_range: largest minus smallest possible value. The default is for pictures in [0, 1].
        convention: as in :class:`SSIMLoss`. The default cuts Wang's exponents to the levels that
            fit and keeps negative factors smooth.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        nan: as in :class:`SSIMLoss`.

    Returns (forward):
        0 for identical pictures, with gradient 0.

    Raises:
        ValueError: also when only one level fits, because that would be SSIM under another name.

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
    ) -> None:
        super().__init__(data_range, convention, reduction, nan)

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
    """alpha·(1 - MS-SSIM) + (1 - alpha)·L1/data_range.

    The L1 term keeps brightness and colour, which MS-SSIM alone hardly sees.

    Args:
        alpha: weight of the MS-SSIM term in [0, 1]. 0.84 is Zhao et al.'s (2017) well-known value;
            theirs weights the L1 term by a Gaussian and sums it, this one takes its plain mean.
        data_range: largest minus smallest possible value. The default is for pictures in [0, 1].
        convention: as in :class:`MSSSIMLoss`.
        reduction: ``mean`` or ``sum`` over pictures, or ``none``: shape (N,).
        nan: as in :class:`SSIMLoss`.

    Returns (forward):
        0 for identical pictures.

    Raises:
        ValueError: as :class:`MSSSIMLoss`, and `alpha` outside [0, 1].

    >>> loss = MixedLoss(alpha=0.84, data_range=1.0)
    >>> x = torch.rand(2, 1, 96, 96)
    >>> loss(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        *,
        alpha: float = 0.84,
        data_range: float = 1.0,
        convention: str | Convention = MS_SSIM_LOSS,
        reduction: Reduction = "mean",
        nan: NaNPolicy = "propagate",
    ) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1]; got {alpha!r}.")
        self.alpha = alpha
        self.structural = MSSSIMLoss(
            data_range=data_range, convention=convention, reduction=reduction, nan=nan
        )

    def forward(self, preds: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compare (N, C, H, W) with (N, C, H, W)."""
        structural = self.structural
        similarity_term = structural(preds, target, mask)
        absolute = mae(preds, target, reduction=structural.reduction, mask=mask, nan=structural.nan)
        absolute = absolute / structural.data_range
        mixed: Tensor = self.alpha * similarity_term + (1 - self.alpha) * absolute
        return mixed

    def extra_repr(self) -> str:
        """Show the options."""
        return f"alpha={self.alpha}"


Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Callable[[], nn.Module]] = {
    "mse": nn.MSELoss,
    "mae": nn.L1Loss,
    "ssim": SSIMLoss,
    "ms-ssim": MSSSIMLoss,
    "ms-ssim+l1": MixedLoss,
}


@dataclass(frozen=True)
class LossPlan:
    """Which loss is trained at which part of a training; most have one loss all through.

    Attributes:
        spec: the text that it was made from, such as ``mse>ms-ssim@0.5``.
        stages: (fraction of the training at which it starts, loss), in order; the first starts
            at 0.
    """

    spec: str
    stages: tuple[tuple[float, nn.Module], ...]

    def at(self, fraction: float) -> nn.Module:
        """Return the loss in use at this fraction, in [0, 1], of the training."""
        later = (loss for start, loss in reversed(self.stages) if fraction >= start)
        return next(later, self.stages[0][1])

    def check(self, size: int, channels: int) -> None:
        """Try every stage on two random pictures of that size.

        Raises:
            ValueError: a loss refuses them, or gives no differentiable finite number.
        """
        generator = torch.Generator().manual_seed(0)
        target = torch.rand(2, channels, size, size, generator=generator)
        for _, loss in self.stages:
            preds = torch.rand(2, channels, size, size, generator=generator, requires_grad=True)
            try:
                value = loss(preds, target)
            except Exception as error:  # a stranger's loss may raise anything
                raise ValueError(
                    f"The loss {self.spec!r} fails on pictures of shape {tuple(preds.shape)}: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if not (isinstance(value, Tensor) and value.ndim == 0 and value.requires_grad):
                raise ValueError(
                    f"The loss {self.spec!r} must return one differentiable number, a tensor "
                    "without axes, from (preds, target) of shape (N, C, H, W)."
                )
            if not bool(torch.isfinite(value)):
                raise ValueError(f"The loss {self.spec!r} gives {value.item()} on random pictures.")


def parse_loss(spec: str) -> LossPlan:
    """Make the losses that a command line names.

    Args:
        spec: ``mse``, ``mae``, ``ssim``, ``ms-ssim``, ``ms-ssim+l1``; ``package.module:factory``,
            called without arguments, for any other; several with ``>`` between them, all but the
            first with the fraction of the training at which they take over:
            ``mse>ms-ssim@0.5``.

    Raises:
        ValueError: an unknown name (the nearest one is named), a module that cannot be imported,
            fractions that do not increase inside (0, 1).

    >>> plan = parse_loss("mse>ms-ssim@0.5")
    >>> plan.at(0.49), plan.at(0.5)
    (MSELoss(), MSSSIMLoss(data_range=1.0, reduction='mean'))
    """
    stages: list[tuple[float, nn.Module]] = []
    for number, part in enumerate(spec.split(">")):
        name, at, fraction = part.strip().partition("@")
        if number == 0:
            if at:
                raise ValueError(
                    f"In {spec!r} the first loss starts at 0 and takes no '@'; "
                    "write for example 'mse>ms-ssim@0.5'."
                )
            start = 0.0
        else:
            start = _fraction(spec, name, fraction)
            if start <= stages[-1][0]:
                raise ValueError(f"In {spec!r} the fractions must increase.")
        stages.append((start, _named_loss(name.strip())))
    return LossPlan(spec=spec, stages=tuple(stages))


def _fraction(spec: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ValueError(
            f"In {spec!r} the loss {name!r} needs the fraction of the training at which it takes "
            f"over, between 0 and 1: write {name}@0.5."
        )
    return value


def _named_loss(name: str) -> nn.Module:
    if ":" in name:
        return _imported_loss(name)
    if name not in LOSSES:
        raise ValueError(
            f"There is no loss {name!r}; there are {', '.join(LOSSES)}, or "
            f"package.module:factory.{suggestion(name, LOSSES)}"
        )
    return LOSSES[name]()


def _imported_loss(name: str) -> nn.Module:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a stranger's module may raise anything
        raise ValueError(
            f"The loss {name!r} cannot be imported: {type(error).__name__}: {error}. It is read as "
            "package.module:factory, and the package must be importable from here (PYTHONPATH)."
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise ValueError(
            f"The module {module_name!r} has no callable {attribute!r}."
            f"{suggestion(attribute, [n for n in dir(module) if not n.startswith('_')])}"
        )
    try:
        loss = factory()
    except Exception as error:
        raise ValueError(
            f"{name!r} must be callable without arguments and return a loss; it raised "
            f"{type(error).__name__}: {error}. "
            "Wrap it in a function of your own that does."
        ) from error
    if isinstance(loss, nn.Module):
        # It measures; it is not trained. Weights it may have, as LPIPS has, stay as they are.
        return loss.eval().requires_grad_(False)
    if callable(loss):
        return _Wrapped(cast(Loss, loss), name)
    raise ValueError(f"{name!r} must return a callable loss(preds, target); got {loss!r}.")


class _Wrapped(nn.Module):
    """A plain function as a module."""

    def __init__(self, function: Loss, name: str) -> None:
        super().__init__()
        self.function = function
        self.name = name

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        return self.function(preds, target)

    def extra_repr(self) -> str:
        return self.name
