"""Numbers measured elsewhere: TensorFlow's (from Matlab and Octave) and scikit-image's tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from snellen.metrics import ms_ssim, psnr, ssim
from snellen.metrics.conventions import WANG

# scikit-image's defaults: 7×7 uniform window, sample covariance, borders cut off.
UNIFORM_7_SAMPLE = replace(WANG, window="uniform", window_size=7, covariance="sample")

CHECKERBOARDS = [
    # pair, SSIM, MS-SSIM
    (1, 2, 0.230880, 0.091016),
    (1, 3, 0.231153, 0.091025),
    (2, 3, 0.996828, 0.999567),
]
CATS = [("q20", "q72", 30.321), ("q20", "q95", 29.994), ("q72", "q95", 35.302)]


def load(path: Path) -> torch.Tensor:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
    return torch.from_numpy(pixels / 255).permute(2, 0, 1)[None]


def checkerboard(folder: Path, number: int, dtype: torch.dtype) -> torch.Tensor:
    name = f"checkerboard{number}.png"
    return load(folder / "ssim_known_values" / "tensorflow_checkerboards" / name).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("first", "second", "expected", "_ms"), CHECKERBOARDS)
def test_ssim_of_tensorflow_checkerboards(
    snellen_data: Path, first: int, second: int, expected: float, _ms: float, dtype: torch.dtype
) -> None:
    a, b = (checkerboard(snellen_data, n, dtype) for n in (first, second))
    # Six printed digits; TensorFlow itself allows 1e-4.
    assert ssim(a, b, data_range=1.0).item() == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("first", "second", "_ssim", "expected"), CHECKERBOARDS)
def test_ms_ssim_of_tensorflow_checkerboards(
    snellen_data: Path, first: int, second: int, _ssim: float, expected: float, dtype: torch.dtype
) -> None:
    a, b = (checkerboard(snellen_data, n, dtype) for n in (first, second))
    assert ms_ssim(a, b, data_range=1.0).item() == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(("first", "second", "expected"), CATS)
def test_psnr_of_tensorflow_cats(
    snellen_data: Path, first: str, second: str, expected: float
) -> None:
    folder = snellen_data / "ssim_known_values" / "tensorflow_psnr_cats"
    a, b = (load(folder / f"cat_{name}.jpg") for name in (first, second))
    assert psnr(a, b, data_range=1.0).item() == pytest.approx(expected, abs=1e-3)


@pytest.fixture(scope="module")
def camera() -> tuple[torch.Tensor, torch.Tensor]:
    """scikit-image's test pair: the camera man and the same with noise, uint8."""
    clean = data.camera()
    noise = 20 * np.random.RandomState(5).randn(*clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    return torch.from_numpy(clean), torch.from_numpy(noisy)


def test_scikit_image_camera_with_the_gaussian_window(
    camera: tuple[torch.Tensor, torch.Tensor],
) -> None:
    clean, noisy = (image.double() for image in camera)
    assert ssim(clean, noisy, data_range=255).item() == pytest.approx(0.35796424, abs=5e-9)


def test_scikit_image_camera_with_its_default_window(
    camera: tuple[torch.Tensor, torch.Tensor],
) -> None:
    clean, noisy = (image.double() for image in camera)
    value = ssim(clean, noisy, data_range=255, convention=UNIFORM_7_SAMPLE).item()
    assert value == pytest.approx(0.3674518327910367, abs=1e-12)


def test_scikit_image_camera_as_uint8(camera: tuple[torch.Tensor, torch.Tensor]) -> None:
    clean, noisy = camera
    assert ssim(clean, noisy).item() == pytest.approx(0.35796424, abs=1e-6)


def test_ramp_against_its_mirror_is_negative() -> None:
    ramp = torch.arange(0, 256, 16, dtype=torch.uint8).repeat(16, 1)
    assert ssim(ramp, ramp.flip(1)).item() < 0
