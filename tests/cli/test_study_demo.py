"""``snellen study demo``: at once, on the last run's pictures or on photographs."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from snellen.cli.main import main
from snellen.experiments.codec_bundle import CODECS
from snellen.experiments.study_bundle import write_study_bundle
from snellen.study.folder import open_study, placeholders
from snellen.study.server.alone import only_server
from snellen.study.store.reading import read_answers


def bundle(place, losses, at):
    rng = np.random.default_rng(len(losses))
    made = {name: rng.integers(0, 256, (6, 1, 16, 16), dtype=np.uint8) for name in losses}
    original = rng.integers(0, 256, (6, 1, 16, 16), dtype=np.uint8)
    names = [str(k) for k in range(6)]
    write_study_bundle(place / "study-bundle", original, made, names, names, {})
    os.utime(place / "study-bundle" / "manifest.json", (at, at))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to stand in, and a server that only says that it was asked."""
    monkeypatch.chdir(tmp_path)
    served = []
    monkeypatch.setattr(
        "snellen.study.server.running.serve",
        lambda study, options, ready: (served.append(study), ready(options.port)),
    )
    return tmp_path, served


def test_the_newest_run_with_two_losses_is_taken(here, capsys):
    place, served = here
    bundle(place / "runs" / "old", ["mse", "mae"], 1000)
    bundle(place / "runs" / "group" / "new", ["mse", "ssim", "ms-ssim"], 2000)
    bundle(place / "runs" / "single", ["mse"], 3000)
    (place / "runs" / "broken" / "study-bundle").mkdir(parents=True)
    (place / "runs" / "broken" / "study-bundle" / "manifest.json").write_text("{")
    assert main(["study", "demo", "--port", "0", "--people", "7"]) == 0
    study = open_study(place / "studies" / "demo")
    assert study.config.models == ("mse", "ssim", "ms-ssim")
    assert study.config.people == 7
    assert placeholders(study.config) == ()
    assert served[0].path == Path("studies/demo")
    out = capsys.readouterr().out
    assert f"admin#{study.secrets().admin}" in out


def test_a_damaged_bundle_is_passed_over(here, capsys):
    place, _ = here
    bundle(place / "runs" / "good", ["mse", "mae"], 1000)
    bundle(place / "runs" / "bad", ["mse", "ssim"], 2000)
    (place / "runs" / "bad" / "study-bundle" / "ssim" / "0001.png").write_bytes(b"")
    assert main(["study", "demo", "--port", "0"]) == 0
    assert open_study(place / "studies" / "demo").config.models == ("mse", "mae")
    assert "passed over" in capsys.readouterr().err


def test_of_many_losses_six_are_ranked(here):
    place, _ = here
    bundle(place / "runs" / "a", list("abcdefgh"), 1000)
    assert main(["study", "demo", "--port", "0"]) == 0
    assert open_study(place / "studies" / "demo").config.models == tuple("abcdef")


def test_it_goes_on_with_what_is_there(here, capsys):
    place, served = here
    bundle(place / "runs" / "a", ["mse", "mae"], 1000)
    main(["study", "demo", "--port", "0"])
    first = open_study(place / "studies" / "demo")
    bundle(place / "runs" / "b", ["mse", "ssim"], 2000)
    assert main(["study", "demo", "--port", "0", "--people", "3"]) == 0
    assert open_study(place / "studies" / "demo") == first
    told = capsys.readouterr()
    assert "goes on" in told.out
    assert "it has 20 places: --people 3 is for a new one" in told.err
    assert len(served) == 2


def test_what_is_no_study_is_not_touched(here, capsys):
    place, served = here
    (place / "mine").mkdir()
    (place / "mine" / "letter").write_text("dear")
    assert main(["study", "demo", "--out", "mine"]) == 2
    assert "is no study" in capsys.readouterr().err
    assert [p.name for p in (place / "mine").iterdir()] == ["letter"]
    assert served == []


def test_a_port_in_use_is_told_before_pictures_are_made(here, capsys):
    place, _ = here
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["study", "demo", "--port", str(port)]) == 2
    assert f"port {port}" in capsys.readouterr().err
    assert list(place.iterdir()) == []


def test_a_demonstration_that_runs_is_not_started_twice(here, capsys):
    place, served = here
    bundle(place / "runs" / "a", ["mse", "mae"], 1000)
    assert main(["study", "demo", "--port", "0"]) == 0
    capsys.readouterr()
    with only_server(place / "studies" / "demo") as note:
        note("http://127.0.0.1:8000")
        with socket.create_server(("127.0.0.1", 0)) as taken:  # the same port is asked for
            assert main(["study", "demo", "--port", str(taken.getsockname()[1])]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        f"snellen: studies/demo is served already (process {os.getpid()}, http://127.0.0.1:8000): "
        "stop that server first, and leave serve.lock where it is.\n"
    )
    assert len(served) == 1


def test_simulated_people_answer_a_copy(here, capsys):
    place, _ = here
    bundle(place / "runs" / "a", ["mse", "mae"], 1000)
    for _ in range(2):
        assert main(["study", "demo", "--port", "0", "--people", "4", "--simulate"]) == 0
    copy = place / "studies" / "demo-simulated"
    assert (copy / "analysis" / "report.html").exists()
    ratings = read_answers(open_study(copy)).ratings
    assert ratings.simulated
    assert len(ratings.people) == 4
    assert len(read_answers(open_study(place / "studies" / "demo")).ratings) == 0
    assert "demo-simulated" in capsys.readouterr().out


def test_a_browser_is_opened_when_asked(here, monkeypatch):
    place, _ = here
    bundle(place / "runs" / "a", ["mse", "mae"], 1000)
    opened, links = threading.Event(), []
    monkeypatch.setattr("webbrowser.open", lambda link: (links.append(link), opened.set()))
    main(["study", "demo", "--port", "0", "--open"])
    assert opened.wait(10)
    assert links == ["http://127.0.0.1:0/"]


def test_without_a_run_it_serves_coded_photographs_until_ctrl_c(tmp_path):
    command = [sys.executable, "-m", "snellen", "study", "demo", "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        link = re.search(r"take part: (http://127\.0\.0\.1:\d+/)", "".join(lines))[1]
        with urllib.request.urlopen(f"{link}api/study") as reply:
            told = json.load(reply)
        assert told["models"] == len(CODECS)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    study = open_study(tmp_path / "studies" / "demo")
    assert study.config.models == tuple(CODECS)
    sizes = np.array([study.pictures.provenance["run"]["bytes"][codec] for codec in CODECS])
    assert sizes.shape[1] == len(study.indices) >= 10
    assert abs(sizes / sizes[0] - 1).max() < 0.05  # at equal file size
