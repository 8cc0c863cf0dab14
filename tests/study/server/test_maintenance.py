"""`snellen study doctor`, `backup` and `purge`."""

import json
import os
import sqlite3
import stat
import threading
from contextlib import closing

import pytest
from PIL import Image

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.study.folder import open_study
from snellen.study.invitations import invite
from snellen.study.maintenance import back_up, examine, purge_identities
from snellen.study.store import read_answers

from .making import Person, change, owner, study

PROLIFIC = {"kind": "prolific", "completed": "AAAA", "no_consent": "BBBB", "screened_out": "CCCC"}
DAY = 86_400


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


def ids(worker):
    return {"PROLIFIC_PID": worker, "STUDY_ID": "task-1", "SESSION_ID": f"session-{worker}"}


def execute(made, *statements):
    with closing(sqlite3.connect(made.database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def findings(made, **options):
    return {found.what: found for found in examine(made.path, **options)}


def wrong(made, what, **options):
    found = findings(made, **options)[what]
    assert found.level == "wrong"
    return found.sentence


# The doctor -------------------------------------------------------------------------------------


def test_a_new_study_is_well(made, capsys):
    assert main(["study", "doctor", str(made.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    assert len(lines) >= 8


def test_a_study_is_looked_at_while_it_is_served(made, serve, capsys):
    client = serve(made)
    Person(client).answer_all()
    url = f"http://127.0.0.1:{client.port}"
    assert main(["study", "doctor", str(made.path), "--url", url]) == 0
    told = capsys.readouterr().out
    assert "1 of 4 completed" in told
    assert "and unchanged" in told
    assert f"{url} serves it, open" in told


def test_what_is_not_served_is_said(made, tmp_path, serve):
    assert "nothing answers" in wrong(made, "server", url="http://127.0.0.1:9")
    other = serve(study(tmp_path / "other", changes={"title": "Another"}))
    url = f"http://127.0.0.1:{other.port}"
    assert "another study, 'Another'" in wrong(made, "server", url=url)
    with pytest.raises(UserError, match="--url is an address"):
        findings(made, url="file:///etc/passwd")


def test_what_is_no_study_is_one_line(tmp_path, capsys):
    assert main(["study", "doctor", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("wrong  study")


def test_texts_to_be_filled_in_are_named(made):
    change(made.path, {"contact": "[FILL IN: your address]"})
    assert "contact" in wrong(made, "texts")


def test_a_changed_picture_is_found(made):
    file = made.path / made.picture(0).files["mae"]
    with Image.open(file) as image:
        pixels = image.copy()
    pixels.putpixel((0, 0), (1, 2, 3))
    pixels.save(file)
    assert file.name in wrong(made, "pictures")


def test_a_changed_study_is_found(made, serve):
    Person(serve(made))
    change(made.path, {"title": "Another"})
    assert "consented to" in wrong(made, "frozen")


def test_a_damaged_database_is_found(made, serve):
    client = serve(made)
    for _ in range(4):
        Person(client).answer_all()
    client.app.state.room.store.close()
    data = bytearray(made.database.read_bytes())
    data[4096 * 5 : 4096 * 8] = os.urandom(4096 * 3)
    made.database.write_bytes(data)
    assert "damaged" in wrong(made, "database")


def test_a_missing_database_is_found(made):
    made.database.unlink()
    assert "is missing" in wrong(made, "database")


def test_secrets_for_everybodys_eyes_are_found(made):
    (made.path / "secrets.json").chmod(0o644)
    assert "chmod 600" in wrong(made, "secrets")


def test_missing_answers_are_found(made, serve):
    Person(serve(made)).answer_all()
    execute(made, "DELETE FROM answer WHERE trial = 2")
    assert wrong(made, "answers") == "1 completed sessions lack answers, 1 have gaps"


def test_a_clock_that_is_behind_is_found(made, serve):
    Person(serve(made))
    assert "before the latest entry" in wrong(made, "clock", clock=lambda: 1e9)


def test_ids_are_kept_until_their_date_and_then_asked_for(tmp_path, serve):
    made = study(tmp_path, changes={"platform": PROLIFIC, "retention_days": 30})
    Person(serve(made), platform=ids("anna"))
    execute(made, "UPDATE session SET created_at = 1e9")
    kept = findings(made, clock=lambda: 1e9 + 29 * DAY)["identities"]
    assert kept.level == "note"
    assert "1 plain ids" in kept.sentence
    asked = wrong(made, "identities", clock=lambda: 1e9 + 31 * DAY)
    assert "snellen study purge" in asked


def test_who_was_invited_and_never_came_is_forgotten_in_time_too(tmp_path):
    made = study(
        tmp_path, changes={"platform": {"kind": "open", "invitations": True}, "retention_days": 30}
    )
    invite(made, "https://study.example.org", labels=["Anna"])
    execute(made, "UPDATE event SET at = 1e9")
    assert findings(made, clock=lambda: 1e9 + 29 * DAY)["identities"].level == "note"
    assert "1 invitations" in wrong(made, "identities", clock=lambda: 1e9 + 31 * DAY)


# Backups ----------------------------------------------------------------------------------------


def test_a_backup_is_one_sound_file_for_its_owners_eyes(made, serve, tmp_path, capsys):
    client = serve(made)
    Person(client).answer_all()
    assert main(["study", "backup", str(made.path), str(tmp_path / "b" / "one.db")]) == 0
    copy = tmp_path / "b" / "one.db"
    assert "7 answers of 1 sessions" in capsys.readouterr().out
    assert [path.name for path in copy.parent.iterdir()] == ["one.db"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_backup_restores_the_study(made, serve, tmp_path):
    Person(serve(made)).answer_all()
    copy = back_up(made, tmp_path / "copy.db").path
    before = read_answers(made).ratings
    other = study(tmp_path / "elsewhere")
    other.database.write_bytes(copy.read_bytes())
    after = read_answers(other).ratings
    assert (before.ranks == after.ranks).all()
    assert before.people == after.people


def test_backups_are_whole_while_answers_come(tmp_path, serve):
    made = study(tmp_path, people=4, trials=10, count=40)
    client = serve(made)
    people = [Person(client) for _ in range(4)]
    stop = threading.Event()
    counts = []

    def copy():
        while not stop.is_set():
            counts.append(back_up(made, tmp_path / "copy.db").answers)

    thread = threading.Thread(target=copy)
    thread.start()
    for person in people:
        person.answer_all()
    stop.set()
    thread.join()
    assert counts == sorted(counts)
    assert back_up(made, tmp_path / "copy.db").answers == 4 * people[0].trial().json()["total"]


def test_nothing_else_is_replaced_by_a_backup(made, serve, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    (tmp_path / "folder").mkdir()
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE a (b)")
    with pytest.raises(UserError, match="is no backup of a study"):
        back_up(made, tmp_path / "letter.txt")
    with pytest.raises(UserError, match="is no backup of a study"):
        back_up(made, tmp_path / "other.db")
    with pytest.raises(UserError, match="is a folder"):
        back_up(made, tmp_path / "folder")
    with pytest.raises(UserError, match="a study's own database"):
        back_up(made, made.database)
    assert (tmp_path / "letter.txt").read_text() == "Dear all"
    back_up(made, tmp_path / "copy.db")
    Person(serve(made))
    back_up(made, tmp_path / "copy.db")  # an earlier one of the same study
    other = study(tmp_path / "second", changes={"title": "Another"})
    with pytest.raises(UserError, match="backup of another study"):
        back_up(other, tmp_path / "copy.db")


# Forgetting -------------------------------------------------------------------------------------


@pytest.fixture
def closed(tmp_path, serve):
    made = study(tmp_path, changes={"platform": PROLIFIC})
    client = serve(made)
    people = [Person(client, platform=ids(name)) for name in ("anna", "berta")]
    for person in people:
        person.answer_all()
    client.post("/api/admin/state", headers=owner(made), json={"state": "closed"})
    client.server.should_exit = True
    return made, people


def traces(made, *words):
    found = set()
    for path in made.path.iterdir():
        if path.is_file():
            data = path.read_bytes()
            found |= {word for word in words if word.encode() in data}
    return found


def test_purging_leaves_no_trace_of_who_they_are(closed):
    made, _ = closed
    salt = json.loads((made.path / "secrets.json").read_text())["salt"]
    admin = owner(made)
    before = read_answers(made).ratings
    assert traces(made, "anna", "session-berta", "task-1") == {"anna", "session-berta", "task-1"}
    assert purge_identities(made) == 2
    assert traces(made, "anna", "berta", "session-", "task-1") == set()
    assert traces(made, salt) == set()
    assert stat.S_IMODE((made.path / "secrets.json").stat().st_mode) == 0o600
    assert owner(made) == admin
    after = read_answers(made).ratings
    assert after.people == before.people
    assert (after.ranks == before.ranks).all()
    assert findings(made)["identities"].level == "ok"
    with closing(sqlite3.connect(made.database)) as connection:
        assert connection.execute("SELECT count(worker_hash) FROM session").fetchone() == (0,)


def test_withdrawing_is_still_possible_after_purging(closed, serve):
    made, people = closed
    purge_identities(made)
    client = serve(open_study(made.path))
    reply = client.post("/api/withdraw", json={"token": people[0].begun["withdraw"]})
    assert reply.json() == {"withdrawn": True}
    assert read_answers(made).ratings.people == ("P0002",)


def test_a_purged_study_stays_closed(closed, serve):
    """Nobody would be known again: each could take part, and be paid, twice."""
    made, _ = closed
    purge_identities(made)
    client = serve(open_study(made.path))
    for state in ("open", "paused"):
        reply = client.post("/api/admin/state", headers=owner(made), json={"state": state})
        assert reply.status_code == 422
        assert "forgotten" in reply.json()["message"]
    assert client.get("/api/study").json()["state"] == "closed"


def test_a_study_that_runs_is_not_purged(made, serve):
    Person(serve(made))
    with pytest.raises(UserError, match="is not closed"):
        purge_identities(made)


def test_purging_asks(closed, capsys):
    made, _ = closed
    assert main(["study", "purge", str(made.path)]) == 2
    assert "--identities" in capsys.readouterr().err
    assert main(["study", "purge", str(made.path), "--identities"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert traces(made, "anna") == {"anna"}
    assert main(["study", "purge", str(made.path), "--identities", "--yes"]) == 0
    assert "Forgotten: 2 people" in capsys.readouterr().out
    assert traces(made, "anna") == set()
