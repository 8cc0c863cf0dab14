"""`snellen superres evaluate`."""

import csv
import json
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from snellen.cli.main import main
from snellen.experiments.super_resolution import methods
from snellen.experiments.super_resolution.evaluation import bicubic, evaluate_picture
from snellen.images import write_png
from snellen.images.protocols import PROTOCOLS
from snellen.networks.loading import build_super_resolution_network
from snellen.networks.shipped import named_weights
from snellen.networks.weights import save_weights


@pytest.fixture
def pictures():
    random = np.random.default_rng(0)
    return {name: random.integers(0, 256, (40, 48, 3), np.uint8) for name in ("=a.png", "b.png")}


@pytest.fixture
def root(tmp_path, pictures):
    for name, picture in pictures.items():
        write_png(tmp_path / "data" / "Set5" / name, picture)
    write_png(tmp_path / "data" / "mine" / "c.png", pictures["b.png"])
    return tmp_path / "data"


def run(capsys, *words):
    status = main(["superres", "evaluate", *map(str, words)])
    return status, *capsys.readouterr()


def test_json_is_the_mean_of_the_pictures_in_full_precision(root, pictures, capsys):
    options = ("--sets", "Set5,mine", "--protocol", "standard", "--scale", 3, "--json")
    status, out, _ = run(capsys, "--data-root", root, *options)
    assert status == 0
    single = {
        name: evaluate_picture(picture, bicubic, 3, PROTOCOLS["standard"])
        for name, picture in pictures.items()
    }
    expected = {
        "Set5": {
            "psnr": sum(each.psnr for each in single.values()) / 2,
            "ssim": sum(each.ssim for each in single.values()) / 2,
            "pictures": 2,
        },
        "mine": {"psnr": single["b.png"].psnr, "ssim": single["b.png"].ssim, "pictures": 1},
    }
    found = json.loads(out)
    assert list(found) == ["protocol", "scale", "methods"]
    assert (found["protocol"], found["scale"]) == ("standard", 3)
    assert list(found["methods"]) == ["bicubic"]
    for name, numbers in expected.items():
        assert found["methods"]["bicubic"][name] == pytest.approx(numbers, rel=1e-14)


def test_the_table_states_its_protocol(root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    status, out, err = run(capsys, "--data-root", root, "--scale", 2)
    assert status == 0
    assert out.startswith("×2, protocol poster: 8-bit Y, 8 pixels shaved, SSIM with replicated")
    assert "Set5" in out
    assert "2 pictures" in out
    assert "was published with 5" in err


def test_csv_has_a_row_for_each_picture(root, pictures, tmp_path, capsys):
    path = tmp_path / "new" / "rows.csv"
    status, _, _ = run(capsys, "--data-root", root, "--csv", path, "--json")
    assert status == 0
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    outcome = evaluate_picture(pictures["=a.png"], bicubic, 4, PROTOCOLS["poster"])
    assert len(rows) == 2
    assert rows[0] == {
        "protocol": "poster",
        "scale": "4",
        "set": "Set5",
        "picture": "'=a.png",
        "method": "bicubic",
        "psnr": repr(outcome.psnr),
        "ssim": repr(outcome.ssim),
    }


def test_a_perfect_result_is_null_in_json_as_in_a_comparison(tmp_path, capsys):
    write_png(tmp_path / "flat" / "a.png", np.full((40, 40), 7, np.uint8))
    _, out, _ = run(capsys, "--data-root", tmp_path / "flat", "--json")
    numbers = json.loads(out)["methods"]["bicubic"]["flat"]
    assert numbers["psnr"] is None
    assert numbers["ssim"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "5"], "got --scale 5; need one of 2, 3, 4"),
        (["--protocol", "standart"], "Did you mean 'standard'"),
        (["--method", "bicubi"], "there is no method 'bicubi'. Did you mean 'bicubic'?"),
        (["--method", ","], "names none"),
        (["--method", "missing.safetensors"], "missing.safetensors"),
        (["--sets", "Set6"], "there is no set 'Set6'"),
        (["--csv", "."], "is a folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_2(root, capsys, options, message):
    status, out, err = run(capsys, "--data-root", root, *options)
    assert status == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""


def test_a_folder_without_pictures_is_one_sentence(tmp_path, capsys):
    status, _, err = run(capsys, "--data-root", tmp_path)
    assert status == 2
    assert "found no benchmark" in err
    assert "BSDS500/test" in err


@pytest.mark.parametrize("name", ["Set5/b.png", "other.png", "mine.csv"])
def test_a_csv_replaces_nothing_but_a_table_of_its_own(root, capsys, name):
    write_png(root / "other.png", np.zeros((8, 8), np.uint8))
    (root / "mine.csv").write_text("my,own,table\n")
    before = (root / name).read_bytes()
    status, _, err = run(capsys, "--data-root", root, "--csv", root / name)
    assert status == 2
    assert "exists and is no table that this command wrote" in err
    assert (root / name).read_bytes() == before


def test_a_csv_of_its_own_is_replaced(root, capsys, tmp_path):
    for _ in range(2):
        assert run(capsys, "--data-root", root, "--csv", tmp_path / "rows.csv")[0] == 0
    assert (tmp_path / "rows.csv").read_text().count("bicubic") == 2


@pytest.mark.parametrize("kind", ["CMYK", "frames"])
def test_pictures_for_print_and_animations_are_refused(root, capsys, kind):
    picture = Image.new("RGB", (48, 48))
    if kind == "CMYK":
        picture.convert("CMYK").save(root / "Set5" / "c.jpg")
    else:
        frames = [Image.new("RGB", (48, 48), (k, 0, 0)) for k in (50, 90)]
        picture.save(root / "Set5" / "c.webp", save_all=True, append_images=frames)
    status, _, err = run(capsys, "--data-root", root)
    assert status == 2
    assert "it is CMYK, meant for print" in err or "it holds 3 frames" in err


def test_a_link_to_nothing_is_not_passed_over(root, capsys):
    (root / "Set5" / "c.png").symlink_to(root / "gone.png")
    status, _, err = run(capsys, "--data-root", root)
    assert status == 2
    assert "c.png: there is no such file" in err


def test_a_network_that_none_of_the_weights_is_of_is_refused(root, capsys):
    options = ("--method", "bicubic,shipped", "--network", "nowhere:Net")
    status, _, err = run(capsys, "--data-root", root, *options)
    assert status == 2
    assert "--network nowhere:Net is of none of the methods" in err


def test_a_picture_smaller_than_the_shave_is_named(root, capsys):
    write_png(root / "mine" / "d.png", np.zeros((16, 30), np.uint8))
    status, _, err = run(capsys, "--data-root", root, "--sets", "mine")
    assert status == 2
    assert "d.png: a picture of 28×16 pixels is too small" in err


def card(scale=4, **more):
    return {"network": "srcnn-9-1-5", "options": {}, "scale": scale, "loss": "mse", **more}


@pytest.fixture
def weights(tmp_path):
    """Weights whose network returns half of what it gets."""
    network = build_super_resolution_network("srcnn-9-1-5", scale=4)
    with torch.no_grad():
        for layer in (network.features, network.mapping, network.reconstruction):
            layer.weight.zero_()
            middle = layer.kernel_size[0] // 2
            layer.weight[0, 0, middle, middle] = 1
        network.reconstruction.weight *= 0.5
    save_weights(tmp_path / "half, once.safetensors", network, card())
    return tmp_path / "half, once.safetensors"


def test_weights_are_measured_beside_bicubic_under_the_names_that_were_typed(
    root, pictures, weights, capsys, monkeypatch, tmp_path
):
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "x4.safetensors").write_bytes(weights.read_bytes())
    monkeypatch.setattr(methods, "named_weights", partial(named_weights, folder=folder))
    options = ("--method", "bicubic,shipped:mse", "--method", weights, "--json")
    status, out, _ = run(capsys, "--data-root", root, *options)
    assert status == 0
    found = json.loads(out)["methods"]
    assert list(found) == ["bicubic", "shipped:mse", str(weights)]
    assert found["shipped:mse"] == found[str(weights)]

    def half(posed):
        return posed.enlarged.clip(0) / 2

    outcomes = [
        evaluate_picture(picture, half, 4, PROTOCOLS["poster"]) for picture in pictures.values()
    ]
    expected = sum(each.psnr for each in outcomes) / 2
    assert found[str(weights)]["Set5"]["psnr"] == pytest.approx(expected, abs=1e-3)
    assert found["bicubic"]["Set5"]["psnr"] > expected


def test_weights_of_another_scale_are_refused(root, weights, capsys):
    status, out, err = run(capsys, "--data-root", root, "--method", weights, "--scale", 3)
    assert (status, out) == (2, "")
    assert "was trained for scale 4, not 3" in err


def test_weights_that_are_cut_short_are_refused(root, weights, capsys):
    weights.write_bytes(weights.read_bytes()[:-100])
    status, out, err = run(capsys, "--data-root", root, "--method", weights)
    assert (status, out) == (2, "")
    assert "cut short" in err


def test_a_network_of_ones_own_is_run_only_where_it_is_named(root, tmp_path, capsys, monkeypatch):
    (tmp_path / "my_networks.py").write_text(
        "import torch\n"
        "class Plain(torch.nn.Conv2d):\n"
        "    def __init__(self):\n"
        "        super().__init__(1, 1, 1)\n"
    )
    monkeypatch.chdir(tmp_path)
    network = torch.nn.Conv2d(1, 1, 1)
    spec = "my_networks:Plain"
    save_weights(tmp_path / "plain.safetensors", network, card(network=spec))
    options = ("--data-root", root, "--method", "plain.safetensors,bicubic", "--json")
    status, _, err = run(capsys, *options)
    assert status == 2
    assert spec in err
    status, out, _ = run(capsys, *options, "--network", spec)
    assert status == 0
    assert list(json.loads(out)["methods"]) == ["plain.safetensors", "bicubic"]


def test_a_network_is_looked_for_in_files_of_any_name(root, capsys, tmp_path):
    """Also in one whose name cannot be shown as it is."""
    network = build_super_resolution_network("srcnn", scale=4, options={"filters": [2, 2]})
    card = {"network": "srcnn", "options": {"filters": [2, 2]}, "scale": 4, "loss": "mse"}
    path = tmp_path / "a\tb.safetensors"
    save_weights(path, network, card)
    status, _, err = run(capsys, "--data-root", root, "--method", path, "--network", "nowhere:Net")
    assert status == 2
    assert "--network nowhere:Net is of none of the methods" in err
