"""What the study's owner sees and does."""

import io
import sqlite3
import zipfile
from contextlib import closing

import pytest

from snellen.cli.main import main

from .making import Person, owner, study


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


@pytest.fixture
def client(made, serve):
    return serve(made)


@pytest.fixture
def admin(client, made):
    class Admin:
        def get(self, path):
            return client.get(f"/api/admin/{path}", headers=owner(made))

        def post(self, path, **body):
            return client.post(f"/api/admin/{path}", headers=owner(made), json=body or None)

        def events(self):
            self.post("state", state=self.get("status").json()["state"])  # not a cached one
            return [event["what"] for event in self.get("status").json()["events"]][::-1]

    return Admin()


def test_progress_and_care_of_each_participant(client, admin, made):
    done, half = Person(client), Person(client)
    done.answer_all()
    half.answer(0, environment={"blurs": 3})
    found = admin.get("status").json()
    assert (found["title"], found["people"], found["state"]) == (made.config.title, 4, "open")
    assert (found["completed"], found["active"]) == (1, 1)
    first, second = found["sessions"]
    assert (first["name"], first["state"], first["median_seconds"]) == ("P0001", "completed", 2.0)
    assert first["catch_seen"] == made.config.catch_trials
    assert (second["answered"], second["blurs"]) == (1, 3)
    assert found["frozen"] is not None
    assert found["unlocked"] is None


def test_who_breaks_the_rule_is_marked(tmp_path, serve):
    made = study(tmp_path, changes={"exclusion": {"min_median_seconds": 5.0}})
    client = serve(made)
    Person(client).answer_all()
    (session,) = client.get("/api/admin/status", headers=owner(made)).json()["sessions"]
    assert any("at least 5 s" in reason for reason in session["excluded"])


def test_a_status_is_kept_for_a_moment_and_then_anew(client, admin):
    person = Person(client)
    person.answer(0)
    assert admin.get("status").json()["sessions"][0]["answered"] == 1
    person.answer(1)
    client.app.state.room.status.forget()
    assert admin.get("status").json()["sessions"][0]["answered"] == 2
    person.withdraw()
    client.app.state.room.status.forget()
    (session,) = admin.get("status").json()["sessions"]
    assert (session["state"], session["answered"], session["catch_seen"]) == ("withdrawn", 0, 0)


def test_pausing_and_closing(client, admin):
    person = Person(client)
    assert admin.post("state", state="paused").json() == {"state": "paused", "unlocked": None}
    reply = client.post("/api/sessions", json={"consent": True})
    assert (reply.status_code, reply.json()["error"]) == (403, "paused")
    assert person.answer(0).status_code == 201
    admin.post("state", state="closed")
    assert client.post("/api/sessions", json={"consent": True}).json()["error"] == "closed"
    reply = person.answer(1)
    assert (reply.status_code, reply.json()["error"]) == (403, "closed")
    assert person.answer(0).status_code == 200
    admin.post("state", state="open")
    assert person.answer(1).status_code == 201
    assert admin.events() == ["created", "frozen", "paused", "closed", "open"]


def test_a_study_is_closed_from_the_command_line_while_it_is_served(client, admin, made, capsys):
    done, half = Person(client), Person(client)
    done.answer_all()
    half.answer(0)
    assert main(["study", "close", str(made.path)]) == 0
    told = capsys.readouterr().out
    assert "1 has begun and not finished" in told
    reply = client.post("/api/sessions", json={"consent": True})
    assert (reply.status_code, reply.json()["error"]) == (403, "closed")
    assert half.answer(1).json()["error"] == "closed"
    client.app.state.room.status.forget()
    assert admin.get("status").json()["state"] == "closed"
    assert admin.get("result").status_code == 200
    assert main(["study", "pause", str(made.path)]) == 2
    assert main(["study", "reopen", str(made.path), "--yes"]) == 0
    assert half.answer(1).status_code == 201
    assert main(["study", "pause", str(made.path)]) == 0
    assert client.post("/api/sessions", json={"consent": True}).json()["error"] == "paused"
    assert half.answer(2).status_code == 201
    client.app.state.room.status.forget()
    assert admin.events() == [
        *("created", "frozen", "closed", "result seen", "open", "unlocked", "paused")
    ]


def test_there_is_no_other_state(admin):
    assert admin.post("state", state="ended").status_code == 422


@pytest.mark.parametrize("path", ["result", "export"])
def test_the_result_is_not_seen_before_the_end(client, admin, path):
    Person(client).answer_all()
    for state in ("open", "paused"):
        admin.post("state", state=state)
        reply = admin.get(path)
        assert (reply.status_code, reply.json()["error"]) == (403, "locked")
    admin.post("state", state="closed")
    assert admin.get(path).status_code == 200


def test_unlocking_is_noted_for_ever(client, admin):
    Person(client).answer_all()
    unlocked = admin.post("unlock").json()["unlocked"]
    assert unlocked
    assert admin.get("result").status_code == 200
    assert admin.post("unlock").json()["unlocked"] == unlocked
    assert admin.events() == ["created", "frozen", "unlocked", "result seen"]


def test_opening_after_the_result_was_seen_is_noted(client, admin):
    Person(client).answer_all()
    admin.post("state", state="closed")
    admin.get("result")
    admin.get("result")
    assert admin.post("state", state="open").json()["unlocked"]
    assert admin.events() == ["created", "frozen", "closed", "result seen", "open", "unlocked"]


def test_a_first_look_at_the_result(client, admin, made):
    for slot in range(2):
        person = Person(client)
        for number, trial in enumerate(client.app.state.room.plan.trials(slot)):
            keys = list(trial.shown)  # the original first, then the models by place
            person.answer(number, [sorted(keys).index(key) + 1 for key in keys])
    admin.post("state", state="closed")
    assert admin.get("result").json() == {
        "models": list(made.config.models),
        "mean_ranks": [1.0, 2.0, 3.0],
        "first_share": [1.0, 0.0, 0.0],
        "rankings": 6,
    }


def test_the_result_of_nobody(admin):
    admin.post("state", state="closed")
    found = admin.get("result").json()
    assert found["rankings"] == 0
    assert found["mean_ranks"] == [None, None, None]


def test_the_export_is_an_archive(client, admin):
    Person(client).answer_all()
    admin.post("state", state="closed")
    reply = admin.get("export")
    assert reply.headers["content-type"] == "application/zip"
    assert "attachment" in reply.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        assert any(name.endswith("rankings.csv") for name in archive.namelist())


def test_the_secret_is_in_no_table(made, client, admin):
    admin.get("status")
    secret = owner(made)["Authorization"].removeprefix("Bearer ")
    with closing(sqlite3.connect(made.database)) as connection:
        assert secret not in "\n".join(connection.iterdump())
