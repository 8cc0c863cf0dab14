"""Small versions of the benchmarks: the server as a process, killed, and under load."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from snellen.study.store import open_store

from ..store.acting import Acting, Clock
from .making import study

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])


def test_nothing_is_lost_and_nothing_taken_twice_when_the_server_is_killed(tmp_path):
    from benchmarks.study_kill import run

    numbers = run(tmp_path, people=4, trials=6, kills=2)
    assert numbers["strange_replies"] == []
    assert numbers["rankings"] == numbers["read_by_the_analysis"] == 24
    assert numbers["wrong"] == 0, numbers
    assert numbers["requests_lost_and_sent_again"] > 0


def test_the_comparison_would_find_a_lost_answer_and_a_changed_one(tmp_path):
    """The benchmark's own judgement can fail."""
    from benchmarks.study_kill import Tally, compare

    made = study(tmp_path, people=1, changes={"training_trials": 0})
    tally = Tally()
    with closing(open_store(made, Clock())) as store:
        acting = Acting(made, store)
        token = acting.begin().token
        tally.tokens[0] = token
        for number in range(acting.at(token).total):
            acting.answer(token, number, (1, 2, 3))
            tally.accepted[0, number] = [(1, 2, 3)]
    total = len(tally.accepted)
    sound = compare(made, tally, 1, total)
    assert (sound["rankings"], sound["first_accepted_not_kept"]) == (total, 0)
    with closing(sqlite3.connect(made.database)) as connection:
        connection.execute("DELETE FROM answer WHERE trial = 0")
        connection.execute("UPDATE answer SET ranks = '[3, 2, 1]' WHERE trial = 1")
        connection.commit()
    found = compare(made, tally, 1, total)
    assert (found["rankings"], found["first_accepted_not_kept"]) == (total - 1, 2)


def test_the_answers_of_many_at_once_are_kept(tmp_path):
    from benchmarks.study_load import run

    numbers = run(tmp_path, sessions=20, minutes=0.03, step_seconds=1.0, trials=12, most_steps=2)
    assert numbers["steady"]["errors"] == {}
    assert numbers["database"]["lost_or_changed"] == 0
    assert numbers["database"]["never_accepted_but_kept"] == 0
    assert numbers["database"]["accepted"] == numbers["database"]["kept"] > 0
    assert numbers["database"]["integrity"] == "ok"
    assert numbers["exit_status"] == 0
