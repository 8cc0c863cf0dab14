"""Luminance, contrast and structure, pixel by pixel, and similarities in decibels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from snellen.metrics import (
    Components,
    dssim,
    ms_dssim,
    ms_ssim_decibels,
    psnr,
    ssim_components,
    ssim_decibels,
    ssim_map,
)

from .cases import BORDERS, SMALL, pair, tensors
from .oracle import Options, planes, window, windows_of

# ---- the three factors


def textbook(x: Any, y: Any, options: Options) -> list[Any]:
    """l, c, s of two (C, H, W) pictures, from centred sums over explicit windows; C3 = C2/2."""
    weights = window(options.size, options.sigma)
    c1, c2 = options.k1**2, options.k2**2
    c3 = c2 / 2
    maps = []
    for p, q in zip(planes(x), planes(y), strict=True):
        first, second = (windows_of(plane, options.size, options.border) for plane in (p, q))
        mu_x, mu_y = ((v * weights).sum(axis=(2, 3)) for v in (first, second))
        dx, dy = first - mu_x[..., None, None], second - mu_y[..., None, None]
        scale = options.size**2 / (options.size**2 - 1) if options.sample else 1.0
        var_x, var_y, cov = (
            scale * (v * weights).sum(axis=(2, 3)) for v in (dx * dx, dy * dy, dx * dy)
        )
        both = np.sqrt(var_x * var_y)
        maps.append(
            (
                (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1),
                (2 * both + c2) / (var_x + var_y + c2),
                (cov + c3) / (both + c3),
            )
        )
    return [np.stack(m) for m in zip(*maps, strict=True)]


@pytest.mark.parametrize("change", [{}, {"covariance": "sample"}, {"window": "uniform"}], ids=str)
@pytest.mark.parametrize("border", BORDERS)
def test_the_factors_agree_with_the_textbook(border: str, change: dict[str, Any]) -> None:
    convention = replace(SMALL, border=border, **change)
    a, b = pair((3, 21, 23), seed=1)
    found = ssim_components(
        torch.from_numpy(a), torch.from_numpy(b), data_range=1.0, convention=convention
    )
    for name, value, expected in zip(
        Components._fields, found, textbook(a, b, _options(change, border)), strict=True
    ):
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-9, atol=1e-9, err_msg=name)


def _options(change: dict[str, Any], border: str) -> Options:
    return Options(
        size=5,
        sigma=None if "window" in change else 1.0,
        border=border,
        sample="covariance" in change,
    )


def test_their_product_is_the_map() -> None:
    a, b = tensors((2, 3, 30, 33), seed=2)
    luminance, contrast, structure = ssim_components(a, b, data_range=1.0)
    expected = ssim_map(a, b, data_range=1.0)
    torch.testing.assert_close(luminance * contrast * structure, expected, rtol=0, atol=1e-13)


def test_each_factor_sees_its_own_change() -> None:
    _, b = tensors((1, 1, 30, 33), seed=3)
    mean = b.mean()
    cases = {
        "luminance": b + 0.3,
        "contrast": mean + (b - mean) / 3,
        "structure": 1 - b,
    }
    for name, a in cases.items():
        found = ssim_components(a, b, data_range=1.0)
        lowest = min(Components._fields, key=lambda field: getattr(found, field).mean())
        assert lowest == name


def test_identical_pictures_have_three_maps_of_one() -> None:
    a, _ = tensors((1, 2, 30, 33), seed=4, dtype=torch.float32)
    for value in ssim_components(a, a, data_range=1.0):
        assert bool((value == 1).all())


def test_shapes_are_those_of_the_input() -> None:
    a, b = tensors((1, 3, 30, 33), seed=5)
    assert ssim_components(a, b, data_range=1.0).contrast.shape == (1, 3, 20, 23)
    assert ssim_components(a[0], b[0], data_range=1.0).contrast.shape == (3, 20, 23)
    assert ssim_components(a[0, 0], b[0, 0], data_range=1.0).contrast.shape == (20, 23)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_is_finite_also_where_windows_are_flat(dtype: torch.dtype) -> None:
    a, b = tensors((1, 1, 40, 40), seed=6, dtype=dtype)
    a[..., :20], b[..., 10:30] = 0.5, 0.25
    a[..., 30:, 30:] = b[..., 30:, 30:]
    for which in range(3):
        preds, target = a.clone().requires_grad_(), b.clone().requires_grad_()
        value = ssim_components(preds, target, data_range=1.0)[which].sum()
        for gradient in torch.autograd.grad(value, (preds, target)):
            assert bool(torch.isfinite(gradient).all())
            assert gradient.abs().max() < 1e3


@pytest.mark.parametrize("which", range(3))
def test_gradients_away_from_flat_windows(which: int) -> None:
    a, b = tensors((1, 1, 9, 8), seed=7)
    inputs = (a.requires_grad_(), b.requires_grad_())

    def function(preds: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return ssim_components(preds, target, data_range=1.0, convention=SMALL)[which]

    assert torch.autograd.gradcheck(function, inputs)


# ---- decibels


@pytest.mark.parametrize(
    ("decibels", "complement"), [(ssim_decibels, dssim), (ms_ssim_decibels, ms_dssim)]
)
def test_decibels_are_those_of_each_pictures_complement(decibels: Any, complement: Any) -> None:
    a, b = tensors((3, 2, 30, 33), seed=8)
    a[1] = b[1] + 0.001 * a[1]
    options: Any = {"data_range": 1.0, "convention": SMALL}
    expected = -10 * np.log10(complement(a, b, reduction="none", **options).numpy())
    each = decibels(a, b, reduction="none", **options)
    np.testing.assert_allclose(each.numpy(), expected, rtol=1e-12)
    assert decibels(a, b, **options).item() == pytest.approx(expected.mean(), rel=1e-12)
    assert decibels(a, b, reduction="sum", **options).item() == pytest.approx(expected.sum())


@pytest.mark.parametrize("decibels", [ssim_decibels, ms_ssim_decibels])
def test_identical_pictures_have_infinite_decibels(decibels: Any) -> None:
    a, b = tensors((2, 1, 30, 33), seed=9, dtype=torch.float32)
    a[0] = b[0]
    each = decibels(a, b, data_range=1.0, convention=SMALL, reduction="none")
    assert each[0].item() == float("inf")
    assert bool(torch.isfinite(each[1]))


def test_decibels_near_identity_keep_their_digits_in_float32() -> None:
    _, b = tensors((1, 1, 40, 40), seed=10, dtype=torch.float32)
    a = b + 1e-5 * torch.randn(b.shape, generator=torch.Generator().manual_seed(10))
    value = ssim_decibels(a, b, data_range=1.0).item()
    exact = ssim_decibels(a.double(), b.double(), data_range=1.0).item()
    assert exact > 60  # 1 − SSIM below 1e-6: float32 cannot hold such an SSIM
    assert value == pytest.approx(exact, abs=1e-3)


def test_decibels_of_flat_pictures_by_hand() -> None:
    # Flat pictures have cs = 1, so 1 − SSIM = (x − y)²/(x² + y² + C1).
    a, b = torch.full((1, 1, 16, 16), 0.5, dtype=torch.float64), torch.ones(1, 1, 16, 16).double()
    expected = -10 * np.log10(0.25 / (1.25 + 1e-4))
    assert ssim_decibels(a, b, data_range=1.0).item() == pytest.approx(expected, rel=1e-12)
    assert psnr(a, b, data_range=1.0).item() == pytest.approx(-10 * np.log10(0.25))
