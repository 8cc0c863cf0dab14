"""Volumes (N, C, D, H, W): the same definition with a window on three axes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytorch_msssim
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from snellen import MixedLoss, MSSSIMLoss, SSIMLoss
from snellen.metrics import (
    WANG,
    Convention,
    dssim,
    mae,
    ms_dssim,
    ms_ssim,
    ms_ssim_map,
    mse,
    psnr,
    ssim,
    ssim_components,
    ssim_map,
)

from . import oracle_weighted
from .cases import BORDERS, SMALL, SMALL_READINGS, blob, options_of, tensors

Array = NDArray[np.float64]

NDIMAGE_MODES = {
    "valid": "nearest",
    "reflect": "mirror",
    "replicate": "nearest",
    "zeros": "constant",
}

CONVENTIONS = {
    f"{reading}-{border}-{odd}": replace(SMALL_READINGS[reading], border=border, odd_sizes=odd)
    for reading, border, odd in itertools.product(SMALL_READINGS, BORDERS, ("keep", "drop"))
    if not (reading != "levels" and border == "valid")
    if not (reading == "sigmas" and odd == "drop")
}


def volumes(
    shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Smooth along all three axes, and the same with noise; in [0, 1]."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.standard_normal(shape), (0, 0, 2, 2, 2), mode="wrap")
    field = (field - field.min()) / (field.max() - field.min())
    noisy = np.clip(field + 0.05 * random.standard_normal(shape), 0, 1)
    return torch.from_numpy(noisy).to(dtype), torch.from_numpy(field).to(dtype)


def textbook(x: Array, y: Array, convention: Convention) -> Array:
    """1 − SSIM at each position of one (D, H, W) plane, every mean one `ndimage.correlate`."""
    sigma = convention.sigma if convention.window == "gaussian" else None
    window = oracle_weighted.kernel(convention.window_size, sigma, 3)
    mode = NDIMAGE_MODES[convention.border]

    def mean(values: Array) -> Array:
        found = np.asarray(ndimage.correlate(values, window, mode=mode))
        if convention.border != "valid":
            return found
        r = convention.window_size // 2
        return found[r:-r, r:-r, r:-r]

    b = x - y
    n = window.size
    scale = n / (n - 1) if convention.covariance == "sample" else 1
    variances = (scale * (mean(p * p) - mean(p) ** 2) for p in (b, x, y))
    var_b, var_x, var_y = variances
    u = mean(b) ** 2 / (mean(x) ** 2 + mean(y) ** 2 + convention.k1**2)
    v = var_b / (var_x + var_y + convention.k2**2)
    return np.asarray(u + v - u * v)


@pytest.mark.parametrize("change", [{}, {"covariance": "sample"}, {"window": "uniform"}], ids=str)
@pytest.mark.parametrize("border", BORDERS)
def test_the_map_agrees_with_ndimage(border: str, change: dict[str, Any]) -> None:
    convention = replace(SMALL, border=border, **change)
    a, b = volumes((1, 2, 9, 12, 11), seed=1)
    value = ssim_map(a, b, data_range=1.0, convention=convention)
    expected = np.stack(
        [textbook(p, q, convention) for p, q in zip(a[0].numpy(), b[0].numpy(), strict=True)]
    )
    np.testing.assert_allclose(1 - value[0].numpy(), expected, rtol=1e-9, atol=1e-12)
    complement = dssim(a, b, data_range=1.0, convention=convention)
    assert complement.item() == pytest.approx(expected.mean(), rel=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_reading_agrees_with_the_textbook(name: str, weighted: bool) -> None:
    convention = replace(CONVENTIONS[name], window_size=3, sigmas=(0.4, 0.5), levels=2)
    a, b = volumes((2, 2, 7, 11, 10), seed=2)
    weights = blob((2, 1, 7, 11, 10), seed=2) if weighted else torch.ones(2, 1, 7, 11, 10)
    value = ms_dssim(
        a,
        b,
        data_range=1.0,
        convention=convention,
        reduction="none",
        mask=weights if weighted else None,
    )
    expected = [
        oracle_weighted.ms_dssim(
            x.numpy(), y.numpy(), w.expand_as(x).double().numpy(), 1.0, options_of(convention)
        )
        for x, y, w in zip(a, b, weights, strict=True)
    ]
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"gaussian_weights": True, "use_sample_covariance": False}, {}),
        ({}, {"window": "uniform", "window_size": 7, "covariance": "sample"}),
    ],
    ids=["gaussian", "uniform"],
)
def test_scikit_image(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    a, b = volumes((1, 1, 15, 17, 16), seed=3)
    expected = structural_similarity(a[0, 0].numpy(), b[0, 0].numpy(), data_range=1.0, **theirs)
    value = ssim(a, b, data_range=1.0, convention=replace(WANG, **ours))
    assert value.item() == pytest.approx(expected, abs=1e-10)


def test_pytorch_msssim() -> None:
    a, b = volumes((2, 3, 12, 20, 17), seed=4)
    expected = pytorch_msssim.ssim(a, b, data_range=1.0, size_average=False, nonnegative_ssim=False)
    value = ssim(a, b, data_range=1.0, reduction="none")
    np.testing.assert_allclose(value.numpy(), expected.numpy(), atol=1e-6)  # float32 taps


def test_torchmetrics() -> None:
    a, b = volumes((2, 1, 14, 20, 17), seed=5)
    expected = structural_similarity_index_measure(a, b, data_range=1.0, reduction="none")
    value = ssim(a, b, data_range=1.0, convention=replace(WANG, border="reflect"), reduction="none")
    np.testing.assert_allclose(value.numpy(), expected.numpy(), atol=1e-11)


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_a_volume_that_repeats_one_picture_measures_like_it(reading: str) -> None:
    convention = replace(SMALL_READINGS[reading], border="replicate")
    a, b = tensors((2, 2, 21, 22), seed=6)
    deep = [t[:, :, None].expand(2, 2, 23, 21, 22) for t in (a, b)]
    for function in (ssim, ms_dssim):
        value = function(*deep, data_range=1.0, convention=convention, reduction="none")
        expected = function(a, b, data_range=1.0, convention=convention, reduction="none")
        torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_three_axes_are_alike(name: str) -> None:
    a, b = volumes((1, 1, 21, 22, 23), seed=7)
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name]}
    value = ms_dssim(a, b, **options)
    for order in ((0, 1, 3, 4, 2), (0, 1, 4, 3, 2)):
        turned = ms_dssim(a.permute(order), b.permute(order), **options)
        torch.testing.assert_close(turned, value, rtol=1e-11, atol=0)


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_maps_have_the_volumes_size_and_mean(reading: str) -> None:
    a, b = volumes((1, 2, 17, 18, 19), seed=8)
    convention = SMALL_READINGS[reading]
    if reading == "levels":
        value = ssim_map(a, b, data_range=1.0, convention=convention)
        assert value.shape == (1, 2, 13, 14, 15)
        expected = ssim(a, b, data_range=1.0, convention=convention)
    else:
        value = ms_ssim_map(a, b, data_range=1.0, convention=convention)
        assert value.shape == a.shape
        expected = ms_ssim(a, b, data_range=1.0, convention=convention)
    torch.testing.assert_close(value.mean(), expected, rtol=1e-11, atol=0)


def test_components_of_a_volume_multiply_to_its_map() -> None:
    a, b = volumes((1, 2, 9, 12, 11), seed=9)
    luminance, contrast, structure = ssim_components(a, b, data_range=1.0, convention=SMALL)
    expected = ssim_map(a, b, data_range=1.0, convention=SMALL)
    torch.testing.assert_close(luminance * contrast * structure, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["levels-valid-keep", "pixels-replicate-drop", "sigmas-reflect-keep"]
)
def test_gradients_of_first_and_second_order(name: str) -> None:
    convention = replace(CONVENTIONS[name], window_size=3, sigmas=(0.4, 0.5), levels=2)
    a, b = volumes((1, 1, 6, 7, 6), seed=10)
    inputs = (a.requires_grad_(), b.requires_grad_())

    def function(preds: Tensor, target: Tensor) -> Tensor:
        return ms_dssim(preds, target, data_range=1.0, convention=convention)

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def test_identical_volumes_have_distance_and_gradient_zero() -> None:
    a, _ = volumes((1, 1, 17, 18, 19), seed=11, dtype=torch.float32)
    preds = a.clone().requires_grad_()
    value = ms_dssim(preds, a, data_range=1.0, convention=SMALL)
    assert value.item() == 0
    assert not torch.autograd.grad(value, preds)[0].any()


def test_pointwise_measures_of_volumes() -> None:
    a, b = volumes((2, 2, 5, 6, 7), seed=12)
    torch.testing.assert_close(mse(a, b), torch.nn.functional.mse_loss(a, b))
    torch.testing.assert_close(mae(a, b), torch.nn.functional.l1_loss(a, b))
    assert psnr(a, b, data_range=1.0, reduction="none").shape == (2,)


def test_the_losses_take_volumes() -> None:
    a, b = volumes((2, 1, 24, 25, 26), seed=13)
    assert MSSSIMLoss()(a, b).item() == pytest.approx(
        ms_dssim(a, b, data_range=1.0, convention=MSSSIMLoss().convention).item()
    )
    for loss in (SSIMLoss(), MSSSIMLoss(), MixedLoss()):
        preds = a.clone().requires_grad_()
        loss(preds, b).backward()
        assert preds.grad is not None
        assert bool(torch.isfinite(preds.grad).all())


def test_a_depth_smaller_than_the_window_is_refused_with_all_three_sides() -> None:
    a = torch.zeros(1, 1, 9, 40, 50)
    for function in (ssim, dssim, ssim_map):
        with pytest.raises(ValueError, match=r"\b11\b.*9×40×50"):
            function(a, a, data_range=1.0)
    with pytest.raises(ValueError, match=r"161.*a side; got 90×200×300"):
        ms_ssim(
            torch.zeros(1).expand(1, 1, 90, 200, 300),
            torch.zeros(1).expand(1, 1, 90, 200, 300),
            data_range=1.0,
        )
    with pytest.raises(ValueError, match=r"12×40×50.*SSIMLoss"):
        MSSSIMLoss()(torch.zeros(1, 1, 12, 40, 50), torch.zeros(1, 1, 12, 40, 50))


def test_four_axes_are_pictures_and_no_volume() -> None:
    a, b = tensors((2, 12, 20, 21), seed=14)
    each = [
        ssim(p[None, None], q[None, None], data_range=1.0)
        for x, y in zip(a, b, strict=True)
        for p, q in zip(x, y, strict=True)
    ]
    torch.testing.assert_close(ssim(a, b, data_range=1.0), torch.stack(each).mean())


def test_a_volume_without_slices_is_refused() -> None:
    a = torch.zeros(1, 1, 0, 20, 20)
    with pytest.raises(ValueError, match="pixels"):
        ssim(a, a, data_range=1.0)


def test_an_empty_batch_of_volumes() -> None:
    a = torch.zeros(0, 1, 20, 20, 20)
    for function in (ssim, mse):
        options: Any = {"data_range": 1.0} if function is ssim else {}
        assert function(a, a, reduction="none", **options).shape == (0,)
