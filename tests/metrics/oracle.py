"""SSIM and MS-SSIM from the textbook, slow and plain, in float64 numpy.

Written from the formulas, not from the package: variances are centred sums over explicit windows
(two passes, so nothing cancels), 1 − cs is var(x − y) over the denominator, and every image and
channel is handled by itself. Pictures are (C, H, W) or (H, W) arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]

WANG_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
SIGMAS = (0.5, 1.0, 2.0, 4.0, 8.0)
SMOOTH_EPSILON = 0.1
_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "zeros": "constant"}


@dataclass(frozen=True)
class Options:
    """What the textbook needs to know; `cases.options_of` makes it from a Convention."""

    size: int = 11
    sigma: float | None = 1.5  # None: uniform window
    k1: float = 0.01
    k2: float = 0.03
    border: str = "valid"
    sample: bool = False
    exponents: tuple[float, ...] = WANG_EXPONENTS
    keep_odd: bool = True
    reading: str = "levels"
    product_first: bool = True
    negative: str = "clamp"
    sigmas: tuple[float, ...] = SIGMAS


def window(size: int, sigma: float | None) -> Array:
    """The (size, size) window; its entries sum to 1."""
    if sigma is None:
        return np.full((size, size), 1.0 / size**2)
    offsets = np.arange(size) - (size - 1) / 2
    squares = offsets[:, None] ** 2 + offsets[None, :] ** 2
    weights = np.exp(-squares / (2 * sigma**2))
    return np.asarray(weights / weights.sum())


def windows_of(image: Array, size: int, border: str) -> Array:
    """Every (size, size) neighbourhood of an (H, W) picture."""
    if border != "valid":
        image = np.pad(image, size // 2, mode=_PAD_MODES[border])  # type: ignore[call-overload]
    return sliding_window_view(image, (size, size))


def deficits(
    x: Array, y: Array, data_range: float, options: Options, *, sigma: float | None = None
) -> tuple[Array, Array]:
    """(1 − l, 1 − cs) at each position of a pair of (H, W) pictures.

    1 − l = (μx − μy)² / (μx² + μy² + C1) and 1 − cs = var(x − y) / (σx² + σy² + C2).
    """
    size, spread = options.size, options.sigma
    if sigma is not None:
        size, spread = 2 * math.ceil(2 * sigma) + 1, sigma
    weights = window(size, spread)

    def mean(views: Array) -> Array:
        return np.asarray(np.einsum("hwij,ij->hw", views, weights))

    views_x = windows_of(x, size, options.border)
    views_y = windows_of(y, size, options.border)
    mu_x, mu_y = mean(views_x), mean(views_y)
    mu_b = mean(views_x - views_y)

    def variance(views: Array, mu: Array) -> Array:
        return mean((views - mu[..., None, None]) ** 2)

    factor = size**2 / (size**2 - 1) if options.sample else 1.0
    var_x = factor * variance(views_x, mu_x)
    var_y = factor * variance(views_y, mu_y)
    var_b = factor * variance(views_x - views_y, mu_b)
    c1, c2 = (options.k1 * data_range) ** 2, (options.k2 * data_range) ** 2
    return mu_b**2 / (mu_x**2 + mu_y**2 + c1), var_b / (var_x + var_y + c2)


def either(u: Array, v: Array) -> Array:
    """1 − (1 − u)(1 − v) without the subtraction from 1."""
    return u + v - u * v


def dssim_map(x: Array, y: Array, data_range: float, options: Options) -> Array:
    """1 − l·cs at each position: (C, H', W')."""
    x, y = planes(x), planes(y)
    pairs = zip(x, y, strict=True)
    return np.stack([either(*deficits(p, q, data_range, options)) for p, q in pairs])


def dssim(x: Array, y: Array, data_range: float, options: Options) -> float:
    return float(dssim_map(x, y, data_range, options).mean())


def ssim(x: Array, y: Array, data_range: float, options: Options) -> float:
    return float((1 - dssim_map(x, y, data_range, options)).mean())


def planes(image: Array) -> Array:
    """(H, W) or (C, H, W) to float64 (C, H, W)."""
    image = np.asarray(image, dtype=np.float64)
    return image if image.ndim == 3 else image[None]


def halved(image: Array, keep_odd: bool) -> Array:
    """The mean of 2×2 blocks; a last odd row or column is its own half block, or is dropped."""
    height, width = image.shape
    if keep_odd:
        image = np.pad(image, ((0, height % 2), (0, width % 2)), mode="edge")
    else:
        image = image[: height // 2 * 2, : width // 2 * 2]
    blocks = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2)
    return np.asarray(blocks.mean(axis=(1, 3)))


def log_power(deficit: Array, exponent: float, negative: str) -> tuple[Array, Array]:
    """(sign, log) of a factor 1 − deficit to its exponent under a policy for negative factors."""
    deficit = np.asarray(deficit, dtype=np.float64)
    factor = 1 - deficit
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(factor > 0.5, np.log1p(-np.minimum(deficit, 0.5)), np.log(np.abs(factor)))
        sign = np.sign(factor)
        if negative == "clamp":
            log, sign = np.where(factor > 0, log, -np.inf), np.maximum(sign, 0)
        elif negative == "smooth":
            low = factor < SMOOTH_EPSILON
            bent = SMOOTH_EPSILON**2 / np.where(low, 2 * SMOOTH_EPSILON - factor, 1)
            log, sign = np.where(low, np.log(bent), log), np.ones_like(factor)
    return sign, log * exponent


def product_deficit(factors: list[Array], exponents: tuple[float, ...], negative: str) -> Array:
    """1 − Π factorⱼ^wⱼ, each factor given as 1 − factor."""
    signs, logs = zip(
        *(log_power(v, w, negative) for v, w in zip(factors, exponents, strict=True)), strict=True
    )
    sign, log = np.prod(signs, axis=0), np.sum(logs, axis=0)
    return np.where(sign > 0, -np.expm1(log), 1 - sign * np.exp(log))


def level_pairs(x: Array, y: Array, options: Options) -> list[tuple[Array, Array]]:
    pairs = [(x, y)]
    for _ in options.exponents[1:]:
        a, b = pairs[-1]
        pairs.append((halved(a, options.keep_odd), halved(b, options.keep_odd)))
    return pairs


def factor_maps(x: Array, y: Array, data_range: float, options: Options) -> list[Array]:
    """1 − factor of each level of a pair of (H, W) pictures, the coarsest with its luminance."""
    if options.reading == "sigmas":
        parts = [
            deficits(x, y, data_range, options, sigma=s)
            for s in options.sigmas[: len(options.exponents)]
        ]
    else:
        pairs = level_pairs(x, y, options)
        parts = [deficits(a, b, data_range, options) for a, b in pairs]
    return [cs for _, cs in parts[:-1]] + [either(*parts[-1])]


def enlarged(coarse: Array, level: int, shape: tuple[int, ...]) -> Array:
    """Each pixel gets the value of the block it was averaged into."""
    rows, columns = np.arange(shape[0]) >> level, np.arange(shape[1]) >> level
    return coarse[np.ix_(rows, columns)]


def ms_dssim_map(x: Array, y: Array, data_range: float, options: Options) -> Array:
    """1 − MS-SSIM at each pixel, (C, H, W), for the readings `pixels` and `sigmas`."""
    result = []
    for p, q in zip(planes(x), planes(y), strict=True):
        maps = factor_maps(p, q, data_range, options)
        if options.reading == "pixels":
            maps = [enlarged(m, level, p.shape) for level, m in enumerate(maps)]
        result.append(product_deficit(maps, options.exponents, options.negative))
    return np.stack(result)


def ms_dssim(x: Array, y: Array, data_range: float, options: Options) -> float:
    """1 − MS-SSIM of one picture pair."""
    if options.reading != "levels":
        return float(ms_dssim_map(x, y, data_range, options).mean())
    means = np.array(
        [
            [float(m.mean()) for m in factor_maps(p, q, data_range, options)]
            for p, q in zip(planes(x), planes(y), strict=True)
        ]
    )  # (C, levels)
    if not options.product_first:
        means = means.mean(axis=0, keepdims=True)
    deficit = product_deficit(list(means.T), options.exponents, options.negative)
    return float(np.mean(deficit))


def ms_ssim(x: Array, y: Array, data_range: float, options: Options) -> float:
    return 1 - ms_dssim(x, y, data_range, options)
