"""What is known and refused before anything is trained."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.experiments.super_resolution.judging import JudgedSet
from snellen.experiments.super_resolution.planning import (
    describe,
    make_plan,
    network_for,
    skipped_reasons,
)
from snellen.experiments.super_resolution.validating import patches_of
from snellen.images import read_image, write_png
from snellen.images.protocols import PROTOCOLS
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


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def networks(tmp_path, monkeypatch):
    (tmp_path / "networks_of_this_test.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)
    return "networks_of_this_test"


def test_the_budget_counts_what_comes_out_of_valid_convolutions(config):
    budget = make_plan(config()).budget
    assert (budget.patch, budget.output_side, budget.steps) == (60, 44, 3)


def test_levels_are_those_of_each_loss(config, folders):
    """A fourth level needs 10·8 + 1 pixels, and 11·8 where odd rows and columns are dropped."""
    losses = ("mse", "ms-ssim", "mse>ms-ssim[torchmetrics]+10*mse@0.5")
    places = {"train": (str(folders / "judged"),), "benchmarks": (str(folders / "other"),)}
    plan = make_plan(config(losses=losses, patch=100, **places))
    assert plan.budget.output_side == 84
    assert plan.budget.levels == {"ms-ssim": 4, losses[2]: 3}
    (line,) = [line for line in describe(plan) if line.startswith("patches")]
    assert f"ms-ssim on 4 levels, {losses[2]} on 3 levels" in line


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


def test_a_copy_of_a_leak_that_is_left_out_does_not_take_its_place(config, leaking):
    write_png(Path(leaking) / "twin.png", read_image(Path(leaking) / "innocent.png"))
    plan = make_plan(config(train=(leaking,), leave_out_leaks=True))
    assert plan.source.names == ["own.png"]
    assert plan.leaks == ()
    assert "2 left out as asked (innocent.png, twin.png)" in "\n".join(describe(plan))


def test_a_damaged_file_with_the_name_of_a_benchmark_picture_is_said(config, folders, tmp_path):
    shutil.copytree(folders / "train", tmp_path / "train")
    (tmp_path / "train" / "1.png").write_bytes(b"no picture")
    plan = make_plan(config(train=(str(tmp_path / "train"),)))
    assert "1.png" in {name for each in plan.judged for name in each.names}
    assert [item.name for item in plan.skipped] == ["1.png"]


def test_pictures_smaller_than_a_patch_are_said_and_not_counted(config, folders, tmp_path):
    shutil.copytree(folders / "train", tmp_path / "train")
    write_png(tmp_path / "train" / "small.png", noise(48, 90))
    plan = make_plan(config(train=(str(tmp_path / "train"),)))
    assert plan.trained_on == 6
    said = "\n".join(describe(plan))
    assert "6 pictures in" in said
    assert "1 smaller than a patch of 60 pixels (small.png)" in said
    assert skipped_reasons(plan) == {"smaller than a patch of 60 pixels": 1}


def test_learning_curves_are_of_all_pictures_evenly():
    """60 pictures of one level each: 64 patches are one of each, and a second of four."""
    levels = [4 * k for k in range(60)]
    names = [str(k) for k in levels]
    flat = JudgedSet("flat", names, names, lambda k: np.full((24, 28), levels[k], np.uint8))
    examples = patches_of([flat], 4, PROTOCOLS["poster"], 16, inside=False)
    found, counts = np.unique(examples.pixels[:, 0, 0, 0].numpy(), return_counts=True)
    assert found.tolist() == levels
    assert sorted(counts.tolist()) == [1] * 56 + [2] * 4
    given = examples.inputs[:, 0, 0, 0].numpy() * 255
    np.testing.assert_allclose(given, examples.pixels[:, 0, 0, 0], atol=1e-3)


def test_pictures_that_are_too_small_for_a_patch_leave_their_share_to_others():
    sides = [40 if k % 8 == 3 else 12 for k in range(80)]
    names = [str(k) for k in range(80)]
    mixed = JudgedSet("mixed", names, names, lambda k: np.full((sides[k], 44), k, np.uint8))
    examples = patches_of([mixed], 4, PROTOCOLS["poster"], 16, inside=False)
    found, counts = np.unique(examples.pixels[:, 0, 0, 0].numpy(), return_counts=True)
    assert found.tolist() == list(range(3, 80, 8))
    assert counts.sum() == 64
    assert counts.max() - counts.min() == 1


def test_versions_of_a_picture_count_once(config, folders, tmp_path):
    """Shrunk by a half, none of the six is as large as a patch, and none is missing."""
    write_png(tmp_path / "small" / "a.png", noise(58, 90, 3))
    train = (str(folders / "train"), str(tmp_path / "small"))
    plan = make_plan(config(train=train, rescales=(0.9, 1.0, 0.5)))
    assert plan.trained_on == 6
    assert [item.name for item in plan.too_small] == ["small/a.png"]


def test_a_damaged_picture_is_neither_judged_nor_trained_on(config, tmp_path):
    """Whether it would have been held out or not."""
    for k in range(8):
        write_png(tmp_path / "a" / f"{k}.png", noise(8, 90, 90, 3)[k])
    for damaged in range(8):
        path = tmp_path / "a" / f"{damaged}.png"
        whole = path.read_bytes()
        path.write_bytes(whole[:9000] + bytes(500) + whole[9500:])
        plan = make_plan(
            config(train=(str(tmp_path / "a"),), benchmarks=(), held_out=4, losses=("mse",))
        )
        (held_out,) = plan.judged
        assert path.name not in (*held_out.names, *plan.source.names)
        assert len(held_out) + plan.trained_on == 7
        assert [item.name for item in plan.skipped] == [path.name]
        path.write_bytes(whole)


def test_rescalings_that_leave_nothing_are_said(config, folders):
    with pytest.raises(UserError, match=r"no usable picture in \S*train\.$"):
        make_plan(config(rescales=(0.001,)))


def test_held_out_pictures_are_read_as_benchmarks_are(config, tmp_path):
    """Gray that is stored as colour goes the way of colour, as `superres evaluate` takes it."""
    for k in range(3):
        write_png(tmp_path / "a" / f"{k}.png", np.repeat(noise(3, 90, 90)[k, :, :, None], 3, 2))
    plan = make_plan(config(train=(str(tmp_path / "a"),), benchmarks=(), losses=("mse",)))
    (held_out,) = plan.judged
    (benchmark,) = make_plan(config(benchmarks=(str(tmp_path / "a"),), allow_leak=True)).judged
    place = benchmark.names.index(held_out.names[0])
    np.testing.assert_array_equal(held_out.read(0), benchmark.read(place))
    assert held_out.read(0).ndim == 3


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
        (
            {"losses": ("ms-ssim[torchmetrics]",), "scale": 2, "patch": 58},
            ["58", "'ms-ssim[torchmetrics]'", "patch=60"],
        ),
        ({"losses": ("ms-ssim[wang2003]",)}, ["wang2003", "44×44"]),
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


def test_a_picture_too_small_for_the_protocol_is_named_before_anything_is_trained(config, tmp_path):
    write_png(tmp_path / "tiny" / "a.png", noise(24, 40))
    with pytest.raises(UserError, match=r"tiny, a\.png: a picture of 40×24 pixels is too small"):
        make_plan(config(benchmarks=(str(tmp_path / "tiny"),)))


def test_two_sets_of_one_name_are_refused(config, folders, tmp_path):
    write_png(tmp_path / "other" / "a.png", read_image(folders / "other" / "0.png"))
    with pytest.raises(UserError, match="two sets are called other"):
        make_plan(config(benchmarks=(str(folders / "other"), str(tmp_path / "other"))))


def test_pictures_of_the_curves_that_are_trained_on_are_said(config, folders, tmp_path):
    shutil.copytree(folders / "other", tmp_path / "curves")
    shutil.copy(folders / "train" / "0.png", tmp_path / "curves" / "same.png")
    plan = make_plan(config(validation=str(tmp_path / "curves")))
    assert plan.validation_words.endswith("curves (1 of its pictures trained on, too)")
    plan = make_plan(config(validation=str(folders / "other"), benchmarks=()))
    assert plan.validation_words.endswith("other")
