"""`snellen study serve` as it is typed, and how it ends."""

import contextlib
import errno
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
from snellen.errors import UserError
from snellen.study.server.alone import LOCK_FILE, only_server
from snellen.study.server.options import ServeOptions
from snellen.study.server.running import listen
from snellen.study.server.running import serve as serve_here

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


@pytest.mark.parametrize("host", ["no.such.invalid", "a" * 300, "\x1b[31m"])
def test_a_host_that_nobody_knows_is_said_without_numbers_of_errors(host):
    with pytest.raises(
        UserError, match=r"no name or address of this machine: 127\.0\.0\.1"
    ) as info:
        listen(host, 0)
    assert "Errno" not in str(info.value)
    assert "\x1b" not in str(info.value)


# One at a time ----------------------------------------------------------------------------------


def test_a_second_server_of_a_study_refuses_and_names_the_first(made, capsys):
    with typed(made, "--port", "0") as (process, lines):
        link = lines[0].removeprefix("participants: ").strip().rstrip("/")
        port = link.rpartition(":")[2]
        for words in (("--port", 0), ("--port", port)):  # the lock is told before the port
            assert refused(capsys, made.path, *words) == (
                f"snellen: {made.path} is served already (process {process.pid}, {link}): stop that"
                " server first, and leave serve.lock where it is."
            )
        assert httpx.get(f"{link}/health").json() == {"ok": True}
    with only_server(made.path):  # it was killed
        pass


def test_what_stands_in_the_place_of_the_lock_is_not_overwritten(made, tmp_path, capsys):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear all")
    (made.path / LOCK_FILE).symlink_to(letter)
    assert f"{made.path / LOCK_FILE} is no plain file" in refused(capsys, made.path, "--port", 0)
    assert letter.read_text() == "Dear all"
    (made.path / LOCK_FILE).unlink()
    for make in (os.mkfifo, os.mkdir):
        make(made.path / LOCK_FILE)
        told = refused(capsys, made.path, "--port", 0)
        assert f"{made.path / LOCK_FILE} is no plain file" in told
        (made.path / LOCK_FILE).rename(tmp_path / make.__name__)


def test_a_killed_server_is_followed_by_another_at_once(made):
    with typed(made, "--port", "0") as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert (made.path / LOCK_FILE).read_text().startswith(f"process {process.pid}, http")
        with typed(made, "--port", "0") as (_, lines):
            assert lines[0].startswith("participants: ")


def test_what_else_is_done_with_a_study_needs_no_lock(made, tmp_path, capsys):
    with only_server(made.path):
        assert main(["study", "doctor", str(made.path)]) == 0
        assert main(["study", "backup", str(made.path), str(tmp_path / "copy.db")]) == 0
        assert main(["study", "close", str(made.path)]) == 0
        assert main(["study", "analyse", str(made.path)]) == 0
        assert main(["study", "export", str(made.path), "--out", str(tmp_path / "data")]) == 0
    assert LOCK_FILE not in [path.name for path in (tmp_path / "data").iterdir()]


def test_the_lock_is_held_until_the_end_and_no_longer(made):
    with only_server(made.path):
        for _ in range(2):
            with pytest.raises(UserError, match=rf"\(process {os.getpid()}\): stop"):
                serve_here(made, ServeOptions(port=0))
    with only_server(made.path) as note:
        note("http://127.0.0.1:1")
    with pytest.raises(RuntimeError, match="ends"), only_server(made.path):
        raise RuntimeError("ends")
    with only_server(made.path):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_that_is_said_and_nothing_is_refused(
    made, monkeypatch, caplog, number
):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with only_server(made.path), only_server(made.path):
        assert "whether another server has" in caplog.text
        assert os.strerror(number) in caplog.text


def test_a_system_or_a_folder_without_a_lock_is_served_all_the_same(made, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr("os.open", refuse)
        with only_server(made.path) as note:
            note("http://127.0.0.1:1")
    assert LOCK_FILE in caplog.text
    caplog.clear()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with only_server(made.path) as note:
        note("http://127.0.0.1:1")
    assert "this system has no locks" in caplog.text


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
