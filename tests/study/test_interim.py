"""Looks at the result before the study is closed: refused, or noted for good."""

import sqlite3
from contextlib import closing

import pytest

from snellen.errors import UserError
from snellen.study.conduct import how_it_went
from snellen.study.interim import look_at_result, looks_before_closing
from snellen.study.store.administration import set_state
from snellen.study.store.store import open_store

from .answering import take_part
from .fake_study import make_study

NOW = 4e9  # after all that was answered


@pytest.fixture
def running(tmp_path):
    study = make_study(tmp_path, people=5, trials=2)
    take_part(study, 2)
    take_part(study, 1, stop_at=3)
    return study


def look(study, how="analysis", unlock_result=True, now=NOW):
    look_at_result(study, how, unlock_result=unlock_result, command="snellen look", now=now)


def looks(study):
    with closing(sqlite3.connect(study.database)) as connection:
        return looks_before_closing(connection)


def turn(study, state, now):
    store = open_store(study)
    store.write(lambda connection: set_state(connection, state, now)).result()
    store.close()


def test_a_look_is_told_with_its_time_and_the_sessions_until_then(running):
    look(running)
    take_part(running, 1)
    answers = len(running.plan.trials(0))
    expected = {
        "at": "2096-10-02T07:06:40+00:00", "how": "analysis", "completed": 2, "begun": 3,
        "closed": False, "completed_after": 1, "answers_after": answers,
    }  # fmt: skip
    with closing(sqlite3.connect(running.database)) as connection:
        connection.execute("UPDATE session SET created_at = 5e9, completed_at = 5e9"
                           " WHERE number = 4")  # fmt: skip
        connection.execute("UPDATE answer SET received_at = 5e9 WHERE session ="
                           " (SELECT id FROM session WHERE number = 4)")  # fmt: skip
        connection.commit()
    assert looks(running) == [expected]
    look(running, "export", now=6e9)
    turn(running, "closed", 7e9)
    assert [each["completed"] for each in looks(running)] == [2, 3]
    with closing(sqlite3.connect(running.database)) as connection:
        assert how_it_went(connection)["looks_before_closing"] == looks(running)


def test_a_look_after_the_closing_is_none(running):
    turn(running, "closed", NOW)
    look(running, unlock_result=False, now=NOW + 1)
    assert looks(running) == []


def test_a_look_after_a_closing_that_was_not_the_last_is_one(running):
    turn(running, "closed", NOW)
    look(running, unlock_result=False, now=NOW + 1)
    turn(running, "open", NOW + 2)
    assert [each["how"] for each in looks(running)] == ["analysis"]
    turn(running, "closed", NOW + 3)
    (found,) = looks(running)
    assert (found["how"], found["closed"]) == ("analysis", True)
    assert (found["completed_after"], found["answers_after"]) == (0, 0)


def test_without_unlocking_nothing_is_seen_or_noted(running):
    with pytest.raises(UserError, match="still runs"):
        look(running, unlock_result=False)
    assert looks(running) == []


def test_unlocking_a_closed_study_is_no_early_look(running):
    turn(running, "closed", NOW)
    look(running, now=NOW + 1)
    with closing(sqlite3.connect(running.database)) as connection:
        assert how_it_went(connection)["unlocked_at"] is None
        assert looks_before_closing(connection) == []


def test_in_a_study_without_answers_there_is_nothing_to_see(tmp_path):
    study = make_study(tmp_path, people=2, trials=2)
    look(study, unlock_result=False)
    assert looks(study) == []
