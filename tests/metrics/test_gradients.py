"""Gradients: gradcheck and gradgradcheck in every reading and policy, finite everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from snellen.metrics import dssim, mae, ms_dssim, ms_ssim, ms_ssim_map, mse, psnr, ssim
from snellen.metrics.conventions import WANG, Convention

from .cases import BORDERS, POLICIES, SMALL, SMALL_READINGS, scene, tensors

# Three taps: two levels fit on 5×6 pixels, small enough for numerical second derivatives.
TINY = replace(WANG, window_size=3, sigma=1.0, levels=2)
TINY_READINGS = {
    "levels": TINY,
    "pixels": replace(TINY, reading="pixels", border="replicate"),
    "sigmas": replace(TINY, reading="sigmas", border="replicate", sigmas=(0.5, 0.9)),
}


def tiny_pair(*, anticorrelated: bool = False) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(3)
    target = random.random((1, 1, 5, 6))
    preds = np.clip(0.7 * target + 0.3 * random.random(target.shape), 0, 1)
    if anticorrelated:
        preds = 1 - preds
    return (
        torch.from_numpy(preds).requires_grad_(),
        torch.from_numpy(target).requires_grad_(),
    )


@pytest.mark.parametrize("reading", TINY_READINGS)
@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("anticorrelated", [False, True])
@pytest.mark.parametrize("function", [ms_ssim, ms_dssim])
def test_first_and_second_derivatives_of_ms_ssim(
    reading: str, negative: str, anticorrelated: bool, function: Callable[..., Tensor]
) -> None:
    convention = replace(TINY_READINGS[reading], negative=negative)
    inputs = tiny_pair(anticorrelated=anticorrelated)

    def measure(preds: Tensor, target: Tensor) -> Tensor:
        return function(preds, target, data_range=1.0, convention=convention)

    assert torch.autograd.gradcheck(measure, inputs)
    assert torch.autograd.gradgradcheck(measure, inputs)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("window", ["gaussian", "uniform"])
@pytest.mark.parametrize("covariance", ["population", "sample"])
@pytest.mark.parametrize("function", [ssim, dssim])
def test_first_and_second_derivatives_of_ssim(
    border: str, window: str, covariance: str, function: Callable[..., Tensor]
) -> None:
    convention = replace(TINY, border=border, window=window, covariance=covariance)

    def measure(preds: Tensor, target: Tensor) -> Tensor:
        return function(preds, target, data_range=1.0, convention=convention)

    assert torch.autograd.gradcheck(measure, tiny_pair())
    assert torch.autograd.gradgradcheck(measure, tiny_pair())


@pytest.mark.parametrize("odd_sizes", ["keep", "drop"])
@pytest.mark.parametrize("channel_order", ["product-then-mean", "mean-then-product"])
@pytest.mark.parametrize("reading", ["levels", "pixels"])
def test_derivatives_at_odd_sizes_and_in_both_channel_orders(
    odd_sizes: str, channel_order: str, reading: str
) -> None:
    convention = replace(
        TINY_READINGS[reading], odd_sizes=odd_sizes, channel_order=channel_order, negative="smooth"
    )
    random = np.random.default_rng(4)
    inputs = tuple(torch.from_numpy(random.random((1, 2, 7, 6))).requires_grad_() for _ in range(2))

    def measure(preds: Tensor, target: Tensor) -> Tensor:
        return ms_ssim(preds, target, data_range=1.0, convention=convention, reduction="none")

    assert torch.autograd.gradcheck(measure, inputs)
    assert torch.autograd.gradgradcheck(measure, inputs)


@pytest.mark.parametrize("reading", ["pixels", "sigmas"])
def test_derivatives_of_the_map(reading: str) -> None:
    convention = TINY_READINGS[reading]

    def measure(preds: Tensor, target: Tensor) -> Tensor:
        return ms_ssim_map(preds, target, data_range=1.0, convention=convention)

    assert torch.autograd.gradcheck(measure, tiny_pair())
    assert torch.autograd.gradgradcheck(measure, tiny_pair(), gen_non_contig_grad_outputs=True)


@pytest.mark.parametrize("function", [mse, mae, psnr])
def test_derivatives_of_the_pointwise_measures(function: Callable[..., Tensor]) -> None:
    def measure(preds: Tensor, target: Tensor) -> Tensor:
        ranged = {"data_range": 1.0} if function is psnr else {}
        return function(preds, target, **ranged)

    assert torch.autograd.gradcheck(measure, tiny_pair())
    assert torch.autograd.gradgradcheck(measure, tiny_pair())


def gradient(measure: Callable[[Tensor], Tensor], preds: Tensor) -> Tensor:
    preds = preds.clone().requires_grad_()
    value = measure(preds)
    assert torch.isfinite(value).all()
    (slope,) = torch.autograd.grad(value.sum(), preds)
    return slope


def starts(dtype: torch.dtype) -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs at which a careless implementation divides by zero or takes the root of zero."""
    target = torch.from_numpy(scene((1, 1, 24, 25), seed=21)).to(dtype)
    half = torch.full_like(target, 0.5)
    checker = ((torch.arange(24)[:, None] + torch.arange(25)) % 2).to(dtype)[None, None]
    noise = torch.rand(target.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    return {
        "identical": (target, target),
        "negative": (1 - target, target),
        "flat": (half, target),
        "black": (torch.zeros_like(target), target),
        "both flat": (half, 0.2 * torch.ones_like(target)),
        "both black": (torch.zeros_like(target), torch.zeros_like(target)),
        "checkerboard against its negative": (checker, 1 - checker),
        "opposite signs": (-target - 1, target + 1),
        "noise": (noise, target),
        "far out of range": (1000 * target, target),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("start", starts(torch.float64))
@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("exponents", ["wang", "ones"])
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_value_and_gradient_are_finite(
    reading: str, exponents: str, negative: str, start: str, dtype: torch.dtype
) -> None:
    preds, target = starts(dtype)[start]
    convention = replace(SMALL_READINGS[reading], exponents=exponents, negative=negative)
    for function in (ms_ssim, ms_dssim):
        slope = gradient(
            lambda p, f=function: f(p, target, data_range=1.0, convention=convention), preds
        )
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_second_derivatives_are_finite_at_flat_and_identical_pictures(
    reading: str, negative: str
) -> None:
    convention = replace(SMALL_READINGS[reading], negative=negative)
    for start in ("identical", "both flat", "flat", "negative"):
        preds, target = starts(torch.float64)[start]
        preds = preds.clone().requires_grad_()
        value = ms_dssim(preds, target, data_range=1.0, convention=convention)
        (slope,) = torch.autograd.grad(value, preds, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.square().sum() + slope.sum(), preds)
        assert torch.isfinite(curvature).all(), start


@pytest.mark.parametrize("reading", SMALL_READINGS)
@pytest.mark.parametrize("exponents", ["wang", "ones"])
def test_the_smooth_policy_has_a_gradient_on_the_negative(reading: str, exponents: str) -> None:
    preds, target = starts(torch.float32)["negative"]
    convention = replace(SMALL_READINGS[reading], exponents=exponents, negative="smooth")
    slope = gradient(lambda p: ms_dssim(p, target, data_range=1.0, convention=convention), preds)
    assert (slope != 0).float().mean() > 0.9


@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("reading", SMALL_READINGS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_identical_pictures_have_distance_and_gradient_exactly_zero(
    reading: str, negative: str, dtype: torch.dtype
) -> None:
    convention: Convention = replace(SMALL_READINGS[reading], negative=negative)
    target = torch.from_numpy(scene((2, 3, 21, 23), seed=22)).to(dtype)
    for function in (dssim, ms_dssim):
        preds, other = target.clone().requires_grad_(), target.clone().requires_grad_()
        value = function(preds, other, data_range=1.0, convention=convention)
        value.backward()
        assert value.item() == 0
        assert preds.grad is not None
        assert other.grad is not None
        assert not preds.grad.any()
        assert not other.grad.any()


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_identical_pictures_have_similarity_exactly_one(reading: str) -> None:
    target = torch.from_numpy(scene((2, 3, 21, 23), seed=22)).float()
    for function in (ssim, ms_ssim):
        value = function(target, target, data_range=1.0, convention=SMALL_READINGS[reading])
        assert value.item() == 1


def test_swapping_the_pictures_swaps_the_gradients() -> None:
    preds, target = tensors((1, 2, 20, 21), seed=23)
    preds.requires_grad_()
    target.requires_grad_()
    forward = torch.autograd.grad(
        ms_dssim(preds, target, data_range=1.0, convention=SMALL), (preds, target)
    )
    backward = torch.autograd.grad(
        ms_dssim(target, preds, data_range=1.0, convention=SMALL), (target, preds)
    )
    for one, other in zip(forward, reversed(backward), strict=True):
        torch.testing.assert_close(one, other)
