"""Which conventions an engine may compute: a plan stands for nothing that it has no words for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snellen.metrics import CONVENTIONS, ms_ssim, ssim
from snellen.metrics.conventions import Convention
from snellen.metrics.engines.plan import Plan, make_plan

from .cases import tensors

# pytorch-msssim and fused-ssim but for their weights.
ZEROS = replace(CONVENTIONS["pytorch-msssim"], precision="double")
AROUND = replace(CONVENTIONS["fused-ssim"], precision="double")

NOT_PLANNED = {
    # convention, sides, whether MS-SSIM
    "window across channels": (CONVENTIONS["matlab"], (64, 64), False),
    "epsilon": (CONVENTIONS["kornia"], (64, 64), False),
    "weights of another sum": (CONVENTIONS["fused-ssim"], (64, 64), False),
    "smaller than the window": (AROUND, (10, 64), False),
    "an axis that is not blurred": (ZEROS, (64, 10), False),
    "means of blocks": (CONVENTIONS["piq"], (384, 400), False),
    "odd sides, zeros": (ZEROS, (176, 184), True),
    "odd sides, repeated": (CONVENTIONS["piq"], (176, 177), True),
    "cropped contrast": (CONVENTIONS["torchmetrics"], (192, 192), True),
}
PLANNED = {
    "means of blocks, small": (CONVENTIONS["piq"], (383, 400), False),
    "means of blocks, MS-SSIM": (CONVENTIONS["piq"], (384, 400), True),
    "no odd sides, zeros": (ZEROS, (176, 192), True),
    "no odd sides, repeated": (CONVENTIONS["piq"], (176, 192), True),
    "cropped contrast, SSIM": (CONVENTIONS["torchmetrics"], (64, 64), False),
    "smallest that is blurred": (ZEROS, (11, 11), False),
    "zeros around": (AROUND, (11, 64), False),
    "uniform": (CONVENTIONS["scikit-image"], (33, 35), False),
    "wang2003": (CONVENTIONS["wang2003"], (177, 190), True),
}


@pytest.mark.parametrize("case", NOT_PLANNED)
def test_what_a_plan_has_no_words_for_is_left_to_the_definition(case: str) -> None:
    convention, sides, multiscale = NOT_PLANNED[case]
    assert make_plan(convention, sides, 1.0, multiscale=multiscale) is None


def as_convention(plan: Plan, window_of: Convention) -> Convention:
    """What a plan says, as a convention of the first thirteen attributes only."""
    return Convention(
        window=window_of.window,
        window_size=len(plan.taps),
        border=plan.border,
        covariance="population" if plan.covariance_scale == 1 else "sample",
        reading="pixels" if plan.by_pixels else "levels",
        levels=plan.levels,
        exponents=plan.exponents,
        odd_sizes=plan.odd_sizes,
        channel_order=plan.channel_order,
        negative=plan.negative,
    )


@pytest.mark.parametrize("case", PLANNED)
def test_a_plan_says_all_that_matters_for_these_sides(case: str) -> None:
    convention, sides, multiscale = PLANNED[case]
    plan = make_plan(convention, sides, 1.0, multiscale=multiscale)
    assert plan is not None
    x, y = tensors((1, 2, *sides), seed=90)
    measure = ms_ssim if multiscale else ssim
    expected = measure(x, y, data_range=1.0, convention=convention)
    value = measure(x, y, data_range=1.0, convention=as_convention(plan, convention))
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)


def test_a_convention_without_an_ms_ssim_has_no_plan_for_it() -> None:
    with pytest.raises(ValueError, match="no MS-SSIM"):
        make_plan(CONVENTIONS["basicsr"], (192, 192), 1.0, multiscale=True)


def test_ssim_of_every_name_but_four_is_planned() -> None:
    plans = {
        name: make_plan(convention, (256, 256), 1.0, multiscale=False)
        for name, convention in CONVENTIONS.items()
    }
    missing = [name for name, plan in plans.items() if plan is None]
    assert missing == ["matlab", "pytorch-msssim", "kornia", "fused-ssim"]
