"""Masks and weight maps as users give them: checked, and turned into weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention, downsampling, suggestion
from snellen.metrics.pyramid import pyramid_of_weights
from snellen.metrics.weights import centres

__all__ = ["NaNPolicy", "check_nan", "check_windows", "resolve_weights"]

NaNPolicy = Literal["propagate", "mask"]
NAN_POLICIES = ("propagate", "mask")


def check_nan(nan: str) -> None:
    """Refuse a policy that does not exist.

    Raises:
        ValueError: neither ``propagate`` nor ``mask``.
    """
    if nan not in NAN_POLICIES:
        raise ValueError(
            f"nan must be 'propagate' (the result is NaN) or 'mask' (NaN pixels do not count); "
            f"got {nan!r}.{suggestion(str(nan), NAN_POLICIES)}"
        )


def resolve_weights(
    mask: Tensor | None, nan: str, preds: Tensor, x: Tensor, y: Tensor
) -> Tensor | None:
    """Return the weight of each pixel, the largest of each picture 1; None where all count alike.

    Args:
        mask: bool or float, None: 1 everywhere.
        nan: ``mask``: where either picture is NaN the weight is 0.
        preds: as the user gave it, for its shape.
        x: `preds` as a batch.
        y: the target, the same.

    Returns:
        (N or 1, C or 1, H, W), or with a depth, of the dtype that `x` is computed in.

    Raises:
        TypeError: a mask that is no tensor of bool or floats.
        ValueError: a shape or device that does not fit, weights below 0 or not finite, a mask that
            requires a gradient, a picture of which no pixel counts.
    """
    check_nan(nan)
    if mask is None and nan == "propagate":
        return None
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    if mask is None:
        weights = x.new_ones((1,) * x.ndim, dtype=dtype)
    else:
        _check_kind(mask, preds)
        weights = _as_batch_of(mask, preds).to(dtype)
        if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
            raise ValueError(
                "Weights must be 0 or more, and finite; this mask has others. Use mask.clamp(min=0)"
                " or a bool mask such as mask > 0."
            )
    if nan == "mask":
        weights = weights * ~(torch.isnan(x) | torch.isnan(y))
    if x.numel() == 0:
        return None
    peak = weights.amax(dim=tuple(range(1, weights.ndim)), keepdim=True)
    empty = (peak.flatten() == 0).nonzero().flatten().tolist()
    if empty:
        which = "any picture" if len(x) > len(empty) == len(weights) else _listed(empty)
        raise ValueError(
            f"No pixel counts in {which}: the mask is 0"
            f"{' or a picture is NaN' if nan == 'mask' else ''} everywhere. Leave such pictures "
            "out of the batch."
        )
    return weights / peak


def _check_kind(mask: Tensor, preds: Tensor) -> None:
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"mask must be a torch.Tensor; got {type(mask).__name__}. "
            "Convert with torch.as_tensor(...)."
        )
    if not (mask.is_floating_point() or mask.dtype == torch.bool):
        raise TypeError(
            f"mask must be bool or floating point; got {mask.dtype}. Use mask > 0, or "
            "mask.float() for weights."
        )
    if mask.requires_grad:
        raise ValueError("There is no gradient to a mask: give mask.detach().")
    if mask.device != preds.device:
        raise ValueError(
            f"mask and pictures must be on one device; got {mask.device} and {preds.device}."
        )


def _as_batch_of(mask: Tensor, preds: Tensor) -> Tensor:
    """Give the mask the axes that `preds` has as a batch."""
    shape, wanted = tuple(mask.shape), tuple(preds.shape)
    axes = 3 if preds.ndim == 5 else 2  # of space
    fits = shape == wanted[-axes:]
    if not fits and mask.ndim == preds.ndim:
        leading = zip(shape[:-axes], wanted[:-axes], strict=True)
        fits = shape[-axes:] == wanted[-axes:] and all(m in (1, p) for m, p in leading)
    if not fits:
        space = "D, H, W" if axes == 3 else "H, W"
        raise ValueError(
            f"A mask for pictures of shape {wanted} must have the same axes, with 1 or as many "
            f"entries for N and C, or be ({space}); got shape {shape}. A mask for each picture is "
            f"(N, 1, {space}): mask[:, None] makes it from (N, {space})."
        )
    return mask[(None,) * (axes + 2 - mask.ndim)]


def check_windows(weights: Tensor | None, convention: Convention, levels: int | None) -> None:
    """Refuse weights that leave a channel without a window on some level.

    Args:
        weights: see :func:`resolve_weights`.
        convention: how the pictures are compared.
        levels: of MS-SSIM; None: SSIM.

    Raises:
        ValueError: naming the picture and the level, or what the convention does that has no masks.
    """
    if weights is None:
        return
    _check_convention(convention, tuple(weights.shape[2:]), levels)
    counting = weights.flatten(2).any(dim=2)
    last = levels or 1
    for level, pixels in enumerate(pyramid_of_weights(weights, convention, last), start=1):
        at_centres = centres(pixels, convention, coarsest=level == last)
        lost = counting & ~at_centres.flatten(2).any(dim=2)
        if bool(lost.any()):
            pictures = lost.any(dim=1).nonzero().flatten().tolist()
            where = f" on level {level} of {levels}" if last > 1 else ""
            way = (
                "odd_sizes='keep'"
                if at_centres.shape == pixels.shape
                else "replace(convention, border='replicate', crop_contrast=False), under which "
                "every pixel is the centre of a window"
            )
            raise ValueError(
                f"The mask leaves no window of {_listed(pictures)}{where}: a window counts "
                f"by the weight of the pixel at its centre. Use {way}, or a larger mask."
            )


def _check_convention(convention: Convention, sides: tuple[int, ...], levels: int | None) -> None:
    """Refuse masks where the convention follows a library in what has no meaning for weights."""
    reasons = {
        "channels='window'": convention.channels == "window",
        f"downsample_to={convention.downsample_to}": levels is None
        and downsampling(convention, sides) > 1,
        f"small_sides={convention.small_sides!r}": min(sides) < convention.window_size,
        f"odd_sizes={convention.odd_sizes!r}": convention.odd_sizes in ("zeros", "repeat")
        and any(side % (1 << ((levels or 1) - 1)) for side in sides),
    }
    for reason, applies in reasons.items():
        if applies:
            raise ValueError(
                f"Masks have no meaning under {reason} on pictures of "
                f"{'×'.join(map(str, sides))}: use another convention, such as 'wang'."
            )


def _listed(pictures: list[int]) -> str:
    return f"picture {', '.join(map(str, pictures[:8]))}{', …' if len(pictures) > 8 else ''}"
