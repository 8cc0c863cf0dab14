"""What the metrics refuse, each with one sentence that says what to do instead."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor

from snellen.metrics.conventions import suggestion

__all__ = ["check_pair", "check_range", "check_reduction", "resolve_range"]

REDUCTIONS = ("mean", "sum", "none")


def check_pair(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Check that the two can be compared; return them as (N, C, H, W) of float32 or float64.

    Raises:
        TypeError: not tensors, or not of one floating-point dtype or uint8.
        ValueError: shapes or devices that differ, or that are no pictures.
    """
    for name, value in (("preds", preds), ("target", target)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name} must be a torch.Tensor; got {type(value).__name__}. "
                "Convert with torch.as_tensor(...)."
            )
    if preds.shape != target.shape:
        raise ValueError(
            f"preds and target must have one shape; got {tuple(preds.shape)} and "
            f"{tuple(target.shape)}."
        )
    if preds.dtype != target.dtype:
        raise TypeError(
            f"preds and target must have one dtype; got {preds.dtype} and {target.dtype}. "
            "Convert one with .to(dtype), and mind its range."
        )
    if preds.device != target.device:
        raise ValueError(
            f"preds and target must be on one device; got {preds.device} and {target.device}."
        )
    if not (preds.is_floating_point() or preds.dtype == torch.uint8):
        raise TypeError(
            f"Pictures must be floating point or uint8; got {preds.dtype}. Convert with .float() "
            "and give data_range."
        )
    if not 2 <= preds.ndim <= 4:
        raise ValueError(
            f"Pictures must be (N, C, H, W), (C, H, W) or (H, W); got shape {tuple(preds.shape)}."
        )
    if 0 in preds.shape[-3:]:
        raise ValueError(f"Pictures must have pixels; got shape {tuple(preds.shape)}.")
    dtype = torch.float64 if preds.dtype == torch.float64 else torch.float32
    missing = (None,) * (4 - preds.ndim)
    return preds.to(dtype)[missing], target.to(dtype)[missing]


def resolve_range(data_range: float | None, preds: Tensor) -> float:
    """Return the range of values: the one given, or 255 for uint8.

    Raises:
        ValueError, TypeError: none was given for floats, or one that cannot be used.
    """
    if data_range is None:
        if preds.dtype == torch.uint8:
            return 255.0
        raise ValueError(
            "data_range is needed for floating-point pictures: give data_range=1.0 for values in "
            "[0, 1], 255 for values in [0, 255]."
        )
    return check_range(data_range)


def check_range(data_range: float) -> float:
    """Return `data_range` as a float.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not positive and finite.
    """
    is_number = isinstance(data_range, Real | Tensor) and getattr(data_range, "ndim", 0) == 0
    if not is_number:
        raise TypeError(f"data_range must be a number; got {data_range!r}.")
    peak = float(data_range)
    if not (math.isfinite(peak) and peak > 0):
        raise ValueError(f"data_range must be positive and finite; got {data_range!r}.")
    return peak


def check_reduction(reduction: str) -> None:
    """Refuse a reduction that does not exist.

    Raises:
        ValueError: not ``mean``, ``sum`` or ``none``.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"reduction must be 'mean', 'sum' or 'none'; got {reduction!r}."
            f"{suggestion(str(reduction), REDUCTIONS)}"
        )
