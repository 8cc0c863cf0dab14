"""Masks and weight maps: a masked pixel has no influence, on any level, in value or gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snellen import MixedLoss, MSSSIMLoss, SSIMLoss
from snellen.metrics import (
    WANG,
    dssim,
    mae,
    ms_dssim,
    ms_ssim_map,
    mse,
    psnr,
    ssim,
    ssim_components,
    ssim_map,
)

from . import oracle_weighted
from .cases import BORDERS, POLICIES, SMALL, SMALL_READINGS, blob, options_of, tensors

Function = Callable[..., Tensor]
STRUCTURAL: dict[str, Function] = {"dssim": dssim, "ms_dssim": ms_dssim}
POINTWISE: dict[str, Function] = {"mse": mse, "mae": mae, "psnr": psnr}

# Every reading with every border that it can have, both ways with odd sides and channels.
CONVENTIONS = {
    f"{reading}-{border}-{odd}-{order}": replace(
        SMALL_READINGS[reading], border=border, odd_sizes=odd, channel_order=order
    )
    for reading, border, odd, order in itertools.product(
        SMALL_READINGS,
        BORDERS,
        ("keep", "drop"),
        ("product-then-mean", "mean-then-product"),
    )
    if not (reading != "levels" and border == "valid")
    if not (reading == "sigmas" and odd == "drop")
}


def call(function: Function, a: Tensor, b: Tensor, **options: Any) -> Tensor:
    if function in (mse, mae):
        options = {key: options[key] for key in options if key not in ("data_range", "convention")}
    if function is psnr:
        options.pop("convention", None)
    return function(a, b, **options)


# ---- what a weight of the same size everywhere changes: nothing


@pytest.mark.parametrize("weight", [1.0, 0.3, 1e-30])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_constant_weight_changes_nothing(name: str, weight: float) -> None:
    a, b = tensors((2, 2, 21, 23), seed=1)
    mask = torch.full((21, 23), weight, dtype=torch.float64)
    for function in STRUCTURAL.values():
        results = []
        for given in (None, mask):
            preds = a.clone().requires_grad_()
            value = function(
                preds, b, data_range=1.0, convention=CONVENTIONS[name], mask=given, reduction="none"
            )
            results.append((value.detach(), *torch.autograd.grad(value.sum(), preds)))
        for plain, masked in zip(*results, strict=True):
            torch.testing.assert_close(masked, plain, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", POINTWISE)
def test_a_constant_weight_changes_no_pointwise_measure(name: str) -> None:
    a, b = tensors((2, 2, 21, 23), seed=2)
    plain = call(POINTWISE[name], a, b, data_range=1.0)
    masked = call(POINTWISE[name], a, b, data_range=1.0, mask=torch.full((21, 23), 0.3))
    torch.testing.assert_close(masked, plain, rtol=1e-12, atol=0)


# ---- the textbook


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_weights_agree_with_the_textbook(name: str, channels: int) -> None:
    convention = CONVENTIONS[name]
    a, b = tensors((2, 2, 21, 23), seed=3)
    weights = blob((2, channels, 21, 23), seed=3)
    options = options_of(convention)
    for function, textbook in (
        (dssim, oracle_weighted.dssim),
        (ms_dssim, oracle_weighted.ms_dssim),
    ):
        value = function(
            a, b, data_range=1.0, convention=convention, mask=weights, reduction="none"
        )
        expected = [
            textbook(x.numpy(), y.numpy(), w.expand_as(x).numpy(), 1.0, options)
            for x, y, w in zip(a, b, weights, strict=True)
        ]
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_weights_agree_with_the_textbook_on_negatives(reading: str, negative: str) -> None:
    convention = replace(SMALL_READINGS[reading], negative=negative)
    _, b = tensors((1, 1, 22, 21), seed=4)
    a = 1 - b
    weights = blob((1, 1, 22, 21), seed=4)
    value = ms_dssim(a, b, data_range=1.0, convention=convention, mask=weights)
    arrays = (t[0].numpy() for t in (a, b, weights))
    expected = oracle_weighted.ms_dssim(*arrays, 1.0, options_of(convention))
    assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("change", [{"covariance": "sample"}, {"window": "uniform"}, {"k2": 0.1}])
def test_weights_agree_with_the_textbook_under_other_windows(change: dict[str, Any]) -> None:
    convention = replace(SMALL, **change)
    a, b = tensors((1, 2, 21, 23), seed=5)
    weights = blob((1, 2, 21, 23), seed=5)
    for function, textbook in (
        (dssim, oracle_weighted.dssim),
        (ms_dssim, oracle_weighted.ms_dssim),
    ):
        value = function(a, b, data_range=1.0, convention=convention, mask=weights)
        arrays = (t[0].numpy() for t in (a, b, weights))
        expected = textbook(*arrays, 1.0, options_of(convention))
        assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("border", BORDERS)
def test_the_map_agrees_with_the_textbook_and_is_nan_where_nothing_counts(border: str) -> None:
    convention = replace(SMALL, border=border)
    a, b = tensors((1, 2, 21, 23), seed=6)
    weights = blob((1, 2, 21, 23), seed=6)
    value = ssim_map(a, b, data_range=1.0, convention=convention, mask=weights)
    arrays = (t[0].numpy() for t in (a, b, weights))
    expected = 1 - oracle_weighted.dssim_map(*arrays, 1.0, options_of(convention))
    inside = weights[..., 2:-2, 2:-2] if border == "valid" else weights
    expected[inside[0].numpy() == 0] = np.nan
    np.testing.assert_allclose(value[0].numpy(), expected, rtol=1e-11)


@pytest.mark.parametrize("order", ["product-then-mean", "mean-then-product"])
@pytest.mark.parametrize("reading", ["pixels", "sigmas"])
def test_the_multiscale_map_agrees_with_the_textbook(reading: str, order: str) -> None:
    convention = replace(SMALL_READINGS[reading], channel_order=order)
    a, b = tensors((1, 2, 21, 23), seed=7)
    weights = blob((1, 2, 21, 23), seed=7)
    value = ms_ssim_map(a, b, data_range=1.0, convention=convention, mask=weights)
    arrays = (t[0].numpy() for t in (a, b, weights))
    expected = 1 - oracle_weighted.ms_dssim_map(*arrays, 1.0, options_of(convention))
    expected = np.where(weights[0].numpy() > 0, expected, np.nan)
    np.testing.assert_allclose(value[0].numpy(), expected, rtol=1e-9)


def test_pointwise_measures_are_weighted_means() -> None:
    a, b = tensors((2, 2, 21, 23), seed=8)
    weights = blob((2, 1, 21, 23), seed=8)
    difference = (a - b).numpy()
    each = [np.average(d**2, weights=w) for d, w in zip(difference, _like(weights, a), strict=True)]
    absolute = [
        np.average(abs(d), weights=w) for d, w in zip(difference, _like(weights, a), strict=True)
    ]
    none: Any = {"mask": weights, "reduction": "none"}
    np.testing.assert_allclose(mse(a, b, **none).numpy(), each, rtol=1e-12)
    np.testing.assert_allclose(mae(a, b, **none).numpy(), absolute, rtol=1e-12)
    decibels = psnr(a, b, data_range=2.0, **none).numpy()
    np.testing.assert_allclose(decibels, 10 * np.log10(4 / np.array(each)), rtol=1e-12)


def _like(weights: Tensor, a: Tensor) -> Any:
    return weights.expand_as(a).numpy()


# ---- a crop


def test_windows_inside_a_selected_rectangle_are_those_of_the_crop() -> None:
    a, b = tensors((1, 1, 40, 44), seed=9)
    mask = torch.zeros(40, 44, dtype=torch.bool)
    mask[8:31, 9:36] = True
    masked = ssim_map(a, b, data_range=1.0, mask=mask)
    crop = ssim_map(a[..., 8:31, 9:36], b[..., 8:31, 9:36], data_range=1.0)
    # Position (i, j) of the map is the window around pixel (i + 5, j + 5).
    torch.testing.assert_close(masked[..., 8:21, 9:26], crop, rtol=1e-11, atol=0)


def test_a_selected_rectangle_measures_about_what_its_crop_does() -> None:
    a, b = tensors((1, 1, 120, 130), seed=10)
    mask = torch.zeros(120, 130)
    mask[16:104, 16:112] = 1
    convention = replace(WANG, levels=3)
    crop = (a[..., 16:104, 16:112], b[..., 16:104, 16:112])
    for function in STRUCTURAL.values():
        masked = function(a, b, data_range=1.0, convention=convention, mask=mask)
        assert masked.item() == pytest.approx(
            function(*crop, data_range=1.0, convention=convention).item(), rel=0.05
        )
    assert mse(a, b, mask=mask).item() == pytest.approx(mse(*crop).item(), rel=1e-12)


# ---- what lies under the mask


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_what_lies_under_the_mask_does_not_matter_bit_for_bit(
    name: str, dtype: torch.dtype
) -> None:
    a, b = tensors((2, 2, 21, 23), seed=11, dtype=dtype)
    mask = blob((2, 1, 21, 23), seed=11) > 0
    hidden = ~mask.expand_as(a)
    results = []
    for junk in (0.0, 7.0, float("nan"), float("inf"), -float("inf")):
        preds, target = (torch.where(hidden, junk, t).requires_grad_() for t in (a, b))
        value = ms_dssim(
            preds, target, data_range=1.0, convention=CONVENTIONS[name], mask=mask, reduction="none"
        )
        results.append((value.detach(), *torch.autograd.grad(value.sum(), (preds, target))))
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            assert torch.equal(found, expected)
    _, *gradients = results[0]
    for gradient in gradients:
        assert bool((gradient[hidden] == 0).all())
        assert bool((gradient[~hidden] != 0).any())


@pytest.mark.parametrize("name", [*STRUCTURAL, *POINTWISE])
def test_hidden_nan_and_infinity_leave_value_and_gradient_finite(name: str) -> None:
    a, b = tensors((2, 1, 21, 23), seed=12)
    mask = blob((1, 1, 21, 23), seed=12) > 0
    a[0, 0, 5, 7], b[1, 0, 5, 8] = float("nan"), float("inf")
    preds = a.requires_grad_()
    function = (STRUCTURAL | POINTWISE)[name]
    value = call(function, preds, b, data_range=1.0, convention=SMALL, mask=mask)
    (gradient,) = torch.autograd.grad(value, preds)
    assert bool(torch.isfinite(value))
    assert bool(torch.isfinite(gradient).all())
    assert bool((gradient[~mask.expand_as(gradient)] == 0).all())


@pytest.mark.parametrize("name", CONVENTIONS)
def test_pictures_that_differ_only_under_the_mask_are_identical(name: str) -> None:
    a, _ = tensors((1, 2, 21, 23), seed=13, dtype=torch.float32)
    mask = blob((1, 2, 21, 23), seed=13) > 0
    b = torch.where(mask, a, 1 - a).requires_grad_()
    value = ms_dssim(a, b, data_range=1.0, convention=CONVENTIONS[name], mask=mask)
    assert value.item() == 0
    assert not torch.autograd.grad(value, b)[0].any()


def test_a_visible_bad_pixel_is_still_nan() -> None:
    a, b = tensors((2, 1, 21, 23), seed=14)
    mask = blob((1, 1, 21, 23), seed=14) > 0
    mask[..., 15, 18] = True
    a[1, 0, 15, 18] = float("inf")
    for function in STRUCTURAL.values():
        value = function(a, b, data_range=1.0, convention=SMALL, mask=mask, reduction="none")
        assert value.isnan().tolist() == [False, True]


# ---- gradients


@pytest.mark.parametrize("order", ["product-then-mean", "mean-then-product"])
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_gradients_of_first_and_second_order(reading: str, order: str) -> None:
    convention = replace(
        SMALL_READINGS[reading],
        window_size=3,
        levels=2,
        sigmas=(0.4, 0.5),
        channel_order=order,
        border="replicate",
    )
    a, b = tensors((1, 2, 7, 6), seed=15)
    weights = torch.rand(1, 2, 7, 6, generator=torch.Generator().manual_seed(15))
    weights[..., 2:4, 1:4] = 0

    def function(preds: Tensor, target: Tensor) -> Tensor:
        return ms_dssim(preds, target, data_range=1.0, convention=convention, mask=weights)

    inputs = (a.requires_grad_(), b.requires_grad_())
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


# ---- precision and batches


@pytest.mark.parametrize("name", CONVENTIONS)
def test_float32_keeps_its_digits_near_zero(name: str) -> None:
    a, b = tensors((1, 1, 41, 43), seed=17, noise=0, dtype=torch.float32)
    a = b + 1e-4 * torch.randn(b.shape, generator=torch.Generator().manual_seed(17))
    mask = blob((1, 1, 41, 43), seed=17)
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name], "mask": mask}
    for function in STRUCTURAL.values():
        value = function(a, b, **options).item()
        assert value == pytest.approx(function(a.double(), b.double(), **options).item(), rel=5e-5)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_each_picture_of_a_batch_is_measured_by_itself(name: str) -> None:
    a, b = tensors((3, 2, 21, 23), seed=18)
    mask = blob((3, 1, 21, 23), seed=18) * torch.tensor([1.0, 0.1, 50.0]).view(3, 1, 1, 1)
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name], "reduction": "none"}
    for function in STRUCTURAL.values():
        each = function(a, b, mask=mask, **options)
        alone = [
            function(a[i : i + 1], b[i : i + 1], mask=mask[i : i + 1], **options) for i in range(3)
        ]
        torch.testing.assert_close(each, torch.cat(alone), rtol=1e-12, atol=1e-14)


# ---- NaN on request


@pytest.mark.parametrize("name", [*STRUCTURAL, *POINTWISE])
def test_nan_pixels_are_masked_on_request_and_only_then(name: str) -> None:
    a, b = tensors((2, 2, 21, 23), seed=19)
    a[0, 0, 3, 4] = float("nan")
    b[1, 1, 9, 9] = float("nan")
    mask = ~(a.isnan() | b.isnan())
    options: Any = {"data_range": 1.0, "convention": SMALL, "reduction": "none"}
    function = (STRUCTURAL | POINTWISE)[name]
    assert call(function, a, b, **options).isnan().all()
    value = call(function, a, b, nan="mask", **options)
    assert torch.equal(value, call(function, a, b, mask=mask, **options))
    both = blob((1, 1, 21, 23), seed=19) > 0
    value = call(function, a, b, nan="mask", mask=both, **options)
    assert torch.equal(value, call(function, a, b, mask=mask & both, **options))


# ---- losses, maps and dtypes


def test_the_losses_take_a_mask() -> None:
    a, b = tensors((2, 1, 48, 50), seed=33)
    mask = blob((2, 1, 48, 50), seed=33)
    for loss, function in ((SSIMLoss(), dssim), (MSSSIMLoss(), ms_dssim)):
        expected = function(a, b, data_range=1.0, convention=loss.convention, mask=mask)
        assert torch.equal(loss(a, b, mask), expected)
        assert not torch.equal(loss(a, b), expected)
    mixed = MixedLoss(alpha=0.25)
    expected = 0.25 * mixed.structural(a, b, mask) + 0.75 * mae(a, b, mask=mask)
    torch.testing.assert_close(mixed(a, b, mask), expected)


def test_the_losses_mask_nan_on_request() -> None:
    a, b = tensors((2, 1, 48, 50), seed=34)
    b[0, 0, 7, 7] = float("nan")
    mask = ~b.isnan()
    for make in (SSIMLoss, MSSSIMLoss, MixedLoss):
        assert make()(a, b).isnan()
        assert torch.equal(make(nan="mask")(a, b), make()(a, b, mask))


def test_the_mean_of_a_masked_map_is_the_measure() -> None:
    a, b = tensors((1, 2, 21, 23), seed=35)
    mask = blob((1, 2, 21, 23), seed=35) > 0
    value = ssim_map(a, b, data_range=1.0, convention=SMALL, mask=mask).nanmean()
    torch.testing.assert_close(value, ssim(a, b, data_range=1.0, convention=SMALL, mask=mask))


def test_masked_components_multiply_to_the_masked_map() -> None:
    a, b = tensors((1, 2, 21, 23), seed=36)
    weights = blob((1, 2, 21, 23), seed=36)
    options: Any = {"data_range": 1.0, "convention": SMALL, "mask": weights}
    luminance, contrast, structure = ssim_components(a, b, **options)
    torch.testing.assert_close(
        luminance * contrast * structure,
        ssim_map(a, b, **options),
        rtol=1e-9,
        atol=0,
        equal_nan=True,
    )


def test_a_bool_mask_is_a_mask_of_ones_and_zeros() -> None:
    a, b = tensors((1, 1, 21, 23), seed=37, dtype=torch.float32)
    mask = blob((21, 23), seed=37) > 0
    for dtype in (torch.float16, torch.float64):
        assert torch.equal(
            ssim(a, b, data_range=1.0, mask=mask), ssim(a, b, data_range=1.0, mask=mask.to(dtype))
        )
