"""Measures of one pair of pictures at a time, so that no picture's value depends on another's.

What PyTorch makes of a mean depends in the last digit on the number of threads, on the layout of
the memory and on what else is in the batch. Here each pair is laid out anew and measured alone, on
the CPU by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from numbers import Real
from typing import cast, get_args

import torch
from torch import Tensor

from snellen.metrics import functional
from snellen.metrics.checks import check_pair, check_range
from snellen.metrics.conventions import Convention, get_convention, suggestion
from snellen.metrics.functional import Engine

__all__ = ["Measure", "Pictures", "Valid", "measure_each", "plain", "psnr", "structural"]

Pictures = Tensor | Sequence[Tensor]
Valid = Tensor | Sequence[bool]
Function = Callable[[Tensor, Tensor], Tensor | float]


@dataclass(frozen=True)
class Measure:
    """A function of (preds, target), both (1, C, H, W), that returns one number.

    Attributes:
        function: called with one pair of pictures.
        text: what it is, options and all. Results are put together only where it is the same.
    """

    function: Function
    text: str


def plain(name: str) -> Measure:
    """Return ``mse`` or ``mae``."""
    return Measure(partial(getattr(functional, name), reduction="none"), f"{name}()")


def psnr(data_range: float | None, cap: float | None) -> Measure:
    """Return PSNR, at most `cap`."""
    peak = None if data_range is None else check_range(data_range)
    if cap is not None and not (isinstance(cap, Real) and cap > 0):
        raise ValueError(f"cap must be a positive number of dB, or None; got {cap!r}.")
    function = partial(_capped_psnr, data_range=peak, cap=cap)
    return Measure(function, f"psnr(data_range={peak}, cap={cap})")


def _capped_psnr(
    preds: Tensor, target: Tensor, *, data_range: float | None, cap: float | None
) -> Tensor:
    value = functional.psnr(preds, target, data_range=data_range, reduction="none")
    return value if cap is None else value.clamp(max=cap)


def structural(
    name: str, data_range: float | None, convention: str | Convention, engine: Engine
) -> Measure:
    """Return ``ssim``, ``dssim``, ``ms_ssim`` or ``ms_dssim``.

    Raises:
        ValueError, TypeError: an unknown convention or engine, an unusable range.
    """
    peak = None if data_range is None else check_range(data_range)
    options = get_convention(convention)
    if engine not in get_args(Engine):
        raise ValueError(
            f"There is no engine {engine!r}; there are {', '.join(get_args(Engine))}."
            f"{suggestion(str(engine), get_args(Engine))}"
        )
    function = partial(
        getattr(functional, name),
        data_range=peak,
        convention=options,
        engine=engine,
        reduction="none",
    )
    text = f"{name}(data_range={peak}, convention={_changes(options)}, engine={engine!r})"
    return Measure(function, text)


def _changes(convention: Convention) -> str:
    """Return how a convention differs from the default one, ``wang``."""
    values = ((field, getattr(convention, field.name)) for field in fields(convention))
    changes = (f"{field.name}={value!r}" for field, value in values if value != field.default)
    return f"Convention({', '.join(changes)})"


def measure_each(
    function: Function, preds: Pictures, target: Pictures, valid: Valid | None
) -> Tensor:
    """Return the value of each pair that counts, (N,), without a gradient.

    Args:
        function: called with pairs of shape (1, C, H, W).
        preds: (N, C, H, W), one picture (C, H, W) or (H, W), or a list of such, of any sizes.
        target: of the same shapes, dtypes and devices.
        valid: which of the N pictures count; None: all.

    Raises:
        ValueError, TypeError: as the function; different numbers of pictures; a `valid` that is not
            one truth value per picture; a function that does not return one number.
    """
    pairs = _pairs(preds, target)
    chosen = [True] * len(pairs) if valid is None else _truths(valid, len(pairs))
    with torch.no_grad(), _one_thread():
        found = [
            _value(function, *pair) for pair, wanted in zip(pairs, chosen, strict=True) if wanted
        ]
    return torch.cat(found) if found else torch.empty(0, device="cpu")


def _pairs(preds: Pictures, target: Pictures) -> list[tuple[Tensor, Tensor]]:
    """Take batches and sequences apart into pairs of (1, C, H, W)."""
    if isinstance(preds, list | tuple) and isinstance(target, list | tuple):
        if len(preds) != len(target):
            raise ValueError(
                f"preds and target must be as many pictures; got {len(preds)} and {len(target)}."
            )
        return [pair for both in zip(preds, target, strict=True) for pair in _pairs(*both)]
    x, y = cast(Tensor, preds), cast(Tensor, target)
    check_pair(x, y)
    # Not the checked pair itself: from the dtype that came a range may follow.
    missing = (None,) * (4 - x.ndim)
    x, y = x[missing], y[missing]
    return [(x[i : i + 1], y[i : i + 1]) for i in range(len(x))]


def _truths(valid: Valid, count: int) -> list[bool]:
    """Return `valid` as a list of `count` truth values."""
    tensor = torch.as_tensor(valid, device="cpu")
    if tensor.shape != (count,) or (count and tensor.dtype != torch.bool):
        raise ValueError(
            f"valid must be one bool per picture, shape ({count},); got {tensor.dtype} of shape "
            f"{tuple(tensor.shape)}."
        )
    return [bool(each) for each in tensor.tolist()]


def _value(function: Function, preds: Tensor, target: Tensor) -> Tensor:
    # A clone, because a slice of a batch keeps the batch's layout and alignment.
    pair = (x.clone(memory_format=torch.contiguous_format) for x in (preds, target))
    value = function(*pair)
    if isinstance(value, Real):
        value = torch.tensor(float(value), dtype=torch.float64, device="cpu")
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
        raise ValueError(
            "The measure must return one number for one pair of pictures of shape (1, C, H, W); "
            f"got {got}."
        )
    return value.reshape(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
