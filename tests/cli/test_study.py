"""``snellen study create``, ``export`` and ``invite`` as they are typed."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from snellen.cli.main import main
from snellen.cli.study import study as group
from snellen.study.folder import open_study

HEAVY = ("torch", "numpy", "matplotlib", "PIL", "scipy", "fastapi", "uvicorn", "yaml")
registered = [command.name for command in group.registered_commands]


def test_every_command_is_there():
    assert registered == [
        *("create", "power", "serve", "invite", "analyse", "export"),
        *("doctor", "backup", "purge", "simulate", "demo"),
    ]
    assert [each.name for each in group.registered_groups] == ["mturk"]


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("original", "a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        for k in range(6):
            pixels = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "in" / folder / f"{k}.png")
    return tmp_path / "in"


def run(capsys, *words):
    status = main(["study", *map(str, words)])
    told = capsys.readouterr()
    return status, told.out, told.err


def refused(capsys, *words):
    status, out, err = run(capsys, *words)
    assert status == 2
    assert out == ""
    assert err.startswith("snellen: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("words", [[], *([name] for name in registered)], ids="-".join)
def test_help_imports_nothing_heavy(words):
    code = f"""
import sys
from snellen.cli.main import main
assert main(["study", *{words!r}, "--help"]) == 0
print("HEAVY", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_create_says_what_will_be_asked(pictures, tmp_path, capsys):
    status, out, err = run(capsys, "create", pictures, tmp_path / "study")
    assert (status, err) == (0, "")
    assert "crossed: 20 people rank 2 models; everyone sees the same 6 pictures" in out
    assert "fill in" in out
    assert f"snellen study serve {tmp_path / 'study'}" in out
    assert open_study(tmp_path / "study").config.trials_per_person == 6


def test_create_takes_its_options(pictures, tmp_path, capsys):
    words = ["--people", "3", "--trials", "2", "--design", "nested", "--models", "b, a", "--ties"]
    words += ["--title", "Which?", "--platform", "prolific", "--seed", "7", "--pictures", "6"]
    status, _, _ = run(capsys, "create", pictures, tmp_path / "study", *words)
    assert status == 0
    config = open_study(tmp_path / "study").config
    assert (config.people, config.trials_per_person, config.design) == (3, 2, "nested")
    assert (config.models, config.ties, config.title) == (("b", "a"), True, "Which?")
    assert (config.platform.kind, config.seed, config.pictures) == ("prolific", 7, 6)


def test_create_takes_pictures_by_name(pictures, tmp_path, capsys):
    run(capsys, "create", pictures, tmp_path / "study", "--pictures", "p, q")
    assert not (tmp_path / "study").exists()
    for name in ("0", "1"):  # a number is a number of pictures
        for folder in ("original", "a", "b"):
            place = pictures / folder
            (place / f"{name}.png").rename(place / f"p{name}.png")
    run(capsys, "create", pictures, tmp_path / "study", "--pictures", "p0, p1")
    assert open_study(tmp_path / "study").config.pictures == ("p0", "p1")
    run(capsys, "create", pictures, tmp_path / "other", "--pictures", "all")
    assert open_study(tmp_path / "other").config.pictures == "all"


def test_create_refuses_in_one_sentence(pictures, tmp_path, capsys):
    target = tmp_path / "study"
    assert "--platform" not in refused(capsys, "create", pictures, tmp_path)  # it exists
    for words, said in (
        ((tmp_path / "nowhere", target), "does not exist"),
        ((pictures, target, "--design", "random"), "'random'"),
        ((pictures, target, "--platform", "email"), "'email'"),
        ((pictures, target, "--models", "a,c"), "no model 'c'"),
        ((pictures, target, "--models", "a"), "one model"),
        ((pictures, target, "--trials", "7"), "--trials 6"),
        ((pictures, target, "--people", "x"), "--people"),
        ((pictures, target, "--pictures", "9"), "9 are asked for, there are 6"),
        ((pictures,), "missing"),
    ):
        assert said.lower() in refused(capsys, "create", *words).lower()
        assert not target.exists()


def test_names_that_a_terminal_would_obey_are_shown(pictures, tmp_path, capsys):
    (pictures / "a" / "0.png").rename(pictures / "a" / "\x1b[31m.png")
    assert "\x1b" not in refused(capsys, "create", pictures, tmp_path / "study")


def test_export_is_withheld_and_unlocked(pictures, tmp_path, capsys):
    run(capsys, "create", pictures, tmp_path / "study")
    out = tmp_path / "out"
    assert "--unlock" in refused(capsys, "export", tmp_path / "study", "--out", out)
    status, told, _ = run(capsys, "export", tmp_path / "study", "--out", out, "--unlock")
    assert status == 0
    assert str(out) in told
    assert json.loads((out / "rankings.json").read_text())["trials"] == []
    assert "exists" in refused(capsys, "export", tmp_path / "study", "--out", out)


def test_invite_prints_links_once(pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    url = ("--url", "https://study.example.org")
    assert "invitations: true" in refused(capsys, "invite", study, "--count", 2, *url)
    place = study / "study.yaml"
    place.write_text(place.read_text().replace("invitations: false", "invitations: true"))
    status, out, _ = run(capsys, "invite", study, "--count", 2, *url)
    assert status == 0
    assert out.count("https://study.example.org/?invitation=") == 2
    (tmp_path / "labels").write_text("Anna\nBo\n")
    words = ("--labels", tmp_path / "labels", "--out", tmp_path / "links.csv")
    status, out, _ = run(capsys, "invite", study, *url, *words)
    assert status == 0
    assert "invitation=" not in out
    assert "Anna,https://" in (tmp_path / "links.csv").read_text()
    _, _, err = run(capsys, "invite", study, "--count", 21, *url)
    assert "20 places" in err


def test_invite_refuses_in_one_sentence(pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    refused(capsys, "invite", study, "--count", 2)
    refused(capsys, "invite", tmp_path, "--count", 2, "--url", "https://a.org")


@pytest.fixture
def served(monkeypatch):
    """What was given to the server, which is not begun."""
    given = []
    monkeypatch.setattr(
        "snellen.study.server.running.serve",
        lambda study, options, ready: given.append((study, options)),
    )
    return given


def test_a_changed_picture_is_not_served(pictures, tmp_path, capsys, served):
    run(capsys, "create", pictures, tmp_path / "study")
    assert run(capsys, "serve", tmp_path / "study")[0] == 0
    files = sorted((tmp_path / "study" / "pictures" / "a").iterdir())
    files[0].write_bytes(files[1].read_bytes())
    told = refused(capsys, "serve", tmp_path / "study")
    assert "0001.png is not the picture that the study was made with" in told
    assert len(served) == 1


@pytest.mark.parametrize("name", ["", "http://study.example.org", "a b", "host:8000", "host/path"])
def test_a_further_host_is_a_name(name, pictures, tmp_path, capsys, served):
    run(capsys, "create", pictures, tmp_path / "study")
    told = refused(capsys, "serve", tmp_path / "study", "--allow-host", name)
    assert "--allow-host is a name like study.example.org" in told
    assert not served


@pytest.mark.parametrize("name", ["study.example.org", "localhost", "10.0.0.1", "[::1]"])
def test_further_hosts(name, pictures, tmp_path, capsys, served):
    run(capsys, "create", pictures, tmp_path / "study")
    assert run(capsys, "serve", tmp_path / "study", "--allow-host", name)[0] == 0
    assert name in served[0][1].allow_hosts


def test_a_consent_that_promises_otherwise_is_told(pictures, tmp_path, capsys, served):
    run(capsys, "create", pictures, tmp_path / "study")
    place = tmp_path / "study" / "study.yaml"
    place.write_text(place.read_text().replace("retention_days: 365", "retention_days: 700"))
    said = "the consent speaks of 365 days, retention_days is 700"
    assert said in run(capsys, "serve", tmp_path / "study")[2]
    assert said in run(capsys, "doctor", tmp_path / "study")[1]
    place.write_text(place.read_text().replace("365", "700"))
    assert "days" not in run(capsys, "serve", tmp_path / "study")[2]


def test_simulate_names_the_copy_as_the_study_was_named(pictures, tmp_path, capsys, monkeypatch):
    run(capsys, "create", pictures, tmp_path / "study", "--people", 2)
    monkeypatch.chdir(tmp_path)
    assert " answers: study-simulated (closed" in run(capsys, "simulate", "study")[1]
    monkeypatch.chdir(tmp_path / "study-simulated")
    assert run(capsys, "simulate", ".")[0] == 0
    assert (tmp_path / "study-simulated-simulated").is_dir()


@pytest.mark.parametrize(
    "words", [("--public-url", "https://study.example.org"), ("--host", "0.0.0.0")], ids=str
)
def test_texts_are_filled_in_before_others_come(words, pictures, tmp_path, capsys, served):
    run(capsys, "create", pictures, tmp_path / "study")
    told = refused(capsys, "serve", tmp_path / "study", *words)
    assert "still has texts to be filled in (consent, contact)" in told
    assert "consent in" in run(capsys, "serve", tmp_path / "study")[2]
    assert len(served) == 1
    place = tmp_path / "study" / "study.yaml"
    place.write_text(place.read_text().replace("[FILL IN", "[me"))
    assert run(capsys, "serve", tmp_path / "study", *words)[0] == 0
