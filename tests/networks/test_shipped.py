from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from snellen.errors import UserError
from snellen.images import luma_y
from snellen.images.resize import bicubic_resize
from snellen.metrics import psnr
from snellen.networks import (
    SRCNN,
    list_shipped_weights,
    named_weights,
    read_card,
    read_weights,
    save_weights,
    shipped_weights,
)
from snellen.networks.shipped import FOLDER

FILES = sorted(FOLDER.glob("*.safetensors"))
LIMIT = 300_000  # bytes


def write(folder, name, scale, loss):
    card = {"network": "srcnn", "options": {"filters": [2, 2]}, "scale": scale, "loss": loss}
    save_weights(folder / name, SRCNN(filters=(2, 2)), card)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "c.safetensors", 2, "mse")
    write(tmp_path, "b.safetensors", 4, "ms-ssim")
    write(tmp_path, "a.safetensors", 4, "mse")
    (tmp_path / "README.md").write_text("not weights")
    return tmp_path


def test_a_file_is_found_by_what_its_card_says(folder):
    assert shipped_weights(4, folder=folder).name == "b.safetensors"
    assert shipped_weights(4, "mse", folder=folder).name == "a.safetensors"
    assert list(list_shipped_weights(folder)) == [(2, "mse"), (4, "ms-ssim"), (4, "mse")]


WORDS = {"shipped": "b", "shipped:mse": "a", "shipped:ms-ssim": "b", "ms-ssim": "b", "mse": "a"}


@pytest.mark.parametrize("name", WORDS)
def test_weights_by_what_is_typed_for_them(folder, name):
    assert named_weights(name, 4, folder).stem == WORDS[name]


@pytest.mark.parametrize("name", WORDS)
def test_a_file_of_that_name_changes_nothing(folder, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert named_weights(name, 4, folder).stem == WORDS[name]


@pytest.mark.parametrize("name", ["mse.safetensors", "./mse", "mine/z.pt", "shipped.safetensors"])
def test_a_path_has_a_separator_or_the_suffix(folder, name):
    assert named_weights(name, 4, folder) == Path(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "ms-sim",
            r"no method 'ms-sim'\. Did you mean 'ms-ssim'\? Weights are called ms-ssim, mse,",
        ),
        ("shiped", "Did you mean 'shipped'"),
        ("bicubi", "Did you mean 'bicubic'"),
        ("bicubic", r"^bicubic has no weights\. Weights are called"),
        ("shipped:elephant", "scale 4 under 'elephant' come with"),
    ],
)
def test_other_words_are_answered_with_those_that_there_are(folder, name, words):
    with pytest.raises(UserError, match=words):
        named_weights(name, 4, folder)


@pytest.mark.parametrize(
    ("scale", "loss", "message"),
    [
        (3, "mse", "scale 3 under 'mse' come .* There are ×2 mse, ×4 ms-ssim, ×4 mse: choose one"),
        (2, "ms-ssim", r"scale 2 under 'ms-ssim' come with snellen\. There are"),
        (4, "ms-sim", "Did you mean 'ms-ssim'"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(folder, scale, loss, message):
    with pytest.raises(UserError, match=message):
        shipped_weights(scale, loss, folder)


def test_an_installation_without_weights_says_so(tmp_path):
    with pytest.raises(UserError, match="no weights come with this installation"):
        shipped_weights(4, folder=tmp_path)


def test_two_files_for_the_same_are_refused(folder):
    write(folder, "d.safetensors", 2, "mse")
    with pytest.raises(
        UserError, match=r"c\.safetensors and .*d\.safetensors are both for scale 2"
    ):
        shipped_weights(4, folder=folder)


def test_every_scale_comes_under_both_losses():
    assert set(list_shipped_weights()) >= {(s, k) for s in (2, 3, 4) for k in ("ms-ssim", "mse")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_is_small_and_says_where_it_comes_from(path):
    assert path.stat().st_size <= LIMIT
    assert {"data", "budget", "protocol", "results", "terms"} <= read_card(path).keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_network_sharpens_a_photograph(path):
    """An untrained one, which starts from the identity, gains nothing over bicubic."""
    network, card = read_weights(path)
    truth = luma_y(skimage.data.astronaut()[:384, :384], rounded=True)
    low = bicubic_resize(truth.astype(np.float64), 1 / card["scale"])
    enlarged = torch.from_numpy(bicubic_resize(low, card["scale"]) / 255).float()[None, None]
    target = torch.from_numpy(truth / 255).float()[None, None]
    with torch.no_grad():
        gain = psnr(network(enlarged), target, data_range=1) - psnr(enlarged, target, data_range=1)
    assert gain > 1
