"""The comparison end to end, at toy size: what is compared is fair, and what is written is true."""

import csv
import json
import os
import shutil
import signal
import tempfile
from functools import partial

import numpy as np
import pytest

from snellen.errors import UserError
from snellen.experiments.super_resolution.cards import copy_weights, planned_copies
from snellen.experiments.super_resolution.comparison import run_super_resolution
from snellen.experiments.super_resolution.evaluation import (
    NetworkMethod,
    evaluate_picture,
    evaluate_posed,
)
from snellen.experiments.super_resolution.scores import KeptPictures
from snellen.images import read_image
from snellen.images.protocols import PROTOCOLS, pose
from snellen.metrics.losses import SSIMLoss
from snellen.networks import read_card, read_weights
from snellen.training import Interrupted, load_weights, read_rows

LOSSES = ("mse", "ms-ssim", "mse>mae@0.5")


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    """A run of two seeds with averaged weights and a switch of losses on the way."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    settings = config(losses=LOSSES, seeds=2, ema=0.5)
    results = run_super_resolution(settings, folder, command="snellen superres compare test")
    return folder, results


@pytest.fixture(scope="module")
def rows(run):
    with (run[0] / "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_run_folder_holds_what_is_promised(run):
    folder, _ = run
    assert {path.name for path in folder.iterdir()} >= {
        "config.yaml",
        "environment.json",
        "log.txt",
        "metrics.jsonl",
        "checkpoints",
        "weights",
        "results.json",
        "results.csv",
        "report.html",
        "study-bundle",
    }
    assert sorted(path.name for path in (folder / "weights").iterdir()) == [
        "ms-ssim-seed0.safetensors",
        "ms-ssim-seed1.safetensors",
        "mse-seed0.safetensors",
        "mse-seed1.safetensors",
        "mse-to-mae@0.5-seed0.safetensors",
        "mse-to-mae@0.5-seed1.safetensors",
    ]


def test_the_csv_has_a_row_for_each_picture_method_and_seed(rows):
    found = {(r["set"], r["picture"], r["method"], r["seed"]) for r in rows}
    assert len(found) == len(rows) == (5 + 2) * (1 + 2 * len(LOSSES))
    assert ("Set5", "0.png", "bicubic", "") in found
    assert ("other", "1.png", "ms-ssim", "1") in found


def test_means_are_those_of_the_rows(run, rows):
    results = json.loads((run[0] / "results.json").read_text())
    assert list(results["methods"]) == ["bicubic", *LOSSES]
    for method, sets in results["methods"].items():
        for name, found in sets.items():
            for measure in ("psnr", "ssim"):
                mine = [r for r in rows if r["method"] == method and r["set"] == name]
                assert found[measure] == pytest.approx(np.mean([float(r[measure]) for r in mine]))
            assert found["pictures"] == {"Set5": 5, "other": 2}[name]


def test_intervals_spread_and_differences_belong_to_the_means(run):
    _, results = run
    for loss in LOSSES:
        for name in ("Set5", "other"):
            for measure in ("psnr", "ssim"):
                found = results["losses"][loss][name][measure]
                assert found["low"] <= found["mean"] <= found["high"]
                assert found["mean"] == pytest.approx(results["methods"][loss][name][measure])
                assert found["mean"] == pytest.approx(np.mean(found["seeds"]))
                assert found["spread"] == pytest.approx(np.std(found["seeds"], ddof=1))
                gap = found["mean"] - results["losses"]["mse"][name][measure]["mean"]
                if loss != "mse":
                    difference = results["differences"][loss][name][measure]
                    assert difference["mean"] == pytest.approx(gap)
                gain = found["mean"] - results["bicubic"][name][measure]["mean"]
                assert results["gains"][loss][name][measure]["mean"] == pytest.approx(gain)


def test_published_numbers_stand_beside_the_sets_that_they_are_of(run):
    assert {found["pictures"] for found in run[1]["published"]} == {"Set5"}
    assert {found["scale"] for found in run[1]["published"]} == {4}


def test_saved_weights_give_the_numbers_of_the_table(run, rows, folders):
    folder, _ = run
    network, card = read_weights(folder / "weights" / "ms-ssim-seed1.safetensors", scale=4)
    assert (card["loss"], card["network"], card["protocol"]) == ("ms-ssim", "srcnn", "poster")
    method = NetworkMethod(network)
    for k in range(5):
        picture = read_image(folders / "judged" / "Set5" / f"{k}.png")
        found = evaluate_picture(picture, method, 4, PROTOCOLS["poster"])
        (row,) = (
            r
            for r in rows
            if (r["set"], r["picture"], r["method"], r["seed"])
            == ("Set5", f"{k}.png", "ms-ssim", "1")
        )
        assert float(row["psnr"]) == pytest.approx(found.psnr, abs=1e-9)
        assert float(row["ssim"]) == pytest.approx(found.ssim, abs=1e-9)
    assert card["results"]["Set5"]["psnr"] == pytest.approx(
        np.mean([float(r["psnr"]) for r in rows if r["method"] == "ms-ssim" and r["seed"] == "1"
                 and r["set"] == "Set5"])
    )  # fmt: skip


def test_averaged_weights_are_what_is_saved_and_judged(run):
    folder, _ = run
    saved, _ = read_weights(folder / "weights" / "mse-seed0.safetensors")
    averaged, last = (
        read_weights(folder / "weights" / "mse-seed0.safetensors")[0] for _ in range(2)
    )
    load_weights(averaged, folder / "checkpoints" / "mse" / "seed-0", ema=True)
    load_weights(last, folder / "checkpoints" / "mse" / "seed-0")
    assert (saved.features.weight == averaged.features.weight).all()
    assert not (saved.features.weight == last.features.weight).all()


def test_the_bundle_is_the_middle_of_what_was_measured(run, folders):
    """The pixels are those of the saved weights' output; nothing is cut a pixel beside."""
    folder, _ = run
    bundle = folder / "study-bundle"
    manifest = json.loads((bundle / "manifest.json").read_text())
    # 112×116 less 8 on each side; those of 70 pixels are too small to be judged by people.
    assert (manifest["width"], manifest["height"]) == (96, 96)
    assert [each["name"] for each in manifest["pictures"]] == [f"Set5/{k}.png" for k in range(5)]
    assert [each["name"] for each in manifest["conditions"]] == list(LOSSES)
    network, _ = read_weights(folder / "weights" / "mse-seed0.safetensors", scale=4)
    for k in range(5):
        picture = read_image(folders / "judged" / "Set5" / f"{k}.png")
        posed = pose(picture, 4, PROTOCOLS["poster"])
        outcome = evaluate_posed(posed, NetworkMethod(network), 4, PROTOCOLS["poster"])
        for name, whole in (("original", posed.target), ("mse", outcome.output)):
            assert whole.shape == (112, 116)
            held = read_image(bundle / name / f"{k + 1:04}.png")
            np.testing.assert_array_equal(held, whole[8:104, 10:106])


def test_every_loss_starts_from_the_same_weights_and_sees_the_same_patches(config, tmp_path):
    """With one loss under two names every number is equal, and another seed gives others."""
    settings = config(losses=("mse", "torch.nn:MSELoss"), seeds=2)
    results = run_super_resolution(settings, tmp_path / "a", command="test")
    first, second = (results["losses"][name] for name in settings.losses)
    assert first == second
    seeds = first["Set5"]["psnr"]["seeds"]
    assert seeds[0] != seeds[1]
    rows = read_rows(tmp_path / "a" / "metrics.jsonl")
    last = {(r["loss"], r["seed"]): r["step"] for r in rows if r["kind"] == "train"}
    assert list(last.values()) == [3, 3, 3, 3]


def test_a_stopped_run_goes_on_to_the_same_numbers(config, folders, tmp_path, monkeypatch):
    """In the second seed, with an average of the weights and a switch of losses on the way."""
    benchmarks = (str(folders / "other"),)
    settings = config(losses=("mse", "mse>ssim@0.3"), seeds=2, ema=0.8, benchmarks=benchmarks)
    stop_at = 4
    whole = run_super_resolution(settings, tmp_path / "whole", command="first")
    forward, calls = SSIMLoss.forward, []

    def stop(self, preds, target):
        if preds.requires_grad:  # one try beforehand, two steps of each training, no validation
            calls.append(preds.shape)
        if len(calls) == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(self, preds, target)

    monkeypatch.setattr(SSIMLoss, "forward", stop)
    with pytest.raises(Interrupted):
        run_super_resolution(settings, tmp_path / "parts", command="first")
    monkeypatch.undo()
    assert not (tmp_path / "parts" / "results.json").exists()
    assert (tmp_path / "parts" / "weights" / "mse-seed1.safetensors").exists()
    assert not (tmp_path / "parts" / "weights" / "mse-to-ssim@0.3-seed1.safetensors").exists()
    parts = run_super_resolution(settings, tmp_path / "parts", command="second", resume=True)
    assert parts["losses"] == whole["losses"]
    assert parts["differences"] == whole["differences"]
    assert parts["command"] == "first"  # the one that repeats the run


def test_a_run_does_not_go_on_with_other_pictures(config, folders, tmp_path):
    judged = tmp_path / "judged"
    shutil.copytree(folders / "other", judged)
    settings = config(losses=("mse",), benchmarks=(str(judged),))
    run_super_resolution(settings, tmp_path / "run", command="test")
    shutil.copy(folders / "judged" / "Set5" / "0.png", judged / "new.png")
    with pytest.raises(UserError, match="not those that"):
        run_super_resolution(settings, tmp_path / "run", command="test", resume=True)


def test_one_loss_is_compared_with_bicubic_alone(config, tmp_path):
    results = run_super_resolution(config(losses=("mae",)), tmp_path / "run", command="test")
    assert results["differences"] == {}
    assert "only one loss was trained" in (tmp_path / "run" / "report.html").read_text()


def test_weights_are_exported_and_never_replaced(config, tmp_path):
    settings = config(losses=("mse",), terms="public domain")
    target = tmp_path / "weights" / "srcnn-x4-mse.safetensors"
    run_super_resolution(settings, tmp_path / "a", command="test", export=target.parent)
    before = target.read_bytes()
    assert before == (tmp_path / "a" / "weights" / "mse-seed0.safetensors").read_bytes()
    with pytest.raises(UserError, match="exists already"):
        run_super_resolution(settings, tmp_path / "b", command="test", export=target.parent)
    assert target.read_bytes() == before
    assert not (tmp_path / "b").exists()
    assert read_card(target)["terms"] == "public domain"


def test_an_export_that_failed_half_way_goes_on(config, folders, tmp_path):
    """The second name is that of a folder, which is seen before and after the training."""
    settings = config(losses=("mse", "mae"), terms="mine", benchmarks=(str(folders / "other"),))
    run, weights = tmp_path / "run", tmp_path / "weights"
    again = partial(run_super_resolution, settings, run, command="test", export=weights)
    (weights / "srcnn-x4-mae.safetensors").mkdir(parents=True)
    with pytest.raises(UserError, match="exists already"):
        again()
    assert not run.exists()
    run_super_resolution(settings, run, command="test")
    copies = planned_copies(settings, run, tmp_path / "elsewhere")
    with pytest.raises(UserError, match="exists already"):
        copy_weights({source: weights / target.name for source, target in copies.items()})
    assert (weights / "srcnn-x4-mse.safetensors").is_file()
    (weights / "srcnn-x4-mae.safetensors").rmdir()
    again(resume=True)
    for name in ("mse", "mae"):
        copy = (weights / f"srcnn-x4-{name}.safetensors").read_bytes()
        assert copy == (run / "weights" / f"{name}-seed0.safetensors").read_bytes()


@pytest.mark.parametrize("terms", [None, ""])
def test_weights_are_not_exported_without_the_terms_of_the_pictures(config, tmp_path, terms):
    with pytest.raises(UserError, match="type --set terms='…' beside --export-weights"):
        run_super_resolution(
            config(terms=terms), tmp_path / "run", command="test", export=tmp_path / "weights"
        )
    assert list(tmp_path.iterdir()) == []


def test_kept_pictures_are_read_from_one_file_in_any_order(tmp_path):
    generator = np.random.default_rng(0)
    pictures = [
        generator.integers(0, 256, shape, dtype=np.uint8) for shape in ((5, 7), (1, 9), (64, 3))
    ]
    with tempfile.TemporaryFile() as file:
        first, second = (KeptPictures(file, tmp_path) for _ in range(2))
        for picture in pictures:
            first.append(picture)
            second.append(picture.T)
            assert (second[0] == pictures[0].T).all()
        for k in (2, 0, 1, 0):
            np.testing.assert_array_equal(first[k], pictures[k])
        assert [each.shape for each in second] == [(7, 5), (9, 1), (3, 64)]


def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        open("/dev/full", "wb", buffering=0) as full,
        pytest.raises(UserError, match="the disk is full"),
    ):
        KeptPictures(full, tmp_path).append(np.zeros((4, 4), np.uint8))


def test_a_damaged_benchmark_picture_is_named(config, folders, tmp_path):
    shutil.copytree(folders / "other", tmp_path / "judged")
    data = (tmp_path / "judged" / "1.png").read_bytes()
    (tmp_path / "judged" / "1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"1\.png"):
        run_super_resolution(
            config(benchmarks=(str(tmp_path / "judged"),)), tmp_path / "run", command="test"
        )
    assert not (tmp_path / "run").exists()
