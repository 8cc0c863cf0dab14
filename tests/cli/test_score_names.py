"""`snellen score` on files with names that terminals, encodings and spreadsheets stumble over."""

import csv
import json
import os

import numpy as np
import pytest

from snellen.cli.main import main
from snellen.images.files import write_png

BYTES = os.fsdecode(b"b\xff.png")
ESCAPE = "\x1b[31mt.png"


@pytest.fixture
def folder(tmp_path):
    """Return a function that fills a folder with pictures of these names."""

    def make(*names):
        path = tmp_path / "pictures"
        path.mkdir()
        write_png(tmp_path / "whole.png", np.eye(24, dtype=np.uint8))
        for name in names:
            try:
                (path / name).write_bytes((tmp_path / "whole.png").read_bytes())
            except OSError:
                pytest.skip("this file system takes no such name")
        return path

    return make


def scored(folder, *words, status=0):
    """Return what was written as JSON and as CSV."""
    to_json, to_csv = folder.parent / "out.json", folder.parent / "out.csv"
    outputs = ["--json", str(to_json), "--csv", str(to_csv)]
    words = ["score", str(folder), str(folder), "--metrics", "mse", *words, *outputs]
    assert main(words) == status
    with to_csv.open(encoding="utf-8", newline="") as file:
        return json.loads(to_json.read_text("utf-8")), list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "expected"), [(BYTES, r"b\xff.png"), (ESCAPE, r"\x1b[31mt.png")], ids=ascii
)
def test_a_strange_name_is_the_same_in_table_json_and_csv(folder, capsys, name, expected):
    content, rows = scored(folder(name, "plain.png"))
    assert expected in capsys.readouterr().out
    assert expected in [pair["name"] for pair in content["pairs"]]
    assert expected in [row["name"] for row in rows]
    assert rows[0]["reference"] == content["pairs"][0]["reference"]


def test_the_problem_of_a_strange_name_is_told_with_it(folder, capsys):
    path = folder(BYTES, ESCAPE)
    for name in (BYTES, ESCAPE):
        (path / name).write_bytes(b"no picture")
    content, rows = scored(path, status=1)
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    for name in (r"b\xff.png", r"\x1b[31mt.png"):
        assert f"snellen: {name}: cannot read {path}/{name}" in told.err
        assert any(name in problem for pair in content["pairs"] for problem in pair["problems"])
        assert any(name in row["problems"] for row in rows)


def test_a_missing_partner_with_a_strange_name_is_told(folder, tmp_path, capsys):
    path = folder(ESCAPE)
    write_png(tmp_path / "others" / "plain.png", np.eye(24, dtype=np.uint8))
    assert main(["score", str(path), str(tmp_path / "others")]) == 1
    assert r"snellen: \x1b[31mt.png: no picture in" in capsys.readouterr().err


def test_a_strange_path_that_is_not_there_is_escaped(tmp_path, capsys):
    assert main(["score", str(tmp_path / ESCAPE), str(tmp_path)]) == 2
    assert r"\x1b[31mt.png: check the path" in capsys.readouterr().err


def test_formulas_get_an_apostrophe_in_the_csv_alone(folder):
    path = folder("=cmd.png", "plain.png")
    content, rows = scored(path)
    assert [row["name"] for row in rows] == ["'=cmd.png", "plain.png"]
    assert [pair["name"] for pair in content["pairs"]] == ["=cmd.png", "plain.png"]
