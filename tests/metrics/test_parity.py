"""scikit-image, torchmetrics and pytorch-msssim, run beside the package on the same pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytorch_msssim
import torch
from numpy.typing import NDArray
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)
from torchmetrics.functional.image import (
    peak_signal_noise_ratio as torchmetrics_psnr,
)

from snellen.metrics import ms_ssim, psnr, ssim, ssim_map
from snellen.metrics.conventions import WANG

from .cases import pair

Pixels = NDArray[np.uint8]

SCIKIT_IMAGE = {
    # scikit-image's options, and the same choices as changes of `wang`
    "gaussian, population": (
        {"gaussian_weights": True, "use_sample_covariance": False},
        {},
    ),
    "gaussian, sample": (
        {"gaussian_weights": True, "use_sample_covariance": True},
        {"covariance": "sample"},
    ),
    "gaussian, sigma 2.5": (
        {"gaussian_weights": True, "sigma": 2.5, "use_sample_covariance": False},
        {"sigma": 2.5, "window_size": 19},
    ),
    "uniform 7, sample": (
        {},
        {"window": "uniform", "window_size": 7, "covariance": "sample"},
    ),
    "uniform 9, population": (
        {"win_size": 9, "use_sample_covariance": False},
        {"window": "uniform", "window_size": 9},
    ),
    "other constants": (
        {"gaussian_weights": True, "use_sample_covariance": False, "K1": 0.05, "K2": 0.1},
        {"k1": 0.05, "k2": 0.1},
    ),
}


def real_pair(name: str) -> tuple[Pixels, Pixels]:
    """A photograph cut to odd sizes and the same with noise, both (H, W, 3) uint8."""
    picture = getattr(data, name)()
    picture = picture[..., None].repeat(3, axis=-1) if picture.ndim == 2 else picture
    clean: Pixels = np.ascontiguousarray(picture[100:237, 120:271])
    noise = 25 * np.random.default_rng(41).standard_normal(clean.shape)
    return np.clip(clean + noise, 0, 255).astype(np.uint8), clean


def planar(image: NDArray[Any]) -> torch.Tensor:
    """(H, W, C) array to a (1, C, H, W) tensor."""
    return torch.from_numpy(np.moveaxis(image, -1, 0).copy())[None]


@pytest.mark.parametrize("options", SCIKIT_IMAGE)
@pytest.mark.parametrize("picture", ["camera", "astronaut", "chelsea", "coffee"])
def test_ssim_is_scikit_images_on_photographs(picture: str, options: str) -> None:
    theirs, ours = SCIKIT_IMAGE[options]
    a, b = (image.astype(np.float64) for image in real_pair(picture))
    expected = structural_similarity(a, b, data_range=255, channel_axis=-1, **theirs)
    value = ssim(planar(a), planar(b), data_range=255, convention=replace(WANG, **ours))
    assert value.item() == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("options", SCIKIT_IMAGE)
@pytest.mark.parametrize("shape", [(31, 47, 1), (20, 19, 2), (64, 33, 3)], ids=str)
def test_ssim_is_scikit_images_on_random_pictures(shape: tuple[int, ...], options: str) -> None:
    theirs, ours = SCIKIT_IMAGE[options]
    random = np.random.default_rng(42)
    a, b = random.random(shape), random.random(shape)
    expected = structural_similarity(a, b, data_range=1.0, channel_axis=-1, **theirs)
    value = ssim(planar(a), planar(b), data_range=1.0, convention=replace(WANG, **ours))
    assert value.item() == pytest.approx(expected, abs=1e-11)


def test_ssim_of_uint8_is_scikit_images() -> None:
    a, b = real_pair("astronaut")
    expected = structural_similarity(
        a, b, data_range=255, channel_axis=-1, gaussian_weights=True, use_sample_covariance=False
    )
    # scikit-image works in float64, uint8 here in float32.
    assert ssim(planar(a), planar(b)).item() == pytest.approx(expected, abs=1e-6)


def test_ssim_map_is_scikit_images_away_from_the_borders() -> None:
    a, b = (image.astype(np.float64) for image in real_pair("chelsea"))
    _, expected = structural_similarity(
        a,
        b,
        data_range=255,
        channel_axis=-1,
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )
    value = ssim_map(planar(a), planar(b), data_range=255)
    inside = planar(expected)[..., 5:-5, 5:-5]
    torch.testing.assert_close(value, inside, rtol=0, atol=1e-11)


def test_psnr_is_scikit_images() -> None:
    a, b = real_pair("coffee")
    expected = peak_signal_noise_ratio(b, a, data_range=255)
    assert psnr(planar(a), planar(b)).item() == pytest.approx(expected, rel=1e-6)


def batch(shape: tuple[int, ...], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = pair(shape, seed, noise=0.2)
    return torch.from_numpy(a), torch.from_numpy(b)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("shape", [(3, 2, 37, 52), (2, 3, 64, 64), (1, 1, 23, 96)], ids=str)
def test_ssim_is_torchmetrics_with_reflected_borders(shape: tuple[int, ...], sigma: float) -> None:
    a, b = batch(shape, seed=43)
    # torchmetrics sets the taps from sigma: 2·int(3.5σ + .5) + 1.
    convention = replace(
        WANG, border="reflect", sigma=sigma, window_size=2 * int(3.5 * sigma + 0.5) + 1
    )
    expected = structural_similarity_index_measure(
        a, b, data_range=1.0, sigma=sigma, reduction="none"
    )
    value = ssim(a, b, data_range=1.0, convention=convention, reduction="none")
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-11)


def test_ssim_is_torchmetrics_with_a_uniform_window() -> None:
    a, b = batch((2, 3, 37, 52), seed=44)
    convention = replace(WANG, border="reflect", window="uniform", window_size=9)
    expected = structural_similarity_index_measure(
        a, b, data_range=1.0, gaussian_kernel=False, kernel_size=9, reduction="none"
    )
    value = ssim(a, b, data_range=1.0, convention=convention, reduction="none")
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", [(2, 3, 177, 191), (1, 1, 176, 208)], ids=str)
@pytest.mark.parametrize(
    ("exponents", "border"),
    [
        # Its fine factors come from valid windows, its coarsest from reflected borders,
        # so the two are compared apart. Powers of two: its exponents are float32.
        ((0.25, 0.5, 0.125, 0.25, 0.0), "valid"),
        ((0.0, 0.0, 0.0, 0.0, 0.25), "reflect"),
    ],
    ids=["fine", "coarsest"],
)
def test_ms_ssim_is_torchmetrics(
    shape: tuple[int, ...], exponents: tuple[float, ...], border: str
) -> None:
    a, b = batch(shape, seed=45)
    convention = replace(
        WANG,
        exponents=exponents,
        border=border,
        odd_sizes="drop",
        channel_order="mean-then-product",
    )
    expected = multiscale_structural_similarity_index_measure(
        a, b, data_range=1.0, betas=exponents, reduction="none"
    )
    value = ms_ssim(a, b, data_range=1.0, convention=convention, reduction="none")
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-11)


def test_ms_ssim_is_pytorch_msssims_where_no_size_is_odd() -> None:
    a, b = batch((2, 3, 176, 192), seed=46)
    expected = pytorch_msssim.ms_ssim(a, b, data_range=1.0, size_average=False)
    value = ms_ssim(a, b, data_range=1.0, reduction="none")
    # Its window is computed in float32.
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-6)


def test_psnr_is_torchmetrics() -> None:
    a, b = batch((1, 3, 37, 52), seed=47)
    expected = torchmetrics_psnr(a, b, data_range=1.0)
    torch.testing.assert_close(psnr(a, b, data_range=1.0), expected, check_dtype=False)
