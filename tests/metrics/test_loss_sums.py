"""Sums of losses by name, with weights and conventions; test_losses.py has the rest."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from snellen.metrics.conventions import get_convention
from snellen.metrics.loss_plans import parse_loss
from snellen.metrics.losses import MixedLoss, MSSSIMLoss, SSIMLoss


def pair(seed=5):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(2, 1, 48, 48, generator=generator) for _ in range(2))


def test_a_sum_has_the_weights_that_are_named():
    preds, target = pair()
    found = parse_loss("0.5*ms-ssim+30*mse").at(0)(preds, target)
    expected = 0.5 * MSSSIMLoss()(preds, target) + 30 * torch.nn.functional.mse_loss(preds, target)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_weight_left_out_beside_another_is_one():
    preds, target = pair()
    found = parse_loss("ssim+3*mae").at(0)(preds, target)
    expected = SSIMLoss()(preds, target) + 3 * (preds - target).abs().mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_convention_in_brackets_is_taken_on_the_levels_that_fit():
    preds, target = pair()
    poster = replace(get_convention("poster"), levels="auto", negative="smooth")
    found = parse_loss("ms-ssim[poster]").at(0)(preds, target)
    assert found.item() == MSSSIMLoss(convention=poster)(preds, target).item()
    assert found.item() != pytest.approx(MSSSIMLoss()(preds, target).item(), rel=1e-3)


def test_exponents_of_one_by_name():
    preds, target = pair()
    default = MSSSIMLoss().convention
    expected = MSSSIMLoss(convention=replace(default, exponents="ones"))(preds, target)
    assert parse_loss("ms-ssim[ones]").at(0)(preds, target).item() == expected.item()


def test_a_sum_without_numbers_is_the_well_known_mix():
    preds, target = pair()
    mixed, named = parse_loss("ms-ssim+l1").at(0), parse_loss("ms-ssim+mae").at(0)
    assert mixed(preds, target).item() == named(preds, target).item()
    assert mixed.weights == pytest.approx((0.84, 0.16))


@pytest.mark.parametrize(
    "spec",
    [
        "mse+mae",
        "30*mse",
        "2*ms-ssim",
        "mse+ms-ssim",
        "ms-ssim+ssim",
        "mse[poster]",
        "ms-ssim+mse[poster]",
        "ms-ssim+mse+mae",
    ],
)
def test_sums_that_are_none_are_refused_with_one_that_is(spec):
    with pytest.raises(ValueError, match=r"such as ms-ssim\+30\*mse"):
        parse_loss(spec)


def test_a_sum_of_unknown_names_is_refused():
    with pytest.raises(ValueError, match=r"no loss 'ms-ssim\+30\*msee'"):
        parse_loss("ms-ssim+30*msee")


def test_an_unknown_convention_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="poster"):
        parse_loss("ms-ssim[postr]")


@pytest.mark.parametrize("weights", [(0, 0), (-1, 1), (math.inf, 1), (math.nan, 1), (1,)])
def test_weights_that_weigh_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be two numbers"):
        MixedLoss(weights=weights)


def test_weights_and_alpha_are_not_both_taken():
    with pytest.raises(ValueError, match="give one of them"):
        MixedLoss(alpha=0.5, weights=(1, 2))
