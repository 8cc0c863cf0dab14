"""From tables of measures to results.json and results.csv, by hand-made numbers."""

import csv
import json
import math

import numpy as np
import pytest

from snellen.experiments.running import write_json
from snellen.experiments.super_resolution.published import anchors
from snellen.experiments.super_resolution.results import SetTable, tables_in_json, write_csv


def table(psnr, *, name="Set5", published=True):
    """One loss of two seeds; bicubic is 1 dB below the first seed."""
    psnr = np.array(psnr, dtype=float)
    found = {"psnr": psnr, "ssim": psnr / 100}
    bicubic = {key: values[0] - (1 if key == "psnr" else 0.01) for key, values in found.items()}
    names = [f"{k}.png" for k in range(psnr.shape[1])]
    return SetTable(name, names, names, bicubic, {"mse": found}, published)


def test_spread_is_the_sample_deviation_of_the_seeds_means():
    found = tables_in_json([table([[30, 32, 34], [31, 33, 35]])], 4)
    entry = found["losses"]["mse"]["Set5"]["psnr"]
    assert entry["seeds"] == [32, 33]
    assert entry["spread"] == pytest.approx(math.sqrt(0.5))
    assert entry["mean"] == 32.5
    assert found["gains"]["mse"]["Set5"]["psnr"]["mean"] == pytest.approx(1.5)
    assert found["methods"]["bicubic"]["Set5"]["psnr"] == 31


def test_one_seed_has_no_spread():
    found = tables_in_json([table([[30, 32]])], 4)
    assert found["losses"]["mse"]["Set5"]["psnr"]["spread"] is None


def test_a_perfect_picture_leaves_valid_json(tmp_path):
    found = tables_in_json([table([[30, math.inf], [31, math.inf]])], 4)
    write_json(tmp_path / "results.json", found)
    read = json.loads((tmp_path / "results.json").read_text())
    assert read["losses"]["mse"]["Set5"]["psnr"]["mean"] is None
    assert read["losses"]["mse"]["Set5"]["ssim"]["spread"] is None


def test_anchors_belong_to_whole_published_sets_only():
    assert tables_in_json([table([[30, 32]])], 4)["published"]
    assert not tables_in_json([table([[30, 32]], published=False)], 4)["published"]
    assert not tables_in_json([table([[30, 32]], name="mine")], 4)["published"]


@pytest.mark.parametrize(
    ("scale", "count"),
    [(2, 4), (3, 4), (4, 14)],
)
def test_there_are_as_many_anchors_as_were_published(scale, count):
    assert len(anchors(scale, ["Set5", "Set14", "BSD200"])) == count


def test_file_names_cannot_be_formulas(tmp_path):
    made = table([[30, 32]])
    named = SetTable(made.name, ["=1+1.png", "b.png"], made.sources, made.bicubic, made.losses)
    write_csv(tmp_path / "results.csv", [named])
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["set", "picture", "method", "seed", "psnr", "ssim"]
    assert rows[1][:4] == ["Set5", "'=1+1.png", "bicubic", ""]
    assert float(rows[1][4]) == 29
