"""`snellen score --convention`: every name, its help, and what a name without MS-SSIM refuses."""

import json

import numpy as np
import pytest
import torch

from snellen import metrics
from snellen.cli.main import main
from snellen.images.files import write_png
from snellen.metrics import CONVENTIONS

WITHOUT_MS_SSIM = [name for name, found in CONVENTIONS.items() if not found.multiscale]


@pytest.fixture(scope="module")
def arrays():
    """Return a colour picture of odd sides and the same with noise, uint8."""
    random = np.random.default_rng(0)
    steps = np.kron(random.integers(40, 216, (12, 13, 3)), np.ones((16, 16, 1)))[:179, :201]
    noisy = np.clip(steps + random.normal(0, 12, steps.shape), 0, 255)
    return steps.astype(np.uint8), noisy.astype(np.uint8)


@pytest.fixture(scope="module")
def paths(arrays, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    for name, array in zip(("original.png", "noisy.png"), arrays, strict=True):
        write_png(folder / name, array)
    return [str(folder / "original.png"), str(folder / "noisy.png")]


def scored(capsys, *words):
    assert main(["score", *words, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)["pairs"][0]["values"]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_name_gives_the_numbers_of_the_metrics(name, arrays, paths, capsys):
    target, preds = (torch.from_numpy(a.astype(float)).permute(2, 0, 1)[None] for a in arrays)
    values = scored(capsys, *paths, "--convention", name)
    options = {"data_range": 255, "convention": name}
    assert values["ssim"] == pytest.approx(float(metrics.ssim(preds, target, **options)), rel=1e-12)
    assert ("ms-ssim" in values) == CONVENTIONS[name].multiscale
    if "ms-ssim" in values:
        expected = float(metrics.ms_ssim(preds, target, **options))
        assert values["ms-ssim"] == pytest.approx(expected, rel=1e-12)


def test_the_help_names_every_convention(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["score", "--help"]) == 0
    told = capsys.readouterr().out
    assert [name for name in CONVENTIONS if name not in told] == []


@pytest.mark.parametrize("metric", ["ms-ssim", "ms-dssim"])
@pytest.mark.parametrize("name", WITHOUT_MS_SSIM)
def test_ms_ssim_is_refused_where_there_is_none(name, metric, paths, capsys):
    assert main(["score", *paths, "--convention", name, "--metrics", f"ssim,{metric}"]) == 2
    told = capsys.readouterr()
    assert f"has no MS-SSIM: leave {metric} out of --metrics" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [("kornia", "no MS-SSIM: leave --levels out"), ("wang2003", "leave --levels out")],
)
def test_levels_are_refused_where_they_cannot_be_chosen(name, words, paths, capsys):
    assert main(["score", *paths, "--convention", name, "--levels", "3"]) == 2
    assert words in capsys.readouterr().err


def test_a_picture_too_small_for_levels_that_cannot_be_chosen(tmp_path, capsys):
    write_png(tmp_path / "small.png", np.zeros((100, 120), np.uint8))
    words = [str(tmp_path / "small.png")] * 2
    assert main(["score", *words, "--convention", "wang2003"]) == 1
    assert "176 pixels" in (told := capsys.readouterr().err)
    assert "--levels auto" not in told


@pytest.mark.parametrize(("name", "side"), [("kornia", 6), ("pytorch-msssim", 2), ("wang", 11)])
def test_the_smallest_side_is_the_conventions(name, side, tmp_path, capsys):
    for length in (side - 1, side):
        write_png(tmp_path / f"{length}.png", np.zeros((20, length), np.uint8))
    words = ["--convention", name, "--metrics", "ssim"]
    assert main(["score", *[str(tmp_path / f"{side}.png")] * 2, *words]) == 0
    assert main(["score", *[str(tmp_path / f"{side - 1}.png")] * 2, *words]) == 1
    assert f"{side - 1}×20" in capsys.readouterr().err
