"""What the metrics refuse, each with one sentence that says what to do instead."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Tensor

from snellen.metrics.conventions import suggestion

__all__ = [
    "as_batch",
    "as_float",
    "check_alike",
    "check_pair",
    "check_picture",
    "check_range",
    "check_reduction",
    "resolve_range",
    "sides_of",
]

REDUCTIONS = ("mean", "sum", "none")


def check_pair(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Check that the two can be compared; return them as (N, C, H, W) or (N, C, D, H, W).

    Raises:
        TypeError: not tensors, or not of one floating-point dtype or uint8.
        ValueError: shapes or devices that differ, or that are no pictures.
    """
    for name, value in (("preds", preds), ("target", target)):
        _check_tensor(name, value)
    if preds.shape != target.shape:
        raise ValueError(
            f"preds and target must have one shape; got {tuple(preds.shape)} and "
            f"{tuple(target.shape)}."
        )
    check_alike(preds, target)
    check_picture(preds)
    return as_batch(preds), as_batch(target)


def as_batch(picture: Tensor) -> Tensor:
    """Return a view of the picture as (N, C, H, W) or (N, C, D, H, W)."""
    return picture[(None,) * (4 - picture.ndim)]


def as_float(picture: Tensor) -> Tensor:
    """Return what is computed with: float64 where the picture is, float32 else."""
    return picture if picture.dtype == torch.float64 else picture.to(torch.float32)


def check_alike(preds: Tensor, target: Tensor) -> None:
    """Refuse two dtypes or devices.

    Raises:
        TypeError: dtypes that differ.
        ValueError: devices that differ.
    """
    if preds.dtype != target.dtype:
        raise TypeError(
            f"preds and target must have one dtype; got {preds.dtype} and {target.dtype}. "
            "Convert one with .to(dtype), and mind its range."
        )
    if preds.device != target.device:
        raise ValueError(
            f"preds and target must be on one device; got {preds.device} and {target.device}."
        )


def check_picture(picture: Tensor, name: str = "Pictures") -> None:
    """Refuse what is no picture or volume.

    Raises:
        TypeError: no tensor, not a dense one, or neither floating point nor uint8.
        ValueError: a shape that no picture has.
    """
    _check_tensor(name, picture)
    if picture.layout != torch.strided:
        raise TypeError(
            f"{name} must be dense tensors; got layout {picture.layout}. Convert with .to_dense()."
        )
    shape = tuple(picture.shape)
    if not (picture.is_floating_point() or picture.dtype == torch.uint8):
        raise TypeError(
            f"{name} must be floating point or uint8; got {picture.dtype}. Convert with .float() "
            "and give data_range."
        )
    if not 2 <= picture.ndim <= 5:
        raise ValueError(
            f"{name} must be (N, C, H, W), (C, H, W) or (H, W), volumes (N, C, D, H, W); got "
            f"shape {shape}."
        )
    if 0 in shape[-3:] or 0 in shape[1:]:
        raise ValueError(f"{name} must have pixels; got shape {shape}.")


def _check_tensor(name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a torch.Tensor; got {type(value).__name__}. "
            "Convert with torch.as_tensor(...)."
        )


def sides_of(picture: Tensor) -> tuple[int, ...]:
    """Return height and width; of a volume, (N, C, D, H, W), depth, height and width."""
    return tuple(picture.shape[2:] if picture.ndim == 5 else picture.shape[-2:])


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
    if not _is_number(data_range):
        raise TypeError(f"data_range must be a number; got {data_range!r}.")
    try:
        peak = float(data_range)
    except OverflowError:
        peak = math.inf
    if not (math.isfinite(peak * peak) and peak > 0):
        raise ValueError(f"data_range must be positive and finite; got {data_range!r}.")
    return peak


def _is_number(value: object) -> bool:
    if isinstance(value, Tensor):
        return value.ndim == 0
    return isinstance(value, Real) and not isinstance(value, bool)


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
