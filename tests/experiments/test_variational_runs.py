"""Networks with dense layers and with a random code, through a whole run at toy size."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from snellen.errors import UserError
from snellen.experiments.autoencoders import network_for
from snellen.experiments.configuration import ReconstructionConfig
from snellen.experiments.generation import variational_measures
from snellen.experiments.planning import make_plan
from snellen.experiments.reconstruction import run_reconstruction
from snellen.training import checkpoint_place, load_weights, read_rows

TINY = {
    "size": 24,
    "max_downscale": 1.0,
    "code_size": (5,),
    "steps": 4,
    "batch_size": 4,
    "crops_per_picture": 2,
    "validate_every": 2,
    "checkpoint_every": 2,
    "precision": "fp32",
    "losses": ("mse", "ms-ssim"),
}
WIDTHS = {"fc-autoencoder": (9, 7), "fc-vae": (9, 7), "conv-vae": (3, 4)}
LOSSES = """
def negative():
    return lambda preds, target: (preds - target).abs().mean() - 10
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Ten smooth pictures of 24×24 pixels, as small as the network's, in an npz file."""
    coarse = np.random.default_rng(0).integers(0, 256, (10, 4, 4))
    images = np.repeat(np.repeat(coarse, 6, axis=1), 6, axis=2).astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "ten.npz"
    np.savez(path, images=images)
    return f"npz:{path}"


def config(pictures, network, **changes):
    settings = {"data": pictures, "network": network, "widths": WIDTHS.get(network), **TINY}
    return ReconstructionConfig(**{**settings, **changes})


@pytest.fixture(scope="module", params=list(WIDTHS))
def run(request, pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    settings = config(pictures, request.param, seeds=2, folds=2, ema=0.9)
    results = run_reconstruction(settings, folder, command="snellen reconstruct test")
    return request.param, folder, results, settings


def test_results_say_how_the_code_is_used_of_variational_networks_only(run):
    network, folder, returned, _ = run
    results = json.loads((folder / "results.json").read_text())
    for loss in ("mse", "ms-ssim"):
        found = results["losses"][loss].get("variational")
        assert found == returned["losses"][loss].get("variational")
        if network == "fc-autoencoder":
            assert found is None
            continue
        assert list(found) == ["active_units", "units", "kl_nats", "weight"]
        assert 0 <= found["active_units"] <= found["units"] == 5
        assert found["kl_nats"] > 0
        assert found["weight"] > 0


def test_the_numbers_are_means_over_the_networks_that_were_saved(run):
    network, folder, results, settings = run
    if network == "fc-autoencoder":
        return
    expected = []
    for fold in make_plan(settings).folds:
        for seed in range(2):
            place = folder / checkpoint_place("mse", seed, fold=fold.number)
            judged = network_for(settings, 5, seed)
            load_weights(judged, place, ema=True)
            measured = variational_measures(judged, fold.held_out.pixels, torch.device("cpu"))
            expected.append(measured)
    for key, value in results["losses"]["mse"]["variational"].items():
        assert value == pytest.approx(np.mean([one[key] for one in expected]), rel=1e-6)


def test_the_log_has_the_loss_and_the_objective(run):
    network, folder, _, _ = run
    rows = [row for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "train"]
    assert {"objective" in row for row in rows} == {network != "fc-autoencoder"}
    mse = [row["value"] for row in rows if row["loss"] == "mse"]
    assert max(mse) < 1  # of the unit of the validation, not in nats


def test_the_report_shows_what_the_code_generates(run):
    network, folder, _, _ = run
    page = (folder / "report.html").read_text()
    assert 'id="generated"' in page
    assert len(re.findall(r'alt="From [^"]*, ms-ssim, \d of 7"', page)) == 4 * 7
    samples = len(re.findall(r'alt="Samples from the prior, [^"]*, \d of 8"', page))
    variational = network != "fc-autoencoder"
    assert samples == (2 * 8 if variational else 0)
    assert ("Active units" in page) == variational


def test_a_sweep_has_the_use_of_each_code(pictures, tmp_path):
    settings = config(pictures, "fc-vae", code_size=(2, 6), steps=1, losses=("mse",))
    results = run_reconstruction(settings, tmp_path / "a", command="test")
    units = [entry["losses"]["mse"]["variational"]["units"] for entry in results["sweep"]]
    assert units == [2, 6]


def test_a_loss_that_cannot_be_weighed_is_refused_before_any_training(
    pictures, tmp_path, monkeypatch
):
    (tmp_path / "losses_below_zero.py").write_text(LOSSES)
    monkeypatch.syspath_prepend(tmp_path)
    losses = ("mse", "losses_below_zero:negative")
    with pytest.raises(UserError, match=r"the loss losses_below_zero:negative is -9\.\d+ for"):
        make_plan(config(pictures, "fc-vae", losses=losses))
    make_plan(config(pictures, "fc-autoencoder", losses=losses))


def test_the_code_of_real_pictures_does_not_collapse(snellen_data, tmp_path):
    """Some steps on 32×32 photographs: the divergence stays away from 0, and units are used."""
    with np.load(snellen_data / "CIFAR10" / "cifar10_gray_32x32_20k_5k.npz") as arrays:
        np.savez(tmp_path / "some.npz", images=arrays["train_images"][::40])
    settings = config(
        f"npz:{tmp_path / 'some.npz'}",
        "fc-vae",
        size=32,
        widths=(128,),
        code_size=(16,),
        steps=150,
        batch_size=32,
        crops_per_picture=1,
    )
    results = run_reconstruction(settings, tmp_path / "a", command="test")
    for loss in results["losses"].values():
        assert loss["variational"]["kl_nats"] > 5
        assert loss["variational"]["active_units"] >= 4
