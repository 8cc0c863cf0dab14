"""``snellen represent`` as it is typed."""

import csv
import json

import numpy as np
import pytest
import yaml
from PIL import Image

from snellen.cli.main import main


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Forty pictures of two shapes, each with a number that its brightness tells."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    rows = [["file", "shape", "level"]]
    for k in range(40):
        level = rng.uniform(20, 200)
        picture = rng.normal(30, 4, (20, 20))
        part = picture[4:16, 8:12] if k % 2 else picture[8:12, 4:16]
        part += level
        name = f"{k:02d}.png"
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / name)
        rows.append([name, "tall" if k % 2 else "wide", f"{level:.2f}"])
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return root


@pytest.fixture
def typed(pictures):
    return [
        "represent", "--data", str(pictures), "--losses", "mse,mae", "--size", "16",
        "--widths", "4,8", "--code-size", "4", "--steps", "3", "--batch-size", "8",
        "--set", "svm_c=[1]", "--set", "svm_gamma=[0.3]", "--set", "svm_linear_c=[1]",
    ]  # fmt: skip


def test_a_dry_run_says_what_would_be_done_and_trains_nothing(typed, tmp_path, capsys):
    assert main([*typed, "--out", str(tmp_path / "run"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "shape, 2 classes; level, 2" in said
    assert "split      random pictures: 30 train, 10 judge" in said
    assert "3 trainings of 3 steps of 8 pictures" in said
    assert "add --splits random,shape" in said
    settings = yaml.safe_load(said[said.index("losses:") :])
    assert settings["code_size"] == [4]
    assert list(tmp_path.iterdir()) == []


def test_a_run_prints_its_tables_goes_on_and_gives_codes(typed, pictures, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main([*typed, "--out", out, "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    assert "Random pictures" in said
    assert "supervised" in said
    assert said.rstrip().endswith("report.html")
    assert main(["represent", "--out", out, "--resume"]) == 0
    codes = tmp_path / "codes.npz"
    assert main(["embed", out, str(pictures), "--loss", "mae", "--out", str(codes)]) == 0
    with np.load(codes) as file:
        assert file["codes"].shape == (40, 4)
    assert main([*typed, "--out", out]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_dry_run_refuses_what_the_run_would(typed, pictures, capsys):
    assert main([*typed, "--out", str(pictures), "--dry-run"]) == 2
    assert "exists already and holds files" in capsys.readouterr().err


def test_a_damaged_configuration_is_told(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("losses: [mse\n")
    assert main(["represent", "--out", str(tmp_path), "--resume"]) == 2
    assert capsys.readouterr().err.endswith("was to do: begin anew with another --out.\n")


def test_ctrl_c_between_trainings_says_how_to_go_on(typed, tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    out = tmp_path / "my run"
    with monkeypatch.context() as patched:
        patched.setattr("snellen.experiments.representation.comparison.judge", interrupted)
        assert main([*typed, "--out", str(out)]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("snellen: stopped by SIGINT outside a training; what was finished is")
    assert said.endswith(f"go on with --out '{out}' --resume.")
    assert main(["represent", "--out", str(out), "--resume"]) == 0
    assert (out / "report.html").exists()


@pytest.mark.parametrize(
    "command",
    ["snellen represent --data x", "torchrun --nproc-per-node=2 -m snellen represent --data x"],
)
def test_another_commands_run_is_named(tmp_path, capsys, command):
    (tmp_path / "environment.json").write_text(json.dumps({"command": command}))
    (tmp_path / "config.yaml").write_text("data: x\n")
    assert main(["reconstruct", "--out", str(tmp_path), "--resume"]) == 2
    assert capsys.readouterr().err == (
        f"snellen: {tmp_path} is a run of `snellen represent`, not of `snellen reconstruct`: "
        f"type `snellen represent --out {tmp_path} --resume`.\n"
    )


@pytest.mark.parametrize("network", ["fc-autoencoder", "fc-vae", "conv-vae"])
def test_other_networks(typed, tmp_path, network, capsys):
    words = [*typed, "--network", network, "--losses", "mse", "--baselines", "pixels"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "What the code generates" in page
    assert ("Active units" in page) == network.endswith("vae")


@pytest.mark.parametrize("preset", ["demo", "poster"])
def test_presets_fit(typed, preset, capsys):
    words = [*typed[:3], "--size", "16", "--code-size", "8", "--losses", "mse"]
    assert main([*words, "--preset", preset, "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--columns", "shape"], "--columns takes name=kind"),
        (["--columns", "shap=class"], "Did you mean 'shape'?"),
        (["--columns", "level=circle"], "circular"),
        (["--splits", "shapes"], "Did you mean 'shape'?"),
        (["--splits", "shape", "--folds", "3"], "has 2 groups, and 3 are needed"),
        (["--code-size", "30"], "ask for a --code-size below 30"),
        (["--baselines", "pixel"], "pixels"),
        (["--losses", "mse,pca"], "is the name of a baseline"),
        (["--network", "torch.nn:Flatten"], "no weights to train"),
        (["--unmatched", "drop"], "refuse"),
        (["--size", "32"], "20"),
        (["--set", "svm_folds=1"], "svm_folds"),
    ],
)
def test_bad_input_is_one_sentence(typed, tmp_path, capsys, words, sentence):
    assert main([*typed, *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows[:-1], "has no row (39.png)"),
        (lambda rows: [*rows, ["gone.png", "tall", "3"]], "gone.png"),
        (lambda rows: [*rows[:-1], [rows[-1][0], "", "3"]], "labels.csv"),
        (lambda rows: [[*row[:2], "level" if k == 0 else "7"] for k, row in enumerate(rows)], "7"),
        (lambda rows: [*rows[:-1], [rows[-1][0], "round", "3"]], "'round'"),
        (lambda rows: [row[:1] for row in rows], "column"),
    ],
)
def test_labels_that_do_not_fit(typed, pictures, tmp_path, capsys, change, sentence):
    for file in pictures.glob("*.png"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (pictures / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(change(rows))
    typed[2] = str(tmp_path)
    assert main([*typed, "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
