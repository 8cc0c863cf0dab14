"""``snellen study power`` as it is typed."""

import json

import numpy as np
import pytest
from PIL import Image

from snellen.cli.main import main
from snellen.study.config import MOST_MODELS

SMALL = ("--studies", "20", "--people", "6", "--trials", "4", "--pictures", "24")


def run(capsys, *words):
    status = main(["study", "power", *map(str, words)])
    told = capsys.readouterr()
    return status, told.out, told.err


@pytest.fixture
def study(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for folder in ("original", "one", "two"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        for k in range(6):
            pixels = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "in" / folder / f"{k}.png")
    assert main(["study", "create", str(tmp_path / "in"), str(tmp_path / "study")]) == 0
    capsys.readouterr()
    return tmp_path / "study"


def test_every_design_has_its_rows_and_the_best_its_sentence(capsys, tmp_path):
    status, out, err = run(capsys, *SMALL, "--json", tmp_path / "power.json")
    assert (status, err) == (0, "")
    for design in ("nested", "crossed", "balanced-incomplete"):
        assert any(line.startswith(design) for line in out.splitlines())
    assert out.count("A – B") == 3
    assert "24 rankings" in out.splitlines()[-1]
    kept = json.loads((tmp_path / "power.json").read_text())
    assert [one["design"] for one in kept["designs"]] == [
        "nested", "crossed", "balanced-incomplete",
    ]  # fmt: skip
    assert {pair["a"] for pair in kept["designs"][0]["pairs"]} == {"A", "B"}
    assert kept["observers"]["utilities"] == [0.8, 0.4, 0.0]


def test_as_many_rankings_from_more_people_are_tried(capsys):
    status, out, _ = run(
        capsys, "--studies", 20, "--people", 5, "--trials", 25, "--pictures", 125,
        "--designs", "nested", "--utilities", "1,0",
    )  # fmt: skip
    assert status == 0
    assert "25 × 5" in out
    assert "as many from 25 people × 5 trials would be better" in out


def test_what_does_not_fit_is_said_with_what_would(capsys):
    status, out, _ = run(capsys, *SMALL, "--pictures", 20)
    assert status == 0
    assert "does not fit" in " ".join(out.split())
    assert "nested: 6 people × 4 trials need 24 pictures; there are 20: type --trials 3" in out
    status, out, _ = run(capsys, *SMALL, "--pictures", 3, "--designs", "crossed")
    assert status == 0
    assert out.splitlines()[-1] == "None of these designs fits these numbers."


def test_what_has_no_interval_is_said(capsys):
    few = ("--studies", 20, "--people", 2, "--trials", 1, "--pictures", 2)
    status, out, _ = run(capsys, *few, "--designs", "crossed")
    assert status == 0
    assert "nan" not in out
    assert out.splitlines()[-1].startswith("None of these designs has an interval")
    status, out, _ = run(capsys, *few, "--designs", "nested,crossed")
    assert "nan" not in out
    assert out.splitlines()[-1].startswith("nested with 2 rankings")


def test_a_terminal_of_80_columns_shows_all(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(capsys, *SMALL)
    row = next(line for line in out.splitlines() if line.startswith("balanced-incomplete"))
    assert row.rstrip().endswith("%")
    assert row.count("%") == 2


def test_a_study_gives_its_numbers(study, capsys):
    status, out, _ = run(capsys, study, "--studies", 20, "--designs", "crossed")
    assert status == 0
    assert "20 × 6" in out
    assert "of 6" in out
    assert "one – two" in out
    status, out, _ = run(capsys, study, "--studies", 20, "--designs", "crossed", "--people", 7)
    assert "7 × 6" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--designs", "nested,crosed"), "Did you mean 'crossed'?"),
        (("--gap", "1", "--utilities", "1,0"), "--gap and --utilities are both given"),
        (("--utilities", "1,x"), "write numbers as in 0.8,0.4,0"),
        (("--utilities", "1"), "names 1 number; there are 2 to 6 models"),
        (("--models", str(MOST_MODELS + 1)), f"less than or equal to {MOST_MODELS}"),
        (("--models", "2", "--utilities", "1,0,0"), "names 3 numbers; there are 2 models"),
        (("--inattentive", "1"), "a share from 0 to below 1"),
        (("nowhere",), "nowhere does not exist: name a study's folder"),
        (("--gap", "nan"), "--gap: numbers of ordinary size are needed"),
        (("--gap", "1e308"), "--gap: numbers of ordinary size are needed"),
        (("--utilities", "0,inf"), "--utilities: numbers of ordinary size are needed"),
        (("--person-sd", "inf"), "--person-sd: numbers of ordinary size are needed"),
        (("--people", "100000000"), "less than or equal to 100000"),
        (("--studies", "1000000000"), "less than or equal to 1000000"),
    ],
)
def test_bad_input_is_one_sentence(words, complaint, capsys):
    status, out, err = run(capsys, *words)
    assert status == 2
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1


def test_models_must_be_those_of_the_study(study, capsys):
    assert "the study has 2" in run(capsys, study, "--models", 3)[2]
    assert "the study has 2 models" in run(capsys, study, "--utilities", "1,0,0")[2]


def test_another_file_is_not_replaced(tmp_path, capsys):
    (tmp_path / "notes.json").write_text("mine")
    status, _, err = run(capsys, *SMALL, "--json", tmp_path / "notes.json")
    assert status == 2
    assert "no table that this command wrote" in err
