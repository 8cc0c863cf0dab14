from __future__ import annotations

import json
import sys

import pytest
import safetensors.torch
import torch
from torch import nn

from snellen.errors import UserError
from snellen.networks import SRCNN, build_super_resolution_network, read_card, read_weights
from snellen.networks.weights import save_weights

SMALL = {"filters": [3, 2]}
CARD = {
    "network": "srcnn",
    "options": SMALL,
    "scale": 3,
    "loss": "ms-ssim",
    "data": "BSDS500 train, 200 pictures – «terms» below",
    "results": {"Set5": {"psnr": 30.25, "ssim": 0.857}},
}


def small():
    return build_super_resolution_network("srcnn", scale=3, seed=4, options=SMALL)


@pytest.fixture
def saved(tmp_path):
    save_weights(tmp_path / "x3.safetensors", small(), CARD)
    return tmp_path / "x3.safetensors"


def rewrite(path, change=lambda tensors: tensors, card=None, metadata=None):
    """Write `path` anew with other tensors or another card."""
    tensors = change(safetensors.torch.load_file(path))
    if metadata is None:
        metadata = {"snellen": json.dumps({"format": 1, **CARD, **(card or {})})}
    safetensors.torch.save_file(tensors, path, metadata)


def test_what_is_read_is_what_was_saved(saved):
    network, card = read_weights(saved, scale=3)
    assert isinstance(network, SRCNN)
    assert not network.training
    assert card == {"format": 1, **CARD}
    torch.testing.assert_close(network.state_dict(), small().state_dict(), rtol=0, atol=0)
    assert read_card(saved) == card


def test_the_file_is_a_plain_safetensors_file_with_the_keys_of_the_network(saved):
    tensors = safetensors.torch.load_file(saved)
    torch.testing.assert_close(tensors, dict(small().state_dict()), rtol=0, atol=0)


def test_equal_weights_and_cards_give_equal_files(saved, tmp_path):
    save_weights(tmp_path / "again.safetensors", small(), CARD)
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


def test_the_layout_of_the_weights_is_not_kept(saved, tmp_path):
    network = small().to(memory_format=torch.channels_last)
    save_weights(tmp_path / "again.safetensors", network, CARD)
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()


def test_weights_of_the_largest_network_fit_the_limit(tmp_path):
    save_weights(tmp_path / "x.safetensors", SRCNN(), {**CARD, "options": {}})
    assert (tmp_path / "x.safetensors").stat().st_size <= 300_000


def test_a_failed_save_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(UserError, match="the disk is full"):
        save_weights(saved, SRCNN(), CARD)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": None}, "'network' as str, not None"),
        ({"options": [1]}, r"'options' as dict, not \[1\]"),
        ({"scale": 3.0}, "'scale' as int, not 3.0"),
        ({"scale": True}, "'scale' as int, not True"),
        ({"scale": 0}, "a 'scale' of 1 or more, not 0"),
        ({"loss": 1}, "'loss' as str, not 1"),
    ],
)
def test_a_card_without_what_every_card_has_is_neither_written_nor_read(
    saved, tmp_path, change, message
):
    with pytest.raises(ValueError, match=message):
        save_weights(tmp_path / "other.safetensors", small(), {**CARD, **change})
    assert not (tmp_path / "other.safetensors").exists()
    rewrite(saved, card=change)
    with pytest.raises(UserError, match=f"x3.safetensors is damaged, it needs {message}"):
        read_card(saved)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_a_card_that_json_cannot_hold_is_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        save_weights(tmp_path / "x.safetensors", small(), {**CARD, "results": value})
    assert not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize("left", [0, 5, 100, -1])
def test_a_file_that_is_cut_short_is_refused(saved, left):
    saved.write_bytes(saved.read_bytes()[:left])
    with pytest.raises(UserError, match="is cut short or not a safetensors file"):
        read_weights(saved)
    with pytest.raises(UserError, match="is cut short or not a safetensors file"):
        read_card(saved)


def test_a_file_of_another_kind_is_refused(tmp_path):
    torch.save(small().state_dict(), tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x\.pth is cut short or not a safetensors file"):
        read_weights(tmp_path / "x.pth")


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*none\.safetensors: name a weights"):
        read_weights(tmp_path / "none.safetensors")
    with pytest.raises(UserError, match="is a folder: name a weights file"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "has no card of snellen in it"),
        ({"other": "1"}, "has no card of snellen in it"),
        ({"snellen": "{"}, "is damaged .Expecting property name"),
        ({"snellen": "[]"}, "is damaged, it needs fields"),
        ({"snellen": "{}"}, "has format None, and this version reads format 1"),
        ({"snellen": '{"format": 2}'}, "has format 2, and this version reads format 1"),
    ],
)
def test_a_file_without_a_card_is_refused(saved, metadata, message):
    rewrite(saved, metadata=metadata)
    with pytest.raises(UserError, match=message):
        read_card(saved)


def test_another_scale_is_refused(saved):
    with pytest.raises(
        UserError,
        match=r"x3\.safetensors was trained for scale 3, not 4: choose scale 3, or weights",
    ):
        read_weights(saved, scale=4)


def missing(tensors):
    del tensors["mapping.bias"]
    return tensors


@pytest.mark.parametrize(
    ("change", "card", "message"),
    [
        (missing, {}, 'Missing key.* "mapping.bias"'),
        (lambda t: {**t, "more": torch.ones(1)}, {}, 'Unexpected key.* "more"'),
        (lambda t: {**t, "mapping.bias": torch.ones(7)}, {}, "size mismatch for mapping.bias"),
        (lambda t: t, {"network": "srcnn-9-1-5"}, "size mismatch for mapping.weight"),
        (lambda t: t, {"options": {}}, "size mismatch for features.weight"),
    ],
)
def test_weights_of_another_network_than_the_card_says_are_refused(saved, change, card, message):
    rewrite(saved, change, card)
    with pytest.raises(UserError, match=f"are not of the network 'srcnn.*{message}") as error:
        read_weights(saved)
    assert "\n" not in str(error.value)


def test_options_that_the_network_does_not_take_are_refused(saved):
    rewrite(saved, card={"options": {"depth": 7}})
    with pytest.raises(UserError, match="'srcnn' takes no option 'depth'"):
        read_weights(saved)


OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, scale, width=2):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.scale = scale
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_superres.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    card = {**CARD, "network": "own_superres:Net", "options": {"width": 5}}
    save_weights(tmp_path / "own.safetensors", nn.ModuleDict({"conv": nn.Conv2d(1, 5, 3)}), card)
    yield tmp_path / "own.safetensors"
    sys.modules.pop("own_superres", None)


def test_a_file_does_not_decide_what_code_is_run(own):
    with pytest.raises(UserError, match="'own_superres:Net', which is none of snellen's"):
        read_weights(own)
    assert "own_superres" not in sys.modules


def test_a_network_of_ones_own_is_built_when_it_is_named(own):
    network, _ = read_weights(own, network="own_superres:Net")
    assert (network.scale, network.conv.out_channels) == (3, 5)


def test_another_network_than_the_one_named_is_refused(own, saved):
    with pytest.raises(UserError, match="of the network 'srcnn', not of 'own_superres:Net'"):
        read_weights(saved, network="own_superres:Net")


def test_weights_of_whole_numbers_are_refused_where_the_network_has_fractions(saved):
    rewrite(saved, lambda tensors: {key: value.int() for key, value in tensors.items()})
    with pytest.raises(UserError, match=r"is of torch\.int32, not torch\.float32: name another"):
        read_weights(saved)


def test_weights_of_half_precision_are_taken(saved):
    rewrite(saved, lambda tensors: {key: value.half() for key, value in tensors.items()})
    found = read_weights(saved)[0].state_dict()
    torch.testing.assert_close(found, small().state_dict(), rtol=1e-3, atol=1e-6)
