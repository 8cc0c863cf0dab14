"""What is known and refused before anything is trained."""

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.experiments.super_resolution.planning import describe, make_plan, network_for
from snellen.images import read_image, write_png
from snellen.images.resize import bicubic_resize

NETWORKS = '''
import torch
from torch import nn

class Inside(nn.Module):
    """Enlarges by itself, as sub-pixel networks do."""
    upsamples_inside = True
    def __init__(self, scale):
        super().__init__()
        self.convolution = nn.Conv2d(1, scale**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(scale)
    def forward(self, low):
        return self.shuffle(self.convolution(low))

class Halves(nn.Conv2d):
    def __init__(self):
        super().__init__(1, 1, 2, stride=2)
'''


@pytest.fixture
def networks(tmp_path, monkeypatch):
    (tmp_path / "networks_of_this_test.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)
    return "networks_of_this_test"


def test_the_budget_counts_what_comes_out_of_valid_convolutions(config):
    budget = make_plan(config()).budget
    assert (budget.patch, budget.output_side, budget.levels, budget.steps) == (60, 44, 3, 3)


def test_a_network_that_enlarges_inside_gets_low_resolution_patches(config, networks):
    plan = make_plan(config(network=f"{networks}:Inside", network_options={}))
    assert plan.budget.inside
    assert plan.budget.output_side == 60
    assert tuple(plan.validation.inputs.shape[1:]) == (1, 15, 15)
    assert tuple(plan.validation.pixels.shape[1:]) == (1, 60, 60)


def test_all_losses_of_a_seed_start_from_the_same_weights(config):
    first, again, other = (network_for(config(), seed) for seed in (0, 0, 1))
    for mine, other_loss in zip(first.parameters(), again.parameters(), strict=True):
        assert (mine == other_loss).all()
    assert not (first.features.weight == other.features.weight).all()


def test_without_benchmarks_scenes_are_held_out_of_training(config):
    plan = make_plan(config(benchmarks=(), held_out=2))
    (judged,) = plan.judged
    assert len(judged) == 2
    assert set(judged.names).isdisjoint(plan.source.names)
    assert len(plan.source) == 4
    assert plan.skipped == []


def test_of_several_folders_scenes_are_held_out_of_each(config, folders):
    train = (str(folders / "train"), str(folders / "other"))
    plan = make_plan(config(train=train, benchmarks=(), held_out=1))
    assert [each.name for each in plan.judged] == ["held-out train", "held-out other"]
    held_out = {name for each in plan.judged for name in each.names}
    assert {name.split("/")[0] for name in held_out} == {"train", "other"}
    assert held_out.isdisjoint(plan.source.names)


def test_gray_pictures_are_their_own_luma(tmp_path, config):
    gray = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (80, 1))
    for k in range(3):
        write_png(tmp_path / f"{k}.png", np.roll(gray, 9 * k, 1) // (k + 1))
    plan = make_plan(config(train=(str(tmp_path),), benchmarks=(), held_out=1))
    assert plan.judged[0].read(0).ndim == 2


@pytest.fixture
def leaking(tmp_path, folders):
    """A folder to train on, with a smaller copy of a benchmark picture."""
    picture = read_image(folders / "judged" / "Set5" / "1.png")
    write_png(tmp_path / "innocent.png", bicubic_resize(picture, 0.7))
    write_png(tmp_path / "own.png", read_image(folders / "train" / "0.png"))
    return str(tmp_path)


def test_a_resized_benchmark_picture_among_the_training_pictures_is_refused(config, leaking):
    with pytest.raises(UserError, match=r"innocent\.png = 1\.png .*--allow-leak"):
        make_plan(config(train=(leaking,)))


def test_leaks_may_be_left_out_of_the_training(config, leaking):
    plan = make_plan(config(train=(leaking,), leave_out_leaks=True))
    assert plan.source.names == ["own.png"]
    assert plan.leaks == ()
    assert "1 left out as asked (innocent.png)" in "\n".join(describe(plan))


def test_leaks_cannot_be_allowed_and_left_out(config):
    with pytest.raises(ValueError, match="exclude each other"):
        config(allow_leak=True, leave_out_leaks=True)


def test_an_allowed_leak_is_said(config, leaking):
    plan = make_plan(config(train=(leaking,), allow_leak=True))
    (line,) = [line for line in describe(plan) if line.startswith("leaks")]
    assert "innocent.png = 1.png" in line


def test_a_benchmark_with_missing_pictures_is_said(config, folders, tmp_path):
    write_png(tmp_path / "Set5" / "a.png", read_image(folders / "judged" / "Set5" / "0.png"))
    plan = make_plan(config(benchmarks=(str(tmp_path),)))
    assert not plan.judged[0].published
    (line,) = [line for line in describe(plan) if line.startswith("note")]
    assert "Set5 has 1 picture here and was published with 5" in line


def test_learning_curves_look_at_no_benchmark(config, folders):
    plan = make_plan(config())
    assert plan.validation_words == "64 fixed patches of the training pictures"
    asked = make_plan(config(validation=str(folders / "other")))
    assert str(folders / "other") in asked.validation_words
    again = make_plan(config(validation=str(folders / "other")))
    assert (asked.validation.pixels == again.validation.pixels).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patch": 56}, ["56", "fewer than 3 levels", "patch=60"]),
        ({"losses": ("mse", "ms-sim")}, ["'ms-sim'", "ms-ssim"]),
        ({"protocol": "postr"}, ["'postr'", "poster"]),
        ({"network": "srcn", "network_options": {}}, ["'srcn'", "Did you mean 'srcnn'"]),
        ({"network_options": {"kernel": 3}}, ["'kernel'", "kernels"]),
        ({"network": "torch.nn:Identity", "network_options": {}}, ["no weights"]),
        ({"train": ("/nowhere",)}, ["/nowhere"]),
        ({"benchmarks": ("/nowhere",)}, ["/nowhere"]),
        ({"validation": "/nowhere"}, ["/nowhere"]),
    ],
)
def test_bad_input_is_one_sentence(config, changes, words):
    with pytest.raises(UserError) as error:
        make_plan(config(**changes))
    sentence = str(error.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_networks_that_return_another_size_are_refused(config, networks):
    with pytest.raises(UserError, match="must return"):
        make_plan(config(network=f"{networks}:Halves", network_options={}))


def test_patches_larger_than_every_picture_are_refused(config):
    with pytest.raises(UserError, match="patch"):
        make_plan(config(patch=200))


def test_two_sets_of_one_name_are_refused(config, folders, tmp_path):
    write_png(tmp_path / "other" / "a.png", read_image(folders / "other" / "0.png"))
    with pytest.raises(UserError, match="two sets are called other"):
        make_plan(config(benchmarks=(str(folders / "other"), str(tmp_path / "other"))))
