"""What other implementations got wrong, each as a fact about this one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from snellen.metrics import dssim, mae, ms_dssim, ms_ssim, psnr, ssim
from snellen.metrics.conventions import POSTER, WANG

from . import oracle
from .cases import POLICIES, SMALL, SMALL_READINGS, options_of, pair, scene, tensors


def slope_of(value: Tensor, preds: Tensor) -> Tensor:
    (slope,) = torch.autograd.grad(value, preds)
    return slope


def negative_pair(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """A picture and its negative, the first one a leaf: cs is below 0 at every level."""
    target = torch.from_numpy(scene((1, 1, 32, 33), seed=81)).to(dtype)
    return (1 - target).requires_grad_(), target


@pytest.mark.parametrize("negative", POLICIES)
def test_a_negative_mean_to_a_fractional_power_is_no_nan(negative: str) -> None:
    preds, target = negative_pair()
    convention = replace(SMALL, negative=negative)
    for function in (ms_ssim, ms_dssim):
        value = function(preds, target, data_range=1.0, convention=convention)
        assert value.isfinite()
        assert slope_of(value, preds).isfinite().all()


def test_clamped_factors_give_zero() -> None:
    preds, target = negative_pair()
    assert ms_ssim(preds, target, data_range=1.0, convention=SMALL).item() == 0


def test_the_dead_start_is_alive_under_the_smooth_policy() -> None:
    preds, target = negative_pair()
    clamp = ms_dssim(preds, target, data_range=1.0, convention=SMALL)
    smooth = ms_dssim(preds, target, data_range=1.0, convention=replace(SMALL, negative="smooth"))
    assert not slope_of(clamp, preds).any(), "here is where a clamped factor is dead"
    assert slope_of(smooth, preds).abs().mean() > 1e-6


def test_the_smooth_policy_changes_nothing_on_similar_pictures() -> None:
    a, b = tensors((1, 1, 32, 33), seed=82, noise=0.02)
    clamp = ms_ssim(a, b, data_range=1.0, convention=SMALL)
    smooth = ms_ssim(a, b, data_range=1.0, convention=replace(SMALL, negative="smooth"))
    assert clamp == smooth


def test_the_coarse_factor_enters_once() -> None:
    # prod(fine · coarse) over the fine levels would raise it to the fourth power.
    a, b = pair((1, 40, 44), seed=83)
    only_coarse = replace(SMALL, exponents=(0.0, 0.0, 1.0))
    coarse_a, coarse_b = a[0], b[0]
    for _ in range(2):
        coarse_a, coarse_b = oracle.halved(coarse_a, True), oracle.halved(coarse_b, True)
    expected = oracle.ssim(coarse_a, coarse_b, 1.0, options_of(SMALL))
    value = ms_ssim(
        torch.from_numpy(a), torch.from_numpy(b), data_range=1.0, convention=only_coarse
    )
    assert value.item() == pytest.approx(expected, abs=1e-12)


def test_luminance_counts_at_the_coarsest_level_only() -> None:
    a = torch.from_numpy(scene((1, 1, 40, 44), seed=84))
    fine_only = replace(SMALL, exponents=(1.0, 1.0, 0.0))
    assert ms_dssim(a, 0.5 + a, data_range=1.0, convention=fine_only).item() < 1e-12
    assert ms_dssim(a, 0.5 + a, data_range=1.0, convention=SMALL).item() > 1e-3


def test_the_power_is_taken_of_each_picture_and_not_of_the_batch() -> None:
    good = tensors((1, 1, 24, 24), seed=85, noise=0.01)
    bad = tensors((1, 1, 24, 24), seed=86, noise=0.8)
    together = ms_ssim(
        torch.cat([good[0], bad[0]]),
        torch.cat([good[1], bad[1]]),
        data_range=1.0,
        convention=SMALL,
    )
    apart = [ms_ssim(*p, data_range=1.0, convention=SMALL) for p in (good, bad)]
    assert together.item() == pytest.approx(sum(v.item() for v in apart) / 2, abs=1e-12)


def test_the_power_is_taken_of_each_channel() -> None:
    good = tensors((1, 1, 24, 24), seed=85, noise=0.01)
    bad = tensors((1, 1, 24, 24), seed=86, noise=0.8)
    together = ms_ssim(
        torch.cat([good[0], bad[0]], dim=1),
        torch.cat([good[1], bad[1]], dim=1),
        data_range=1.0,
        convention=SMALL,
    )
    apart = [ms_ssim(*p, data_range=1.0, convention=SMALL) for p in (good, bad)]
    assert together.item() == pytest.approx(sum(v.item() for v in apart) / 2, abs=1e-12)


def test_colour_is_the_mean_of_the_channels() -> None:
    a, b = tensors((2, 3, 24, 24), seed=87)
    channels = [ssim(a[:, c : c + 1], b[:, c : c + 1], data_range=1.0) for c in range(3)]
    expected = torch.stack(channels).mean()
    torch.testing.assert_close(ssim(a, b, data_range=1.0), expected)


@pytest.mark.parametrize("cast", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_leaves_the_published_failure_behind(cast: torch.dtype) -> None:
    # Under bf16 autocast two well-known packages answer 1.04 and .55 where the truth is .9.
    a, b = tensors((1, 3, 176, 176), seed=88, noise=0.05, dtype=torch.float32)
    expected = ms_ssim(a.double(), b.double(), data_range=1.0).item()
    with torch.autocast("cpu", cast):
        value = ms_ssim(a, b, data_range=1.0).item()
    assert value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1.0, 10.0, 100.0])
def test_variances_survive_a_large_mean_in_single_precision(offset: float) -> None:
    # E[x²] − μ² of values near 100 has lost the variance of a picture in [0, 1].
    a, b = (t.float() + offset for t in tensors((1, 1, 40, 40), seed=89))
    expected = ssim(a.double(), b.double(), data_range=1.0).item()
    assert ssim(a, b, data_range=1.0).item() == pytest.approx(expected, abs=2e-5)


def test_the_range_is_not_guessed_from_the_pictures() -> None:
    a, b = tensors((1, 1, 24, 24), seed=90)
    whole = ssim(a, b, data_range=1.0)
    dim = ssim(a / 4, b / 4, data_range=1.0)
    scaled = ssim(a / 4, b / 4, data_range=0.25)
    assert abs(dim - whole) > 1e-3
    torch.testing.assert_close(scaled, whole)


def test_one_batch_has_one_range() -> None:
    # A range guessed per batch makes a picture's score depend on its neighbours.
    a, b = tensors((2, 1, 24, 24), seed=91)
    a[1], b[1] = a[1] * 3, b[1] * 3
    each = ssim(a, b, data_range=1.0, reduction="none")
    assert each[0] == ssim(a[:1], b[:1], data_range=1.0)


def test_uint8_is_converted_before_it_is_squared() -> None:
    a, b = ((255 * t).round().to(torch.uint8) for t in tensors((1, 3, 24, 24), seed=92))
    exact = ssim(a.double(), b.double(), data_range=255)
    assert ssim(a, b).item() == pytest.approx(exact.item(), abs=1e-6)
    exact = psnr(a.double(), b.double(), data_range=255)
    assert psnr(a, b).item() == pytest.approx(exact.item(), rel=1e-6)


def test_values_out_of_range_keep_their_gradient() -> None:
    # A clamp to [0, data_range] before the measure would kill it.
    target = torch.from_numpy(scene((1, 1, 24, 24), seed=93))
    preds = (target + 2).requires_grad_()
    for convention in (replace(WANG, levels="auto"), SMALL_READINGS["pixels"]):
        value = ms_dssim(preds, target, data_range=1.0, convention=convention)
        assert (slope_of(value, preds) != 0).all()


@pytest.mark.parametrize("size", [(23, 31), (24, 31), (25, 32), (33, 21)], ids=str)
def test_odd_sizes_keep_their_last_row_and_column(size: tuple[int, int]) -> None:
    a, b = pair((1, *size), seed=94)
    expected = oracle.ms_ssim(a, b, 1.0, options_of(SMALL))
    value = ms_ssim(torch.from_numpy(a), torch.from_numpy(b), data_range=1.0, convention=SMALL)
    assert value.item() == pytest.approx(expected, abs=1e-12)


def test_dropping_the_last_row_is_another_number() -> None:
    a, b = tensors((1, 1, 33, 35), seed=95, noise=0.3)
    keep = ms_ssim(a, b, data_range=1.0, convention=SMALL)
    drop = ms_ssim(a, b, data_range=1.0, convention=replace(SMALL, odd_sizes="drop"))
    assert abs(keep - drop) > 1e-5


@pytest.mark.parametrize("side", [32, 48, 96, 160])
def test_below_161_pixels_five_levels_are_never_cut_silently(side: int) -> None:
    a = torch.zeros((1, 1, side, side))
    with pytest.raises(ValueError, match="161"):
        ms_ssim(a, a, data_range=1.0)


def test_borders_differ_and_so_they_are_named() -> None:
    a, b = tensors((1, 1, 24, 24), seed=96, noise=0.2)
    values = {
        border: ssim(a, b, data_range=1.0, convention=replace(WANG, border=border)).item()
        for border in ("valid", "reflect", "replicate", "zeros")
    }
    assert len({round(v, 5) for v in values.values()}) == 4


def test_a_sum_is_not_a_mean() -> None:
    a, b = tensors((4, 3, 24, 24), seed=97)
    mean = dssim(a, b, data_range=1.0)
    torch.testing.assert_close(dssim(a, b, data_range=1.0, reduction="sum"), 4 * mean)


def test_similarity_rises_and_dissimilarity_falls_towards_the_target() -> None:
    a, b = tensors((1, 1, 24, 24), seed=98)
    nearer = (a + b) / 2
    assert ssim(nearer, b, data_range=1.0) > ssim(a, b, data_range=1.0)
    assert dssim(nearer, b, data_range=1.0) < dssim(a, b, data_range=1.0)


def test_a_uniform_shift_hardly_moves_ssim() -> None:
    target = torch.from_numpy(0.3 + 0.4 * scene((1, 1, 48, 48), seed=99))
    shifted = target + 0.1
    random = np.random.default_rng(0)
    noisy = target + 0.1 * torch.from_numpy(random.choice([-1.0, 1.0], target.shape))
    assert mae(shifted, target).item() == pytest.approx(mae(noisy, target).item())
    assert dssim(shifted, target, data_range=1.0).item() < 0.05
    assert dssim(noisy, target, data_range=1.0).item() > 0.3


def test_flat_pictures_have_a_finite_gradient() -> None:
    # σx·σy under a root has none at zero variance; the merged contrast · structure has.
    preds = torch.full((1, 1, 24, 24), 0.5, requires_grad=True)
    target = torch.from_numpy(scene((1, 1, 24, 24), seed=100)).float()
    for convention in (SMALL, replace(POSTER, levels="auto")):
        slope = slope_of(ms_dssim(preds, target, data_range=1.0, convention=convention), preds)
        assert slope.isfinite().all()
        assert slope.any()


def test_a_ramp_and_its_mirror_are_anticorrelated() -> None:
    ramp = torch.arange(0, 256, 16, dtype=torch.float64).repeat(16, 1)
    options = options_of(WANG)
    expected = oracle.ssim(ramp.numpy(), ramp.flip(1).numpy(), 255.0, options)
    assert expected < 0
    value = ssim(ramp, ramp.flip(1), data_range=255)
    assert value.item() == pytest.approx(expected, abs=1e-12)
