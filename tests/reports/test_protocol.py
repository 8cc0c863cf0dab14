"""The protocol says what was done, all of it, and nothing that results do not say."""

import pytest

from snellen.reports.protocol import protocol

CONFIG = {
    "size": 96, "channels": 1, "max_downscale": 2.0, "flip": True, "crops_per_picture": 4,
    "steps": 1000, "batch_size": 64, "seeds": 3, "schedule": "cosine", "warmup": 0.02,
    "weight_decay": 0.0, "clip_norm": 1.0, "ema": None, "precision": "auto",
}  # fmt: skip
LOSSES = {"mse": {"learning_rate": 1e-3}, "mae": {"learning_rate": 1e-3}}


def said(config=(), **more):
    results = {"losses": LOSSES, "config": {**CONFIG, **dict(config)}, **more}
    return dict(protocol(results))


def test_the_protocol_of_a_run(report):
    found = dict(protocol(report.results))
    assert "builtin: 14 pictures from 12 sources. Skipped: 2 smaller" in found["Pictures"]
    assert "Cross-fitted in 4 folds" in found["Pictures"]
    assert "1,000 steps; batches of 64; 2 seeds (0, 1)" in found["Training"]
    assert "learning rate 0.001;" in found["Training"]
    assert "4 levels" in found["MS-SSIM"]
    assert found["Edges F"] == "Canny edges, within 1 pixel."


def test_training_is_exact():
    assert said(precision="fp32")["Training"] == (
        "The same initial weights, batches and budget under each loss; 1,000 steps; batches of 64; "
        "3 seeds (0, 1, 2); AdamW, learning rate 0.001; cosine schedule to 0 at the last step; "
        "linear warm-up over the first 2 % of the steps; no weight decay; gradients clipped to a "
        "norm of 1; fp32."
    )


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"schedule": "constant"}, "; constant schedule;"),
        ({"warmup": 0}, "; no warm-up;"),
        ({"weight_decay": 0.05}, "; weight decay 0.05;"),
        ({"clip_norm": None}, "; no clipping;"),
        ({"seeds": 1}, "; 1 seed (0);"),
        ({"optimizer": "adamw"}, "; AdamW, learning rate 0.001;"),
        ({"optimizer": "muon"}, "; Muon for weights that are matrices and AdamW for the rest, lea"),
        ({"seeds": 20}, "; 20 seeds (0–19);"),
    ],
)
def test_other_choices_are_said(config, text):
    assert text in said(config)["Training"]


def test_the_precision_is_the_one_that_was_used():
    assert said(precision="bf16")["Training"].endswith(
        "; bf16 autocast of the network, weights and losses in fp32."
    )
    assert "precision auto: bf16 where" in said()["Training"]
    assert said({"precision": "fp32"})["Training"].endswith("; fp32.")


def test_different_learning_rates_are_listed():
    losses = {"mse": {"learning_rate": 1e-3}, "mae": {"learning_rate": 2e-3}}
    assert "AdamW, learning rate 0.001 for mse, 0.002 for mae;" in said(losses=losses)["Training"]


def test_the_average_is_said_to_be_judged():
    assert said()["Weights judged"] == "Those after the last step; no average (EMA)."
    found = said({"ema": 0.999})["Weights judged"]
    assert "exponential moving average (EMA), decay 0.999" in found


def test_crops_are_described():
    assert said()["Crops"] == (
        "Squares of 1 to 2 times 96 pixels on a side (as far as the picture goes), the factor "
        "log-uniform, shrunk to 96×96 by area averaging. Training crops mirrored with probability "
        "½. 4 fixed, unmirrored crops of each held-out picture."
    )
    found = said({"max_downscale": 1.0, "flip": False})["Crops"]
    assert found.startswith("96×96 pixels, never resized. Nothing is mirrored.")


def test_gpus_are_named():
    hardware = {"cpu": "EPYC", "memory_gib": 64, "gpus": ["H200", "H200", "A10"], "processes": 2}
    found = said(hardware=hardware)["Machine"]
    assert found == "EPYC, memory 64 GiB, 2 × H200, A10, processes 2"
    assert said(hardware={"cpu": "EPYC", "gpus": []})["Machine"] == "EPYC"


def test_one_split_counts_both_sides():
    data = {
        "spec": "photos", "held_out_spec": "photos", "pictures": 20, "sources": 18, "folds": 0,
        "train_pictures": 16, "train_sources": 15, "held_out_pictures": 12, "held_out_sources": 3,
        "skipped": {}, "held_out_skipped": {"the file is truncated": 1},
    }  # fmt: skip
    assert said(data=data)["Pictures"] == (
        "photos: 20 pictures from 18 sources. Split by source picture: trained on 16 pictures of "
        "15 source pictures, measured on 12 crops of 3 source pictures."
    )


def test_another_set_to_judge_on_is_counted_apart():
    data = {
        "spec": "a", "held_out_spec": "b", "pictures": 20, "sources": 18, "folds": 0,
        "train_pictures": 20, "train_sources": 18, "held_out_pictures": 12, "held_out_sources": 3,
        "skipped": {"the file is truncated": 2}, "held_out_skipped": {"it is not an image": 1},
    }  # fmt: skip
    assert said(data=data)["Pictures"] == (
        "Trained on a: 20 pictures from 18 sources. Skipped: 2 the file is truncated. Measured on "
        "another set, b: 12 crops of 3 source pictures. Skipped: 1 it is not an image."
    )


def test_missing_counts_are_passed_over():
    assert said(data={"spec": "a", "train_sources": 5})["Pictures"] == (
        "a: pictures. Split by source picture: trained on 5 source pictures, measured on crops of "
        "source pictures."
    )
    other = said(data={"spec": "a", "held_out_spec": "b", "pictures": 3})["Pictures"]
    assert other.startswith("Trained on a: 3 pictures. Measured on another set, b:")


def test_a_protocol_of_almost_nothing_is_possible():
    terms = [term for term, _ in protocol({"losses": {"mse": {}}})]
    assert terms == ["Training", "Evaluation", "Intervals", "Software"]
