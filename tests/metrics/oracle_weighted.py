"""The textbook once more, with a weight for each pixel and any number of axes; float64 numpy.

Every window is looked at by itself: its weights are multiplied by the pixels' and made to sum to 1,
its variance is a centred sum. Pictures and weights are (C, H, W) or (C, D, H, W) arrays; windows
without weight have distance 0, and positions count by the weight of the pixel at their centre.
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .oracle import Options, either, product_deficit

Array = NDArray[np.float64]

_MODES = {"reflect": "reflect", "replicate": "edge", "zeros": "constant"}


def kernel(size: int, sigma: float | None, axes: int) -> Array:
    """The window on `axes` axes; its entries sum to 1."""
    offsets = np.arange(size) - size // 2
    row = np.ones(size) if sigma is None else np.exp(-(offsets**2) / (2 * sigma**2))
    product = reduce(np.multiply.outer, [row] * axes)
    return np.asarray(product / product.sum())


def views(plane: Array, size: int, border: str, *, weights: bool = False) -> Array:
    """Every neighbourhood of a plane, flattened: (positions…, size ** axes)."""
    if border != "valid":
        # Zeros around a picture weigh what the edge they lie at does.
        mode = "edge" if weights and border == "zeros" else _MODES[border]
        plane = np.pad(plane, size // 2, mode=mode)  # type: ignore[call-overload]
    found = sliding_window_view(plane, (size,) * plane.ndim)
    return found.reshape(*found.shape[: plane.ndim], -1)


def distances(
    x: Array, y: Array, w: Array, data_range: float, options: Options, sigma: float | None = None
) -> tuple[Array, Array]:
    """(1 − l, 1 − cs) at each position of one plane."""
    size, spread = options.size, options.sigma
    if sigma is not None:
        size, spread = 2 * math.ceil(2 * sigma) + 1, sigma
    border = options.border
    share = views(w, size, border, weights=True) * kernel(size, spread, x.ndim).ravel()
    total = share.sum(axis=-1, keepdims=True)
    share = share / np.where(total > 0, total, 1)

    def moments(picture: Array) -> tuple[Array, Array]:
        values = views(picture, size, border)
        mean = (share * values).sum(axis=-1)
        variance = (share * (values - mean[..., None]) ** 2).sum(axis=-1)
        n = size**x.ndim
        return mean, variance * (n / (n - 1) if options.sample else 1)

    (mean_x, var_x), (mean_y, var_y) = moments(x), moments(y)
    # The window's mean of the difference under a border of zeros is the difference of the means.
    mean_b, var_b = moments(x - y)
    c1, c2 = (options.k1 * data_range) ** 2, (options.k2 * data_range) ** 2
    u = mean_b**2 / (mean_x**2 + mean_y**2 + c1)
    v = var_b / (var_x + var_y + c2)
    seen = total[..., 0] > 0
    return np.where(seen, u, 0), np.where(seen, v, 0)


def halved(picture: Array, w: Array, keep_odd: bool) -> tuple[Array, Array]:
    """Weighted mean of each 2×2(×2) block, and the plain mean of its weights."""
    if keep_odd:
        widths = [(0, side % 2) for side in picture.shape]
        picture, w = (np.pad(a, widths, constant_values=np.nan) for a in (picture, w))
    else:
        even = tuple(slice(side // 2 * 2) for side in picture.shape)
        picture, w = picture[even], w[even]
    shape = [n for side in picture.shape for n in (side // 2, 2)]
    within = tuple(range(1, 2 * picture.ndim, 2))
    picture, w = picture.reshape(shape), w.reshape(shape)
    total = np.nansum(w, axis=within)
    mean = np.nansum(w * picture, axis=within) / np.where(total > 0, total, 1)
    return mean, np.nanmean(w, axis=within)


def factors(
    x: Array, y: Array, w: Array, data_range: float, options: Options
) -> tuple[list[Array], list[Array]]:
    """1 − factor of each level of one plane, the coarsest with its luminance; their weights."""
    levels = len(options.exponents)
    parts, weights = [], []
    for level in range(levels):
        sigma = options.sigmas[level] if options.reading == "sigmas" else None
        if level > 0 and sigma is None:
            (x, coarse), (y, _) = (halved(a, w, options.keep_odd) for a in (x, y))
            w = coarse
        parts.append(distances(x, y, w, data_range, options, sigma))
        weights.append(at_centres(w, options))
    return [v for _, v in parts[:-1]] + [either(*parts[-1])], weights


def at_centres(w: Array, options: Options) -> Array:
    if options.border != "valid":
        return w
    radius = options.size // 2
    return w[tuple(slice(radius, side - radius) for side in w.shape)]


def dssim_map(x: Array, y: Array, w: Array, data_range: float, options: Options) -> Array:
    """1 − l·cs at each position: (C, …)."""
    triples = zip(x, y, w, strict=True)
    return np.stack([either(*distances(*t, data_range, options)) for t in triples])


def dssim(x: Array, y: Array, w: Array, data_range: float, options: Options) -> float:
    weights = np.stack([at_centres(plane, options) for plane in w])
    return float(np.average(dssim_map(x, y, w, data_range, options), weights=weights))


def enlarged(coarse: Array, level: int, shape: tuple[int, ...]) -> Array:
    """Each pixel gets the value of its block, a dropped one that of the block beside it."""
    axes = [
        np.minimum(np.arange(n) >> level, c - 1) for n, c in zip(shape, coarse.shape, strict=True)
    ]
    return coarse[np.ix_(*axes)]


def ms_dssim_map(x: Array, y: Array, w: Array, data_range: float, options: Options) -> Array:
    """1 − MS-SSIM at each pixel, (C or 1, …), for the readings `pixels` and `sigmas`."""
    found = [factors(*t, data_range, options) for t in zip(x, y, w, strict=True)]
    by_level = []
    for level in range(len(options.exponents)):
        maps = np.stack([f[0][level] for f in found])
        weights = np.stack([f[1][level] for f in found])
        if not options.product_first:
            total = weights.sum(axis=0, keepdims=True)
            maps = (maps * weights).sum(axis=0, keepdims=True) / np.where(total > 0, total, 1)
        if options.reading == "pixels":
            maps = np.stack([enlarged(m, level, x.shape[1:]) for m in maps])
        by_level.append(maps)
    return product_deficit(by_level, options.exponents, options.negative)


def ms_dssim(x: Array, y: Array, w: Array, data_range: float, options: Options) -> float:
    """1 − MS-SSIM of one picture or volume."""
    if options.reading != "levels":
        maps = ms_dssim_map(x, y, w, data_range, options)
        weights = w if options.product_first else w.mean(axis=0, keepdims=True)
        return float(np.average(maps, weights=weights))
    found = [factors(*t, data_range, options) for t in zip(x, y, w, strict=True)]
    totals = np.array([[level.sum() for level in f[1]] for f in found])  # (C, levels)
    means = np.array(
        [
            [np.average(m, weights=v) if v.sum() > 0 else 0.0 for m, v in zip(*f, strict=True)]
            for f in found
        ]
    )
    if not options.product_first:
        means = np.average(means, weights=totals, axis=0)[None]
        totals = np.ones((1, 1))
    result = product_deficit(list(means.T), options.exponents, options.negative)
    return float(np.average(result, weights=totals[:, 0]))
