"""`snellen study backup`."""

import resource
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from snellen.cli.main import main
from snellen.errors import UserError
from snellen.study.maintenance import back_up
from snellen.study.store import read_answers

from ..server.making import Person, study
from .helpers import damage


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


def test_a_backup_without_room_leaves_nothing_behind(made, serve, tmp_path, capsys):
    client = serve(made)
    for _ in range(4):
        Person(client).answer_all()
    client.server.should_exit = True
    (tmp_path / "there").mkdir()
    size = made.database.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size - 4096, before[1]))
    try:
        status = main(["study", "backup", str(made.path), str(tmp_path / "there" / "copy.db")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert status == 2
    told = capsys.readouterr().err
    assert told.startswith(f"snellen: cannot write {tmp_path / 'there' / 'copy.db'}: the disk is ")
    assert "free some space and type the same command again" in told
    assert list((tmp_path / "there").iterdir()) == []


def test_what_sqlite_keeps_beside_a_backup_goes_with_it(made, tmp_path, monkeypatch):
    """On a full disk it cannot remove that itself."""

    def fails(_, connection, **__):
        (row,) = connection.execute("PRAGMA database_list").fetchall()
        for ending in ("-wal", "-shm"):
            Path(f"{row[2]}{ending}").touch()
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise full

    monkeypatch.setattr("snellen.study.maintenance.backup.check_sound", fails)
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="free some space and type the same command again"):
        back_up(made, tmp_path / "there" / "copy.db")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_damaged_older_backup_is_to_blame_itself(made, tmp_path):
    copy = back_up(made, tmp_path / "copy.db").path
    damage(copy, "setting")
    with pytest.raises(UserError, match=r"copy\.db exists and is damaged"):
        back_up(made, copy)
