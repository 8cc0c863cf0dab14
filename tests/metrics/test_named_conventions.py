"""Each convention with a name against an oracle of its library, at sizes where libraries differ.

No library is needed here; test_named_conventions_libraries runs the libraries themselves, and
test_named_conventions_published has the numbers that others have printed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from snellen.metrics import (
    CONVENTIONS,
    dssim,
    ms_dssim,
    ms_ssim,
    ms_ssim_map,
    ssim,
    ssim_map,
)
from snellen.metrics.conventions import WANG, Convention, min_side, smallest_side

from .cases import pair
from .libraries import LIBRARIES
from .libraries_oracle import MS_SSIM, SSIM, Array

# The oracle's own digits: E[x²] − μ² cancels some 1e-16, over C2 = 9e-4.
ABSOLUTE = 1e-11

NAMES = (
    *("wang", "wang2003", "matlab", "tensorflow", "scikit-image", "scikit-image-gaussian"),
    *("torchmetrics", "pytorch-msssim", "piq", "kornia", "basicsr", "fused-ssim", "poster"),
)
WITHOUT_MS_SSIM = (
    *("matlab", "scikit-image", "scikit-image-gaussian", "kornia", "basicsr", "fused-ssim"),
)
# One to three pixels more than a window of 7 or 11, odd, not square, and one to four channels.
SMALL = [(1, 11, 11), (2, 12, 13), (3, 14, 11), (4, 13, 12), (3, 37, 52), (1, 8, 31), (2, 7, 9)]
# Below the window, where a border or a skipped blur still gives a number.
TINY = [(1, 6, 6), (3, 6, 9), (2, 10, 30), (1, 2, 3), (4, 5, 40), (2, 1, 3)]
# Sides of 161 px, levels with odd sides in one axis, in both, in none; 383 and 384: piq's factor.
LARGE = [(3, 161, 161), (1, 162, 175), (2, 176, 177), (4, 176, 208), (3, 191, 333), (1, 179, 176)]


def flat(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Two bright pictures of almost no contrast: weights that do not sum to 1 show here."""
    random = np.random.default_rng(71)
    return 0.93 + 0.02 * random.random(shape), 0.93 + 0.02 * random.random(shape)


def opposite(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """A picture and its negative: factors of MS-SSIM below zero."""
    picture = np.random.default_rng(72).random(shape)
    return picture, 1 - picture


PAIRS = {"noisy": lambda shape: pair(shape, seed=70, noise=0.2), "flat": flat, "opposite": opposite}


def batch(*images: Array, peak: float = 1.0) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(peak * image)[None] for image in images)


def test_the_names_are_those_of_the_documentation() -> None:
    assert tuple(CONVENTIONS) == NAMES


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("shape", [*SMALL, *TINY], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_ssim_is_the_oracles(name: str, shape: tuple[int, ...], kind: str) -> None:
    a, b = PAIRS[kind](shape)
    if min(shape[1:]) < smallest_side(CONVENTIONS[name]):
        with pytest.raises(ValueError, match="does not fit"):
            ssim(*batch(a, b), data_range=1.0, convention=name)
        return
    value = ssim(*batch(a, b), data_range=1.0, convention=name)
    assert value.item() == pytest.approx(SSIM[name](a, b, 1.0), abs=ABSOLUTE)


@pytest.mark.parametrize("sides", [(383, 390), (384, 401), (512, 385), (640, 645), (641, 645)])
@pytest.mark.parametrize("name", ["piq", "pytorch-msssim"])
def test_ssim_of_larger_pictures_is_the_oracles(name: str, sides: tuple[int, int]) -> None:
    a, b = pair((1, *sides), seed=73, noise=0.2)
    value = ssim(*batch(a, b), data_range=1.0, convention=name)
    assert value.item() == pytest.approx(SSIM[name](a, b, 1.0), abs=ABSOLUTE)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("shape", LARGE, ids=str)
@pytest.mark.parametrize("name", MS_SSIM)
def test_ms_ssim_is_the_oracles(name: str, shape: tuple[int, ...], kind: str) -> None:
    a, b = PAIRS[kind](shape)
    if name in ("wang2003", "torchmetrics") and min(shape[1:]) < 176:
        with pytest.raises(ValueError, match="176"):
            ms_ssim(*batch(a, b), data_range=1.0, convention=name)
        return
    value = ms_ssim(*batch(a, b), data_range=1.0, convention=name)
    assert value.item() == pytest.approx(MS_SSIM[name](a, b, 1.0), abs=ABSOLUTE)


@pytest.mark.parametrize("name", NAMES)
def test_the_constants_follow_the_range(name: str) -> None:
    a, b = (255 * image for image in pair((3, 23, 34), seed=74))
    value = ssim(*batch(a, b), data_range=255, convention=name)
    assert value.item() == pytest.approx(SSIM[name](a, b, 255.0), abs=ABSOLUTE)


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("name", NAMES)
def test_float32_is_float64_to_1e_5(name: str, kind: str) -> None:
    tensors = batch(*PAIRS[kind]((3, 181, 187)))
    singles = [t.float() for t in tensors]
    for measure in (ssim, ms_ssim) if CONVENTIONS[name].multiscale else (ssim,):
        expected = measure(*tensors, data_range=1.0, convention=name)
        value = measure(*singles, data_range=1.0, convention=name)
        assert value.item() == pytest.approx(expected.item(), abs=1e-5)


# PyTorch's own, about how it traces an autograd.Function.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_every_name_compiles_without_a_graph_break(name: str) -> None:
    x, y = batch(*pair((2, 176, 183), seed=78))
    measure = ms_ssim if CONVENTIONS[name].multiscale else ssim

    def function(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return measure(x, y, data_range=1.0, convention=name)

    torch.compiler.reset()
    compiled = torch.compile(function, fullgraph=True, backend="eager")
    assert compiled(x, y).item() == pytest.approx(function(x, y).item(), abs=1e-12)


@pytest.mark.parametrize("name", WITHOUT_MS_SSIM)
def test_a_convention_without_an_ms_ssim_refuses_it(name: str) -> None:
    x = torch.rand(1, 1, 180, 180)
    for measure in (ms_ssim, ms_dssim):
        with pytest.raises(ValueError, match=r"no MS-SSIM.*pytorch-msssim"):
            measure(x, x, data_range=1.0, convention=name)


@pytest.mark.parametrize("name", WITHOUT_MS_SSIM)
def test_a_convention_without_an_ms_ssim_refuses_its_map(name: str) -> None:
    x = torch.rand(1, 1, 180, 180)
    with pytest.raises(ValueError, match="MS-SSIM"):
        ms_ssim_map(x, x, data_range=1.0, convention=name)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "kornia"])
def test_identical_pictures_are_at_distance_0(name: str) -> None:
    x = torch.rand(2, 3, 180, 183)
    assert dssim(x, x, data_range=1.0, convention=name).item() == 0
    if CONVENTIONS[name].multiscale:
        assert ms_dssim(x, x, data_range=1.0, convention=name).item() == 0


def test_kornias_epsilon_keeps_black_pictures_apart() -> None:
    x = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    # kornia's documentation: 1 − ε / (C1·C2 + ε), about 0.99998889.
    shortfall = 1e-12 / (1e-4 * 9e-4 + 1e-12)
    value = dssim(x, x, data_range=1.0, convention="kornia")
    assert value.item() == pytest.approx(shortfall, rel=1e-9)
    assert ssim(x, x, data_range=1.0, convention="kornia").item() == pytest.approx(0.99998889)


def test_matlab_of_a_gray_picture_is_the_poster_ssim() -> None:
    tensors = batch(*pair((1, 33, 40), seed=76))
    expected = ssim(*tensors, data_range=1.0, convention="poster")
    value = ssim(*tensors, data_range=1.0, convention="matlab")
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)


def test_matlabs_window_goes_across_channels() -> None:
    tensors = batch(*pair((3, 33, 40), seed=76))
    apart = replace(CONVENTIONS["matlab"], channels="apart")
    values = [ssim(*tensors, data_range=1.0, convention=c).item() for c in ("matlab", apart)]
    assert abs(values[0] - values[1]) > 1e-3


@pytest.mark.parametrize(("side", "expected"), [(383, 373), (384, 182), (640, 310), (641, 203)])
def test_piqs_ssim_map_is_that_of_the_reduced_picture(side: int, expected: int) -> None:
    x = torch.rand(1, 1, side, 650)
    assert ssim_map(x, x, data_range=1.0, convention="piq").shape[-2] == expected


QUIRKS = {
    "single": replace(WANG, precision="single"),
    "skip": CONVENTIONS["pytorch-msssim"],
    "window": CONVENTIONS["matlab"],
    "epsilon": replace(CONVENTIONS["kornia"], epsilon=1e-6),
    "downsample": replace(WANG, window_size=3, downsample_to=5),
}
QUIRKY_LEVELS = {
    "zeros": replace(WANG, window_size=3, levels=3, odd_sizes="zeros"),
    "repeat": replace(WANG, window_size=3, levels=3, odd_sizes="repeat"),
    "crop": replace(WANG, window_size=3, levels=2, border="reflect", crop_contrast=True),
}


@pytest.mark.parametrize(
    ("measure", "convention", "sides"),
    [
        *((dssim, QUIRKS[name], (12, 9)) for name in QUIRKS if name not in ("single", "window")),
        *((dssim, QUIRKS[name], (12, 13)) for name in ("single", "window")),
        *((ms_dssim, convention, (12, 11)) for convention in QUIRKY_LEVELS.values()),
    ],
    ids=[*(n for n in QUIRKS if n not in ("single", "window")), "single", "window", *QUIRKY_LEVELS],
)
def test_every_quirk_has_its_gradient(
    measure: object, convention: Convention, sides: tuple[int, int]
) -> None:
    x, y = (t.requires_grad_() for t in batch(*pair((2, *sides), seed=77)))

    def function(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return measure(x, y, data_range=1.0, convention=convention)  # type: ignore[operator]

    assert torch.autograd.gradcheck(function, (x, y), atol=1e-6)
    assert torch.autograd.gradgradcheck(function, (x, y), atol=1e-5, fast_mode=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": float("inf")}, "epsilon"),
        ({"downsample_to": 0}, "downsample_to"),
        ({"downsample_to": 2.5}, "downsample_to"),
        ({"channels": "together"}, "apart, window"),
        ({"precision": "half"}, "double, single"),
        ({"small_sides": "pads"}, "'pad'"),
        ({"small_sides": "pad"}, "border='replicate'"),
        ({"small_sides": "skip", "border": "zeros"}, "'valid'"),
        ({"reading": "pixels", "border": "zeros", "odd_sizes": "zeros"}, "'keep' or 'drop'"),
        ({"reading": "pixels", "border": "zeros", "odd_sizes": "repeat"}, "'keep' or 'drop'"),
        ({"reading": "sigmas", "border": "zeros", "crop_contrast": True}, "crop_contrast=False"),
    ],
    ids=str,
)
def test_what_no_computation_could_use_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(WANG, **change)  # type: ignore[arg-type]


def rows_of_the_table() -> dict[str, list[str]]:
    """The table of docs/conventions.md: name → the other cells."""
    page = Path(__file__).parents[2] / "docs" / "conventions.md"
    lines = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): rest for name, *rest in cells}


def test_the_documentation_has_every_name_with_its_smallest_sides() -> None:
    rows = rows_of_the_table()
    assert tuple(rows) == NAMES
    for name, (multiscale, side, multiscale_side, _, _) in rows.items():
        convention = CONVENTIONS[name]
        assert multiscale == ("yes" if convention.multiscale else "no")
        assert side == str(smallest_side(convention))
        assert multiscale_side == (str(min_side(convention, 5)) if convention.multiscale else "–")


def test_the_documentation_says_what_each_name_is_tested_against() -> None:
    for name, (*_, against, tolerance) in rows_of_the_table().items():
        assert ("the library" in against) == (name in LIBRARIES)
        assert "oracle" in against
        expected = "1e-11" if name not in LIBRARIES else "1e-5" if name == "tensorflow" else "1e-6"
        assert tolerance == expected
