"""Named conventions against numbers that others have printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from snellen.metrics import ms_ssim, ssim

from .test_known_values import CHECKERBOARDS, checkerboard

Array = NDArray[np.float64]


@pytest.mark.parametrize(("first", "second", "by_ssim", "by_ms_ssim"), CHECKERBOARDS)
def test_tensorflows_checkerboards(
    snellen_data: Path, first: int, second: int, by_ssim: float, by_ms_ssim: float
) -> None:
    # tensorflow/python/ops/image_ops_test.py; 45 rows on the third level, an odd number.
    a, b = (checkerboard(snellen_data, n, torch.float64) for n in (first, second))
    values = [f(a, b, data_range=1.0, convention="tensorflow").item() for f in (ssim, ms_ssim)]
    assert values == pytest.approx([by_ssim, by_ms_ssim], abs=2e-6)


@pytest.mark.parametrize(
    ("name", "expected"),
    # skimage/metrics/tests/test_structural_similarity.py
    [("scikit-image", 0.3674518327910367), ("scikit-image-gaussian", 0.35796424)],
)
def test_scikit_images_camera(name: str, expected: float) -> None:
    clean = data.camera()
    noise = 20 * np.random.RandomState(5).randn(*clean.shape)
    noisy = np.clip(clean + noise, 0, 255).astype(np.uint8)
    a, b = (torch.from_numpy(image).double() for image in (clean, noisy))
    value = ssim(a, b, data_range=255, convention=name)
    assert value.item() == pytest.approx(expected, abs=5e-9)


def cubic(x: Array) -> Array:
    """Keys' kernel with a = −1/2."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def resizing(length: int, scale: float) -> Array:
    """Matrix of MATLAB's imresize(…, scale, 'bicubic') along one axis."""
    width = min(scale, 1.0)  # antialiased: the kernel is widened on the way down
    count = round(length * scale)
    centres = (np.arange(count) + 0.5) / scale - 0.5
    radius = int(np.ceil(2 / width)) + 1
    at = np.floor(centres)[:, None].astype(int) + np.arange(-radius, radius + 1)
    weights = cubic(width * (centres[:, None] - at))
    matrix = np.zeros((count, length))
    np.add.at(matrix, (np.arange(count)[:, None], at.clip(0, length - 1)), weights)
    return matrix / matrix.sum(axis=1, keepdims=True)


def luma(path: Path) -> Array:
    """Y of MATLAB's rgb2ycbcr, in whole levels, cut to a multiple of 4."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
    y = np.floor(16.5 + pixels @ np.array([65.481, 128.553, 24.966]) / 255)
    return np.asarray(y[: y.shape[0] // 4 * 4, : y.shape[1] // 4 * 4])


def shrunk_and_enlarged(y: Array) -> Array:
    height, width = y.shape
    small = resizing(height, 1 / 4) @ y @ resizing(width, 1 / 4).T
    large = resizing(height // 4, 4) @ small @ resizing(width // 4, 4).T
    return np.floor(large + 0.5).clip(0, 255)


def test_matlabs_ssim_of_bicubic_interpolation_on_set5(snellen_data: Path) -> None:
    # Snell et al. 2017, super-resolution ×4: 8 pixels cropped from every side, MATLAB's ssim().
    values = []
    for path in sorted((snellen_data / "Set5").glob("*_GT.bmp")):
        y = luma(path)
        a, b = (torch.from_numpy(image[8:-8, 8:-8].copy()) for image in (shrunk_and_enlarged(y), y))
        values.append(ssim(a, b, data_range=255, convention="matlab").item())
    assert len(values) == 5
    assert round(float(np.mean(values)), 4) == 0.8097
