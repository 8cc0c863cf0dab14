"""``snellen study create``, ``export`` and ``invite`` as they are typed."""

import errno
import json
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from snellen.cli.main import main
from snellen.cli.study import shared
from snellen.cli.study import study as group
from snellen.study.create import make_plan
from snellen.study.folder import open_study
from snellen.study.store.administration import note_result_seen, progress
from snellen.study.store.opening import connect, reading
from snellen.study.store.settings import write_setting

from ..study.answering import take_part

HEAVY = ("torch", "numpy", "matplotlib", "PIL", "scipy", "fastapi", "uvicorn", "yaml")
registered = [command.name for command in group.registered_commands]


def test_every_command_is_there():
    assert registered == [
        *("create", "power", "serve", "invite", "pause", "reopen", "close", "analyse", "export"),
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


def test_help_imports_nothing_heavy():
    code = f"""
import sys
from snellen.cli.main import main
assert main(["study", "--help"]) == 0
for name in {registered!r}:
    assert main(["study", name, "--help"]) == 0
    print("HEAVY", name, [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if line.startswith("HEAVY")]
    assert told == [f"HEAVY {name} []" for name in registered]


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
    take_part(open_study(tmp_path / "study"), 1)
    out = tmp_path / "out"
    assert "--unlock" in refused(capsys, "export", tmp_path / "study", "--out", out)
    status, told, _ = run(capsys, "export", tmp_path / "study", "--out", out, "--unlock")
    assert status == 0
    assert str(out) in told
    assert json.loads((out / "rankings.json").read_text())["trials"]
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


# What takes long --------------------------------------------------------------------------------


@pytest.fixture
def said(monkeypatch):
    """Patience of a moment; the event is set when a line was said on stderr."""
    event = threading.Event()
    echo = shared.typer.echo

    def say(*words, **options):
        echo(*words, **options)
        if options.get("err"):
            event.set()

    monkeypatch.setattr(shared, "_PATIENCE", 0.01)
    monkeypatch.setattr(shared.typer, "echo", say)
    return event


def test_what_takes_long_says_so_once_where_there_is_no_terminal(said, capsys):
    with shared.progress_of("copying pictures", first="sharing out pictures") as tell:
        assert said.wait(20)
        tell(3, 4000)
    assert capsys.readouterr() == ("", "sharing out pictures: this takes a while …\n")


def test_how_much_is_done_is_said_as_far_as_it_is_known(monkeypatch, capsys):
    timers = []

    class Timer(threading.Timer):
        def __init__(self, seconds, say):
            super().__init__(seconds, say)
            timers.append((seconds, say))

    monkeypatch.setattr(shared.threading, "Timer", Timer)
    with shared.progress_of("copying pictures", first="sharing out pictures") as tell:
        tell(3, 4000)
        ((seconds, say),) = timers
        say()
    assert 2 <= seconds <= 10
    assert capsys.readouterr().err == "copying pictures (3 of 4,000 done): this takes a while …\n"


def test_what_is_done_soon_says_nothing(capsys):
    with shared.progress_of("copying pictures") as tell:
        tell(1, 1)
    assert capsys.readouterr() == ("", "")


def test_a_plan_that_takes_long_is_told_with_its_people(
    pictures, tmp_path, capsys, said, monkeypatch
):
    def plan(*words):
        assert said.wait(20)
        return make_plan(*words)

    monkeypatch.setattr("snellen.study.create.make_plan", plan)
    status, _, err = run(capsys, "create", pictures, tmp_path / "study", "--people", 1234)
    assert status == 0
    assert err == "sharing out pictures among 1,234 people: this takes a while …\n"
    said.clear()
    monkeypatch.setattr("snellen.study.folder.make_plan", plan)
    err = run(capsys, "backup", tmp_path / "study", tmp_path / "copy.db")[2]
    assert err == f"working out who sees what in {tmp_path / 'study'}: this takes a while …\n"


def test_a_plan_for_which_there_is_no_memory_is_one_sentence(
    pictures, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("snellen.study.create.make_plan", lambda *_: np.zeros(2**50))
    told = refused(capsys, "create", pictures, tmp_path / "study", "--people", 90_000)
    assert "to share out the pictures evenly among 90,000 people: type fewer" in told
    assert list(tmp_path.iterdir()) == [pictures]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_ended_leaves_nothing_half_made(
    number, status, pictures, tmp_path, capsys, monkeypatch
):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(
        "snellen.study.create.create_database", lambda _: signal.raise_signal(number)
    )
    ended, _, told = run(capsys, "create", pictures, tmp_path / "study")
    assert ended == status
    assert told == ("snellen: stopped by SIGTERM.\n" if number == signal.SIGTERM else "")
    assert list(tmp_path.iterdir()) == [pictures]
    assert signal.getsignal(signal.SIGTERM) is before


# Without room -----------------------------------------------------------------------------------


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_with_the_file_that_was_wanted(pictures, tmp_path, capsys, monkeypatch):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study, "--people", 2)
    run(capsys, "close", study)
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        told = [
            refused(capsys, "export", study, "--out", tmp_path / "data"),
            refused(capsys, "analyse", study, "--metrics", "none"),
        ]
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", full)
        told.append(refused(capsys, "simulate", study, "--utilities", "a=1,b=0"))
    for sentence, place in zip(
        told, ("data/", "study/analysis/results.json", "study-simulated"), strict=True
    ):
        assert sentence.startswith(f"snellen: cannot write {tmp_path}/{place}")
        assert "the disk is full: free some space (then type the same command again)" in sentence
        assert ".tmp-" not in sentence
        assert "--resume" not in sentence
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "study"]


def test_a_database_without_room_is_one_sentence(pictures, tmp_path, capsys, monkeypatch):
    """SQLite's own refusals: the whole simulation, and the note that the result was seen."""

    def small(path, **options):
        connection = connect(path, **options)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        return connection

    study = tmp_path / "study"
    run(capsys, "create", pictures, study, "--people", 20)
    with monkeypatch.context() as patch:
        patch.setattr("snellen.study.store.store.connect", small)
        told = refused(capsys, "simulate", study, "--utilities", "a=1,b=0")
    assert told.startswith(f"snellen: cannot write {tmp_path}/study-simulated/study.db: the disk ")
    assert "then type the same command again" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "study"]
    take_part(open_study(study), 1)
    run(capsys, "close", study)

    def note(connection, *_):
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        connection.execute("CREATE TABLE much AS SELECT zeroblob(100000) AS room")

    monkeypatch.setattr("snellen.study.interim.note_result_seen", note)
    assert refused(capsys, "export", study, "--out", tmp_path / "data") == (
        f"snellen: cannot write {study / 'study.db'}: the disk is full: free some space and type "
        "the same command again.\n"
    )


def test_a_database_that_another_process_holds_is_one_sentence(
    pictures, tmp_path, capsys, monkeypatch
):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    monkeypatch.setattr(
        "snellen.study.store.administration.connect", lambda path: connect(path, seconds=0)
    )
    with closing(sqlite3.connect(study / "study.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert refused(capsys, "close", study) == (
            f"snellen: another process holds {study / 'study.db'}: type the same command again in "
            "a moment.\n"
        )


# Opening and closing ----------------------------------------------------------------------------


def events(study):
    with reading(study / "study.db") as connection:
        return [event["what"] for event in progress(connection, 0.0)["events"]][::-1]


def state(study):
    with reading(study / "study.db") as connection:
        return progress(connection, 0.0)["state"]


def test_a_study_is_paused_opened_and_closed_as_on_the_admin_page(pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    for word, now, told in (
        ("pause", "paused", "nobody new can begin, and who has begun may go on"),
        ("reopen", "open", "people can begin and answer"),
        ("close", "closed", "nobody can begin or answer any more; all answers are kept"),
    ):
        status, out, err = run(capsys, word, study)
        assert (status, err) == (0, "")
        assert told in out
        assert state(study) == now
        status, out, err = run(capsys, word, study)
        assert (status, err) == (0, "")
        assert out == f"{study} is {now} already: nothing was changed.\n"
    assert events(study) == ["created", "paused", "open", "closed"]
    assert run(capsys, "analyse", study, "--metrics", "none")[0] == 0
    assert run(capsys, "export", study, "--out", tmp_path / "data")[0] == 0


def test_a_closed_study_is_not_paused(pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    run(capsys, "close", study)
    assert f"type `snellen study reopen {study}` first" in refused(capsys, "pause", study)
    assert state(study) == "closed"


def test_opening_after_the_result_was_seen_asks(pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    run(capsys, "close", study)
    with closing(connect(study / "study.db")) as connection:
        note_result_seen(connection, 1.0, "analysis")
    assert "add --yes to open it" in refused(capsys, "reopen", study)
    assert state(study) == "closed"
    assert "had been seen is noted" in run(capsys, "reopen", study, "--yes")[1]
    assert events(study) == ["created", "closed", "result seen", "open", "unlocked"]
    run(capsys, "close", study)
    assert run(capsys, "reopen", study)[0] == 0  # it is noted already


def test_who_was_forgotten_cannot_be_kept_from_coming_twice(pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    run(capsys, "close", study)
    with closing(connect(study / "study.db")) as connection:
        write_setting(connection, "purged_at", "1.0")
    assert "was forgotten" in refused(capsys, "reopen", study)
    assert state(study) == "closed"


def test_a_study_whose_yaml_is_broken_is_closed_all_the_same(
    pictures, tmp_path, capsys, monkeypatch
):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    (study / "study.yaml").write_text("people: many\n")
    assert run(capsys, "close", study)[0] == 0
    assert state(study) == "closed"


def test_nobody_is_promised_a_way_into_a_simulated_study(pictures, tmp_path, capsys):
    run(capsys, "create", pictures, tmp_path / "study", "--people", 2)
    run(capsys, "simulate", tmp_path / "study", "--utilities", "a=1,b=0")
    copy = tmp_path / "study-simulated"
    for word in ("reopen", "pause"):
        words = (word, copy, "--yes") if word == "reopen" else (word, copy)
        status, told, _ = run(capsys, *words)
        assert status == 0
        assert "it holds simulated answers, so no person is let in" in told
        assert "can begin and answer" not in told
        assert "may go on" not in told


@pytest.mark.parametrize("words", [("pause",), ("reopen",), ("reopen", "--yes")])
def test_a_purged_study_says_at_once_that_it_stays_closed(words, pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    with closing(sqlite3.connect(study / "study.db")) as connection:
        for name, value in (("state", "closed"), ("purged_at", "0.0"), ("result_seen_at", "0.0")):
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
        connection.commit()
    told = refused(capsys, words[0], study, *words[1:])
    assert told.startswith("snellen: who took part in this study was forgotten")
    assert "make another one" in told
    assert "snellen study reopen" not in told


@pytest.mark.parametrize("word", ["pause", "reopen", "close"])
def test_what_is_no_study_is_not_closed(word, tmp_path, capsys):
    assert "is no study" in refused(capsys, word, tmp_path)
    assert "does not exist" in refused(capsys, word, tmp_path / "nothing")
    assert "missing" in refused(capsys, word).lower()
    assert list(tmp_path.iterdir()) == []


# Odd options ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " , ", "none,mse"])
def test_metrics_are_named_or_none(text, pictures, tmp_path, capsys):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study)
    run(capsys, "close", study)
    assert "none alone to compare none" in refused(capsys, "analyse", study, "--metrics", text)
    assert not (study / "analysis").exists()


@pytest.mark.parametrize("word", ["simulate", "power"])
def test_the_help_promises_no_share_that_is_refused(word, pictures, tmp_path, capsys, monkeypatch):
    study = tmp_path / "study"
    run(capsys, "create", pictures, study, "--people", 2)
    for share in ("1", "1.5"):
        told = refused(capsys, word, study, "--inattentive", share)
        assert told == f"snellen: --inattentive {share}: give a share from 0 to below 1.\n"
    assert "'--seed'" in refused(capsys, word, study, "--seed", "-1")
    monkeypatch.setenv("COLUMNS", "200")
    lines = run(capsys, word, "--help")[1].splitlines()
    (told,) = [line for line in lines if "--inattentive" in line]
    assert "from 0 to below 1" in told
    assert "<=1" not in told
