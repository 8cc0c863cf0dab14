"""Each convention with a name beside the library itself, on the same pictures.

Where the library gives a number, the convention gives the same: to 1e-6 where the library computes
in float64, to 1e-5 for TensorFlow, which computes in float32. Where it refuses, so may we.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

from snellen.metrics import CONVENTIONS, ms_ssim, ssim

from .cases import pair
from .libraries import LIBRARIES, Measure
from .test_named_conventions import LARGE, PAIRS, SMALL, TINY

IN_FLOAT32 = ("tensorflow",)
MULTISCALE = [name for name in LIBRARIES if CONVENTIONS[name].multiscale]
# Sides at which piq's factor changes, and others beyond.
LARGER = [(383, 390), (384, 401), (385, 640), (512, 385), (640, 645), (641, 645)]


@pytest.fixture(scope="module")
def library(request: pytest.FixtureRequest) -> dict[str, Measure]:
    return LIBRARIES[request.param]()


def by_library(names: object) -> pytest.MarkDecorator:
    names = list(names)  # type: ignore[call-overload]
    return pytest.mark.parametrize(
        ("name", "library"), [(name, name) for name in names], ids=names, indirect=["library"]
    )


def tolerance(name: str) -> float:
    return 1e-5 if name in IN_FLOAT32 else 1e-6


def batch(kind: str, shape: tuple[int, ...], images: int) -> tuple[Tensor, Tensor]:
    """Pairs of one kind, all different."""
    pairs = [PAIRS[kind](shape) for _ in range(images)]
    shifted = [(np.roll(a, n, axis=-1), np.roll(b, n, axis=-1)) for n, (a, b) in enumerate(pairs)]
    a, b = (np.stack(side) for side in zip(*shifted, strict=True))
    return torch.from_numpy(a), torch.from_numpy(b)


def theirs(measure: Measure, x: Tensor, y: Tensor, peak: float) -> Tensor | None:
    """The library's values, None where it refuses the size or has no number for it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = measure(x, y, peak)
    except Exception:  # each library has errors of its own
        return None
    return value if bool(torch.isfinite(value).all()) else None


def kinds_of(name: str) -> list[str]:
    # In float32 a bright picture of little contrast has no fifth digit: E[x²] − μ² takes it away.
    return [kind for kind in PAIRS if kind != "flat" or name not in IN_FLOAT32]


@pytest.mark.parametrize("shape", [*SMALL, *TINY], ids=str)
@by_library(LIBRARIES)
def test_ssim_is_the_librarys(
    name: str, library: dict[str, Measure], shape: tuple[int, ...]
) -> None:
    for kind in kinds_of(name):
        x, y = batch(kind, shape, images=2)
        expected = theirs(library["ssim"], x, y, 1.0)
        if expected is None:
            assert min(shape[1:]) < CONVENTIONS[name].window_size, "refused, though it would fit"
            continue
        value = ssim(x, y, data_range=1.0, convention=name, reduction="none")
        torch.testing.assert_close(value, expected, rtol=0, atol=tolerance(name))


@pytest.mark.parametrize("sides", LARGER, ids=str)
@by_library(LIBRARIES)
def test_ssim_of_larger_pictures_is_the_librarys(
    name: str, library: dict[str, Measure], sides: tuple[int, int]
) -> None:
    x, y = (torch.from_numpy(image)[None] for image in pair((1, *sides), seed=80, noise=0.2))
    value = ssim(x, y, data_range=1.0, convention=name, reduction="none")
    torch.testing.assert_close(value, library["ssim"](x, y, 1.0), rtol=0, atol=tolerance(name))


@pytest.mark.parametrize("shape", LARGE, ids=str)
@by_library(MULTISCALE)
def test_ms_ssim_is_the_librarys(
    name: str, library: dict[str, Measure], shape: tuple[int, ...]
) -> None:
    for kind in kinds_of(name):
        x, y = batch(kind, shape, images=2)
        expected = theirs(library["ms_ssim"], x, y, 1.0)
        if expected is None:
            assert name == "torchmetrics", "refused, though it would fit"
            assert min(shape[1:]) < 176, "refused, though it would fit"
            continue
        value = ms_ssim(x, y, data_range=1.0, convention=name, reduction="none")
        torch.testing.assert_close(value, expected, rtol=0, atol=tolerance(name))


@by_library(LIBRARIES)
def test_the_range_is_the_librarys(name: str, library: dict[str, Measure]) -> None:
    x, y = (255 * t for t in batch("noisy", (3, 181, 187), images=2))
    for measure, function in (("ssim", ssim), ("ms_ssim", ms_ssim)):
        if measure in library:
            value = function(x, y, data_range=255.0, convention=name, reduction="none")
            expected = library[measure](x, y, 255.0)
            torch.testing.assert_close(value, expected, rtol=0, atol=tolerance(name))


@by_library(LIBRARIES)
def test_a_convention_has_an_ms_ssim_where_its_library_has_one(
    name: str, library: dict[str, Measure]
) -> None:
    assert CONVENTIONS[name].multiscale == ("ms_ssim" in library)
