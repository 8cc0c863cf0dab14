import sqlite3
import stat
from contextlib import closing

import pytest

from snellen.errors import UserError
from snellen.study.folder import open_study
from snellen.study.store import create_database, open_store
from snellen.study.store.opening import connect, reading

from ..server.making import change


def test_a_new_database_is_for_its_owners_eyes_alone(tmp_path):
    create_database(tmp_path / "study.db")
    assert stat.S_IMODE((tmp_path / "study.db").stat().st_mode) == 0o600


def test_a_database_is_not_made_twice(tmp_path):
    create_database(tmp_path / "study.db")
    with pytest.raises(UserError, match=r"study.db exists, and may hold answers"):
        create_database(tmp_path / "study.db")


def test_a_commit_is_on_the_disk_before_it_returns(tmp_path):
    create_database(tmp_path / "study.db")
    with closing(connect(tmp_path / "study.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_reading_cannot_write(tmp_path):
    create_database(tmp_path / "study.db")
    with (
        reading(tmp_path / "study.db") as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM setting")


def other(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_missing_database_is_not_made_silently(tmp_path):
    with pytest.raises(UserError, match=r"study.db is missing, and with it all answers"):
        connect(tmp_path / "study.db")
    assert not (tmp_path / "study.db").exists()


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "study.db").write_bytes(b"This is a letter, and a long one. " * 100)
    with pytest.raises(UserError, match="is no database, or it is damaged"):
        connect(tmp_path / "study.db")


def test_another_programs_database_is_refused(tmp_path):
    other(tmp_path / "study.db", "CREATE TABLE bookmark (url TEXT)", "PRAGMA user_version = 1")
    with pytest.raises(UserError, match="another program"):
        connect(tmp_path / "study.db")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "study.db").touch()
    with pytest.raises(UserError, match="another program"):
        connect(tmp_path / "study.db")


def test_another_version_is_refused(tmp_path):
    create_database(tmp_path / "study.db")
    other(tmp_path / "study.db", "PRAGMA user_version = 1")
    with pytest.raises(UserError, match="is of version 1, this snellen knows 2: use the version"):
        connect(tmp_path / "study.db")


def test_a_study_may_be_changed_before_the_first_consent(acting):
    change(acting.study.path, {"title": "Another title"})
    open_store(open_study(acting.study.path)).close()


def test_a_study_that_was_changed_after_the_first_consent_is_refused(acting):
    acting.begin()
    change(acting.study.path, {"lease_minutes": 61})
    with pytest.raises(UserError, match=r"is not what the first participant consented to on 1970"):
        open_store(open_study(acting.study.path))


def test_the_layout_of_the_file_may_change(acting):
    acting.begin()
    change(acting.study.path, {})  # sorted keys
    open_store(open_study(acting.study.path)).close()


def test_two_versions_of_a_study_cannot_both_begin(acting):
    """Two servers were started, with an edit in between, before anybody came."""
    change(acting.study.path, {"title": "Another title"})
    edited = open_study(acting.study.path)
    acting.begin()
    from snellen.study.store.refusals import Refused

    with pytest.raises(Refused, match="was changed while it ran"):
        acting.begin(digest=edited.digest)


def test_closing_leaves_one_file(acting):
    acting.begin()
    acting.store.close()
    acting.store.close()  # twice does no harm
    left = {path.name for path in acting.study.path.iterdir()}
    assert "study.db-wal" not in left
    with reading(acting.study.database) as connection:
        assert connection.execute("SELECT count(*) FROM session").fetchone() == (1,)
