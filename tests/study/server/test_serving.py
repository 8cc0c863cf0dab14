"""`snellen study serve` as it is typed, and how it ends."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from snellen.cli.main import main

from .making import Person, change, owner, study

PARAMETERS = ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID")


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


@contextlib.contextmanager
def typed(made, *options):
    """The command as a process; yields it and what it printed before it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "snellen", "study", "serve", str(made.path), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        yield process, [process.stdout.readline() for _ in range(3)]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_two_links_serves_and_ends_with_one_file(made, ending):
    with typed(made, "--port", "0") as (process, lines):
        link = re.fullmatch(r"participants: (http://127\.0\.0\.1:\d+)/\n", lines[0])
        secret = owner(made)["Authorization"].removeprefix("Bearer ")
        assert lines[1] == f"you:          {link[1]}/admin#{secret}\n"
        with httpx.Client(base_url=link[1]) as client:
            Person(client).answer_all()
            process.send_signal(ending)
            told, complaints = process.communicate(timeout=30)
        assert process.returncode == 0
        assert secret not in told + complaints
        assert complaints == "Ended; all answers are in study.db.\n"
    assert not (made.path / "study.db-wal").exists()
    with closing(sqlite3.connect(made.database)) as connection:
        assert connection.execute("SELECT count(*) FROM answer").fetchone()[0] > 0


def test_a_port_in_use_is_one_sentence(made, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["study", "serve", str(made.path), "--port", str(port)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"snellen: port {port} of 127.0.0.1 is in use: name another by --port, or stop what runs "
        "there."
    )


def refused(capsys, *words):
    assert main(["study", "serve", *map(str, words)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note")]
    assert len(lines) == 1
    return lines[0]


def test_a_changed_study_is_one_sentence(made, serve, capsys):
    Person(serve(made))
    change(made.path, {"title": "Another"})
    assert "is not what the first participant consented to" in refused(
        capsys, made.path, "--port", 0
    )


def test_a_folder_that_is_no_study_is_one_sentence(tmp_path, capsys):
    assert "no study" in refused(capsys, tmp_path)
    assert "does not exist" in refused(capsys, tmp_path / "nothing")


def test_a_host_that_is_not_here_is_one_sentence(made, capsys):
    assert "--host" in refused(capsys, made.path, "--host", "203.0.113.1", "--port", 0)
    assert "--host" in refused(capsys, made.path, "--host", "no.such.invalid", "--port", 0)


def test_an_address_with_a_path_is_one_sentence(made, capsys):
    message = refused(capsys, made.path, "--public-url", "https://example.org/study")
    assert "without a path" in message


def test_a_database_of_another_version_is_one_sentence(made, capsys):
    with closing(sqlite3.connect(made.database)) as connection:
        connection.execute("PRAGMA user_version = 7")
    assert "is of version 7" in refused(capsys, made.path, "--port", 0)


@pytest.mark.parametrize(
    ("platform", "link"),
    [
        ({"kind": "open"}, r"http://127\.0\.0\.1:\d+/"),
        ({"kind": "open", "invitations": True}, r"http://127\.0\.0\.1:\d+/\?invitation=…  \(.*\)"),
        (
            {"kind": "prolific", "completed": "AAAA", "no_consent": "BBBB", "screened_out": "CCCC"},
            r"http://127\.0\.0\.1:\d+/\?"
            + "&".join(rf"{name}=\{{\{{%{name}%\}}\}}" for name in PARAMETERS),
        ),
        ({"kind": "mturk"}, r"http://127\.0\.0\.1:\d+/  \(.*\)"),
    ],
)
def test_the_link_is_the_platforms(tmp_path, monkeypatch, capsys, platform, link):
    made = study(tmp_path, changes={"platform": platform})
    monkeypatch.setattr(
        "snellen.study.server.running.serve", lambda study, options, *, ready: ready(1234)
    )
    assert main(["study", "serve", str(made.path)]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(f"participants: {link}", first)


def test_a_study_that_holds_simulated_answers_says_so_loudly(made, monkeypatch, capsys):
    monkeypatch.setattr("snellen.study.server.running.serve", lambda *_, **__: None)
    assert main(["study", "serve", str(made.path)]) == 0
    assert "simulated" not in capsys.readouterr().err
    with closing(sqlite3.connect(made.database)) as connection, connection:
        connection.execute("INSERT INTO setting VALUES ('simulated', '1')")
    assert main(["study", "serve", str(made.path)]) == 0
    assert "WARNING: " in (told := capsys.readouterr().err)
    assert "holds simulated answers, so nobody is let in" in told


def test_what_is_still_to_be_filled_in_is_said(tmp_path, monkeypatch, capsys):
    made = study(tmp_path, changes={"contact": "[FILL IN: your address]"})
    monkeypatch.setattr("snellen.study.server.running.serve", lambda *_, **__: None)
    assert main(["study", "serve", str(made.path)]) == 0
    assert "contact" in capsys.readouterr().err
