"""Blurring with a separable window, as a sum of shifted pictures."""

from __future__ import annotations

import math
import struct
from typing import Any

import torch
from torch import Tensor

__all__ = ["blur", "blur_channels", "gaussian_taps", "pad", "uniform_taps"]


def gaussian_taps(size: int, sigma: float, *, single: bool = False) -> tuple[float, ...]:
    """Return `size` Gaussian weights that sum to 1, or almost so if computed in `single` precision.

    >>> [round(w, 4) for w in gaussian_taps(3, 1.0)]
    [0.2741, 0.4519, 0.2741]
    >>> sum(gaussian_taps(11, 1.5, single=True)) - 1
    -3.073364496231079e-08
    """
    rounded = _to_single if single else float
    squares = ((i - size // 2) ** 2 for i in range(size))
    weights = [rounded(math.exp(rounded(-s / rounded(2 * sigma * sigma)))) for s in squares]
    total = rounded(math.fsum(weights))
    return tuple(rounded(w / total) for w in weights)


def _to_single(value: float) -> float:
    """Round to the nearest number that float32 holds."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def uniform_taps(size: int) -> tuple[float, ...]:
    """Return `size` equal weights that sum to 1."""
    return (1 / size,) * size


def blur(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Average (N, C, H, W) under every window taps ⊗ taps that lies inside the picture.

    An axis shorter than the window is left as it is.

    Args:
        x: float32 or float64; a volume (N, C, D, H, W) is averaged under taps ⊗ taps ⊗ taps.
        taps: the K weights of one axis, symmetric, K odd.

    Returns:
        (N, C, H - K + 1, W - K + 1), differentiable any number of times.
    """
    return _correlate(x, taps)


def blur_channels(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """Average (N, C, …) across channels, the first and the last repeated beyond the ends."""
    channels = x.shape[1]
    x = _extend(x, len(taps) // 2, 1, "replicate")
    total = taps[0] * x.narrow(1, 0, channels)
    for shift in range(1, len(taps)):
        total = total + taps[shift] * x.narrow(1, shift, channels)
    return total


def pad(x: Tensor, taps: int, border: str) -> Tensor:
    """Extend every axis by half a window of `taps`, so that `blur` gives back the size of `x`.

    Args:
        x: (N, C, H, W) or (N, C, D, H, W).
        taps: odd number of weights along each axis.
        border: ``reflect``, ``replicate`` or ``zeros``.
    """
    for dim in range(x.ndim - 1, 1, -1):
        x = _extend(x, taps // 2, dim, border)
    return x


def _extend(x: Tensor, radius: int, dim: int, border: str) -> Tensor:
    """Extend both ends of one axis. Built from slices: deterministic, twice differentiable."""
    if radius == 0:
        return x
    size = x.shape[dim]
    if border == "reflect":
        before = x.narrow(dim, 1, radius).flip(dim)
        after = x.narrow(dim, size - 1 - radius, radius).flip(dim)
    else:
        shape = list(x.shape)
        shape[dim] = radius
        before, after = (x.narrow(dim, at, 1).expand(shape) for at in (0, size - 1))
        if border == "zeros":
            before, after = torch.zeros_like(before), torch.zeros_like(after)
    return torch.cat([before, x, after], dim=dim)


class _Correlation(torch.autograd.Function):
    """Valid correlation with taps along every axis behind the first two.

    Shifted additions rather than a convolution: they are never done in TF32 or bfloat16, whatever
    autocast and the precision switches of PyTorch say, and E[x²] - E[x]² would not survive that. On
    a CPU they were also faster than a depthwise convolution (docs/decisions.md). A function apart,
    because recording each addition would cost the backward pass that advantage; being linear, its
    gradient is another correlation, which can be differentiated again.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, taps: tuple[float, ...]) -> Tensor:
        for dim in range(x.ndim - 1, 1, -1):
            size = x.shape[dim] - len(taps) + 1
            if size < 1:
                continue
            total = x.narrow(dim, 0, size) * taps[0]
            for shift in range(1, len(taps)):
                total.add_(x.narrow(dim, shift, size), alpha=taps[shift])
            x = total
        return x

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, tuple[float, ...]], _output: Tensor) -> None:
        x, ctx.taps = inputs
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        # The taps are symmetric, so correlation and convolution are one.
        taps = len(ctx.taps)
        margins = [taps - 1 if side >= taps else 0 for side in reversed(ctx.shape[2:])]
        padded = torch.nn.functional.pad(grads[0], [m for m in margins for _ in range(2)])
        return _correlate(padded, ctx.taps), None


def _correlate(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    result: Tensor = _Correlation.apply(x, taps)  # type: ignore[no-untyped-call]
    return result
