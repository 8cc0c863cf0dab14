"""What each library computes, from its source's formulas, slow and plain in float64 numpy.

Written apart from the package and from `oracle`: E[xy] − μxμy with scipy.ndimage's filters, one
(C, H, W) picture at a time. The peers cancel digits in the same way, so that even what the rounding
of a window to float32 does to a bright picture comes out as in the library.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
Blur = Callable[[Array], Array]
Halve = Callable[[Array], Array]

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def gaussian(dtype: torch.dtype) -> Array:
    """11 weights of σ = 1.5, computed in `dtype` (by PyTorch, as pytorch-msssim does)."""
    offsets = torch.arange(11, dtype=dtype) - 5
    weights = torch.exp(-(offsets**2) / 4.5)
    return np.asarray((weights / weights.sum()).double().numpy())


GAUSSIAN = gaussian(torch.float64)
SINGLE = gaussian(torch.float32)


def blurred(image: Array, taps: Array, mode: str, *, axes: tuple[int, ...] = (-2, -1)) -> Array:
    for axis in axes:
        image = ndimage.correlate1d(image, taps, axis=axis, mode=mode)
    return image


def padded(mode: str, taps: Array = GAUSSIAN, *, axes: tuple[int, ...] = (-2, -1)) -> Blur:
    """A Gaussian whose map has the picture's size."""
    return lambda image: blurred(image, taps, mode, axes=axes)


def inside(taps: Array) -> Blur:
    """Windows wholly inside the picture; an axis shorter than the window is not blurred."""
    radius = len(taps) // 2

    def blur(image: Array) -> Array:
        for axis in (-2, -1):
            if image.shape[axis] >= len(taps):
                image = ndimage.correlate1d(image, taps, axis=axis)
                image = image.take(range(radius, image.shape[axis] - radius), axis=axis)
        return image

    return blur


def maps(
    x: Array, y: Array, peak: float, blur: Blur, *, factor: float = 1.0, epsilon: float = 0.0
) -> tuple[Array, Array]:
    """(l·cs, cs) at each position; `factor` on the variances."""
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mu_x, mu_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mu_x**2, blur(y * y) - mu_y**2
    covariance = factor * (blur(x * y) - mu_x * mu_y)
    numerator, denominator = 2 * covariance + c2, factor * (var_x + var_y) + c2
    luminance = mu_x**2 + mu_y**2 + c1
    joint = (2 * mu_x * mu_y + c1) * numerator / (luminance * denominator + epsilon)
    return joint, numerator / denominator


def blocks(image: Array, side: int = 2) -> Array:
    """Means of side × side blocks; what is left over is dropped."""
    height, width = (n // side for n in image.shape[-2:])
    image = image[..., : height * side, : width * side]
    return image.reshape(-1, height, side, width, side).mean(axis=(2, 4))


def with_last_repeated(image: Array) -> Array:
    height, width = image.shape[-2:]
    return blocks(np.pad(image, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge"))


def with_zeros_before(image: Array) -> Array:
    height, width = image.shape[-2:]
    return blocks(np.pad(image, ((0, 0), (height % 2, 0), (width % 2, 0))))


def with_first_repeated(image: Array) -> Array:
    odd = max(side % 2 for side in image.shape[-2:])
    return blocks(np.pad(image, ((0, 0), (odd, 0), (odd, 0)), mode="edge"))


def by_levels(
    halve: Halve,
    taps: Array = GAUSSIAN,
    *,
    last: Blur | None = None,
    exponents: tuple[float, ...] = EXPONENTS,
    channels_first: bool = False,
) -> Callable[[Array, Array, float], float]:
    """MS-SSIM: mean cs of each level, mean l·cs of the last (blurred by `last`), negatives as 0."""

    def ms_ssim(x: Array, y: Array, peak: float) -> float:
        factors = []
        for level in range(5):
            if level:
                x, y = halve(x), halve(y)
            blur = last if last is not None and level == 4 else inside(taps)
            joint, contrast = maps(x, y, peak, blur)
            factors.append((joint if level == 4 else contrast).mean(axis=(1, 2)))
        means = np.array(factors)
        if channels_first:
            means = means.mean(axis=1, keepdims=True)
        powers = np.maximum(means, 0) ** np.array(exponents)[:, None]
        return float(powers.prod(axis=0).mean())

    return ms_ssim


def by_mean(blur: Blur, **options: float) -> Callable[[Array, Array, float], float]:
    """SSIM: the mean of l·cs over positions and channels."""
    return lambda x, y, peak: float(maps(x, y, peak, blur, **options)[0].mean())


def piq_ssim(x: Array, y: Array, peak: float) -> float:
    side = max(1, round(min(x.shape[-2:]) / 256))
    return by_mean(inside(GAUSSIAN))(blocks(x, side), blocks(y, side), peak)


def matlab_ssim(x: Array, y: Array, peak: float) -> float:
    return by_mean(padded("nearest", axes=(-3, -2, -1)))(x, y, peak)


Measure = Callable[[Array, Array, float], float]

VALID = by_mean(inside(GAUSSIAN))

SSIM: dict[str, Measure] = {
    "wang": VALID,
    "wang2003": VALID,
    "matlab": matlab_ssim,
    "tensorflow": VALID,
    "scikit-image": by_mean(inside(np.full(7, 1 / 7)), factor=49 / 48),
    "scikit-image-gaussian": VALID,
    "torchmetrics": by_mean(padded("mirror")),
    "pytorch-msssim": by_mean(inside(SINGLE)),
    "piq": piq_ssim,
    "kornia": by_mean(padded("mirror"), epsilon=1e-12),
    "basicsr": VALID,
    "fused-ssim": by_mean(padded("constant", SINGLE)),
    "poster": by_mean(padded("nearest")),
}

MS_SSIM: dict[str, Measure] = {
    "wang": by_levels(with_last_repeated),
    "wang2003": by_levels(blocks, exponents=(*EXPONENTS[:-1], 1.0)),
    "tensorflow": by_levels(with_last_repeated),
    "torchmetrics": by_levels(blocks, last=padded("mirror"), channels_first=True),
    "pytorch-msssim": by_levels(with_zeros_before, SINGLE),
    "piq": by_levels(with_first_repeated),
}
