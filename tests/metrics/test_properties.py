"""What holds for every pair of pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snellen.metrics import dssim, mae, ms_dssim, ms_ssim, mse, psnr, ssim, ssim_map

from .cases import BORDERS, POLICIES, SMALL, SMALL_READINGS, scene

PROPERTY = settings(max_examples=40, deadline=None, derandomize=True)

conventions = st.builds(
    lambda reading, border, covariance, negative: replace(
        SMALL_READINGS[reading],
        border=border if reading == "levels" or border != "valid" else "replicate",
        covariance=covariance,
        negative=negative,
    ),
    st.sampled_from(sorted(SMALL_READINGS)),
    st.sampled_from(BORDERS),
    st.sampled_from(["population", "sample"]),
    st.sampled_from(POLICIES),
)


@st.composite
def pictures(draw: st.DrawFn, *, count: int = 2) -> list[Tensor]:
    """Pictures of one odd or even shape in [0, 1]: noise, scenes, flat ones, few gray levels."""
    shape = (
        draw(st.integers(1, 2)),
        draw(st.integers(1, 3)),
        draw(st.integers(17, 24)),
        draw(st.integers(17, 24)),
    )
    made = []
    for _ in range(count):
        seed = draw(st.integers(0, 2**20))
        random = np.random.default_rng(seed)
        kind = draw(st.sampled_from(["noise", "scene", "flat", "binary"]))
        if kind == "noise":
            picture = random.random(shape)
        elif kind == "scene":
            picture = scene(shape, seed)
        elif kind == "flat":
            picture = np.full(shape, random.random())
        else:
            picture = random.integers(0, 2, shape).astype(np.float64)
        made.append(torch.from_numpy(picture))
    return made


@PROPERTY
@given(pictures(), conventions, st.sampled_from([torch.float32, torch.float64]))
def test_ssim_lies_between_minus_one_and_one(
    pair: list[Tensor], convention: object, dtype: torch.dtype
) -> None:
    a, b = (t.to(dtype) for t in pair)
    for value in (
        ssim(a, b, data_range=1.0, convention=convention, reduction="none"),
        ssim_map(a, b, data_range=1.0, convention=convention),
    ):
        assert (value <= 1).all()
        assert (value >= -1 - 1e-6).all()
    assert (dssim(a, b, data_range=1.0, convention=convention) >= 0).all()


@PROPERTY
@given(pictures(), conventions, st.sampled_from([torch.float32, torch.float64]))
def test_ms_ssim_is_at_most_one_and_its_distance_never_negative(
    pair: list[Tensor], convention: object, dtype: torch.dtype
) -> None:
    a, b = (t.to(dtype) for t in pair)
    value = ms_ssim(a, b, data_range=1.0, convention=convention, reduction="none")
    distance = ms_dssim(a, b, data_range=1.0, convention=convention, reduction="none")
    assert (value <= 1).all()
    assert (value >= -1 - 1e-6).all()
    assert (distance >= 0).all()


@PROPERTY
@given(pictures(count=1), conventions)
def test_a_picture_is_at_distance_exactly_zero_from_itself(
    single: list[Tensor], convention: object
) -> None:
    (a,) = single
    for dtype in (torch.float32, torch.float64):
        x = a.to(dtype)
        assert dssim(x, x, data_range=1.0, convention=convention) == 0
        assert ms_dssim(x, x, data_range=1.0, convention=convention) == 0
        assert ssim(x, x, data_range=1.0, convention=convention) == 1
        assert ms_ssim(x, x, data_range=1.0, convention=convention) == 1


@PROPERTY
@given(pictures(), conventions)
def test_every_measure_is_symmetric(pair: list[Tensor], convention: object) -> None:
    a, b = pair
    for function in (ssim, dssim, ms_ssim, ms_dssim):
        there = function(a, b, data_range=1.0, convention=convention)
        back = function(b, a, data_range=1.0, convention=convention)
        torch.testing.assert_close(there, back, rtol=1e-12, atol=1e-14)
    assert mse(a, b) == mse(b, a)
    assert mae(a, b) == mae(b, a)
    assert psnr(a, b, data_range=1.0) == psnr(b, a, data_range=1.0)


@PROPERTY
@given(pictures(), conventions, st.sampled_from([1e-3, 0.5, 255.0, 65535.0]))
def test_pictures_and_range_scaled_together_change_nothing(
    pair: list[Tensor], convention: object, scale: float
) -> None:
    a, b = pair
    for function in (dssim, ms_dssim):
        expected = function(a, b, data_range=1.0, convention=convention)
        value = function(scale * a, scale * b, data_range=scale, convention=convention)
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)


@PROPERTY
@given(pictures(), conventions)
def test_mirrored_pictures_measure_the_same(pair: list[Tensor], convention: object) -> None:
    # Where no side is odd: an odd last row is at the other end after mirroring.
    a, b = (t[..., :16, :16].repeat(1, 1, 2, 2)[..., :20, :20] for t in pair)
    for flip in ((2,), (3,), (2, 3)):
        value = ms_dssim(a.flip(flip), b.flip(flip), data_range=1.0, convention=convention)
        expected = ms_dssim(a, b, data_range=1.0, convention=convention)
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)


@PROPERTY
@given(pictures(), conventions)
def test_transposed_pictures_measure_the_same(pair: list[Tensor], convention: object) -> None:
    a, b = pair
    for function in (dssim, ms_dssim):
        value = function(a.mT, b.mT, data_range=1.0, convention=convention)
        expected = function(a, b, data_range=1.0, convention=convention)
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)


@PROPERTY
@given(pictures(), conventions)
def test_value_and_gradient_are_finite_everywhere(pair: list[Tensor], convention: object) -> None:
    a, b = (t.float() for t in pair)
    a.requires_grad_()
    value = ms_dssim(a, b, data_range=1.0, convention=convention)
    (slope,) = torch.autograd.grad(value, a)
    assert value.isfinite()
    assert slope.isfinite().all()


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_more_noise_is_less_similar_on_average(reading: str) -> None:
    target = torch.from_numpy(scene((8, 1, 24, 24), seed=111))
    noise = torch.from_numpy(np.random.default_rng(112).standard_normal(target.shape))
    convention = replace(SMALL_READINGS[reading], negative="smooth")
    for function in (dssim, ms_dssim):
        distances = [
            function(target + sigma * noise, target, data_range=1.0, convention=convention)
            for sigma in (0.0, 0.01, 0.03, 0.1, 0.3)
        ]
        assert (torch.stack(distances).diff() > 0).all()


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_a_larger_shift_is_less_similar_but_only_by_its_luminance(reading: str) -> None:
    target = torch.from_numpy(0.2 + 0.5 * scene((4, 1, 24, 24), seed=113))
    distances = [
        ms_dssim(target + shift, target, data_range=1.0, convention=SMALL_READINGS[reading])
        for shift in (0.0, 0.02, 0.05, 0.1, 0.2)
    ]
    assert (torch.stack(distances).diff() > 0).all()
    contrast = replace(SMALL, exponents=(0.5, 0.5, 0.0))
    assert ms_dssim(target + 0.2, target, data_range=1.0, convention=contrast) < 1e-12
