"""Near zero, in half precision, under autocast and with the matrix-product switches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from snellen.metrics import (
    dssim,
    mae,
    ms_dssim,
    ms_ssim,
    ms_ssim_map,
    mse,
    psnr,
    ssim,
    ssim_map,
)
from snellen.metrics.conventions import POSTER, WANG, Convention

from . import oracle
from .cases import SMALL, SMALL_READINGS, options_of, scene, tensors

# A variance E[a²] − A² in single precision is off by some 6e-8·a², and stands beside 2·C2 = 1.8e-3:
# 3e-5 where a = 1. The textbook form is off by half at 5e-7 and has lost every digit at 1e-8.
RELATIVE = 5e-5

HALVES = [torch.float16, torch.bfloat16]
MEASURES: dict[str, Callable[..., Tensor]] = {
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "dssim": dssim,
    "ms_dssim": ms_dssim,
    "mse": mse,
    "mae": mae,
    "psnr": psnr,
}
STRUCTURAL = ["ssim", "ms_ssim", "dssim", "ms_dssim"]


def measure(name: str, preds: Tensor, target: Tensor, convention: Convention = SMALL) -> Tensor:
    if name in STRUCTURAL:
        return MEASURES[name](preds, target, data_range=1.0, convention=convention)
    if name == "psnr":
        return psnr(preds, target, data_range=1.0)
    return MEASURES[name](preds, target)


def differences(kind: str, target: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(31)
    noise = random.standard_normal(target.shape)
    spot = np.zeros_like(target)
    spot[..., 10:13, 10:13] = 1
    return {"noise": noise, "shift": np.ones_like(target), "spot": spot, "gain": target}[kind]


def near(
    kind: str, size: float, backdrop: str, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """A picture and one that differs by some `size`, already rounded to `dtype`."""
    target = scene((2, 25, 31), seed=32)
    if backdrop == "bright":
        target = 0.98 + 0.02 * target
    elif backdrop == "black and white":
        target = (target > np.median(target)).astype(float)
    preds = target + size * differences(kind, target)
    return torch.from_numpy(preds)[None].to(dtype), torch.from_numpy(target)[None].to(dtype)


@pytest.mark.parametrize("backdrop", ["scene", "bright", "black and white"])
@pytest.mark.parametrize("size", [1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("kind", ["noise", "shift", "spot", "gain"])
def test_dssim_near_zero_is_right_to_relative_precision(
    kind: str, size: float, backdrop: str
) -> None:
    preds, target = near(kind, size, backdrop)
    a, b = (image[0].double().numpy() for image in (preds, target))
    expected = oracle.dssim(a, b, 1.0, options_of(WANG))
    assert expected < 0.5
    value = dssim(preds, target, data_range=1.0)
    assert value.item() == pytest.approx(expected, rel=RELATIVE, abs=0)


@pytest.mark.parametrize("backdrop", ["scene", "bright", "black and white"])
@pytest.mark.parametrize("size", [1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("kind", ["noise", "shift", "spot", "gain"])
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_ms_dssim_near_zero_is_right_to_relative_precision(
    reading: str, kind: str, size: float, backdrop: str
) -> None:
    preds, target = near(kind, size, backdrop)
    a, b = (image[0].double().numpy() for image in (preds, target))
    convention = SMALL_READINGS[reading]
    expected = oracle.ms_dssim(a, b, 1.0, options_of(convention))
    value = ms_dssim(preds, target, data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, rel=RELATIVE, abs=0)


@pytest.mark.parametrize("border", ["reflect", "replicate", "zeros"])
@pytest.mark.parametrize("kind", ["noise", "shift", "spot", "gain"])
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_no_border_costs_a_bright_picture_its_digits(reading: str, kind: str, border: str) -> None:
    preds, target = near(kind, 1e-5, "bright")
    a, b = (image[0].double().numpy() for image in (preds, target))
    convention = replace(SMALL_READINGS[reading], border=border)
    expected = oracle.ms_dssim(a, b, 1.0, options_of(convention))
    value = ms_dssim(preds, target, data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, rel=RELATIVE, abs=0)


def test_in_float64_a_distance_of_1e_17_keeps_its_digits() -> None:
    preds, target = near("noise", 1e-9, "scene", torch.float64)
    expected = oracle.dssim(preds[0].numpy(), target[0].numpy(), 1.0, options_of(WANG))
    assert expected < 1e-15
    value = dssim(preds, target, data_range=1.0)
    assert value.item() == pytest.approx(expected, rel=1e-9, abs=0)


def test_the_gradient_near_zero_is_right_to_relative_precision() -> None:
    preds, target = near("noise", 1e-4, "scene")
    slopes = []
    for dtype in (torch.float32, torch.float64):
        slope, _ = gradients("ms_dssim", preds.to(dtype), target.to(dtype))
        slopes.append(slope.double())
    single, double = slopes
    torch.testing.assert_close(single, double, rtol=0, atol=1e-4 * double.abs().max().item())


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", MEASURES)
def test_half_inputs_give_the_float32_value(name: str, dtype: torch.dtype) -> None:
    preds, target = tensors((2, 3, 21, 26), seed=33, dtype=dtype)
    value = measure(name, preds, target)
    assert value.dtype == torch.float32
    assert torch.equal(value, measure(name, preds.float(), target.float()))


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_half_inputs_give_the_float32_value_in_every_reading(
    reading: str, dtype: torch.dtype
) -> None:
    preds, target = tensors((2, 3, 21, 26), seed=33, dtype=dtype)
    for name in STRUCTURAL:
        value = measure(name, preds, target, SMALL_READINGS[reading])
        expected = measure(name, preds.float(), target.float(), SMALL_READINGS[reading])
        assert torch.equal(value, expected)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_half_inputs_give_float32_maps(dtype: torch.dtype) -> None:
    preds, target = tensors((2, 3, 21, 26), seed=33, dtype=dtype)
    for function, convention in ((ssim_map, SMALL), (ms_ssim_map, SMALL_READINGS["pixels"])):
        value = function(preds, target, data_range=1.0, convention=convention)
        expected = function(preds.float(), target.float(), data_range=1.0, convention=convention)
        assert value.dtype == torch.float32
        assert torch.equal(value, expected)


def gradients(
    name: str, preds: Tensor, target: Tensor, convention: Convention = SMALL
) -> tuple[Tensor, ...]:
    inputs = tuple(t.detach().clone().requires_grad_() for t in (preds, target))
    return torch.autograd.grad(measure(name, *inputs, convention), inputs)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", MEASURES)
def test_half_inputs_get_the_float32_gradient_rounded(name: str, dtype: torch.dtype) -> None:
    preds, target = tensors((2, 3, 21, 26), seed=33, dtype=dtype)
    halves = gradients(name, preds, target)
    singles = gradients(name, preds.float(), target.float())
    for half, single in zip(halves, singles, strict=True):
        assert half.dtype == dtype
        assert torch.equal(half, single.to(dtype))


@pytest.mark.parametrize("cast", HALVES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES], ids=str)
@pytest.mark.parametrize("name", MEASURES)
def test_autocast_changes_nothing(name: str, dtype: torch.dtype, cast: torch.dtype) -> None:
    preds, target = tensors((2, 3, 21, 26), seed=34, dtype=dtype)
    expected, expected_slopes = measure(name, preds, target), gradients(name, preds, target)
    with torch.autocast("cpu", cast):
        value = measure(name, preds, target)
        slopes = gradients(name, preds, target)  # backward called inside autocast
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)
    for slope, expected_slope in zip(slopes, expected_slopes, strict=True):
        assert torch.equal(slope, expected_slope)


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_autocast_changes_no_reading(reading: str) -> None:
    convention = SMALL_READINGS[reading]
    preds, target = tensors((2, 3, 21, 26), seed=34, dtype=torch.float32)
    expected = gradients("ms_dssim", preds, target, convention)
    with torch.autocast("cpu", torch.bfloat16):
        slopes = gradients("ms_dssim", preds, target, convention)
    for slope, expected_slope in zip(slopes, expected, strict=True):
        assert torch.equal(slope, expected_slope)


@pytest.mark.parametrize("name", STRUCTURAL)
def test_autocast_changes_no_second_derivative(name: str) -> None:
    preds, target = tensors((1, 1, 21, 22), seed=35, dtype=torch.float32)

    def curvature() -> Tensor:
        p = preds.clone().requires_grad_()
        (slope,) = torch.autograd.grad(measure(name, p, target), p, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum(), p)
        return second

    expected = curvature()
    with torch.autocast("cpu", torch.bfloat16):
        value = curvature()
    assert torch.equal(value, expected)


@pytest.fixture(params=["medium", "high"])
def rounded_products(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield
    torch.set_float32_matmul_precision(before)


@pytest.fixture(params=["matmul", "conv", "all"])
def rounded_backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """The per-backend switches that let the CPU compute float32 products in bfloat16."""
    backend = torch.backends.mkldnn
    part = backend if request.param == "all" else getattr(backend, request.param)
    before = part.fp32_precision
    part.fp32_precision = "bf16"
    yield
    part.fp32_precision = before


def value_and_gradients(name: str, reading: str, dtype: torch.dtype) -> list[Tensor]:
    # Large enough for oneDNN to take a product over.
    preds, target = tensors((2, 3, 64, 67), seed=36, dtype=torch.float32)
    preds, target = preds.to(dtype), target.to(dtype)
    convention = SMALL_READINGS[reading]
    value = measure(name, preds, target, convention)
    return [value, *gradients(name, preds, target, convention)]


def check_against_float64(name: str, reading: str) -> None:
    singles = value_and_gradients(name, reading, torch.float32)
    doubles = value_and_gradients(name, reading, torch.float64)
    for single, double in zip(singles, doubles, strict=True):
        # One product in bfloat16 would make this 1e-2, in TF32 1e-3.
        assert (single.double() - double).norm() <= 5e-6 * double.norm()


@pytest.mark.parametrize("reading", SMALL_READINGS)
@pytest.mark.parametrize("name", ["dssim", "ms_dssim"])
def test_single_precision_is_right_to_five_digits(name: str, reading: str) -> None:
    check_against_float64(name, reading)


@pytest.mark.usefixtures("rounded_products")
@pytest.mark.parametrize("reading", SMALL_READINGS)
@pytest.mark.parametrize("name", ["dssim", "ms_dssim"])
def test_reduced_matmul_precision_reduces_nothing_here(name: str, reading: str) -> None:
    check_against_float64(name, reading)


@pytest.mark.usefixtures("rounded_backend")
@pytest.mark.parametrize("name", ["dssim", "ms_dssim"])
def test_backend_switches_reduce_nothing_here(name: str) -> None:
    check_against_float64(name, "levels")


@pytest.mark.parametrize("convention", [WANG, POSTER], ids=["wang", "poster"])
def test_single_precision_is_float64_to_six_digits(convention: Convention) -> None:
    convention = replace(convention, levels="auto")
    preds, target = tensors((1, 3, 96, 96), seed=37)
    for name in STRUCTURAL:
        single = measure(name, preds.float(), target.float(), convention)
        exact = measure(name, preds.float().double(), target.float().double(), convention)
        torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_bright_flat_pictures_in_half_precision(dtype: torch.dtype) -> None:
    # E[x²] − μ² in half precision is noise here: variances are 1e-5, squares 1.
    preds, target = (0.95 + 0.05 * image for image in tensors((1, 1, 40, 40), seed=38))
    preds, target = preds.to(dtype), target.to(dtype)
    a, b = (image[0].double().numpy() for image in (preds, target))
    expected = oracle.ssim(a, b, 1.0, options_of(WANG))
    with torch.autocast("cpu", torch.bfloat16):
        value = ssim(preds, target, data_range=1.0)
    assert value.item() == pytest.approx(expected, abs=2e-6)
