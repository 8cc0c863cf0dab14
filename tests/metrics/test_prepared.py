"""A prepared target: the results of the plain functions, whatever becomes of the target later."""

from __future__ import annotations

import itertools
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from snellen.metrics import dssim, ms_dssim, ms_ssim, prepare, ssim, weights

from .cases import BORDERS, SMALL, SMALL_READINGS, blob, tensors

FUNCTIONS: dict[str, Any] = {"ssim": ssim, "dssim": dssim, "ms_ssim": ms_ssim, "ms_dssim": ms_dssim}

CONVENTIONS = {
    f"{reading}-{border}": replace(SMALL_READINGS[reading], border=border)
    for reading, border in itertools.product(SMALL_READINGS, BORDERS)
    if not (reading != "levels" and border == "valid")
} | {
    "drop": replace(SMALL, odd_sizes="drop"),
    "channels first": replace(SMALL, channel_order="mean-then-product"),
    "sample": replace(SMALL, covariance="sample"),
    "smooth": replace(SMALL, negative="smooth"),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_results_are_those_of_the_functions(name: str, masked: bool) -> None:
    a, b = tensors((3, 2, 21, 23), seed=1)
    mask = blob((3, 1, 21, 23), seed=1) if masked else None
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name], "mask": mask}
    prepared = prepare(b, **options)
    for method, function in FUNCTIONS.items():
        for reduction in ("none", "mean", "sum"):
            value = getattr(prepared, method)(a, reduction=reduction)
            expected = function(a, b, reduction=reduction, **options)
            torch.testing.assert_close(value, expected, rtol=1e-11, atol=0)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_gradients_are_those_of_the_functions(name: str, masked: bool) -> None:
    a, b = tensors((2, 2, 21, 23), seed=2)
    mask = blob((2, 2, 21, 23), seed=2) if masked else None
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name], "mask": mask}
    prepared = prepare(b, **options)
    preds = a.clone().requires_grad_()
    for method, function in FUNCTIONS.items():
        (found,) = torch.autograd.grad(getattr(prepared, method)(preds), preds)
        (expected,) = torch.autograd.grad(function(preds, b, **options), preds)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("noise", [1e-4, 1e-2, 0.3])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_float32_is_as_exact_as_the_functions(name: str, noise: float) -> None:
    _, b = tensors((1, 1, 61, 63), seed=3, dtype=torch.float32)
    b[..., 20:40, 20:40] = 0.9  # flat and far from the mean
    a = b + noise * torch.randn(b.shape, generator=torch.Generator().manual_seed(3))
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name]}
    prepared = prepare(b, **options)
    for method, bound in (("dssim", 1e-5), ("ms_dssim", 1e-4)):
        exact = FUNCTIONS[method](a.double(), b.double(), **options).item()
        assert getattr(prepared, method)(a).item() == pytest.approx(exact, rel=bound)


def test_bright_flat_pictures_keep_their_digits() -> None:
    # Values near 1000 in a range of 1: squares lose seven digits unless means are taken off first.
    _, b = tensors((1, 1, 61, 63), seed=4, dtype=torch.float32)
    b = 1000 + b.round(decimals=2)
    a = b + 0.25
    a[..., ::2] -= 0.5
    prepared = prepare(b, data_range=1.0)
    exact = dssim(a.double(), b.double(), data_range=1.0).item()
    assert prepared.dssim(a).item() == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("method", FUNCTIONS)
def test_the_target_itself_has_distance_and_gradient_zero(method: str) -> None:
    a, _ = tensors((2, 3, 21, 23), seed=5, dtype=torch.float32)
    preds = a.clone().requires_grad_()
    value = getattr(prepare(a, data_range=1.0, convention=SMALL), method)(preds)
    assert value.item() == (0 if "dssim" in method else 1)
    assert not torch.autograd.grad(value, preds)[0].any()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CONVENTIONS)
def test_many_pictures_against_one_target(name: str, masked: bool) -> None:
    a, b = tensors((3, 2, 21, 23), seed=6)
    mask = blob((1, 2, 21, 23), seed=6) if masked else None
    options: Any = {"data_range": 1.0, "convention": CONVENTIONS[name]}
    prepared = prepare(b[:1], mask=mask, **options)
    for method, function in FUNCTIONS.items():
        value = getattr(prepared, method)(a, reduction="none")
        expected = function(a, b[:1].expand_as(a), mask=mask, reduction="none", **options)
        torch.testing.assert_close(value, expected, rtol=1e-11, atol=0)


def test_a_target_without_batch_axis_takes_pictures_with_and_without() -> None:
    a, b = tensors((3, 2, 21, 23), seed=7)
    prepared = prepare(b[0], data_range=1.0, convention=SMALL)
    each = prepared.ms_ssim(a, reduction="none")
    assert each.shape == (3,)
    alone = prepared.ms_ssim(a[2])
    assert alone.shape == ()
    torch.testing.assert_close(alone, each[2])


def test_uint8() -> None:
    a, b = ((255 * t).round().to(torch.uint8) for t in tensors((2, 1, 21, 23), seed=8))
    expected = ms_ssim(a, b, convention=SMALL)
    torch.testing.assert_close(prepare(b, convention=SMALL).ms_ssim(a), expected)


def test_volumes() -> None:
    generator = torch.Generator().manual_seed(9)
    b = torch.rand(1, 1, 21, 22, 23, generator=generator, dtype=torch.float64)
    a = b + 0.1 * torch.randn(4, 1, 21, 22, 23, generator=generator, dtype=torch.float64)
    options: Any = {"data_range": 1.0, "convention": SMALL, "reduction": "none"}
    value = prepare(b, data_range=1.0, convention=SMALL).ms_dssim(a, reduction="none")
    torch.testing.assert_close(value, ms_dssim(a, b.expand_as(a), **options), rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
@pytest.mark.parametrize("used", [False, True])
def test_later_changes_to_the_target_change_nothing(dtype: torch.dtype, used: bool) -> None:
    a, b = tensors((1, 1, 21, 23), seed=10, dtype=dtype)
    mask = torch.ones(21, 23)
    mask[3:6] = 0
    prepared = prepare(b, data_range=1.0, convention=SMALL, mask=mask)
    expected = ms_dssim(a, b, data_range=1.0, convention=SMALL, mask=mask)
    if used:
        prepared.ms_dssim(a)
    b.zero_()
    mask.fill_(1)
    torch.testing.assert_close(prepared.ms_dssim(a), expected)


def test_prepared_and_used_without_gradients_it_still_gives_them() -> None:
    a, b = tensors((1, 1, 21, 23), seed=11)
    preds = a.clone().requires_grad_()
    (expected,) = torch.autograd.grad(ms_dssim(preds, b, data_range=1.0, convention=SMALL), preds)
    with torch.inference_mode():
        prepared = prepare(b.clone(), data_range=1.0, convention=SMALL)
        prepared.ms_dssim(a)
    (found,) = torch.autograd.grad(prepared.ms_dssim(preds), preds)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-15)


def test_second_derivatives() -> None:
    _, b = tensors((1, 1, 7, 6), seed=12)
    preds = torch.rand(b.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(12))
    convention = replace(SMALL, window_size=3, levels=2)
    prepared = prepare(b, data_range=1.0, convention=convention)
    assert torch.autograd.gradgradcheck(prepared.ms_dssim, preds.requires_grad_())


# ---- what is refused


def test_a_target_that_requires_a_gradient_is_refused() -> None:
    _, b = tensors((1, 1, 21, 23), seed=13)
    with pytest.raises(ValueError, match=r"target\.detach\(\)"):
        prepare(b.requires_grad_(), data_range=1.0)


@pytest.mark.parametrize(
    ("preds", "words"),
    [
        (torch.zeros(3, 2, 21, 23, dtype=torch.float64), r"\(2, 2, 21, 23\).*\(3, 2, 21, 23\)"),
        (torch.zeros(2, 1, 21, 23, dtype=torch.float64), r"\(2, 2, 21, 23\).*\(2, 1, 21, 23\)"),
        (torch.zeros(2, 2, 21, 22, dtype=torch.float64), r"\(2, 2, 21, 23\).*\(2, 2, 21, 22\)"),
        (torch.zeros(1, 2, 21, 23, dtype=torch.float64), r"\(2, 2, 21, 23\).*\(1, 2, 21, 23\)"),
        (torch.zeros(2, 2, 21, 23), r"float32.*float64"),
        ([0.0], "list"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(preds: Any, words: str) -> None:
    _, b = tensors((2, 2, 21, 23), seed=14)
    with pytest.raises((ValueError, TypeError), match=words):
        prepare(b, data_range=1.0, convention=SMALL).ssim(preds)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_range": None}, "data_range"),
        ({"convention": "wong"}, "'wang'"),
        ({"engine": "warp"}, "engine"),
        ({"mask": torch.zeros(21, 23)}, "any picture: the mask is 0"),
        ({"mask": torch.ones(20, 23)}, "mask"),
    ],
)
def test_bad_options_are_refused_when_the_target_is_prepared(
    change: dict[str, Any], words: str
) -> None:
    _, b = tensors((2, 2, 21, 23), seed=15)
    with pytest.raises(ValueError, match=words):
        prepare(b, **({"data_range": 1.0} | change))


def test_an_unknown_reduction_is_refused() -> None:
    a, b = tensors((1, 1, 21, 23), seed=16)
    wrong: Any = "avg"
    with pytest.raises(ValueError, match="'avg'"):
        prepare(b, data_range=1.0).ssim(a, reduction=wrong)


def test_levels_that_do_not_fit_are_refused_and_ssim_still_works() -> None:
    a, b = tensors((1, 1, 21, 23), seed=17)
    prepared = prepare(b, data_range=1.0)
    with pytest.raises(ValueError, match="161"):
        prepared.ms_ssim(a)
    torch.testing.assert_close(prepared.ssim(a), ssim(a, b, data_range=1.0))


def test_an_empty_batch_against_one_target() -> None:
    _, b = tensors((1, 1, 21, 23), seed=18)
    prepared = prepare(b, data_range=1.0, convention=SMALL)
    assert prepared.ms_ssim(b[:0], reduction="none").shape == (0,)


def test_a_prepared_target_is_frozen() -> None:
    _, b = tensors((1, 1, 21, 23), seed=19)
    prepared: Any = prepare(b, data_range=1.0)
    with pytest.raises(FrozenInstanceError):
        prepared.target = b


def test_the_blurs_of_the_target_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:

    a, b = tensors((1, 1, 21, 23), seed=20)
    planes: list[int] = []
    blur = weights.blur

    def counted(x: Tensor, taps: tuple[float, ...]) -> Tensor:
        planes.append(x.shape[1])
        return blur(x, taps)

    monkeypatch.setattr(weights, "blur", counted)
    ssim(a, b, data_range=1.0)
    plain = sum(planes)
    prepared = prepare(b, data_range=1.0)
    prepared.ssim(a)
    planes.clear()
    prepared.ssim(a)
    assert (sum(planes), plain) == (3, 4)
