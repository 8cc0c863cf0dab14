"""The experiment end to end, at toy size: what is compared is fair, and what is written is true."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.io import imread
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.planning import make_plan
from snellen.experiments.reconstruction import run_reconstruction
from snellen.experiments.running import loss_for
from snellen.images import read_image, write_png
from snellen.metrics.losses import SSIMLoss
from snellen.training import Interrupted

TINY = {
    "size": 24,
    "max_downscale": 1.5,
    "widths": (4, 8),
    "code_size": (8,),
    "steps": 6,
    "batch_size": 4,
    "crops_per_picture": 2,
    "validate_every": 3,
    "checkpoint_every": 2,
    "precision": "fp32",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Ten smooth pictures of 48×40 pixels in an npz file."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (10, 6, 5))
    images = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "ten.npz"
    np.savez(path, images=images)
    return f"npz:{path}"


def config(pictures, **changes):
    return ReconstructionConfig(**{"data": pictures, **TINY, **changes})


@pytest.fixture(scope="module")
def run(pictures, tmp_path_factory):
    """A run of two seeds, cross-fitted, with a switch of losses on the way."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    settings = config(pictures, losses=("mse", "ms-ssim", "mse>ssim@0.5"), seeds=2, folds=2)
    results = run_reconstruction(settings, folder, command="snellen reconstruct test")
    return folder, results


def test_the_run_folder_holds_what_is_promised(run):
    folder, _ = run
    names = {path.name for path in folder.iterdir()}
    assert names >= {
        "config.yaml",
        "environment.json",
        "log.txt",
        "metrics.jsonl",
        "images",
        "checkpoints",
        "tensorboard",
        "results.json",
        "results.csv",
        "report.html",
        "study-bundle",
    }
    assert (folder / "checkpoints" / "ms-ssim" / "seed-1" / "fold-0").is_dir()
    assert (folder / "study-bundle" / "original").is_dir()
    assert (folder / "study-bundle" / "manifest.json").is_file()


def test_results_json_has_each_loss_and_its_paired_difference(run):
    folder, returned = run
    results = json.loads((folder / "results.json").read_text())
    assert list(results["losses"]) == ["mse", "ms-ssim", "mse>ssim@0.5"]
    assert list(results["differences"]) == ["ms-ssim", "mse>ssim@0.5"]
    for loss in results["losses"].values():
        for measure in ("mse", "mae", "psnr", "ssim", "ms_ssim", "edge_f"):
            value = loss[measure]
            assert value["low"] <= value["mean"] <= value["high"]
        assert loss["ms_ssim"]["levels"] == 2
    for measure in ("psnr", "ssim"):
        gap = (
            returned["losses"]["ms-ssim"][measure]["mean"]
            - returned["losses"]["mse"][measure]["mean"]
        )
        assert results["differences"]["ms-ssim"][measure]["mean"] == pytest.approx(gap)
    assert results["data"]["held_out_sources"] == 10
    assert results["data"]["held_out_pictures"] == 20


def test_the_numbers_are_those_of_the_pictures_in_the_bundle(run):
    """Recomputed by scikit-image from the PNG files, seed 0."""
    folder, _ = run
    with (folder / "results.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["loss"] == "ms-ssim" and r["seed"] == "0"]
    assert len(rows) == 20
    manifest = json.loads((folder / "study-bundle" / "manifest.json").read_text())
    text = json.dumps(manifest)
    originals = sorted((folder / "study-bundle" / "original").glob("*.png"))
    assert len(originals) == 20
    assert "ms-ssim" in text
    found = {}
    for original in originals:
        reference = imread(original)
        made = imread(folder / "study-bundle" / "ms-ssim" / original.name)
        found[original.name] = (
            peak_signal_noise_ratio(reference, made, data_range=255),
            structural_similarity(
                reference,
                made,
                data_range=255,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            ),
        )
    expected = sorted(found.values())
    written = sorted((float(r["psnr"]), float(r["ssim"])) for r in rows)
    assert np.allclose(written, expected, atol=1e-6)


def test_every_loss_starts_from_the_same_weights_and_sees_the_same_batches(pictures, tmp_path):
    """With one loss under two names every number is equal."""
    settings = config(pictures, losses=("mse", "torch.nn:MSELoss"))
    results = run_reconstruction(settings, tmp_path / "a", command="test")
    first, second = (results["losses"][name] for name in settings.losses)
    for measure in ("mse", "psnr", "ssim", "edge_f"):
        assert first[measure] == second[measure]
    difference = results["differences"]["torch.nn:MSELoss"]["psnr"]
    assert difference == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_no_held_out_picture_is_trained_on(pictures):
    plan = make_plan(config(pictures, folds=3))
    held_out = []
    for fold in plan.folds:
        sources = {plan.pictures.source(int(i)) for i in fold.train}
        assert sources.isdisjoint(fold.held_out.sources)
        held_out += sorted(set(fold.held_out.sources))
    assert sorted(held_out) == sorted({plan.pictures.source(i) for i in range(10)})


@pytest.mark.parametrize("stop_at", [9, 23])
def test_a_stopped_run_goes_on_to_the_same_numbers(pictures, tmp_path, monkeypatch, stop_at):
    """With folds, seeds, an average of the weights and a switch of losses on the way."""
    settings = config(
        pictures, losses=("mse", "mse>ssim@0.5"), folds=2, seeds=2, ema=0.8, checkpoint_every=4
    )
    whole = run_reconstruction(settings, tmp_path / "whole", command="first")

    forward, calls = SSIMLoss.forward, []

    def stop(self, preds, target):
        calls.append(preds.shape)
        if len(calls) == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(self, preds, target)

    monkeypatch.setattr(SSIMLoss, "forward", stop)
    with pytest.raises(Interrupted):
        run_reconstruction(settings, tmp_path / "parts", command="first")
    monkeypatch.undo()
    assert len(calls) >= stop_at
    assert not (tmp_path / "parts" / "results.json").exists()
    parts = run_reconstruction(settings, tmp_path / "parts", command="second", resume=True)
    assert parts["differences"] == whole["differences"]
    for name in settings.losses:
        for measure in ("mse", "psnr", "ssim", "ms_ssim"):
            assert parts["losses"][name][measure] == whole["losses"][name][measure]
    assert parts["command"] == "first"  # the one that repeats the run


def test_a_run_does_not_go_on_with_other_pictures(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for n in range(5):
        write_png(folder / f"{n}.png", generator.integers(0, 256, (30, 30), dtype=np.uint8))
    settings = config(str(folder), losses=("mse",), steps=2)
    run_reconstruction(settings, tmp_path / "a", command="test")
    write_png(folder / "new.png", np.zeros((30, 30), np.uint8))
    with pytest.raises(UserError, match="not those that"):
        run_reconstruction(settings, tmp_path / "a", command="test", resume=True)


def test_a_sweep_over_code_sizes_has_an_entry_for_each(pictures, tmp_path):
    settings = config(pictures, losses=("mse",), code_size=(2, 8), steps=2)
    results = run_reconstruction(settings, tmp_path / "a", command="test")
    assert [entry["code_size"] for entry in results["sweep"]] == [2, 8]
    assert results["code_size"] == 2
    assert (tmp_path / "a" / "checkpoints" / "mse" / "seed-0" / "code-8").is_dir()


def test_other_pictures_can_be_judged_on(pictures, tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, images=np.full((3, 30, 30), 90, np.uint8))
    plan = make_plan(config(pictures, held_out_data=f"npz:{other}"))
    assert len(plan.folds[0].train) == 10
    assert plan.folds[0].held_out.pixels.unique().tolist() == [90]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"losses": ("ms-sim",)}, ["'ms-sim'", "Did you mean 'ms-ssim'"]),
        ({"losses": ("ms-ssim",), "size": 12}, ["one level"]),
        ({"losses": ("no_such_package:loss",)}, ["no_such_package"]),
        ({"network": "conv-autoencodr"}, ["conv-autoencodr"]),
        ({"network": "torch.nn:Flatten"}, ["torch.nn:Flatten"]),
        ({"size": 64}, ["64"]),
        ({"size": 26}, ["26"]),
        ({"held_out": 10}, ["10"]),
    ],
)
def test_bad_plans_are_one_sentence(pictures, changes, words):
    with pytest.raises(UserError) as error:
        make_plan(config(pictures, **changes))
    sentence = str(error.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence


def test_judging_on_the_training_pictures_is_refused(pictures):
    with pytest.raises(UserError, match="judged on pictures they have seen"):
        make_plan(config(pictures, held_out_data=pictures))


def test_judging_on_a_copy_of_a_training_picture_is_refused(tmp_path):
    generator = np.random.default_rng(2)
    for name in ("train/a", "train/b", "other/c"):
        picture = generator.integers(0, 256, (30, 30), dtype=np.uint8)
        write_png(tmp_path / f"{name}.png", picture)
    write_png(tmp_path / "other" / "copy.png", read_image(tmp_path / "train" / "a.png"))
    with pytest.raises(UserError, match="1 of the pictures"):
        make_plan(config(str(tmp_path / "train"), held_out_data=str(tmp_path / "other")))
    with pytest.raises(UserError, match="all of the pictures"):
        make_plan(config(str(tmp_path / "train"), held_out_data=f"{tmp_path / 'train'}/."))


def test_a_random_loss_of_ones_own_is_the_same_in_every_process(tmp_path, monkeypatch):
    (tmp_path / "losses_of_mine.py").write_text(
        "import torch\n"
        "def filtered():\n"
        "    kept = torch.nn.Conv2d(1, 4, 3)\n"
        "    return lambda preds, target: (kept(preds) - kept(target)).square().mean()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    x, y = torch.rand(2, 2, 1, 16, 16)
    first, second, other = (
        loss_for("losses_of_mine:filtered", seed=seed).at(0)(x, y).item() for seed in (3, 3, 4)
    )
    assert first == second
    assert first != other


def test_an_existing_folder_is_kept(pictures, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="--out"):
        run_reconstruction(config(pictures), tmp_path / "a", command="test")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["thesis.txt"]


def test_pixels_that_are_not_8_bit_are_refused(tmp_path):
    """So no NaN and no infinity can come in."""
    images = np.zeros((4, 30, 30), np.float32)
    images[1, 5, 5] = np.nan
    np.savez(tmp_path / "nan.npz", images=images)
    with pytest.raises(UserError, match=r"(?i)nan|finite|uint8"):
        make_plan(config(f"npz:{tmp_path / 'nan.npz'}"))


def test_two_processes_agree_with_one(pictures, tmp_path):
    """The documented way past one machine, ``torchrun -m snellen``, at its smallest."""
    words = ["reconstruct", "--data", pictures, "--losses", "mse", "--size", "24"]
    words += ["--widths", "4,8", "--code-size", "8", "--steps", "4", "--batch-size", "4"]
    words += ["--set", "precision=fp32", "--set", "max_downscale=1.5"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launcher = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        "-m",
        "snellen",
    ]
    assert main([*words, "--out", str(tmp_path / "one")]) == 0
    done = subprocess.run(
        [sys.executable, *launcher, *words, "--out", str(tmp_path / "two")],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    one, two = (json.loads((tmp_path / n / "results.json").read_text()) for n in ("one", "two"))
    assert two["hardware"]["processes"] == 2
    assert two["losses"]["mse"]["psnr"]["mean"] == pytest.approx(
        one["losses"]["mse"]["psnr"]["mean"], abs=1e-3
    )
    assert two["data"] == one["data"]


def test_the_report_names_no_place_outside_itself(run):
    folder, _ = run
    page = (Path(folder) / "report.html").read_text()
    for word in ('src="http', "src='http", "@import", 'href="http', "url(http"):
        assert word not in page
