"""What a comparison may be told, and the budget that follows from it."""

from functools import partial

import pytest

from snellen.errors import UserError
from snellen.experiments import settings
from snellen.experiments.settings import preset_names
from snellen.experiments.super_resolution.configuration import SuperResolutionConfig

resolve = partial(settings.resolve, SuperResolutionConfig)


def test_there_are_a_demo_a_short_and_the_posters_preset():
    assert preset_names(SuperResolutionConfig) == ["demo", "poster", "short"]


@pytest.mark.parametrize("name", preset_names(SuperResolutionConfig))
def test_presets_compare_the_posters_losses(name):
    losses = [loss.partition("[")[0] for loss in resolve(preset=name).losses]
    assert losses == ["mse", "mae", "ms-ssim"]


def test_the_posters_budget_is_five_million_patches_of_17_by_17():
    budget = resolve(preset="poster").output_pixels
    assert budget == 5_000_000 * 17**2
    assert resolve(preset="short").output_pixels == budget // 10


def test_a_training_makes_no_fewer_output_pixels_than_the_budget():
    config = resolve(preset="poster")
    steps = config.steps(48)
    per_step = config.batch_size * 48**2
    assert (steps - 1) * per_step < config.output_pixels <= steps * per_step


@pytest.mark.parametrize(("scale", "side"), [(2, 64), (3, 66), (4, 64)])
def test_the_usual_patch_is_a_multiple_of_the_scale(scale, side):
    assert resolve(options={"scale": scale}).patch_side == side


def test_folders_are_comma_separated_and_options_of_the_network_have_a_dot():
    config = resolve(
        options={"train": "a, b", "benchmarks": "c"},
        assignments=["network_options.start=identity", "learning_rates.mae=1e-4"],
    )
    assert config.train == ("a", "b")
    assert config.benchmarks == ("c",)
    assert config.network_options == {"start": "identity"}
    assert config.rate("mae") == 1e-4


def test_the_resolved_configuration_reads_back_the_same(tmp_path):
    config = resolve(preset="demo", options={"train": "a,b"}, assignments=["rescales=[1, 0.8]"])
    (tmp_path / "config.yaml").write_text(config.as_yaml())
    assert resolve(config=tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"assignments": ["output_pixel=5"]}, ["'output_pixel'", "Did you mean 'output_pixels'"]),
        ({"preset": "shorts"}, ["'shorts'", "Did you mean 'short'"]),
        ({"options": {"scale": 5}}, ["scale", "5"]),
        ({"assignments": ["patch=62"]}, ["62", "60", "64"]),
        ({"assignments": ["benchmarks=x", "held_out=2"]}, ["held_out", "benchmarks"]),
        ({"assignments": ["patch=1000000"]}, ["patch", "4096"]),
        ({"assignments": ["seeds=99999999999"]}, ["seeds", "1000"]),
        ({"assignments": ["train="]}, ["train", "at least one"]),
        ({"assignments": ["train=a,a"]}, ["train", "once"]),
        ({"assignments": ["rescales=[1.5]"]}, ["rescales"]),
        ({"assignments": ["losses.mse=1"]}, ["learning_rates and network_options"]),
    ],
)
def test_bad_settings_are_one_sentence(settings, words):
    with pytest.raises(UserError) as error:
        resolve(**settings)
    sentence = str(error.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence
