"""How a study went, read from its database."""

import json
import sqlite3
from importlib.resources import files

import pytest

from snellen.study.conduct import how_it_went

SCHEMA = (files("snellen.study.store") / "schema.sql").read_text(encoding="utf-8")
SCREEN = {"screen_width": 1920, "screen_height": 1080, "pixel_ratio": 1}
SEEN = {"window": [1280, 720], "pixel_ratio": 1, "magnify": 2, "blurs": 0, "exact": True}


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


def add(connection, number, state, screen=SCREEN, answers=(), simulated=0):
    name = f"session {number}"
    text = screen if isinstance(screen, str) else json.dumps(screen)
    connection.execute(
        "INSERT INTO session (id, number, token_hash, withdraw_hash, slot, state, simulated,"
        " created_at, lease_until, screen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        (name, number, f"t{number}".encode(), f"w{number}".encode(), number, state, simulated,
         1000.0 + number, text),
    )  # fmt: skip
    for trial, environment in enumerate(answers):
        text = environment if isinstance(environment, str) else json.dumps(environment)
        connection.execute("INSERT INTO trial VALUES (?, ?, 'main', 0, '[0, 1]')", (name, trial))
        connection.execute(
            "INSERT INTO answer (session, trial, ranks, body_hash, received_at, environment)"
            " VALUES (?, ?, '[1, 2]', x'00', ?, ?)",
            (name, trial, 2000.0 + trial, text),
        )


def test_sessions_dates_and_settings(database):
    add(database, 1, "completed", answers=[SEEN] * 3)
    add(database, 2, "expired")
    add(database, 3, "withdrawn")
    database.execute("INSERT INTO setting VALUES ('state', 'closed'), ('unlocked_at', '1500.5')")
    database.execute("INSERT INTO event (at, what, detail) VALUES (1, 'paused', 'x'), (2, 'y', '')")
    database.execute("INSERT INTO event (at, what, detail) VALUES (3, 'withdrawn', 'P0003')")
    found = how_it_went(database)
    assert found["sessions"] == {"completed": 1, "active": 0, "expired": 1, "withdrawn": 1}
    assert found["state"] == "closed"
    assert found["first"] == "1970-01-01T00:16:41+00:00"
    assert found["last"] == "1970-01-01T00:33:22+00:00"
    assert found["unlocked_at"] == "1970-01-01T00:25:00+00:00"
    assert [event["what"] for event in found["events"]] == ["paused", "y"]
    assert found["simulated"] is False


def test_long_sessions_are_counted(database):
    for number, (state, seconds) in enumerate(
        [("completed", 1200), ("completed", 1800), ("completed", 1801), ("expired", 9000)]
    ):
        add(database, number, state)
        database.execute(
            "UPDATE session SET completed_at = created_at + ? WHERE number = ? AND state != ?",
            (seconds, number, "expired"),
        )
    add(database, 9, "completed", simulated=1)
    database.execute("UPDATE session SET completed_at = created_at + 9000 WHERE number = 9")
    assert how_it_went(database)["minutes"] == {
        "sessions": 3, "median": 30.0, "longest": 30.02, "over_30": 1
    }  # fmt: skip


def test_of_no_completed_session_no_length_is_told(database):
    add(database, 1, "expired")
    assert how_it_went(database)["minutes"] is None


def test_a_simulated_session_marks_the_study(database):
    add(database, 1, "completed", simulated=1)
    assert how_it_went(database)["simulated"] is True


def test_screens_are_counted_and_those_of_the_withdrawn_are_not(database):
    other = {**SCREEN, "pixel_ratio": 2}
    for number, (state, screen) in enumerate(
        [("completed", SCREEN), ("active", SCREEN), ("completed", other), ("withdrawn", other)]
    ):
        add(database, number, state, screen)
    assert how_it_went(database)["screens"] == [
        {"width": 1920, "height": 1080, "pixel_ratio": 1, "count": 2},
        {"width": 1920, "height": 1080, "pixel_ratio": 2, "count": 1},
    ]


def test_many_screens_are_counted_together(database):
    for number in range(9):
        add(database, number, "completed", {**SCREEN, "screen_width": 1000 + number})
    found = how_it_went(database)
    assert len(found["screens"]) == 6
    assert found["other_screens"] == 3


def test_what_browsers_say_of_the_page_is_counted(database):
    answers = [SEEN, {**SEEN, "magnify": 3, "blurs": 2}, {**SEEN, "window": [800, 600]},
               {**SEEN, "hidden_ms": 40, "exact": False}]  # fmt: skip
    add(database, 1, "completed", answers=answers)
    found = how_it_went(database)
    assert found["answers"] == 4
    assert found["magnify"] == {"2": 3, "3": 1}
    assert found["windows"] == [800, 1280]
    assert found["blurred"] == 2
    assert found["inexact"] == 1


@pytest.mark.parametrize(
    "said",
    ["[]", "null", '"x"', "{}", '{"magnify": "two", "window": "wide", "blurs": [1]}',
     '{"magnify": 1e999, "window": [], "pixel_ratio": true}', '{"magnify": NaN}', "not json"],
)  # fmt: skip
def test_nonsense_from_a_browser_is_not_believed(database, said):
    add(database, 1, "completed", screen=said, answers=[said])
    found = how_it_went(database)
    assert found["magnify"] == {}
    assert found["screens"] == []
    json.dumps(found, allow_nan=False)
