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

Where pixels have weights, every mean is a weighted one: under the window, over a map, of the 2×2
pixels that become one. A window counts by the weight of the pixel at its centre.

Everything here takes (N, C, H, W) tensors, or volumes (N, C, D, H, W), of float32 or float64 and
returns one number per picture or one map per channel; input checks and reductions live in
:mod:`snellen.metrics.functional`. `weights` are those of :mod:`snellen.metrics.weights`, and the
pictures hold 0 where the weight is 0; `kept` is what :func:`keep` made of y.
Sources: Wang, Bovik, Sheikh, Simoncelli 2004 (SSIM); Wang, Simoncelli, Bovik 2003 (MS-SSIM); Snell
et al. 2017 (the reading by pixels); Zhao et al. 2017 (the reading by sigmas).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snellen.metrics.conventions import Convention, fit_levels, fitted_exponents
from snellen.metrics.moments import Kept, Moments, keep_moments, moments, moments_with_kept
from snellen.metrics.pyramid import double, halve_weighted, pyramid_of_weights, shrink, windows_of
from snellen.metrics.weights import Weights, average, centres, inside, weights_under

__all__ = [
    "Components",
    "Similarity",
    "components",
    "keep",
    "ms_ssim",
    "ms_ssim_map",
    "ssim",
    "ssim_map",
]

# Below this a factor is handled by the "smooth" policy; see Convention.negative.
SMOOTH_FROM = 0.1


class Similarity(NamedTuple):
    """A similarity and its distance from 1, each computed without cancellation."""

    value: Tensor
    complement: Tensor


class Components(NamedTuple):
    """Maps of luminance l, contrast c and structure s, whose product is the SSIM map."""

    luminance: Tensor
    contrast: Tensor
    structure: Tensor


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

    def where(self, seen: Tensor) -> Distances:
        """Put 0 elsewhere, so that a window without weight changes no product."""
        u, v, shortfall = self
        if shortfall is not None:
            shortfall = torch.where(seen, shortfall, 0)
        return Distances(torch.where(seen, u, 0), torch.where(seen, v, 0), shortfall)


def ssim_map(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    weights: Tensor | None = None,
    kept: Sequence[Kept] | None = None,
) -> Similarity:
    """SSIM at each pixel and channel: (N, C, H', W')."""
    x, y, windows = shrink(x, convention), shrink(y, convention), windows_of(convention)
    maps = _compare(x, y, data_range, convention, windows, weights, kept)
    distance = maps[0].joint(convention)
    return Similarity(1 - distance, distance)


def ssim(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    weights: Tensor | None = None,
    kept: Sequence[Kept] | None = None,
) -> Similarity:
    """SSIM of each picture: (N,)."""
    distances = ssim_map(x, y, data_range, convention, weights, kept).complement
    at_centres = _weights_of_maps(weights, convention, 1)[0]
    distance = average(distances, at_centres, (1, *_space(x)))
    return Similarity(1 - distance, distance)


def ms_ssim(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    weights: Tensor | None = None,
    kept: Sequence[Kept] | None = None,
) -> Similarity:
    """MS-SSIM of each picture: (N,)."""
    if convention.reading != "levels":
        maps = ms_ssim_map(x, y, data_range, convention, weights, kept)
        return Similarity(*(average(m, weights, (1, *_space(x))) for m in maps))
    distances = _factors(x, y, data_range, convention, weights, kept)
    levels = len(distances)
    # The mean of each level and channel, and how much weight stands behind it.
    by_level = _weights_of_maps(weights, convention, levels)
    means = [average(d, w, _space(x)) for d, w in zip(distances, by_level, strict=True)]
    totals = [None if w is None else w.sum(dim=_space(x)) for w in by_level]
    similarity = _product(means, fitted_exponents(convention, levels), convention, totals)
    return Similarity(*(average(m, totals[0], (1,)) for m in similarity))


def ms_ssim_map(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    weights: Tensor | None = None,
    kept: Sequence[Kept] | None = None,
) -> Similarity:
    """MS-SSIM at each pixel and channel, readings ``pixels`` and ``sigmas``: (N, C, H, W)."""
    distances = _factors(x, y, data_range, convention, weights, kept)
    levels = len(distances)
    by_level = _weights_of_maps(weights, convention, levels)
    return _product(distances, fitted_exponents(convention, levels), convention, by_level)


def components(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    weights: Tensor | None = None,
) -> Components:
    r"""l, c and s at each pixel and channel, with C3 = C2/2: (N, C, H', W').

    .. math::
        1 - c = \frac{(\sigma_x - \sigma_y)^2}{\sigma_x^2 + \sigma_y^2 + C_2} \qquad
        1 - s = \frac{V_b - (\sigma_x - \sigma_y)^2}{2 \sigma_x \sigma_y + C_2}
    """
    x, y, window = shrink(x, convention), shrink(y, convention), windows_of(convention)[0]
    under = _weights_under([window], weights, convention)[0]
    of_x, of_y, of_b = moments([x, y, x - y], window, convention, under)
    luminance = 1 - _distances(of_b, (of_x, of_y), 1, data_range, convention).luminance
    _, c2 = _constants(data_range, convention)
    sigma_x, sigma_y = _root(of_x.variance), _root(of_y.variance)
    gap = (sigma_x - sigma_y) ** 2
    contrast = 1 - gap / (of_x.variance + of_y.variance + c2)
    structure = 1 - (of_b.variance - gap) / (2 * sigma_x * sigma_y + c2)
    return Components(luminance, contrast, structure)


def keep(
    y: Tensor, convention: Convention, levels: int | None, weights: Tensor | None
) -> tuple[Kept, ...]:
    """Compute what depends on y alone, for so many levels of MS-SSIM, or for SSIM: None."""
    windows = windows_of(convention, levels)
    y = shrink(y, convention) if levels is None else y
    found: list[Kept] = []
    by_level = _weights_under(windows, weights, convention)
    for level, (window, under) in enumerate(zip(windows, by_level, strict=True)):
        if level > 0 and convention.reading != "sigmas":
            y = halve_weighted(y, convention, by_level[level - 1])
        found.append(keep_moments(y, window, convention, under))
    return tuple(found)


def _factors(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    weights: Tensor | None,
    kept: Sequence[Kept] | None,
) -> list[Tensor]:
    """1 - cs of each level of MS-SSIM, finest first; 1 - l·cs at the coarsest."""
    windows = windows_of(convention, fit_levels(convention, tuple(x.shape[2:])))
    *finer, coarsest = _compare(x, y, data_range, convention, windows, weights, kept)
    contrasts = [maps.structure for maps in finer]
    if convention.crop_contrast and convention.border != "valid":
        contrasts = [inside(v, convention.window_size) for v in contrasts]
    return [*contrasts, coarsest.joint(convention)]


def _compare(
    x: Tensor,
    y: Tensor,
    data_range: float,
    convention: Convention,
    windows: Sequence[tuple[float, ...]],
    weights: Tensor | None,
    kept: Sequence[Kept] | None,
) -> list[Distances]:
    """Compare two pictures under each window, one level apart; ``sigmas`` all at full size."""
    pictures = [x - y] if kept else [x + y, x - y]
    by_level = [k.weights for k in kept] if kept else _weights_under(windows, weights, convention)
    found = []
    for level, window in enumerate(windows):
        if level > 0 and convention.reading != "sigmas":
            pictures = [halve_weighted(p, convention, by_level[level - 1]) for p in pictures]
        under = by_level[level]
        if kept:
            of_b, of_x, of_y = moments_with_kept(pictures[0], kept[level], window, convention)
            maps = _distances(of_b, (of_x, of_y), 1, data_range, convention)
        else:
            of_a, of_b = moments(pictures, window, convention, under)
            maps = _distances(of_b, (of_a, of_b), 2, data_range, convention)
        found.append(maps if under is None else maps.where(under.windows > 0))
    return found


def _distances(
    of_b: Moments,
    others: tuple[Moments, Moments],
    times: int,
    data_range: float,
    convention: Convention,
) -> Distances:
    """Luminance, and contrast with structure, from the difference b and two more pictures.

    The others are x and y, or a and b, whose squared means and variances add up to twice as much.
    """
    one, other = others
    c1, c2 = _constants(data_range, convention)
    denominator_u = one.mean * one.mean + other.mean * other.mean + times * c1
    denominator_v = one.variance + other.variance + times * c2
    u = times * of_b.mean * of_b.mean / denominator_u
    v = times * of_b.variance / denominator_v
    if not convention.epsilon:
        return Distances(u, v)
    # The denominators of l and cs are these, or half of them.
    epsilon = times * times * convention.epsilon
    return Distances(u, v, epsilon / (denominator_u * denominator_v + epsilon))


def _constants(data_range: float, convention: Convention) -> tuple[float, float]:
    return (convention.k1 * data_range) ** 2, (convention.k2 * data_range) ** 2


def _root(variance: Tensor) -> Tensor:
    """Square root whose gradient at 0 is 0; elsewhere the chain down to the pixels is bounded."""
    positive = variance > 0
    return torch.where(positive, torch.where(positive, variance, 1).sqrt(), 0)


def _space(x: Tensor) -> tuple[int, ...]:
    """Return the axes of height and width, and depth."""
    return tuple(range(2, x.ndim))


def _weights_under(
    windows: Sequence[tuple[float, ...]], weights: Tensor | None, convention: Convention
) -> list[Weights | None]:
    """Weigh the pixels and windows of each level."""
    if weights is None:
        return [None] * len(windows)
    by_level = pyramid_of_weights(weights, convention, len(windows))
    return [weights_under(w, t, convention.border) for w, t in zip(by_level, windows, strict=True)]


def _weights_of_maps(
    weights: Tensor | None, convention: Convention, levels: int
) -> list[Tensor | None]:
    """Weigh the positions of the window on each level."""
    if weights is None:
        return [None] * levels
    pyramid = pyramid_of_weights(weights, convention, levels)
    finer = [centres(w, convention, coarsest=False) for w in pyramid[:-1]]
    return [*finer, centres(pyramid[-1], convention)]


def _product(
    distances: list[Tensor],
    exponents: tuple[float, ...],
    convention: Convention,
    weights: Sequence[Tensor | None],
) -> Similarity:
    """Π m^w of the factors m = 1 - distance, finest first; coarser maps are brought to full size.

    Kept as a logarithm, with the sign beside it where the policy for negative factors has one.
    `weights` say what each channel counts where the factors are averaged over them.
    """
    if convention.channel_order == "mean-then-product":
        pairs = zip(distances, weights, strict=True)
        distances = [average(d, w, (1,), keepdim=True) for d, w in pairs]
    *finer, coarsest = zip(distances, exponents, strict=True)
    log, sign = _power(*coarsest, convention)
    for distance, exponent in reversed(finer):
        if log.shape != distance.shape:
            log = double(log, distance.shape)
            sign = None if sign is None else double(sign, distance.shape)
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
