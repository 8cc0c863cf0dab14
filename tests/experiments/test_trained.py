"""Trained networks out of run folders: the right weights, the right pixels, one sentence if not."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import snellen
from snellen.datasets import open_pictures
from snellen.errors import UserError
from snellen.experiments.autoencoders import network_for
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.embedding import embed
from snellen.experiments.evaluation import reconstruct
from snellen.experiments.reconstruction import run_reconstruction
from snellen.images import area_resize, to_channels, write_png
from snellen.training import checkpoint_place
from snellen.training.checkpoints import Checkpoint, read_checkpoint, write_checkpoint

TINY = {
    "size": 16,
    "max_downscale": 1.5,
    "widths": (4, 8),
    "code_size": (6,),
    "steps": 4,
    "batch_size": 4,
    "crops_per_picture": 1,
    "validate_every": 4,
    "checkpoint_every": 2,
    "precision": "fp32",
}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "eight.npz"
    np.savez(path, images=noise(8, 24, 20))
    return f"npz:{path}"


def trained_run(folder, data, **changes):
    config = ReconstructionConfig(**{**TINY, "data": data, "losses": ("mse",), **changes})
    run_reconstruction(config, folder, command="snellen reconstruct test")
    return folder, config


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """Two losses, one training each."""
    folder = tmp_path_factory.mktemp("runs") / "plain"
    return trained_run(folder, data, losses=("mse", "ssim"))


@pytest.fixture(scope="module")
def many(data, tmp_path_factory):
    """One loss, but a sweep, folds, seeds and averages of the weights."""
    folder = tmp_path_factory.mktemp("runs") / "many"
    return trained_run(folder, data, code_size=(3, 6), folds=2, seeds=2, ema=0.8)


def written(folder, *, steps=4, tags=(), config_changes=(), seed=0, **changes):
    """A run folder as far as `load` reads it, without a training; returns its network."""
    config = ReconstructionConfig(**{**TINY, "losses": ("mse",), **changes})
    keys = {**config.model_dump(mode="json"), **dict(config_changes)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(keys))
    network = network_for(config, config.code_size[0], seed=5)
    place = folder / checkpoint_place("mse", seed, **dict(tags))
    write_checkpoint(place, Checkpoint(steps, network.state_dict()))
    return network.eval()


def codes_of(place, config, code_size, pixels, part="network"):
    """Codes without any of the code under test but the network itself."""
    network = network_for(config, code_size, seed=0).eval()
    checkpoint = read_checkpoint(place / "step-00000004")
    network.load_state_dict(dict(getattr(checkpoint, part)))
    with torch.no_grad():
        return network.encode(torch.from_numpy(pixels).float() / 255).numpy()


@pytest.mark.parametrize("loss", ["mse", "ssim"])
def test_codes_are_those_of_the_last_checkpoint_of_the_loss(run, loss):
    folder, config = run
    pictures = noise(5, 16, 16, 1, seed=3)
    trained = snellen.load(folder, loss=loss)
    expected = codes_of(
        folder / checkpoint_place(loss, 0), config, 6, pictures.transpose(0, 3, 1, 2)
    )
    found = trained.encode(pictures)
    assert (found.shape, found.dtype) == ((5, 6), np.float32)
    assert np.array_equal(found, expected)
    assert np.array_equal(found, snellen.load(str(folder), loss=loss).encode(pictures))
    assert not trained.network.training
    assert (trained.kind, trained.loss, trained.seed, dict(trained.tags)) == (
        "reconstruction",
        loss,
        0,
        {},
    )
    assert (trained.size, trained.channels, trained.code_size, trained.whole) == (16, 1, 6, False)


def test_the_losses_gave_different_networks(run):
    codes = [snellen.load(run[0], loss=loss).encode(noise(40, 40)) for loss in ("mse", "ssim")]
    assert not np.allclose(*codes)


def test_reconstructions_are_those_that_the_report_judges(run):
    trained = snellen.load(run[0], loss="mse")
    pictures = noise(3, 1, 16, 16)
    expected = reconstruct(trained.network, torch.from_numpy(pictures), torch.device("cpu"))
    assert np.array_equal(trained.reconstruct(torch.from_numpy(pictures)), expected)
    assert trained.reconstruct([]).shape == (0, 1, 16, 16)


@pytest.mark.parametrize("fold", [None, 0, 1])
@pytest.mark.parametrize("code_size", [3, 6])
def test_each_training_of_a_sweep_with_folds_is_found(many, code_size, fold):
    folder, config = many
    pictures = noise(2, 16, 16, 1)
    trained = snellen.load(folder, code_size=code_size, fold=fold)
    place = folder / "checkpoints/mse/seed-0" / f"code-{code_size}" / f"fold-{fold or 0}"
    stacked = pictures.transpose(0, 3, 1, 2)
    judged = codes_of(place, config, code_size, stacked, "ema")
    assert np.array_equal(trained.encode(pictures), judged)
    assert dict(trained.tags) == {"code": code_size, "fold": fold or 0}
    last = snellen.load(folder, code_size=code_size, fold=fold, ema=False)
    assert np.array_equal(last.encode(pictures), codes_of(place, config, code_size, stacked))
    assert not np.array_equal(last.encode(pictures), judged)


def test_seeds_are_different_trainings(many):
    codes = [snellen.load(many[0], seed=k, code_size=3).encode(noise(16, 16)) for k in (0, 1)]
    assert not np.allclose(*codes)


def test_a_run_may_be_renamed(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "längst umbenannt 2")
    moved = snellen.load(tmp_path / "längst umbenannt 2", loss="mse")
    picture = noise(30, 30)
    assert np.array_equal(moved.encode(picture), snellen.load(run[0], loss="mse").encode(picture))


def test_a_set_of_pictures_and_its_arrays_have_the_same_codes(run, data):
    trained = snellen.load(run[0], loss="mse")
    steps = []
    found = embed(trained, open_pictures(data, min_side=16), batch_size=3, step=steps.append)
    assert np.array_equal(found.codes, trained.encode(list(noise(8, 24, 20)), batch_size=3))
    assert found.names == [f"image-{k}" for k in range(8)]
    assert sum(steps) == 8
    assert np.allclose(found.codes, trained.encode(noise(8, 24, 20)[..., None]), atol=1e-5)


# What `represent` writes: the same folders below, the key `splits` in the configuration.


@pytest.mark.parametrize("splits", [["random", "people"], ["all"]])
def test_a_run_of_represent_takes_whole_pictures(tmp_path, splits):
    new_keys = {"splits": splits, "columns": {"identity": "class"}, "parts": 4}
    for split in ("random", "people"):
        network = written(tmp_path, tags={"split": split}, config_changes=new_keys)
    with pytest.raises(UserError, match=r"several splits: people, random\. Name one: --split"):
        snellen.load(tmp_path)
    trained = snellen.load(tmp_path, split="people")
    assert (trained.kind, trained.whole, dict(trained.tags)) == (
        "representation",
        True,
        {"split": "people"},
    )
    wide = noise(20, 64, 1)
    prepared = trained.prepare(wide)
    expected = area_resize(wide, (16, 16)).transpose(2, 0, 1) / np.float32(255)
    assert np.array_equal(prepared[0].numpy(), expected)
    with torch.no_grad():
        assert np.array_equal(trained.encode(wide), network.encode(prepared).numpy())
    with pytest.raises(UserError, match=r"no split 'peple'\. Did you mean 'people'"):
        snellen.load(tmp_path, split="peple")


def test_a_run_of_represent_with_everything_in_its_path(tmp_path):
    tags = {"split": "random", "code": 6, "fold": 1}
    changes = {"splits": ["random"]}
    written(tmp_path, tags=tags, config_changes=changes, code_size=(6, 3))
    written(tmp_path, tags={**tags, "fold": 0}, config_changes=changes, code_size=(6, 3))
    assert dict(snellen.load(tmp_path, code_size=6, fold=1).tags) == tags
    assert dict(snellen.load(tmp_path, code_size=6).tags)["fold"] == 0
    with pytest.raises(UserError, match="no fold 2"):
        snellen.load(tmp_path, code_size=6, fold=2)


# Pictures


@pytest.fixture
def gray(tmp_path):
    written(tmp_path / "gray")
    return snellen.load(tmp_path / "gray")


@pytest.fixture
def colour(tmp_path):
    written(tmp_path / "colour", channels=3)
    return snellen.load(tmp_path / "colour")


def test_the_largest_centred_square_is_shrunk_by_area(gray):
    picture = noise(40, 65, 3)
    square = to_channels(picture[:, 12:52], 1)  # (65 − 40) // 2 = 12
    expected = area_resize(square, (16, 16))[..., 0] / np.float32(255)
    assert np.array_equal(gray.prepare(picture)[0, 0].numpy(), expected)


def test_one_picture_comes_out_the_same_in_every_form(colour, tmp_path):
    picture = noise(20, 30, 3)
    write_png(tmp_path / "Ä ü.png", picture)
    with Image.open(tmp_path / "Ä ü.png") as opened:
        forms = [
            tmp_path / "Ä ü.png",
            str(tmp_path / "Ä ü.png"),
            opened,
            picture / 255,
            (picture / 255).astype(np.float32),
            (picture / 255).astype(">f8"),
            picture.astype(np.uint16) * 257,
            np.dstack([picture, np.full((20, 30), 255, np.uint8)]),
            torch.from_numpy(picture.transpose(2, 0, 1).copy()),
            torch.from_numpy(picture.transpose(2, 0, 1) / 255),
        ]
        expected = colour.prepare(picture)
        assert (expected.shape, expected.dtype) == ((1, 3, 16, 16), torch.float32)
        for form in forms:
            assert torch.equal(colour.prepare(form), expected)
        assert torch.equal(colour.prepare(forms), expected.expand(len(forms), -1, -1, -1))
        assert torch.equal(
            colour.prepare(picture[None].repeat(2, 0)), expected.expand(2, -1, -1, -1)
        )


def test_a_tensor_of_the_networks_shape_is_taken_as_it_is(colour):
    ready = torch.rand(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    assert torch.equal(colour.prepare(ready), ready.detach().float())


def test_gray_and_colour_become_what_the_network_takes(gray, colour):
    picture = noise(16, 16, 3)
    luma = np.asarray(Image.fromarray(picture).convert("L"))
    assert torch.equal(gray.prepare(picture), gray.prepare(luma))
    assert torch.equal(colour.prepare(luma), colour.prepare(np.repeat(luma[..., None], 3, 2)))
    clear = np.dstack([luma, np.zeros((16, 16), np.uint8)])
    assert torch.equal(gray.prepare(clear), torch.ones(1, 1, 16, 16))


def test_files_of_other_kinds(gray, colour, tmp_path):
    cmyk = Image.merge("CMYK", [Image.fromarray(noise(20, 20, seed=k)) for k in range(4)])
    cmyk.save(tmp_path / "cmyk.jpg", quality=100)
    with Image.open(tmp_path / "cmyk.jpg") as opened:
        rgb = np.asarray(opened.convert("RGB"))
        assert torch.equal(colour.prepare(opened), colour.prepare(rgb))
    assert torch.equal(colour.prepare(tmp_path / "cmyk.jpg"), colour.prepare(rgb))
    deep = np.random.default_rng(1).integers(0, 65536, (20, 20), dtype=np.uint16)
    write_png(tmp_path / "deep.png", deep)
    assert torch.equal(gray.prepare(tmp_path / "deep.png"), gray.prepare(deep))
    with Image.open(tmp_path / "deep.png") as opened:
        assert torch.equal(gray.prepare(opened), gray.prepare(deep))
    turned = Image.fromarray(noise(20, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    turned.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        assert torch.equal(gray.prepare(opened), gray.prepare(tmp_path / "turned.png"))
    assert torch.equal(
        gray.prepare(tmp_path / "turned.png"), gray.prepare(np.rot90(noise(20, 30), -1))
    )


def test_paths_are_read_batch_by_batch(gray, tmp_path):
    """A generator is not exhausted before the first batch is encoded."""
    write_png(tmp_path / "a.png", noise(20, 20))
    seen = []
    network = gray.network

    class Watching(torch.nn.Module):
        def encode(self, pictures):
            seen.append(len(asked))
            return network.encode(pictures)

    asked = []

    def paths():
        for _ in range(6):
            asked.append(1)
            yield tmp_path / "a.png"

    codes = replace(gray, network=Watching()).encode(paths(), batch_size=2)
    assert (seen, codes.shape) == ([2, 4, 6], (6, 6))


@pytest.mark.parametrize(
    ("picture", "error", "words"),
    [
        (noise(15, 40), ValueError, "picture 0 has 40×15 pixels; this network needs 16"),
        ([noise(16, 16), noise(9, 9)], ValueError, "picture 1 has 9×9 pixels"),
        (noise(3, 20, 20), ValueError, r"need \(H, W\), \(H, W, C\)"),
        (torch.rand(20, 20), ValueError, r"need \(C, H, W\)"),
        (torch.rand(2, 20, 20, 3), ValueError, r"need \(C, H, W\)"),
        (np.full((16, 16), 1.5), ValueError, r"from 1.5 to 1.5; floats must lie in \[0, 1\]"),
        (torch.full((1, 1, 16, 16), torch.nan), ValueError, "from nan to nan"),
        (noise(16, 16).astype(np.int64), TypeError, "int64; need uint8, uint16 or floats"),
        (np.ma.masked_array(noise(16, 16)), TypeError, "mask would be lost"),
        (7, TypeError, "got int; need paths"),
        ([None], TypeError, "picture 0 is a NoneType; need paths"),
        (Image.new("F", (16, 16)), UserError, "cannot read picture 0: it holds floating-point"),
        ("no such file.png", UserError, "cannot read no such file.png: there is no such file"),
    ],
)
def test_pictures_that_cannot_be_taken(gray, picture, error, words):
    with pytest.raises(error, match=words):
        gray.prepare(picture)


def test_files_that_cannot_be_taken_are_named(gray, tmp_path):
    write_png(tmp_path / "tiny.png", noise(16, 9))
    with pytest.raises(UserError, match=r"tiny\.png has 9×16 pixels.*: name a larger picture\.$"):
        gray.encode([tmp_path / "tiny.png"])
    (tmp_path / "cut.png").write_bytes((tmp_path / "tiny.png").read_bytes()[:60])
    with pytest.raises(UserError, match=r"cannot read .*cut\.png"):
        gray.encode([tmp_path / "cut.png"])


def test_a_batch_size_below_one_is_refused(gray):
    with pytest.raises(ValueError, match="batch_size=0"):
        gray.encode(noise(16, 16), batch_size=0)


# Runs that cannot be loaded


def sentence(run, **choices):
    with pytest.raises(UserError) as error:
        snellen.load(run, **choices)
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (
            {},
            "has several losses: mse, ssim. Name one: --loss ssim, in Python loss='ssim'.",
        ),
        ({"loss": "sssim"}, "no loss 'sssim'. Did you mean 'ssim'? It has mse, ssim."),
        ({"loss": "mse", "seed": 1}, "has no seed 1: name one of 0."),
        ({"loss": "mse", "seed": -1}, "has no seed -1: name one of 0."),
        ({"loss": "mse", "code_size": 7}, "no code size 7. It has 6."),
        ({"loss": "mse", "fold": 1}, "no fold 1: its pictures were divided once."),
        ({"loss": "mse", "split": "random"}, "has no splits"),
        ({"loss": "mse", "ema": True}, "holds no averaged weights"),
        ({"loss": "mse", "device": "tpu"}, "there is no device 'tpu' here"),
    ],
)
def test_choices_that_a_run_does_not_have(run, choices, words):
    assert words in sentence(run[0], **choices)


def test_choices_that_a_sweep_does_not_have(many):
    assert "several code sizes: 3, 6. Name one: --code-size 6, in Python code_size=6." in sentence(
        many[0]
    )
    assert "no fold 2. It has 0, 1." in sentence(many[0], code_size=3, fold=2)
    assert "has no seed 2: name one of 0 to 1." in sentence(many[0], code_size=3, seed=2)


def test_places_that_are_no_run(tmp_path):
    assert "there is no run" in sentence(tmp_path / "nothing")
    (tmp_path / "file").touch()
    assert "is a file: name the folder of a run" in sentence(tmp_path / "file")
    assert "is not the folder of a run (it has no config.yaml)" in sentence(tmp_path)
    (tmp_path / "config.yaml").write_text("a: 1\n")
    assert "is of no run of autoencoders, it has no 'network'" in sentence(tmp_path)
    (tmp_path / "config.yaml").write_text("[")
    assert "is not YAML" in sentence(tmp_path)
    (tmp_path / "config.yaml").write_text("scale: 4\noutput_pixels: 100\n")
    assert "whose networks have no code: use snellen upscale" in sentence(tmp_path)
    written(tmp_path, config_changes={"size": "large"})
    assert "size: " in sentence(tmp_path)


def test_a_training_that_is_not_finished(tmp_path):
    written(tmp_path / "a run", steps=2)
    text = sentence(tmp_path / "a run")
    assert "is not finished (2 of 4 steps)" in text
    assert f"snellen reconstruct --out '{tmp_path / 'a run'}' --resume" in text
    shutil.rmtree(tmp_path / "a run" / "checkpoints")
    assert "(0 of 4 steps)" in sentence(tmp_path / "a run")


@pytest.mark.parametrize("part", ["network.safetensors", "state.json"])
def test_a_truncated_checkpoint(tmp_path, part):
    written(tmp_path)
    file = tmp_path / checkpoint_place("mse", 0) / "step-00000004" / part
    file.write_bytes(file.read_bytes()[:-9])
    text = sentence(tmp_path)
    assert "step-00000004 is damaged" in text
    assert text.endswith("Go on with the run by --resume, or fetch it anew.")


def test_weights_of_another_network(tmp_path):
    written(tmp_path)
    written_keys = yaml.safe_load((tmp_path / "config.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**written_keys, "widths": [4, 9]}))
    assert "is of another network" in sentence(tmp_path)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "networks_for_loading.py").write_text(
        "import torch\n"
        "class Plain(torch.nn.Conv2d):\n"
        "    def __init__(self):\n"
        "        super().__init__(1, 1, 3, padding=1)\n"
        "class Maps(Plain):\n"
        "    def encode(self, pictures):\n"
        "        return self(pictures)[..., ::8, ::8]\n"
        "class Pair(Plain):\n"
        "    def encode(self, pictures):\n"
        "        return self(pictures), self(pictures)\n"
        "class Broken(Plain):\n"
        "    def encode(self, pictures):\n"
        "        raise ArithmeticError('not today')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_a_network_of_ones_own(module, tmp_path):
    network = written(tmp_path / "run", network="networks_for_loading:Maps")
    trained = snellen.load(tmp_path / "run")
    assert trained.code_size == 4
    ready = trained.prepare(noise(3, 16, 16, 1))
    with torch.no_grad():
        assert np.array_equal(trained.encode(ready), network.encode(ready).flatten(1).numpy())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Plain", "'networks_for_loading:Plain' has no method encode"),
        ("Pair", "must return a tensor (N, code_size); for two pictures it gave tuple."),
        ("Broken", "cannot encode 16×16 pictures: ArithmeticError: not today"),
    ],
)
def test_networks_without_a_code(module, tmp_path, name, words):
    written(tmp_path / "run", network=f"networks_for_loading:{name}")
    assert words in sentence(tmp_path / "run")


def test_codes_that_are_no_numbers_are_refused(gray):
    with torch.no_grad():
        gray.network.to_code.bias.fill_(torch.nan)
    with pytest.raises(UserError, match="codes that are no numbers"):
        gray.encode(noise(16, 16))
