"""Masks, prepared targets, components and volumes under every convention that has a name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from snellen.metrics import (
    CONVENTIONS,
    WANG,
    dssim,
    ms_dssim,
    prepare,
    ssim,
    ssim_components,
    ssim_map,
)

from .cases import SMALL, tensors

NAMES = sorted(CONVENTIONS)
# What a convention can do that has no meaning for weights: masks are refused there.
UNWEIGHTED = {
    "channels='window'": lambda c: c.channels == "window",
    "downsample_to": lambda c: c.downsample_to is not None,
    "odd_sizes": lambda c: c.odd_sizes in ("zeros", "repeat"),
}


def functions(name: str) -> list[Any]:
    return [dssim, ms_dssim] if CONVENTIONS[name].multiscale else [dssim]


@pytest.mark.parametrize("side", [197, 400])
@pytest.mark.parametrize("name", NAMES)
def test_a_prepared_target_gives_the_numbers_of_the_functions(name: str, side: int) -> None:
    a, b = tensors((1, 2, 191, side), seed=1) if side < 400 else tensors((1, 1, 385, side), seed=1)
    prepared = prepare(b, data_range=1.0, convention=name)
    for function in functions(name):
        value = getattr(prepared, function.__name__)(a)
        expected = function(a, b, data_range=1.0, convention=name)
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_mask_changes_nothing_or_is_refused(name: str) -> None:
    convention = CONVENTIONS[name]
    a, b = tensors((1, 2, 385, 387), seed=2)
    mask = torch.full((385, 387), 0.3)
    for function in functions(name):
        options: Any = {"data_range": 1.0, "convention": convention}
        ignored = "odd_sizes" if function is dssim else "downsample_to"
        if any(rule(convention) for key, rule in UNWEIGHTED.items() if key != ignored):
            with pytest.raises(ValueError, match="Masks have no meaning under"):
                function(a, b, mask=mask, **options)
        else:
            masked = function(a, b, mask=mask, **options)
            torch.testing.assert_close(masked, function(a, b, **options), rtol=1e-12, atol=0)


def test_a_mask_on_pictures_smaller_than_the_window_is_refused() -> None:
    a, b = tensors((1, 1, 9, 40), seed=3)
    for small_sides, border in (("pad", "replicate"), ("skip", "valid")):
        convention = replace(WANG, small_sides=small_sides, border=border)
        ssim(a, b, data_range=1.0, convention=convention)
        with pytest.raises(ValueError, match=r"small_sides='(pad|skip)'.*9×40"):
            ssim(a, b, data_range=1.0, convention=convention, mask=torch.ones(9, 40))


@pytest.mark.parametrize("name", NAMES)
def test_three_components_multiply_to_the_map(name: str) -> None:
    a, b = tensors((1, 2, 41, 43), seed=4)
    # An epsilon belongs to their product, and the precision of float32 to the weights.
    convention = replace(CONVENTIONS[name], epsilon=0.0, negative="clamp")
    luminance, contrast, structure = ssim_components(a, b, data_range=1.0, convention=convention)
    expected = ssim_map(a, b, data_range=1.0, convention=convention)
    tolerance = 1e-12 if convention.precision == "double" else 1e-6
    torch.testing.assert_close(
        luminance * contrast * structure, expected, rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize(
    "change",
    [
        {"odd_sizes": "zeros"},
        {"odd_sizes": "repeat"},
        {"channels": "window"},
        {"precision": "single"},
        {"epsilon": 1e-4},
        {"crop_contrast": True, "border": "reflect"},
        {"downsample_to": 10},
        {"small_sides": "skip", "window_size": 25},
    ],
    ids=str,
)
def test_the_three_axes_of_a_volume_are_alike(change: dict[str, Any]) -> None:
    convention = replace(SMALL, **change)
    generator = torch.Generator().manual_seed(5)
    b = torch.rand(1, 2, 21, 22, 26, generator=generator, dtype=torch.float64)
    a = b + 0.1 * torch.randn(b.shape, generator=generator, dtype=torch.float64)
    for function in (dssim, ms_dssim) if convention.window_size < 20 else (dssim,):
        value = function(a, b, data_range=1.0, convention=convention)
        turned = [
            function(a.permute(order), b.permute(order), data_range=1.0, convention=convention)
            for order in ((0, 1, 3, 4, 2), (0, 1, 4, 3, 2))
        ]
        for other in turned:
            torch.testing.assert_close(other, value, rtol=1e-11, atol=0)


def test_cropped_contrast_counts_masked_pixels_by_the_windows_that_are_left() -> None:
    # The mask hides all that the crop takes away, and only the finest level counts.
    a, b = tensors((1, 1, 41, 43), seed=6)
    convention = replace(
        SMALL, border="reflect", crop_contrast=True, levels=2, exponents=(1.0, 0.0)
    )
    mask = torch.zeros(41, 43)
    mask[8:30, 9:31] = 1
    value = ms_dssim(a, b, data_range=1.0, convention=convention, mask=mask)
    uncropped = replace(convention, crop_contrast=False)
    expected = ms_dssim(a, b, data_range=1.0, convention=uncropped, mask=mask)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)
