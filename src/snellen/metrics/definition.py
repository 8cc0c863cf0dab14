r"""SSIM and MS-SSIM as formulas, in plain PyTorch: what every faster engine is tested against.

With means :math:`\mu`, variances :math:`\sigma^2` and a covariance :math:`\sigma_{xy}` in a window,

.. math::
    l  = \frac{2 \mu_x \mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1} \qquad
    cs = \frac{2 \sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2}

    \text{SSIM} = \overline{l \cdot cs} \qquad
    \text{MS-SSIM} = \overline{l_M\, cs_M}^{\,w_M} \prod_{j<M} \overline{cs_j}^{\,w_j}

Both are computed as their distance from 1, by the sum :math:`a = x + y` and the difference
:math:`b = x - y` of the two pictures, with means A, B and variances V_a, V_b:

.. math::
    u = 1 - l  = \frac{2 B^2}{A^2 + B^2 + 2 C_1} \qquad
    v = 1 - cs = \frac{2 V_b}{V_a + V_b + 2 C_2} \qquad
    1 - l \cdot cs = u + v - u v

    1 - \prod_j m_j^{w_j} = -\operatorname{expm1} \sum_j w_j \operatorname{log1p}(-v_j)

so that nothing is subtracted from 1, near-identical pictures keep their digits in single precision,
and identical ones give exactly 0 with gradient exactly 0.

Everything here takes (N, C, H, W) tensors of float32 or float64 and returns one number per picture
or one map per channel; input checks and reductions live in :mod:`snellen.metrics.functional`.
Sources: Wang, Bovik, Sheikh, Simoncelli 2004 (SSIM); Wang, Simoncelli, Bovik 2003 (MS-SSIM); Snell
et al. 2017 (the reading by pixels); Zhao et al. 2017 (the reading by sigmas).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from snellen.metrics.conventions import (
    Convention,
    downsampling,
    fit_levels,
    fitted_exponents,
    sigma_window,
)
from snellen.metrics.filtering import blur, blur_channels, gaussian_taps, pad, uniform_taps

__all__ = ["Similarity", "ms_ssim", "ms_ssim_map", "ssim", "ssim_map"]

# Below this a factor is handled by the "smooth" policy; see Convention.negative.
SMOOTH_FROM = 0.1


class Similarity(NamedTuple):
    """A similarity and its distance from 1, each computed without cancellation."""

    value: Tensor
    complement: Tensor


class Distances(NamedTuple):
    """Maps of u = 1 - l (luminance) and v = 1 - cs (contrast and structure).

    With an epsilon, l·cs is multiplied by 1 - shortfall.
    """

    luminance: Tensor
    structure: Tensor
    shortfall: Tensor | None = None

    def joint(self, convention: Convention) -> Tensor:
        """1 - l·cs. Under the ``smooth`` policy a product of two negatives counts as negative.

        Otherwise a network whose output leaves the range below zero is rewarded for the negative
        of the picture, and gradient descent ends there.
        """
        u, v, shortfall = self
        distance = u + v - u * v
        if convention.negative == "smooth":
            distance = torch.where((u > 1) & (v > 1), 2 - distance, distance)
        if shortfall is not None:
            distance = distance + shortfall - distance * shortfall
        return distance


def ssim_map(x: Tensor, y: Tensor, data_range: float, convention: Convention) -> Similarity:
    """SSIM at each pixel and channel: (N, C, H', W')."""
    window = _window(convention)
    factor = downsampling(convention, tuple(x.shape[-2:]))
    if factor > 1:
        x, y = functional.avg_pool2d(x, factor), functional.avg_pool2d(y, factor)
    distance = _distances(x + y, x - y, window, data_range, convention).joint(convention)
    return Similarity(1 - distance, distance)


def ssim(x: Tensor, y: Tensor, data_range: float, convention: Convention) -> Similarity:
    """SSIM of each picture: (N,)."""
    distance = ssim_map(x, y, data_range, convention).complement.mean(dim=(1, 2, 3))
    return Similarity(1 - distance, distance)


def ms_ssim(x: Tensor, y: Tensor, data_range: float, convention: Convention) -> Similarity:
    """MS-SSIM of each picture: (N,)."""
    if convention.reading != "levels":
        return Similarity(
            *(m.mean(dim=(1, 2, 3)) for m in ms_ssim_map(x, y, data_range, convention))
        )
    levels = fit_levels(convention, tuple(x.shape[-2:]))
    distances = [d.mean(dim=(2, 3)) for d in _pyramid(x, y, data_range, convention, levels)]
    similarity = _product(distances, fitted_exponents(convention, levels), convention)
    return Similarity(*(m.mean(dim=1) for m in similarity))


def ms_ssim_map(x: Tensor, y: Tensor, data_range: float, convention: Convention) -> Similarity:
    """MS-SSIM at each pixel and channel, readings ``pixels`` and ``sigmas``: (N, C, H, W)."""
    levels = fit_levels(convention, tuple(x.shape[-2:]))
    if convention.reading == "pixels":
        distances = _pyramid(x, y, data_range, convention, levels)
    else:
        distances = _sigmas(x, y, data_range, convention, levels)
    return _product(distances, fitted_exponents(convention, levels), convention)


def _sigmas(
    x: Tensor, y: Tensor, data_range: float, convention: Convention, levels: int
) -> list[Tensor]:
    """1 - cs under each Gaussian at full size, narrowest first; 1 - l·cs under the widest."""
    distances = []
    for level, sigma in enumerate(convention.sigmas[:levels]):
        window = gaussian_taps(sigma_window(sigma), sigma, single=convention.precision == "single")
        maps = _distances(x + y, x - y, window, data_range, convention)
        distances.append(maps.joint(convention) if level == levels - 1 else maps.structure)
    return distances


def _pyramid(
    x: Tensor, y: Tensor, data_range: float, convention: Convention, levels: int
) -> list[Tensor]:
    """1 - cs of each level, finest first; 1 - l·cs at the coarsest."""
    window = _window(convention)
    a, b = x + y, x - y
    distances = []
    for level in range(levels):
        maps = _distances(a, b, window, data_range, convention)
        if level == levels - 1:
            distances.append(maps.joint(convention))
        else:
            distances.append(_inside(maps.structure, window, convention))
            a, b = _halve(a, convention), _halve(b, convention)
    return distances


def _distances(
    a: Tensor, b: Tensor, window: tuple[float, ...], data_range: float, convention: Convention
) -> Distances:
    """Compare two pictures, given as sum and difference, under one window."""
    c1 = (convention.k1 * data_range) ** 2
    c2 = (convention.k2 * data_range) ** 2

    # Means and variances. A plane's own mean is taken off first: the variance does not change and
    # E[a²] - A² then loses no digits on bright flat pictures.
    offset_a, offset_b = _offset(a, convention), _offset(b, convention)
    if convention.border != "valid":
        a, b = pad(a, len(window), convention.border), pad(b, len(window), convention.border)
    a, b = a - offset_a, b - offset_b
    blurred = blur(torch.cat([a, b, a * a, b * b], dim=1), window)
    moments = blurred.chunk(4, dim=1)
    if convention.channels == "window":
        moments = tuple(blur_channels(m, window) for m in moments)
    mean_a, mean_b, square_a, square_b = moments
    var_a, var_b = square_a - mean_a * mean_a, square_b - mean_b * mean_b
    if convention.precision == "single":
        # What is left of the squared means where the weights sum to `total` instead of 1.
        total = _total(window, tuple(a.shape[-2:]))
        var_a = var_a + (1 - total) * offset_a * (2 * mean_a + total * offset_a)
        var_b = var_b + (1 - total) * offset_b * (2 * mean_b + total * offset_b)
        offset_a, offset_b = total * offset_a, total * offset_b
    var_a, var_b = var_a.clamp(min=0), var_b.clamp(min=0)
    if convention.covariance == "sample":
        pixels = len(window) ** (3 if convention.channels == "window" else 2)
        var_a, var_b = (v * (pixels / (pixels - 1)) for v in (var_a, var_b))
    mean_a, mean_b = mean_a + offset_a, mean_b + offset_b

    # Luminance, and contrast with structure.
    denominator_u = mean_a * mean_a + mean_b * mean_b + 2 * c1
    denominator_v = var_a + var_b + 2 * c2
    u, v = 2 * mean_b * mean_b / denominator_u, 2 * var_b / denominator_v
    if not convention.epsilon:
        return Distances(u, v)
    # The denominators of l and cs are half of these.
    epsilon = 4 * convention.epsilon
    return Distances(u, v, epsilon / (denominator_u * denominator_v + epsilon))


def _offset(x: Tensor, convention: Convention) -> Tensor:
    """Mean of each plane, or of all that one window can cover.

    0 where it is not finite, so that one bad pixel stays a local matter.
    """
    axes = (-3, -2, -1) if convention.channels == "window" else (-2, -1)
    mean = x.detach().mean(dim=axes, keepdim=True)
    return torch.where(torch.isfinite(mean), mean, torch.zeros_like(mean))


def _window(convention: Convention) -> tuple[float, ...]:
    if convention.window == "uniform":
        return uniform_taps(convention.window_size)
    single = convention.precision == "single"
    return gaussian_taps(convention.window_size, convention.sigma, single=single)


def _total(window: tuple[float, ...], sides: tuple[int, ...]) -> float:
    """Sum of the weights of the window over the axes that `blur` does not leave as they are."""
    return math.fsum(window) ** len([side for side in sides if side >= len(window)])


def _inside(maps: Tensor, window: tuple[float, ...], convention: Convention) -> Tensor:
    """Crop a map to the windows wholly inside the picture, where the convention says so."""
    radius = len(window) // 2
    if convention.border == "valid" or not convention.crop_contrast or radius == 0:
        return maps
    return maps[..., radius:-radius, radius:-radius]


def _halve(x: Tensor, convention: Convention) -> Tensor:
    """Halve both sides by the mean of 2×2 pixels."""
    odd_rows, odd_columns = (side % 2 for side in x.shape[-2:])
    if convention.odd_sizes == "zeros":
        x = functional.pad(x, (odd_columns, 0, odd_rows, 0))
    elif convention.odd_sizes == "repeat" and (odd_rows or odd_columns):
        x = torch.cat([x[..., :1, :], x], dim=-2)
        x = torch.cat([x[..., :1], x], dim=-1)
    return functional.avg_pool2d(x, 2, ceil_mode=convention.odd_sizes == "keep")


def _double(x: Tensor, size: torch.Size) -> Tensor:
    """Bring a map back to the size it was halved from, by nearest neighbour."""
    *batch, height, width = x.shape
    x = x[..., :, None, :, None].expand(*batch, height, 2, width, 2)
    x = x.reshape(*batch, 2 * height, 2 * width)
    if size[-2] > 2 * height:  # an odd last row was dropped on the way down
        x = torch.cat([x, x[..., -1:, :]], dim=-2)
    if size[-1] > 2 * width:
        x = torch.cat([x, x[..., -1:]], dim=-1)
    return x[..., : size[-2], : size[-1]]


def _product(
    distances: list[Tensor], exponents: tuple[float, ...], convention: Convention
) -> Similarity:
    """Π m^w of the factors m = 1 - distance, finest first; coarser maps are brought to full size.

    Kept as a logarithm, with the sign beside it where the policy for negative factors has one.
    """
    if convention.channel_order == "mean-then-product":
        distances = [d.mean(dim=1, keepdim=True) for d in distances]
    *finer, coarsest = zip(distances, exponents, strict=True)
    log, sign = _power(*coarsest, convention)
    for distance, exponent in reversed(finer):
        if log.shape != distance.shape:
            log = _double(log, distance.shape)
            sign = None if sign is None else _double(sign, distance.shape)
        more, its_sign = _power(distance, exponent, convention)
        log = log + more
        sign = its_sign if sign is None else sign if its_sign is None else sign * its_sign
    return _from_log(log, sign)


def _power(
    distance: Tensor, exponent: float, convention: Convention
) -> tuple[Tensor, Tensor | None]:
    """Return log|m^w| of m = 1 - distance, and its sign: -1, 0, 1, or None: all positive."""
    if exponent == 0:
        return torch.zeros_like(distance), None
    if convention.negative == "smooth":
        return exponent * torch.log1p(-_smooth(distance)), None
    log, sign = _log_and_sign(distance, signed=convention.negative == "signed")
    return exponent * log, sign


def _from_log(log: Tensor, sign: Tensor | None) -> Similarity:
    """Return sign·e^log and its distance from 1."""
    magnitude = torch.exp(log)
    if sign is None:
        sign = torch.ones_like(log)
    value = sign * magnitude
    # Two forms of 1 - e^log, each where it keeps its digits in value *and* gradient: PyTorch
    # differentiates expm1 as its result plus 1, which is 0 in float32 for log below -17.
    near = (log > -1) & (sign > 0)
    expm1 = torch.expm1(torch.where(near, log, torch.zeros_like(log)))
    return Similarity(value, torch.where(near, -expm1, 1 - value))


def _smooth(distance: Tensor) -> Tensor:
    """Distance of the factor that the ``smooth`` policy puts in the place of m = 1 - distance."""
    low = distance > 1 - SMOOTH_FROM
    # The untaken branch gets a harmless number, so that no NaN can reach the gradient.
    m = torch.where(low, 1 - distance, torch.full_like(distance, SMOOTH_FROM))
    return torch.where(low, 1 - SMOOTH_FROM**2 / (2 * SMOOTH_FROM - m), distance)


def _log_and_sign(distance: Tensor, *, signed: bool) -> tuple[Tensor, Tensor]:
    """Return log|m| and the sign of m = 1 - distance; (0, 0) where m counts as zero.

    Below the smallest normal number m is zero, so that w/m, hence the gradient, stays finite.
    """
    m = (1 - distance).detach()
    tiny = torch.finfo(distance.dtype).tiny
    positive, negative = m > tiny, (m < -tiny) & signed
    is_nan = torch.isnan(m)
    inside = torch.where(positive | is_nan, distance, torch.zeros_like(distance))
    log = torch.log1p(-inside)
    sign = positive.to(distance.dtype)
    if signed:
        outside = torch.where(negative, distance, torch.full_like(distance, 2.0))
        log = log + torch.log(outside - 1)  # log 1 = 0 where the factor is not negative
        sign = sign - negative.to(distance.dtype)
    return log, torch.where(is_nan, m, sign)
