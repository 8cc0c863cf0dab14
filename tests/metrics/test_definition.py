"""SSIM and MS-SSIM against the textbook in float64, at odd sizes, in every reading and policy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

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
from .cases import BORDERS, POLICIES, SMALL, SMALL_READINGS, options_of, pair, tensors

# Two float64 computations of one number: some 1e-16 per term, divided by C2 = 9e-4.
ABSOLUTE = 1e-12

WINDOWS = {
    "gaussian-11": {},
    "gaussian-7": {"window_size": 7, "sigma": 2.0},
    "uniform-7": {"window": "uniform", "window_size": 7},
    "uniform-1": {"window": "uniform", "window_size": 1},
}
NO_COVARIANCE = ("uniform-1", "sample")  # n/(n − 1) of one pixel
SIZES = [(1, 23, 34), (3, 17, 21), (2, 11, 40)]


def batch_of(a: np.ndarray, b: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(a)[None], torch.from_numpy(b)[None]


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(
    ("window", "covariance"),
    [(w, c) for w in WINDOWS for c in ("population", "sample") if (w, c) != NO_COVARIANCE],
)
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_ssim_is_the_textbooks(
    shape: tuple[int, ...], window: str, covariance: str, border: str
) -> None:
    convention = replace(WANG, border=border, covariance=covariance, **WINDOWS[window])
    a, b = pair(shape, seed=1)
    expected = oracle.ssim(a, b, 1.0, options_of(convention))
    value = ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


@pytest.mark.parametrize("border", BORDERS)
def test_ssim_map_is_the_textbooks(border: str) -> None:
    convention = replace(WANG, border=border)
    a, b = pair((2, 19, 26), seed=2)
    expected = 1 - oracle.dssim_map(a, b, 1.0, options_of(convention))
    value = ssim_map(*batch_of(a, b), data_range=1.0, convention=convention)
    np.testing.assert_allclose(value[0].numpy(), expected, atol=ABSOLUTE)


@pytest.mark.parametrize("data_range", [1e-3, 1.0, 255.0, 65535.0])
def test_ssim_takes_the_range_into_its_constants(data_range: float) -> None:
    a, b = (data_range * image for image in pair((1, 20, 20), seed=3))
    expected = oracle.ssim(a, b, data_range, options_of(WANG))
    assert ssim(*batch_of(a, b), data_range=data_range).item() == pytest.approx(
        expected, abs=ABSOLUTE
    )


def test_k1_and_k2_are_used() -> None:
    convention = replace(WANG, k1=0.2, k2=0.4)
    a, b = pair((1, 20, 20), seed=3)
    expected = oracle.ssim(a, b, 1.0, options_of(convention))
    value = ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("reading", SMALL_READINGS)
@pytest.mark.parametrize("shape", [(1, 24, 31), (3, 17, 20)], ids=str)
def test_ms_ssim_is_the_textbooks(shape: tuple[int, ...], reading: str, negative: str) -> None:
    convention = replace(SMALL_READINGS[reading], negative=negative)
    a, b = pair(shape, seed=4, noise=0.2)
    expected = oracle.ms_ssim(a, b, 1.0, options_of(convention))
    value = ms_ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


@pytest.mark.parametrize("exponents", ["wang", "ones", (0.1, 0.7, 0.4)], ids=str)
@pytest.mark.parametrize("negative", POLICIES)
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_ms_ssim_of_anticorrelated_pictures_is_the_textbooks(
    reading: str, negative: str, exponents: str | tuple[float, ...]
) -> None:
    convention = replace(SMALL_READINGS[reading], negative=negative, exponents=exponents)
    a, b = pair((2, 19, 22), seed=5)
    a = 1 - a
    expected = oracle.ms_ssim(a, b, 1.0, options_of(convention))
    value = ms_ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("odd_sizes", ["keep", "drop"])
@pytest.mark.parametrize("channel_order", ["product-then-mean", "mean-then-product"])
def test_levels_in_every_border_odd_size_and_channel_order(
    border: str, odd_sizes: str, channel_order: str
) -> None:
    convention = replace(SMALL, border=border, odd_sizes=odd_sizes, channel_order=channel_order)
    a, b = pair((3, 23, 29), seed=6, noise=0.2)
    b[1] = 1 - b[1]  # channels that differ much, one of them with negative factors
    expected = oracle.ms_ssim(a, b, 1.0, options_of(convention))
    value = ms_ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


@pytest.mark.parametrize("covariance", ["population", "sample"])
@pytest.mark.parametrize("border", ["reflect", "replicate", "zeros"])
@pytest.mark.parametrize("reading", ["pixels", "sigmas"])
@pytest.mark.parametrize("shape", [(2, 21, 26), (1, 33, 19)], ids=str)
def test_ms_ssim_map_is_the_textbooks(
    shape: tuple[int, ...], reading: str, border: str, covariance: str
) -> None:
    convention = replace(SMALL_READINGS[reading], border=border, covariance=covariance)
    a, b = pair(shape, seed=7, noise=0.2)
    expected = 1 - oracle.ms_dssim_map(a, b, 1.0, options_of(convention))
    value = ms_ssim_map(*batch_of(a, b), data_range=1.0, convention=convention)
    np.testing.assert_allclose(value[0].numpy(), expected, atol=ABSOLUTE)


def test_a_coarse_value_returns_to_the_pixels_it_was_averaged_from() -> None:
    # 9 → 5 → 3: the third level's blocks are columns 0–3, 4–7 and 8, not thirds of the width.
    convention = replace(SMALL_READINGS["pixels"], window_size=3, exponents=(0.0, 0.0, 1.0))
    a, b = tensors((1, 1, 9, 9), seed=8)
    value = ms_ssim_map(a, b, data_range=1.0, convention=convention)[0, 0]
    rows = [len(set(row.tolist())) for row in (value[0, :4], value[0, 4:8], value[0, 8:])]
    assert rows == [1, 1, 1]
    assert len(set(value[0].tolist())) == 3


@pytest.mark.parametrize("convention", [WANG, POSTER], ids=["wang", "poster"])
def test_the_full_conventions_at_an_odd_size(convention: Convention) -> None:
    a, b = pair((1, 163, 175), seed=9)
    expected = oracle.ms_ssim(a, b, 1.0, options_of(convention))
    value = ms_ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


def test_zhaos_five_gaussians_at_full_size() -> None:
    convention = replace(POSTER, reading="sigmas")
    a, b = pair((1, 37, 41), seed=10)
    expected = oracle.ms_ssim(a, b, 1.0, options_of(convention))
    value = ms_ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


def test_two_levels_by_hand() -> None:
    # mean(cs₀)^.4 · mean(l₁·cs₁)^.6: the coarse factor enters once, with its own exponent.
    a, b = pair((1, 24, 24), seed=11)
    options = options_of(replace(SMALL, levels=2, exponents=(0.4, 0.6)))
    small_a, small_b = (oracle.halved(image[0], True) for image in (a, b))
    fine = 1 - oracle.deficits(a[0], b[0], 1.0, options)[1].mean()
    luminance, structure = oracle.deficits(small_a, small_b, 1.0, options)
    coarse = np.mean((1 - luminance) * (1 - structure))
    value = ms_ssim(
        *batch_of(a, b), data_range=1.0, convention=replace(SMALL, levels=2, exponents=(0.4, 0.6))
    )
    assert value.item() == pytest.approx(fine**0.4 * coarse**0.6, abs=ABSOLUTE)


def test_one_level_is_ssim() -> None:
    a, b = tensors((2, 3, 20, 20), seed=12)
    one = replace(WANG, levels=1)
    torch.testing.assert_close(
        ms_ssim(a, b, data_range=1.0, convention=one), ssim(a, b, data_range=1.0)
    )


@pytest.mark.parametrize("side", [32, 48, 96])
@pytest.mark.parametrize("exponents", ["wang", "ones"])
def test_auto_is_the_convention_with_that_many_levels(side: int, exponents: str) -> None:
    levels = {32: 2, 48: 3, 96: 4}[side]
    convention = replace(WANG, levels="auto", exponents=exponents)
    a, b = pair((1, side, side), seed=13)
    expected = oracle.ms_ssim(a, b, 1.0, options_of(convention, levels))
    value = ms_ssim(*batch_of(a, b), data_range=1.0, convention=convention)
    assert value.item() == pytest.approx(expected, abs=ABSOLUTE)


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_dissimilarity_is_one_minus_similarity(reading: str) -> None:
    a, b = tensors((2, 3, 19, 23), seed=14)
    convention = SMALL_READINGS[reading]
    for similarity, dissimilarity in ((ssim, dssim), (ms_ssim, ms_dssim)):
        torch.testing.assert_close(
            dissimilarity(a, b, data_range=1.0, convention=convention, reduction="none"),
            1 - similarity(a, b, data_range=1.0, convention=convention, reduction="none"),
            rtol=0,
            atol=ABSOLUTE,
        )


def test_the_smooth_policy_is_the_stated_curve() -> None:
    # Uniform 1-tap windows make cs = 1 and leave l·cs = l: sweep it through zero and below.
    steps = torch.linspace(-1, 1, 41, dtype=torch.float64)
    preds = steps.reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)
    target = torch.ones_like(preds)
    convention = replace(
        WANG, window="uniform", window_size=1, levels=1, exponents="ones", negative="smooth"
    )
    factor = ssim(preds, target, data_range=1.0, convention=convention, reduction="none")
    assert factor.min() < -0.9
    expected = torch.where(factor >= 0.1, factor, 0.01 / (0.2 - factor))
    value = ms_ssim(preds, target, data_range=1.0, convention=convention, reduction="none")
    torch.testing.assert_close(value, expected, rtol=0, atol=ABSOLUTE)
    assert (value > 0).all()
    assert (value.diff() > 0).all()


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_mse_mae_and_psnr_are_per_picture(reduction: str) -> None:
    a, b = pair((4, 3, 9, 13), seed=15)
    squared = ((255 * (a - b)) ** 2).mean(axis=(1, 2, 3))
    expected = {
        mse: squared,
        mae: np.abs(255 * (a - b)).mean(axis=(1, 2, 3)),
        psnr: 10 * np.log10(255**2 / squared),
    }
    for function, values in expected.items():
        ranged = {"data_range": 255} if function is psnr else {}
        value = function(
            torch.from_numpy(255 * a), torch.from_numpy(255 * b), reduction=reduction, **ranged
        )
        wanted = values.mean() if reduction == "mean" else values
        np.testing.assert_allclose(value.numpy(), wanted, rtol=1e-12)
