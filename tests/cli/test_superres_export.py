"""`snellen superres export`."""

import importlib.util
import json

import pytest

from snellen.cli.main import main
from snellen.networks import SRCNN, save_weights
from snellen.networks.export import PACKAGES

CARD = {"network": "srcnn", "options": {"filters": [3, 2]}, "scale": 3, "loss": "mse"}
INSTALLED = all(importlib.util.find_spec(name) is not None for name in PACKAGES)


@pytest.fixture
def weights(tmp_path):
    save_weights(tmp_path / "x3.safetensors", SRCNN(filters=(3, 2)), CARD)
    return tmp_path / "x3.safetensors"


@pytest.fixture
def packages(monkeypatch):
    """Let what comes before the export be seen without the packages that it needs."""
    monkeypatch.setattr("snellen.networks.export.PACKAGES", ())


def run(capsys, *words):
    status = main(["superres", "export", *map(str, words)])
    return status, *capsys.readouterr()


@pytest.mark.skipif(not INSTALLED, reason="needs snellen[onnx]")
def test_a_weights_file_becomes_an_onnx_file_with_its_card(weights, tmp_path, capsys):
    import onnx

    out = tmp_path / "new" / "x3.onnx"
    status, told, noise = run(capsys, weights, out)  # the file says its scale
    assert (status, noise) == (0, "")
    assert told.startswith(f"{out}: srcnn, ×3, trained under mse; differs from PyTorch by ")
    (card,) = onnx.load(out).metadata_props
    assert json.loads(card.value) == {"format": 1, **CARD}
    before = out.read_bytes()
    status, told, _ = run(capsys, weights, out, "--scale", 3, "--force")
    assert status == 0
    assert out.read_bytes() == before


def test_a_file_that_exists_is_not_overwritten(weights, tmp_path, capsys):
    (tmp_path / "x3.onnx").write_text("old")
    status, told, error = run(capsys, weights, tmp_path / "x3.onnx", "--scale", 3)
    assert (status, told) == (2, "")
    assert "x3.onnx exists already: name another file, or type --force" in error
    assert (tmp_path / "x3.onnx").read_text() == "old"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x3.safetensors", "x3.pb"], "the name x3.pb must end in .onnx"),
        (["x3.safetensors", "x3.onnx", "--scale", 4], "was trained for scale 3, not 4"),
        (["shipped", "x3.onnx"], "type --scale 2 or 3 or 4"),
        (["x4.safetensors", "x3.onnx"], "there is no file x4.safetensors"),
        (["shipped:msse", "x3.onnx", "--scale", 7], "come with"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence_and_no_file(
    weights, packages, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(weights.parent)
    status, told, error = run(capsys, *words)
    assert (status, told) == (2, "")
    assert message in error
    assert error.count("\n") == 1
    assert list(weights.parent.iterdir()) == [weights]


def test_without_the_packages_it_says_what_to_type(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("snellen.networks.export.PACKAGES", ("onnx_that_nobody_has",))
    status, _, error = run(capsys, weights, tmp_path / "x3.onnx", "--scale", 3)
    assert status == 2
    assert "needs onnx_that_nobody_has, not installed here: type pip install" in error
