"""Where the settings of an experiment come from, and how wrong ones are refused."""

from functools import partial

import pytest

from snellen.errors import UserError
from snellen.experiments import settings
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.settings import parse_assignment, preset_names, read_config

resolve = partial(settings.resolve, ReconstructionConfig)


def test_later_places_win(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("steps: 11\nbatch_size: 12\nlearning_rate: 0.5\n")
    config = resolve(
        preset="demo",
        config=file,
        options={"batch_size": 13, "seeds": None},
        assignments=["seeds=4"],
    )
    assert config.losses == ("mse", "mae", "ms-ssim")  # the preset's
    assert (config.steps, config.batch_size, config.seeds) == (11, 13, 4)


@pytest.mark.parametrize("name", preset_names(ReconstructionConfig))
def test_presets_are_valid(name):
    assert resolve(preset=name).losses[0] == "mse"


def test_the_resolved_configuration_reads_back_the_same(tmp_path):
    config = resolve(preset="demo", options={"losses": "mse,ms-ssim", "code_size": "16,32"})
    file = tmp_path / "config.yaml"
    file.write_text(config.as_yaml())
    assert resolve(config=file) == config


def test_lists_are_comma_separated():
    config = resolve(options={"losses": "mae, mse", "code_size": "8,16", "widths": "4,8"})
    assert config.losses == ("mae", "mse")
    assert config.code_size == (8, 16)
    assert config.widths == (4, 8)


@pytest.mark.parametrize(
    ("network", "widths"),
    [
        (None, (32, 64, 128)),
        ("conv-vae", (32, 64, 128)),
        ("fc-autoencoder", (1024, 1024)),
        ("fc-vae", (1024, 1024)),
        ("mine:Network", (32, 64, 128)),
    ],
)
def test_where_no_widths_are_named_they_are_the_networks(network, widths):
    assert resolve(options={"network": network}).widths == widths
    assert resolve(options={"network": network}, assignments=["widths=null"]).widths == widths
    assert resolve(options={"network": network, "widths": "5"}).widths == (5,)


def test_the_widths_of_a_preset_are_for_its_network_only(tmp_path):
    assert resolve(preset="demo").widths == (16, 32, 64)
    assert resolve(preset="demo", options={"network": "conv-autoencoder"}).widths == (16, 32, 64)
    assert resolve(preset="demo", options={"network": "fc-vae"}).widths == (1024, 1024)
    assert resolve(preset="demo", assignments=["network=fc-vae"]).widths == (1024, 1024)
    assert resolve(preset="demo", options={"network": "fc-vae", "widths": "9"}).widths == (9,)
    file = tmp_path / "a.yaml"
    file.write_text("network: fc-autoencoder\nwidths: [7]\n")
    assert resolve(preset="demo", config=file).widths == (7,)


def test_learning_rate_of_one_loss():
    config = resolve(assignments=["learning_rate=1e-3", "learning_rates.mae=5e-4"])
    assert config.rate("mae") == 5e-4
    assert config.rate("mse") == 1e-3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"assignments": ["step=5"]}, ["'step'", "Did you mean 'steps'"]),
        ({"preset": "dmo"}, ["'dmo'", "Did you mean 'demo'"]),
        ({"assignments": ["steps=0"]}, ["steps", "0"]),
        ({"assignments": ["steps=many"]}, ["steps", "'many'"]),
        ({"assignments": ["steps"]}, ["key=value"]),
        ({"assignments": ["losses="]}, ["losses"]),
        ({"options": {"losses": "mse,mse"}}, ["losses", "once"]),
        ({"options": {"channels": 2}}, ["channels", "2"]),
        ({"assignments": ["folds=1"]}, ["folds"]),
        ({"assignments": ["folds=3", "held_out_data=x"]}, ["held_out_data"]),
        ({"assignments": ["learning_rates.ms-sim=1"]}, ["'ms-sim'", "Did you mean 'ms-ssim'"]),
        ({"preset": "demo", "assignments": ["learning_rate.mae=1"]}, ["learning_rates.mse="]),
        ({"assignments": ["learning_rate=.nan"]}, ["learning_rate"]),
        ({"assignments": ["learning_rate=[1"]}, ["YAML"]),
        ({"assignments": ["nats_per_pixel=0"]}, ["nats_per_pixel", "0"]),
        ({"assignments": ["kl_warmup=2"]}, ["kl_warmup", "2"]),
        ({"assignments": ["widths=0"]}, ["widths", "0"]),
    ],
)
def test_bad_settings_are_one_sentence(settings, words):
    with pytest.raises(UserError) as error:
        resolve(**settings)
    sentence = str(error.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("content", ["a: [", "- 1\n- 2\n", "just text", b"\xff\xfe\x00a"])
def test_bad_files_are_one_sentence(tmp_path, content):
    file = tmp_path / "bad.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"bad\.yaml"):
        read_config(file)


def test_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot read the config"):
        read_config(tmp_path / "none.yaml")


def test_assignments_are_yaml():
    assert parse_assignment("code_size=[8, 16]") == ("code_size", [8, 16])
    assert parse_assignment("flip=false") == ("flip", False)


def test_the_configuration_cannot_be_changed():
    config = ReconstructionConfig()
    with pytest.raises(ValueError, match="frozen"):
        config.steps = 3
