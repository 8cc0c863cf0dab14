"""What may be given as a mask, and one clear sentence for what may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snellen import MSSSIMLoss
from snellen.metrics import WANG, dssim, mae, ms_dssim, ms_ssim_map, mse, psnr, ssim

from .cases import SMALL, SMALL_READINGS, blob, tensors

Function = Callable[..., Tensor]
STRUCTURAL: dict[str, Function] = {"dssim": dssim, "ms_dssim": ms_dssim}


def test_masks_of_every_shape_that_has_one_meaning() -> None:
    a, b = tensors((2, 3, 21, 23), seed=24)
    options: Any = {"data_range": 1.0, "convention": SMALL, "reduction": "none"}
    plane = blob((21, 23), seed=24)
    expected = ms_dssim(a, b, mask=plane.expand(2, 3, 21, 23), **options)
    for shape in ((1, 1, 21, 23), (2, 1, 21, 23), (1, 3, 21, 23), (21, 23)):
        value = ms_dssim(a, b, mask=plane.expand(shape), **options)
        torch.testing.assert_close(value, expected, rtol=1e-13, atol=0)
    for shape in ((3, 21, 23), (1, 21, 23), (21, 23)):
        value = ms_dssim(a[0], b[0], mask=plane.expand(shape), **options)
        torch.testing.assert_close(value, expected[:1], rtol=1e-13, atol=0)
    value = ms_dssim(a[0, 0], b[0, 0], mask=plane, **options)
    torch.testing.assert_close(
        value, ms_dssim(a[:1, :1], b[:1, :1], mask=plane, **options), rtol=1e-13, atol=0
    )


@pytest.mark.parametrize(
    "shape",
    [
        (2, 21, 23),
        (3, 21, 23),
        (1, 21, 23),
        (21,),
        (21, 1),
        (2, 2, 21, 23),
        (2, 1, 20, 23),
        (1,) * 5,
    ],
    ids=str,
)
def test_other_shapes_are_refused_with_what_is_needed(shape: tuple[int, ...]) -> None:
    a, b = tensors((2, 3, 21, 23), seed=25)
    for function in (ssim, mse):
        options = {"data_range": 1.0} if function is ssim else {}
        with pytest.raises(ValueError, match=r"\(2, 3, 21, 23\).*mask\[:, None\]"):
            function(a, b, mask=torch.ones(shape), **options)


# ---- masks that are none


@pytest.mark.parametrize("function", [ssim, dssim, mse, mae, psnr])
def test_a_mask_of_zeros_is_refused_with_the_pictures_number(function: Function) -> None:
    a, b = tensors((3, 1, 21, 23), seed=26)
    mask = torch.ones(3, 1, 21, 23)
    mask[1] = 0
    options: Any = {} if function in (mse, mae) else {"data_range": 1.0}
    with pytest.raises(ValueError, match=r"picture 1\b.*mask"):
        function(a, b, mask=mask, **options)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_weights_below_zero_or_not_finite_are_refused(bad: float) -> None:
    a, b = tensors((1, 1, 21, 23), seed=27)
    mask = torch.ones(21, 23)
    mask[3, 3] = bad
    with pytest.raises(ValueError, match="Weights must be 0 or more, and finite"):
        ssim(a, b, data_range=1.0, mask=mask)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.complex64])
def test_masks_of_other_dtypes_are_refused_by_name(dtype: torch.dtype) -> None:
    a, b = tensors((1, 1, 21, 23), seed=28)
    with pytest.raises(TypeError, match=rf"mask.*{str(dtype).removeprefix('torch.')}"):
        ssim(a, b, data_range=1.0, mask=torch.ones(21, 23, dtype=dtype))


def test_a_mask_that_is_no_tensor_is_refused() -> None:
    a, b = tensors((1, 1, 21, 23), seed=29)
    wrong: Any = np.ones((21, 23))
    with pytest.raises(TypeError, match=r"mask must be.*Tensor; got ndarray"):
        ssim(a, b, data_range=1.0, mask=wrong)


def test_a_mask_whose_windows_are_all_outside_is_refused_with_the_level() -> None:
    a, b = tensors((2, 1, 60, 60), seed=30)
    corner = torch.zeros(2, 1, 60, 60)
    corner[0] = 1
    corner[1, :, :8, :8] = 1  # centres of 11-tap windows start at 5, on the next level at 10
    ssim(a, b, data_range=1.0, mask=corner)
    convention = replace(WANG, levels=2)
    with pytest.raises(ValueError, match=r"picture 1 on level 2 of 2.*border='replicate'"):
        ms_dssim(a, b, data_range=1.0, convention=convention, mask=corner)
    corner[1, :, 5:] = 0
    with pytest.raises(ValueError, match=r"no window of picture 1:"):
        ssim(a, b, data_range=1.0, mask=corner)
    ms_dssim(a, b, data_range=1.0, convention=replace(convention, border="replicate"), mask=corner)


def test_a_mask_of_a_row_that_the_next_level_drops_is_refused() -> None:
    a, b = tensors((1, 1, 21, 22), seed=31)
    mask = torch.zeros(21, 22)
    mask[-1] = 1
    convention = replace(SMALL_READINGS["pixels"], odd_sizes="drop", levels=2)
    with pytest.raises(ValueError, match=r"picture 0 on level 2 of 2.*odd_sizes='keep'"):
        ms_ssim_map(a, b, data_range=1.0, convention=convention, mask=mask)


def test_a_channel_may_be_masked_altogether() -> None:
    a, b = tensors((1, 3, 21, 23), seed=32)
    mask = torch.ones(1, 3, 21, 23)
    mask[:, 1] = 0
    for function in STRUCTURAL.values():
        value = function(a, b, data_range=1.0, convention=SMALL, mask=mask)
        expected = function(a[:, ::2], b[:, ::2], data_range=1.0, convention=SMALL)
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)


def test_an_empty_batch_with_a_mask() -> None:
    empty = torch.empty(0, 1, 21, 23)
    value = ssim(empty, empty, data_range=1.0, mask=torch.ones(21, 23), reduction="none")
    assert value.shape == (0,)


def test_a_gradient_to_the_mask_is_refused() -> None:
    a, b = tensors((1, 1, 21, 23), seed=16)
    with pytest.raises(ValueError, match=r"mask\.detach"):
        ssim(a, b, data_range=1.0, mask=torch.ones(21, 23, requires_grad=True))


def test_an_unknown_nan_policy_is_answered_with_the_two() -> None:
    a, b = tensors((1, 1, 21, 23), seed=22)
    unknown: Any = "masked"
    with pytest.raises(ValueError, match=r"(?=.*'masked')(?=.*'propagate')(?=.*'mask')"):
        ssim(a, b, data_range=1.0, nan=unknown)
    with pytest.raises(ValueError, match="nan"):
        MSSSIMLoss(nan=unknown)


def test_a_picture_of_nan_is_named() -> None:
    a, b = tensors((3, 1, 21, 23), seed=23)
    b[2] = float("nan")
    with pytest.raises(ValueError, match=r"picture 2\b.*NaN"):
        ssim(a, b, data_range=1.0, nan="mask")


def test_infinity_is_not_masked_with_nan() -> None:
    a, b = tensors((1, 1, 21, 23), seed=20)
    a[0, 0, 3, 4] = float("inf")
    assert ssim(a, b, data_range=1.0, convention=SMALL, nan="mask").isnan()


def test_nan_without_any_changes_nothing() -> None:
    a, b = tensors((2, 2, 21, 23), seed=21)
    options: Any = {"data_range": 1.0, "convention": SMALL}
    torch.testing.assert_close(
        ms_dssim(a, b, nan="mask", **options), ms_dssim(a, b, **options), rtol=1e-12, atol=0
    )


def test_a_masked_uint8_picture() -> None:
    a, b = ((255 * t).round().to(torch.uint8) for t in tensors((1, 1, 21, 23), seed=38))
    mask = blob((21, 23), seed=38)
    expected = ssim(a.float(), b.float(), data_range=255, mask=mask)
    assert torch.equal(ssim(a, b, mask=mask), expected)
