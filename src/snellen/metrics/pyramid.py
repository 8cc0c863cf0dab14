"""From one level of MS-SSIM to the next, and back."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from snellen.metrics.conventions import Convention, downsampling, sigma_window
from snellen.metrics.filtering import gaussian_taps, uniform_taps
from snellen.metrics.weights import Weights

__all__ = ["double", "halve", "halve_weighted", "pyramid_of_weights", "shrink", "windows_of"]


def halve(x: Tensor, convention: Convention) -> Tensor:
    """Halve every side by the mean of 2×2 pixels, or of 2×2×2."""
    odd = [side % 2 for side in x.shape[2:]]
    if convention.odd_sizes == "zeros":
        x = functional.pad(x, [n for side in reversed(odd) for n in (side, 0)])
    elif convention.odd_sizes == "repeat" and any(odd):
        for dim in range(2, x.ndim):
            x = torch.cat([x.narrow(dim, 0, 1), x], dim=dim)
    keep_odd = convention.odd_sizes == "keep"
    if x.ndim == 4:
        return functional.avg_pool2d(x, 2, ceil_mode=keep_odd)
    flat = functional.avg_pool2d(x.flatten(1, 2), 2, ceil_mode=keep_odd)
    x = flat.unflatten(1, x.shape[1:3])
    if keep_odd and x.shape[2] % 2:
        x = torch.cat([x, x[:, :, -1:]], dim=2)
    pairs = x.shape[2] // 2 * 2
    return (x[:, :, 0:pairs:2] + x[:, :, 1:pairs:2]) / 2


def shrink(x: Tensor, convention: Convention) -> Tensor:
    """Return what SSIM is taken of: the picture, or means of blocks of its pixels."""
    factor = downsampling(convention, tuple(x.shape[2:]))
    if factor == 1:
        return x
    pool = functional.avg_pool2d if x.ndim == 4 else functional.avg_pool3d
    return pool(x, factor)


def halve_weighted(x: Tensor, convention: Convention, weights: Weights | None) -> Tensor:
    """Halve by the weighted mean; 0 where nothing counts."""
    if weights is None:
        return halve(x, convention)
    coarse = halve(weights.pixels, convention)
    return halve(x * weights.pixels, convention) / torch.where(coarse > 0, coarse, 1)


def double(x: Tensor, size: torch.Size) -> Tensor:
    """Bring a map back to the size it was halved from, by nearest neighbour."""
    sides = x.shape[2:]
    twice = [n for side in sides for n in (side, 2)]
    for axis in range(len(sides)):
        x = x.unsqueeze(2 * axis + 3)
    x = x.expand(*x.shape[:2], *twice).reshape(*x.shape[:2], *(2 * side for side in sides))
    for dim, side in enumerate(size[2:], start=2):
        if side > x.shape[dim]:  # an odd last row was dropped on the way down
            x = torch.cat([x, x.narrow(dim, -1, 1)], dim=dim)
        x = x.narrow(dim, 0, side)
    return x


def pyramid_of_weights(weights: Tensor, convention: Convention, levels: int) -> list[Tensor]:
    """Return the weights at each level, finest first."""
    found = [weights]
    for _ in range(1, levels):
        if convention.reading != "sigmas":
            weights = halve(weights, convention)
        found.append(weights)
    return found


def windows_of(convention: Convention, levels: int | None = None) -> list[tuple[float, ...]]:
    """Return the window of SSIM, or those of the levels of MS-SSIM, finest first."""
    single = convention.precision == "single"
    if levels is not None and convention.reading == "sigmas":
        sigmas = convention.sigmas[:levels]
        return [gaussian_taps(sigma_window(s), s, single=single) for s in sigmas]
    if convention.window == "uniform":
        taps = uniform_taps(convention.window_size)
    else:
        taps = gaussian_taps(convention.window_size, convention.sigma, single=single)
    return [taps] * (levels or 1)
