"""The loss classes, losses by name, schedules, and descent from bad starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from snellen.metrics import dssim, mae, ms_dssim, ms_ssim
from snellen.metrics.conventions import POSTER, WANG
from snellen.metrics.loss_plans import parse_loss
from snellen.metrics.losses import MixedLoss, MSSSIMLoss, SSIMLoss

from .cases import scene, tensors

AUTO = replace(WANG, levels="auto")
CLASSES: dict[str, Callable[..., nn.Module]] = {
    "ssim": SSIMLoss,
    "ms-ssim": MSSSIMLoss,
    "ms-ssim+l1": MixedLoss,
}


# ---- the classes


def test_the_classes_are_exported_at_the_top() -> None:
    import snellen

    assert snellen.SSIMLoss is SSIMLoss
    assert snellen.MSSSIMLoss is MSSSIMLoss
    assert snellen.MixedLoss is MixedLoss


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_falls_to_exactly_zero_with_gradient_zero_at_the_target(name: str) -> None:
    loss = CLASSES[name]()
    far, target = tensors((2, 3, 48, 49), seed=121, dtype=torch.float32)
    assert loss(far, target) > 0.01
    preds = target.clone().requires_grad_()
    value = loss(preds, target)
    value.backward()
    assert value.item() == 0
    assert preds.grad is not None
    assert not preds.grad.any()


def test_ssim_loss_is_dssim() -> None:
    preds, target = tensors((2, 3, 32, 33), seed=122)
    loss = SSIMLoss(data_range=2.0, convention="wang", reduction="none")
    expected = dssim(preds, target, data_range=2.0, reduction="none")
    assert torch.equal(loss(preds, target), expected)


def test_ms_ssim_loss_is_ms_dssim_of_its_convention() -> None:
    preds, target = tensors((2, 3, 48, 49), seed=123)
    for convention in (replace(AUTO, negative="smooth"), replace(POSTER, levels=2)):
        loss = MSSSIMLoss(data_range=2.0, convention=convention, reduction="none")
        expected = ms_dssim(preds, target, data_range=2.0, convention=convention, reduction="none")
        assert torch.equal(loss(preds, target), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.025, 0.5, 0.84, 1.0])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mixed_loss_is_the_weighted_sum_with_l1_over_the_range(
    alpha: float, reduction: str
) -> None:
    preds, target = (255 * t for t in tensors((2, 3, 48, 49), seed=124))
    mixed = MixedLoss(alpha=alpha, data_range=255, reduction=reduction)
    structural = MSSSIMLoss(data_range=255, reduction=reduction)
    absolute = mae(preds, target, reduction=reduction) / 255
    expected = alpha * structural(preds, target) + (1 - alpha) * absolute
    torch.testing.assert_close(mixed(preds, target), expected)


def test_zhaos_weight_is_the_default() -> None:
    preds, target = tensors((1, 1, 48, 49), seed=125)
    assert MixedLoss()(preds, target) == MixedLoss(alpha=0.84)(preds, target)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_a_weight_outside_0_to_1_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        MixedLoss(alpha=alpha)


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_is_unchanged_by_scaling_pictures_and_range(name: str) -> None:
    preds, target = tensors((1, 1, 48, 49), seed=126)
    expected = CLASSES[name](data_range=1.0)(preds, target)
    value = CLASSES[name](data_range=255.0)(255 * preds, 255 * target)
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("name", CLASSES)
def test_the_losses_are_float32_under_autocast(name: str) -> None:
    preds, target = tensors((1, 3, 48, 49), seed=127, dtype=torch.float32)
    loss = CLASSES[name]()
    expected = loss(preds, target)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(preds, target)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_has_no_parameters_and_no_state(name: str) -> None:
    loss = CLASSES[name]()
    assert not list(loss.parameters())
    assert not loss.state_dict()


@pytest.mark.parametrize("name", CLASSES)
def test_the_negative_is_no_dead_start(name: str) -> None:
    target = torch.from_numpy(scene((1, 1, 48, 49), seed=128)).float()
    preds = (1 - target).requires_grad_()
    CLASSES[name]()(preds, target).backward()
    assert preds.grad is not None
    assert preds.grad.isfinite().all()
    assert preds.grad.abs().mean() > 1e-6


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("data_range", [0, -1.0, float("nan"), float("inf")])
def test_a_loss_with_a_range_that_is_none_is_refused(name: str, data_range: float) -> None:
    preds, target = tensors((1, 1, 48, 49), seed=129)
    with pytest.raises(ValueError, match="data_range"):
        CLASSES[name](data_range=data_range)(preds, target)


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_with_an_unknown_convention_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"'wnag'.*'wang'"):
        CLASSES[name](convention="wnag")


# ---- levels of a loss


@pytest.mark.parametrize(("side", "levels"), [(32, 2), (48, 3), (96, 4), (161, 5)])
def test_ms_ssim_loss_uses_the_levels_that_fit(side: int, levels: int) -> None:
    assert MSSSIMLoss().levels((side, side)) == levels


@pytest.mark.parametrize("name", ["ms-ssim", "ms-ssim+l1"])
@pytest.mark.parametrize("side", [11, 16, 20])
def test_ms_ssim_with_one_level_is_refused_because_it_is_ssim(name: str, side: int) -> None:
    a = torch.rand(1, 1, side, side)
    with pytest.raises(ValueError, match=r"(?=.*SSIM)(?=.*\b21\b)"):
        CLASSES[name]()(a, a)


@pytest.mark.parametrize("name", ["ms-ssim", "ms-ssim+l1"])
def test_a_convention_of_one_level_is_no_ms_ssim_loss(name: str) -> None:
    a = torch.rand(1, 1, 200, 200)
    with pytest.raises(ValueError, match="SSIM"):
        CLASSES[name](convention=replace(WANG, levels=1))(a, a)


def test_a_loss_with_a_fixed_number_of_levels_is_never_cut() -> None:
    a = torch.rand(1, 1, 96, 96)
    with pytest.raises(ValueError, match="161"):
        MSSSIMLoss(convention="wang")(a, a)


# ---- names


def test_mse_and_mae_are_torchs() -> None:
    assert type(parse_loss("mse").at(0)) is nn.MSELoss
    assert type(parse_loss("mae").at(0)) is nn.L1Loss


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_is_the_class_with_its_defaults(name: str) -> None:
    plan = parse_loss(name)
    preds, target = tensors((1, 1, 48, 49), seed=130)
    assert type(plan.at(0.3)) is CLASSES[name]
    assert torch.equal(plan.at(0.3)(preds, target), CLASSES[name]()(preds, target))
    assert plan.spec == name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ms-sim", "ms-ssim"), ("msee", "mse"), ("sim", "ssim"), ("ms-ssim-l1", "ms-ssim+l1")],
)
def test_an_unknown_loss_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"'{typed}'.*'{meant}'".replace("+", r"\+")):
        parse_loss(typed)


@pytest.mark.parametrize("spec", ["", " ", ">", "elephant"])
def test_what_is_no_loss_is_answered_with_all_names(spec: str) -> None:
    with pytest.raises(ValueError, match=r"(?=.*mse)(?=.*ms-ssim\+l1)|@"):
        parse_loss(spec)


def test_a_schedule_switches_at_its_fraction() -> None:
    plan = parse_loss("mse>ms-ssim@0.5")
    kinds = [type(plan.at(f)) for f in (0.0, 0.25, 0.4999, 0.5, 0.75, 1.0)]
    assert kinds == [nn.MSELoss] * 3 + [MSSSIMLoss] * 3


def test_a_schedule_of_three() -> None:
    plan = parse_loss("mse>ssim@0.2>ms-ssim+l1@0.9")
    kinds = [type(plan.at(f)) for f in (0.1, 0.2, 0.89, 0.9)]
    assert kinds == [nn.MSELoss, SSIMLoss, SSIMLoss, MixedLoss]


@pytest.mark.parametrize(
    "spec",
    [
        "mse>ms-ssim",
        "mse>ms-ssim@",
        "mse>ms-ssim@half",
        "mse>ms-ssim@0",
        "mse>ms-ssim@1",
        "mse>ms-ssim@1.5",
        "mse>ms-ssim@-0.5",
        "mse>ms-ssim@nan",
        "mse>ms-ssim@0.5@0.6",
        "mse@0.5",
        "mse@0.5>ms-ssim",
        "mse>ssim@0.5>ms-ssim@0.5",
        "mse>ssim@0.5>ms-ssim@0.3",
        "mse>@0.5",
        ">ms-ssim@0.5",
        "mse>",
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"@|increase|no loss|needs a"):
        parse_loss(spec)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_outside_0_to_1_never_stops_a_loop(fraction: float) -> None:
    # StopIteration inside a training loop's generator would end it without a word.
    try:
        loss = parse_loss("mse>ms-ssim@0.5").at(fraction)
    except ValueError:
        return
    assert isinstance(loss, nn.Module)


def test_an_unknown_loss_inside_a_schedule_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'ms-sim'.*'ms-ssim'"):
        parse_loss("mse>ms-sim@0.5")


# ---- losses of the user's own

OWN = """
import torch
from torch import nn

class Huber(nn.Module):
    def forward(self, preds, target):
        return nn.functional.huber_loss(preds, target)

def quartic():
    return lambda preds, target: (preds - target).pow(4).mean()

def with_arguments(weight):
    return Huber()

def returns_nothing():
    return None

def per_pixel():
    return nn.MSELoss(reduction="none")

def detached():
    return lambda preds, target: (preds - target).detach().abs().mean()

def nan():
    return lambda preds, target: (preds - target).mean() * float("nan")

def fails_inside():
    def loss(preds, target):
        raise IndexError("layer 7 is missing")
    return loss

def fails_at_once():
    raise RuntimeError("no weights")

number = 3
"""


@pytest.fixture
def own_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_losses_of_a_test.py").write_text(OWN)
    (tmp_path / "broken_losses_of_a_test.py").write_text("def loss(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("own_losses_of_a_test", "broken_losses_of_a_test"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("own_losses")
@pytest.mark.parametrize("factory", ["Huber", "quartic"])
def test_a_loss_of_ones_own(factory: str) -> None:
    plan = parse_loss(f"own_losses_of_a_test:{factory}")
    plan.check(size=32, channels=1)
    loss = plan.at(0.0)
    assert isinstance(loss, nn.Module)
    assert loss(torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)).item() > 0


@pytest.mark.usefixtures("own_losses")
def test_a_loss_of_ones_own_in_a_schedule() -> None:
    plan = parse_loss("own_losses_of_a_test:Huber>ms-ssim@0.25")
    assert type(plan.at(0.2)).__name__ == "Huber"
    assert type(plan.at(0.25)) is MSSSIMLoss


@pytest.mark.usefixtures("own_losses")
@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("no_such_module_of_a_test:loss", "no_such_module_of_a_test"),
        ("own_losses_of_a_test:Hubr", "'Huber'"),
        ("own_losses_of_a_test:", "own_losses_of_a_test"),
        (":Huber", "Huber"),
        ("own_losses_of_a_test:number", "number"),
        ("own_losses_of_a_test:with_arguments", "arguments"),
        ("own_losses_of_a_test:returns_nothing", "returns_nothing"),
        ("own_losses_of_a_test:fails_at_once", "no weights"),
        ("broken_losses_of_a_test:loss", "broken_losses_of_a_test"),
    ],
)
def test_a_loss_that_cannot_be_made_is_refused_by_name(spec: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_loss(spec)


@pytest.mark.usefixtures("own_losses")
@pytest.mark.parametrize("factory", ["per_pixel", "detached", "nan", "fails_inside"])
def test_a_loss_that_no_training_can_use_is_refused_before_it_starts(factory: str) -> None:
    spec = f"own_losses_of_a_test:{factory}"
    with pytest.raises(ValueError, match=spec):
        parse_loss(spec).check(size=32, channels=3)


@pytest.mark.parametrize("spec", ["mse", "mae", *CLASSES, "mse>ms-ssim@0.5"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_named_loss_passes_its_check(spec: str, channels: int) -> None:
    parse_loss(spec).check(size=32, channels=channels)


@pytest.mark.parametrize("spec", ["ms-ssim", "ms-ssim+l1", "mse>ms-ssim@0.5"])
def test_the_check_refuses_ms_ssim_with_one_level(spec: str) -> None:
    with pytest.raises(ValueError, match=r"(?=.*SSIM)(?=.*\b21\b)"):
        parse_loss(spec).check(size=16, channels=1)


def test_the_check_leaves_the_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    parse_loss("ms-ssim").check(size=32, channels=1)
    assert torch.equal(torch.get_rng_state(), before)


# ---- descent


def descend(loss: nn.Module, start: Tensor, target: Tensor, steps: int) -> float:
    """MS-SSIM that Adam on the pixels has reached after so many steps."""
    preds = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([preds], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(preds, target).backward()
        optimizer.step()
    return ms_ssim(preds.detach(), target, data_range=1.0, convention=AUTO).item()


def target_picture(name: str) -> Tensor:
    if name == "scene":
        return torch.from_numpy(scene((1, 1, 33, 35), seed=131)).float()
    if name == "camera":
        picture = data.camera()[100:292:4, 180:372:4, None]
    else:
        picture = data.astronaut()[0:128:4, 160:288:4]
    planes = np.moveaxis(picture, -1, 0).astype(np.float32) / 255
    return torch.from_numpy(planes)[None]


@pytest.mark.parametrize("name", ["ms-ssim", "ms-ssim+l1"])
@pytest.mark.parametrize("start", ["negative", "noise", "flat", "black"])
@pytest.mark.parametrize("picture", ["scene", "camera", "astronaut"])
def test_descent_on_pixels_arrives_from_bad_starts(picture: str, start: str, name: str) -> None:
    target = target_picture(picture)
    generator = torch.Generator().manual_seed(0)
    preds = {
        "negative": 1 - target,
        "noise": torch.rand(target.shape, generator=generator),
        "flat": torch.full_like(target, 0.5),
        "black": torch.zeros_like(target),
    }[start]
    assert descend(CLASSES[name](), preds, target, steps=200) >= 0.95


@pytest.mark.parametrize("name", ["ms-ssim", "ms-ssim+l1"])
def test_descent_in_large_steps_inside_the_range(name: str) -> None:
    target = target_picture("astronaut")
    preds = (1 - target).requires_grad_()
    optimizer = torch.optim.Adam([preds], lr=0.05)
    loss = CLASSES[name]()
    for _ in range(200):
        optimizer.zero_grad()
        loss(preds, target).backward()
        optimizer.step()
        with torch.no_grad():
            preds.clamp_(0, 1)
    assert ms_ssim(preds.detach(), target, data_range=1.0, convention=AUTO).item() >= 0.95
