"""The CPU engine against the definition in float64: complement and both gradients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from snellen.metrics import definition
from snellen.metrics.conventions import POSTER, WANG, Convention

from .comparing import Measure, Outcome, gradient_error, relative_error
from .pictures import PICTURES, pictures

# Relative error of a complement above 1e-3 and of one down to 1e-7 (below that, 1e-10 absolute);
# error of a gradient relative to its largest entry.
COMPLEMENT, SMALL_COMPLEMENT, GRADIENT = 1e-5, 1e-4, 1e-5

AUTO = replace(WANG, levels="auto")
PIXELS = replace(POSTER, levels="auto")
ZHAO_LIKE = replace(PIXELS, exponents="wang")


def errors(found: Outcome, truth: Outcome) -> tuple[float, float, float]:
    """Of the complement, relative; of the gradients by x and y, to their largest entries."""
    by_x, by_y = (
        gradient_error(f, t)
        for f, t in zip(found[1:], truth[1:], strict=True)
        if f is not None and t is not None
    )
    complement = max(
        relative_error(f, t) / (1 if t > 1e-3 else SMALL_COMPLEMENT / COMPLEMENT)
        if t >= 1e-7
        else float(abs(f - t)) * 1e5
        for f, t in zip(found.complement, truth.complement, strict=True)
    )
    return complement, by_x, by_y


def check(measure: Measure, x: Tensor, y: Tensor, complement: float, gradient: float) -> Outcome:
    found = measure.engine(x, y)
    of_complement, by_x, by_y = errors(found, measure.definition(x, y))
    assert of_complement <= complement
    assert by_x <= gradient
    assert by_y <= gradient
    return found


def check_kind(kind: str, shape: tuple[int, ...], convention: Convention, multiscale: bool) -> None:
    x, y, data_range = pictures(kind, shape)
    measure = Measure(convention, multiscale, data_range)
    # The mean factors of unrelated pictures are near 0, and w·m^(w-1) passes on what rounding
    # adds to m, some 2e-8, the more the nearer.
    levels = multiscale and convention.reading == "levels"
    room = 5e-8 / smallest_mean(measure, x, y) if kind == "unrelated" and levels else 0
    check(measure, x, y, COMPLEMENT, GRADIENT + room)


# A name, a convention, whether it is MS-SSIM.
MEASURES: dict[str, tuple[Convention, bool]] = {
    "SSIM": (WANG, False),
    "SSIM, replicate": (replace(WANG, border="replicate"), False),
    "SSIM, reflect, sample": (replace(WANG, border="reflect", covariance="sample"), False),
    "SSIM, zeros, smooth": (replace(WANG, border="zeros", negative="smooth"), False),
    "levels": (AUTO, True),
    "levels, drop": (replace(AUTO, odd_sizes="drop"), True),
    "levels, mean-then-product": (replace(AUTO, channel_order="mean-then-product"), True),
    "levels, zeros, signed": (replace(AUTO, border="zeros", negative="signed"), True),
    "levels, reflect, smooth": (replace(AUTO, border="reflect", negative="smooth"), True),
    "levels, replicate, ones": (replace(AUTO, border="replicate", exponents="ones"), True),
    "pixels": (PIXELS, True),
    "pixels, drop, reflect": (replace(PIXELS, odd_sizes="drop", border="reflect"), True),
    "pixels, zeros, sample": (replace(PIXELS, border="zeros", covariance="sample"), True),
}


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("kind", PICTURES)
def test_every_kind_of_picture(kind: str, name: str) -> None:
    check_kind(kind, (2, 2, 61, 83), *MEASURES[name])


@pytest.mark.parametrize("name", ["SSIM", "SSIM, replicate", "levels", "pixels"])
@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("shape", [(11, 11), (12, 13), (22, 25)])
def test_tiny_pictures(shape: tuple[int, int], kind: str, name: str) -> None:
    check_kind(kind, (1, 1, *shape), *MEASURES[name])


@pytest.mark.parametrize("name", ["SSIM", "levels, drop", "pixels, drop, reflect"])
@pytest.mark.parametrize("kind", ["near 1e-1", "near 1e-4", "bright", "random"])
@pytest.mark.parametrize("shape", [(1250, 23), (24, 431), (171, 333), (600, 300)])
def test_pictures_of_several_blocks_of_rows_and_strips_of_columns(
    shape: tuple[int, int], kind: str, name: str
) -> None:
    check_kind(kind, (1, 1, *shape), *MEASURES[name])


# Widths whose last strip would be narrower than what the border folds back into it.
@pytest.mark.parametrize("width", [130, 145, 259, 385, 897, 900])
@pytest.mark.parametrize("border", ["reflect", "replicate"])
@pytest.mark.parametrize("size", [11, 33])
def test_borders_beside_the_last_strip(size: int, border: str, width: int) -> None:
    convention = replace(WANG, window_size=size, border=border)  # type: ignore[arg-type]
    x, y, _ = pictures("near 1e-1", (1, 1, 35, width))
    check(Measure(convention, False), x, y, COMPLEMENT, GRADIENT)


@pytest.mark.parametrize("name", ["levels", "levels, drop", "pixels"])
@pytest.mark.parametrize("kind", ["near 1e-1", "near 1e-5", "anti-correlated"])
def test_five_levels(kind: str, name: str) -> None:
    convention, multiscale = MEASURES[name]
    x, y, data_range = pictures(kind, (1, 1, 179, 183))
    measure = Measure(convention, multiscale, data_range)
    assert measure.plan(x).levels == 5
    check(measure, x, y, COMPLEMENT, GRADIENT)


@pytest.mark.parametrize("border", ["valid", "reflect", "replicate", "zeros"])
@pytest.mark.parametrize("window", ["gaussian", "uniform"])
@pytest.mark.parametrize("size", [3, 7, 33])  # each is compiled for itself
def test_windows(size: int, window: str, border: str) -> None:
    convention = replace(WANG, window_size=size, sigma=size / 7, window=window, border=border)  # type: ignore[arg-type]
    for kind in ("near 1e-1", "near 1e-4", "bright", "anti-correlated"):
        x, y, data_range = pictures(kind, (1, 2, 37, 150))
        check(Measure(convention, False, data_range), x, y, COMPLEMENT, GRADIENT)


@pytest.mark.parametrize("kind", ["saturated", "checkerboard"])
@pytest.mark.parametrize("size", [3, 7, 33])
def test_uniform_windows_over_hard_edges(size: int, kind: str) -> None:
    x, y, _ = pictures(kind, (1, 2, 37, 150))
    convention = replace(WANG, window_size=size, window="uniform", covariance="sample")
    check(Measure(convention, False), x, y, COMPLEMENT, GRADIENT)


def test_a_window_of_one_pixel_compares_luminance() -> None:
    x, y, _ = pictures("near 1e-1", (1, 1, 19, 35))
    convention = replace(WANG, window_size=1)
    found = check(Measure(convention, False), x, y, COMPLEMENT, 1e-4)
    c1 = 1e-4
    square = (x.double() - y.double()) ** 2
    luminance = square / (x.double() ** 2 + y.double() ** 2 + c1)
    assert relative_error(found.complement, luminance.mean(dim=(1, 2, 3))) <= COMPLEMENT


@pytest.mark.parametrize("convention", [WANG, PIXELS])
def test_the_gradient_under_a_window_of_one_pixel(convention: Convention) -> None:
    x, y, _ = pictures("bright", (1, 1, 19, 35))
    convention = replace(convention, window_size=1)
    check(Measure(convention, convention.reading == "pixels"), x, y, COMPLEMENT, GRADIENT)


@pytest.mark.parametrize("size", [1, 3, 11])
@pytest.mark.parametrize("name", MEASURES)
def test_identical_pictures_have_distance_and_gradient_0(name: str, size: int) -> None:
    convention, multiscale = MEASURES[name]
    if size == 1 and convention.covariance == "sample":
        pytest.skip("a sample covariance needs more than one pixel")
    convention = replace(convention, window_size=size)
    for kind in ("near 1e-1", "saturated", "bright, range 255", "flat and brighter"):
        _, y, data_range = pictures(kind, (2, 2, 45, 53))
        found = Measure(convention, multiscale, data_range).engine(y, y.clone())
        for result in found:
            assert result is not None
            assert torch.count_nonzero(result) == 0


@pytest.mark.parametrize("value", [0.0, 1.0, 0.3])
def test_two_equal_flat_pictures_and_black_ones(value: float) -> None:
    x = torch.full((1, 1, 40, 40), value)
    for convention, multiscale in MEASURES.values():
        found = Measure(convention, multiscale).engine(x, x.clone())
        assert float(found.complement) == 0


@pytest.mark.parametrize("weight", [0.0, -2.5, 1 / 3])
@pytest.mark.parametrize("name", ["SSIM", "levels", "pixels"])
def test_the_weight_multiplies_the_gradient(name: str, weight: float) -> None:
    convention, multiscale = MEASURES[name]
    x, y, _ = pictures("near 1e-1", (2, 2, 61, 83))
    measure = Measure(convention, multiscale)
    plain, weighted = measure.engine(x, y), measure.engine(x, y, weight=weight)
    assert torch.equal(plain.complement, weighted.complement)
    for found, unit in ((weighted.by_x, plain.by_x), (weighted.by_y, plain.by_y)):
        assert found is not None
        assert unit is not None
        assert float((found - weight * unit).abs().max()) <= 1e-6 * float(unit.abs().max())


# A factor m near 0 raised to a power w below 1 has a slope without bound, w·m^(w-1). Whoever
# computes m in single precision is off by some 1e-6, and the slope then by 1e-6/m of itself: this
# is what can be asked for. The definition in float32 is off by as much: by 1e-3 where m is 1e-5.
@pytest.mark.parametrize("negative", ["clamp", "signed"])
@pytest.mark.parametrize(
    "kind", ["random", "near 1e-1", "near 1e-4", "anti-correlated", "unrelated"]
)
@pytest.mark.parametrize("shape", [(61, 83), (97, 70)])
def test_fractional_powers_by_pixels(shape: tuple[int, int], kind: str, negative: str) -> None:
    convention = replace(ZHAO_LIKE, negative=negative)  # type: ignore[arg-type]
    x, y, data_range = pictures(kind, (1, 1, *shape))
    measure = Measure(convention, True, data_range)
    smallest = smallest_factor(measure, x, y)
    check(measure, x, y, COMPLEMENT, GRADIENT + 2e-6 / smallest)


def smallest_factor(measure: Measure, x: Tensor, y: Tensor) -> float:
    """Smallest |m| of all levels and pixels."""
    pair = x.double(), y.double()
    levels = definition._factors(*pair, measure.data_range, measure.convention, None, None)
    return min(float((1 - distances).abs().min()) for distances in levels)


def smallest_mean(measure: Measure, x: Tensor, y: Tensor) -> float:
    """Smallest |mean of m| of all levels, pictures and channels."""
    pair = x.double(), y.double()
    levels = definition._factors(*pair, measure.data_range, measure.convention, None, None)
    return min(float((1 - distances.mean(dim=(2, 3))).abs().min()) for distances in levels)


@pytest.mark.parametrize("kind", PICTURES)
def test_the_smooth_policy_by_pixels(kind: str) -> None:
    check_kind(kind, (2, 2, 61, 83), replace(ZHAO_LIKE, negative="smooth"), True)


def test_small_products_by_pixels_keep_their_digits() -> None:
    convention = replace(PIXELS, negative="smooth", border="reflect")
    check_kind("anti-correlated", (2, 2, 61, 83), convention, True)


@pytest.mark.parametrize("kind", ["near 1e-1", "near 1e-4"])
def test_a_single_level_by_pixels_with_signs(kind: str) -> None:
    check_kind(kind, (1, 2, 19, 23), replace(PIXELS, negative="signed"), True)


def test_exponents_of_zero_leave_a_level_out() -> None:
    x, y, _ = pictures("near 1e-1", (1, 1, 61, 83))
    for convention in (WANG, POSTER):
        options = replace(convention, levels=3, exponents=(0.0, 0.5, 0.5))
        check(Measure(options, True), x, y, COMPLEMENT, GRADIENT)


def photograph(name: str) -> Tensor:
    """A photograph of scikit-image as (1, C, H, W) of values from 0 to 255."""
    picture = np.asarray(getattr(skimage.data, name)())
    if picture.ndim == 2:
        picture = picture[..., None]
    return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous().float()


def spoiled(target: Tensor, size: float) -> Tensor:
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(3))
    return (target + size * noise).round().clamp(0, 255)


@pytest.mark.parametrize("size", [1.0, 25.0])
@pytest.mark.parametrize("name", ["SSIM", "levels", "pixels"])
@pytest.mark.parametrize("photo", ["camera", "chelsea"])
def test_photographs(photo: str, name: str, size: float) -> None:
    target = photograph(photo)
    convention, multiscale = MEASURES[name]
    preds = spoiled(target, size)
    check(Measure(convention, multiscale, 255.0), preds, target, COMPLEMENT, GRADIENT)


@pytest.mark.parametrize("name", ["SSIM", "levels", "pixels"])
@pytest.mark.parametrize("photo", ["BSDS500/val/101085.jpg", "BSDS500/val/101087.jpg"])
def test_photographs_of_segmentation_fame(snellen_data: Path, photo: str, name: str) -> None:
    with Image.open(snellen_data / photo) as opened:
        picture = np.array(opened.convert("RGB"))
    target = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    convention, multiscale = MEASURES[name]
    measure = Measure(convention, multiscale, 255.0)
    check(measure, spoiled(target, 5.0), target, COMPLEMENT, GRADIENT)
    if name != "pixels":  # where products of five near 0 are what the gradient consists of
        check(measure, 255 - target, target, COMPLEMENT, GRADIENT)


def test_gradients_of_photographs_to_1e_5_of_the_largest_entry() -> None:
    target = photograph("camera")
    check(Measure(WANG, False, 255.0), spoiled(target, 1.0), target, COMPLEMENT, GRADIENT)


def test_gradients_beside_hard_edges_to_1e_5_of_the_largest_entry() -> None:
    for kind in ("saturated", "checkerboard"):
        x, y, _ = pictures(kind, (1, 1, 97, 70))
        check(Measure(PIXELS, True), x, y, COMPLEMENT, GRADIENT)
