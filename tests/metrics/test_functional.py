"""Shapes, dtypes, ranges, reductions, and one clear sentence for every bad input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
from snellen.metrics.conventions import WANG

from .cases import SMALL, SMALL_READINGS, tensors

Function = Callable[..., Tensor]
STRUCTURAL: dict[str, Function] = {
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "dssim": dssim,
    "ms_dssim": ms_dssim,
}
POINTWISE: dict[str, Function] = {"mse": mse, "mae": mae, "psnr": psnr}
MEASURES = STRUCTURAL | POINTWISE
MAPS: dict[str, Function] = {"ssim_map": ssim_map, "ms_ssim_map": ms_ssim_map}
RANGED = ["ssim", "ms_ssim", "dssim", "ms_dssim", "psnr", "ssim_map", "ms_ssim_map"]
NAMES = [*MEASURES, *MAPS]


def call(name: str, preds: Any, target: Any, **options: Any) -> Tensor:
    """Call a measure with a convention that fits on small pictures; MSE and MAE know no range."""
    if name in ("mse", "mae"):
        options.pop("data_range", None)
    if name in STRUCTURAL:
        options.setdefault("convention", SMALL)
    elif name in MAPS:
        options.setdefault("convention", SMALL_READINGS["pixels"])
    return (MEASURES | MAPS)[name](preds, target, **options)


# ---- shapes and reductions


@pytest.mark.parametrize("name", MEASURES)
def test_reductions_agree(name: str) -> None:
    a, b = tensors((3, 2, 20, 22), seed=51)
    each = call(name, a, b, data_range=1.0, reduction="none")
    assert each.shape == (3,)
    torch.testing.assert_close(call(name, a, b, data_range=1.0, reduction="sum"), each.sum())
    torch.testing.assert_close(call(name, a, b, data_range=1.0, reduction="mean"), each.mean())
    torch.testing.assert_close(call(name, a, b, data_range=1.0), each.mean())


@pytest.mark.parametrize("name", MEASURES)
def test_each_picture_of_a_batch_is_measured_by_itself(name: str) -> None:
    a, b = tensors((3, 2, 20, 22), seed=52)
    a[1] = 1 - a[1]
    each = call(name, a, b, data_range=1.0, reduction="none")
    alone = [call(name, a[i : i + 1], b[i : i + 1], data_range=1.0) for i in range(3)]
    torch.testing.assert_close(each, torch.stack(alone), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", MEASURES)
def test_pictures_without_batch_or_channel_axis(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=53)
    expected = call(name, a, b, data_range=1.0)
    assert torch.equal(call(name, a[0], b[0], data_range=1.0), expected)
    assert torch.equal(call(name, a[0, 0], b[0, 0], data_range=1.0), expected)


@pytest.mark.parametrize("name", MEASURES)
def test_three_axes_are_channels_and_not_a_batch(name: str) -> None:
    a, b = tensors((1, 3, 20, 22), seed=54)
    expected = call(name, a, b, data_range=1.0)
    assert torch.equal(call(name, a[0], b[0], data_range=1.0), expected)


def test_maps_are_per_channel_and_of_the_windows_size() -> None:
    a, b = tensors((2, 3, 20, 22), seed=55)
    assert ssim_map(a, b, data_range=1.0).shape == (2, 3, 10, 12)
    padded = replace(WANG, border="replicate")
    assert ssim_map(a, b, data_range=1.0, convention=padded).shape == a.shape
    for reading in ("pixels", "sigmas"):
        value = ms_ssim_map(a, b, data_range=1.0, convention=SMALL_READINGS[reading])
        assert value.shape == a.shape


def test_the_mean_of_a_map_is_the_measure() -> None:
    a, b = tensors((2, 3, 20, 22), seed=56)
    torch.testing.assert_close(ssim_map(a, b, data_range=1.0).mean(), ssim(a, b, data_range=1.0))
    convention = SMALL_READINGS["pixels"]
    torch.testing.assert_close(
        ms_ssim_map(a, b, data_range=1.0, convention=convention).mean(),
        ms_ssim(a, b, data_range=1.0, convention=convention),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.uint8])
@pytest.mark.parametrize("name", MEASURES)
def test_an_empty_batch(name: str, dtype: torch.dtype) -> None:
    empty = torch.empty((0, 3, 20, 22), dtype=dtype)
    assert call(name, empty, empty, data_range=1.0, reduction="none").shape == (0,)
    assert call(name, empty, empty, data_range=1.0, reduction="sum").item() == 0
    assert call(name, empty, empty, data_range=1.0, reduction="mean").isnan()


@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_an_empty_batch_in_every_reading(reading: str) -> None:
    empty = torch.empty((0, 1, 20, 22), requires_grad=True)
    value = ms_dssim(
        empty, empty, data_range=1.0, convention=SMALL_READINGS[reading], reduction="sum"
    )
    value.backward()
    assert value.item() == 0
    assert empty.grad is not None
    assert empty.grad.shape == empty.shape


@pytest.mark.parametrize("name", MAPS)
def test_an_empty_batch_has_an_empty_map(name: str) -> None:
    empty = torch.empty((0, 3, 20, 22))
    assert call(name, empty, empty, data_range=1.0).shape[0] == 0


# ---- memory layouts


@pytest.mark.parametrize("name", NAMES)
def test_memory_layout_changes_nothing(name: str) -> None:
    a, b = tensors((2, 3, 20, 22), seed=57)
    expected = call(name, a, b, data_range=1.0)
    channels_last = torch.channels_last
    layouts = [
        (a.contiguous(memory_format=channels_last), b.contiguous(memory_format=channels_last)),
        (a.contiguous(memory_format=channels_last), b),
        (a.transpose(2, 3).contiguous().transpose(2, 3), b),
        (a.repeat_interleave(2, dim=3)[..., ::2], b),
        (a.flip(3).contiguous().flip(3), b),
    ]
    for preds, target in layouts:
        value = call(name, preds, target, data_range=1.0)
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-14)


def test_an_expanded_target_is_measured_like_its_copy() -> None:
    a, b = tensors((3, 1, 20, 22), seed=58)
    one = b[:1].expand(3, 1, 20, 22)
    assert torch.equal(ssim(a, one, data_range=1.0), ssim(a, one.contiguous(), data_range=1.0))


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_left_as_they_are(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=59)
    before = a.clone(), b.clone()
    call(name, a, b, data_range=1.0)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


# ---- ranges and dtypes


@pytest.mark.parametrize("name", NAMES)
def test_uint8_has_the_range_255(name: str) -> None:
    a, b = ((255 * t).round().to(torch.uint8) for t in tensors((2, 3, 20, 22), seed=60))
    expected = call(name, a.float(), b.float(), data_range=255)
    value = call(name, a, b)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)


def test_a_range_given_for_uint8_is_used() -> None:
    a, b = ((100 * t).round().to(torch.uint8) for t in tensors((1, 1, 20, 22), seed=61))
    assert ssim(a, b, data_range=100) == ssim(a.float(), b.float(), data_range=100)
    assert ssim(a, b, data_range=100) != ssim(a, b)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", RANGED)
def test_a_float_picture_without_data_range_is_refused(name: str, dtype: torch.dtype) -> None:
    a, b = tensors((1, 1, 20, 22), seed=62, dtype=dtype)
    with pytest.raises((ValueError, TypeError), match="data_range"):
        call(name, a, b)


@pytest.mark.parametrize(
    "data_range", [0, -1, 0.0, float("nan"), float("inf"), -float("inf"), "1", (0, 1), None]
)
@pytest.mark.parametrize("name", RANGED)
def test_a_range_that_is_no_positive_number_is_refused(name: str, data_range: Any) -> None:
    a, b = tensors((1, 1, 20, 22), seed=63)
    with pytest.raises((ValueError, TypeError), match="data_range"):
        call(name, a, b, data_range=data_range)


def test_a_range_of_zero_is_refused_for_uint8_too() -> None:
    a = torch.zeros((1, 1, 20, 22), dtype=torch.uint8)
    with pytest.raises(ValueError, match="data_range"):
        ssim(a, a, data_range=0)


@pytest.mark.parametrize("data_range", [1, 1.0, np.float32(1), np.int64(1), torch.tensor(1.0)])
def test_a_range_may_be_any_number(data_range: Any) -> None:
    a, b = tensors((1, 1, 20, 22), seed=64)
    assert ssim(a, b, data_range=data_range) == ssim(a, b, data_range=1.0)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.bool, torch.complex64], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_other_dtypes_are_refused_by_name(name: str, dtype: torch.dtype) -> None:
    a = torch.zeros((1, 1, 20, 22), dtype=dtype)
    with pytest.raises((ValueError, TypeError), match=str(dtype).removeprefix("torch.")):
        call(name, a, a, data_range=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_different_dtypes_are_refused_with_both_names(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=65)
    with pytest.raises((ValueError, TypeError), match=r"float32.*float64"):
        call(name, a.float(), b, data_range=1.0)
    with pytest.raises((ValueError, TypeError), match=r"uint8.*float64"):
        call(name, a.to(torch.uint8), b, data_range=1.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((2, 3, 20, 22), (2, 3, 20, 21)),
        ((2, 3, 20, 22), (2, 1, 20, 22)),
        ((2, 3, 20, 22), (1, 3, 20, 22)),
        ((2, 3, 20, 22), (3, 20, 22)),
    ],
    ids=str,
)
def test_different_shapes_are_refused_with_both_shapes(
    name: str, first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    def words(shape: tuple[int, ...]) -> str:
        return r"\D+".join(str(n) for n in shape)

    with pytest.raises(ValueError, match=f"{words(first)}.*{words(second)}"):
        call(name, torch.zeros(first), torch.zeros(second), data_range=1.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (22,), (1, 1, 1, 1, 20, 22)], ids=str)
def test_shapes_that_are_no_pictures_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"H.*W"):
        call(name, torch.zeros(shape), torch.zeros(shape), data_range=1.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", [np.zeros((1, 1, 20, 22)), [[0.0]], None, 1.0], ids=type)
def test_what_is_no_tensor_is_refused(name: str, other: Any) -> None:
    a = torch.zeros((1, 1, 20, 22), dtype=torch.float64)
    for preds, target in ((a, other), (other, a)):
        with pytest.raises(TypeError, match=f"(?i)tensor.*{type(other).__name__}"):
            call(name, preds, target, data_range=1.0)


# ---- pictures that are too small


@pytest.mark.parametrize("side", [1, 5, 10])
@pytest.mark.parametrize("name", ["ssim", "dssim", "ssim_map"])
def test_pictures_smaller_than_a_window_are_refused_with_its_size(name: str, side: int) -> None:
    a = torch.zeros((1, 1, 40, side))
    with pytest.raises(ValueError, match=r"\b11\b"):
        call(name, a, a, data_range=1.0, convention="wang")


@pytest.mark.parametrize("name", ["ms_ssim", "ms_dssim"])
def test_five_levels_below_161_pixels_are_refused_with_the_ways_out(name: str) -> None:
    a = torch.zeros((1, 1, 160, 300))
    with pytest.raises(ValueError, match=r"161.*auto"):
        call(name, a, a, data_range=1.0, convention="wang")


def test_five_levels_at_161_pixels() -> None:
    a, b = tensors((1, 1, 161, 170), seed=66)
    assert 0 < ms_ssim(a, b, data_range=1.0).item() < 1


def test_the_posters_map_below_161_pixels_is_refused_too() -> None:
    a = torch.zeros((1, 1, 96, 96))
    with pytest.raises(ValueError, match=r"161.*auto"):
        ms_ssim_map(a, a, data_range=1.0, convention="poster")


def test_auto_on_pictures_smaller_than_a_window_is_refused() -> None:
    a = torch.zeros((1, 1, 10, 10))
    with pytest.raises(ValueError, match=r"\b11\b"):
        ms_ssim(a, a, data_range=1.0, convention=replace(WANG, levels="auto"))


@pytest.mark.parametrize("shape", [(1, 1, 0, 20), (1, 1, 20, 0)], ids=str)
def test_pictures_without_pixels_are_refused(shape: tuple[int, ...]) -> None:
    a = torch.zeros(shape)
    for function in (ssim, ms_ssim):
        with pytest.raises(ValueError, match="pixels"):
            function(a, a, data_range=1.0)


# ---- names


@pytest.mark.parametrize("name", [*STRUCTURAL, *MAPS])
def test_an_unknown_convention_is_answered_with_the_nearest(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=67)
    with pytest.raises(ValueError, match=r"'postr'.*'poster'"):
        call(name, a, b, data_range=1.0, convention="postr")


@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_convention_that_is_none_is_refused(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=68)
    with pytest.raises(TypeError, match="convention"):
        call(name, a, b, data_range=1.0, convention=11)


@pytest.mark.parametrize("name", MEASURES)
def test_an_unknown_reduction_is_answered_with_the_three(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=69)
    with pytest.raises(ValueError, match=r"(?=.*'avg')(?=.*mean)(?=.*sum)(?=.*none)"):
        call(name, a, b, data_range=1.0, reduction="avg")


def test_a_map_of_levels_is_refused_with_the_readings_that_have_one() -> None:
    a, b = tensors((1, 1, 170, 170), seed=70)
    with pytest.raises(ValueError, match=r"(?=.*pixels)(?=.*sigmas)"):
        ms_ssim_map(a, b, data_range=1.0, convention="wang")


@pytest.mark.parametrize("name", STRUCTURAL)
def test_an_unknown_engine_is_refused(name: str) -> None:
    a, b = tensors((1, 1, 20, 22), seed=72)
    with pytest.raises((NotImplementedError, ValueError), match="engine"):
        call(name, a, b, data_range=1.0, engine="warp")


@pytest.mark.parametrize("name", NAMES)
def test_options_are_given_by_name(name: str) -> None:
    # A positional third argument is the window in one library and the range in another.
    a, b = tensors((1, 1, 20, 22), seed=73)
    with pytest.raises(TypeError, match="positional"):
        (MEASURES | MAPS)[name](a, b, 1.0)


# ---- pixels that are no numbers


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", STRUCTURAL)
def test_a_picture_with_a_bad_pixel_measures_nan_and_no_other_does(name: str, bad: float) -> None:
    a, b = tensors((3, 2, 20, 22), seed=74)
    clean = call(name, a, b, data_range=1.0, reduction="none")
    a[1, 0, 7, 8] = bad
    value = call(name, a, b, data_range=1.0, reduction="none")
    assert value.isnan().tolist() == [False, True, False]
    assert torch.equal(value[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("negative", ["clamp", "signed", "smooth"])
@pytest.mark.parametrize("reading", SMALL_READINGS)
def test_no_policy_swallows_nan(reading: str, negative: str) -> None:
    convention = replace(SMALL_READINGS[reading], negative=negative)
    a, b = tensors((1, 1, 20, 22), seed=75)
    b[0, 0, 3, 3] = float("nan")
    for function in (ms_ssim, ms_dssim):
        assert function(a, b, data_range=1.0, convention=convention).isnan()


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_measures_of_nan_are_nan(name: str) -> None:
    a, b = tensors((2, 1, 20, 22), seed=76)
    b[0, 0, 3, 3] = float("nan")
    value = call(name, a, b, data_range=1.0, reduction="none")
    assert value.isnan().tolist() == [True, False]


# ---- the pointwise measures


def test_psnr_of_identical_pictures_is_infinite() -> None:
    a, _ = tensors((2, 1, 20, 22), seed=77)
    assert psnr(a, a, data_range=1.0).item() == float("inf")


def test_psnr_of_a_batch_is_the_mean_of_the_pictures_psnr() -> None:
    a = torch.zeros((2, 1, 4, 4))
    b = torch.stack([torch.full((1, 4, 4), 0.1), torch.full((1, 4, 4), 0.001)])
    assert psnr(a, b, data_range=1.0).item() == pytest.approx((20 + 60) / 2, abs=1e-4)


def test_mse_and_mae_need_no_range() -> None:
    a, b = tensors((2, 1, 20, 22), seed=78)
    torch.testing.assert_close(mse(a, b), torch.nn.functional.mse_loss(a, b))
    torch.testing.assert_close(mae(a, b), torch.nn.functional.l1_loss(a, b))


def test_mse_of_uint8_does_not_wrap_around() -> None:
    a = torch.zeros((1, 1, 4, 4), dtype=torch.uint8)
    b = torch.full_like(a, 200)
    assert mse(a, b).item() == 40000
    assert mae(a, b).item() == mae(b, a).item() == 200
