"""Pictures to measure, shared by the tests of the metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from snellen.metrics.conventions import WANG, Convention

from .oracle import WANG_EXPONENTS, Options

Array = NDArray[np.float64]


def scene(shape: tuple[int, ...], seed: int = 0) -> Array:
    """A picture-like array in [0, 1]: smooth fields of several scales, some of them with edges."""
    random = np.random.default_rng(seed)
    picture = np.zeros(shape)
    for spread in (1.0, 3.0, 9.0):
        sigma = (0.0,) * (len(shape) - 2) + (spread, spread)
        field = ndimage.gaussian_filter(random.standard_normal(shape), sigma, mode="wrap")
        field /= field.std() + 1e-12
        picture += np.sign(field) + field
    picture -= picture.min()
    return np.asarray(picture / picture.max())


def pair(shape: tuple[int, ...], seed: int = 0, noise: float = 0.1) -> tuple[Array, Array]:
    """A scene and the same scene blurred a little, with noise; both in [0, 1]."""
    target = scene(shape, seed)
    random = np.random.default_rng(seed + 1000)
    sigma = (0.0,) * (len(shape) - 2) + (0.7, 0.7)
    blurred = ndimage.gaussian_filter(target, sigma)
    preds = np.clip(blurred + noise * random.standard_normal(shape), 0, 1)
    return np.asarray(preds), target


def tensors(
    shape: tuple[int, ...],
    seed: int = 0,
    noise: float = 0.1,
    dtype: torch.dtype = torch.float64,
) -> tuple[torch.Tensor, torch.Tensor]:
    """`pair` as tensors."""
    preds, target = pair(shape, seed, noise)
    return torch.from_numpy(preds).to(dtype), torch.from_numpy(target).to(dtype)


def blob(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Weights in [0, 1] with a hole, an edge and many a single pixel at 0."""
    random = torch.Generator().manual_seed(seed)
    weights = torch.rand(shape, generator=random, dtype=torch.float64)
    weights[weights < 0.2] = 0
    weights[..., 4:11, 6:15] = 0
    weights[..., :, :2] = 0
    return weights


def options_of(convention: Convention, levels: int | None = None) -> Options:
    """The textbook's options for a convention of the package, `levels` of them in use."""
    if levels is None:
        assert convention.levels != "auto"
        levels = convention.levels
    if convention.exponents == "wang":
        exponents = WANG_EXPONENTS[:levels]
        if levels < 5:
            exponents = tuple(e / sum(exponents) for e in exponents)
    elif convention.exponents == "ones":
        exponents = (1.0,) * levels
    else:
        exponents = convention.exponents
    return Options(
        size=convention.window_size,
        sigma=convention.sigma if convention.window == "gaussian" else None,
        k1=convention.k1,
        k2=convention.k2,
        border=convention.border,
        sample=convention.covariance == "sample",
        exponents=exponents,
        keep_odd=convention.odd_sizes == "keep",
        reading=convention.reading,
        product_first=convention.channel_order == "product-then-mean",
        negative=convention.negative,
        sigmas=convention.sigmas,
    )


BORDERS = ("valid", "reflect", "replicate", "zeros")
POLICIES = ("clamp", "signed", "smooth")

# A 5-tap window lets three levels fit on some 20 pixels: cheap enough for every combination.
SMALL = replace(WANG, window_size=5, sigma=1.0, levels=3)
SMALL_READINGS = {
    "levels": SMALL,
    "pixels": replace(SMALL, reading="pixels", border="replicate", exponents="ones"),
    "sigmas": replace(
        SMALL, reading="sigmas", border="replicate", exponents="ones", sigmas=(0.5, 1.0, 2.0)
    ),
}
